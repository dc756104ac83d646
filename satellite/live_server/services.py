"""What the connections of one server share."""

import itertools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from satellite.live_server.faults import Faults
from satellite.live_server.history import Histories
from satellite.live_server.limits import Limits, Quota

if TYPE_CHECKING:  # its libraries come with an extra, and a server with another mind needs none of them
    from satellite.live_server.assistant import Answer

FIRST_CALL_NUMBER = 5_831_923_424_298_605_773
"""Calls are numbered on from here: ids have the length of Google's, and are the same in every run."""


class Hears(Protocol):
    """Speech to text: satellite.speech.recogniser.Recogniser, or a test's own."""

    async def recognise(self, pcm16k: bytes) -> str:
        """What was said, empty if nothing was understood. Raises SpeechError."""


class Speaks(Protocol):
    """Text to speech: satellite.speech.voice.Voice, or a test's own."""

    async def speak(self, text: str) -> bytes:
        """The text spoken: 24 kHz s16le mono. Raises SpeechError."""


class Thinks(Protocol):
    """What to say to something: satellite.live_server.assistant.Assistant, or a test's own."""

    def answer(self, heard: str, tools: Collection[str], /) -> "Answer":
        """What to say or to call; `tools` are the functions the client has. Empty words: nothing is said."""

    def answer_call(self, answer: "Answer", response: Mapping[str, object], /) -> str:
        """The words after the function of `answer` has responded."""


@dataclass(slots=True)
class Services:
    """One per server, used by all of its connections on the loop."""

    recogniser: Hears
    voice: Speaks
    assistant: Thinks
    histories: Histories
    faults: Faults
    limits: Limits = field(default_factory=Limits)
    quota: Quota | None = None
    """None: nothing is counted."""
    on_utterance: Callable[[bytes], None] | None = None
    _call_numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(FIRST_CALL_NUMBER))

    def new_call_id(self) -> str:
        """The id of one function call."""
        return f"function-call-{next(self._call_numbers)}"
