"""SIGTERM ends a process with status 0 in time, whatever its loop does. Real processes, real signals."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from satellite.app.goodbye import GOODBYE_DEADLINE_S

PATIENCE_S = 10.0
"""Five times what is promised, for a busy machine; a third of what a deadline of 30 s would take."""

SCRIPT = """
import asyncio, sys, time
from satellite.app.running import until_goodbye

async def main():
    print("running", flush=True)
{body}

sys.exit(until_goodbye(main()))
"""

HANGS = """
    time.sleep(120)
"""

WAITS = """
    try:
        await asyncio.sleep(120)
    finally:
        print("goodbye", flush=True)
"""

HANGS_WHILE_IT_SAYS_GOODBYE = """
    try:
        await asyncio.sleep(120)
    finally:
        time.sleep(120)
"""

ENDS_BY_ITSELF = """
    return 3
"""

Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a program with this body of its main(); returns when it runs."""
    started: list[subprocess.Popen[str]] = []

    def start_it(body: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", SCRIPT.format(body=body)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        return process

    yield start_it
    for process in started:
        process.kill()
        process.communicate()


def test_the_deadline_keeps_what_is_promised() -> None:
    assert GOODBYE_DEADLINE_S < 2


@pytest.mark.parametrize(
    ("body", "number"),
    [
        pytest.param(HANGS, signal.SIGTERM, id="hangs"),
        pytest.param(HANGS, signal.SIGINT, id="hangs, Ctrl-C"),
        pytest.param(HANGS_WHILE_IT_SAYS_GOODBYE, signal.SIGTERM, id="hangs while it says goodbye"),
    ],
)
def test_a_loop_that_hangs_is_ended_by_force(start: Start, body: str, number: signal.Signals) -> None:
    process = start(body)
    process.send_signal(number)
    assert process.wait(PATIENCE_S) == 0


def test_a_loop_that_runs_ends_in_its_own_way(start: Start) -> None:
    process = start(WAITS)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=PATIENCE_S)
    assert said == "goodbye\n"
    assert process.returncode == 0


def test_without_a_signal_the_status_is_its_own(start: Start) -> None:
    process = start(ENDS_BY_ITSELF)
    assert process.wait(PATIENCE_S) == 3
