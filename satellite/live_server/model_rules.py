"""What a setup asks for, checked as Google checks it (LIVE_API 2.1, 5.1, 5.2) against the one table of models.

`accept_setup` turns a parsed setup into the rules one connection follows, or refuses it with Google's code and
words. What differs between families is a field of live/models.py.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from satellite.live.messages import (
    ActivityHandling,
    Behavior,
    Content,
    GenerationConfig,
    Modality,
    RealtimeInputConfig,
    Setup,
    ThinkingConfig,
    ThinkingLevel,
    Tool,
)
from satellite.live.models import (
    ALPHA,
    DEVELOPER,
    LANGUAGES,
    LARGEST_THINKING_BUDGET_TOKENS,
    VERTEX,
    Functions,
    ModelFamily,
    Proactivity,
    Reply,
    Thinking,
    bare_name,
    known_family,
)
from satellite.live_server.refusals import (
    NOT_AUDIO,
    Refusal,
    cannot_find,
    invalid_argument,
    unknown_model,
    unsupported_modalities,
)
from satellite.live_server.session_rules import FunctionBehavior, SessionRules
from satellite.live_server.setup_details import (
    compression_of,
    coverage_of,
    detection_of,
    resolution_of,
    transcript_of,
)

__all__ = ["SessionRules", "accept_setup", "text_of", "with_tools"]

SERVER_TOOLS = ("google_search", "code_execution", "url_context", "google_maps")
"""The tools that run at the server, by their field of a Tool."""

BEHAVIORS: dict[Functions, tuple[FunctionBehavior, ...]] = {
    Functions.NONE: (),
    Functions.BLOCKING: ("blocking",),
    Functions.BOTH: ("blocking", "non_blocking"),
    Functions.NON_BLOCKING_DEFAULT: ("non_blocking", "blocking"),
    Functions.ASYNC: ("non_blocking",),
}
"""What a family's functions may be, its default first."""

VERTEX_FOLDER = re.compile(r"projects/[^/]+/locations/[^/]+/publishers/google/models/")
INT32_MAX = 2**31 - 1


def accept_setup(setup: Setup, version: str, backend: str = DEVELOPER) -> SessionRules:
    """The rules of a session; raises Refusal for what Google would not take.

    `version` of the API as dialled, `backend` developer or vertex.
    """
    family = _family(setup.model, version, backend)
    config = setup.generation_config or GenerationConfig()
    _check_fields(setup, config, family, version, backend)
    _check_sampling(config)
    realtime = setup.realtime_input_config or RealtimeInputConfig()
    resumption = setup.session_resumption
    thinking = _thinking(config.thinking_config, family)
    voice, language = _speech(config, family, backend)
    return SessionRules(
        model=setup.model,
        family=family,
        audio_reply=_is_audio(config, family),
        detection=detection_of(realtime),
        interruptible=realtime.activity_handling is not ActivityHandling.NO_INTERRUPTION,
        transcribe_input=setup.input_audio_transcription is not None,
        transcribe_output=setup.output_audio_transcription is not None,
        resumable=resumption is not None,
        handle=resumption.handle if resumption else "",
        initial_history=setup.history_config is not None and setup.history_config.initial_history_in_client_content,
        system_instruction=_instruction(setup.system_instruction),
        functions=dict(_functions(setup.tools, family)),
        backend=backend,
        turn_coverage=coverage_of(realtime.turn_coverage, family),
        input_transcript=transcript_of(setup.input_audio_transcription),
        output_transcript=transcript_of(setup.output_audio_transcription),
        draft_timestamps=bool(realtime.interim_transcript_timestamp_enabled),
        transparent=resumption is not None and resumption.transparent,
        compression=compression_of(setup.context_window_compression, family),
        context_window_tokens=family.context_window_tokens,
        server_tools=_server_tools(setup.tools, family),
        include_thoughts=thinking.include_thoughts,
        thinking_level=thinking.thinking_level.lower() if thinking.thinking_level else "",
        thinking_budget=thinking.thinking_budget,
        affective=bool(config.enable_affective_dialog),
        proactive=family.proactivity is Proactivity.ALWAYS
        or (setup.proactivity is not None and bool(setup.proactivity.proactive_audio)),
        explicit_vad=setup.explicit_vad_signal,
        media_resolution=resolution_of(config.media_resolution),
        max_output_tokens=config.max_output_tokens,
        voice=voice,
        language=language,
    )


def with_tools(rules: SessionRules, tools: list[Tool]) -> SessionRules:
    """The same rules with other tools (contextUpdate); raises Refusal for what the model does not take."""
    functions = dict(_functions(tools, rules.family))
    return replace(rules, functions=functions, server_tools=_server_tools(tools, rules.family))


def text_of(content: Content) -> str:
    """The text parts of a content, each a paragraph."""
    return "\n".join(part.text for part in content.parts if part.text)


def _instruction(content: Content | None) -> str:
    if content is None:
        return ""
    if any(part.text is None for part in content.parts):
        raise invalid_argument("systemInstruction has text parts only")
    return text_of(content)


def _family(model: str, version: str, backend: str) -> ModelFamily:
    """The family of a model that this backend serves, named in one of its forms (LIVE_API 1.5)."""
    folder = model[: len(model) - len(bare_name(model))]
    if backend == VERTEX:
        named_well = folder in ("", "publishers/google/models/") or bool(VERTEX_FOLDER.fullmatch(folder))
    else:
        named_well = folder == "models/"
    family = known_family(model)
    if family is None or not named_well or not family.serves(bare_name(model), backend):
        raise unknown_model(model or "models/", version)
    return family


