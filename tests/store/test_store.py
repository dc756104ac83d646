"""What is kept is there again, whom it is for, and how long it is good for."""

import asyncio
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from satellite.app.clock import SimulatedTimeLoop
from satellite.core.usage import DayUsage, TokenCounts
from satellite.settings import StoreSettings
from satellite.store.database import Database
from satellite.store.schema import MIGRATIONS
from satellite.store.store import FILE_NAME, Restored, Store, store_folder
from satellite.store.tables import KEPT_DAYS, Origin

NOW = datetime(2026, 10, 5, 12, 0, tzinfo=timezone(timedelta(hours=2)))
ORIGIN = Origin("developer", "gemini-3.8-live")
LONG_S = 30.0
"""For what takes milliseconds."""


class Clock:
    """A wall clock that is moved by hand."""

    def __init__(self) -> None:
        self.instant = NOW

    def __call__(self) -> datetime:
        return self.instant


@contextmanager
def opened(folder: Path, now: Clock | None = None) -> Iterator[Store]:
    """A store that is closed in the end, with everything written."""
    store = Store(folder, now=now or Clock())
    store.start()
    try:
        yield store
    finally:
        assert store.close(LONG_S)


def restored(folder: Path, origin: Origin = ORIGIN, *, after: timedelta = timedelta(0)) -> Restored:
    """What the next start finds."""
    with opened(folder) as store:
        return asyncio.run(store.restore(origin, NOW + after))


def keep(folder: Path, handle: str | None, *usages: DayUsage) -> None:
    """What one run of the daemon leaves behind."""
    with opened(folder) as store:
        store.keep_memory(handle, ORIGIN)
        for usage in usages:
            store.keep_usage(usage)


# ---------------------------------------------------------------- the handle


def test_at_the_first_start_there_is_nothing(tmp_path: Path) -> None:
    assert restored(tmp_path) == Restored(DayUsage("2026-10-05"))


def test_the_handle_is_there_again_with_its_age(tmp_path: Path) -> None:
    keep(tmp_path, "handle-1")
    found = restored(tmp_path, after=timedelta(minutes=3))
    assert (found.handle, found.age_ms) == ("handle-1", 180_000)


def test_the_newest_handle_counts_and_the_instant_it_was_used(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path, clock) as store:
        store.keep_memory("handle-1", ORIGIN)
        assert store.flush(LONG_S)
        clock.instant += timedelta(seconds=90)
        store.keep_memory("handle-2", ORIGIN)
    found = restored(tmp_path, after=timedelta(seconds=100))
    assert (found.handle, found.age_ms) == ("handle-2", 10_000)


def test_a_handle_that_is_forgotten_is_gone(tmp_path: Path) -> None:
    keep(tmp_path, "handle-1")
    keep(tmp_path, None)
    assert restored(tmp_path).handle is None


@pytest.mark.parametrize(
    "other",
    [
        Origin("developer", "gemini-3.1-flash-live-preview"),
        Origin("vertex", "gemini-3.8-live"),
        Origin("developer", "gemini-3.8-live", "ws://127.0.0.1:8765"),
    ],
)
def test_a_handle_means_nothing_to_another_model_or_server(tmp_path: Path, other: Origin) -> None:
    keep(tmp_path, "handle-1")
    assert restored(tmp_path, other).handle is None
    assert restored(tmp_path).handle == "handle-1"


def test_a_handle_is_good_for_two_hours_and_then_deleted(tmp_path: Path) -> None:
    keep(tmp_path, "handle-1")
    assert restored(tmp_path, after=timedelta(hours=2, milliseconds=-1)).handle == "handle-1"
    assert restored(tmp_path, after=timedelta(hours=2)).handle is None
    assert restored(tmp_path).handle is None


