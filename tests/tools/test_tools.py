"""Tools: what the model is told, what it may send, and that every call ends with one result."""

import asyncio
import json
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest

from satellite.app.clock import SimulatedTimeLoop
from satellite.core.events import Event, TimerChange, TimerRequested, ToolFinished, VolumeRequested
from satellite.tools.builtin import NoArguments, builtin_tools
from satellite.tools.registry import Result, Tool, ToolRegistry
from satellite.tools.runner import TOOL_DEADLINE_S, ToolRunner


def run(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        return runner.run(main)


def registry(posted: list[Event]) -> ToolRegistry:
    now = datetime(2026, 11, 22, 15, 45, tzinfo=UTC)
    return ToolRegistry(builtin_tools(posted.append, volume_percent=lambda: 50, now=lambda: now))


def call(name: str, arguments: str) -> tuple[dict[str, Any], list[Event]]:
    posted: list[Event] = []
    return dict(run(registry(posted).call(name, arguments))), posted


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
        ("open_door", "{}", "open_door"),
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


async def _never(_: NoArguments) -> Result:
    await asyncio.Event().wait()
    return {}


async def _broken(_: NoArguments) -> Result:
    raise RuntimeError("inside")


def test_a_tool_that_hangs_ends_with_an_honest_error() -> None:
    async def main() -> list[ToolFinished]:
        finished: list[ToolFinished] = []
        runner = ToolRunner(ToolRegistry([Tool("never", "", NoArguments, _never)]), finished.append)
        runner.run(1, "a", "never", "{}")
        await asyncio.sleep(TOOL_DEADLINE_S + 1)
        return finished

    (result,) = run(main())
    assert result.call_id == "a"
    assert "longer than 10 s" in json.loads(result.response)["error"]


def test_a_tool_that_breaks_ends_with_an_error_and_no_details() -> None:
    async def main() -> list[ToolFinished]:
        finished: list[ToolFinished] = []
        runner = ToolRunner(ToolRegistry([Tool("broken", "", NoArguments, _broken)]), finished.append)
        runner.run(1, "a", "broken", "{}")
        await asyncio.sleep(1)
        return finished

    assert json.loads(run(main())[0].response) == {"error": "broken failed: RuntimeError"}


def test_a_cancelled_call_has_no_result() -> None:
    async def main() -> list[ToolFinished]:
        finished: list[ToolFinished] = []
        runner = ToolRunner(ToolRegistry([Tool("never", "", NoArguments, _never)]), finished.append)
        runner.run(1, "a", "never", "{}")
        runner.run(1, "b", "never", "{}")
        runner.cancel("a")
        await asyncio.sleep(TOOL_DEADLINE_S + 1)
        await runner.close()
        return finished

    assert [result.call_id for result in run(main())] == ["b"]
