"""What outlives a connection: histories, and the handles that lead back to them (LIVE_API 4.7)."""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from satellite.live_server.limits import Age, Limits
from satellite.live_server.refusals import INTERNAL, NO_SESSION, SESSION_EXPIRED, Refusal, invalid_argument

HANDLES_KEPT = 1000
"""The oldest handle is forgotten when one more would be kept."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One contribution to a conversation, with its size in tokens. Of a cut reply only what was sent."""

    role: Literal["user", "model"]
    text: str
    text_tokens: int = 0
    audio_tokens: int = 0
    image_tokens: int = 0
    video_tokens: int = 0
    from_tool: bool = False
    """A function's answer: it belongs to the turn before it, and begins none."""


def _never() -> bool:
    return False


class _Session:
    """What its connections have in common, whichever of its handles leads back."""

    def __init__(self) -> None:
        self.age = Age()
        """At the end of its last connection."""


class _Connection:
    """Who got a handle."""

    def __init__(self, is_open: Callable[[], bool]) -> None:
        self.is_open = is_open
        self.ended_at_s: float | None = None
        self.session = _Session()


@dataclass(frozen=True, slots=True)
class _Kept:
    model: str
    entries: tuple[Entry, ...]
    kept_at_s: float
    connection: _Connection | None


class Histories:
    """All resumable sessions of a server, in memory. Used by its connections, on the loop.

    `time_s` is the loop's clock. Each connection has a view of its own (`of_connection`): the time for which a handle
    is valid begins with the end of the connection that got it; while that is open it leads nowhere (LIVE_API 4.7).
    """

    def __init__(self, time_s: Callable[[], float], limits: Limits | None = None) -> None:
        self._time_s = time_s
        self._limits = limits or Limits()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._connection: _Connection | None = None
        self._age = Age()
        self._begun_at_s = 0.0

    def of_connection(self, is_open: Callable[[], bool]) -> "Histories":
        """The view of a new connection; `is_open` says whether its socket still is."""
        view = Histories(self._time_s, self._limits)
        view._kept = self._kept
        view._connection = _Connection(is_open)
        view._begun_at_s = self._time_s()
        return view

    @property
    def age(self) -> Age:
        """Of the session on this connection."""
        return self._age.after(self._time_s() - self._begun_at_s)

    def see_picture(self) -> None:
        """The session has had a picture: from its first one on it may last less long."""
        if self.age.video_s is None:
            self._age = replace(self._age, video_s=self._begun_at_s - self._time_s())

    def end(self) -> None:
        """The connection has ended: from here on its handles grow old."""
        if self._connection is not None:
            self._connection.ended_at_s = self._time_s()
            self._connection.session.age = self.age
            self._connection.is_open = _never  # what it holds on to is gone

    def keep(self, model: str, entries: tuple[Entry, ...]) -> str:
        """A new handle that leads back to this history."""
        handle = secrets.token_urlsafe(24)
        self._kept[handle] = _Kept(model, entries, self._time_s(), self._connection)
        while len(self._kept) > HANDLES_KEPT:
            self._kept.popitem(last=False)
        return handle

    def resume(self, model: str, handle: str) -> tuple[Entry, ...]:
        """The history behind a handle; raises Refusal if there is none, it is in use, or it was another model's."""
        kept = self._kept.get(handle)
        if kept is None:
            raise Refusal(1008, NO_SESSION)
        if self._is_over(kept):
            del self._kept[handle]
            raise Refusal(1008, SESSION_EXPIRED)
        if kept.model != model:
            raise invalid_argument("a session is resumed with the model it had")
        if kept.connection is not None and kept.connection.ended_at_s is None and kept.connection.is_open():
            raise Refusal(1011, INTERNAL, "a session was resumed while its old connection is still open")
        if kept.connection is not None and self._connection is not None:
            self._connection.session = kept.connection.session
            self._age = self._connection.session.age
        return kept.entries

    def _is_over(self, kept: _Kept) -> bool:
        """Whether the handle is too old. An open connection keeps its handles young."""
        since_s: float | None = kept.kept_at_s
        if kept.connection is not None:
            since_s = kept.connection.ended_at_s
        return since_s is not None and self._time_s() > since_s + self._limits.lasting(self._limits.handle_valid_s)
