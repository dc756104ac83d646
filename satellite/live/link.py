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
from satellite.core.errors import CredentialError
from satellite.core.event import Event
from satellite.core.link_events import SessionLost, SessionOpened, SessionRefused
from satellite.core.past import PastTurn, Role
from satellite.live import protocol
from satellite.live.backoff import backoff_ms
from satellite.live.close_reasons import SETUP_ADVICE, Ending, Verdict
from satellite.live.credentials import credentials_of
from satellite.live.endpoints import Endpoint, endpoint_of
from satellite.live.models import family_of
from satellite.live.server_messages import ServerMessage
from satellite.live.session import CLOSE_TIMEOUT_S, LiveSession, SessionTimes
from satellite.live.setup import encode_setup, session_setup
from satellite.live.setup_rules import check_setup

if TYPE_CHECKING:  # for its type alone: building all settings takes longer than the rest of this folder
    from satellite.settings import LiveSettings

log = logging.getLogger(__name__)

NO_PROJECT_ADVICE = "The Google credentials name no project. Set live.vertex.project."

STABLE_S = 10.0
"""A session that ends by itself sooner than this after its opening counts as a failed attempt for the next one."""


@dataclass(slots=True, eq=False)
class _Line:
    """A session number in use: what it starts from, its task, and the connection of the moment."""

    handle: str | None = None
    history: tuple[PastTurn, ...] = ()
    task: asyncio.Task[None] | None = None
    connection: LiveSession | None = None
    closed: bool = False


