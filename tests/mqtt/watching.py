"""What the tests of the broker part look through: commands and log lines that can be waited for."""

import logging
import queue
import threading
from collections.abc import Callable
from typing import Protocol

from support.mosquitto import PATIENCE_S, Mosquitto

from satellite.core.events import Event
from satellite.mqtt.client import MqttClient


class MakeClient(Protocol):
    """Makes the client of satellite `kitchen`, and stops it at the end of the test."""

    def __call__(
        self, broker: Mosquitto, on_command: Callable[[Event], None] | None = None, **settings: object
    ) -> MqttClient: ...


class Heard:
    """The commands a client handed on, to be waited for."""

    def __init__(self) -> None:
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def __call__(self, event: Event) -> None:
        self._events.put(event)

    def next(self) -> Event:
        """The next one; queue.Empty when none comes."""
        return self._events.get(timeout=PATIENCE_S)

    @property
    def empty(self) -> bool:
        """None is left."""
        return self._events.empty()


class Journal(logging.Handler):
    """The log lines of the part, to be waited for."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []
        self._changed = threading.Condition()

    def emit(self, record: logging.LogRecord) -> None:
        with self._changed:
            self.records.append(record)
            self._changed.notify_all()

    def wait_for(self, words: str, *, level: int = logging.WARNING, times: int = 1) -> str:
        """The line of at least `level` that holds `words`, once there are `times` of them."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._with(words, level)) >= times, PATIENCE_S)
            assert len(self._with(words, level)) >= times, f"no {words!r} in {self.lines()}"
            return self._with(words, level)[0]

    def lines(self, level: int = logging.DEBUG) -> list[str]:
        """All lines of at least this level."""
        return [record.getMessage() for record in self.records if record.levelno >= level]

    def _with(self, words: str, level: int) -> list[str]:
        return [line for line in self.lines(level) if words in line]
