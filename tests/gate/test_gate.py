"""The gate on real speech: what fires, what does not, and where speech begins and ends."""

from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.gate_hearing import clicks, hear, in_noise, pause, reverberant, said
from satellite.core.errors import ConfigError
from satellite.core.events import (
    Event,
    SpeechEnded,
    SpeechStarted,
    SpeechSuspected,
    SuspicionDropped,
    WakeWordHeard,
)
from satellite.gate.gate import Gate
from satellite.settings import GateSettings

TOLERANCE = 3200
"""200 ms: webrtcvad hears an onset 20 ms late and an end 120 ms late; soft sounds lie below the floor."""

VOICES = pytest.mark.parametrize("voice", ["slt", "rms"])

OTHER_SENTENCES = (
    "What time is it?",
    "Tell me about yourself, please.",
    "Turn on the lamp in the kitchen.",
    "I heard that the harvest was good this year.",
    "They say it may rain in the evening.",
)


def after_wake(events: list[Event]) -> tuple[WakeWordHeard, list[Event]]:
    """The one wake word and everything after it."""
    (wake,) = (event for event in events if isinstance(event, WakeWordHeard))
    return wake, events[events.index(wake) + 1 :]


@VOICES
def test_the_wake_word_alone_is_no_speech_to_answer(voice: str) -> None:
    word = said("hey jarvis", voice)
    wake, rest = after_wake(hear(in_noise(pause(1000) + word + pause(3000))))
    assert wake.word == "hey_jarvis"
    assert wake.speech_from is not None
    assert abs(wake.speech_from - 16_000) < 2 * TOLERANCE
    assert [event for event in rest if isinstance(event, (SpeechStarted, SpeechEnded))] == []


@VOICES
def test_the_wake_word_in_a_reverberant_room_is_no_speech_either(voice: str) -> None:
    spoken = reverberant(pause(1000) + said("hey jarvis", voice) + pause(3000))
    _, rest = after_wake(hear(in_noise(spoken)))
    assert [event for event in rest if isinstance(event, (SpeechStarted, SpeechEnded))] == []


