"""Voiced or not, piece by piece."""

import math

import numpy as np
import pytest

from gate.gate_hearing import in_noise, pause, said
from satellite.gate.endpointer import Piece
from satellite.gate.vad import VoiceDetector, level_dbfs
from satellite.simroom.people import sentence


def detector(floor_dbfs: float = -55.0) -> VoiceDetector:
    return VoiceDetector(aggressiveness=2, floor_dbfs=floor_dbfs)


def voiced_ms(pieces: list[Piece]) -> int:
    return sum(20 for piece in pieces if piece.voiced)


def test_level_is_rms_of_full_scale() -> None:
    assert level_dbfs(np.full(320, -32768, dtype="<i2").tobytes()) == pytest.approx(0.0)
    assert level_dbfs(np.full(320, 3277, dtype="<i2").tobytes()) == pytest.approx(-20.0, abs=0.01)
    assert level_dbfs(bytes(640)) == -math.inf
    assert level_dbfs(b"") == -math.inf


def test_pieces_cover_the_audio_with_absolute_numbers() -> None:
    pieces = list(detector().accept(1000, bytes(2 * 1000)))
    assert [(piece.first_sample, piece.end_sample) for piece in pieces] == [(1000, 1320), (1320, 1640), (1640, 1960)]


@pytest.mark.parametrize("voice", ["slt", "rms"])
def test_speech_is_voiced_and_noise_is_not(voice: str) -> None:
    question = said("What time is it?", voice)
    audio = in_noise(pause(1000) + question + pause(1000))
    pieces = list(detector().accept(0, audio))
    speech = range(16_000, 16_000 + len(question) // 2)
    inside = [piece for piece in pieces if piece.first_sample in speech]
    assert voiced_ms(inside) > 0.6 * 20 * len(inside)
    assert voiced_ms([piece for piece in pieces if piece.end_sample <= speech.start]) == 0


def test_below_the_floor_nothing_is_voice() -> None:
    soft = pause(500) + sentence("What time is it?", "slt", -46.0)
    assert voiced_ms(list(detector(-80.0).accept(0, soft))) > 400
    assert voiced_ms(list(detector(-30.0).accept(0, soft))) == 0


def test_the_first_sound_of_all_is_not_taken_for_voice() -> None:
    for seed in range(5):
        noise = in_noise(pause(1000), -45.0, seed)
        ears = detector()
        assert voiced_ms(list(ears.accept(0, noise))) == 0
        ears.reset()
        assert voiced_ms(list(ears.accept(100_000, noise))) == 0


def test_lost_audio_keeps_the_numbers_right() -> None:
    ears = detector()
    list(ears.accept(0, bytes(2 * 500)))
    assert [piece.first_sample for piece in ears.accept(10_000, bytes(2 * 700))] == [10_000, 10_320]
