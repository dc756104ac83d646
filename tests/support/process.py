"""The whole daemon as a process: started by its command, with a sound card, a broker and a Live server to talk to."""

import asyncio
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from satellite.live_server.server import LiveServer
from satellite.live_server.services import Hears
from satellite.settings import ServerSettings
from support.mosquitto import Mosquitto
from support.pulse import PulseCard

KEY = "not-a-real-key-0123456789"
LONGEST_WAIT_S = 60.0
"""For what takes a second or two: only a broken test ever waits for this long."""


class ServerThread:
    """A LiveServer on a loop of its own in a thread of its own."""

    def __init__(self, now: Callable[[], datetime], *, hears: Hears | None = None) -> None:
        """`hears`: instead of a recogniser of its own."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="live server", daemon=True)
        self.utterances: list[bytes] = []
        self._close_codes: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._now = now
        self._hears = hears
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self.server = LiveServer(
            ServerSettings(port=0),
            now=self._now,
            recogniser=self._hears,
            on_utterance=self.utterances.append,
            on_closed=self._close_codes.put,
        )
        self.port = self.call(self.server.start())
        return self

    def __exit__(self, *_: object) -> None:
        self.call(self.server.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LONGEST_WAIT_S)
        self._loop.close()

    def wait_for_close_code(self) -> int:
        """How the next connection ended that did. Waits for less than a session lingers by itself (60 s)."""
        return self._close_codes.get(timeout=LONGEST_WAIT_S / 3)

    def call(self, main: Any) -> Any:
        """Run a coroutine there and wait for it."""
        return asyncio.run_coroutine_threadsafe(main, self._loop).result(LONGEST_WAIT_S)


class DaemonProcess:
    """`satellite run --config ...`, with $NOTIFY_SOCKET; ended at the end of a `with`."""

    def __init__(
        self,
        folder: Path,
        card: PulseCard,
        broker: Mosquitto,
        live_port: int,
        *,
        lines: str = "",
        input_device: str = "",
    ) -> None:
        self._config = folder / "satellite.toml"
        self._config.write_text(
            f"""
[satellite]
id = "kitchen"
log_level = "debug"
[audio]
input_device = "{card.microphone}"
output_device = "{card.speaker}"
[live]
base_url = "http://127.0.0.1:{live_port}"
[mqtt]
host = "{broker.host}"
port = {broker.port}
{lines}
"""
        )
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(folder / "notify"))
        self._notify.settimeout(LONGEST_WAIT_S)
        self.notified: list[str] = []
        self._environment = (
            os.environ
            | card.environment
            | {"SATELLITE_LIVE__API_KEY": KEY, "NOTIFY_SOCKET": str(folder / "notify"), "PYTHONUNBUFFERED": "1"}
        )
        self._log = folder / "log"

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "satellite.cli", "run", "--config", str(self._config)],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(LONGEST_WAIT_S)
        self._notify.close()

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return self._log.read_text(errors="replace")

    @property
    def command_line(self) -> str:
        """What everybody can read of it in the process list."""
        return Path(f"/proc/{self._process.pid}/cmdline").read_text()

    def wait_for_notification(self, text: str) -> str:
        """The first datagram to systemd that contains `text`."""
        while not any(text in message for message in self.notified):
            try:
                self.notified.append(self._notify.recv(8192).decode())
            except TimeoutError:
                raise AssertionError(f"no {text} in {self.notified}; log:\n{self.log}") from None
        return next(message for message in self.notified if text in message)

    def terminate(self, *, within_s: float = 10.0) -> int:
        """SIGTERM; the exit status. `within_s`: five times what is promised, for a busy machine."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"no end within {within_s:g} s of SIGTERM; log:\n{self.log}") from None
