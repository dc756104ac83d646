"""What the server sends (LIVE_API.md section 3).

Unknown fields are ignored and enums are plain text with their known values beside them, so that a newer server stays
readable; decoder.py counts what is new. One message may bundle several members and parts; Decoder puts them in order.
Grounding is typed as far as anyone here looks at it: its rarer members are objects as they came.
"""

import json
from typing import Annotated

from pydantic import Field, StrictBool

from satellite.live.content import Content, FunctionCall, JsonObject
from satellite.live.setup_messages import VoiceConsentSignature
from satellite.live.wire import Int32, Int64, Names, WireBytes, WireModel

TURN_COMPLETE_REASONS = Names(
    "TURN_COMPLETE_REASON_UNSPECIFIED",
    "MALFORMED_FUNCTION_CALL",
    "RESPONSE_REJECTED",
    "NEED_MORE_INPUT",
    "PROHIBITED_INPUT_CONTENT",
    "IMAGE_PROHIBITED_INPUT_CONTENT",
    "INPUT_TEXT_CONTAIN_PROMINENT_PERSON_PROHIBITED",
    "INPUT_IMAGE_CELEBRITY",
    "INPUT_IMAGE_PHOTO_REALISTIC_CHILD_PROHIBITED",
    "INPUT_TEXT_NCII_PROHIBITED",
    "INPUT_OTHER",
    "INPUT_IP_PROHIBITED",
    "BLOCKLIST",
    "UNSAFE_PROMPT_FOR_IMAGE_GENERATION",
    "GENERATED_IMAGE_SAFETY",
    "GENERATED_CONTENT_SAFETY",
    "GENERATED_AUDIO_SAFETY",
    "GENERATED_VIDEO_SAFETY",
    "GENERATED_CONTENT_PROHIBITED",
    "GENERATED_CONTENT_BLOCKLIST",
    "GENERATED_IMAGE_PROHIBITED",
    "GENERATED_IMAGE_CELEBRITY",
    "GENERATED_IMAGE_PROMINENT_PEOPLE_DETECTED_BY_REWRITER",
    "GENERATED_IMAGE_IDENTIFIABLE_PEOPLE",
    "GENERATED_IMAGE_MINORS",
    "OUTPUT_IMAGE_IP_PROHIBITED",
    "GENERATED_OTHER",
    "MAX_REGENERATION_REACHED",
)

TRAFFIC_TYPES = Names(
    "TRAFFIC_TYPE_UNSPECIFIED",
    "ON_DEMAND",
    "ON_DEMAND_PRIORITY",
    "ON_DEMAND_FLEX",
    "ON_DEMAND_OFFPEAK",
    "PROVISIONED_THROUGHPUT",
)


class SetupComplete(WireModel):
    """The answer to setup; the session id is Vertex's, the signature answers a consent to a replicated voice."""

    session_id: str = ""
    voice_consent_signature: VoiceConsentSignature | None = None


class WordInfo(WireModel):
    """A word, and when it was said: Durations into the input."""

    word: str = ""
    start_offset: str = ""
    end_offset: str = ""


class Transcription(WireModel):
    """A piece of a transcript; pieces are concatenated raw, `finished` is rarely ever sent."""

    text: str = ""
    finished: StrictBool = False
    language_code: str = ""
    speaker_label: str = ""
    words: list[WordInfo] = Field(default_factory=list)
    start_offset: str = ""
    end_offset: str = ""


class FoundPage(WireModel):
    """A page of the web."""

    uri: str = ""
    title: str = ""
    domain: str = ""


class FoundPassage(WireModel):
    """A piece of a document."""

    uri: str = ""
    title: str = ""
    text: str = ""
    document_name: str = ""


class FoundPlace(WireModel):
    """A place on the map."""

    uri: str = ""
    title: str = ""
    text: str = ""
    place_id: str = ""


class GroundingChunk(WireModel):
    """One source: one member."""

    web: FoundPage | None = None
    retrieved_context: FoundPassage | None = None
    maps: FoundPlace | None = None
    image: JsonObject | None = None


class SearchEntryPoint(WireModel):
    """Google's search box, as HTML to be shown beside the reply."""

    rendered_content: str = ""
    sdk_blob: WireBytes = b""


class GroundingMetadata(WireModel):
    """What a reply rests on. `grounding_supports`: which piece of the text rests on which chunk."""

    grounding_chunks: list[GroundingChunk] = Field(default_factory=list)
    grounding_supports: list[JsonObject] = Field(default_factory=list)
    web_search_queries: list[str] = Field(default_factory=list)
    image_search_queries: list[str] = Field(default_factory=list)
    retrieval_queries: list[str] = Field(default_factory=list)
    search_entry_point: SearchEntryPoint | None = None
    retrieval_metadata: JsonObject | None = None
    google_maps_widget_context_token: str = ""
    source_flagging_uris: list[JsonObject] = Field(default_factory=list)


