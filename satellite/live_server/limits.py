"""How much, how long and how often: Google's limits (LIVE_API 4.6), on a clock that may run faster.

Limits are the numbers, Quota counts what all clients of a server use, Age is the clock of one session. A limit
that is None is not kept.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from satellite.live_server.refusals import CONCURRENT, QUOTA, Refusal

MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What is kept, in seconds of Google's clock; `time_scale` of them pass in one of ours (60: a minute a second)."""

    connection_age_s: float | None = None
    """After so long a client is told to go away."""
    age_by_model: bool = False
    """Where connection_age_s is not given, it is the model's own (live/models.py)."""
    go_away_s: float = 50.0
    """And so long after that the connection is closed."""
    audio_session_s: float | None = None
    """A session without context compression, over all of its connections."""
    video_session_s: float | None = None
    """The same from its first picture on."""
    handle_valid_s: float = 7200.0
    """A resumption handle, from the end of its session's last connection."""
    sessions: int | None = None
    """At the same time."""
    sessions_per_min: int | None = None
    """Newly begun, resumed ones included."""
    tokens_per_min: int | None = None
    time_scale: float = 1.0

    def __post_init__(self) -> None:
        if not self.time_scale > 0:
            raise ValueError("time_scale must be more than 0")

    def lasting(self, nominal_s: float) -> float:
        """How long that is on our clock."""
        return nominal_s / self.time_scale


GOOGLE = Limits(
    age_by_model=True,
    audio_session_s=900.0,
    video_session_s=120.0,
    sessions=50,
    tokens_per_min=4_000_000,
)
"""The Developer API's, of a first paid tier."""


class Quota:
    """What all clients use together. On the loop; `time_s` is its clock."""

    def __init__(self, limits: Limits, time_s: Callable[[], float]) -> None:
        self._limits = limits
        self._time_s = time_s
        self._open = 0
        self._begun: deque[float] = deque()
        self._spent: deque[tuple[float, int]] = deque()
        self._spent_tokens = 0

    def enter(self) -> None:
        """A session begins; raises Refusal where there are too many. Who enters leaves."""
        if self._limits.sessions is not None and self._open >= self._limits.sessions:
            raise Refusal(1011, CONCURRENT)
        self.check_tokens()
        if self._limits.sessions_per_min is not None:
            self._forget(self._begun)
            if len(self._begun) >= self._limits.sessions_per_min:
                raise Refusal(1011, QUOTA, "sessions per minute")
            self._begun.append(self._time_s())
        self._open += 1

    def leave(self) -> None:
        """A session's connection has ended."""
        self._open -= 1

    def spend(self, tokens: int) -> None:
        """A turn has used so many tokens."""
        if self._limits.tokens_per_min is not None:
            self._spent.append((self._time_s(), tokens))
            self._spent_tokens += tokens

    def check_tokens(self) -> None:
        """Raises Refusal while the tokens of the last minute are more than there may be."""
        limit = self._limits.tokens_per_min
        if limit is None:
            return
        since_s = self._since_s()
        while self._spent and self._spent[0][0] <= since_s:
            self._spent_tokens -= self._spent.popleft()[1]
        if self._spent_tokens > limit:
            raise Refusal(1011, QUOTA, "tokens per minute")

    def _forget(self, instants: deque[float]) -> None:
        since_s = self._since_s()
        while instants and instants[0] <= since_s:
            instants.popleft()

    def _since_s(self) -> float:
        return self._time_s() - self._limits.lasting(MINUTE_S)


@dataclass(slots=True)
class Age:
    """How long a session has been connected, in seconds of our clock; it goes on when the session is resumed."""

    session_s: float = 0.0
    video_s: float | None = None
    """Since its first picture; None: there was none."""

    def after(self, elapsed_s: float) -> "Age":
        """The age so much later."""
        return Age(self.session_s + elapsed_s, None if self.video_s is None else self.video_s + elapsed_s)

    def left_s(self, limits: Limits) -> float | None:
        """How long the session may still last; None: for ever. 0 or less: it is over."""
        left: list[float] = []
        if limits.audio_session_s is not None:
            left.append(limits.lasting(limits.audio_session_s) - self.session_s)
        if limits.video_session_s is not None and self.video_s is not None:
            left.append(limits.lasting(limits.video_session_s) - self.video_s)
        return min(left, default=None)


def duration_of(duration_s: float) -> str:
    """A protobuf Duration: `50s`, `12.500s`."""
    return f"{int(duration_s)}s" if duration_s == int(duration_s) else f"{duration_s:.3f}s"
