"""No client: a WebSocket of the library that all others use too, base64 and a fixed text around it.

The floor: what a client costs above this is its own. Downwards it parses the JSON and takes the sound out.
"""

import base64
import json

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_socket

from bench.live_clients import AUDIO_TYPE, MODEL, Answer, Link

SETUP = {
    "model": f"models/{MODEL}",
    "generationConfig": {"responseModalities": ["AUDIO"]},
    "realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}},
}


class Bare:
    """See the module."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def begin(self) -> None:
        await self._socket.send('{"realtimeInput":{"activityStart":{}}}')

    async def send(self, chunk: bytes) -> None:
        sound = base64.b64encode(chunk).decode("ascii")
        await self._socket.send(f'{{"realtimeInput":{{"audio":{{"data":"{sound}","mimeType":"{AUDIO_TYPE}"}}}}}}')

    async def end(self) -> None:
        await self._socket.send('{"realtimeInput":{"activityEnd":{}}}')

    async def answer(self) -> Answer:
        answer = Answer()
        while True:
            message = json.loads(await self._socket.recv(decode=False))
            content = message.get("serverContent", {})
            for part in content.get("modelTurn", {}).get("parts", ()):
                answer.reply_bytes += len(base64.b64decode(part["inlineData"]["data"]))
            if content.get("turnComplete"):
                counts = message["usageMetadata"]
                answer.messages = counts.get("promptTokenCount", 0)
                answer.sent_bytes = counts.get("responseTokenCount", 0)
                return answer

    async def close(self) -> None:
        await self._socket.close()


async def connect(link: Link) -> Bare:
    """Open a socket and set it up."""
    socket = await connect_socket(link.url, compression=link.compression, ping_interval=None, max_size=None, proxy=None)
    await socket.send(json.dumps({"setup": SETUP}))
    await socket.recv()
    return Bare(socket)
