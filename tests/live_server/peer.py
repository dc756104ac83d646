"""A client without any library of ours: raw frames to a real server, and what comes back."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from pydantic import SecretStr
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from live_server.stage import Ear, Mouth, ScriptedMind
from satellite.live_server.server import LiveServer
from satellite.settings import ServerSettings

PATIENCE_S = 7200.0
"""Simulated seconds after which a test fails."""

KEY = "the-key"
PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
CONSTRAINED_PATH = PATH + "Constrained"
VERTEX_PATH = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
MODEL = "models/gemini-3.8-live"
_JPEG = b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x02\x00\x02\x01\x01\x11\x00\xff\xd9"
PICTURE = {"data": base64.b64encode(_JPEG).decode(), "mimeType": "image/jpeg"}
"""As much of a picture of two by two pixels as a server looks at."""

MANUAL = {"automaticActivityDetection": {"disabled": True}}


@asynccontextmanager
async def running(settings: dict[str, Any] | None = None, **options: Any) -> AsyncIterator[tuple[LiveServer, int]]:
    """A server on a free port, with an ear, a voice and a mind of the stage's unless others are given."""
    options = dict[str, Any](recogniser=Ear(), voice=Mouth(0.3), assistant=ScriptedMind()) | options
    settings = {"port": 0, "api_key": SecretStr(KEY)} | (settings or {})
    server = LiveServer(ServerSettings(**settings), **options)
    port = await server.start()
    try:
        yield server, port
    finally:
        await server.close()


class Peer:
    """One connection."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    @classmethod
    @asynccontextmanager
    async def dial(
        cls, port: int, path: str = PATH, key: str | None = KEY, headers: dict[str, str] | None = None
    ) -> AsyncIterator[Self]:
        """Connect; nothing is sent yet."""
        headers = (headers or {}) | ({} if key is None else {"x-goog-api-key": key})
        url = f"ws://127.0.0.1:{port}{path}"
        quietly = connect(
            url,
            additional_headers=headers,
            compression=None,
            proxy=None,
            max_size=None,
            ping_interval=None,  # it is the server's liveness that is watched here
            close_timeout=1.0,
        )
        async with quietly as socket:
            yield cls(socket)

    @classmethod
    @asynccontextmanager
    async def open(cls, port: int, model: str = MODEL, **setup: Any) -> AsyncIterator[Self]:
        """Connect and set up."""
        async with cls.dial(port) as peer:
            await peer.send(setup={"model": model, **setup})
            assert await peer.receive() == {"setupComplete": {}}
            yield peer

    async def send(self, **message: Any) -> None:
        """One message, as JSON in a text frame."""
        await self.socket.send(json.dumps(message))

    async def send_input(self, **member: Any) -> None:
        """One realtimeInput."""
        await self.send(realtimeInput=member)

    async def send_audio(self, pcm: bytes, rate_hz: int = 16_000) -> None:
        """All of it in one blob."""
        data = base64.b64encode(pcm).decode()
        await self.send_input(audio={"data": data, "mimeType": f"audio/pcm;rate={rate_hz}"})

    async def receive(self) -> dict[str, Any]:
        """The next message: a binary frame, rendered as Google does."""
        async with asyncio.timeout(PATIENCE_S):
            frame = await self.socket.recv()
        assert isinstance(frame, bytes)
        message: dict[str, Any] = json.loads(frame)
        assert frame.decode("ascii") == json.dumps(message, indent=2) + "\n"
        return message

    async def turn(self) -> "Turn":
        """All messages up to turnComplete."""
        turn = Turn()
        while not turn.complete:
            turn.take(await self.receive())
        return turn

    async def ended(self) -> tuple[int, str]:
        """Code and reason with which the server ends the connection; what it says before is skipped."""
        try:
            while True:
                async with asyncio.timeout(PATIENCE_S):
                    await self.socket.recv()
        except ConnectionClosed as closed:
            return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")


class Turn:
    """What came in one turn."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.audio = b""
        self.heard = ""
        self.said = ""
        self.text = ""
        self.flags: list[str] = []
        self.usage: dict[str, Any] = {}

    @property
    def complete(self) -> bool:
        return "turnComplete" in self.flags

    def take(self, message: dict[str, Any]) -> None:
        """Add a message."""
        self.messages.append(message)
        content = message.get("serverContent", {})
        for part in content.get("modelTurn", {}).get("parts", []):
            self.text += part.get("text", "")
            if "inlineData" in part:
                assert part["inlineData"]["mimeType"] == "audio/pcm;rate=24000"
                self.audio += base64.b64decode(part["inlineData"]["data"], validate=True)
        self.heard += content.get("inputTranscription", {}).get("text", "")
        self.said += content.get("outputTranscription", {}).get("text", "")
        self.flags += [flag for flag in ("interrupted", "generationComplete", "turnComplete") if content.get(flag)]
        self.usage |= message.get("usageMetadata", {})
