"""The embedded Live server: listens, checks path and key, and gives each client a Connection.

Plain ws and http: it is for this machine and for tests; who wants it on a network puts TLS before it. Paths, and
who may come in: doors.py. Ephemeral tokens are minted on the same port: front.py. The recogniser and the voice are
shared by all clients.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from websockets.asyncio.server import Server, ServerConnection
from websockets.asyncio.server import serve as listen
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from satellite.core.errors import SpeechError
from satellite.live_server.connection import Connection
from satellite.live_server.doors import check_caller, door_of
from satellite.live_server.fault_file import read_faults
from satellite.live_server.faults import Faults
from satellite.live_server.history import Histories
from satellite.live_server.limits import GOOGLE, Limits, Quota
from satellite.live_server.minting import answer_post
from satellite.live_server.refusals import Refusal
from satellite.live_server.services import Hears, Services, Speaks, Thinks
from satellite.live_server.tokens import Tokens
from satellite.settings import ServerSettings
from satellite.speech.recogniser import Recogniser
from satellite.speech.voice import Voice

LARGEST_FRAME_BYTES = 16 * 1024 * 1024
"""A whole recording may come as one blob."""

PING_S = 20.0
PONG_S = 60.0
"""A client whose pong is this late is gone. Generous: a busy board is late, not gone."""

CLOSE_S = 1.0
"""Longest wait for a client's half of a closing handshake."""

REFUSAL_WAIT_S = 1.0
"""Longest wait for the setup of a client that is refused anyway."""

if TYPE_CHECKING:  # its library comes with an extra, and says so when it is missing
    from satellite.live_server.front import Answer, Front

log = logging.getLogger(__name__)


def local_time() -> datetime:
    """The wall clock with its zone: what the assistant tells when it is asked for the time."""
    return datetime.now().astimezone()


