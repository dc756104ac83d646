"""What each family of models takes of a setup, and in which words it refuses the rest."""

import json
from typing import Any

import pytest

from satellite.live.messages import Tool, parse_client_message
from satellite.live.models import FAMILIES, LIVE_3_8, family_of
from satellite.live.models import HALF_CASCADE as HALF_CASCADE_FAMILY
from satellite.live_server.activity import DetectionRules
from satellite.live_server.model_rules import accept_setup, with_tools
from satellite.live_server.refusals import INVALID_ARGUMENT, NOT_AUDIO, REASON_MAX_BYTES, Refusal
from satellite.live_server.session_rules import CompressionRules, SessionRules, TranscriptRules

HALF_CASCADE = "models/gemini-live-2.5-flash-preview"
NATIVE = "models/gemini-2.5-flash-native-audio-preview-09-2025"
THINKING_DIALOG = "models/gemini-2.5-flash-exp-native-audio-thinking-dialog"
FLASH_3_1 = "models/gemini-3.1-flash-live-preview"
TRANSLATE = "models/gemini-3.5-live-translate-preview"
TRANSCRIBE = "models/gemini-3.5-transcribe-live"
LIVE = "models/gemini-3.8-live"
THINKING = "models/gemini-3.8-live-extended-thinking"

PUBLISHER = "publishers/google/models/"
RESOURCE = "projects/p/locations/us-central1/" + PUBLISHER
NATIVE_VERTEX = RESOURCE + "gemini-live-2.5-flash-native-audio"


def accept(model: str, version: str = "v1beta", backend: str = "developer", **fields: Any) -> SessionRules:
    """The rules of a setup with these fields."""
    message = parse_client_message(json.dumps({"setup": {"model": model, **fields}}))
    assert message.setup is not None
    return accept_setup(message.setup, version, backend)


def refusal(model: str, version: str = "v1beta", backend: str = "developer", **fields: Any) -> tuple[int, str]:
    """Code and reason with which such a setup is refused."""
    with pytest.raises(Refusal) as refused:
        accept(model, version, backend, **fields)
    assert len(refused.value.reason.encode()) <= REASON_MAX_BYTES
    return refused.value.code, refused.value.reason


def speaking(voice: str = "", language: str = "") -> dict[str, Any]:
    voice_config = {"prebuiltVoiceConfig": {"voiceName": voice}}
    return {"speechConfig": {"voiceConfig": voice_config, "languageCode": language}}


def test_an_empty_setup_means_audio_with_automatic_detection() -> None:
    rules = accept(LIVE)
    assert rules.audio_reply
    assert rules.detection == DetectionRules()
    assert rules.interruptible
    extras = [rules.transcribe_input, rules.transcribe_output, rules.resumable, rules.initial_history]
    assert not any(extras)


@pytest.mark.parametrize(
    "model",
    [
        *("models/gemini-9", "gemini-3.8-live", "", "models/", RESOURCE + "gemini-3.8-live"),
        *(PUBLISHER + "gemini-3.8-live", "tunedModels/gemini-3.8-live", "models/gemini-live-2.5-flash-native-audio"),
    ],
)
def test_an_unknown_model_is_not_found(model: str) -> None:
    code, reason = refusal(model, "v1alpha")
    assert code == 1008
    expected = f"{model or 'models/'} is not found for API version v1alpha, or is not supported for bidi"
    assert reason.startswith(expected[:REASON_MAX_BYTES])


@pytest.mark.parametrize("folder", [RESOURCE, PUBLISHER, ""])
def test_vertex_has_three_names_for_a_model(folder: str) -> None:
    rules = accept(folder + "gemini-live-2.5-flash", "v1beta1", "vertex")
    assert rules.family is HALF_CASCADE_FAMILY
    assert rules.backend == "vertex"
    assert rules.model == folder + "gemini-live-2.5-flash"


@pytest.mark.parametrize(
    "model",
    [
        *(LIVE, "projects/p/publishers/google/models/gemini-3.8-live", RESOURCE + "gemini-9", ""),
        *(
            RESOURCE + "gemini-2.5-flash-native-audio-preview-12-2025",
            "projects//locations/x/" + PUBLISHER + "gemini-3.8-live",
        ),
    ],
)
def test_a_name_of_the_developer_api_is_not_found_on_vertex(model: str) -> None:
    assert refusal(model, "v1beta1", "vertex")[0] == 1008


