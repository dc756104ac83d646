"""Change of sample rate in a stream, with soxr.

Pure. HQ on the way to the speaker (it holds back 21 to 32 ms, which a reply that arrives faster than real
time does not notice), LQ on the way from the microphone (1 to 6 ms, alias-free; SPEECH measurements of
the project). QQ and linear interpolation alias: not to be used downwards. Float inside: soxr dithers its
int16 output with noise, and silence has to stay silence.
"""

from typing import Literal

import numpy as np
import soxr
from numpy.typing import NDArray

Quality = Literal["HQ", "LQ"]


class StreamResampler:
    """One stream of s16le mono from one rate to another. Single-threaded: its owner locks.

    `push` holds back what the filter still needs; `flush` gives it out, so that a stream of n samples
    comes out as n * out / in samples, rounded to the nearest, and not one sample of its tail is lost.
    """

    def __init__(self, in_rate_hz: int, out_rate_hz: int, quality: Quality) -> None:
        self.in_rate_hz = in_rate_hz
        self.out_rate_hz = out_rate_hz
        self._soxr = (
            None
            if in_rate_hz == out_rate_hz
            else soxr.ResampleStream(in_rate_hz, out_rate_hz, 1, dtype="float32", quality=quality)
        )
        self._begun = False

    @property
    def holds_back(self) -> bool:
        """Whether `flush` may have something to give."""
        return self._begun

    def push(self, pcm: bytes) -> bytes:
        """Whole samples in, what is ready of them out."""
        if self._soxr is None or not pcm:
            return pcm
        self._begun = True
        return _bytes(self._soxr.resample_chunk(np.frombuffer(pcm, dtype="<i2").astype(np.float32)))

    def flush(self) -> bytes:
        """End the stream: the samples held back. What is pushed next begins a new stream."""
        if self._soxr is None or not self._begun:
            return b""
        rest = _bytes(self._soxr.resample_chunk(np.empty(0, dtype=np.float32), last=True))
        self.clear()
        return rest

    def clear(self) -> None:
        """Forget the stream, and what is held back of it."""
        if self._soxr is not None:
            self._soxr.clear()
        self._begun = False


def resample(pcm: bytes, in_rate_hz: int, out_rate_hz: int) -> bytes:
    """A whole piece of s16le mono at another rate, HQ."""
    stream = StreamResampler(in_rate_hz, out_rate_hz, "HQ")
    return stream.push(pcm) + stream.flush()


def _bytes(samples: NDArray[np.float32]) -> bytes:
    return np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes()
