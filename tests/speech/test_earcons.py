"""Short sounds and short sentences."""

from itertools import combinations

import numpy as np
import pytest
from speech.engines import as_wave

from satellite.core.commands import Notice
from satellite.core.pcm import REPLY_RATE_HZ, ms_of_samples, samples_in
from satellite.speech.earcons import NAMES, WAKE, earcon
from satellite.speech.notices import sentence


def test_there_is_a_sound_for_every_notice_and_for_the_wake() -> None:
    assert {*Notice, WAKE} == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_sound_is_soft_short_and_begins_and_ends_in_silence(name: str) -> None:
    wave = as_wave(earcon(name))
    assert -20 < 20 * np.log10(np.abs(wave).max()) <= -12
    assert len(wave) / REPLY_RATE_HZ < 2
    assert np.abs(wave[[0, -1]]).max() < 0.001
    assert np.abs(np.diff(wave)).max() < 0.1  # a click would be a step


def test_the_sound_of_the_wake_is_over_within_150_ms() -> None:
    assert ms_of_samples(samples_in(earcon(WAKE)), REPLY_RATE_HZ) <= 150


@pytest.mark.parametrize(("one", "other"), list(combinations(sorted(NAMES), 2)))
def test_sounds_differ(one: str, other: str) -> None:
    size = min(len(earcon(one)), len(earcon(other))) // 2
    a, b = as_wave(earcon(one))[:size], as_wave(earcon(other))[:size]
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.7


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(KeyError):
        earcon("fanfare")


@pytest.mark.parametrize("notice", Notice)
def test_every_notice_has_a_sentence(notice: Notice) -> None:
    assert sentence(notice).endswith(".")
    assert 2 < len(sentence(notice).split()) < 12


def test_a_timer_is_called_by_its_name() -> None:
    assert sentence(Notice.TIMER, "pasta") == "Your pasta timer is done."
    assert sentence(Notice.TIMER) == "Your timer is done."


def test_a_refusal_comes_with_its_advice() -> None:
    assert sentence(Notice.REFUSED, "The key\nis not valid.").endswith("The key is not valid.")
