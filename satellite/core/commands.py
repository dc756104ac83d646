"""What is to be done: imperatives, in execution order, carried out by the edges.

An edge executes a command at once and posts events about what comes of it; it never handles an event
from inside a command.
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Command:
    """Base of all commands."""


# ---------------------------------------------------------------- link


@dataclass(frozen=True, slots=True)
class OpenSession(Command):
    """Connect as session number `session`; resume with `handle` when there is one. Retries by itself."""

    session: int
    handle: str | None = None


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
class SendToolResponse(Command):
    """The result of a call; `response` is a JSON object as text."""

    session: int
    call_id: str
    name: str
    response: str


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


# ---------------------------------------------------------------- what is shown


class ShownState(StrEnum):
    """What a person sees. One pure function of the machines computes it."""

    IDLE = "idle"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"
    FOLLOW_UP = "follow_up"
    MUTED = "muted"
    NO_MICROPHONE = "no_microphone"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class PublishState(Command):
    """The shown state has changed."""

    state: ShownState
    conversation: int
    turn: int


@dataclass(frozen=True, slots=True)
class PublishWake(Command):
    """A wake word, or a request to listen (word "", score 0), opened the gate."""

    word: str
    score: float
    conversation: int


class Speaker(StrEnum):
    """Whose words a transcript holds."""

    USER = "input"
    ASSISTANT = "output"


@dataclass(frozen=True, slots=True)
class PublishTranscript(Command):
    """The text so far of one side of a turn; `final` when it will not change any more."""

    speaker: Speaker
    conversation: int
    turn: int
    text: str
    final: bool


@dataclass(frozen=True, slots=True)
class PublishUsage(Command):
    """Token counts of a turn."""

    conversation: int
    turn: int
    prompt_tokens: int
    response_tokens: int
    total_tokens: int


@dataclass(frozen=True, slots=True)
class PublishProblem(Command):
    """Something the person who runs it should know (empty text: it is over). `part`: link, microphone, speaker."""

    part: str
    text: str


@dataclass(frozen=True, slots=True)
class PublishMute(Command):
    """The microphone was closed or opened."""

    muted: bool


@dataclass(frozen=True, slots=True)
class PublishVolume(Command):
    """The playback volume in force, 0 to 100 per cent."""

    percent: int
