"""What a session is set up with (LIVE_API.md section 2.1): the first message, and all that it holds but tools.

Enums list their values in the protobuf's order: a number on the wire is an index into it. Which backend knows which
field: dialects.py. What a model's family takes: models.py and setup_rules.py.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StrictBool

from satellite.live.content import Content
from satellite.live.tool_messages import Empty, Tool
from satellite.live.wire import Int32, Int64, Names, WireBytes, WireModel


class Modality(StrEnum):
    """What a reply is made of; exactly one is asked for."""

    MODALITY_UNSPECIFIED = "MODALITY_UNSPECIFIED"
    TEXT = "TEXT"
    IMAGE = "IMAGE"
    AUDIO = "AUDIO"
    VIDEO = "VIDEO"


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


class TranscriptionMode(StrEnum):
    """Whether a transcript holds every word, or reads well."""

    MODE_UNSPECIFIED = "MODE_UNSPECIFIED"
    VERBATIM = "VERBATIM"
    SMART = "SMART"


class PrebuiltVoiceConfig(WireModel):
    """A voice by name."""

    voice_name: str = ""


class VoiceConsentSignature(WireModel):
    """The server's word that the voice's owner agreed: given at the first use of a consent, shown at later ones."""

    signature: str = ""


class ReplicatedVoiceConfig(WireModel):
    """A voice like that of a sample (allowlisted); `consent_audio` is its owner agreeing."""

    mime_type: str = ""
    voice_sample_audio: WireBytes = b""
    consent_audio: WireBytes = b""
    voice_consent_signature: VoiceConsentSignature | None = None


class VoiceConfig(WireModel):
    """Which voice."""

    prebuilt_voice_config: PrebuiltVoiceConfig | None = None
    replicated_voice_config: ReplicatedVoiceConfig | None = None
    voice: str = ""


class SpeakerVoiceConfig(WireModel):
    """The voice of one of several speakers."""

    speaker: str = ""
    voice_config: VoiceConfig | None = None


class MultiSpeakerVoiceConfig(WireModel):
    """Several voices in one reply; read here because the parser knows it, not for Live sessions."""

    speaker_voice_configs: list[SpeakerVoiceConfig] = Field(default_factory=list)


class SpeechConfig(WireModel):
    """How the reply sounds."""

    voice_config: VoiceConfig | None = None
    language_code: str = ""
    multi_speaker_voice_config: MultiSpeakerVoiceConfig | None = None


class ThinkingConfig(WireModel):
    """Thinking; must be absent for 3.8-live."""

    include_thoughts: StrictBool = False
    thinking_budget: Int32 | None = None
    thinking_level: ThinkingLevel | None = None


class TranslationConfig(WireModel):
    """What is spoken comes back in another language; `echo_target_language`: also what is spoken in that one."""

    target_language_code: str = ""
    echo_target_language: StrictBool = False


class GenerationConfig(WireModel):
    """How a reply is generated."""

    response_modalities: list[Modality] = Field(default_factory=list)
    candidate_count: Int32 | None = None
    max_output_tokens: Int32 | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: Int32 | None = None
    speech_config: SpeechConfig | None = None
    media_resolution: MediaResolution | None = None
    thinking_config: ThinkingConfig | None = None
    enable_affective_dialog: StrictBool | None = None
    translation_config: TranslationConfig | None = None


class AutomaticActivityDetection(WireModel):
    """The server's own voice activity detection."""

    disabled: StrictBool = False
    start_of_speech_sensitivity: StartSensitivity | None = None
    end_of_speech_sensitivity: EndSensitivity | None = None
    prefix_padding_ms: Int32 | None = None
    silence_duration_ms: Int32 | None = None


class RealtimeInputConfig(WireModel):
    """How real-time input makes turns."""

    automatic_activity_detection: AutomaticActivityDetection | None = None
    activity_handling: ActivityHandling | None = None
    turn_coverage: TurnCoverage | None = None
    interim_transcript_timestamp_enabled: StrictBool | None = None


