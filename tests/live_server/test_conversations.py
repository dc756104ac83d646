"""Whole conversations over a real socket: turns by voice and by text, interruption, functions, resumption."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from live_server.peer import MANUAL, MODEL, VERTEX_PATH, Peer, running
from live_server.sounds import at_level, noise, pcm_of, speech
from live_server.stage import Ear, Mouth, ScriptedMind, simulate
from satellite.core.pcm import CAPTURE_RATE_HZ
from satellite.live_server.assistant import Assistant
from satellite.live_server.refusals import INVALID_ARGUMENT, NO_SESSION

TRANSCRIPTS: dict[str, Any] = {"inputAudioTranscription": {}, "outputAudioTranscription": {}}
HALF_CASCADE = "models/gemini-live-2.5-flash-preview"


def with_server(script: Callable[[int], Awaitable[None]], **options: Any) -> None:
    """Run a script against a server's port."""

    async def main() -> None:
        async with running(**options) as (_, port):
            await script(port)

    simulate(main())


def question(pause_s: float = 1.0) -> bytes:
    """A question in a room with a background of -50 dBFS, silence before and after it."""
    pause = np.zeros(int(pause_s * CAPTURE_RATE_HZ))
    said = np.concatenate([pause, at_level(speech("what time is it"), -25), pause])
    return pcm_of(said + noise(len(said) / CAPTURE_RATE_HZ, -50)[: len(said)])


def test_a_question_in_one_burst_is_answered_with_automatic_detection() -> None:
    heard: list[bytes] = []

    async def script(port: int) -> None:
        async with Peer.open(port, **TRANSCRIPTS) as peer:
            await peer.send_audio(question())
            turn = await peer.turn()
        assert turn.heard == "what time is it"
        assert turn.said == ScriptedMind().words
        assert len(turn.audio) == 0.3 * 48_000
        assert turn.flags == ["generationComplete", "turnComplete"]
        assert turn.usage["responseTokenCount"] == 8

    with_server(script, on_utterance=heard.append)
    assert len(heard) == 1


def test_audio_stream_end_flushes_and_the_stream_goes_on() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port, **TRANSCRIPTS) as peer:
            for _ in range(2):
                await peer.send_audio(question(pause_s=0.3))
                await peer.send_input(audioStreamEnd=True)
                assert (await peer.turn()).heard

    with_server(script)


def test_manual_activity_ignores_audio_outside_and_nested_starts() -> None:
    heard: list[bytes] = []

    async def script(port: int) -> None:
        async with Peer.open(port, realtimeInputConfig=MANUAL, **TRANSCRIPTS) as peer:
            await peer.send_audio(b"\1\0" * 100)
            await peer.send_input(activityStart={})
            await peer.send_audio(b"\2\0" * 100)
            await peer.send_input(activityStart={})
            await peer.send_audio(b"\3\0" * 100)
            await peer.send_input(activityEnd={})
            await peer.send_input(activityEnd={})
            assert (await peer.turn()).heard

    with_server(script, on_utterance=heard.append)
    assert heard == [b"\2\0" * 100 + b"\3\0" * 100]


def test_a_nested_start_interrupts_nothing() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port, realtimeInputConfig=MANUAL) as peer:
            await peer.send_input(activityStart={})
            await peer.send(clientContent={"turns": [{"parts": [{"text": "hello"}]}], "turnComplete": True})
            assert "modelTurn" in (await peer.receive())["serverContent"]
            await peer.send_input(activityStart={})
            assert (await peer.turn()).flags == ["generationComplete", "turnComplete"]

    with_server(script)


def test_audio_of_another_rate_is_resampled_to_the_last_sample() -> None:
    heard: list[bytes] = []

    async def script(port: int) -> None:
        async with Peer.open(port, realtimeInputConfig=MANUAL) as peer:
            await peer.send_input(activityStart={})
            for _ in range(10):
                await peer.send_audio(bytes(9600), rate_hz=48_000)
            await peer.send_input(activityEnd={})
            await peer.turn()

    with_server(script, on_utterance=heard.append)
    assert len(heard[0]) == 32_000


