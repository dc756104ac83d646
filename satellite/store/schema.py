"""The tables, and how an older file becomes a newer one.

A migration that has been released is never changed: whoever adds a table or a column appends one, and puts the words
for reading and writing it beside those of tables.py. The number of migrations is the version of the file.
"""

import sqlite3
from collections.abc import Sequence

from satellite.core.errors import StoreError

Migration = tuple[str, ...]
"""Statements that lead from one version to the next, carried out as one transaction."""

MIGRATIONS: tuple[Migration, ...] = (
    (
        # One row at most: the handle of the newest session. Instants are milliseconds since 1970, UTC.
        """
        CREATE TABLE memory (
            row INTEGER PRIMARY KEY CHECK (row = 1),
            handle BLOB NOT NULL,
            backend TEXT NOT NULL,
            model TEXT NOT NULL,
            base_url TEXT NOT NULL,
            used_at_ms INTEGER NOT NULL,
            expires_at_ms INTEGER NOT NULL
        ) STRICT
        """,
        # `day` is an ISO date of the local calendar; `counts` the tokens by modality, as a JSON object.
        """
        CREATE TABLE usage_day (
            day TEXT PRIMARY KEY,
            tokens INTEGER NOT NULL,
            cost REAL NOT NULL,
            currency TEXT NOT NULL,
            warned INTEGER NOT NULL,
            counts TEXT NOT NULL
        ) STRICT
        """,
    ),
)


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> None:
    """Bring the file to the newest version. Raises StoreError for one of a newer program, sqlite3.Error otherwise."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(migrations):
        raise StoreError(f"of a newer program: version {version}, {len(migrations)} is known here")
    for number, statements in enumerate(migrations[version:], start=version + 1):
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