def test_every_family_is_served() -> None:
    for family in FAMILIES:
        config: dict[str, Any] = {"responseModalities": [sorted(family.replies)[0].upper()]}
        if family.thinking == "level required":
            config |= {"thinkingConfig": {"thinkingLevel": "LOW"}}
        for prefix in family.developer_prefixes:
            rules = accept(f"models/{prefix}", generationConfig=config)
            assert rules.family is family_of(prefix)
            assert rules.context_window_tokens == rules.family.context_window_tokens


def test_text_comes_from_half_cascade_models_only() -> None:
    assert not accept(HALF_CASCADE, generationConfig={"responseModalities": ["TEXT"]}).audio_reply
    assert refusal(NATIVE, generationConfig={"responseModalities": ["TEXT"]}) == (1007, NOT_AUDIO)
    assert refusal(LIVE, generationConfig={"responseModalities": ["TEXT"]}) == (1007, NOT_AUDIO)


def test_two_modalities_are_refused() -> None:
    code, reason = refusal(HALF_CASCADE, generationConfig={"responseModalities": ["TEXT", "AUDIO"]})
    assert code == 1007
    assert reason.startswith("The requested combination of response modalities (TEXT, AUDIO) is not supported")


def test_the_model_that_only_writes() -> None:
    assert not accept(TRANSCRIBE).audio_reply
    assert not accept(TRANSCRIBE, generationConfig={"responseModalities": ["TEXT"]}).audio_reply
    assert refusal(TRANSCRIBE, generationConfig={"responseModalities": ["AUDIO"]})[0] == 1007
    assert refusal(LIVE, generationConfig={"responseModalities": ["IMAGE"]})[0] == 1007


def thinking(**fields: Any) -> dict[str, Any]:
    return {"generationConfig": {"thinkingConfig": fields}}


def test_thinking_budget() -> None:
    rules = accept(NATIVE, **thinking(thinkingBudget=0, includeThoughts=True))
    assert (rules.thinking_budget, rules.thinking_level, rules.include_thoughts) == (0, "", True)
    assert accept(NATIVE, **thinking(thinkingBudget=-1)).thinking_budget == -1
    for outside in (-2, 24_577):
        assert refusal(NATIVE, **thinking(thinkingBudget=outside)) == (1007, INVALID_ARGUMENT)
    assert refusal(NATIVE, **thinking(thinkingLevel="LOW")) == (1007, INVALID_ARGUMENT)
    assert refusal(FLASH_3_1, **thinking(thinkingBudget=0)) == (1007, INVALID_ARGUMENT)


def test_thinking_level() -> None:
    assert accept(FLASH_3_1).thinking_level == ""
    assert accept(FLASH_3_1, **thinking(thinkingLevel="MINIMAL")).thinking_level == "minimal"
    assert accept(FLASH_3_1, **thinking(thinkingLevel="THINKING_LEVEL_UNSPECIFIED")).thinking_level == ""
    assert refusal(FLASH_3_1, **thinking(thinkingLevel="XHIGH")) == (1007, INVALID_ARGUMENT)
    assert accept(THINKING, **thinking(thinkingLevel="HIGH")).thinking_level == "high"
    assert refusal(THINKING) == (1007, INVALID_ARGUMENT)
    assert refusal(THINKING, **thinking(thinkingLevel="MINIMAL")) == (1007, INVALID_ARGUMENT)
    assert refusal(THINKING, **thinking(thinkingLevel="THINKING_LEVEL_UNSPECIFIED")) == (1007, INVALID_ARGUMENT)


@pytest.mark.parametrize("config", [{}, {"thinkingLevel": "LOW"}, {"includeThoughts": True}, {"thinkingBudget": 0}])
def test_where_thinking_must_be_absent(config: dict[str, Any]) -> None:
    assert refusal(LIVE, **thinking(**config)) == (1007, INVALID_ARGUMENT)
    assert refusal(HALF_CASCADE, **thinking(**config)) == (1007, INVALID_ARGUMENT)


