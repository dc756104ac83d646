"""One client: its connection, from the upgrade to the close frame.

What the client does wrong ends the connection with Google's code and words: a Refusal, raised anywhere below.
What its messages do is session.py's business.
"""

import asyncio
import logging

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from satellite.live.messages import (
    ClientMessage,
    GoAway,
    PayloadRefused,
    ServerMessage,
    SetupComplete,
    parse_client_message,
)
from satellite.live_server.model_rules import accept_setup
from satellite.live_server.outbox import Outbox
from satellite.live_server.refusals import GO_AWAY_IGNORED, INTERNAL, SETUP_ONCE, Refusal
from satellite.live_server.services import Services
from satellite.live_server.session import Session
from satellite.live_server.turn import TurnEngine

ABORTED = 1006
"""No close frame at all: the socket goes away."""

FAREWELL_S = 1.0
"""Longest wait for a client to take what was still to be said before its connection is closed."""

log = logging.getLogger(__name__)


class Connection:
    """Driven by its own task, one per client, on the loop."""

    def __init__(self, socket: ServerConnection, version: str, services: Services) -> None:
        """`version`: of the API, as the client dialled it."""
        self._socket = socket
        self._version = version
        self._services = services
        self._outbox = Outbox()

    async def run(self) -> None:
        """Serve the client until it or we end the connection. Raises nothing."""
        refusal: Refusal | None = None
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(self._outbox.run(self._socket))
                await self._converse(group)
                writer.cancel()
        except* Refusal as refusals:
            refusal = next(error for error in refusals.exceptions if isinstance(error, Refusal))
        except* ConnectionClosed:
            log.debug("the connection was lost")
        except* Exception:
            log.exception("a connection failed")
            refusal = Refusal(1011, INTERNAL)
        if refusal is not None:
            await self._end(refusal)

    async def _converse(self, group: asyncio.TaskGroup) -> None:
        """Read until the client goes."""
        setup = self._parse(await self._socket.recv()).setup
        if setup is None:
            raise Refusal(1007, SETUP_ONCE)
        rules = accept_setup(setup, self._version)
        histories = self._services.histories
        entries = list(histories.resume(rules.model, rules.handle)) if rules.handle else []
        if not await self._answer_setup():
            return
        engine = TurnEngine(rules, entries, self._services, self._outbox, group.create_task)
        session = Session(rules, engine, self._services)
        ageing = group.create_task(self._age())
        async for frame in self._socket:
            session.obey(self._parse(frame))
        engine.close()
        ageing.cancel()

    def _parse(self, frame: str | bytes) -> ClientMessage:
        """The message in a frame (text or binary); raises Refusal, also where a fault is to strike."""
        try:
            message = parse_client_message(frame)
        except PayloadRefused as refused:
            # The reason quotes what the client sent: it is for the client, not for the log.
            raise Refusal(1007, refused.reason, "not a message of this protocol") from None
        for member in members_of(message):
            closing = self._services.faults.close_at.pop(member, None)
            if closing is not None:
                raise Refusal(closing.code, closing.reason)
        return message

    async def _answer_setup(self) -> bool:
        """Send setupComplete, now or as the faults say. False if the client goes meanwhile."""
        faults = self._services.faults
        delay_s = None if faults.never_answer_setup else faults.setup_delay_s
        if delay_s != 0:
            closed = asyncio.ensure_future(self._socket.wait_closed())
            await asyncio.wait({closed}, timeout=delay_s)
            if closed.done():
                return False
            closed.cancel()
        self._outbox.put(ServerMessage(setup_complete=SetupComplete()))
        return True

    async def _age(self) -> None:
        """goAway when the connection has reached its age, and its end after that."""
        age_s = self._services.connection_age_s
        if age_s is None:
            return
        await asyncio.sleep(age_s)
        left_s = self._services.go_away_s
        self._outbox.put(ServerMessage(go_away=GoAway(time_left=duration_of(left_s))))
        await asyncio.sleep(left_s)
        raise Refusal(1008, GO_AWAY_IGNORED)

    async def _end(self, refusal: Refusal) -> None:
        """Send what is still queued, then the close frame."""
        log.info("closing with %d: %s", refusal.code, refusal.detail or refusal.reason)
        try:
            async with asyncio.timeout(FAREWELL_S):
                await self._outbox.flush(self._socket)
        except (TimeoutError, ConnectionClosed):
            log.debug("the client did not take the last messages")
        if refusal.code == ABORTED:
            self._socket.transport.abort()
        else:
            await self._socket.close(refusal.code, refusal.reason)


def members_of(message: ClientMessage) -> list[str]:
    """What a message carries, in the wire's names: its member of the oneof, for realtimeInput its fields."""
    carried = message.realtime_input or message
    fields = type(carried).model_fields
    return [fields[name].alias or name for name in fields if getattr(carried, name)]


def duration_of(duration_s: float) -> str:
    """A protobuf Duration: `50s`, `12.500s`."""
    return f"{int(duration_s)}s" if duration_s == int(duration_s) else f"{duration_s:.3f}s"
