"""The table of topics, and the page that shows it."""

import json
from pathlib import Path

from satellite.core.commands import (
    PublishDay,
    PublishProblem,
    PublishSources,
    PublishStall,
    PublishState,
    PublishThought,
    PublishTranscript,
    PublishUsage,
    PublishVoiceActivity,
    PublishWake,
    ShownState,
    Speaker,
    StallCause,
)
from satellite.core.events import Event, Source
from satellite.core.usage import DayUsage, TokenCounts
from satellite.mqtt.payloads import PARTS, decode, publications
from satellite.mqtt.topics import (
    COMMANDS,
    PROBLEM,
    STALL,
    TABLE,
    USAGE,
    USAGE_DAY,
    VOICE_ACTIVITY,
    Direction,
    TopicNames,
    markdown_table,
)

NAMES = TopicNames("satellite", "kitchen")
PAGE = Path(__file__).parents[2] / "docs" / "mqtt.md"


def test_the_page_holds_the_table_as_it_is() -> None:
    assert markdown_table() in PAGE.read_text(encoding="utf-8")


def test_each_suffix_stands_once() -> None:
    assert len({topic.suffix for topic in TABLE}) == len(TABLE)


def test_commands_and_events_are_never_retained() -> None:
    for topic in TABLE:
        if topic.direction is Direction.IN or topic.suffix.startswith("event/"):
            assert not topic.retained


def test_every_command_topic_is_found_by_its_full_name_and_no_other() -> None:
    for topic in COMMANDS:
        assert NAMES.command(f"satellite/kitchen/{topic.suffix}") is topic
        assert NAMES.command(f"satellite/cellar/{topic.suffix}") is None
    assert NAMES.command("satellite/kitchen/state") is None


def test_the_example_of_each_command_is_understood() -> None:
    for topic in COMMANDS:
        assert isinstance(decode(NAMES, NAMES.full(topic), topic.example.encode()), Event)


def test_the_examples_of_json_topics_have_the_keys_that_are_published() -> None:
    published = (
        *publications(NAMES, PublishState(ShownState.IDLE, 1, 2)),
        *publications(NAMES, PublishTranscript(Speaker.USER, 1, 2, "x", True)),
        *publications(NAMES, PublishWake("hey_jarvis", 0.9, 1)),
        *publications(NAMES, PublishProblem("link", "x")),
        *publications(NAMES, PublishUsage(1, 2, TokenCounts(), 0.0, TokenCounts(), 0.0, DayUsage("2026-10-05"))),
        *publications(NAMES, PublishDay(DayUsage("2026-10-05"))),
        *publications(NAMES, PublishStall(1, 2, StallCause.CLOSED, retried=False, count=1)),
        *publications(NAMES, PublishSources(1, 2, (Source("x", "y"),), ("z",))),
        *publications(NAMES, PublishThought(1, 2, "x")),
        *publications(NAMES, PublishVoiceActivity(1, True, 2)),
    )
    by_topic = {item.topic: item for item in published}
    fields = {"speaker": "input", "part": "link"}
    checked = 0
    for topic in TABLE:
        if topic.direction is Direction.OUT and topic.example.startswith("{"):
            item = by_topic[NAMES.full(topic, **fields)]
            assert keys(json.loads(item.payload)) == keys(json.loads(topic.example))
            checked += 1
    assert checked == 10


def keys(value: object) -> object:
    """An object's keys in their order and those of the objects in it; of a list, those of its first element."""
    if isinstance(value, dict):
        return [(key, keys(inner)) for key, inner in value.items()]
    return keys(value[0]) if isinstance(value, list) else None


def test_the_example_of_a_turn_adds_up() -> None:
    turn, day = json.loads(USAGE.example), json.loads(USAGE_DAY.example)
    parts = turn["thoughts_tokens"] + turn["tool_use_tokens"]
    for side in ("prompt", "response"):
        assert turn[f"{side}_tokens"] == sum(turn[f"{side}_by_modality"].values())
        parts += turn[f"{side}_tokens"]
    assert turn["total_tokens"] == parts <= turn["session_tokens"] <= turn["day_tokens"] == day["tokens"]
    assert turn["cost"] <= turn["session_cost"] <= turn["day_cost"] == day["cost"]


def test_the_parts_that_are_cleared_at_the_start_are_those_that_the_page_names() -> None:
    named = PROBLEM.when.partition("(")[2].partition(")")[0]
    assert tuple(named.split(", ")) == PARTS
    assert PublishProblem.__doc__ is not None
    assert all(part in PublishProblem.__doc__ for part in PARTS)


def test_the_causes_of_a_stall_and_the_kinds_of_a_voice_are_those_that_the_page_names() -> None:
    assert all(cause.value in STALL.when for cause in StallCause)
    for active in (True, False):
        (item,) = publications(NAMES, PublishVoiceActivity(1, active, 2))
        assert json.loads(item.payload)["event_type"] in VOICE_ACTIVITY.when
