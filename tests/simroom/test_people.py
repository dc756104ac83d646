"""What people say in the simulated room."""

import wave
from pathlib import Path

import pytest

from satellite.core.errors import SpeechError
from satellite.simroom.acoustics import speech_level_dbfs, to_signal
from satellite.simroom.people import SPEECH_DBFS, as_heard, recorded, sentence


def write_wav(path: Path, pcm: bytes, rate_hz: int = 16_000, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setframerate(rate_hz)
        file.setsampwidth(2)
        file.setnchannels(channels)
        file.writeframes(pcm)
    return path


@pytest.mark.parametrize("voice", ["slt", "rms"])
def test_a_sentence_is_speech_at_the_named_level_without_margins(voice: str) -> None:
    said = to_signal(sentence("What time is it?", voice))
    assert 8_000 < said.size < 24_000
    assert speech_level_dbfs(said) == pytest.approx(SPEECH_DBFS, abs=0.2)
    assert abs(said[:320]).max() > 0.0005
    assert speech_level_dbfs(to_signal(sentence("What time is it?", voice, -40.0))) == pytest.approx(-40.0, abs=0.5)


def test_a_recording_is_brought_to_the_same_level(tmp_path: Path) -> None:
    said = sentence("yes", "rms", -15.0)
    path = write_wav(tmp_path / "yes.wav", bytes(6400) + said + bytes(6400))
    assert recorded(path) == as_heard(said)


def test_a_recording_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match="not 8000 Hz, 16 bit, 1"):
        recorded(write_wav(tmp_path / "telephone.wav", bytes(100), rate_hz=8000))
    with pytest.raises(SpeechError, match="not 16000 Hz, 16 bit, 2"):
        recorded(write_wav(tmp_path / "stereo.wav", bytes(100), channels=2))


def test_what_is_not_a_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match=r"gone\.wav: not readable as WAV"):
        recorded(tmp_path / "gone.wav")
    (tmp_path / "text.wav").write_text("no sound in here")
    with pytest.raises(SpeechError, match=r"text\.wav: not readable as WAV"):
        recorded(tmp_path / "text.wav")
