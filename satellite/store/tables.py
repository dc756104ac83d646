"""The words of each table: plain values in, plain values out, within a transaction that somebody else has begun."""

import json
import sqlite3
from dataclasses import dataclass, field
from typing import Any

from satellite.core.usage import DayUsage, TokenCounts

HANDLE_LIFE_MS = 2 * 3600 * 1000
"""A handle can be resumed for 2 h after its session's end (LIVE_API 4.6)."""

CLOCK_SLACK_MS = 60_000
"""A handle that was used later than now, by more than this: the clock has been set back, its age is not known."""

KEPT_DAYS = 400
"""Days whose usage is kept: a year and a month."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Whom a handle is for: at another one, or for another model, it means nothing (LIVE_API 4.6)."""

    backend: str
    model: str
    base_url: str = ""


@dataclass(frozen=True, slots=True)
class Memory:
    """A handle to resume with, and how long ago it was last used. It opens the conversation: not in the repr."""

    handle: str = field(repr=False)
    age_ms: int


def put_memory(connection: sqlite3.Connection, handle: str, origin: Origin, used_at_ms: int) -> None:
    """The newest handle takes the place of the one before."""
    connection.execute(
        "INSERT OR REPLACE INTO memory VALUES (1, ?, ?, ?, ?, ?, ?)",
        (
            handle.encode("utf-8", "surrogatepass"),  # an opaque text from a server: JSON may hold half a pair
            origin.backend,
            origin.model,
            origin.base_url,
            used_at_ms,
            used_at_ms + HANDLE_LIFE_MS,
        ),
    )


def forget_memory(connection: sqlite3.Connection) -> None:
    """There is nothing to go on with."""
    connection.execute("DELETE FROM memory")


def read_memory(connection: sqlite3.Connection, origin: Origin, now_ms: int) -> Memory | None:
    """The handle, if it is for `origin` and can still be used. One that has expired is deleted."""
    connection.execute("DELETE FROM memory WHERE expires_at_ms <= ?", (now_ms,))
    row = connection.execute(
        "SELECT handle, used_at_ms FROM memory WHERE backend = ? AND model = ? AND base_url = ?",
        (origin.backend, origin.model, origin.base_url),
    ).fetchone()
    if row is None or row[1] > now_ms + CLOCK_SLACK_MS:
        return None
    return Memory(row[0].decode("utf-8", "surrogatepass"), max(0, now_ms - row[1]))


def put_usage(connection: sqlite3.Connection, usage: DayUsage) -> None:
    """A day's usage only grows: a clock that goes back and forth must not make it less."""
    connection.execute(
        "INSERT INTO usage_day VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (day) DO UPDATE SET tokens = excluded.tokens, "
        "cost = excluded.cost, currency = excluded.currency, warned = excluded.warned, counts = excluded.counts "
        "WHERE excluded.tokens >= usage_day.tokens",
        (usage.day, usage.tokens, usage.cost, usage.currency, int(usage.warned), _as_json(usage.counts)),
    )


def read_usage(connection: sqlite3.Connection) -> tuple[DayUsage, ...]:
    """The days that are kept, the newest first; older ones are deleted."""
    connection.execute(
        "DELETE FROM usage_day WHERE day NOT IN (SELECT day FROM usage_day ORDER BY day DESC LIMIT ?)", (KEPT_DAYS,)
    )
    rows = connection.execute("SELECT day, tokens, cost, warned, currency, counts FROM usage_day ORDER BY day DESC")
    return tuple(
        DayUsage(day, tokens, cost, bool(warned), currency, _from_json(counts))
        for day, tokens, cost, warned, currency, counts in rows
    )


def _as_json(counts: TokenCounts) -> str:
    return json.dumps(
        {
            "prompt": dict(counts.prompt),
            "response": dict(counts.response),
            "thoughts": counts.thoughts,
            "tool_use": counts.tool_use,
            "cached": counts.cached,
            "total": counts.total,
        }
    )


def _from_json(text: str) -> TokenCounts:
    """What cannot be read (somebody has edited it) is as good as not known: the day's total stands beside it."""
    try:
        read: dict[str, Any] = json.loads(text)
        return TokenCounts(
            prompt={str(modality): int(count) for modality, count in read["prompt"].items()},
            response={str(modality): int(count) for modality, count in read["response"].items()},
            thoughts=int(read["thoughts"]),
            tool_use=int(read["tool_use"]),
            cached=int(read["cached"]),
            total=int(read["total"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return TokenCounts()
