"""The server's speech detector against noise and against synthesised speech."""

import numpy as np
import pytest
from numpy.typing import NDArray

from live_server.sounds import Samples, at_level, noise, speech
from satellite.core.pcm import CAPTURE_RATE_HZ, FRAME_SAMPLES
from satellite.live_server.activity import HOLD_SCORE_DB, START_SCORE_DB
from satellite.live_server.speech_detector import SpeechDetector

START_DB = START_SCORE_DB["high"]
HOLD_DB = HOLD_SCORE_DB["high"]


def scores(samples: Samples) -> NDArray[np.float64]:
    """Score of each whole frame."""
    frames = samples[: len(samples) - len(samples) % FRAME_SAMPLES]
    pcm = (np.clip(frames, -1, 1) * 32767).astype(np.int16).reshape(-1, FRAME_SAMPLES)
    return np.array(SpeechDetector().score(pcm, START_DB))


@pytest.mark.parametrize("colour", ["white", "pink"])
@pytest.mark.parametrize("level_dbfs", [-70, -50, -45])
def test_a_minute_of_background_noise_is_no_speech(colour: str, level_dbfs: float) -> None:
    assert scores(noise(60, level_dbfs, colour)).max() < START_DB


@pytest.mark.parametrize("colour", ["white", "pink"])
def test_a_room_after_digital_silence_is_no_speech(colour: str) -> None:
    assert scores(np.concatenate([np.zeros(CAPTURE_RATE_HZ), noise(10, -50, colour)])).max() < START_DB


def test_a_loud_hum_that_stays_is_soon_background() -> None:
    seconds = np.arange(20 * CAPTURE_RATE_HZ) / CAPTURE_RATE_HZ
    hum = 0.05 * np.sin(2 * np.pi * 120 * seconds) + noise(20, -50, "pink")
    assert scores(hum)[5 * 50 :].max() < START_DB


@pytest.mark.parametrize("background_dbfs", [None, -50, -45])
@pytest.mark.parametrize("voice", ["slt", "rms", "kal16"])
def test_speech_is_heard_over_the_background(voice: str, background_dbfs: float | None) -> None:
    pause = np.zeros(CAPTURE_RATE_HZ)
    said = np.concatenate([pause, at_level(speech("what time is it in the kitchen", voice), -25), pause])
    levels_db = 10 * np.log10(np.mean(said[: len(said) // 320 * 320].reshape(-1, 320) ** 2, axis=1) + 1e-12)
    voiced = levels_db > levels_db.max() - 25
    if background_dbfs is not None:
        said = said + noise(len(said) / CAPTURE_RATE_HZ, background_dbfs, "pink")[: len(said)]
    found = scores(said)
    assert np.mean(found[voiced] >= HOLD_DB) > 0.85
    assert found[:49].max() < START_DB
    assert np.all(found[np.flatnonzero(voiced)[-1] + 5 :] < HOLD_DB)


def test_speech_from_the_very_first_sample_is_heard() -> None:
    said = at_level(speech("turn on the lamp"), -30)
    assert np.flatnonzero(scores(said[int(np.argmax(np.abs(said) > 0.01)) :]) >= START_DB)[0] < 5


def test_the_size_of_pieces_makes_no_difference() -> None:
    said = (at_level(speech("what time is it"), -25) * 32767).astype(np.int16)
    frames = said[: len(said) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    one_by_one = SpeechDetector()
    singly = [score for frame in frames for score in one_by_one.score(frame[np.newaxis], START_DB)]
    assert SpeechDetector().score(frames, START_DB) == pytest.approx(singly)
