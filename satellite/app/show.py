"""A conversation on the terminal: shown as it happens, and summed up at the end. An observer of the dispatch loop."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from satellite.app.trace import Stages, Trace
from satellite.core import commands as do
from satellite.core import events as ev
from satellite.simroom.script import Said

LABEL_WIDTH = 10


@dataclass(slots=True)
class Tally:
    """What the summary is made of."""

    heard: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    cut_ins: int = 0
    stages: list[Stages] = field(default_factory=list)
    tokens: int = 0


class Show:
    """Prints what happens, one line each, with the seconds since the start."""

    def __init__(self, write: Callable[[str], None] = print) -> None:
        self.tally = Tally()
        self.states: asyncio.Queue[do.ShownState] = asyncio.Queue()
        self._write = write
        self._trace = Trace(self._delays)
        self._began_at_ms: int | None = None
        self._now_ms = 0
        self._hearing = ""
        self._heard = ""

    def __call__(self, event: ev.Event, commands: Sequence[do.Command], now_ms: int) -> None:
        """Show one event and what came of it."""
        self._now_ms = now_ms
        if self._began_at_ms is None:
            self._began_at_ms = now_ms
        self._trace(event, commands, now_ms)
        if isinstance(event, ev.SpeechStarted) and any(isinstance(command, do.FlushPlayback) for command in commands):
            self.tally.cut_ins += 1
            self._line("cut in", "the reply falls silent")
        for command in commands:
            self._show(command)

    def person(self, said: Said) -> None:
        """Someone in the room speaks."""
        again = f" (again, {said.attempt})" if said.attempt > 1 else ""
        self._line("person", f"“{said.text}”{again}")

    async def shown_states(self) -> AsyncIterator[do.ShownState]:
        """Every state as it is shown."""
        while True:
            yield await self.states.get()

    def _show(self, command: do.Command) -> None:
        match command:
            case do.PublishState(state=state):
                self.states.put_nowait(state)
                if state is do.ShownState.SPEAKING:
                    self._show_heard()
                self._line("state", state.value)
            case do.PublishWake(word=word) if word:
                self._line("wake", f"{word} ({command.score:.2f})")
            case do.PublishTranscript(speaker=do.Speaker.USER, text=text, final=final):
                self._hearing = text
                if final:
                    self.tally.heard.append(text)
                    self._show_heard()
                    self._hearing = self._heard = ""
            case do.PublishTranscript(speaker=do.Speaker.ASSISTANT, text=text, final=True):
                self.tally.said.append(text)
                self._line("said", f"“{text}”")
            case do.PublishProblem(part=part, text=text):
                self._line("problem", f"{part}: {text or 'well again'}")
            case do.PublishUsage(tokens=tokens):
                self.tally.tokens += tokens.total
            case do.PublishStall(cause=cause, retried=retried):
                self._line("stalled", f"{cause}{', asked again' if retried else ''}")
            case do.PublishSources(sources=sources):
                self._line("sources", ", ".join(source.title or source.uri for source in sources))
            case _:
                return

    def _show_heard(self) -> None:
        """Pieces may come at any time: show them when the reply begins, and again only if they have changed."""
        if self._hearing != self._heard:
            self._heard = self._hearing
            self._line("heard", f"“{self._heard}”")

    def _delays(self, stages: Stages) -> None:
        self.tally.stages.append(stages)
        self._line("delays", str(stages))

    def _line(self, label: str, text: str) -> None:
        began_at_ms = self._now_ms if self._began_at_ms is None else self._began_at_ms
        elapsed_s = (self._now_ms - began_at_ms) / 1000
        self._write(f"{elapsed_s:7.2f}  {label:<{LABEL_WIDTH}}{text}")


def summary(tally: Tally, recording: Path) -> list[str]:
    """The last lines: what happened, and where to listen to it."""
    answers = [stages.answer_ms for stages in tally.stages if stages.answer_ms is not None]
    typical = f"{sorted(answers)[len(answers) // 2]} ms" if answers else "none"
    return [
        "",
        f"Turns heard: {len(tally.heard)}. Replies: {len(tally.said)}, of which cut into: {tally.cut_ins}.",
        f"From the end of a turn to its answer: {typical} (median of {len(answers)}).  Tokens: {tally.tokens}.",
        f"Listen: {recording} (left: what the microphone heard, right: what the speaker played).",
    ]
