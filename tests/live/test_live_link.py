"""Sessions by number: attempts and their pauses, refusals, resumption, one socket at a time."""

import asyncio
import itertools
import json
import logging
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support.http_service import Asked, HttpService, Reply, serving
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from live.scripted_peer import KEY, Inbox, linked, listening, live_settings, simulate
from satellite.core.commands import PastTurn, Role
from satellite.core.declarations import ToolDeclaration
from satellite.core.errors import ConfigError
from satellite.core.events import SessionLost, SessionOpened, SessionRefused
from satellite.live.link import LiveLink


async def unused_port() -> int:
    """A port of loopback where nobody listens."""
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


def until(condition: Callable[[], bool]) -> None:
    """Wait in a thread for something that happens outside of the loop."""
    ends_at_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < ends_at_s
        time.sleep(0.005)


def test_connection_refused_is_retried_with_growing_pauses_until_closed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="satellite.live")

    async def scenario() -> None:
        inbox = Inbox()
        url = f"ws://127.0.0.1:{await unused_port()}"
        async with linked(url, inbox, backoff_initial_ms=500, backoff_max_ms=30_000) as link:
            link.open(1, None)
            await asyncio.sleep(200)
            link.close(1)
        assert inbox.seen == []

    simulate(scenario())
    attempts = [record for record in caplog.records if "not opened" in record.getMessage()]
    pauses = [int(record.getMessage().split("again in ")[1].split()[0]) for record in attempts]
    assert pauses[:8] == [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
    assert [record.levelno for record in attempts[:3]] == [logging.WARNING, logging.DEBUG, logging.DEBUG]


def test_a_server_that_comes_up_is_found_after_the_pauses(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="satellite.live")

    async def scenario() -> None:
        inbox = Inbox()
        loop = asyncio.get_running_loop()
        async with listening() as peer, linked(peer.url, inbox, backoff_initial_ms=500) as link:
            link.open(1, None)
            arrived_s = []
            for _ in range(4):
                call = await peer.answer()
                arrived_s.append(call.arrived_at_s)
                await call.hear()
                await call.hang_up(1011, "The service is currently unavailable.")
            call = await peer.answer()
            arrived_s.append(call.arrived_at_s)
            await call.accept_setup()
            assert await inbox.next() == SessionOpened(1)
            pauses_s = [later - earlier for earlier, later in pairwise(arrived_s)]
            assert pauses_s == pytest.approx([0.5, 1, 2, 4], abs=0.2)
            assert loop.time() - arrived_s[0] < 8.5

    simulate(scenario())
    levels = [record.levelname for record in caplog.records if record.name == "satellite.live.link"]
    assert levels == ["WARNING", "INFO"]  # the first failure, the recovery


def test_an_attempt_that_gets_no_answer_is_given_up_and_repeated() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        loop = asyncio.get_running_loop()
        arrived_s: asyncio.Queue[float] = asyncio.Queue()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            arrived_s.put_nowait(loop.time())
            while await reader.read(1000):
                continue
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with linked(url, inbox, attempt_timeout_ms=10_000, backoff_initial_ms=500) as link:
            link.open(1, None)
            instants_s = [await arrived_s.get() for _ in range(3)]
            assert instants_s[1] - instants_s[0] == pytest.approx(10.5, abs=0.2)
            assert instants_s[2] - instants_s[1] == pytest.approx(11, abs=0.2)
            link.close(1)
            assert inbox.seen == []
        server.close()
        await server.wait_closed()
        await asyncio.sleep(1)  # the connections' own tasks end

    simulate(scenario())


def test_a_setup_that_gets_no_answer_is_given_up_with_a_goodbye() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox, attempt_timeout_ms=10_000) as link:
            link.open(1, None)
            call = await peer.answer()
            await call.hear()
            assert await call.hear_goodbye() == (1000, [])
            second = await peer.answer()
            await second.accept_setup()
            assert await inbox.next() == SessionOpened(1)

    simulate(scenario())


