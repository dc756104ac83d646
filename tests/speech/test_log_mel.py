"""The features Whisper was trained on."""

import numpy as np
import pytest
from speech.engines import as_wave, tone

from satellite.speech.log_mel import BANDS, log_mel

SECOND = 16_000


def features(pcm: bytes, length_samples: int = SECOND) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    return log_mel(as_wave(pcm).astype(np.float32), length_samples)


@pytest.mark.parametrize("length_samples", [SECOND, 20 * SECOND, 30 * SECOND])
def test_there_are_100_columns_of_80_bands_for_each_second(length_samples: int) -> None:
    spectrum = features(tone(1.5, 440), length_samples)
    assert spectrum.shape == (80, length_samples // 160)
    assert spectrum.dtype == np.float32


def test_sound_is_cut_or_padded_to_the_length() -> None:
    assert np.array_equal(features(tone(3, 440)), features(tone(3, 440)[: 2 * SECOND + 800])[:, :100])
    padded = features(tone(0.5, 440))
    assert padded[:, 60:].max() == pytest.approx(padded.min())


@pytest.mark.parametrize(
    ("frequency_hz", "band"),
    # centres by Slaney's scale, 2840.02 mel / 81 steps: linear to 1 kHz (15 of 45.25 mel), then 27 steps per factor 6.4
    [(37.2, 0), (1005.5, 26), (2082.0, 45), (7743.0, 79)],
)
def test_a_tone_is_loudest_in_the_band_around_it(frequency_hz: float, band: int) -> None:
    assert features(tone(1, frequency_hz))[:, 50].argmax() == band


def test_nothing_is_further_than_8_decades_below_the_loudest() -> None:
    spectrum = features(tone(0.5, 1000))
    assert spectrum.max() - spectrum.min() == pytest.approx(2.0, abs=1e-5)


def test_ten_times_the_sound_is_half_a_unit_more() -> None:
    loud, soft = features(tone(1, 1000, -10)), features(tone(1, 1000, -30))
    assert loud.max() - soft.max() == pytest.approx(0.5, abs=0.01)


def test_silence_is_flat() -> None:
    assert np.ptp(features(bytes(2 * SECOND))) == 0
    assert features(bytes(2 * SECOND)).shape[0] == BANDS
