"""A room with the real buffers around it, driven in simulated time."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from satellite.app.clock import SimulatedTimeLoop
from satellite.audio.capture import CaptureBuffer
from satellite.audio.capture_path import CapturePath
from satellite.audio.device import AudioDevice
from satellite.audio.playback import PlaybackBuffer
from satellite.settings import AudioSettings
from satellite.simroom.recording import Recorder
from satellite.simroom.room import Room

Result = TypeVar("Result")


def run_simulated(main: Coroutine[Any, Any, Result]) -> Result:
    """Run `main` to its end in simulated time."""
    with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        return runner.run(main)


class Reports:
    """Writes down what the room reports."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def microphone_found(self) -> None:
        self.log.append("microphone found")

    def microphone_lost(self, reason: str) -> None:
        self.log.append(f"microphone lost: {reason}")

    def speaker_found(self) -> None:
        self.log.append("speaker found")

    def speaker_lost(self, reason: str) -> None:
        self.log.append(f"speaker lost: {reason}")

    def retry_returned(self) -> None:
        self.log.append("retry returned")


class Bench:
    """The room, what the microphone heard (`raw`, or after the capture path), what was reported."""

    def __init__(
        self,
        *,
        ser_db: float = 9.0,
        noise_dbfs: float = -60.0,
        echo_cancellation: bool | None = None,
        recorder: Recorder | None = None,
        listener: Callable[["Bench", int, bytes], None] | None = None,
    ) -> None:
        """`echo_cancellation` None: without a capture path, the blocks as the microphone put them.

        `listener(bench, first_sample, pcm)` hears the frames that come out of the capture path.
        """
        loop = asyncio.get_running_loop()
        self.reports = Reports()
        self.turns: list[str] = []
        self.heard = bytearray()
        self.frames_heard = 0
        self._listener = listener
        self.capture = CaptureBuffer(partial(self._wake, loop))
        self.playback = PlaybackBuffer(
            lambda turn: self.turns.append(f"started {turn}"),
            lambda turn: self.turns.append(f"drained {turn}"),
            duck_db=-18.0,
            volume_percent=100,
        )
        self._path: CapturePath | None = None
        if echo_cancellation is not None:
            settings = AudioSettings(echo_cancellation=echo_cancellation)
            self._path = CapturePath(settings, self.capture, self.playback, self._on_frames)
        self.room = Room(
            self.capture, self.playback, self.reports, ser_db=ser_db, noise_dbfs=noise_dbfs, recorder=recorder
        )
        self.device: AudioDevice = self.room  # the room is one: mypy checks it here

    @contextmanager
    def running(self) -> Iterator[None]:
        """The room's time passes inside."""
        task = asyncio.create_task(self.device.run())
        try:
            yield
        finally:
            task.cancel()
            if self._path is not None:
                self._path.close()

    async def let_pass(self, duration_ms: int) -> None:
        """Wait until the room has moved on by that much."""
        until = self.room.sample + 16 * duration_ms
        while self.room.sample < until:
            await self.room.next_block()
        await asyncio.sleep(0)  # what the last block woke has run

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_soon_threadsafe(self._take)

    def _take(self) -> None:
        if self._path is not None:
            self._path.process()
        else:
            self.heard += self.capture.take().pcm

    def _on_frames(self, first_sample: int, pcm: bytes) -> None:
        self.frames_heard += len(pcm) // 640
        if self._listener is not None:
            self._listener(self, first_sample, pcm)
