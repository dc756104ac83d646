"""satellite.live, as the daemon drives it: commands in, events out.

It never offers compression. For a comparison where all do, the one option is turned round; nothing else is touched.
"""

import asyncio
from typing import Any

import satellite.live.session
from bench.live_clients import MODEL, Collector, Link
from satellite.core.events import Event, ReplyChunkReceived, SessionOpened, TurnCompleted, UsageReported
from satellite.live.link import LiveLink
from satellite.settings import LiveSettings

SESSION = 1


def compress() -> None:
    """Let the session offer what websockets offers when nobody asks."""
    plain: Any = satellite.live.session._Connect

    class Compressing(plain):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{**options, "compression": "deflate"})

    satellite.live.session._Connect = Compressing  # type: ignore[misc]


class Ours(Collector):
    """See the module."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self.opened = asyncio.Event()
        self._counts = (0, 0)
        settings = LiveSettings.model_validate({"base_url": link.url, "api_key": "not-a-real-key", "model": MODEL})
        self._link = LiveLink(settings, activity_manual=True, post=self._post, jitter=lambda: 0.0)
        self._link.open(SESSION, None)

    def _post(self, event: Event) -> None:
        if isinstance(event, ReplyChunkReceived):
            self.heard(len(event.pcm))
        elif isinstance(event, UsageReported):
            self._counts = sum(event.tokens.prompt.values()), sum(event.tokens.response.values())
        elif isinstance(event, TurnCompleted):
            # The counts stand in the same message; whatever their order, they are here in the next round of the loop.
            asyncio.get_running_loop().call_soon(self._complete_turn)
        elif isinstance(event, SessionOpened):
            self.opened.set()

    def _complete_turn(self) -> None:
        self.completed(*self._counts)

    async def begin(self) -> None:
        self._link.send_activity_start(SESSION)

    async def send(self, chunk: bytes) -> None:
        self._link.send_frames(SESSION, chunk)

    async def end(self) -> None:
        self._link.send_activity_end(SESSION)

    async def close(self) -> None:
        await self._link.shutdown()


async def connect(link: Link) -> Ours:
    """Open a session."""
    if link.deflate:
        compress()
    ours = Ours(link)
    await ours.opened.wait()
    return ours
