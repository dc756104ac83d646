"""What a configuration may ask of the chosen model and backend: checked at start, not by the server at each wake.

The rules are those of models.py's table and of LIVE_API 2.1; each refusal names key, value and rule. The embedded
server refuses the same setups in Google's words (live_server/model_rules.py), and a test holds the two together:
a new rule belongs in both. That there is one response modality needs no rule: the setting takes one word. Nor can
proactive_audio = false be refused where the model is always proactive: false says nothing and nothing is sent.
"""

import logging
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from satellite.core.declarations import ToolDeclaration
from satellite.core.errors import ConfigError
from satellite.live.dialects import Dialect
from satellite.live.extra_setup import KEY, read_extra
from satellite.live.models import (
    ALPHA,
    DEVELOPER,
    LANGUAGES,
    LARGEST_THINKING_BUDGET_TOKENS,
    LONGEST_DETECTION_MS,
    STARRED_LANGUAGES,
    VERSIONS,
    VERTEX,
    Functions,
    ModelFamily,
    Proactivity,
    Reply,
    Thinking,
    bare_name,
    family_of,
    known_family,
)
from satellite.live.setup import session_setup

if TYPE_CHECKING:  # for its type alone: building all settings takes longer than the rest of this folder
    from satellite.settings import DetectionSettings, GenerationSettings, LiveSettings

log = logging.getLogger(__name__)

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
MODEL_FOLDERS = {DEVELOPER: ("models/", "tunedModels/"), VERTEX: ("projects/", "publishers/")}
"""How a model's name begins where it is no bare name (LIVE_API 1.5)."""

BUILTIN_TOOLS = frozenset({"get_time", "set_timer", "cancel_timer", "set_volume", "end_conversation"})
"""The satellite's own (tools/builtin.py): nobody asked for them, so a model that calls none goes without."""

TRANSLATION_EXAMPLE = '{"generationConfig": {"translationConfig": {"targetLanguageCode": "de-DE"}}}'


def check_setup(settings: "LiveSettings", *, activity_manual: bool, tools: Sequence[ToolDeclaration]) -> None:
    """ConfigError with one line for each thing that the server would refuse, or that would have no effect.

    `activity_manual`: the satellite says where turns begin and end. `tools`: our own functions. A model that nobody
    here knows is warned of, not refused.
    """
    family = family_of(settings.model)
    if known_family(settings.model) is None:
        log.warning("live.model %s is unknown: treated like %s", settings.model, family.name)
    problems = [
        *_backend(settings, family),
        *_sampling(settings.generation),
        *_thinking(settings.generation, family),
        *_dialogue(settings, family),
        *_speech(settings, family),
        *_detection(settings, activity_manual=activity_manual),
        *_context(settings, family),
        *_transcription(settings),
        *_tools(settings, family, tools),
        *_extra(settings, family),
    ]
    if problems:
        raise ConfigError("\n".join(problems))
    if settings.extra_setup:  # beside the rest: what both say
        session_setup(settings, family, model="", activity_manual=activity_manual, tools=tools, instruction="")


def api_version(settings: "LiveSettings") -> str:
    """The version that was asked for; else the backend's usual one, or the one that has the features asked for."""
    if settings.api_version:
        return settings.api_version
    if settings.backend == DEVELOPER and _alpha_features(settings, family_of(settings.model)):
        return ALPHA
    return VERSIONS[settings.backend][0]


def connection_age_s(settings: "LiveSettings") -> int:
    """Age at which a connection is handed over: the setting's, or the model's."""
    return settings.context.connection_age_s or family_of(settings.model).connection_age_s


def _line(key: str, value: object, rule: str) -> str:
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    return f"live.{key} = {shown}: {rule}"


def _nearest(word: str, known: frozenset[str]) -> str:
    """` (did you mean X?)`, or nothing."""
    by_letters = {name.lower(): name for name in sorted(known)}
    found = get_close_matches(word.lower(), by_letters, n=1)
    return f" (did you mean {by_letters[found[0]]}?)" if found else ""


def _alpha_features(settings: "LiveSettings", family: ModelFamily) -> list[str]:
    """Keys of what is asked for and, on the Developer API, in ALPHA alone."""
    wanted = settings.generation
    keys = []
    if wanted.affective_dialog and family.affective:
        keys.append("generation.affective_dialog")
    if wanted.proactive_audio and family.proactivity is Proactivity.OPTIONAL:
        keys.append("generation.proactive_audio")
    return keys


