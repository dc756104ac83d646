"""What the rest of the satellite sees of the store: hand over what is to be kept, and read it back once at the start.

Nothing here waits for the disk, and nothing here fails: without a database the satellite has no memory, that is all.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from satellite.core.errors import StoreError
from satellite.core.usage import DayUsage
from satellite.settings import StoreSettings
from satellite.store import tables
from satellite.store.database import Database
from satellite.store.tables import Origin
from satellite.store.writer import RETRY_S, Writer

log = logging.getLogger(__name__)

FILE_NAME = "satellite.db"

RESTORE_TIMEOUT_S = 2.0
"""The conversation waits for its memory no longer than this."""


def store_folder(settings: StoreSettings, environment: Mapping[str, str]) -> Path | None:
    """Where the database lives: as configured, else systemd's STATE_DIRECTORY (the first of them), else nowhere."""
    if settings.folder is not None:
        return settings.folder
    first = environment.get("STATE_DIRECTORY", "").split(":")[0]
    return Path(first) if first else None


@dataclass(frozen=True, slots=True)
class Restored:
    """What was kept. The handle opens the conversation: not in the repr."""

    today: DayUsage
    handle: str | None = field(default=None, repr=False)
    age_ms: int = 0
    """How long ago the handle was last used."""
    days: tuple[DayUsage, ...] = ()
    """All the days that are kept, the newest first."""

    def day(self, day: str) -> DayUsage:
        """What a day (ISO date) has used, as far as is known (the clock may jump to another one)."""
        return next((usage for usage in self.days if usage.day == day), DayUsage(day))


class Store:
    """Used by the loop; the writer's thread does the work."""

    def __init__(self, folder: Path, *, now: Callable[[], datetime], retry_s: float = RETRY_S) -> None:
        """`now`: the wall clock, with its time zone. Touches nothing on the disk."""
        self.path = folder / FILE_NAME
        self._now = now
        self._writer = Writer(Database(self.path), retry_s=retry_s)

    def start(self) -> None:
        """Start the thread; returns at once."""
        self._writer.start()

    def keep_memory(self, handle: str | None, origin: Origin) -> None:
        """Keep the handle to resume with, used at this moment (None: forget it). Never waits, never fails."""
        if handle is None:
            self._writer.put("memory", tables.forget_memory)
            return
        used_at_ms = _milliseconds(self._now())
        self._writer.put("memory", lambda connection: tables.put_memory(connection, handle, origin, used_at_ms))

    def keep_usage(self, usage: DayUsage) -> None:
        """Keep what a day has used so far (a day without a name is none). Never waits, never fails."""
        if usage.day:
            self._writer.put(("usage", usage.day), lambda connection: tables.put_usage(connection, usage))

    async def restore(self, origin: Origin, now: datetime) -> Restored:
        """What was kept, in RESTORE_TIMEOUT_S at the most; nothing where there is no memory. After `start`."""
        now_ms, today = _milliseconds(now), now.date().isoformat()
        asked = self._writer.ask(
            lambda connection: (tables.read_memory(connection, origin, now_ms), tables.read_usage(connection))
        )
        try:
            # In an executor, for a loop on simulated time: its clock stands still meanwhile.
            memory, days = await asyncio.to_thread(asked.result, RESTORE_TIMEOUT_S)
        except StoreError:  # the writer has said so
            return Restored(DayUsage(today))
        except TimeoutError:
            asked.cancel()
            log.warning("%s: the disk does not answer; starting without a memory", self.path)
            return Restored(DayUsage(today))
        usage = next((usage for usage in days if usage.day == today), DayUsage(today))
        if memory is None:
            return Restored(usage, days=days)
        return Restored(usage, memory.handle, memory.age_ms, days)

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything handed over so far is on the disk; False if it is not in time. Not for the loop."""
        return self._writer.flush(timeout_s)

    def close(self, timeout_s: float) -> bool:
        """Write what waits and end, in `timeout_s` at the most; False if not in time. Not for the loop."""
        return self._writer.close(timeout_s)


def _milliseconds(instant: datetime) -> int:
    """Since 1970, UTC."""
    return int(instant.timestamp() * 1000)
