"""People in the room: what they say, as sound at the microphone.

For whoever edits this: everyone is heard at one level (SPEECH_DBFS), because the room names its echo relative
to it; the silence around a sentence is cut, so that "speaks now" means now.
"""

import wave
from pathlib import Path

from satellite.core import pcm
from satellite.core.errors import SpeechError
from satellite.simroom.acoustics import at_speech_level, to_pcm, to_signal, without_margins
from satellite.speech.voice import synthesise

SPEECH_DBFS = -26.0
"""Level of speech at the microphone while it sounds: the usual one for speech in telephony (ITU-T P.56 / G.191)."""


def as_heard(spoken: bytes, level_dbfs: float = SPEECH_DBFS) -> bytes:
    """16 kHz s16le mono speech without its margins, at `level_dbfs`."""
    return to_pcm(at_speech_level(without_margins(to_signal(spoken)), level_dbfs))


def sentence(text: str, voice: str, level_dbfs: float = SPEECH_DBFS) -> bytes:
    """Someone saying `text` with that voice of flite: 16 kHz s16le mono. Blocks for 0.1 s. Raises SpeechError."""
    return as_heard(synthesise(text, voice, pcm.CAPTURE_RATE_HZ), level_dbfs)


def recorded(path: Path, level_dbfs: float = SPEECH_DBFS) -> bytes:
    """Someone recorded in a WAV of 16 kHz, 16 bit, mono. Raises SpeechError for another format or no file."""
    try:
        with wave.open(str(path), "rb") as file:
            shape = (file.getframerate(), file.getsampwidth(), file.getnchannels())
            spoken = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise SpeechError(f"{path}: not readable as WAV: {error}") from error
    if shape != (pcm.CAPTURE_RATE_HZ, pcm.SAMPLE_BYTES, 1):
        raise SpeechError(
            f"{path}: 16 kHz, 16 bit, mono is expected, not {shape[0]} Hz, {8 * shape[1]} bit, {shape[2]}"
        )
    return as_heard(spoken, level_dbfs)
