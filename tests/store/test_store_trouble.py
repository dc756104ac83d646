"""A database that is locked, full, broken or gone never stops the satellite, and a kill loses nothing acknowledged."""

import asyncio
import logging
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeVar

import pytest

from satellite.core.errors import StoreError
from satellite.core.usage import DayUsage
from satellite.store.database import Database
from satellite.store.schema import MIGRATIONS
from satellite.store.store import FILE_NAME, Restored, Store
from satellite.store.tables import Origin
from satellite.store.writer import Writer

NOW = datetime(2026, 10, 5, 12, 0, tzinfo=timezone.utc)  # noqa: UP017 - as on 3.11 and later
ORIGIN = Origin("developer", "gemini-3.8-live")
LONG_S = 30.0
"""For what takes milliseconds."""

T = TypeVar("T")


def started(folder: Path, *, retry_s: float = 3600.0) -> Store:
    """A store that does not try again by itself unless it is told to."""
    store = Store(folder, now=lambda: NOW, retry_s=retry_s)
    store.start()
    return store


def read(store: Store) -> Restored:
    """What it holds. Answered after everything handed over before was tried."""
    return asyncio.run(store.restore(ORIGIN, NOW))


def written(folder: Path, tokens: int) -> None:
    """A good file that holds something."""
    store = started(folder)
    store.keep_memory("handle-1", ORIGIN)
    store.keep_usage(DayUsage("2026-10-05", tokens))
    assert store.close(LONG_S)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines that stand out."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# ---------------------------------------------------------------- a broken file


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no database, it only has the name of one " * 100)


def torn_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)


def foreign_tables(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE memory (somebody TEXT)")
    connection.commit()
    connection.close()


def missing_tables(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE usage_day")
    connection.commit()
    connection.close()


@pytest.mark.parametrize("damage", [garbage, torn_page, foreign_tables, missing_tables])
def test_a_broken_file_is_set_aside_and_the_satellite_remembers_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], None]
) -> None:
    path = tmp_path / FILE_NAME
    written(tmp_path, 5)
    damage(path)
    before = path.read_bytes()
    store = started(tmp_path)
    assert read(store) == Restored(DayUsage("2026-10-05"))
    store.keep_usage(DayUsage("2026-10-05", 7))
    assert store.flush(LONG_S)
    assert store.close(LONG_S)
    (line,) = warnings(caplog)
    assert line.startswith(f"{path}: ")
    assert line.endswith(f"set aside as {FILE_NAME}.broken, and a new one is begun")
    assert "\n" not in line
    broken = path.with_name(f"{FILE_NAME}.broken")
    assert broken.read_bytes()[:100] == before[:100] or damage in (foreign_tables, missing_tables)
    store = started(tmp_path)
    assert read(store).today.tokens == 7
    assert store.close(LONG_S)
    assert len(warnings(caplog)) == 1


def test_the_log_of_a_broken_file_goes_with_it_and_not_into_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    written(tmp_path, 4)
    other = Database(path)  # holds the file open, so that its write-ahead log stays
    other.transact(lambda c: c.execute("INSERT INTO usage_day VALUES ('2026-10-04', 5, 0, '', 0, '{}')").rowcount)
    torn_page(path)
    store = started(tmp_path)
    assert read(store).days == ()
    assert path.with_name(f"{FILE_NAME}.broken-wal").stat().st_size > 0
    other.close()
    assert store.close(LONG_S)


