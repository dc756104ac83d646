"""The link as the core sees it: sessions by number, opened with patience, closed without an echo.

Retrying lives here and holding a connection in session.py. A number never comes back: what happens to a
session that was closed is nobody's business any more, and its events end with close().
"""

import asyncio
import logging
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from satellite.core.declarations import ToolDeclaration
from satellite.core.events import Event, SessionLost, SessionOpened, SessionRefused
from satellite.live import protocol
from satellite.live.backoff import backoff_ms
from satellite.live.close_reasons import Ending, Verdict
from satellite.live.endpoints import developer_endpoint
from satellite.live.models import family_of, known_family
from satellite.live.server_messages import ServerMessage
from satellite.live.session import CLOSE_TIMEOUT_S, LiveSession, SessionTimes
from satellite.live.setup import encode_setup, session_setup

if TYPE_CHECKING:  # for its type alone: building all settings takes longer than the rest of this folder
    from satellite.settings import LiveSettings

log = logging.getLogger(__name__)

STABLE_S = 10.0
"""A session that ends by itself sooner than this after its opening counts as a failed attempt for the next one."""


@dataclass(slots=True, eq=False)
class _Line:
    """A session number in use: its task, and the connection of the moment."""

    task: asyncio.Task[None] | None = None
    connection: LiveSession | None = None
    closed: bool = False