@pytest.mark.parametrize("how", ["activityStart", "text", "clientContent"])
def test_input_cuts_a_long_reply(how: str) -> None:
    async def script(port: int) -> None:
        async with Peer.open(port, realtimeInputConfig=MANUAL) as peer:
            await peer.send_input(text="tell me a long story")
            assert "modelTurn" in (await peer.receive())["serverContent"]
            if how == "clientContent":
                await peer.send(clientContent={})
            else:
                await peer.send_input(**{how: {} if how == "activityStart" else "stop"})
            turn = await peer.turn()
            assert turn.flags == ["interrupted", "turnComplete"]
            assert [list(m) for m in turn.messages[-2:]] == [["serverContent"], ["serverContent", "usageMetadata"]]

    with_server(script, voice=Mouth(600.0))


def test_speech_cuts_a_reply_with_automatic_detection_and_is_answered() -> None:
    voice = Mouth(600.0)

    async def script(port: int) -> None:
        async with Peer.open(port, **TRANSCRIPTS) as peer:
            await peer.send_audio(question())
            assert (await peer.receive())["serverContent"]["inputTranscription"]
            while "modelTurn" not in (await peer.receive())["serverContent"]:
                continue
            voice.seconds = 0.3
            await peer.send_audio(question())
            assert (await peer.turn()).flags == ["interrupted", "turnComplete"]
            answered = await peer.turn()
            assert answered.heard == "what time is it"
            assert answered.flags == ["generationComplete", "turnComplete"]

    with_server(script, voice=voice)


def test_no_interruption() -> None:
    config = MANUAL | {"activityHandling": "NO_INTERRUPTION"}

    async def script(port: int) -> None:
        async with Peer.open(port, realtimeInputConfig=config) as peer:
            await peer.send_input(text="one")
            assert "modelTurn" in (await peer.receive())["serverContent"]
            await peer.send_input(text="two")
            assert (await peer.turn()).flags == ["generationComplete", "turnComplete"]
            assert (await peer.turn()).flags == ["generationComplete", "turnComplete"]

    with_server(script)


def test_text_within_an_activity_belongs_to_its_turn() -> None:
    mind = ScriptedMind()

    async def script(port: int) -> None:
        async with Peer.open(port, realtimeInputConfig=MANUAL) as peer:
            await peer.send_input(activityStart={})
            await peer.send_audio(b"\1\0" * 100)
            await peer.send_input(text="please")
            await peer.send_input(activityEnd={})
            await peer.turn()
            await peer.send_input(activityStart={}, text="alone", activityEnd={})
            await peer.turn()

    with_server(script, assistant=mind)
    assert mind.asked == ["what time is it please", "alone"]


def test_client_content_in_order_is_answered_when_complete() -> None:
    mind = ScriptedMind()

    async def script(port: int) -> None:
        async with Peer.open(port, HALF_CASCADE, generationConfig={"responseModalities": ["TEXT"]}) as peer:
            turns = [
                {"role": "user", "parts": [{"text": "My name is Ann."}]},
                {"role": "model", "parts": [{"text": "Hello Ann."}]},
            ]
            await peer.send(clientContent={"turns": turns})
            await peer.send(
                clientContent={"turns": [{"parts": [{"text": "who"}, {"text": "are you"}]}], "turnComplete": True}
            )
            turn = await peer.turn()
            assert turn.text == mind.words
            assert turn.audio == b""
            assert turn.usage["promptTokenCount"] == 4 + 3 + 3

    with_server(script, assistant=mind)
    assert mind.asked == ["who\nare you"]


def test_initial_history_starts_no_reply() -> None:
    mind = ScriptedMind()

    async def script(port: int) -> None:
        async with Peer.open(port, historyConfig={"initialHistoryInClientContent": True}) as peer:
            past = [{"role": "user", "parts": [{"text": "old"}]}, {"role": "model", "parts": [{"text": "answer"}]}]
            await peer.send(clientContent={"turns": past, "turnComplete": True})
            await peer.send(clientContent={"turns": [{"parts": [{"text": "new"}]}], "turnComplete": True})
            assert (await peer.turn()).flags == ["generationComplete", "turnComplete"]

    with_server(script, assistant=mind)
    assert mind.asked == ["new"]


