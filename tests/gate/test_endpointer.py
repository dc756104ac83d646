"""Start window and hangover, in pieces of 20 ms: suspect 60, confirm 200 within 300, hangover 700 ms."""

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from satellite.core.events import Event, SpeechEnded, SpeechStarted, SpeechSuspected, SuspicionDropped
from satellite.core.pcm import samples_of_ms
from satellite.gate.endpointer import Endpointer, Piece

PIECE = 320


def endpointer(suspect_ms: int = 60, confirm_ms: int = 200, hangover_ms: int = 700) -> Endpointer:
    return Endpointer(suspect_ms=suspect_ms, confirm_ms=confirm_ms, hangover_ms=hangover_ms)


def pieces(pattern: str, first_sample: int = 0) -> list[Piece]:
    """One piece per character: # voiced, . not; a digit n is n * 100 ms of silence."""
    drawn = "".join("." * (5 * int(char)) if char.isdigit() else char for char in pattern)
    return [
        Piece(first_sample + index * PIECE, first_sample + (index + 1) * PIECE, char == "#")
        for index, char in enumerate(drawn)
    ]


def hear(ears: Endpointer, heard: Iterable[Piece]) -> list[Event]:
    return [event for piece in heard for event in ears.accept(piece)]


def test_speech_is_suspected_then_confirmed_then_ended() -> None:
    events = hear(endpointer(), pieces(".." + "#" * 20 + "9"))
    start = 2 * PIECE
    assert events == [SpeechSuspected(start), SpeechStarted(start), SpeechEnded(22 * PIECE - 1)]


def test_each_step_is_decided_at_its_piece() -> None:
    ears = endpointer()
    decided = {index: ears.accept(piece) for index, piece in enumerate(pieces("#" * 12 + "9"))}
    assert {index: [type(event) for event in events] for index, events in decided.items() if events} == {
        2: [SpeechSuspected],
        9: [SpeechStarted],
        11 + 35: [SpeechEnded],
    }


def test_two_voiced_pieces_are_not_even_suspected() -> None:
    assert hear(endpointer(), pieces("##9##9##9")) == []


def test_a_short_sound_is_suspected_and_dropped() -> None:
    assert hear(endpointer(), pieces("#" * 9 + "9")) == [SpeechSuspected(0), SuspicionDropped(22 * PIECE)]


def test_gaps_between_sounds_do_not_hinder_confirmation() -> None:
    assert hear(endpointer(), pieces("###..####.###")) == [SpeechSuspected(0), SpeechStarted(0)]


def test_voice_too_thin_for_the_window_is_not_confirmed_and_not_suspected_for_ever() -> None:
    events = hear(endpointer(), pieces("###..." * 40))
    assert {type(event) for event in events} == {SpeechSuspected, SuspicionDropped}
    lasted = [b.at_sample - a.at_sample for a, b in dropped_suspicions(events)]
    assert lasted
    assert max(lasted) <= samples_of_ms(600)


def dropped_suspicions(events: list[Event]) -> list[tuple[SpeechSuspected, SuspicionDropped]]:
    return [(a, b) for a, b in pairwise(events) if isinstance(a, SpeechSuspected) and isinstance(b, SuspicionDropped)]


def test_a_pause_shorter_than_the_hangover_does_not_end_speech() -> None:
    events = hear(endpointer(), pieces("#" * 12 + "6" + "#" * 5 + "9"))
    assert [type(event) for event in events] == [SpeechSuspected, SpeechStarted, SpeechEnded]
    assert events[-1] == SpeechEnded((12 + 30 + 5) * PIECE - 1)


def test_single_voiced_pieces_in_noise_do_not_prolong_speech() -> None:
    assert hear(endpointer(), pieces("#" * 12 + "3#3#3#"))[-1] == SpeechEnded(12 * PIECE - 1)


def test_lost_audio_counts_as_silence() -> None:
    ears = endpointer()
    hear(ears, pieces("#" * 12))
    after = hear(ears, pieces("#" * 12, first_sample=12 * PIECE + samples_of_ms(700)))
    assert after[0] == SpeechEnded(12 * PIECE - 1)
    assert [type(event) for event in after[1:]] == [SpeechSuspected, SpeechStarted]


def test_lost_audio_shorter_than_the_hangover_does_not_end_speech() -> None:
    ears = endpointer()
    hear(ears, pieces("#" * 12))
    assert hear(ears, pieces("#" * 12, first_sample=12 * PIECE + samples_of_ms(600))) == []


def test_restart_in_speech_splits_it_silently_and_confirms_anew_from_there() -> None:
    ears = endpointer()
    hear(ears, pieces("#" * 20))
    restart = 20 * PIECE
    assert ears.restart(restart) == []
    assert ears.voice_from is None
    assert hear(ears, pieces("#" * 9, first_sample=restart)) == [SpeechSuspected(restart)]
    assert hear(ears, pieces("#", first_sample=restart + 9 * PIECE)) == [SpeechStarted(restart)]


