"""The embedded Live server: listens, checks path and key, and gives each client a Connection.

Plain ws: it is for this machine and for tests; who wants it on a network puts TLS before it. Paths and keys
by LIVE_API 1.1. The recogniser and the voice are shared by all clients.
"""

import asyncio
import contextlib
import hmac
import logging
import re
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from urllib.parse import parse_qs

from websockets.asyncio.server import Server, ServerConnection
from websockets.asyncio.server import serve as listen
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from satellite.core.errors import SpeechError
from satellite.live_server.connection import Connection
from satellite.live_server.faults import Faults
from satellite.live_server.history import Histories
from satellite.live_server.refusals import BAD_KEY, NO_KEY, Refusal
from satellite.live_server.services import Hears, Services, Speaks, Thinks
from satellite.settings import ServerSettings
from satellite.speech.recogniser import Recogniser
from satellite.speech.voice import Voice

PATH = re.compile(
    r"/+ws/+google\.ai\.generativelanguage\.(v1beta|v1alpha|v1)\.GenerativeService\.BidiGenerateContent/*"
)
"""The Developer API's path; repeated slashes count as one (google-genai dials two)."""

LARGEST_FRAME_BYTES = 16 * 1024 * 1024
"""A whole recording may come as one blob."""

PING_S = 20.0
PONG_S = 60.0
"""A client whose pong is this late is gone. Generous: a busy board is late, not gone."""

CLOSE_S = 1.0
"""Longest wait for a client's half of a closing handshake."""

REFUSAL_WAIT_S = 1.0
"""Longest wait for the setup of a client that is refused anyway."""

log = logging.getLogger(__name__)


def local_time() -> datetime:
    """The wall clock with its zone: what the assistant tells when it is asked for the time."""
    return datetime.now().astimezone()


class LiveServer:
    """The Live API's other end. Created, started and closed on one loop, from one task.

    `faults` may be set at any time by whoever tests a client. `connection_age_s`: after so long a client is told to
    go away, and `go_away_s` later it is closed; None: never. `on_utterance` sees each finished activity's audio
    (16 kHz s16le mono), `on_closed` the close code of each connection that has ended. A recogniser handed in stays its
    owner's to start and close. Raises SpeechError where the assistant's libraries are not installed.
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
        connection_age_s: float | None = None,
        go_away_s: float = 50.0,
        on_utterance: Callable[[bytes], None] | None = None,
        on_closed: Callable[[int], None] | None = None,
    ) -> None:
        self._settings = settings
        self._own_recogniser: Recogniser | None = None
        if recogniser is None:
            recogniser = self._own_recogniser = Recogniser(settings.recogniser, settings.model_path)
        self.faults = faults or Faults()
        self._server: Server | None = None
        self._on_closed = on_closed
        self._services = Services(
            recogniser=recogniser,
            voice=voice or Voice(settings.voice),
            assistant=assistant or _local_assistant(now),
            histories=Histories(lambda: asyncio.get_running_loop().time()),
            faults=self.faults,
            connection_age_s=connection_age_s,
            go_away_s=go_away_s,
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
            self._server.close()
            await self._server.wait_closed()
            self._server = None
        if self._own_recogniser is not None:
            await self._own_recogniser.close()

    async def _serve(self, socket: ServerConnection) -> None:
        """One client, after the upgrade."""
        assert socket.request is not None
        refusal = self._check_key(socket.request)
        if refusal is not None:
            log.info("refused a client: %s", refusal.reason)
            # Clients read the reason after they have sent their setup; google-genai trips over an earlier close.
            with contextlib.suppress(TimeoutError, ConnectionClosed):
                async with asyncio.timeout(REFUSAL_WAIT_S):
                    await socket.recv()
            await socket.close(refusal.code, refusal.reason)
            return
        match = PATH.fullmatch(_split(socket.request)[0])
        assert match is not None
        await Connection(socket, match[1], self._services).run()
        if self._on_closed is not None:
            await socket.wait_closed()
            assert socket.close_code is not None
            self._on_closed(socket.close_code)

    def _check_key(self, request: Request) -> Refusal | None:
        """Why the key of a request does not let it in. Google says it after the upgrade, never with an HTTP status."""
        given = parse_qs(_split(request)[1]).get("key", [""])[0] or request.headers.get("x-goog-api-key", "")
        if not given:
            return Refusal(1008, NO_KEY)
        wanted = self._settings.api_key.get_secret_value()
        if wanted and not hmac.compare_digest(given.encode(), wanted.encode()):
            return Refusal(1007, BAD_KEY)
        return None


def _local_assistant(now: Callable[[], datetime]) -> Thinks:
    """The assistant. Raises SpeechError where its libraries are not installed."""
    try:
        from satellite.live_server.assistant import Assistant
    except ImportError as error:
        raise SpeechError(f"the local assistant cannot be loaded, install the extra 'assistant': {error}") from error
    return Assistant(now)


def _check_path(socket: ServerConnection, request: Request) -> Response | None:
    """404 for what is not the Live API's path."""
    if PATH.fullmatch(_split(request)[0]):
        return None
    return socket.respond(HTTPStatus.NOT_FOUND, "Not found.\n")


def _split(request: Request) -> tuple[str, str]:
    """Path and query. Not urlsplit: it takes what follows two slashes for a host."""
    path, _, query = request.path.partition("?")
    return path, query


async def serve(settings: ServerSettings) -> None:
    """`satellite serve`: run the server until cancelled. Raises SpeechError and OSError at its start."""
    server = LiveServer(settings)
    try:
        port = await server.start()
        log.info("the Live server listens on ws://%s:%d", settings.host, port)
        await asyncio.get_running_loop().create_future()
    finally:
        await server.close()