def test_a_handle_from_the_future_has_no_age_and_is_not_used(tmp_path: Path) -> None:
    keep(tmp_path, "handle-1")
    assert restored(tmp_path, after=timedelta(hours=-1)).handle is None
    found = restored(tmp_path, after=timedelta(seconds=-2))
    assert (found.handle, found.age_ms) == ("handle-1", 0)


def test_the_time_zone_does_not_make_a_handle_older(tmp_path: Path) -> None:
    keep(tmp_path, "handle-1")
    with opened(tmp_path) as store:
        found = asyncio.run(store.restore(ORIGIN, NOW.astimezone(timezone.utc)))  # noqa: UP017 - as on 3.11 and later
    assert found.age_ms == 0


@pytest.mark.parametrize("handle", ["Größe ✓", "\ud800 half a pair", "nul \0 here", "x" * 100_000])
def test_a_handle_is_opaque(tmp_path: Path, handle: str) -> None:
    keep(tmp_path, handle)
    assert restored(tmp_path).handle == handle


def test_a_handle_is_not_in_a_repr(tmp_path: Path) -> None:
    keep(tmp_path, "handle-1")
    assert "handle-1" not in repr(restored(tmp_path))


# ---------------------------------------------------------------- usage

COUNTS = TokenCounts(prompt={"text": 4, "audio": 6}, response={"audio": 5}, thoughts=3, tool_use=2, cached=1, total=20)
TODAY = DayUsage("2026-10-05", 20, 0.123456789, True, "EUR", COUNTS)


def test_the_usage_of_today_is_there_again_whole(tmp_path: Path) -> None:
    keep(tmp_path, None, DayUsage("2026-10-04", 7), TODAY)
    found = restored(tmp_path)
    assert found.today == TODAY
    assert [usage.day for usage in found.days] == ["2026-10-05", "2026-10-04"]
    assert found.day("2026-10-04").tokens == 7
    assert found.day("2031-01-01") == DayUsage("2031-01-01")


def test_yesterdays_usage_is_not_todays(tmp_path: Path) -> None:
    keep(tmp_path, None, TODAY)
    found = restored(tmp_path, after=timedelta(hours=12))
    assert found.today == DayUsage("2026-10-06")
    assert found.days == (TODAY,)


def test_a_days_usage_only_grows(tmp_path: Path) -> None:
    keep(tmp_path, None, TODAY)
    keep(tmp_path, None, DayUsage("2026-10-05"))
    assert restored(tmp_path).today == TODAY
    keep(tmp_path, None, DayUsage("2026-10-05", 21, 0.5))
    assert restored(tmp_path).today == DayUsage("2026-10-05", 21, 0.5)


def test_that_it_was_warned_is_kept_although_nothing_was_used_since(tmp_path: Path) -> None:
    keep(tmp_path, None, DayUsage("2026-10-05", 20))
    keep(tmp_path, None, DayUsage("2026-10-05", 20, warned=True))
    assert restored(tmp_path).today.warned


def test_a_day_without_a_name_is_not_kept(tmp_path: Path) -> None:
    keep(tmp_path, None, DayUsage("", 5))
    assert restored(tmp_path).days == ()


def test_the_oldest_days_are_forgotten(tmp_path: Path) -> None:
    first = NOW.date() - timedelta(days=KEPT_DAYS + 4)
    keep(tmp_path, None, *(DayUsage((first + timedelta(days=n)).isoformat(), n) for n in range(KEPT_DAYS + 5)))
    days = restored(tmp_path).days
    assert (len(days), days[0].day, days[-1].tokens) == (KEPT_DAYS, "2026-10-05", 5)


def test_counts_that_somebody_has_edited_do_no_harm(tmp_path: Path) -> None:
    keep(tmp_path, None, TODAY)
    for damage in ("", "[]", '{"prompt": 5}', '{"prompt": {"text": "many"}}', "null"):
        with sqlite3.connect(tmp_path / FILE_NAME) as connection:
            connection.execute("UPDATE usage_day SET counts = ?", (damage,))
        connection.close()
        found = restored(tmp_path).today
        assert (found.tokens, found.counts) == (20, TokenCounts())


