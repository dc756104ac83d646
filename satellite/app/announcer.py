"""What the satellite itself says: sentences by the local voice, earcons where there is no voice or none is wanted."""

import asyncio
import logging
import re
import textwrap
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from satellite.core.commands import Announce, Notice
from satellite.core.errors import SpeechError
from satellite.core.events import LocalSpeechReady
from satellite.settings import SpeechSettings
from satellite.speech.earcons import earcon
from satellite.speech.notices import sentence

log = logging.getLogger(__name__)

VOICE_DEADLINE_S = 8.0
"""A voice that takes longer over one piece is replaced by an earcon."""

LONGEST_PIECE = 200
"""Characters that are synthesised at once: 0.2 s of CPU here."""


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
        """Post the pieces as they are made: a long text is heard before its end is."""
        async for pcm in self._pieces(command.notice, command.text):
            self._post(LocalSpeechReady(command.turn, pcm, final=False))
        self._post(LocalSpeechReady(command.turn, b""))

    async def _pieces(self, notice: Notice | None, text: str) -> AsyncIterator[bytes]:
        """A notice obeys speech.notices; a timer rings, and words asked for are said, whatever it is set to."""
        wanted = self._settings.notices
        if notice is not None and notice is not Notice.TIMER:
            if wanted == "off":
                return
            if wanted == "earcon":
                yield earcon(notice.value)
                return
        if notice is Notice.TIMER:
            yield earcon(notice.value)
        try:
            for piece in sentences(sentence(notice, text) if notice else text):
                async with asyncio.timeout(VOICE_DEADLINE_S):
                    pcm = await self._voice.speak(piece)
                yield pcm
        except (SpeechError, TimeoutError) as error:
            log.warning("the local voice failed: %s", str(error) or f"no answer in {VOICE_DEADLINE_S:.0f} s")
            yield earcon(notice.value if notice else Notice.NOT_UNDERSTOOD.value)


def sentences(text: str) -> list[str]:
    """A text in pieces of at most LONGEST_PIECE characters, cut behind sentences, else between words."""
    pieces: list[str] = []
    for whole in re.findall(r".+?(?:[.!?]+\s+|$)", text, re.DOTALL):
        pieces += textwrap.wrap(whole, LONGEST_PIECE)
    return pieces
