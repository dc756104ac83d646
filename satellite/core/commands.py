"""What is to be done: imperatives, in execution order, carried out by the edges.

An edge executes a command at once and posts events about what comes of it; it never handles an event
from inside a command.
"""

from dataclasses import dataclass
from enum import StrEnum

from satellite.core.command import Command as Command
from satellite.core.past import PastTurn as PastTurn, Role as Role
from satellite.core.publications import (
    PublishDay as PublishDay,
    PublishMute as PublishMute,
    PublishProblem as PublishProblem,
    PublishSources as PublishSources,
    PublishStall as PublishStall,
    PublishState as PublishState,
    PublishThought as PublishThought,
    PublishTranscript as PublishTranscript,
    PublishUsage as PublishUsage,
    PublishVoiceActivity as PublishVoiceActivity,
    PublishVolume as PublishVolume,
    PublishWake as PublishWake,
    ShownState as ShownState,
    Speaker as Speaker,
    StallCause as StallCause,
)
from satellite.core.usage import DayUsage

# ---------------------------------------------------------------- link


@dataclass(frozen=True, slots=True)
class OpenSession(Command):
    """Connect as session number `session`. Retries by itself.

    With a `handle` it resumes; without one it is a fresh session that is told `history` first (never both).
    """

    session: int
    handle: str | None = None
    history: tuple[PastTurn, ...] = ()


@dataclass(frozen=True, slots=True)
class CloseSession(Command):
    """Close that session with 1000 (also while it is still connecting). No event follows."""

    session: int


@dataclass(frozen=True, slots=True)
class SendActivityStart(Command):
    """Manual mode: the user's turn begins."""

    session: int


@dataclass(frozen=True, slots=True)
class SendFrames(Command):
    """User audio, 16 kHz s16le mono. `first_sample` continues where the previous one ended."""

    session: int
    first_sample: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class SendActivityEnd(Command):
    """Manual mode: the user's turn is over."""

    session: int


@dataclass(frozen=True, slots=True)
class SendAudioStreamEnd(Command):
    """Automatic mode: the microphone pauses."""

    session: int


@dataclass(frozen=True, slots=True)
class SendText(Command):
    """A turn of text."""

    session: int
    text: str


@dataclass(frozen=True, slots=True)
class SendPicture(Command):
    """What the camera sees: JPEG."""

    session: int
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class SendToolResponse(Command):
    """The result of a call; `response` is a JSON object as text, `scheduling` as in ToolFinished."""

    session: int
    call_id: str
    name: str
    response: str
    scheduling: str = ""


# ---------------------------------------------------------------- speaker


@dataclass(frozen=True, slots=True)
class PlayChunk(Command):
    """Queue a piece of `turn`: 24 kHz s16le mono."""

    turn: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class EndPlayback(Command):
    """No more chunks come for `turn`: what follows in the speaker is silence, not an underrun."""

    turn: int


@dataclass(frozen=True, slots=True)
class DuckPlayback(Command):
    """Lower the voice while speech is suspected."""


@dataclass(frozen=True, slots=True)
class RestorePlayback(Command):
    """Bring the voice back."""


@dataclass(frozen=True, slots=True)
class FlushPlayback(Command):
    """Drop everything that has not been handed to the card yet; un-ducks for what comes next."""


@dataclass(frozen=True, slots=True)
class SetVolume(Command):
    """Playback volume, 0 to 100 per cent."""

    percent: int


class Notice(StrEnum):
    """What the satellite itself has to say, as a local sentence or an earcon."""

    NOT_UNDERSTOOD = "not_understood"
    NO_ANSWER = "no_answer"
    BUDGET_NEARLY_USED = "budget_nearly_used"
    BUDGET_USED = "budget_used"
    NO_CONNECTION = "no_connection"
    NO_MICROPHONE = "no_microphone"
    REFUSED = "refused"
    TIMER = "timer"


@dataclass(frozen=True, slots=True)
class Announce(Command):
    """Prepare local speech for `turn`: a notice, or `text` word for word. LocalSpeechReady follows."""

    turn: int
    notice: Notice | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class SpeakReply(Command):
    """A piece of a text reply for the local voice, in order; LocalSpeechReady follows. `final`: the turn's last."""

    turn: int
    text: str
    final: bool


@dataclass(frozen=True, slots=True)
class PlayWakeEarcon(Command):
    """The short sound that says "I am listening". It does not mute the microphone and is no turn."""


# ---------------------------------------------------------------- gate


@dataclass(frozen=True, slots=True)
class RestartEndpointer(Command):
    """Voice before `from_sample` no longer counts: speech must be confirmed anew from there."""

    from_sample: int


@dataclass(frozen=True, slots=True)
class ResetGate(Command):
    """Forget everything heard (mute, microphone gone)."""


# ---------------------------------------------------------------- camera and store


@dataclass(frozen=True, slots=True)
class StartCamera(Command):
    """A conversation is open: PictureTaken follows, now and at most once a second."""


@dataclass(frozen=True, slots=True)
class StopCamera(Command):
    """No more pictures."""


@dataclass(frozen=True, slots=True)
class StoreMemory(Command):
    """Keep the handle to resume with over a restart (None: forget it)."""

    handle: str | None


@dataclass(frozen=True, slots=True)
class StoreUsage(Command):
    """Keep what the day has used so far over a restart."""

    usage: DayUsage


# ---------------------------------------------------------------- tools


@dataclass(frozen=True, slots=True)
class RunTool(Command):
    """Run a function the model called; ToolFinished follows unless it is cancelled."""

    session: int
    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class CancelTool(Command):
    """Stop that call; its result is no longer wanted."""

    call_id: str
