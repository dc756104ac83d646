"""live.extra_setup: what is added to a setup, what is refused at start and in which words, and who understands it."""

import base64
import json
from typing import Any

import pytest
from live_server.peer import KEY as SERVER_KEY
from live_server.peer import running

from live.google_oracles import check_client_frame
from live.scripted_peer import Inbox, simulate
from satellite.core.declarations import ToolDeclaration
from satellite.core.errors import ConfigError
from satellite.core.events import SessionOpened
from satellite.live.endpoints import endpoint_of
from satellite.live.link import LiveLink
from satellite.live.models import family_of
from satellite.live.setup import encode_setup, session_setup
from satellite.live.setup_rules import TRANSLATION_EXAMPLE, check_setup
from satellite.settings import LiveSettings

TRANSLATE = "gemini-3.5-live-translate-preview"
LAMP = ToolDeclaration("lamp", "switches it", '{"type": "object"}')
SAMPLE = base64.b64encode(b"not a real voice").decode()
SAFE = {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}


def live(extra: Any, **changes: Any) -> LiveSettings:
    """Settings with that, as text or to be written as JSON."""
    return LiveSettings.model_validate(
        {"extra_setup": extra if isinstance(extra, str) else json.dumps(extra), **changes}
    )


def problem(extra: Any, **changes: Any) -> str:
    """The lines with which it is refused; "" when it is not."""
    try:
        check_setup(live(extra, **changes), activity_manual=True, tools=[LAMP] if "model" not in changes else [])
    except ConfigError as refused:
        return str(refused)
    return ""


def sent(extra: Any, **changes: Any) -> dict[str, Any]:
    """The setup on the wire."""
    setup: dict[str, Any] = json.loads(frame(extra, **changes))["setup"]
    return setup


def frame(extra: Any, **changes: Any) -> str:
    settings = live(extra, **changes)
    setup = session_setup(
        settings,
        family_of(settings.model),
        model=endpoint_of(settings, project="p").model,
        activity_manual=True,
        tools=[LAMP],
        instruction="Be brief.",
    )
    return encode_setup(setup, None)


EVERYWHERE: list[dict[str, Any]] = [
    {"safetySettings": [SAFE]},
    {"labels": {"house": "ours"}},
    {"avatarConfig": {"avatarName": "Kira"}},
    {"generationConfig": {"speechConfig": {"voiceConfig": {"replicatedVoiceConfig": {"voiceSampleAudio": SAMPLE}}}}},
    {"tools": [{"computerUse": {"environment": "ENVIRONMENT_BROWSER"}}, {"googleSearchRetrieval": {}}]},
    {"contextWindowCompression": {"slidingWindow": {"targetTokens": "500"}}},
]
DEVELOPERS: list[dict[str, Any]] = [
    {"tools": [{"fileSearch": {"fileSearchStoreNames": ["fileSearchStores/x"]}}]},
    {"tools": [{"mcpServers": [{"name": "m", "streamableHttpTransport": {"url": "https://m.example"}}]}]},
]
VERTEX_ONLY: list[dict[str, Any]] = [
    {"tools": [{"enterpriseWebSearch": {}}]},
    {"tools": [{"retrieval": {"vertexRagStore": {"ragResources": []}}}]},
    {"tools": [{"parallelAiSearch": {"apiKey": "not-a-real-key"}}]},
    {"tools": [{"exaAiSearch": {"apiKey": "not-a-real-key"}}]},
    {"safetySettings": [{**SAFE, "method": "SEVERITY"}]},
]


@pytest.mark.parametrize("extra", EVERYWHERE + DEVELOPERS, ids=json.dumps)
def test_what_has_no_key_is_taken_beside_what_has_one(extra: dict[str, Any]) -> None:
    assert problem(extra) == ""
    plain, whole = sent(""), sent(extra)
    for name, value in extra.items():
        if name == "tools":
            assert whole["tools"] == plain["tools"] + value
        elif name not in plain:
            assert whole[name] == value
    assert whole["systemInstruction"] == plain["systemInstruction"]
    assert whole["generationConfig"]["responseModalities"] == ["AUDIO"]
    assert whole["sessionResumption"] == {}
    check_client_frame(frame(extra))


@pytest.mark.parametrize("extra", VERTEX_ONLY, ids=json.dumps)
def test_each_backend_knows_its_own(extra: dict[str, Any]) -> None:
    vertex = {"backend": "vertex", "vertex": {"project": "p"}}
    assert problem(extra, **vertex) == ""
    said = problem(extra)
    assert said.startswith("live.extra_setup: Unknown name ")
    assert "at 'setup." in said
    check_client_frame(frame(extra, **vertex))


@pytest.mark.parametrize("extra", DEVELOPERS, ids=json.dumps)
def test_vertex_does_not_know_the_developers(extra: dict[str, Any]) -> None:
    assert "Unknown name" in problem(extra, backend="vertex", vertex={"project": "p"})


def test_the_version_of_the_api_counts_too() -> None:
    extra = {"generationConfig": {"enableAffectiveDialog": True}}
    native = "gemini-2.5-flash-native-audio-latest"
    assert problem(extra, model=native, api_version="v1alpha") == ""
    assert "Unknown name \"enableAffectiveDialog\" at 'setup.generation_config'" in problem(extra, model=native)


