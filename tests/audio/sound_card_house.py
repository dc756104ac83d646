"""What the tests of the sound card share: a running card that can be waited for, and a sound that can be read."""

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import pairwise

import numpy as np
import pytest
from support.pulse import LONGEST_WAIT_S, SPEAKER_RATE_HZ, PulseCard, keeping_time

from satellite.audio.capture import CaptureBuffer
from satellite.audio.capture_path import CapturePath
from satellite.audio.device import AudioActivity
from satellite.audio.playback import PlaybackBuffer
from satellite.audio.sound_card import SoundCard
from satellite.settings import AudioSettings

BLOCK_MS = 20
STALL_MS = 2000


def audio(input_device: str, output_device: str) -> AudioSettings:
    return AudioSettings(
        input_device=input_device,
        output_device=output_device,
        block_ms=BLOCK_MS,
        volume_percent=100,
        echo_cancellation=False,
        stall_ms=STALL_MS,
        retry_max_s=1,
    )


class House:
    """A running sound card with its buffers; everything that is reported is counted, and can be waited for."""

    def __init__(self, settings: AudioSettings, rescan_s: float = 300.0) -> None:
        self.loop = asyncio.get_running_loop()
        self.seen: Counter[str] = Counter()
        self.reasons: list[str] = []
        self.frames = bytearray()
        self._changed = asyncio.Condition()
        self.capture = CaptureBuffer(lambda: self._from_any_thread(self._listen))
        self.playback = PlaybackBuffer(
            lambda turn: self._from_any_thread(lambda: self.note(f"started {turn}")),
            lambda turn: self._from_any_thread(lambda: self.note(f"drained {turn}")),
            duck_db=-18,
            volume_percent=100,
        )
        self._path = CapturePath(settings, self.capture, self.playback, lambda first, pcm: self.frames.extend(pcm))
        self.card = SoundCard(settings, self.capture, self.playback, self, rescan_s=rescan_s)
        self.running = asyncio.ensure_future(self.card.run())

    def _from_any_thread(self, call: Callable[[], None]) -> None:
        self.loop.call_soon_threadsafe(call)

    def _listen(self) -> None:
        self._path.process()
        self.note("frames")

    # what a card reports

    def microphone_found(self) -> None:
        self.note("microphone found")

    def microphone_lost(self, reason: str) -> None:
        self.reasons.append(reason)
        self.note("microphone lost")

    def speaker_found(self) -> None:
        self.note("speaker found")

    def speaker_lost(self, reason: str) -> None:
        self.reasons.append(reason)
        self.note("speaker lost")

    def retry_returned(self) -> None:
        self.note("retry returned")

    # what a test waits for

    def note(self, what: str) -> None:
        self.seen[what] += 1
        self.loop.create_task(self._tell())

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, true: Callable[[], bool]) -> None:
        """Return when it is true; looked at whenever something is reported or captured, and now and then."""

        async def watch() -> None:
            while not true():
                try:
                    async with self._changed:
                        await asyncio.wait_for(self._changed.wait(), 0.05)
                except TimeoutError:
                    continue

        try:
            await asyncio.wait_for(watch(), LONGEST_WAIT_S)
        except TimeoutError:
            pytest.fail(f"never came; seen: {dict(self.seen)}, reasons: {self.reasons}")

    async def until_seen(self, what: str, times: int = 1) -> None:
        await self.until(lambda: self.seen[what] >= times)

    async def until_more_frames(self, times: int = 5) -> None:
        wanted = self.seen["frames"] + times
        await self.until(lambda: self.seen["frames"] > wanted)

    async def until_more_is_pulled(self) -> None:
        before = self.playback.pulled_samples
        await self.until(lambda: self.playback.pulled_samples > before + 2400)

    async def until_both_run(self) -> None:
        await self.until_seen("microphone found")
        await self.until_seen("speaker found")

    async def until_heard(self, card: PulseCard, spoken: bytes) -> None:
        """Say it into the microphone until it has arrived whole: a busy machine may lose a block of it."""
        for _ in range(10):
            said = card.feed(spoken)
            await asyncio.to_thread(said.wait, LONGEST_WAIT_S)
            await self.until_more_frames(15)
            if spoken in self.frames:
                return
        pytest.fail("it never arrived whole")

    @property
    def activity(self) -> AudioActivity:
        return self.card.last_activity

    async def stop(self) -> None:
        self.running.cancel()
        await asyncio.wait([self.running], timeout=LONGEST_WAIT_S)
        assert self.running.done()
        self._path.close()


def in_house(settings: AudioSettings, story: Callable[[House], Awaitable[None]], rescan_s: float = 300.0) -> None:
    """Run a story with a running card, and end the card whatever comes of the story."""

    async def run() -> None:
        house = House(settings, rescan_s)
        try:
            await story(house)
        finally:
            await house.stop()

    before = set(threading.enumerate())
    with keeping_time():
        asyncio.run(run())
    for thread in set(threading.enumerate()) - before:
        if thread.name == "portaudio":
            thread.join(LONGEST_WAIT_S)
            assert not thread.is_alive()


# A reply whose pieces can be told apart in a recording: a staircase, each step 2.5 ms of one level. A busy
# machine may put silence between two steps, but it cannot change what they say.

STEP_SAMPLES = 60
STEP_MS = 2.5
_LEVELS = 200


def staircase(steps: int) -> bytes:
    """24 kHz s16le mono: step k at a level that says k, modulo _LEVELS."""
    levels = 1000 + 100 * (np.arange(steps) % _LEVELS)
    pcm: bytes = np.repeat(levels, STEP_SAMPLES).astype("<i2").tobytes()
    return pcm


def steps_heard(recording: bytes) -> list[int]:
    """The numbers of the steps in a recording at 48 kHz, in the order in which they were heard."""
    samples = np.frombuffer(recording, dtype="<i2").astype(int)
    edges = np.flatnonzero(np.abs(np.diff(samples)) > 20)
    heard: list[int] = []
    for first, last in pairwise([-1, *edges.tolist(), len(samples) - 1]):
        if last - first < STEP_SAMPLES // 2:
            continue
        level = int(np.median(samples[first + 1 : last + 1]))
        if level < 950:
            continue
        code = (level - 950) // 100
        after = heard[-1] + 1 if heard else 0
        number = after + (code - after) % _LEVELS
        if not heard or number != heard[-1] + _LEVELS:
            heard.append(number)
    return heard


def assert_heard_whole(house: House, recording: bytes, steps: int) -> None:
    """Every step, to the last one; what is missing was an underrun of the card, and was counted as one."""
    heard = steps_heard(recording)
    assert heard[-1] == steps - 1
    assert heard == list(range(steps)) or house.card.device_underruns > 0


def followed_by_silence(recording: bytes) -> bool:
    """Something was heard, and then nothing for 0.2 s."""
    samples = np.frombuffer(recording, dtype="<i2")
    return bool(np.any(samples > 200)) and not np.any(samples[-SPEAKER_RATE_HZ // 5 :] > 200)