def test_voices_and_languages() -> None:
    rules = accept(HALF_CASCADE, generationConfig=speaking("Aoede", "de-DE"))
    assert (rules.voice, rules.language) == ("Aoede", "de-DE")
    assert refusal(HALF_CASCADE, generationConfig=speaking("Sulafat")) == (1007, INVALID_ARGUMENT)
    assert refusal(HALF_CASCADE, generationConfig=speaking(language="uk-UA")) == (1007, INVALID_ARGUMENT)
    assert accept(LIVE, generationConfig=speaking("Sulafat")).voice == "Sulafat"
    assert refusal(LIVE, generationConfig=speaking("Nobody")) == (1007, INVALID_ARGUMENT)
    assert refusal(LIVE, generationConfig=speaking(language="de-DE")) == (1007, INVALID_ARGUMENT)
    on_vertex = ("gemini-live-2.5-flash", "v1beta1", "vertex")
    assert accept(*on_vertex, generationConfig=speaking(language="uk-UA")).language == "uk-UA"
    assert refusal(*on_vertex, generationConfig=speaking(language="cmn-CN")) == (1007, INVALID_ARGUMENT)


def test_the_newer_way_to_name_a_voice_and_several_voices() -> None:
    assert accept(LIVE, generationConfig={"speechConfig": {"voiceConfig": {"voice": "Kore"}}}).voice == "Kore"
    assert refusal(LIVE, generationConfig={"speechConfig": {"voiceConfig": {"voice": "Nobody"}}})[0] == 1007
    several: dict[str, Any] = {"speechConfig": {"multiSpeakerVoiceConfig": {"speakerVoiceConfigs": []}}}
    assert refusal(LIVE, generationConfig=several) == (1007, INVALID_ARGUMENT)


def test_translation_is_for_the_translator() -> None:
    polish = {"translationConfig": {"targetLanguageCode": "pl"}}
    assert accept(TRANSLATE, generationConfig=polish)
    assert refusal(LIVE, generationConfig=polish) == (1007, INVALID_ARGUMENT)


def test_affective_dialog() -> None:
    affective = {"enableAffectiveDialog": True}
    assert accept(NATIVE, "v1alpha", generationConfig=affective).affective
    assert not accept(NATIVE, "v1alpha").affective
    for version in ("v1beta", "v1"):
        assert refusal(NATIVE, version, generationConfig=affective)[1] == (
            'Invalid JSON payload received. Unknown name "enableAffectiveDialog" at '
            "'setup.generation_config': Cannot find field."
        )
    assert refusal(LIVE, "v1alpha", generationConfig=affective) == (1007, INVALID_ARGUMENT)
    assert accept(NATIVE_VERTEX, "v1beta1", "vertex", generationConfig=affective).affective


def test_proactive_audio() -> None:
    wanted = {"proactiveAudio": True}
    assert accept(NATIVE, "v1alpha", proactivity=wanted).proactive
    assert not accept(NATIVE, "v1alpha", proactivity={"proactiveAudio": False}).proactive
    assert not accept(NATIVE).proactive
    assert "Unknown name" in refusal(NATIVE, "v1beta", proactivity=wanted)[1]
    assert accept(NATIVE_VERTEX, "v1beta1", "vertex", proactivity=wanted).proactive
    assert accept(LIVE).proactive
    assert accept(LIVE, proactivity=wanted).proactive
    assert refusal(LIVE, proactivity={"proactiveAudio": False}) == (1007, INVALID_ARGUMENT)
    assert refusal(FLASH_3_1, "v1alpha", proactivity=wanted) == (1007, INVALID_ARGUMENT)
    assert not accept(FLASH_3_1).proactive


def test_what_only_vertex_knows() -> None:
    assert refusal(LIVE, sessionResumption={"transparent": True})[1] == (
        "Invalid JSON payload received. Unknown name \"transparent\" at 'setup.session_resumption': Cannot find field."
    )
    assert "explicitVadSignal" in refusal(LIVE, explicitVadSignal=True)[1]
    rules = accept(NATIVE_VERTEX, "v1beta1", "vertex", sessionResumption={"transparent": True}, explicitVadSignal=True)
    assert rules.transparent
    assert rules.explicit_vad
    assert not accept(LIVE, sessionResumption={}).transparent


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("temperature", (0, 2), (-0.1, 2.1)),
        ("topP", (0, 1), (-0.1, 1.1)),
        ("topK", (1, 100), (0,)),
        ("presencePenalty", (-2, 2), (-2.1, 2.1)),
        ("frequencyPenalty", (-2, 2), (-2.1, 2.1)),
        ("maxOutputTokens", (1, 8192), (0, -1)),
    ],
)
def test_ranges(field: str, good: tuple[float, ...], bad: tuple[float, ...]) -> None:
    for value in good:
        assert accept(LIVE, generationConfig={field: value})
    for value in bad:
        assert refusal(LIVE, generationConfig={field: value}) == (1007, INVALID_ARGUMENT)


