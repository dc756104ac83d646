"""Function calls: several at once, blocking or not, answered late, twice, wrongly or never (LIVE_API 2.4, 4.2, 4.5)."""

import asyncio
import dataclasses
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from google.genai import types

from live_server.engine import RULES, Stage, play
from live_server.official import developer
from live_server.stage import ScriptedMind, without_repeats
from live_server.test_conversations import with_server
from satellite.live.messages import FunctionResponse
from satellite.live.models import EXTENDED_THINKING_3_8, HALF_CASCADE, VERTEX
from satellite.live_server.assistant import Assistant
from satellite.live_server.calls import MOST_CALLS
from satellite.live_server.faults import Faults
from satellite.live_server.history import Entry
from satellite.live_server.ongoing import Input
from satellite.live_server.refusals import Refusal
from satellite.live_server.session_rules import FunctionBehavior, SessionRules
from satellite.live_server.thinking import MEANWHILE, TOOL_ANSWER_S

TIMER = "Set a timer for ten minutes."
TWO_THINGS = "Set the volume to forty percent and a timer for five minutes."
IS_SET = "A timer is set for 10 minutes."


def rules(behaviour: FunctionBehavior = "blocking", **changes: Any) -> SessionRules:
    functions = dict.fromkeys(("set_timer", "cancel_timer", "set_volume"), behaviour)
    return dataclasses.replace(RULES, functions=functions, **changes)


def converse(
    script: Callable[[Stage], Awaitable[None]], session: SessionRules | None = None, faults: Faults | None = None
) -> Stage:
    """Run a script against the real assistant."""
    mind = Assistant(lambda: datetime(2026, 11, 22, 15, 45))
    return play(script, session or rules(), faults, mind)


def say(stage: Stage, text: str) -> None:
    stage.engine.activity_began()
    stage.engine.begin(Input(text=text))


def respond(stage: Stage, call_id: str, /, **fields: Any) -> None:
    stage.engine.take_tool_response([FunctionResponse(id=call_id, **fields)])


def order(stage: Stage) -> list[str]:
    return without_repeats([name for name in stage.order if name not in ("said", "heard")])


ONE_TURN = ["audio", "generationComplete", "turnComplete"]


def test_two_things_asked_for_in_one_sentence_are_two_calls_in_one_message() -> None:
    async def script(stage: Stage) -> None:
        say(stage, TWO_THINGS)
        await asyncio.sleep(1)
        volume, timer = stage.calls
        assert (volume.name, volume.args) == ("set_volume", {"percent": 40})
        assert (timer.name, timer.args["duration_s"]) == ("set_timer", 300)
        respond(stage, timer.id, response={"output": "ok"})
        await asyncio.sleep(1)
        assert "audio" not in stage.order  # the answer waits for both
        respond(stage, volume.id, response={"percent": 35})

    stage = converse(script)
    assert [len(message.tool_call.function_calls) for message in stage.messages if message.tool_call] == [2]
    assert order(stage) == ["toolCall", *ONE_TURN]
    assert stage.said() == "The volume is now 35 percent. A timer is set for 5 minutes."


def test_the_answered_one_of_two_calls_is_not_cancelled() -> None:
    async def script(stage: Stage) -> None:
        say(stage, TWO_THINGS)
        await asyncio.sleep(1)
        volume, timer = stage.calls
        respond(stage, volume.id, response={})
        stage.engine.activity_began()
        cancelled = next(m.tool_call_cancellation for m in stage.messages if m.tool_call_cancellation)
        assert cancelled.ids == [timer.id]

    converse(script)


def test_one_of_two_calls_nobody_answers_fails_honestly() -> None:
    async def script(stage: Stage) -> None:
        say(stage, TWO_THINGS)
        await asyncio.sleep(1)
        respond(stage, stage.calls[0].id, response={})

    stage = converse(script)
    assert stage.when("toolCallCancellation") == pytest.approx(TOOL_ANSWER_S)
    assert stage.said() == "The volume is now 40 percent. That did not work: no answer."


