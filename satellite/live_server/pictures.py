"""Pictures as a client sends them: their headers checked, their size read, their tokens counted. Pure.

What is in a picture the assistant cannot see; its size is what it can truly tell (LIVE_API 2.3).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from satellite.live.messages import Blob
from satellite.live_server.refusals import invalid_argument

FRAME_TOKENS = {"": 258, "low": 64, "medium": 256, "high": 256}
"""Tokens of one picture by mediaResolution: 64 and 256 are the API reference's words for the enum, 258 per frame is the
documented rate without one; that the Live API counts its frames so is inferred."""

FRAME_PAUSE_S = 1.0
"""The API takes at most one frame a second; more are taken here, too, and noted in the log (LIVE_API 2.3)."""

FRAME_EARLY_S = 0.1
"""So much sooner than a second a frame may come: a client's clock and the network are not ours."""

LARGEST_SIDE_PIXELS = 65_535
"""What both headers can say of a JPEG; a larger PNG is no frame of a video."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF0 to SOF15 without the tables and the extension among them."""
_JPEG_WITHOUT_LENGTH = frozenset(range(0xD0, 0xD9)) | {0x01}


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known of a picture, in pixels."""

    width: int
    height: int


def look_at(blob: Blob) -> Picture:
    """The picture in a blob of image/jpeg or image/png; raises Refusal if it is none, or not of its type."""
    size = {"image/jpeg": _jpeg_size, "image/png": _png_size}[blob.mime_type](blob.data)
    if size is None or not all(0 < side <= LARGEST_SIDE_PIXELS for side in size):
        raise invalid_argument(f"not a picture of type {blob.mime_type}")
    return Picture(*size)


def is_picture(blob: Blob) -> bool:
    """Whether the type of a blob is one that `look_at` reads."""
    return blob.mime_type in ("image/jpeg", "image/png")


def described(picture: Picture) -> str:
    """What the assistant says when it is asked what it sees."""
    shape = "a square one" if picture.width == picture.height else "wide" if picture.width > picture.height else "tall"
    size = f"{picture.width} by {picture.height} pixels"
    return f"I see a picture of {size}, {shape}. What it shows, I cannot tell."


def _png_size(data: bytes) -> tuple[int, int] | None:
    """Width and height from IHDR, which is always the first chunk."""
    if len(data) < 24 or not data.startswith(_PNG_SIGNATURE) or data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height from the frame header, the first of its kind before the picture itself."""
    if not data.startswith(b"\xff\xd8"):
        return None
    for marker, segment in _segments(data):
        if marker in _JPEG_FRAME_HEADERS:
            if len(segment) < 5:
                return None
            height, width = struct.unpack(">HH", segment[1:5])
            return width, height
    return None


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and contents of each segment up to the start of the scan; ends early where the bytes make no sense."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
        elif marker in _JPEG_WITHOUT_LENGTH:
            at += 2
        elif marker in (0xD9, 0xDA):
            return
        else:
            length = int.from_bytes(data[at + 2 : at + 4], "big")
            yield marker, data[at + 4 : at + 2 + length]
            at += 2 + length
