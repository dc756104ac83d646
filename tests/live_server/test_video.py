"""Pictures: their headers, their tokens, which of them belong to a turn, and what can truly be said of them."""

import base64
import struct
import zlib
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live_server.peer import MANUAL, Peer
from live_server.stage import ScriptedMind
from live_server.test_conversations import HALF_CASCADE, with_server
from satellite.live.messages import Blob
from satellite.live.models import Coverage
from satellite.live_server.assistant import Assistant
from satellite.live_server.pictures import Picture, look_at
from satellite.live_server.refusals import INVALID_ARGUMENT, Refusal
from satellite.live_server.seen import Seen


def jpeg(width: int, height: int, *, marker: int = 0xC0, before: bytes = b"") -> bytes:
    """The head of a JPEG: APP0, a table, the frame header, a scan."""
    app0 = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0\1\1\0\0\1\0\1\0\0"
    table = b"\xff\xdb" + struct.pack(">H", 67) + bytes(65)
    frame = bytes((0xFF, marker)) + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\1\x11\0"
    return b"\xff\xd8" + app0 + before + table + frame + b"\xff\xda\0\x08\1\1\0\0\x3f\0\x7f\xff\xd9"


def png(width: int, height: int) -> bytes:
    """A whole PNG, grey."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes((1 + width) * height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def size_of(data: bytes, kind: str = "jpeg") -> Picture:
    return look_at(Blob(data=data, mime_type=f"image/{kind}"))


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1, 65535), (768, 768)])
def test_the_size_of_a_picture_is_read_from_its_header(width: int, height: int) -> None:
    assert size_of(jpeg(width, height)) == Picture(width, height)
    assert size_of(jpeg(width, height, marker=0xC2)) == Picture(width, height)  # progressive
    assert size_of(png(width, min(height, 2000)), "png") == Picture(width, min(height, 2000))


def test_a_thumbnail_within_a_jpeg_is_not_the_picture() -> None:
    thumbnail = jpeg(160, 120)
    exif = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    assert size_of(jpeg(640, 480, before=b"\xff\xff\xff" + exif[1:])) == Picture(640, 480)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "jpeg"),
        (b"not a picture", "png"),
        (jpeg(640, 480), "png"),
        (png(64, 48), "jpeg"),
        (jpeg(640, 480)[:60], "jpeg"),
        (jpeg(0, 480), "jpeg"),
        (jpeg(640, 480, marker=0xC4), "jpeg"),
        (png(64, 48)[:20], "png"),
        (b"\x89PNG\r\n\x1a\n" + bytes(4) + b"IDAT" + bytes(20), "png"),
        (b"\xff\xd8\xff\xe0\0\0" + jpeg(640, 480)[2:], "jpeg"),
    ],
)
def test_what_is_no_picture_of_its_type_is_refused(data: bytes, kind: str) -> None:
    with pytest.raises(Refusal) as refused:
        size_of(data, kind)
    assert (refused.value.code, refused.value.reason) == (1007, INVALID_ARGUMENT)


@given(st.binary(max_size=200), st.sampled_from(["jpeg", "png"]), st.booleans())
def test_noise_is_refused_or_read_and_never_more(noise: bytes, kind: str, with_signature: bool) -> None:
    signature = {"jpeg": b"\xff\xd8\xff", "png": b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"}[kind]
    try:
        picture = size_of(signature + noise if with_signature else noise, kind)
    except Refusal:
        return
    assert picture.width > 0
    assert picture.height > 0


def frame(data: bytes, kind: str = "jpeg") -> dict[str, str]:
    return {"data": base64.b64encode(data).decode(), "mimeType": f"image/{kind}"}


def usage_after(frames: int, model: str = HALF_CASCADE, *, late: int = 0, **setup: Any) -> dict[str, int]:
    """Prompt tokens by modality of a manual turn: so many frames before its activity, and so many within it."""
    counted: dict[str, int] = {}

    async def script(port: int) -> None:
        config = MANUAL | setup.pop("realtimeInputConfig", {})
        async with Peer.open(port, model, realtimeInputConfig=config, **setup) as peer:
            for _ in range(frames):
                await peer.send_input(video=frame(jpeg(640, 480)))
            await peer.send_input(activityStart={})
            await peer.send_audio(bytes(32_000))
            for _ in range(late):
                await peer.send_input(video=frame(png(64, 48), "png"))
            await peer.send_input(activityEnd={})
            usage = (await peer.turn()).usage
            counted.update({detail["modality"]: detail["tokenCount"] for detail in usage["promptTokensDetails"]})

    with_server(script)
    return counted


def test_all_frames_since_the_last_turn_belong_to_it_or_only_those_of_its_activity() -> None:
    all_video = {"turnCoverage": "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO"}
    assert usage_after(3, late=2, realtimeInputConfig=all_video) == {"VIDEO": 5 * 258, "AUDIO": 25}
    assert usage_after(3, late=2) == {"VIDEO": 3 * 258, "AUDIO": 25}  # the latest before it, and those within
    assert usage_after(0) == {"AUDIO": 25}


@pytest.mark.parametrize(("resolution", "tokens"), [("LOW", 64), ("MEDIUM", 256), ("HIGH", 256), ("UNSPECIFIED", 258)])
def test_a_frame_counts_by_the_media_resolution(resolution: str, tokens: int) -> None:
    config = {"mediaResolution": f"MEDIA_RESOLUTION_{resolution}"}
    assert usage_after(1, generationConfig=config)["VIDEO"] == tokens


def test_what_it_sees_is_said_with_its_size() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port, outputAudioTranscription={}) as peer:
            await peer.send_input(text="What do you see?")
            assert (await peer.turn()).said == "I see nothing. No picture has come."
            await peer.send_input(video=frame(jpeg(640, 480)))
            await peer.send_input(video=frame(png(48, 64), "png"))
            await peer.send_input(text="What do you see?")
            assert (await peer.turn()).said.startswith("I see a picture of 48 by 64 pixels, tall.")
            await peer.send_input(text="What do you see?")
            assert (await peer.turn()).said == "I see nothing. No picture has come."

    with_server(script, assistant=Assistant(lambda: datetime(2026, 11, 22, 15, 45)))


def test_a_picture_in_client_content_is_counted_as_an_image() -> None:
    mind = ScriptedMind()

    async def script(port: int) -> None:
        async with Peer.open(port, HALF_CASCADE) as peer:
            audio = {"data": base64.b64encode(bytes(32_000)).decode(), "mimeType": "audio/pcm;rate=16000"}
            parts = [{"text": "look"}, {"inlineData": frame(jpeg(64, 48))}, {"inlineData": audio}]
            await peer.send(clientContent={"turns": [{"role": "user", "parts": parts}], "turnComplete": True})
            usage = (await peer.turn()).usage
            details = {detail["modality"]: detail["tokenCount"] for detail in usage["promptTokensDetails"]}
            assert details == {"TEXT": 1, "IMAGE": 258, "AUDIO": 25}

    with_server(script, assistant=mind)
    assert mind.asked == ["what time is it look"]  # its sound is heard


@pytest.mark.parametrize("how", ["video", "clientContent"])
def test_a_bad_picture_ends_the_connection(how: str) -> None:
    bad = frame(b"\xff\xd8nonsense")

    async def script(port: int) -> None:
        async with Peer.open(port, HALF_CASCADE) as peer:
            if how == "video":
                await peer.send_input(video=bad)
            else:
                await peer.send(clientContent={"turns": [{"parts": [{"inlineData": bad}]}]})
            assert await peer.ended() == (1007, INVALID_ARGUMENT)

    with_server(script)


def test_frames_that_come_too_fast_are_counted_and_noted(caplog: pytest.LogCaptureFixture) -> None:
    seen = Seen(Coverage.ALL_INPUT)
    assert not seen.ever
    with caplog.at_level("INFO"):
        for at_s in (0.0, 0.95, 1.9, 2.4, 2.8):
            seen.add(Picture(64, 48), at_s)
    assert (seen.frames, seen.too_fast, seen.ever) == (5, 2, True)
    assert [record.getMessage() for record in caplog.records] == ["pictures come faster than one a second"]
    assert seen.take() == (5, Picture(64, 48))
    assert seen.take() == (0, None)
    assert seen.ever  # the session's limit does not grow again
