"""What a connection still has to send: one writer, so that the reader never waits for the network.

The writer is also where faults on the wire strike (faults.py): what is put here is what the engine said, what
goes out is what the client shall see. Without faults a message goes out as it was put.
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from websockets.asyncio.server import ServerConnection

from satellite.live.messages import ServerMessage, render_server_message
from satellite.live_server.bundles import Fields, merge, split
from satellite.live_server.faults import Fault, Faults
from satellite.live_server.garbage import GARBAGE
from satellite.live_server.refusals import ABORTED, Refusal
from satellite.live_server.strikes import Strikes, TurnFaults
from satellite.live_server.turn_rewriting import TurnRewriting


@dataclass(frozen=True, slots=True)
class _Queued:
    message: ServerMessage
    reply: bool


class Outbox:
    """Messages in order. `put`, `begin_turn` and `drop_reply` on the loop by reader and turn; `run` is the writer task.

    Its size is bounded by what one turn says: a new turn begins only after the last was cut (and dropped) or sent.
    """

    def __init__(self, strikes: Strikes | None = None, *, on_usage: Callable[[int], None] | None = None) -> None:
        """`strikes`: the connection's faults; None: nothing goes wrong. `on_usage` is told each turn's tokens."""
        self.adapt: Callable[[Fields], Fields] | None = None
        """Turns the fields of a message into those of another backend; None: they are the Developer API's."""
        self.transparent = False
        """Handles say up to which of the client's messages they reach."""
        self.received = 0
        """Messages from the client so far, its setup not counted: the index of the latest, with the setup at 0."""
        self.frozen = False
        """Half-open: the connection is neither read nor written any more."""
        self._on_usage = on_usage
        self._covered = 0
        """The client's message up to which the history reaches."""
        self._strikes = strikes or Strikes(Faults())
        self._queue: deque[_Queued | TurnFaults] = deque()
        self._filled = asyncio.Event()
        self._rewriting = TurnRewriting(TurnFaults())
        self._bundle: Fields | None = None
        self._bundle_wants = 0
        self._mute = False
        """Nothing is sent any more, queued or not."""

    def put(self, message: ServerMessage, *, reply: bool = False) -> None:
        """Queue a message; `reply` marks content that an interruption takes back while it is unsent."""
        if self._on_usage is not None and message.usage_metadata is not None:
            self._on_usage(message.usage_metadata.total_token_count)
        update = message.session_resumption_update
        if self.transparent and update is not None and update.resumable:
            update = update.model_copy(update={"last_consumed_client_message_index": self._covered})
            message = message.model_copy(update={"session_resumption_update": update})
        self._queue.append(_Queued(message, reply))
        self._filled.set()

    def begin_turn(self) -> frozenset[str]:
        """A turn begins: the names of the faults that strike in it. The engine heeds those in faults.TURN_ENGINE."""
        self.cover()
        turn = self._strikes.begin_turn()
        self._queue.append(turn)
        self._filled.set()
        return frozenset(turn.faults)

    def cover(self) -> None:
        """All that the client has sent so far goes into the history: later handles reach up to here (LIVE_API 4.7).

        What it sends while a turn is going on is covered by the turn that it begins.
        """
        self._covered = self.received

    def drop_reply(self) -> None:
        """Take back the reply's content that has not been sent yet."""
        self._queue = deque(queued for queued in self._queue if isinstance(queued, TurnFaults) or not queued.reply)

    async def run(self, socket: ServerConnection) -> None:
        """Send in binary frames until cancelled. Raises ConnectionClosed when it is gone, Refusal for a fault."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            await self._send_queued(socket)

    async def flush(self, socket: ServerConnection) -> None:
        """Send all that is still to be said, before the connection is closed."""
        await self._send_queued(socket)
        if self._bundle is not None and not self._mute:
            await self._send_bundle(socket)

    async def end(self, socket: ServerConnection, fault: Fault) -> None:
        """A fault of the kind Ending strikes. Raises Refusal, or returns when a stall is over."""
        if fault.what == "close":
            self._mute = True
            raise Refusal(fault.code, fault.reason)
        if fault.what == "reset":
            self._mute = True
            raise Refusal(ABORTED, "", "a fault: reset")
        if fault.what == "half_open":
            await self._freeze(socket, fault.for_s)
        was_mute, self._mute = self._mute, True
        await _wait(fault.for_s)
        self._mute = was_mute
        self._filled.set()

    async def _freeze(self, socket: ServerConnection, for_s: float) -> None:
        """Neither read nor write until its time is over, or the server itself closes."""
        self.frozen = self._mute = True
        socket.transport.pause_reading()
        if socket.keepalive_task is not None:  # it would go on sending pings, and end the connection for want of pongs
            socket.keepalive_task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(for_s or None):
                await socket.wait_closed()
        raise Refusal(ABORTED, "", "a fault: half-open for its time")

    async def _send_queued(self, socket: ServerConnection) -> None:
        while self._queue and not self._mute:
            queued = self._queue.popleft()
            if isinstance(queued, TurnFaults):
                self._strikes.write_turn(queued)
                self._rewriting = TurnRewriting(queued)
            elif self.adapt is None and self._strikes.idle and not self._rewriting.active and self._bundle is None:
                self._strikes.server_message(list(_members(queued.message)))
                await socket.send(render_server_message(queued.message))
            else:
                fields: Fields = json.loads(render_server_message(queued.message))
                for rewritten in self._rewriting.rewrite(fields):
                    await self._send(socket, self.adapt(rewritten) if self.adapt else rewritten)

    async def _send(self, socket: ServerConnection, fields: Fields) -> None:
        """One message, and what the script does to it and around it."""
        wanted, copies, pieces = 0, 1, 1
        for fault in self._strikes.server_message([*fields, *fields.get("serverContent", {})]):
            if fault.what == "delay":
                await asyncio.sleep(fault.for_s)
            elif fault.what in GARBAGE:
                await socket.send(GARBAGE[fault.what]())
            elif fault.what == "bundle":
                wanted = fault.count
            elif fault.what == "duplicate":
                copies = fault.count
            elif fault.what == "split":
                pieces = fault.count
            else:
                await self.end(socket, fault)
        for piece in split(fields, pieces) * copies:
            if self._bundle is not None or wanted:
                await self._add_to_bundle(socket, piece, wanted)
                wanted = 0
            else:
                await socket.send(_rendered(piece))

    async def _add_to_bundle(self, socket: ServerConnection, fields: Fields, wanted: int) -> None:
        """Keep a message until its bundle is full, or the turn over."""
        if self._bundle is None:
            self._bundle, self._bundle_wants = fields, wanted - 1
        else:
            self._bundle, self._bundle_wants = merge(self._bundle, fields), self._bundle_wants - 1
        if self._bundle_wants <= 0 or "turnComplete" in fields.get("serverContent", {}):
            await self._send_bundle(socket)

    async def _send_bundle(self, socket: ServerConnection) -> None:
        bundle, self._bundle = self._bundle, None
        assert bundle is not None
        await socket.send(_rendered(bundle))


def _members(message: ServerMessage) -> list[str]:
    """Whether a message is a chunk of a reply: all that matters while no fault is waiting for a member."""
    content = message.server_content
    return ["modelTurn"] if content is not None and content.model_turn is not None else []


def _rendered(fields: Fields) -> bytes:
    """As Google renders messages (LIVE_API 3)."""
    return (json.dumps(fields, indent=2) + "\n").encode()


async def _wait(for_s: float) -> None:
    """So long; 0: until cancelled."""
    if for_s:
        await asyncio.sleep(for_s)
    else:
        await asyncio.get_running_loop().create_future()