class UrlMetadata(WireModel):
    """A page that was read, or not."""

    retrieved_url: str = ""
    url_retrieval_status: Annotated[
        str,
        Names(
            "URL_RETRIEVAL_STATUS_UNSPECIFIED",
            "URL_RETRIEVAL_STATUS_SUCCESS",
            "URL_RETRIEVAL_STATUS_ERROR",
            "URL_RETRIEVAL_STATUS_PAYWALL",
            "URL_RETRIEVAL_STATUS_UNSAFE",
        ),
    ] = ""


class UrlContextMetadata(WireModel):
    """The pages of the URL context tool."""

    url_metadata: list[UrlMetadata] = Field(default_factory=list)


class ServerContent(WireModel):
    """A piece of the model's turn, or of its end.

    `interaction_status` stands beside turn_complete: IN_PROGRESS, more turns will come. `speech_state` is deprecated,
    its values are documented nowhere.
    """

    model_turn: Content | None = None
    generation_complete: StrictBool = False
    turn_complete: StrictBool = False
    interrupted: StrictBool = False
    input_transcription: Transcription | None = None
    output_transcription: Transcription | None = None
    interim_input_transcription: Transcription | None = None
    grounding_metadata: GroundingMetadata | None = None
    url_context_metadata: UrlContextMetadata | None = None
    turn_complete_reason: Annotated[str, TURN_COMPLETE_REASONS] = ""
    waiting_for_input: StrictBool = False
    interaction_status: Annotated[
        str, Names("INTERACTION_STATUS_UNSPECIFIED", "IN_PROGRESS", "REQUIRES_ACTION", "IDLE")
    ] = ""
    speech_state: str = ""


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
    """The handle to resume with; empty while the session is not resumable.

    The index is Vertex's, of the transparent mode: the last of our messages that the handle covers.
    """

    new_handle: str = ""
    resumable: StrictBool = False
    last_consumed_client_message_index: Int64 | None = None


class ModalityTokenCount(WireModel):
    """Tokens of one modality."""

    modality: Annotated[str, Names("MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "VIDEO", "AUDIO", "DOCUMENT")] = ""
    token_count: Int32 = 0


class UsageMetadata(WireModel):
    """Tokens of a turn; Vertex calls `response...` `candidates...` and has the traffic type, Developer the tier."""

    prompt_token_count: Int32 = 0
    cached_content_token_count: Int32 = 0
    response_token_count: Int32 = 0
    candidates_token_count: Int32 = 0
    tool_use_prompt_token_count: Int32 = 0
    thoughts_token_count: Int32 = 0
    total_token_count: Int32 = 0
    prompt_tokens_details: list[ModalityTokenCount] = Field(default_factory=list)
    cache_tokens_details: list[ModalityTokenCount] = Field(default_factory=list)
    response_tokens_details: list[ModalityTokenCount] = Field(default_factory=list)
    candidates_tokens_details: list[ModalityTokenCount] = Field(default_factory=list)
    tool_use_prompt_tokens_details: list[ModalityTokenCount] = Field(default_factory=list)
    traffic_type: Annotated[str, TRAFFIC_TYPES] = ""
    service_tier: str = ""


class VoiceActivity(WireModel):
    """The server's own detection, at an offset like `0.440s`."""

    type: Annotated[str, Names("TYPE_UNSPECIFIED", "ACTIVITY_START", "ACTIVITY_END")] = ""
    audio_offset: str = ""


class VoiceActivityDetectionSignal(WireModel):
    """The same in its older form: start or end of speech."""

    vad_signal_type: Annotated[
        str, Names("VAD_SIGNAL_TYPE_UNSPECIFIED", "VAD_SIGNAL_TYPE_SOS", "VAD_SIGNAL_TYPE_EOS")
    ] = ""


class ServerMessage(WireModel):
    """One message: usage may stand beside any other member."""

    setup_complete: SetupComplete | None = None
    server_content: ServerContent | None = None
    tool_call: ToolCall | None = None
    tool_call_cancellation: ToolCallCancellation | None = None
    go_away: GoAway | None = None
    session_resumption_update: SessionResumptionUpdate | None = None
    voice_activity: VoiceActivity | None = None
    voice_activity_detection_signal: VoiceActivityDetectionSignal | None = None
    usage_metadata: UsageMetadata | None = None


def render_server_message(message: ServerMessage) -> bytes:
    """The payload of a binary frame as Google renders it: indented by two, a newline at the end."""
    fields = message.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return (json.dumps(fields, indent=2) + "\n").encode()
