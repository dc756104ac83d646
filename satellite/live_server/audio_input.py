"""Audio as a client sends it, at any rate, made into the 16 kHz the rest of the server works with."""

import numpy as np
import soxr

from satellite.core.pcm import CAPTURE_RATE_HZ, SAMPLE_BYTES
from satellite.live_server.refusals import invalid_argument

LOWEST_RATE_HZ = 1_000
HIGHEST_RATE_HZ = 384_000


class AudioInput:
    """Decodes and resamples one connection's audio. Driven by its reader, on the loop."""

    def __init__(self) -> None:
        self._rate_hz = CAPTURE_RATE_HZ
        self._resampler: soxr.ResampleStream | None = None
        self._odd_byte = b""

    def accept(self, data: bytes, mime_type: str) -> bytes:
        """16 kHz s16le mono for a blob of `audio/pcm;rate=N`; raises Refusal for anything else.

        Resampling holds back up to 32 ms until more comes, or `flush`.
        """
        rate_hz = rate_of(mime_type)
        flushed = b""
        if rate_hz != self._rate_hz:
            flushed = self.flush()
            self._rate_hz = rate_hz
        data = self._odd_byte + data
        whole_bytes = len(data) - len(data) % SAMPLE_BYTES
        self._odd_byte = data[whole_bytes:]
        data = data[:whole_bytes]
        if rate_hz == CAPTURE_RATE_HZ:
            return flushed + data
        if self._resampler is None:
            self._resampler = soxr.ResampleStream(rate_hz, CAPTURE_RATE_HZ, 1, dtype="int16")
        resampled: bytes = self._resampler.resample_chunk(np.frombuffer(data, dtype="<i2")).tobytes()
        return flushed + resampled

    def flush(self) -> bytes:
        """What resampling still held back: the end of an activity or of the stream has come."""
        self._odd_byte = b""
        if self._resampler is None:
            return b""
        rest: bytes = self._resampler.resample_chunk(np.zeros(0, dtype=np.int16), last=True).tobytes()
        self._resampler = None
        return rest


def rate_of(mime_type: str) -> int:
    """Sample rate in Hz that `audio/pcm;rate=N` names, 16000 without one; raises Refusal for what is no PCM."""
    kind, *parameters = [piece.strip().lower() for piece in mime_type.split(";")]
    if kind != "audio/pcm":
        raise invalid_argument(f"audio of type {mime_type!r} is not supported: audio/pcm;rate=N")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "rate":
            digits = value.strip()
            if digits.isascii() and digits.isdigit() and LOWEST_RATE_HZ <= int(digits[:9]) <= HIGHEST_RATE_HZ:
                return int(digits)
            raise invalid_argument(f"no sample rate: {mime_type!r}")
    return CAPTURE_RATE_HZ
