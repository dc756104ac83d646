"""The asyncio side of the recogniser: owns the process that does the work, and what goes wrong with it.

Everything that waits for the process waits in a job of the loop's executor, with real time and without a timer of
the loop: on simulated time the clock stands still while a job is in flight, so recognising takes none of it. A
process that crashes or hangs fails the request at hand (SpeechError) and is started again by the next one.
"""

import asyncio
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

from satellite.core.errors import SpeechError
from satellite.speech import wire

HUNG_AFTER_S = 60.0
"""Real seconds without an answer after which the process counts as hung: 30 s of speech on a slow board take 15."""

CLOSE_S = 1.0

Result = TypeVar("Result")

log = logging.getLogger(__name__)


class _Process:
    """One running worker. All methods block and belong to executor jobs, but `kill`, which any thread may call."""

    def __init__(self, engine: str, model_path: Path | None) -> None:
        """Start it; `wait_ready` comes next. Raises OSError."""
        package_root = str(Path(__file__).parents[2])
        paths = [package_root, *filter(None, [os.environ.get("PYTHONPATH")])]
        # one thread in every numeric library: the audio threads need the other cores
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-P", "-m", "satellite.speech.worker", engine]
        if model_path is not None:
            command.append(str(model_path.absolute()))
        self._link, theirs = socket.socketpair()
        try:
            # standard output goes where errors go: a library's chatter must not look like the daemon's output
            self._popen = subprocess.Popen(command, stdin=theirs.fileno(), stdout=2, env=environment)
        except OSError:
            self._link.close()
            raise
        finally:
            theirs.close()
        self.pid = self._popen.pid

    @property
    def is_running(self) -> bool:
        return self._popen.poll() is None

    def wait_ready(self) -> None:
        """Until the model is loaded. Raises SpeechError."""
        kind, payload = self._receive()
        if kind != wire.READY:
            raise SpeechError(payload.decode())

    def recognise(self, pcm: bytes) -> str:
        """Raises SpeechError."""
        try:
            self._link.settimeout(HUNG_AFTER_S)
            wire.send(self._link, wire.RECOGNISE, pcm)
        except OSError as error:
            raise SpeechError(f"the recogniser ended unexpectedly ({self._end()})") from error
        kind, payload = self._receive()
        if kind != wire.TEXT:
            raise SpeechError(payload.decode())
        return payload.decode()

    def kill(self) -> None:
        """End it at once: it has nothing to lose. Whoever waits for it finds the end of its socket."""
        self._popen.kill()

    def reap(self, patience_s: float) -> bool:
        """Whether it is gone within that time. Nobody may be waiting for its answers any more: closes its socket."""
        self._link.close()
        return self._is_gone(patience_s)

    def _receive(self) -> tuple[bytes, bytes]:
        try:
            return wire.receive(self._link, HUNG_AFTER_S)
        except TimeoutError as error:
            self.kill()
            raise SpeechError(f"the recogniser has not answered for {HUNG_AFTER_S:.0f} s") from error
        except (EOFError, OSError, ValueError) as error:
            raise SpeechError(f"the recogniser ended unexpectedly ({self._end()})") from error

    def _end(self) -> str:
        """Its exit status in words; its socket is broken, so it has ended or is made to."""
        if not self._is_gone(CLOSE_S):
            self.kill()
            self._is_gone(CLOSE_S)
        status = self._popen.returncode
        if status is None:
            return "it does not end"
        return f"signal {-status}" if status < 0 else f"status {status}"

    def _is_gone(self, patience_s: float) -> bool:
        try:
            self._popen.wait(patience_s)
        except subprocess.TimeoutExpired:
            return False
        return True


class Recogniser:
    """Speech to text in a process of its own. Used on one loop; requests wait for each other, first come first served.

    A caller that is cancelled leaves at once; the work it asked for is finished, discarded, and then the next begins.
    """

    def __init__(self, engine: Literal["whisper", "grammar"] = "whisper", model_path: Path | None = None) -> None:
        self._engine = engine
        self._model_path = model_path
        self._turn = asyncio.Lock()
        self._guard = threading.Lock()  # of the two fields below, between the loop and the job
        self._process: _Process | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process's id, while there is one."""
        process = self._process
        return process.pid if process is not None and process.is_running else None

    async def start(self) -> None:
        """Load the model now rather than at the first request. Raises SpeechError."""
        await self._job(self._ensure)

    async def recognise(self, pcm16k: bytes) -> str:
        """The words in 16 kHz s16le mono sound, empty when there are none. Raises SpeechError."""
        return await self._job(lambda: self._ask(pcm16k))

    async def close(self, deadline_s: float = CLOSE_S) -> None:
        """End the process, whatever it does; requests in flight or later raise SpeechError."""
        with self._guard:
            self._closed = True
            process, self._process = self._process, None
            if process is not None:
                process.kill()
        if process is None:
            return
        try:
            async with asyncio.timeout(deadline_s), self._turn:  # what is in flight ends with its process
                if await asyncio.get_running_loop().run_in_executor(None, process.reap, deadline_s):
                    return
        except TimeoutError:
            log.debug("a request outlives its process")
        log.warning("the recogniser's process %d does not end", process.pid)

    async def _job(self, work: Callable[[], Result]) -> Result:
        """`work` in the executor, one at a time; the turn passes on when it is done, not when its caller leaves."""
        await self._turn.acquire()
        try:
            job = asyncio.get_running_loop().run_in_executor(None, work)
        except RuntimeError:  # the loop is shutting down
            self._turn.release()
            raise
        job.add_done_callback(lambda _: self._turn.release())
        return await asyncio.shield(job)

    # ------------------------------------------------------------ in the executor

    def _ask(self, pcm: bytes) -> str:
        process = self._ensure()
        try:
            return process.recognise(pcm)
        except SpeechError:
            if not process.is_running:
                self._drop(process)
            raise

    def _ensure(self) -> _Process:
        """The running process, started and loaded if need be."""
        with self._guard:
            if self._closed:
                raise SpeechError("the recogniser is closed")
            if self._process is not None and self._process.is_running:
                return self._process
            stale = self._process
            try:
                process = self._process = _Process(self._engine, self._model_path)
            except OSError as error:
                raise SpeechError(f"the recogniser cannot be started: {error}") from error
        if stale is not None:
            log.warning("the recogniser had ended by itself and is started again")
            stale.reap(CLOSE_S)
        try:
            process.wait_ready()
        except SpeechError:
            self._drop(process)
            raise
        return process

    def _drop(self, process: _Process) -> None:
        process.kill()
        process.reap(CLOSE_S)
        with self._guard:
            if self._process is process:
                self._process = None
