"""The order and the timing of a turn's messages, on simulated time (LIVE_API 4.1 to 4.3)."""

import asyncio
import dataclasses
from collections.abc import Callable

import pytest

from live_server.engine import RULES, SECOND_OF_SPEECH, Stage, ask, play
from live_server.stage import names, simulate, without_repeats
from satellite.live.messages import FunctionResponse
from satellite.live_server.delivery import PACE
from satellite.live_server.faults import Closing, Faults
from satellite.live_server.history import Entry
from satellite.live_server.refusals import INTERNAL, Refusal
from satellite.live_server.thinking import TOOL_ANSWER_S


def test_a_turn_in_its_order() -> None:
    stage = play(ask)
    assert without_repeats([n for n in stage.order if n != "said"]) == [
        "heard",
        "audio",
        "generationComplete",
        "turnComplete",
    ]
    assert stage.ear.heard == [SECOND_OF_SPEECH]
    assert stage.heard() == stage.ear.words
    assert stage.said() == stage.mind.words
    assert stage.order.index("generationComplete") > max(i for i, n in enumerate(stage.order) if n == "said")


def test_transcript_pieces_stand_right_behind_their_audio() -> None:
    order = [name for name in play(ask).order if name in ("audio", "said")]
    assert order == ["audio", "said"] * (len(order) // 2)


def test_chunks_have_the_sizes_of_the_recordings() -> None:
    sizes = play(ask).chunk_sizes()
    assert sizes[0] == 9600
    assert set(sizes[1:-1]) == {11520}
    assert sum(sizes) == 48_000


def test_audio_comes_faster_than_it_plays_and_turn_complete_after_it_has_played() -> None:
    async def long_answer(stage: Stage) -> None:
        stage.mouth.seconds = 8.0
        await ask(stage)

    stage = play(long_answer)
    begun_s = stage.when("audio")
    assert stage.when("generationComplete") - begun_s == pytest.approx(8.0 / PACE)
    assert stage.when("turnComplete") - begun_s == pytest.approx(8.0)


def test_the_first_sentence_is_sent_before_the_next_one_is_made() -> None:
    async def several_sentences(stage: Stage) -> None:
        stage.mind.words = "It is late. Go to bed!  It is 3.15 now."
        stage.mouth.takes_s = 10.0
        await ask(stage)

    stage = play(several_sentences)
    assert stage.when("audio") == pytest.approx(10.0)
    assert stage.mouth.said == ["It is late. ", "Go to bed!  ", "It is 3.15 now."]
    assert stage.said() == stage.mind.words
    assert stage.chunk_sizes().count(9600) == 1


def test_an_interruption_during_the_answer() -> None:
    async def cut_in(stage: Stage) -> None:
        stage.mouth.seconds = 10.0
        await ask(stage)
        await asyncio.sleep(1.0)
        stage.engine.activity_began()

    stage = play(cut_in)
    assert stage.order[-2:] == ["interrupted", "turnComplete"]
    assert "generationComplete" not in stage.order
    assert stage.outbox.dropped_after == [len(stage.messages) - 2]
    assert stage.when("turnComplete") == 1.0
    assert sum(stage.chunk_sizes()) < 480_000
    assert stage.entries[-1].text == stage.said() != stage.mind.words
    assert stage.entries[-1].audio_tokens == pytest.approx(sum(stage.chunk_sizes()) / 48_000 * 25, abs=1)


def test_an_interruption_while_the_answer_plays_out() -> None:
    async def cut_in(stage: Stage) -> None:
        stage.mouth.seconds = 10.0
        await ask(stage)
        await asyncio.sleep(10.0 / PACE + 1)
        stage.engine.activity_began()

    stage = play(cut_in)
    assert stage.order[-3:] == ["generationComplete", "interrupted", "turnComplete"]
    assert [entry.role for entry in stage.entries] == ["user", "model"]
    assert stage.entries[-1].text == stage.mind.words


def test_an_interruption_before_the_answer_and_a_second_question() -> None:
    async def cut_in(stage: Stage) -> None:
        stage.ear.takes_s = 1.0
        await ask(stage)
        await asyncio.sleep(0.5)
        stage.engine.activity_began()
        await ask(stage)

    order = [name for name in play(cut_in).order if name != "said"]
    assert without_repeats(order) == [
        "interrupted", "turnComplete", "heard", "audio", "generationComplete", "turnComplete",
    ]  # fmt: skip


def test_without_an_answer_there_is_nothing_to_interrupt() -> None:
    async def speak(stage: Stage) -> None:
        stage.engine.activity_began()

    assert play(speak).order == []


def test_no_interruption_answers_one_after_the_other() -> None:
    async def two_questions(stage: Stage) -> None:
        await ask(stage)
        await asyncio.sleep(0.1)
        stage.engine.activity_began()
        await ask(stage)

    order = play(two_questions, dataclasses.replace(RULES, interruptible=False)).order
    assert "interrupted" not in order
    assert order.count("generationComplete") == order.count("turnComplete") == 2


def test_client_content_interrupts_in_any_case_and_answers_when_complete() -> None:
    async def write(stage: Stage) -> None:
        await ask(stage)
        await ask(stage)  # waits for its turn, and loses it
        await asyncio.sleep(0.1)
        stage.engine.add_content([Entry("user", "set a"), Entry("user", "timer")])
        assert stage.order[-2:] == ["interrupted", "turnComplete"]
        stage.engine.answer_content()

    stage = play(write, dataclasses.replace(RULES, interruptible=False))
    assert stage.mind.asked == [stage.ear.words, "set a timer"]


def test_only_what_was_written_since_the_model_spoke_is_answered() -> None:
    async def write(stage: Stage) -> None:
        stage.engine.add_content([Entry("user", "old"), Entry("model", "answered"), Entry("user", "new")])
        stage.engine.answer_content()

    assert play(write).mind.asked == ["new"]


def test_what_was_written_before_a_spoken_turn_was_answered_with_it() -> None:
    async def write_speak_write(stage: Stage) -> None:
        stage.engine.add_content([Entry("user", "we are in the kitchen")])
        await ask(stage)
        await asyncio.sleep(60)
        stage.engine.add_content([Entry("user", "what time is it")])
        stage.engine.answer_content()

    assert play(write_speak_write).mind.asked[-1] == "what time is it"


def test_transcripts_are_sent_only_if_asked_for() -> None:
    order = play(ask, dataclasses.replace(RULES, transcribe_input=False, transcribe_output=False)).order
    assert without_repeats(order) == ["audio", "generationComplete", "turnComplete"]


def test_text_replies_come_as_text() -> None:
    stage = play(ask, dataclasses.replace(RULES, audio_reply=False))
    assert without_repeats(stage.order) == ["heard", "text", "generationComplete", "turnComplete"]
    assert stage.mouth.said == []


def test_nothing_to_say_makes_a_turn_without_content() -> None:
    async def silence(stage: Stage) -> None:
        stage.mind.words = ""
        await ask(stage)

    stage = play(silence)
    assert without_repeats(stage.order) == ["heard", "generationComplete", "turnComplete"]
    assert stage.mouth.said == []


def test_usage_counts_the_context_and_the_reply() -> None:
    async def two_questions(stage: Stage) -> None:
        await ask(stage)
        await asyncio.sleep(10)
        await ask(stage)

    stage = play(two_questions, dataclasses.replace(RULES, system_instruction="x" * 40))
    first, second = [m.usage_metadata for m in stage.messages if m.usage_metadata]
    assert (first.prompt_token_count, first.response_token_count, first.total_token_count) == (10 + 25, 25, 60)
    assert second.prompt_token_count == 10 + 25 + 25 + 25
    assert [(d.modality, d.token_count) for d in first.prompt_tokens_details] == [("TEXT", 10), ("AUDIO", 25)]
    assert [(d.modality, d.token_count) for d in first.response_tokens_details] == [("AUDIO", 25)]
    usage_messages = [m for m in stage.messages if m.usage_metadata]
    assert all(m.server_content and m.server_content.turn_complete for m in usage_messages)


def test_resumption_updates_frame_the_turn() -> None:
    stage = play(ask, dataclasses.replace(RULES, resumable=True))
    assert stage.order[0] == "not resumable"
    assert stage.order[-2:] == ["turnComplete", "resumable"]
    update = stage.messages[-1].session_resumption_update
    assert update is not None

    async def resume() -> tuple[Entry, ...]:
        return stage.histories.resume(RULES.model, update.new_handle)

    assert simulate(resume()) == tuple(stage.entries)


def calling(answer: Callable[[Stage, str], None]) -> Stage:
    """A turn that calls a function; `answer` is run 1 s after the call with its id."""

    async def script(stage: Stage) -> None:
        stage.mind.calls = ("set_timer", {"duration_s": 600})
        await ask(stage)
        await asyncio.sleep(1.0)
        call = next(m.tool_call for m in stage.messages if m.tool_call)
        assert (call.function_calls[0].name, call.function_calls[0].args) == ("set_timer", {"duration_s": 600})
        assert "audio" not in stage.order
        answer(stage, call.function_calls[0].id)

    return play(script, dataclasses.replace(RULES, functions={"set_timer": "blocking"}))


def test_a_tool_call_waits_for_its_answer() -> None:
    def respond(stage: Stage, call_id: str) -> None:
        stage.engine.take_tool_response([FunctionResponse(id="function-call-0", response={"output": "wrong"})])
        stage.engine.take_tool_response([FunctionResponse(id=call_id, response={"output": "ok"})])

    stage = calling(respond)
    order = [name for name in stage.order if name != "said"]
    assert without_repeats(order) == ["heard", "toolCall", "audio", "generationComplete", "turnComplete"]
    assert stage.mind.results == [{"output": "ok"}]


def test_an_answered_call_is_not_cancelled_by_a_later_interruption() -> None:
    def respond_and_cut_in(stage: Stage, call_id: str) -> None:
        stage.engine.take_tool_response([FunctionResponse(id=call_id)])
        asyncio.get_running_loop().call_later(0.5, stage.engine.activity_began)

    order = calling(respond_and_cut_in).order
    assert order[-2:] == ["interrupted", "turnComplete"]
    assert "toolCallCancellation" not in order


def test_an_interrupted_tool_call_is_cancelled_and_its_late_answer_ignored() -> None:
    def cut_in(stage: Stage, call_id: str) -> None:
        stage.engine.activity_began()
        cancelled = next(m.tool_call_cancellation for m in stage.messages if m.tool_call_cancellation)
        assert cancelled.ids == [call_id]
        stage.engine.take_tool_response([FunctionResponse(id=call_id, response={"output": "late"})])

    stage = calling(cut_in)
    assert stage.order[-4:] == ["toolCall", "toolCallCancellation", "interrupted", "turnComplete"]
    assert stage.mind.results == []


def test_a_tool_call_nobody_answers_does_not_last_for_ever() -> None:
    stage = calling(lambda stage, call_id: None)
    assert stage.when("toolCallCancellation") == pytest.approx(TOOL_ANSWER_S)
    assert stage.order[-1] == "turnComplete"
    assert "error" in stage.mind.results[0]


def test_a_broken_recogniser_ends_the_connection() -> None:
    async def fail(stage: Stage) -> None:
        stage.ear.broken = True
        await ask(stage)

    with pytest.raises(ExceptionGroup) as failed:
        play(fail)
    (refusal,) = failed.value.exceptions
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.reason) == (1011, INTERNAL)


