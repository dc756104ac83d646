"""Ephemeral tokens: what one lets its bearer do, for how long and how often (LIVE_API 1.3).

In memory, for the server's life. `minting.py` reads the request that makes one; doors.py and connection.py ask.
"""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pydantic import BaseModel

from satellite.live.messages import Setup
from satellite.live_server.refusals import BAD_TOKEN, TOKEN_EXPIRED, TOKEN_TOO_LATE, TOKEN_USED_UP, Refusal

LIFE = timedelta(minutes=30)
"""expireTime, unless it is given."""

START_WITHIN = timedelta(seconds=60)
"""newSessionExpireTime, unless it is given."""

LONGEST = timedelta(hours=20)
"""Both times lie less than this ahead."""

TOKENS_KEPT = 10_000
"""The oldest token is forgotten when one more would be kept."""

Message = TypeVar("Message", bound=BaseModel)

Path = tuple[str, ...]
"""Of a field within the setup, by its Python names."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What was asked for when a token was minted."""

    uses: int
    """New sessions it may start; 0: any number."""
    expires_at: datetime
    starts_until: datetime
    setup: Setup | None
    locked: tuple[Path, ...]
    """Fields of `setup` that overwrite the client's; none: all of it does, if there is a setup."""


class Grant:
    """One token's rights. Shared by the connections that come with it, on the loop."""

    def __init__(self, terms: Terms, now: Callable[[], datetime]) -> None:
        self._terms = terms
        self._now = now
        self._used = 0

    def check_life(self) -> None:
        """Raises Refusal once the token has expired: after that, messages are refused too."""
        if self._now() >= self._terms.expires_at:
            raise Refusal(1008, TOKEN_EXPIRED)

    def begin_session(self, *, resuming: bool) -> None:
        """A session begins: uses the token up, unless it is one that goes on. Raises Refusal."""
        self.check_life()
        if resuming:
            return
        if self._now() >= self._terms.starts_until:
            raise Refusal(1008, TOKEN_TOO_LATE)
        if 0 < self._terms.uses <= self._used:
            raise Refusal(1008, TOKEN_USED_UP)
        self._used += 1

    def constrain(self, asked: Setup) -> Setup:
        """The setup that counts: the client's, the token's, or the client's with the token's fields.

        The handle of a resumption is the client's in any case: it names a session, it configures none [inferred].
        """
        setup = self._terms.setup
        if setup is None:
            return asked
        if not self._terms.locked:
            constrained = setup
        else:
            constrained = asked
            for path in self._terms.locked:
                constrained = _overwrite(constrained, setup, path)
        return _with_handle(constrained, asked)


class Tokens:
    """All tokens of a server. Used on the loop; `now` is the wall clock."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._grants: OrderedDict[str, Grant] = OrderedDict()

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return self._now().astimezone(UTC)

    def mint(self, terms: Terms) -> str:
        """A new token's name."""
        name = f"auth_tokens/{secrets.token_hex(32)}"
        self._grants[name] = Grant(terms, self.now)
        while len(self._grants) > TOKENS_KEPT:
            self._grants.popitem(last=False)
        return name

    def find(self, name: str) -> Grant:
        """What a token lets its bearer do; raises Refusal where there is none."""
        grant = self._grants.get(name)
        if grant is None:
            raise Refusal(1008, BAD_TOKEN)
        return grant


def _overwrite(target: Message, source: Message, path: Path) -> Message:
    """`target` with the field at `path` as it is in `source`, unset if it is unset there."""
    first, *rest = path
    theirs, ours = getattr(target, first), getattr(source, first)
    if not rest:
        return target.model_copy(update={first: ours})
    if theirs is None and ours is None:
        return target
    below = theirs if theirs is not None else type(ours)()
    return target.model_copy(
        update={first: _overwrite(below, ours if ours is not None else type(below)(), tuple(rest))}
    )


def _with_handle(setup: Setup, asked: Setup) -> Setup:
    """`setup` with the handle of the session that the client wants to go on with."""
    resumption, wanted = setup.session_resumption, asked.session_resumption
    if resumption is None or wanted is None or not wanted.handle:
        return setup
    return setup.model_copy(update={"session_resumption": resumption.model_copy(update={"handle": wanted.handle})})
