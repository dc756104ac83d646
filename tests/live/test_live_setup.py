"""The table of models, and the setup that is built from the settings by it."""

import json
from typing import Any

import pytest

from satellite.core.declarations import ToolDeclaration
from satellite.core.errors import ConfigError
from satellite.live.models import (
    DEVELOPER,
    EXTENDED_THINKING_3_8,
    FAMILIES,
    HALF_CASCADE,
    LANGUAGES,
    LIVE_3_8,
    NATIVE_2_5,
    NATIVE_VOICES,
    NEWEST,
    STARRED_LANGUAGES,
    THINKING_DIALOG_2_5,
    VERTEX,
    Thinking,
    family_of,
    known_family,
)
from satellite.live.setup import encode_setup, session_setup
from satellite.settings import LiveSettings

HALF = "gemini-live-2.5-flash-preview"
NATIVE = "gemini-2.5-flash-native-audio-preview-12-2025"
FLASH_3_1 = "gemini-3.1-flash-live-preview"
EXTENDED = "gemini-3.8-live-extended-thinking"
TRANSLATE = "gemini-3.5-live-translate-preview"

VERTEX_FOLDER = "projects/p/locations/l/publishers/google/models/"


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gemini-3.8-live", "3.8 native audio"),
        ("models/gemini-3.8-live-001", "3.8 native audio"),
        ("publishers/google/models/gemini-3.8-live", "3.8 native audio"),
        ("gemini-3.8-live-extended-thinking", "3.8 extended thinking"),
        ("gemini-3.5-live-translate-preview", "3.5 live translate"),
        ("gemini-3.5-transcribe-live", "3.5 transcribe"),
        ("gemini-3.1-flash-live-preview", "3.1 native audio"),
        ("gemini-2.5-flash-native-audio-preview-12-2025", "2.5 native audio"),
        ("gemini-2.5-flash-native-audio-latest", "2.5 native audio"),
        ("gemini-2.5-flash-preview-native-audio-dialog", "2.5 native audio"),
        ("gemini-2.5-flash-exp-native-audio-thinking-dialog", "2.5 native audio thinking dialog"),
        ("gemini-live-2.5-flash-preview-native-audio-09-2025", "2.5 native audio"),
        (VERTEX_FOLDER + "gemini-live-2.5-flash-native-audio", "2.5 native audio"),
        ("gemini-live-2.5-flash-preview", "half cascade"),
        ("gemini-live-2.5-flash", "half cascade"),
        ("models/gemini-2.0-flash-exp", "half cascade"),
        ("gemini-2.0-flash-live-001", "half cascade"),
        (VERTEX_FOLDER + "gemini-2.0-flash-live-preview-04-09", "half cascade"),
    ],
)
def test_family_by_longest_prefix(model: str, family: str) -> None:
    assert family_of(model).name == family


@pytest.mark.parametrize("model", ["gemini-9-live", "gemini-2.0-flash", "models/", "gemini-3.8-flash"])
def test_an_unknown_model_gets_the_newest_rules(model: str) -> None:
    assert known_family(model) is None
    assert family_of(model) is NEWEST


def test_every_row_can_be_reached() -> None:
    assert {family_of(prefix).name for row in FAMILIES for prefix in row.prefixes} == {row.name for row in FAMILIES}


@pytest.mark.parametrize(
    ("model", "developer", "vertex"),
    [
        ("gemini-2.5-flash-native-audio-preview-12-2025", True, False),
        ("gemini-live-2.5-flash-native-audio", False, True),
        ("gemini-live-2.5-flash", False, True),
        ("gemini-live-2.5-flash-preview", True, True),
        ("gemini-2.0-flash-live-001", True, False),
        ("gemini-2.0-flash-live-preview-04-09", False, True),
        ("gemini-3.5-live-translate-preview", True, True),
    ],
)
def test_which_backend_has_a_model(model: str, developer: bool, vertex: bool) -> None:
    family = family_of(model)
    assert (family.serves(model, DEVELOPER), family.serves(model, VERTEX)) == (developer, vertex)


def test_context_updates_are_of_the_3_8_models() -> None:
    assert [family for family in FAMILIES if family.context_updates] == [LIVE_3_8, EXTENDED_THINKING_3_8]


