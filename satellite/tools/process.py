"""One run of a program: started without a shell, fed, read within bounds, and ended with all it started.

By the pidfd of the program, readable when it has exited and not yet reaped: until then its number is its own, so
the signals for its process group reach nobody else. Linux 5.3 or later.
"""

import asyncio
import contextlib
import io
import logging
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

log = logging.getLogger(__name__)

STDOUT_BYTES = 64 * 1024
"""More than that is no answer for a conversation."""

STDERR_BYTES = 1024 * 1024
"""Complaints beyond this are a program that has gone wrong."""

STDERR_KEPT_BYTES = 4096
"""Only the last of it is of interest."""

TERM_GRACE_S = 0.5
"""From SIGTERM to SIGKILL; the whole satellite has 1.5 s to say goodbye."""

KILL_S = 0.5
"""From SIGKILL to the end; one that still lives hangs in the kernel, and is left behind."""

READ_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. `status`: exit status, or minus the number of a signal. `is_flood`: it printed too much."""

    status: int
    stdout: bytes
    stderr: bytes
    is_flood: bool


async def run_program(command: Sequence[str], stdin: bytes, environment: Mapping[str, str]) -> Outcome:
    """Run it in / as a group of its own. OSError: it cannot be started.

    Cancelled, or once it printed too much, the group gets SIGTERM and after TERM_GRACE_S SIGKILL; only then does this
    return. What a program left running in the background when it ended by itself, it meant to.
    """
    program = _Program(command, stdin, environment)
    try:
        await program.ended_or_flooded()
    finally:
        await program.end()
    return program.outcome()


class _Output:
    """One of its pipes: read as it comes, at most `most_bytes` of it; the last `kept_bytes` are kept."""

    def __init__(self, pipe: io.FileIO, most_bytes: int, kept_bytes: int) -> None:
        os.set_blocking(pipe.fileno(), False)
        self.pipe = pipe
        self.kept = b""
        self.is_flood = False
        self._most_bytes = most_bytes
        self._kept_bytes = kept_bytes
        self._read_bytes = 0

    def read(self) -> bytes | None:
        """Take what is there, at most READ_BYTES; None: nothing for now, b"": no more comes, or is wanted."""
        if self.is_flood:
            return b""
        piece: bytes | None = self.pipe.read(READ_BYTES)
        if piece:
            self._read_bytes += len(piece)
            self.is_flood = self._read_bytes > self._most_bytes
            self.kept = (self.kept + piece)[-self._kept_bytes :]
        return piece


class _Program:
    """Made, waited for and ended by run_program."""

    def __init__(self, command: Sequence[str], stdin: bytes, environment: Mapping[str, str]) -> None:
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._exited = asyncio.Event()
        self._name = command[0]
        with open(os.memfd_create("stdin"), "w+b") as given:  # noqa: PTH123  # a file without a path
            given.write(stdin)
            given.seek(0)
            self._process = subprocess.Popen(
                command,
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=environment,
                cwd="/",
                start_new_session=True,
            )
        try:
            self._pidfd = os.pidfd_open(self._process.pid)
        except OSError:
            self._process.kill()
            self._process.communicate()
            raise
        assert isinstance(self._process.stdout, io.FileIO)
        assert isinstance(self._process.stderr, io.FileIO)
        self._stdout = _Output(self._process.stdout, STDOUT_BYTES, STDOUT_BYTES)
        self._stderr = _Output(self._process.stderr, STDERR_BYTES, STDERR_KEPT_BYTES)
        self._loop.add_reader(self._pidfd, self._note_exit)
        for output in (self._stdout, self._stderr):
            self._loop.add_reader(output.pipe, self._take, output)

    async def ended_or_flooded(self) -> None:
        """Wait for one of the two."""
        await self._news.wait()

    async def end(self) -> None:
        """It and its group are gone and reaped afterwards, unless it had ended by itself: then it is just reaped.

        Being cancelled meanwhile shortens the grace, no more.
        """
        cancelled = False
        if not self._exited.is_set():
            self._signal(signal.SIGTERM)
            timers = [
                self._loop.call_later(TERM_GRACE_S, self._signal, signal.SIGKILL),
                self._loop.call_later(TERM_GRACE_S + KILL_S, self._leave_behind),
            ]
            while not self._exited.is_set():
                try:
                    await self._exited.wait()
                except asyncio.CancelledError:
                    cancelled = True
                    self._signal(signal.SIGKILL)
            for timer in timers:
                timer.cancel()
            self._signal(signal.SIGKILL)  # those of its group that outlived it
        self._close()
        if cancelled:
            raise asyncio.CancelledError

    def outcome(self) -> Outcome:
        """After `end`."""
        status = self._process.returncode
        is_flood = self._stdout.is_flood or self._stderr.is_flood
        return Outcome(-signal.SIGKILL if status is None else status, self._stdout.kept, self._stderr.kept, is_flood)

    def _take(self, output: _Output) -> None:
        if output.read() == b"" or output.is_flood:
            self._loop.remove_reader(output.pipe)
        if output.is_flood:
            self._news.set()

    def _note_exit(self) -> None:
        """All it printed is in the pipes; what it left behind may hold them open, so their end is not waited for."""
        self._loop.remove_reader(self._pidfd)
        for output in (self._stdout, self._stderr):
            while output.read():
                pass
        self._exited.set()
        self._news.set()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _leave_behind(self) -> None:
        log.warning("%s (process %d) does not end, not even by SIGKILL", self._name, self._process.pid)
        self._exited.set()

    def _close(self) -> None:
        for output in (self._stdout, self._stderr):
            self._loop.remove_reader(output.pipe)
            output.pipe.close()
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._process.poll()  # has exited: this reaps it
