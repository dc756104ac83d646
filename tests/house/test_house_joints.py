"""The daemon's joints: what one part hands to another arrives there, in the whole house with a real server."""

import asyncio
import json
import os
import select
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live.scripted_peer import listening
from support.house import Held, House, Understands, live

from satellite.app.announcer import Speaks
from satellite.app.configuration import load
from satellite.app.daemon import Daemon
from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.pcm import level_dbfs
from satellite.live_server.faults import Fault, Faults
from satellite.speech.voice import Voice
from satellite.video.frames import cv2

LONGEST_WAIT_S = 20.0
"""Real seconds, for what a program does at once: only a broken test ever waits for this long."""

SUM = "What is one plus one?"
VOLUME = "Set the volume to forty percent."
HALF_CASCADE = "live.model=gemini-live-2.5-flash-preview"
NATIVE_2_5 = "live.model=gemini-2.5-flash-native-audio-preview-09-2025"
LIVE_3_8 = "live.model=gemini-3.8-live"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return tmp_path / "conversation.wav"


def function_of_ours(folder: Path, script: str, *lines: str) -> Path:
    """A configuration whose set_volume, which the assistant knows by name, is this program of the shell."""
    configured = folder / "satellite.toml"
    configured.write_text(
        '[tools]\nbuiltin = ["get_time"]\n\n[tools.functions.set_volume]\ndescription = "How loud it is"\n'
        f'command = ["/bin/sh", "-c", {json.dumps(script)}]\n'
        'parameters = { type = "object", properties = { percent = { type = "integer" } } }\n' + "\n".join(lines)
    )
    return configured


async def at_the_same_instant(is_so: Callable[[], object]) -> None:
    """Wait for a program, whose time is not the simulated one: the clock stands still until it `is_so`."""
    loop = asyncio.get_running_loop()
    until_s = time.monotonic() + LONGEST_WAIT_S
    while not is_so():
        assert time.monotonic() < until_s, "never"
        await loop.run_in_executor(None, time.sleep, 0.005)


def ends(program: int) -> bool:
    """Whether the program of this pidfd ends."""
    return bool(select.select([program], [], [], LONGEST_WAIT_S)[0])


# ---------------------------------------------------------------- the system instruction


@pytest.mark.parametrize("in_a_file", [False, True], ids=["by itself", "from a file"])
def test_the_instruction_reaches_the_session_with_its_placeholders_filled_in(
    recording: Path, tmp_path: Path, in_a_file: bool
) -> None:
    text = "You are {name} in the {room} in {place}, and {so on}. It is {date}, {time}"
    file = tmp_path / "instruction.txt"
    file.write_text(text)
    given = f"live.system_instruction_file={file}" if in_a_file else f"live.system_instruction={text}"
    sets = [given, "satellite.name=Ada", "satellite.room=kitchen", "satellite.place=Lyon"]

    async def main() -> dict[str, Any]:
        async with listening() as peer:
            at = f"live.base_url={peer.url}"
            async with House(recording, hears=Understands(), sets=[*sets, at]) as house:
                saying = asyncio.create_task(house.say("hey jarvis"))
                setup = await (await peer.answer()).accept_setup()
                await saying
                told: dict[str, Any] = setup["setup"]["systemInstruction"]
                return told

    earliest = datetime.now().replace(second=0, microsecond=0)
    (part,) = live(main())["parts"]
    who, _, when = part["text"].partition(" It is ")
    assert who == "You are Ada in the kitchen in Lyon, and {so on}."
    assert earliest <= datetime.strptime(when, "%A, %d %B %Y, %H:%M") <= datetime.now()


# ---------------------------------------------------------------- functions


