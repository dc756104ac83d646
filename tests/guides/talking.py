"""What a user of Google's own client does in a session: send speech, read a turn, come back later."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from google.genai import types
from google.genai.live import AsyncSession
from live_server.official import developer, session_of

from satellite.core.pcm import CAPTURE_RATE_HZ, FRAME_BYTES, FRAME_MS

PATIENCE_S = 7200.0
"""Simulated seconds after which a test fails."""

START, END = types.ActivityStart(), types.ActivityEnd()
DISABLED = types.RealtimeInputConfig(automatic_activity_detection=types.AutomaticActivityDetection(disabled=True))
BOTH_TRANSCRIPTS: dict[str, Any] = {
    "input_audio_transcription": types.AudioTranscriptionConfig(),
    "output_audio_transcription": types.AudioTranscriptionConfig(),
}


def speaks(**more: Any) -> types.LiveConnectConfig:
    """A session that answers in sound, with both transcripts."""
    return types.LiveConnectConfig(response_modalities=[types.Modality.AUDIO], **(BOTH_TRANSCRIPTS | more))


def writes(**more: Any) -> types.LiveConnectConfig:
    """A session that answers in text."""
    return types.LiveConnectConfig(response_modalities=[types.Modality.TEXT], **more)


def user(text: str) -> types.Content | types.ContentDict:
    """A contribution of the user's."""
    return types.Content(role="user", parts=[types.Part(text=text)])


def model(text: str) -> types.Content | types.ContentDict:
    """A contribution of the model's."""
    return types.Content(role="model", parts=[types.Part(text=text)])


def pcm(data: bytes, rate_hz: int = CAPTURE_RATE_HZ) -> types.Blob:
    """Sound as a blob."""
    return types.Blob(data=data, mime_type=f"audio/pcm;rate={rate_hz}")


class Turn:
    """What `receive()` of the client yields in one turn."""

    def __init__(self) -> None:
        self.messages: list[types.LiveServerMessage] = []
        self.audio = b""
        self.text = ""
        self.thoughts = ""
        self.heard = ""
        self.said = ""
        self.order: list[str] = []
        """The flags and kinds of content, in the order of their coming, runs as one."""
        self.calls: list[types.FunctionCall] = []
        self.usage = types.UsageMetadata()

    def take(self, message: types.LiveServerMessage) -> None:
        """One message more."""
        self.messages.append(message)
        if message.usage_metadata is not None:
            self.usage = message.usage_metadata
        if message.tool_call is not None:
            self.calls += message.tool_call.function_calls or []
        content = message.server_content
        if content is None:
            return
        for part in (content.model_turn.parts or []) if content.model_turn else []:
            if part.inline_data is not None:
                self.audio += part.inline_data.data or b""
                self._note("audio")
            elif part.thought:
                self.thoughts += part.text or ""
                self._note("thought")
            elif part.text:
                self.text += part.text
                self._note("text")
        if content.input_transcription is not None:
            self.heard += content.input_transcription.text or ""
        if content.output_transcription is not None:
            self.said += content.output_transcription.text or ""
            self._note("said")
        for flag in ("interrupted", "generation_complete", "turn_complete"):
            if getattr(content, flag):
                self._note(flag)

    def _note(self, name: str) -> None:
        if self.order[-1:] != [name]:
            self.order.append(name)

    @property
    def prompt(self) -> dict[str, int]:
        """Tokens of the prompt by modality."""
        return _by_modality(self.usage.prompt_tokens_details)

    @property
    def response(self) -> dict[str, int]:
        """Tokens of the reply by modality."""
        return _by_modality(self.usage.response_tokens_details)


def _by_modality(details: list[types.ModalityTokenCount] | None) -> dict[str, int]:
    return {str(each.modality.value): each.token_count or 0 for each in details or [] if each.modality}


async def turn_of(session: AsyncSession) -> Turn:
    """All of the next turn."""
    turn = Turn()
    async with asyncio.timeout(PATIENCE_S):
        async for message in session.receive():
            turn.take(message)
    return turn


async def answer_to(session: AsyncSession, text: str) -> Turn:
    """Say it in writing, and read the answer."""
    await session.send_client_content(turns=user(text))
    return await turn_of(session)


async def stream(session: AsyncSession, sound: bytes, *, paced: bool = False) -> None:
    """Send sound like a microphone: `paced` 20 ms at a time in real time, else 100 ms at a time as fast as it goes."""
    size_bytes = FRAME_BYTES if paced else 5 * FRAME_BYTES
    for begin in range(0, len(sound), size_bytes):
        await session.send_realtime_input(audio=pcm(sound[begin : begin + size_bytes]))
        if paced:
            await asyncio.sleep(FRAME_MS / 1000)


async def sound_of(session: AsyncSession, at_least_bytes: int = 1) -> Turn:
    """Read until so much of a reply has come; what was read."""
    turn = Turn()
    async with asyncio.timeout(PATIENCE_S):
        async for message in session.receive():
            turn.take(message)
            if len(turn.audio) >= at_least_bytes:
                break
    return turn


async def next_of(session: AsyncSession, name: str) -> Any:
    """The next message's field of this name, e.g. go_away; what comes before it is skipped."""
    async with asyncio.timeout(PATIENCE_S):
        while (found := getattr(await session._receive(), name)) is None:
            pass
    return found


async def handle_of(session: AsyncSession) -> str:
    """The next handle that leads back to the session."""
    while True:
        update = await next_of(session, "session_resumption_update")
        if update.resumable:
            assert update.new_handle
            return str(update.new_handle)


async def nothing_for(session: AsyncSession, duration_s: float) -> bool:
    """Whether the server says nothing for so long."""
    try:
        async with asyncio.timeout(duration_s):
            await session._receive()
    except TimeoutError:
        return True
    return False


def resumable(handle: str | None = None) -> types.SessionResumptionConfig:
    """Ask for handles, and come in with one."""
    return types.SessionResumptionConfig(handle=handle)


@asynccontextmanager
async def talk(
    port: int, config: types.LiveConnectConfig | None = None, name: str = "gemini-3.8-live", version: str = "v1beta"
) -> AsyncIterator[AsyncSession]:
    """A session with a key of the Developer API."""
    async with session_of(developer(port, version=version), config or speaks(), name) as session:
        yield session


def function(name: str, behavior: types.Behavior | None = None) -> types.Tool:
    """A function of the client's."""
    declared = types.FunctionDeclaration(name=name, parameters_json_schema={"type": "object"}, behavior=behavior)
    return types.Tool(function_declarations=[declared])


async def respond(session: AsyncSession, call: types.FunctionCall, **more: Any) -> None:
    """The function was called, and all is well."""
    answer = types.FunctionResponse(id=call.id, name=call.name, response={"output": "set"}, **more)
    await session.send_tool_response(function_responses=answer)
