"""What the client sends (LIVE_API.md section 2): setup, realtimeInput, clientContent, toolResponse.

Enums list their values in the protobuf's order: a number on the wire is an index into it. Read a message
from the outside with proto_json.parse_client_message, which refuses what Google's parser refuses.
"""

from enum import StrEnum

from pydantic import Field, StrictBool

from satellite.live.content import Blob, Content, FunctionResponse, JsonObject
from satellite.live.wire import WireModel


class Modality(StrEnum):
    """What a reply is made of; exactly one is asked for."""

    MODALITY_UNSPECIFIED = "MODALITY_UNSPECIFIED"
    TEXT = "TEXT"
    IMAGE = "IMAGE"
    AUDIO = "AUDIO"


class MediaResolution(StrEnum):
    """How finely images are looked at."""

    MEDIA_RESOLUTION_UNSPECIFIED = "MEDIA_RESOLUTION_UNSPECIFIED"
    MEDIA_RESOLUTION_LOW = "MEDIA_RESOLUTION_LOW"
    MEDIA_RESOLUTION_MEDIUM = "MEDIA_RESOLUTION_MEDIUM"
    MEDIA_RESOLUTION_HIGH = "MEDIA_RESOLUTION_HIGH"


class StartSensitivity(StrEnum):
    """How readily the server hears a start of speech."""

    START_SENSITIVITY_UNSPECIFIED = "START_SENSITIVITY_UNSPECIFIED"
    START_SENSITIVITY_HIGH = "START_SENSITIVITY_HIGH"
    START_SENSITIVITY_LOW = "START_SENSITIVITY_LOW"


class EndSensitivity(StrEnum):
    """How readily the server hears an end of speech."""

    END_SENSITIVITY_UNSPECIFIED = "END_SENSITIVITY_UNSPECIFIED"
    END_SENSITIVITY_HIGH = "END_SENSITIVITY_HIGH"
    END_SENSITIVITY_LOW = "END_SENSITIVITY_LOW"


class ActivityHandling(StrEnum):
    """Whether the start of the user's activity cuts the reply."""

    ACTIVITY_HANDLING_UNSPECIFIED = "ACTIVITY_HANDLING_UNSPECIFIED"
    START_OF_ACTIVITY_INTERRUPTS = "START_OF_ACTIVITY_INTERRUPTS"
    NO_INTERRUPTION = "NO_INTERRUPTION"


class TurnCoverage(StrEnum):
    """Which input belongs to a turn."""

    TURN_COVERAGE_UNSPECIFIED = "TURN_COVERAGE_UNSPECIFIED"
    TURN_INCLUDES_ONLY_ACTIVITY = "TURN_INCLUDES_ONLY_ACTIVITY"
    TURN_INCLUDES_ALL_INPUT = "TURN_INCLUDES_ALL_INPUT"
    TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO = "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO"


class ThinkingLevel(StrEnum):
    """How much a model thinks before it speaks (3.1, and required by 3.8 extended thinking)."""

    THINKING_LEVEL_UNSPECIFIED = "THINKING_LEVEL_UNSPECIFIED"
    LOW = "LOW"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    MINIMAL = "MINIMAL"
    XHIGH = "XHIGH"


class Behavior(StrEnum):
    """Whether the model waits for a function's answer."""

    UNSPECIFIED = "UNSPECIFIED"
    BLOCKING = "BLOCKING"
    NON_BLOCKING = "NON_BLOCKING"


class PrebuiltVoiceConfig(WireModel):
    """A voice by name."""

    voice_name: str = ""


class VoiceConfig(WireModel):
    """Which voice."""

    prebuilt_voice_config: PrebuiltVoiceConfig | None = None


class SpeechConfig(WireModel):
    """How the reply sounds."""

    voice_config: VoiceConfig | None = None
    language_code: str = ""


class ThinkingConfig(WireModel):
    """Thinking; must be absent for 3.8-live."""

    include_thoughts: StrictBool = False
    thinking_budget: int | None = None
    thinking_level: ThinkingLevel | None = None


