"""Which models are served, and what each of them takes of a setup (LIVE_API 2.1, 5.1, 5.2).

`accept_setup` turns a parsed setup into the rules one connection follows, or refuses it as Google does. A new
model is a line in MODELS; a new difference between families a field of Family.
"""

from dataclasses import dataclass

from satellite.live.messages import (
    ActivityHandling,
    Content,
    EndSensitivity,
    GenerationConfig,
    Modality,
    RealtimeInputConfig,
    Setup,
    StartSensitivity,
    ThinkingLevel,
)
from satellite.live_server.activity import DetectionRules
from satellite.live_server.refusals import (
    NOT_AUDIO,
    Refusal,
    cannot_find,
    invalid_argument,
    unknown_model,
    unsupported_modalities,
)

LONGEST_DETECTION_MS = 30_000
"""Bound of prefixPaddingMs and silenceDurationMs here; what Google allows is not known."""

HALF_CASCADE_VOICES = frozenset({"Puck", "Charon", "Kore", "Fenrir", "Aoede", "Leda", "Orus", "Zephyr"})
# fmt: off
NATIVE_VOICES = HALF_CASCADE_VOICES | {
    "Callirrhoe", "Autonoe", "Enceladus", "Iapetus", "Umbriel", "Algieba", "Despina", "Erinome", "Algenib",
    "Rasalgethi", "Laomedeia", "Achernar", "Alnilam", "Schedar", "Gacrux", "Pulcherrima", "Achird",
    "Zubenelgenubi", "Vindemiatrix", "Sadachbia", "Sadaltager", "Sulafat",
}
# fmt: on
"""The voices of the native audio models (LIVE_API 5.2). All of them sound the same here; their names are checked."""


@dataclass(frozen=True, slots=True)
class Family:
    """How the models of one generation differ on the wire."""

    text_replies: bool = False
    language_code: bool = False
    voices: frozenset[str] = NATIVE_VOICES
    media_chunks: bool = False
    thinking: bool = True
    thinking_level_required: bool = False
    affective_dialog: bool = False
    proactivity_optional: bool = False


HALF_CASCADE = Family(text_replies=True, language_code=True, voices=HALF_CASCADE_VOICES, media_chunks=True)
NATIVE_2_5 = Family(media_chunks=True, affective_dialog=True, proactivity_optional=True)
FLASH_3_1 = Family()
LIVE_3_8 = Family(thinking=False)
LIVE_3_8_THINKING = Family(thinking_level_required=True)

MODELS = {
    "gemini-2.0-flash-exp": HALF_CASCADE,
    "gemini-2.0-flash-live-001": HALF_CASCADE,
    "gemini-live-2.5-flash-preview": HALF_CASCADE,
    "gemini-2.5-flash-preview-native-audio-dialog": NATIVE_2_5,
    "gemini-2.5-flash-exp-native-audio-thinking-dialog": NATIVE_2_5,
    "gemini-2.5-flash-native-audio-preview-09-2025": NATIVE_2_5,
    "gemini-2.5-flash-native-audio-preview-12-2025": NATIVE_2_5,
    "gemini-2.5-flash-native-audio-latest": NATIVE_2_5,
    "gemini-3.1-flash-live-preview": FLASH_3_1,
    "gemini-3.8-live": LIVE_3_8,
    "gemini-3.8-live-extended-thinking": LIVE_3_8_THINKING,
}
"""The Developer API's conversation models by name, retired ones too: old clients may practise here."""


@dataclass(frozen=True, slots=True)
class SessionRules:
    """What a setup asked for, checked, with its defaults filled in."""

    model: str
    family: Family
    audio_reply: bool
    detection: DetectionRules | None
    """None: the client says where its turns begin and end."""
    interruptible: bool
    """The start of an activity cuts the reply. clientContent does so in any case."""
    transcribe_input: bool
    transcribe_output: bool
    resumable: bool
    handle: str
    initial_history: bool
    """The first clientContent messages, up to turnComplete, are history and start no reply."""
    system_instruction: str
    functions: frozenset[str]
    """Names of the functions the client has."""


