"""The registry: names, declarations, and sources whose tools come and go."""

import json
import logging
from collections.abc import Sequence

import pytest

from satellite.core.declarations import ToolDeclaration
from satellite.core.errors import ConfigError
from satellite.tools.builtin import NoArguments
from satellite.tools.registry import FixedTools, Result, Scheduling, Tool, ToolRegistry
from satellite.tools.schema import JsonSchema


async def nothing(_: object) -> Result:
    return {"output": "done"}


def tool(name: str, description: str = "") -> Tool:
    return Tool(name, description, NoArguments, nothing)


class Automations:
    """A source that others change."""

    where = "automations"

    def __init__(self) -> None:
        self.tools: Sequence[Tool] = ()


@pytest.mark.parametrize("name", ["a", "_", "set.lamp", "set-lamp", "ns:set_lamp", "A" * 64])
def test_names_that_the_live_api_takes(name: str) -> None:
    assert tool(name).name == name


@pytest.mark.parametrize("name", ["", "1st", "-a", ".a", "set lamp", "lämpchen", "a/b", "a\n", "A" * 65])
def test_names_that_it_does_not_take_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a name begins with a letter or _"):
        tool(name)


def test_a_declaration_says_all_that_the_model_and_the_core_must_know() -> None:
    schema = {"type": "object", "properties": {"room": {"type": "string"}}}
    lamp = Tool("lamp", "Switch it.", JsonSchema(schema), nothing, non_blocking=True, idempotent=True)
    (declared,) = ToolRegistry(FixedTools("here", (lamp,))).declarations
    assert declared == ToolDeclaration("lamp", "Switch it.", json.dumps(schema), non_blocking=True, idempotent=True)


@pytest.mark.parametrize("scheduling", list(Scheduling))
def test_only_the_answer_of_a_non_blocking_tool_has_a_scheduling(scheduling: Scheduling) -> None:
    blocking = Tool("a", "", NoArguments, nothing, scheduling=scheduling)
    non_blocking = Tool("a", "", NoArguments, nothing, scheduling=scheduling, non_blocking=True)
    assert blocking.answer_scheduling == ""
    assert non_blocking.answer_scheduling in ("INTERRUPT", "WHEN_IDLE", "SILENT")
    assert non_blocking.answer_scheduling == scheduling.name


def test_two_tools_of_one_name_are_refused_at_the_start() -> None:
    ours, theirs = FixedTools("tools.builtin", (tool("get_time"),)), FixedTools("tools.functions", (tool("get_time"),))
    with pytest.raises(ConfigError) as refused:
        ToolRegistry(ours, theirs)
    assert str(refused.value) == "tools.functions.get_time: tools.builtin has a function of that name"


def test_tools_of_a_source_come_and_go() -> None:
    automations = Automations()
    registry = ToolRegistry(FixedTools("tools.builtin", (tool("get_time"),)), automations)
    at_the_opening = registry.declarations
    automations.tools = (tool("open_blinds"),)
    assert [declared.name for declared in at_the_opening] == ["get_time"]
    assert [declared.name for declared in registry.declarations] == ["get_time", "open_blinds"]
    assert registry.find("open_blinds") is automations.tools[0]
    automations.tools = ()
    assert registry.find("open_blinds") is None


def test_a_name_that_comes_up_twice_later_is_hidden_by_the_earlier_source_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    automations = Automations()
    registry = ToolRegistry(FixedTools("tools.builtin", (tool("get_time", "ours"),)), automations)
    automations.tools = (tool("get_time", "theirs"),)
    with caplog.at_level(logging.WARNING):
        assert [declared.description for declared in registry.declarations] == ["ours"]
        found = registry.find("get_time")
    assert found is not None
    assert found.description == "ours"
    assert [record.getMessage() for record in caplog.records] == [
        "automations.get_time is not used: there is another function of that name"
    ]
