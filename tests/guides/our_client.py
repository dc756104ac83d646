"""Our own client, the one of the satellite, on a server: its events, one after the other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from live_server.peer import KEY
from pydantic import SecretStr

from satellite.core import events as ev
from satellite.live.link import LiveLink
from satellite.settings import LiveSettings

Wanted = TypeVar("Wanted", bound=ev.Event)
Events = asyncio.Queue[ev.Event]


@asynccontextmanager
async def linked(
    port: int, *, manual: bool = True, api_key: str = KEY, **settings: Any
) -> AsyncIterator[tuple[LiveLink, Events]]:
    """A link to the server at `port`, and what it posts."""
    events: Events = asyncio.Queue()
    live = {"base_url": f"http://127.0.0.1:{port}", "api_key": SecretStr(api_key), **settings}
    link = LiveLink(
        LiveSettings.model_validate(live), activity_manual=manual, post=events.put_nowait, jitter=lambda: 0.0
    )
    try:
        yield link, events
    finally:
        await link.shutdown()


async def until_turn_completed(events: Events) -> list[ev.Event]:
    """All events up to the end of the turn, that included."""
    seen: list[ev.Event] = []
    async with asyncio.timeout(7200):
        while not (seen and isinstance(seen[-1], ev.TurnCompleted)):
            seen.append(await events.get())
    return seen


def of(kind: type[Wanted], seen: list[ev.Event]) -> list[Wanted]:
    """Those of a kind."""
    return [event for event in seen if isinstance(event, kind)]


async def until(events: Events, kind: type[Wanted]) -> list[Wanted]:
    """The events of a kind up to the end of the turn."""
    return of(kind, await until_turn_completed(events))
