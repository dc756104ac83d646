"""How a connection goes on from the one before: by handle, else told the history, else knowing nothing.

The ladder: resume -> a fresh session that is told what was said -> a plain fresh session. A handle is *current*
when the server gave it after everything that was generated; while it generates (and where it never says so again)
the last one lacks the turn that is going on (LIVE_API 4.7). History is never told to a session that was resumed.
"""

from satellite.core.commands import Command, PastTurn, StoreMemory

MOST_FAILED_RESUMES = 2
"""Once may be the network's doing; a handle that fails again and again would make the satellite mute."""


class Memory:
    """Handle and history of the present memory. Driven by the link and the conversation."""

    def __init__(self, *, memory_ms: int, resumes: bool, seeds: bool) -> None:
        self._memory_ms = memory_ms
        self._resumes = resumes
        self._seeds = seeds
        self._handle: str | None = None
        self._is_current = False
        self._lacks_turn = False
        self._used_at_ms: int | None = None
        self._resuming = False
        self._failed_resumes = 0
        self._seeding = False
        self._seed_refused = False

    def has_expired(self, now_ms: int) -> bool:
        """Whether what was said before is another conversation."""
        return self._used_at_ms is None or now_ms - self._used_at_ms > self._memory_ms

    def way_on(
        self, history: tuple[PastTurn, ...], now_ms: int, *, fresh: bool, again: bool
    ) -> tuple[str | None, tuple[PastTurn, ...]]:
        """(handle, history) for a new connection; at most one of them."""
        self._seeding = self._resuming = False
        if self.has_expired(now_ms):
            self._handle = None
            return None, ()
        if self._failed_resumes >= MOST_FAILED_RESUMES:
            self._handle = None
        if fresh:
            self._is_current, self._lacks_turn = False, True  # nothing leads back to what has failed
        handle = self._handle if self._resumes and not fresh else None
        can_seed = self._seeds and not self._seed_refused and bool(history)
        is_good = self._is_current or (again and not self._lacks_turn)
        if handle is not None and (is_good or not can_seed):
            # one that lacks a turn is better than none
            self._resuming = True
            return handle, ()
        self._seeding = can_seed
        return None, history if can_seed else ()

    def remember(self, handle: str | None) -> list[Command]:
        """The server's latest word on how to resume: a handle, or (None) not now."""
        if handle is None or not self._resumes:
            self._is_current = False
            return []
        self._handle, self._is_current, self._lacks_turn = handle, True, False
        return [StoreMemory(handle)]

    def reply_begun(self) -> None:
        """The server says more than its last handle covers; and a session that was told the history has taken it."""
        self._is_current = False
        self._seeding = self._seed_refused = self._resuming = False
        self._failed_resumes = 0

    def turn_over(self) -> None:
        """A turn that the last handle does not cover will not be heard anew: to resume with it is to lose that turn."""
        self._lacks_turn = not self._is_current

    def session_lost(self, *, resume_refused: bool) -> None:
        """A session that was lost before it answered may have been lost over what it was to go on from.

        A handle that was refused is forgotten, and one that has led nowhere twice; history is told once.
        """
        if resume_refused:
            self._handle = None
        self._failed_resumes += self._resuming
        self._seed_refused = self._seed_refused or self._seeding
        self._seeding = self._resuming = False

    def forget_handle(self) -> None:
        """Nothing leads back any more."""
        self._handle = None

    def restore(self, handle: str | None, age_ms: int, now_ms: int) -> None:
        """From the store: what the satellite remembered before it was restarted."""
        if self._handle is None and handle is not None and self._used_at_ms is None:
            self._handle, self._is_current, self._lacks_turn = handle, True, False
            self._used_at_ms = now_ms - age_ms

    def mark_used(self, now_ms: int) -> None:
        """Something of the conversation went over the link."""
        self._used_at_ms = now_ms