@pytest.mark.parametrize(
    ("code", "reason", "advice"),
    [
        (1007, "API key not valid. Please pass a valid API key.", "live.api_key"),
        (1008, "models/gemini-9 is not found for API version v1beta, or is not supp", "live.model"),
        (1011, "You exceeded your current quota, please check your plan", "quota"),
        (1007, "Request contains an invalid argument.", "Request contains an invalid argument."),
    ],
)
def test_refusal_is_told_once_with_advice_and_not_retried(code: int, reason: str, advice: str) -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.open(1, None)
            call = await peer.answer()
            await call.hear()
            await call.hang_up(code, reason)
            refused = await inbox.next()
            assert isinstance(refused, SessionRefused)
            assert refused.session == 1
            assert advice in refused.advice
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(peer.answer(), 600)
            assert len(inbox.seen) == 1

    simulate(scenario())


def test_refusal_of_the_upgrade_is_told_too() -> None:
    async def scenario() -> None:
        def forbid(connection: ServerConnection, request: Request) -> Response:
            return connection.respond(403, "no\n")

        async def never(socket: ServerConnection) -> None:
            raise AssertionError("upgraded")

        inbox = Inbox()
        async with serve(never, "127.0.0.1", 0, process_request=forbid) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            async with linked(f"ws://127.0.0.1:{port}", inbox) as link:
                link.open(1, None)
                assert isinstance(await inbox.next(), SessionRefused)

    simulate(scenario())


def test_a_redirect_is_not_followed_and_the_key_stays_here() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as elsewhere:

            def redirect(connection: ServerConnection, request: Request) -> Response:
                response = connection.respond(302, "there\n")
                response.headers["Location"] = elsewhere.url
                return response

            async def never(socket: ServerConnection) -> None:
                raise AssertionError("upgraded")

            async with serve(never, "127.0.0.1", 0, process_request=redirect) as server:
                port = next(iter(server.sockets)).getsockname()[1]
                async with linked(f"ws://127.0.0.1:{port}", inbox) as link:
                    link.open(1, None)
                    refused = await inbox.next()
                    assert isinstance(refused, SessionRefused)
                    assert "live.base_url" in refused.advice
                    with pytest.raises(TimeoutError):
                        await asyncio.wait_for(elsewhere.answer(), 60)

    simulate(scenario())


@pytest.mark.parametrize("buffer_full", [False, True])
def test_resumes_with_the_handle_only_after_the_old_socket_is_closed(buffer_full: bool) -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.open(1, None)
            first = await peer.answer()
            setup = await first.accept_setup()
            assert setup["setup"]["sessionResumption"] == {}
            assert await inbox.next() == SessionOpened(1)
            first.stop_reading()  # its goodbye will not be answered at once
            if buffer_full:
                for _ in range(100):
                    link.send_frames(1, bytes(32_000))
                await asyncio.sleep(0.1)
            link.close(1)
            link.open(2, "handle-1")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(peer.answer(), 0.9)
            second = await asyncio.wait_for(peer.answer(), 0.3)
            setup = await second.accept_setup()
            assert setup["setup"]["sessionResumption"] == {"handle": "handle-1"}
            assert await inbox.next() == SessionOpened(2)
            assert len(inbox.seen) == 2
            first.tear()

    simulate(scenario())


@pytest.mark.parametrize(
    ("code", "reason"),
    [(1008, "BidiGenerateContent session not found"), (1007, "Request contains an invalid argument.")],
)
def test_a_refused_handle_is_told_as_such(code: int, reason: str) -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.open(3, "stale")
            call = await peer.answer()
            await call.hear()
            await call.hang_up(code, reason)
            assert await inbox.next() == SessionLost(3, reason=f"{code} {reason}", resume_refused=True)

    simulate(scenario())


def test_a_server_that_opens_and_drops_is_asked_more_and_more_slowly() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox, backoff_initial_ms=500) as link:
            arrived_s = []
            for session in range(1, 6):
                link.open(session, None)
                call = await peer.answer()
                arrived_s.append(call.arrived_at_s)
                await call.accept_setup()
                assert await inbox.next() == SessionOpened(session)
                await call.hang_up(1011, "Internal error encountered.")
                assert isinstance(await inbox.next(), SessionLost)
            pauses_s = [later - earlier for earlier, later in pairwise(arrived_s)]
            assert pauses_s == pytest.approx([0.5, 1, 2, 4], abs=0.2)

    simulate(scenario())


