"""From the server's messages to the core's events, and from what the core wants said to messages. Pure.

The order of events is fixed whatever a message bundles, and it is this module's to keep: a reply that was
interrupted must be known as such before any audio beside that news is looked at. Remote input never
raises: what cannot be read is left out and counted.
"""

import json
from functools import lru_cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from satellite.core import pcm
from satellite.core.events import (
    Event,
    GenerationCompleted,
    GoAwayReceived,
    InputTranscribed,
    OutputTranscribed,
    ReplyChunkReceived,
    ReplyInterrupted,
    ResumptionUpdated,
    SessionOpened,
    ToolCallReceived,
    ToolCallsCancelled,
    TurnCompleted,
    UsageReported,
)
from satellite.live.client_messages import ActivitySignal, ClientContent, ClientMessage, RealtimeInput, ToolResponse
from satellite.live.content import Content, FunctionResponse, Part
from satellite.live.server_messages import ServerContent, ServerMessage, SessionResumptionUpdate, UsageMetadata
from satellite.live.wire import encode_base64

MAX_REPAIRS = 8
"""Rounds of leaving out unreadable members before a message is given up."""

AUDIO_HEAD = '{"realtimeInput":{"audio":{"data":"'
AUDIO_TAIL = f'","mimeType":"audio/pcm;rate={pcm.CAPTURE_RATE_HZ}"}}}}}}'
"""The constant rest of an audio message: 50 of them a second need no model. A test holds it equal to the model's."""


class Decoder:
    """Reads the messages of one connection, in order. Driven by the session's reader task.

    It remembers half a sample between two chunks, and how much could not be read (`unreadable`).
    """

    def __init__(self, session: int) -> None:
        self._session = session
        self._opened = False
        self._half_sample = b""
        self.unreadable = 0

    def decode(self, message: str | bytes) -> list[Event]:
        """The events in a message, in the fixed order; empty when there are none for the core."""
        parsed = self._parse(message)
        if parsed is None:
            return []
        session = self._session
        content = parsed.server_content
        events: list[Event] = []
        if parsed.setup_complete is not None and not self._opened:
            self._opened = True
            events.append(SessionOpened(session))
        if content is not None and content.interrupted:
            self._half_sample = b""
            events.append(ReplyInterrupted(session))
        if parsed.session_resumption_update is not None:
            events.append(ResumptionUpdated(session, _handle(parsed.session_resumption_update)))
        if parsed.usage_metadata is not None:
            events.append(_usage(session, parsed.usage_metadata))
        if content is not None:
            events += self._content(content)
        if parsed.tool_call is not None:
            events += self._tool_calls(parsed)
        if parsed.tool_call_cancellation is not None and parsed.tool_call_cancellation.ids:
            events.append(ToolCallsCancelled(session, tuple(parsed.tool_call_cancellation.ids)))
        if parsed.go_away is not None:
            events.append(GoAwayReceived(session, self._duration_ms(parsed.go_away.time_left)))
        return events

    def _content(self, content: ServerContent) -> list[Event]:
        session = self._session
        events: list[Event] = []
        audio = self._audio(content.model_turn.parts) if content.model_turn is not None else b""
        if audio:
            events.append(ReplyChunkReceived(session, audio))
        if content.input_transcription is not None and content.input_transcription.text:
            events.append(InputTranscribed(session, content.input_transcription.text))
        if content.output_transcription is not None and content.output_transcription.text:
            events.append(OutputTranscribed(session, content.output_transcription.text))
        if content.generation_complete:
            events.append(GenerationCompleted(session))
        if content.turn_complete:
            self._half_sample = b""
            events.append(TurnCompleted(session))
        return events

    def _audio(self, parts: list[Part]) -> bytes:
        """The sound of all parts, in whole samples; a thought is not spoken."""
        pieces = [self._half_sample] if self._half_sample else []
        for part in parts:
            if part.inline_data is None or part.thought:
                continue
            if is_reply_audio(part.inline_data.mime_type):
                pieces.append(part.inline_data.data)
            else:
                self.unreadable += 1
        sound = b"".join(pieces)
        whole_bytes = len(sound) - len(sound) % pcm.SAMPLE_BYTES
        self._half_sample = sound[whole_bytes:]
        return sound[:whole_bytes]

    def _tool_calls(self, parsed: ServerMessage) -> list[Event]:
        calls = parsed.tool_call.function_calls if parsed.tool_call is not None else ()
        return [
            ToolCallReceived(self._session, call.id, call.name, json.dumps(call.args, ensure_ascii=False))
            for call in calls
        ]

    def _duration_ms(self, text: str) -> int:
        """Milliseconds of a protobuf Duration such as `12.500s`; 0, "at once", when it cannot be read."""
        try:
            return max(0, int(float(text.removesuffix("s")) * 1000))
        except (ValueError, OverflowError):
            self.unreadable += 1
            return 0

    def _parse(self, message: str | bytes) -> ServerMessage | None:
        """The message, without those of its members that cannot be read; None when nothing can."""
        try:
            return ServerMessage.model_validate_json(message)
        except ValidationError as error:
            self.unreadable += 1
            problem = error
        try:
            data: Any = from_json(message)
        except ValueError:
            return None
        for _ in range(MAX_REPAIRS):
            left_out = [_leave_out(data, place) for place in _places(problem)]
            if not all(left_out):
                return None
            try:
                return ServerMessage.model_validate(data)
            except ValidationError as error:
                problem = error
        return None