def test_a_function_is_called_and_its_answer_awaited() -> None:
    mind = ScriptedMind(calls=("set_timer", {"duration_s": 60}))

    async def script(port: int) -> None:
        async with Peer.open(port, tools=[{"functionDeclarations": [{"name": "set_timer"}]}]) as peer:
            await peer.send_input(text="set a timer")
            (call,) = (await peer.receive())["toolCall"]["functionCalls"]
            assert (call["name"], call["args"]) == ("set_timer", {"duration_s": 60})
            answer = {"id": call["id"], "name": call["name"], "response": {"output": "ok"}}
            await peer.send(toolResponse={"functionResponses": [answer]})
            assert (await peer.turn()).audio

    with_server(script, assistant=mind)
    assert mind.results == [{"output": "ok"}]


def test_a_session_is_resumed_with_its_history() -> None:
    async def script(port: int) -> None:
        handles: list[str] = []
        async with Peer.open(port, sessionResumption={}) as peer:
            await peer.send_input(text="remember me")
            assert await peer.receive() == {"sessionResumptionUpdate": {}}
            first = await peer.turn()
            update = (await peer.receive())["sessionResumptionUpdate"]
            assert update["resumable"] is True
            handles.append(update["newHandle"])
        async with Peer.open(port, sessionResumption={"handle": handles[0]}) as peer:
            await peer.send_input(text="remember me")
            again = await peer.turn()
        assert (
            again.usage["promptTokenCount"] == 2 * first.usage["promptTokenCount"] + first.usage["responseTokenCount"]
        )
        async with Peer.dial(port) as peer:
            await peer.send(setup={"model": HALF_CASCADE, "sessionResumption": {"handle": handles[0]}})
            assert await peer.ended() == (1007, INVALID_ARGUMENT)

    with_server(script)


def test_an_unknown_handle_finds_no_session() -> None:
    async def script(port: int) -> None:
        async with Peer.dial(port) as peer:
            await peer.send(setup={"model": MODEL, "sessionResumption": {"handle": "made up"}})
            assert await peer.ended() == (1008, NO_SESSION)

    with_server(script)


def test_clients_do_not_disturb_each_other() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port) as one, Peer.open(port) as other:
            await one.send_input(text="one")
            await other.send(setup={})
            assert (await other.ended())[0] == 1007
            assert (await one.turn()).flags == ["generationComplete", "turnComplete"]

    with_server(script)


SYSTEM = {"role": "system", "parts": [{"text": "x" * 400}]}


def test_a_turn_of_role_system_is_an_error_on_the_developer_api() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port, HALF_CASCADE) as peer:
            await peer.send(clientContent={"turns": [SYSTEM]})
            assert await peer.ended() == (1007, INVALID_ARGUMENT)

    with_server(script)


def test_turns_of_any_other_role_are_refused() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port, HALF_CASCADE) as peer:
            await peer.send(clientContent={"turns": [{"role": "assistant", "parts": [{"text": "hello"}]}]})
            assert await peer.ended() == (1007, INVALID_ARGUMENT)

    with_server(script)


def test_context_update_changes_instruction_and_functions_in_order() -> None:
    mind = Assistant(lambda: datetime(2026, 11, 22, 15, 45))
    timers = {"functionDeclarations": [{"name": "set_timer", "behavior": "BLOCKING"}]}

    async def script(port: int) -> None:
        async with Peer.open(port, outputAudioTranscription={}) as peer:
            await peer.send_input(text="set a timer for ten minutes")
            first = await peer.turn()
            assert first.said == "This satellite offers no timers."
            update = {"systemInstruction": {"parts": [{"text": "x" * 400}]}, "tools": {"tools": [timers]}}
            await peer.send(contextUpdate=update)
            await peer.send_input(text="set a timer for ten minutes")
            (call,) = (await peer.receive())["toolCall"]["functionCalls"]
            answer = {"id": call["id"], "name": "set_timer", "response": {}}
            await peer.send(toolResponse={"functionResponses": [answer]})
            second = await peer.turn()
            assert second.said == "A timer is set for 10 minutes."
            assert second.usage["promptTokenCount"] > first.usage["promptTokenCount"] + 100
            await peer.send(contextUpdate={"tools": {"tools": []}})
            await peer.send_input(text="set a timer for ten minutes")
            assert (await peer.turn()).said == first.said

    with_server(script, assistant=mind)


