"""Audio of any rate becomes 16 kHz; what is no PCM is refused."""

import numpy as np
import pytest

from satellite.live_server.audio_input import AudioInput, rate_of
from satellite.live_server.refusals import INVALID_ARGUMENT, Refusal


def tone(rate_hz: int, seconds: float = 1.0) -> bytes:
    """A tone of 440 Hz."""
    return (8000 * np.sin(2 * np.pi * 440 * np.arange(int(rate_hz * seconds)) / rate_hz)).astype("<i2").tobytes()


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 24000, 44100, 48000])
def test_any_rate_becomes_16_khz(rate_hz: int) -> None:
    audio, pcm = AudioInput(), tone(rate_hz)
    pieces = [audio.accept(pcm[i : i + 1001], f"audio/pcm;rate={rate_hz}") for i in range(0, len(pcm), 1001)]
    got = np.frombuffer(b"".join([*pieces, audio.flush()]), dtype="<i2").astype(float)
    assert len(got) == pytest.approx(16000, abs=2)
    want = np.frombuffer(tone(16000), dtype="<i2")[: len(got)]
    assert np.corrcoef(got[500:-500], want[500 : len(got) - 500])[0, 1] > 0.999


def test_16_khz_passes_untouched() -> None:
    assert AudioInput().accept(b"\1\2\3\4", "audio/pcm;rate=16000") == b"\1\2\3\4"


def test_a_sample_split_between_two_blobs_is_joined() -> None:
    audio = AudioInput()
    assert audio.accept(b"\1\2\3", "audio/pcm") + audio.accept(b"\4", "audio/pcm") == b"\1\2\3\4"


def test_after_a_flush_the_stream_goes_on() -> None:
    audio, kind = AudioInput(), "audio/pcm;rate=48000"
    sizes = [len(audio.accept(tone(48000), kind) + audio.flush()) // 2 for _ in range(2)]
    assert sizes == pytest.approx([16000, 16000], abs=2)


def test_a_change_of_rate_loses_nothing() -> None:
    audio = AudioInput()
    got = audio.accept(tone(48000), "audio/pcm;rate=48000") + audio.accept(tone(16000), "audio/pcm;rate=16000")
    assert len(got) // 2 == pytest.approx(32000, abs=2)


@pytest.mark.parametrize(
    ("mime_type", "rate_hz"),
    [("audio/pcm", 16000), ("audio/pcm;rate=8000", 8000), ("Audio/PCM; Rate=24000", 24000), ("audio/pcm;x=1", 16000)],
)
def test_the_rate_is_in_the_mime_type(mime_type: str, rate_hz: int) -> None:
    assert rate_of(mime_type) == rate_hz


@pytest.mark.parametrize("mime_type", ["", "audio/wav", "audio/pcm;rate=", "audio/pcm;rate=0", "audio/pcm;rate=-1"])
def test_what_is_no_pcm_is_refused(mime_type: str) -> None:
    with pytest.raises(Refusal) as refused:
        rate_of(mime_type)
    assert (refused.value.code, refused.value.reason) == (1007, INVALID_ARGUMENT)
