"""Speech that is truly recognised: one server with Whisper for all of these."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from live_server.official import developer, session_of, vertex
from support.house import Held

from guides.known_sentences import SUM, TIME, aloud
from guides.talking import pcm, speaks, stream, turn_of, writes
from guides.ways_in import HALF_CASCADE, VERTEX_HALF_CASCADE, VERTEX_NATIVE_2_5, served
from satellite.app.clock import SimulatedTimeLoop
from satellite.speech.recogniser import Recogniser

Serving = Callable[[Callable[[int], Awaitable[Any]]], None]


@pytest.fixture(scope="module")
def serving() -> Iterator[Serving]:
    """Runs a script against the server; the recogniser's process is started once."""
    with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        whole = contextlib.AsyncExitStack()
        recogniser = Recogniser("whisper")

        async def start() -> int:
            whole.push_async_callback(recogniser.close)
            await recogniser.start()
            _, port = await whole.enter_async_context(served(recogniser=Held(recogniser)))
            return port

        async def run(script: Callable[[int], Awaitable[Any]], port: int) -> None:
            await script(port)

        try:
            port = runner.run(start())
            yield lambda script: runner.run(run(script, port))
        finally:
            runner.run(whole.aclose())


@pytest.mark.parametrize("backend", ["developer", "vertex"])
def test_row_10_audio_in_text_out(serving: Serving, backend: str) -> None:
    """A whole recording as one blob."""

    async def script(port: int) -> None:
        client, name = (
            (developer(port), HALF_CASCADE) if backend == "developer" else (vertex(port), VERTEX_HALF_CASCADE)
        )
        async with session_of(client, writes(), name) as session:
            await session.send_realtime_input(audio=pcm(aloud(TIME)))
            turn = await turn_of(session)
        assert turn.text == "It is five twenty, in the afternoon."
        assert not turn.audio

    serving(script)


def test_row_17_transcript_of_what_was_said(serving: Serving) -> None:
    async def script(port: int) -> None:
        async with session_of(developer(port), speaks(output_audio_transcription=None)) as session:
            await stream(session, aloud(TIME))
            turn = await turn_of(session)
        assert "what time is it" in turn.heard.lower()
        assert turn.said == ""
        assert turn.audio

    serving(script)


def test_row_18_both_transcripts_and_the_sound_in_a_loop(serving: Serving) -> None:
    async def script(port: int) -> None:
        async with session_of(vertex(port), speaks(), VERTEX_NATIVE_2_5) as session:
            for question, heard, said in (
                (TIME, "time is it", "It is five twenty, in the afternoon."),
                (SUM, "plus", "2 plus 2 is 4."),
            ):
                await stream(session, aloud(question))
                turn = await turn_of(session)
                assert heard in turn.heard.lower()
                assert turn.said == said
                assert turn.audio

    serving(script)
