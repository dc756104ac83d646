"""The server's turn: CLOSED, OPEN, or CUT, which lasts until the server's turnComplete of the cut turn.

Nothing of a CUT reply is played, shown or run. With nothing OPEN, `interrupted` and turnComplete belong
to something already over and change nothing.
"""

from enum import StrEnum

from satellite.core.pcm import SILENCE_DBFS, level_dbfs

AUDIBLE_DBFS = -60.0
"""A reply whose every chunk is below this is none: real ones speak at -30 to -15 dBFS."""


class ReplyState(StrEnum):
    """Whether what the server sends now is wanted."""

    CLOSED = "closed"
    OPEN = "open"
    CUT = "cut"


class ReplyInput(StrEnum):
    """What happens to the server's turn."""

    CONTENT = "content"
    UNWANTED_CONTENT = "unwanted content"
    CUT_IN = "cut in"
    INTERRUPTED = "interrupted"
    TURN_COMPLETED = "turn completed"
    SESSION_GONE = "session gone"


S, I = ReplyState, ReplyInput  # noqa: E741 - two letters keep the table readable

RULES: dict[tuple[ReplyState, ReplyInput], ReplyState] = {
    (S.CLOSED, I.CONTENT): S.OPEN,
    (S.CLOSED, I.UNWANTED_CONTENT): S.CUT,
    (S.CLOSED, I.CUT_IN): S.CLOSED,
    (S.CLOSED, I.INTERRUPTED): S.CLOSED,
    (S.CLOSED, I.TURN_COMPLETED): S.CLOSED,
    (S.CLOSED, I.SESSION_GONE): S.CLOSED,
    (S.OPEN, I.CONTENT): S.OPEN,
    (S.OPEN, I.UNWANTED_CONTENT): S.CUT,
    (S.OPEN, I.CUT_IN): S.CUT,
    (S.OPEN, I.INTERRUPTED): S.CUT,
    (S.OPEN, I.TURN_COMPLETED): S.CLOSED,
    (S.OPEN, I.SESSION_GONE): S.CLOSED,
    (S.CUT, I.CONTENT): S.CUT,
    (S.CUT, I.UNWANTED_CONTENT): S.CUT,
    (S.CUT, I.CUT_IN): S.CUT,
    (S.CUT, I.INTERRUPTED): S.CUT,
    (S.CUT, I.TURN_COMPLETED): S.CLOSED,
    (S.CUT, I.SESSION_GONE): S.CLOSED,
}


class Reply:
    """State of the server's turn, and of the voice on the speaker that it became."""

    def __init__(self) -> None:
        self.state = ReplyState.CLOSED
        self.has_ended = False
        """No more chunks will come for what is on the speaker."""
        self.has_drained = False
        """Everything pushed so far has been heard."""
        self.turn = 0
        """The turn of the piece that was pushed last: when it has left the card, everything has."""
        self.play_end_ms = 0
        """Estimate of when everything pushed so far has been heard: deadlines start there."""
        self.starved_ms = 0
        """Silence in the middle of this voice so far, all breaks together."""
        self.loudest_dbfs = SILENCE_DBFS
        """Level of the loudest piece of this voice."""
        self.was_interrupted = False
        """The server gave up a turn of which nothing had come: its end is not the end of ours."""

    def apply(self, happened: ReplyInput) -> ReplyState:
        """Move on; returns the new state."""
        if happened is ReplyInput.INTERRUPTED:
            self.was_interrupted = self.state is ReplyState.CLOSED
        elif happened in (ReplyInput.CONTENT, ReplyInput.TURN_COMPLETED, ReplyInput.SESSION_GONE):
            self.was_interrupted = False
        self.state = RULES[self.state, happened]
        return self.state

    def begin_playback(self, now_ms: int) -> None:
        """A new voice on the speaker."""
        self.has_ended = False
        self.has_drained = True  # until something is pushed
        self.play_end_ms = now_ms
        self.starved_ms = 0
        self.loudest_dbfs = SILENCE_DBFS

    @property
    def is_near_silent(self) -> bool:
        """Nothing of this voice can be heard."""
        return self.loudest_dbfs < AUDIBLE_DBFS

    def listen(self, pcm: bytes) -> None:
        """Take note of how loud a chunk is; once something could be heard, the rest is not looked at."""
        if self.is_near_silent:
            self.loudest_dbfs = max(self.loudest_dbfs, level_dbfs(pcm))

    def waited(self, now_ms: int) -> None:
        """The silence so far was for something that takes its time: it does not count as a break."""
        self.play_end_ms = max(self.play_end_ms, now_ms)

    def pushed(self, turn: int, duration_ms: float, now_ms: int) -> None:
        """A chunk of this length has been queued behind what is still playing."""
        self.turn = turn
        self.has_ended = self.has_drained = False
        self.starved_ms += max(0, now_ms - self.play_end_ms)
        self.play_end_ms = max(self.play_end_ms, now_ms) + int(duration_ms)

    @property
    def is_over(self) -> bool:
        """The last sample has left the card and no more will come."""
        return self.has_ended and self.has_drained
