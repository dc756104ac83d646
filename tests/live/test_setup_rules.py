"""What is refused at start, in which words, and what the settings mean for version and age of a connection."""

import json
import re
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from satellite.core.declarations import ToolDeclaration
from satellite.core.errors import ConfigError
from satellite.live.messages import PayloadRefused, parse_client_message
from satellite.live.models import FAMILIES, NATIVE_VOICES, STARRED_LANGUAGES, ModelFamily, bare_name, family_of
from satellite.live.setup import encode_setup, session_setup
from satellite.live.setup_rules import BUILTIN_TOOLS, TRANSLATION_EXAMPLE, api_version, check_setup, connection_age_s
from satellite.live_server.model_rules import SessionRules, accept_setup
from satellite.live_server.refusals import Refusal
from satellite.settings import LiveSettings, ToolSettings
from satellite.tools.builtin import builtin_tools

HALF = "gemini-live-2.5-flash-preview"
NATIVE = "gemini-2.5-flash-native-audio-preview-12-2025"
NATIVE_V = "gemini-live-2.5-flash-native-audio"
FLASH_3_1 = "gemini-3.1-flash-live-preview"
LIVE = "gemini-3.8-live"
EXTENDED = "gemini-3.8-live-extended-thinking"
TRANSCRIBE = "gemini-3.5-transcribe-live"

NOT_A_SECRET = "auth_tokens/not-a-real-token"

FUNCTION = ToolDeclaration("lamp", "switches it", '{"type": "object"}')
ASYNC_FUNCTION = ToolDeclaration("oven", "heats it", '{"type": "object"}', non_blocking=True)
BUILTIN = ToolDeclaration("get_time", "tells it", '{"type": "object"}')


def live(model: str = LIVE, **changes: Any) -> LiveSettings:
    """Settings of the Live API; `generation__seed=1` is that of [live.generation]."""
    nested: dict[str, Any] = {"model": model}
    for key, value in changes.items():
        section, _, name = key.partition("__")
        if name:
            nested.setdefault(section, {})[name] = value
        else:
            nested[section] = value
    return LiveSettings.model_validate(nested)


def problems(model: str = LIVE, *, manual: bool = True, tools: Any = (), **changes: Any) -> list[str]:
    """The lines with which such settings are refused; none if they are accepted."""
    try:
        check_setup(live(model, **changes), activity_manual=manual, tools=tools)
    except ConfigError as refused:
        return str(refused).split("\n")
    return []


def needed_by(family: ModelFamily) -> dict[str, Any]:
    """What a family cannot do without: a language to translate into."""
    return {"extra_setup": TRANSLATION_EXAMPLE} if family.translates else {}


def generation(key: str, value: object) -> dict[str, Any]:
    """That setting of [live.generation]."""
    return {f"generation__{key}": value}


def test_the_default_settings_are_accepted_for_every_family() -> None:
    for family in FAMILIES:
        modality = next(iter(sorted(family.replies)))
        backend = "developer" if family.developer_prefixes else "vertex"
        needed = needed_by(family)
        assert not problems(
            family.prefixes[0], backend=backend, generation__modality=modality, tools=[BUILTIN], **needed
        )


def test_text_replies() -> None:
    assert not problems(HALF, generation__modality="text", generation__speak_text=True)
    for model in (NATIVE, FLASH_3_1, LIVE, EXTENDED):
        (line,) = problems(model, generation__modality="text")
        assert line.startswith("live.generation.modality = text: ")
    assert problems(TRANSCRIBE) == ["live.generation.modality = audio: 3.5 transcribe models reply in text alone"]
    assert not problems(TRANSCRIBE, generation__modality="text")


def test_two_modalities_cannot_be_written() -> None:
    with pytest.raises(ValidationError, match="modality"):
        live(generation__modality=["audio", "text"])


def test_languages() -> None:
    assert not problems(HALF, language="de-DE")
    assert not problems(HALF, language="cmn-CN")
    assert problems(HALF, language="de-De") == [
        "live.language = de-De: backend developer does not speak it (did you mean de-DE?)"
    ]
    assert problems(LIVE, language="de-DE") == [
        "live.language = de-DE: 3.8 native audio models choose the language by themselves: leave it empty"
    ]
    assert not problems("gemini-live-2.5-flash", backend="vertex", language="uk-UA")
    assert problems("gemini-live-2.5-flash", backend="vertex", language="cmn-CN")
    assert problems(HALF, language="uk-UA")