class LiveLink:
    """All sessions of the satellite. Driven by the dispatch loop (commands); every call on the loop, none blocks.

    Posts SessionOpened, then what the session says, then SessionLost or SessionRefused unless it was closed
    by us. A session resumes only when every earlier socket is closed: the server refuses two at a time.
    """

    def __init__(
        self,
        settings: "LiveSettings",
        *,
        activity_manual: bool,
        post: Callable[[Event], None],
        jitter: Callable[[], float],
        tools: Sequence[ToolDeclaration] = (),
    ) -> None:
        """Raises ConfigError for a URL, key or tool that cannot be used. `jitter` gives numbers in [0, 1)."""
        self._settings = settings
        self._post = post
        self._jitter = jitter
        self._family = family_of(settings.model)
        if known_family(settings.model) is None:
            log.warning("live.model %s is unknown: treated like %s", settings.model, self._family.name)
        if settings.language and not self._family.takes_language:
            log.warning("live.language is not sent: %s chooses the language by itself", settings.model)
        self._endpoint = developer_endpoint(settings)
        self._setup = session_setup(
            settings, self._family, model=self._endpoint.model, activity_manual=activity_manual, tools=tools
        )
        self._times = SessionTimes(settings.attempt_timeout_ms / 1000, settings.liveness_timeout_ms / 1000)
        # Reading the certificates takes tens of milliseconds: once, at start, not on the loop at each wake.
        self._tls = ssl.create_default_context() if self._endpoint.secure else None
        ServerMessage.model_rebuild()  # likewise
        self._lines: dict[int, _Line] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._failing = False
        self._early_losses = 0
        self._not_before_s = 0.0

    def open(self, session: int, handle: str | None) -> None:
        """Connect as `session`, resuming with `handle` if there is one; retries until opened, refused or closed."""
        line = self._lines[session] = _Line()
        line.task = asyncio.create_task(self._serve(session, line, handle), name=f"live session {session}")

    def close(self, session: int) -> None:
        """Close with 1000, also while connecting; what is unsent is dropped, and no event follows."""
        line = self._lines.pop(session, None)
        if line is None or line.task is None:
            return
        line.closed = True
        if line.connection is not None:
            line.connection.drop_unsent()
        self._early_losses = 0
        self._closing.add(line.task)
        line.task.add_done_callback(self._closing.discard)
        line.task.cancel()

    def send_activity_start(self, session: int) -> None:
        """Manual mode: the user's turn begins."""
        self._send(session, protocol.encode_activity_start())

    def send_frames(self, session: int, pcm: bytes) -> None:
        """User audio, 16 kHz s16le mono."""
        connection = self._open_connection(session)
        if connection is not None:
            connection.send_audio(pcm)

    def send_activity_end(self, session: int) -> None:
        """Manual mode: the user's turn is over."""
        self._send(session, protocol.encode_activity_end())

    def send_audio_stream_end(self, session: int) -> None:
        """Automatic mode: the microphone pauses."""
        self._send(session, protocol.encode_audio_stream_end())

    def send_text(self, session: int, text: str) -> None:
        """A turn of text, answered like a spoken one."""
        self._send(session, protocol.encode_text(text, as_realtime_input=self._family.text_as_realtime_input))

    def send_tool_response(self, session: int, call_id: str, name: str, response_json: str) -> None:
        """The result of a call, a JSON object as text."""
        self._send(session, protocol.encode_tool_response(call_id, name, response_json))

    async def shutdown(self) -> None:
        """Close every session with 1000; over within CLOSE_TIMEOUT_S whatever hangs."""
        for session in tuple(self._lines):
            self.close(session)
        if not self._closing:
            return
        _, hanging = await asyncio.wait(self._closing, timeout=CLOSE_TIMEOUT_S)
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)

    def _send(self, session: int, message: str) -> None:
        connection = self._open_connection(session)
        if connection is not None:
            connection.send_message(message)

    def _open_connection(self, session: int) -> LiveSession | None:
        """The connection that takes input for a session; None, and the input is dropped, when there is none."""
        line = self._lines.get(session)
        if line is not None and line.connection is not None and line.connection.opened_at_s is not None:
            return line.connection
        log.debug("session %d is not open: input dropped", session)
        return None

    async def _serve(self, session: int, line: _Line, handle: str | None) -> None:
        """The task of a session: attempts until it opens, then the session, then the news of its end."""
        try:
            await self._wait_for_turn()
            event = await self._attempts(session, line, handle)
        except Exception:  # the outermost frame: a bug here must not leave the core waiting for ever
            log.exception("session %d failed", session)
            event = SessionLost(session, "internal error")
        if not line.closed:
            self._lines.pop(session, None)
            self._post(event)

    async def _wait_for_turn(self) -> None:
        """Until the sessions that were closed have hung up, and until a flapping server had its pause."""
        while self._closing:
            await asyncio.wait(tuple(self._closing))
        await asyncio.sleep(max(0.0, self._not_before_s - asyncio.get_running_loop().time()))

    async def _attempts(self, session: int, line: _Line, handle: str | None) -> Event:
        """Connect until a session has been open, or will not be; returns the news of its end."""
        setup = encode_setup(self._setup, handle)
        failures = 0
        while True:
            line.connection = LiveSession(
                session,
                endpoint=self._endpoint,
                setup=setup,
                resuming=bool(handle),
                times=self._times,
                tls=self._tls,
                post=partial(self._post_from, line),
            )
            ending = await line.connection.run()
            if line.connection.opened_at_s is not None:
                self._note_loss(asyncio.get_running_loop().time() - line.connection.opened_at_s)
                return self._news(session, ending)
            if ending.verdict is not Verdict.TRANSIENT:
                return self._news(session, ending)
            failures += 1
            pause_ms = self._pause_ms(failures)
            level = logging.DEBUG if self._failing else logging.WARNING
            self._failing = True
            log.log(level, "session %d not opened: %s; again in %d ms", session, ending.text, pause_ms)
            await asyncio.sleep(pause_ms / 1000)

    def _post_from(self, line: _Line, event: Event) -> None:
        """Post what a session says, unless it was closed meanwhile."""
        if line.closed:
            return
        if isinstance(event, SessionOpened) and self._failing:
            self._failing = False
            log.info("session %d open again", event.session)
        self._post(event)

    def _note_loss(self, lived_s: float) -> None:
        """Remember a session that ended by itself: a server that opens and drops is not asked again at once."""
        if lived_s >= STABLE_S:
            self._early_losses = 0
            return
        self._early_losses += 1
        self._not_before_s = asyncio.get_running_loop().time() + self._pause_ms(self._early_losses) / 1000

    def _pause_ms(self, failures: int) -> int:
        return backoff_ms(
            failures,
            initial_ms=self._settings.backoff_initial_ms,
            max_ms=self._settings.backoff_max_ms,
            jitter=self._jitter(),
        )

    def _news(self, session: int, ending: Ending) -> Event:
        """What the core is told of an end that nobody asked for."""
        if ending.verdict in (Verdict.REFUSED, Verdict.QUOTA):
            log.warning("session %d refused: %s", session, ending.text)
            return SessionRefused(session, advice=ending.text)
        log.info("session %d lost: %s", session, ending.text)
        return SessionLost(session, reason=ending.text, resume_refused=ending.verdict is Verdict.RESUME_REFUSED)
