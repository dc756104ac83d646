"""The first message of a session, from the settings and the rules of the model's family. Pure."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from satellite.core.declarations import ToolDeclaration
from satellite.core.errors import ConfigError
from satellite.live.client_messages import (
    AudioTranscriptionConfig,
    AutomaticActivityDetection,
    ClientMessage,
    FunctionDeclaration,
    GenerationConfig,
    Modality,
    PrebuiltVoiceConfig,
    RealtimeInputConfig,
    SessionResumptionConfig,
    Setup,
    SpeechConfig,
    ThinkingConfig,
    ThinkingLevel,
    Tool,
    VoiceConfig,
)
from satellite.live.content import Content, Part
from satellite.live.models import ModelFamily

if TYPE_CHECKING:  # for its type alone: building all settings takes longer than the rest of this folder
    from satellite.settings import LiveSettings


def session_setup(
    settings: "LiveSettings",
    family: ModelFamily,
    *,
    model: str,
    activity_manual: bool,
    tools: Sequence[ToolDeclaration],
) -> Setup:
    """The setup of a fresh session; ConfigError when a tool's parameters are no JSON schema."""
    return Setup(
        model=model,
        generation_config=GenerationConfig(
            response_modalities=[Modality.AUDIO],
            speech_config=_speech(settings, family),
            thinking_config=_thinking(family),
        ),
        system_instruction=_instruction(settings.system_instruction),
        tools=[Tool(function_declarations=[_declare(tool) for tool in tools])] if tools else [],
        realtime_input_config=_manual_activity() if activity_manual else None,
        session_resumption=SessionResumptionConfig(),
        input_audio_transcription=AudioTranscriptionConfig() if settings.input_transcription else None,
        output_audio_transcription=AudioTranscriptionConfig() if settings.output_transcription else None,
    )


def encode_setup(setup: Setup, handle: str | None) -> str:
    """The setup message, resuming with `handle` when there is one."""
    if handle:
        setup = setup.model_copy(update={"session_resumption": SessionResumptionConfig(handle=handle)})
    return ClientMessage(setup=setup).to_json()


def _speech(settings: "LiveSettings", family: ModelFamily) -> SpeechConfig | None:
    language = settings.language if family.takes_language else ""
    if not settings.voice and not language:
        return None
    voice = VoiceConfig(prebuilt_voice_config=PrebuiltVoiceConfig(voice_name=settings.voice))
    return SpeechConfig(voice_config=voice if settings.voice else None, language_code=language)


def _thinking(family: ModelFamily) -> ThinkingConfig | None:
    if family.thinking_level is None:
        return None
    return ThinkingConfig(thinking_level=ThinkingLevel(family.thinking_level))


def _instruction(text: str) -> Content | None:
    return Content(parts=[Part(text=text)]) if text else None


def _manual_activity() -> RealtimeInputConfig:
    return RealtimeInputConfig(automatic_activity_detection=AutomaticActivityDetection(disabled=True))


def _declare(tool: ToolDeclaration) -> FunctionDeclaration:
    try:
        schema = json.loads(tool.parameters)
    except ValueError:
        schema = None
    if not isinstance(schema, dict):
        raise ConfigError(f"tool {tool.name}: its parameters are not a JSON schema")
    return FunctionDeclaration(name=tool.name, description=tool.description, parameters_json_schema=schema)