@pytest.mark.parametrize("language", sorted(STARRED_LANGUAGES))
def test_starred_languages_are_not_for_native_audio(language: str) -> None:
    assert not problems(HALF, language=language)
    assert problems(NATIVE, language=language) == [
        f"live.language = {language}: is not available with native audio (half-cascade models speak it)"
    ]


def test_voices() -> None:
    for voice in NATIVE_VOICES:
        assert not problems(LIVE, voice=voice)
    assert problems(LIVE, voice="KORE") == [
        "live.voice = KORE: 3.8 native audio models have no such voice (did you mean Kore?)"
    ]
    assert problems(LIVE, voice="Zzzz") == ["live.voice = Zzzz: 3.8 native audio models have no such voice"]
    assert not problems(HALF, voice="Aoede")
    assert "no such voice" in problems(HALF, voice="Sulafat")[0]
    assert problems(TRANSCRIBE, generation__modality="text", voice="Kore") == [
        "live.voice = Kore: 3.5 transcribe models do not speak"
    ]


def test_thinking_budget_and_level() -> None:
    assert not problems(NATIVE, generation__thinking_budget=-1)
    assert not problems(NATIVE, generation__thinking_budget=0, generation__include_thoughts=True)
    assert "expected -1" in problems(NATIVE, generation__thinking_budget=-2)[0]
    assert "24576" in problems(NATIVE, generation__thinking_budget=24_577)[0]
    assert problems(NATIVE, generation__thinking_level="low") == [
        "live.generation.thinking_level = low: 2.5 native audio models take thinking_budget"
    ]
    assert problems(FLASH_3_1, generation__thinking_budget=0) == [
        "live.generation.thinking_budget = 0: 3.1 native audio models take thinking_level (minimal, low, medium, high)"
    ]
    assert not problems(FLASH_3_1, generation__thinking_level="minimal")
    assert problems(FLASH_3_1, generation__thinking_level="xhigh")
    assert not problems(EXTENDED, generation__thinking_level="high")
    assert problems(EXTENDED, generation__thinking_level="minimal") == [
        "live.generation.thinking_level = minimal: 3.8 extended thinking models take low, medium, high"
    ]


@pytest.mark.parametrize("model", [LIVE, HALF])
def test_where_thinking_cannot_be_set_each_setting_is_named(model: str) -> None:
    lines = problems(
        model,
        generation__thinking_budget=0,
        generation__thinking_level="low",
        generation__include_thoughts=True,
    )
    keys = [line.split(" = ")[0] for line in lines]
    assert keys == [f"live.generation.{key}" for key in ("thinking_budget", "thinking_level", "include_thoughts")]
    assert all("no thinking settings" in line for line in lines)


def test_affective_dialog_and_proactive_audio_by_family() -> None:
    both = {"generation__affective_dialog": True, "generation__proactive_audio": True}
    assert not problems(NATIVE, **both)
    assert not problems(NATIVE_V, backend="vertex", **both)
    assert len(problems(FLASH_3_1, **both)) == 2
    assert len(problems(HALF, **both)) == 2
    (affective,) = problems(LIVE, api_version="v1", **both)
    assert affective.startswith("live.generation.affective_dialog = true: ")


def test_proactive_audio_false_cannot_be_said_where_it_is_always_on_and_is_not_sent() -> None:
    assert not problems(LIVE, generation__proactive_audio=False)
    assert "proactivity" not in wire_of(live(LIVE, generation__proactive_audio=False))


@pytest.mark.parametrize("version", ["v1beta", "v1"])
def test_features_of_v1alpha_refuse_another_version(version: str) -> None:
    lines = problems(NATIVE, api_version=version, generation__affective_dialog=True, generation__proactive_audio=True)
    assert lines == [
        f"live.generation.{key} = true: needs live.api_version v1alpha or empty, not {version}"
        for key in ("affective_dialog", "proactive_audio")
    ]
    assert not problems(NATIVE, api_version="v1alpha", generation__affective_dialog=True)
    assert not problems(LIVE, api_version=version, generation__proactive_audio=True)


