"""Cutting audio into pieces: any blocking, right numbers, lost audio."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from satellite.gate.pieces import PieceCutter


def test_pieces_are_whole_and_numbered() -> None:
    cutter = PieceCutter(4)
    assert list(cutter.accept(100, bytes(range(12)))) == [(100, bytes(range(8)))]
    assert list(cutter.accept(106, bytes(range(12, 16)))) == [(104, bytes(range(8, 16)))]


def test_after_lost_audio_cutting_starts_anew_at_the_jump() -> None:
    cutter = PieceCutter(4)
    assert list(cutter.accept(0, bytes(6))) == []
    assert list(cutter.accept(50, b"\x01" * 10)) == [(50, b"\x01" * 8)]


def test_numbers_that_go_back_are_refused() -> None:
    cutter = PieceCutter(4)
    list(cutter.accept(0, bytes(20)))
    with pytest.raises(ValueError, match="sample 9 comes after sample 9"):
        list(cutter.accept(9, bytes(8)))


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="whole number of samples"):
        list(PieceCutter(4).accept(0, bytes(3)))


def test_reset_drops_the_rest_and_the_numbering() -> None:
    cutter = PieceCutter(4)
    list(cutter.accept(0, bytes(6)))
    cutter.reset()
    assert list(cutter.accept(2, b"\x02" * 8)) == [(2, b"\x02" * 8)]


@given(st.lists(st.integers(0, 700), max_size=12), st.sampled_from([160, 320, 480]))
def test_any_blocking_gives_the_same_pieces(cuts: list[int], piece_samples: int) -> None:
    audio = bytes(index % 251 for index in range(sum(cuts) * 2))
    at_once = list(PieceCutter(piece_samples).accept(7, audio))
    cutter = PieceCutter(piece_samples)
    in_blocks: list[tuple[int, bytes]] = []
    start = 0
    for cut in cuts:
        in_blocks += cutter.accept(7 + start, audio[start * 2 : (start + cut) * 2])
        start += cut
    assert in_blocks == at_once
