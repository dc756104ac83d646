"""Vertex AI's dialect: path, credentials, names of models, and what its messages call things."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from google.genai import types
from websockets.exceptions import InvalidStatus

from live_server.official import BEARER, ending_of, express, refusal_of, session_of, vertex
from live_server.peer import KEY, MODEL, PATH, VERTEX_PATH, Peer, running
from live_server.stage import simulate
from satellite.live_server.bundles import Fields
from satellite.live_server.refusals import BAD_BEARER, BAD_KEY, NO_BEARER, cut_to_fit
from satellite.live_server.vertex import as_vertex

BARE = "gemini-3.8-live"
FULL = f"projects/proj/locations/us-central1/publishers/google/models/{BARE}"
BEARER_HEADER = {"Authorization": f"Bearer {BEARER}"}


def serving(script: Callable[[int], Awaitable[None]], **settings: Any) -> None:
    """Run a script against a server with a key and a token of its own."""

    async def main() -> None:
        async with running({"bearer_token": BEARER} | settings) as (_, port):
            await script(port)

    simulate(main())


# ---------------------------------------------------------------- the way in


@pytest.mark.parametrize("version", ["v1beta1", "v1"])
@pytest.mark.parametrize("model", [BARE, f"publishers/google/models/{BARE}", FULL])
@pytest.mark.parametrize("headers", [BEARER_HEADER, {"x-goog-api-key": KEY}], ids=["bearer", "express"])
def test_all_forms_are_let_in(version: str, model: str, headers: dict[str, str]) -> None:
    async def script(port: int) -> None:
        path = "/" + VERTEX_PATH.replace("v1beta1", version)
        async with Peer.dial(port, path, None, headers) as peer:
            await peer.send(setup={"model": model})
            complete = await peer.receive()
            assert list(complete) == ["setupComplete"]
            assert uuid.UUID(complete["setupComplete"]["sessionId"])

    serving(script)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (1008, cut_to_fit(NO_BEARER))),
        ({"Authorization": "Bearer another-token"}, (1008, cut_to_fit(BAD_BEARER))),
        ({"Authorization": f"Basic {BEARER}"}, (1008, cut_to_fit(BAD_BEARER))),
        ({"Authorization": "Bearer"}, (1008, cut_to_fit(BAD_BEARER))),
        ({"x-goog-api-key": "wrong"}, (1007, BAD_KEY)),
    ],
    ids=["nothing", "token", "scheme", "empty", "key"],
)
def test_who_shows_nothing_or_the_wrong_thing_is_told_after_the_upgrade(
    headers: dict[str, str], expected: tuple[int, str]
) -> None:
    async def script(port: int) -> None:
        async with Peer.dial(port, VERTEX_PATH, None, headers) as peer:
            await peer.send(setup={"model": BARE})
            assert await peer.ended() == expected

    serving(script)


def test_any_token_will_do_where_none_is_set_but_some_there_must_be() -> None:
    async def script(port: int) -> None:
        async with Peer.dial(port, VERTEX_PATH, None, {"Authorization": "Bearer anything"}) as peer:
            await peer.send(setup={"model": BARE})
            assert "setupComplete" in await peer.receive()
        async with Peer.dial(port, VERTEX_PATH, None, {"Authorization": "Bearer "}) as peer:
            await peer.send(setup={"model": BARE})
            assert (await peer.ended())[0] == 1008

    serving(script, bearer_token="")


@pytest.mark.parametrize(
    "path",
    [
        VERTEX_PATH.replace("v1beta1", "v1beta"),
        VERTEX_PATH + "Constrained",
        VERTEX_PATH.replace("Service/Bidi", "Service.Bidi"),
        PATH.replace("Service.Bidi", "Service/Bidi"),
    ],
)
def test_other_paths_are_not_found(path: str) -> None:
    async def script(port: int) -> None:
        with pytest.raises(InvalidStatus) as refused:
            async with Peer.dial(port, path, None, BEARER_HEADER):
                pass
        assert refused.value.response.status_code == 404

    serving(script)


@pytest.mark.parametrize(
    ("path", "model"),
    [(VERTEX_PATH, MODEL), (PATH, FULL), (PATH, BARE), (VERTEX_PATH, "projects/p/locations/l/models/x")],
)
def test_the_name_of_one_backend_is_not_found_on_the_other(path: str, model: str) -> None:
    async def script(port: int) -> None:
        async with Peer.dial(port, path) as peer:
            await peer.send(setup={"model": model})
            code, reason = await peer.ended()
        assert code == 1008
        assert "is not found" in reason

    serving(script)


def test_each_backend_has_fields_that_the_other_does_not_know() -> None:
    named = {"audio": {"data": "AAAA", "mimeType": "audio/pcm", "displayName": "voice"}}

    async def script(port: int) -> None:
        async with Peer.dial(port, VERTEX_PATH) as peer:
            await peer.send(setup={"model": BARE})
            await peer.receive()
            await peer.send_input(**named)
            await peer.send_input(text="hello")
            assert (await peer.turn()).audio
        async with Peer.open(port) as peer:
            await peer.send_input(**named)
            code, reason = await peer.ended()
        assert (code, 'Unknown name "displayName"' in reason) == (1007, True)

    serving(script)


# ---------------------------------------------------------------- what it says


def test_usage_names_candidates_and_traffic_and_turns_have_a_role() -> None:
    async def script(port: int) -> None:
        async with Peer.dial(port, VERTEX_PATH) as peer:
            await peer.send(setup={"model": BARE})
            await peer.receive()
            await peer.send_input(text="hello")
            turn = await peer.turn()
        assert turn.usage["trafficType"] == "ON_DEMAND"
        assert turn.usage["candidatesTokenCount"] > 0
        assert turn.usage["candidatesTokensDetails"]
        assert not [name for name in turn.usage if name.startswith("response")]
        spoken = [m["serverContent"]["modelTurn"] for m in turn.messages if "modelTurn" in m["serverContent"]]
        assert {each["role"] for each in spoken} == {"model"}

    serving(script)


def test_on_the_developer_api_nothing_of_that() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port) as peer:
            await peer.send_input(text="hello")
            turn = await peer.turn()
        assert turn.usage["responseTokenCount"] > 0
        assert "trafficType" not in turn.usage
        assert "role" not in json.dumps(turn.messages)

    serving(script)


def test_only_what_differs_is_rewritten() -> None:
    fields: Fields = {
        "usageMetadata": {"responseTokenCount": 1, "serviceTier": "STANDARD", "totalTokenCount": 3},
        "toolCall": {},
    }
    assert as_vertex(fields) == {
        "usageMetadata": {"trafficType": "ON_DEMAND", "candidatesTokenCount": 1, "totalTokenCount": 3},
        "toolCall": {},
    }
    assert "serviceTier" in fields["usageMetadata"]


def test_the_raw_sample_of_the_guide() -> None:
    """Its client: snake_case, first reply decoded as ASCII, and a loop that ends at a message without serverContent."""

    async def script(port: int) -> None:
        headers = BEARER_HEADER | {"Content-Type": "application/json"}
        async with Peer.dial(port, VERTEX_PATH, None, headers) as peer:
            config = {"response_modalities": ["audio".upper()]}
            setup = {"model": FULL, "generation_config": config, "input_audio_transcription": {}}
            await peer.socket.send(json.dumps({"setup": setup}))
            assert "setupComplete" in json.loads((await peer.socket.recv(decode=False)).decode("ascii"))
            turns = [{"role": "user", "parts": [{"text": "Hello? Gemini are you there?"}]}]
            await peer.socket.send(json.dumps({"client_content": {"turns": turns, "turn_complete": True}}))
            audio = 0
            while True:
                message = json.loads((await peer.socket.recv(decode=False)).decode())
                content = message["serverContent"]
                if content.get("turnComplete"):
                    break
                for part in content.get("modelTurn", {}).get("parts", []):
                    audio += len(part["inlineData"]["data"])
            assert audio > 10_000

    serving(script)


# ---------------------------------------------------------------- the official client


@pytest.mark.parametrize("dialect", ["bearer", "express"])
def test_the_official_client_holds_a_turn(dialect: str) -> None:
    async def script(port: int) -> None:
        client = vertex(port) if dialect == "bearer" else express(port)
        async with session_of(client) as session:
            await session.send_client_content(turns=types.Content(role="user", parts=[types.Part(text="hello")]))
            messages = [message async for message in session.receive()]
            assert sum(len(message.data or b"") for message in messages) == int(0.3 * 48_000)
            usage = messages[-1].usage_metadata
            assert usage is not None
            assert usage.traffic_type is types.TrafficType.ON_DEMAND
            assert usage.response_token_count

    serving(script)


def test_the_official_client_is_told_what_is_wrong() -> None:
    async def script(port: int) -> None:
        assert await refusal_of(vertex(port, "another-token")) == (1008, cut_to_fit(BAD_BEARER))
        assert await refusal_of(express(port, "wrong")) == (1007, BAD_KEY)
        code, reason = await refusal_of(vertex(port), model="gemini-0.1")
        assert code == 1008
        assert "not found" in reason

    serving(script)


def test_a_handle_of_the_official_client_says_how_far_it_reaches() -> None:
    config = types.LiveConnectConfig(
        response_modalities=[types.Modality.AUDIO],
        session_resumption=types.SessionResumptionConfig(transparent=True),
    )

    async def script(port: int) -> None:
        async with session_of(vertex(port), config) as session:
            await session.send_realtime_input(text="hello")
            async for _ in session.receive():
                pass
            async with asyncio.timeout(10):
                update = (await session._receive()).session_resumption_update
            assert update is not None
            assert update.last_consumed_client_message_index == 1
            await session.close()
        async with session_of(vertex(port)) as session:
            await session.close()
            assert (await ending_of(session))[0] == 1000

    serving(script)
