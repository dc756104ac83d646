"""Where a user's turn begins and ends: detection on counted samples, and the client's own word."""

import numpy as np
import pytest

from live_server.sounds import Samples, at_level, noise, pcm_of, speech
from satellite.core.pcm import CAPTURE_RATE_HZ, SAMPLE_BYTES, samples_in, silence
from satellite.live_server.activity import (
    LONGEST_BYTES,
    ActivityBegan,
    ActivityEnded,
    AutomaticActivity,
    Change,
    DetectionRules,
    ManualActivity,
    offset_of,
)


def room(*pieces: Samples | float) -> bytes:
    """Sounds, and pauses in seconds between them, over a background of -50 dBFS."""
    joined = np.concatenate([np.zeros(int(p * CAPTURE_RATE_HZ)) if isinstance(p, float) else p for p in pieces])
    return pcm_of(joined + noise(len(joined) / CAPTURE_RATE_HZ, -50)[: len(joined)])


def question() -> Samples:
    """One short question without its silent edges."""
    said = at_level(speech("what time is it"), -25)
    loud = np.flatnonzero(np.abs(said) > 0.02)
    return said[loud[0] : loud[-1]]


def feed(activity: AutomaticActivity, pcm: bytes, piece_bytes: int) -> list[Change]:
    """All changes when the audio comes in pieces."""
    return [
        change
        for begin in range(0, len(pcm), piece_bytes)
        for change in activity.accept(pcm[begin : begin + piece_bytes])
    ]


def kinds(changes: list[Change]) -> list[type[Change]]:
    return [type(change) for change in changes]


ONE_TURN = [ActivityBegan, ActivityEnded]


def test_a_burst_gives_the_same_turns_as_live_audio() -> None:
    pcm = room(0.5, question(), 1.2, question(), 1.2)
    burst = AutomaticActivity(DetectionRules()).accept(pcm)
    assert kinds(burst) == ONE_TURN * 2
    assert feed(AutomaticActivity(DetectionRules()), pcm, 640) == burst
    assert feed(AutomaticActivity(DetectionRules()), pcm, 1001) == burst


def test_an_activity_holds_what_was_said_with_a_little_before_it() -> None:
    said = question()
    _, ended = AutomaticActivity(DetectionRules(silence_duration_ms=500)).accept(room(1.0, said, 1.0))
    assert isinstance(ended, ActivityEnded)
    extra_ms = (samples_in(ended.pcm) - len(said)) / 16
    assert 500 + 200 <= extra_ms <= 500 + 500


def test_background_noise_alone_begins_nothing() -> None:
    assert AutomaticActivity(DetectionRules(prefix_padding_ms=0)).accept(room(30.0)) == []


def test_a_pause_shorter_than_silence_duration_does_not_end_the_turn() -> None:
    pcm = room(0.5, question(), 0.6, question(), 1.5)
    assert kinds(AutomaticActivity(DetectionRules(silence_duration_ms=1000)).accept(pcm)) == ONE_TURN
    assert kinds(AutomaticActivity(DetectionRules(silence_duration_ms=300)).accept(pcm))[:2] == ONE_TURN
    assert len(AutomaticActivity(DetectionRules(silence_duration_ms=300)).accept(pcm)) >= 4


def test_the_end_waits_for_silence_as_audio() -> None:
    activity = AutomaticActivity(DetectionRules(silence_duration_ms=500))
    assert kinds(activity.accept(room(0.5, question()))) == [ActivityBegan]
    assert activity.accept(b"") == []
    assert activity.accept(silence(16 * 380)) == []
    assert kinds(activity.accept(silence(16 * 200))) == [ActivityEnded]


def test_prefix_padding_is_the_speech_needed_before_a_beginning() -> None:
    knock = at_level(np.random.default_rng(1).standard_normal(16 * 60), -20)
    pcm = room(0.5, knock, 1.0)
    assert kinds(AutomaticActivity(DetectionRules(prefix_padding_ms=20)).accept(pcm)) == ONE_TURN
    assert AutomaticActivity(DetectionRules(prefix_padding_ms=200)).accept(pcm) == []