def test_after_a_session_that_held_the_next_one_is_asked_for_at_once() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        loop = asyncio.get_running_loop()
        async with listening() as peer, linked(peer.url, inbox, backoff_initial_ms=5000) as link:
            link.open(1, None)
            call = await peer.answer()
            await call.accept_setup()
            await asyncio.sleep(60)
            await call.hang_up(1011, "Internal error encountered.")
            assert await inbox.next() == SessionOpened(1)
            assert isinstance(await inbox.next(), SessionLost)
            asked_at_s = loop.time()
            link.open(2, None)
            call = await peer.answer()
            assert call.arrived_at_s - asked_at_s < 0.2

    simulate(scenario())


def test_unknown_and_closed_sessions_are_ignored() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.close(9)
            link.send_frames(9, bytes(640))
            link.open(1, None)
            link.close(1)
            link.close(1)
            link.send_text(1, "nobody hears this")
            link.send_tool_response(1, "id", "f", "{}")
            await link.shutdown()
            assert inbox.seen == []

    simulate(scenario())


def test_shutdown_without_sessions_is_over_at_once() -> None:
    async def scenario() -> None:
        async with linked("ws://127.0.0.1:9", Inbox()) as link:
            await link.shutdown()

    simulate(scenario())


@pytest.mark.parametrize(
    "changes", [{"base_url": "http://192.168.1.2"}, {"base_url": "https://h", "api_key": "a b"}, {"base_url": "x"}]
)
def test_a_configuration_that_cannot_be_used_is_refused_at_start(changes: dict[str, str]) -> None:
    settings = live_settings(changes.pop("base_url"), **changes)
    with pytest.raises(ConfigError, match=r"^live\."):
        LiveLink(settings, activity_manual=True, post=Inbox().post, jitter=lambda: 0.0)


def test_an_unknown_model_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    settings = live_settings("ws://127.0.0.1:9", model="gemini-9-live")
    LiveLink(settings, activity_manual=True, post=Inbox().post, jitter=lambda: 0.0)
    assert "gemini-9-live is unknown" in caplog.text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"language": "de-DE"}, r"^live\.language = de-DE"),
        ({"generation": {"modality": "text"}}, r"^live\.generation\.modality = text"),
        ({"context": {"transparent": True}}, r"^live\.context\.transparent = true"),
    ],
)
def test_what_the_model_would_refuse_is_refused_at_start(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        LiveLink(
            live_settings("ws://127.0.0.1:9", **changes),
            activity_manual=True,
            post=Inbox().post,
            jitter=lambda: 0.0,
        )


@pytest.mark.parametrize("parameters", ["{", "[]"])
def test_a_tool_that_cannot_be_declared_is_refused_at_start(parameters: str) -> None:
    with pytest.raises(ConfigError, match="tool g"):
        LiveLink(
            live_settings("ws://127.0.0.1:9"),
            activity_manual=True,
            post=Inbox().post,
            jitter=lambda: 0.0,
            tools=[ToolDeclaration(name="g", description="", parameters=parameters)],
        )


# ---------------------------------------------------------------- what a session starts from

HISTORY = (PastTurn(Role.USER, "my name is Ada"), PastTurn(Role.MODEL, "Hello, Ada."))
NATIVE_2_5 = "gemini-2.5-flash-native-audio-latest"


def turn(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"text": text}]}


def test_a_fresh_session_is_told_the_history_before_anything_else() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            inbox.reaction = lambda event: link.send_frames(1, bytes(640)) if isinstance(event, SessionOpened) else None
            link.open(1, None, HISTORY)
            call = await peer.answer()
            setup = (await call.accept_setup())["setup"]
            assert setup["historyConfig"] == {"initialHistoryInClientContent": True}
            assert await inbox.next() == SessionOpened(1)
            history = {"turns": [turn("user", "my name is Ada"), turn("model", "Hello, Ada.")], "turnComplete": True}
            assert await call.hear() == {"clientContent": history}
            assert list(await call.hear()) == ["realtimeInput"]

    simulate(scenario())