class LiveLink:
    """All sessions of the satellite. Driven by the dispatch loop (commands); every call on the loop, none blocks.

    Posts SessionOpened, then what the session says, then SessionLost or SessionRefused unless it was closed
    by us. A session resumes only when every earlier socket is closed: the server refuses two at a time. What
    proves who we are and the system instruction are asked for anew for each connection.
    """

    def __init__(
        self,
        settings: "LiveSettings",
        *,
        activity_manual: bool,
        post: Callable[[Event], None],
        jitter: Callable[[], float],
        tools: Sequence[ToolDeclaration] = (),
        instruction: Callable[[], str] | None = None,
    ) -> None:
        """Raises ConfigError for a URL, credential, setting or tool that cannot be used.

        `jitter` gives numbers in [0, 1). `instruction` gives the system instruction of a new session; None:
        live.system_instruction as it is.
        """
        self._settings = settings
        self._post = post
        self._jitter = jitter
        self._family = family_of(settings.model)
        self._credentials = credentials_of(settings)
        self._activity_manual = activity_manual
        self._tools = tuple(tools)
        self._instruction = instruction or (lambda: settings.system_instruction)
        endpoint = endpoint_of(settings)
        check_setup(settings, activity_manual=activity_manual, tools=self._tools)
        self._setup(endpoint, None, seeded=False)  # what cannot be said is refused at start too
        self._times = SessionTimes(settings.attempt_timeout_ms / 1000, settings.liveness_timeout_ms / 1000)
        # Reading the certificates takes tens of milliseconds: once, at start, not on the loop at each wake.
        self._tls = ssl.create_default_context() if endpoint.secure else None
        ServerMessage.model_rebuild()  # likewise
        self._lines: dict[int, _Line] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._failing = False
        self._early_losses = 0
        self._not_before_s = 0.0
        self._unanswered_handle = ""

    def open(self, session: int, handle: str | None, history: Sequence[PastTurn] = ()) -> None:
        """Connect as `session`; retries until opened, refused or closed.

        With a handle it resumes; without one it is told `history` before anything else, never both. Where the settings
        want no resumption, or no history, or the server no setup with a history, it is a plain fresh session.
        """
        context = self._settings.context
        handle = handle if context.resumption else None
        seeds = context.seed_history and not handle
        line = self._lines[session] = _Line(handle or None, tuple(history) if seeds else ())
        line.task = asyncio.create_task(self._serve(session, line), name=f"live session {session}")

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

    def send_sound(self, session: int, pcm: bytes, rate_hz: int) -> None:
        """User audio at any rate, s16le mono: for who has a recording, not a microphone."""
        self._send(session, protocol.encode_sound(pcm, rate_hz))

    async def all_sent(self, session: int) -> None:
        """Until the network has taken what was sent: who sends faster than people speak waits for it."""
        connection = self._open_connection(session)
        if connection is not None:
            await connection.all_sent()

    def send_activity_end(self, session: int) -> None:
        """Manual mode: the user's turn is over."""
        self._send(session, protocol.encode_activity_end())

    def send_audio_stream_end(self, session: int) -> None:
        """Automatic mode: the microphone pauses."""
        self._send(session, protocol.encode_audio_stream_end())

    def send_text(self, session: int, text: str) -> None:
        """A turn of text, answered like a spoken one."""
        self._send(session, protocol.encode_text(text, as_realtime_input=self._family.text_as_realtime_input))

    def send_picture(self, session: int, jpeg: bytes) -> None:
        """What the camera sees."""
        self._send(session, protocol.encode_picture(jpeg))

    def send_tool_response(
        self, session: int, call_id: str, name: str, response_json: str, scheduling: str = ""
    ) -> None:
        """The result of a call, a JSON object as text; `scheduling`: when a non-blocking one is spoken."""
        self._send(session, protocol.encode_tool_response(call_id, name, response_json, scheduling))

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

    async def _serve(self, session: int, line: _Line) -> None:
        """The task of a session: attempts until it opens, then the session, then the news of its end."""
        try:
            await self._wait_for_turn()
            event = await self._attempts(session, line)
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

    async def _attempts(self, session: int, line: _Line) -> Event:
        """Connect until a session has been open, or will not be; returns the news of its end."""
        failures = 0
        while True:
            ending = await self._attempt(session, line)
            if line.connection is not None and line.connection.opened_at_s is not None:
                self._note_loss(asyncio.get_running_loop().time() - line.connection.opened_at_s)
                return self._news(session, ending)
            if self._refuses_history(line, ending):
                log.warning("session %d refused with its history, tried without: %s", session, ending.text)
                line.history = ()
                continue
            if ending.verdict is not Verdict.TRANSIENT:
                return self._news(session, ending)
            if self._leads_nowhere(line):
                return self._news(session, Ending(Verdict.RESUME_REFUSED, ending.text))
            failures += 1
            pause_ms = self._pause_ms(failures)
            level = logging.DEBUG if self._failing else logging.WARNING
            self._failing = True
            log.log(level, "session %d not opened: %s; again in %d ms", session, ending.text, pause_ms)
            await asyncio.sleep(pause_ms / 1000)

    def _refuses_history(self, line: _Line, ending: Ending) -> bool:
        """Whether it may be the announced history that made the server refuse the setup: a plain one will tell."""
        return bool(line.history) and self._family.history_config and ending.text.startswith(SETUP_ADVICE)

    def _leads_nowhere(self, line: _Line) -> bool:
        """Whether the server has not answered this handle for the second time; once may be the network's doing.

        The first time may have been an earlier session's. A connection that never came about says nothing.
        """
        if not line.handle or line.connection is None or not line.connection.asked:
            return False
        before, self._unanswered_handle = self._unanswered_handle, line.handle
        return before == line.handle

    async def _attempt(self, session: int, line: _Line) -> Ending:
        """One connection, from the credentials to its end."""
        line.connection = None
        try:
            headers = await self._credentials.headers()
        except CredentialError as error:
            return Ending(Verdict.REFUSED if error.fatal else Verdict.TRANSIENT, str(error))
        endpoint = endpoint_of(self._settings, project=self._credentials.project).with_headers(headers)
        if endpoint.names_no_project and not self._settings.base_url:
            return Ending(Verdict.REFUSED, NO_PROJECT_ADVICE)
        as_initial_history = self._family.history_config
        history = _encode_history(line.history, as_initial_history=as_initial_history)
        line.connection = LiveSession(
            session,
            endpoint=endpoint,
            setup=self._setup(endpoint, line.handle, seeded=bool(history) and as_initial_history),
            resuming=bool(line.handle),
            history=history,
            times=self._times,
            tls=self._tls,
            post=partial(self._post_from, line),
        )
        ending = await line.connection.run()
        renewed = ending.access_refused and self._credentials.refused()
        if renewed and line.connection.opened_at_s is not None:
            # it was good and has expired meanwhile: the next session has another
            return Ending(Verdict.TRANSIENT, ending.text)
        return ending

    def _setup(self, endpoint: Endpoint, handle: str | None, *, seeded: bool) -> str:
        """The first message of a session, with the instruction of this moment."""
        setup = session_setup(
            self._settings,
            self._family,
            model=endpoint.model,
            activity_manual=self._activity_manual,
            tools=self._tools,
            instruction=self._instruction(),
            seeded=seeded,
        )
        return encode_setup(setup, handle)

    def _post_from(self, line: _Line, event: Event) -> None:
        """Post what a session says, unless it was closed meanwhile."""
        if line.closed:
            return
        if isinstance(event, SessionOpened):
            self._unanswered_handle = ""
            if self._failing:
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


def _encode_history(turns: tuple[PastTurn, ...], *, as_initial_history: bool) -> str | None:
    """The message that tells a fresh session what was said, or None when there is nothing to tell.

    Where it is no initial history by itself, it has to end with the user (LIVE_API 2.2).
    """
    if not as_initial_history:
        while turns and turns[-1].role is not Role.USER:
            turns = turns[:-1]
    return protocol.encode_history(turns, as_initial_history=as_initial_history) if turns else None
