"""The other end of the benchmark: a Live server by rote, in a process of its own.

Started by bench.live; prints its port. It is to be no bottleneck for the leanest client, so it is no WebSocket
library: it walks over frames without looking into audio, and every reply is rendered, compressed and framed once.
It answers a setup, counts the audio messages of a turn until activityEnd, and answers a turn with audio by
turnComplete alone and a turn without by 10 s of reply: up and down are measured apart. The count of messages comes back
as the prompt's tokens, their bytes as the response's: who joins, splits or shortens what is to be sent is found out.
"""

import asyncio
import base64
import hashlib
import json
import struct
import zlib
from collections.abc import Callable

from websockets.speedups import apply_mask

from bench.live_sound import speech_like

REPLY_CHUNK_BYTES = 11_520
"""240 ms, the size seen in recordings (LIVE_API 3.3)."""

REPLY_S = 10.08
"""42 chunks."""

AUDIO_MIN_BYTES = 300
"""No activity signal is as long, no audio of 20 ms as short."""

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
COMPRESSED = 0x40
MASK_BYTES = 4
DEFLATE_TAIL = b"\x00\x00\xff\xff"
WEBSOCKET_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

DEFLATE_REPLY = "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"
"""What the server of the library that every client here uses answers to such an offer."""


def rendered(message: dict[str, object]) -> bytes:
    """A message as Google renders it (LIVE_API 3)."""
    return (json.dumps(message, indent=2) + "\n").encode()


def framed(payload: bytes, *, deflate: bool, opcode: int = BINARY) -> bytes:
    """One frame of a server. Compressed on its own, without what went before: so it can be made once."""
    first = 0x80 | opcode
    if deflate:
        squeeze = zlib.compressobj(wbits=-12, memLevel=5)
        payload = (squeeze.compress(payload) + squeeze.flush(zlib.Z_SYNC_FLUSH)).removesuffix(DEFLATE_TAIL)
        first |= COMPRESSED
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, size)
    elif size < 65_536:
        head = struct.pack("!BBH", first, 126, size)
    else:
        head = struct.pack("!BBQ", first, 127, size)
    return head + payload


def reply(voice: bytes, *, deflate: bool) -> bytes:
    """All frames of a reply, 24 kHz."""
    frames = bytearray()
    for start in range(0, len(voice), REPLY_CHUNK_BYTES):
        sound = base64.b64encode(voice[start : start + REPLY_CHUNK_BYTES]).decode()
        part = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": sound}}
        frames += framed(rendered({"serverContent": {"modelTurn": {"parts": [part]}}}), deflate=deflate)
    return bytes(frames)


class Conversation(asyncio.Protocol):
    """One client, from its handshake until it leaves."""

    def __init__(self, replies: Callable[[bool], bytes]) -> None:
        self._replies = replies
        self._unread = bytearray()
        self._transport: asyncio.Transport
        self._shaken = False
        self._inflate: zlib._Decompress | None = None
        self._messages = 0
        self._sent_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take all frames that are whole."""
        self._unread += data
        if not self._shaken:
            self._shake()
            return
        place, end = 0, len(self._unread)
        while (after := self._frame(place, end)) is not None:
            place = after
        del self._unread[:place]

    def _shake(self) -> None:
        head, found, rest = bytes(self._unread).partition(b"\r\n\r\n")
        if not found:
            return
        headers = dict(line.lower().split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:])
        cased = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:])
        key = next(value for name, value in cased.items() if name.lower() == "sec-websocket-key")
        accept = base64.b64encode(hashlib.sha1(key.encode() + WEBSOCKET_KEY).digest()).decode()
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept}",
        ]
        if "permessage-deflate" in headers.get("sec-websocket-extensions", ""):
            self._inflate = zlib.decompressobj(wbits=-12)
            lines.append(f"Sec-WebSocket-Extensions: {DEFLATE_REPLY}")
        self._transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        self._shaken = True
        self._unread.clear()
        if rest:
            self.data_received(rest)

    def _frame(self, place: int, end: int) -> int | None:
        """Take the frame at `place`; where the next one begins, or None when this one is not whole."""
        if end - place < 2:
            return None
        first, size = self._unread[place], self._unread[place + 1] & 0x7F
        mask_at = place + 2
        if size >= 126:
            form, width = ("!H", 2) if size == 126 else ("!Q", 8)
            if end - mask_at < width:
                return None
            (size,) = struct.unpack_from(form, self._unread, mask_at)
            mask_at += width
        start = mask_at + MASK_BYTES
        if end < start + size:
            return None
        opcode = first & 0x0F
        if self._inflate is None and opcode in (TEXT, BINARY) and size >= AUDIO_MIN_BYTES and self._messages:
            self._count(size)
            return start + size
        payload = apply_mask(self._unread[start : start + size], self._unread[mask_at:start])
        if self._inflate is not None and first & COMPRESSED:
            payload = self._inflate.decompress(payload + DEFLATE_TAIL)
        self._take(opcode, payload)
        return start + size

    def _count(self, size: int) -> None:
        self._messages += 1
        self._sent_bytes += size

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == CLOSE:
            self._transport.write(framed(payload, deflate=False, opcode=CLOSE))
            self._transport.close()
        elif opcode == PING:
            self._transport.write(framed(payload, deflate=False, opcode=PONG))
        elif self._messages and len(payload) >= AUDIO_MIN_BYTES:
            self._count(len(payload))
        elif opcode in (TEXT, BINARY):
            self._take_message(json.loads(payload), len(payload))

    def _take_message(self, message: dict[str, dict[str, object]], size: int) -> None:
        """The setup, a signal, or the first audio of a turn."""
        said = message.get("realtimeInput") or message.get("realtime_input") or {}
        if "setup" in message:
            self._say({"setupComplete": {}})
        elif "audio" in said:
            self._count(size)
        elif "activityStart" in said or "activity_start" in said:
            self._messages = self._sent_bytes = 0
        elif "activityEnd" in said or "activity_end" in said:
            if not self._messages:
                self._transport.write(self._replies(self._inflate is not None))
            counts = {
                "promptTokenCount": self._messages,
                "responseTokenCount": self._sent_bytes,
                "totalTokenCount": self._messages + self._sent_bytes,
            }
            self._messages = self._sent_bytes = 0
            self._say({"serverContent": {"turnComplete": True}, "usageMetadata": counts})

    def _say(self, message: dict[str, object]) -> None:
        self._transport.write(framed(rendered(message), deflate=self._inflate is not None))


async def main() -> None:
    """Serve until killed."""
    voice = speech_like(REPLY_S, 24_000)
    made = {deflate: reply(voice, deflate=deflate) for deflate in (False, True)}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Conversation(made.__getitem__), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
