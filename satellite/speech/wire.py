"""Messages between the recogniser and its process, over one socket: kind (1 byte), length (4 bytes), payload.

Both ends use this module and nothing else; whoever adds a kind handles it at the other end too. Blocking:
the asyncio side calls it in a thread, because time that passes in the other process must not be
mistaken for idleness of the loop.
"""

import socket
import struct
import time
from collections.abc import Callable

RECOGNISE = b"R"
"""To the process: 16 kHz s16le mono, empty allowed."""

READY = b"L"
"""From the process, once: the model is loaded. No payload."""

TEXT = b"T"
"""From the process: what was said, UTF-8."""

FAILED = b"E"
"""From the process: one line for the user, UTF-8. Before READY the process ends with it."""

LONGEST_BYTES = 1 << 26
"""A longer payload (35 minutes of sound) is a fault of the other end."""

_HEAD = struct.Struct("!cI")


def send(link: socket.socket, kind: bytes, payload: bytes = b"") -> None:
    """Write one message. Raises OSError, TimeoutError among them."""
    link.sendall(_HEAD.pack(kind, len(payload)) + payload)


def receive(link: socket.socket, patience_s: float | None = None) -> tuple[bytes, bytes]:
    """Read one message within `patience_s` real seconds (None: for ever).

    Raises TimeoutError, EOFError when the other end has gone, other OSErrors, ValueError for a length out of range.
    """
    left_s = _countdown(patience_s)
    kind, size = _HEAD.unpack(_read(link, _HEAD.size, left_s))
    if size > LONGEST_BYTES:
        raise ValueError(f"a message of {size} bytes")
    return kind, _read(link, size, left_s)


def _countdown(patience_s: float | None) -> Callable[[], float | None]:
    """A function that says how much of the patience is left; it raises TimeoutError when there is none."""
    if patience_s is None:
        return lambda: None
    end_s = time.monotonic() + patience_s

    def left_s() -> float:
        left = end_s - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    return left_s


def _read(link: socket.socket, size: int, left_s: Callable[[], float | None]) -> bytes:
    data = bytearray()
    while len(data) < size:
        link.settimeout(left_s())
        piece = link.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)
