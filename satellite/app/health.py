"""What systemd is told: READY, what is the matter, and a sign of life as long as there is life.

Life is: microphone frames flow, or the microphone is known to be lost and each attempt to open it comes
back. When the loop or an audio call hangs for 20 s, the watchdog starves and systemd starts us again.
"""

import asyncio
from collections.abc import Sequence

from satellite.app.notify import Notifier
from satellite.core.commands import Command, PublishProblem, PublishState
from satellite.core.events import Event, FramesCaptured, MicrophoneLost

HANG_S = 20.0
"""Without a sign from the audio path for this long, something hangs."""


class Health:
    """An observer of the dispatch loop; `watch` runs as a task."""

    def __init__(self, notifier: Notifier, loop: asyncio.AbstractEventLoop) -> None:
        self._notifier = notifier
        self._loop = loop
        self._sign_at = loop.time()
        self._ready = False
        self._state = "starting"
        self._problems: dict[str, str] = {}

    def __call__(self, event: Event, commands: Sequence[Command], now_ms: int) -> None:
        """Take note of what shows life, and of what is to be shown."""
        for command in commands:
            if isinstance(command, PublishState):
                self._state = command.state.value
                self._show()
            elif isinstance(command, PublishProblem):
                self._problems[command.part] = command.text
                self._show()
        if isinstance(event, (FramesCaptured, MicrophoneLost)):
            self.sign_of_life()
            if not self._ready:
                self._ready = True
                self._notifier.send(READY="1", STATUS=self.status)

    def sign_of_life(self) -> None:
        """Frames came, or an attempt to open a lost device returned."""
        self._sign_at = self._loop.time()

    @property
    def status(self) -> str:
        """One line for `systemctl status`."""
        troubles = (f"{part}: {text}" for part, text in sorted(self._problems.items()) if text)
        return "; ".join((self._state, *troubles))

    async def watch(self) -> None:
        """Feed the watchdog while there is life."""
        if not self._notifier.watchdog_s:
            return
        while True:
            if self._loop.time() - self._sign_at < HANG_S:
                self._notifier.send(WATCHDOG="1")
            await asyncio.sleep(self._notifier.watchdog_s / 4)

    def _show(self) -> None:
        self._notifier.send(STATUS=self.status)