def test_an_older_model_is_told_it_as_content_that_wants_no_reply_and_ends_with_the_user() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox, model=NATIVE_2_5) as link:
            link.open(1, None, HISTORY)
            call = await peer.answer()
            assert "historyConfig" not in (await call.accept_setup())["setup"]
            assert await inbox.next() == SessionOpened(1)
            (content,) = (await call.hear()).values()
            assert content["turns"] == [turn("user", "my name is Ada")]
            assert not content.get("turnComplete")
            link.close(1)
            link.open(2, None, HISTORY[1:])  # nothing is left of it
            call = await peer.answer()
            await call.accept_setup()
            assert await inbox.next() == SessionOpened(2)
            link.send_text(2, "hello")
            (content,) = (await call.hear()).values()
            assert content["turns"] == [turn("user", "hello")]

    simulate(scenario())


@pytest.mark.parametrize(
    ("handle", "context"), [("h", {}), (None, {"seed_history": False})], ids=["after a resumption", "not wanted"]
)
def test_history_is_not_told_where_it_is_known_or_not_wanted(handle: str | None, context: dict[str, Any]) -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox, context=context) as link:
            link.open(1, handle, HISTORY)
            call = await peer.answer()
            setup = (await call.accept_setup())["setup"]
            assert "historyConfig" not in setup
            assert setup["sessionResumption"] == ({"handle": handle} if handle else {})
            assert await inbox.next() == SessionOpened(1)
            link.send_audio_stream_end(1)
            assert list(await call.hear()) == ["realtimeInput"]

    simulate(scenario())


def test_history_is_told_anew_by_each_attempt_and_only_once_by_each() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.open(1, None, HISTORY)
            call = await peer.answer()
            await call.hear()
            await call.hang_up(1011, "Internal error encountered.")
            call = await peer.answer()
            await call.accept_setup()
            await call.say({"setupComplete": {}})
            assert await inbox.next() == SessionOpened(1)
            link.send_audio_stream_end(1)
            assert list(await call.hear()) == ["clientContent"]
            assert list(await call.hear()) == ["realtimeInput"]

    simulate(scenario())


def test_without_resumption_no_handle_is_asked_for_or_used() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox, context={"resumption": False}) as link:
            link.open(1, "handle", HISTORY)
            call = await peer.answer()
            setup = (await call.accept_setup())["setup"]
            assert "sessionResumption" not in setup
            assert setup["historyConfig"] == {"initialHistoryInClientContent": True}
            assert await inbox.next() == SessionOpened(1)
            await call.hang_up(1007, "Request contains an invalid argument.")
            assert await inbox.next() == SessionLost(1, reason="1007 Request contains an invalid argument.")

    simulate(scenario())


@pytest.mark.parametrize(
    ("handle", "expected"), [(None, {"transparent": True}), ("h", {"handle": "h", "transparent": True})]
)
def test_transparent_resumption_is_asked_for_with_and_without_a_handle(
    handle: str | None, expected: dict[str, Any]
) -> None:
    async def scenario() -> None:
        inbox = Inbox()
        vertex: dict[str, Any] = {"backend": "vertex", "vertex": {"project": "p"}, "context": {"transparent": True}}
        async with listening() as peer, linked(peer.url, inbox, **vertex) as link:
            link.open(1, handle)
            call = await peer.answer()
            assert (await call.hear())["setup"]["sessionResumption"] == expected

    simulate(scenario())


def test_the_instruction_is_asked_for_at_each_session() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        hours = iter(range(8, 20))
        instruction = lambda: f"It is {next(hours)} o'clock."  # noqa: E731
        async with listening() as peer, linked(peer.url, inbox, instruction=instruction) as link:
            said = []
            for session in (1, 2):
                link.open(session, None)
                call = await peer.answer()
                setup = (await call.accept_setup())["setup"]
                said.append(setup["systemInstruction"]["parts"])
                assert await inbox.next() == SessionOpened(session)
                link.close(session)
            assert said[0] != said[1]
            assert all("o'clock" in parts[0]["text"] for parts in said)

    simulate(scenario())