def test_restart_drops_an_open_suspicion_at_once() -> None:
    ears = endpointer()
    assert hear(ears, pieces("####")) == [SpeechSuspected(0)]
    assert ears.restart(4 * PIECE) == [SuspicionDropped(4 * PIECE)]
    assert hear(ears, pieces("9", first_sample=4 * PIECE)) == []


def test_restart_in_the_future_keeps_deaf_until_then() -> None:
    ears = endpointer()
    ears.restart(30 * PIECE)
    assert hear(ears, pieces("#" * 50)) == [SpeechSuspected(30 * PIECE), SpeechStarted(30 * PIECE)]


def test_a_piece_that_lies_across_the_restart_does_not_count() -> None:
    ears = endpointer()
    ears.restart(5 * PIECE + 1)
    assert hear(ears, pieces("#" * 20))[0] == SpeechSuspected(6 * PIECE)


def test_restart_with_more_voice_needed_counts_for_the_next_speech_only() -> None:
    ears = endpointer()
    ears.restart(0, need_ms=400)
    assert hear(ears, pieces("#" * 19)) == [SpeechSuspected(0)]
    assert hear(ears, pieces("#9", first_sample=19 * PIECE)) == [SpeechStarted(0), SpeechEnded(20 * PIECE - 1)]
    later = 200 * PIECE
    assert hear(ears, pieces("#" * 10, first_sample=later)) == [SpeechSuspected(later), SpeechStarted(later)]


def test_voice_from_is_the_run_that_is_going_on() -> None:
    ears = endpointer()
    assert ears.voice_from is None
    hear(ears, pieces("..###"))
    assert ears.voice_from == 2 * PIECE
    hear(ears, pieces("#" * 10 + "9", first_sample=5 * PIECE))
    assert ears.voice_from is None


def test_reset_forgets_silently() -> None:
    ears = endpointer()
    hear(ears, pieces("#" * 20))
    ears.reset()
    assert hear(ears, pieces("9", first_sample=20 * PIECE)) == []


def test_zero_durations_mean_the_first_piece() -> None:
    ears = endpointer(suspect_ms=0, confirm_ms=0, hangover_ms=0)
    assert hear(ears, pieces(".#.")) == [SpeechSuspected(PIECE), SpeechStarted(PIECE), SpeechEnded(2 * PIECE - 1)]


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, int]]:
    """Runs of voice and silence, lost audio, restarts (back and forth) and resets, with lengths."""
    kinds = st.sampled_from(["voice", "voice", "silence", "silence", "flicker", "lost", "restart", "reset"])
    return draw(st.lists(st.tuples(kinds, st.integers(1, 60)), max_size=40))


def sample_of(event: Event) -> int:
    assert isinstance(event, (SpeechSuspected, SpeechStarted, SuspicionDropped, SpeechEnded))
    return event.from_sample if isinstance(event, SpeechStarted) else event.at_sample


@given(histories(), st.sampled_from([(60, 200, 700), (200, 60, 100), (0, 0, 0), (20, 400, 2000)]))
def test_the_order_of_events_holds_whatever_happens(history: list[tuple[str, int]], ms: tuple[int, int, int]) -> None:
    ears = endpointer(*ms)
    now = 0
    expected: tuple[type[Event], ...] = (SpeechSuspected,)
    last_sample = 0
    suspected_at = 0
    for kind, length in history:
        events: list[Event] = []
        if kind == "lost":
            now += length * 1000
        elif kind == "restart":
            events = ears.restart(max(0, now + (length - 30) * PIECE), need_ms=300 if length % 2 else None)
        elif kind == "reset":
            ears.reset()
        else:
            drawn = {"voice": "#" * length, "silence": "." * length, "flicker": "#.." * length}[kind]
            events = hear(ears, pieces(drawn, first_sample=now))
            now += len(drawn) * PIECE
        for event in events:
            assert isinstance(event, expected)
            sample = sample_of(event)
            assert sample >= last_sample
            last_sample = sample
            if isinstance(event, SpeechSuspected):
                expected, suspected_at = (SpeechStarted, SuspicionDropped), sample
            elif isinstance(event, SpeechStarted):
                assert sample == suspected_at
                expected = (SpeechEnded,)
            else:
                expected = (SpeechSuspected,)
        if kind in ("restart", "reset"):
            expected = (SpeechSuspected,)


@given(st.text("#.", min_size=30, max_size=400))
def test_no_suspicion_outlasts_twice_its_window(pattern: str) -> None:
    ears = endpointer()
    open_since: int | None = None
    for piece in pieces(pattern):
        for event in ears.accept(piece):
            open_since = event.at_sample if isinstance(event, SpeechSuspected) else None
        assert open_since is None or piece.end_sample - open_since < samples_of_ms(600)
