"""The books of a simulated hour: what was said, what came of it, and a log that is the same every time.

For whoever edits this: the books of an hour have to be small, for what grows is measured. An utterance is one Line; the
log is a running hash, written out to a file only where somebody wants to compare two of them.
"""

import hashlib
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import IO

from satellite.core import commands as do
from satellite.core import events as ev

UNTOLD = frozenset({"handle", "tokens", "session_cost", "day", "cost", "usage", "history", "chunk"})
"""Fields that stay out of the log: handles are random, and the rest is long."""

WHOLE = 0.97
"""So much of an answer must have sounded: its quietest samples are lost in resampling."""

NOT_REFUSALS = frozenset({do.Notice.TIMER, do.Notice.BUDGET_NEARLY_USED})


@dataclass(slots=True)
class Line:
    """One utterance of a person, and what came of it."""

    number: int
    opening: str
    question: str
    answer: str
    """The words that are owed."""
    began_ms: int
    faults: list[str] = field(default_factory=list)
    stalls: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    was_cut: bool = False
    """The person spoke again before the answer was over."""
    is_over: bool = False
    heard_ms: int = 0
    """How long the speaker sounded for it."""
    owed_ms: int = 0
    """How long the whole answer sounds."""

    def __str__(self) -> str:
        marks = [self.opening, *self.faults, *(f"stall: {cause}" for cause in self.stalls), *self.notices]
        cut = ", cut in on" if self.was_cut else ""
        return f"no. {self.number} at {self.began_ms / 1000:.1f} s ({', '.join(marks)}{cut})"


@dataclass(slots=True, frozen=True)
class Final:
    """A final transcript."""

    at_ms: int
    speaker: do.Speaker
    conversation: int
    turn: int
    text: str


class Ledger:
    """An observer of the daemon's dispatch loop."""

    def __init__(self, log: IO[str] | None = None) -> None:
        self.lines: list[Line] = []
        self.finals: list[Final] = []
        self.counts: Counter[str] = Counter()
        self.state = do.ShownState.IDLE
        self.on_retry = _nothing
        self._log = log
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """Of every event and command so far, with their instants."""
        return self._hash.hexdigest()

    @property
    def line(self) -> Line | None:
        """What was said last."""
        return self.lines[-1] if self.lines else None

    def __call__(self, event: ev.Event, commands: Sequence[do.Command], now_ms: int) -> None:
        """Take down what happened."""
        if not isinstance(event, ev.FramesCaptured):
            self._write(f"{now_ms} {_told(event)}\n")
            self.counts[type(event).__name__] += 1
        for command in commands:
            self._write(f"{now_ms}   {_told(command)}\n")
            self._note(command, now_ms)

    def _note(self, command: do.Command, now_ms: int) -> None:
        match command:
            case do.PublishState(state=state):
                self.state = state
            case do.PublishTranscript(final=True):
                final = Final(now_ms, command.speaker, command.conversation, command.turn, command.text)
                self.finals.append(final)
            case do.Announce(notice=notice) if notice is not None and notice not in NOT_REFUSALS and self.line:
                self.line.notices.append(notice.value)
            case do.PublishStall() if self.line:
                self.line.stalls.append(command.cause.value)
                if command.retried:
                    self.on_retry()
            case do.OpenSession(handle=handle, history=history):
                self.counts["resumed" if handle else "told the history" if history else "plain"] += 1

    def _write(self, text: str) -> None:
        self._hash.update(text.encode())
        if self._log is not None:
            self._log.write(text)


def _nothing() -> None:
    return


def _told(thing: ev.Event | do.Command) -> str:
    """Name and fields, sound as its length and checksum."""
    told = []
    for each in fields(thing):
        if each.name in UNTOLD:
            continue
        value = getattr(thing, each.name)
        told.append(f"{len(value)}:{zlib.crc32(value):08x}" if isinstance(value, bytes) else str(value))
    return f"{type(thing).__name__} {' '.join(told)}"


def complaints(ledger: Ledger) -> list[str]:
    """What is wrong: an utterance without its answer or a notice, a transcript too few, too many or out of order."""
    found: list[str] = []
    by_text: dict[tuple[do.Speaker, str], list[Final]] = {}
    for final in ledger.finals:
        by_text.setdefault((final.speaker, final.text), []).append(final)
    order: list[Final] = []
    for line in ledger.lines:
        heard = by_text.pop((do.Speaker.USER, line.question), [])
        said = by_text.pop((do.Speaker.ASSISTANT, line.answer), [])
        if line.was_cut or line.notices:
            said += _beginnings(by_text, line, heard)
        order += heard + said
        found += [f"{line}: {wrong}" for wrong in _wrong_with(line, heard, said)]
    found += [f"a transcript of nothing that was said: {finals}" for finals in by_text.values()]
    if order != sorted(order, key=lambda final: (final.at_ms, final.turn)) or order != ledger.finals:
        found.append("the transcripts are not in the order of the conversation")
    return found


def _beginnings(by_text: dict[tuple[do.Speaker, str], list[Final]], line: Line, heard: list[Final]) -> list[Final]:
    """The beginning of an answer that was cut: it stands in the turn of its question."""
    turns = {(final.conversation, final.turn) for final in heard}
    for key, finals in list(by_text.items()):
        if key[0] is do.Speaker.ASSISTANT and line.answer.startswith(key[1]):
            mine = [final for final in finals if (final.conversation, final.turn) in turns]
            if mine:
                rest = [final for final in finals if final not in mine]
                by_text[key] = rest
                if not rest:
                    del by_text[key]
                return mine
    return []


def _wrong_with(line: Line, heard: list[Final], said: list[Final]) -> list[str]:
    wrong = []
    if line.notices:
        if len(line.notices) > 1 or len(heard) > 1 or len(said) > 1:
            wrong.append(f"refused {len(line.notices)} times, heard {len(heard)}, answered {len(said)}")
        return wrong
    if len(heard) != 1:
        wrong.append(f"{len(heard)} final transcripts of the question")
    if len(said) != 1 and not (line.was_cut and not said):
        wrong.append(f"{len(said)} final transcripts of the answer")
    if len(heard) == len(said) == 1 and (heard[0].conversation, heard[0].turn) != (said[0].conversation, said[0].turn):
        wrong.append("question and answer stand in different turns")
    if not line.was_cut and line.heard_ms < WHOLE * line.owed_ms:
        wrong.append(f"{line.heard_ms} ms of the answer were heard, of {line.owed_ms}")
    return wrong