def test_pictures_and_scheduled_answers_go_out_as_they_are() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.send_picture(1, b"dropped: there is no session")
            link.open(1, None)
            call = await peer.answer()
            await call.accept_setup()
            assert await inbox.next() == SessionOpened(1)
            link.send_picture(1, b"\xff\xd8jpeg")
            link.send_tool_response(1, "id", "f", '{"output": 1}', "SILENT")
            link.send_tool_response(1, "id", "f", '{"output": 1}')
            assert await call.hear() == {"realtimeInput": {"video": {"data": "/9hqcGVn", "mimeType": "image/jpeg"}}}
            answer = {"id": "id", "name": "f", "response": {"output": 1}}
            assert await call.hear() == {"toolResponse": {"functionResponses": [{**answer, "scheduling": "SILENT"}]}}
            assert await call.hear() == {"toolResponse": {"functionResponses": [answer]}}

    simulate(scenario())


UNKNOWN_FIELD = "Invalid JSON payload received. Unknown name \"historyConfig\" at 'setup': Cannot find field."
INVALID = "Request contains an invalid argument."


@pytest.mark.parametrize("reason", [UNKNOWN_FIELD, INVALID])
def test_a_setup_that_is_refused_with_its_history_is_tried_without_it_at_once(reason: str) -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.open(1, None, HISTORY)
            first = await peer.answer()
            assert "historyConfig" in (await first.hear())["setup"]
            await first.hang_up(1007, reason)
            second = await peer.answer()
            assert second.arrived_at_s - first.arrived_at_s < 0.2
            assert "historyConfig" not in (await second.accept_setup())["setup"]
            assert await inbox.next() == SessionOpened(1)
            link.send_audio_stream_end(1)
            assert list(await second.hear()) == ["realtimeInput"]

    simulate(scenario())


def test_a_setup_that_is_refused_without_its_history_too_is_refused() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.open(1, None, HISTORY)
            for _ in range(2):
                call = await peer.answer()
                await call.hear()
                await call.hang_up(1007, INVALID)
            assert isinstance(await inbox.next(), SessionRefused)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(peer.answer(), 600)
            assert len(inbox.seen) == 1

    simulate(scenario())


@pytest.mark.parametrize(
    ("model", "reason"),
    [("gemini-3.8-live", "API key not valid. Please pass a valid API key."), (NATIVE_2_5, INVALID)],
    ids=["it is about the key", "the setup said nothing of a history"],
)
def test_a_refusal_that_cannot_be_the_historys_is_not_tried_again(model: str, reason: str) -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox, model=model) as link:
            link.open(1, None, HISTORY)
            call = await peer.answer()
            await call.hear()
            await call.hang_up(1007, reason)
            assert isinstance(await inbox.next(), SessionRefused)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(peer.answer(), 600)

    simulate(scenario())


@pytest.mark.parametrize("model", ["gemini-3.8-live", NATIVE_2_5])
def test_a_history_that_ends_the_session_loses_it_and_refuses_nothing(model: str) -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox, model=model) as link:
            link.open(1, None, HISTORY)
            call = await peer.answer()
            await call.accept_setup()
            assert list(await call.hear()) == ["clientContent"]
            await call.hang_up(1007, INVALID)
            assert await inbox.next() == SessionOpened(1)
            assert await inbox.next() == SessionLost(1, reason=f"1007 {INVALID}")

    simulate(scenario())


# ---------------------------------------------------------------- handles that lead nowhere


@pytest.mark.parametrize(
    ("code", "reason"),
    [(1011, "Internal error encountered."), (1008, "Operation is not implemented, or supported"), (1001, "")],
)
def test_whatever_the_server_answers_to_a_handle_a_fresh_session_is_next(code: int, reason: str) -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.open(1, "handle")
            call = await peer.answer()
            await call.hear()
            await call.hang_up(code, reason)
            assert await inbox.next() == SessionLost(1, reason=f"{code} {reason}".rstrip(), resume_refused=True)
            link.open(2, None)
            fresh = await peer.answer()
            assert fresh.arrived_at_s - call.arrived_at_s < 0.2
            await fresh.accept_setup()
            assert await inbox.next() == SessionOpened(2)

    simulate(scenario())