def test_context_update_is_for_the_3_8_models_alone() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port, HALF_CASCADE) as peer:
            await peer.send(contextUpdate={"tools": {"tools": []}})
            assert await peer.ended() == (1007, INVALID_ARGUMENT)

    with_server(script)


@pytest.mark.parametrize(("coverage", "seconds"), [("ALL_INPUT", 4.0), ("ONLY_ACTIVITY", None)])
def test_all_audio_or_only_what_was_said_belongs_to_the_turn(coverage: str, seconds: float | None) -> None:
    heard: list[bytes] = []
    sound = question()
    before = pcm_of(noise(3.0, -50))

    async def script(port: int) -> None:
        config = {"turnCoverage": f"TURN_INCLUDES_{coverage}"}
        async with Peer.open(port, HALF_CASCADE, realtimeInputConfig=config) as peer:
            await peer.send_audio(before + sound)
            usage = (await peer.turn()).usage
            counted_bytes = len(before + sound) if seconds else len(heard[0])
            (detail,) = usage["promptTokensDetails"]
            assert detail == {"modality": "AUDIO", "tokenCount": -(-counted_bytes * 25 // 32_000)}

    with_server(script, on_utterance=heard.append)


def test_drafts_are_sent_if_their_instants_are_asked_for() -> None:
    config = MANUAL | {"interimTranscriptTimestampEnabled": True}

    async def script(port: int) -> None:
        async with Peer.open(port, realtimeInputConfig=config, inputAudioTranscription={}) as peer:
            await peer.send_input(activityStart={})
            await peer.send_audio(bytes(64_000))
            draft = (await peer.receive())["serverContent"]["interimInputTranscription"]
            assert draft == {"text": "what time is it", "startOffset": "0.000s", "endOffset": "2.000s"}
            await peer.send_input(activityEnd={})
            assert (await peer.turn()).heard == "what time is it"
        async with Peer.open(port, realtimeInputConfig=MANUAL, inputAudioTranscription={}) as peer:
            await peer.send_input(activityStart={})
            await peer.send_audio(bytes(64_000))
            await peer.send_input(activityEnd={})
            turn = await peer.turn()
            assert not any("interimInputTranscription" in m.get("serverContent", {}) for m in turn.messages)

    with_server(script)


def test_a_draft_that_is_late_is_not_sent_behind_the_transcript() -> None:
    config = MANUAL | {"interimTranscriptTimestampEnabled": True}

    async def script(port: int) -> None:
        async with Peer.open(port, realtimeInputConfig=config, inputAudioTranscription={}) as peer:
            await peer.send_input(activityStart={})
            await peer.send_audio(bytes(64_000))
            await peer.send_input(activityEnd={})
            turn = await peer.turn()
            assert not any("interimInputTranscription" in m.get("serverContent", {}) for m in turn.messages)

    with_server(script, recogniser=Ear(takes_s=1.0), voice=Mouth(5.0))


def test_sound_in_client_content_is_heard_if_the_model_has_not_answered_it_yet() -> None:
    mind = ScriptedMind()
    sound = {"inlineData": {"data": base64.b64encode(bytes(32_000)).decode(), "mimeType": "audio/pcm;rate=16000"}}

    async def script(port: int) -> None:
        async with Peer.open(port, HALF_CASCADE) as peer:
            turns = [
                {"role": "user", "parts": [sound]},
                {"role": "model", "parts": [{"text": "It is noon."}]},
                {"role": "user", "parts": [{"text": "thanks"}]},
            ]
            await peer.send(clientContent={"turns": turns, "turnComplete": True})
            await peer.turn()
            await peer.send(clientContent={"turns": turns[:1]})
            await peer.send(clientContent={"turns": turns[1:], "turnComplete": True})
            await peer.turn()
            await peer.send(clientContent={"turns": [{"role": "user", "parts": [sound]}]})
            await peer.send(clientContent={"turns": [{"parts": [{"text": "now"}]}], "turnComplete": True})
            await peer.turn()

    with_server(script, assistant=mind)
    assert mind.asked == ["thanks", "thanks", "what time is it now"]


def test_a_non_blocking_answer_comes_in_a_turn_of_its_own() -> None:
    mind = ScriptedMind(calls=("set_timer", {"duration_s": 60}))

    async def script(port: int) -> None:
        async with Peer.open(port, tools=[{"functionDeclarations": [{"name": "set_timer"}]}]) as peer:
            await peer.send_input(text="set a timer")
            (call,) = (await peer.receive())["toolCall"]["functionCalls"]
            assert (await peer.turn()).audio
            answer = {"id": call["id"], "name": call["name"], "response": {"output": "ok"}, "scheduling": "WHEN_IDLE"}
            await peer.send(toolResponse={"functionResponses": [answer]})
            assert (await peer.turn()).flags == ["generationComplete", "turnComplete"]

    with_server(script, assistant=mind)
    assert mind.results == [{"output": "ok"}]


@asynccontextmanager
async def on_vertex(port: int, **setup: Any) -> AsyncIterator[Peer]:
    """A session on Vertex AI."""
    async with Peer.dial(port, VERTEX_PATH, None, {"Authorization": "Bearer stub"}) as peer:
        await peer.send(setup={"model": "gemini-3.8-live", **setup})
        assert list(await peer.receive()) == ["setupComplete"]
        yield peer


def test_vertex_takes_a_turn_of_role_system_for_another_instruction() -> None:
    async def script(port: int) -> None:
        async with on_vertex(port) as peer:
            await peer.send(clientContent={"turns": [SYSTEM]})
            await peer.send_input(text="hello")
            usage = (await peer.turn()).usage
            assert usage["promptTokenCount"] == 100 + 2
            assert usage["candidatesTokenCount"] == 8

    with_server(script)


def test_vertex_tells_what_it_detects_if_asked() -> None:
    async def script(port: int) -> None:
        async with on_vertex(port, explicitVadSignal=True) as peer:
            await peer.send_audio(question())
            turn = await peer.turn()
            start, end = [m["voiceActivity"] for m in turn.messages if "voiceActivity" in m]
            assert (start["type"], end["type"]) == ("ACTIVITY_START", "ACTIVITY_END")
            assert (
                0.8 < float(start["audioOffset"].removesuffix("s")) < float(end["audioOffset"].removesuffix("s")) < 3.0
            )
            assert list(turn.messages[0]) == ["voiceActivity"]
        async with on_vertex(port) as peer:
            await peer.send_audio(question())
            assert not any("voiceActivity" in message for message in (await peer.turn()).messages)

    with_server(script)


def test_vertex_takes_the_answer_of_a_function_without_its_id() -> None:
    mind = ScriptedMind(calls=("set_timer", {"duration_s": 60}))
    tools = [{"functionDeclarations": [{"name": "set_timer", "behavior": "BLOCKING"}]}]

    async def script(port: int) -> None:
        async with on_vertex(port, tools=tools) as peer:
            await peer.send_input(text="set a timer")
            assert "toolCall" in await peer.receive()
            answer = {"name": "set_timer", "response": {"output": "ok"}}
            await peer.send(toolResponse={"functionResponses": [answer]})
            assert (await peer.turn()).audio
        async with Peer.open(port) as peer:
            await peer.send(toolResponse={"functionResponses": [answer]})
            assert await peer.ended() == (1007, INVALID_ARGUMENT)

    with_server(script, assistant=mind)
    assert mind.results == [{"output": "ok"}]
