"""The dispatch loop: events to the core one at a time, its commands to the edges, one timer for its deadlines.

Run to completion: an event posted while another is handled, or from inside a command, waits in line.
Everything here happens on the event loop's thread; other threads hand over with `post_from_thread`.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from satellite.core.commands import Command
from satellite.core.conversation import Conversation
from satellite.core.events import DeadlineReached, Event


class Observer(Protocol):
    """Sees every event and the commands that came of it, after they were executed."""

    def __call__(self, event: Event, commands: Sequence[Command], now_ms: int) -> None: ...


class Dispatcher:
    """Owns the conversation."""

    def __init__(self, conversation: Conversation, loop: asyncio.AbstractEventLoop) -> None:
        self.execute: Callable[[Command], None] = _nobody
        """Set once the edges exist: they need `post` before they can be built."""
        self.observers: list[Observer] = []
        self._conversation = conversation
        self._loop = loop
        self._waiting: deque[Event] = deque()
        self._busy = False
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ms: int | None = None

    def now_ms(self) -> int:
        """The loop's clock in whole milliseconds."""
        return int(self._loop.time() * 1000)

    def post(self, event: Event) -> None:
        """Handle `event`, at once or after the one being handled; after `close` it is too late."""
        if self._closed:
            return
        self._waiting.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._waiting:
                self._handle(self._waiting.popleft())
        finally:
            self._busy = False
        self._arm()

    def post_from_thread(self, event: Event) -> None:
        """Hand over from another thread; quietly too late once the loop is closed."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.post, event)

    def close(self) -> None:
        """No more events and no more deadlines: whatever still happens, no conversation begins again."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _handle(self, event: Event) -> None:
        now_ms = self.now_ms()
        commands = self._conversation.handle(event, now_ms=now_ms)
        for command in commands:
            self.execute(command)
        for observer in self.observers:
            observer(event, commands, now_ms)

    def _arm(self) -> None:
        """Keep the one timer at the earliest deadline."""
        deadline_ms = self._conversation.deadline_ms
        if deadline_ms == self._timer_ms and self._timer is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_ms = None, deadline_ms
        if deadline_ms is not None:
            # a millisecond late rather than early: now_ms is rounded down
            self._timer = self._loop.call_at((deadline_ms + 1) / 1000, self._deadline)

    def _deadline(self) -> None:
        self._timer = self._timer_ms = None
        self.post(DeadlineReached())


def _nobody(command: Command) -> None:
    raise AssertionError(f"{type(command).__name__} before the edges were wired")