def test_low_start_sensitivity_ignores_a_distant_voice() -> None:
    murmur = at_level(speech("what time is it"), -43)
    pcm = room(1.0, murmur, 1.0)
    rules = DetectionRules(start_sensitivity="low", prefix_padding_ms=100)
    assert AutomaticActivity(rules).accept(pcm) == []
    assert kinds(AutomaticActivity(DetectionRules(prefix_padding_ms=100)).accept(pcm))[:1] == [ActivityBegan]


def test_the_end_of_the_stream_ends_the_turn_and_later_audio_begins_another() -> None:
    activity = AutomaticActivity(DetectionRules())
    pcm = room(0.3, question())
    pcm = pcm[: len(pcm) // 640 * 640 - 2]  # no whole number of frames
    first = activity.accept(pcm) + activity.flush()
    assert kinds(first) == ONE_TURN
    assert activity.flush() == []
    ended = first[1]
    assert isinstance(ended, ActivityEnded)
    assert ended.pcm.endswith(pcm[-639:])
    assert kinds(activity.accept(room(0.3, question())) + activity.flush()) == ONE_TURN


def test_a_voice_that_never_pauses_is_cut_after_a_minute() -> None:
    piece = np.tile(question(), 90)
    changes = AutomaticActivity(DetectionRules(silence_duration_ms=2000)).accept(room(piece[: 70 * CAPTURE_RATE_HZ]))
    assert kinds(changes)[:2] == ONE_TURN
    assert isinstance(changes[1], ActivityEnded)
    assert len(changes[1].pcm) == pytest.approx(LONGEST_BYTES, abs=640)


def test_manual_activity_keeps_what_comes_between_start_and_end_only() -> None:
    activity = ManualActivity()
    activity.accept(b"\1\0" * 4)
    assert activity.end() is None
    assert activity.start()
    activity.accept(b"\2\0" * 3)
    assert not activity.start()
    activity.accept(b"\3\0")
    assert activity.end() == b"\2\0\2\0\2\0\3\0"
    assert activity.end() is None


def test_an_empty_manual_activity_is_not_the_same_as_none() -> None:
    activity = ManualActivity()
    activity.start()
    assert activity.end() == b""


def test_a_manual_activity_keeps_its_first_minute() -> None:
    activity = ManualActivity()
    activity.start()
    for _ in range(8):
        activity.accept(bytes(LONGEST_BYTES // 7))
    assert len(activity.end() or b"") == LONGEST_BYTES


def test_an_activity_says_where_in_the_stream_it_was() -> None:
    said = question()
    rules = DetectionRules(silence_duration_ms=500)
    quiet, began, ended = 1.0, None, None
    for change in feed(AutomaticActivity(rules), room(quiet, said, 1.0), 1001):
        match change:
            case ActivityBegan(at_samples):
                began = at_samples
            case ActivityEnded(_, at_samples):
                ended = at_samples
    assert began is not None
    assert ended is not None
    assert began / CAPTURE_RATE_HZ == pytest.approx(quiet, abs=0.1)
    assert ended / CAPTURE_RATE_HZ == pytest.approx(quiet + len(said) / CAPTURE_RATE_HZ, abs=0.2)
    assert (offset_of(7040), offset_of(16_000)) == ("0.440s", "1.000s")


def test_what_has_been_said_so_far_is_there_while_it_is_said() -> None:
    activity = AutomaticActivity(DetectionRules(silence_duration_ms=500))
    assert activity.so_far == b""
    sound = room(1.0, question())
    activity.accept(sound)
    heard = bytes(activity.so_far)
    begin = activity.so_far_at_samples * SAMPLE_BYTES
    assert heard
    assert sound[begin : begin + len(heard)] == heard
    manual = ManualActivity()
    manual.start()
    manual.accept(b"12")
    assert manual.so_far == b"12"