@VOICES
@pytest.mark.parametrize("pause_ms", [400, 1200])
def test_the_question_after_the_wake_word_begins_and_ends_where_it_is(voice: str, pause_ms: int) -> None:
    word, question = said("hey jarvis", voice), said("What time is it?", voice)
    audio = in_noise(pause(1000) + word + pause(pause_ms) + question + pause(1500))
    wake, rest = after_wake(hear(audio))
    (started,) = (event for event in rest if isinstance(event, SpeechStarted))
    (ended,) = (event for event in rest if isinstance(event, SpeechEnded))
    begin = 16_000 + len(word) // 2 + 16 * pause_ms
    assert started.from_sample > wake.at_sample
    assert abs(started.from_sample - begin) < TOLERANCE
    assert abs(ended.at_sample - (begin + len(question) // 2)) < TOLERANCE


@VOICES
@pytest.mark.parametrize("command", ["Stop.", "Cancel.", "Yes.", "Seven."])
def test_a_single_short_word_after_the_wake_word_is_speech(voice: str, command: str) -> None:
    audio = in_noise(pause(1000) + said("hey jarvis", voice) + pause(500) + said(command, voice) + pause(1500))
    _, rest = after_wake(hear(audio))
    assert [type(event) for event in rest] == [SpeechSuspected, SpeechStarted, SpeechEnded]


def test_after_the_wake_word_it_takes_as_much_voice_as_is_asked_for() -> None:
    audio = in_noise(pause(1000) + said("hey jarvis", "slt") + pause(500) + said("Stop.", "slt") + pause(1500))
    _, rest = after_wake(hear(audio, GateSettings(speech_after_wake_ms=600)))
    assert [type(event) for event in rest] == [SpeechSuspected, SuspicionDropped]


@VOICES
@pytest.mark.parametrize("sentence", OTHER_SENTENCES)
def test_other_sentences_are_speech_but_not_the_wake_word(voice: str, sentence: str) -> None:
    events = hear(in_noise(pause(1000) + said(sentence, voice) + pause(1500)))
    kinds = [type(event) for event in events]
    assert WakeWordHeard not in kinds
    assert kinds.count(SpeechStarted) == kinds.count(SpeechEnded) == 1


def test_silence_and_noise_are_nothing() -> None:
    assert hear(pause(10_000)) == []
    for seed in range(3):
        assert hear(in_noise(pause(10_000), -50.0, seed)) == []


def test_clicks_are_at_most_suspected() -> None:
    events = hear(in_noise(clicks(10), -60.0))
    assert [event for event in events if not isinstance(event, (SpeechSuspected, SuspicionDropped))] == []


def test_a_wake_in_the_middle_of_a_suspicion_ends_it_after_the_word() -> None:
    # With a long confirmation the word itself is still a suspicion when it is recognised.
    slow = GateSettings(confirm_ms=2000)
    events = hear(in_noise(pause(1000) + said("hey jarvis", "rms") + pause(2000)), slow)
    assert [type(event) for event in events] == [SpeechSuspected, WakeWordHeard, SuspicionDropped]
    assert isinstance(events[0], SpeechSuspected)
    assert isinstance(events[1], WakeWordHeard)
    assert events[1].speech_from == events[0].at_sample


def test_a_restart_from_outside_delivers_the_dropped_suspicion_with_the_next_audio() -> None:
    gate = Gate(GateSettings())
    audio = in_noise(pause(1000) + said("What time is it?", "slt") + pause(1500))
    at = 0
    while not any(isinstance(event, SpeechSuspected) for event in gate.accept(at, audio[at * 2 : at * 2 + 640])):
        at += 320
    at += 320
    gate.restart_endpointer(at + 1600)
    events = gate.accept(at, audio[at * 2 :])
    assert isinstance(events[0], SuspicionDropped)
    started = [event for event in events if isinstance(event, SpeechStarted)]
    assert [event.from_sample >= at + 1600 for event in started] == [True]


def test_reset_forgets_everything_and_owes_nothing() -> None:
    gate = Gate(GateSettings())
    audio = in_noise(pause(1000) + said("What time is it?", "slt"))
    assert any(isinstance(event, SpeechStarted) for event in gate.accept(0, audio))
    gate.restart_endpointer(0)
    gate.reset()
    assert gate.accept(len(audio) // 2, in_noise(pause(3000))) == []


def test_lost_audio_ends_speech_and_keeps_the_numbers() -> None:
    gate = Gate(GateSettings())
    audio = in_noise(pause(1000) + said("What time is it?", "slt"))
    before = gate.accept(0, audio)
    later = 10_000_000
    after = gate.accept(later, in_noise(pause(500) + said("What time is it?", "slt") + pause(1500)))
    assert [type(event) for event in before] == [SpeechSuspected, SpeechStarted]
    assert [type(event) for event in after] == [SpeechEnded, SpeechSuspected, SpeechStarted, SpeechEnded]
    assert isinstance(after[0], SpeechEnded)
    assert isinstance(after[2], SpeechStarted)
    assert after[0].at_sample < len(audio) // 2
    assert abs(after[2].from_sample - later - 8000) < TOLERANCE


def test_in_the_first_reply_of_all_voice_may_be_the_satellites_own() -> None:
    gate = Gate(GateSettings())
    question = in_noise(pause(200) + said("What time is it?", "slt") + pause(800))
    samples = len(question) // 2
    assert gate.accept(0, question[:44_800], reply_playing=True) == []  # 1.4 s of learning
    assert gate.accept(samples, in_noise(pause(1000))) == []
    known = gate.accept(2 * samples, question, reply_playing=True)
    assert [type(event) for event in known] == [SpeechSuspected, SpeechStarted, SpeechEnded]
    gate.reset()
    assert gate.accept(4 * samples, question[:44_800], reply_playing=True) == []


def test_the_wake_word_is_heard_in_the_first_reply_too() -> None:
    gate = Gate(GateSettings())
    events = gate.accept(0, in_noise(pause(200) + said("hey jarvis", "slt") + pause(200)), reply_playing=True)
    assert [type(event) for event in events] == [WakeWordHeard]


def test_the_tail_of_the_first_reply_is_not_speech_but_what_follows_is() -> None:
    gate = Gate(GateSettings())
    assert gate.accept(0, in_noise(pause(600)), reply_playing=True) == []
    tail = in_noise(said("What time is it?", "slt"))[: 2 * 16 * 300]
    assert gate.accept(9600, tail) == []
    events = gate.accept(9600 + 4800, in_noise(pause(100) + said("What time is it?", "slt") + pause(1000)))
    assert [type(event) for event in events] == [SpeechSuspected, SpeechStarted, SpeechEnded]


def test_a_gate_for_a_word_without_a_model_is_a_bad_configuration() -> None:
    with pytest.raises(ConfigError, match=r"gate\.wake_word"):
        Gate(GateSettings.model_construct(**{**GateSettings().model_dump(), "wake_word": "computer"}))


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(["slt", "rms"]),
    st.lists(st.one_of(st.integers(50, 400), st.integers(1000, 40_000)), min_size=1, max_size=20),
    st.sampled_from([0, 1, 4000, 100_000]),
    st.integers(0, 48_000),
)
def test_the_same_audio_gives_the_same_events_however_it_is_cut(
    voice: str, sizes: list[int], lost: int, lost_at: int
) -> None:
    audio = in_noise(
        pause(300) + said("hey jarvis", voice) + pause(500) + said("What time is it?", voice) + pause(900) + clicks(1)
    )
    whole = Gate(GateSettings())
    expected = whole.accept(5, audio[: lost_at * 2]) + whole.accept(5 + lost_at + lost, audio[lost_at * 2 :])
    assert {SpeechSuspected, SpeechStarted} <= {type(event) for event in expected}
    gate = Gate(GateSettings())
    events: list[Event] = []
    done = 0
    for size in cycle(sizes):
        end = min(done + size, lost_at if done < lost_at else len(audio) // 2)
        events += gate.accept(5 + done + (lost if done >= lost_at else 0), audio[done * 2 : end * 2])
        done = end
        if done == len(audio) // 2:
            break
    assert events == expected