@pytest.mark.parametrize("model", [NATIVE_2_5, LIVE_3_8], ids=["2.5", "3.8"])
@pytest.mark.parametrize("scheduling", ["when_idle", "interrupt", "silent"])
def test_the_answer_of_a_function_is_spoken_when_its_configuration_says(
    recording: Path, tmp_path: Path, model: str, scheduling: str
) -> None:
    """The program answers while the model says that it will take a moment."""
    go = tmp_path / "go"
    configured = function_of_ours(
        tmp_path,
        f"while [ ! -e {go} ]; do sleep 0.01; done; echo {json.dumps(json.dumps({'percent': 40}))}",
        'behavior = "non_blocking"',
        f'scheduling = "{scheduling}"',
        "timeout_s = 600",
    )

    async def main() -> House:
        async with House(recording, hears=Understands(VOLUME), sets=[model], file=configured) as house:
            await house.ask(VOLUME)
            go.touch()
            await at_the_same_instant(lambda: house.at_ms(ev.ToolFinished))
            await house.until_state("follow_up")
            await house.rest(6)
        return house

    house = live(main())
    (response,) = house.commands(do.SendToolResponse)
    assert response.scheduling == scheduling.upper()
    assert "40" in response.response
    first, *later = house.finals(do.Speaker.ASSISTANT)
    assert "One moment.".startswith(first), "as much of it as was sent"
    answered = [text for text in later if "forty" in text or "40" in text]
    assert len(answered) == (0 if scheduling == "silent" else 1)
    assert len(house.at_ms(ev.ReplyInterrupted)) == (1 if scheduling == "interrupt" else 0)
    (sent,) = [number for number, (_, _, commands) in enumerate(house.log) if response in commands]
    ends = [number for number, (_, event, _) in enumerate(house.log) if isinstance(event, ev.TurnCompleted)]
    assert sent < ends[0], "it came within the turn"
    sounds = [command for _, _, commands in house.log[ends[0] :] for command in commands]
    assert any(isinstance(command, do.PlayChunk) for command in sounds) == (scheduling != "silent")


@pytest.mark.parametrize("activity", ["manual", "automatic"])
def test_who_cuts_in_ends_the_program_of_a_call(recording: Path, tmp_path: Path, activity: str) -> None:
    number = tmp_path / "pid"
    script = f"echo $$ > {number}.new; mv {number}.new {number}; exec sleep 1000"
    configured = function_of_ours(tmp_path, script, "timeout_s = 55")
    sets = [HALF_CASCADE, f"conversation.activity={activity}"]

    async def main() -> tuple[House, bool]:
        async with House(recording, hears=Understands(VOLUME, SUM), sets=sets, file=configured) as house:
            await house.wake()
            await house.rest(0.5)
            await house.say(VOLUME)
            await house.until_heard(do.RunTool)
            await at_the_same_instant(number.exists)
            program = os.pidfd_open(int(number.read_text()))
            try:
                await house.say("hey jarvis")
                await house.rest(0.5)
                await house.say(SUM)
                await house.until_heard(do.CancelTool)
                is_gone = await asyncio.to_thread(ends, program)
            finally:
                os.close(program)
            await house.until_state("speaking")
            await house.until_state("follow_up")
        return house, is_gone

    house, is_gone = live(main())
    assert is_gone
    assert house.at_ms(ev.ToolCallsCancelled)
    assert not house.commands(do.SendToolResponse)
    assert "two" in house.finals(do.Speaker.ASSISTANT)[-1] or "2" in house.finals(do.Speaker.ASSISTANT)[-1]


@pytest.mark.parametrize("idempotent", [True, False])
def test_a_turn_is_tried_again_behind_a_function_that_may_run_twice_alone(
    recording: Path, tmp_path: Path, idempotent: bool
) -> None:
    ran = tmp_path / "ran"
    configured = function_of_ours(tmp_path, f"echo ran >> {ran}; echo fine", f"idempotent = {str(idempotent).lower()}")

    async def main() -> House:
        faults = Faults(script=[Fault("stall", member="toolResponse")])
        hears = Understands(VOLUME, VOLUME)
        async with House(recording, hears=hears, sets=[HALF_CASCADE], file=configured, faults=faults) as house:
            await house.wake()
            await house.rest(0.5)
            await house.say(VOLUME)
            await house.until_heard(do.PublishStall)
            await house.until_state("idle" if not idempotent else "follow_up")
        return house

    house = live(main())
    assert [stall.retried for stall in house.commands(do.PublishStall)] == [idempotent]
    assert ran.read_text().count("ran") == (2 if idempotent else 1)
    assert bool(house.finals(do.Speaker.ASSISTANT)) == idempotent


