"""EchoCanceller: it cancels, it lets speech through, it takes nothing but 10 ms, it touches no network."""

import subprocess
import sys
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from satellite.audio.echo import PIECE_BYTES, EchoCanceller
from satellite.audio.resample import resample

Sound = NDArray[np.float64]


def speech_like(seconds: float, rate_hz: int, seed: int) -> Sound:
    """Noise in syllables: 3 a second, of changing loudness, with the highs of speech taken off."""
    samples = int(seconds * rate_hz)
    noise = np.random.default_rng(seed).standard_normal(samples)
    time_s = np.arange(samples) / rate_hz
    envelope = (0.1 + 0.9 * (np.sin(2 * np.pi * 3.1 * time_s) > -0.2)) * (0.6 + 0.4 * np.sin(2 * np.pi * 0.7 * time_s))
    sound = np.convolve(noise, np.ones(6) / 6, "same") * envelope
    return cast(Sound, sound / np.abs(sound).max() * 12_000)


def pcm(sound: Sound) -> bytes:
    return np.clip(np.rint(sound), -32768, 32767).astype("<i2").tobytes()


def sound(samples: bytes) -> Sound:
    return np.frombuffer(samples, dtype="<i2").astype(np.float64)


def echo_in_a_room(far: bytes, delay_ms: int) -> Sound:
    """What a microphone at 16 kHz hears of 24 kHz PCM: delayed, with reflections, and a little noise."""
    room = np.zeros(800)
    room[[0, 150, 420, 700]] = 0.4, 0.12, -0.07, 0.04
    heard = np.convolve(sound(resample(far, 24_000, 16_000)), room)
    heard = np.concatenate([np.zeros(delay_ms * 16), heard])[: len(far) // 3]
    return heard + np.random.default_rng(5).standard_normal(len(heard)) * 3


def cancel(canceller: EchoCanceller, microphone: bytes, far: bytes) -> Sound:
    cleaned = b""
    for number in range(len(microphone) // PIECE_BYTES):
        canceller.hear_reference(far[number * 480 : (number + 1) * 480], 24_000)
        cleaned += canceller.clean(microphone[number * PIECE_BYTES : (number + 1) * PIECE_BYTES])
    return sound(cleaned)


def level_db(of: Sound) -> float:
    return float(10 * np.log10(np.mean(of**2) + 1e-9))


@pytest.mark.parametrize("delay_ms", [20, 80, 250])
@pytest.mark.parametrize("noise_suppression", [False, True])
def test_the_echo_is_20_db_down_after_convergence(delay_ms: int, noise_suppression: bool) -> None:
    far = pcm(speech_like(6, 24_000, seed=1))
    microphone = echo_in_a_room(far, delay_ms)
    canceller = EchoCanceller(echo_cancellation=True, noise_suppression=noise_suppression)
    cleaned = cancel(canceller, pcm(microphone), far)
    assert level_db(microphone[48_000:]) - level_db(cleaned[48_000:]) > 20


def test_without_playback_the_voice_passes_through() -> None:
    voice = speech_like(4, 16_000, seed=2)
    canceller = EchoCanceller(echo_cancellation=True, noise_suppression=False)
    cleaned = cancel(canceller, pcm(voice), bytes(2 * 24_000 * 4))
    assert abs(level_db(voice[16_000:]) - level_db(cleaned[16_000:])) < 3


def test_a_voice_louder_than_the_echo_is_still_there() -> None:
    far = pcm(speech_like(8, 24_000, seed=1))
    echo = echo_in_a_room(far, 80)
    voice = speech_like(8, 16_000, seed=3)
    voice[: 5 * 16_000] = 0
    voice *= 10 ** ((9 + level_db(echo[80_000:]) - level_db(voice[80_000:])) / 20)
    canceller = EchoCanceller(echo_cancellation=True, noise_suppression=False)
    cleaned = cancel(canceller, pcm(echo + voice), far)
    alone, cut_in = cleaned[48_000:80_000], cleaned[80_000:]
    assert level_db(cut_in) - level_db(alone) > 20


@pytest.mark.parametrize("size", [0, PIECE_BYTES - 2, PIECE_BYTES + 2, 2 * PIECE_BYTES])
def test_a_wrong_size_is_refused(size: int) -> None:
    canceller = EchoCanceller(echo_cancellation=True, noise_suppression=False)
    with pytest.raises(ValueError, match="320 bytes"):
        canceller.clean(bytes(size))
    with pytest.raises(ValueError, match="480 bytes"):
        canceller.hear_reference(bytes(size), 24_000)


def test_a_wrong_rate_is_refused() -> None:
    canceller = EchoCanceller(echo_cancellation=True, noise_suppression=False)
    with pytest.raises(ValueError, match="44100 Hz"):
        canceller.hear_reference(bytes(882), 44_100)


_USE_IT = """
import os, sys
from satellite.audio import capture_path
assert not any(name.partition(".")[0] == "livekit" for name in sys.modules), "imported before it is needed"
from satellite.audio.echo import EchoCanceller
canceller = EchoCanceller(echo_cancellation=True, noise_suppression=True)
for _ in range(50):
    canceller.hear_reference(bytes(480), 24000)
    canceller.clean(bytes(320))
held = set()
for descriptor in os.listdir("/proc/self/fd"):
    try:
        held.add(os.readlink(f"/proc/self/fd/{descriptor}"))
    except FileNotFoundError:
        continue
for family in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6", "packet"):
    with open(f"/proc/self/net/{family}") as table:
        column = 8 if family == "packet" else 9
        inodes = {f"socket:[{line.split()[column]}]" for line in table.readlines()[1:]}
    assert not held & inodes, f"a {family} socket: {held & inodes}"
"""


def test_it_is_imported_when_needed_and_opens_no_network_socket() -> None:
    subprocess.run([sys.executable, "-c", _USE_IT], check=True, timeout=60)
