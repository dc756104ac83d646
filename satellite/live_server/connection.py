"""One client: its connection, from the upgrade to the close frame.

What the client does wrong ends the connection with Google's code and words: a Refusal, raised anywhere below.
What its messages do is session.py's business; how long it may last is limits.py's.
"""

import asyncio
import logging
import socket as sockets
import struct
import uuid
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from satellite.live.messages import (
    ClientMessage,
    Dialect,
    GoAway,
    PayloadRefused,
    ServerMessage,
    Setup,
    SetupComplete,
    parse_client_message,
)
from satellite.live.models import VERTEX
from satellite.live_server.doors import Door
from satellite.live_server.history import Entry
from satellite.live_server.limits import duration_of
from satellite.live_server.model_rules import SessionRules, accept_setup
from satellite.live_server.outbox import Outbox
from satellite.live_server.refusals import (
    ABORTED,
    DEADLINE,
    GO_AWAY_IGNORED,
    INTERNAL,
    SESSION_EXPIRED,
    SETUP_ONCE,
    Refusal,
)
from satellite.live_server.services import Services
from satellite.live_server.session import Session
from satellite.live_server.strikes import Strikes
from satellite.live_server.tokens import Grant
from satellite.live_server.turn import TurnEngine
from satellite.live_server.vertex import as_vertex

FAREWELL_S = 1.0
"""Longest wait for a client to take what was still to be said before its connection is closed."""

