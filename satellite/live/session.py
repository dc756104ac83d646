"""One connection to the Live API: opened, pumped, ended; never reused. The home of websockets.

Everything about the library that could hang or leak is decided here: no compression, no redirects (the
key would follow them), its debug log off (it prints headers), its keepalive off (LIVE_API 4.9:
healthy pongs come up to 30 s late), every wait bounded.
"""

import asyncio
import contextlib
import logging
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from satellite import __version__
from satellite.core.event import Event
from satellite.core.link_events import SessionOpened
from satellite.live.close_reasons import Ending, Verdict, classify_close, classify_http
from satellite.live.endpoints import Endpoint
from satellite.live.protocol import Decoder, encode_audio

log = logging.getLogger(__name__)

socket_log = logging.getLogger(f"{__name__}.socket")
"""What websockets itself logs; never at DEBUG, where it prints the headers and with them the key."""
socket_log.setLevel(logging.INFO)

CLOSE_TIMEOUT_S = 1.0
"""Longest wait for the other side's goodbye; the daemon has 2 s for all of its own."""

MAX_MESSAGE_BYTES = 32 * 1024 * 1024
"""Longest message taken: a bundled one may well pass the library's 1 MiB."""

MAX_READ_AHEAD = 64
"""Frames that one read of the socket may bring before reading pauses; the reader empties them at once."""

PIECE_BYTES = 6400
"""Audio that has to wait goes out in messages of at most this size: 200 ms."""

MAX_WAITING_BYTES = 4 * 1024 * 1024
"""More than two minutes of audio that the network does not take: the connection is of no use."""

ABNORMAL_CLOSURE = 1006
"""No close frame came (RFC 6455)."""

PINGS_PER_TIMEOUT = 3
"""A quiet connection is asked this often before it is given up."""


@dataclass(frozen=True, slots=True)
class SessionTimes:
    """Limits of one connection, in seconds."""

    attempt_s: float
    liveness_s: float


