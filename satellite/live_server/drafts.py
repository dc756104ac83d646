"""Drafts of what the user is saying, while it is said (interimInputTranscription, LIVE_API 3.1).

A draft replaces the one before it; the transcript proper comes when the activity is over, and no draft after it. One
at a time, and only from a second of new speech on: the recogniser's time is better spent on whole utterances.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine

from satellite.core.errors import SpeechError
from satellite.core.pcm import CAPTURE_RATE_HZ, SAMPLE_BYTES
from satellite.live.messages import ServerContent, ServerMessage, Transcription
from satellite.live_server.activity import offset_of
from satellite.live_server.services import Hears

DRAFT_BYTES = CAPTURE_RATE_HZ * SAMPLE_BYTES
"""So much new speech makes another draft: a second."""

log = logging.getLogger(__name__)


class Drafts:
    """One connection's. Driven by its reader, on the loop; each draft is a task of the connection's group."""

    def __init__(
        self,
        recogniser: Hears,
        put: Callable[[ServerMessage], None],
        spawn: Callable[[Coroutine[None, None, None]], asyncio.Task[None]],
    ) -> None:
        self._recogniser = recogniser
        self._put = put
        self._spawn = spawn
        self._drafted_bytes = 0
        self._task: asyncio.Task[None] | None = None

    def follow(self, so_far: bytearray, at_samples: int) -> None:
        """The activity has grown; `so_far` is all of it, 16 kHz s16le mono, from `at_samples` of the stream on."""
        busy = self._task is not None and not self._task.done()
        if not busy and len(so_far) - self._drafted_bytes >= DRAFT_BYTES:
            self._drafted_bytes = len(so_far)
            self._task = self._spawn(self._draft(bytes(so_far), at_samples))

    def stop(self) -> None:
        """The activity is over: no more of it."""
        self._drafted_bytes = 0
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _draft(self, pcm: bytes, at_samples: int) -> None:
        try:
            text = await self._recogniser.recognise(pcm)
        except SpeechError as error:
            log.debug("no draft: %s", error)
            return
        if text:
            end = at_samples + len(pcm) // SAMPLE_BYTES
            draft = Transcription(text=text, start_offset=offset_of(at_samples), end_offset=offset_of(end))
            self._put(ServerMessage(server_content=ServerContent(interim_input_transcription=draft)))
