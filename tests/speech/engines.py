"""Real engines for the tests of local speech: flite speaks, the recogniser's own process listens."""

import asyncio
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from satellite.core.pcm import CAPTURE_RATE_HZ, samples_of_ms, silence
from satellite.speech.recogniser import Recogniser
from satellite.speech.voice import synthesise

Engine = Literal["whisper", "grammar"]
ENGINES: tuple[Engine, ...] = ("whisper", "grammar")


def said(text: str, voice: str = "slt") -> bytes:
    """A person saying `text`, with half a second of silence around it: 16 kHz s16le mono."""
    pause = silence(samples_of_ms(500))
    return pause + synthesise(text, voice, CAPTURE_RATE_HZ) + pause


def letters(text: str) -> str:
    """What counts of a text: lower case, letters and digits, single spaces."""
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


def hear(engine: Engine, sounds: Sequence[bytes]) -> list[str]:
    """What a recogniser of that engine, in its own process, hears in each sound."""

    async def listen() -> list[str]:
        recogniser = Recogniser(engine)
        try:
            return [await recogniser.recognise(sound) for sound in sounds]
        finally:
            await recogniser.close()

    return asyncio.run(listen())


def as_pcm(wave: npt.NDArray[np.float64]) -> bytes:
    """A wave of -1 to 1 as s16le."""
    return bytes((np.clip(wave, -1, 1) * 32767).astype("<i2"))


def as_wave(pcm: bytes) -> npt.NDArray[np.float64]:
    """s16le as a wave of -1 to 1."""
    return np.frombuffer(pcm, "<i2").astype(np.float64) / 32768


def white_noise(duration_s: float, level_dbfs: float) -> bytes:
    """The same noise every time."""
    noise = np.random.default_rng(1).standard_normal(int(duration_s * CAPTURE_RATE_HZ))
    return as_pcm(noise * 10 ** (level_dbfs / 20))


def pink_noise(duration_s: float, level_dbfs: float) -> bytes:
    """The same noise every time, falling by 3 dB per octave."""
    noise = np.random.default_rng(2).standard_normal(int(duration_s * CAPTURE_RATE_HZ))
    spectrum = np.fft.rfft(noise)
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    pink = np.fft.irfft(spectrum, len(noise))
    return as_pcm(pink / pink.std() * 10 ** (level_dbfs / 20))


def tone(duration_s: float, frequency_hz: float, level_dbfs: float = -20, rate_hz: int = CAPTURE_RATE_HZ) -> bytes:
    """A bare sine."""
    phase = 2 * np.pi * frequency_hz / rate_hz * np.arange(int(duration_s * rate_hz))
    return as_pcm(np.sin(phase) * 10 ** (level_dbfs / 20))


def knocks(duration_s: float) -> bytes:
    """A knock on the table every half second."""
    wave = np.zeros(int(duration_s * CAPTURE_RATE_HZ))
    knock = np.exp(-np.arange(2000) / 300) * np.random.default_rng(3).standard_normal(2000) * 0.3
    for begin in range(0, len(wave) - len(knock), CAPTURE_RATE_HZ // 2):
        wave[begin : begin + len(knock)] += knock
    return as_pcm(wave)
