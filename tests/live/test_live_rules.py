"""The pure tables: endpoints and who is let in there, close reasons, pauses."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from satellite.core.errors import ConfigError
from satellite.live.backoff import backoff_ms
from satellite.live.close_reasons import Verdict, classify_close, classify_http
from satellite.live.credentials import credentials_of, has_credentials
from satellite.live.endpoints import Access, access_of, endpoint_of, http_base, is_loopback, websocket_base
from satellite.settings import LiveSettings

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""


SECRET = "AIza-very-secret-0123456789"


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


TOKEN = "auth_tokens/not-a-real-token-0123456789"


def live(**changes: Any) -> LiveSettings:
    return LiveSettings.model_validate(changes)


def vertex(**changes: Any) -> LiveSettings:
    where = {"project": "p-1", **changes.pop("vertex", {})}
    return live(
        backend="vertex", model=changes.pop("model", "gemini-live-2.5-flash-native-audio"), vertex=where, **changes
    )


def headers_of(settings: LiveSettings) -> dict[str, str]:
    return asyncio.run(credentials_of(settings).headers())


@pytest.mark.parametrize(
    "model", ["gemini-2.5-flash-native-audio-latest", "models/gemini-2.5-flash-native-audio-latest"]
)
@pytest.mark.parametrize(
    ("changes", "version"),
    [
        ({}, "v1beta"),
        ({"api_version": "v1"}, "v1"),
        ({"generation": {"affective_dialog": True}}, "v1alpha"),
    ],
)
def test_developer_api_with_a_key(model: str, changes: dict[str, Any], version: str) -> None:
    settings = live(api_key=SECRET, model=model, **changes)
    endpoint = endpoint_of(settings)
    assert endpoint.url == (
        "wss://generativelanguage.googleapis.com"
        f"/ws/google.ai.generativelanguage.{version}.GenerativeService.BidiGenerateContent"
    )
    assert endpoint.model == "models/gemini-2.5-flash-native-audio-latest"
    assert endpoint.access is Access.KEY
    assert headers_of(settings) == {"x-goog-api-key": SECRET}


@pytest.mark.parametrize(("asked", "version"), [("", "v1alpha"), ("v1beta", "v1beta")])
@pytest.mark.parametrize("given", [{"token": {"value": TOKEN}}, {"api_key": TOKEN}])
def test_developer_api_with_a_token(given: dict[str, Any], asked: str, version: str) -> None:
    settings = live(api_version=asked, **given)
    endpoint = endpoint_of(settings)
    assert endpoint.url == (
        "wss://generativelanguage.googleapis.com"
        f"/ws/google.ai.generativelanguage.{version}.GenerativeService.BidiGenerateContentConstrained"
    )
    assert endpoint.access is Access.TOKEN
    assert headers_of(settings) == {"Authorization": f"Token {TOKEN}"}


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("us-central1", "us-central1-aiplatform.googleapis.com"),
        ("europe-west4", "europe-west4-aiplatform.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
    ],
)
def test_vertex_hosts_by_location(location: str, host: str) -> None:
    endpoint = endpoint_of(vertex(vertex={"location": location}))
    assert endpoint.url == f"wss://{host}/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
    assert endpoint.access is Access.BEARER
    assert endpoint.model == (
        f"projects/p-1/locations/{location}/publishers/google/models/gemini-live-2.5-flash-native-audio"
    )


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("m", "projects/p-1/locations/us-central1/publishers/google/models/m"),
        ("publishers/acme/models/m", "projects/p-1/locations/us-central1/publishers/acme/models/m"),
        ("projects/q/locations/eu/publishers/google/models/m", "projects/q/locations/eu/publishers/google/models/m"),
    ],
)
def test_vertex_models_are_completed(model: str, expected: str) -> None:
    assert endpoint_of(vertex(model=model)).model == expected


def test_the_credentials_project_completes_the_model_where_the_settings_name_none() -> None:
    unnamed = vertex(model="m", vertex={"project": ""})
    assert endpoint_of(unnamed).names_no_project
    named = endpoint_of(unnamed, project="p-2")
    assert named.model == "projects/p-2/locations/us-central1/publishers/google/models/m"
    assert not named.names_no_project
    assert endpoint_of(vertex(model="m"), project="p-2").model.startswith("projects/p-1/")


def test_vertex_with_a_key_is_express_mode() -> None:
    settings = vertex(model="m", vertex={"project": ""}, api_key=SECRET)
    endpoint = endpoint_of(settings)
    assert endpoint.access is Access.EXPRESS
    assert endpoint.url.endswith("LlmBidiService/BidiGenerateContent")
    assert endpoint.model == "publishers/google/models/m"
    assert headers_of(settings) == {"x-goog-api-key": SECRET}


@pytest.mark.parametrize("settings", [live(), live(token={"value": TOKEN}), vertex()], ids=["key", "token", "vertex"])
def test_another_base_url_goes_with_every_backend(settings: LiveSettings) -> None:
    there = endpoint_of(settings.model_copy(update={"base_url": "http://127.0.0.1:8765/live"}))
    google = endpoint_of(settings)
    assert there.url == "ws://127.0.0.1:8765/live/ws/" + google.url.partition("/ws/")[2]
    assert not there.secure
    assert google.secure
    with pytest.raises(ConfigError, match=r"^live\.base_url: "):
        endpoint_of(settings.model_copy(update={"base_url": "http://192.168.1.5"}))


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        (live(model="projects/p/locations/l/publishers/google/models/m"), "live.model"),
        (live(model="publishers/google/models/m"), "live.model"),
        (vertex(model="models/m"), "live.model"),
        (vertex(model="tunedModels/m"), "live.model"),
        (vertex(vertex={"location": ""}), "live.vertex.location"),
        (vertex(vertex={"location": "evil.example.org/"}), "live.vertex.location"),
        (vertex(vertex={"location": "us\n"}), "live.vertex.location"),
        (vertex(vertex={"project": "p-1\n"}), "live.vertex.project"),
        (vertex(vertex={"project": "p/../q"}), "live.vertex.project"),
    ],
)
def test_what_is_no_place_or_the_other_backends_name_is_refused_at_start(settings: LiveSettings, key: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{key}: "):
        endpoint_of(settings)


def test_secrets_of_an_endpoint_are_in_no_repr_and_are_blotted_out() -> None:
    endpoint = endpoint_of(live(model="tunedModels/x")).with_headers(
        {"Authorization": f"Token {TOKEN}", "x-goog-api-key": SECRET, "x-goog-user-project": "payer"}
    )
    assert endpoint.model == "tunedModels/x"
    assert TOKEN not in repr(endpoint)
    assert SECRET not in repr(endpoint)
    said = f"bad {SECRET}, Token {TOKEN}, {TOKEN}, project payer"
    assert endpoint.without_secrets(said) == "bad ***, Token ***, ***, project payer"


@pytest.mark.parametrize("key", ["a b", "a\nX-Evil: 1", "schlüssel"])
@pytest.mark.parametrize("where", ["api_key", "token.value", "express"])
def test_a_secret_that_fits_no_header_is_refused_and_not_echoed(key: str, where: str) -> None:
    settings = {
        "api_key": live(api_key=key),
        "token.value": live(token={"value": key}),
        "express": vertex(api_key=key),
    }[where]
    with pytest.raises(ConfigError, match=r"^live\.(api_key|token\.value): ") as refused:
        credentials_of(settings)
    assert key not in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "has"),
    [
        (live(), False),
        (live(base_url="http://127.0.0.1:1"), False),
        (live(api_key=SECRET), True),
        (live(token={"value": TOKEN}), True),
        (live(token={"url": "https://tokens.example"}), True),
        (live(token={"command": ["true"]}), True),
        (vertex(), True),
    ],
)
def test_what_counts_as_credentials(settings: LiveSettings, has: bool) -> None:
    assert has_credentials(settings) is has


def test_without_anything_no_header_is_sent() -> None:
    assert headers_of(live()) == {}
    assert access_of(live()) is Access.KEY


def test_plain_requests_go_where_the_websocket_goes() -> None:
    assert http_base("wss://gateway.example/live/") == "https://gateway.example/live"
    assert http_base("ws://127.0.0.1:1") == "http://127.0.0.1:1"


R, T, Q, RESUME = Verdict.REFUSED, Verdict.TRANSIENT, Verdict.QUOTA, Verdict.RESUME_REFUSED

# fmt: off
REASONS = [
    # LIVE_API 4.8, each row; cut at 123 bytes where it is longer
    (1000, "", T, "1000"),
    (1006, "", T, "1006"),
    (1007, "API key not valid. Please pass a valid API key.", R, "live.api_key"),
    (1008, "API key not valid. Please pass a valid API key.", R, "live.api_key"),
    (1007, "API Key not found. Please pass a valid API key.", R, "live.api_key"),
    (1007, "API key expired. Please renew the API key.", R, "live.api_key"),
    (1007, "Cannot extract voices from a non-audio request.", R, "Cannot extract voices"),
    (
        1007,
        "The requested combination of response modalities (TEXT, AUDIO) is not supported by the model.",
        R,
        "modalit",
    ),
    (1007, "Explicit activity control is not supported when automatic activity detection is enabled.", R, "Explicit"),
    (1007, "realtime_input.media_chunks is deprecated. Use audio, video, or text instead.", R, "media_chunks"),
    (
        1008,
        "Method doesn't allow unregistered callers (callers without established identity). Please "
        "use API Key or other form of",
        R,
        "live.api_key",
    ),
    (
        1008,
        "models/gemini-9 is not found for API version v1beta, or is not supported for "
        "bidiGenerateContent. Call ModelService.Li",
        R,
        "live.model",
    ),
    (1008, "BidiGenerateContent session not found", RESUME, "not found"),
    (1008, "BidiGenerateContent session expired", RESUME, "expired"),
    (1008, "Operation is not implemented, or supported, or enabled.", T, "not implemented"),
    (
        1008,
        "Connection aborted because the client failed to close the connection after receiving a "
        "GoAway signal once the session d",
        T,
        "GoAway",
    ),
    (1009, "frame exceeds limit of 1048576 bytes", T, "1009"),
    (1011, "Internal error encountered.", T, "Internal error"),
    (1011, "The service is currently unavailable.", T, "unavailable"),
    (1011, "Deadline expired before operation could complete.", T, "Deadline"),
    (
        1011,
        "You exceeded your current quota, please check your plan and billing details. For more "
        "information on this error, head t",
        Q,
        "quota",
    ),
    (1011, "RESOURCE_EXHAUSTED: Maximum concurrent se", T, "Maximum concurrent"),
    (1011, "RESOURCE_EXHAUSTED: Quota exceeded for", Q, "quota"),
    (1011, "Resource has been exhausted (e.g. check quota).", Q, "quota"),
    (1011, "keepalive ping timeout", T, "keepalive"),
    (1008, "The session exceeded its maximum duration.", T, "duration"),
    (1011, "Something that nobody has seen yet", T, "1011 Something"),
    (1007, "User location is not supported for the API use.", R, "where this device is"),
    # Google Cloud's words
    (1008, "Permission denied: Consumer has been suspended.", R, "live.api_key"),
    (1008, "PERMISSION_DENIED", R, "live.api_key"),
    (1008, "The caller does not have permission", R, "live.api_key"),
    (
        1008,
        "Vertex AI API has not been used in project 1 before or it is disabled. Enable it by visiting",
        R,
        "project",
    ),
    (1008, "Generative Language API has not been used in project 1 before or it is disabled.", R, "project"),
    (1008, "This API method requires billing to be enabled.", R, "project"),
    (1008, "Caller does not have required permission to use project p-1.", R, "live.vertex.quota_project"),
]
# fmt: on


@pytest.mark.parametrize(
    ("code", "reason", "verdict", "said"), REASONS, ids=[f"{row[0]} {row[1][:40]}" for row in REASONS]
)
@pytest.mark.parametrize("opened", [False, True])
def test_the_reasons_text_decides(code: int, reason: str, verdict: Verdict, said: str, opened: bool) -> None:
    ending = classify_close(code, reason, opened=opened)
    assert ending.verdict is verdict
    assert said in ending.text
    assert classify_close(code, reason[:60], opened=True).verdict is verdict


@pytest.mark.parametrize(
    ("reason", "when_opened"),
    [
        ("Request contains an invalid argument.", T),  # the context is full: a fresh session mends it
        ("Invalid JSON payload received. Unknown name \"x\" at 'setup': Cannot find field.", T),
        ("setup must be the first message and only the first", T),
        ("Precondition check failed.", T),
        ("thinkingConfig is not supported by this model", T),
        ("", T),
    ],
)
def test_an_invalid_payload_is_fatal_only_where_it_speaks_of_the_setup(reason: str, when_opened: Verdict) -> None:
    refused = classify_close(1007, reason, opened=False)
    assert refused.verdict is R
    assert reason in refused.text
    assert "configuration" in refused.text
    assert classify_close(1007, reason, opened=False, resuming=True).verdict is RESUME
    assert classify_close(1007, reason, opened=True, resuming=True).verdict is when_opened


def test_a_refused_key_is_no_refused_handle() -> None:
    assert classify_close(1007, "API key not valid.", opened=False, resuming=True).verdict is R


@pytest.mark.parametrize(
    ("access", "reason", "said"),
    [
        # a token on the endpoint without "Constrained" (LIVE_API 1.2)
        (
            Access.TOKEN,
            "Method doesn't allow unregistered callers (callers without established identity).",
            "live.token",
        ),
        (Access.TOKEN, "Auth token not found", "live.token"),
        (Access.TOKEN, "Token has expired", "live.token.url"),
        (Access.TOKEN, "The auth token has exceeded its maximum number of uses", "live.token.command"),
        (Access.TOKEN, "auth_tokens/x is used up", "live.token.value"),
        (Access.BEARER, "Request had invalid authentication credentials. Expected OAuth 2 access token", "live.vertex"),
        (Access.BEARER, "Request is missing required authentication credential.", "live.vertex.credentials_file"),
        (Access.BEARER, "Request had insufficient authentication scopes.", "live.vertex.credentials_file"),
        (Access.BEARER, "Permission 'aiplatform.endpoints.predict' denied on resource '//aipl", "live.vertex.project"),
        (
            Access.BEARER,
            "Publisher Model `projects/p/locations/global/publishers/google/models/gemini-l",
            "live.vertex.loc",
        ),
        (Access.BEARER, "models/x is not found for API version v1beta1, or", "live.vertex.location"),
        (Access.BEARER, "Project 'p-1' not found or deleted.", "live.vertex.project"),
        (Access.EXPRESS, "API keys are not supported by this API. Expected OAuth2 access token", "live.api_key"),
        (Access.EXPRESS, "API key not valid. Please pass a valid API key.", "Vertex AI refused the key"),
    ],
)
def test_advice_is_about_what_we_came_with(access: Access, reason: str, said: str) -> None:
    ending = classify_close(1008, reason, opened=False, access=access)
    assert ending.verdict is R
    assert said in ending.text
    assert ending.text not in {classify_close(1008, "API key not valid.", opened=False).text, f"1008 {reason}"}


def test_tokens_of_the_other_kind_are_not_taken_for_ours() -> None:
    reason = "The input token count exceeds the maximum number of tokens allowed"
    assert classify_close(1011, reason, opened=False, access=Access.TOKEN).verdict is T
    expired = "Token has expired"
    assert classify_close(1011, expired, opened=True, access=Access.KEY).verdict is T


def test_only_what_was_not_taken_is_thrown_away() -> None:
    assert classify_close(1008, "UNAUTHENTICATED", opened=False, access=Access.BEARER).access_refused
    assert classify_http(401, access=Access.BEARER).access_refused
    assert not classify_close(1008, "Publisher Model `x`", opened=False, access=Access.BEARER).access_refused
    assert not classify_http(503, access=Access.BEARER).access_refused


@PATIENT
@given(st.integers(1000, 4999), st.text(max_size=300), st.booleans(), st.booleans(), st.sampled_from(Access))
def test_any_close_gives_one_short_line(code: int, reason: str, opened: bool, resuming: bool, access: Access) -> None:
    text = classify_close(code, reason, opened=opened, resuming=resuming, access=access).text
    assert text
    assert text.isprintable()
    assert len(text) < 300


@pytest.mark.parametrize(
    ("status", "verdict"),
    [*((401, R), (403, R), (404, R), (302, R)), *((429, Q), (500, T), (503, T), (200, T))],
)
@pytest.mark.parametrize("access", Access)
def test_http_answers(status: int, verdict: Verdict, access: Access) -> None:
    assert classify_http(status, access=access).verdict is verdict


def test_http_advice_is_about_what_we_came_with() -> None:
    assert "live.vertex" in classify_http(401, access=Access.BEARER).text
    assert "live.token" in classify_http(403, access=Access.TOKEN).text
    assert "live.vertex.location" in classify_http(404, access=Access.BEARER).text
    assert "live.base_url" in classify_http(404).text


def test_pauses_double_up_to_the_ceiling_and_jitter_takes_at_most_half() -> None:
    def pauses(jitter: float) -> list[int]:
        return [backoff_ms(n, initial_ms=500, max_ms=30_000, jitter=jitter) for n in range(1, 9)]

    assert pauses(1.0) == [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
    assert pauses(0.0) == [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]


@PATIENT
@given(st.integers(1, 10**9), st.integers(10, 60_000), st.integers(10, 600_000), st.floats(0, 1, exclude_max=True))
def test_no_pause_beyond_the_ceiling(failures: int, initial_ms: int, max_ms: int, jitter: float) -> None:
    assert 0 < backoff_ms(failures, initial_ms=initial_ms, max_ms=max_ms, jitter=jitter) <= max_ms
