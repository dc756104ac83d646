"""Speech and noise for the gate, and a gate that hears them."""

from functools import cache

import numpy as np

from satellite.core.events import Event
from satellite.core.pcm import silence
from satellite.gate.gate import Gate
from satellite.settings import GateSettings
from satellite.simroom.acoustics import Filter, PinkNoise, impulse_response, to_pcm, to_signal
from satellite.simroom.people import sentence

said = cache(sentence)
"""A sentence in a voice, at the level of people in the room; synthesised once."""


def pause(ms: int) -> bytes:
    return silence(16 * ms)


def in_noise(audio: bytes, dbfs: float = -60.0, seed: int = 2) -> bytes:
    signal = to_signal(audio)
    return to_pcm(signal + PinkNoise(dbfs, seed=seed).next_block(signal.size))


def reverberant(audio: bytes, decay_ms: float = 600.0) -> bytes:
    """As it arrives in a bare room: the word's own tail goes on after its end."""
    room = Filter(impulse_response(delay_ms=0, decay_ms=decay_ms))
    return to_pcm(room.process(to_signal(audio)))


def hear(audio: bytes, settings: GateSettings | None = None, *, block_samples: int = 320) -> list[Event]:
    """What a new gate makes of it."""
    gate = Gate(settings or GateSettings())
    events: list[Event] = []
    for start in range(0, len(audio) // 2, block_samples):
        events += gate.accept(start, audio[start * 2 : (start + block_samples) * 2])
    return events


def clicks(seconds: int, per_second: int = 3, peak: float = 0.5) -> bytes:
    """Short knocks: 5 ms of decaying noise each."""
    signal = np.zeros(16_000 * seconds)
    generator = np.random.default_rng(4)
    for number in range(seconds * per_second):
        at = 16_000 * number // per_second
        signal[at : at + 80] = generator.standard_normal(80) * peak / 3 * np.exp(-np.arange(80) / 20)
    return to_pcm(signal)
