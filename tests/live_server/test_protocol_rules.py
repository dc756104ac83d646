"""What ends a connection and in which words, and what is taken: raw frames against a real server."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from live_server.peer import KEY, MANUAL, MODEL, PATH, PICTURE, Peer, running
from live_server.stage import Ear, Mouth, simulate
from satellite.live_server.faults import Closing, Faults
from satellite.live_server.refusals import (
    BAD_KEY,
    EXPLICIT_ACTIVITY,
    INTERNAL,
    INVALID_ARGUMENT,
    MEDIA_CHUNKS,
    PRECONDITION,
    SETUP_ONCE,
)

SPEECH = b"\x10\x00" * 8000
BLOB = {"data": base64.b64encode(SPEECH).decode(), "mimeType": "audio/pcm;rate=16000"}
HALF_CASCADE = "models/gemini-live-2.5-flash-preview"


def with_server(script: Callable[[int], Awaitable[None]], **options: Any) -> None:
    """Run a script against a server's port."""

    async def main() -> None:
        async with running(**options) as (_, port):
            await script(port)

    simulate(main())


def end_after(*messages: dict[str, Any] | str | bytes, **setup: Any) -> tuple[int, str]:
    """How the server ends a connection on which this is sent after the setup."""
    ended: list[tuple[int, str]] = []

    async def script(port: int) -> None:
        async with Peer.open(port, **setup) as peer:
            for message in messages:
                await peer.socket.send(json.dumps(message) if isinstance(message, dict) else message)
            ended.append(await peer.ended())

    with_server(script)
    return ended[0]


# ---------------------------------------------------------------- the door


@pytest.mark.parametrize("version", ["v1beta", "v1alpha", "v1"])
@pytest.mark.parametrize("slashes", ["/", "//", "///"])
def test_all_versions_and_repeated_slashes_are_let_in(version: str, slashes: str) -> None:
    path = f"{slashes}ws{slashes}google.ai.generativelanguage.{version}.GenerativeService.BidiGenerateContent"

    async def script(port: int) -> None:
        async with Peer.dial(port, path) as peer:
            await peer.send(setup={"model": MODEL})
            assert await peer.receive() == {"setupComplete": {}}

    with_server(script)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/ws",
        PATH + "Unconstrained",
        PATH.replace("v1beta", "v2"),
        "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService",
    ],
)
def test_other_paths_are_not_found(path: str) -> None:
    async def script(port: int) -> None:
        with pytest.raises(InvalidStatus) as refused:
            async with Peer.dial(port, path):
                pass
        assert refused.value.response.status_code == 404

    with_server(script)


@pytest.mark.parametrize(
    ("path", "key"), [(PATH, KEY), (f"{PATH}?key={KEY}", None), (f"{PATH}?alt=ws&key={KEY}", "wrong")]
)
def test_the_key_may_stand_in_the_query_or_in_a_header(path: str, key: str | None) -> None:
    async def script(port: int) -> None:
        async with Peer.dial(port, path, key) as peer:
            await peer.send(setup={"model": MODEL})
            assert await peer.receive() == {"setupComplete": {}}

    with_server(script)


@pytest.mark.parametrize(("path", "key"), [(PATH, "wrong"), (f"{PATH}?key=wrong", None), (f"{PATH}?key=x", KEY)])
def test_a_wrong_key_is_told_after_the_upgrade(path: str, key: str | None) -> None:
    async def script(port: int) -> None:
        async with Peer.dial(port, path, key) as peer:
            assert await peer.ended() == (1007, BAD_KEY)

    with_server(script)


def test_without_a_key_the_caller_is_unregistered() -> None:
    async def script(port: int) -> None:
        async with Peer.dial(port, key=None) as peer:
            code, reason = await peer.ended()
        assert code == 1008
        assert reason.startswith("Method doesn't allow unregistered callers (callers without established identity).")

    with_server(script)


def test_keys_do_not_reach_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def script(port: int) -> None:
        async with Peer.dial(port, f"{PATH}?key=a-wrong-secret", None) as peer:
            await peer.ended()

    with caplog.at_level("DEBUG"):
        with_server(script)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("satellite")]
    assert ours
    assert not [line for line in ours if "a-wrong-secret" in line or KEY in line]


# ---------------------------------------------------------------- setup


def test_setup_comes_first() -> None:
    async def script(port: int) -> None:
        async with Peer.dial(port) as peer:
            await peer.send_audio(SPEECH)
            assert await peer.ended() == (1007, SETUP_ONCE)

    with_server(script)


