"""One daemon thread for the calls that can block: opening a camera, waiting for a picture, closing.

As an executor, so that the loop can wait for it (one on simulated time then stands still meanwhile). Not the default
executor nor a ThreadPoolExecutor: both are waited for when the process ends, and a driver can block for ever.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class DeviceThread(Executor):
    """Runs calls one after the other, in the order they were asked for. The thread begins with the first one."""

    def __init__(self, name: str) -> None:
        """Starts nothing."""
        self._name = name
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Ask for a call; what it returns or raises is in the future. One that is cancelled in time is left out."""
        future: Future[T] = Future()

        def job() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - handed to whoever asked, who sees it raised
                future.set_exception(error)
            else:
                future.set_result(result)

        self._jobs.put(job)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """No more calls; the thread ends after those that were asked for. Never waits."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
