"""Words and arithmetic of sound: the one glossary every part shares.

sample  one int16, little-endian, mono
frame   20 ms at the capture rate: 320 samples, 640 bytes
chunk   PCM of any length, as the network delivers it
block   what the sound card hands over at a time
"""

import math

SAMPLE_BYTES = 2
"""Bytes of one sample (s16le mono)."""

CAPTURE_RATE_HZ = 16_000
"""Rate of everything after the capture path: gate, utterance, uplink (the Live API's native input rate)."""

REPLY_RATE_HZ = 24_000
"""Rate of every chunk that is to be played (the Live API's output rate; earcons and local speech too)."""

FRAME_MS = 20
FRAME_SAMPLES = CAPTURE_RATE_HZ * FRAME_MS // 1000
FRAME_BYTES = FRAME_SAMPLES * SAMPLE_BYTES


def samples_of_ms(duration_ms: float, rate_hz: int = CAPTURE_RATE_HZ) -> int:
    """Samples in `duration_ms` at `rate_hz`, rounded down."""
    return int(duration_ms * rate_hz // 1000)


def ms_of_samples(samples: int, rate_hz: int = CAPTURE_RATE_HZ) -> float:
    """Milliseconds that `samples` last at `rate_hz`."""
    return samples * 1000 / rate_hz


def samples_of_bytes(size_bytes: int) -> int:
    """Whole samples in `size_bytes` of s16le mono."""
    return size_bytes // SAMPLE_BYTES


def samples_in(pcm: bytes | bytearray | memoryview) -> int:
    """Whole samples in a piece of s16le mono PCM."""
    return len(pcm) // SAMPLE_BYTES


FULL_SCALE = 32_768
SILENCE_DBFS = -96.0
LEVEL_STEP = 8
"""Every eighth sample tells the level of speech well enough, at an eighth of the work."""


def level_dbfs(pcm: bytes) -> float:
    """Root mean square of a piece in dB of full scale, estimated; SILENCE_DBFS for silence and for nothing."""
    samples = memoryview(pcm)[: len(pcm) - len(pcm) % SAMPLE_BYTES].cast("h")[::LEVEL_STEP]
    power = sum(sample * sample for sample in samples)
    if not power:
        return SILENCE_DBFS
    return max(SILENCE_DBFS, 10 * math.log10(power / len(samples) / FULL_SCALE**2))


def silence(samples: int) -> bytes:
    """`samples` of digital silence."""
    return bytes(samples * SAMPLE_BYTES)
