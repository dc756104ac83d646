"""A mosquitto of our own, for `run --substitute` without a broker: own port, own folder, gone at the end."""

import asyncio
import getpass
import logging
import shutil
import socket
import tempfile
from pathlib import Path

log = logging.getLogger(__name__)

START_S = 10.0
"""A mosquitto that does not listen by then is given up."""

PROGRAMS = ("mosquitto", "/usr/sbin/mosquitto")
"""Debian installs it where an ordinary user's PATH does not look."""


class OwnBroker:
    """Starts a mosquitto on a free port of this machine; `stop` ends that one process."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.port = 0

    async def start(self) -> str:
        """Start it. Returns why it could not be started, or an empty string."""
        program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
        if program is None:
            return "mosquitto is not installed"
        self.port = _free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="satellite-broker-")
        config = Path(self._folder.name) / "mosquitto.conf"
        config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type error\n"
            # as another user it would not be bound to our end any more
            f"user {getpass.getuser()}\n"
        )
        # Ctrl-C is for us: the broker has to carry our goodbye. It ends with us even when we are killed.
        bound_to_us = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
        self._process = await asyncio.create_subprocess_exec(
            *(*bound_to_us, program, "-c", str(config)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(START_S):
                while not await answers("127.0.0.1", self.port):
                    if self._process.returncode is not None:
                        await self.stop()
                        return "mosquitto ended at once"
                    await asyncio.sleep(0.02)  # another process's socket: there is nothing to be told by
        except TimeoutError:
            await self.stop()
            return f"mosquitto did not listen within {START_S:.0f} s"
        return ""

    async def stop(self) -> None:
        """End it and remove its folder."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(1.0):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
        self._process = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


async def answers(host: str, port: int, within_s: float = 1.0) -> bool:
    """Whether a TCP connection is accepted there."""
    try:
        async with asyncio.timeout(within_s):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
