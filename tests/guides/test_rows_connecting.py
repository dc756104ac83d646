"""Connecting: keys, tokens, both backends, the models there are, and what a client is told when it is not let in."""

import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from google.genai import errors, types
from live.scripted_peer import Inbox, listening
from live.scripted_peer import linked as linked_to_peer
from live_server.official import BEARER, developer, refusal_of, session_of, vertex
from live_server.peer import KEY, PATH, VERTEX_PATH, Peer
from live_server.stage import simulate

from guides.known_sentences import TIME
from guides.our_client import linked, until
from guides.talking import answer_to, speaks, talk, turn_of
from guides.ways_in import NATIVE, gateway, minted, served
from satellite.app.ask import NoAnswerError, Question, ask
from satellite.core import events as ev
from satellite.live_server.faults import Fault
from satellite.live_server.refusals import BAD_KEY, TOKEN_USED_UP
from satellite.settings import Settings

DEVELOPER_MODELS = (
    "gemini-2.0-flash-exp",
    "gemini-2.0-flash-live-001",
    "gemini-2.5-flash-preview-native-audio-dialog",
    "gemini-2.5-flash-exp-native-audio-thinking-dialog",
    "gemini-live-2.5-flash-preview",
    "gemini-2.5-flash-native-audio-preview-09-2025",
    "gemini-2.5-flash-native-audio-preview-12-2025",
    "gemini-2.5-flash-native-audio-latest",
    "gemini-3.1-flash-live-preview",
    "gemini-3.8-live",
)
VERTEX_MODELS = (
    "gemini-2.0-flash-live-preview-04-09",
    "gemini-live-2.5-flash",
    "gemini-live-2.5-flash-preview-native-audio",
    "gemini-live-2.5-flash-preview-native-audio-09-2025",
    "gemini-live-2.5-flash-native-audio",
)


def serving(script: Callable[[int], Awaitable[None]], **options: Any) -> None:
    """Run a script against a server."""

    async def main() -> None:
        async with served(**options) as (_, port):
            await script(port)

    simulate(main())


def test_row_01_connect_with_a_key_and_close() -> None:
    codes: list[int] = []

    async def script(port: int) -> None:
        async with session_of(developer(port)) as session:
            assert session.setup_complete is not None
            assert session._ws.request is not None
            assert session._ws.request.headers["x-goog-api-key"] == KEY
        async with Peer.dial(port, f"{PATH}?key={KEY}", key=None) as peer:  # as the JavaScript client does
            await peer.send(setup={"model": f"models/{NATIVE}"})
            assert await peer.receive() == {"setupComplete": {}}
        assert await refusal_of(developer(port, "wrong")) == (1007, BAD_KEY)
        async with Peer.dial(port, PATH, key=None) as peer:
            await peer.send(setup={"model": f"models/{NATIVE}"})
            code, reason = await peer.ended()
            assert (code, reason.split(" (")[0]) == (1008, "Method doesn't allow unregistered callers")

    serving(script, on_closed=codes.append)
    assert codes == [1000, 1000]


def test_row_02_connect_to_vertex_with_project_location_and_bearer() -> None:
    async def script(port: int) -> None:
        async with session_of(vertex(port)) as session:
            assert uuid.UUID(session.session_id)
            request = session._ws.request
            assert request is not None
            assert request.path.removeprefix("/") == VERTEX_PATH
            assert request.headers["Authorization"] == f"Bearer {BEARER}"
        for project in ("", "proj"):
            async with Peer.dial(port, VERTEX_PATH, None, {"Authorization": f"Bearer {BEARER}"}) as peer:
                name = f"projects/{project}/locations/us-central1/publishers/google/models/{NATIVE}"
                await peer.send(setup={"model": name})
                if project:
                    assert "setupComplete" in await peer.receive()
                else:
                    assert (await peer.ended())[0] == 1008
        code, reason = await refusal_of(vertex(port, "another-token"))
        assert (code, reason[:42]) == (1008, "Request had invalid authentication credent")

    serving(script)


