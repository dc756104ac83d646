"""Running the daemon on real hardware, until SIGTERM or SIGINT. Imports nothing embedded: a Pi has no memory for it."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from satellite.app.daemon import Daemon, DeviceFactory
from satellite.app.goodbye import on_goodbye
from satellite.app.trace import Trace
from satellite.audio.sound_card import SoundCard
from satellite.core.errors import ConfigError
from satellite.live.credentials import NO_CREDENTIALS, has_credentials
from satellite.settings import Settings

log = logging.getLogger(__name__)


def until_goodbye(main: Coroutine[Any, Any, int]) -> int:
    """Run `main` until it ends or SIGTERM or SIGINT cancels it; returns the exit status."""

    async def watched() -> int:
        task = asyncio.ensure_future(main)
        loop = asyncio.get_running_loop()
        with on_goodbye(lambda: loop.call_soon_threadsafe(task.cancel)):
            await asyncio.wait([task])
        return 0 if task.cancelled() else task.result()

    return asyncio.run(watched())


async def run(settings: Settings) -> int:
    """The real thing, until cancelled. Raises ConfigError where the Live API could only refuse us."""
    if not settings.live.base_url and not has_credentials(settings.live):
        raise ConfigError(f"{NO_CREDENTIALS} (without any, `satellite run --substitute` uses the embedded server)")
    daemon = Daemon(settings, sound_card(settings))
    daemon.observe(Trace())
    log.info(
        "satellite %s: wake word %s, model %s", settings.satellite.id, settings.gate.wake_word, settings.live.model
    )
    await until_cancelled(daemon)
    return 0


async def until_cancelled(daemon: Daemon) -> None:
    """SIGTERM cancels: then the daemon says goodbye."""
    stop = asyncio.Event()
    running = asyncio.create_task(daemon.run(stop))
    try:
        await asyncio.shield(running)
    finally:
        stop.set()
        await running


def sound_card(settings: Settings) -> DeviceFactory:
    return lambda capture, playback, reports: SoundCard(settings.audio, capture, playback, reports)
