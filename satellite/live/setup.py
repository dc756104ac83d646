"""The first message of a session, from the settings and the rules of the model's family. Pure.

It says what the settings say, and leaves out what is the server's default anyway: setup_rules.py is asked first
whether the model takes it. Fields and defaults: LIVE_API 2.1, 2.1.1, 2.1.2.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from satellite.core.declarations import ToolDeclaration
from satellite.core.errors import ConfigError
from satellite.live.client_messages import ClientMessage
from satellite.live.content import Content, Part
from satellite.live.extra_setup import with_extra
from satellite.live.models import Functions, ModelFamily, Proactivity, Thinking
from satellite.live.setup_messages import (
    ActivityHandling,
    AudioTranscriptionConfig,
    AutomaticActivityDetection,
    ContextWindowCompressionConfig,
    EndSensitivity,
    GenerationConfig,
    HistoryConfig,
    MediaResolution,
    Modality,
    PrebuiltVoiceConfig,
    ProactivityConfig,
    RealtimeInputConfig,
    SessionResumptionConfig,
    Setup,
    SlidingWindow,
    SpeechConfig,
    StartSensitivity,
    ThinkingConfig,
    ThinkingLevel,
    TranscriptionMode,
    TurnCoverage,
    VoiceConfig,
)
from satellite.live.tool_messages import Behavior, FunctionDeclaration, Tool

if TYPE_CHECKING:  # for its type alone: building all settings takes longer than the rest of this folder
    from satellite.settings import ContextSettings, DetectionSettings, GenerationSettings, LiveSettings

COVERAGE = {
    "only_activity": TurnCoverage.TURN_INCLUDES_ONLY_ACTIVITY,
    "all_input": TurnCoverage.TURN_INCLUDES_ALL_INPUT,
    "audio_activity_and_all_video": TurnCoverage.TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO,
}


def session_setup(
    settings: "LiveSettings",
    family: ModelFamily,
    *,
    model: str,
    activity_manual: bool,
    tools: Sequence[ToolDeclaration],
    instruction: str,
    seeded: bool = False,
) -> Setup:
    """The setup of a fresh session; ConfigError when a tool's parameters, or live.extra_setup, cannot be used.

    `model` in the form the backend wants, `instruction` with its placeholders filled in. `seeded`: the first
    clientContent will be history.
    """
    generation = settings.generation
    setup = Setup(
        model=model,
        generation_config=_generation(settings, family),
        system_instruction=_instruction(instruction, family),
        tools=_tools(settings, family, tools),
        realtime_input_config=_realtime_input(settings, family, activity_manual=activity_manual),
        session_resumption=_resumption(settings.context),
        context_window_compression=_compression(settings.context),
        input_audio_transcription=_transcription(settings, of_input=True) if settings.input_transcription else None,
        output_audio_transcription=_transcription(settings, of_input=False) if settings.output_transcription else None,
        proactivity=_proactivity(generation, family),
        history_config=_history(family) if seeded else None,
        explicit_vad_signal=settings.detection.explicit_vad_signal,
    )
    return with_extra(setup, settings.extra_setup.get_secret_value())


def encode_setup(setup: Setup, handle: str | None) -> str:
    """The setup message; with a handle it resumes that session, whose history is there already."""
    if handle:
        resumption = (setup.session_resumption or SessionResumptionConfig()).model_copy(update={"handle": handle})
        setup = setup.model_copy(update={"session_resumption": resumption, "history_config": None})
    return ClientMessage(setup=setup).to_json()


def _generation(settings: "LiveSettings", family: ModelFamily) -> GenerationConfig:
    asked = settings.generation
    resolution = f"MEDIA_RESOLUTION_{asked.media_resolution.upper()}"
    return GenerationConfig(
        response_modalities=[Modality(asked.modality.upper())],
        max_output_tokens=asked.max_output_tokens,
        temperature=asked.temperature,
        top_p=asked.top_p,
        top_k=asked.top_k,
        presence_penalty=asked.presence_penalty,
        frequency_penalty=asked.frequency_penalty,
        seed=asked.seed,
        speech_config=_speech(settings),
        media_resolution=MediaResolution(resolution) if asked.media_resolution else None,
        thinking_config=_thinking(asked, family),
        enable_affective_dialog=asked.affective_dialog or None,
    )


def _speech(settings: "LiveSettings") -> SpeechConfig | None:
    if not settings.voice and not settings.language:
        return None
    voice = VoiceConfig(prebuilt_voice_config=PrebuiltVoiceConfig(voice_name=settings.voice))
    return SpeechConfig(voice_config=voice if settings.voice else None, language_code=settings.language)


def _thinking(asked: "GenerationSettings", family: ModelFamily) -> ThinkingConfig | None:
    """None where nothing is asked: 3.8-live closes with 1007 even for an empty one."""
    level: str = asked.thinking_level
    if not level and family.thinking is Thinking.LEVEL_REQUIRED:
        level = family.thinking_levels[0]
    if not level and asked.thinking_budget is None and not asked.include_thoughts:
        return None
    return ThinkingConfig(
        include_thoughts=asked.include_thoughts,
        thinking_budget=asked.thinking_budget,
        thinking_level=ThinkingLevel(level.upper()) if level else None,
    )


def _instruction(text: str, family: ModelFamily) -> Content | None:
    return Content(parts=[Part(text=text)]) if text and family.takes_instruction else None


def _tools(settings: "LiveSettings", family: ModelFamily, declared: Sequence[ToolDeclaration]) -> list[Tool]:
    """Our functions, unless the model calls none, and the server's tools that are switched on."""
    tools: list[Tool] = []
    if declared and family.functions is not Functions.NONE:
        tools.append(Tool(function_declarations=[_declare(tool, family) for tool in declared]))
    tools += [Tool.model_validate({name: {}}) for name, wanted in settings.server_tools if wanted]
    return tools


