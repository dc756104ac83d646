"""The satellite's own tools: what they ask of the core, and which of them there are."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from satellite.core.errors import ConfigError
from satellite.core.events import EndRequested, Event, TimerChange, TimerRequested, VolumeRequested
from satellite.settings import ToolSettings
from satellite.tools.builtin import builtin_tools
from satellite.tools.registry import ToolRegistry

NOW = datetime(2026, 11, 22, 15, 45, tzinfo=UTC)


def registry(posted: list[Event], settings: ToolSettings = ToolSettings()) -> ToolRegistry:  # noqa: B008
    return ToolRegistry(builtin_tools(posted.append, volume_percent=lambda: 50, now=lambda: NOW, settings=settings))


def call(name: str, arguments: str) -> tuple[dict[str, Any], list[Event]]:
    posted: list[Event] = []
    tool = registry(posted).find(name)
    assert tool is not None

    async def main() -> dict[str, Any]:
        return dict(await tool.call(arguments))

    return asyncio.run(main()), posted


def test_a_timer_is_set_and_cancelled() -> None:
    assert call("set_timer", '{"duration_s": 600, "name": "tea"}')[1] == [
        TimerRequested(TimerChange.SET, "tea", 600_000)
    ]
    assert call("cancel_timer", '{"name": "tea"}')[1] == [TimerRequested(TimerChange.CANCELLED, "tea")]


@pytest.mark.parametrize(
    ("arguments", "percent"), [('{"percent": 30}', 30), ('{"change": 15}', 65), ('{"change": -80}', 0)]
)
def test_the_volume_is_set_or_changed_within_its_range(arguments: str, percent: int) -> None:
    result, posted = call("set_volume", arguments)
    assert posted == [VolumeRequested(percent)]
    assert result["percent"] == percent


def test_the_time_is_the_rooms() -> None:
    assert call("get_time", "{}")[0] == {"output": "Sunday 2026-11-22 15:45:00 UTC"}


def test_the_conversation_is_ended_after_a_goodbye() -> None:
    result, posted = call("end_conversation", "{}")
    assert posted == [EndRequested()]
    assert "goodbye" in result["output"]


@pytest.mark.parametrize(
    ("name", "arguments", "named"),
    [
        ("set_timer", "{}", "duration_s"),
        ("set_timer", '{"duration_s": 0}', "duration_s"),
        ("set_timer", '{"duration_s": 5, "color": "red"}', "color"),
        ("set_volume", "{}", "percent or change"),
        ("set_volume", '{"percent": 1, "change": 1}', "percent or change"),
        ("set_volume", "[]", "arguments"),
        ("set_volume", "{", "arguments"),
        ("end_conversation", '{"when": "now"}', "when"),
    ],
)
def test_what_does_not_fit_is_told_to_the_model_and_nothing_happens(name: str, arguments: str, named: str) -> None:
    result, posted = call(name, arguments)
    assert named in result["error"]
    assert posted == []


def test_declarations_are_json_schemas() -> None:
    for declaration in registry([]).declarations:
        schema = json.loads(declaration.parameters)
        assert schema["type"] == "object"
        assert isinstance(schema["properties"], dict)
        assert declaration.description


def test_a_turn_may_be_tried_again_only_after_what_does_no_harm_twice() -> None:
    harmless = {declared.name for declared in registry([]).declarations if declared.idempotent}
    assert harmless == {"get_time", "cancel_timer", "end_conversation"}


def test_those_there_are_come_from_the_settings_with_their_time_out() -> None:
    few = registry([], ToolSettings(builtin=("set_volume", "get_time"), timeout_s=3))
    assert [declared.name for declared in few.declarations] == ["set_volume", "get_time"]
    found = few.find("get_time")
    assert found is not None
    assert found.timeout_s == 3
    assert registry([], ToolSettings(builtin=())).declarations == ()
    assert {declared.name for declared in registry([]).declarations} == set(ToolSettings().builtin)


@pytest.mark.parametrize(
    ("builtin", "said"),
    [
        (("get_tim",), "tools.builtin: there is no 'get_tim': did you mean get_time?"),
        (("unlock",), "tools.builtin: there is no 'unlock': there are get_time, set_timer"),
        (("get_time", "get_time"), "tools.builtin: get_time is named twice"),
    ],
)
def test_a_wrong_list_is_refused(builtin: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        registry([], ToolSettings(builtin=builtin))
    assert said in str(refused.value)
