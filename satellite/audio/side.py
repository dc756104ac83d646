"""One direction of the sound card: whether it runs, since when it is silent, when to try again.

Pure: the time comes in, nothing is opened here. A device that is gone may show it in three ways, and not
always: its stream becomes inactive, its callback fails, or the callbacks simply stop (a card that was pulled out, a
hung sound server: no error at all).
"""

from dataclasses import dataclass
from enum import Enum

from satellite.audio.portaudio import Direction, OpenStream

FIRST_RETRY_S = 0.5
"""First pause between two attempts; it doubles."""

STEADY_S = 10.0
"""A device that has run for this long was healthy: its next loss starts again with short pauses."""


class SideState(Enum):
    """LOST -> OPENED -> RUNNING -> LOST."""

    LOST = "lost"
    OPENED = "opened"
    RUNNING = "running"


@dataclass
class Side:
    """One direction. Driven by the sound card, on the loop only; times in seconds of the loop's clock."""

    direction: Direction
    wanted: str
    rate_hz: int
    stall_s: float
    retry_max_s: float
    state: SideState = SideState.LOST
    stream: OpenStream | None = None
    retry_at_s: float = 0.0
    reported_found: bool | None = None
    """What was reported last: found, lost, or nothing yet."""

    last_block_at_s: float | None = None
    """When a block was last seen to have come."""

    _retry_delay_s: float = FIRST_RETRY_S
    _past_xruns: int = 0
    _seen_blocks: int = 0
    _progress_at_s: float = 0.0
    _running_since_s: float = 0.0

    def due(self, now_s: float) -> bool:
        """Whether it is time to try to open it."""
        return self.state is SideState.LOST and now_s >= self.retry_at_s

    @property
    def xruns(self) -> int:
        """Overruns or underruns since the start."""
        return self._past_xruns + (self.stream.tap.xruns if self.stream is not None else 0)

    def opened(self, stream: OpenStream, now_s: float) -> None:
        """Its stream was started; it runs when the first block comes."""
        self.stream = stream
        self.state = SideState.OPENED
        self._seen_blocks = 0
        self._progress_at_s = now_s

    def detach(self) -> OpenStream | None:
        """Give its stream away, to be closed: from here on nobody asks it anything."""
        stream, self.stream = self.stream, None
        if stream is not None:
            self._past_xruns += stream.tap.xruns
        return stream

    def look(self, now_s: float) -> str | None:
        """Count its blocks; why it is lost, or None."""
        if self.stream is None or self.state is SideState.LOST:
            return None
        tap = self.stream.tap
        if tap.blocks != self._seen_blocks:
            self._seen_blocks = tap.blocks
            self._progress_at_s = self.last_block_at_s = now_s
        if tap.failure is not None:
            return f"its callback failed: {tap.failure!r}"
        if not self.stream.active:
            return "the device has stopped"
        if now_s - self._progress_at_s >= self.stall_s:
            return f"no block for {self.stall_s:g} s"
        return None

    def found(self, now_s: float) -> bool:
        """Whether its first block has come just now: it runs."""
        if self.state is not SideState.OPENED or self._seen_blocks == 0:
            return False
        self.state = SideState.RUNNING
        self._running_since_s = now_s
        return True

    def lose(self, now_s: float) -> None:
        """It has stopped: try again at once, then with pauses."""
        if self.state is SideState.RUNNING and now_s - self._running_since_s >= STEADY_S:
            self._retry_delay_s = FIRST_RETRY_S
        if self.state is SideState.RUNNING:
            self.retry_at_s = now_s
        else:
            self._wait(now_s)
        self.state = SideState.LOST

    def fail(self, now_s: float) -> None:
        """An attempt to open it has failed."""
        self.state = SideState.LOST
        self._wait(now_s)

    def reopen(self, now_s: float) -> None:
        """It was closed on purpose: open it again at once. Not a loss."""
        self.state = SideState.LOST
        self.retry_at_s = now_s

    def _wait(self, now_s: float) -> None:
        self.retry_at_s = now_s + self._retry_delay_s
        self._retry_delay_s = min(2 * self._retry_delay_s, self.retry_max_s)
