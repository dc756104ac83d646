"""Runs tools as tasks: each has a deadline, can be cancelled, and always ends with one result unless cancelled."""

import asyncio
import json
import logging
from collections.abc import Callable

from satellite.core.events import ToolFinished
from satellite.tools.registry import ToolRegistry

log = logging.getLogger(__name__)

TOOL_DEADLINE_S = 10.0
"""Then the model is told honestly that it took too long."""


class ToolRunner:
    """Driven by the dispatch loop (RunTool, CancelTool); posts ToolFinished. Loop only."""

    def __init__(self, registry: ToolRegistry, post: Callable[[ToolFinished], None]) -> None:
        self._registry = registry
        self._post = post
        self._running: dict[str, asyncio.Task[None]] = {}

    def run(self, session: int, call_id: str, name: str, arguments: str) -> None:
        """Start a call."""
        task = asyncio.get_running_loop().create_task(self._call(session, call_id, name, arguments))
        self._running[call_id] = task
        task.add_done_callback(lambda _: self._running.pop(call_id, None))

    def cancel(self, call_id: str) -> None:
        """Its result is no longer wanted."""
        task = self._running.pop(call_id, None)
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """Cancel everything and wait until it is gone."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _call(self, session: int, call_id: str, name: str, arguments: str) -> None:
        try:
            async with asyncio.timeout(TOOL_DEADLINE_S):
                result = await self._registry.call(name, arguments)
        except TimeoutError:
            result = {"error": f"{name} took longer than {TOOL_DEADLINE_S:.0f} s"}
        except Exception as error:  # the outermost frame of a tool's task: the model must get an answer
            log.exception("tool %s failed", name)
            result = {"error": f"{name} failed: {type(error).__name__}"}
        self._post(ToolFinished(session, call_id, name, json.dumps(result)))
