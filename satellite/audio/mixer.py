"""Arithmetic of the mix: gain ramps, volume, earcons, the fade that replaces a click.

Pure and single-threaded (its owner locks). Sums are int32 and are clipped once, at the end. A gain of
exactly one leaves every sample as it is.
"""

import numpy as np
from numpy.typing import NDArray

from satellite.audio.resample import resample

Samples = NDArray[np.int16]
Mix = NDArray[np.int32]


def volume_gain(percent: int) -> float:
    """Linear gain of a volume of 0 to 100 per cent: a square law, so that half way sounds like half (-12 dB)."""
    return (percent / 100) ** 2


def db_gain(gain_db: float) -> float:
    """Linear gain of `gain_db` decibels."""
    return float(10 ** (gain_db / 20))


def clip(mix: Mix) -> Samples:
    """The sum as int16, limited to its range."""
    return np.clip(mix, -32768, 32767).astype(np.int16)


def fade_out(mix: Mix) -> Mix:
    """The piece, brought down to nothing in a straight line; its first sample is nearly as it was."""
    length = len(mix)
    gains = np.arange(length, 0, -1) / (length + 1)
    return _scaled(mix, gains)


class Gain:
    """A gain that moves in a straight line, sample by sample, to where it is sent."""

    def __init__(self, gain: float) -> None:
        self._now = gain
        self._target = gain
        self._left_samples = 0

    def jump(self, gain: float) -> None:
        """Be there from the next sample on."""
        self._now = self._target = gain
        self._left_samples = 0

    def ramp_to(self, gain: float, samples: int) -> None:
        """Be there after `samples` more (at least one), whatever ramp was under way."""
        self._target = gain
        self._left_samples = max(1, samples)

    def apply(self, samples: Samples) -> Mix:
        """The samples with their gain; moves on by their number."""
        count = len(samples)
        if self._left_samples == 0:
            return samples.astype(np.int32) if self._now == 1.0 else _scaled(samples, self._now)
        gains = np.full(count, self._target)
        moving = min(count, self._left_samples)
        step = (self._target - self._now) / self._left_samples
        gains[:moving] = self._now + step * np.arange(1, moving + 1)
        self._left_samples -= moving
        self._now = self._target if self._left_samples == 0 else self._now + step * moving
        return _scaled(samples, gains)


class Overlay:
    """Pieces that are mixed on top of whatever plays, each from its first sample on."""

    def __init__(self) -> None:
        self._pieces: list[Mix] = []

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def add(self, piece: Mix) -> None:
        """Begin with the next sample mixed."""
        if len(piece):
            self._pieces.append(piece)

    def clear(self) -> None:
        """Drop what has not been mixed yet."""
        self._pieces.clear()

    def mix_into(self, mix: Mix) -> None:
        """Add the next `len(mix)` samples of every piece."""
        remaining: list[Mix] = []
        for piece in self._pieces:
            count = min(len(piece), len(mix))
            mix[:count] += piece[:count]
            if count < len(piece):
                remaining.append(piece[count:])
        self._pieces = remaining

    def resample(self, in_rate_hz: int, out_rate_hz: int) -> None:
        """Convert what has not been mixed yet to another rate."""
        self._pieces = [
            as_samples(resample(clip(piece).tobytes(), in_rate_hz, out_rate_hz)).astype(np.int32)
            for piece in self._pieces
        ]


def as_samples(pcm: bytes) -> Samples:
    """A view of s16le mono as samples."""
    return np.frombuffer(pcm, dtype="<i2")


def _scaled(samples: Samples | Mix, gain: float | NDArray[np.float64]) -> Mix:
    return np.rint(np.multiply(samples, gain, dtype=np.float64)).astype(np.int32)
