"""One turn while it goes on: what came in, what has been said of the reply, what it waits for. Data alone.

Written by the engine (turn.py), thinking.py and delivery.py; one task works on a turn at a time.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from satellite.live.messages import JsonObject, Part
from satellite.live_server.calls import Call
from satellite.live_server.history import Entry
from satellite.live_server.pictures import Picture


@dataclass(frozen=True, slots=True)
class Input:
    """What the user has said, written and shown."""

    pcm: bytes = b""
    """What was spoken, 16 kHz s16le mono."""
    text: str = ""
    audio_bytes: int = 0
    """How much audio belongs to the turn: with ALL_INPUT more than what was spoken."""
    pictures: int = 0
    """How many frames belong to the turn."""
    picture: Picture | None = None
    """The latest of them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a reply will be: its words, what is shown before them, and what they rest on."""

    words: str
    before: tuple[Part, ...] = ()
    """Thoughts, code and its result."""
    grounding: JsonObject | None = None


@dataclass(slots=True)
class Turn:
    """From the input to turnComplete. `told` instead of an input: the words on a function's late answer."""

    given: Input
    recorded: bool = False
    """The input stands in the history already (clientContent)."""
    told: str | None = None
    faults: frozenset[str] = frozenset()
    """Names of the script's faults that strike in it."""
    task: asyncio.Task[None] | None = None
    chunks: deque[tuple[bytes, str]] = field(default_factory=deque)
    """Of the reply, what has not been sent: audio, and the words that fall on it."""
    said: str = ""
    sent_bytes: int = 0
    reply: Entry | None = None
    plays_until_s: float = 0.0
    calls: list[Call] = field(default_factory=list)
    """The calls of blocking functions that this turn has made."""
    tool_entries: list[Entry] = field(default_factory=list)
    """Answers of tools that came for this turn."""
    thoughts_tokens: int = 0
    stopped: bool = False
    """clientContent came while it waits for a blocking function: it ends when that has answered."""
    answer_after: bool = False
    """And what was written then is to be answered."""

    @property
    def waits_for_calls(self) -> bool:
        """Whether a blocking function has still to answer."""
        return any(call.result is not None and not call.result.done() for call in self.calls)
