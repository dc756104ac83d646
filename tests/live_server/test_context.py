"""The ledger of the context: tokens by modality, compression that cuts where the user begins, a full window."""

import asyncio
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live_server.engine import RULES, SECOND_OF_SPEECH, Stage, ask, play
from satellite.live_server.context import Context, Tokens, tokens_of
from satellite.live_server.history import Entry
from satellite.live_server.ongoing import Input
from satellite.live_server.refusals import INVALID_ARGUMENT, Refusal
from satellite.live_server.session_rules import CompressionRules

TOKENS = st.integers(0, 400)
USER = st.builds(
    lambda t, a, i, v: Entry("user", "", t, a, image_tokens=i, video_tokens=v), TOKENS, TOKENS, TOKENS, TOKENS
)
TOOL = st.builds(lambda t: Entry("user", "", t, from_tool=True), TOKENS)
MODEL = st.builds(lambda t, a: Entry("model", "", t, a), TOKENS, TOKENS)
ENTRIES = st.lists(st.one_of(USER, TOOL, MODEL), max_size=25)
INSTRUCTION = st.integers(0, 800).map(lambda size: "x" * size)
COMPRESSION = st.tuples(st.integers(1, 4000), st.integers(1, 4000)).map(
    lambda limits: CompressionRules(trigger_tokens=max(limits), target_tokens=min(limits))
)
ENDLESS = 10**9


def ledger(entries: list[Entry], instruction: str = "", compression: CompressionRules | None = None) -> Context:
    return Context(entries, instruction=instruction, window_tokens=ENDLESS, compression=compression)


def turn_starts(entries: list[Entry]) -> list[int]:
    """Where a user's turn begins, said another way than the ledger says it."""
    starts, open_turn = [], False
    for index, entry in enumerate(entries):
        if entry.role == "model" or entry.from_tool:
            open_turn = False
        elif not open_turn:
            starts.append(index)
            open_turn = True
    return starts


