"""What the satellite knows over a restart, and that a new day has begun: between the store and the conversation.

Posts MemoryRestored and DayBegun; carries out StoreMemory and StoreUsage. Without a folder to keep things in it only
tells the day.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta

from satellite.core.commands import StoreMemory, StoreUsage
from satellite.core.events import DayBegun, Event, MemoryRestored
from satellite.core.usage import DayUsage
from satellite.settings import Settings
from satellite.store.store import Store, store_folder
from satellite.store.tables import Origin

LONGEST_SLEEP_S = 600.0
"""The wall clock may be set, and the summer time begin: look at it at least this often."""

CLOSE_S = 1.0


class Diary:
    """Driven by the dispatch loop; `run` is its task. Loop only."""

    def __init__(
        self,
        settings: Settings,
        post: Callable[[Event], None],
        now: Callable[[], datetime],
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        live = settings.live
        self._origin = Origin(live.backend.value, live.model, live.base_url)
        self._post = post
        self._now = now
        folder = store_folder(settings.store, environment)
        self._store = Store(folder, now=now) if folder else None
        self._days: dict[str, DayUsage] = {}
        """What is known of days: a clock that is set late may make one of them today."""

    def store_memory(self, command: StoreMemory) -> None:
        """Keep the handle to resume with."""
        if self._store is not None:
            self._store.keep_memory(command.handle, self._origin)

    def store_usage(self, command: StoreUsage) -> None:
        """Keep what the day has used."""
        self._days[command.usage.day] = command.usage
        if self._store is not None:
            self._store.keep_usage(command.usage)

    async def run(self) -> None:
        """Restore what was kept, then tell each day as it begins."""
        await self._restore()
        day = ""
        while True:
            now = self._now()
            if now.date().isoformat() != day:
                day = now.date().isoformat()
                self._post(DayBegun(self._days.get(day, DayUsage(day))))
            midnight = datetime.combine(now.date() + timedelta(days=1), time(), tzinfo=now.tzinfo)
            await asyncio.sleep(min(LONGEST_SLEEP_S, (midnight - now).total_seconds()))

    async def close(self) -> None:
        """Write what waits."""
        if self._store is not None:
            await asyncio.to_thread(self._store.close, CLOSE_S)

    async def _restore(self) -> None:
        """What the days so far have used; the handle goes to the conversation."""
        if self._store is None:
            return
        self._store.start()
        restored = await self._store.restore(self._origin, self._now())
        if restored.handle is not None:
            self._post(MemoryRestored(restored.handle, restored.age_ms))
        self._days = {usage.day: usage for usage in restored.days} | self._days