COUNT = st.integers(0, 2**40)
KINDS = st.dictionaries(st.sampled_from(["text", "audio", "other"]), COUNT)
USAGE = st.builds(
    DayUsage,
    day=st.dates().map(str),
    tokens=COUNT,
    cost=st.integers(0, 10**15).map(lambda billionths: billionths / 1e9),
    warned=st.booleans(),
    currency=st.sampled_from(["", "EUR"]),
    counts=st.builds(TokenCounts, KINDS, KINDS, COUNT, COUNT, COUNT, COUNT),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(USAGE, unique_by=lambda usage: usage.day, max_size=5))
def test_any_usage_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, usages: list[DayUsage]) -> None:
    folder = tmp_path_factory.mktemp("store")
    keep(folder, None, *usages)
    assert restored(folder).days == tuple(sorted(usages, key=lambda usage: usage.day, reverse=True))


# ---------------------------------------------------------------- where, and for whom


def test_the_folder_is_the_configured_one_else_systemds_else_there_is_none() -> None:
    systemd = {"STATE_DIRECTORY": "/var/lib/satellite:/var/lib/other"}
    assert store_folder(StoreSettings(folder=Path("/srv/kept")), systemd) == Path("/srv/kept")
    assert store_folder(StoreSettings(), systemd) == Path("/var/lib/satellite")
    assert store_folder(StoreSettings(), {"STATE_DIRECTORY": ""}) is None
    assert store_folder(StoreSettings(), {}) is None


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "kept"
    with opened(folder) as store:
        store.keep_memory("handle-1", ORIGIN)
        assert store.flush(LONG_S)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        files = list(folder.iterdir())
        assert {path.name for path in files} >= {FILE_NAME, f"{FILE_NAME}-wal"}
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    keep(tmp_path, "handle-1")
    (tmp_path / FILE_NAME).chmod(0o644)
    assert restored(tmp_path).handle == "handle-1"
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


def test_a_simulated_clock_stands_still_while_it_is_read(tmp_path: Path) -> None:
    keep(tmp_path, "handle-1")

    async def restore() -> tuple[Restored, float]:
        loop = asyncio.get_running_loop()
        with opened(tmp_path) as store:
            waiting = loop.call_later(0.001, lambda: None)
            found = await store.restore(ORIGIN, NOW)
            waiting.cancel()
            return found, loop.time()

    with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        found, passed_s = runner.run(restore())
    assert found.handle == "handle-1"
    assert passed_s < 0.002


# ---------------------------------------------------------------- versions


def test_a_file_of_an_older_version_is_brought_up_and_keeps_what_it_holds(tmp_path: Path) -> None:
    keep(tmp_path, "handle-1", TODAY)
    newer = (
        *MIGRATIONS,
        (
            "CREATE TABLE outbox (id INTEGER PRIMARY KEY, topic TEXT NOT NULL) STRICT",
            "INSERT INTO outbox VALUES (1, 'a')",
        ),
    )
    database = Database(tmp_path / FILE_NAME, newer)
    assert database.transact(lambda c: c.execute("SELECT topic FROM outbox").fetchall()) == [("a",)]
    assert database.transact(lambda c: c.execute("SELECT tokens FROM usage_day").fetchall()) == [(20,)]
    database.close()
    database = Database(tmp_path / FILE_NAME, newer)
    assert database.transact(lambda c: c.execute("PRAGMA user_version").fetchone()) == (len(newer),)
    database.close()


def test_a_commit_waits_for_the_disk(tmp_path: Path) -> None:
    database = Database(tmp_path / FILE_NAME)
    assert database.transact(lambda c: c.execute("PRAGMA synchronous").fetchone()) == (2,)  # FULL
    assert database.transact(lambda c: c.execute("PRAGMA journal_mode").fetchone()) == ("wal",)
    database.close()
