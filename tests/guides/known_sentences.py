"""People who say one of a few sentences, and an ear that knows these by their sound.

The ear compares what it hears with what was said, sample by sample: a sentence that was cut, resampled wrongly or lost
on its way is not recognised. That takes milliseconds, where a real recogniser takes half a second.
"""

from functools import cache

import numpy as np
import numpy.typing as npt
import soxr

from satellite.core.pcm import CAPTURE_RATE_HZ, silence
from satellite.simroom.people import sentence

TIME = "what time is it"
SUM = "what is two plus two"
TIMER = "set a timer for ten minutes"
STORY = "tell me a story"
PICTURE = "what do you see"
OVERHEARD = "she said the bus was late again this morning"
SENTENCES = (TIME, SUM, TIMER, STORY, PICTURE, OVERHEARD)

ALIKE = 0.8
"""Correlation from which a piece of sound is a sentence: 1 is the very same, another sentence is below 0.3."""

PAUSE_MS = 1000
"""Longer than the silence that ends a turn."""


@cache
def spoken(text: str) -> bytes:
    """Someone says it: 16 kHz s16le mono, without a pause."""
    return sentence(text, "slt")


def aloud(*texts: str, pause_ms: int = PAUSE_MS) -> bytes:
    """Each sentence with a pause behind it, in a room that was silent before: 16 kHz s16le mono."""
    pause = silence(CAPTURE_RATE_HZ * pause_ms // 1000)
    return silence(CAPTURE_RATE_HZ // 5) + b"".join(spoken(text) + pause for text in texts)


def at_rate(pcm16k: bytes, rate_hz: int) -> bytes:
    """The same sound from a microphone with another rate."""
    resampled = soxr.resample(np.frombuffer(pcm16k, "<i2"), CAPTURE_RATE_HZ, rate_hz)
    return bytes(resampled.astype("<i2").tobytes())


class KnowsSentences:
    """A recogniser that knows SENTENCES and nothing else; what it hears is noted."""

    def __init__(self) -> None:
        self.utterances: list[bytes] = []

    async def recognise(self, pcm16k: bytes) -> str:
        """The sentences in it, in their order; empty for any other sound."""
        self.utterances.append(pcm16k)
        heard = _samples(pcm16k)
        found = [(place, text) for text in SENTENCES if (place := _place_of(_samples(spoken(text)), heard)) is not None]
        return " ".join(text for _, text in sorted(found))


def _samples(pcm: bytes) -> npt.NDArray[np.float64]:
    return np.frombuffer(pcm, "<i2").astype(np.float64)


def _place_of(wanted: npt.NDArray[np.float64], heard: npt.NDArray[np.float64]) -> int | None:
    """Where in `heard` the whole of `wanted` is, or None."""
    size = 1 << (len(wanted) + len(heard)).bit_length()
    heard = np.concatenate([heard, np.zeros(len(wanted))])
    product = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size))
    alike = np.fft.irfft(product, size)[: len(heard) - len(wanted) + 1]
    energy = np.concatenate([[0.0], np.cumsum(heard**2)])
    norms = np.sqrt(np.maximum((energy[len(wanted) :] - energy[: len(alike)]) * np.sum(wanted**2), 1.0))
    likeness = alike / norms
    place = int(np.argmax(likeness))
    return place if likeness[place] >= ALIKE else None