# ---------------------------------------------------------------- what is read aloud


class Slow:
    """A voice that takes its time over each piece."""

    def __init__(self, inner: Speaks) -> None:
        self._inner = inner

    async def speak(self, text: str) -> bytes:
        """Two seconds late."""
        await asyncio.sleep(2)
        return await self._inner.speak(text)


class SlowlyRead(House):
    """A house whose local voice is slow: there is always something that is still unread."""

    async def _start(self) -> None:
        settings = load(None, self._sets, {"SATELLITE_LIVE__API_KEY": "embedded"})
        self.daemon = Daemon(settings, self._make_room, voice=Slow(Held(Voice("slt"))))
        self.daemon.observe(self._note)
        await self.daemon.start()
        await self.until_state("idle")
        await self.rest(0.5)


@pytest.mark.parametrize("how", ["by speech", "by command"])
def test_a_text_reply_that_is_cut_is_not_read_on(recording: Path, how: str) -> None:
    sets = [HALF_CASCADE, "live.generation.modality=text"]

    async def main() -> SlowlyRead:
        async with SlowlyRead(recording, hears=Understands("tell me a story"), sets=sets) as house:
            await house.ask("Tell me a story.")
            await house.until_heard(do.PlayChunk, 3)
            if how == "by speech":
                await house.say("hey jarvis")
            else:
                house.daemon.post(ev.StopRequested())
            await house.until_heard(do.FlushPlayback)
            await house.rest(10)
        return house

    house = live(main())
    cut = next(number for number, (_, _, commands) in enumerate(house.log) if do.FlushPlayback() in commands)
    said = [event for _, event, _ in house.log[:cut] if isinstance(event, ev.LocalSpeechReady)]
    assert len(said) >= 2
    assert not any(event.final for event in said), "there is more to read"
    read_on = [event for _, event, _ in house.log[cut + 1 :] if isinstance(event, ev.LocalSpeechReady)]
    assert [event for event in read_on if event.turn == said[0].turn] == []


# ---------------------------------------------------------------- camera and budget


def test_a_camera_that_fails_is_a_problem_until_it_is_well(recording: Path, tmp_path: Path) -> None:
    picture = tmp_path / "door.jpg"

    def problems(house: House) -> list[str]:
        return [told.text for told in house.commands(do.PublishProblem) if told.part == "camera"]

    async def main() -> tuple[House, int]:
        sets = [f"video.source={picture}", "conversation.listen_timeout_ms=60000"]
        async with House(recording, hears=Understands(), sets=sets) as house:
            await house.wake()
            await house.until(lambda: len(problems(house)) == 1, "a problem")
            assert not house.at_ms(ev.PictureTaken)
            cv2.imwrite(str(picture), np.full((48, 64, 3), 128, np.uint8))
            await house.until(lambda: len(problems(house)) == 2, "its end")
            await house.until(lambda: bool(house.at_ms(ev.PictureTaken)))
        return house, len(problems(house))

    house, count = live(main())
    assert count == 2
    assert problems(house) == [f"video.source {picture}: it cannot be read: No such file or directory", ""]
    assert (house.at_ms(ev.CameraLost), house.at_ms(ev.CameraFound)) != ([], [])


def test_a_budget_that_is_nearly_used_is_said_once(recording: Path) -> None:
    async def main() -> House:
        sets = ["usage.daily_tokens=100000", "usage.warn_percent=1", "live.system_instruction=" + "x" * 4000]
        async with House(recording, hears=Understands(SUM, SUM), sets=sets) as house:
            await house.ask(SUM)
            await house.until_heard(do.Announce)
            await house.until_state("idle")
            await house.ask(SUM)
            await house.until_state("idle")
            await house.rest(1)
        return house

    house = live(main())
    (announced,) = house.commands(do.Announce)
    assert announced.notice is do.Notice.BUDGET_NEARLY_USED
    told = [chunk.pcm for chunk in house.commands(do.PlayChunk) if chunk.turn == announced.turn]
    assert level_dbfs(b"".join(told)) > -40
    days = [published.day for published in house.commands(do.PublishUsage)]
    assert [day.warned for day in days] == [True, True]
    assert 1000 <= days[0].tokens < 100_000