def _declare(tool: ToolDeclaration, family: ModelFamily) -> FunctionDeclaration:
    try:
        schema = json.loads(tool.parameters)
    except ValueError:
        schema = None
    if not isinstance(schema, dict):
        raise ConfigError(f"tool {tool.name}: its parameters are not a JSON schema")
    return FunctionDeclaration(
        name=tool.name,
        description=tool.description,
        parameters_json_schema=schema,
        behavior=_behavior(tool, family),
    )


def _behavior(tool: ToolDeclaration, family: ModelFamily) -> Behavior | None:
    """What is said of a function where it is not what the family does by itself (LIVE_API 4.5)."""
    if family.functions is Functions.NON_BLOCKING_DEFAULT:
        return None if tool.non_blocking else Behavior.BLOCKING
    if family.functions is Functions.ASYNC:
        return None
    return Behavior.NON_BLOCKING if tool.non_blocking else None


def _realtime_input(
    settings: "LiveSettings", family: ModelFamily, *, activity_manual: bool
) -> RealtimeInputConfig | None:
    asked = settings.detection
    uninterrupted = asked.activity_handling == "no_interruption"
    covers_otherwise = asked.turn_coverage not in ("", family.turn_coverage)
    config = RealtimeInputConfig(
        automatic_activity_detection=_detection(asked, activity_manual=activity_manual),
        activity_handling=ActivityHandling.NO_INTERRUPTION if uninterrupted else None,
        turn_coverage=COVERAGE[asked.turn_coverage] if covers_otherwise else None,
        interim_transcript_timestamp_enabled=settings.transcription.interim or None,
    )
    return None if config == RealtimeInputConfig() else config


def _detection(asked: "DetectionSettings", *, activity_manual: bool) -> AutomaticActivityDetection | None:
    """The five knobs. How readily speech is heard by default differs from backend to backend: what is set is sent."""
    if activity_manual:
        return AutomaticActivityDetection(disabled=True)
    start, end = asked.start_sensitivity.upper(), asked.end_sensitivity.upper()
    config = AutomaticActivityDetection(
        start_of_speech_sensitivity=StartSensitivity(f"START_SENSITIVITY_{start}") if start else None,
        end_of_speech_sensitivity=EndSensitivity(f"END_SENSITIVITY_{end}") if end else None,
        prefix_padding_ms=asked.prefix_padding_ms,
        silence_duration_ms=asked.silence_duration_ms,
    )
    return None if config == AutomaticActivityDetection() else config


def _resumption(asked: "ContextSettings") -> SessionResumptionConfig | None:
    return SessionResumptionConfig(transparent=asked.transparent) if asked.resumption else None


def _compression(asked: "ContextSettings") -> ContextWindowCompressionConfig | None:
    """slidingWindow is sent even when it is empty: it names the one mechanism there is."""
    if not asked.compression:
        return None
    return ContextWindowCompressionConfig(
        trigger_tokens=asked.trigger_tokens, sliding_window=SlidingWindow(target_tokens=asked.target_tokens)
    )


def _transcription(settings: "LiveSettings", *, of_input: bool) -> AudioTranscriptionConfig:
    """Who is speaking is asked of the input alone: the reply has one voice."""
    asked = settings.transcription
    return AudioTranscriptionConfig(
        language_codes=list(asked.language_codes),
        custom_vocabulary=list(asked.custom_vocabulary),
        word_timestamp=asked.word_timestamps,
        diarization=asked.diarization and of_input,
        mode=TranscriptionMode(asked.mode.upper()) if asked.mode else None,
    )


def _proactivity(asked: "GenerationSettings", family: ModelFamily) -> ProactivityConfig | None:
    if not asked.proactive_audio or family.proactivity is Proactivity.ALWAYS:
        return None
    return ProactivityConfig(proactive_audio=True)


def _history(family: ModelFamily) -> HistoryConfig | None:
    return HistoryConfig(initial_history_in_client_content=True) if family.history_config else None
