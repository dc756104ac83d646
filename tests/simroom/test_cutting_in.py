"""The whole way of the sound, simulated: speaker, room, echo canceller, gate.

A reply plays without a pause at a signal-to-echo ratio of +9 dB: the gate must not take it for speech, and must
hear who speaks over it.
"""

from functools import cache
from typing import TypeVar

import pytest

from satellite.core.events import Event, SpeechStarted, SpeechSuspected, SuspicionDropped, WakeWordHeard
from satellite.core.pcm import REPLY_RATE_HZ
from satellite.gate.gate import Gate
from satellite.settings import GateSettings
from satellite.simroom.acoustics import at_speech_level, to_pcm, to_signal, without_margins
from satellite.simroom.people import sentence
from satellite.simroom.room import LOUDSPEAKER_DBFS
from satellite.speech.voice import synthesise
from simroom.room_bench import Bench, run_simulated

SECONDS = 26

Heard = TypeVar("Heard", bound=Event)

LONG_ANSWER = (
    "I am a voice satellite, a small device in your room. I listen for my name, and then I hold a conversation. "
    "I can tell you the time and the date, I can do sums, and I can set a timer for you. Nothing leaves this room "
    "before you call me. You can interrupt me at any time, just start to speak and I will stop. My microphone hears "
    "you even while I am talking, because I subtract my own voice from what it hears."
)

VOICES = pytest.mark.parametrize(("reply_voice", "person_voice"), [("rms", "slt"), ("slt", "rms")])


@cache
def reply(voice: str) -> bytes:
    """SECONDS of talk at the level that the room's echo is named for: 24 kHz."""
    spoken = without_margins(to_signal(synthesise(LONG_ANSWER, voice, REPLY_RATE_HZ)))
    once = to_pcm(at_speech_level(spoken, LOUDSPEAKER_DBFS))
    size_bytes = SECONDS * REPLY_RATE_HZ * 2
    return (once * (size_bytes // len(once) + 1))[:size_bytes]


class Listener:
    """The gate at the end of the capture path; ducks and flushes as the conversation would."""

    def __init__(self, *, ducks: bool, guarded: bool = True) -> None:
        self.events: list[Event] = []
        self._gate = Gate(GateSettings())
        self._ducks = ducks
        self.guarded = guarded

    def hear(self, bench: Bench, first_sample: int, pcm: bytes) -> None:
        for event in self._gate.accept(first_sample, pcm, reply_playing=self.guarded and not bench.playback.idle):
            self.events.append(event)
            if self._ducks and isinstance(event, SpeechSuspected):
                bench.playback.duck()
            elif self._ducks and isinstance(event, SuspicionDropped):
                bench.playback.restore()
            elif self._ducks and isinstance(event, SpeechStarted):
                bench.playback.flush()

    def all(self, kind: type[Heard]) -> list[Heard]:
        return [event for event in self.events if isinstance(event, kind)]


def during_reply(
    reply_voice: str,
    *,
    said: bytes = b"",
    after_ms: int = SECONDS * 1000,
    echo_cancellation: bool = True,
    noise_dbfs: float = -60.0,
) -> tuple[Listener, int]:
    """What is heard from the first sample of a reply on, and the sample where `said` begins.

    Nothing ducks while the reply is alone: that would hide what it does to itself.
    """

    async def scene() -> tuple[Listener, int]:
        listener = Listener(ducks=bool(said))
        bench = Bench(noise_dbfs=noise_dbfs, echo_cancellation=echo_cancellation, listener=listener.hear)
        bench.playback.push(1, reply(reply_voice))
        bench.playback.end(1)
        with bench.running():
            await bench.let_pass(after_ms)
            begin = bench.room.sample
            if said:
                await bench.room.speak(said)
                await bench.let_pass(1500)
        assert bench.frames_heard == bench.room.sample // 320
        return listener, begin

    return run_simulated(scene())


@VOICES
@pytest.mark.parametrize("noise_dbfs", [-60.0, -50.0])
def test_a_reply_does_not_interrupt_itself(reply_voice: str, person_voice: str, noise_dbfs: float) -> None:
    assert person_voice != reply_voice
    listener, _ = during_reply(reply_voice, noise_dbfs=noise_dbfs)
    assert listener.all(SpeechStarted) == []
    assert listener.all(WakeWordHeard) == []
    assert listener.all(SpeechSuspected) == []  # it is not even ducked


def test_without_echo_cancellation_it_would() -> None:
    listener, _ = during_reply("rms", echo_cancellation=False, after_ms=5000)
    assert listener.all(SpeechStarted)


@VOICES
@pytest.mark.parametrize("text", ["What is the date today?", "Stop, please.", "No, I meant tomorrow."])
@pytest.mark.parametrize("after_ms", [2500, 7000])
def test_who_speaks_over_a_reply_is_heard(reply_voice: str, person_voice: str, text: str, after_ms: int) -> None:
    said = sentence(text, person_voice)
    listener, begin = during_reply(reply_voice, said=said, after_ms=after_ms)
    (started,) = listener.all(SpeechStarted)
    assert begin - 1600 <= started.from_sample <= begin + len(said) // 2
    assert listener.all(SpeechSuspected)[0].at_sample <= begin + 8000


@VOICES
@pytest.mark.parametrize("text", ["Stop.", "No."])
def test_a_single_word_is_enough_once_the_room_is_known(reply_voice: str, person_voice: str, text: str) -> None:
    listener, begin = during_reply(reply_voice, said=sentence(text, person_voice), after_ms=7000)
    (started,) = listener.all(SpeechStarted)
    assert begin - 1600 <= started.from_sample <= begin + 8000
