"""Google's own client against the server, with real ears, voice and assistant: it hears, thinks and speaks."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from google import genai
from google.genai import errors, types
from google.genai.live import AsyncSession
from pydantic import SecretStr

from live_server.peer import KEY
from live_server.sounds import at_level, noise, pcm_of, speech
from live_server.stage import Ear, simulate
from satellite.core.pcm import CAPTURE_RATE_HZ
from satellite.live_server.server import LiveServer
from satellite.settings import ServerSettings
from satellite.speech.recogniser import Recogniser

MODEL = "gemini-3.8-live"
TEATIME = datetime(2026, 11, 22, 17, 20)
AUDIO = types.LiveConnectConfig(
    response_modalities=[types.Modality.AUDIO],
    input_audio_transcription=types.AudioTranscriptionConfig(),
    output_audio_transcription=types.AudioTranscriptionConfig(),
)
MANUAL = AUDIO.model_copy(
    update={
        "realtime_input_config": types.RealtimeInputConfig(
            automatic_activity_detection=types.AutomaticActivityDetection(disabled=True)
        )
    }
)
TEXT = types.LiveConnectConfig(response_modalities=[types.Modality.TEXT])
SILENT_MS = 600


@asynccontextmanager
async def client_of(key: str = KEY, version: str | None = None, **options: Any) -> AsyncIterator[genai.Client]:
    """A client that dials a server which lives as long as this context."""
    server = LiveServer(ServerSettings(port=0, api_key=SecretStr(KEY)), now=lambda: TEATIME, **options)
    port = await server.start()
    try:
        client = genai.Client(
            api_key=key, vertexai=False, http_options=types.HttpOptions(api_version=version) if version else None
        )
        # The client makes wss:// of every address and insists on TLS: both are overridden here.
        client._api_client._websocket_base_url = lambda *_, **__: f"ws://127.0.0.1:{port}/"  # type: ignore[method-assign]
        client._api_client._websocket_ssl_ctx = {}
        yield client
    finally:
        await server.close()


class Received:
    """What one `receive()` of the client yields."""

    def __init__(self) -> None:
        self.audio = b""
        self.heard = ""
        self.said = ""
        self.interrupted = False
        self.generated = False
        self.tokens = 0


async def receive_turn(session: AsyncSession) -> Received:
    """All of the next turn."""
    got = Received()
    async for message in session.receive():
        got.audio += message.data or b""
        content = message.server_content
        if content is not None:
            got.heard += (content.input_transcription and content.input_transcription.text) or ""
            got.said += (content.output_transcription and content.output_transcription.text) or ""
            got.interrupted |= bool(content.interrupted)
            got.generated |= bool(content.generation_complete)
        if message.usage_metadata is not None:
            got.tokens = message.usage_metadata.total_token_count or 0
    return got


def asked_aloud(text: str) -> bytes:
    """A question as a microphone in a quiet room hears it."""
    pause = np.zeros(CAPTURE_RATE_HZ * SILENT_MS // 1000)
    said = np.concatenate([pause, at_level(speech(text, "slt"), -25), pause])
    return pcm_of(said + noise(len(said) / CAPTURE_RATE_HZ, -55)[: len(said)])


async def stream(session: AsyncSession, pcm: bytes) -> None:
    """Send audio as fast as it goes, 100 ms at a time."""
    for begin in range(0, len(pcm), 3200):
        piece = pcm[begin : begin + 3200]
        await session.send_realtime_input(audio=types.Blob(data=piece, mime_type="audio/pcm;rate=16000"))


def tells_the_time(said: str) -> bool:
    """Whether the words hold the time of the clock that the server was given, in a form people or recognisers use."""
    forms = ("520", "five twenty", "twenty past five", "1720", "seventeen twenty")
    return any(form in re.sub(r"[^a-z0-9 ]", "", said.lower()) for form in forms)


@pytest.mark.parametrize("version", [None, "v1beta", "v1alpha"])
def test_a_text_turn(version: str | None) -> None:
    async def main() -> None:
        async with (
            client_of(version=version, recogniser=Ear()) as client,
            client.aio.live.connect(model=MODEL, config=AUDIO) as session,
        ):
            await session.send_client_content(turns={"role": "user", "parts": [{"text": "what time is it"}]})
            first = await receive_turn(session)
            await session.send_realtime_input(text="repeat after me hello there")
            second = await receive_turn(session)
        assert tells_the_time(first.said)
        assert first.generated
        assert not first.interrupted
        assert len(first.audio) > 24_000
        assert first.tokens > 0
        assert "hello there" in second.said.lower()

    simulate(main())


def test_an_audio_turn_with_automatic_detection() -> None:
    async def main() -> None:
        async with client_of() as client, client.aio.live.connect(model=MODEL, config=AUDIO) as session:
            await stream(session, asked_aloud("what time is it") + bytes(32_000))
            turn = await receive_turn(session)
        assert "time" in turn.heard.lower()
        assert tells_the_time(turn.said)

    simulate(main())


def test_an_audio_turn_with_manual_activity_is_understood_when_recognised_again() -> None:
    async def main() -> None:
        recogniser = Recogniser("whisper")
        try:
            async with (
                client_of(recogniser=recogniser) as client,
                client.aio.live.connect(model=MODEL, config=MANUAL) as session,
            ):
                await session.send_realtime_input(activity_start=types.ActivityStart())
                await stream(session, asked_aloud("what time is it"))
                await session.send_realtime_input(activity_end=types.ActivityEnd())
                turn = await receive_turn(session)
            samples = np.frombuffer(turn.audio, dtype="<i2")
            slower = np.interp(np.arange(0, len(samples), 1.5), np.arange(len(samples)), samples)
            understood = await recogniser.recognise(slower.astype("<i2").tobytes())
        finally:
            await recogniser.close()
        assert "time" in turn.heard.lower()
        assert tells_the_time(understood)

    simulate(main())


def test_an_interruption() -> None:
    async def main() -> None:
        story = "repeat after me " + "and so they went on and on " * 20
        async with client_of() as client, client.aio.live.connect(model=MODEL, config=MANUAL) as session:
            await session.send_realtime_input(text=story)
            async for message in session.receive():
                if message.data:
                    await session.send_realtime_input(activity_start=types.ActivityStart())
                    break
            cut = await receive_turn(session)
            await stream(session, asked_aloud("what time is it"))
            await session.send_realtime_input(activity_end=types.ActivityEnd())
            answer = await receive_turn(session)
        assert cut.interrupted
        assert not cut.generated
        assert tells_the_time(answer.said)

    simulate(main())


def test_a_function_of_the_client_sets_the_timer() -> None:
    timer = types.FunctionDeclaration(
        name="set_timer", parameters_json_schema={"type": "object"}, behavior=types.Behavior.BLOCKING
    )
    config = AUDIO.model_copy(update={"tools": [types.Tool(function_declarations=[timer])]})

    async def main() -> None:
        calls: list[types.FunctionCall] = []
        said = ""
        async with (
            client_of(recogniser=Ear()) as client,
            client.aio.live.connect(model=MODEL, config=config) as session,
        ):
            await session.send_realtime_input(text="set a timer for ten minutes")
            async for message in session.receive():
                if message.tool_call:
                    calls += message.tool_call.function_calls or []
                    answer = types.FunctionResponse(id=calls[0].id, name=calls[0].name, response={"output": "set"})
                    await session.send_tool_response(function_responses=answer)
                if message.server_content and message.server_content.output_transcription:
                    said += message.server_content.output_transcription.text or ""
        assert [call.name for call in calls] == ["set_timer"]
        assert (calls[0].args or {})["duration_s"] == 600
        assert "minutes" in said

    simulate(main())


def test_refusals_reach_the_client_in_words() -> None:
    async def main() -> None:
        async with client_of(key="wrong", recogniser=Ear()) as client:
            with pytest.raises(errors.APIError, match="API key not valid"):
                async with client.aio.live.connect(model=MODEL, config=AUDIO):
                    pass
        async with client_of(recogniser=Ear()) as client:
            with pytest.raises(errors.APIError, match="Cannot extract voices from a non-audio request"):
                async with client.aio.live.connect(model=MODEL, config=TEXT):
                    pass

    simulate(main())
