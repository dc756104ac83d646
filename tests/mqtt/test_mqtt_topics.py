"""The table of topics, and the page that shows it."""

import json
from pathlib import Path

from satellite.core.commands import (
    PublishProblem,
    PublishState,
    PublishTranscript,
    PublishUsage,
    PublishWake,
    ShownState,
    Speaker,
)
from satellite.core.events import Event
from satellite.mqtt.payloads import decode, publications
from satellite.mqtt.topics import COMMANDS, TABLE, Direction, TopicNames, markdown_table

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
        *publications(NAMES, PublishUsage(1, 2, 3, 4, 7)),
    )
    by_topic = {item.topic: item for item in published}
    fields = {"speaker": "input", "part": "link"}
    checked = 0
    for topic in TABLE:
        if topic.direction is Direction.OUT and topic.example.startswith("{"):
            item = by_topic[NAMES.full(topic, **fields)]
            assert list(json.loads(item.payload)) == list(json.loads(topic.example))
            checked += 1
    assert checked == 5
