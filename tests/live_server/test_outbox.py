"""The one writer: order, and what an interruption takes back."""

import json

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from live_server.stage import simulate
from satellite.live.messages import (
    ServerContent,
    ServerMessage,
    SessionResumptionUpdate,
    UsageMetadata,
    render_server_message,
)
from satellite.live_server.faults import Fault, Faults
from satellite.live_server.outbox import Outbox
from satellite.live_server.strikes import Strikes

HEARD = ServerMessage(server_content=ServerContent(waiting_for_input=True))
CHUNK = ServerMessage(server_content=ServerContent(generation_complete=True))
CUT = ServerMessage(server_content=ServerContent(interrupted=True))


COMPLETE = ServerMessage(
    server_content=ServerContent(turn_complete=True), usage_metadata=UsageMetadata(total_token_count=7)
)


def sent(outbox: Outbox) -> list[str | bytes]:
    """The frames of all that is queued."""

    async def send(socket: ServerConnection) -> None:
        await outbox.flush(socket)

    async def main() -> list[str | bytes]:
        async with serve(send, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            async with connect(f"ws://127.0.0.1:{port}", proxy=None) as socket:
                return [frame async for frame in socket]

    return simulate(main())


def test_unsent_reply_is_taken_back_and_the_rest_keeps_its_order() -> None:
    outbox = Outbox()
    outbox.put(HEARD)
    outbox.put(CHUNK, reply=True)
    outbox.put(CHUNK, reply=True)
    outbox.drop_reply()
    outbox.put(CUT)
    outbox.put(CHUNK, reply=True)
    assert sent(outbox) == [render_server_message(message) for message in (HEARD, CUT, CHUNK)]


def test_the_faults_of_a_turn_strike_in_its_messages_even_if_its_reply_was_taken_back() -> None:
    faults = Faults(script=[Fault("duplicate_turn_complete", turn=2)])
    outbox = Outbox(Strikes(faults))
    assert outbox.begin_turn() == frozenset()
    outbox.put(COMPLETE)
    outbox.put(CHUNK, reply=True)
    assert outbox.begin_turn() == {"duplicate_turn_complete"}
    outbox.drop_reply()
    outbox.put(COMPLETE)
    assert outbox.begin_turn() == frozenset()
    outbox.put(COMPLETE)
    assert sent(outbox) == [render_server_message(COMPLETE)] * 4


def test_messages_are_adapted_to_a_backend() -> None:
    outbox = Outbox()
    outbox.adapt = lambda fields: {"adapted": list(fields)}
    outbox.put(COMPLETE)
    assert sent(outbox) == [b'{\n  "adapted": [\n    "serverContent",\n    "usageMetadata"\n  ]\n}\n']


def test_a_bundle_that_is_not_full_is_sent_at_the_end() -> None:
    outbox = Outbox(Strikes(Faults(script=[Fault("bundle", count=5)])))
    outbox.put(HEARD)
    outbox.put(CHUNK)
    both = ServerContent(waiting_for_input=True, generation_complete=True)
    expected = json.loads(render_server_message(ServerMessage(server_content=both)))
    assert [json.loads(frame) for frame in sent(outbox)] == [expected]


def test_tokens_are_told_once_for_each_turn() -> None:
    told: list[int] = []
    outbox = Outbox(on_usage=told.append)
    for message in (HEARD, COMPLETE, COMPLETE):
        outbox.put(message)
    assert told == [7, 7]


def test_transparent_handles_reach_to_what_was_covered() -> None:
    outbox = Outbox()
    outbox.transparent = True
    outbox.received = 3
    outbox.begin_turn()
    outbox.received = 5
    outbox.put(ServerMessage(session_resumption_update=SessionResumptionUpdate()))
    outbox.put(ServerMessage(session_resumption_update=SessionResumptionUpdate(new_handle="h", resumable=True)))
    outbox.cover()
    outbox.put(ServerMessage(session_resumption_update=SessionResumptionUpdate(new_handle="i", resumable=True)))
    updates = [json.loads(frame)["sessionResumptionUpdate"] for frame in sent(outbox)]
    assert [update.get("lastConsumedClientMessageIndex") for update in updates] == [None, "3", "5"]
