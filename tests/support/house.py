"""The whole daemon in a simulated room with a real Live server over a real socket, on simulated time."""

import asyncio
import functools
import random
import wave
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from satellite.app.clock import SimulatedTimeLoop
from satellite.app.configuration import load
from satellite.app.daemon import Daemon
from satellite.audio.capture import CaptureBuffer
from satellite.audio.device import DeviceReports
from satellite.audio.playback import PlaybackBuffer
from satellite.core import commands as do
from satellite.core import events as ev
from satellite.live_server.faults import Faults
from satellite.live_server.limits import Limits
from satellite.live_server.server import LiveServer
from satellite.live_server.services import Hears
from satellite.settings import ServerSettings
from satellite.simroom.people import sentence
from satellite.simroom.recording import Recorder
from satellite.simroom.room import Room
from satellite.speech.voice import Voice

C = TypeVar("C", bound=do.Command)
Signal = npt.NDArray[np.int16]

PATIENCE_S = 120.0
"""Simulated seconds that a test waits for something before it fails."""


def live(main: Coroutine[Any, Any, Any]) -> Any:
    """Run on simulated time."""
    with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        return runner.run(main)


@functools.lru_cache
def spoken(text: str, voice: str = "slt") -> bytes:
    """Someone says `text`: 16 kHz s16le mono at the level of speech in the room."""
    return sentence(text, voice)


def loud(signal: Signal, from_sample: int, to_sample: int) -> int:
    """The highest amplitude in a piece."""
    return int(np.abs(signal[from_sample:to_sample].astype(np.int32)).max(initial=0))


class Understands:
    """A recogniser that hears these sentences, one per utterance, then nothing."""

    def __init__(self, *sentences: str) -> None:
        self._sentences = list(sentences)

    async def recognise(self, pcm16k: bytes) -> str:
        return self._sentences.pop(0) if self._sentences else ""