def test_version_of_the_api() -> None:
    assert api_version(live()) == "v1beta"
    assert api_version(live(api_version="v1")) == "v1"
    assert api_version(live(NATIVE)) == "v1beta"
    assert api_version(live(NATIVE, generation__affective_dialog=True)) == "v1alpha"
    assert api_version(live(NATIVE, generation__proactive_audio=True)) == "v1alpha"
    assert api_version(live(NATIVE, generation__proactive_audio=True, api_version="v1")) == "v1"
    assert api_version(live(LIVE, generation__proactive_audio=True)) == "v1beta"
    assert api_version(live(NATIVE_V, backend="vertex", generation__affective_dialog=True)) == "v1beta1"


@pytest.mark.parametrize(
    ("backend", "version"), [("developer", "v1beta1"), ("vertex", "v1beta"), ("vertex", "v1alpha")]
)
def test_a_version_that_the_backend_does_not_have(backend: str, version: str) -> None:
    (line,) = problems(backend=backend, api_version=version)
    assert line.startswith(f"live.api_version = {version}: backend {backend} has v1beta")


def test_age_of_a_connection() -> None:
    assert connection_age_s(live()) == 57 * 60
    assert connection_age_s(live(NATIVE)) == 9 * 60
    assert connection_age_s(live("gemini-9-live")) == 57 * 60
    assert connection_age_s(live(context__connection_age_s=77)) == 77


@pytest.mark.parametrize(
    ("backend", "model"),
    [
        ("developer", "projects/p/locations/l/publishers/google/models/gemini-3.8-live"),
        ("developer", "publishers/google/models/gemini-3.8-live"),
        ("vertex", "models/gemini-3.8-live"),
        ("developer", NATIVE_V),
        ("vertex", NATIVE),
        ("vertex", "publishers/google/models/" + NATIVE),
    ],
)
def test_a_model_of_the_other_backend(backend: str, model: str) -> None:
    (line,) = problems(model, backend=backend)
    assert line.startswith(f"live.model = {model}: ")
    assert f"live.backend is {backend}" in line


@pytest.mark.parametrize(
    ("backend", "model"),
    [
        ("developer", "gemini-9-live"),
        ("developer", "models/gemini-3.8-live"),
        ("developer", "tunedModels/mine"),
        ("vertex", "publishers/google/models/gemini-3.8-live"),
        ("vertex", "gemini-live-2.5-flash"),
        ("vertex", "projects/p/locations/l/endpoints/1"),
    ],
)
def test_names_of_models_that_may_be_right(backend: str, model: str) -> None:
    assert not problems(model, backend=backend)


@pytest.mark.parametrize(
    "token", [{"value": NOT_A_SECRET}, {"url": "https://t.example"}, {"command": ["mint"]}, {"value_file": "/t"}]
)
def test_ephemeral_tokens_are_not_for_vertex_and_are_not_echoed(token: dict[str, Any]) -> None:
    assert not problems(token=token)
    (line,) = problems(backend="vertex", token=token)
    assert line.startswith("live.token: ")
    assert NOT_A_SECRET not in line


def test_what_only_vertex_has() -> None:
    lines = problems(context__transparent=True, detection__explicit_vad_signal=True)
    assert lines == [
        "live.detection.explicit_vad_signal = true: only Vertex AI has it",
        "live.context.transparent = true: only Vertex AI has it",
    ]
    assert not problems(backend="vertex", context__transparent=True, detection__explicit_vad_signal=True)


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("temperature", [0, 2], [-0.1, 2.1, float("nan")]),
        ("top_p", [0, 1], [-0.1, 1.1]),
        ("top_k", [1, 100], [0, -1]),
        ("presence_penalty", [-2, 2], [-2.1, 2.1]),
        ("frequency_penalty", [-2, 2], [-2.1, 2.1]),
        ("max_output_tokens", [1, 8192], [0, -1, 2**31]),
        ("seed", [-5, 0, 2**31 - 1], [2**31, -(2**31) - 1]),
    ],
)
def test_ranges(key: str, good: list[float], bad: list[float]) -> None:
    for value in good:
        assert not problems(LIVE, **generation(key, value))
    for value in bad:
        (line,) = problems(LIVE, **generation(key, value))
        assert line.startswith(f"live.generation.{key} = {value}")
        assert "expected" in line


