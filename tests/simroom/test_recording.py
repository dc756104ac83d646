"""The stereo recording of the room."""

import wave
from pathlib import Path

import numpy as np
import pytest

from satellite.simroom.recording import Recorder


def both_sides(path: Path) -> tuple[list[int], list[int]]:
    with wave.open(str(path), "rb") as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 2, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    return samples[0::2].tolist(), samples[1::2].tolist()


def block(*samples: int) -> bytes:
    return np.array(samples, dtype="<i2").tobytes()


def test_left_is_the_microphone_and_right_the_speaker(tmp_path: Path) -> None:
    with Recorder(tmp_path / "conversation.wav") as recorder:
        recorder.write(block(1, -2), block(3, 4))
        recorder.write(block(5), block(-6))
    assert both_sides(tmp_path / "conversation.wav") == ([1, -2, 5], [3, 4, -6])


def test_the_file_plays_while_it_is_being_written(tmp_path: Path) -> None:
    with Recorder(tmp_path / "conversation.wav") as recorder:
        for _ in range(60):
            recorder.write(bytes(640), bytes(640))
        left, _ = both_sides(tmp_path / "conversation.wav")
        assert len(left) >= 16_000


def test_unequal_sides_are_refused(tmp_path: Path) -> None:
    with Recorder(tmp_path / "conversation.wav") as recorder, pytest.raises(ValueError, match="equally long"):
        recorder.write(bytes(4), bytes(2))


def test_closing_twice_is_harmless(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "conversation.wav")
    recorder.close()
    recorder.close()
    assert both_sides(tmp_path / "conversation.wav") == ([], [])