def test_setup_comes_once() -> None:
    assert end_after({"setup": {"model": MODEL}}) == (1007, SETUP_ONCE)


def test_a_refused_setup() -> None:
    async def script(port: int) -> None:
        async with Peer.dial(port) as peer:
            await peer.send(setup={"model": MODEL, "generationConfig": {"thinkingConfig": {}}})
            assert await peer.ended() == (1007, INVALID_ARGUMENT)
        async with Peer.dial(port) as peer:
            await peer.send(setup={"model": "models/none"})
            code, reason = await peer.ended()
            assert (code, reason[:26]) == (1008, "models/none is not found f")

    with_server(script)


# ---------------------------------------------------------------- the shape of messages


def test_unknown_names_are_refused_by_name() -> None:
    code, reason = end_after({"realtimeInput": {"colour": "blue"}})
    assert code == 1007
    assert reason == "Invalid JSON payload received. Unknown name \"colour\" at 'realtime_input': Cannot find field."


@pytest.mark.parametrize(
    "message",
    [
        "not json",
        "[]",
        b"\xff\xfe",
        {"realtimeInput": {"audio": {"data": "A", "mimeType": "audio/pcm"}}},
        {"clientContent": {"turnComplete": "true"}},
        {"clientContent": {}, "realtimeInput": {}},
    ],
    ids=["text", "list", "bytes", "base64", "bool", "oneof"],
)
def test_what_is_no_message_is_refused(message: dict[str, Any] | str | bytes) -> None:
    code, reason = end_after(message)
    assert code == 1007
    assert reason.startswith("Invalid ")


def test_a_message_without_content_is_refused() -> None:
    assert end_after({}) == (1007, INVALID_ARGUMENT)


def test_null_members_do_not_count() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port) as peer:
            await peer.send(clientContent=None, toolResponse=None, realtimeInput={"text": "hello"})
            assert (await peer.turn()).audio

    with_server(script)


@pytest.mark.parametrize("as_bytes", [False, True])
def test_both_spellings_both_alphabets_text_and_binary(as_bytes: bool) -> None:
    sound = bytes(range(248, 256)) * 1001 + b"\xfb\xff"
    heard: list[bytes] = []

    async def script(port: int) -> None:
        async with Peer.dial(port) as peer:
            config = {"automatic_activity_detection": {"disabled": True}}
            messages: list[dict[str, Any]] = [
                {"setup": {"model": MODEL, "realtime_input_config": config, "inputAudioTranscription": {}}},
                {"realtime_input": {"activity_start": {}}},
                {"realtimeInput": {"audio": {"data": base64.b64encode(sound).decode(), "mimeType": "audio/pcm"}}},
                {
                    "realtime_input": {
                        "audio": {
                            "data": base64.urlsafe_b64encode(sound).decode().rstrip("="),
                            "mime_type": "audio/pcm",
                        }
                    }
                },
                {"realtime_input": {"activityEnd": {}}},
            ]
            for message in messages:
                text = json.dumps(message)
                await peer.socket.send(text.encode() if as_bytes else text)
            await peer.receive()
            assert (await peer.turn()).heard == "what time is it"

    with_server(script, on_utterance=heard.append)
    assert heard == [sound + sound]


# ---------------------------------------------------------------- what may be sent when


@pytest.mark.parametrize("signal", ["activityStart", "activityEnd"])
def test_activity_signals_need_automatic_detection_off(signal: str) -> None:
    assert end_after({"realtimeInput": {signal: {}}}) == (1007, EXPLICIT_ACTIVITY)


def test_audio_stream_end_needs_automatic_detection_on() -> None:
    message = {"realtimeInput": {"audioStreamEnd": True}}
    assert end_after(message, realtimeInputConfig=MANUAL) == (1007, INVALID_ARGUMENT)


def test_an_empty_activity_fails_the_precondition() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port, realtimeInputConfig=MANUAL) as peer:
            await peer.send_audio(SPEECH)
            await peer.send_input(activityStart={})
            await peer.send_input(activityEnd={})
            assert await peer.receive() == {"serverContent": {"turnComplete": True}}
            assert await peer.ended() == (1007, PRECONDITION)

    with_server(script)


