"""What Whisper hears: an 80-band log-mel spectrogram of 16 kHz sound, in numpy.

By the model's published definition (Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak
Supervision", 2.2: 80 channels, windows of 25 ms, stride 10 ms) with the mel scale of Slaney's Auditory
Toolbox, filters of equal area. The numbers are the model's: none of them is a matter of taste.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from satellite.core.pcm import CAPTURE_RATE_HZ

BANDS = 80
WINDOW_SAMPLES = 400
STRIDE_SAMPLES = 160

FLOOR = 1e-10
RANGE_DECADES = 8.0
"""Nothing is further below the loudest point than this."""

_LINEAR_BELOW_HZ = 1000.0
_HZ_PER_MEL = 200.0 / 3.0
_MEL_OF_KNEE = _LINEAR_BELOW_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0

Floats = npt.NDArray[np.float32]


def log_mel(samples: Floats, length_samples: int) -> Floats:
    """Features of `samples` (-1 to 1), padded with silence or cut to `length_samples`: shape (80, length / 160)."""
    padded = np.zeros(length_samples, np.float32)
    kept = samples[:length_samples]
    padded[: len(kept)] = kept
    padded = np.pad(padded, WINDOW_SAMPLES // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW_SAMPLES)[::STRIDE_SAMPLES]
    frames = frames[: length_samples // STRIDE_SAMPLES]
    power = np.abs(np.fft.rfft(frames * _window(), axis=1)) ** 2
    decades = np.log10(np.maximum(_filters() @ power.T.astype(np.float32), FLOOR))
    decades = np.maximum(decades, decades.max() - RANGE_DECADES)
    scaled: Floats = ((decades + 4.0) / 4.0).astype(np.float32)
    return scaled


@lru_cache(maxsize=1)
def _window() -> Floats:
    """Hann window, periodic."""
    return np.hanning(WINDOW_SAMPLES + 1)[:-1].astype(np.float32)


@lru_cache(maxsize=1)
def _filters() -> Floats:
    """Triangles on the mel scale from 0 Hz to half the sampling rate, of equal area: shape (80, 201)."""
    bins_hz = np.linspace(0.0, CAPTURE_RATE_HZ / 2, WINDOW_SAMPLES // 2 + 1)
    highest_mel = _MEL_OF_KNEE + np.log(CAPTURE_RATE_HZ / 2 / _LINEAR_BELOW_HZ) / _LOG_STEP
    edges_hz = _hz_of_mel(np.linspace(0.0, highest_mel, BANDS + 2))
    low, centre, high = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    rising = (bins_hz - low) / (centre - low)
    falling = (high - bins_hz) / (high - centre)
    triangles = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (high - low))
    return triangles.astype(np.float32)


def _hz_of_mel(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    above = _LINEAR_BELOW_HZ * np.exp(_LOG_STEP * (mel - _MEL_OF_KNEE))
    return np.where(mel < _MEL_OF_KNEE, mel * _HZ_PER_MEL, above)