class SessionResumptionConfig(WireModel):
    """Present, even empty: send handles. With a handle: resume.

    `transparent`: say up to which of our messages a handle reaches, so that the later ones can be sent again.
    """

    handle: str = ""
    transparent: StrictBool = False


class SlidingWindow(WireModel):
    """How much of the context is kept."""

    target_tokens: Int64 | None = None


class ContextWindowCompressionConfig(WireModel):
    """Forget the oldest turns instead of ending the session."""

    trigger_tokens: Int64 | None = None
    sliding_window: SlidingWindow | None = None


class LanguageHints(WireModel):
    """Languages to be expected (deprecated)."""

    language_codes: list[str] = Field(default_factory=list)


class AudioTranscriptionConfig(WireModel):
    """Present, even empty: send transcripts. The last three are deprecated."""

    language_codes: list[str] = Field(default_factory=list)
    custom_vocabulary: list[str] = Field(default_factory=list)
    word_timestamp: StrictBool = False
    diarization: StrictBool = False
    mode: TranscriptionMode | None = None
    source_text: str = ""
    language_auto: Empty | None = None
    language_hints: LanguageHints | None = None
    adaptation_phrases: list[str] = Field(default_factory=list)


class ProactivityConfig(WireModel):
    """The model may stay silent, or speak first; `proactive_video`: because of what it sees."""

    proactive_audio: StrictBool | None = None
    proactive_video: StrictBool | None = None


class HistoryConfig(WireModel):
    """The first clientContent messages are history."""

    initial_history_in_client_content: StrictBool = False


class CustomizedAvatar(WireModel):
    """A face of one's own."""

    image_mime_type: str = ""
    image_data: WireBytes = b""


class AvatarConfig(WireModel):
    """A face that speaks the reply (allowlisted)."""

    avatar_name: str = ""
    customized_avatar: CustomizedAvatar | None = None
    audio_bitrate_bps: Int32 | None = None
    video_bitrate_bps: Int32 | None = None


class SafetySetting(WireModel):
    """From which probability, or severity, on a kind of harm is blocked. Numbers are the Developer API's."""

    category: Annotated[
        str,
        Names(
            "HARM_CATEGORY_UNSPECIFIED",
            "HARM_CATEGORY_DEROGATORY",
            "HARM_CATEGORY_TOXICITY",
            "HARM_CATEGORY_VIOLENCE",
            "HARM_CATEGORY_SEXUAL",
            "HARM_CATEGORY_MEDICAL",
            "HARM_CATEGORY_DANGEROUS",
            "HARM_CATEGORY_HARASSMENT",
            "HARM_CATEGORY_HATE_SPEECH",
            "HARM_CATEGORY_SEXUALLY_EXPLICIT",
            "HARM_CATEGORY_DANGEROUS_CONTENT",
            "HARM_CATEGORY_CIVIC_INTEGRITY",
            "HARM_CATEGORY_JAILBREAK",
            "HARM_CATEGORY_IMAGE_HATE",
            "HARM_CATEGORY_IMAGE_DANGEROUS_CONTENT",
            "HARM_CATEGORY_IMAGE_HARASSMENT",
            "HARM_CATEGORY_IMAGE_SEXUALLY_EXPLICIT",
        ),
    ] = ""
    threshold: Annotated[
        str,
        Names(
            "HARM_BLOCK_THRESHOLD_UNSPECIFIED",
            "BLOCK_LOW_AND_ABOVE",
            "BLOCK_MEDIUM_AND_ABOVE",
            "BLOCK_ONLY_HIGH",
            "BLOCK_NONE",
            "OFF",
        ),
    ] = ""
    method: Annotated[str, Names("HARM_BLOCK_METHOD_UNSPECIFIED", "SEVERITY", "PROBABILITY")] = ""


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
    explicit_vad_signal: StrictBool = False
    avatar_config: AvatarConfig | None = None
    safety_settings: list[SafetySetting] = Field(default_factory=list)
    labels: dict[str, str] = Field(default_factory=dict)