def _backend(settings: "LiveSettings", family: ModelFamily) -> Iterator[str]:
    backend, model, version = settings.backend, settings.model, settings.api_version
    other = DEVELOPER if backend == VERTEX else VERTEX
    name = bare_name(model)
    if model != name and not model.startswith(MODEL_FOLDERS[backend]):
        yield _line("model", model, f"live.backend is {backend}: expected NAME or {MODEL_FOLDERS[backend][0]}...")
    elif not family.serves(name, backend) and family.serves(name, other):
        yield _line("model", model, f"is served by backend {other}, live.backend is {backend}")
    if version and version not in VERSIONS[backend]:
        yield _line("api_version", version, f"backend {backend} has {', '.join(VERSIONS[backend])}")
    if backend == DEVELOPER and version not in ("", ALPHA):
        for key in _alpha_features(settings, family):
            yield _line(key, True, f"needs live.api_version {ALPHA} or empty, not {version}")
    token = settings.token
    if backend == VERTEX and (token.value.get_secret_value() or token.value_file or token.url or token.command):
        yield "live.token: ephemeral tokens are for backend developer, live.backend is vertex"


def _sampling(asked: "GenerationSettings") -> Iterator[str]:
    """Ranges of LIVE_API 2.1's numbers, as Google's reference of GenerationConfig gives them."""
    for key, value, least, most in (
        ("temperature", asked.temperature, 0, 2),
        ("top_p", asked.top_p, 0, 1),
        ("top_k", asked.top_k, 1, INT32_MAX),
        ("presence_penalty", asked.presence_penalty, -2, 2),
        ("frequency_penalty", asked.frequency_penalty, -2, 2),
        ("max_output_tokens", asked.max_output_tokens, 1, INT32_MAX),
        ("seed", asked.seed, INT32_MIN, INT32_MAX),
    ):
        if value is not None and not least <= value <= most:
            yield _line(f"generation.{key}", value, f"expected {least} to {most}")


def _thinking(asked: "GenerationSettings", family: ModelFamily) -> Iterator[str]:
    budget, level = asked.thinking_budget, asked.thinking_level
    if family.thinking is Thinking.NONE:
        said = {"budget": budget, "level": level or None}
        for key, value in said.items():
            if value is not None:
                yield _line(f"generation.thinking_{key}", value, f"{family.name} models take no thinking settings")
        if asked.include_thoughts:
            yield _line("generation.include_thoughts", True, f"{family.name} models take no thinking settings")
        return
    if budget is not None:
        if family.thinking is not Thinking.BUDGET:
            rule = f"{family.name} models take thinking_level ({', '.join(family.thinking_levels)})"
            yield _line("generation.thinking_budget", budget, rule)
        elif not -1 <= budget <= LARGEST_THINKING_BUDGET_TOKENS:
            rule = f"expected -1 (as much as it likes), 0 (off) or up to {LARGEST_THINKING_BUDGET_TOKENS}"
            yield _line("generation.thinking_budget", budget, rule)
    if level and level not in family.thinking_levels:
        rule = f"take {', '.join(family.thinking_levels)}" if family.thinking_levels else "take thinking_budget"
        yield _line("generation.thinking_level", level, f"{family.name} models {rule}")


def _dialogue(settings: "LiveSettings", family: ModelFamily) -> Iterator[str]:
    """What a reply is made of, and how the model behaves in a conversation."""
    asked = settings.generation
    reply = Reply(asked.modality)
    if reply not in family.replies:
        rule = "reply in sound alone (half-cascade models can write)" if reply is Reply.TEXT else "reply in text alone"
        yield _line("generation.modality", reply, f"{family.name} models {rule}")
    if asked.affective_dialog and not family.affective:
        yield _line("generation.affective_dialog", True, f"{family.name} models have none (2.5 native audio has)")
    if asked.proactive_audio and family.proactivity is Proactivity.NONE:
        yield _line(
            "generation.proactive_audio", True, f"{family.name} models have none (2.5 native audio and 3.8 have)"
        )


def _speech(settings: "LiveSettings", family: ModelFamily) -> Iterator[str]:
    voice, language = settings.voice, settings.language
    if voice and not family.voices:
        yield _line("voice", voice, f"{family.name} models do not speak")
    elif voice and voice not in family.voices:
        yield _line("voice", voice, f"{family.name} models have no such voice{_nearest(voice, family.voices)}")
    known = LANGUAGES[settings.backend]
    if not language:
        return
    if not family.takes_language:
        if language in STARRED_LANGUAGES:
            rule = "is not available with native audio (half-cascade models speak it)"
        else:
            rule = f"{family.name} models choose the language by themselves: leave it empty"
        yield _line("language", language, rule)
    elif language not in known:
        rule = f"backend {settings.backend} does not speak it{_nearest(language, known)}"
        yield _line("language", language, rule)


