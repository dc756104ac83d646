"""Each way in which the service ends a session, as Google's own client reads it: code and words (LIVE_API 4.8, 6.3)."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from google import genai
from google.genai import types
from google.genai.live import AsyncSession

from live_server.official import AUDIO, MODEL, developer, ending_of, refusal_of, session_of
from live_server.peer import running
from live_server.stage import Ear, simulate
from satellite.live_server.faults import Closing, Fault, Faults
from satellite.live_server.limits import Limits
from satellite.live_server.refusals import (
    BAD_KEY,
    CONCURRENT,
    DEADLINE,
    EXPLICIT_ACTIVITY,
    GO_AWAY_IGNORED,
    INTERNAL,
    INVALID_ARGUMENT,
    MEDIA_CHUNKS,
    NO_KEY,
    NO_SESSION,
    NOT_AUDIO,
    PRECONDITION,
    QUOTA,
    REASON_MAX_BYTES,
    SESSION_EXPIRED,
    SETUP_ONCE,
    cut_to_fit,
)

SPEECH = types.Blob(data=b"\x10\x00" * 8000, mime_type="audio/pcm;rate=16000")
MANUAL = AUDIO.model_copy(
    update={
        "realtime_input_config": types.RealtimeInputConfig(
            automatic_activity_detection=types.AutomaticActivityDetection(disabled=True)
        )
    }
)
RESUMABLE = AUDIO.model_copy(update={"session_resumption": types.SessionResumptionConfig()})


def serving(script: Callable[[int], Awaitable[None]], **options: Any) -> None:
    """Run a script against a server."""

    async def main() -> None:
        async with running(**options) as (_, port):
            await script(port)

    simulate(main())


def resuming(handle: str) -> types.LiveConnectConfig:
    return AUDIO.model_copy(update={"session_resumption": types.SessionResumptionConfig(handle=handle)})


async def handle_after_a_turn(session: AsyncSession) -> str:
    """The handle that comes when a turn is over."""
    await session.send_realtime_input(text="hello")
    while True:
        update = (await session._receive()).session_resumption_update
        if update is not None and update.resumable:
            assert update.new_handle
            return update.new_handle


# ---------------------------------------------------------------- at the door and at the setup


@pytest.mark.parametrize(
    ("key", "config", "model", "expected"),
    [
        ("wrong", AUDIO, MODEL, (1007, BAD_KEY)),
        (
            "",
            AUDIO,
            MODEL,
            (1008, cut_to_fit(NO_KEY)),
        ),
        (None, {"response_modalities": ["TEXT"]}, MODEL, (1007, NOT_AUDIO)),
        (None, {"response_modalities": ["AUDIO", "TEXT"]}, MODEL, (1007, "The requested combination of response")),
        (None, {"thinking_config": {"thinking_budget": 5}}, MODEL, (1007, INVALID_ARGUMENT)),
        (None, {"speech_config": {"language_code": "de-DE"}}, MODEL, (1007, INVALID_ARGUMENT)),
        (None, AUDIO, "gemini-0.1", (1008, "models/gemini-0.1 is not found for API version v1, or is not supported")),
        (None, resuming("unknown"), MODEL, (1008, NO_SESSION)),
        (
            None,
            {"enable_affective_dialog": True},
            "gemini-2.5-flash-native-audio-latest",
            (1007, 'Invalid JSON payload received. Unknown name "enableAffectiveDialog"'),
        ),
    ],
    ids=["key", "no key", "text", "modalities", "thinking", "language", "model", "handle", "field"],
)
def test_refused_before_it_begins(key: str | None, config: Any, model: str, expected: tuple[int, str]) -> None:
    async def script(port: int) -> None:
        client = developer(port) if key is None else developer(port, key or "placeholder")
        if key == "":
            without_key(client)
        code, reason = await refusal_of(client, config, model)
        assert (code, reason[: len(expected[1])]) == expected
        assert len(reason.encode()) <= REASON_MAX_BYTES

    serving(script)


def without_key(client: genai.Client) -> None:
    """The client refuses to be made without a key: it loses it afterwards."""
    client._api_client.api_key = " "
    (client._api_client._http_options.headers or {})["x-goog-api-key"] = " "


def test_too_many_sessions_and_no_quota() -> None:
    async def script(port: int) -> None:
        async with session_of(developer(port)):
            assert await refusal_of(developer(port)) == (1011, cut_to_fit(CONCURRENT))

    async def hurried(port: int) -> None:
        async with session_of(developer(port)):
            pass
        assert await refusal_of(developer(port)) == (1011, QUOTA)

    serving(script, limits=Limits(sessions=1))
    serving(hurried, limits=Limits(sessions_per_min=1))


def test_handles_in_use_and_too_old() -> None:
    async def script(port: int) -> None:
        async with session_of(developer(port), RESUMABLE) as session:
            handle = await handle_after_a_turn(session)
            assert await refusal_of(developer(port), resuming(handle)) == (1011, INTERNAL)
        async with session_of(developer(port), resuming(handle)):
            pass
        await asyncio.sleep(7201)
        assert await refusal_of(developer(port), resuming(handle)) == (1008, SESSION_EXPIRED)

    serving(script)


# ---------------------------------------------------------------- in the middle


async def twice_set_up(session: AsyncSession) -> None:
    await session._ws.send(json.dumps({"setup": {"model": "models/x"}}))


async def unknown_name(session: AsyncSession) -> None:
    await session._ws.send(json.dumps({"realtimeInput": {"colour": "blue"}}))


async def explicit_activity(session: AsyncSession) -> None:
    await session.send_realtime_input(activity_start=types.ActivityStart())


async def media_chunks(session: AsyncSession) -> None:
    await session.send_realtime_input(media=SPEECH)


async def empty_activity(session: AsyncSession) -> None:
    await session.send_realtime_input(activity_start=types.ActivityStart())
    await session.send_realtime_input(activity_end=types.ActivityEnd())


async def stream_end(session: AsyncSession) -> None:
    await session.send_realtime_input(audio_stream_end=True)


@pytest.mark.parametrize(
    ("act", "config", "expected"),
    [
        (twice_set_up, AUDIO, (1007, SETUP_ONCE)),
        (unknown_name, AUDIO, (1007, "Invalid JSON payload received. Unknown name \"colour\" at 'realtime_input'")),
        (explicit_activity, AUDIO, (1007, EXPLICIT_ACTIVITY)),
        (empty_activity, MANUAL, (1007, PRECONDITION)),
        (stream_end, MANUAL, (1007, INVALID_ARGUMENT)),
        (media_chunks, AUDIO, (1007, MEDIA_CHUNKS)),
    ],
)
def test_what_a_client_does_wrong(
    act: Callable[[AsyncSession], Awaitable[None]], config: types.LiveConnectConfig, expected: tuple[int, str]
) -> None:
    async def script(port: int) -> None:
        async with session_of(developer(port), config) as session:
            await act(session)
            code, reason = await ending_of(session)
            assert (code, reason[: len(expected[1])]) == expected

    serving(script)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(connection_age_s=540.0), (1008, cut_to_fit(GO_AWAY_IGNORED))),
        (Limits(audio_session_s=900.0), (1011, DEADLINE)),
    ],
    ids=["connection", "session"],
)
def test_old_age_is_announced(limits: Limits, expected: tuple[int, str]) -> None:
    async def script(port: int) -> None:
        async with session_of(developer(port)) as session:
            go_away = (await session._receive()).go_away
            assert go_away is not None
            assert go_away.time_left == "50s"
            assert await ending_of(session) == expected

    serving(script, limits=limits)


def test_tokens_used_up() -> None:
    async def script(port: int) -> None:
        async with session_of(developer(port)) as session:
            await session.send_realtime_input(text="hello")
            assert [message async for message in session.receive()]
            await session.send_realtime_input(text="hello")
            assert await ending_of(session) == (1011, QUOTA)

    serving(script, limits=Limits(tokens_per_min=1))


def test_an_internal_error() -> None:
    async def script(port: int) -> None:
        async with session_of(developer(port), MANUAL) as session:
            await session.send_realtime_input(activity_start=types.ActivityStart())
            await session.send_realtime_input(audio=SPEECH)
            await session.send_realtime_input(activity_end=types.ActivityEnd())
            assert await ending_of(session) == (1011, INTERNAL)

    serving(script, recogniser=Ear(broken=True))


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1000, ""),
        (1007, "API Key not found. Please pass a valid API key."),
        (1008, "Operation is not implemented, or supported, or enabled."),
        (1011, "The service is currently unavailable."),
    ],
)
def test_reasons_that_nothing_here_leads_to_can_be_asked_for(code: int, reason: str) -> None:
    async def script(port: int) -> None:
        async with session_of(developer(port)) as session:
            await session.send_realtime_input(text="hello")
            assert (await ending_of(session)) == (code, reason)

    serving(script, faults=Faults(script=[Fault("close", member="text", code=code, reason=reason)]))


@pytest.mark.parametrize(
    "faults", [Faults(script=[Fault("reset", member="text")]), Faults(close_at={"text": Closing(1006)})]
)
def test_an_abort_has_no_words(faults: Faults) -> None:
    async def script(port: int) -> None:
        async with session_of(developer(port)) as session:
            await session.send_realtime_input(text="hello")
            assert (await ending_of(session))[0] == 1006

    serving(script, faults=faults)
