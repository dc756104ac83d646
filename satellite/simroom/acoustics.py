"""The physics of the room: levels, noise, the way from the loudspeaker to the microphone. Pure, on numpy.

For whoever edits this: signals are float64 with full scale at 1.0; randomness comes from seeds, so the same
room sounds the same every time. What is simulated is one loudspeaker, linear, and one diffuse tail; a real room
is worse (nonlinear loudspeakers, people who move).
"""

import math

import numpy as np
from numpy.typing import NDArray

from satellite.core.pcm import CAPTURE_RATE_HZ, samples_of_ms

Signal = NDArray[np.float64]

ACTIVE_DB = 35.0
"""What lies further than this below the loudest 20 ms is a pause, when the level of speech is measured."""

_FRAME_SAMPLES = samples_of_ms(20)


def to_signal(pcm: bytes) -> Signal:
    """s16le mono as a signal."""
    return np.frombuffer(pcm, dtype="<i2").astype(np.float64) / 32768


def to_pcm(signal: Signal) -> bytes:
    """A signal as s16le mono, clipped at full scale as a converter clips."""
    clipped: bytes = np.clip(np.rint(signal * 32768), -32768, 32767).astype("<i2").tobytes()
    return clipped


def gain_of(level_db: float) -> float:
    """The factor of amplitude that is `level_db` decibels."""
    return float(10 ** (level_db / 20))


def level_dbfs(signal: Signal) -> float:
    """RMS level in dB of full scale (a full-scale square wave is 0); -inf for silence."""
    power = float(np.mean(signal**2)) if signal.size else 0.0
    return 10 * math.log10(power) if power > 0 else -math.inf


def _active_frames(signal: Signal) -> NDArray[np.bool_]:
    """Which of the signal's whole 20 ms frames are sound, not pause."""
    frames = signal[: signal.size - signal.size % _FRAME_SAMPLES].reshape(-1, _FRAME_SAMPLES)
    powers = np.mean(frames**2, axis=1)
    loudest = float(powers.max(initial=0.0))
    active: NDArray[np.bool_] = (powers > loudest * 10 ** (-ACTIVE_DB / 10)) & (powers > 0)
    return active


def speech_level_dbfs(signal: Signal) -> float:
    """RMS level of speech while it sounds, pauses left out, in dB of full scale; -inf for silence."""
    active = _active_frames(signal)
    return level_dbfs(signal[: active.size * _FRAME_SAMPLES].reshape(-1, _FRAME_SAMPLES)[active].ravel())


def at_speech_level(signal: Signal, target_dbfs: float) -> Signal:
    """The same speech with an active level of `target_dbfs`. Silence stays silence."""
    level = speech_level_dbfs(signal)
    return signal if level == -math.inf else signal * gain_of(target_dbfs - level)


def without_margins(signal: Signal) -> Signal:
    """The same speech without the silence before and after it (whole 20 ms frames of it)."""
    sounding = np.flatnonzero(_active_frames(signal))
    if not sounding.size:
        return signal[:0]
    return signal[sounding[0] * _FRAME_SAMPLES : (sounding[-1] + 1) * _FRAME_SAMPLES]


def impulse_response(*, delay_ms: float, decay_ms: float, seed: int = 1) -> Signal:
    """From loudspeaker to microphone: the direct sound after `delay_ms`, then a tail.

    The tail is noise that has fallen by 60 dB after `decay_ms` (kept to 40 dB), 3 dB weaker as a whole than the
    direct sound, as at a metre's distance in a furnished room. The energy of all is 1: it delays and smears, and
    leaves the level to the caller.
    """
    delay = samples_of_ms(delay_ms)
    tail_samples = samples_of_ms(decay_ms * 2 / 3)
    response = np.zeros(delay + 1 + tail_samples)
    response[delay] = 1.0
    if tail_samples:
        fall = 10 ** (-3 * np.arange(tail_samples) / samples_of_ms(decay_ms))
        tail = np.random.default_rng(seed).standard_normal(tail_samples) * fall
        response[delay + 1 :] = tail * gain_of(-3.0) / math.sqrt(float(np.sum(tail**2)))
    return response / math.sqrt(float(np.sum(response**2)))


class Filter:
    """A signal through an impulse response, block by block. Driven by the room."""

    def __init__(self, response: Signal) -> None:
        """`response`: at least one sample."""
        self._response = response
        self._spectra: dict[int, NDArray[np.complex128]] = {}
        self._tail = np.zeros(response.size - 1)

    def process(self, block: Signal) -> Signal:
        """The next block, filtered: as many samples as went in."""
        full = block.size + self._response.size - 1
        size = 1 << (full - 1).bit_length()
        if size not in self._spectra:
            self._spectra[size] = np.fft.rfft(self._response, size)
        out = np.fft.irfft(np.fft.rfft(block, size) * self._spectra[size], size)[:full]
        out[: self._tail.size] += self._tail
        self._tail = out[block.size :]
        return out[: block.size]


class PinkNoise:
    """Background noise without an end: power falls by 3 dB per octave, from 20 Hz. Driven by the room."""

    def __init__(self, noise_dbfs: float, *, seed: int = 2) -> None:
        """`noise_dbfs`: its RMS level in dB of full scale; -inf: none."""
        size = 1 << 18  # 16 s, made in the frequency domain: it joins itself without a seam
        frequencies = np.fft.rfftfreq(size, 1 / CAPTURE_RATE_HZ)
        generator = np.random.default_rng(seed)
        spectrum = generator.standard_normal(frequencies.size) + 1j * generator.standard_normal(frequencies.size)
        spectrum *= np.where(frequencies >= 20, 1 / np.sqrt(np.maximum(frequencies, 20)), 0)
        loop = np.fft.irfft(spectrum, size)
        self._loop = loop * gain_of(noise_dbfs - level_dbfs(loop))
        self._at = 0

    def next_block(self, samples: int) -> Signal:
        """The next `samples` of it."""
        indices = np.arange(self._at, self._at + samples) % self._loop.size
        self._at += samples
        return self._loop[indices]
