"""`run --substitute` in the simulated room, on simulated time: the conversation as it is shown, and one that fails."""

import asyncio
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.house import Understands, live

from satellite.app.configuration import load
from satellite.app.demonstration import _converse
from satellite.app.show import Show
from satellite.app.substitute import Plan, Substitutes
from satellite.core.pcm import CAPTURE_RATE_HZ
from satellite.live_server.faults import Faults
from satellite.live_server.server import LiveServer
from satellite.settings import AudioSettings, ServerSettings, Settings
from satellite.simroom.recording import Recorder
from satellite.simroom.script import CONVERSATION

SETS = ("mqtt.enabled=false",)
ROOM_AND_SERVER = Plan(AudioSettings(), room=True, server=True, broker=False, lines=())
LONGEST_S = 600.0
"""Simulated: more than the conversation and every patience in it."""


async def converse(settings: Settings, recording: Path) -> tuple[int, list[str]]:
    """The exit status, and the lines of the show."""
    lines: list[str] = []
    with Recorder(recording) as recorder:
        async with asyncio.timeout(LONGEST_S):
            status = await _converse(settings, Show(lines.append), recorder, stay=False, recording=recording)
    return status, lines


def labelled(lines: list[str], label: str) -> list[str]:
    """What the lines with this label say."""
    return [text[10:] for line in lines if (text := line[9:])[:10].rstrip() == label]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return tmp_path / "conversation.wav"


def test_the_demonstration_goes_as_written_and_is_shown(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> tuple[int, list[str]]:
        substitutes = Substitutes(ROOM_AND_SERVER)
        try:
            return await converse(await substitutes.start(load(None, SETS, {})), recording)
        finally:
            await substitutes.stop()

    status, lines = live(main())
    printed = capsys.readouterr().out
    shown = "\n".join([*lines, printed])
    import sys

    print(shown, file=sys.stderr)
    assert status == 0, shown
    assert "did not go as written" not in printed
    assert labelled(lines, "state")[:5] == ["idle", "listening", "thinking", "speaking", "follow_up"]
    assert labelled(lines, "state")[-1] == "idle"
    for cue in CONVERSATION:
        assert f"“{cue.text}”" in labelled(lines, "person")
    heard = " ".join(labelled(lines, "heard")).lower()
    for words in ("time", "plus", "about your", "date"):
        assert words in heard, shown
    said = " ".join(labelled(lines, "said")).lower()
    assert "12" in said or "twelve" in said, shown
    assert "54" in said or "fifty" in said, shown
    assert labelled(lines, "cut in"), shown
    delays = labelled(lines, "delays")
    assert all("answer" in line and "play" in line for line in delays), shown
    assert "connect" in delays[0]
    assert len(delays) == 5, shown
    assert "Turns heard: 5. Replies: 5, of which cut into: 1." in printed
    assert "(median of 5)" in printed
    assert str(recording) in printed
    microphone, speaker = both_sides(recording)
    assert float(lines[-1][:7]) == pytest.approx(len(microphone) / CAPTURE_RATE_HZ, abs=2)
    assert loudest(microphone) > 1000
    assert loudest(speaker) > 1000


def test_a_conversation_with_a_server_that_never_answers_is_a_failure(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> tuple[int, list[str]]:
        server = LiveServer(ServerSettings(port=0), recogniser=Understands(), faults=Faults(never_answer_setup=True))
        port = await server.start()
        try:
            sets = [*SETS, f"live.base_url=http://127.0.0.1:{port}"]
            return await converse(load(None, sets, {"SATELLITE_LIVE__API_KEY": "embedded"}), recording)
        finally:
            await server.close()

    status, lines = live(main())
    assert status == 1
    assert "speaking" in labelled(lines, "state")  # the notice
    printed = capsys.readouterr().out
    assert "Turns heard: 0. Replies: 0" in printed
    told = next(line for line in printed.splitlines() if line.startswith("The conversation did not go as written: "))
    assert "no follow_up" in told
    assert CONVERSATION[2].text in told


def both_sides(recording: Path) -> tuple[Any, Any]:
    """What the microphone heard and what the speaker played."""
    with wave.open(str(recording)) as file:
        assert file.getnchannels() == 2
        stereo = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2)
    return stereo[:, 0], stereo[:, 1]


def loudest(signal: Any) -> int:
    return int(np.abs(signal.astype(np.int32)).max(initial=0))
