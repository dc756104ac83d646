"""Work that may block for ever, off the loop: in a daemon thread of its own, one piece at a time.

Never asyncio's default executor: `asyncio.run` waits for that one, so a name lookup that hangs would hold up the
shutdown. Whoever waits is freed by the limit or by cancellation; the thread is left behind until its call returns.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from threading import Thread
from typing import Any, TypeVar

Result = TypeVar("Result")


class OwnThread:
    """Runs blocking work for one owner. `run` on the loop; the work itself in a thread, after the work before it."""

    def __init__(self, name: str) -> None:
        self._threads = _DaemonThreads(name)
        self._busy: asyncio.Future[Any] | None = None

    async def run(self, work: Callable[[], Result], *, limit_s: float) -> Result:
        """What `work` returns or raises; TimeoutError when that takes longer, hanging work before it included."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(limit_s):
            while self._busy is not None and not self._busy.done():
                await asyncio.wait([self._busy])
            # through run_in_executor: a loop on simulated time holds its clock for what runs there
            ours = self._busy = loop.run_in_executor(self._threads, work)
            ours.add_done_callback(_retrieve)
            return await asyncio.shield(ours)


class _DaemonThreads(Executor):
    """A new daemon thread for each piece of work: what hangs must not keep the process alive."""

    def __init__(self, name: str) -> None:
        self._name = name

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Start it at once."""
        future: Future[Any] = Future()
        job = partial(work, *args, **kwargs)
        Thread(target=self._work, args=(future, job), name=self._name, daemon=True).start()
        return future

    @staticmethod
    def _work(future: "Future[Any]", job: Callable[[], Any]) -> None:
        future.set_running_or_notify_cancel()
        try:
            result = job()
        except BaseException as error:  # noqa: BLE001  # the outermost frame of a thread: it goes to who waits
            future.set_exception(error)
        else:
            future.set_result(result)


def _retrieve(work: "asyncio.Future[Any]") -> None:
    """Look at what came of it: nobody may be waiting any more, and asyncio would complain of an error unseen."""
    if not work.cancelled():
        work.exception()