def accept_setup(setup: Setup, version: str) -> SessionRules:
    """The rules of a session; raises Refusal for what Google would not take. `version`: v1beta, v1alpha or v1."""
    family = MODELS.get(setup.model.removeprefix("models/"))
    if family is None or not setup.model.startswith("models/"):
        raise unknown_model(setup.model or "models/", version)
    config = setup.generation_config or GenerationConfig()
    _check_thinking(config, family)
    _check_speech(config, family)
    _check_proactivity(setup, config, family, version)
    realtime = setup.realtime_input_config or RealtimeInputConfig()
    return SessionRules(
        model=setup.model,
        family=family,
        audio_reply=_is_audio(config, family),
        detection=_detection(realtime),
        interruptible=realtime.activity_handling is not ActivityHandling.NO_INTERRUPTION,
        transcribe_input=setup.input_audio_transcription is not None,
        transcribe_output=setup.output_audio_transcription is not None,
        resumable=setup.session_resumption is not None,
        handle=setup.session_resumption.handle if setup.session_resumption else "",
        initial_history=setup.history_config is not None and setup.history_config.initial_history_in_client_content,
        system_instruction=text_of(setup.system_instruction) if setup.system_instruction else "",
        functions=frozenset(declared.name for tool in setup.tools for declared in tool.function_declarations),
    )


def text_of(content: Content) -> str:
    """The text parts of a content, each a paragraph."""
    return "\n".join(part.text for part in content.parts if part.text)


def _is_audio(config: GenerationConfig, family: Family) -> bool:
    modalities = config.response_modalities or [Modality.AUDIO]
    if len(modalities) > 1:
        raise unsupported_modalities([modality.value for modality in modalities])
    if modalities[0] is Modality.AUDIO:
        return True
    if modalities[0] is not Modality.TEXT:
        raise unsupported_modalities([modalities[0].value])
    if not family.text_replies:
        raise Refusal(1007, NOT_AUDIO)
    return False


def _check_thinking(config: GenerationConfig, family: Family) -> None:
    level = config.thinking_config.thinking_level if config.thinking_config else None
    if config.thinking_config is not None and not family.thinking:
        raise invalid_argument("thinkingConfig must be absent for this model")
    if family.thinking_level_required and level not in (ThinkingLevel.LOW, ThinkingLevel.MEDIUM, ThinkingLevel.HIGH):
        raise invalid_argument("thinkingConfig.thinkingLevel LOW, MEDIUM or HIGH is required for this model")


def _check_speech(config: GenerationConfig, family: Family) -> None:
    speech = config.speech_config
    if speech is None:
        return
    if speech.language_code and not family.language_code:
        raise invalid_argument("this model chooses its language by itself: no languageCode")
    prebuilt = speech.voice_config.prebuilt_voice_config if speech.voice_config else None
    if prebuilt is not None and prebuilt.voice_name and prebuilt.voice_name not in family.voices:
        raise invalid_argument(f"unknown voice {prebuilt.voice_name!r} for this model")


def _check_proactivity(setup: Setup, config: GenerationConfig, family: Family, version: str) -> None:
    if config.enable_affective_dialog is not None:
        if version != "v1alpha":
            raise cannot_find("enableAffectiveDialog", "setup.generation_config")
        if not family.affective_dialog:
            raise invalid_argument("this model has no affective dialog")
    if setup.proactivity is not None:
        if family.proactivity_optional and version != "v1alpha":
            raise cannot_find("proactivity", "setup")
        if not family.proactivity_optional and setup.proactivity.proactive_audio is False:
            raise invalid_argument("proactive audio cannot be switched off for this model")


def _detection(realtime: RealtimeInputConfig) -> DetectionRules | None:
    asked = realtime.automatic_activity_detection
    if asked is None:
        return DetectionRules()
    if asked.disabled:
        return None
    defaults = DetectionRules()
    return DetectionRules(
        start_sensitivity="low"
        if asked.start_of_speech_sensitivity is StartSensitivity.START_SENSITIVITY_LOW
        else "high",
        end_sensitivity="low" if asked.end_of_speech_sensitivity is EndSensitivity.END_SENSITIVITY_LOW else "high",
        prefix_padding_ms=_duration_ms("prefixPaddingMs", asked.prefix_padding_ms, defaults.prefix_padding_ms),
        silence_duration_ms=_duration_ms("silenceDurationMs", asked.silence_duration_ms, defaults.silence_duration_ms),
    )


def _duration_ms(name: str, asked_ms: int | None, default_ms: int) -> int:
    if asked_ms is None:
        return default_ms
    if not 0 <= asked_ms <= LONGEST_DETECTION_MS:
        raise invalid_argument(f"{name} is out of range")
    return asked_ms
