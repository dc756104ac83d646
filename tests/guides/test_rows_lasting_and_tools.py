"""Sessions that last, functions, and the tools that run at the server."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from google.genai import types
from live_server.official import ending_of, session_of, vertex
from live_server.stage import simulate
from video.sights import jpeg, plain

from guides.known_sentences import STORY, SUM, TIME, TIMER
from guides.our_client import linked, of, until_turn_completed
from guides.talking import (
    answer_to,
    function,
    handle_of,
    next_of,
    nothing_for,
    respond,
    resumable,
    sound_of,
    speaks,
    talk,
    turn_of,
)
from guides.ways_in import served
from satellite.core import events as ev
from satellite.live_server.refusals import DEADLINE

TIMER_SET = "A timer is set for 10 minutes."
SEARCHED = "Which topics does the satellite subscribe to?"
NON_BLOCKING = [function("set_timer", types.Behavior.NON_BLOCKING)]


def serving(script: Callable[[int], Awaitable[None]], settings: dict[str, Any] | None = None) -> None:
    """Run a script against a server."""

    async def main() -> None:
        async with served(settings) as (_, port):
            await script(port)

    simulate(main())


def test_row_40_how_long_a_session_lasts_and_what_makes_it_longer() -> None:
    """15 minutes of audio, 2 with pictures; compression and resumption go beyond, from connection to connection."""
    compressed = types.ContextWindowCompressionConfig(sliding_window=types.SlidingWindow())
    picture = types.Blob(data=jpeg(plain(90)), mime_type="image/jpeg")

    async def script(port: int) -> None:
        loop = asyncio.get_running_loop()
        for seen, minutes in ((False, 15), (True, 2)):
            async with talk(port) as session:
                began_s = loop.time()
                if seen:
                    await session.send_realtime_input(video=picture)
                assert (await next_of(session, "go_away")).time_left == "50s"
                assert await ending_of(session) == (1011, DEADLINE)
                assert loop.time() - began_s == pytest.approx(60 * minutes, abs=1)

        handle = None
        for _ in range(3):
            config = speaks(session_resumption=resumable(handle), context_window_compression=compressed)
            async with talk(port, config, "gemini-3.1-flash-live-preview") as session:
                began_s = loop.time()
                turn = await answer_to(session, TIME)
                handle = await handle_of(session)
                await next_of(session, "go_away")
                assert loop.time() - began_s == pytest.approx(540, abs=1)
        assert turn.prompt["AUDIO"] == 2 * turn.response["AUDIO"]  # the third connection knows the first two

        async with linked(port, model="gemini-3.1-flash-live-preview") as (link, events):  # ours asks for both
            link.open(1, None)
            assert isinstance(await events.get(), ev.SessionOpened)
            link.send_text(1, TIME)
            handles = [event.handle for event in of(ev.ResumptionUpdated, await until_turn_completed(events))]
            while not isinstance(event := await events.get(), ev.GoAwayReceived):
                handles += [event.handle] if isinstance(event, ev.ResumptionUpdated) else []
            assert event.time_left_ms == 50_000
            link.close(1)
            link.open(2, handles[-1])
            assert isinstance(await events.get(), ev.SessionOpened)
            link.send_text(2, SUM)
            (usage,) = of(ev.UsageReported, await until_turn_completed(events))
            assert usage.tokens.prompt["audio"] == turn.response["AUDIO"]

    serving(script, {"limits": "google"})


def test_row_43_functions_and_search_on_vertex() -> None:
    tools = [*NON_BLOCKING, types.Tool(google_search=types.GoogleSearch())]
    document = (Path(__file__).parents[2] / "docs" / "mqtt.md").as_uri()

    async def script(port: int) -> None:
        async with session_of(vertex(port), speaks(tools=tools)) as session:
            await session.send_realtime_input(text=TIMER)
            called = await turn_of(session)
            (call,) = called.calls
            assert (call.args or {})["duration_s"] == 600
            await respond(session, call)
            assert (await turn_of(session)).said == TIMER_SET
            found = await answer_to(session, SEARCHED)
            assert found.said.startswith("The satellite subscribes to its own command topics")
            (grounding,) = [
                message.server_content.grounding_metadata
                for message in found.messages
                if message.server_content is not None and message.server_content.grounding_metadata is not None
            ]
            (chunk,) = grounding.grounding_chunks or []
            assert chunk.web is not None
            assert (chunk.web.uri, chunk.web.title) == (document, "MQTT")
        async with linked(port, server_tools={"google_search": True}) as (link, events):
            link.open(1, None)
            assert isinstance(await events.get(), ev.SessionOpened)
            link.send_text(1, SEARCHED)
            (told,) = of(ev.Grounded, await until_turn_completed(events))
            assert told.sources == (ev.Source(title="MQTT", uri=document),)

    serving(script)


@pytest.mark.parametrize("scheduling", ["INTERRUPT", "WHEN_IDLE", "SILENT"])
def test_row_44_when_the_answer_of_a_function_is_spoken(scheduling: str) -> None:
    async def script(port: int) -> None:
        async with talk(port, speaks(tools=NON_BLOCKING)) as session:
            await session.send_realtime_input(text=TIMER)
            called = await turn_of(session)
            (call,) = called.calls
            assert called.order[-1] == "turn_complete"  # the talk goes on without it
            await session.send_realtime_input(text=STORY)
            await sound_of(session)
            await respond(session, call, scheduling=types.FunctionResponseScheduling(scheduling))
            story = await turn_of(session)
            assert ("interrupted" in story.order) == (scheduling == "INTERRUPT")
            if scheduling == "SILENT":
                assert await nothing_for(session, 60)
                assert (await answer_to(session, TIME)).said.startswith("It is")
            else:
                assert (await turn_of(session)).said == TIMER_SET

    serving(script)