def test_the_lists_are_as_long_as_the_sources_say() -> None:
    assert len(NATIVE_VOICES) == 30
    assert len(LANGUAGES[DEVELOPER]) == 30
    assert len(LANGUAGES[VERTEX]) == 24
    assert len(STARRED_LANGUAGES) == 8
    assert LANGUAGES[DEVELOPER] > STARRED_LANGUAGES


def test_every_family_that_takes_levels_names_them_and_no_other_does() -> None:
    for family in FAMILIES:
        assert bool(family.thinking_levels) is (family.thinking in (Thinking.LEVEL, Thinking.LEVEL_REQUIRED))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((None, None), (26_214, 13_107)),
        ((1000, None), (1000, 500)),
        ((1000, 999), (1000, 999)),
        ((None, 1), (26_214, 1)),
    ],
)
def test_compression_by_default_at_four_fifths_of_the_window(asked: Any, expected: tuple[int, int]) -> None:
    assert HALF_CASCADE.compression_tokens(*asked) == expected


@pytest.mark.parametrize("asked", [(1000, 1000), (32_769, None), (None, 26_214), (1000, 0), (0, None), (-5, -9)])
def test_compression_that_makes_no_sense(asked: Any) -> None:
    with pytest.raises(ValueError, match="<= 32768"):
        HALF_CASCADE.compression_tokens(*asked)
    assert LIVE_3_8.compression_tokens(32_769, None) == (32_769, 16_384)


def setup_of(
    *,
    manual: bool = True,
    handle: str | None = None,
    tools: Any = (),
    instruction: str = "",
    seeded: bool = False,
    **changes: Any,
) -> dict[str, Any]:
    """The setup as it goes over the wire."""
    live = LiveSettings.model_validate(changes)
    setup = session_setup(
        live,
        family_of(live.model),
        model=f"models/{live.model}",
        activity_manual=manual,
        tools=tools,
        instruction=instruction,
        seeded=seeded,
    )
    message: dict[str, Any] = json.loads(encode_setup(setup, handle))
    assert list(message) == ["setup"]
    inner: dict[str, Any] = message["setup"]
    return inner


def generation_of(model: str = "gemini-3.8-live", **changes: Any) -> dict[str, Any]:
    """generationConfig for these settings of [live.generation], but for the modality."""
    config: dict[str, Any] = setup_of(model=model, generation=changes)["generationConfig"]
    del config["responseModalities"]
    return config


def test_setup_of_the_default_model() -> None:
    assert setup_of(instruction="Be brief.") == {
        "model": "models/gemini-3.8-live",
        "generationConfig": {"responseModalities": ["AUDIO"]},
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}},
        "sessionResumption": {},
        "contextWindowCompression": {"slidingWindow": {}},
        "inputAudioTranscription": {},
        "outputAudioTranscription": {},
    }


def test_setup_without_what_is_switched_off() -> None:
    setup = setup_of(
        manual=False,
        input_transcription=False,
        output_transcription=False,
        context={"resumption": False, "compression": False},
    )
    assert setup == {"model": "models/gemini-3.8-live", "generationConfig": {"responseModalities": ["AUDIO"]}}


def test_the_instruction_is_the_one_that_is_handed_in() -> None:
    assert "systemInstruction" not in setup_of(system_instruction="The template {name}.")
    assert "systemInstruction" not in setup_of(model=TRANSLATE, instruction="An interpreter takes none.")


def test_setup_resumes_and_history_is_there_already() -> None:
    assert setup_of(handle="h")["sessionResumption"] == {"handle": "h"}
    assert "historyConfig" not in setup_of(handle="h", seeded=True)
    kept = setup_of(handle="h", context={"transparent": True})["sessionResumption"]
    assert kept == {"handle": "h", "transparent": True}


def test_a_seeded_session_announces_its_history_where_the_family_wants_that() -> None:
    assert setup_of(seeded=True)["historyConfig"] == {"initialHistoryInClientContent": True}
    assert setup_of(seeded=True, model=FLASH_3_1)["historyConfig"] == {"initialHistoryInClientContent": True}
    assert "historyConfig" not in setup_of(seeded=True, model=NATIVE)
    assert "historyConfig" not in setup_of(seeded=False)


