"""Google's own client against the server, with real ears, voice and assistant: it hears, thinks and speaks.

What the protocol can do, feature by feature and by every way in: tests/guides.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import numpy as np
from google import genai
from google.genai import types
from google.genai.live import AsyncSession
from pydantic import SecretStr

from live_server.official import MODEL, developer
from live_server.peer import KEY
from live_server.sounds import at_level, noise, pcm_of, speech
from live_server.stage import simulate
from satellite.core.pcm import CAPTURE_RATE_HZ
from satellite.live_server.server import LiveServer
from satellite.settings import ServerSettings
from satellite.speech.recogniser import Recogniser

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
SILENT_MS = 600


@asynccontextmanager
async def client_of(**options: Any) -> AsyncIterator[genai.Client]:
    """A client that dials a server which lives as long as this context."""
    server = LiveServer(ServerSettings(port=0, api_key=SecretStr(KEY)), now=lambda: TEATIME, **options)
    port = await server.start()
    try:
        yield developer(port)
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
