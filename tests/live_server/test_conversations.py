"""Whole conversations over a real socket: turns by voice and by text, interruption, functions, resumption."""

from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from live_server.peer import MANUAL, MODEL, Peer, running
from live_server.sounds import at_level, noise, pcm_of, speech
from live_server.stage import Mouth, ScriptedMind, simulate
from satellite.core.pcm import CAPTURE_RATE_HZ
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