def test_modality_voice_and_language() -> None:
    half = setup_of(model=HALF, generation={"modality": "text"}, voice="Kore", language="de-DE")["generationConfig"]
    assert half == {
        "responseModalities": ["TEXT"],
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}, "languageCode": "de-DE"},
    }
    assert setup_of(language="de-DE", model=HALF)["generationConfig"]["speechConfig"] == {"languageCode": "de-DE"}


def test_sampling_resolution_and_length() -> None:
    asked: dict[str, Any] = {
        "temperature": 0.0,
        "top_p": 0.5,
        "top_k": 40,
        "presence_penalty": -1.5,
        "frequency_penalty": 2,
        "max_output_tokens": 200,
        "seed": 0,
    }
    assert generation_of(**asked, media_resolution="low") == {
        "temperature": 0.0,
        "topP": 0.5,
        "topK": 40,
        "presencePenalty": -1.5,
        "frequencyPenalty": 2,
        "maxOutputTokens": 200,
        "seed": 0,
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
    }


def test_thinking_by_family() -> None:
    assert generation_of() == {}
    assert generation_of(EXTENDED) == {"thinkingConfig": {"thinkingLevel": "LOW"}}
    assert EXTENDED_THINKING_3_8.thinking_levels[0] == "low"
    assert generation_of(EXTENDED, thinking_level="high") == {"thinkingConfig": {"thinkingLevel": "HIGH"}}
    assert generation_of(FLASH_3_1) == {}
    assert generation_of(FLASH_3_1, thinking_level="minimal") == {"thinkingConfig": {"thinkingLevel": "MINIMAL"}}
    assert generation_of(NATIVE, thinking_budget=0) == {"thinkingConfig": {"thinkingBudget": 0}}
    assert generation_of(NATIVE, include_thoughts=True) == {"thinkingConfig": {"includeThoughts": True}}


def test_affective_dialog_and_proactive_audio() -> None:
    setup = setup_of(model=NATIVE, generation={"affective_dialog": True, "proactive_audio": True})
    assert setup["generationConfig"]["enableAffectiveDialog"] is True
    assert setup["proactivity"] == {"proactiveAudio": True}
    assert "proactivity" not in setup_of(model=NATIVE)
    always_on = setup_of(generation={"proactive_audio": True})
    assert "proactivity" not in always_on


def test_detection_has_five_knobs() -> None:
    asked = {"start_sensitivity": "low", "end_sensitivity": "high", "prefix_padding_ms": 20, "silence_duration_ms": 0}
    assert setup_of(manual=False, detection=asked)["realtimeInputConfig"] == {
        "automaticActivityDetection": {
            "startOfSpeechSensitivity": "START_SENSITIVITY_LOW",
            "endOfSpeechSensitivity": "END_SENSITIVITY_HIGH",
            "prefixPaddingMs": 20,
            "silenceDurationMs": 0,
        }
    }


def test_interruption_and_coverage_of_a_turn() -> None:
    asked = {"activity_handling": "no_interruption", "turn_coverage": "all_input"}
    assert setup_of(manual=False, detection=asked)["realtimeInputConfig"] == {
        "activityHandling": "NO_INTERRUPTION",
        "turnCoverage": "TURN_INCLUDES_ALL_INPUT",
    }
    assert setup_of(detection=asked)["realtimeInputConfig"]["automaticActivityDetection"] == {"disabled": True}


def test_a_coverage_that_is_the_family_s_own_stays_out() -> None:
    both = {"turn_coverage": "audio_activity_and_all_video", "activity_handling": "interrupt"}
    assert "realtimeInputConfig" not in setup_of(manual=False, detection=both)
    assert setup_of(manual=False, detection=both, model=NATIVE)["realtimeInputConfig"] == {
        "turnCoverage": "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO"
    }
    only = {"turn_coverage": "only_activity"}
    assert "realtimeInputConfig" not in setup_of(manual=False, detection=only, model=NATIVE)
    assert NATIVE_2_5.turn_coverage == "only_activity"


def test_explicit_vad_signal_and_transparent_resumption() -> None:
    setup = setup_of(detection={"explicit_vad_signal": True}, context={"transparent": True})
    assert setup["explicitVadSignal"] is True
    assert setup["sessionResumption"] == {"transparent": True}


