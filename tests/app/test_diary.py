"""What is known over a restart, and that days begin: with a real database, on simulated time."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from satellite.app.clock import SimulatedTimeLoop
from satellite.app.configuration import load
from satellite.app.diary import Diary
from satellite.core.commands import StoreMemory, StoreUsage
from satellite.core.events import DayBegun, Event, MemoryRestored
from satellite.core.usage import DayUsage

EVENING = datetime(2026, 11, 22, 23, 59, 30, tzinfo=UTC)


class Days:
    """A satellite's life in front of its diary, restarts included."""

    def __init__(self, folder: Path | None, began: datetime = EVENING, sets: tuple[str, ...] = ()) -> None:
        self._sets = [*sets, *([f"store.folder={folder}"] if folder else [])]
        self._began = began
        self.posted: list[Event] = []

    def live(self, *commands: StoreMemory | StoreUsage, for_s: float, after: timedelta = timedelta()) -> list[Event]:
        """Start `after` the beginning, store, live on for so long, stop; what was posted."""
        posted: list[Event] = []

        async def main() -> None:
            loop = asyncio.get_running_loop()
            began = self._began + after
            diary = Diary(
                load(None, self._sets), posted.append, lambda: began + timedelta(seconds=loop.time()), environment={}
            )
            running = asyncio.create_task(diary.run())
            await asyncio.sleep(0.1)
            for command in commands:
                if isinstance(command, StoreMemory):
                    diary.store_memory(command)
                else:
                    diary.store_usage(command)
            await asyncio.sleep(for_s)
            running.cancel()
            await diary.close()

        with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
            runner.run(main())
        return posted


def test_a_day_begins_at_the_start_and_at_midnight(tmp_path: Path) -> None:
    assert Days(tmp_path).live(for_s=29) == [DayBegun(DayUsage("2026-11-22"))]
    assert Days(tmp_path).live(for_s=31) == [DayBegun(DayUsage("2026-11-22")), DayBegun(DayUsage("2026-11-23"))]
    assert len(Days(tmp_path).live(for_s=3 * 86_400)) == 4


def test_without_a_folder_only_the_day_is_told() -> None:
    assert Days(None).live(StoreMemory("handle"), for_s=1) == [DayBegun(DayUsage("2026-11-22"))]


def test_the_day_and_the_handle_are_found_again_after_a_restart(tmp_path: Path) -> None:
    days = Days(tmp_path)
    days.live(StoreMemory("handle"), StoreUsage(DayUsage("2026-11-22", tokens=120, cost=0.5)), for_s=1)
    restored, begun = days.live(for_s=1, after=timedelta(seconds=20))
    assert isinstance(restored, MemoryRestored)
    assert restored.handle == "handle"
    assert restored.age_ms == pytest.approx(20_000, abs=200)
    assert isinstance(begun, DayBegun)
    assert (begun.usage.day, begun.usage.tokens, begun.usage.cost) == ("2026-11-22", 120, 0.5)


def test_the_day_after_begins_with_nothing(tmp_path: Path) -> None:
    days = Days(tmp_path)
    days.live(StoreUsage(DayUsage("2026-11-22", tokens=120)), for_s=1)
    assert days.live(for_s=1, after=timedelta(minutes=5)) == [DayBegun(DayUsage("2026-11-23"))]


def test_a_handle_that_was_forgotten_is_not_restored(tmp_path: Path) -> None:
    days = Days(tmp_path)
    days.live(StoreMemory("handle"), StoreMemory(None), for_s=1)
    assert [type(event) for event in days.live(for_s=1)] == [DayBegun]


def test_a_handle_is_for_the_model_it_came_from(tmp_path: Path) -> None:
    Days(tmp_path).live(StoreMemory("handle"), for_s=1)
    other = Days(tmp_path, sets=("live.model=gemini-3.1-flash-live-preview",))
    assert [type(event) for event in other.live(for_s=1)] == [DayBegun]


def test_a_day_that_the_clock_comes_to_late_goes_on_where_it_was(tmp_path: Path) -> None:
    Days(tmp_path, EVENING + timedelta(days=1)).live(StoreUsage(DayUsage("2026-11-23", tokens=120)), for_s=1)
    begun = [event.usage for event in Days(tmp_path).live(for_s=40) if isinstance(event, DayBegun)]
    assert [(usage.day, usage.tokens) for usage in begun] == [("2026-11-22", 0), ("2026-11-23", 120)]


def test_a_clock_that_is_set_is_noticed(tmp_path: Path) -> None:
    """A board without a battery begins in the past, and is set when the network comes."""
    posted: list[Event] = []

    async def main() -> None:
        ahead = timedelta()
        loop = asyncio.get_running_loop()

        def now() -> datetime:
            return datetime(2024, 1, 1, 12, tzinfo=UTC) + ahead + timedelta(seconds=loop.time())

        diary = Diary(load(None, [f"store.folder={tmp_path}"]), posted.append, now, environment={})
        running = asyncio.create_task(diary.run())
        await asyncio.sleep(1)
        ahead = timedelta(days=1000)
        await asyncio.sleep(700)
        running.cancel()
        await diary.close()

    with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        runner.run(main())
    assert [event.usage.day for event in posted if isinstance(event, DayBegun)] == ["2024-01-01", "2026-09-27"]