def test_length_and_resolution() -> None:
    rules = accept(LIVE, generationConfig={"maxOutputTokens": 12, "mediaResolution": "MEDIA_RESOLUTION_LOW"})
    assert (rules.max_output_tokens, rules.media_resolution) == (12, "low")
    unsaid = accept(LIVE, generationConfig={"mediaResolution": "MEDIA_RESOLUTION_UNSPECIFIED"})
    assert (unsaid.max_output_tokens, unsaid.media_resolution) == (None, "")


def declaring(**behaviors: str | None) -> list[dict[str, Any]]:
    """tools with these functions; None: nothing is said of its behaviour."""
    return [
        {"functionDeclarations": [{"name": name} | ({"behavior": how} if how else {})]}
        for name, how in behaviors.items()
    ]


def test_behavior_of_functions_by_family() -> None:
    both = {"a": None, "b": "BLOCKING", "c": "NON_BLOCKING", "d": "UNSPECIFIED"}
    assert accept(NATIVE, tools=declaring(**both)).functions == {
        "a": "blocking",
        "b": "blocking",
        "c": "non_blocking",
        "d": "blocking",
    }
    assert accept(LIVE, tools=declaring(**both)).functions == {
        "a": "non_blocking",
        "b": "blocking",
        "c": "non_blocking",
        "d": "non_blocking",
    }
    low = thinking(thinkingLevel="LOW")
    assert accept(THINKING, tools=declaring(a=None), **low).functions == {"a": "non_blocking"}
    assert refusal(THINKING, tools=declaring(a="BLOCKING"), **low) == (1007, INVALID_ARGUMENT)
    for model in (HALF_CASCADE, FLASH_3_1):
        assert accept(model, tools=declaring(a=None)).functions == {"a": "blocking"}
        assert refusal(model, tools=declaring(a="NON_BLOCKING")) == (1007, INVALID_ARGUMENT)
    for model in (THINKING_DIALOG, TRANSLATE, TRANSCRIBE):
        assert refusal(model, tools=declaring(a=None)) == (1007, INVALID_ARGUMENT)


def test_tools_at_the_server_by_family() -> None:
    tools: list[dict[str, Any]] = [{"googleSearch": {}}, {"codeExecution": {}, "urlContext": {}}]
    assert accept(HALF_CASCADE, tools=tools).server_tools == {"google_search", "code_execution", "url_context"}
    assert accept(LIVE, tools=tools[:1]).server_tools == {"google_search"}
    assert accept(LIVE).server_tools == frozenset()
    assert refusal(LIVE, tools=tools) == (1007, INVALID_ARGUMENT)
    assert refusal(LIVE, tools=[{"googleMaps": {}}]) == (1007, INVALID_ARGUMENT)
    assert refusal(TRANSCRIBE, tools=tools[:1]) == (1007, INVALID_ARGUMENT)


def test_other_tools_in_mid_session_follow_the_same_rules() -> None:
    rules = accept(LIVE, tools=[*declaring(a=None), {"googleSearch": {}}], systemInstruction={"parts": [{"text": "x"}]})

    def tools_of(tools: list[dict[str, Any]]) -> list[Tool]:
        return [Tool.model_validate(tool) for tool in tools]

    changed = with_tools(rules, tools_of(declaring(b="BLOCKING")))
    assert (changed.functions, changed.server_tools) == ({"b": "blocking"}, frozenset())
    assert changed.system_instruction == "x"
    assert with_tools(rules, []).functions == {}
    with pytest.raises(Refusal):
        with_tools(rules, tools_of([{"codeExecution": {}}]))


def test_an_instruction_is_text() -> None:
    picture = {"inlineData": {"data": "AAAA", "mimeType": "image/png"}}
    assert refusal(LIVE, systemInstruction={"parts": [{"text": "x"}, picture]}) == (1007, INVALID_ARGUMENT)
    assert accept(LIVE, systemInstruction={"parts": []}).system_instruction == ""


