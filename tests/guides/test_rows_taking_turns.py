"""Whose turn it is: detection by the server and by the client, cutting in, and what becomes of a reply that is cut."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from google.genai import types
from live_server.official import ending_of, session_of, vertex
from live_server.stage import Mouth, simulate
from support.house import House, Understands, live, loud

from guides.known_sentences import STORY, SUM, TIME, TIMER, KnowsSentences, aloud, spoken
from guides.talking import (
    DISABLED,
    END,
    START,
    answer_to,
    function,
    model,
    next_of,
    nothing_for,
    respond,
    sound_of,
    speaks,
    stream,
    talk,
    turn_of,
    user,
)
from guides.ways_in import VERTEX_NATIVE_2_5, served
from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.pcm import CAPTURE_RATE_HZ, samples_of_ms, silence
from satellite.live_server.faults import Fault, Faults
from satellite.live_server.refusals import EXPLICIT_ACTIVITY, INVALID_ARGUMENT
from satellite.live_server.replies import audio_tokens, text_tokens
from satellite.simroom.people import sentence

TEATIME_SAID = "It is five twenty, in the afternoon."
SECOND_BYTES = 48_000
CHUNK_TOKENS = 6
"""Of 240 ms, what may be on its way."""


def serving(script: Callable[[int], Awaitable[None]], **options: Any) -> None:
    """Run a script against a server."""

    async def main() -> None:
        async with served(**options) as (_, port):
            await script(port)

    simulate(main())


def detecting(**knobs: Any) -> types.LiveConnectConfig:
    """A session whose detection has these knobs."""
    detection = types.AutomaticActivityDetection(**knobs)
    return speaks(realtime_input_config=types.RealtimeInputConfig(automatic_activity_detection=detection))


def test_row_28_speech_cuts_the_reply_and_the_rest_is_forgotten() -> None:
    ear = KnowsSentences()

    async def script(port: int) -> None:
        async with talk(port) as session:
            await session.send_realtime_input(text=STORY)
            whole = await turn_of(session)
        async with talk(port) as session:
            await session.send_realtime_input(text=STORY)
            begun = await sound_of(session, at_least_bytes=4 * SECOND_BYTES)
            await stream(session, aloud(TIME))
            cut = await turn_of(session)
            assert [flag for flag in cut.order if flag not in ("audio", "said")] == ["interrupted", "turn_complete"]
            sent = begun.audio + cut.audio
            assert whole.audio.startswith(sent)
            assert len(sent) < len(whole.audio) / 3
            answer = await turn_of(session)
            assert answer.said == TEATIME_SAID
            # what stays of the story is what was sent of it
            kept_tokens = answer.prompt["AUDIO"] - audio_tokens(len(ear.utterances[-1]), CAPTURE_RATE_HZ)
            assert kept_tokens == pytest.approx(audio_tokens(len(sent), 24_000), abs=CHUNK_TOKENS)

    serving(script, recogniser=ear, voice=Mouth(2.0))


def test_row_29_calls_that_wait_are_cancelled_by_their_ids() -> None:
    config = speaks(tools=[function("set_timer", types.Behavior.BLOCKING)])

    async def script(port: int) -> None:
        async with talk(port, config) as session:
            await session.send_realtime_input(text=TIMER)
            (call,) = (await next_of(session, "tool_call")).function_calls
            await stream(session, aloud(TIME))
            assert (await next_of(session, "tool_call_cancellation")).ids == [call.id]
            cut = await turn_of(session)
            assert cut.order == ["interrupted", "turn_complete"]
            await respond(session, call)  # too late: nobody waits for it
            answer = await turn_of(session)
            assert answer.said == TEATIME_SAID
            assert await nothing_for(session, 60)

    serving(script)


def test_row_30_the_speaker_falls_silent_when_the_server_interrupts(tmp_path: Path) -> None:
    """The guides leave it to the client to stop playing and to clear its queue: the whole satellite in its room."""
    recording = tmp_path / "conversation.wav"

    async def main() -> tuple[House, int]:
        faults = Faults(script=[Fault("interrupted_with_audio", turn=1, chunk=30)])
        async with House(recording, hears=Understands(STORY), faults=faults) as house:
            await house.ask(STORY)
            await house.until_heard(do.FlushPlayback)
            flushed_at = house.room.sample
            await house.rest(3)
        return house, flushed_at

    house, flushed_at = live(main())
    (done,) = [commands for _, event, commands in house.log if isinstance(event, ev.ReplyInterrupted)]
    assert isinstance(done[0], do.FlushPlayback)  # before anything else
    queued_s = sum(len(chunk.pcm) for chunk in house.commands(do.PlayChunk)) / 48_000
    assert queued_s > 6  # of which less than half was played: the server sends four times faster
    _, speaker = house.recording()
    assert loud(speaker, flushed_at - CAPTURE_RATE_HZ, flushed_at) > 500
    quiet_from = flushed_at + samples_of_ms(40)  # a block, and what the card holds
    assert loud(speaker, quiet_from, quiet_from + CAPTURE_RATE_HZ * 2) == 0


def test_row_31_detection_is_automatic_by_default() -> None:
    async def script(port: int) -> None:
        async with talk(port) as session:
            await stream(session, silence(CAPTURE_RATE_HZ * 5))
            assert await nothing_for(session, 60)
            for question, said in ((TIME, TEATIME_SAID), (SUM, "2 plus 2 is 4.")):
                await stream(session, aloud(question))
                assert (await turn_of(session)).said == said

    serving(script)


def test_row_32_the_end_of_the_audio_stream() -> None:
    async def script(port: int) -> None:
        async with talk(port) as session:
            for question, said in ((TIME, TEATIME_SAID), (SUM, "2 plus 2 is 4.")):
                await stream(session, spoken(question))
                assert await nothing_for(session, 60)  # the microphone is off: no silence comes that ends the turn
                await session.send_realtime_input(audio_stream_end=True)
                assert (await turn_of(session)).said == said

    serving(script)


def test_row_33_realtime_input_by_detection_and_client_content_in_order() -> None:
    async def script(port: int) -> None:
        async with talk(port) as session:
            turns = [user("We are in the kitchen."), model("I see.")]
            await session.send_client_content(turns=turns, turn_complete=False)
            assert await nothing_for(session, 60)
            await stream(session, aloud(SUM))
            spoken_turn = await turn_of(session)  # answered, though no turn was said to be complete
            assert spoken_turn.said == "2 plus 2 is 4."
            assert spoken_turn.prompt["TEXT"] == text_tokens("We are in the kitchen.") + text_tokens("I see.")
            written = await answer_to(session, TIME)
            assert written.said == TEATIME_SAID
            assert written.prompt["TEXT"] == spoken_turn.prompt["TEXT"] + text_tokens(TIME)

    serving(script)


def test_row_34_the_knobs_of_the_detection() -> None:
    def utterances(sound: bytes, **knobs: Any) -> list[int]:
        """How long each of the utterances is that the server finds."""
        lengths: list[int] = []

        async def script(port: int) -> None:
            async with talk(port, detecting(**knobs)) as session:
                await stream(session, sound)
                await asyncio.sleep(10)

        serving(script, on_utterance=lambda pcm: lengths.append(len(pcm)))
        return lengths

    hesitant = aloud(TIME, pause_ms=400) + spoken(SUM) + silence(CAPTURE_RATE_HZ)
    assert len(utterances(hesitant, silence_duration_ms=300)) == 2
    assert len(utterances(hesitant, silence_duration_ms=800)) == 1
    assert len(utterances(aloud(TIME), prefix_padding_ms=20)) == 1
    assert len(utterances(aloud(TIME), prefix_padding_ms=3000)) == 0

    faint = silence(CAPTURE_RATE_HZ) + sentence(TIME, "slt", -43.0) + silence(CAPTURE_RATE_HZ)
    assert len(utterances(faint, start_of_speech_sensitivity=types.StartSensitivity.START_SENSITIVITY_HIGH)) == 1
    assert len(utterances(faint, start_of_speech_sensitivity=types.StartSensitivity.START_SENSITIVITY_LOW)) == 0

    fading = aloud(TIME, pause_ms=0) + sentence(TIME, "slt", -48.0) + silence(CAPTURE_RATE_HZ)
    early, late = (
        utterances(fading, silence_duration_ms=200, end_of_speech_sensitivity=sensitivity)
        for sensitivity in (types.EndSensitivity.END_SENSITIVITY_HIGH, types.EndSensitivity.END_SENSITIVITY_LOW)
    )
    assert early < late

    # with the guide's own numbers an eighth of a second is the end of a sentence
    brief = aloud(TIME, pause_ms=125)
    assert len(utterances(brief, disabled=False, prefix_padding_ms=20, silence_duration_ms=100)) == 1
    assert len(utterances(brief)) == 0


def test_row_35_activity_by_the_clients_word() -> None:
    ear = KnowsSentences()
    in_two_breaths = spoken(TIME) + silence(CAPTURE_RATE_HZ * 3) + spoken(SUM)

    async def script(port: int) -> None:
        config = speaks(realtime_input_config=DISABLED)
        async with talk(port, config) as session:
            await stream(session, aloud(TIME))  # before an activity: nobody listens
            assert await nothing_for(session, 60)
            await session.send_realtime_input(activity_start=START)
            await stream(session, in_two_breaths)
            assert await nothing_for(session, 60)
            await session.send_realtime_input(activity_end=END)
            assert (await turn_of(session)).heard == f"{TIME} {SUM}"
        async with talk(port, config) as session:
            await session.send_realtime_input(audio_stream_end=True)
            assert await ending_of(session) == (1007, INVALID_ARGUMENT)
        async with talk(port) as session:
            await session.send_realtime_input(activity_start=START)
            assert await ending_of(session) == (1007, EXPLICIT_ACTIVITY)

    serving(script, recogniser=ear)
    assert ear.utterances == [in_two_breaths]


def test_row_42_a_voice_cuts_in_without_delay() -> None:
    """From the first sound of the voice to `interrupted`, on the clock of the microphone."""
    knobs = types.AutomaticActivityDetection(prefix_padding_ms=20)
    config = speaks(realtime_input_config=types.RealtimeInputConfig(automatic_activity_detection=knobs))

    async def script(port: int) -> None:
        loop = asyncio.get_running_loop()
        async with session_of(vertex(port), config, VERTEX_NATIVE_2_5) as session:
            await session.send_realtime_input(text=STORY)
            await sound_of(session)
            began_s = loop.time()
            speaking = asyncio.create_task(stream(session, spoken(TIME), paced=True))
            async for message in session.receive():
                if message.server_content is not None and message.server_content.interrupted:
                    delay_s = loop.time() - began_s
            await speaking
        assert 0 < delay_s < 0.1

    serving(script)
