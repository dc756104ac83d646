"""How long each stage of a turn took, by the loop's clock: one line in the journal per turn.

An observer of the dispatch loop. It measures what the person in the room waits for; playback adds the
card's output latency, which the card knows.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.pcm import CAPTURE_RATE_HZ

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stages:
    """Delays of one turn in milliseconds; None where the stage did not happen."""

    turn: int
    connect_ms: int | None
    """From the need of a session to setupComplete."""
    endpoint_ms: int | None
    """From the end of the voice to the decision that the user has finished (gate.hangover_ms and a frame)."""
    answer_ms: int | None
    """From that decision, or from the session that heard the turn if it came later, to the reply's first chunk."""
    play_ms: int | None
    """From the first chunk to its first sample at the card."""

    def __str__(self) -> str:
        parts = (
            ("connect", self.connect_ms),
            ("endpoint", self.endpoint_ms),
            ("answer", self.answer_ms),
            ("play", self.play_ms),
        )
        return ", ".join(f"{name} {value} ms" for name, value in parts if value is not None)


class Trace:
    """Collects instants and reports each turn when its reply begins to sound. What we say ourselves is no reply."""

    def __init__(self, report: Callable[[Stages], None] | None = None) -> None:
        self._report = report or (lambda stages: log.info("turn %d: %s", stages.turn, stages))
        self._captured_to = 0
        self._opening_at_ms: int | None = None
        self._connect_ms: int | None = None
        self._endpoint_ms: int | None = None
        self._asked_at_ms: int | None = None
        self._answer_ms: int | None = None
        self._chunk_at_ms: int | None = None
        self._chunk_turn = 0
        self._announced_turn = 0

    def __call__(self, event: ev.Event, commands: Sequence[do.Command], now_ms: int) -> None:
        """Take note of the instants that matter."""
        if isinstance(event, ev.FramesCaptured):
            self._captured_to = event.first_sample + len(event.pcm) // 2
        elif isinstance(event, ev.SessionOpened):
            self._note_session(now_ms)
        elif isinstance(event, ev.SpeechEnded):
            self._endpoint_ms = (self._captured_to - event.at_sample) * 1000 // CAPTURE_RATE_HZ
        elif isinstance(event, ev.PlaybackStarted) and event.turn == self._chunk_turn:
            self._finish(now_ms)
        for command in commands:
            self._note(command, now_ms)

    def _note_session(self, now_ms: int) -> None:
        """A session: what has been asked meanwhile is asked of it."""
        if self._opening_at_ms is not None:
            self._connect_ms = now_ms - self._opening_at_ms
        if self._asked_at_ms is not None:
            self._asked_at_ms = now_ms

    def _note(self, command: do.Command, now_ms: int) -> None:
        match command:
            case do.OpenSession():
                self._opening_at_ms = now_ms
            case do.PublishState(state=state):
                # also where the server finds the end by itself; not every end of speech is waited for
                self._asked_at_ms = now_ms if state is do.ShownState.THINKING else None
            case do.SendActivityEnd():
                self._asked_at_ms = now_ms
            case do.Announce(turn=turn):
                self._announced_turn = turn
            case do.PlayChunk(turn=turn) if turn not in (self._chunk_turn, self._announced_turn):
                self._answer_ms = None if self._asked_at_ms is None else now_ms - self._asked_at_ms
                self._chunk_at_ms, self._chunk_turn, self._asked_at_ms = now_ms, turn, None
            case _:
                return

    def _finish(self, now_ms: int) -> None:
        if self._chunk_at_ms is None:
            return
        play_ms = now_ms - self._chunk_at_ms
        stages = Stages(self._chunk_turn, self._connect_ms, self._endpoint_ms, self._answer_ms, play_ms)
        self._connect_ms = self._endpoint_ms = self._answer_ms = self._chunk_at_ms = None
        self._opening_at_ms = None
        self._report(stages)
