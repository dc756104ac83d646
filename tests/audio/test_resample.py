"""StreamResampler: rates, tails, silence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satellite.audio.resample import Quality, StreamResampler, resample


def tone(rate_hz: int, samples: int, frequency_hz: float = 440.0, level: float = 10_000.0) -> bytes:
    return np.rint(level * np.sin(2 * np.pi * frequency_hz * np.arange(samples) / rate_hz)).astype("<i2").tobytes()


@pytest.mark.parametrize(
    ("in_rate_hz", "out_rate_hz", "quality"),
    [(24_000, 48_000, "HQ"), (24_000, 44_100, "HQ"), (24_000, 16_000, "HQ"), (48_000, 16_000, "LQ")],
)
@given(cuts=st.lists(st.integers(0, 3000), min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_not_one_sample_of_the_tail_is_lost(
    in_rate_hz: int, out_rate_hz: int, quality: Quality, cuts: list[int]
) -> None:
    pcm = tone(in_rate_hz, sum(cuts))
    stream = StreamResampler(in_rate_hz, out_rate_hz, quality)
    out = b""
    start = 0
    for cut in cuts:
        out += stream.push(pcm[2 * start : 2 * (start + cut)])
        start += cut
    out += stream.flush()
    assert abs(len(out) // 2 - sum(cuts) * out_rate_hz / in_rate_hz) <= 1


def test_the_cuts_leave_no_trace() -> None:
    pcm = tone(24_000, 4800)
    stream = StreamResampler(24_000, 48_000, "HQ")
    pieces = [stream.push(pcm[start : start + 314]) for start in range(0, len(pcm), 314)]
    assert b"".join(pieces) + stream.flush() == resample(pcm, 24_000, 48_000)


def test_a_flushed_stream_begins_anew() -> None:
    stream = StreamResampler(24_000, 48_000, "HQ")
    first = stream.push(tone(24_000, 1000)) + stream.flush()
    assert not stream.holds_back
    assert stream.flush() == b""
    assert stream.push(tone(24_000, 1000)) + stream.flush() == first


def test_the_same_rate_changes_nothing_and_holds_nothing_back() -> None:
    stream = StreamResampler(16_000, 16_000, "LQ")
    assert stream.push(tone(16_000, 777)) == tone(16_000, 777)
    assert not stream.holds_back


def test_silence_stays_silence() -> None:
    assert not any(resample(bytes(9600), 24_000, 44_100))


def test_a_tone_keeps_its_level_and_its_place() -> None:
    heard = np.frombuffer(resample(tone(48_000, 48_000), 48_000, 16_000), dtype="<i2").astype(float)
    expected = np.frombuffer(tone(16_000, 16_000), dtype="<i2").astype(float)
    assert np.abs(heard - expected)[800:-800].max() < 30


def test_what_is_above_the_new_band_does_not_fold_back() -> None:
    stream = StreamResampler(48_000, 16_000, "LQ")
    heard = np.frombuffer(stream.push(tone(48_000, 48_000, 11_000.0)) + stream.flush(), dtype="<i2").astype(float)
    assert np.sqrt(np.mean(heard[800:-800] ** 2)) < 10_000 / np.sqrt(2) * 10 ** (-60 / 20)