def test_compression_sizes() -> None:
    assert not problems(context__trigger_tokens=131_072, context__target_tokens=131_071)
    assert not problems(context__target_tokens=10)
    assert problems(context__trigger_tokens=131_073) == [
        "live.context.trigger_tokens = 131073: expected 0 < target < trigger <= window of the model, "
        "not 65536 < 131073 <= 131072"
    ]
    assert problems(HALF, context__trigger_tokens=40_000)
    (line,) = problems(context__trigger_tokens=1000, context__target_tokens=1000)
    assert line.startswith("live.context.target_tokens = 1000: ")
    (line,) = problems(HALF, context__target_tokens=30_000)
    assert "30000 < 26214" in line


@pytest.mark.parametrize(
    "knob",
    [
        {"start_sensitivity": "low"},
        {"end_sensitivity": "high"},
        {"prefix_padding_ms": 0},
        {"silence_duration_ms": 100},
    ],
)
def test_detection_knobs_need_automatic_activity(knob: dict[str, Any]) -> None:
    assert not problems(manual=False, detection=knob)
    (line,) = problems(manual=True, detection=knob)
    assert line.startswith(f"live.detection.{next(iter(knob))} = ")
    assert "has no effect: conversation.activity is manual" in line


def test_detection_times() -> None:
    assert not problems(manual=False, detection__prefix_padding_ms=0, detection__silence_duration_ms=30_000)
    for value in (-1, 30_001):
        assert problems(manual=False, detection__silence_duration_ms=value) == [
            f"live.detection.silence_duration_ms = {value}: expected 0 to 30000 ms"
        ]
    assert not problems(manual=True, detection__activity_handling="no_interruption")
    assert not problems(manual=True, detection__turn_coverage="all_input")


def test_what_would_have_no_effect() -> None:
    assert "resumption is false" in problems(backend="vertex", context__transparent=True, context__resumption=False)[0]
    assert "compression is false" in problems(context__trigger_tokens=5, context__compression=False)[0]
    silent: dict[str, Any] = {"input_transcription": False, "output_transcription": False}
    assert "both transcriptions are off" in problems(transcription__language_codes=["de-DE"], **silent)[0]
    for key in ("diarization", "interim"):
        assert problems(LIVE, input_transcription=False, transcription={key: True}) == [
            f"live.transcription.{key} = true: has no effect: live.input_transcription is false"
        ]
    assert not problems(transcription__interim=True, output_transcription=False)
    assert not problems(transcription__language_codes=["de-DE"], input_transcription=False)


def test_smart_transcripts_have_no_instants_and_no_speakers() -> None:
    assert not problems(transcription__mode="smart")
    assert not problems(transcription__mode="verbatim", transcription__word_timestamps=True)
    assert problems(
        transcription__mode="smart", transcription__word_timestamps=True, transcription__diarization=True
    ) == [
        "live.transcription.word_timestamps = true: not with mode smart",
        "live.transcription.diarization = true: not with mode smart",
    ]


def test_server_tools_by_family() -> None:
    assert not problems(LIVE, server_tools__google_search=True)
    assert not problems(HALF, server_tools__code_execution=True, server_tools__url_context=True)
    assert problems(NATIVE, server_tools__code_execution=True) == [
        "live.server_tools.code_execution = true: 2.5 native audio models do not take it (they take: google_search)"
    ]
    assert "they take: none" in problems(TRANSCRIBE, generation__modality="text", server_tools__google_search=True)[0]


def test_non_blocking_functions_need_a_family_that_has_them() -> None:
    for model in (NATIVE, LIVE, EXTENDED):
        assert not problems(model, tools=[FUNCTION, ASYNC_FUNCTION])
    assert problems(FLASH_3_1, tools=[FUNCTION, ASYNC_FUNCTION]) == [
        "tools.functions.oven.behavior = non_blocking: 3.1 native audio models wait for every function"
    ]
    assert not problems(FLASH_3_1, tools=[FUNCTION])


