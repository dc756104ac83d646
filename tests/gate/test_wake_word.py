"""The wake word, on synthesised speech that is known to fire it (flite slt and rms)."""

import re

import pytest

from gate.gate_hearing import in_noise, pause, said
from satellite.core.errors import ConfigError
from satellite.gate.wake_word import WakeWordDetector


def detector(word: str = "hey_jarvis", threshold: float = 0.0, refractory_ms: int = 2000) -> WakeWordDetector:
    return WakeWordDetector(word, threshold=threshold, refractory_ms=refractory_ms)


def hey_jarvis(voice: str = "slt", before_ms: int = 1000, after_ms: int = 1500) -> bytes:
    return in_noise(pause(before_ms) + said("hey jarvis", voice) + pause(after_ms))


@pytest.mark.parametrize("voice", ["slt", "rms"])
def test_the_word_fires_once_soon_after_its_end(voice: str) -> None:
    detections = list(detector().accept(0, hey_jarvis(voice)))
    assert len(detections) == 1
    end = 16_000 + len(said("hey jarvis", voice)) // 2
    assert -3200 < detections[0].at_sample - end < 4800
    assert detections[0].score >= 0.97


@pytest.mark.parametrize("word", ["okay_nabu", "hey_mycroft", "alexa"])
def test_another_word_does_not_fire_on_it(word: str) -> None:
    assert list(detector(word).accept(0, hey_jarvis())) == []


def test_alexa_fires_its_own_model() -> None:
    audio = in_noise(pause(1000) + said("alexa", "slt") + pause(1000))
    assert len(list(detector("alexa", threshold=0.5).accept(0, audio))) == 1


def test_the_refractory_time_is_counted_in_samples() -> None:
    first, again = hey_jarvis(after_ms=200), hey_jarvis(before_ms=100)
    assert len(list(detector(refractory_ms=3000).accept(0, first + again))) == 1
    assert len(list(detector(refractory_ms=500).accept(0, first + again))) == 2
    ears = detector(refractory_ms=3000)
    assert len(list(ears.accept(0, first))) == 1
    assert len(list(ears.accept(100_000, again))) == 1  # lost audio is time, too


def test_a_word_that_stays_above_the_threshold_fires_once_even_without_refractory_time() -> None:
    assert len(list(detector(refractory_ms=0).accept(0, hey_jarvis()))) == 1


def test_a_lower_threshold_fires_earlier_or_at_once() -> None:
    (own,) = detector().accept(0, hey_jarvis("rms"))
    (low,) = detector(threshold=0.5).accept(0, hey_jarvis("rms"))
    assert low.at_sample <= own.at_sample
    assert 0.5 <= low.score <= own.score


def test_a_threshold_of_one_is_a_threshold_and_not_the_models_own() -> None:
    assert list(detector(threshold=1.0).accept(0, hey_jarvis())) == []


def test_reset_forgets_the_word_that_was_just_heard() -> None:
    audio = hey_jarvis()
    ears = detector(threshold=0.5, refractory_ms=0)
    (heard,) = ears.accept(0, audio)
    ears = detector(threshold=0.5, refractory_ms=0)
    middle = heard.at_sample + 1600  # the model is still above its threshold here
    assert list(ears.accept(0, audio[: middle * 2])) == [heard]
    ears.reset()
    assert list(ears.accept(middle, audio[middle * 2 :])) == []


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_after_reset_the_word_fires_as_before_wherever_the_model_stood(steps: int) -> None:
    ears = detector()
    (before,) = ears.accept(0, hey_jarvis())
    list(ears.accept(500_000, pause(10 * steps)))
    ears.reset()
    (after,) = ears.accept(1_000_000, hey_jarvis())
    assert after.at_sample - 1_000_000 == before.at_sample


def test_an_unknown_word_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ConfigError, match=re.escape("gate.wake_word: no model for 'hey_you'")) as refusal:
        detector("hey_you")
    assert "alexa, hey_jarvis, hey_mycroft, okay_nabu" in str(refusal.value)