def test_damage_is_found_at_the_start_where_nothing_would_have_read_it(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    database = Database(path)
    database.transact(lambda c: c.execute("INSERT INTO usage_day VALUES ('x', 1, 0, '', 0, ?)", ("x" * 9000,)).rowcount)
    database.close()
    with path.open("r+b") as file:  # into the pages that a long text flows over to
        file.seek(-4096, 2)
        file.write(b"\xff" * 4096)
    database = Database(path)
    assert database.transact(lambda c: c.execute("SELECT count(*) FROM memory").fetchone()) == (0,)
    database.close()
    assert path.with_name(f"{FILE_NAME}.broken").exists()


def test_a_log_that_was_set_aside_before_does_not_stay_beside_another_file(tmp_path: Path) -> None:
    written(tmp_path, 5)
    garbage(tmp_path / FILE_NAME)
    stale = tmp_path / f"{FILE_NAME}.broken-wal"
    stale.write_bytes(b"of an earlier one")
    store = started(tmp_path)
    read(store)
    assert store.close(LONG_S)
    assert not stale.exists()


def test_a_second_broken_file_takes_the_place_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    for round_ in range(2):
        written(tmp_path, 5)
        path.write_bytes(b"broken %d" % round_ * 500)
        store = started(tmp_path)
        read(store)
        assert store.close(LONG_S)
        assert path.with_name(f"{FILE_NAME}.broken").read_bytes().startswith(b"broken %d" % round_)


def test_a_file_of_a_newer_program_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    newer = (*MIGRATIONS, ("CREATE TABLE later (x TEXT) STRICT",))
    database = Database(tmp_path / FILE_NAME, newer)
    database.transact(lambda c: c.execute("INSERT INTO later VALUES ('kept')").rowcount)
    database.close()
    store = started(tmp_path)
    store.keep_usage(DayUsage("2026-10-05", 5))
    assert read(store).days == ()
    assert store.close(LONG_S)
    (line,) = warnings(caplog)
    assert line.startswith(f"{tmp_path / FILE_NAME}: of a newer program: version 2")
    database = Database(tmp_path / FILE_NAME, newer)
    assert database.transact(lambda c: c.execute("SELECT x FROM later").fetchall()) == [("kept",)]
    database.close()


# ---------------------------------------------------------------- a place where nothing can be written


def file_in_the_way(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("not a folder")
    return tmp_path / "file"


def folder_in_the_way(tmp_path: Path) -> Path:
    (tmp_path / FILE_NAME).mkdir()
    return tmp_path


def no_such_place(_: Path) -> Path:
    return Path("/proc/satellite-store")


@pytest.mark.parametrize("place", [file_in_the_way, folder_in_the_way, no_such_place])
def test_without_a_place_to_write_it_goes_on_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, place: Callable[[Path], Path]
) -> None:
    folder = place(tmp_path)
    store = started(folder)
    for tokens in range(3):
        store.keep_memory("handle-1", ORIGIN)
        store.keep_usage(DayUsage("2026-10-05", tokens))
        assert read(store) == Restored(DayUsage("2026-10-05"))
    assert store.close(LONG_S)
    (line,) = warnings(caplog)
    assert line.startswith(str(folder))
    assert line.endswith("; going on without a memory")
    assert "handle-1" not in caplog.text


def test_a_database_that_is_locked_is_tried_again_and_nothing_is_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written(tmp_path, 5)
    caplog.set_level(logging.DEBUG)
    other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store = started(tmp_path, retry_s=0.05)
    store.keep_usage(DayUsage("2026-10-05", 6))
    store.keep_usage(DayUsage("2026-10-04", 1))
    assert read(store).days == ()
    (line,) = warnings(caplog)
    assert line == f"{tmp_path / FILE_NAME}: database is locked; going on without a memory"
    store.keep_usage(DayUsage("2026-10-05", 9))
    other.execute("ROLLBACK")
    other.close()
    assert store.flush(LONG_S)  # by itself, after a pause
    assert [usage.tokens for usage in read(store).days] == [9, 1]
    assert store.close(LONG_S)
    assert len(warnings(caplog)) == 1
    assert f"{tmp_path / FILE_NAME}: well again" in caplog.messages


FULL_DISK = """
import asyncio, logging, resource, sys
from datetime import datetime, timezone
from pathlib import Path
from satellite.core.usage import DayUsage
from satellite.store.store import Store
from satellite.store.tables import Origin

logging.basicConfig(stream=sys.stdout, format="%(levelname)s %(message)s", level=logging.INFO)
now = datetime(2026, 10, 5, 12, tzinfo=timezone.utc)
origin = Origin("developer", "gemini-3.8-live")
store = Store(Path(sys.argv[1]), now=lambda: now, retry_s=3600)
store.start()
store.keep_usage(DayUsage("2026-10-05", 1))
assert store.flush(30)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))  # no file may grow
store.keep_memory("handle-1" * 1000, origin)
print("while full:", asyncio.run(store.restore(origin, now)).handle is not None, flush := store.flush(0))
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
restored = asyncio.run(store.restore(origin, now))
print("afterwards:", len(restored.handle or ""), restored.today.tokens, store.flush(0))
assert store.close(30)
"""


def test_a_full_disk_is_waited_out(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True
    )
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"WARNING {tmp_path / FILE_NAME}: ")
    assert [line for line in lines if "WARNING" in line] == lines[:1]
    assert "while full: False False" in lines
    assert f"INFO {tmp_path / FILE_NAME}: well again" in lines
    assert "afterwards: 8000 1 True" in lines


