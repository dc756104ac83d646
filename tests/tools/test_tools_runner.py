"""The runner: every call ends with one result unless it is cancelled, whatever the tool and the server do."""

import asyncio
import json
import logging
from collections.abc import Coroutine
from typing import Any

import pytest

from satellite.app.clock import SimulatedTimeLoop
from satellite.core.events import ToolFinished
from satellite.tools.builtin import NoArguments
from satellite.tools.registry import TIMEOUT_S, FixedTools, Result, Scheduling, Tool, ToolRegistry
from satellite.tools.runner import MOST_AT_ONCE, ToolRunner
from satellite.tools.schema import JsonSchema

ANYTHING = JsonSchema({"type": "object"})


def run(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        return runner.run(main)


class Bench:
    """A runner with tools of every temper, and what it posted."""

    def __init__(self) -> None:
        self.finished: list[ToolFinished] = []
        self.begun: list[Any] = []
        self.undone: list[Any] = []
        self.gate = asyncio.Event()
        self.runner = ToolRunner(ToolRegistry(FixedTools("here", self._tools())), self.finished.append)

    def _tools(self) -> list[Tool]:
        return [
            Tool("quick", "", ANYTHING, self._quick),
            Tool("gated", "", ANYTHING, self._gated),
            Tool("never", "", NoArguments, self._never),
            Tool("patient", "", NoArguments, self._never, timeout_s=60),
            Tool("stubborn", "", NoArguments, self._stubborn),
            Tool("broken", "", NoArguments, self._broken),
            Tool("times_out_itself", "", NoArguments, self._times_out_itself),
            Tool("wordless", "", NoArguments, self._wordless),
            Tool("silent", "", NoArguments, self._quick, non_blocking=True, scheduling=Scheduling.SILENT),
            Tool("loud", "", NoArguments, self._broken, non_blocking=True, scheduling=Scheduling.INTERRUPT),
        ]

    async def settle(self) -> None:
        """Until nothing moves any more: a day goes by."""
        await asyncio.sleep(86_400)

    def answers(self) -> list[tuple[str, Any]]:
        return [(done.call_id, json.loads(done.response)) for done in self.finished]

    async def _quick(self, arguments: Any) -> Result:
        self.begun.append(arguments)
        return {"output": "quick"}

    async def _gated(self, arguments: Any) -> Result:
        self.begun.append(arguments)
        await self.gate.wait()
        return {"output": arguments}

    async def _never(self, arguments: Any) -> Result:
        try:
            await asyncio.Event().wait()
        finally:
            self.undone.append(arguments)
        return {}

    async def _stubborn(self, _: Any) -> Result:
        """Takes being cancelled for no reason not to answer."""
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.undone.append("stubborn")
        return {"output": "late"}

    async def _broken(self, _: Any) -> Result:
        raise RuntimeError("inside")

    async def _times_out_itself(self, _: Any) -> Result:
        raise TimeoutError("of its own")

    async def _wordless(self, _: Any) -> Result:
        return {"output": object()}


def test_a_tool_that_hangs_ends_with_an_honest_error_at_its_own_deadline() -> None:
    async def main() -> None:
        bench = Bench()
        bench.runner.run(1, "a", "never", "{}")
        bench.runner.run(1, "b", "patient", "{}")
        await asyncio.sleep(TIMEOUT_S + 1)
        ((call_id, result),) = bench.answers()
        assert call_id == "a"
        assert result == {"error": "never took longer than 10 s and was stopped; whether it did its work is not known"}
        assert len(bench.undone) == 1
        await asyncio.sleep(60)
        assert "longer than 60 s" in bench.answers()[1][1]["error"]

    run(main())


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("broken", "broken failed: RuntimeError"),
        ("times_out_itself", "times_out_itself failed: TimeoutError"),
        ("wordless", "wordless failed: TypeError"),
        ("open_door", "there is no tool open_door"),
    ],
)
def test_what_breaks_ends_with_an_error_and_no_details(name: str, error: str) -> None:
    async def main() -> None:
        bench = Bench()
        bench.runner.run(1, "a", name, "{}")
        await bench.settle()
        assert bench.finished == [ToolFinished(1, "a", name, json.dumps({"error": error}), "")]

    run(main())


def test_a_cancelled_call_has_no_result() -> None:
    async def main() -> None:
        bench = Bench()
        bench.runner.run(1, "a", "never", "{}")
        bench.runner.run(1, "b", "never", "{}")
        await asyncio.sleep(0)
        bench.runner.cancel("a")
        bench.runner.cancel("unknown")
        await bench.settle()
        assert [done.call_id for done in bench.finished] == ["b"]
        assert len(bench.undone) == 2

    run(main())


def test_a_tool_that_answers_all_the_same_is_not_heard_once_cancelled() -> None:
    async def main() -> None:
        bench = Bench()
        bench.runner.run(1, "a", "stubborn", "{}")
        await asyncio.sleep(0)
        bench.runner.cancel("a")
        await bench.settle()
        assert bench.undone == ["stubborn"]
        assert bench.finished == []

    run(main())


