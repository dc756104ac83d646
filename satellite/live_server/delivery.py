"""Saying a reply: sentence by sentence as audio with its transcript, or as text, at the pace and with the faults due.

One turn at a time, in its own task, which may be cancelled at any await: what has been sent stands in the turn.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Protocol

from satellite.live.messages import Blob, Content, Part, ServerContent, Transcription
from satellite.live_server.faults import Faults
from satellite.live_server.ongoing import Plan, Turn
from satellite.live_server.refusals import Refusal
from satellite.live_server.replies import (
    REPLY_MIME_TYPE,
    cut_reply,
    cut_text,
    in_messages,
    seconds_of,
    sentences,
    within_tokens,
)
from satellite.live_server.services import Speaks
from satellite.live_server.session_rules import SessionRules
from satellite.live_server.transcripts import transcriptions

PACE = 4.0
"""Audio is sent this many times faster than it plays."""


class Puts(Protocol):
    """Where what is said goes."""

    def __call__(self, content: ServerContent, /, *, reply: bool = False) -> None:
        """`reply`: an interruption takes it back while it is unsent."""


class Delivery:
    """One connection's. Driven by the task of the turn that goes on."""

    def __init__(self, voice: Speaks, faults: Faults, put: Puts, now_s: Callable[[], float]) -> None:
        """`now_s`: the loop's clock."""
        self._voice = voice
        self._faults = faults
        self._put = put
        self._now_s = now_s

    async def deliver(self, turn: Turn, plan: Plan, rules: SessionRules) -> None:
        """Say all of it. Raises SpeechError, and Refusal where a fault ends the connection."""
        for part in plan.before:
            self._put(ServerContent(model_turn=Content(parts=[part])), reply=True)
        words = within_tokens(plan.words, rules.max_output_tokens)
        if rules.audio_reply:
            await self._speak(turn, words, rules)
        else:
            self._write(turn, words)

    async def _speak(self, turn: Turn, words: str, rules: SessionRules) -> None:
        """Sentence by sentence: the first is on its way before the last has been made."""
        sent = 0
        said_s = 0.0
        for sentence in sentences(words):
            pcm = await self._voice.speak(sentence)
            takes_s = seconds_of(len(pcm))
            turn.chunks.extend(cut_reply(pcm, sentence, goes_on=sent > 0))
            pieces = [piece for _, piece in turn.chunks]
            told = transcriptions(pieces, takes_s, rules.output_transcript, said_s)
            turn.plays_until_s = max(turn.plays_until_s, self._now_s()) + takes_s
            said_s += takes_s
            sent = await self._send(turn, sent, told, rules)
        self._strike(sent)

    async def _send(self, turn: Turn, sent: int, told: Iterator[Transcription], rules: SessionRules) -> int:
        """Send the chunks that are there, each with what is `told` of it, paced; returns how many have been sent."""
        while turn.chunks:
            self._strike(sent)
            if sent == self._faults.stall_after_chunks:
                await for_ever()
            chunk, piece = turn.chunks.popleft()
            transcript = next(told)
            self._put(ServerContent(model_turn=audio_of(chunk)), reply=True)
            if piece and rules.transcribe_output:
                self._put(ServerContent(output_transcription=transcript), reply=True)
            turn.said += piece
            turn.sent_bytes += len(chunk)
            sent += 1
            await asyncio.sleep(seconds_of(len(chunk)) / PACE)
        return sent

    def _write(self, turn: Turn, words: str) -> None:
        for pieces in in_messages(cut_text(words)):
            self._put(ServerContent(model_turn=Content(parts=[Part(text=piece) for piece in pieces])), reply=True)
        turn.said = words

    def _strike(self, sent: int) -> None:
        """The fault that ends the connection after so many chunks of a reply."""
        fault = self._faults.close_after_chunks
        if fault is not None and fault[0] == sent:
            self._faults.close_after_chunks = None
            raise Refusal(fault[1].code, fault[1].reason)


def audio_of(chunk: bytes) -> Content:
    """A chunk of a reply as it is sent."""
    return Content(parts=[Part(inline_data=Blob(data=chunk, mime_type=REPLY_MIME_TYPE))])


async def for_ever() -> None:
    """Waits until cancelled."""
    await asyncio.get_running_loop().create_future()
