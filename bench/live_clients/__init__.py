"""The clients that bench.live compares, one module each with `async def connect(link) -> Client`.

Each speaks as the library's documentation has it spoken and does nothing else: what a module adds around the library is
weighed with it. Nothing is imported here: the import time of a library is measured.
"""

import asyncio
from dataclasses import dataclass
from typing import Protocol

MODEL = "gemini-3.8-live"

AUDIO_TYPE = "audio/pcm;rate=16000"


@dataclass(frozen=True)
class Link:
    """Where to connect, and how."""

    port: int
    chunk_ms: int
    """Audio per message, for a client that cuts for itself; 0: as it does when nobody asks."""
    deflate: bool
    """Offer permessage-deflate with the library's own parameters, or not at all."""

    @property
    def url(self) -> str:
        """The server of the benchmark."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def compression(self) -> str | None:
        """The option of websockets.connect."""
        return "deflate" if self.deflate else None


@dataclass
class Answer:
    """What came of one turn."""

    reply_bytes: int = 0
    messages: int = 0
    """Messages with audio, as the server counted them."""
    sent_bytes: int = 0
    """Their size, before compression."""


class Client(Protocol):
    """A session that is open."""

    async def begin(self) -> None:
        """The user begins to speak: activityStart."""

    async def send(self, chunk: bytes) -> None:
        """16 kHz s16le mono."""

    async def end(self) -> None:
        """The user has spoken: activityEnd."""

    async def answer(self) -> Answer:
        """All that comes until the turn is complete, its sound as bytes."""

    async def close(self) -> None:
        """Hang up."""


class Collector:
    """For libraries that call back: gathers an answer, and gives it once when the turn is complete."""

    def __init__(self) -> None:
        self._answer = Answer()
        self._complete = asyncio.Event()

    def heard(self, sound_bytes: int) -> None:
        """A piece of the reply came."""
        self._answer.reply_bytes += sound_bytes

    def completed(self, messages: int, sent_bytes: int) -> None:
        """The turn is over, and this is what the server counted."""
        self._answer.messages = messages
        self._answer.sent_bytes = sent_bytes
        self._complete.set()

    async def answer(self) -> Answer:
        """Wait for the end of the turn."""
        await self._complete.wait()
        self._complete.clear()
        answer, self._answer = self._answer, Answer()
        return answer
