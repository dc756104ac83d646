"""What has happened: past participles, posted by the edges, handled one at a time by the conversation.

Events of the link carry the `session` they belong to (stale ones are dropped in one place), events of
playback carry the `turn` that was played. Instants on the microphone are absolute sample numbers at
16 kHz since the daemon started; a gap in them is audio that was lost.
"""

from dataclasses import dataclass
from enum import StrEnum

from satellite.core.event import Event as Event
from satellite.core.link_events import (
    GenerationCompleted as GenerationCompleted,
    GoAwayReceived as GoAwayReceived,
    Grounded as Grounded,
    InputDrafted as InputDrafted,
    InputTranscribed as InputTranscribed,
    LinkEvent as LinkEvent,
    OutputTranscribed as OutputTranscribed,
    ReplyChunkReceived as ReplyChunkReceived,
    ReplyInterrupted as ReplyInterrupted,
    ReplyTextReceived as ReplyTextReceived,
    ResumptionUpdated as ResumptionUpdated,
    SessionLost as SessionLost,
    SessionOpened as SessionOpened,
    SessionRefused as SessionRefused,
    Source as Source,
    ThoughtReceived as ThoughtReceived,
    ToolCallReceived as ToolCallReceived,
    ToolCallsCancelled as ToolCallsCancelled,
    ToolFinished as ToolFinished,
    TurnCompleted as TurnCompleted,
    UsageReported as UsageReported,
    VoiceActivityReported as VoiceActivityReported,
    Word as Word,
)
from satellite.core.usage import DayUsage

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


# ---------------------------------------------------------------- camera


@dataclass(frozen=True, slots=True)
class PictureTaken(Event):
    """What the camera sees now: JPEG, at most one a second."""

    jpeg: bytes


@dataclass(frozen=True, slots=True)
class CameraLost(Event):
    """There are no pictures, although they are wanted."""

    reason: str


@dataclass(frozen=True, slots=True)
class CameraFound(Event):
    """There are pictures again."""


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
class TextRequested(Event):
    """Someone writes instead of speaking: a turn of text, answered aloud."""

    text: str


@dataclass(frozen=True, slots=True)
class EndRequested(Event):
    """The conversation is over when the reply has been heard: no follow-up window."""


@dataclass(frozen=True, slots=True)
class MemoryRestored(Event):
    """From the store, at the start: the handle of the session before, used `age_ms` ago (None: there is none)."""

    handle: str | None
    age_ms: int


@dataclass(frozen=True, slots=True)
class DayBegun(Event):
    """A calendar day begins, or goes on after a restart: what it has used so far."""

    usage: DayUsage


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