def test_a_failure_is_spoken_honestly() -> None:
    async def script(stage: Stage) -> None:
        say(stage, TIMER)
        await asyncio.sleep(1)
        respond(stage, stage.calls[0].id, response={"error": "there are too many timers."})

    assert converse(script).said() == "That did not work: there are too many timers."


def test_what_the_client_writes_waits_for_a_blocking_function() -> None:
    """An interrupt by the client's program cancels no call: the answer is waited for, and nothing is said of it."""

    async def script(stage: Stage) -> None:
        say(stage, TIMER)
        await asyncio.sleep(1)
        stage.engine.add_content([Entry("user", "what time is it")])
        stage.engine.answer_content()
        await asyncio.sleep(1)
        assert stage.order[-1] == "toolCall"
        respond(stage, stage.calls[0].id, response={"output": "ok"})

    stage = converse(script)
    assert order(stage) == ["toolCall", "interrupted", "turnComplete", *ONE_TURN]
    assert stage.said().startswith("It is ")


def test_an_explicit_stop_while_a_blocking_function_works() -> None:
    async def script(stage: Stage) -> None:
        say(stage, TIMER)
        await asyncio.sleep(1)
        stage.engine.add_content([])
        respond(stage, stage.calls[0].id, response={"output": "ok"})

    assert order(converse(script)) == ["toolCall", "interrupted", "turnComplete"]


def test_the_talk_goes_on_while_a_non_blocking_function_works() -> None:
    async def script(stage: Stage) -> None:
        say(stage, TIMER)
        await asyncio.sleep(10)
        assert order(stage) == ["toolCall", *ONE_TURN]
        assert stage.said() == MEANWHILE
        say(stage, "What is 12 plus 30?")
        await asyncio.sleep(10)
        assert stage.said() == f"{MEANWHILE}12 plus 30 is 42."
        respond(stage, stage.calls[0].id, response={"output": "ok"})

    stage = converse(script, rules("non_blocking"))
    assert order(stage) == ["toolCall", *ONE_TURN * 3]
    assert stage.said().endswith(f"42.{IS_SET}")


def test_scheduling_interrupt_cuts_the_present_reply() -> None:
    async def script(stage: Stage) -> None:
        stage.mouth.seconds = 10.0
        say(stage, TIMER)
        await asyncio.sleep(1)
        respond(stage, stage.calls[0].id, scheduling="INTERRUPT")
        assert stage.order[-2:] == ["interrupted", "turnComplete"]

    stage = converse(script, rules("non_blocking"))
    assert order(stage) == ["toolCall", "audio", "interrupted", "turnComplete", *ONE_TURN]
    assert stage.said().endswith(IS_SET)


def test_scheduling_interrupt_speaks_even_while_the_user_does() -> None:
    async def script(stage: Stage) -> None:
        say(stage, TIMER)
        await asyncio.sleep(10)
        stage.engine.activity_began()
        respond(stage, stage.calls[0].id, response={"scheduling": "INTERRUPT"})  # it may stand inside, too

    assert order(converse(script, rules("non_blocking"))) == ["toolCall", *ONE_TURN * 2]


def test_scheduling_when_idle_waits_for_the_present_turn() -> None:
    async def script(stage: Stage) -> None:
        stage.mouth.seconds = 10.0
        say(stage, TIMER)
        await asyncio.sleep(1)
        respond(stage, stage.calls[0].id, scheduling="WHEN_IDLE")

    stage = converse(script, rules("non_blocking"))
    assert order(stage) == ["toolCall", *ONE_TURN * 2]
    assert stage.said() == f"{MEANWHILE}{IS_SET}"


def test_scheduling_when_idle_waits_until_the_user_has_spoken() -> None:
    async def script(stage: Stage) -> None:
        say(stage, TIMER)
        await asyncio.sleep(10)
        stage.engine.activity_began()
        respond(stage, stage.calls[0].id)
        await asyncio.sleep(10)
        stage.engine.begin(Input(text="What is 12 plus 30?"))

    assert converse(script, rules("non_blocking")).said() == f"{MEANWHILE}12 plus 30 is 42.{IS_SET}"


