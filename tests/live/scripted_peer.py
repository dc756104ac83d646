"""A Live server by script: a real WebSocket server on loopback, whose every move is the test's.

`call = await peer.answer()` is the next connection; its verbs do one thing each. Wire names are spelt out
here instead of taken from satellite.live: the tests would not notice a wrong one otherwise.
"""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from satellite.app.clock import SimulatedTimeLoop
from satellite.core.events import Event
from satellite.live.link import LiveLink
from satellite.settings import LiveSettings

KEY = "AIza-very-secret-0123456789"

PATIENCE_S = 36_000.0
"""Simulated time after which a test that waits is taken for stuck."""


def simulate(scenario: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine on simulated time; no task of it may be left."""

    async def bounded() -> None:
        await asyncio.wait_for(scenario, PATIENCE_S)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"tasks left behind: {left}"

    with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        runner.run(bounded())


class Call:
    """One connection, seen from the server."""

    def __init__(self, socket: ServerConnection, arrived_at_s: float) -> None:
        self.arrived_at_s = arrived_at_s
        self.done = asyncio.Event()
        self._socket = socket

    @property
    def path(self) -> str:
        """What was asked for."""
        assert self._socket.request is not None
        return self._socket.request.path

    def header(self, name: str) -> str | None:
        """A header of the upgrade request."""
        assert self._socket.request is not None
        return self._socket.request.headers.get(name)

    async def hear(self) -> dict[str, Any]:
        """The next message."""
        message: dict[str, Any] = json.loads(await self._socket.recv())
        return message

    async def hear_audio(self, wanted_bytes: int) -> tuple[bytes, list[int]]:
        """So much audio, and how large its messages were; anything else is a failure."""
        sound, sizes = b"", []
        while len(sound) < wanted_bytes:
            audio = (await self.hear())["realtimeInput"]["audio"]
            assert audio["mimeType"] == "audio/pcm;rate=16000"
            piece = base64.b64decode(audio["data"], validate=True)
            sound += piece
            sizes.append(len(piece))
        return sound, sizes

    async def say(self, message: dict[str, Any]) -> None:
        """A message the way Google sends it: JSON in a binary frame."""
        await self._socket.send((json.dumps(message, indent=2) + "\n").encode())

    async def say_raw(self, message: str | bytes) -> None:
        """A frame as it is: text for str, binary for bytes."""
        await self._socket.send(message)

    async def accept_setup(self) -> dict[str, Any]:
        """Hear the setup and answer setupComplete."""
        setup = await self.hear()
        await self.say({"setupComplete": {}})
        return setup

    async def hang_up(self, code: int, reason: str) -> None:
        """Close with a reason."""
        await self._socket.close(code, reason)
        self.done.set()

    def tear(self) -> None:
        """Reset the connection."""
        self._socket.transport.abort()
        self.done.set()

    def stop_reading(self) -> None:
        """Half-open: nothing is read any more, so no ping is answered."""
        self._socket.transport.pause_reading()

    def read_on(self) -> None:
        """The end of stop_reading()."""
        self._socket.transport.resume_reading()

    async def hear_goodbye(self) -> tuple[int | None, list[dict[str, Any]]]:
        """The client's close code, and what it said before that."""
        said = []
        try:
            while True:
                said.append(await self.hear())
        except ConnectionClosed as closed:
            self.done.set()
            return (closed.rcvd.code if closed.rcvd else None), said


class Peer:
    """The listening server."""

    def __init__(self) -> None:
        self._calls: asyncio.Queue[Call] = asyncio.Queue()
        self.url = ""

    async def answer(self) -> Call:
        """The next connection."""
        return await self._calls.get()

    async def serve_call(self, socket: ServerConnection) -> None:
        """websockets' handler: the connection lives until the test is done with it."""
        call = Call(socket, asyncio.get_running_loop().time())
        self._calls.put_nowait(call)
        waits = [asyncio.create_task(call.done.wait()), asyncio.create_task(socket.wait_closed())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


@asynccontextmanager
async def listening(tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """A peer for the length of a test; encrypted with `tls`."""
    peer = Peer()
    async with serve(peer.serve_call, "127.0.0.1", 0, ping_interval=None, close_timeout=1, ssl=tls) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        peer.url = f"{'wss' if tls else 'ws'}://127.0.0.1:{port}"
        yield peer


class Inbox:
    """What the link posts, in order."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self.seen: list[Event] = []
        self.reaction: Callable[[Event], None] = lambda event: None

    def post(self, event: Event) -> None:
        """Given to the link."""
        self.seen.append(event)
        self._events.put_nowait(event)
        self.reaction(event)

    async def next(self) -> Event:
        """The next event."""
        return await self._events.get()


def live_settings(url: str, **changes: Any) -> LiveSettings:
    """Settings that point at a peer."""
    return LiveSettings.model_validate({"base_url": url, "api_key": SecretStr(KEY), **changes})


@asynccontextmanager
async def linked(
    peer_url: str,
    inbox: Inbox,
    *,
    manual: bool = True,
    instruction: Callable[[], str] | None = None,
    **changes: Any,
) -> AsyncIterator[LiveLink]:
    """A link to a peer, without jitter (the whole of each pause), shut down at the end."""
    settings = live_settings(peer_url, **changes)
    link = LiveLink(settings, activity_manual=manual, post=inbox.post, jitter=lambda: 1.0, instruction=instruction)
    try:
        yield link
    finally:
        await link.shutdown()
