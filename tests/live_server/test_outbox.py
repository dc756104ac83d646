"""The one writer: order, and what an interruption takes back."""

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from live_server.stage import simulate
from satellite.live.messages import ServerContent, ServerMessage, render_server_message
from satellite.live_server.outbox import Outbox

HEARD = ServerMessage(server_content=ServerContent(waiting_for_input=True))
CHUNK = ServerMessage(server_content=ServerContent(generation_complete=True))
CUT = ServerMessage(server_content=ServerContent(interrupted=True))


def test_unsent_reply_is_taken_back_and_the_rest_keeps_its_order() -> None:
    outbox = Outbox()
    outbox.put(HEARD)
    outbox.put(CHUNK, reply=True)
    outbox.put(CHUNK, reply=True)
    outbox.drop_reply()
    outbox.put(CUT)
    outbox.put(CHUNK, reply=True)

    async def send(socket: ServerConnection) -> None:
        await outbox.flush(socket)

    async def main() -> list[str | bytes]:
        async with serve(send, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            async with connect(f"ws://127.0.0.1:{port}", proxy=None) as socket:
                return [frame async for frame in socket]

    assert simulate(main()) == [render_server_message(message) for message in (HEARD, CUT, CHUNK)]