@pytest.mark.parametrize(
    ("reason", "advice"),
    [("API key not valid. Please pass a valid API key.", "live.api_key"), ("Quota exceeded for metric", "quota")],
)
def test_a_refusal_that_has_nothing_to_do_with_the_handle_stays_one(reason: str, advice: str) -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.open(1, "handle")
            call = await peer.answer()
            await call.hear()
            await call.hang_up(1011, reason)
            refused = await inbox.next()
            assert isinstance(refused, SessionRefused)
            assert advice in refused.advice

    simulate(scenario())


@pytest.mark.parametrize("torn", [False, True])
def test_a_handle_that_is_not_answered_twice_is_given_up(torn: bool) -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox, attempt_timeout_ms=10_000) as link:
            link.open(1, "handle")
            for _ in range(2):
                assert inbox.seen == []
                call = await peer.answer()
                assert (await call.hear())["setup"]["sessionResumption"] == {"handle": "handle"}
                if torn:
                    call.tear()
                else:
                    assert await call.hear_goodbye() == (1000, [])
            lost = await inbox.next()
            assert isinstance(lost, SessionLost)
            assert lost.resume_refused

    simulate(scenario())


def test_the_first_time_without_an_answer_may_have_been_an_earlier_sessions() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox, backoff_initial_ms=20_000) as link:
            link.open(1, "handle")
            await (await peer.answer()).hear_goodbye()
            link.close(1)  # nobody waits that long
            link.open(2, "another")
            await (await peer.answer()).hear_goodbye()
            link.close(2)
            link.open(3, "another")
            await (await peer.answer()).hear_goodbye()
            lost = await inbox.next()
            assert isinstance(lost, SessionLost)
            assert (lost.session, lost.resume_refused, len(inbox.seen)) == (3, True, 1)

    simulate(scenario())


def test_a_handle_that_was_taken_after_all_is_trusted_again() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            for session in (1, 2):
                link.open(session, "handle")
                await (await peer.answer()).hear_goodbye()
                await (await peer.answer()).accept_setup()
                assert await inbox.next() == SessionOpened(session)
                link.close(session)

    simulate(scenario())


def test_a_network_that_is_not_there_costs_no_handle() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        port = await unused_port()
        async with linked(f"ws://127.0.0.1:{port}", inbox, backoff_initial_ms=500, backoff_max_ms=500) as link:
            link.open(1, "handle")
            await asyncio.sleep(60)
            assert inbox.seen == []
            busy = lambda connection, request: connection.respond(503, "busy\n")  # noqa: E731
            heard: asyncio.Queue[str | bytes] = asyncio.Queue()

            async def accept(socket: ServerConnection) -> None:
                heard.put_nowait(await socket.recv())
                await socket.send('{"setupComplete": {}}')
                await socket.wait_closed()

            async with serve(accept, "127.0.0.1", port, process_request=busy):
                await asyncio.sleep(60)
            assert inbox.seen == []
            async with serve(accept, "127.0.0.1", port):
                assert await inbox.next() == SessionOpened(1)
                assert json.loads(await heard.get())["setup"]["sessionResumption"] == {"handle": "handle"}
                link.close(1)

    simulate(scenario())


# ---------------------------------------------------------------- who we are

TOKEN = "auth_tokens/not-a-real-token-0123456789"


def test_a_token_goes_to_the_constrained_method_in_a_header() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox, api_key="", token={"value": TOKEN}) as link:
            link.open(1, None)
            call = await peer.answer()
            assert call.path == (
                "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContentConstrained"
            )
            assert call.header("Authorization") == f"Token {TOKEN}"
            assert call.header("x-goog-api-key") is None
            await call.hear()
            await call.hang_up(1008, f"Token {TOKEN} has expired")
            refused = await inbox.next()
            assert isinstance(refused, SessionRefused)
            assert "live.token.url" in refused.advice

    simulate(scenario())


