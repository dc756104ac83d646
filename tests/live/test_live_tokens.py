"""Minting ephemeral tokens: the body as the official client sends it, the limits, the answers."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from support.http_service import Asked, HttpService, Reply, serving

from satellite.core.errors import ConfigError, SatelliteError
from satellite.live.tokens import TokenOrder, field_mask, lockable, mint, request_body
from satellite.settings import LiveSettings

KEY = "not-a-real-key-0123456789"
NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
SETUP = {
    "model": "models/gemini-3.8-live",
    "generationConfig": {"responseModalities": ["AUDIO"], "temperature": 0.5},
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "sessionResumption": {},
}


def live(**changes: Any) -> LiveSettings:
    return LiveSettings.model_validate({"api_key": KEY, **changes})


def minted(service: HttpService, order: TokenOrder, **changes: Any) -> dict[str, Any]:
    return mint(live(base_url=service.url, **changes), order, now=NOW)


def test_a_plain_token_is_for_one_use_and_takes_the_servers_times() -> None:
    with serving(lambda asked: Reply(200, {"name": "auth_tokens/x"})) as service:
        assert minted(service, TokenOrder()) == {"uses": 1, "name": "auth_tokens/x"}
    (asked,) = service.asked
    assert (asked.method, asked.path) == ("POST", "/v1alpha/auth_tokens")
    assert asked.headers["x-goog-api-key"] == KEY
    assert json.loads(asked.body) == {"uses": 1}


def test_limits_go_out_as_instants_with_their_zone() -> None:
    order = TokenOrder(uses=0, expires_in_s=3600, start_within_s=120)
    assert request_body(order, now=NOW) == {
        "uses": 0,
        "expireTime": "2026-11-22T06:00:00+00:00",
        "newSessionExpireTime": "2026-11-22T05:02:00+00:00",
    }
    elsewhere = NOW.astimezone(timezone(timedelta(hours=2)))
    assert request_body(order, now=elsewhere)["expireTime"] == "2026-11-22T08:00:00+02:00"


@pytest.mark.parametrize(
    ("order", "option"),
    [
        ({"uses": -1}, "--uses"),
        ({"expires_in_s": 0}, "--expires-in"),
        ({"expires_in_s": 20 * 3600}, "--expires-in"),
        ({"start_within_s": -5}, "--start-within"),
        ({"start_within_s": 20 * 3600, "expires_in_s": 3600}, "--start-within"),
        ({"start_within_s": 61, "expires_in_s": 60}, "--start-within"),
        ({"start_within_s": 1801}, "--start-within"),
    ],
)
def test_limits_that_the_server_would_refuse_are_refused_before_the_call(order: dict[str, Any], option: str) -> None:
    with pytest.raises(ValueError, match=f"^{option}: "):
        TokenOrder(**order)


def test_the_longest_limits() -> None:
    TokenOrder(uses=0, expires_in_s=20 * 3600 - 1, start_within_s=20 * 3600 - 1)


def test_a_locked_setup_has_no_mask_unless_fields_are_named() -> None:
    assert request_body(TokenOrder(locked_setup=SETUP), now=NOW) == {"uses": 1, "bidiGenerateContentSetup": SETUP}
    masked = request_body(TokenOrder(locked_setup=SETUP, locked_fields=[]), now=NOW)
    assert masked["fieldMask"] == (
        "model,generationConfig.responseModalities,generationConfig.temperature,systemInstruction.parts,sessionResumption"
    )


def test_fields_that_are_locked_besides() -> None:
    more = [lockable(name) for name in ("top_p", "maxOutputTokens", "realtime_input_config", "temperature")]
    assert more[:3] == ["generationConfig.topP", "generationConfig.maxOutputTokens", "realtimeInputConfig"]
    mask = field_mask({"model": "m", "generationConfig": {"temperature": 1}}, more)
    assert mask == (
        "model,generationConfig.temperature,generationConfig.topP,generationConfig.maxOutputTokens,realtimeInputConfig"
    )


def test_a_path_may_go_deeper() -> None:
    path = "generation_config.speech_config.language_code"
    assert lockable(path) == "generationConfig.speechConfig.languageCode"
    assert lockable("speech_config.language_code") == "generationConfig.speechConfig.languageCode"


@pytest.mark.parametrize("name", ["temprature", "", "setup.model", "x,y"])
def test_a_field_that_no_setup_has_is_named(name: str) -> None:
    with pytest.raises(ValueError, match="--lock-field"):
        lockable(name)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*xperimental")
@pytest.mark.parametrize("more", [None, [], ["temperature"], ["max_output_tokens", "session_resumption"]])
def test_the_mask_is_the_official_clients(more: list[str] | None) -> None:
    tokens = pytest.importorskip("google.genai.tokens", reason="google-genai is not installed")
    given: dict[str, Any] = {"bidiGenerateContentSetup": {"setup": json.loads(json.dumps(SETUP))}}
    if more:
        given["fieldMask"] = list(more)
    official = tokens._convert_bidi_setup_to_token_setup(given, {"lock_additional_fields": more})
    fields = None if more is None else [lockable(name) for name in more]
    ours = request_body(TokenOrder(locked_setup=SETUP, locked_fields=fields), now=NOW)
    assert ours["bidiGenerateContentSetup"] == official["bidiGenerateContentSetup"]
    theirs = [lockable(name) for name in official.get("fieldMask", "").split(",") if name]
    assert [name for name in ours.get("fieldMask", "").split(",") if name] == list(dict.fromkeys(theirs))


def test_what_is_known_of_the_token_is_told() -> None:
    answer = {"name": "auth_tokens/x", "expireTime": "2026-11-22T06:00:01Z"}
    with serving(lambda asked: Reply(200, answer)) as service:
        told = minted(service, TokenOrder(uses=3, expires_in_s=3600, locked_setup=SETUP))
    assert told == {"uses": 3, **answer}


@pytest.mark.parametrize("version", ["v1alpha", "v1beta"])
def test_the_version_may_be_asked_for(version: str) -> None:
    with serving(lambda asked: Reply(200, {"name": "auth_tokens/x"})) as service:
        minted(service, TokenOrder(), api_version=version)
    assert service.asked[0].path == f"/{version}/auth_tokens"


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"api_key": ""}, "live.api_key"),
        ({"api_key": "auth_tokens/x"}, "live.api_key"),
        ({"api_key": "two words"}, "live.api_key"),
        ({"backend": "vertex"}, "live.backend"),
        ({"api_version": "v1"}, "live.api_version"),
        ({"base_url": "http://192.168.1.5"}, "live.base_url"),
    ],
)
def test_a_configuration_that_mints_nothing(changes: dict[str, str], key: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{key}: ") as refused:
        mint(live(**changes), TokenOrder(), now=NOW)
    assert "two words" not in str(refused.value)


@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        (Reply(400, {"error": {"message": f"API key not valid: {KEY}"}}), ConfigError, "live.api_key: the key was ref"),
        (Reply(403, {"error": {"message": "suspended"}}), ConfigError, "live.api_key: .*suspended"),
        (Reply(401, b"<html>"), ConfigError, "live.api_key"),
        (Reply(404, b""), ConfigError, "live.base_url"),
        (Reply(302, b"", {"Location": "http://127.0.0.1:1/"}), ConfigError, "live.base_url"),
        (Reply(400, {"error": {"message": "Unknown name\r\n \x1b[31mx"}}), SatelliteError, "HTTP 400: Unknown name"),
        (Reply(500, {}), SatelliteError, "HTTP 500"),
        (Reply(200, {}), SatelliteError, "holds none"),
        (Reply(200, b"x"), SatelliteError, "holds none"),
        (Reply(200, {"name": 5}), SatelliteError, "holds none"),
    ],
)
def test_answers_without_a_token(reply: Reply, kind: type[SatelliteError], said: str) -> None:
    with serving(lambda asked: reply) as service, pytest.raises(SatelliteError, match=said) as failed:
        minted(service, TokenOrder())
    assert type(failed.value) is kind
    assert KEY not in str(failed.value)
    assert str(failed.value).isprintable()


def test_a_server_that_is_not_there_is_named() -> None:
    with serving(lambda asked: Reply()) as service:
        pass
    with pytest.raises(SatelliteError, match=r"v1alpha/auth_tokens cannot be reached") as failed:
        minted(service, TokenOrder())
    assert not isinstance(failed.value, ConfigError)


def test_asked_is_what_was_sent() -> None:
    """The service of these tests keeps what it was asked, or the tests above would hold nothing."""
    with serving(lambda asked: Reply(200, {"name": asked.path})) as service:
        assert minted(service, TokenOrder())["name"] == "/v1alpha/auth_tokens"
    assert isinstance(service.asked[0], Asked)
