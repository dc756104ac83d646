"""ReferencePieces: what was played, beside what was captured meanwhile."""

import numpy as np

from satellite.audio.playback import Reference
from satellite.audio.reference import LARGEST_LEAD_PIECES, ReferencePieces


def played(first: int, pieces: int, rate_hz: int = 16_000) -> Reference:
    numbers = np.repeat(np.arange(first, first + pieces), rate_hz // 100)
    return Reference(numbers.astype("<i2").tobytes(), rate_hz)


def numbers(shares: list[list[bytes]]) -> list[list[int]]:
    return [[int(np.frombuffer(piece, dtype="<i2")[0]) for piece in share] for share in shares]


def test_a_late_batch_is_spread_as_it_came() -> None:
    reference = ReferencePieces()
    reference.add(played(0, 6))
    assert numbers(reference.share_out(6)) == [[0], [1], [2], [3], [4], [5]]


def test_a_burst_of_the_speaker_goes_before_what_was_captured_with_it() -> None:
    reference = ReferencePieces()
    reference.add(played(0, 6))
    assert numbers(reference.share_out(2)) == [[0, 1, 2], [3, 4, 5]]
    assert numbers(reference.share_out(2)) == [[], []]


def test_fewer_pieces_than_captured_come_as_early_as_they_are_known() -> None:
    reference = ReferencePieces()
    reference.add(played(0, 1))
    assert numbers(reference.share_out(3)) == [[0], [], []]


def test_without_capture_the_reference_waits_but_does_not_pile_up() -> None:
    reference = ReferencePieces()
    reference.add(played(0, 100))
    assert reference.share_out(0) == []
    assert numbers(reference.share_out(1))[0] == list(range(100 - LARGEST_LEAD_PIECES, 100))


def test_what_was_captured_and_lost_takes_its_reference_along() -> None:
    reference = ReferencePieces()
    reference.add(played(0, 5))
    reference.skip(3)
    assert numbers(reference.share_out(2)) == [[3], [4]]


def test_pieces_are_cut_across_blocks_and_begin_anew_at_another_rate() -> None:
    reference = ReferencePieces()
    block = played(1, 2).pcm
    reference.add(Reference(block[:100], 16_000))
    reference.add(Reference(block[100:500], 16_000))
    assert numbers(reference.share_out(1)) == [[1]]
    reference.add(played(7, 1, 24_000))
    assert reference.rate_hz == 24_000
    assert numbers(reference.share_out(1)) == [[7]]


def test_a_rate_the_canceller_does_not_take_becomes_16_khz() -> None:
    reference = ReferencePieces()
    for _ in range(100):
        reference.add(Reference(bytes(882), 44_100))
    assert reference.rate_hz == 16_000
    assert {len(piece) for share in reference.share_out(100) for piece in share} == {320}
