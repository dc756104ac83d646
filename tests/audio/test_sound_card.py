"""SoundCard against a real PulseAudio behind ALSA, which is killed, restarted and frozen under it."""

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from support.pulse import (
    LONGEST_WAIT_S,
    SPEAKER_RATE_HZ,
    PulseCard,
    keeping_time,
    require_pulse,
    write_alsa_config,
)

from satellite.audio.capture import CaptureBuffer
from satellite.audio.capture_path import CapturePath
from satellite.audio.device import AudioActivity
from satellite.audio.playback import PlaybackBuffer
from satellite.audio.resample import resample
from satellite.audio.sound_card import SoundCard
from satellite.settings import AudioSettings

BLOCK_MS = 20
STALL_MS = 2000


@pytest.fixture
def microphone_card() -> Iterator[PulseCard]:
    """The card the microphone is on."""
    require_pulse()
    with PulseCard("left") as card:
        yield card


@pytest.fixture
def speaker_card() -> Iterator[PulseCard]:
    """Another card, with the speaker."""
    require_pulse()
    with PulseCard("right") as card:
        yield card


@pytest.fixture
def two_cards(
    microphone_card: PulseCard, speaker_card: PulseCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AudioSettings:
    """Microphone and speaker on cards of their own, as ALSA sees them."""
    for name, value in write_alsa_config(tmp_path / "asound.conf", [microphone_card, speaker_card]).items():
        monkeypatch.setenv(name, value)
    return audio(microphone_card.microphone, speaker_card.speaker)


@pytest.fixture
def one_card(microphone_card: PulseCard, monkeypatch: pytest.MonkeyPatch) -> AudioSettings:
    """Microphone and speaker on one card."""
    for name, value in microphone_card.environment.items():
        monkeypatch.setenv(name, value)
    return audio(microphone_card.microphone, microphone_card.speaker)


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


def _followed_by_silence(recording: bytes) -> bool:
    """Something was heard, and then nothing for 0.2 s."""
    samples = np.frombuffer(recording, dtype="<i2")
    return bool(np.any(samples > 200)) and not np.any(samples[-SPEAKER_RATE_HZ // 5 :] > 200)


def test_the_staircase_is_read_back() -> None:
    played = resample(staircase(1000), 24_000, 48_000)
    assert steps_heard(bytes(5000) + played + bytes(5000)) == list(range(1000))
    cut = len(played) // 2
    assert steps_heard(played[: cut + cut % 2] + bytes(20_000) + played[cut + cut % 2 :]) == list(range(1000))


# ---------------------------------------------------------------- the sound


def test_what_the_microphone_hears_arrives_to_the_bit(one_card: AudioSettings, microphone_card: PulseCard) -> None:
    spoken = np.random.default_rng(1).integers(-8000, 8000, 8000, dtype=np.int16).tobytes()

    async def story(house: House) -> None:
        await house.until_both_run()
        await house.until_heard(microphone_card, spoken)
        assert house.activity.alive(20)

    in_house(one_card, story)


def test_what_is_pushed_is_heard_whole_and_drains(one_card: AudioSettings, microphone_card: PulseCard) -> None:
    async def story(house: House) -> None:
        await house.until_both_run()
        recording = microphone_card.record()
        house.playback.push(1, staircase(800))
        house.playback.end(1)
        await house.until_seen("drained 1")
        assert house.seen["started 1"] == 1
        assert house.playback.idle
        heard = await asyncio.to_thread(recording.wait_until, _followed_by_silence)
        assert_heard_whole(house, heard, 800)

    in_house(one_card, story)


def test_stopping_plays_out_what_the_card_already_has(one_card: AudioSettings, microphone_card: PulseCard) -> None:
    async def story(house: House) -> None:
        await house.until_both_run()
        recording = microphone_card.record()
        house.playback.push(1, staircase(400))
        house.playback.end(1)
        await house.until_seen("started 1")
        await house.until(lambda: not house.playback.queued_samples)
        await house.stop()
        heard = await asyncio.to_thread(recording.wait_until, _followed_by_silence)
        assert_heard_whole(house, heard, 400)

    in_house(one_card, story)


def test_a_barge_in_is_silent_at_the_speaker_within_the_latency_and_one_block(
    one_card: AudioSettings, microphone_card: PulseCard
) -> None:
    # The card is frozen for the instant of the flush, so that "heard by then" is a number of samples that
    # no busy machine can change: the recording's own.
    async def story(house: House) -> None:
        await house.until_both_run()
        latency_ms = house.playback.latency_samples * 1000 / 24_000
        recording = microphone_card.record()
        house.playback.push(1, staircase(4000))
        await asyncio.to_thread(recording.wait_until, lambda pcm: len(pcm.replace(b"\0", b"")) > SPEAKER_RATE_HZ)
        microphone_card.freeze()
        before = steps_heard(await asyncio.to_thread(recording.wait_until_still, 0.3))
        pulled_steps = 4000 - house.playback.queued_samples // STEP_SAMPLES
        house.playback.flush()
        microphone_card.thaw()
        after = steps_heard(await asyncio.to_thread(recording.wait_until, _followed_by_silence))
        assert before == after[: len(before)]
        assert before[-1] < 3000
        # The last step that was heard before may have been cut short by the freeze.
        still_heard_ms = (after[-1] - before[-1]) * STEP_MS
        assert still_heard_ms <= latency_ms + BLOCK_MS
        assert after[-1] <= pulled_steps

    in_house(one_card, story)


# ---------------------------------------------------------------- gone and back


def test_microphone_gone_and_back_while_the_speaker_plays_on(
    two_cards: AudioSettings, microphone_card: PulseCard, speaker_card: PulseCard
) -> None:
    async def story(house: House) -> None:
        await house.until_both_run()
        recording = speaker_card.record()
        house.playback.push(1, staircase(1200))
        house.playback.end(1)
        microphone_card.kill()
        await house.until_seen("microphone lost")
        await house.until_seen("retry returned", house.seen["retry returned"] + 2)
        assert house.activity.microphone_lost
        assert house.activity.alive(20)
        await house.until_seen("drained 1")
        microphone_card.start()
        await house.until_seen("microphone found", 2)
        spoken = np.random.default_rng(2).integers(-8000, 8000, 3200, dtype=np.int16).tobytes()
        await house.until_heard(microphone_card, spoken)
        assert (house.seen["microphone lost"], house.seen["speaker lost"]) == (1, 0)
        heard = await asyncio.to_thread(recording.wait_until, _followed_by_silence)
        assert_heard_whole(house, heard, 1200)

    in_house(two_cards, story)


def test_speaker_gone_and_back_while_the_microphone_listens_on(
    two_cards: AudioSettings, microphone_card: PulseCard, speaker_card: PulseCard
) -> None:
    async def story(house: House) -> None:
        await house.until_both_run()
        speaker_card.kill()
        await house.until_seen("speaker lost")
        await house.until_more_frames()
        assert not house.activity.microphone_lost
        speaker_card.start()
        await house.until_seen("speaker found", 2)
        recording = speaker_card.record()
        house.playback.push(1, staircase(400))
        house.playback.end(1)
        await house.until_seen("drained 1")
        heard = await asyncio.to_thread(recording.wait_until, _followed_by_silence)
        assert_heard_whole(house, heard, 400)
        assert (house.seen["microphone lost"], house.seen["speaker lost"]) == (0, 1)

    in_house(two_cards, story)


def test_a_card_with_both_gone_and_back(one_card: AudioSettings, microphone_card: PulseCard) -> None:
    async def story(house: House) -> None:
        await house.until_both_run()
        for times in (1, 2):
            microphone_card.kill()
            await house.until_seen("microphone lost", times)
            await house.until_seen("speaker lost", times)
            # Long enough for a new, empty device list in between.
            await house.until_seen("retry returned", house.seen["retry returned"] + 2)
            microphone_card.start()
            await house.until_seen("microphone found", times + 1)
            await house.until_seen("speaker found", times + 1)
        await house.until_more_frames()
        await house.until_more_is_pulled()

    in_house(one_card, story)


def test_a_card_that_is_not_there_at_the_start_is_found_when_it_comes(
    one_card: AudioSettings, microphone_card: PulseCard
) -> None:
    microphone_card.stop()

    async def story(house: House) -> None:
        await house.until_seen("microphone lost")
        await house.until_seen("speaker lost")
        await house.until_seen("retry returned", 2)
        assert "is not there" in house.reasons[0]
        assert house.activity.alive(20)
        microphone_card.start()
        await house.until_both_run()
        assert house.seen["microphone lost"] == 1

    in_house(one_card, story)


def test_a_speaker_that_comes_after_the_start_is_found_without_losing_the_microphone(
    two_cards: AudioSettings, speaker_card: PulseCard
) -> None:
    speaker_card.stop()

    async def story(house: House) -> None:
        await house.until_seen("microphone found")
        await house.until_seen("speaker lost")
        speaker_card.start()
        await house.until_seen("speaker found")
        await house.until_more_frames()
        await house.until_more_is_pulled()
        assert (house.seen["microphone lost"], house.seen["microphone found"]) == (0, 1)

    in_house(two_cards, story, rescan_s=0.0)


# ---------------------------------------------------------------- hung


def test_a_hung_microphone_is_lost_and_comes_back_when_the_hang_ends(
    two_cards: AudioSettings, microphone_card: PulseCard
) -> None:
    async def story(house: House) -> None:
        await house.until_both_run()
        microphone_card.freeze()
        await house.until_seen("microphone lost")
        assert "no block for 2 s" in house.reasons[0]
        # Closing it hangs, and neither the loop nor the speaker does.
        await house.until(lambda: (house.activity.call_in_progress_s or 0) > 0.5)
        assert house.activity.call_name == "close input"
        assert house.activity.alive(20)
        assert not house.activity.alive(0.5)
        await house.until_more_is_pulled()
        microphone_card.thaw()
        await house.until_seen("microphone found", 2)
        await house.until_more_frames()
        assert house.activity.alive(20)
        assert house.seen["speaker lost"] == 0

    in_house(two_cards, story)


def test_a_hung_speaker_is_lost_and_comes_back_when_the_hang_ends(
    two_cards: AudioSettings, speaker_card: PulseCard
) -> None:
    async def story(house: House) -> None:
        await house.until_both_run()
        speaker_card.freeze()
        await house.until_seen("speaker lost")
        await house.until(lambda: house.activity.call_name == "close output")
        await house.until_more_frames()
        speaker_card.thaw()
        await house.until_seen("speaker found", 2)
        await house.until_more_is_pulled()
        assert house.seen["microphone lost"] == 0

    in_house(two_cards, story)


def test_a_card_that_hangs_for_ever_does_not_keep_the_shutdown(
    one_card: AudioSettings, microphone_card: PulseCard
) -> None:
    async def story(house: House) -> None:
        await house.until_both_run()
        microphone_card.freeze()
        await house.until_seen("microphone lost")
        await house.until(lambda: house.activity.call_in_progress_s is not None)
        # It would hang until the thaw, which comes only afterwards.
        await house.stop()
        microphone_card.thaw()

    in_house(one_card, story)


def test_a_shutdown_that_meets_a_hung_card_that_looked_healthy_ends_too(
    one_card: AudioSettings, microphone_card: PulseCard
) -> None:
    async def story(house: House) -> None:
        await house.until_both_run()
        microphone_card.freeze()
        await house.stop()
        microphone_card.thaw()

    in_house(one_card, story)
