"""What is shown to people and automations: the commands whose only effect is that somebody can see it.

Split from commands.py, which re-exports them: everyone else imports commands from there. A new one gets a payload in
mqtt/payloads.py and a row in mqtt/topics.py.
"""

from dataclasses import dataclass
from enum import StrEnum

from satellite.core.command import Command
from satellite.core.link_events import Source, Word
from satellite.core.usage import DayUsage, TokenCounts


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
    """The text so far of one side of a turn; `final` when it will not change any more.

    The final one says what else the server has told: the words with their instants, the labels of those who spoke in
    the order in which they first did, and the language (BCP-47).
    """

    speaker: Speaker
    conversation: int
    turn: int
    text: str
    final: bool
    words: tuple[Word, ...] = ()
    speakers: tuple[str, ...] = ()
    language: str = ""


@dataclass(frozen=True, slots=True)
class PublishUsage(Command):
    """Token counts of a turn with their estimated cost, and the sums of the session and the day."""

    conversation: int
    turn: int
    tokens: TokenCounts
    cost: float
    session: TokenCounts
    session_cost: float
    day: DayUsage


@dataclass(frozen=True, slots=True)
class PublishDay(Command):
    """What a calendar day has used so far: with each turn, and when the day begins."""

    usage: DayUsage


class StallCause(StrEnum):
    """Why a turn got no proper answer."""

    NO_AUDIO = "no_audio"
    EMPTY_TURN = "empty_turn"
    REJECTED = "rejected"
    NEAR_SILENT = "near_silent"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class PublishStall(Command):
    """A turn has stalled; `retried`: it is asked again on a fresh session. `count`: of this cause since the start."""

    conversation: int
    turn: int
    cause: StallCause
    retried: bool
    count: int


@dataclass(frozen=True, slots=True)
class PublishSources(Command):
    """What the reply of a turn rests on."""

    conversation: int
    turn: int
    sources: tuple[Source, ...]
    searches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PublishThought(Command):
    """A summary of what the model thought in a turn."""

    conversation: int
    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class PublishVoiceActivity(Command):
    """What the server's own detection hears."""

    conversation: int
    active: bool
    offset_ms: int


@dataclass(frozen=True, slots=True)
class PublishProblem(Command):
    """Something the person who runs it should know (empty text: it is over).

    `part`: link, microphone, speaker, camera or budget.
    """

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
