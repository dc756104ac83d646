"""The tables are the machines: complete, and joined to their rules one to one."""

import inspect
from collections.abc import Iterable
from enum import Enum
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from satellite.core import commands as do
from satellite.core import dialogue, events, link, mute, reply, uplink, voice
from satellite.core.answering import AnsweringRules
from satellite.core.connecting import ConnectingRules
from satellite.core.conversation import Conversation
from satellite.core.dialogue import Dialogue, Rule
from satellite.core.hearing import HearingRules
from satellite.core.household import HouseholdRules
from satellite.core.mending import MendingRules
from satellite.core.policy import Policy
from satellite.core.scene import Scene
from satellite.core.showing import ShowingRules

RULE_BOOKS = (HearingRules, AnsweringRules, MendingRules, ConnectingRules, ShowingRules, HouseholdRules)


EVENTS = [
    event
    for event in vars(events).values()
    if isinstance(event, type)
    and issubclass(event, events.Event)
    and event not in (events.Event, events.LinkEvent)  # bases, never posted
]

TABLES: list[tuple[str, dict[Any, Any], Iterable[Any], Iterable[Any], type | None]] = [
    ("dialogue", dialogue.RULES, Dialogue, EVENTS, Rule),
    ("link", link.RULES, link.LinkState, link.LinkInput, link.LinkState),
    ("reply", reply.RULES, reply.ReplyState, reply.ReplyInput, reply.ReplyState),
    ("uplink", uplink.RULES, uplink.UplinkState, uplink.UplinkInput, uplink.UplinkState),
    ("voice", voice.RULES, voice.VoiceState, {event for _, event in voice.RULES}, voice.VoiceState),
    ("mute", mute.RULES, mute.MuteState, (False, True), mute.MuteState),
]


@pytest.mark.parametrize(("name", "rules", "states", "inputs", "values"), TABLES, ids=[row[0] for row in TABLES])
def test_table_lists_every_pair(
    name: str, rules: dict[Any, Any], states: Iterable[Any], inputs: Iterable[Any], values: type | None
) -> None:
    assert set(rules) == set(product(states, inputs))
    assert all(values is not None and isinstance(value, values) for value in rules.values())


def test_voice_follows_every_event_of_the_gate() -> None:
    assert {event for _, event in voice.RULES} == {
        events.WakeWordHeard,
        events.SpeechSuspected,
        events.SpeechStarted,
        events.SuspicionDropped,
        events.SpeechEnded,
    }


def test_every_table_of_the_core_is_checked_here() -> None:
    defining = {
        path.stem
        for path in Path(dialogue.__file__).parent.glob("*.py")
        if any(line.startswith("RULES") for line in path.read_text().splitlines())
    }
    assert defining == {name for name, *_ in TABLES}


def test_every_rule_is_used() -> None:
    assert set(dialogue.RULES.values()) == set(Rule)


def test_every_rule_has_a_method() -> None:
    for rule in Rule:
        assert callable(getattr(Conversation, f"_{rule}", None)), rule


def test_every_method_is_a_rule_or_is_called() -> None:
    """A rule that lost its place in the table would be dead."""
    names = {f"_{rule}" for rule in Rule}
    sources = "".join(inspect.getsource(inspect.getmodule(book) or book) for book in (*RULE_BOOKS, Scene, Conversation))
    for book in (*RULE_BOOKS, Scene):
        for name, thing in vars(book).items():
            if inspect.isfunction(thing) and not name.startswith("__"):
                assert name in names or f"self.{name}(" in sources, f"{book.__name__}.{name}"


def test_no_rule_is_written_twice() -> None:
    for rule in Rule:
        owners = [book for book in RULE_BOOKS if f"_{rule}" in vars(book)]
        assert len(owners) == (0 if rule is Rule.IGNORE else 1), rule


def test_states_are_told_apart_by_name() -> None:
    for states in (Dialogue, link.LinkState, reply.ReplyState, uplink.UplinkState, mute.MuteState, voice.VoiceState):
        assert issubclass(states, Enum)
        assert len({state.value for state in states}) == len(states)


def test_every_dialogue_state_can_be_shown() -> None:
    assert {state.value for state in Dialogue} <= {state.value for state in do.ShownState}


def test_a_fresh_conversation_waits_for_nothing() -> None:
    conversation = Conversation(Policy())
    assert conversation.deadline_ms is None
    assert conversation.dialogue is Dialogue.IDLE
