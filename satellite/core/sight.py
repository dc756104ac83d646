"""The camera's last picture, and when it may go up: only while a conversation is open, at most one a second.

Nothing is seen that was not asked for: the camera runs while a conversation does, and no picture leaves before the
user's own words do, so that a false wake shows nothing.
"""

from satellite.core.commands import Command, SendPicture, StartCamera, StopCamera

PAUSE_MS = 1000
"""The Live API takes at most one frame a second (LIVE_API 2.3)."""


class Sight:
    """Driven by the conversation after every event."""

    def __init__(self, *, has_camera: bool) -> None:
        self._has_camera = has_camera
        self._runs = False
        self._has_words = False
        self._picture: bytes | None = None
        self._not_before_ms = 0

    def follow(self, *, conversing: bool) -> list[Command]:
        """Switch the camera with the conversation; what it saw is forgotten with it."""
        if not self._has_camera or conversing is self._runs:
            return []
        self._runs = conversing
        self._has_words = False
        self._picture = None
        return [StartCamera()] if conversing else [StopCamera()]

    def see(self, jpeg: bytes) -> None:
        """The latest picture; an older one that was not sent is of no use any more."""
        if self._runs:
            self._picture = jpeg

    def pump(self, session: int | None, now_ms: int, *, words: bool) -> list[Command]:
        """The picture to send now, if there is one and it is time; `words`: the user's go up with it."""
        self._has_words = self._has_words or words
        if session is None or self._picture is None or not self._has_words or now_ms < self._not_before_ms:
            return []
        jpeg, self._picture = self._picture, None
        self._not_before_ms = now_ms + PAUSE_MS
        return [SendPicture(session, jpeg)]
