"""The server's own tools: code that works out a sum, and a search over real documents with its sources."""

import dataclasses
from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live_server.engine import RULES, SECOND_OF_SPEECH, Stage, play
from satellite.live.messages import ExecutableCode
from satellite.live.models import HALF_CASCADE
from satellite.live_server import code_runner
from satellite.live_server.assistant import Assistant
from satellite.live_server.ongoing import Input
from satellite.live_server.search import Document, Library, own_library
from satellite.live_server.sums import Sum

ROOT = Path(__file__).parents[2]

GARDEN = Document(
    "Garden",
    "file:///garden.md",
    """# The garden

The apple tree by the wall was planted in 1931. It bears *red* apples.

- Roses need pruning in [March](march.md) every year.
- Nothing else.

```
apple tree roses pruning code that is not prose
```

| apple | tree |
""",
)
KITCHEN = Document("Kitchen", "file:///kitchen.md", "The kettle boils water within three minutes or so.")


def answered(question: str, tools: Iterable[str], *, spoken: bool = False) -> Stage:
    """One question to the real assistant, in a session with these tools."""

    async def script(stage: Stage) -> None:
        stage.ear.words = question
        stage.engine.begin(Input(SECOND_OF_SPEECH) if spoken else Input(text=question))

    rules = dataclasses.replace(RULES, family=HALF_CASCADE, server_tools=frozenset(tools), proactive=True)
    return play(script, rules, mind=Assistant(lambda: datetime(2026, 11, 22, 15, 45)))


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("When was the apple tree planted?", "The apple tree by the wall was planted in 1931."),
        ("when do roses need prunning", "Roses need pruning in March every year."),
        ("How long does the kettle take to boil water?", "The kettle boils water within three minutes or so."),
    ],
)
def test_the_sentence_that_answers_is_found(question: str, sentence: str) -> None:
    found = Library([GARDEN, KITCHEN]).find(question)
    assert found is not None
    assert found.sentence == sentence


@pytest.mark.parametrize(
    "question",
    ["What is the capital of France?", "tree", "", "prose code", "does the apple tree hide a submarine periscope"],
)
def test_what_no_document_says_is_not_found(question: str) -> None:
    assert Library([GARDEN, KITCHEN]).find(question) is None
    assert Library([]).find(question) is None


def test_where_it_was_found_is_told() -> None:
    found = Library([GARDEN, KITCHEN]).find("how long does the kettle boil water")
    assert found is not None
    grounding = found.grounding()
    assert grounding["webSearchQueries"] == ["kettle boil water"]
    assert grounding["groundingChunks"] == [{"web": {"uri": "file:///kitchen.md", "title": "Kitchen"}}]
    assert grounding["groundingSupports"][0]["segment"]["text"] == KITCHEN.text


def test_the_projects_own_documents_are_searched_with_their_sources() -> None:
    stage = answered("Which topics does the satellite subscribe to?", ["google_search"])
    (grounding,) = [c.grounding_metadata for c in stage.contents if c.grounding_metadata]
    (chunk,) = grounding.grounding_chunks
    assert chunk.web is not None
    assert chunk.web.uri == (ROOT / "docs" / "mqtt.md").as_uri()
    assert chunk.web.title == "MQTT"
    text = " ".join((ROOT / "docs" / "mqtt.md").read_text(encoding="utf-8").replace("`", "").split())
    assert stage.said() in text
    names = [name for name in stage.order if name not in ("audio", "said")]
    assert names == ["generationComplete", "turnComplete"]
    assert stage.usages[0].tool_use_prompt_token_count == -(-len(stage.said()) // 4)
    assert [(entry.text, entry.from_tool) for entry in stage.entries][1:] == [
        (stage.said(), True),
        (stage.said(), False),
    ]
    assert own_library() is own_library()


def test_without_the_tool_nothing_is_searched() -> None:
    stage = answered("Which topics does the satellite subscribe to?", [])
    assert stage.said().startswith("I did not understand.")
    assert not any(content.grounding_metadata for content in stage.contents)


def test_what_the_search_does_not_find_is_not_made_up() -> None:
    stage = answered("What is the capital of France?", ["google_search"])
    assert stage.said().startswith("I did not understand.")
    assert not any(content.grounding_metadata for content in stage.contents)


def test_the_assistants_own_topics_need_no_search() -> None:
    stage = answered("What time is it?", ["google_search"])
    assert not any(content.grounding_metadata for content in stage.contents)


def test_a_sum_is_worked_out_by_code() -> None:
    stage = answered("What is 12 times 30 minus 0.5?", ["code_execution"])
    code, result = stage.parts
    assert code.executable_code is not None
    assert (code.executable_code.language, code.executable_code.code) == ("PYTHON", "print(12 * 30 - 0.5)")
    assert result.code_execution_result is not None
    assert (result.code_execution_result.outcome, result.code_execution_result.output) == ("OUTCOME_OK", "359.5\n")
    assert stage.said() == "12 times 30 minus 0.5 is 359.5."
    assert stage.order[:3] == ["text", "text", "audio"]
    assert answered("What is 12 times 30?", []).parts == []
    assert answered("What time is it?", ["code_execution"]).parts == []


def test_code_that_fails_says_so() -> None:
    stage = answered("What is 5 divided by zero?", ["code_execution"])
    result = stage.parts[1].code_execution_result
    assert result is not None
    assert (result.outcome, result.output) == ("OUTCOME_FAILED", "ZeroDivisionError: division by zero")
    assert stage.said() == "Nothing can be divided by zero."


@given(
    st.lists(st.integers(-999, 999), min_size=2, max_size=5).flatmap(
        lambda numbers: st.tuples(
            st.just(numbers),
            st.lists(
                st.sampled_from(["plus", "minus", "times", "divided by"]),
                min_size=len(numbers) - 1,
                max_size=len(numbers) - 1,
            ),
        )
    )
)
def test_the_code_prints_what_the_sum_gives(asked: tuple[list[int], list[str]]) -> None:
    numbers, operators = asked
    wanted = Sum(tuple(map(Fraction, numbers)), tuple(operators))
    result = code_runner.run(code_runner.code_of(wanted))
    try:
        value = wanted.result()
    except ZeroDivisionError:
        assert result.outcome == "OUTCOME_FAILED"
    else:
        assert float(result.output) == pytest.approx(float(value))


@pytest.mark.parametrize(
    "code", ["import os", "print(open('x'))", "print(1, 2)", "print(2**9)", "print(", "print('1')"]
)
def test_nothing_but_arithmetic_is_run(code: str) -> None:
    assert code_runner.run(ExecutableCode(language="PYTHON", code=code)).outcome == "OUTCOME_FAILED"
