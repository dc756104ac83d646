"""What a Live session reports: events that carry the `session` they belong to.

Split from events.py, which re-exports them: everyone else imports events from there. A server's newer message
becomes an event here, a decoding in live/protocol.py and a row in dialogue.py.
"""

from dataclasses import dataclass

from satellite.core.event import Event
from satellite.core.usage import TokenCounts


@dataclass(frozen=True, slots=True)
class LinkEvent(Event):
    """Base of what a Live session reports; `session` is the number OpenSession gave it."""

    session: int


@dataclass(frozen=True, slots=True)
class SessionOpened(LinkEvent):
    """setupComplete has arrived: the session takes input."""


@dataclass(frozen=True, slots=True)
class SessionLost(LinkEvent):
    """The session ended without being asked to (transient). `resume_refused`: the handle was not accepted."""

    reason: str
    resume_refused: bool = False


@dataclass(frozen=True, slots=True)
class SessionRefused(LinkEvent):
    """The server will not serve us as configured; `advice` is fit to be shown and spoken."""

    advice: str


@dataclass(frozen=True, slots=True)
class ReplyChunkReceived(LinkEvent):
    """A piece of the reply: 24 kHz s16le mono, whole samples."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class ReplyTextReceived(LinkEvent):
    """A piece of a reply that is text (modality text); pieces are concatenated raw."""

    text: str


@dataclass(frozen=True, slots=True)
class ThoughtReceived(LinkEvent):
    """A piece of a summary of what the model thought: shown, never spoken."""

    text: str


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a transcript, and when it was said, counted as the server counts: from the start of the audio."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class InputTranscribed(LinkEvent):
    """A piece of what the user said; pieces are concatenated raw.

    Beside it what was asked for (live.transcription) and told: the words of the piece, who is speaking, BCP-47.
    """

    text: str
    words: tuple[Word, ...] = ()
    speaker: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class InputDrafted(LinkEvent):
    """The server's early guess at what the user is saying: replaces the one before; InputTranscribed replaces it."""

    text: str


@dataclass(frozen=True, slots=True)
class OutputTranscribed(LinkEvent):
    """A piece of what the reply says; pieces are concatenated raw. The rest as with InputTranscribed."""

    text: str
    words: tuple[Word, ...] = ()
    speaker: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class GenerationCompleted(LinkEvent):
    """All content of the reply has been sent; turnComplete may follow much later."""


@dataclass(frozen=True, slots=True)
class ReplyInterrupted(LinkEvent):
    """The server cut its reply because of our input."""


@dataclass(frozen=True, slots=True)
class TurnCompleted(LinkEvent):
    """The server's turn is over; nothing more until new input.

    `reason`: turnCompleteReason, "" for the ordinary end. `goes_on`: more turns come by themselves (interactionStatus
    IN_PROGRESS). `waits`: the model holds back, expecting the user to go on (waitingForInput).
    """

    reason: str = ""
    goes_on: bool = False
    waits: bool = False


@dataclass(frozen=True, slots=True)
class UsageReported(LinkEvent):
    """Token counts of a turn, as the server gives them."""

    tokens: TokenCounts


@dataclass(frozen=True, slots=True)
class Source:
    """Where something the reply says comes from."""

    title: str
    uri: str


@dataclass(frozen=True, slots=True)
class Grounded(LinkEvent):
    """The reply rests on these sources, found by these searches."""

    sources: tuple[Source, ...]
    searches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VoiceActivityReported(LinkEvent):
    """What the server's own detection hears: speech begins (`active`) or ends, `offset_ms` into the input."""

    active: bool
    offset_ms: int


@dataclass(frozen=True, slots=True)
class GoAwayReceived(LinkEvent):
    """The server will end the connection after `time_left_ms`."""

    time_left_ms: int


@dataclass(frozen=True, slots=True)
class ResumptionUpdated(LinkEvent):
    """A handle to resume this session with, or None while it is not resumable."""

    handle: str | None


@dataclass(frozen=True, slots=True)
class ToolCallReceived(LinkEvent):
    """The model calls a function; `arguments` is the JSON object as text."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolCallsCancelled(LinkEvent):
    """These calls are void: not to be answered."""

    call_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToolFinished(LinkEvent):
    """Our runner has a result for a call; `response` is a JSON object as text.

    `scheduling`: when a non-blocking function's answer is spoken (INTERRUPT, WHEN_IDLE, SILENT), "" for a blocking one.
    """

    call_id: str
    name: str
    response: str
    scheduling: str = ""
