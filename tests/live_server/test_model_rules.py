"""What each family of models takes of a setup, and in which words it refuses the rest."""

import json
from typing import Any

import pytest

from satellite.live.messages import parse_client_message
from satellite.live_server.activity import DetectionRules
from satellite.live_server.model_rules import SessionRules, accept_setup
from satellite.live_server.refusals import INVALID_ARGUMENT, NOT_AUDIO, REASON_MAX_BYTES, Refusal

HALF_CASCADE = "models/gemini-live-2.5-flash-preview"
NATIVE = "models/gemini-2.5-flash-native-audio-preview-09-2025"
LIVE = "models/gemini-3.8-live"
THINKING = "models/gemini-3.8-live-extended-thinking"


def accept(model: str, version: str = "v1beta", **fields: Any) -> SessionRules:
    """The rules of a setup with these fields."""
    message = parse_client_message(json.dumps({"setup": {"model": model, **fields}}))
    assert message.setup is not None
    return accept_setup(message.setup, version)


def refusal(model: str, version: str = "v1beta", **fields: Any) -> tuple[int, str]:
    """Code and reason with which such a setup is refused."""
    with pytest.raises(Refusal) as refused:
        accept(model, version, **fields)
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


@pytest.mark.parametrize("model", ["models/gemini-9", "gemini-3.8-live", "", "models/"])
def test_an_unknown_model_is_not_found(model: str) -> None:
    code, reason = refusal(model, "v1alpha")
    assert code == 1008
    assert reason.startswith(f"{model or 'models/'} is not found for API version v1alpha, or is not supported for bidi")


def test_text_comes_from_half_cascade_models_only() -> None:
    assert not accept(HALF_CASCADE, generationConfig={"responseModalities": ["TEXT"]}).audio_reply
    assert refusal(NATIVE, generationConfig={"responseModalities": ["TEXT"]}) == (1007, NOT_AUDIO)
    assert refusal(LIVE, generationConfig={"responseModalities": ["TEXT"]}) == (1007, NOT_AUDIO)


def test_two_modalities_are_refused() -> None:
    code, reason = refusal(HALF_CASCADE, generationConfig={"responseModalities": ["TEXT", "AUDIO"]})
    assert code == 1007
    assert reason.startswith("The requested combination of response modalities (TEXT, AUDIO) is not supported")


def test_thinking() -> None:
    budget = {"thinkingConfig": {"thinkingBudget": 0}}
    level = {"thinkingConfig": {"thinkingLevel": "LOW"}}
    assert accept(NATIVE, generationConfig=budget)
    assert refusal(LIVE, generationConfig=level) == (1007, INVALID_ARGUMENT)
    assert refusal(LIVE, generationConfig={"thinkingConfig": {}}) == (1007, INVALID_ARGUMENT)
    assert accept(THINKING, generationConfig=level)
    assert refusal(THINKING) == (1007, INVALID_ARGUMENT)
    assert refusal(THINKING, generationConfig={"thinkingConfig": {"thinkingLevel": "MINIMAL"}})[0] == 1007


def test_voices_and_languages() -> None:
    assert accept(HALF_CASCADE, generationConfig=speaking("Aoede", "de-DE"))
    assert refusal(HALF_CASCADE, generationConfig=speaking("Sulafat")) == (1007, INVALID_ARGUMENT)
    assert accept(LIVE, generationConfig=speaking("Sulafat"))
    assert refusal(LIVE, generationConfig=speaking("Nobody")) == (1007, INVALID_ARGUMENT)
    assert refusal(LIVE, generationConfig=speaking(language="de-DE")) == (1007, INVALID_ARGUMENT)


def test_affective_dialog_and_proactivity() -> None:
    affective = {"enableAffectiveDialog": True}
    assert accept(NATIVE, "v1alpha", generationConfig=affective)
    assert "Unknown name" in refusal(NATIVE, "v1beta", generationConfig=affective)[1]
    assert refusal(LIVE, "v1alpha", generationConfig=affective) == (1007, INVALID_ARGUMENT)
    assert accept(NATIVE, "v1alpha", proactivity={"proactiveAudio": True})
    assert "Unknown name" in refusal(NATIVE, "v1beta", proactivity={"proactiveAudio": True})[1]
    assert accept(LIVE, proactivity={"proactiveAudio": True})
    assert refusal(LIVE, proactivity={"proactiveAudio": False}) == (1007, INVALID_ARGUMENT)


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
    assert rules.functions == {"set_timer", "set_volume"}
