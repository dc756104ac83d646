"""The other end of the benchmark: a Live server by rote, in a process of its own.

Started by bench.live_client; prints its port. It answers a setup, counts the audio messages of a turn until
activityEnd, and sends the reply as fast as it is taken. The count comes back as the prompt's token count:
whoever joined or split chunks is found out.
"""

import asyncio
import base64
import json

from websockets.asyncio.server import ServerConnection, serve

REPLY_CHUNK_BYTES = 11_520
"""240 ms, the size seen in recordings (LIVE_API.md section 3.3)."""

REPLY_CHUNKS = 42
"""10 s of reply."""


def rendered(message: dict[str, object]) -> bytes:
    """A message as Google renders it."""
    return (json.dumps(message, indent=2) + "\n").encode()


async def serve_session(socket: ServerConnection) -> None:
    """One session, until the client leaves."""
    sound = base64.b64encode(bytes(range(256)) * (REPLY_CHUNK_BYTES // 256)).decode()
    part = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": sound}}
    chunk = rendered({"serverContent": {"modelTurn": {"parts": [part]}}})
    heard = 0
    async for frame in socket:
        message = json.loads(frame)
        turn = message.get("realtimeInput") or message.get("realtime_input") or {}
        if "setup" in message:
            await socket.send(rendered({"setupComplete": {}}))
        elif "audio" in turn:
            heard += 1
        elif "activityEnd" in turn or "activity_end" in turn:
            for _ in range(REPLY_CHUNKS):
                await socket.send(chunk)
            usage = {"promptTokenCount": heard, "responseTokenCount": REPLY_CHUNKS, "totalTokenCount": heard}
            await socket.send(rendered({"serverContent": {"turnComplete": True}, "usageMetadata": usage}))
            heard = 0


async def main() -> None:
    """Serve until killed."""
    async with serve(serve_session, "127.0.0.1", 0, compression=None, ping_interval=None, max_size=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(main())
