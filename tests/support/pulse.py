"""A sound card without hardware: PulseAudio behind ALSA, to be killed, frozen, fed and recorded.

Each card is a server of its own in a folder of its own; nothing of the user's sound is touched. alsa-lib
reads ALSA_CONFIG_PATH at each initialisation of PortAudio: set `card.environment` in the process under test before.
Ends only what it started. Whoever adds a fault here gives it a verb.
"""

import functools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO

import pytest

LONGEST_WAIT_S = 30.0
"""For what takes a fraction of a second: only a broken test ever waits for this long."""

SPEAKER_RATE_HZ = 48_000
"""Rate of the card's speaker, and of a recording of it."""

MICROPHONE_RATE_HZ = 16_000

_PRIORITY = 5

_PULSE_SCRIPT = """\
.fail
load-module module-null-sink norewinds=1 sink_name=speaker rate=48000 channels=2
load-module module-null-sink norewinds=1 sink_name=micfeed rate=16000 channels=1
load-module module-remap-source source_name=mic master=micfeed.monitor
load-module module-native-protocol-unix socket={socket} auth-anonymous=1
"""
# The socket comes last: once it answers, everything is there.

_ALSA_DEVICE = """\
pcm.{name} {{
  type asym
  {direction}.pcm {{ type pulse server "unix:{socket}" device "{device}" }}
  hint {{ show on description "{name}" }}
}}
"""


