"""The frames of a connection: which of them belong to the next turn (turnCoverage), and that they do not come too fast.

Counts and the latest frame alone; the pictures themselves are not kept.
"""

import logging
from dataclasses import dataclass

from satellite.live.models import Coverage
from satellite.live_server.pictures import FRAME_EARLY_S, FRAME_PAUSE_S, Picture

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Seen:
    """Driven by the connection's reader."""

    coverage: Coverage
    frames: int = 0
    """Since the last turn."""
    latest: Picture | None = None
    ever: bool = False
    """The session has had a picture."""
    too_fast: int = 0
    """How many came sooner than the API takes them."""
    _last_at_s: float | None = None

    def add(self, picture: Picture, now_s: float) -> None:
        """One frame more, at an instant of the loop's clock."""
        if self._last_at_s is not None and now_s - self._last_at_s < FRAME_PAUSE_S - FRAME_EARLY_S:
            self.too_fast += 1
            log.log(logging.INFO if self.too_fast == 1 else logging.DEBUG, "pictures come faster than one a second")
        self._last_at_s = now_s
        self.frames += 1
        self.latest = picture
        self.ever = True

    def activity_begins(self) -> None:
        """What came before an activity: with ONLY_ACTIVITY the latest frame alone belongs to the turn.

        That it does, rather than none, is inferred: a user asks about what the camera showed a moment before.
        """
        if self.coverage is Coverage.ONLY_ACTIVITY:
            self.frames = min(self.frames, 1)

    def take(self) -> tuple[int, Picture | None]:
        """The frames of the turn that begins, and the latest of them."""
        taken = self.frames, self.latest
        self.frames, self.latest = 0, None
        return taken