def test_media_chunks_are_refused_by_new_models_and_taken_by_old_ones() -> None:
    assert end_after({"realtimeInput": {"mediaChunks": [BLOB]}}) == (1007, MEDIA_CHUNKS)
    heard: list[bytes] = []

    async def script(port: int) -> None:
        async with Peer.open(port, HALF_CASCADE, realtimeInputConfig=MANUAL) as peer:
            await peer.send_input(activityStart={})
            await peer.send_input(mediaChunks=[BLOB, BLOB])
            await peer.send_input(activityEnd={})
            await peer.turn()

    with_server(script, on_utterance=heard.append)
    assert heard == [SPEECH]


@pytest.mark.parametrize(
    "message",
    [
        {"realtimeInput": {"audio": {"data": "AAAA", "mimeType": "audio/ogg"}}},
        {"realtimeInput": {"video": {"data": "AAAA", "mimeType": "video/mp4"}}},
        {"toolResponse": {"functionResponses": [{"name": "f", "response": {}}]}},
        {"clientContent": {"turns": [{"role": "system", "parts": [{"text": "x"}]}]}},
    ],
    ids=["audio type", "video type", "call without id", "role"],
)
def test_invalid_arguments(message: dict[str, Any]) -> None:
    assert end_after(message) == (1007, INVALID_ARGUMENT)


def test_pictures_are_taken() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port) as peer:
            await peer.send_input(video=PICTURE)
            await peer.send_input(text="hello")
            assert (await peer.turn()).audio

    with_server(script)


# ---------------------------------------------------------------- its end, and faults


def test_a_connection_that_is_old_is_told_to_go_away_and_then_closed() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port) as peer:
            assert await peer.receive() == {"goAway": {"timeLeft": "50s"}}
            code, reason = await peer.ended()
            assert code == 1008
            assert reason.startswith("Connection aborted because the client failed to close the connection after")
            assert asyncio.get_running_loop().time() >= 540 + 50

    with_server(script, connection_age_s=540.0, go_away_s=50.0)


def test_nothing_is_left_of_a_connection_that_the_client_closed() -> None:
    async def main() -> float:
        async with running(voice=Mouth(600.0), connection_age_s=540.0) as (_, port), Peer.open(port) as peer:
            await peer.send_input(text="hello")
            await peer.receive()
        return asyncio.get_running_loop().time()

    assert simulate(main()) < 10


def test_closing_the_server_ends_its_connections() -> None:
    async def main() -> None:
        async with running(voice=Mouth(30.0)) as (server, port), Peer.open(port) as peer:
            await peer.send_input(text="hello")
            while "serverContent" not in await peer.receive():
                continue
            closing = asyncio.ensure_future(server.close())
            assert (await peer.ended())[0] == 1001
            await closing

    simulate(main())


def test_a_broken_recogniser_is_an_internal_error() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port, realtimeInputConfig=MANUAL) as peer:
            await peer.send_input(activityStart={})
            await peer.send_audio(SPEECH)
            await peer.send_input(activityEnd={})
            assert await peer.ended() == (1011, INTERNAL)

    with_server(script, recogniser=Ear(broken=True))


@pytest.mark.parametrize("closing", [Closing(1011, INTERNAL), Closing(1006)], ids=["1011", "abort"])
def test_fault_close_at_a_message(closing: Closing) -> None:
    async def script(port: int) -> None:
        async with Peer.open(port, realtimeInputConfig=MANUAL) as peer:
            await peer.send_input(activityStart={})
            assert await peer.ended() == (closing.code, closing.reason)
        async with Peer.open(port, realtimeInputConfig=MANUAL) as peer:
            await peer.send_input(activityStart={}, text="hello", activityEnd={})
            assert (await peer.turn()).audio

    with_server(script, faults=Faults(close_at={"activityStart": closing}))


def test_fault_close_after_chunks() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port) as peer:
            await peer.send_input(text="hello")
            sounds = [await peer.receive(), await peer.receive()]
            assert all("modelTurn" in message["serverContent"] for message in sounds)
            assert await peer.ended() == (1011, "Gone.")

    with_server(script, faults=Faults(close_after_chunks=(2, Closing(1011, "Gone."))))


def test_fault_setup_is_answered_late_or_never() -> None:
    faults = Faults(never_answer_setup=True)

    async def script(port: int) -> None:
        async with Peer.dial(port) as peer:
            await peer.send(setup={"model": MODEL})
        faults.never_answer_setup = False
        faults.setup_delay_s = 0.01
        async with Peer.open(port) as peer:
            await peer.send_input(text="hello")
            assert (await peer.turn()).audio

    with_server(script, faults=faults)
