"""flite's voices at the rates of the satellite, and what happens when flite is not there or hangs."""

import asyncio
import os
import select
from pathlib import Path

import numpy as np
import pytest
from speech.engines import as_wave, hear, letters, tone

from satellite.core.errors import SpeechError
from satellite.speech.voice import Voice, pronounceable, resample, synthesise

TEXT = "The quick brown fox jumps over the lazy dog."


def install(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a program of that text the first `flite` that is found."""
    program = folder / "flite"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.mark.parametrize("voice", ["slt", "rms", "awb", "kal16"])
def test_the_voice_speaks_at_24_khz_as_long_as_at_16(voice: str) -> None:
    at_16_khz = as_wave(synthesise(TEXT, voice, 16_000))
    at_24_khz = as_wave(asyncio.run(Voice(voice).speak(TEXT)))
    assert 1.5 < len(at_16_khz) / 16_000 < 6
    assert len(at_24_khz) == pytest.approx(len(at_16_khz) * 1.5, abs=1)
    assert at_24_khz.std() == pytest.approx(at_16_khz.std(), rel=0.01)


def test_at_24_khz_there_is_nothing_above_what_flite_has() -> None:
    power = np.abs(np.fft.rfft(as_wave(synthesise(TEXT, "slt", 24_000)))) ** 2
    frequencies_hz = np.linspace(0, 12_000, len(power))
    assert 10 * np.log10(power[frequencies_hz > 8_100].sum() / power.sum()) < -60


def test_what_is_spoken_at_24_khz_is_understood() -> None:
    spoken = [synthesise("Tell me what time it is, please.", voice, 24_000) for voice in ("slt", "rms")]
    heard = hear("whisper", [resample(sound, 24_000, 16_000) for sound in spoken])
    assert [letters(text) for text in heard] == ["tell me what time it is please"] * 2


@pytest.mark.parametrize(("from_hz", "to_hz"), [(16_000, 24_000), (24_000, 16_000), (8_000, 24_000), (16_000, 48_000)])
def test_a_tone_stays_the_same_tone(from_hz: int, to_hz: int) -> None:
    before, wanted = tone(0.5, 997, -6, from_hz), tone(0.5, 997, -6, to_hz)
    after = as_wave(resample(before, from_hz, to_hz))
    assert len(after) == len(as_wave(wanted))
    middle = slice(len(after) // 4, -len(after) // 4)  # its ends are steps, not tones
    difference = (after - as_wave(wanted))[middle]
    assert 20 * np.log10(difference.std() / as_wave(wanted).std()) < -60


def test_resampling_nothing_gives_nothing() -> None:
    assert resample(b"", 16_000, 24_000) == b""
    assert resample(b"ab", 16_000, 16_000) == b"ab"


def test_several_sentences_are_all_spoken() -> None:
    one, three = (synthesise(text, "slt", 16_000) for text in ("One is here.", "One is here. Two is there! And three?"))
    assert len(three) > 2 * len(one)


def test_text_is_text_and_never_a_command(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    sound = synthesise(f"-o $(touch {trap}); `touch {trap}` | touch {trap} -voice none", "slt", 16_000)
    assert sound
    assert not trap.exists()


@pytest.mark.parametrize("text", ["", "   ", "...", "\n", "\u2602", "-"])
def test_nothing_to_pronounce_is_no_sound(text: str) -> None:
    assert synthesise(text, "slt", 24_000) == b""


def test_what_flite_cannot_read_is_written_for_it() -> None:
    assert pronounceable("H\u00e9llo \u2602 it\u2019s\n\u201cfine\u201d \u2026\x00") == 'Hello it\'s "fine" .'


def test_without_flite_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SpeechError, match=r"^there is no voice: the program flite is not installed$"):
        synthesise(TEXT, "slt", 24_000)
    with pytest.raises(SpeechError, match="flite is not installed"):
        asyncio.run(Voice("slt").speak(TEXT))


def test_flite_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "echo 'out of ideas' >&2; exit 3", monkeypatch)
    with pytest.raises(SpeechError, match="flite failed: out of ideas"):
        synthesise(TEXT, "slt", 24_000)


def test_flite_that_gives_no_sound_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "exit 0", monkeypatch)
    with pytest.raises(SpeechError, match="no sound for voice 'slt'"):
        synthesise(TEXT, "slt", 24_000)


def test_cancelling_ends_flite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = tmp_path / "started"
    os.mkfifo(started)
    install(tmp_path, f"echo $$ > {started}; exec sleep 600", monkeypatch)

    async def scenario() -> bool:
        loop = asyncio.get_running_loop()
        speaking = asyncio.create_task(Voice("slt").speak(TEXT))
        pid = int(await loop.run_in_executor(None, started.read_text))
        ended = os.pidfd_open(pid)
        try:
            speaking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await speaking
            readable, _, _ = await loop.run_in_executor(None, lambda: select.select([ended], [], [], 30))
            return bool(readable)
        finally:
            os.close(ended)

    assert asyncio.run(scenario())
