"""The link to the Live API as the conversation sees it: one session at a time, kept and closed by rule.

`session` numbers the connection; 0 while there is none, so that events of a closed one are stale. How a new
connection goes on from the last is memory.py's.
"""

from enum import StrEnum

from satellite.core.commands import CloseSession, Command, OpenSession, PastTurn
from satellite.core.memory import Memory

HAND_OVER_MARGIN_MS = 2000
"""A connection that is going away is left this long before its end."""

REFUSED_PAUSE_MS = 60_000
LONGEST_REFUSED_PAUSE_MS = 960_000
"""After a refusal the server is left alone, twice as long each time: what it refuses, it refuses again."""

OLD_AGE_LEFT_MS = 30_000
"""A connection that has reached its age waits this long for a pause before it is handed over all the same."""


class LinkState(StrEnum):
    """The connection."""

    CLOSED = "closed"
    OPENING = "opening"
    OPEN = "open"
    HANDING_OVER = "handing over"
    REFUSED = "refused"


class LinkInput(StrEnum):
    """What happens to it."""

    NEEDED = "needed"
    OPENED = "opened"
    LOST = "lost"
    REFUSED = "refused"
    GO_AWAY = "go away"
    RELEASED = "released"
    EXPIRED = "expired"


S, I = LinkState, LinkInput  # noqa: E741 - two letters keep the table readable

RULES: dict[tuple[LinkState, LinkInput], LinkState] = {
    (S.CLOSED, I.NEEDED): S.OPENING,
    (S.CLOSED, I.OPENED): S.CLOSED,
    (S.CLOSED, I.LOST): S.CLOSED,
    (S.CLOSED, I.REFUSED): S.CLOSED,
    (S.CLOSED, I.GO_AWAY): S.CLOSED,
    (S.CLOSED, I.RELEASED): S.CLOSED,
    (S.CLOSED, I.EXPIRED): S.CLOSED,
    (S.OPENING, I.NEEDED): S.OPENING,
    (S.OPENING, I.OPENED): S.OPEN,
    (S.OPENING, I.LOST): S.CLOSED,
    (S.OPENING, I.REFUSED): S.REFUSED,
    (S.OPENING, I.GO_AWAY): S.OPENING,
    (S.OPENING, I.RELEASED): S.CLOSED,
    (S.OPENING, I.EXPIRED): S.CLOSED,
    (S.OPEN, I.NEEDED): S.OPEN,
    (S.OPEN, I.OPENED): S.OPEN,
    (S.OPEN, I.LOST): S.CLOSED,
    (S.OPEN, I.REFUSED): S.REFUSED,
    (S.OPEN, I.GO_AWAY): S.HANDING_OVER,
    (S.OPEN, I.RELEASED): S.CLOSED,
    (S.OPEN, I.EXPIRED): S.CLOSED,
    (S.HANDING_OVER, I.NEEDED): S.HANDING_OVER,
    (S.HANDING_OVER, I.OPENED): S.HANDING_OVER,
    (S.HANDING_OVER, I.LOST): S.CLOSED,
    (S.HANDING_OVER, I.REFUSED): S.REFUSED,
    (S.HANDING_OVER, I.GO_AWAY): S.HANDING_OVER,
    (S.HANDING_OVER, I.RELEASED): S.CLOSED,
    (S.HANDING_OVER, I.EXPIRED): S.CLOSED,
    (S.REFUSED, I.NEEDED): S.REFUSED,
    (S.REFUSED, I.OPENED): S.REFUSED,
    (S.REFUSED, I.LOST): S.REFUSED,
    (S.REFUSED, I.REFUSED): S.REFUSED,
    (S.REFUSED, I.GO_AWAY): S.REFUSED,
    (S.REFUSED, I.RELEASED): S.REFUSED,
    (S.REFUSED, I.EXPIRED): S.CLOSED,
}


