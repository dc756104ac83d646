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

GONE_S = 10.0
"""For what takes a moment: only a broken broker lives on for this long."""

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
    async def main() -> None:
        settings = load(None, ["mqtt.enabled=false", "live.base_url=http://127.0.0.1:9"], {})
        async with asyncio.timeout(600):
            await _converse(settings, Show(lambda line: None), stay=False, recording=Path("/dev/full"))

    with pytest.raises(OSError, match="No space left"):
        live(main())


def test_the_broker_of_a_killed_satellite_ends_too() -> None:
    killed = subprocess.run(
        [sys.executable, "-c", BROKER_OF_A_KILLED_PROCESS], capture_output=True, text=True, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    port = int(killed.stdout)

    async def until_gone() -> None:
        async with asyncio.timeout(GONE_S):
            while await answers("127.0.0.1", port):
                await asyncio.sleep(0.05)

    asyncio.run(until_gone())
