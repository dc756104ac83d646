"""What outlives a connection: histories, and the handles that lead back to them (LIVE_API 4.7)."""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from satellite.live_server.refusals import NO_SESSION, SESSION_EXPIRED, Refusal, invalid_argument

HANDLE_VALID_S = 2 * 3600
"""A handle leads back for two hours (LIVE_API 4.6)."""

HANDLES_KEPT = 1000
"""The oldest handle is forgotten when one more would be kept."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One contribution to a conversation, with its size in tokens. Of a cut reply only what was sent."""

    role: Literal["user", "model"]
    text: str
    text_tokens: int = 0
    audio_tokens: int = 0


@dataclass(frozen=True, slots=True)
class _Kept:
    model: str
    entries: tuple[Entry, ...]
    valid_until_s: float


class Histories:
    """All resumable sessions of a server, in memory. Used by its connections, on the loop.

    `time_s` is the loop's clock.
    """

    def __init__(self, time_s: Callable[[], float]) -> None:
        self._time_s = time_s
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def keep(self, model: str, entries: tuple[Entry, ...]) -> str:
        """A new handle that leads back to this history."""
        handle = secrets.token_urlsafe(24)
        self._kept[handle] = _Kept(model, entries, self._time_s() + HANDLE_VALID_S)
        while len(self._kept) > HANDLES_KEPT:
            self._kept.popitem(last=False)
        return handle

    def resume(self, model: str, handle: str) -> tuple[Entry, ...]:
        """The history behind a handle; raises Refusal if there is none, or it was another model's."""
        kept = self._kept.get(handle)
        if kept is None:
            raise Refusal(1008, NO_SESSION)
        if self._time_s() > kept.valid_until_s:
            del self._kept[handle]
            raise Refusal(1008, SESSION_EXPIRED)
        if kept.model != model:
            raise invalid_argument("a session is resumed with the model it had")
        return kept.entries
