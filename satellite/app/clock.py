"""A loop on simulated time: a conversation of minutes in a second, the same way every time.

`loop.time()` advances to the next timer only when nothing else can happen: no socket is ready, no
executor job is in flight, and nobody holds the clock (`hold`, for work in another process). Everything
that waits by the loop's clock, libraries included, then waits on simulated time.
"""

import asyncio
import selectors
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

LOOPBACK_GRACE_S = 0.001
"""Real time given to bytes that are on their way through the kernel before the clock moves."""


class SimulatedTimeLoop(asyncio.SelectorEventLoop):
    """A selector loop whose clock is moved by its selector."""

    def __init__(self) -> None:
        self._simulated_s = 0.0
        self._holds = 0
        super().__init__(_AdvancingSelector(self))

    def time(self) -> float:
        """Simulated seconds since the loop was made."""
        return self._simulated_s

    @contextmanager
    def hold(self) -> Iterator[None]:
        """The clock stands still meanwhile: something outside is at work."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1

    @property
    def is_held(self) -> bool:
        """Whether the clock must not move."""
        return self._holds > 0

    def advance(self, duration_s: float) -> None:
        """Move the clock (the selector does, when nothing is ready)."""
        self._simulated_s += duration_s

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":  # type: ignore[override]  # typeshed ties it to a TypeVarTuple
        """As ever, with the clock held until the job is done."""
        future = super().run_in_executor(executor, func, *args)
        self._holds += 1
        future.add_done_callback(self._release)
        return future

    async def shutdown_default_executor(self, *_timeout: float | None) -> None:
        """As ever, with the clock held: the time-out that asyncio.run gives from Python 3.12 on is for real threads."""
        with self.hold():
            await super().shutdown_default_executor()

    def _release(self, _: "asyncio.Future[Any]") -> None:
        self._holds -= 1


class _AdvancingSelector(selectors.DefaultSelector):
    """Asks the kernel first; without news it moves the loop's clock by what the loop wanted to wait."""

    def __init__(self, loop: SimulatedTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None or self._loop.is_held:
            return super().select(timeout)
        ready = super().select(LOOPBACK_GRACE_S)
        if not ready:
            self._loop.advance(timeout)
        return ready