class Link:
    """State, session number and deadlines of the connection; what it remembers is in `memory`."""

    def __init__(self, *, connect_timeout_ms: int, memory: Memory, connection_age_ms: int = 0) -> None:
        self.state = LinkState.CLOSED
        self.session = 0
        self.used = False
        """Whether anything of the user was sent on this session."""
        self.resumes = False
        """Whether this session was opened with a handle."""
        self.memory = memory
        self._numbers = 0
        self._due_ms: int | None = None
        self._old_at_ms: int | None = None
        self._refusals = 0
        self._connect_timeout_ms = connect_timeout_ms
        self._connection_age_ms = connection_age_ms

    @property
    def open_session(self) -> int | None:
        """The session that takes input now, or None."""
        return self.session if self.state in (LinkState.OPEN, LinkState.HANDING_OVER) else None

    @property
    def deadline_ms(self) -> int | None:
        """When something has to happen by itself."""
        return min((at_ms for at_ms in (self._due_ms, self._old_at_ms) if at_ms is not None), default=None)

    def need(
        self, history: tuple[PastTurn, ...], now_ms: int, *, fresh: bool = False, again: bool = False
    ) -> list[Command]:
        """Someone wants to speak: open a session unless there is one, or the server has refused us.

        `history` is for a session that cannot be resumed, or must not be (`fresh`). `again`: the turn that is going on
        will be heard from its start, so that a handle from before it is good enough.
        """
        if self.state is LinkState.REFUSED and self._due_ms is not None and now_ms >= self._due_ms:
            self._move(LinkInput.EXPIRED)
        if self.state is LinkState.OPEN:
            self._due_ms = None
        if self._move(LinkInput.NEEDED) is not LinkState.OPENING or self.session:
            return []
        self._numbers += 1
        self.session = self._numbers
        self.used = False
        handle, history = self.memory.way_on(history, now_ms, fresh=fresh, again=again)
        self.resumes = handle is not None
        self._due_ms = now_ms + self._connect_timeout_ms
        return [OpenSession(self.session, handle, history)]

    def opened(self, now_ms: int) -> None:
        """setupComplete is there."""
        if self._move(LinkInput.OPENED) is LinkState.OPEN:
            self._due_ms = None
            self._refusals = 0
            self._old_at_ms = now_ms + self._connection_age_ms if self._connection_age_ms else None

    def lost(self, *, resume_refused: bool = False) -> None:
        """The session is gone."""
        self.memory.session_lost(resume_refused=resume_refused)
        self._move(LinkInput.LOST)

    def refused(self, now_ms: int) -> None:
        """The server will not have us."""
        self.memory.session_lost(resume_refused=True)
        if self._move(LinkInput.REFUSED) is LinkState.REFUSED:
            self._due_ms = now_ms + min(REFUSED_PAUSE_MS << self._refusals, LONGEST_REFUSED_PAUSE_MS)
            self._refusals = min(self._refusals + 1, 10)

    def go_away(self, time_left_ms: int, now_ms: int) -> None:
        """The server will end this connection."""
        if self._move(LinkInput.GO_AWAY) is LinkState.HANDING_OVER:
            self._old_at_ms = None
            self._due_ms = now_ms + max(0, time_left_ms - HAND_OVER_MARGIN_MS)

    def release(self) -> list[Command]:
        """Close the session, in whatever state it is."""
        session = self.session
        self._move(LinkInput.RELEASED)
        return [CloseSession(session)] if session else []

    def linger(self, linger_ms: int, now_ms: int) -> None:
        """Nobody needs it now: an open session stays for `linger_ms`."""
        if self.state is LinkState.OPEN:
            self._due_ms = now_ms + linger_ms

    def expired(self, now_ms: int) -> bool:
        """Whether the deadline has come; the caller decides what follows."""
        return self._due_ms is not None and now_ms >= self._due_ms

    def grow_old(self, now_ms: int) -> None:
        """A connection that has reached its age is left at the next pause, before the server ends it."""
        if self._old_at_ms is not None and now_ms >= self._old_at_ms:
            self._old_at_ms = None
            self.go_away(OLD_AGE_LEFT_MS, now_ms)

    def forgive(self) -> None:
        """The pause after a refusal is over."""
        self._move(LinkInput.EXPIRED)

    def mark_used(self, now_ms: int) -> None:
        """Something of the conversation went over it: its memory counts from here."""
        self.used = True
        self.memory.mark_used(now_ms)

    def _move(self, happened: LinkInput) -> LinkState:
        self.state = RULES[self.state, happened]
        if self.state in (LinkState.CLOSED, LinkState.REFUSED):
            self.session = 0
            self._old_at_ms = None
        if self.state is LinkState.CLOSED:
            self._due_ms = None
        return self.state