def test_row_03_a_raw_websocket_client() -> None:
    """Keys in snake_case, binary frames, and a loop that knows no message without serverContent."""

    async def script(port: int) -> None:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {BEARER}"}
        async with Peer.dial(port, VERTEX_PATH, None, headers) as peer:
            setup = {
                "model": "gemini-2.0-flash-live-preview-04-09",
                "generation_config": {"response_modalities": ["AUDIO"]},
                "output_audio_transcription": {},
            }
            await peer.socket.send(json.dumps({"setup": setup}))
            first = await peer.socket.recv(decode=False)
            assert isinstance(first, bytes)
            assert "setupComplete" in json.loads(first.decode("ascii"))
            turns = [{"role": "user", "parts": [{"text": TIME}]}]
            await peer.socket.send(json.dumps({"client_content": {"turns": turns, "turn_complete": True}}))
            said, audio_bytes = "", 0
            while True:
                content = json.loads((await peer.socket.recv(decode=False)).decode())["serverContent"]
                if content.get("turnComplete"):
                    break
                for part in content.get("modelTurn", {}).get("parts", []):
                    audio_bytes += len(part["inlineData"]["data"]) * 3 // 4
                said += content.get("outputTranscription", {}).get("text", "")
            assert said == "It is five twenty, in the afternoon."
            assert audio_bytes == pytest.approx(0.3 * 48_000, abs=4)

    serving(script)


def test_row_04_the_models_of_both_guides() -> None:
    async def script(port: int) -> None:
        for client, names in ((developer(port, version="v1beta"), DEVELOPER_MODELS), (vertex(port), VERTEX_MODELS)):
            for name in names:
                async with session_of(client, model=name) as session:
                    assert session.setup_complete is not None
        code, reason = await refusal_of(developer(port, version="v1beta"), model="gemini-0.1")
        assert code == 1008
        assert reason.startswith("models/gemini-0.1 is not found for API version v1beta, or is not supported")
        assert (await refusal_of(vertex(port), model=DEVELOPER_MODELS[5]))[0] == 1008

    serving(script)


def test_row_38_one_modality_only() -> None:
    both = types.LiveConnectConfig(response_modalities=[types.Modality.AUDIO, types.Modality.TEXT])

    async def script(port: int) -> None:
        for model in (NATIVE, "gemini-live-2.5-flash-preview"):
            assert await refusal_of(developer(port), both, model) == (
                1007,
                "The requested combination of response modalities (AUDIO, TEXT) is not supported by the model.",
            )

    serving(script)
    with pytest.raises(ValueError, match=r"generation\.modality"):
        Settings.model_validate({"live": {"generation": {"modality": "audio,text"}}})


@pytest.mark.filterwarnings("ignore:The SDK's")
def test_row_39_ephemeral_tokens() -> None:
    async def script(port: int) -> None:
        token = await minted(port, uses=1)
        async with session_of(developer(port, token, "v1alpha"), speaks()) as session:
            assert session._ws.request is not None
            assert session._ws.request.path.endswith("BidiGenerateContentConstrained")
            assert (await answer_to(session, TIME)).audio
        assert await refusal_of(developer(port, token, "v1alpha")) == (1008, TOKEN_USED_UP)

        locked = types.LiveConnectConstraints(model=NATIVE, config=speaks())
        token = await minted(port, uses=0, live_connect_constraints=locked)
        bare = types.LiveConnectConfig(response_modalities=[types.Modality.AUDIO])
        async with session_of(developer(port, token, "v1alpha"), bare) as session:
            assert (await answer_to(session, TIME)).said  # the transcript is the token's wish, not the client's

        token = await minted(port, uses=1)
        async with linked(port, api_key="", token={"value": token}) as (link, events):
            link.open(1, None)
            assert isinstance(await events.get(), ev.SessionOpened)
            link.send_text(1, TIME)
            assert len(await until(events, ev.ReplyChunkReceived))
        async with linked(port, api_key="", token={"value": token}) as (link, events):
            link.open(1, None)
            refused = await events.get()
            assert isinstance(refused, ev.SessionRefused)
            assert refused.advice.startswith("The token has expired or is used up.")

    serving(script)