def _check_fields(setup: Setup, config: GenerationConfig, family: ModelFamily, version: str, backend: str) -> None:
    """Fields that this backend or this version of its API does not have; then those the family does not take."""
    alpha_missing = backend == DEVELOPER and version != ALPHA
    if config.enable_affective_dialog is not None:
        if alpha_missing:
            raise cannot_find("enableAffectiveDialog", "setup.generation_config")
        if not family.affective:
            raise invalid_argument("this model has no affective dialog")
    if setup.proactivity is not None:
        wanted = setup.proactivity.proactive_audio
        if family.proactivity is Proactivity.OPTIONAL and alpha_missing:
            raise cannot_find("proactivity", "setup")
        if family.proactivity is Proactivity.NONE and wanted is not None:
            raise invalid_argument("this model has no proactive audio")
        if family.proactivity is Proactivity.ALWAYS and wanted is False:
            raise invalid_argument("proactive audio cannot be switched off for this model")
    if config.translation_config is not None and not family.translates:
        raise invalid_argument("this model does not translate")
    if backend == DEVELOPER:
        if setup.session_resumption is not None and setup.session_resumption.transparent:
            raise cannot_find("transparent", "setup.session_resumption")
        if setup.explicit_vad_signal:
            raise cannot_find("explicitVadSignal", "setup")


def _is_audio(config: GenerationConfig, family: ModelFamily) -> bool:
    modalities = config.response_modalities
    if len(modalities) > 1:
        raise unsupported_modalities([modality.value for modality in modalities])
    if not modalities:
        return Reply.AUDIO in family.replies
    if modalities[0] is Modality.TEXT and Reply.TEXT not in family.replies:
        raise Refusal(1007, NOT_AUDIO)
    if modalities[0].value.lower() not in family.replies:
        raise unsupported_modalities([modalities[0].value])
    return modalities[0] is Modality.AUDIO


def _check_sampling(config: GenerationConfig) -> None:
    """Ranges of LIVE_API 2.1's numbers, as Google's reference of GenerationConfig gives them."""
    for name, value, least, most in (
        ("temperature", config.temperature, 0.0, 2.0),
        ("topP", config.top_p, 0.0, 1.0),
        ("topK", config.top_k, 1.0, INT32_MAX),
        ("presencePenalty", config.presence_penalty, -2.0, 2.0),
        ("frequencyPenalty", config.frequency_penalty, -2.0, 2.0),
        ("maxOutputTokens", config.max_output_tokens, 1.0, INT32_MAX),
    ):
        if value is not None and not least <= value <= most:
            raise invalid_argument(f"{name} is out of range")


def _thinking(asked: ThinkingConfig | None, family: ModelFamily) -> ThinkingConfig:
    """What is asked about thinking, an unspecified level taken for none; an empty config where nothing is asked."""
    if asked is not None and family.thinking is Thinking.NONE:
        raise invalid_argument("thinkingConfig must be absent for this model")
    asked = asked or ThinkingConfig()
    if asked.thinking_level is ThinkingLevel.THINKING_LEVEL_UNSPECIFIED:
        asked = asked.model_copy(update={"thinking_level": None})
    if asked.thinking_budget is not None:
        if family.thinking is not Thinking.BUDGET:
            raise invalid_argument("this model takes a thinkingLevel, no thinkingBudget")
        if not -1 <= asked.thinking_budget <= LARGEST_THINKING_BUDGET_TOKENS:
            raise invalid_argument("thinkingBudget is out of range")
    if asked.thinking_level is None:
        if family.thinking is Thinking.LEVEL_REQUIRED:
            raise invalid_argument("thinkingConfig.thinkingLevel is required for this model")
    elif asked.thinking_level.lower() not in family.thinking_levels:
        raise invalid_argument(f"this model takes no thinkingLevel {asked.thinking_level}")
    return asked


def _speech(config: GenerationConfig, family: ModelFamily, backend: str) -> tuple[str, str]:
    """Voice and language that are asked for, "" where none is."""
    speech = config.speech_config
    if speech is None:
        return "", ""
    if speech.language_code:
        if not family.takes_language:
            raise invalid_argument("this model chooses its language by itself: no languageCode")
        if speech.language_code not in LANGUAGES[backend]:
            raise invalid_argument(f"unknown languageCode {speech.language_code!r}")
    if speech.multi_speaker_voice_config is not None:
        raise invalid_argument("a Live session has one voice")
    voice = ""
    if speech.voice_config is not None:
        prebuilt = speech.voice_config.prebuilt_voice_config
        voice = speech.voice_config.voice or (prebuilt.voice_name if prebuilt else "")
    if voice and voice not in family.voices:
        raise invalid_argument(f"unknown voice {voice!r} for this model")
    return voice, speech.language_code


def _functions(tools: list[Tool], family: ModelFamily) -> Iterator[tuple[str, FunctionBehavior]]:
    """Each declared function and its behaviour."""
    allowed = BEHAVIORS[family.functions]
    for declared in (declared for tool in tools for declared in tool.function_declarations):
        if not allowed:
            raise invalid_argument("this model calls no functions")
        asked: FunctionBehavior = allowed[0]
        if declared.behavior is Behavior.BLOCKING:
            asked = "blocking"
        elif declared.behavior is Behavior.NON_BLOCKING:
            asked = "non_blocking"
        if asked not in allowed:
            raise invalid_argument(f"this model has no {asked} functions")
        yield declared.name, asked


def _server_tools(tools: list[Tool], family: ModelFamily) -> frozenset[str]:
    wanted = frozenset(name for name in SERVER_TOOLS for tool in tools if getattr(tool, name) is not None)
    for name in sorted(wanted - family.server_tools):
        raise invalid_argument(f"this model has no {name}")
    return wanted
