"""The pure tables: models, endpoints, close reasons, pauses, the setup."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from satellite.core.declarations import ToolDeclaration
from satellite.core.errors import ConfigError
from satellite.live.backoff import backoff_ms
from satellite.live.close_reasons import Verdict, classify_close, classify_http
from satellite.live.endpoints import developer_endpoint, is_loopback, websocket_base
from satellite.live.models import FAMILIES, NEWEST, family_of, known_family
from satellite.live.setup import encode_setup, session_setup
from satellite.settings import LiveSettings

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""


SECRET = "AIza-very-secret-0123456789"


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gemini-3.8-live", "3.8 native audio"),
        ("models/gemini-3.8-live-001", "3.8 native audio"),
        ("gemini-3.8-live-extended-thinking", "3.8 extended thinking"),
        ("gemini-3.1-flash-live-preview", "3.1 native audio"),
        ("gemini-2.5-flash-native-audio-preview-12-2025", "2.5 native audio"),
        ("gemini-live-2.5-flash-preview-native-audio-09-2025", "2.5 native audio"),
        ("gemini-live-2.5-flash-preview", "half cascade"),
        ("projects/p/locations/l/publishers/google/models/gemini-2.0-flash-live-preview-04-09", "half cascade"),
    ],
)
def test_family_by_longest_prefix(model: str, family: str) -> None:
    assert family_of(model).name == family


def test_an_unknown_model_gets_the_newest_rules() -> None:
    assert known_family("gemini-9-live") is None
    assert family_of("gemini-9-live") is NEWEST


def test_every_row_can_be_reached() -> None:
    assert {family_of(prefix) for row in FAMILIES for prefix in row.prefixes} == set(FAMILIES)


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://generativelanguage.googleapis.com", "wss://generativelanguage.googleapis.com"),
        ("https://gateway.example/live/", "wss://gateway.example/live"),
        ("wss://gateway.example:8443", "wss://gateway.example:8443"),
        ("http://127.0.0.1:8765/", "ws://127.0.0.1:8765"),
        ("ws://localhost:8765", "ws://localhost:8765"),
        ("ws://[::1]:8765", "ws://[::1]:8765"),
    ],
)
def test_base_url_becomes_a_websocket(base_url: str, expected: str) -> None:
    assert websocket_base(base_url) == expected


@pytest.mark.parametrize(
    "base_url",
    [
        *("ws://192.168.1.5:8765", "http://example.com", "ws://localhost.example.com", "ws://127.0.0.1.example.com"),
        *("ftp://x", "example.com", "", "https://", "https://h:port", "https://h:99999", "https://[::1"),
        *(f"https://h/?key={SECRET}", f"https://user:{SECRET}@h", "https://h#x", "https://" + "x" * 300),
    ],
)
def test_base_url_that_cannot_be_used_is_refused_by_name_and_not_echoed(base_url: str) -> None:
    with pytest.raises(ConfigError, match=r"^live\.base_url: ") as refused:
        websocket_base(base_url)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


def endpoint_of(**changes: Any) -> Any:
    return developer_endpoint(LiveSettings.model_validate(changes))


def test_developer_endpoint_has_the_key_in_a_header_and_nowhere_else() -> None:
    endpoint = endpoint_of(api_key=SECRET, api_version="v1alpha")
    assert endpoint.url == (
        "wss://generativelanguage.googleapis.com"
        "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContent"
    )
    assert endpoint.headers == {"x-goog-api-key": SECRET}
    assert endpoint.model == "models/gemini-3.8-live"
    assert SECRET not in repr(endpoint)
    assert endpoint.without_secrets(f"bad key {SECRET}!") == "bad key ***!"
    assert endpoint_of(model="tunedModels/x").model == "tunedModels/x"
    assert endpoint_of().headers == {}


@pytest.mark.parametrize("key", ["a b", "a\nX-Evil: 1", "schlüssel"])
def test_key_that_fits_no_header_is_refused_and_not_echoed(key: str) -> None:
    with pytest.raises(ConfigError, match=r"^live\.api_key: ") as refused:
        endpoint_of(api_key=SecretStr(key))
    assert key not in str(refused.value)


@pytest.mark.parametrize(
    ("code", "reason", "verdict"),
    [
        (1007, "API key not valid. Please pass a valid API key.", Verdict.REFUSED),
        (1008, "API key not valid. Please pass a valid API key.", Verdict.REFUSED),
        (1007, "API Key not found. Please pass a valid API key.", Verdict.REFUSED),
        (
            1008,
            "Method doesn't allow unregistered callers (callers without established identity). Ple",
            Verdict.REFUSED,
        ),
        (1008, "models/x is not found for API version v1beta, or is not supported for bidiGener", Verdict.REFUSED),
        (1011, "You exceeded your current quota, please check your plan and billing details. For", Verdict.QUOTA),
        (1011, "RESOURCE_EXHAUSTED: Maximum concurrent se", Verdict.TRANSIENT),
        (1008, "BidiGenerateContent session not found", Verdict.RESUME_REFUSED),
        (1008, "BidiGenerateContent session expired", Verdict.RESUME_REFUSED),
        (1011, "Internal error encountered.", Verdict.TRANSIENT),
        (1011, "The service is currently unavailable.", Verdict.TRANSIENT),
        (1011, "Deadline expired before operation could complete.", Verdict.TRANSIENT),
        (1008, "Operation is not implemented, or supported, or enabled.", Verdict.TRANSIENT),
        (1008, "Connection aborted because the client failed to close the connection after", Verdict.TRANSIENT),
        (1000, "", Verdict.TRANSIENT),
        (1006, "", Verdict.TRANSIENT),
    ],
)
@pytest.mark.parametrize("opened", [False, True])
def test_reason_decides(code: int, reason: str, verdict: Verdict, opened: bool) -> None:
    ending = classify_close(code, reason, opened=opened)
    assert ending.verdict is verdict
    assert ending.text


UNKNOWN_1007 = "Request contains an invalid argument."


def test_refused_setup_is_fatal_only_where_it_speaks_of_the_setup() -> None:
    assert classify_close(1007, UNKNOWN_1007, opened=False).verdict is Verdict.REFUSED
    assert UNKNOWN_1007 in classify_close(1007, UNKNOWN_1007, opened=False).text
    assert classify_close(1007, UNKNOWN_1007, opened=False, resuming=True).verdict is Verdict.RESUME_REFUSED
    assert classify_close(1007, UNKNOWN_1007, opened=True, resuming=True).verdict is Verdict.TRANSIENT
    key = "API key not valid."
    assert classify_close(1007, key, opened=False, resuming=True).verdict is Verdict.REFUSED


@PATIENT
@given(st.integers(1000, 4999), st.text(max_size=300), st.booleans(), st.booleans())
def test_any_close_gives_one_short_line(code: int, reason: str, opened: bool, resuming: bool) -> None:
    text = classify_close(code, reason, opened=opened, resuming=resuming).text
    assert text
    assert text.isprintable()
    assert len(text) < 300


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        *((401, Verdict.REFUSED), (403, Verdict.REFUSED), (404, Verdict.REFUSED), (302, Verdict.REFUSED)),
        *((429, Verdict.QUOTA), (500, Verdict.TRANSIENT), (503, Verdict.TRANSIENT), (200, Verdict.TRANSIENT)),
    ],
)
def test_http_answers(status: int, verdict: Verdict) -> None:
    assert classify_http(status).verdict is verdict


def test_pauses_double_up_to_the_ceiling_and_jitter_takes_at_most_half() -> None:
    def pauses(jitter: float) -> list[int]:
        return [backoff_ms(n, initial_ms=500, max_ms=30_000, jitter=jitter) for n in range(1, 9)]

    assert pauses(1.0) == [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
    assert pauses(0.0) == [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]


@PATIENT
@given(st.integers(1, 10**9), st.integers(10, 60_000), st.integers(10, 600_000), st.floats(0, 1, exclude_max=True))
def test_no_pause_beyond_the_ceiling(failures: int, initial_ms: int, max_ms: int, jitter: float) -> None:
    assert 0 < backoff_ms(failures, initial_ms=initial_ms, max_ms=max_ms, jitter=jitter) <= max_ms


def setup_of(*, manual: bool = True, handle: str | None = None, tools: Any = (), **changes: Any) -> dict[str, Any]:
    live = LiveSettings.model_validate(changes)
    family = family_of(live.model)
    setup = session_setup(live, family, model=f"models/{live.model}", activity_manual=manual, tools=tools)
    message: dict[str, Any] = json.loads(encode_setup(setup, handle))
    assert list(message) == ["setup"]
    inner: dict[str, Any] = message["setup"]
    return inner


def test_setup_of_the_default_model() -> None:
    assert setup_of(system_instruction="Be brief.") == {
        "model": "models/gemini-3.8-live",
        "generationConfig": {"responseModalities": ["AUDIO"]},
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}},
        "sessionResumption": {},
        "inputAudioTranscription": {},
        "outputAudioTranscription": {},
    }


def test_setup_without_what_is_switched_off() -> None:
    setup = setup_of(manual=False, system_instruction="", input_transcription=False, output_transcription=False)
    assert setup == {
        "model": "models/gemini-3.8-live",
        "generationConfig": {"responseModalities": ["AUDIO"]},
        "sessionResumption": {},
    }


def test_setup_resumes() -> None:
    assert setup_of(handle="h")["sessionResumption"] == {"handle": "h"}


def test_voice_and_language_by_family() -> None:
    voice = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}
    native = setup_of(voice="Kore", language="de-DE")["generationConfig"]
    assert native == {"responseModalities": ["AUDIO"], "speechConfig": voice}
    half = setup_of(voice="Kore", language="de-DE", model="gemini-live-2.5-flash-preview")["generationConfig"]
    assert half["speechConfig"] == {**voice, "languageCode": "de-DE"}
    assert "speechConfig" not in setup_of(language="de-DE")["generationConfig"]


def test_thinking_only_where_it_must_be() -> None:
    assert "thinkingConfig" not in setup_of()["generationConfig"]
    extended = setup_of(model="gemini-3.8-live-extended-thinking")["generationConfig"]
    assert extended["thinkingConfig"] == {"thinkingLevel": "LOW"}


def test_tools_are_declared_with_their_schema() -> None:
    schema = {"type": "object", "properties": {"room_name": {"type": "string"}}}
    tool = ToolDeclaration(name="f", description="does it", parameters=json.dumps(schema))
    assert setup_of(tools=[tool])["tools"] == [
        {"functionDeclarations": [{"name": "f", "description": "does it", "parametersJsonSchema": schema}]}
    ]
    with pytest.raises(ConfigError, match="tool g"):
        setup_of(tools=[ToolDeclaration(name="g", description="", parameters="{")])
