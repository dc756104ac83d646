"""CapturePath: whole frames, absolute sample numbers, gaps that are seen."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satellite.audio.capture import CaptureBuffer
from satellite.audio.capture_path import CapturePath
from satellite.audio.playback import PlaybackBuffer
from satellite.core.pcm import FRAME_BYTES, FRAME_SAMPLES
from satellite.settings import AudioSettings

PLAIN = AudioSettings(echo_cancellation=False)


class Microphone:
    """A capture path with its buffers; keeps what it hands on."""

    def __init__(self, audio: AudioSettings = PLAIN, rate_hz: int = 16_000, capacity_s: float = 2.0) -> None:
        self.frames: list[tuple[int, bytes]] = []
        self.capture = CaptureBuffer(lambda: None, capacity_s=capacity_s)
        self.playback = PlaybackBuffer(lambda turn: None, lambda turn: None, duck_db=-18, volume_percent=100)
        self.path = CapturePath(audio, self.capture, self.playback, lambda first, pcm: self.frames.append((first, pcm)))
        self.capture.configure(rate_hz)

    def samples(self) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
        return np.frombuffer(b"".join(pcm for _, pcm in self.frames), dtype="<i2")


def pcm(first: int, samples: int) -> bytes:
    return np.arange(first, first + samples, dtype=np.int64).astype("<i2").tobytes()


@given(blocks=st.lists(st.integers(0, 1500), max_size=10))
@settings(deadline=None)
def test_frames_are_whole_and_numbered_without_a_gap_whatever_the_blocks(blocks: list[int]) -> None:
    microphone = Microphone()
    start = 0
    for block in blocks:
        microphone.capture.put(pcm(start, block))
        start += block
        microphone.path.process()
    expected = 0
    for first, frames in microphone.frames:
        assert first == expected
        assert frames
        assert len(frames) % FRAME_BYTES == 0
        expected += len(frames) // 2
    assert expected == start - start % FRAME_SAMPLES
    assert microphone.samples().tobytes() == pcm(0, expected)


def test_what_was_lost_is_a_gap_in_the_numbers_and_the_rest_is_in_its_place() -> None:
    microphone = Microphone(capacity_s=0.1)
    microphone.capture.put(pcm(0, 500))
    microphone.path.process()
    for start in range(500, 5300, 160):
        microphone.capture.put(pcm(start, 160))
    microphone.path.process()
    microphone.capture.put(pcm(5300, 3200))
    microphone.path.process()
    assert microphone.capture.dropped_samples == 3200
    numbers = [first for first, _ in microphone.frames]
    assert numbers == sorted(numbers)
    for first, frames in microphone.frames:
        heard = np.frombuffer(frames, dtype="<i2")
        place = np.arange(first, first + len(heard))
        # Each sample carries its own number; silence fills the frame before the gap.
        assert ((heard == place) | ((heard == 0) & (place >= 500) & (place < 640))).all()
    assert microphone.frames[-1][0] + len(microphone.frames[-1][1]) // 2 > 8000


def test_a_gap_smaller_than_what_the_frame_lacks_is_silence() -> None:
    microphone = Microphone(capacity_s=0.01)
    microphone.capture.put(pcm(1, 100))
    microphone.path.process()
    microphone.capture.put(pcm(101, 60))
    microphone.capture.put(pcm(161, 160))
    microphone.path.process()
    microphone.capture.put(pcm(321, 160))
    microphone.path.process()
    assert microphone.frames == [(0, pcm(1, 100) + bytes(120) + pcm(161, 160))]


def test_a_reopened_device_never_continues_the_old_frame() -> None:
    microphone = Microphone()
    microphone.capture.put(pcm(1, 400))
    microphone.path.process()
    microphone.capture.configure(16_000)
    microphone.capture.put(pcm(2001, 640))
    microphone.path.process()
    assert microphone.frames[0] == (0, pcm(1, 320))
    assert microphone.frames[1] == (320, pcm(321, 80) + bytes(480))
    first, frames = microphone.frames[2]
    assert first > 640
    assert frames == pcm(2001, 640)


def test_a_card_of_another_rate_is_resampled_and_numbered_at_16_khz() -> None:
    microphone = Microphone(rate_hz=48_000)
    tone = np.rint(8000 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)).astype("<i2")
    for start in range(0, 48_000, 960):
        microphone.capture.put(tone[start : start + 960].tobytes())
        microphone.path.process()
    heard = microphone.samples()
    assert 15_000 < len(heard) <= 16_000
    expected = 8000 * np.sin(2 * np.pi * 440 * np.arange(len(heard)) / 16_000)
    assert np.abs(heard - expected)[320:].max() < 40


def test_lost_samples_of_a_faster_card_are_counted_at_16_khz() -> None:
    microphone = Microphone(rate_hz=48_000, capacity_s=0.1)
    for _ in range(50):
        microphone.capture.put(bytes(960 * 2))
    microphone.path.process()
    for _ in range(5):
        microphone.capture.put(bytes(960 * 2))
    microphone.path.process()
    first, frames = microphone.frames[-1]
    assert 16_000 + 1600 - 2 * FRAME_SAMPLES <= first + len(frames) // 2 <= 16_000 + 1600


def test_the_echo_of_the_playback_is_taken_away_from_the_capture() -> None:
    microphone = Microphone(AudioSettings(echo_cancellation=True))
    noise = np.convolve(np.random.default_rng(7).standard_normal(24_000 * 6), np.ones(8), "same") * 2000
    microphone.playback.push(1, np.rint(noise).astype("<i2").tobytes())
    echo = np.zeros(1600)  # 100 ms until it is heard
    for number in range(300):
        played = np.frombuffer(microphone.playback.pull(480), dtype="<i2").astype(float)
        echo = np.concatenate([echo, 0.5 * np.interp(np.arange(320) * 1.5, np.arange(480), played)])
        microphone.capture.put(np.rint(echo[number * 320 : (number + 1) * 320]).astype("<i2").tobytes())
        microphone.path.process()
    after = microphone.samples()[-16_000:].astype(float)
    before = echo[300 * 320 - 16_000 : 300 * 320]
    assert 10 * np.log10(np.mean(before**2) / np.mean(after**2)) > 20


def test_after_close_nothing_more_is_handed_on_from_what_was_open() -> None:
    microphone = Microphone()
    microphone.capture.put(pcm(1, 300))
    microphone.path.process()
    microphone.path.close()
    microphone.capture.put(pcm(301, 20))
    microphone.path.process()
    assert microphone.frames == []


def test_lost_audio_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    microphone = Microphone(capacity_s=0.1)
    for _ in range(2):
        for _ in range(20):
            microphone.capture.put(pcm(0, 320))
        microphone.path.process()
    assert [record.levelname for record in caplog.records if "were lost" in record.message] == ["WARNING"]
