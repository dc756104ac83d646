"""What needs more than any machine has: a sound card, a key. Off unless asked for with -m hardware or -m online."""

import asyncio
import os
import random

import pytest

from satellite.app.configuration import load
from satellite.audio.devices import probe
from satellite.core import events as ev
from satellite.live.link import LiveLink


@pytest.mark.hardware
def test_the_configured_devices_open() -> None:
    found = probe(load(None, (), os.environ).audio)
    assert (found.input_problem, found.output_problem) == ("", "")


@pytest.mark.online
def test_the_live_api_speaks() -> None:
    async def main() -> list[ev.Event]:
        seen: list[ev.Event] = []
        changed = asyncio.Event()

        def post(event: ev.Event) -> None:
            seen.append(event)
            changed.set()

        settings = load(None, (), os.environ).live
        link = LiveLink(settings, activity_manual=True, post=post, jitter=random.random)
        link.open(1, None)
        asked = False
        async with asyncio.timeout(60):
            while not isinstance(seen[-1] if seen else None, (ev.TurnCompleted, ev.SessionRefused, ev.SessionLost)):
                await changed.wait()
                changed.clear()
                if not asked and any(isinstance(event, ev.SessionOpened) for event in seen):
                    asked = True
                    link.send_text(1, "Say hello.")
        await link.shutdown()
        return seen

    seen = asyncio.run(main())
    assert any(isinstance(event, ev.ReplyChunkReceived) for event in seen), seen[-1]
