"""`run --substitute`: a conversation with embedded parts for what is missing.

In the simulated room its people hold one conversation, which is recorded; with a sound card you do.
"""

import asyncio
from contextlib import ExitStack
from pathlib import Path

from satellite.app.daemon import Daemon
from satellite.app.running import sound_card, until_cancelled
from satellite.app.show import Show, summary
from satellite.app.substitute import Substitutes, plan
from satellite.audio.capture import CaptureBuffer
from satellite.audio.device import DeviceReports
from satellite.audio.devices import probe
from satellite.audio.playback import PlaybackBuffer
from satellite.settings import Settings
from satellite.simroom.recording import Recorder
from satellite.simroom.room import Room
from satellite.simroom.script import CONVERSATION, perform

ROOM_SER_DB = 9.0
"""How much louder people are at the simulated microphone than the reply's echo: a speaker an arm's length away."""


async def run_substituted(settings: Settings, *, paid: bool, stay: bool, recording: Path) -> int:
    """With embedded parts for what is missing; in the simulated room, one conversation."""
    chosen = await plan(settings, await asyncio.to_thread(probe, settings.audio), paid=paid)
    substitutes = Substitutes(chosen)
    print("\n".join(chosen.lines), flush=True)
    show = Show(lambda line: print(line, flush=True))
    with ExitStack() as opened:
        # before anything is started: a folder that cannot be written to is told at once
        recorder = opened.enter_context(Recorder(recording)) if chosen.room else None
        try:
            settings = await substitutes.start(settings)
            print("\n".join([*substitutes.notes, ""]), flush=True)
            if recorder is not None:
                return await _converse(settings, show, recorder, stay=stay, recording=recording)
            daemon = Daemon(settings, sound_card(settings))
            daemon.observe(show)
            print(f"Say “{settings.gate.wake_word.replace('_', ' ')}”, then speak. Ctrl-C ends it.\n", flush=True)
            await until_cancelled(daemon)
            return 0
        finally:
            await asyncio.shield(substitutes.stop())


async def _converse(settings: Settings, show: Show, recorder: Recorder, *, stay: bool, recording: Path) -> int:
    """The simulated room holds its conversation; 1 when it did not go as written. Raises what the daemon died of."""
    rooms: list[Room] = []

    def make_room(capture: CaptureBuffer, playback: PlaybackBuffer, reports: DeviceReports) -> Room:
        rooms.append(Room(capture, playback, reports, ser_db=ROOM_SER_DB, recorder=recorder))
        return rooms[0]

    daemon = Daemon(settings, make_room)
    daemon.observe(show)
    stop = asyncio.Event()
    running = asyncio.create_task(daemon.run(stop))
    performing = asyncio.create_task(perform(CONVERSATION, rooms[0], show.shown_states(), on_said=show.person))
    try:
        await asyncio.wait({performing, running}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        trouble = (await performing).missed
        print("\n".join(summary(show.tally, recording)), flush=True)
        if trouble:
            print(f"The conversation did not go as written: {trouble}", flush=True)
        if stay:
            print("Staying (--stay): Ctrl-C ends it.", flush=True)
            await running
        return 1 if trouble else 0
    finally:
        performing.cancel()
        stop.set()
        await asyncio.wait([performing, running])
        running.result()