class GenerationConfig(WireModel):
    """How a reply is generated."""

    response_modalities: list[Modality] = Field(default_factory=list)
    candidate_count: int | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    speech_config: SpeechConfig | None = None
    media_resolution: MediaResolution | None = None
    thinking_config: ThinkingConfig | None = None
    enable_affective_dialog: StrictBool | None = None


class FunctionDeclaration(WireModel):
    """A function the model may call, its parameters as an OpenAPI or a JSON schema."""

    name: str = ""
    description: str = ""
    parameters: JsonObject | None = None
    parameters_json_schema: JsonObject | None = None
    response: JsonObject | None = None
    response_json_schema: JsonObject | None = None
    behavior: Behavior | None = None


class Tool(WireModel):
    """Functions of ours, or a built-in of the server's."""

    function_declarations: list[FunctionDeclaration] = Field(default_factory=list)
    google_search: JsonObject | None = None
    code_execution: JsonObject | None = None
    url_context: JsonObject | None = None


class AutomaticActivityDetection(WireModel):
    """The server's own voice activity detection."""

    disabled: StrictBool = False
    start_of_speech_sensitivity: StartSensitivity | None = None
    end_of_speech_sensitivity: EndSensitivity | None = None
    prefix_padding_ms: int | None = None
    silence_duration_ms: int | None = None


class RealtimeInputConfig(WireModel):
    """How real-time input makes turns."""

    automatic_activity_detection: AutomaticActivityDetection | None = None
    activity_handling: ActivityHandling | None = None
    turn_coverage: TurnCoverage | None = None


class SessionResumptionConfig(WireModel):
    """Present, even empty: send handles. With a handle: resume."""

    handle: str = ""


class SlidingWindow(WireModel):
    """How much of the context is kept."""

    target_tokens: int | None = None


class ContextWindowCompressionConfig(WireModel):
    """Forget the oldest turns instead of ending the session."""

    trigger_tokens: int | None = None
    sliding_window: SlidingWindow | None = None


class AudioTranscriptionConfig(WireModel):
    """Present, even empty: send transcripts."""

    language_codes: list[str] = Field(default_factory=list)


class ProactivityConfig(WireModel):
    """The model may stay silent, or speak first."""

    proactive_audio: StrictBool | None = None


class HistoryConfig(WireModel):
    """The first clientContent messages are history."""

    initial_history_in_client_content: StrictBool = False


class Setup(WireModel):
    """The first message of a session, once."""

    model: str = ""
    generation_config: GenerationConfig | None = None
    system_instruction: Content | None = None
    tools: list[Tool] = Field(default_factory=list)
    realtime_input_config: RealtimeInputConfig | None = None
    session_resumption: SessionResumptionConfig | None = None
    context_window_compression: ContextWindowCompressionConfig | None = None
    input_audio_transcription: AudioTranscriptionConfig | None = None
    output_audio_transcription: AudioTranscriptionConfig | None = None
    proactivity: ProactivityConfig | None = None
    history_config: HistoryConfig | None = None


class ActivitySignal(WireModel):
    """activityStart or activityEnd: an empty object."""


class RealtimeInput(WireModel):
    """Input as it happens; our client sends exactly one member."""

    audio: Blob | None = None
    video: Blob | None = None
    text: str | None = None
    activity_start: ActivitySignal | None = None
    activity_end: ActivitySignal | None = None
    audio_stream_end: StrictBool = False
    media_chunks: list[Blob] = Field(default_factory=list)


class ClientContent(WireModel):
    """Turns appended to the history in order; `turn_complete` starts a reply."""

    turns: list[Content] = Field(default_factory=list)
    turn_complete: StrictBool = False


class ToolResponse(WireModel):
    """Answers to calls."""

    function_responses: list[FunctionResponse] = Field(default_factory=list)


class ClientMessage(WireModel):
    """One message: exactly one member."""

    setup: Setup | None = None
    client_content: ClientContent | None = None
    realtime_input: RealtimeInput | None = None
    tool_response: ToolResponse | None = None
