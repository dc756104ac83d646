"""What the satellite itself says: sentences by the local voice, earcons where there is no voice or none is wanted."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from satellite.core.commands import Announce, Notice
from satellite.core.errors import SpeechError
from satellite.core.events import LocalSpeechReady
from satellite.settings import SpeechSettings
from satellite.speech.earcons import earcon
from satellite.speech.notices import sentence

log = logging.getLogger(__name__)

VOICE_DEADLINE_S = 8.0
"""A voice that takes longer is replaced by an earcon."""


class Speaks(Protocol):
    """A local voice: text to 24 kHz s16le mono. Raises SpeechError."""

    async def speak(self, text: str) -> bytes: ...


class Announcer:
    """Driven by the dispatch loop (Announce); posts LocalSpeechReady. Loop only."""

    def __init__(self, settings: SpeechSettings, voice: Speaks, post: Callable[[LocalSpeechReady], None]) -> None:
        self._settings = settings
        self._voice = voice
        self._post = post
        self._tasks: set[asyncio.Task[None]] = set()

    def prepare(self, command: Announce) -> None:
        """Start to make the sound for a turn."""
        task = asyncio.get_running_loop().create_task(self._prepare(command))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop whatever is being prepared."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _prepare(self, command: Announce) -> None:
        self._post(LocalSpeechReady(command.turn, await self._sound(command.notice, command.text)))

    async def _sound(self, notice: Notice | None, text: str) -> bytes:
        """A notice obeys speech.notices; a timer rings, and words asked for are said, whatever it is set to."""
        wanted = self._settings.notices
        if notice is not None and notice is not Notice.TIMER:
            if wanted == "off":
                return b""
            if wanted == "earcon":
                return earcon(notice.value)
        ring = earcon(notice.value) if notice is Notice.TIMER else b""
        try:
            async with asyncio.timeout(VOICE_DEADLINE_S):
                return ring + await self._voice.speak(sentence(notice, text) if notice else text)
        except (SpeechError, TimeoutError) as error:
            log.warning("the local voice failed: %s", error or f"no answer in {VOICE_DEADLINE_S:.0f} s")
            return earcon(notice.value if notice else Notice.NOT_UNDERSTOOD.value)