class Held:
    """A real recogniser, or voice, in another process: the clock stands still while it works."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def recognise(self, pcm16k: bytes) -> str:
        with _clock().hold():
            text: str = await self._inner.recognise(pcm16k)
            return text

    async def speak(self, text: str) -> bytes:
        with _clock().hold():
            pcm: bytes = await self._inner.speak(text)
            return pcm


def _clock() -> SimulatedTimeLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimulatedTimeLoop)
    return loop


class House:
    """Verbs for the people in the room and for faults; a log of what happened."""

    def __init__(
        self,
        recording: Path,
        *,
        hears: Hears,
        sets: Sequence[str] = (),
        faults: Faults | None = None,
        ser_db: float = 9.0,
        limits: Limits | None = None,
        file: Path | None = None,
    ) -> None:
        """`file`: a configuration beside `sets`, for what cannot be set on a command line."""
        self._file = file
        self._sets = ["mqtt.enabled=false", *sets]
        self.utterances: list[bytes] = []
        self.close_codes: list[int] = []
        self.faults = faults or Faults()
        voice = Held(Voice("rms"))
        self.server = LiveServer(
            ServerSettings(port=0),
            recogniser=hears,
            voice=voice,
            faults=self.faults,
            limits=limits,
            on_utterance=self.utterances.append,
            on_closed=self.close_codes.append,
        )
        self._recorder = Recorder(recording)
        self._recording = recording
        self._ser_db = ser_db
        self._changed = asyncio.Event()
        self.log: list[tuple[int, ev.Event, tuple[do.Command, ...]]] = []
        self.states: list[str] = []
        self.room: Room
        self.daemon: Daemon

    async def __aenter__(self) -> Self:
        port = await self.server.start()
        self._sets.insert(0, f"live.base_url=http://127.0.0.1:{port}")
        await self._start()
        return self

    async def _start(self) -> None:
        settings = load(self._file, self._sets, {"SATELLITE_LIVE__API_KEY": "embedded"})
        self.states.clear()
        self.daemon = Daemon(settings, self._make_room, voice=Held(Voice("slt")), jitter=random.Random(1).random)
        self.daemon.observe(self._note)
        await self.daemon.start()
        await self.until_state("idle")
        await self.rest(0.5)

    async def __aexit__(self, *_: object) -> None:
        await self.daemon.stop()
        await self.server.close()
        self._recorder.close()

    async def restart(self) -> None:
        """The daemon ends and begins anew; server and room stay."""
        await self.daemon.stop()
        await self._start()

    # ------------------------------------------------------------ verbs

    async def say(self, text: str, voice: str = "slt") -> int:
        """Someone says it, to the end; returns the room's sample at which they began."""
        began = self.room.sample
        await self.room.speak(spoken(text, voice))
        return began

    async def rest(self, duration_s: float) -> None:
        """Nothing happens."""
        await asyncio.sleep(duration_s)

    async def until(self, seen: Callable[[], bool], what: str = "") -> None:
        """Wait until `seen()`; looked at after every event."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not seen():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"never: {what or seen}; states {self.states}") from None

    async def until_state(self, state: str) -> None:
        """Wait until `state` is what is shown."""
        await self.until(lambda: bool(self.states) and self.states[-1] == state, f"state {state}")

    async def until_heard(self, command: type[do.Command], count: int = 1) -> None:
        """Wait until `command` has been given `count` times in all."""
        await self.until(lambda: len(self.commands(command)) >= count, f"{count} x {command.__name__}")

    async def wake(self) -> None:
        """Someone says the wake word, and the satellite listens."""
        await self.say("hey jarvis")
        await self.until_state("listening")

    async def ask(self, question: str) -> None:
        """Wake, pause, ask, and wait until the reply is about to sound."""
        await self.wake()
        await self.rest(0.5)
        await self.say(question)
        await self.until_state("speaking")

    async def shown_states(self) -> AsyncIterator[do.ShownState]:
        """Every state from the first on, as it is shown."""
        shown = 0
        while True:
            while shown < len(self.states):
                shown += 1
                yield do.ShownState(self.states[shown - 1])
            self._changed.clear()
            await self._changed.wait()

    # ------------------------------------------------------------ what happened

    def commands(self, kind: type[C]) -> list[C]:
        """All commands of a kind so far."""
        return [command for _, _, commands in self.log for command in commands if isinstance(command, kind)]

    def uplink(self, from_entry: int = 0, to_entry: int | None = None) -> list[do.Command]:
        """All that went up between two entries of the log."""
        up = (do.SendActivityStart, do.SendFrames, do.SendActivityEnd, do.SendAudioStreamEnd, do.SendToolResponse)
        entries = self.log[from_entry:to_entry]
        return [command for _, _, commands in entries for command in commands if isinstance(command, up)]

    def at_ms(self, kind: type[do.Command] | type[ev.Event]) -> list[int]:
        """When commands, or events, of a kind happened."""
        return [
            now_ms for now_ms, event, commands in self.log for thing in (event, *commands) if isinstance(thing, kind)
        ]

    def finals(self, speaker: do.Speaker) -> list[str]:
        """The final transcripts of one side."""
        return [c.text for c in self.commands(do.PublishTranscript) if c.speaker is speaker and c.final]

    def recording(self) -> tuple[Signal, Signal]:
        """What the microphone heard and what the speaker played: 16 kHz, one clock. After the house is closed."""
        with wave.open(str(self._recording)) as file:
            stereo = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2)
        return stereo[:, 0], stereo[:, 1]

    def _make_room(self, capture: CaptureBuffer, playback: PlaybackBuffer, reports: DeviceReports) -> Room:
        self.room = Room(capture, playback, reports, ser_db=self._ser_db, recorder=self._recorder)
        return self.room

    def _note(self, event: ev.Event, commands: Sequence[do.Command], now_ms: int) -> None:
        self.log.append((now_ms, event, tuple(commands)))
        self.states += [command.state.value for command in commands if isinstance(command, do.PublishState)]
        self._changed.set()
