"""The daemon's joints: every command has an edge that takes it, and the watchdog follows the microphone."""

import asyncio
import dataclasses
import random
import socket
from collections.abc import Callable, Coroutine, Iterator, Sequence
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from satellite.app.clock import SimulatedTimeLoop
from satellite.app.configuration import load
from satellite.app.daemon import Daemon, DeviceFactory
from satellite.app.health import HANG_S
from satellite.app.notify import Notifier
from satellite.audio.capture import CaptureBuffer
from satellite.audio.device import AudioActivity, DeviceReports
from satellite.audio.playback import PlaybackBuffer
from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core import pcm
from satellite.settings import Settings
from satellite.simroom.room import Room

FEED_S = 1.0
"""How often the watchdog is fed: a quarter of what systemd asks for."""

SETTINGS = ("mqtt.enabled=false", "live.base_url=http://127.0.0.1:9", "audio.echo_cancellation=false")
"""Nothing listens there: no conversation is held."""


def run(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        return runner.run(main)


def settings() -> Settings:
    return load(None, SETTINGS, {})


def room(capture: CaptureBuffer, playback: PlaybackBuffer, reports: DeviceReports) -> Room:
    return Room(capture, playback, reports)


class Silent:
    """A voice with nothing to say."""

    async def speak(self, text: str) -> bytes:
        return b""


def daemon(make_device: DeviceFactory = room, notifier: Notifier | None = None) -> Daemon:
    return Daemon(settings(), make_device, voice=Silent(), jitter=random.Random(1).random, notifier=notifier)


# ---------------------------------------------------------------- commands


KINDS = [thing for thing in vars(do).values() if isinstance(thing, type) and do.Command in thing.__bases__]
"""Every kind of command that can be given."""


def example(kind: type[do.Command]) -> do.Command:
    """A command of that kind."""
    made: do.Command = filled(kind)
    return made


def filled(kind: Any) -> Any:
    """One with something of the right type in every field that must be given."""
    hints = get_type_hints(kind)
    absent = dataclasses.MISSING
    fields = dataclasses.fields(kind)
    required = (field.name for field in fields if field.default is absent and field.default_factory is absent)
    return kind(**{name: something(hints[name]) for name in required})


def something(of: Any) -> Any:
    if get_origin(of) is tuple:
        return (something(get_args(of)[0]),)
    if get_origin(of) is UnionType:
        return something(get_args(of)[0])
    if dataclasses.is_dataclass(of):
        return filled(of)
    if issubclass(of, Enum):
        return next(iter(of))
    return {int: 1, bool: True, float: 0.5, str: "{}", bytes: bytes(640)}[of]


def test_every_command_has_an_edge() -> None:
    async def main() -> set[type[do.Command]]:
        made = daemon()
        edges = set(made._executors)
        await made.stop()
        return edges

    assert run(main()) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_edge_takes_its_command(kind: type[do.Command]) -> None:
    async def main() -> None:
        made = daemon()
        await made.start()
        made._execute(example(kind))
        await asyncio.sleep(0.1)
        await made.stop()

    run(main())


# ---------------------------------------------------------------- watchdog


class Systemd:
    """The other end of $NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    def received(self) -> list[str]:
        """What has come since it was last asked."""
        messages = []
        while True:
            try:
                messages.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return messages

    async def feeds_within(self, duration_s: float) -> int:
        """How often the watchdog is fed meanwhile; the kernel keeps ten messages, so they are read every second."""
        count = 0
        for _ in range(int(duration_s)):
            await asyncio.sleep(1)
            count += self.received().count("WATCHDOG=1")
        return count

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    end = Systemd(tmp_path / "notify")
    yield end
    end.close()


@pytest.fixture
def notifier(systemd: Systemd, tmp_path: Path) -> Notifier:
    return Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": str(int(4 * FEED_S * 1_000_000))})


class StandStill:
    """A sound card whose microphone delivers until it is told to stand still, and then reports nothing."""

    def __init__(self, capture: CaptureBuffer, playback: PlaybackBuffer, reports: DeviceReports) -> None:
        self._capture = capture
        self._playback = playback
        self._reports = reports
        self._block_at_s: float | None = None
        self.stands_still = False

    @property
    def last_activity(self) -> AudioActivity:
        age_s = None if self._block_at_s is None else asyncio.get_running_loop().time() - self._block_at_s
        return AudioActivity(input_block_age_s=age_s, microphone_lost=False, call_in_progress_s=None)

    async def run(self) -> None:
        self._capture.configure(pcm.CAPTURE_RATE_HZ)
        self._playback.configure(pcm.CAPTURE_RATE_HZ, 320)
        self._reports.microphone_found()
        self._reports.speaker_found()
        while True:
            await asyncio.sleep(0.02)
            self._playback.pull(320)
            if not self.stands_still:
                self._capture.put(pcm.silence(320))
                self._block_at_s = asyncio.get_running_loop().time()


async def feeds(systemd: Systemd, notifier: Notifier, device: type[Any], trouble: Callable[[Any], None]) -> list[int]:
    """How often the watchdog is fed in 5 s before `trouble`, in HANG_S from then on, and in 5 s after that."""
    devices: list[Any] = []

    def make(capture: CaptureBuffer, playback: PlaybackBuffer, reports: DeviceReports) -> Any:
        devices.append(device(capture, playback, reports))
        return devices[0]

    made = daemon(make, notifier)
    await made.start()
    await asyncio.sleep(0.5)  # the first look is before the first block
    systemd.received()
    counts = [await systemd.feeds_within(5)]
    trouble(devices[0])
    counts += [await systemd.feeds_within(HANG_S), await systemd.feeds_within(5)]
    await made.stop()
    return counts


ALIVE = [int(duration_s / FEED_S) for duration_s in (5, HANG_S, 5)]


def test_the_watchdog_is_fed_while_the_room_runs(systemd: Systemd, notifier: Notifier) -> None:
    assert run(feeds(systemd, notifier, Room, lambda room: None)) == ALIVE


def test_the_watchdog_starves_when_frames_stop_and_nobody_says_why(systemd: Systemd, notifier: Notifier) -> None:
    def stand_still(device: StandStill) -> None:
        device.stands_still = True

    assert run(feeds(systemd, notifier, StandStill, stand_still)) == [*ALIVE[:2], 0]


def test_the_watchdog_is_fed_when_the_microphone_is_known_to_be_lost(systemd: Systemd, notifier: Notifier) -> None:
    assert run(feeds(systemd, notifier, Room, Room.unplug_microphone)) == ALIVE


def test_systemd_is_told_of_the_start_and_the_end(systemd: Systemd, notifier: Notifier) -> None:
    async def main() -> tuple[list[str], list[str]]:
        made = daemon(notifier=notifier)
        await made.start()
        await asyncio.sleep(1)
        began = systemd.received()
        await made.stop()
        return began, systemd.received()

    began, ended = run(main())
    assert [message for message in began if message.startswith("READY=1")] == ["READY=1\nSTATUS=idle"]
    assert "STOPPING=1" in ended


def test_a_drain_that_more_of_the_reply_has_overtaken_is_not_told() -> None:
    async def main() -> tuple[list[int], list[int]]:
        buffers: list[PlaybackBuffer] = []
        drained: list[int] = []

        def keep(capture: CaptureBuffer, playback: PlaybackBuffer, reports: DeviceReports) -> Room:
            buffers.append(playback)
            return Room(capture, playback, reports)

        made = daemon(keep)

        def note(event: ev.Event, commands: Sequence[do.Command], now_ms: int) -> None:
            if isinstance(event, ev.PlaybackDrained):
                drained.append(event.turn)

        made.observe(note)
        (playback,) = buffers
        playback.configure(pcm.REPLY_RATE_HZ, 0)
        playback.push(7, bytes(960))
        playback.pull(480)  # the report is on its way to the loop
        playback.push(7, bytes(960))
        await asyncio.sleep(0)
        overtaken = list(drained)
        playback.pull(480)
        await asyncio.sleep(0)
        await made.stop()
        return overtaken, drained

    assert run(main()) == ([], [7])