def test_a_token_is_fetched_for_each_attempt_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="satellite")
    numbers = itertools.count(1)

    async def scenario(service: HttpService) -> None:
        inbox = Inbox()
        token = {"url": service.url, "authorization": "not-a-real-password"}
        async with listening() as peer, linked(peer.url, inbox, api_key="", token=token) as link:
            link.open(1, None)
            call = await peer.answer()
            assert call.header("Authorization") == f"Token {TOKEN}1"
            await call.hear()
            await call.hang_up(1011, f"Internal error encountered. {TOKEN}1")
            call = await peer.answer()
            assert call.header("Authorization") == f"Token {TOKEN}2"
            await call.accept_setup()
            assert await inbox.next() == SessionOpened(1)
            assert TOKEN not in repr((link, link.__dict__, inbox.seen))

    with serving(lambda asked: Reply(200, {"name": f"{TOKEN}{next(numbers)}"})) as service:
        simulate(scenario(service))
    assert TOKEN not in caplog.text
    assert "not-a-real-password" not in caplog.text


@pytest.mark.parametrize(("fetched", "opened"), [(True, True), (True, False), (False, True)])
def test_a_fetched_token_that_expires_in_the_session_costs_the_session_alone(fetched: bool, opened: bool) -> None:
    async def scenario(service: HttpService) -> None:
        inbox = Inbox()
        token = {"url": service.url} if fetched else {"value": TOKEN}
        async with listening() as peer, linked(peer.url, inbox, api_key="", token=token) as link:
            link.open(1, None)
            call = await peer.answer()
            if opened:
                await call.accept_setup()
                assert await inbox.next() == SessionOpened(1)
            else:
                await call.hear()
            await call.hang_up(1008, "The auth token has expired.")
            assert type(await inbox.next()) is (SessionLost if fetched and opened else SessionRefused)

    with serving(lambda asked: Reply(200, {"name": TOKEN})) as service:
        simulate(scenario(service))


def test_credentials_that_will_not_come_are_told_once_and_no_connection_is_made() -> None:
    async def scenario(service: HttpService) -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox, api_key="", token={"url": service.url}) as link:
            link.open(1, None)
            refused = await inbox.next()
            assert isinstance(refused, SessionRefused)
            assert "live.token.authorization" in refused.advice
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(peer.answer(), 3600)
            assert len(service.asked) == 1
            assert len(inbox.seen) == 1

    with serving(lambda asked: Reply(403, {})) as service:
        simulate(scenario(service))


def test_credentials_that_do_not_come_now_are_asked_for_again_more_and_more_slowly() -> None:
    asked_at_s: list[float] = []
    replies = iter([Reply(503, {}), Reply(503, {}), Reply(503, {}), Reply(200, {"name": TOKEN})])

    async def scenario() -> None:
        inbox = Inbox()
        loop = asyncio.get_running_loop()

        def answer(asked: Asked) -> Reply:
            asked_at_s.append(loop.time())
            return next(replies)

        with serving(answer) as service:
            changes: dict[str, Any] = {"api_key": "", "token": {"url": service.url}, "backoff_initial_ms": 500}
            async with listening() as peer, linked(peer.url, inbox, **changes) as link:
                link.open(1, None)
                call = await peer.answer()
                await call.accept_setup()
                assert await inbox.next() == SessionOpened(1)

    simulate(scenario())
    assert [later - earlier for earlier, later in pairwise(asked_at_s)] == pytest.approx([0.5, 1, 2], abs=0.2)


def test_closing_while_the_credentials_are_fetched_leaves_nothing_behind() -> None:
    released = threading.Event()

    def held(asked: Asked) -> Reply:
        released.wait()
        return Reply(200, {"name": TOKEN})

    async def scenario(service: HttpService) -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox, api_key="", token={"url": service.url}) as link:
            link.open(1, None)
            await asyncio.to_thread(until, lambda: bool(service.asked))
            link.close(1)
            await link.shutdown()
            released.set()
            assert inbox.seen == []
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(peer.answer(), 60)

    with serving(held) as service:
        simulate(scenario(service))