def missing() -> str | None:
    """What is not installed that a PulseCard needs, or None."""
    programs = [name for name in ("pulseaudio", "pacat", "parec") if shutil.which(name) is None]
    if programs:
        return f"not installed: {', '.join(programs)} (script/test installs them where PipeWire is not in the way)"
    if not list(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")):
        return "not installed: ALSA's pulse plugin (libasound2-plugins)"
    return None


def require_pulse() -> None:
    """Skip the test, saying why, where no PulseCard can run."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)


def write_alsa_config(path: Path, cards: Sequence["PulseCard"]) -> dict[str, str]:
    """One ALSA configuration with the devices of all these cards; the environment that makes ALSA read it."""
    devices = "".join(card.alsa_devices for card in cards)
    path.write_text(f"</usr/share/alsa/alsa.conf>\n{devices}")
    folder = path.parent
    return {
        "ALSA_CONFIG_PATH": str(path),
        # What libpulse keeps for itself stays out of the user's home, too.
        "PULSE_RUNTIME_PATH": str(folder / "runtime"),
        "PULSE_COOKIE": str(folder / "cookie"),
    }


class PulseCard:
    """One card: a microphone and a speaker, ALSA devices called `microphone` and `speaker`. A context manager."""

    def __init__(self, name: str = "sat") -> None:
        """`name` begins the names of its devices, so that several cards can be in one configuration."""
        self._folder = Path(tempfile.mkdtemp(prefix="pulse-", dir="/tmp"))  # a socket's path must be short
        self._socket = self._folder / "socket"
        self._server: subprocess.Popen[bytes] | None = None
        self._children: list[subprocess.Popen[bytes]] = []
        self._fed = 0
        self.microphone = f"{name}mic"
        self.speaker = f"{name}spk"
        self.environment = write_alsa_config(self._folder / "asound.conf", [self])
        (self._folder / "pulse.pa").write_text(_PULSE_SCRIPT.format(socket=self._socket))

    @property
    def alsa_devices(self) -> str:
        """The two devices, as text for an ALSA configuration."""
        return "".join(
            _ALSA_DEVICE.format(name=name, direction=direction, socket=self._socket, device=device)
            for name, direction, device in ((self.microphone, "capture", "mic"), (self.speaker, "playback", "speaker"))
        )

    def __enter__(self) -> "PulseCard":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Plug it in; returns when it answers."""
        assert self._server is None, "it is running"
        self._socket.unlink(missing_ok=True)
        with (self._folder / "log").open("wb") as log:
            self._server = subprocess.Popen(
                [
                    *_real_time(),
                    "pulseaudio",
                    "-n",
                    "-F",
                    str(self._folder / "pulse.pa"),
                    "--daemonize=no",
                    "--exit-idle-time=-1",
                    "--disable-shm=yes",
                    "--use-pid-file=no",
                    "--high-priority=no",
                    "--realtime=no",
                ],
                env=self._private_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline_s = time.monotonic() + LONGEST_WAIT_S
        while not self._answers():
            log_text = (self._folder / "log").read_text(errors="replace")
            assert self._server.poll() is None, f"pulseaudio has ended: {log_text}"
            assert time.monotonic() < deadline_s, f"pulseaudio does not answer: {log_text}"
            time.sleep(0.01)

    def kill(self) -> None:
        """Pull it out."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Shut it down in an orderly way."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Let it hang: it stays there and answers nothing. Returns when it has stopped."""
        assert self._server is not None
        os.kill(self._server.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self._server.pid, os.WSTOPPED)

    def thaw(self) -> None:
        """End the hang."""
        assert self._server is not None
        os.kill(self._server.pid, signal.SIGCONT)

    def feed(self, pcm: bytes, rate_hz: int = MICROPHONE_RATE_HZ) -> "subprocess.Popen[bytes]":
        """Let the microphone hear s16le mono, from now on; wait() of what is returned ends when it was heard."""
        self._fed += 1
        source = self._folder / f"fed{self._fed}.raw"
        source.write_bytes(pcm)
        with source.open("rb") as opened:
            return self._client(["pacat", "--playback", "--device=micfeed", *_raw(rate_hz)], stdin=opened)

    def record(self, rate_hz: int = SPEAKER_RATE_HZ) -> "Recording":
        """Record what the speaker plays, s16le mono; returns when the recording has begun."""
        return Recording(
            self._client(
                ["parec", "--device=speaker.monitor", "--latency-msec=10", *_raw(rate_hz)],
                stdout=subprocess.PIPE,
            )
        )

    def close(self) -> None:
        """End all that was started, and remove the folder."""
        if self._server is not None:
            self.kill()
        for child in self._children:
            child.kill()
            child.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self, signal_number: signal.Signals) -> None:
        assert self._server is not None, "it is not running"
        server, self._server = self._server, None
        server.send_signal(signal_number)
        server.wait(LONGEST_WAIT_S)

    def _client(
        self, command: list[str], stdin: int | IO[bytes] = subprocess.DEVNULL, stdout: int = subprocess.DEVNULL
    ) -> "subprocess.Popen[bytes]":
        child = subprocess.Popen(
            [*_real_time(), *command, f"--server=unix:{self._socket}"],
            env=self._private_environment(),
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.DEVNULL,
        )
        self._children.append(child)
        return child

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(str(self._socket)) == 0

    def _private_environment(self) -> dict[str, str]:
        folder = str(self._folder)
        return os.environ | {"HOME": folder, "XDG_RUNTIME_DIR": folder, "PULSE_RUNTIME_PATH": folder}


class Recording:
    """What the speaker has played since, growing. Read by a thread of its own."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._pcm = bytearray()
        self._grown = threading.Condition()
        threading.Thread(target=self._read, name="recording", daemon=True).start()
        self.wait_until(lambda pcm: len(pcm) > 0)

    def pcm(self) -> bytes:
        """All of it so far."""
        with self._grown:
            return bytes(self._pcm)

    def wait_until(self, heard: Callable[[bytes], bool], longest_s: float = LONGEST_WAIT_S) -> bytes:
        """The recording, as soon as `heard` of it is true."""
        with self._grown:
            assert self._grown.wait_for(lambda: heard(bytes(self._pcm)), longest_s), "it was not heard"
            return bytes(self._pcm)

    def wait_until_still(self, still_s: float) -> bytes:
        """The recording, when nothing has been added for this long (the card is frozen)."""
        with self._grown:
            while self._grown.wait(still_s):
                continue
            return bytes(self._pcm)

    def stop(self) -> bytes:
        """End it; all of it."""
        self._process.terminate()
        self._process.wait(LONGEST_WAIT_S)
        return self.pcm()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            while piece := os.read(output.fileno(), 65_536):
                with self._grown:
                    self._pcm += piece
                    self._grown.notify_all()


def _raw(rate_hz: int) -> list[str]:
    return ["--raw", "--format=s16le", f"--rate={rate_hz}", "--channels=1"]


@contextmanager
def keeping_time() -> Iterator[None]:
    """Give this thread, and those it starts, the same priority as the card, where we may (as root).

    On a busy machine an ordinary program is now and then late by half a second, and ALSA drops what it then holds:
    no test of the samples that are heard could pass.
    """
    if not _real_time():
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)


@functools.cache
def _real_time() -> list[str]:
    """The words that make a program keep time on a busy machine, where we may use them (as root)."""
    words = ["chrt", "-f", str(_PRIORITY)]
    allowed = shutil.which("chrt") and subprocess.run([*words, "true"], capture_output=True).returncode == 0
    return words if allowed else []