# ---------------------------------------------------------------- the thread


class SlowDisk(Database):
    """One that answers when it is told to, and says how often it was asked to write."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.may_answer = threading.Event()
        self.asked = threading.Event()
        self.transactions = 0
        self.threads: set[str] = set()

    def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As ever, but late."""
        self.transactions += 1
        self.threads.add(threading.current_thread().name)
        self.asked.set()
        self.may_answer.wait(LONG_S)
        return super().transact(work)


def put_day(writer: Writer, number: int, slot: object = None) -> None:
    """A row of its own."""

    def insert(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO usage_day VALUES (?, ?, 0, '', 0, '')", (f"{number:04}", number))

    writer.put(number if slot is None else slot, insert)


def days(connection: sqlite3.Connection) -> list[int]:
    """The rows that are there."""
    return [tokens for (tokens,) in connection.execute("SELECT tokens FROM usage_day ORDER BY day")]


def test_everything_that_waits_is_one_transaction(tmp_path: Path) -> None:
    disk = SlowDisk(tmp_path / FILE_NAME)
    disk.may_answer.set()
    writer = Writer(disk)
    for number in range(100):
        put_day(writer, number)
    writer.start()
    assert writer.flush(LONG_S)
    assert disk.transactions == 1
    assert writer.ask(days).result(LONG_S) == list(range(100))
    assert writer.close(LONG_S)


def test_whoever_hands_over_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    disk = SlowDisk(tmp_path / FILE_NAME)
    writer = Writer(disk)
    writer.start()
    put_day(writer, 0)
    assert disk.asked.wait(LONG_S)
    for number in range(1, 50):  # the disk is at work, and does not answer
        put_day(writer, number)
    assert not writer.flush(0)
    disk.may_answer.set()
    assert writer.flush(LONG_S)
    assert disk.transactions == 2
    assert disk.threads == {"store"}
    assert writer.close(LONG_S)


class FullDisk(SlowDisk):
    """One that fails until there is room."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.has_room = False

    def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As ever, or not at all."""
        if self.has_room:
            return super().transact(work)
        super().transact(lambda _: None)
        raise StoreError("no room")


def test_what_has_failed_does_not_take_the_place_of_what_is_newer(tmp_path: Path) -> None:
    disk = FullDisk(tmp_path / FILE_NAME)
    writer = Writer(disk, retry_s=0)
    put_day(writer, 1, slot="one")
    put_day(writer, 2, slot="two")
    writer.start()
    assert disk.asked.wait(LONG_S)
    put_day(writer, 3, slot="one")  # while the older one is on its way to fail
    disk.may_answer.set()
    disk.has_room = True
    assert writer.flush(LONG_S)
    assert writer.ask(days).result(LONG_S) == [2, 3]
    assert writer.close(LONG_S)


def test_a_disk_that_fails_is_left_in_peace_for_a_while_and_tried_once_more_at_the_end(tmp_path: Path) -> None:
    disk = FullDisk(tmp_path / FILE_NAME)
    disk.may_answer.set()
    writer = Writer(disk, retry_s=3600)
    writer.start()
    put_day(writer, 1)
    with pytest.raises(StoreError, match="no room"):
        writer.ask(days).result(LONG_S)
    tried = disk.transactions
    for number in range(2, 50):
        put_day(writer, number)
    assert not writer.flush(0)
    assert disk.transactions == tried
    disk.has_room = True
    assert writer.close(LONG_S)
    assert disk.transactions == tried + 1
    with sqlite3.connect(disk.path) as connection:
        assert days(connection) == list(range(1, 50))
    connection.close()


def test_the_start_does_not_wait_for_a_disk_that_does_not_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, 5)
    monkeypatch.setattr("satellite.store.store.RESTORE_TIMEOUT_S", 0.001)
    other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store = started(tmp_path)
    assert read(store) == Restored(DayUsage("2026-10-05"))
    assert f"{tmp_path / FILE_NAME}: the disk does not answer; starting without a memory" in caplog.messages
    other.close()
    assert store.close(LONG_S)