def test_vertex_by_a_gateway_with_a_key() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        changes: dict[str, Any] = {"backend": "vertex", "vertex": {"project": "p", "location": "eu"}}
        async with listening() as peer, linked(peer.url, inbox, **changes) as link:
            link.open(1, None)
            call = await peer.answer()
            assert call.path == "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
            assert call.header("x-goog-api-key") == KEY
            setup = await call.hear()
            assert setup["setup"]["model"] == "projects/p/locations/eu/publishers/google/models/gemini-3.8-live"
            await call.hang_up(1008, "Publisher Model `projects/p/locations/eu/publishers/google/models/gemini-3.8-liv")
            refused = await inbox.next()
            assert isinstance(refused, SessionRefused)
            assert "live.vertex.location" in refused.advice

    simulate(scenario())


@pytest.fixture
def user_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[HttpService, Path]]:
    """gcloud's user credentials, and the token endpoint they are good for."""
    pytest.importorskip("google.auth", reason="the extra `vertex` is not installed")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    numbers = itertools.count(1)

    def issue(asked: Asked) -> Reply:
        return Reply(200, {"access_token": f"not-a-real-bearer-{next(numbers)}", "expires_in": 3600})

    with serving(issue) as service:
        monkeypatch.setattr("google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", service.url)
        file = tmp_path / "user.json"
        info = {"type": "authorized_user", "client_id": "c", "client_secret": "not-a-real-secret"}
        file.write_text(json.dumps({**info, "refresh_token": "not-a-real-refresh", "quota_project_id": "payer"}))
        yield service, file


def test_vertex_with_bearer_tokens_kept_over_sessions_and_renewed_when_refused(
    user_credentials: tuple[HttpService, Path],
) -> None:
    service, file = user_credentials

    async def scenario() -> None:
        inbox = Inbox()
        changes: dict[str, Any] = {
            "backend": "vertex",
            "api_key": "",
            "vertex": {"project": "p", "credentials_file": str(file)},
        }
        async with listening() as peer, linked(peer.url, inbox, **changes) as link:
            for session in (1, 2):
                link.open(session, None)
                call = await peer.answer()
                assert call.header("Authorization") == "Bearer not-a-real-bearer-1"
                assert call.header("x-goog-user-project") == "payer"
                await call.accept_setup()
                assert await inbox.next() == SessionOpened(session)
                link.close(session)
            link.open(3, None)
            call = await peer.answer()
            await call.hear()
            await call.hang_up(1008, "Request had invalid authentication credentials. Expected OAuth 2 access token")
            refused = await inbox.next()
            assert isinstance(refused, SessionRefused)
            assert "live.vertex.credentials_file" in refused.advice
            link.open(4, None)
            call = await peer.answer()
            assert call.header("Authorization") == "Bearer not-a-real-bearer-2"

    simulate(scenario())
    assert len(service.asked) == 2


def test_vertex_without_any_project_is_refused_before_google_is_asked(
    user_credentials: tuple[HttpService, Path],
) -> None:
    _, file = user_credentials

    async def scenario() -> None:
        inbox = Inbox()
        changes: dict[str, Any] = {"backend": "vertex", "api_key": "", "vertex": {"credentials_file": str(file)}}
        async with linked("", inbox, **changes) as link:
            link.open(1, None)
            refused = await inbox.next()
            assert isinstance(refused, SessionRefused)
            assert "live.vertex.project" in refused.advice

    simulate(scenario())


def test_encrypted_connection_checks_the_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    openssl = shutil.which("openssl")
    assert openssl is not None
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=127.0.0.1"]
    subprocess.run([*command, "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_tls.load_cert_chain(certificate, key)

    async def one_session(trusted: bool) -> None:
        inbox = Inbox()
        async with listening(server_tls) as peer, linked(peer.url, inbox) as link:
            link.open(1, None)
            if trusted:
                call = await peer.answer()
                await call.accept_setup()
                assert await inbox.next() == SessionOpened(1)
            else:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(peer.answer(), 60)
                assert inbox.seen == []

    simulate(one_session(trusted=False))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    simulate(one_session(trusted=True))
