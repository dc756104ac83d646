"""The file: opened, guarded, set aside when it is broken. Called by the store's own thread alone.

A commit is on the disk when it returns (WAL with synchronous=FULL; NORMAL is not safe against a loss of power).
After any failure the connection is given up and the next call opens a new one.
"""

import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from satellite.core.errors import StoreError
from satellite.store.schema import MIGRATIONS, Migration, migrate

log = logging.getLogger(__name__)

T = TypeVar("T")

BUSY_S = 0.5
"""Longest wait for another program's lock; what is to be written is tried again later."""

_DAMAGE_CODES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_FOREIGN_TABLES = ("no such table", "no such column", "has no column named", "already exists")
"""SQLite's words when the tables are not those of the version that the file claims."""


class _DamageError(Exception):
    """The file is no database, or not one of ours."""


class Database:
    """One file, its folder created if need be (0700); the file is readable by its owner alone (0600)."""

    def __init__(self, path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> None:
        """Opens nothing."""
        self.path = path
        self._migrations = migrations
        self._connection: sqlite3.Connection | None = None

    def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` as one transaction: all of it is on the disk when this returns, or none of it ever is.

        A broken file is set aside as NAME.broken, with a warning, and a new one begun. Raises StoreError, which names
        the file, when it cannot be opened, read or written; and what `work` raises of its own.
        """
        try:
            return self._attempt(work)
        except _DamageError as damage:
            self._set_aside(str(damage))
        try:
            return self._attempt(work)
        except _DamageError as damage:
            raise StoreError(f"{self.path}: {damage}, newly created as it is") from None

    def close(self) -> None:
        """Give the connection up; the next transaction opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):  # what was committed is safe without this
                connection.close()

    def _attempt(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._opened()
            connection.execute("BEGIN IMMEDIATE")
            result = work(connection)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self.close()
            if _is_damage(error):
                raise _DamageError(str(error)) from error
            raise StoreError(f"{self.path}: {error}") from error
        except OSError as error:
            self.close()
            raise StoreError(f"{error.filename or self.path}: {error.strerror}") from error
        except BaseException:
            self.close()  # and with it the transaction
            raise
        return result

    def _opened(self) -> sqlite3.Connection:
        """The connection, checked and of the newest version."""
        if self._connection is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_private()
            self._connection = connection = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise _DamageError(" ".join(verdict.split()))
            try:
                migrate(connection, self._migrations)
            except StoreError as error:
                raise StoreError(f"{self.path}: {error}") from None
        return self._connection

    def _make_private(self) -> None:
        """SQLite gives its side files the permissions of the file. Not opened if it is there: closing it again
        would release the locks that this process holds on it (POSIX)."""
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            if self.path.is_file() and self.path.stat().st_mode & 0o077:
                self.path.chmod(0o600)

    def _set_aside(self, why: str) -> None:
        """NAME becomes NAME.broken. The write-ahead log goes first: beside a new file it would be played into that."""
        broken = self.path.with_name(f"{self.path.name}.broken")
        try:
            for suffix in ("-shm", "-wal", ""):
                old = self.path.with_name(self.path.name + suffix)
                new = broken.with_name(broken.name + suffix)
                new.unlink(missing_ok=True)
                with contextlib.suppress(FileNotFoundError):
                    old.rename(new)
        except OSError as error:
            raise StoreError(f"{self.path}: {why}, and it cannot be set aside: {error.strerror}") from error
        log.warning("%s: %s; it is set aside as %s, and a new one is begun", self.path, why, broken.name)


def _is_damage(error: sqlite3.Error) -> bool:
    """Trying again will not mend it. The low byte is the code, the rest says more about it."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in _DAMAGE_CODES or any(words in str(error) for words in _FOREIGN_TABLES)
