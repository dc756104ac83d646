"""Sound like speech, for both directions of the benchmark: the same in every process and every run.

Syllables of a harmonic voice with breath noise and pauses between words: what deflate and base64 make of it is
what they make of a recording, which silence or a sawtooth would not show.
"""

import array
import math
import random
import sys

PITCH_HZ = 130.0
SYLLABLE_S = 0.22
PEAK = 9000.0


def speech_like(duration_s: float, rate_hz: int) -> bytes:
    """`duration_s` of s16le mono at `rate_hz`; for one rate always the same bytes."""
    dice = random.Random(rate_hz)
    samples = array.array("h")
    total = int(duration_s * rate_hz)
    while len(samples) < total:
        length = int(SYLLABLE_S * rate_hz * dice.uniform(0.7, 1.3))
        loudness = PEAK * dice.choice((0.0, 0.4, 0.7, 1.0))
        pitch = 2 * math.pi * PITCH_HZ * dice.uniform(0.85, 1.2) / rate_hz
        overtones = [(number, dice.uniform(0.1, 1.0) / number) for number in range(1, 8)]
        for place in range(length):
            voice = sum(height * math.sin(pitch * number * place) for number, height in overtones)
            envelope = math.sin(math.pi * place / length)
            samples.append(int(loudness * envelope * (voice + dice.gauss(0, 0.1)) / 3 + dice.gauss(0, 12)))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples[:total].tobytes()