def test_scheduling_silent_is_only_remembered() -> None:
    async def script(stage: Stage) -> None:
        say(stage, TIMER)
        await asyncio.sleep(10)
        respond(stage, stage.calls[0].id, scheduling="SILENT", response={"output": "set"})
        await asyncio.sleep(10)
        assert stage.entries[-1].from_tool
        assert stage.entries[-1].text == '{"output": "set"}'
        assert order(stage) == ["toolCall", *ONE_TURN]
        say(stage, "What is 12 plus 30?")

    stage = converse(script, rules("non_blocking"))
    assert stage.usages[-1].prompt_token_count == sum(
        entry.text_tokens + entry.audio_tokens for entry in stage.entries[:-1]
    )


def test_a_scheduling_that_does_not_exist_is_refused() -> None:
    async def script(stage: Stage) -> None:
        with pytest.raises(Refusal):
            respond(stage, "any", scheduling="SOON")

    converse(script)


def test_a_call_may_be_answered_in_several_steps() -> None:
    async def script(stage: Stage) -> None:
        say(stage, TIMER)
        await asyncio.sleep(10)
        (call,) = stage.calls
        respond(stage, call.id, will_continue=True, response={"output": "I am winding it up."})
        await asyncio.sleep(10)
        respond(stage, call.id, will_continue=True, scheduling="SILENT", response={"output": "Nearly."})
        respond(stage, call.id, response={"output": "ok"})
        await asyncio.sleep(10)
        respond(stage, call.id, response={"output": "late"})

    stage = converse(script, rules("non_blocking"))
    assert stage.said() == f"{MEANWHILE}I am winding it up.{IS_SET}"
    assert order(stage) == ["toolCall", *ONE_TURN * 3]


def test_a_blocking_call_waits_for_its_last_answer() -> None:
    async def script(stage: Stage) -> None:
        say(stage, TIMER)
        await asyncio.sleep(1)
        respond(stage, stage.calls[0].id, will_continue=True, response={"output": "so far"})
        await asyncio.sleep(5)
        assert "audio" not in stage.order
        respond(stage, stage.calls[0].id, response={"error": "no"})

    assert converse(script).said() == "That did not work: no."


def test_what_the_client_writes_does_not_lose_the_answer_of_a_function() -> None:
    async def script(stage: Stage) -> None:
        stage.mouth.seconds = 10.0
        say(stage, TIMER)
        await asyncio.sleep(1)
        respond(stage, stage.calls[0].id)
        stage.engine.add_content([])

    assert converse(script, rules("non_blocking")).said().endswith(IS_SET)


def test_an_interruption_leaves_non_blocking_calls_alone() -> None:
    async def script(stage: Stage) -> None:
        stage.mouth.seconds = 10.0
        say(stage, TIMER)
        await asyncio.sleep(1)
        say(stage, "Stop.")
        await asyncio.sleep(20)
        respond(stage, stage.calls[0].id)

    stage = converse(script, rules("non_blocking"))
    assert "toolCallCancellation" not in stage.order
    assert stage.said().endswith(IS_SET)


def test_calls_that_nobody_ever_answers_are_bounded() -> None:
    async def script(stage: Stage) -> None:
        for _ in range(MOST_CALLS + 1):
            say(stage, TIMER)
            await asyncio.sleep(10)
        said = len(stage.said())
        respond(stage, stage.calls[0].id)
        await asyncio.sleep(10)
        assert len(stage.said()) == said  # forgotten
        respond(stage, stage.calls[1].id)

    assert converse(script, rules("non_blocking")).said().endswith(IS_SET)


def test_the_half_cascade_models_of_the_developer_api_show_their_calls_as_code() -> None:
    async def script(stage: Stage) -> None:
        say(stage, TWO_THINGS)
        await asyncio.sleep(1)
        stage.engine.interrupt()

    stage = converse(script, rules(family=HALF_CASCADE))
    (part,) = stage.parts
    assert part.executable_code is not None
    assert part.executable_code.language == "PYTHON"
    assert part.executable_code.code.splitlines() == [
        "print(default_api.set_volume(percent=40))",
        "print(default_api.set_timer(duration_s=300, name='5 minute'))",
    ]
    assert order(stage)[:2] == ["text", "toolCall"]
    assert converse(script, rules(family=HALF_CASCADE, backend=VERTEX)).parts == []
    assert converse(script).parts == []


