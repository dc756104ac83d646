"""What a connection still has to send: one writer, so that the reader never waits for the network."""

import asyncio
from collections import deque

from websockets.asyncio.server import ServerConnection

from satellite.live.messages import ServerMessage, render_server_message


class Outbox:
    """Messages in order. `put` and `drop_reply` on the loop by reader and turn; `run` is the connection's writer task.

    Its size is bounded by what one turn says: a new turn begins only after the last was cut (and dropped) or sent.
    """

    def __init__(self) -> None:
        self._queue: deque[tuple[bytes, bool]] = deque()
        self._filled = asyncio.Event()

    def put(self, message: ServerMessage, *, reply: bool = False) -> None:
        """Queue a message; `reply` marks content that an interruption takes back while it is unsent."""
        self._queue.append((render_server_message(message), reply))
        self._filled.set()

    def drop_reply(self) -> None:
        """Take back the reply's content that has not been sent yet."""
        self._queue = deque(queued for queued in self._queue if not queued[1])

    async def run(self, socket: ServerConnection) -> None:
        """Send in binary frames until cancelled or the connection is gone (ConnectionClosed)."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            await self.flush(socket)

    async def flush(self, socket: ServerConnection) -> None:
        """Send all that is queued."""
        while self._queue:
            payload, _ = self._queue.popleft()
            await socket.send(payload)
