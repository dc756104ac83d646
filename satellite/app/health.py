"""What systemd is told: READY, what is the matter, and a sign of life as long as there is life.

Life is: blocks of the microphone flow, or the microphone is known to be lost and each attempt to open it
comes back. When the loop or an audio call hangs for 20 s, the watchdog starves and systemd starts us again.
"""

import asyncio
from collections.abc import Callable, Sequence

from satellite.app.notify import Notifier
from satellite.core.commands import Command, PublishProblem, PublishState
from satellite.core.events import Event, FramesCaptured, MicrophoneLost

HANG_S = 20.0
"""Without a sign from the audio path for this long, something hangs."""


class Health:
    """An observer of the dispatch loop; `watch` runs as a task."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._ready = False
        self._state = "starting"
        self._problems: dict[str, str] = {}

    def __call__(self, event: Event, commands: Sequence[Command], now_ms: int) -> None:
        """Show what has changed; READY with the first frames, or once it is known that there is no microphone."""
        for command in commands:
            if isinstance(command, PublishState):
                self._state = command.state.value
            elif isinstance(command, PublishProblem):
                self._problems[command.part] = command.text
            else:
                continue
            self._notifier.send(STATUS=self.status)
        if not self._ready and isinstance(event, (FramesCaptured, MicrophoneLost)):
            self._ready = True
            self._notifier.send(READY="1", STATUS=self.status)

    @property
    def status(self) -> str:
        """One line for `systemctl status`."""
        troubles = (f"{part}: {text}" for part, text in sorted(self._problems.items()) if text)
        return "; ".join((self._state, *troubles))

    async def watch(self, is_alive: Callable[[float], bool]) -> None:
        """Feed the watchdog while `is_alive(HANG_S)`; ends at once when systemd does not ask for it."""
        while self._notifier.watchdog_s:
            if is_alive(HANG_S):
                self._notifier.send(WATCHDOG="1")
            await asyncio.sleep(self._notifier.watchdog_s / 4)