class LiveServer:
    """The Live API's other end. Created, started and closed on one loop, from one task.

    `faults` may be set at any time by whoever tests a client. `now` is the wall clock, for the assistant and for
    ephemeral tokens; everything else goes by the loop's. `limits`: what is kept; None: what the settings say.
    `connection_age_s` and `go_away_s` overrule them: after so long a client is told to go away, and so long after
    that closed. `on_utterance` sees each finished activity's audio (16 kHz s16le mono), `on_closed` the close code of
    each connection that has ended. A recogniser handed in stays its owner's to start and close. Raises SpeechError
    where the assistant's libraries are not installed, ConfigError for a file of faults that is none.
    """

    def __init__(
        self,
        settings: ServerSettings,
        *,
        now: Callable[[], datetime] = local_time,
        recogniser: Hears | None = None,
        voice: Speaks | None = None,
        assistant: Thinks | None = None,
        faults: Faults | None = None,
        limits: Limits | None = None,
        connection_age_s: float | None = None,
        go_away_s: float | None = None,
        on_utterance: Callable[[bytes], None] | None = None,
        on_closed: Callable[[int], None] | None = None,
    ) -> None:
        self._settings = settings
        self._own_recogniser: Recogniser | None = None
        if recogniser is None:
            recogniser = self._own_recogniser = Recogniser(settings.recogniser, settings.model_path)
        self.faults = faults or Faults()
        if settings.faults_file is not None:
            self.faults.script += read_faults(settings.faults_file)
        limits = limits or limits_of(settings)
        if connection_age_s is not None:
            limits = replace(limits, connection_age_s=connection_age_s)
        if go_away_s is not None:
            limits = replace(limits, go_away_s=go_away_s)
        self._tokens = Tokens(now)
        self._front = _front(self._answer_post)
        self._server: Server | None = None
        self._on_closed = on_closed
        self._services = Services(
            recogniser=recogniser,
            voice=voice or Voice(settings.voice),
            assistant=assistant or _local_assistant(now),
            histories=Histories(_loop_time, limits),
            faults=self.faults,
            limits=limits,
            quota=Quota(limits, _loop_time),
            on_utterance=on_utterance,
        )

    async def start(self) -> int:
        """Listen, and return the port. Raises SpeechError (recogniser), OSError (address); `close` also after these."""
        if self._own_recogniser is not None:
            await self._own_recogniser.start()
        # The library logs requests, keys included, at DEBUG, and every connection at INFO.
        library_log = log.getChild("websockets")
        library_log.setLevel(logging.WARNING)
        self._server = await listen(
            self._serve,
            self._settings.host,
            self._settings.port,
            process_request=_check_path,
            create_connection=self._front.admit,  # type: ignore[arg-type]  # it wants a class, and calls it
            compression=None,
            max_size=LARGEST_FRAME_BYTES,
            ping_interval=PING_S,
            ping_timeout=PONG_S,
            close_timeout=CLOSE_S,
            server_header=None,
            logger=library_log,
        )
        port: int = next(iter(self._server.sockets)).getsockname()[1]
        return port

    async def close(self) -> None:
        """Close all connections and stop listening."""
        if self._server is not None:
            self._front.close()
            self._server.close()
            await self._server.wait_closed()
            self._server = None
        if self._own_recogniser is not None:
            await self._own_recogniser.close()

    async def _serve(self, socket: ServerConnection) -> None:
        """One client, after the upgrade."""
        assert socket.request is not None
        target = socket.request.path
        door = door_of(target)
        assert door is not None
        try:
            grant = check_caller(door, target, socket.request.headers, self._settings, self._tokens)
        except Refusal as refusal:
            await _turn_away(socket, refusal)
            return
        await Connection(socket, door, grant, self._services).run()
        if self._on_closed is not None:
            await socket.wait_closed()
            assert socket.close_code is not None
            self._on_closed(socket.close_code)

    def _answer_post(self, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """Whoever does not come for a WebSocket comes for a token."""
        code, answer = answer_post(target, headers, body, self._settings, self._tokens)
        log.info("a request for an ephemeral token: %d", code)
        return code, answer


async def _turn_away(socket: ServerConnection, refusal: Refusal) -> None:
    """Close, and say why: after the client's setup, for google-genai trips over an earlier close."""
    log.info("refused a client: %s", refusal.reason)
    with contextlib.suppress(TimeoutError, ConnectionClosed):
        async with asyncio.timeout(REFUSAL_WAIT_S):
            await socket.recv()
    await socket.close(refusal.code, refusal.reason)


def limits_of(settings: ServerSettings) -> Limits:
    """The limits that the settings ask for."""
    limits = GOOGLE if settings.limits == "google" else Limits()
    if settings.connection_age_s:
        limits = replace(limits, connection_age_s=settings.connection_age_s)
    return replace(limits, time_scale=settings.time_scale)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


def _local_assistant(now: Callable[[], datetime]) -> Thinks:
    """The assistant. Raises SpeechError where its libraries are not installed."""
    try:
        from satellite.live_server.assistant import Assistant
    except ImportError as error:
        raise SpeechError(f"the local assistant cannot be loaded, install the extra 'assistant': {error}") from error
    return Assistant(now)


def _front(answer: "Answer") -> "Front":
    """The port's front. Raises SpeechError where its library is not installed."""
    try:
        from satellite.live_server.front import Front
    except ImportError as error:
        raise SpeechError(f"the Live server cannot be loaded, install the extra 'assistant': {error}") from error
    return Front(answer)


def _check_path(socket: ServerConnection, request: Request) -> Response | None:
    """404 for what is not the Live API's path."""
    return None if door_of(request.path) else socket.respond(HTTPStatus.NOT_FOUND, "Not found.\n")


async def serve(settings: ServerSettings) -> None:
    """`satellite serve`: run the server until cancelled. Raises SpeechError, ConfigError and OSError at its start."""
    server = LiveServer(settings)
    try:
        port = await server.start()
        log.info("the Live server listens on ws://%s:%d", settings.host, port)
        await asyncio.get_running_loop().create_future()
    finally:
        await server.close()