RESET_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: close() sends RST and forgets what was not sent."""

log = logging.getLogger(__name__)


class Connection:
    """Driven by its own task, one per client, on the loop."""

    def __init__(self, socket: ServerConnection, door: Door, grant: Grant | None, services: Services) -> None:
        """`door`: the way the client came in; `grant`: what its ephemeral token lets it do, if it came with one."""
        self._socket = socket
        self._door = door
        self._dialect = Dialect(door.backend, door.version)
        self._grant = grant
        self._histories = services.histories.of_connection(self._is_open)
        self._services = replace(services, histories=self._histories)
        self._strikes = Strikes(services.faults)
        self._outbox = Outbox(self._strikes, on_usage=services.quota.spend if services.quota else None)
        self._begun_at_s = asyncio.get_running_loop().time()
        self._tasks: list[asyncio.Task[None]] = []
        self._told_end_s: float | None = None

    async def run(self) -> None:
        """Serve the client until it or we end the connection. Raises nothing."""
        refusal: Refusal | None = None
        try:
            async with asyncio.TaskGroup() as group:
                self._spawn(group, self._outbox.run(self._socket))
                await self._converse(group)
                for task in self._tasks:
                    task.cancel()
        except* Refusal as refusals:
            refusal = next(error for error in refusals.exceptions if isinstance(error, Refusal))
        except* ConnectionClosed:
            log.debug("the connection was lost")
        except* Exception:
            log.exception("a connection failed")
            refusal = Refusal(1011, INTERNAL)
        finally:
            self._histories.end()
        if refusal is not None:
            await self._end(refusal)

    def _is_open(self) -> bool:
        """Whether another connection finds this one in its way."""
        return self._socket.state is State.OPEN and not self._outbox.frozen

    def _spawn(self, group: asyncio.TaskGroup, job: Coroutine[None, None, None]) -> None:
        """A task that ends with the connection."""
        self._tasks.append(group.create_task(job))

    async def _converse(self, group: asyncio.TaskGroup) -> None:
        """Read until the client goes."""
        setup = (await self._take(await self._socket.recv(), group)).setup
        if setup is None:
            raise Refusal(1007, SETUP_ONCE)
        if self._grant is not None:
            setup = self._grant.constrain(setup)
        rules = accept_setup(setup, self._door.version, self._door.backend)
        with self._counted():
            entries = self._begin(rules)
            if not await self._answer_setup():
                return
            await self._serve(group, setup, rules, entries)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """One session more for as long as this lasts; raises Refusal where there are too many."""
        quota = self._services.quota
        if quota is None:
            yield
            return
        quota.enter()
        try:
            yield
        finally:
            quota.leave()

    def _begin(self, rules: SessionRules) -> list[Entry]:
        """The history to go on from; raises Refusal where the session may not begin, or be resumed."""
        entries = list(self._histories.resume(rules.model, rules.handle)) if rules.handle else []
        left_s = self._session_left_s(rules)
        if left_s is not None and left_s <= 0:
            raise Refusal(1008, SESSION_EXPIRED, "the session has had its time")
        if self._grant is not None:
            self._grant.begin_session(resuming=bool(rules.handle))
        self._outbox.transparent = rules.transparent
        self._outbox.adapt = as_vertex if self._door.backend == VERTEX else None
        return entries

    async def _serve(self, group: asyncio.TaskGroup, setup: Setup, rules: SessionRules, entries: list[Entry]) -> None:
        """A session that has begun."""
        engine = TurnEngine(rules, entries, self._services, self._outbox, group.create_task)
        session = Session(rules, engine, self._services)
        self._spawn(group, self._age(rules))
        async for frame in self._socket:
            message = await self._take(frame, group)
            self._outbox.received += 1
            if self._grant is not None:
                self._grant.check_life()
            if self._services.quota is not None:
                self._services.quota.check_tokens()
            if message.client_content is not None:
                self._outbox.cover()
            session.obey(message)
            if session.has_video and self._histories.age.video_s is None:
                self._histories.see_picture()
                self._spawn(group, self._age(rules))
        engine.close()

    async def _take(self, frame: str | bytes, group: asyncio.TaskGroup) -> ClientMessage:
        """The message in a frame (text or binary); raises Refusal, also where a fault is to strike."""
        if self._outbox.frozen:
            await self._socket.wait_closed()
        try:
            message = parse_client_message(frame, dialect=self._dialect)
        except PayloadRefused as refused:
            # The reason quotes what the client sent: it is for the client, not for the log.
            raise Refusal(1007, refused.reason, "not a message of this protocol") from None
        members = members_of(message)
        for member in members:
            closing = self._services.faults.close_at.pop(member, None)
            if closing is not None:
                raise Refusal(closing.code, closing.reason)
        for fault in self._strikes.client_message(members):
            if fault.what == "delay":
                await asyncio.sleep(fault.for_s)
            elif fault.what == "stall":
                self._spawn(group, self._outbox.end(self._socket, fault))
            else:
                await self._outbox.end(self._socket, fault)
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
        complete = SetupComplete(session_id=str(uuid.uuid4())) if self._door.backend == VERTEX else SetupComplete()
        self._outbox.put(ServerMessage(setup_complete=complete))
        return True

    def _session_left_s(self, rules: SessionRules) -> float | None:
        """How long the session may still last; None: for ever, as one does whose context is compressed."""
        return self._histories.age.left_s(self._services.limits) if rules.compression is None else None

    async def _age(self, rules: SessionRules) -> None:
        """goAway when connection or session come near their end, and their end. Begun anew when that moves forward."""
        limits, time_s = self._services.limits, asyncio.get_running_loop().time
        ends: list[tuple[float, Refusal]] = []
        age_s = limits.connection_age_s
        if age_s is None and limits.age_by_model:
            age_s = rules.family.connection_age_s
        if age_s is not None:
            end_s = self._begun_at_s + limits.lasting(age_s + limits.go_away_s)
            ends.append((end_s, Refusal(1008, GO_AWAY_IGNORED)))
        left_s = self._session_left_s(rules)
        if left_s is not None:
            ends.append((time_s() + left_s, Refusal(1011, DEADLINE)))
        if not ends:
            return
        end_s, refusal = min(ends, key=lambda end: end[0])
        notice_s = min(limits.lasting(limits.go_away_s), max(0.0, end_s - time_s()))
        await asyncio.sleep(end_s - notice_s - time_s())
        if self._told_end_s is None or end_s < self._told_end_s:
            self._told_end_s = end_s
            self._outbox.put(ServerMessage(go_away=GoAway(time_left=duration_of(notice_s))))
        await asyncio.sleep(end_s - time_s())
        raise refusal

    async def _end(self, refusal: Refusal) -> None:
        """Send what is still queued, then the close frame."""
        log.info("closing with %d: %s", refusal.code, refusal.detail or refusal.reason)
        try:
            async with asyncio.timeout(FAREWELL_S):
                await self._outbox.flush(self._socket)
        except (TimeoutError, ConnectionClosed):
            log.debug("the client did not take the last messages")
        except Refusal as another:
            log.debug("a fault on the way out: %d", another.code)
        if refusal.code == ABORTED:
            raw = self._socket.transport.get_extra_info("socket")
            if raw is not None and not self._socket.transport.is_closing():
                raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, RESET_AT_ONCE)
            self._socket.transport.abort()
        else:
            await self._socket.close(refusal.code, refusal.reason)


def members_of(message: ClientMessage) -> list[str]:
    """What a message carries, in the wire's names: its member of the oneof, for realtimeInput its fields."""
    carried = message.realtime_input or message
    fields = type(carried).model_fields
    return [fields[name].alias or name for name in fields if getattr(carried, name)]
