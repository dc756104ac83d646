"""The satellite's own tools: time, timers, volume. They act by posting events; the core decides."""

from collections.abc import Callable
from datetime import datetime

from pydantic import Field

from satellite.core.events import Event, TimerChange, TimerRequested, VolumeRequested
from satellite.tools.registry import Arguments, Result, Tool


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
    post: Callable[[Event], None], *, volume_percent: Callable[[], int], now: Callable[[], datetime]
) -> tuple[Tool, ...]:
    """The tools of every satellite; `post` hands events to the dispatch loop."""

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

    return (
        Tool("get_time", "The date and time in this room.", NoArguments, get_time),
        Tool("set_timer", "Ring in this room after a while.", SetTimer, set_timer),
        Tool("cancel_timer", "Forget a timer, or all of them.", CancelTimer, cancel_timer),
        Tool("set_volume", "Set how loud this satellite speaks.", SetVolume, set_volume),
    )