def _places(problem: ValidationError) -> list[tuple[int | str, ...]]:
    """Where a message cannot be read, the last elements of lists first."""
    details = problem.errors(include_url=False, include_context=False, include_input=False)
    return sorted(
        {detail["loc"] for detail in details},
        key=lambda place: [(isinstance(step, int), step) for step in place],
        reverse=True,
    )


def _leave_out(data: Any, place: tuple[int | str, ...]) -> bool:
    """Remove the member at `place` (camelCase steps), its owner if it is missing; False when there is nothing."""
    owner, key = None, None
    node = data
    for step in place:
        if isinstance(node, dict) and isinstance(step, str):
            found: Any = step if step in node else _snake(step)
            if found not in node:
                break
        elif isinstance(node, list) and isinstance(step, int) and step < len(node):
            found = step
        else:
            break
        owner, key, node = node, found, node[found]
    if owner is None:
        return False
    del owner[key]
    return True


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _handle(update: SessionResumptionUpdate) -> str | None:
    return update.new_handle if update.resumable and update.new_handle else None


def _usage(session: int, usage: UsageMetadata) -> UsageReported:
    return UsageReported(
        session,
        prompt_tokens=usage.prompt_token_count,
        # Vertex's name for the same thing; never both.
        response_tokens=usage.response_token_count or usage.candidates_token_count,
        total_tokens=usage.total_token_count,
    )


@lru_cache(maxsize=16)  # a server has one or two types, and this is asked for every chunk
def is_reply_audio(mime_type: str) -> bool:
    """Whether a blob is what we can play: `audio/pcm` at 24 kHz, said or (Vertex) not said."""
    kind, *parameters = (piece.strip().lower() for piece in mime_type.split(";"))
    rates = [parameter.removeprefix("rate=") for parameter in parameters if parameter.startswith("rate=")]
    return kind == "audio/pcm" and all(rate == str(pcm.REPLY_RATE_HZ) for rate in rates)


def encode_audio(sound: bytes | bytearray) -> str:
    """User audio, 16 kHz s16le mono."""
    return AUDIO_HEAD + encode_base64(sound) + AUDIO_TAIL


def encode_activity_start() -> str:
    """Manual mode: the user's turn begins."""
    return ClientMessage(realtime_input=RealtimeInput(activity_start=ActivitySignal())).to_json()


def encode_activity_end() -> str:
    """Manual mode: the user's turn is over."""
    return ClientMessage(realtime_input=RealtimeInput(activity_end=ActivitySignal())).to_json()


def encode_audio_stream_end() -> str:
    """Automatic mode: the microphone pauses."""
    return ClientMessage(realtime_input=RealtimeInput(audio_stream_end=True)).to_json()


def encode_text(text: str, *, as_realtime_input: bool) -> str:
    """A turn of text, in the form the model's family takes."""
    if as_realtime_input:
        return ClientMessage(realtime_input=RealtimeInput(text=text)).to_json()
    turn = Content(role="user", parts=[Part(text=text)])
    return ClientMessage(client_content=ClientContent(turns=[turn], turn_complete=True)).to_json()


def encode_tool_response(call_id: str, name: str, response: str) -> str:
    """The result of a call; what is not a JSON object becomes its `output`."""
    try:
        value = json.loads(response)
    except ValueError:
        value = response
    result = value if isinstance(value, dict) else {"output": value}
    answer = FunctionResponse(id=call_id, name=name, response=result)
    return ClientMessage(tool_response=ToolResponse(function_responses=[answer])).to_json()
