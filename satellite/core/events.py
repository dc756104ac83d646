"""What has happened: past participles, posted by the edges, handled one at a time by the conversation.

Events of the link carry the `session` they belong to (stale ones are dropped in one place), events of
playback carry the `turn` that was played. Instants on the microphone are absolute sample numbers at
16 kHz since the daemon started; a gap in them is audio that was lost.
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""


# ---------------------------------------------------------------- microphone and gate


@dataclass(frozen=True, slots=True)
class FramesCaptured(Event):
    """Microphone audio after echo cancellation: 16 kHz s16le mono, any whole number of samples."""

    first_sample: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class WakeWordHeard(Event):
    """The wake word ended shortly before `at_sample`.

    `speech_from` is the sample where the voice began that the detector was hearing at that moment (the
    word itself, usually), or None when the voice detector reports silence. The gate restarts its
    endpointer here: a SpeechStarted that follows means speech **after** the word.
    """

    word: str
    score: float
    at_sample: int
    speech_from: int | None


@dataclass(frozen=True, slots=True)
class SpeechSuspected(Event):
    """The first voiced pieces: perhaps speech. Followed by SpeechStarted or SuspicionDropped."""

    at_sample: int


@dataclass(frozen=True, slots=True)
class SpeechStarted(Event):
    """Speech is confirmed; it began at `from_sample`. Followed by SpeechEnded."""

    from_sample: int


@dataclass(frozen=True, slots=True)
class SuspicionDropped(Event):
    """What was suspected was not speech."""

    at_sample: int


@dataclass(frozen=True, slots=True)
class SpeechEnded(Event):
    """The endpoint: the last voiced sample was `at_sample`, and the hangover has passed since."""

    at_sample: int


@dataclass(frozen=True, slots=True)
class MicrophoneLost(Event):
    """The input device cannot be opened or has stopped delivering."""

    reason: str


@dataclass(frozen=True, slots=True)
class MicrophoneFound(Event):
    """The input device delivers again (also posted at the first start)."""


@dataclass(frozen=True, slots=True)
class SpeakerLost(Event):
    """The output device cannot be opened or has stopped taking samples."""

    reason: str


@dataclass(frozen=True, slots=True)
class SpeakerFound(Event):
    """The output device takes samples again (also posted at the first start)."""


# ---------------------------------------------------------------- link


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
class InputTranscribed(LinkEvent):
    """A piece of what the user said; pieces are concatenated raw."""

    text: str


@dataclass(frozen=True, slots=True)
class OutputTranscribed(LinkEvent):
    """A piece of what the reply says; pieces are concatenated raw."""

    text: str


@dataclass(frozen=True, slots=True)
class GenerationCompleted(LinkEvent):
    """All content of the reply has been sent; turnComplete may follow much later."""


@dataclass(frozen=True, slots=True)
class ReplyInterrupted(LinkEvent):
    """The server cut its reply because of our input."""


@dataclass(frozen=True, slots=True)
class TurnCompleted(LinkEvent):
    """The server's turn is over; nothing more until new input."""


@dataclass(frozen=True, slots=True)
class UsageReported(LinkEvent):
    """Token counts of a turn, as the server gives them."""

    prompt_tokens: int
    response_tokens: int
    total_tokens: int


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
    """Our runner has a result for a call; `response` is a JSON object as text."""

    call_id: str
    name: str
    response: str


# ---------------------------------------------------------------- speaker


@dataclass(frozen=True, slots=True)
class PlaybackStarted(Event):
    """The first sample of `turn` was handed to the card."""

    turn: int


@dataclass(frozen=True, slots=True)
class PlaybackDrained(Event):
    """Everything pushed for `turn` so far has left the card. Again if more is pushed later."""

    turn: int


@dataclass(frozen=True, slots=True)
class LocalSpeechReady(Event):
    """A piece of what Announce asked for: 24 kHz s16le mono, empty when there is none. `final`: the last piece."""

    turn: int
    pcm: bytes
    final: bool = True


# ---------------------------------------------------------------- people, automations, time


@dataclass(frozen=True, slots=True)
class ListenRequested(Event):
    """A button or automation opens the gate."""


@dataclass(frozen=True, slots=True)
class StopRequested(Event):
    """Be quiet and idle, now."""


@dataclass(frozen=True, slots=True)
class MuteRequested(Event):
    """Close (True) or open (False) the microphone."""

    muted: bool


@dataclass(frozen=True, slots=True)
class SayRequested(Event):
    """Speak `text` word for word with the local voice."""

    text: str


@dataclass(frozen=True, slots=True)
class VolumeRequested(Event):
    """Set the playback volume, 0 to 100 per cent."""

    percent: int


class TimerChange(StrEnum):
    """What happens to a user's timer."""

    SET = "set"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class TimerRequested(Event):
    """Ring in `duration_ms` (SET), or forget the timer of this name (CANCELLED)."""

    change: TimerChange
    name: str
    duration_ms: int = 0


@dataclass(frozen=True, slots=True)
class DeadlineReached(Event):
    """The instant of `conversation.deadline_ms` may have come; early or stale ones change nothing."""


@dataclass(frozen=True, slots=True)
class ShutdownRequested(Event):
    """The daemon is about to end: say goodbye."""
