"""A conversation of every kind, by every way in that Google's own client knows."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from google import genai
from google.genai import types
from live_server.official import ending_of, refusal_of, session_of
from live_server.stage import simulate
from websockets.exceptions import ConnectionClosed

from guides.known_sentences import STORY, TIME, TIMER, aloud, spoken
from guides.talking import (
    DISABLED,
    END,
    START,
    Turn,
    answer_to,
    function,
    handle_of,
    next_of,
    respond,
    resumable,
    sound_of,
    speaks,
    stream,
    turn_of,
    user,
    writes,
)
from guides.ways_in import NATIVE, WAYS_IN, WayIn, served
from satellite.live_server.faults import Fault
from satellite.live_server.limits import Limits
from satellite.live_server.refusals import BAD_BEARER, BAD_KEY, BAD_TOKEN, GO_AWAY_IGNORED, cut_to_fit
from satellite.live_server.server import LiveServer

pytestmark = pytest.mark.filterwarnings("ignore:The SDK's")  # it calls its own tokens experimental

EVERY_WAY = pytest.mark.parametrize("way", WAYS_IN, ids=lambda way: way.name.replace(" ", "-"))

MIB = 1024 * 1024

TEATIME_SAID = "It is five twenty, in the afternoon."
ONE_SENTENCE_BYTES = int(0.3 * 24_000) * 2


def calling(
    way: WayIn, script: Callable[[genai.Client, LiveServer], Awaitable[None]], limits: Limits | None = None
) -> None:
    """Run a script with a client that comes in this way."""

    async def main() -> None:
        async with served(limits=limits) as (server, port):
            await script(await way.dial(port), server)

    simulate(main())


def answers_the_time(turn: Turn) -> None:
    """Whole, in sound and words, and counted."""
    assert turn.said == TEATIME_SAID
    assert len(turn.audio) == ONE_SENTENCE_BYTES
    assert turn.order[0] == "audio"
    assert turn.order[-2:] == ["generation_complete", "turn_complete"]
    assert turn.response == {"AUDIO": 8}  # 25 a second
    assert turn.usage.total_token_count == sum(turn.prompt.values()) + sum(turn.response.values())


@EVERY_WAY
def test_written_and_answered_in_text(way: WayIn) -> None:
    async def script(client: genai.Client, _: LiveServer) -> None:
        async with session_of(client, writes(), way.writing_model) as session:
            turn = await answer_to(session, TIME)
        assert turn.text == TEATIME_SAID
        assert not turn.audio
        assert turn.order == ["text", "generation_complete", "turn_complete"]

    calling(way, script)


@EVERY_WAY
def test_written_and_answered_aloud(way: WayIn) -> None:
    async def script(client: genai.Client, _: LiveServer) -> None:
        async with session_of(client, speaks()) as session:
            answers_the_time(await answer_to(session, TIME))

    calling(way, script)


@EVERY_WAY
def test_spoken_with_automatic_activity(way: WayIn) -> None:
    async def script(client: genai.Client, _: LiveServer) -> None:
        async with session_of(client, speaks()) as session:
            await stream(session, aloud(TIME))
            turn = await turn_of(session)
            assert turn.heard == TIME
            answers_the_time(turn)

    calling(way, script)


@EVERY_WAY
def test_spoken_with_manual_activity(way: WayIn) -> None:
    async def script(client: genai.Client, _: LiveServer) -> None:
        async with session_of(client, speaks(realtime_input_config=DISABLED)) as session:
            await session.send_realtime_input(activity_start=START)
            await stream(session, spoken(TIME))
            await session.send_realtime_input(activity_end=END)
            turn = await turn_of(session)
            assert turn.heard == TIME
            answers_the_time(turn)

    calling(way, script)


@EVERY_WAY
def test_a_function_is_called(way: WayIn) -> None:
    config = speaks(tools=[function("set_timer", types.Behavior.BLOCKING)])

    async def script(client: genai.Client, _: LiveServer) -> None:
        turn = Turn()
        async with session_of(client, config) as session:
            await session.send_client_content(turns=user(TIMER))
            async for message in session.receive():
                turn.take(message)
                if message.tool_call:
                    assert not turn.audio
                    await respond(session, turn.calls[0])
        (call,) = turn.calls
        assert (call.name, (call.args or {})["duration_s"]) == ("set_timer", 600)
        assert call.id
        assert turn.said == "A timer is set for 10 minutes."

    calling(way, script)


@EVERY_WAY
def test_an_answer_is_cut_by_speech(way: WayIn) -> None:
    async def script(client: genai.Client, _: LiveServer) -> None:
        async with session_of(client, speaks()) as session:
            await session.send_realtime_input(text=STORY)
            begun = await sound_of(session)
            await stream(session, aloud(TIME))
            cut, answer = await turn_of(session), await turn_of(session)
        assert [flag for flag in cut.order if flag not in ("audio", "said")] == ["interrupted", "turn_complete"]
        assert len(begun.audio + cut.audio) < 12 * ONE_SENTENCE_BYTES  # of the story's sentences
        assert answer.heard == TIME
        answers_the_time(answer)

    calling(way, script)


@EVERY_WAY
def test_a_session_is_resumed(way: WayIn) -> None:
    async def script(client: genai.Client, _: LiveServer) -> None:
        async with session_of(client, speaks(session_resumption=resumable())) as session:
            first = await answer_to(session, TIME)
            handle = await handle_of(session)
        async with session_of(client, speaks(session_resumption=resumable(handle))) as session:
            second = await answer_to(session, TIME)
        async with session_of(client, speaks()) as session:
            afresh = await answer_to(session, TIME)
        # the prompt of the second turn holds the first one's question and answer
        assert second.prompt == {"TEXT": 2 * first.prompt["TEXT"], "AUDIO": first.response["AUDIO"]}
        assert afresh.prompt == first.prompt

    calling(way, script)


@EVERY_WAY
def test_a_client_that_is_told_to_go_comes_back(way: WayIn) -> None:
    async def script(client: genai.Client, server: LiveServer) -> None:
        config = speaks(session_resumption=resumable())
        loop = asyncio.get_running_loop()
        async with session_of(client, config) as session:
            begun_s = loop.time()
            first = await answer_to(session, TIME)
            handle = await handle_of(session)
            go_away = await next_of(session, "go_away")
            assert loop.time() - begun_s == pytest.approx(540, abs=1)
            assert go_away.time_left == "50s"
        async with session_of(client, speaks(session_resumption=resumable(handle))) as session:
            assert (await answer_to(session, TIME)).prompt["AUDIO"] == first.response["AUDIO"]
        async with session_of(client, config) as session:
            await next_of(session, "go_away")
            told_s = loop.time()
            assert await ending_of(session) == (1008, cut_to_fit(GO_AWAY_IGNORED))
            assert loop.time() - told_s == pytest.approx(50, abs=1)

    calling(way, script, limits=Limits(connection_age_s=540.0))


ENDINGS = [
    (1000, ""),
    (1007, "Request contains an invalid argument."),
    (1008, "Operation is not implemented, or supported, or enabled."),
    (1011, "Internal error encountered."),
    (1011, "You exceeded your current quota, please check your plan and billing details."),
]


@EVERY_WAY
def test_each_close_code_reaches_the_client_with_its_reason(way: WayIn) -> None:
    async def script(client: genai.Client, server: LiveServer) -> None:
        for code, reason in ENDINGS:
            server.faults.script.append(Fault("close", member="text", code=code, reason=reason))
            async with session_of(client, speaks()) as session:
                await session.send_realtime_input(text=TIME)
                assert await ending_of(session) == (code, reason)
        server.faults.script.append(Fault("reset", member="text"))
        async with session_of(client, speaks()) as session:
            await session.send_realtime_input(text=TIME)
            assert (await ending_of(session))[0] == 1006

    calling(way, script)


@EVERY_WAY
def test_a_goodbye_of_the_client_is_1000(way: WayIn) -> None:
    codes: list[int] = []

    async def main() -> None:
        async with served(on_closed=codes.append) as (_, port):
            async with session_of(await way.dial(port), speaks()):
                pass
            await asyncio.sleep(1)

    simulate(main())
    assert codes == [1000]


@EVERY_WAY
def test_who_shows_the_wrong_thing_is_refused(way: WayIn) -> None:
    shown = way.name.split()[0]
    by_key = shown == "key" or way.name == "vertex express"
    expected: Any = (1007, BAD_KEY) if by_key else (1008, BAD_TOKEN if shown == "token" else cut_to_fit(BAD_BEARER))

    async def main() -> None:
        async with served() as (_, port):
            assert await refusal_of(way.wrong(port), speaks(), NATIVE) == expected

    simulate(main())


@pytest.mark.parametrize("way", [WAYS_IN[0], WAYS_IN[5]], ids=lambda way: way.name.replace(" ", "-"))
def test_frames_that_are_too_large_end_the_connection(way: WayIn) -> None:
    """1009 is what the side says that reads: the server of 16 MiB, the client of its library's 1 MiB."""

    async def script(client: genai.Client, server: LiveServer) -> None:
        async with session_of(client, speaks()) as session:
            with contextlib.suppress(ConnectionClosed):  # perhaps while it still sends
                await session._ws.send("x" * MIB for _ in range(17))
            assert (await ending_of(session))[0] == 1009
        server.faults.script.append(Fault("huge_frame", server_member="turnComplete"))
        async with session_of(client, speaks()) as session:
            await session.send_realtime_input(text=TIME)
            assert (await ending_of(session))[0] == 1006

    calling(way, script)
