"""A stage for the turn engine: simulated time, an ear and a voice that are told what to do, all messages noted."""

import asyncio
from collections.abc import Collection, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from satellite.app.clock import SimulatedTimeLoop
from satellite.core.errors import SpeechError
from satellite.live.messages import ServerMessage
from satellite.live_server.assistant import Answer, Call
from satellite.live_server.outbox import Outbox
from satellite.live_server.strikes import Strikes

Result = TypeVar("Result")


def simulate(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on simulated time: sockets and the recogniser's process are real, waiting takes no time."""
    with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        return runner.run(main)


@dataclass
class Ear:
    """Hears what it is told to have heard."""

    words: str = "what time is it"
    takes_s: float = 0.0
    broken: bool = False
    heard: list[bytes] = field(default_factory=list)

    async def recognise(self, pcm16k: bytes) -> str:
        """The words."""
        self.heard.append(pcm16k)
        await asyncio.sleep(self.takes_s)
        if self.broken:
            raise SpeechError("the ear is broken")
        return self.words


@dataclass
class Mouth:
    """Speaks so many seconds of a constant, whatever the text."""

    seconds: float = 1.0
    takes_s: float = 0.0
    said: list[str] = field(default_factory=list)

    async def speak(self, text: str) -> bytes:
        """24 kHz s16le mono."""
        self.said.append(text)
        await asyncio.sleep(self.takes_s)
        return b"\x10\x00" * int(self.seconds * 24_000)


@dataclass
class ScriptedMind:
    """Answers everything with the same words, after a call if it is told to make one."""

    words: str = "It is twenty past seven in the evening."
    calls: tuple[str, dict[str, object]] | None = None
    asked: list[str] = field(default_factory=list)
    results: list[Mapping[str, object]] = field(default_factory=list)

    def answer(self, heard: str, tools: Collection[str]) -> Answer:
        """The words, or the call."""
        self.asked.append(heard)
        if self.calls is None:
            return Answer(self.words)
        assert self.calls[0] in tools
        return Answer(self.words, Call(*self.calls))

    def answer_call(self, answer: Answer, response: Mapping[str, object]) -> str:
        """The words, once the call is answered."""
        self.results.append(response)
        return self.words


class NotingOutbox(Outbox):
    """Notes each message with the simulated instant, and sends nothing."""

    def __init__(self, strikes: Strikes | None = None) -> None:
        super().__init__(strikes)
        self.notes: list[tuple[float, ServerMessage]] = []
        self.dropped_after: list[int] = []
        """How many messages had been put when the unsent reply was taken back."""

    def put(self, message: ServerMessage, *, reply: bool = False) -> None:
        """Note it."""
        self.notes.append((asyncio.get_running_loop().time(), message))

    def drop_reply(self) -> None:
        """Note that, too."""
        self.dropped_after.append(len(self.notes))


def names(message: ServerMessage) -> list[str]:
    """What a message carries, in words short enough for a test's expectations."""
    found: list[str] = []
    content = message.server_content
    if content is not None:
        if content.model_turn is not None:
            found += ["audio" if part.inline_data else "text" for part in content.model_turn.parts]
        found += ["heard"] if content.input_transcription else []
        found += ["said"] if content.output_transcription else []
        found += ["generationComplete"] if content.generation_complete else []
        found += ["interrupted"] if content.interrupted else []
        found += ["turnComplete"] if content.turn_complete else []
    found += ["toolCall"] if message.tool_call else []
    found += ["toolCallCancellation"] if message.tool_call_cancellation else []
    found += ["goAway"] if message.go_away else []
    found += ["setupComplete"] if message.setup_complete else []
    if message.session_resumption_update:
        found.append("resumable" if message.session_resumption_update.resumable else "not resumable")
    return found


def without_repeats(found: list[str]) -> list[str]:
    """Runs of the same word become one."""
    return [word for number, word in enumerate(found) if number == 0 or found[number - 1] != word]
