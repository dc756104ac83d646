"""Content in writing, and what a reply is made of: text, sound, voice, several parts in a message, tokens."""

import wave
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.genai import types
from live_server.official import developer, refusal_of, session_of, vertex
from live_server.stage import simulate

from guides.known_sentences import STORY, SUM, TIME
from guides.our_client import linked, of, until_turn_completed
from guides.talking import (
    DISABLED,
    Turn,
    answer_to,
    handle_of,
    model,
    nothing_for,
    resumable,
    speaks,
    talk,
    turn_of,
    user,
    writes,
)
from guides.ways_in import HALF_CASCADE, NATIVE, VERTEX_HALF_CASCADE, VERTEX_NATIVE_2_5, served
from satellite.app.ask import Question, ask
from satellite.core import events as ev
from satellite.core.commands import PastTurn, Role
from satellite.core.pcm import REPLY_RATE_HZ
from satellite.live_server.faults import Fault
from satellite.live_server.refusals import INVALID_ARGUMENT
from satellite.live_server.replies import text_tokens
from satellite.settings import LiveSettings, Settings
from satellite.speech.voice import Voice

TEATIME_SAID = "It is five twenty, in the afternoon."
SENTENCE = "All work and no play makes Jack a dull boy. "


def serving(script: Callable[[int], Awaitable[None]], **options: Any) -> None:
    """Run a script against a server."""

    async def main() -> None:
        async with served(**options) as (_, port):
            await script(port)

    simulate(main())


def test_row_05_text_in_text_out() -> None:
    async def script(port: int) -> None:
        async with talk(port, writes(), HALF_CASCADE) as session:
            turn = await answer_to(session, TIME)
        assert turn.text == TEATIME_SAID
        assert len([message for message in turn.messages if message.text]) > 1  # in pieces
        assert turn.order == ["text", "generation_complete", "turn_complete"]

    serving(script)


def test_row_06_a_plain_string_is_a_turn() -> None:
    """What the JavaScript client does with `turns: 'Hello'`, ours does: a text is a turn of the user's."""

    async def script(port: int) -> None:
        for name in (HALF_CASCADE, NATIVE):  # the one takes it as clientContent, the other as realtimeInput
            live = {"base_url": f"http://127.0.0.1:{port}", "api_key": "the-key", "model": name}
            answer = await ask(Settings.model_validate({"live": live}), Question(text=TIME))
            assert answer.text == TEATIME_SAID

    serving(script)


def test_row_07_a_turn_is_complete_unless_it_is_said_otherwise() -> None:
    async def script(port: int) -> None:
        async with talk(port) as session:
            await session.send_client_content(turns=user(TIME))
            assert (await turn_of(session)).said == TEATIME_SAID
            await session.send_client_content(turns=user(SUM), turn_complete=False)
            assert await nothing_for(session, 60)
            await session.send_client_content(turn_complete=True)
            assert "4" in (await turn_of(session)).said

    serving(script)


def test_row_08_incremental_content() -> None:
    texts = ["What is the capital of France?", "Paris", SUM]
    earlier = [user(texts[0]), model(texts[1])]

    async def script(port: int) -> None:
        async with talk(port) as session:
            await session.send_client_content(turns=earlier, turn_complete=False)
            assert await nothing_for(session, 60)
            turn = await answer_to(session, SUM)
            assert turn.said == "2 plus 2 is 4."
            assert turn.prompt == {"TEXT": sum(map(text_tokens, texts))}
        instruction = LiveSettings().system_instruction
        # the older models take a history that ends with the user
        for name, told in ((HALF_CASCADE, [texts[0], SUM]), (NATIVE, texts)):
            async with linked(port, model=name) as (link, events):
                link.open(1, None, [PastTurn(Role.USER, texts[0]), PastTurn(Role.MODEL, texts[1])])
                assert isinstance(await events.get(), ev.SessionOpened)
                link.send_text(1, SUM)
                (usage,) = of(ev.UsageReported, await until_turn_completed(events))
                assert usage.tokens.prompt["text"] == sum(map(text_tokens, [instruction, *told]))

    serving(script)


def test_row_09_a_long_context_as_one_summary_or_as_a_handle() -> None:
    summary = "So far we have talked about this. " + "The kettle boils water in three minutes. " * 200

    async def script(port: int) -> None:
        async with talk(port, speaks(session_resumption=resumable())) as session:
            told = await answer_to(session, summary)
            assert told.prompt == {"TEXT": text_tokens(summary)}
            turn = await answer_to(session, TIME)
            assert turn.said == TEATIME_SAID
            assert turn.prompt == {"TEXT": text_tokens(summary) + text_tokens(TIME), **told.response}
            handle = await handle_of(session)
        async with talk(port, speaks(session_resumption=resumable(handle))) as session:
            turn = await answer_to(session, SUM)
            assert turn.said == "2 plus 2 is 4."
            assert turn.prompt["TEXT"] == text_tokens(summary) + text_tokens(TIME) + text_tokens(SUM)

    serving(script)