def test_functions_of_ones_own_need_a_model_that_calls_some() -> None:
    assert problems(TRANSCRIBE, generation__modality="text", tools=[BUILTIN, FUNCTION, ASYNC_FUNCTION]) == [
        f"tools.functions.{name}: has no effect: 3.5 transcribe models call no functions" for name in ("lamp", "oven")
    ]


def test_the_satellites_own_functions_are_known_by_name() -> None:
    ours = builtin_tools(lambda event: None, volume_percent=lambda: 0, now=datetime.now, settings=ToolSettings()).tools
    assert {tool.name for tool in ours} == BUILTIN_TOOLS


def test_an_unknown_model_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    assert not problems("gemini-9-live")
    assert [record.getMessage() for record in caplog.records] == [
        "live.model gemini-9-live is unknown: treated like 3.8 native audio"
    ]
    assert not problems(LIVE)
    assert len(caplog.records) == 1


def test_every_problem_is_told_at_once_each_in_a_line_of_its_own() -> None:
    lines = problems(
        voice="Nobody",
        language="de-DE",
        generation__temperature=9,
        generation__modality="text",
        context__transparent=True,
        server_tools__google_maps=True,
    )
    assert len(lines) == 6
    for line in lines:
        assert re.fullmatch(r"live\.[a-z_.]+ = \S+: .+", line)


# ------------------------------------------------------------------ and the server at the other end agrees


MODELS = {
    "developer": [
        *(HALF, NATIVE, "gemini-2.5-flash-exp-native-audio-thinking-dialog", FLASH_3_1, LIVE, EXTENDED),
        *("gemini-3.5-live-translate-preview", TRANSCRIBE, NATIVE_V),
    ],
    "vertex": ["gemini-live-2.5-flash", NATIVE_V, FLASH_3_1, LIVE, EXTENDED, TRANSCRIBE, NATIVE],
}

CHOICES: dict[str, list[Any]] = {
    "voice": ["Kore", "Sulafat", "nobody"],
    "language": ["de-DE", "cmn-CN", "uk-UA", "xx"],
    "input_transcription": [False],
    "output_transcription": [False],
    "generation__modality": ["text", "audio"],
    "generation__temperature": [0.0, 1.5, 2.5],
    "generation__top_p": [0.5, 1.5],
    "generation__top_k": [1, 0],
    "generation__presence_penalty": [2.0, -2.5],
    "generation__frequency_penalty": [-2.0, 2.5],
    "generation__max_output_tokens": [1, 0],
    "generation__seed": [0, -7, 2**31],
    "generation__media_resolution": ["low", "high"],
    "generation__thinking_budget": [-2, -1, 0, 24_577],
    "generation__thinking_level": ["minimal", "low", "high", "xhigh"],
    "generation__include_thoughts": [True],
    "generation__affective_dialog": [True],
    "generation__proactive_audio": [True],
    "detection__start_sensitivity": ["low", "high"],
    "detection__end_sensitivity": ["low"],
    "detection__prefix_padding_ms": [0, -1],
    "detection__silence_duration_ms": [500, 40_000],
    "detection__activity_handling": ["no_interruption"],
    "detection__turn_coverage": ["only_activity", "all_input"],
    "detection__explicit_vad_signal": [True],
    "context__resumption": [False],
    "context__transparent": [True],
    "context__compression": [False],
    "context__trigger_tokens": [1, 1000, 40_000, 200_000],
    "context__target_tokens": [0, 500, 50_000],
    "transcription__language_codes": [["de-DE"]],
    "transcription__custom_vocabulary": [["Ada"]],
    "transcription__word_timestamps": [True],
    "transcription__diarization": [True],
    "transcription__interim": [True],
    "transcription__mode": ["verbatim", "smart"],
    "server_tools__google_search": [True],
    "server_tools__code_execution": [True],
    "server_tools__url_context": [True],
    "server_tools__google_maps": [True],
}
"""Values, good and bad, of every setting that has a part in the setup."""

