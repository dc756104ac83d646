"""Short sounds, computed: one for each Notice, and one for "I am listening".

A sound is a row of tones; each swells and fades softly, and none is louder than PEAK_DBFS. They must be told
apart by ear: rising is good news, falling is bad news, the timer repeats. The one for the wake stays
within 150 ms, because the user is already talking.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from satellite.core.commands import Notice
from satellite.core.pcm import REPLY_RATE_HZ, samples_of_ms

PEAK_DBFS = -14.0
ATTACK_MS = 8
OVERTONE = 0.18
"""Share of the octave above: a bare sine sounds like test equipment."""

_FULL_SCALE = 32_767
WAKE = "wake"


@dataclass(frozen=True, slots=True)
class _Tone:
    """One tone; frequency 0 is a rest."""

    frequency_hz: float
    duration_ms: int


_A4, _C5, _E5, _G5, _A5, _C6, _E6 = 440.0, 523.25, 659.26, 783.99, 880.0, 1046.5, 1318.5

_SOUNDS: dict[str, tuple[_Tone, ...]] = {
    WAKE: (_Tone(_G5, 60), _Tone(_C6, 80)),
    Notice.NOT_UNDERSTOOD: (_Tone(_E5, 120), _Tone(_C5, 180)),
    Notice.NO_ANSWER: (_Tone(_E5, 90), _Tone(0, 60), _Tone(_E5, 90), _Tone(_C5, 200)),
    Notice.BUDGET_NEARLY_USED: (_Tone(_C6, 110), _Tone(_A5, 200)),
    Notice.BUDGET_USED: (_Tone(_C6, 110), _Tone(_A5, 110), _Tone(_E5, 260)),
    Notice.NO_CONNECTION: (_Tone(_G5, 110), _Tone(_E5, 110), _Tone(_C5, 220)),
    Notice.NO_MICROPHONE: (_Tone(_A4, 160), _Tone(0, 60), _Tone(_A4, 260)),
    Notice.REFUSED: (_Tone(_C5, 140), _Tone(_A4, 320)),
    Notice.TIMER: tuple(_Tone(f, d) for _ in range(3) for f, d in ((_C6, 130), (_E6, 170), (0, 250))),
}

NAMES = frozenset(str(name) for name in _SOUNDS)


@cache
def earcon(name: str) -> bytes:
    """The sound called `name` (a Notice's value, or "wake"): 24 kHz s16le mono. Raises KeyError for another."""
    wave = np.concatenate([_wave(tone) for tone in _SOUNDS[name]])
    level = 10 ** (PEAK_DBFS / 20) / float(np.abs(wave).max())
    return bytes((wave * (level * _FULL_SCALE)).astype("<i2"))


def _wave(tone: _Tone) -> npt.NDArray[np.float64]:
    """A tone that swells for ATTACK_MS and dies away to nothing at its end."""
    samples = samples_of_ms(tone.duration_ms, REPLY_RATE_HZ)
    phase = 2 * np.pi * tone.frequency_hz / REPLY_RATE_HZ * np.arange(samples)
    attack = min(samples_of_ms(ATTACK_MS, REPLY_RATE_HZ), samples)
    envelope = np.cos(np.linspace(0, np.pi / 2, samples)) ** 2
    envelope[:attack] *= np.sin(np.linspace(0, np.pi / 2, attack)) ** 2
    wave: npt.NDArray[np.float64] = (np.sin(phase) + OVERTONE * np.sin(2 * phase)) * envelope
    return wave