def test_row_11_text_in_audio_out_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "audio.wav"

    async def script(port: int) -> None:
        config = types.LiveConnectConfig(response_modalities=[types.Modality.AUDIO])
        async with talk(port, config) as session:
            await session.send_client_content(turns=user(TIME))
            with wave.open(str(path), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(24_000)
                async for message in session.receive():
                    if message.data is not None:
                        file.writeframes(message.data)

    serving(script, voice=Voice("rms"))
    with wave.open(str(path)) as file:
        assert file.getnframes() > 1.5 * REPLY_RATE_HZ  # spoken, it takes two seconds
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert np.sqrt(np.mean(samples.astype(float) ** 2)) > 500


def test_row_12_audio_with_a_voice() -> None:
    def config(voice: str) -> types.LiveConnectConfig:
        prebuilt = types.PrebuiltVoiceConfig(voice_name=voice)
        return speaks(speech_config=types.SpeechConfig(voice_config=types.VoiceConfig(prebuilt_voice_config=prebuilt)))

    async def script(port: int) -> None:
        for name in (VERTEX_HALF_CASCADE, VERTEX_NATIVE_2_5):
            async with session_of(vertex(port), config("Aoede"), name) as session:
                assert (await answer_to(session, TIME)).audio
            assert await refusal_of(vertex(port), config("Aoide"), name) == (1007, INVALID_ARGUMENT)

    serving(script)


def test_row_13_all_parts_of_a_message_are_read() -> None:
    async def main() -> None:
        async with served() as (server, port):
            async with talk(port) as session:
                plain = await answer_to(session, STORY)

            server.faults.script.append(Fault("bundle", chunk=1, count=5))
            async with talk(port) as session:
                turn = await answer_to(session, STORY)
            assert any(len(message.server_content.model_turn.parts or []) > 1 for message in speaking(turn))
            assert b"".join(message.data or b"" for message in turn.messages) == plain.audio

            async with talk(port, writes(), HALF_CASCADE) as session:
                turn = await answer_to(session, STORY)
            assert "".join(message.text or "" for message in turn.messages) == plain.said

            server.faults.script.append(Fault("bundle", chunk=1, count=5))
            async with linked(port) as (link, events):
                link.open(1, None)
                assert isinstance(await events.get(), ev.SessionOpened)
                link.send_text(1, STORY)
                seen = await until_turn_completed(events)
            assert b"".join(event.pcm for event in of(ev.ReplyChunkReceived, seen)) == plain.audio
            assert "".join(event.text for event in of(ev.OutputTranscribed, seen)) == plain.said
            assert server.faults.struck["bundle"] == 2

    simulate(main())


def speaking(turn: Turn) -> list[Any]:
    """The messages that hold a piece of the model's turn."""
    return [m for m in turn.messages if m.server_content is not None and m.server_content.model_turn is not None]


def test_row_16_transcript_of_the_reply() -> None:
    async def script(port: int) -> None:
        async with talk(port, speaks(input_audio_transcription=None)) as session:
            turn = await answer_to(session, STORY)
        assert turn.said.startswith("Here is the story of this moment. ")
        pieces = [number for number, m in enumerate(turn.messages) if transcript_in(m)]
        assert len(pieces) > 10
        flags = [n for n, m in enumerate(turn.messages) if m.server_content and m.server_content.generation_complete]
        assert pieces[-1] < flags[0]
        bare = types.LiveConnectConfig(response_modalities=[types.Modality.AUDIO])
        async with talk(port, bare) as session:
            assert (await answer_to(session, TIME)).said == ""

    serving(script)


def transcript_in(message: types.LiveServerMessage) -> bool:
    """Whether a piece of the reply's transcript is in it."""
    return message.server_content is not None and message.server_content.output_transcription is not None


@pytest.mark.parametrize("backend", ["developer", "vertex"])
def test_row_36_token_counts(backend: str) -> None:
    async def script(port: int) -> None:
        client = developer(port) if backend == "developer" else vertex(port)
        async with session_of(client, speaks(realtime_input_config=DISABLED)) as session:
            turn = await answer_to(session, TIME)
            assert turn.prompt == {"TEXT": text_tokens(TIME)}
            assert turn.response == {"AUDIO": 8}  # 0.3 s at 25 a second
            assert turn.usage.total_token_count == text_tokens(TIME) + 8
            assert turn.messages[-1].usage_metadata == turn.usage  # with turnComplete
            again = await answer_to(session, TIME)
            assert again.prompt == {"TEXT": 2 * text_tokens(TIME), "AUDIO": 8}
            assert again.usage.total_token_count == 2 * (text_tokens(TIME) + 8)

    serving(script)


def test_row_41_the_context_window_is_limited() -> None:
    """32k tokens on the half-cascade models; with compression the oldest turns are forgotten instead of the session."""
    piece = SENTENCE * 1000  # 11,000 tokens
    sizes = types.SlidingWindow(target_tokens=12_000)
    compressed = types.ContextWindowCompressionConfig(trigger_tokens=24_000, sliding_window=sizes)

    async def script(port: int) -> None:
        for config, code in ((writes(), 1007), (writes(context_window_compression=compressed), None)):
            async with talk(port, config, HALF_CASCADE) as session:
                turns = [user(piece), model("I see.")]
                for _ in range(2):
                    await session.send_client_content(turns=turns, turn_complete=False)
                turn = await answer_to(session, TIME)
                assert turn.usage.prompt_token_count == pytest.approx(22_000, abs=50)
                await session.send_client_content(turns=turns, turn_complete=False)
                await session.send_client_content(turns=user(TIME))
                if code is not None:
                    with pytest.raises(Exception, match=f"^{code} None. {INVALID_ARGUMENT}"):
                        await turn_of(session)
                else:
                    turn = await turn_of(session)
                    assert turn.text == TEATIME_SAID
                    assert (turn.usage.prompt_token_count or 0) < 12_000

    serving(script)