def test_only_the_newest_of_a_slot_waits(tmp_path: Path) -> None:
    writer = Writer(Database(tmp_path / FILE_NAME))
    for number in range(20):
        put_day(writer, number, slot="one")
    writer.start()
    assert writer.ask(days).result(LONG_S) == [19]
    assert writer.close(LONG_S)


def test_a_disk_that_never_answers_does_not_hold_up_the_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    disk = SlowDisk(tmp_path / FILE_NAME)
    writer = Writer(disk)
    writer.start()
    put_day(writer, 0)
    assert disk.asked.wait(LONG_S)
    assert not writer.close(0)
    assert "the disk does not answer" in caplog.text
    disk.may_answer.set()
    assert writer.close(LONG_S)


def test_what_fails_of_itself_is_given_up_and_the_next_one_is_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: sqlite3.Connection) -> None:
        raise ZeroDivisionError

    writer = Writer(Database(tmp_path / FILE_NAME))
    writer.put("bad", fail)
    put_day(writer, 1)
    writer.start()
    assert writer.flush(LONG_S)
    with pytest.raises(StoreError, match="cannot be read"):
        writer.ask(fail).result(LONG_S)
    put_day(writer, 2)
    assert writer.ask(days).result(LONG_S) == [2]  # all of a transaction, or nothing
    assert writer.close(LONG_S)
    assert caplog.text.count("ZeroDivisionError") >= 2


def test_after_the_end_it_is_too_late(tmp_path: Path) -> None:
    store = started(tmp_path)
    assert store.close(LONG_S)
    store.keep_memory("handle-1", ORIGIN)
    assert read(store) == Restored(DayUsage("2026-10-05"))
    store = started(tmp_path)
    assert read(store).handle is None
    assert store.close(LONG_S)


# ---------------------------------------------------------------- kill -9

WRITES_FOR_EVER = """
import itertools, sys
from datetime import datetime, timezone
from pathlib import Path
from satellite.core.usage import DayUsage
from satellite.store.store import Store
from satellite.store.tables import Origin

now = datetime(2026, 10, 5, 12, tzinfo=timezone.utc)
store = Store(Path(sys.argv[1]), now=lambda: now)
store.start()
for number in itertools.count(1):
    store.keep_usage(DayUsage("2026-10-05", number))
    store.keep_memory(f"handle-{number}", Origin("developer", "gemini-3.8-live"))
    assert store.flush(30)
    print(number, flush=True)
"""


@pytest.mark.parametrize("acknowledged", [1, 7, 40])
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, acknowledged: int) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITES_FOR_EVER, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for number in range(1, acknowledged + 1):
            assert int(process.stdout.readline()) == number
        process.kill()
        last = [int(line) for line in process.stdout.read().split()]
    assert process.returncode == -signal.SIGKILL
    told = max([acknowledged, *last])
    store = started(tmp_path)
    found = read(store)
    assert told <= found.today.tokens <= told + 1
    assert found.handle is not None
    assert told <= int(found.handle.removeprefix("handle-")) <= told + 1
    assert store.close(LONG_S)