class _Connect(connect):
    """websockets' connect, but it follows no redirect: the API key would be sent along."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """An answer that is no upgrade is an error, whatever it says."""
        return exc


class LiveSession:
    """One connection, as session `number`. Driven by the task that awaits run(); all calls on the loop.

    Events go to `post` as they are read: the reader never waits for anything but the network. Sending never
    waits: what is enqueued goes out in order once the session is open, and is dropped when it ends.
    """

    def __init__(
        self,
        number: int,
        *,
        endpoint: Endpoint,
        setup: str,
        resuming: bool,
        history: str | None = None,
        times: SessionTimes,
        tls: ssl.SSLContext | None,
        post: Callable[[Event], None],
    ) -> None:
        """`history`: a message that goes out right after setupComplete, ahead of whatever the core enqueues."""
        self.opened_at_s: float | None = None
        """When setupComplete came, by the loop's clock; None before."""
        self.asked = False
        """Whether the setup has gone out: what ends before that says nothing about it."""
        self._number = number
        self._endpoint = endpoint
        self._setup = setup
        self._resuming = resuming
        self._history = history
        self._times = times
        self._tls = tls
        self._post = post
        self._decoder = Decoder(number)
        self._unreadable_logged = 0
        self._unknown_logged = 0
        self._socket: ClientConnection | None = None
        self._waiting: deque[str | bytearray] = deque()
        self._waiting_bytes = 0
        self._wake_writer = asyncio.Event()
        self._nothing_waits = asyncio.Event()
        self._heard_at_s = 0.0
        self._cut_because = ""

    async def run(self) -> Ending:
        """Connect, hold the session, and say how it ended. Cancelled: closes with 1000, within CLOSE_TIMEOUT_S."""
        try:
            async with asyncio.timeout(self._times.attempt_s):
                socket = self._socket = await self._connect()
                await socket.send(self._setup)
                self.asked = True
                while self.opened_at_s is None:
                    self._take(await socket.recv(decode=False))
            return await self._hold(socket)
        except ConnectionClosed as error:
            return self._ending(error)
        except InvalidStatus as error:
            return classify_http(error.response.status_code, access=self._endpoint.access)
        except TimeoutError as error:  # ours has no text, the operating system's has
            return Ending(Verdict.TRANSIENT, str(error) or f"no session within {self._times.attempt_s:g} s")
        except (OSError, WebSocketException) as error:
            return Ending(Verdict.TRANSIENT, self._endpoint.without_secrets(str(error)) or type(error).__name__)
        finally:
            await self._hang_up()

    def send_audio(self, sound: bytes) -> None:
        """Enqueue 16 kHz s16le mono; neighbours that have to wait are joined to pieces."""
        start = 0
        while start < len(sound):
            last = self._waiting[-1] if self._waiting else None
            if not isinstance(last, bytearray) or len(last) >= PIECE_BYTES:
                last = bytearray()
                self._waiting.append(last)
            taken = sound[start : start + PIECE_BYTES - len(last)]
            last += taken
            start += len(taken)
        self._count_waiting(len(sound))

    def send_message(self, message: str) -> None:
        """Enqueue an encoded message behind everything enqueued before."""
        self._waiting.append(message)
        self._count_waiting(len(message))

    async def all_sent(self) -> None:
        """Until nothing waits for the network any more, or it is gone."""
        await self._nothing_waits.wait()

    def drop_unsent(self) -> None:
        """Forget what waits: not a sound leaves after a close, whatever the writer was about to do."""
        self._waiting.clear()
        self._waiting_bytes = 0
        self._nothing_waits.set()

    def _count_waiting(self, added_bytes: int) -> None:
        self._waiting_bytes += added_bytes
        self._nothing_waits.clear()
        if self._waiting_bytes > MAX_WAITING_BYTES:
            self.drop_unsent()
            self._cut("the network does not take what is said")
        self._wake_writer.set()

    async def _connect(self) -> ClientConnection:
        endpoint = self._endpoint
        return await _Connect(
            endpoint.url,
            additional_headers=endpoint.headers,
            user_agent_header=f"voice-satellite/{__version__}",
            # Base64 audio shrinks little, and deflating costs several times what all the rest does.
            compression=None,
            # The environment's proxy for the outside world, none on this machine itself.
            proxy=True if endpoint.secure else None,
            open_timeout=None,  # run() has one for the whole attempt
            close_timeout=CLOSE_TIMEOUT_S,
            ping_interval=None,
            max_size=MAX_MESSAGE_BYTES,
            max_queue=MAX_READ_AHEAD,
            logger=socket_log,
            ssl=self._tls,
        )

    async def _hold(self, socket: ClientConnection) -> Ending:
        """Read until the connection ends, with the writer and the watch beside."""
        beside = [asyncio.create_task(self._beside(work, socket)) for work in (self._write, self._watch)]
        try:
            while True:
                self._take(await socket.recv(decode=False))
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _beside(self, work: Callable[[ClientConnection], Awaitable[None]], socket: ClientConnection) -> None:
        """The task of the writer, or of the watch: without either the connection is of no use."""
        try:
            await work(socket)
        except ConnectionClosed:
            return  # the reader has it too, and says why
        except Exception:  # the outermost frame of a task
            log.exception("session %d failed", self._number)
            self._cut("internal error")

    def _take(self, message: bytes) -> None:
        """Post what a message says."""
        self._heard_at_s = asyncio.get_running_loop().time()
        for event in self._decoder.decode(message):
            if isinstance(event, SessionOpened):
                self.opened_at_s = self._heard_at_s
                if self._history is not None:
                    self.send_message(self._history)
            self._post(event)
        if self._decoder.unreadable > self._unreadable_logged:
            level = logging.DEBUG if self._unreadable_logged else logging.WARNING
            self._unreadable_logged = self._decoder.unreadable
            log.log(level, "session %d: %d unreadable pieces so far", self._number, self._unreadable_logged)
        if self._decoder.unknown > self._unknown_logged:
            level = logging.DEBUG if self._unknown_logged else logging.INFO
            self._unknown_logged = self._decoder.unknown
            log.log(
                level, "session %d: %d fields or values nobody here knows so far", self._number, self._unknown_logged
            )

    async def _write(self, socket: ClientConnection) -> None:
        """Send what waits, in order, for as long as the connection takes it."""
        while True:
            await self._wake_writer.wait()
            self._wake_writer.clear()
            while self._waiting:
                item = self._waiting.popleft()
                self._waiting_bytes -= len(item)
                await socket.send(item if isinstance(item, str) else encode_audio(item))
            self._nothing_waits.set()

    async def _watch(self, socket: ClientConnection) -> None:
        """Ask a quiet connection whether it lives, and cut one that has not answered for liveness_s."""
        loop = asyncio.get_running_loop()
        limit_s = self._times.liveness_s
        pause_s = limit_s / PINGS_PER_TIMEOUT
        asked_at_s = self._heard_at_s
        while (now_s := loop.time()) < self._heard_at_s + limit_s:
            ask_at_s = max(self._heard_at_s, asked_at_s) + pause_s
            if now_s < ask_at_s:
                await asyncio.sleep(min(ask_at_s, self._heard_at_s + limit_s) - now_s)
                continue
            asked_at_s = now_s
            # A network that takes nothing does not take a ping either: not a moment beyond the limit.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._heard_at_s + limit_s):
                    asyncio.ensure_future(await socket.ping()).add_done_callback(self._pong_came)
        self._cut(f"nothing came for {limit_s:g} s")

    def _pong_came(self, pong: asyncio.Future[float]) -> None:
        if not pong.cancelled() and pong.exception() is None:
            self._heard_at_s = asyncio.get_running_loop().time()

    def _cut(self, reason: str) -> None:
        """End the connection without a goodbye; the reader notices."""
        if self._socket is not None and not self._cut_because:
            self._cut_because = reason
            self._socket.transport.abort()

    def _ending(self, error: ConnectionClosed) -> Ending:
        if self._cut_because:
            return Ending(Verdict.TRANSIENT, self._cut_because)
        if error.rcvd is None:
            reason = str(error.__cause__ or "") or "connection lost"
            return Ending(Verdict.TRANSIENT, f"{ABNORMAL_CLOSURE} {self._endpoint.without_secrets(reason)}")
        reason = self._endpoint.without_secrets(error.rcvd.reason)
        ending = classify_close(
            error.rcvd.code,
            reason,
            opened=self.opened_at_s is not None,
            resuming=self._resuming,
            access=self._endpoint.access,
        )
        if self._resuming and self.opened_at_s is None and ending.verdict is Verdict.TRANSIENT:
            # "Internal error encountered." to a handle, again and again: a fresh session will tell
            return replace(ending, verdict=Verdict.RESUME_REFUSED)
        return ending

    async def _hang_up(self) -> None:
        """Close with 1000 if it still can be, and leave no transport behind."""
        self.drop_unsent()
        if self._socket is None:
            return
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._socket.close()
        except TimeoutError:
            log.debug("session %d: no goodbye within %g s", self._number, CLOSE_TIMEOUT_S)
        finally:
            self._socket.transport.abort()