def test_compression_and_its_defaults() -> None:
    assert accept(LIVE).compression is None
    assert accept(LIVE, contextWindowCompression={}).compression == CompressionRules(104_857, 52_428)
    assert accept(HALF_CASCADE, contextWindowCompression={}).compression == CompressionRules(26_214, 13_107)
    asked = {"triggerTokens": "9000", "slidingWindow": {"targetTokens": 8999}}
    assert accept(LIVE, contextWindowCompression=asked).compression == CompressionRules(9000, 8999)
    for trigger, target in ((9000, 9000), (131_073, None), (0, None), (9000, 0), (-9, -10)):
        window = {} if target is None else {"slidingWindow": {"targetTokens": target}}
        assert refusal(LIVE, contextWindowCompression={"triggerTokens": trigger, **window}) == (1007, INVALID_ARGUMENT)


def test_transcripts() -> None:
    asked = {"languageCodes": ["de-DE"], "customVocabulary": ["Ada"], "wordTimestamp": True, "diarization": True}
    rules = accept(LIVE, inputAudioTranscription=asked, outputAudioTranscription={"mode": "SMART"})
    assert rules.input_transcript == TranscriptRules(("de-DE",), ("Ada",), word_timestamps=True, diarization=True)
    assert rules.output_transcript == TranscriptRules(smart=True)
    for field in ("wordTimestamp", "diarization"):
        smart = {"mode": "SMART", field: True}
        assert refusal(LIVE, inputAudioTranscription=smart) == (1007, INVALID_ARGUMENT)
        assert refusal(LIVE, outputAudioTranscription=smart) == (1007, INVALID_ARGUMENT)
    assert accept(LIVE, inputAudioTranscription={"mode": "VERBATIM", "diarization": True}).input_transcript.diarization
    assert accept(LIVE, realtimeInputConfig={"interimTranscriptTimestampEnabled": True}).draft_timestamps
    assert not accept(LIVE).draft_timestamps


def test_coverage_of_a_turn() -> None:
    assert accept(LIVE).turn_coverage == LIVE_3_8.turn_coverage == "audio_activity_and_all_video"
    assert accept(NATIVE).turn_coverage == "only_activity"
    for asked, rule in (
        ("TURN_INCLUDES_ALL_INPUT", "all_input"),
        ("TURN_INCLUDES_ONLY_ACTIVITY", "only_activity"),
        ("TURN_COVERAGE_UNSPECIFIED", "audio_activity_and_all_video"),
    ):
        assert accept(LIVE, realtimeInputConfig={"turnCoverage": asked}).turn_coverage == rule


def test_detection_is_obeyed() -> None:
    asked = {
        "startOfSpeechSensitivity": "START_SENSITIVITY_LOW",
        "end_of_speech_sensitivity": "END_SENSITIVITY_LOW",
        "prefixPaddingMs": 20,
        "silenceDurationMs": "100",
    }
    rules = accept(LIVE, realtimeInputConfig={"automaticActivityDetection": asked})
    assert rules.detection == DetectionRules("low", "low", 20, 100)
    assert accept(LIVE, realtimeInputConfig={"automaticActivityDetection": {"disabled": True}}).detection is None
    assert not accept(LIVE, realtimeInputConfig={"activityHandling": "NO_INTERRUPTION"}).interruptible
    out_of_range = {"automaticActivityDetection": {"silenceDurationMs": -1}}
    assert refusal(LIVE, realtimeInputConfig=out_of_range) == (1007, INVALID_ARGUMENT)


def test_what_else_a_setup_asks_for() -> None:
    rules = accept(
        LIVE,
        sessionResumption={"handle": "h"},
        inputAudioTranscription={},
        outputAudioTranscription={},
        systemInstruction={"parts": [{"text": "Be brief."}, {"text": "Be kind."}]},
        historyConfig={"initialHistoryInClientContent": True},
        tools=[{"functionDeclarations": [{"name": "set_timer"}, {"name": "set_volume"}]}, {"googleSearch": {}}],
    )
    assert rules.resumable
    assert rules.handle == "h"
    assert rules.transcribe_input
    assert rules.transcribe_output
    assert rules.initial_history
    assert rules.system_instruction == "Be brief.\nBe kind."
    assert list(rules.functions) == ["set_timer", "set_volume"]
    assert "set_timer" in rules.functions
