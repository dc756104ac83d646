"""Ephemeral tokens: minting them, what they lock, how long and how often they let in; the official client does both."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.genai import types

from live_server.official import developer as official_client
from live_server.official import ending_of, session_of
from live_server.peer import CONSTRAINED_PATH, KEY, MODEL, PATH, Peer, running
from live_server.stage import simulate
from satellite.live.messages import Setup, parse_client_message
from satellite.live_server.front import LARGEST_BODY_BYTES, REQUEST_S
from satellite.live_server.minting import MintingRefused, read_terms
from satellite.live_server.refusals import (
    BAD_KEY,
    BAD_TOKEN,
    NO_KEY,
    SETUP_ONCE,
    TOKEN_EXPIRED,
    TOKEN_TOO_LATE,
    TOKEN_USED_UP,
    cut_to_fit,
)
from satellite.live_server.tokens import TOKENS_KEPT, Grant, Terms, Tokens

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
MINT = "/v1alpha/auth_tokens"
OLDER_MODEL = "models/gemini-3.1-flash-live-preview"


class WallClock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **duration: float) -> None:
        """So much later."""
        self.now += timedelta(**duration)


def minting(script: Callable[[int, WallClock], Awaitable[None]], **options: Any) -> None:
    """Run a script against a server whose wall clock it has in hand."""

    async def main() -> None:
        clock = WallClock()
        async with running(now=clock, **options) as (_, port):
            await script(port, clock)

    simulate(main())


async def request(port: int, raw: bytes) -> tuple[int, dict[str, Any]]:
    """Status and JSON of the answer to one request, after which the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    assert b"content-type: application/json" in head.lower()
    return status, json.loads(body)


