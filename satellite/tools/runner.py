"""Runs tools as tasks: each has a deadline, can be cancelled, and ends with one result unless cancelled.

Ids are the server's. A call without one ("", some Vertex models) is a call of its own each time; whoever needs to
tell two of them apart has to give them ids before they come here.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass

from satellite.core.events import ToolFinished
from satellite.tools.registry import Result, Tool, ToolRegistry

log = logging.getLogger(__name__)

MOST_AT_ONCE = 16
"""Calls beyond are refused: no conversation needs them, and each may be a process."""


@dataclass(slots=True, eq=False)
class _Call:
    """One call; `is_wanted` until it is cancelled."""

    session: int
    call_id: str
    name: str
    arguments: str
    is_wanted: bool = True

    def repeats(self, other: "_Call") -> bool:
        """Whether it is the same call delivered twice."""
        return bool(self.call_id) and (self.session, self.call_id, self.name, self.arguments) == (
            other.session,
            other.call_id,
            other.name,
            other.arguments,
        )


class ToolRunner:
    """Driven by the dispatch loop (RunTool, CancelTool); posts ToolFinished, never from within `run`. Loop only."""

    def __init__(self, registry: ToolRegistry, post: Callable[[ToolFinished], None]) -> None:
        self._registry = registry
        self._post = post
        self._calls: dict[asyncio.Task[None], _Call] = {}
        """Until the task has ended, which for a cancelled call is later than the cancelling."""

    def run(self, session: int, call_id: str, name: str, arguments: str) -> None:
        """Start a call. The same call delivered again while it runs is not run again: one answer serves both."""
        call = _Call(session, call_id, name, arguments)
        if any(call.repeats(other) and other.is_wanted for other in self._calls.values()):
            log.warning("the call %s of %s came twice: it is run once", call_id, name)
            return
        has_room = len(self._calls) < MOST_AT_ONCE
        task = asyncio.get_running_loop().create_task(self._call(call, has_room=has_room), name=f"tool {name}")
        self._calls[task] = call
        task.add_done_callback(self._calls.pop)

    def cancel(self, call_id: str) -> None:
        """The results of calls of this id are no longer wanted; they are ended. An unknown id changes nothing."""
        for task, call in self._calls.items():
            if call.call_id == call_id:
                call.is_wanted = False
                task.cancel()

    async def close(self) -> None:
        """Cancel everything and wait until it is gone."""
        tasks = list(self._calls)
        for task in tasks:
            self._calls[task].is_wanted = False
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _call(self, call: _Call, *, has_room: bool) -> None:
        tool = self._registry.find(call.name)
        if tool is None:
            response = json.dumps({"error": f"there is no tool {call.name}"})
        elif not has_room:
            log.warning("%s is refused: %d calls are running", call.name, MOST_AT_ONCE)
            response = json.dumps({"error": f"{call.name} was not run: too many calls at once"})
        else:
            response = await self._response(tool, call.arguments)
        if call.is_wanted:
            scheduling = tool.answer_scheduling if tool is not None else ""
            self._post(ToolFinished(call.session, call.call_id, call.name, response, scheduling))

    async def _response(self, tool: Tool, arguments: str) -> str:
        """The result as JSON, within the tool's time."""
        try:
            return json.dumps(await self._result(tool, arguments), allow_nan=False)
        except Exception as error:  # the outermost frame of a tool's task: the model must get an answer
            log.exception("tool %s failed", tool.name)
            return json.dumps({"error": f"{tool.name} failed: {type(error).__name__}"})

    async def _result(self, tool: Tool, arguments: str) -> Result:
        try:
            async with asyncio.timeout(tool.timeout_s) as limit:
                return await tool.call(arguments)
        except TimeoutError:
            if not limit.expired():
                raise
            log.warning("tool %s took longer than %g s", tool.name, tool.timeout_s)
            return {
                "error": f"{tool.name} took longer than {tool.timeout_s:g} s and was stopped;"
                " whether it did its work is not known"
            }
