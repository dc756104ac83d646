"""What stands in a turn beside its sound: text, thoughts, drafts; and turns in which nothing is said (LIVE_API 3.1)."""

import asyncio
import dataclasses
from datetime import datetime
from typing import Any

import pytest

from live_server.engine import RULES, SECOND_OF_SPEECH, Stage, ask, play
from live_server.stage import without_repeats
from satellite.live.models import HALF_CASCADE, LIVE_3_8, NATIVE_2_5, ModelFamily
from satellite.live_server.assistant import Assistant
from satellite.live_server.faults import Fault, Faults
from satellite.live_server.ongoing import Input
from satellite.live_server.replies import within_tokens
from satellite.live_server.session_rules import SessionRules


def rules(**changes: Any) -> SessionRules:
    return dataclasses.replace(RULES, **changes)


def heard(words: str, session: SessionRules, *, written: bool = False) -> Stage:
    """Something said (or written) to the real assistant."""

    async def script(stage: Stage) -> None:
        stage.ear.words = words
        stage.engine.begin(Input(text=words) if written else Input(SECOND_OF_SPEECH))

    return play(script, session, mind=Assistant(lambda: datetime(2026, 11, 22, 15, 45)))


def test_a_text_reply_comes_in_messages_of_one_and_of_two_parts() -> None:
    stage = play(ask, rules(audio_reply=False, family=HALF_CASCADE))
    sizes = [len(content.model_turn.parts) for content in stage.contents if content.model_turn]
    assert set(sizes) == {1, 2}
    assert "".join(part.text or "" for part in stage.parts) == stage.mind.words
    assert stage.usages[0].response_tokens_details[0].modality == "TEXT"


def test_a_reply_has_at_most_so_many_tokens() -> None:
    assert play(ask, rules(max_output_tokens=3)).said() == "It is twenty"
    assert within_tokens("all of it", None) == "all of it"


@pytest.mark.parametrize("audio", [True, False])
def test_thoughts_come_before_the_words_if_they_were_asked_for(audio: bool) -> None:
    stage = heard("what time is it", rules(family=NATIVE_2_5, include_thoughts=True, audio_reply=audio))
    thoughts = [part for part in stage.parts if part.thought]
    assert [part.text for part in thoughts] == ["This is about time: 100 percent like a phrase I know."]
    assert stage.parts[0].thought
    words = "".join(part.text or "" for part in stage.parts if not part.thought)
    assert (words or stage.said()) == "It is three forty five, in the afternoon."
    assert stage.usages[0].thoughts_token_count == -(-len(thoughts[0].text or "") // 4)


@pytest.mark.parametrize(
    ("family", "budget", "counted"), [(NATIVE_2_5, None, True), (NATIVE_2_5, 0, False), (LIVE_3_8, None, False)]
)
def test_thoughts_are_counted_where_the_model_thinks(family: ModelFamily, budget: int | None, counted: bool) -> None:
    stage = heard("what time is it", rules(family=family, thinking_budget=budget))
    assert (stage.usages[0].thoughts_token_count > 0) is counted
    assert stage.parts == []


def test_two_questions_in_one_sentence_are_both_answered() -> None:
    said = heard("What time is it and what day is it?", RULES).said()
    assert said == "It is three forty five, in the afternoon. Today is Sunday, November the twenty second, 2026."


def test_what_was_not_meant_for_it_gets_a_turn_without_sound() -> None:
    silent = heard("The garden gate is green.", rules(proactive=True))
    assert without_repeats(silent.order) == ["heard", "generationComplete", "turnComplete"]
    assert [entry.role for entry in silent.entries] == ["user"]


@pytest.mark.parametrize(
    ("words", "session", "written"),
    [
        ("The garden gate is green.", rules(proactive=False), False),
        ("The garden gate is green.", rules(proactive=True), True),
        ("What is the capital of France?", rules(proactive=True), False),
        ("Jarvis the garden gate is green.", rules(proactive=True), False),
        ("I wonder if you know the garden gate", rules(proactive=True), False),
    ],
)
def test_what_may_have_been_meant_for_it_is_answered(words: str, session: SessionRules, written: bool) -> None:
    assert heard(words, session, written=written).said().startswith("I did not understand.")


def test_a_bare_trigger_begins_the_conversation() -> None:
    async def script(stage: Stage) -> None:
        stage.engine.add_content([])
        stage.engine.answer_content()

    stage = play(script, mind=Assistant(lambda: datetime(2026, 11, 22, 15, 45)))
    assert stage.said() == "Good afternoon. What can I do for you?"


def test_drafts_come_while_the_user_speaks_and_not_after() -> None:
    async def script(stage: Stage) -> None:
        drafts = stage.engine.drafts
        stage.ear.takes_s = 0.5
        drafts.follow(bytearray(SECOND_OF_SPEECH[:-2]), 1600)
        assert stage.ear.heard == []  # not a second yet
        drafts.follow(bytearray(SECOND_OF_SPEECH), 1600)
        await asyncio.sleep(0)
        drafts.follow(bytearray(3 * SECOND_OF_SPEECH), 1600)  # one at a time
        await asyncio.sleep(1)
        assert stage.ear.heard == [SECOND_OF_SPEECH]
        drafts.follow(bytearray(3 * SECOND_OF_SPEECH), 1600)
        await asyncio.sleep(0.1)
        drafts.stop()

    (content,) = play(script).contents
    draft = content.interim_input_transcription
    assert draft is not None
    assert (draft.text, draft.start_offset, draft.end_offset) == ("what time is it", "0.100s", "1.100s")


def test_a_draft_that_fails_is_none() -> None:
    async def script(stage: Stage) -> None:
        stage.ear.broken = True
        stage.engine.drafts.follow(bytearray(SECOND_OF_SPEECH), 0)

    assert play(script).messages == []


@pytest.mark.parametrize("what", ["empty_turn", "rejected_turn"])
def test_fault_a_turn_without_words(what: Any) -> None:
    stage = play(ask, faults=Faults(script=[Fault(what)]))
    assert without_repeats(stage.order) == ["heard", "generationComplete", "turnComplete"]
    assert stage.mind.asked == []
    assert stage.mouth.said == []


def test_fault_no_answer() -> None:
    async def script(stage: Stage) -> None:
        await ask(stage)
        await asyncio.sleep(3600)
        assert without_repeats(stage.order) == ["heard"]
        stage.engine.interrupt()
        await ask(stage)  # the fault strikes once

    assert without_repeats(play(script, faults=Faults(script=[Fault("no_answer")])).order)[-1] == "turnComplete"


def test_fault_early_turn_complete() -> None:
    stage = play(ask, faults=Faults(script=[Fault("early_turn_complete")]))
    assert stage.when("turnComplete") == stage.when("generationComplete") < 1.0
    assert play(ask).when("turnComplete") == pytest.approx(1.0)
