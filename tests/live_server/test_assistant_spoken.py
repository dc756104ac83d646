"""The assistant between real ears and a real mouth: asked by a voice, answered by another, and heard again."""

import asyncio
from datetime import datetime

import pytest

from satellite.core.pcm import CAPTURE_RATE_HZ, REPLY_RATE_HZ, ms_of_samples, samples_in, samples_of_ms, silence
from satellite.live_server.assistant import SET_TIMER, SET_VOLUME, Assistant
from satellite.live_server.clock_words import says_time
from satellite.live_server.plain_text import plain
from satellite.speech.recogniser import Recogniser
from satellite.speech.voice import Voice, resample, synthesise

NOW = datetime(2026, 11, 22, 15, 45)


def asked(text: str, voice: str) -> bytes:
    pause = silence(samples_of_ms(400))
    return pause + synthesise(text, voice, CAPTURE_RATE_HZ) + pause


@pytest.mark.parametrize(("asking", "answering"), [("slt", "rms"), ("rms", "slt")])
def test_questions_asked_aloud_are_answered_aloud(asking: str, answering: str) -> None:
    async def scenario() -> None:
        assistant, ears, mouth = Assistant(lambda: NOW), Recogniser(), Voice(answering)

        async def ask(question: str) -> str:
            """The words of the answer, as a recogniser hears them."""
            heard = await ears.recognise(asked(question, asking))
            spoken = await mouth.speak(assistant.answer(heard).words)
            return await ears.recognise(resample(spoken, REPLY_RATE_HZ, CAPTURE_RATE_HZ))

        try:
            assert says_time(await ask("What time is it?"), NOW)
            assert "november" in plain(await ask("What is the date today?"))
            assert "42" in plain(await ask("What is twelve plus thirty?")).split()
            assert "assistant" in plain(await ask("Who are you?"))
        finally:
            await ears.close()

    asyncio.run(scenario())


def test_commands_said_aloud_become_calls() -> None:
    async def scenario() -> None:
        assistant, ears = Assistant(lambda: NOW), Recogniser()
        try:
            for voice in ("slt", "rms"):
                timer = assistant.answer(
                    await ears.recognise(asked("Set a timer for ten minutes.", voice)), {SET_TIMER}
                )
                assert timer.call is not None
                assert timer.call.arguments["duration_s"] == 600
                volume = assistant.answer(
                    await ears.recognise(asked("Set the volume to fifty percent.", voice)), {SET_VOLUME}
                )
                assert volume.call is not None
                assert volume.call.arguments == {"percent": 50}
        finally:
            await ears.close()

    asyncio.run(scenario())


def test_the_story_is_long_enough_to_be_cut_in_on() -> None:
    spoken = asyncio.run(Voice("rms").speak(Assistant(lambda: NOW).answer("Tell me a story.").words))
    assert 10_000 < ms_of_samples(samples_in(spoken), REPLY_RATE_HZ) < 90_000
