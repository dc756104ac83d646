"""The satellite's own tools: time, timers, volume, the end. They act by posting events; the core decides.

Which of them there are is `tools.builtin`. Add one by a model of its arguments, a function and a line in the table;
say honestly whether it is idempotent: a turn that stalls is tried again only if all it called was.
"""

import difflib
from collections.abc import Callable
from datetime import datetime

from pydantic import Field

from satellite.core.errors import ConfigError
from satellite.core.events import EndRequested, Event, TimerChange, TimerRequested, VolumeRequested
from satellite.settings import ToolSettings
from satellite.tools.registry import Arguments, FixedTools, Result, Tool


class NoArguments(Arguments):
    """Takes nothing."""


class SetTimer(Arguments):
    """Arguments of set_timer."""

    duration_s: int = Field(ge=1, le=86_400, description="Seconds from now")
    name: str = Field("", max_length=60, description="What the timer is for, if the user said so")


class CancelTimer(Arguments):
    """Arguments of cancel_timer."""

    name: str = Field("", max_length=60, description="Which timer; empty: all")


class SetVolume(Arguments):
    """Arguments of set_volume: one of the two."""

    percent: int | None = Field(None, ge=0, le=100, description="New volume")
    change: int | None = Field(None, ge=-100, le=100, description="Louder (positive) or quieter (negative), in points")


def builtin_tools(
    post: Callable[[Event], None],
    *,
    volume_percent: Callable[[], int],
    now: Callable[[], datetime],
    settings: ToolSettings,
) -> FixedTools:
    """Those that `settings.builtin` names; `post` hands events to the dispatch loop. ConfigError: there is no such."""

    async def get_time(_: NoArguments) -> Result:
        return {"output": now().strftime("%A %Y-%m-%d %H:%M:%S %Z").strip()}

    async def set_timer(arguments: SetTimer) -> Result:
        post(TimerRequested(TimerChange.SET, arguments.name, arguments.duration_s * 1000))
        return {"output": f"timer set for {arguments.duration_s} seconds"}

    async def cancel_timer(arguments: CancelTimer) -> Result:
        post(TimerRequested(TimerChange.CANCELLED, arguments.name))
        return {"output": "cancelled"}

    async def set_volume(arguments: SetVolume) -> Result:
        if (arguments.percent is None) == (arguments.change is None):
            return {"error": "give either percent or change"}
        wanted = arguments.percent if arguments.percent is not None else volume_percent() + (arguments.change or 0)
        percent = min(100, max(0, wanted))
        post(VolumeRequested(percent))
        return {"output": f"volume is {percent} per cent", "percent": percent}

    async def end_conversation(_: NoArguments) -> Result:
        post(EndRequested())
        return {"output": "the conversation ends after your next words: say a short goodbye"}

    timeout_s = settings.timeout_s
    there_are = (
        Tool("get_time", "The date and time in this room.", NoArguments, get_time, timeout_s, idempotent=True),
        # asked a second time the model may call the timer something else, and then two ring
        Tool("set_timer", "Ring in this room after a while.", SetTimer, set_timer, timeout_s),
        Tool("cancel_timer", "Forget a timer, or all of them.", CancelTimer, cancel_timer, timeout_s, idempotent=True),
        # `percent` would be, but `change` moves further each time
        Tool("set_volume", "Set how loud this satellite speaks.", SetVolume, set_volume, timeout_s),
        Tool(
            "end_conversation",
            "End the conversation: the user has said goodbye or wants nothing more. Call it before your own goodbye.",
            NoArguments,
            end_conversation,
            timeout_s,
            idempotent=True,
        ),
    )
    by_name = {tool.name: tool for tool in there_are}
    for name in settings.builtin:
        if name not in by_name:
            near = difflib.get_close_matches(name, by_name, n=1)
            advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(by_name)}"
            raise ConfigError(f"tools.builtin: there is no {name!r}: {advice}")
    twice = next((name for name in settings.builtin if settings.builtin.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"tools.builtin: {twice} is named twice")
    return FixedTools("tools.builtin", tuple(by_name[name] for name in settings.builtin))
