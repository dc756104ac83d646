"""Levels, noise and echo of the simulated room."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satellite.simroom.acoustics import (
    Filter,
    PinkNoise,
    Signal,
    at_speech_level,
    gain_of,
    impulse_response,
    level_dbfs,
    speech_level_dbfs,
    to_pcm,
    to_signal,
    without_margins,
)


def tone(samples: int, amplitude: float = 0.1) -> Signal:
    return amplitude * np.sin(2 * np.pi * 440 * np.arange(samples) / 16_000)


def test_pcm_and_signal_are_the_same_samples() -> None:
    pcm = np.array([-32768, -1, 0, 1, 32767], dtype="<i2").tobytes()
    assert to_pcm(to_signal(pcm)) == pcm


def test_what_is_too_loud_is_clipped_not_wrapped() -> None:
    assert np.frombuffer(to_pcm(np.array([1.7, -1.7])), dtype="<i2").tolist() == [32767, -32768]


def test_level_of_a_sine_is_three_decibels_below_its_peak() -> None:
    assert level_dbfs(tone(16_000, 0.1)) == pytest.approx(-23.01, abs=0.01)
    assert level_dbfs(np.zeros(10)) == -math.inf


def test_pauses_do_not_lower_the_level_of_speech() -> None:
    spoken = np.concatenate([np.zeros(8000), tone(8000), np.zeros(16_000), tone(8000), np.zeros(3200)])
    assert speech_level_dbfs(spoken) == pytest.approx(-23.01, abs=0.01)
    assert speech_level_dbfs(at_speech_level(spoken, -40.0)) == pytest.approx(-40.0, abs=0.01)
    assert without_margins(spoken).size == 32_000


def test_silence_has_no_level_to_set_and_no_middle() -> None:
    assert not at_speech_level(np.zeros(4000), -26.0).any()
    assert without_margins(np.zeros(4000)).size == 0
    assert without_margins(np.zeros(0)).size == 0


def test_impulse_response_delays_by_its_delay_and_keeps_the_energy() -> None:
    response = impulse_response(delay_ms=60, decay_ms=150)
    assert np.argmax(np.abs(response)) == 960
    assert not response[:960].any()
    assert np.sum(response**2) == pytest.approx(1.0)
    early, late = response[961:1761], response[1761:]
    assert np.sum(early**2) > 50 * np.sum(late**2)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 900), min_size=1, max_size=12))
def test_the_echo_does_not_depend_on_the_blocks(lengths: list[int]) -> None:
    signal = np.random.default_rng(3).standard_normal(sum(lengths))
    response = impulse_response(delay_ms=5, decay_ms=40)
    echo = Filter(response)
    ends = np.cumsum(lengths)
    blocks = [echo.process(signal[end - length : end]) for end, length in zip(ends, lengths, strict=True)]
    assert np.allclose(np.concatenate(blocks), np.convolve(signal, response)[: signal.size])


def test_noise_has_its_level_and_falls_with_frequency() -> None:
    noise = PinkNoise(-50.0).next_block(1 << 18)
    assert level_dbfs(noise) == pytest.approx(-50.0, abs=0.01)
    power = np.abs(np.fft.rfft(noise)) ** 2
    hz = np.fft.rfftfreq(noise.size, 1 / 16_000)
    octaves = [power[(hz >= low) & (hz < 2 * low)].sum() for low in (125, 500, 2000)]
    assert max(octaves) / min(octaves) < 1.2  # equal power in every octave


def test_noise_goes_on_where_it_was_and_joins_itself() -> None:
    first, second = PinkNoise(-50.0), PinkNoise(-50.0)
    pieces = np.concatenate([first.next_block(320) for _ in range(1000)])
    assert np.array_equal(pieces, second.next_block(320_000))
    seam = np.abs(np.diff(pieces))[(1 << 18) - 1]
    assert seam < 8 * np.abs(np.diff(pieces)).std()


def test_no_noise_is_silence() -> None:
    assert not PinkNoise(-math.inf).next_block(100).any()
    assert gain_of(-math.inf) == 0
