"""A thread that owns the database: everything that waits is written as one transaction.

The daemon's loop hands over and goes on; only this thread ever waits for the disk. What cannot be written waits, the
newest of each slot, and is tried again: a database that is locked, full or gone never stops the satellite.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from satellite.core.errors import StoreError
from satellite.store.database import Database

log = logging.getLogger(__name__)

T = TypeVar("T")
Write = Callable[[sqlite3.Connection], None]

RETRY_S = 60.0
"""Pause before what could not be written is tried again."""


class Writer:
    """Any thread may call what is public; only `flush` and `close` wait.

    What waits is bounded by its slots: a newer write takes the place of an older one of the same slot.
    """

    def __init__(self, database: Database, *, retry_s: float = RETRY_S) -> None:
        """Starts nothing; what is handed over before `start` waits for it."""
        self._database = database
        self._retry_s = retry_s
        self._failure = ""  # the thread's own, as the database
        self._changed = threading.Condition()  # guards what follows
        self._waiting: dict[object, Write] = {}
        self._questions: list[Callable[[], None]] = []
        self._handed_over = 0
        self._settled = 0
        self._retry_at_s = 0.0
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="store", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def put(self, slot: object, write: Write) -> None:
        """To be written soon, in place of what waits in this slot. Too late once closed."""
        with self._changed:
            if not self._closing:
                self._waiting.pop(slot, None)
                self._waiting[slot] = write
                self._handed_over += 1
                self._changed.notify_all()

    def ask(self, read: Callable[[sqlite3.Connection], T]) -> "Future[T]":
        """What `read` returns, after everything handed over so far. StoreError is in the future when there is none."""
        future: Future[T] = Future()

        def answer() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = self._database.transact(read)
            except StoreError as error:
                self._note(error)
                future.set_exception(error)
            except Exception:  # whoever asked has no memory then; the thread goes on
                log.exception("%s: it cannot be read", self._database.path)
                future.set_exception(StoreError(f"{self._database.path}: it cannot be read"))
            else:
                self._note(None)
                future.set_result(result)

        with self._changed:
            if self._closing:
                future.set_exception(StoreError(f"{self._database.path}: closed"))
            else:
                self._questions.append(answer)
                self._changed.notify_all()
        return future

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything handed over so far is on the disk; False if it is not in time."""
        with self._changed:
            until = self._handed_over
            return self._changed.wait_for(lambda: self._settled >= until, timeout_s)

    def close(self, timeout_s: float) -> bool:
        """Write what waits, once, and end; False when the disk has not let go of it in time."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if self._thread.is_alive():
            log.warning("%s: the disk does not answer; the last changes may be lost", self._database.path)
            return False
        return True

    # ------------------------------------------------------------ on the thread

    def _work(self) -> None:
        while not self._closing or self._waiting or self._questions:
            try:
                self._serve()
            except Exception:  # the thread's outermost frame: whatever that one was, the next one is served
                log.exception("%s: a request has failed", self._database.path)
        self._database.close()

    def _serve(self) -> None:
        """Wait for something to do, and do it: first what is to be written, then the questions."""
        with self._changed:
            while not (self._closing or self._questions or self._is_due()):
                self._changed.wait(self._retry_at_s - time.monotonic() if self._waiting else None)
            group, self._waiting = self._waiting, {}
            questions, self._questions = self._questions, []
            handed_over = self._handed_over
        written = False
        try:
            written = not group or self._write(group)
        except BaseException:
            written = True  # given up: it would fail in the same way for ever
            raise
        finally:
            with self._changed:
                if written:
                    self._settled = handed_over
                elif not self._closing:
                    self._waiting = group | self._waiting
                    self._retry_at_s = time.monotonic() + self._retry_s
                self._changed.notify_all()
            for answer in questions:
                answer()

    def _is_due(self) -> bool:
        return bool(self._waiting) and time.monotonic() >= self._retry_at_s

    def _write(self, group: dict[object, Write]) -> bool:
        """One transaction; False when it has to be tried again."""

        def all_of_it(connection: sqlite3.Connection) -> None:
            for write in group.values():
                write(connection)

        try:
            self._database.transact(all_of_it)
        except StoreError as error:
            self._note(error)
            return False
        self._note(None)
        return True

    def _note(self, error: StoreError | None) -> None:
        """One line the first time, quietly while it goes on, one when it is over."""
        if error is not None:
            level = logging.DEBUG if self._failure else logging.WARNING
            log.log(level, "%s; going on without a memory", error)
        elif self._failure:
            log.info("%s: well again", self._database.path)
        self._failure = "" if error is None else str(error)
