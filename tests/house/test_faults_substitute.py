"""`run --substitute` when something beside the conversation fails: the disk, or the satellite itself."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.house import live

from satellite.app.configuration import load
from satellite.app.demonstration import _converse
from satellite.app.own_broker import answers
from satellite.app.show import Show
from satellite.simroom.recording import Recorder

GONE_S = 10.0
"""For what takes a moment: only a broken broker lives on for this long."""

LONGEST_S = 600.0
"""Simulated: the people in the room wait for ever when nobody tells them."""

BROKER_OF_A_KILLED_PROCESS = """
import asyncio, os, signal
from satellite.app.own_broker import OwnBroker

async def main():
    broker = OwnBroker()
    assert not (trouble := await broker.start()), trouble
    print(broker.port, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def test_a_recording_that_cannot_be_written_ends_the_demonstration() -> None:
    async def main() -> float:
        settings = load(None, ["mqtt.enabled=false", "live.base_url=http://127.0.0.1:9"], {})
        loop = asyncio.get_running_loop()
        full = Path("/dev/full")

        async def converse() -> None:
            with Recorder(full) as recorder:
                async with asyncio.timeout(LONGEST_S):
                    await _converse(settings, Show(lambda line: None), recorder, stay=False, recording=full)

        with pytest.raises(OSError, match="No space left"):
            await converse()
        return loop.time()

    assert live(main()) < LONGEST_S


def test_the_broker_of_a_killed_satellite_ends_too() -> None:
    command = [sys.executable, "-c", BROKER_OF_A_KILLED_PROCESS]
    # not its stderr: the broker inherits it, and we would wait for the broker's end
    killed = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    port = int(killed.stdout)

    async def until_gone() -> None:
        async with asyncio.timeout(GONE_S):
            while await answers("127.0.0.1", port):  # noqa: ASYNC110 - the end of another process is no event of ours
                await asyncio.sleep(0.05)

    asyncio.run(until_gone())
