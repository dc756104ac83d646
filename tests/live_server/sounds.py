"""Sounds to test with: speech by flite, made when it is asked for, and noise that is the same every time."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from satellite.core.pcm import CAPTURE_RATE_HZ
from satellite.speech.voice import synthesise

Samples = NDArray[np.float64]
"""16 kHz mono, full scale is 1."""


@cache
def speech(text: str, voice: str = "slt") -> Samples:
    """`text` spoken by a voice of flite."""
    return np.frombuffer(synthesise(text, voice, CAPTURE_RATE_HZ), dtype="<i2") / 32768


def noise(duration_s: float, level_dbfs: float, colour: str = "pink") -> Samples:
    """White or pink noise."""
    count = int(duration_s * CAPTURE_RATE_HZ)
    samples = np.random.default_rng(7).standard_normal(count)
    if colour == "pink":
        spectrum = np.fft.rfft(samples)
        samples = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), count)
    return at_level(samples, level_dbfs)


def at_level(samples: Samples, level_dbfs: float) -> Samples:
    """The sound with that RMS level."""
    scaled: Samples = samples / np.sqrt(np.mean(samples**2)) * 10 ** (level_dbfs / 20)
    return scaled


def pcm_of(samples: Samples) -> bytes:
    """s16le."""
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
