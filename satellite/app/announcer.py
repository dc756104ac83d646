"""What the satellite itself says: sentences by the local voice, earcons where there is no voice or none is wanted."""

import asyncio
import logging
import re
import textwrap
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Protocol

from satellite.core.commands import Announce, Notice, SpeakReply
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
    """Driven by the dispatch loop (Announce, SpeakReply); posts LocalSpeechReady. Loop only."""

    def __init__(self, settings: SpeechSettings, voice: Speaks, post: Callable[[LocalSpeechReady], None]) -> None:
        self._settings = settings
        self._voice = voice
        self._post = post
        self._tasks: set[asyncio.Task[None]] = set()
        self._reading: _Reading | None = None
        self._reader: asyncio.Task[None] | None = None

    def prepare(self, command: Announce) -> None:
        """Start to make the sound for a turn."""
        self._start(self._prepare(command))

    def read(self, command: SpeakReply) -> None:
        """Read a text reply aloud, sentence by sentence, while the rest of it is still on its way."""
        if self._reading is None or self._reading.turn != command.turn:
            self.stop_reading()
            self._reading = _Reading(command.turn)
            self._reader = self._start(self._read(self._reading))
        self._reading.add(command.text, final=command.final)

    def stop_reading(self) -> None:
        """The reply was cut: what is still unread will not be heard."""
        if self._reader is not None:
            self._reader.cancel()
        self._reading = self._reader = None

    async def close(self) -> None:
        """Stop whatever is being prepared."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _prepare(self, command: Announce) -> None:
        """Post the pieces as they are made: a long text is heard before its end is."""
        async for pcm in self._pieces(command.notice, command.text):
            self._post(LocalSpeechReady(command.turn, pcm, final=False))
        self._post(LocalSpeechReady(command.turn, b""))

    async def _read(self, reading: "_Reading") -> None:
        """Until the text is whole, or the reply is cut."""
        async for text in reading.sentences():
            async for pcm in self._spoken(text):
                self._post(LocalSpeechReady(reading.turn, pcm, final=False))
        self._post(LocalSpeechReady(reading.turn, b""))

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
        async for pcm in self._spoken(sentence(notice, text) if notice else text, notice or Notice.NOT_UNDERSTOOD):
            yield pcm

    async def _spoken(self, text: str, instead: Notice = Notice.NOT_UNDERSTOOD) -> AsyncIterator[bytes]:
        """The words as sound, piece by piece; an earcon where the voice fails."""
        try:
            for piece in sentences(text):
                async with asyncio.timeout(VOICE_DEADLINE_S):
                    pcm = await self._voice.speak(piece)
                yield pcm
        except (SpeechError, TimeoutError) as error:
            log.warning("the local voice failed: %s", str(error) or f"no answer in {VOICE_DEADLINE_S:.0f} s")
            yield earcon(instead.value)


class _Reading:
    """The text of one reply as it grows; whole sentences are handed out as soon as they are there."""

    def __init__(self, turn: int) -> None:
        self.turn = turn
        self._text = ""
        self._final = False
        self._grown = asyncio.Event()

    def add(self, text: str, *, final: bool) -> None:
        """The next piece, split anywhere."""
        self._text += text
        self._final = self._final or final
        self._grown.set()

    async def sentences(self) -> AsyncIterator[str]:
        """Whole sentences, then what is left at the end."""
        while True:
            await self._grown.wait()
            self._grown.clear()
            whole = len(self._text) if self._final else _end_of_sentences(self._text)
            ready, self._text = self._text[:whole], self._text[whole:]
            if ready.strip():
                yield ready
            if self._final and not self._text:
                return


def _end_of_sentences(text: str) -> int:
    """Where the last whole sentence of a growing text ends: behind its mark and the blank that follows."""
    ends = [match.end() for match in re.finditer(r"[.!?]+\s+|\n", text)]
    return ends[-1] if ends else 0


def sentences(text: str) -> list[str]:
    """A text in pieces of at most LONGEST_PIECE characters, cut behind sentences, else between words."""
    pieces: list[str] = []
    for whole in re.findall(r".+?(?:[.!?]+\s+|$)", text, re.DOTALL):
        pieces += textwrap.wrap(whole, LONGEST_PIECE)
    return pieces
