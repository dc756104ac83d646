"""sd_notify over a real AF_UNIX socket: READY, STATUS, the watchdog and when it starves."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from satellite.app.clock import SimulatedTimeLoop
from satellite.app.health import HANG_S, Health
from satellite.app.notify import Notifier
from satellite.core import commands as do
from satellite.core import events as ev


class Systemd:
    """The other end of $NOTIFY_SOCKET."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + path[1:] if path.startswith("@") else path)
        self._socket.setblocking(False)

    def received(self) -> list[str]:
        messages = []
        while True:
            try:
                messages.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return messages

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["file", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Systemd]:
    name = f"@satellite-test-{os.getpid()}" if request.param == "abstract" else str(tmp_path / "notify")
    end = Systemd(name)
    yield end
    end.close()


@pytest.fixture
def notifier(systemd: Systemd) -> Iterator[Notifier]:
    made = Notifier({"NOTIFY_SOCKET": systemd.path, "WATCHDOG_USEC": "30000000"})
    yield made
    made.close()


def test_ready_comes_with_the_first_frames(systemd: Systemd, notifier: Notifier) -> None:
    health = Health(notifier)
    health(ev.VolumeRequested(3), [], 0)
    assert systemd.received() == []
    health(ev.FramesCaptured(0, bytes(640)), [], 0)
    health(ev.FramesCaptured(320, bytes(640)), [], 20)
    assert systemd.received() == ["READY=1\nSTATUS=starting"]


def test_ready_comes_once_the_missing_microphone_stands_in_the_status(systemd: Systemd, notifier: Notifier) -> None:
    health = Health(notifier)
    commands = [do.PublishProblem("microphone", "no such device"), do.PublishState(do.ShownState.NO_MICROPHONE, 0, 0)]
    health(ev.MicrophoneLost("no such device"), commands, 0)
    assert systemd.received()[-1] == "READY=1\nSTATUS=no_microphone; microphone: no such device"


def test_a_line_break_cannot_forge_an_assignment(systemd: Systemd, notifier: Notifier) -> None:
    notifier.send(STATUS="a\nREADY=1")
    assert systemd.received() == ["STATUS=a READY=1"]


def test_the_watchdog_is_fed_while_there_is_life_and_starves_without(systemd: Systemd, notifier: Notifier) -> None:
    async def main() -> tuple[int, int]:
        alive = True
        watching = asyncio.create_task(Health(notifier).watch(lambda limit_s: limit_s == HANG_S and alive))
        await asyncio.sleep(60)
        fed = systemd.received().count("WATCHDOG=1")
        alive = False
        await asyncio.sleep(60)
        starved = systemd.received().count("WATCHDOG=1")
        watching.cancel()
        return fed, starved

    with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        assert runner.run(main()) == (8, 0)


def test_without_systemd_everything_is_silent() -> None:
    notifier = Notifier({})
    notifier.send(READY="1")
    assert notifier.watchdog_s == 0
    asyncio.run(Health(notifier).watch(lambda _: True))


def test_the_watchdog_of_another_process_is_not_ours() -> None:
    assert Notifier({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}).watchdog_s == 0
    assert Notifier({"WATCHDOG_USEC": "soon"}).watchdog_s == 0


def test_a_systemd_that_is_gone_does_no_harm(systemd: Systemd, notifier: Notifier) -> None:
    systemd.close()
    notifier.send(STATUS="still here")
