"""One thread for the calls of PortAudio that can block.

Opening, closing and initialising can block for ever (a hung sound server, a card that was pulled out), so
they run on a daemon thread of their own: never on the loop, and never on the default executor, which asyncio.run
waits for. A call cannot be interrupted; whoever awaits it can go away, the call then ends by itself or
with the process.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from satellite.audio.native_stderr import NATIVE_STDERR
from satellite.core.errors import AudioDeviceError

T = TypeVar("T")


class PortAudioThread:
    """Runs calls one after the other, in the order they were asked for. Asked from any thread."""

    def __init__(self) -> None:
        """Starts nothing: the thread begins with the first call."""
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._in_progress: tuple[str, float] | None = None

    @property
    def in_progress(self) -> tuple[str, float] | None:
        """Name of the call under way and for how many seconds it has been, or None."""
        current = self._in_progress
        return None if current is None else (current[0], time.monotonic() - current[1])

    def submit(self, name: str, call: Callable[[], T]) -> "Future[T]":
        """Ask for a call; what it returns or raises is in the future."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="portaudio", daemon=True)
            self._thread.start()
        future: Future[T] = Future()

        def job() -> None:
            if not future.set_running_or_notify_cancel():
                return
            self._in_progress = (name, time.monotonic())
            try:
                with NATIVE_STDERR.sorted():
                    result = call()
            except BaseException as error:  # noqa: BLE001 - handed to whoever asked, who sees it raised
                future.set_exception(error)
            else:
                future.set_result(result)
            finally:
                self._in_progress = None

        self._jobs.put(job)
        return future

    async def call(self, name: str, call: Callable[[], T]) -> T:
        """As submit, awaited on the loop. Cancelling the wait cancels a call that has not begun."""
        return await asyncio.wrap_future(self.submit(name, call))

    def call_within(self, name: str, call: Callable[[], T], deadline_s: float) -> T:
        """As submit, waited for without a loop. Raises AudioDeviceError when it has not returned in time."""
        try:
            return self.submit(name, call).result(deadline_s)
        except TimeoutError:
            raise AudioDeviceError(f"PortAudio has not answered within {deadline_s:g} s ({name})") from None

    def stop(self) -> None:
        """No more calls; the thread ends when the one under way has returned. Does not wait."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