TOOLS: list[list[ToolDeclaration]] = [[], [FUNCTION], [FUNCTION, ASYNC_FUNCTION]]


def wire_of(
    asked: LiveSettings, *, manual: bool = True, tools: Any = (), seeded: bool = False, handle: str | None = None
) -> str:
    """The setup as it is sent, whether it would be taken or not."""
    folder = "models/" if asked.backend == "developer" else "projects/p/locations/l/publishers/google/models/"
    setup = session_setup(
        asked,
        family_of(asked.model),
        model=folder + bare_name(asked.model),
        activity_manual=manual,
        tools=tools,
        instruction="Be brief.",
        seeded=seeded,
    )
    return encode_setup(setup, handle)


def answer_to(asked: LiveSettings, **sent: Any) -> SessionRules | None:
    """What the server makes of it; None where it refuses."""
    try:
        setup = parse_client_message(wire_of(asked, **sent)).setup
        assert setup is not None
        return accept_setup(setup, api_version(asked), asked.backend)
    except (ValidationError, PayloadRefused, Refusal):  # the first: a number that the wire cannot even hold
        return None


def agree(asked: LiveSettings, *, manual: bool, tools: list[ToolDeclaration], **sent: Any) -> None:
    """The check and the server refuse the same, but for what would only have no effect."""
    try:
        check_setup(asked, activity_manual=manual, tools=tools)
        against: list[str] = []
    except ConfigError as refused:
        against = [line for line in str(refused).split("\n") if "has no effect" not in line]
    rules = answer_to(asked, manual=manual, tools=tools, **sent)
    assert (rules is None) is bool(against), (
        f"{asked.model}, {asked.backend}: {against or 'refused by the server alone'}"
    )
    if rules is not None:
        assert rules.audio_reply is (asked.generation.modality == "audio")
        assert (rules.detection is None) is manual
        assert rules.resumable is (asked.context.resumption or bool(sent.get("handle")))
        assert (rules.compression is not None) is asked.context.compression
        assert rules.include_thoughts is asked.generation.include_thoughts
        assert rules.voice == asked.voice


EACH_MODEL = pytest.mark.parametrize(
    ("backend", "model"), [(backend, model) for backend, models in MODELS.items() for model in models]
)


@EACH_MODEL
@pytest.mark.parametrize("manual", [True, False])
def test_each_setting_alone_is_judged_alike_at_both_ends(backend: str, model: str, manual: bool) -> None:
    family = family_of(model)
    usual = {"backend": backend, "generation__modality": sorted(family.replies)[0], **needed_by(family)}
    for key, values in CHOICES.items():
        for value in values:
            agree(live(model, **(usual | {key: value})), manual=manual, tools=[])
    for tools in TOOLS:
        agree(live(model, **usual), manual=manual, tools=tools)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_settings_together_are_judged_alike_at_both_ends(data: st.DataObject) -> None:
    backend = data.draw(st.sampled_from(sorted(MODELS)))
    model = data.draw(st.sampled_from(MODELS[backend]))
    versions = ["", "", "v1alpha", "v1beta", "v1"] if backend == "developer" else ["", "v1beta1"]
    keys = data.draw(st.lists(st.sampled_from(sorted(CHOICES)), max_size=6, unique=True))
    changes = {key: data.draw(st.sampled_from(CHOICES[key])) for key in keys}
    changes |= needed_by(family_of(model))
    asked = live(model, backend=backend, api_version=data.draw(st.sampled_from(versions)), **changes)
    agree(
        asked,
        manual=data.draw(st.booleans()),
        tools=data.draw(st.sampled_from(TOOLS)),
        seeded=data.draw(st.booleans()),
        handle=data.draw(st.sampled_from([None, "h"])),
    )


@EACH_MODEL
def test_history_is_announced_only_where_there_is_some(backend: str, model: str) -> None:
    family = family_of(model)
    asked = live(model, backend=backend, generation__modality=sorted(family.replies)[0])
    for seeded in (True, False):
        sent: dict[str, Any] = json.loads(wire_of(asked, seeded=seeded))
        assert ("historyConfig" in sent["setup"]) is (seeded and family.history_config)
