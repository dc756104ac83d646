"""The camera's last picture, and when it may go up: only while a conversation is open, at most one a second.

Nothing is seen that was not asked for: the camera runs while a conversation does, and no picture leaves before the
user's own words do, so that a false wake shows nothing. The end of the first words waits a moment for the first
picture: what somebody asks about is to be there when the server answers.
"""

from satellite.core.commands import Command, SendPicture, StartCamera, StopCamera

PAUSE_MS = 1000
"""The Live API takes at most one frame a second (LIVE_API 2.3)."""

LONGEST_WAIT_MS = 1500
"""A camera that has been switched on this long ago without a picture is not waited for."""


class Sight:
    """Driven by the conversation after every event."""

    def __init__(self, *, has_camera: bool) -> None:
        self._has_camera = has_camera
        self._runs = False
        self._has_words = False
        self._picture: bytes | None = None
        self._session = 0
        """Which session has been sent the picture; 0: none."""
        self._not_before_ms = 0
        self._given_up_at_ms = 0

    def follow(self, now_ms: int, *, conversing: bool) -> list[Command]:
        """Switch the camera with the conversation; what it saw is forgotten with it."""
        if not self._has_camera or conversing is self._runs:
            return []
        self._runs = conversing
        self._has_words = False
        self._picture = None
        self._given_up_at_ms = now_ms + LONGEST_WAIT_MS
        return [StartCamera()] if conversing else [StopCamera()]

    def waits_until_ms(self, now_ms: int) -> int | None:
        """Until when words should wait for the first picture, or None."""
        awaited = self._runs and self._picture is None and now_ms < self._given_up_at_ms
        return self._given_up_at_ms if awaited else None

    def see(self, jpeg: bytes) -> None:
        """The latest picture; an older one that was not sent is of no use any more, and the same one is no news."""
        if self._runs and jpeg != self._picture:
            self._picture = jpeg
            self._session = 0

    def pump(self, session: int | None, now_ms: int, *, words: bool) -> list[Command]:
        """The picture to send now; a new session gets the last one again. `words`: the user's go up with it."""
        self._has_words = self._has_words or words
        if session is None or self._picture is None or not self._has_words or session == self._session:
            return []
        if now_ms < self._not_before_ms and not (words and self._session):
            return []
        self._session = session
        self._not_before_ms = now_ms + PAUSE_MS
        return [SendPicture(session, self._picture)]