def test_vertex_numbers_its_calls_with_uuids_and_takes_answers_by_name() -> None:
    async def script(stage: Stage) -> None:
        say(stage, TIMER)
        await asyncio.sleep(1)
        (call,) = stage.calls
        assert str(uuid.UUID(call.id)) == call.id
        stage.engine.take_tool_response([FunctionResponse(name="set_timer", response={"output": "ok"})])

    assert converse(script, rules(backend=VERTEX)).said() == IS_SET


def test_developer_numbers_its_calls_like_google() -> None:
    async def script(stage: Stage) -> None:
        say(stage, TIMER)
        await asyncio.sleep(1)
        assert stage.calls[0].id.startswith("function-call-")
        stage.engine.interrupt()

    converse(script)


def test_extended_thinking_says_whether_more_turns_will_come() -> None:
    async def script(stage: Stage) -> None:
        say(stage, TIMER)
        await asyncio.sleep(10)
        respond(stage, stage.calls[0].id)

    def states(session: SessionRules) -> list[str]:
        return [content.interaction_status for content in converse(script, session).contents if content.turn_complete]

    assert states(rules("non_blocking", family=EXTENDED_THINKING_3_8)) == ["IN_PROGRESS", "IDLE"]
    assert states(rules("non_blocking")) == ["", ""]


def test_there_is_no_way_back_to_a_session_whose_function_still_works() -> None:
    async def script(stage: Stage) -> None:
        say(stage, TIMER)
        await asyncio.sleep(10)
        assert "resumable" not in stage.order
        respond(stage, stage.calls[0].id, scheduling="SILENT")
        assert stage.order[-1] == "resumable"

    converse(script, rules("non_blocking", resumable=True))


def test_answers_of_tools_are_counted_by_themselves_in_the_turn_they_are_for() -> None:
    async def script(stage: Stage) -> None:
        say(stage, TIMER)
        await asyncio.sleep(1)
        respond(stage, stage.calls[0].id, response={"output": "ok"})

    (usage,) = converse(script).usages
    assert usage.tool_use_prompt_token_count == 4  # {"output": "ok"}
    assert [(detail.modality, detail.token_count) for detail in usage.tool_use_prompt_tokens_details] == [("TEXT", 4)]
    assert usage.prompt_token_count == len(TIMER) / 4
    assert usage.total_token_count == usage.prompt_token_count + usage.response_token_count + 4


def test_the_official_client_reads_on_while_more_turns_will_come() -> None:
    """Its receive() ends at turnComplete, but for IN_PROGRESS beside it."""
    states: list[types.InteractionStatus | None] = []
    tool = types.Tool(function_declarations=[types.FunctionDeclaration(name="set_timer")])
    thinking = types.ThinkingConfig(thinking_level=types.ThinkingLevel.LOW)
    config = types.LiveConnectConfig(response_modalities=[types.Modality.AUDIO], tools=[tool], thinking_config=thinking)

    async def script(port: int) -> None:
        model = "gemini-3.8-live-extended-thinking"
        async with developer(port).aio.live.connect(model=model, config=config) as session:
            await session.send_realtime_input(text="set a timer")
            async for message in session.receive():
                for call in (message.tool_call.function_calls or []) if message.tool_call else []:
                    await asyncio.sleep(3)
                    answer = types.FunctionResponse(id=call.id, name=call.name, response={"output": "ok"})
                    await session.send_tool_response(function_responses=answer)
                if message.server_content and message.server_content.turn_complete:
                    states.append(message.server_content.interaction_status)

    with_server(script, assistant=ScriptedMind(calls=("set_timer", {})))
    assert states == [types.InteractionStatus.IN_PROGRESS, types.InteractionStatus.IDLE]