def test_a_call_that_is_cancelled_before_it_began_is_never_run() -> None:
    async def main() -> None:
        bench = Bench()
        bench.runner.run(1, "a", "quick", "{}")
        bench.runner.cancel("a")
        await bench.settle()
        assert bench.begun == []
        assert bench.finished == []

    run(main())


def test_nothing_is_posted_from_within_run() -> None:
    async def main() -> None:
        bench = Bench()
        bench.runner.run(1, "a", "open_door", "{}")
        assert bench.finished == []
        await bench.settle()
        assert len(bench.finished) == 1

    run(main())


def test_several_calls_run_at_once_and_each_is_answered() -> None:
    async def main() -> None:
        bench = Bench()
        for call_id in ("a", "b", "c"):
            bench.runner.run(7, call_id, "gated", json.dumps({"id": call_id}))
        await asyncio.sleep(0)
        assert len(bench.begun) == 3
        bench.gate.set()
        await bench.settle()
        assert bench.answers() == [(call_id, {"output": {"id": call_id}}) for call_id in ("a", "b", "c")]
        assert {done.session for done in bench.finished} == {7}

    run(main())


def test_calls_without_ids_are_all_answered() -> None:
    async def main() -> None:
        bench = Bench()
        bench.runner.run(1, "", "quick", "{}")
        bench.runner.run(1, "", "quick", "{}")
        await bench.settle()
        assert bench.answers() == [("", {"output": "quick"})] * 2

    run(main())


def test_a_call_that_is_delivered_twice_is_run_once(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        bench = Bench()
        bench.runner.run(1, "a", "gated", '{"door": 1}')
        bench.runner.run(1, "a", "gated", '{"door": 1}')
        bench.gate.set()
        await bench.settle()
        assert bench.begun == [{"door": 1}]
        assert len(bench.finished) == 1

    with caplog.at_level(logging.WARNING):
        run(main())
    assert "came twice" in caplog.text


def test_two_different_calls_of_one_id_are_both_run_and_neither_is_lost() -> None:
    async def main() -> None:
        bench = Bench()
        bench.runner.run(1, "a", "gated", '{"door": 1}')
        bench.runner.run(1, "a", "gated", '{"door": 2}')
        bench.runner.run(2, "a", "gated", '{"door": 1}')
        bench.gate.set()
        await bench.settle()
        assert len(bench.finished) == 3
        bench.gate.clear()
        bench.runner.run(1, "a", "gated", '{"door": 1}')
        bench.runner.run(1, "a", "gated", '{"door": 2}')
        await asyncio.sleep(0)
        bench.runner.cancel("a")
        await bench.settle()
        assert len(bench.finished) == 3

    run(main())


def test_a_call_may_come_again_once_it_was_cancelled() -> None:
    async def main() -> None:
        bench = Bench()
        bench.runner.run(1, "a", "gated", "{}")
        await asyncio.sleep(0)
        bench.runner.cancel("a")
        bench.runner.run(1, "a", "gated", "{}")
        bench.gate.set()
        await bench.settle()
        assert len(bench.finished) == 1

    run(main())


def test_more_calls_than_can_run_are_refused_honestly_and_later_ones_are_not() -> None:
    async def main() -> None:
        bench = Bench()
        for number in range(MOST_AT_ONCE + 1):
            bench.runner.run(1, str(number), "gated", "{}")
        await asyncio.sleep(0.1)
        assert len(bench.begun) == MOST_AT_ONCE
        assert bench.answers() == [(str(MOST_AT_ONCE), {"error": "gated was not run: too many calls at once"})]
        bench.gate.set()
        await asyncio.sleep(0.1)
        bench.runner.run(1, "later", "gated", "{}")
        await asyncio.sleep(0.1)
        assert bench.answers()[-1] == ("later", {"output": {}})
        assert len(bench.finished) == MOST_AT_ONCE + 2

    run(main())


@pytest.mark.parametrize(("name", "scheduling"), [("quick", ""), ("silent", "SILENT"), ("loud", "INTERRUPT")])
def test_the_scheduling_is_that_of_the_tool_for_errors_too(name: str, scheduling: str) -> None:
    async def main() -> None:
        bench = Bench()
        bench.runner.run(1, "a", name, "{}")
        await bench.settle()
        assert [done.scheduling for done in bench.finished] == [scheduling]

    run(main())


def test_closing_ends_all_and_answers_none() -> None:
    async def main() -> None:
        bench = Bench()
        for name in ("never", "patient", "stubborn", "gated"):
            bench.runner.run(1, name, name, "{}")
        await asyncio.sleep(0)
        await bench.runner.close()
        assert len(bench.undone) == 3
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await bench.settle()
        assert bench.finished == []

    run(main())