def _detection(settings: "LiveSettings", *, activity_manual: bool) -> Iterator[str]:
    asked: DetectionSettings = settings.detection
    for key in ("start_sensitivity", "end_sensitivity", "prefix_padding_ms", "silence_duration_ms"):
        value = getattr(asked, key)
        if value is None or value == "":
            continue
        if activity_manual:
            yield _line(f"detection.{key}", value, "has no effect: conversation.activity is manual, not automatic")
        elif isinstance(value, int) and not 0 <= value <= LONGEST_DETECTION_MS:
            yield _line(f"detection.{key}", value, f"expected 0 to {LONGEST_DETECTION_MS} ms")
    if asked.explicit_vad_signal and settings.backend == DEVELOPER:
        yield _line("detection.explicit_vad_signal", True, "only Vertex AI has it")


def _context(settings: "LiveSettings", family: ModelFamily) -> Iterator[str]:
    asked = settings.context
    if asked.transparent and not asked.resumption:
        yield _line("context.transparent", True, "has no effect: live.context.resumption is false")
    elif asked.transparent and settings.backend == DEVELOPER:
        yield _line("context.transparent", True, "only Vertex AI has it")
    asked_tokens = {"target_tokens": asked.target_tokens, "trigger_tokens": asked.trigger_tokens}
    said = {key: value for key, value in asked_tokens.items() if value is not None}
    if not asked.compression:
        for key, value in said.items():
            yield _line(f"context.{key}", value, "has no effect: live.context.compression is false")
        return
    try:
        family.compression_tokens(asked.trigger_tokens, asked.target_tokens)
    except ValueError as sizes:
        key, value = next(iter(said.items()))
        yield _line(f"context.{key}", value, f"expected 0 < target < trigger <= window of the model, not {sizes}")


def _transcription(settings: "LiveSettings") -> Iterator[str]:
    asked = settings.transcription
    for key in ("language_codes", "custom_vocabulary", "word_timestamps", "diarization", "interim", "mode"):
        value = getattr(asked, key)
        shown = ",".join(value) if isinstance(value, tuple) else value
        if value and not (settings.input_transcription or settings.output_transcription):
            yield _line(f"transcription.{key}", shown, "has no effect: both transcriptions are off")
        elif value and key in ("diarization", "interim") and not settings.input_transcription:
            yield _line(f"transcription.{key}", shown, "has no effect: live.input_transcription is false")
        elif value and asked.mode == "smart" and key in ("word_timestamps", "diarization"):
            yield _line(f"transcription.{key}", shown, "not with mode smart")


def _tools(settings: "LiveSettings", family: ModelFamily, tools: Sequence[ToolDeclaration]) -> Iterator[str]:
    for key, wanted in settings.server_tools:
        if wanted and key not in family.server_tools:
            taken = ", ".join(sorted(family.server_tools)) or "none"
            yield _line(f"server_tools.{key}", True, f"{family.name} models do not take it (they take: {taken})")
    for tool in tools:
        key = f"tools.functions.{tool.name}"
        if family.functions is Functions.NONE and tool.name not in BUILTIN_TOOLS:
            yield f"{key}: has no effect: {family.name} models call no functions"
        elif family.functions is Functions.BLOCKING and tool.non_blocking:
            yield f"{key}.behavior = non_blocking: {family.name} models wait for every function"


def _extra(settings: "LiveSettings", family: ModelFamily) -> Iterator[str]:
    """What live.extra_setup asks of the backend and the family; what it has to say by itself for a translation."""
    try:
        extra = read_extra(settings.extra_setup.get_secret_value(), Dialect(settings.backend, api_version(settings)))
    except ConfigError as unreadable:
        yield str(unreadable)
        return
    translates = "translationConfig" in extra.get("generationConfig", {})
    if family.translates and not translates:
        rule = f"{family.name} models have to be told a language: live.extra_setup = '{TRANSLATION_EXAMPLE}'"
        yield _line("model", settings.model, rule)
    elif translates and not family.translates:
        yield f"{KEY}: generationConfig.translationConfig: {family.name} models do not translate"