@given(ENTRIES, INSTRUCTION, COMPRESSION)
def test_what_is_kept_is_the_longest_rest_that_begins_with_the_user_and_fits(
    entries: list[Entry], instruction: str, compression: CompressionRules
) -> None:
    before = list(entries)
    context = ledger(entries, instruction, compression)
    whole = context.tokens.total
    forgotten = context.make_room()
    assert entries == before[forgotten:]
    assert context.instruction == instruction
    if whole <= compression.trigger_tokens:
        assert forgotten == 0
        return
    starts = turn_starts(before)
    if not starts:
        assert forgotten == 0
        return
    assert forgotten in starts
    fits = context.tokens.total <= compression.target_tokens
    assert fits or forgotten == starts[-1]
    longer = [start for start in starts if start < forgotten]
    if longer:
        rest = tokens_of(before[longer[-1] :]) + Tokens(text=-(-len(instruction) // 4))
        assert rest.total > compression.target_tokens


@given(ENTRIES, INSTRUCTION, COMPRESSION)
def test_making_room_twice_forgets_nothing_more(
    entries: list[Entry], instruction: str, compression: CompressionRules
) -> None:
    context = ledger(entries, instruction, compression)
    context.make_room()
    assert context.make_room() == 0


@given(ENTRIES, INSTRUCTION, st.integers(0, 5), st.booleans(), st.integers(0, 500))
def test_usage_adds_up_and_counts_everything_once(
    entries: list[Entry], instruction: str, tools: int, has_reply: bool, thoughts: int
) -> None:
    context = ledger(entries, instruction)
    reply = Entry("model", "said", 0, 77) if has_reply else None
    tool_entries = [Entry("user", "found", 10, from_tool=True) for _ in range(tools)]
    for entry in [*tool_entries, *([reply] if reply else [])]:
        context.add(entry)
    usage = context.usage(reply=reply, tool_entries=tool_entries, thoughts_tokens=thoughts)
    assert usage.total_token_count == context.tokens.total + thoughts
    assert usage.response_token_count == (77 if reply else 0)
    assert usage.tool_use_prompt_token_count == 10 * tools
    assert usage.prompt_token_count == sum(detail.token_count for detail in usage.prompt_tokens_details)
    by_modality = {detail.modality: detail.token_count for detail in usage.prompt_tokens_details}
    assert by_modality.get("VIDEO", 0) == sum(entry.video_tokens for entry in entries)
    assert by_modality.get("IMAGE", 0) == sum(entry.image_tokens for entry in entries)


def test_equal_contributions_are_not_taken_for_each_other() -> None:
    """The user may say the same twice: only this turn's reply and tools are counted apart, by identity."""
    reply = Entry("model", "yes", 5)
    context = ledger([Entry("user", "yes?", 1), dataclasses.replace(reply), Entry("user", "yes?", 1)])
    context.add(reply)
    assert context.usage(reply=reply, tool_entries=[], thoughts_tokens=0).prompt_token_count == 7


def test_the_instruction_takes_its_room_in_the_target() -> None:
    entries = [Entry("user", "", 30), Entry("model", "", 10), Entry("user", "", 25), Entry("user", "last", 10)]
    entries.insert(3, Entry("model", "", 0))
    context = ledger(entries, "x" * 160, CompressionRules(trigger_tokens=100, target_tokens=60))
    context.make_room()
    assert [entry.text for entry in entries] == ["last"]  # with the turn before it: 75


def test_without_compression_a_full_window_ends_the_session() -> None:
    entries = [Entry("user", "", 60)]
    context = Context(entries, instruction="x" * 160, window_tokens=100, compression=None)
    assert context.make_room() == 0
    context.add(Entry("user", "", 1))
    with pytest.raises(Refusal) as refused:
        context.make_room()
    assert (refused.value.code, refused.value.reason) == (1007, INVALID_ARGUMENT)


def test_a_turn_larger_than_the_window_ends_the_session_even_with_compression() -> None:
    compression = CompressionRules(trigger_tokens=80, target_tokens=40)
    context = Context([Entry("user", "", 101)], instruction="", window_tokens=100, compression=compression)
    with pytest.raises(Refusal):
        context.make_room()


def questions(number: int) -> Stage:
    """A conversation: each question is 25 tokens of audio, and so is each answer."""

    async def script(stage: Stage) -> None:
        for _ in range(number):
            await ask(stage)
            await asyncio.sleep(10)

    compression = CompressionRules(trigger_tokens=200, target_tokens=100)
    return play(script, dataclasses.replace(RULES, compression=compression, system_instruction="x" * 40))


def test_a_long_conversation_is_compressed_before_it_is_answered() -> None:
    stage = questions(12)
    prompts = [usage.prompt_token_count for usage in stage.usages]
    assert max(prompts) <= 200
    assert prompts[:5] == [35, 85, 135, 185, 85]  # 235 would be too much: the target leaves room for one turn before
    assert stage.entries[0].role == "user"


def test_a_conversation_without_compression_ends_when_the_window_is_full() -> None:
    stages: list[Stage] = []

    async def script(stage: Stage) -> None:
        stages.append(stage)
        for _ in range(5):
            await ask(stage)
            await asyncio.sleep(10)

    with pytest.raises(ExceptionGroup) as failed:
        play(script, dataclasses.replace(RULES, context_window_tokens=130))
    (refusal,) = failed.value.exceptions
    assert isinstance(refusal, Refusal)
    assert refusal.reason == INVALID_ARGUMENT
    assert stages[0].order.count("turnComplete") == 3


def test_what_the_client_writes_is_compressed_too() -> None:
    async def script(stage: Stage) -> None:
        stage.engine.add_content([Entry("user", "old", 150), Entry("model", "", 30), Entry("user", "new", 50)])
        assert [entry.text for entry in stage.entries] == ["new"]

    play(script, dataclasses.replace(RULES, compression=CompressionRules(200, 100)))


def test_all_input_is_counted_where_it_belongs_to_the_turn() -> None:
    async def script(stage: Stage) -> None:
        stage.engine.begin(Input(SECOND_OF_SPEECH, audio_bytes=5 * len(SECOND_OF_SPEECH)))

    assert play(script).usages[0].prompt_token_count == 125


def test_another_instruction_counts_from_then_on() -> None:
    async def script(stage: Stage) -> None:
        await ask(stage)
        await asyncio.sleep(10)
        stage.engine.update_context(instruction="x" * 80, rules=stage.engine.rules)
        await ask(stage)

    first, second = play(script, dataclasses.replace(RULES, system_instruction="x" * 40)).usages
    assert (first.prompt_token_count, second.prompt_token_count) == (10 + 25, 20 + 25 + 25 + 25)