def test_objects_are_merged_and_both_spellings_read() -> None:
    extra = {"generation_config": {"translation_config": {"target_language_code": "de-DE", "echoTargetLanguage": True}}}
    setup = sent(extra, model=TRANSLATE, generation={"temperature": 0.5}, voice="Kore")
    assert setup["generationConfig"] == {
        "responseModalities": ["AUDIO"],
        "temperature": 0.5,
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
        "translationConfig": {"targetLanguageCode": "de-DE", "echoTargetLanguage": True},
    }


def test_tools_are_appended_to_ours() -> None:
    extra = {"tools": [{"fileSearch": {"fileSearchStoreNames": ["fileSearchStores/x"]}}]}
    ours, searched, filed = sent(extra, server_tools={"google_search": True})["tools"]
    assert [one["name"] for one in ours["functionDeclarations"]] == ["lamp"]
    assert searched == {"googleSearch": {}}
    assert filed == extra["tools"][0]


@pytest.mark.parametrize("text", ["", " \n"])
def test_nothing_is_nothing(text: str) -> None:
    assert problem(text) == ""
    assert sent(text) == sent("{}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON: "),
        ('{"labels": {}} {}', "not JSON: "),
        ('{"generationConfig": {"temperature": NaN}}', "not JSON: NaN"),
        ("[" * 100_000, "not JSON: "),
        ("[]", "expected a JSON object"),
        ('"labels"', "expected a JSON object"),
        ('{"colour": 1}', "Unknown name \"colour\" at 'setup': Cannot find field."),
        (
            '{"generationConfig": {"translationConfig": {"language": "de"}}}',
            "Unknown name \"language\" at 'setup.generation_config.translation_config'",
        ),
        ('{"labels": 5}', "Invalid value at 'setup.labels', 5"),
        ('{"safetySettings": [{"category": "RUDE"}]}', "Invalid value at 'setup.safety_settings[0].category'"),
        (
            '{"generationConfig": {"speechConfig": {"voiceConfig":'
            ' {"prebuiltVoiceConfig": {}, "replicatedVoiceConfig": {}}}}}',
            "oneof field 'voice_config' is already set",
        ),
        ('{"model": "models/x"}', "model: not here: live.model"),
        ('{"session_resumption": {}}', "sessionResumption: not here: live.context.resumption"),
        ('{"systemInstruction": {"parts": []}}', "systemInstruction: not here: live.system_instruction"),
        ('{"historyConfig": {}}', "historyConfig: not here: "),
        ('{"tools": [{"functionDeclarations": [{"name": "f"}]}]}', "functions are programs, [tools.functions.NAME]"),
        (
            '{"generationConfig": {"responseModalities": ["TEXT"]}}',
            "generationConfig.responseModalities: is set already",
        ),
        (TRANSLATION_EXAMPLE, "generationConfig.translationConfig: 3.8 native audio models do not translate"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(text: str, said: str) -> None:
    line = problem(text)
    assert line.startswith("live.extra_setup: ")
    assert said in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("extra", "changes", "named"),
    [
        (
            {"generationConfig": {"temperature": 1}},
            {"generation": {"temperature": 0.5}},
            "generationConfig.temperature",
        ),
        ({"tools": [{"googleSearch": {}}]}, {"server_tools": {"google_search": True}}, "tools.googleSearch"),
        (
            {"inputAudioTranscription": {"languageCodes": ["de-DE"]}},
            {"transcription": {"language_codes": ["fr-FR"]}},
            "inputAudioTranscription.languageCodes",
        ),
        (
            {"generationConfig": {"speechConfig": {"voiceConfig": {"replicatedVoiceConfig": {}}}}},
            {"voice": "Kore"},
            "setup.generation_config.speech_config.voice_config",
        ),
    ],
)
def test_what_a_setting_has_said_already_is_refused(extra: dict[str, Any], changes: Any, named: str) -> None:
    assert problem(extra) == ""
    line = problem(extra, **changes)
    assert line.startswith("live.extra_setup: ")
    assert named in line
    assert "\n" not in line


def test_a_translation_needs_a_language_and_is_told_how_to_say_it() -> None:
    assert problem("", model=TRANSLATE) == (
        f"live.model = {TRANSLATE}: 3.5 live translate models have to be told a language: live.extra_setup = "
        '\'{"generationConfig": {"translationConfig": {"targetLanguageCode": "de-DE"}}}\''
    )
    assert problem(TRANSLATION_EXAMPLE, model=TRANSLATE) == ""


@pytest.mark.parametrize(
    ("extra", "changes"),
    [
        (TRANSLATION_EXAMPLE, {"model": TRANSLATE}),
        *((extra, {}) for extra in EVERYWHERE + DEVELOPERS),
    ],
)
def test_the_embedded_server_takes_it(extra: Any, changes: dict[str, Any]) -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with running() as (_, port):
            settings = live(extra, base_url=f"http://127.0.0.1:{port}", api_key=SERVER_KEY, **changes)
            link = LiveLink(settings, activity_manual=True, post=inbox.post, jitter=lambda: 1.0)
            link.open(1, None)
            assert await inbox.next() == SessionOpened(1)
            await link.shutdown()

    simulate(scenario())