def test_compression_with_its_sizes() -> None:
    compression = setup_of(context={"trigger_tokens": 9000, "target_tokens": 4000})["contextWindowCompression"]
    # 64-bit numbers go out as text in proto3 JSON, and Google takes both
    assert int(compression["triggerTokens"]) == 9000
    assert int(compression["slidingWindow"]["targetTokens"]) == 4000


def test_transcription_with_its_newer_fields() -> None:
    asked = {
        "language_codes": ["de-DE", "fr-FR"],
        "custom_vocabulary": ["Wohnzimmer"],
        "word_timestamps": True,
        "diarization": True,
        "mode": "verbatim",
    }
    setup = setup_of(transcription=asked)
    output = {
        "languageCodes": ["de-DE", "fr-FR"],
        "customVocabulary": ["Wohnzimmer"],
        "wordTimestamp": True,
        "mode": "VERBATIM",
    }
    assert setup["outputAudioTranscription"] == output
    assert setup["inputAudioTranscription"] == output | {"diarization": True}
    assert "interimTranscriptTimestampEnabled" not in setup.get("realtimeInputConfig", {})


@pytest.mark.parametrize("manual", [True, False])
def test_early_guesses_are_asked_for_beside_what_ends_a_turn(manual: bool) -> None:
    realtime = setup_of(transcription={"interim": True}, manual=manual)["realtimeInputConfig"]
    assert realtime["interimTranscriptTimestampEnabled"] is True
    assert realtime.get("automaticActivityDetection") == ({"disabled": True} if manual else None)


def declared(model: str, *, non_blocking: bool) -> dict[str, Any]:
    """What a function is declared as."""
    tool = ToolDeclaration("f", "does it", '{"type": "object"}', non_blocking=non_blocking)
    function: dict[str, Any] = setup_of(model=model, tools=[tool])["tools"][0]["functionDeclarations"][0]
    return function


@pytest.mark.parametrize(
    ("model", "waiting", "talking_on"),
    [
        (HALF, None, "NON_BLOCKING"),  # which is refused beforehand
        (NATIVE, None, "NON_BLOCKING"),
        ("gemini-3.8-live", "BLOCKING", None),
        (EXTENDED, None, None),
    ],
)
def test_behavior_is_said_where_it_is_not_the_family_s_own(
    model: str, waiting: str | None, talking_on: str | None
) -> None:
    assert declared(model, non_blocking=False).get("behavior") == waiting
    assert declared(model, non_blocking=True).get("behavior") == talking_on


def test_tools_are_declared_with_their_schema() -> None:
    schema = {"type": "object", "properties": {"room_name": {"type": "string"}}}
    tool = ToolDeclaration(name="f", description="does it", parameters=json.dumps(schema))
    assert setup_of(model=NATIVE, tools=[tool])["tools"] == [
        {"functionDeclarations": [{"name": "f", "description": "does it", "parametersJsonSchema": schema}]}
    ]


@pytest.mark.parametrize("parameters", ["{", "[]", '"x"'])
def test_parameters_that_are_no_schema_are_refused_by_the_tool_s_name(parameters: str) -> None:
    with pytest.raises(ConfigError, match=r"^tool g: "):
        setup_of(tools=[ToolDeclaration(name="g", description="", parameters=parameters)])


def test_server_tools_stand_beside_functions() -> None:
    every = {"google_search": True, "code_execution": True, "url_context": True, "google_maps": True}
    tool = ToolDeclaration("f", "does it", "{}")
    tools = setup_of(model=HALF, tools=[tool], server_tools=every)["tools"]
    assert list(tools[0]) == ["functionDeclarations"]
    assert tools[1:] == [{"googleSearch": {}}, {"codeExecution": {}}, {"urlContext": {}}, {"googleMaps": {}}]
    assert "tools" not in setup_of()


def test_a_model_that_calls_no_functions_is_told_of_none() -> None:
    tool = ToolDeclaration("f", "does it", "{}")
    for prefix in (*THINKING_DIALOG_2_5.prefixes, TRANSLATE):
        assert "tools" not in setup_of(model=prefix, tools=[tool])