def test_fault_close_after_chunks() -> None:
    faults = Faults(close_after_chunks=(2, Closing(1011, "Internal error encountered.")))
    stages: list[Stage] = []

    async def script(stage: Stage) -> None:
        stages.append(stage)
        await ask(stage)

    with pytest.raises(ExceptionGroup):
        play(script, faults=faults)
    assert len(stages[0].chunk_sizes()) == 2
    assert play(ask, faults=faults).order[-1] == "turnComplete"


def test_fault_interrupted_with_audio() -> None:
    async def cut_in(stage: Stage) -> None:
        stage.mouth.seconds = 10.0
        await ask(stage)
        await asyncio.sleep(1.0)
        stage.engine.activity_began()

    stage = play(cut_in, faults=Faults(interrupted_with_audio=True))
    assert [names(m) for m in stage.messages[-2:]] == [["audio", "interrupted"], ["turnComplete"]]


def test_fault_turn_complete_twice_and_early() -> None:
    stage = play(ask, faults=Faults(turn_complete_twice=True, turn_complete_early=True))
    assert stage.order[-3:] == ["generationComplete", "turnComplete", "turnComplete"]
    assert stage.when("turnComplete") == stage.when("generationComplete")


@pytest.mark.parametrize(
    ("faults", "chunks"), [(Faults(never_reply=True), 0), (Faults(stall_after_chunks=2), 2)], ids=["silent", "stalled"]
)
def test_faults_that_leave_a_turn_open(faults: Faults, chunks: int) -> None:
    async def wait(stage: Stage) -> None:
        await ask(stage)
        await asyncio.sleep(3600)
        assert "generationComplete" not in stage.order
        stage.engine.close()

    assert len(play(wait, faults=faults).chunk_sizes()) == chunks


def test_fault_reply_delay() -> None:
    assert play(ask, faults=Faults(reply_delay_s=3.0)).when("audio") == 3.0
