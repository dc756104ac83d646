"""What the server sends (LIVE_API.md section 3).

Unknown fields are ignored and enums are plain text, so that a newer server stays readable. One message
may bundle several members and parts; protocol.Decoder puts them in order.
"""

import json
from typing import Any

from pydantic import Field, StrictBool

from satellite.live.content import Content, FunctionCall
from satellite.live.wire import WireModel


class SetupComplete(WireModel):
    """The answer to setup; the session id is Vertex's."""

    session_id: str = ""


class Transcription(WireModel):
    """A piece of a transcript; pieces are concatenated raw, `finished` is rarely ever sent."""

    text: str = ""
    finished: StrictBool = False
    language_code: str = ""


class ServerContent(WireModel):
    """A piece of the model's turn, or of its end."""

    model_turn: Content | None = None
    generation_complete: StrictBool = False
    turn_complete: StrictBool = False
    interrupted: StrictBool = False
    input_transcription: Transcription | None = None
    output_transcription: Transcription | None = None
    interim_input_transcription: Transcription | None = None
    grounding_metadata: dict[str, Any] | None = None
    url_context_metadata: dict[str, Any] | None = None
    turn_complete_reason: str = ""
    waiting_for_input: StrictBool = False
    interaction_status: str = ""


class ToolCall(WireModel):
    """Calls of declared functions."""

    function_calls: list[FunctionCall] = Field(default_factory=list)


class ToolCallCancellation(WireModel):
    """Calls that are void: not to be answered."""

    ids: list[str] = Field(default_factory=list)


class GoAway(WireModel):
    """The connection will end; `time_left` is a protobuf Duration, `50s` or `12.500s`."""

    time_left: str = ""


class SessionResumptionUpdate(WireModel):
    """The handle to resume with; empty while the session is not resumable."""

    new_handle: str = ""
    resumable: StrictBool = False
    last_consumed_client_message_index: int | None = None


class ModalityTokenCount(WireModel):
    """Tokens of one modality: TEXT, IMAGE, VIDEO, AUDIO, DOCUMENT or a newer one."""

    modality: str = ""
    token_count: int = 0


class UsageMetadata(WireModel):
    """Tokens of a turn; Vertex calls `response...` `candidates...`."""

    prompt_token_count: int = 0
    cached_content_token_count: int = 0
    response_token_count: int = 0
    candidates_token_count: int = 0
    tool_use_prompt_token_count: int = 0
    thoughts_token_count: int = 0
    total_token_count: int = 0
    prompt_tokens_details: list[ModalityTokenCount] = Field(default_factory=list)
    cache_tokens_details: list[ModalityTokenCount] = Field(default_factory=list)
    response_tokens_details: list[ModalityTokenCount] = Field(default_factory=list)
    candidates_tokens_details: list[ModalityTokenCount] = Field(default_factory=list)
    tool_use_prompt_tokens_details: list[ModalityTokenCount] = Field(default_factory=list)
    traffic_type: str = ""


class VoiceActivity(WireModel):
    """The server's own detection: ACTIVITY_START or ACTIVITY_END at an offset like `0.440s`."""

    type: str = ""
    audio_offset: str = ""


class ServerMessage(WireModel):
    """One message: usage may stand beside any other member."""

    setup_complete: SetupComplete | None = None
    server_content: ServerContent | None = None
    tool_call: ToolCall | None = None
    tool_call_cancellation: ToolCallCancellation | None = None
    go_away: GoAway | None = None
    session_resumption_update: SessionResumptionUpdate | None = None
    voice_activity: VoiceActivity | None = None
    usage_metadata: UsageMetadata | None = None


def render_server_message(message: ServerMessage) -> bytes:
    """The payload of a binary frame as Google renders it: indented by two, a newline at the end."""
    fields = message.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return (json.dumps(fields, indent=2) + "\n").encode()