def test_row_45_provisioned_throughput_is_reported() -> None:
    """There is nothing to ask for: the server says by which kind of traffic a turn was served."""

    async def script(port: int) -> None:
        async with session_of(vertex(port), speaks()) as session:
            assert (await answer_to(session, TIME)).usage.traffic_type is types.TrafficType.ON_DEMAND

    serving(script)

    async def ours() -> None:
        inbox = Inbox()
        async with listening() as peer, linked_to_peer(peer.url, inbox) as link:
            link.open(1, None)
            call = await peer.answer()
            await call.accept_setup()
            usage = {"totalTokenCount": 8, "promptTokenCount": 8, "trafficType": "PROVISIONED_THROUGHPUT"}
            await call.say({"serverContent": {"turnComplete": True}, "usageMetadata": usage})
            while not isinstance(event := await inbox.next(), ev.UsageReported):
                pass
        assert event.tokens.traffic_type == "PROVISIONED_THROUGHPUT"

    simulate(ours())


def test_row_46_options_of_the_connection() -> None:
    """Base URL, version and headers of the official client; base URL and version of ours."""

    async def script(port: int) -> None:
        options = types.HttpOptions(api_version="v1alpha", headers={"x-test": "yes"})
        config = speaks(http_options=options)
        async with session_of(developer(port), config) as session:
            request = session._ws.request
            assert request is not None
            assert ".v1alpha." in request.path
            assert request.headers["x-test"] == "yes"
        async with session_of(gateway(port), speaks()) as session:
            assert session._ws.request is not None
            assert session._ws.request.path == VERTEX_PATH

    serving(script)

    async def ours() -> None:
        inbox = Inbox()
        async with listening() as peer:
            for version, path in (("", PATH), ("v1alpha", PATH.replace("v1beta", "v1alpha"))):
                async with linked_to_peer(f"{peer.url}/gateway/", inbox, api_version=version) as link:
                    link.open(1, None)
                    call = await peer.answer()
                    assert call.path == f"/gateway{path}"
                    await call.accept_setup()

    simulate(ours())


@pytest.mark.parametrize(
    ("code", "reason", "shown"),
    [
        (1007, BAD_KEY, "The Live API refused the key. Check live.api_key."),
        (1008, "models/gemini-9 is not found for API version v1beta, or is not", "does not know this model"),
        (1011, "You exceeded your current quota, please check your plan and", "The quota of the Live API is used up."),
        (1011, "Internal error encountered.", "Internal error encountered."),
    ],
)
def test_row_47_the_user_is_told_why_a_session_ended(code: int, reason: str, shown: str) -> None:
    """onopen, onmessage, onerror and onclose of the guides: our client tells it as events, and `ask` prints it."""

    async def script(port: int) -> None:
        live = {"base_url": f"http://127.0.0.1:{port}", "api_key": KEY}
        with pytest.raises(NoAnswerError) as told:
            await ask(Settings.model_validate({"live": live}), Question(text=TIME))
        assert shown in str(told.value)
        async with linked(port) as (link, events):
            link.open(1, None)
            assert isinstance(await events.get(), ev.SessionOpened)
            link.send_text(1, TIME)
            ended = await events.get()
            assert shown in (ended.advice if isinstance(ended, ev.SessionRefused) else getattr(ended, "reason", ""))
        async with talk(port) as session:
            await session.send_realtime_input(text=TIME)
            with pytest.raises(errors.APIError, match=f"^{code} None"):
                await turn_of(session)

    async def main() -> None:
        async with served() as (server, port):
            server.faults.script.append(Fault("close", member="text", code=code, reason=reason, times=0))
            await script(port)

    simulate(main())