async def post(port: int, body: Any, path: str = MINT, key: str | None = KEY) -> tuple[int, dict[str, Any]]:
    """One POST."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    credential = "" if key is None else f"x-goog-api-key: {key}\r\n"
    head = f"POST {path} HTTP/1.1\r\nHost: h\r\n{credential}Content-Length: {len(content)}\r\n\r\n"
    return await request(port, head.encode() + content)


async def minted(port: int, **body: Any) -> str:
    """The name of a new token."""
    status, answer = await post(port, body)
    assert (status, list(answer)) == (200, ["name"]), answer
    return str(answer["name"])


async def ended(port: int, token: str, setup: dict[str, Any] | None = None) -> tuple[int, str]:
    """How the server ends a connection that comes with this token."""
    async with Peer.dial(port, f"{CONSTRAINED_PATH}?access_token={token}", None) as peer:
        await peer.send(setup=setup or {"model": MODEL})
        return await peer.ended()


# ---------------------------------------------------------------- the request


def test_defaults() -> None:
    assert read_terms(b"{}", NOW) == Terms(1, NOW + timedelta(minutes=30), NOW + timedelta(seconds=60), None, ())
    assert read_terms(b"", NOW) == read_terms(b'{"uses": null}', NOW) == read_terms(b"{}", NOW)


def test_a_body_as_the_official_client_writes_it() -> None:
    body = {
        "uses": 3,
        "expireTime": "2026-11-22T05:00:00+00:00",
        "newSessionExpireTime": "2026-11-22T04:30:00.123456789Z",
        "bidiGenerateContentSetup": {"model": MODEL, "generationConfig": {"temperature": 0.5}},
        "fieldMask": "model,generationConfig.temperature,generationConfig.max_output_tokens,system_instruction",
    }
    terms = read_terms(json.dumps(body).encode(), NOW)
    assert terms.uses == 3
    assert terms.expires_at == NOW + timedelta(hours=1)
    assert terms.starts_until == NOW + timedelta(minutes=30, microseconds=123456)
    assert terms.setup is not None
    assert terms.setup.model == MODEL
    assert terms.locked == (
        ("model",),
        ("generation_config", "temperature"),
        ("generation_config", "max_output_tokens"),
        ("system_instruction",),
    )


@pytest.mark.parametrize("uses", [2, "2", 2.0])
def test_numbers_in_all_spellings(uses: object) -> None:
    assert read_terms(json.dumps({"uses": uses}).encode(), NOW).uses == 2


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("not json", "Invalid JSON payload received."),
        ("[]", "Root element must be a message"),
        ('{"liveConnectConstraints": {}}', 'Unknown name "liveConnectConstraints": Cannot find field.'),
        (
            '{"bidiGenerateContentSetup": {"colour": 1}}',
            "Unknown name \"colour\" at 'auth_token.bidi_generate_content_setup'",
        ),
        ('{"bidi_generate_content_setup": []}', "Invalid value at 'auth_token.bidi_generate_content_setup'"),
        ('{"uses": -1}', "Invalid value at 'auth_token.uses', -1"),
        ('{"uses": true}', "Invalid value at 'auth_token.uses'"),
        ('{"uses": 1.5}', "Invalid value at 'auth_token.uses'"),
        ('{"uses": "many"}', "Invalid value at 'auth_token.uses'"),
        ('{"uses": 1e999}', "Invalid value at 'auth_token.uses'"),
        ('{"expireTime": 5}', "Invalid value at 'auth_token.expire_time'"),
        ('{"expireTime": "tomorrow"}', "Invalid value at 'auth_token.expire_time'"),
        ('{"expire_time": "2026-11-22T25:00:00Z"}', "Invalid value at 'auth_token.expire_time'"),
        ('{"expireTime": "2026-11-22T05:00:00"}', "Invalid value at 'auth_token.expire_time'"),
        ('{"expireTime": "2026-11-23T00:00:00Z"}', "expire_time must be less than 20 hours in the future."),
        ('{"newSessionExpireTime": "2026-11-23T00:00:00Z"}', "new_session_expire_time must be less than 20 hours"),
        ('{"expireTime": "2026-11-22T04:00:00Z"}', "expire_time must be in the future."),
        ('{"fieldMask": "colour"}', "Invalid field mask: 'colour'"),
        ('{"fieldMask": "generationConfig.colour"}', "Invalid field mask: 'generationConfig.colour'"),
        ('{"fieldMask": "tools.googleSearch"}', "Invalid field mask: 'tools.googleSearch'"),
        ('{"fieldMask": ["model"]}', "Invalid value at 'auth_token.field_mask'"),
    ],
)
def test_what_is_refused(body: str, complaint: str) -> None:
    with pytest.raises(MintingRefused) as refused:
        read_terms(body.encode(), NOW)
    assert refused.value.code == 400
    assert complaint in refused.value.message


def test_almost_twenty_hours_are_taken() -> None:
    assert read_terms(b'{"expireTime": "2026-11-22T23:59:59Z"}', NOW).expires_at == NOW + timedelta(
        hours=20, seconds=-1
    )


# ---------------------------------------------------------------- what a token locks


def constrained(asked: dict[str, Any], setup: dict[str, Any] | None, mask: str = "") -> dict[str, Any]:
    """The setup that counts, without its defaults."""
    body = {"fieldMask": mask} | ({} if setup is None else {"bidiGenerateContentSetup": setup})
    grant = Grant(read_terms(json.dumps(body).encode(), NOW), lambda: NOW)
    result: dict[str, Any] = json.loads(grant.constrain(setup_of(asked)).to_json())
    return result


def setup_of(fields: dict[str, Any]) -> Setup:
    setup = parse_client_message(json.dumps({"setup": fields})).setup
    assert setup is not None
    return setup


ASKED = {
    "model": "models/a",
    "generationConfig": {"temperature": 1.0, "maxOutputTokens": 7},
    "realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}},
    "outputAudioTranscription": {},
}
TOKENS_OWN = {"model": "models/b", "generationConfig": {"temperature": 0.25, "topP": 0.5}, "sessionResumption": {}}


@pytest.mark.parametrize(
    ("setup", "mask", "expected"),
    [
        (None, "", ASKED),
        (TOKENS_OWN, "", TOKENS_OWN),
        (TOKENS_OWN, "model", ASKED | {"model": "models/b"}),
        (
            TOKENS_OWN,
            "generationConfig.temperature,generation_config.topP",
            ASKED | {"generationConfig": {"temperature": 0.25, "maxOutputTokens": 7, "topP": 0.5}},
        ),
        (TOKENS_OWN, "generationConfig", ASKED | {"generationConfig": TOKENS_OWN["generationConfig"]}),
        (
            TOKENS_OWN,
            "generationConfig.max_output_tokens",
            ASKED | {"generationConfig": {"temperature": 1.0}},
        ),
        (TOKENS_OWN, "sessionResumption", ASKED | {"sessionResumption": {}}),
        (
            {"realtimeInputConfig": {"activityHandling": "NO_INTERRUPTION"}},
            "realtimeInputConfig",
            ASKED | {"realtimeInputConfig": {"activityHandling": "NO_INTERRUPTION"}},
        ),
    ],
    ids=["free", "all", "model", "two fields", "a message", "unset", "empty message", "detection"],
)
def test_what_is_locked(setup: dict[str, Any] | None, mask: str, expected: dict[str, Any]) -> None:
    assert constrained(ASKED, setup, mask) == expected


def test_a_field_of_a_message_that_neither_has_stays_unset() -> None:
    assert constrained({"model": "models/a"}, {"model": "models/b"}, "generationConfig.topP") == {"model": "models/a"}
    locked = {"generationConfig": {"topP": 0.5}}
    assert constrained({"model": "models/a"}, locked, "generationConfig.topP") == {"model": "models/a"} | locked


def test_the_handle_is_the_clients() -> None:
    asked = ASKED | {"sessionResumption": {"handle": "h"}}
    assert constrained(asked, TOKENS_OWN)["sessionResumption"] == {"handle": "h"}
    assert constrained(asked, TOKENS_OWN, "sessionResumption")["sessionResumption"] == {"handle": "h"}
    assert "sessionResumption" not in constrained(asked, {"model": "models/b"})


def test_the_oldest_token_is_forgotten_first() -> None:
    tokens = Tokens(lambda: NOW)
    names = [tokens.mint(read_terms(b"{}", NOW)) for _ in range(TOKENS_KEPT + 1)]
    assert len(set(names)) == len(names)
    assert tokens.find(names[1])
    with pytest.raises(Exception, match="Auth token not valid"):
        tokens.find(names[0])


# ---------------------------------------------------------------- over HTTP


@pytest.mark.parametrize("path", ["/v1alpha/auth_tokens", "/v1beta/auth_tokens", "//v1alpha/auth_tokens"])
def test_minting(path: str) -> None:
    async def script(port: int, clock: WallClock) -> None:
        status, answer = await post(port, {}, path)
        assert status == 200
        assert answer["name"].startswith("auth_tokens/")
        status, answer = await post(port, {}, f"{path}?alt=json&key={KEY}", None)
        assert status == 200

    minting(script)


@pytest.mark.parametrize(
    ("path", "key", "code", "status", "message"),
    [
        (MINT, "wrong", 400, "INVALID_ARGUMENT", BAD_KEY),
        (MINT, None, 403, "PERMISSION_DENIED", NO_KEY),
        ("/v1/auth_tokens", KEY, 404, "NOT_FOUND", "Requested entity was not found."),
        ("/", KEY, 404, "NOT_FOUND", "Requested entity was not found."),
        (PATH, KEY, 404, "NOT_FOUND", "Requested entity was not found."),
    ],
)
def test_errors_are_googles(path: str, key: str | None, code: int, status: str, message: str) -> None:
    async def script(port: int, clock: WallClock) -> None:
        answer = await post(port, {}, path, key)
        assert answer == (code, {"error": {"code": code, "message": message, "status": status}})

    minting(script)


def test_a_bad_body_is_a_bad_request() -> None:
    async def script(port: int, clock: WallClock) -> None:
        code, answer = await post(port, {"liveConnectConstraints": {}})
        assert (code, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
        assert "liveConnectConstraints" in answer["error"]["message"]

    minting(script)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"POST nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"DELETE /v1alpha/auth_tokens HTTP/1.1\r\nHost: h\r\n\r\n", 404),
        (b"POST " + b"/x" * 20_000 + b" HTTP/1.1\r\n", 400),
        (b"POST /v1alpha/auth_tokens HTTP/1.1\r\nHost: h\r\nContent-Length: 999999\r\n\r\n" + b" " * 300_000, 413),
    ],
    ids=["request line", "TLS", "method", "endless head", "large body"],
)
def test_bad_http_is_answered_and_closed(raw: bytes, code: int) -> None:
    assert len(raw) < 300_000 or len(raw) > LARGEST_BODY_BYTES

    async def script(port: int, clock: WallClock) -> None:
        assert (await request(port, raw))[0] == code

    minting(script)


def test_a_body_that_waits_for_a_word_gets_it() -> None:
    async def script(port: int, clock: WallClock) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = (
            f"POST {MINT} HTTP/1.1\r\nHost: h\r\nx-goog-api-key: {KEY}\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"
        )
        for byte in (head + "\r\n").encode():
            writer.write(bytes([byte]))
        assert (await reader.readline()).startswith(b"HTTP/1.1 100")
        await reader.readline()
        writer.write(b"{}")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 OK")
        writer.close()
        await writer.wait_closed()

    minting(script)


@pytest.mark.parametrize("begun", [b"", b"GE", b"POST /v1alpha/auth_tokens HTTP/1.1\r\nHost"])
def test_who_says_nothing_more_is_not_waited_for(begun: bytes) -> None:
    async def script(port: int, clock: WallClock) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begun)
        begun_s = asyncio.get_running_loop().time()
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            answer = await reader.read()
        assert asyncio.get_running_loop().time() - begun_s == pytest.approx(REQUEST_S, abs=0.5)
        assert answer.startswith(b"HTTP/1.1 408" if begun.startswith(b"POST") else b"")
        writer.close()

    minting(script)


def test_closing_the_server_ends_a_request_that_is_not_complete() -> None:
    async def main() -> None:
        async with running() as (server, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST ")
            await asyncio.sleep(0.1)
            await server.close()
            assert await gone(reader)
            assert asyncio.get_running_loop().time() < 1.0
            writer.close()

    simulate(main())


async def gone(reader: asyncio.StreamReader) -> bool:
    """Whether the connection has ended without a word."""
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True


def test_no_secret_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    names: list[str] = []

    async def script(port: int, clock: WallClock) -> None:
        names.append(await minted(port))
        await post(port, {}, f"{MINT}?key=a-wrong-secret", None)
        assert (await ended(port, names[0], {"model": "models/none"}))[0] == 1008

    with caplog.at_level("DEBUG"):
        minting(script)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("satellite")]
    assert ours
    assert not [line for line in ours if any(secret in line for secret in (KEY, "a-wrong-secret", *names))]


def test_a_field_that_this_version_does_not_know_is_refused_in_a_setup_too() -> None:
    async def script(port: int, clock: WallClock) -> None:
        body = {"bidiGenerateContentSetup": {"model": MODEL, "explicitVadSignal": True}}
        code, answer = await post(port, body)
        assert code == 400
        assert 'Unknown name "explicitVadSignal"' in answer["error"]["message"]

    minting(script)


# ---------------------------------------------------------------- coming in with one


@pytest.mark.parametrize("how", ["query", "header"])
def test_a_token_lets_in_once(how: str) -> None:
    async def script(port: int, clock: WallClock) -> None:
        token = await minted(port)
        path = f"{CONSTRAINED_PATH}?access_token={token}" if how == "query" else CONSTRAINED_PATH
        headers = {"Authorization": f"Token {token}"} if how == "header" else {}
        async with Peer.dial(port, path, None, headers) as peer:
            await peer.send(setup={"model": MODEL})
            assert await peer.receive() == {"setupComplete": {}}
            await peer.send_input(text="hello")
            assert (await peer.turn()).audio
        assert await ended(port, token) == (1008, TOKEN_USED_UP)

    minting(script)


@pytest.mark.parametrize("uses", [2, 0])
def test_uses(uses: int) -> None:
    async def script(port: int, clock: WallClock) -> None:
        token = await minted(port, uses=uses)
        for _ in range(2):
            async with Peer.dial(port, f"{CONSTRAINED_PATH}?access_token={token}", None) as peer:
                await peer.send(setup={"model": MODEL})
                assert await peer.receive() == {"setupComplete": {}}
        if uses:
            assert await ended(port, token) == (1008, TOKEN_USED_UP)

    minting(script)


def test_a_refused_setup_uses_nothing() -> None:
    async def script(port: int, clock: WallClock) -> None:
        token = await minted(port)
        for setup in ({"model": "models/none"}, {"model": MODEL, "sessionResumption": {"handle": "unknown"}}):
            assert (await ended(port, token, setup))[0] == 1008
        async with Peer.dial(port, f"{CONSTRAINED_PATH}?access_token={token}", None) as peer:
            await peer.send(setup={"model": MODEL})
            assert await peer.receive() == {"setupComplete": {}}

    minting(script)


def test_resuming_uses_nothing_and_may_be_later() -> None:
    async def script(port: int, clock: WallClock) -> None:
        token = await minted(port)
        path = f"{CONSTRAINED_PATH}?access_token={token}"
        async with Peer.dial(port, path, None) as peer:
            await peer.send(setup={"model": MODEL, "sessionResumption": {}})
            await peer.send_input(text="hello")
            await peer.receive()
            await peer.turn()
            handle = (await peer.receive())["sessionResumptionUpdate"]["newHandle"]
        clock.pass_by(minutes=10)
        for _ in range(2):
            async with Peer.dial(port, path, None) as peer:
                await peer.send(setup={"model": MODEL, "sessionResumption": {"handle": handle}})
                assert await peer.receive() == {"setupComplete": {}}
        assert await ended(port, token) == (1008, TOKEN_TOO_LATE)

    minting(script)


def test_messages_are_refused_once_the_token_has_expired() -> None:
    async def script(port: int, clock: WallClock) -> None:
        token = await minted(port, uses=0)
        async with Peer.dial(port, f"{CONSTRAINED_PATH}?access_token={token}", None) as peer:
            await peer.send(setup={"model": MODEL})
            await peer.receive()
            clock.pass_by(minutes=29)
            await peer.send_input(text="hello")
            await peer.turn()
            clock.pass_by(minutes=1)
            await peer.send_input(text="hello")
            assert await peer.ended() == (1008, TOKEN_EXPIRED)
        assert await ended(port, token) == (1008, TOKEN_EXPIRED)

    minting(script)


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        (f"{CONSTRAINED_PATH}?access_token=auth_tokens/unknown", {}, (1008, BAD_TOKEN)),
        (CONSTRAINED_PATH, {"Authorization": "Token auth_tokens/unknown"}, (1008, BAD_TOKEN)),
        (CONSTRAINED_PATH, {"Authorization": "Bearer x"}, (1008, cut_to_fit(NO_KEY))),
        (CONSTRAINED_PATH, {"x-goog-api-key": KEY}, (1008, cut_to_fit(NO_KEY))),
        (f"{PATH}?key=auth_tokens/unknown", {}, (1008, cut_to_fit(NO_KEY))),
        (PATH, {"x-goog-api-key": "auth_tokens/unknown"}, (1008, cut_to_fit(NO_KEY))),
    ],
)
def test_wrong_ways_in(path: str, headers: dict[str, str], expected: tuple[int, str]) -> None:
    async def script(port: int, clock: WallClock) -> None:
        async with Peer.dial(port, path, None, headers) as peer:
            await peer.send(setup={"model": MODEL})
            assert await peer.ended() == expected

    minting(script)


def test_with_a_token_too_the_setup_comes_first() -> None:
    async def script(port: int, clock: WallClock) -> None:
        token = await minted(port)
        async with Peer.dial(port, f"{CONSTRAINED_PATH}?access_token={token}", None) as peer:
            await peer.send_input(audio={"data": "AAAA", "mimeType": "audio/pcm"})
            assert await peer.ended() == (1007, SETUP_ONCE)

    minting(script)


# ---------------------------------------------------------------- the official client


async def official_token(port: int, version: str = "v1alpha", **config: Any) -> str:
    """A token minted by the official client."""
    client = official_client(port, version=version)
    token = await client.aio.auth_tokens.create(config=types.CreateAuthTokenConfig(**config))
    assert token.name is not None
    return str(token.name)


@pytest.mark.filterwarnings("ignore:The SDK's")
@pytest.mark.parametrize("version", ["v1alpha", "v1beta"])
def test_the_official_client_mints_a_token_and_comes_in_with_it(version: str) -> None:
    async def script(port: int, clock: WallClock) -> None:
        token = await official_token(port, version, uses=1, expire_time=NOW + timedelta(hours=1))
        async with session_of(official_client(port, token, version)) as session:
            await session.send_realtime_input(text="hello")
            assert [message async for message in session.receive()][-1].server_content
        async with session_of(official_client(port, KEY)) as session:
            await session.send_realtime_input(text="hello")

    minting(script)


LOCKED = types.LiveConnectConstraints(
    model="gemini-3.1-flash-live-preview",
    config=types.LiveConnectConfig(
        response_modalities=[types.Modality.AUDIO],
        output_audio_transcription=types.AudioTranscriptionConfig(),
        session_resumption=types.SessionResumptionConfig(),
    ),
)


@pytest.mark.filterwarnings("ignore:The SDK's")
@pytest.mark.parametrize("additional", [None, [], ["temperature", "system_instruction"]], ids=["all", "set", "more"])
def test_locks_of_the_official_client_hold(additional: list[str] | None) -> None:
    """The client asks for neither transcript nor handles; the token has them."""

    async def script(port: int, clock: WallClock) -> None:
        token = await official_token(port, live_connect_constraints=LOCKED, lock_additional_fields=additional)
        async with session_of(official_client(port, token, "v1alpha")) as session:
            await session.send_realtime_input(text="hello")
            messages = [message async for message in session.receive()]
            content = [message.server_content for message in messages if message.server_content]
            assert any(each.output_transcription for each in content)
            assert any(message.session_resumption_update for message in messages)

    minting(script)


@pytest.mark.filterwarnings("ignore:The SDK's")
def test_the_official_client_reads_why_its_token_is_refused() -> None:
    async def script(port: int, clock: WallClock) -> None:
        token = await official_token(port, uses=2)
        client = official_client(port, token, "v1alpha")
        async with session_of(client) as session:
            clock.pass_by(minutes=31)
            await session.send_realtime_input(text="hello")
            assert await ending_of(session) == (1008, TOKEN_EXPIRED)

    minting(script)
