"""What people say, and when: cues that wait for what a person in the room would notice.

For whoever edits this: a cue may look at the shown state and at the loudspeaker, at nothing inside. Time is the
room's blocks and the loop's clock, so a script runs in simulated time too.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from satellite.core import pcm
from satellite.core.commands import ShownState
from satellite.simroom.people import sentence
from satellite.simroom.room import Room

NOTICE_MS = 4000
"""Someone who sees no change for this long after speaking was not heard, and says it again."""

TRIES = 3
"""How often someone says the same thing before giving up."""


@dataclass(frozen=True, slots=True)
class Cue:
    """Say `text` once `state` has been shown for `pause_ms`, and the loudspeaker has spoken for `reply_ms`.

    Whoever waits longer than `patience_ms` for that gives up.
    """

    text: str
    state: ShownState
    pause_ms: int
    reply_ms: int = 0
    patience_ms: int = 45_000


@dataclass(frozen=True, slots=True)
class Said:
    """Someone begins to say `text`, at sample `at_sample` of the room, for the `attempt`-th time (from 1)."""

    text: str
    at_sample: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Performance:
    """What was said. `missed`: in words, what the people waited for in vain; empty when all went as written."""

    said: tuple[Said, ...]
    missed: str = ""


CONVERSATION = (
    Cue("hey jarvis", ShownState.IDLE, pause_ms=1000),
    Cue("What time is it?", ShownState.LISTENING, pause_ms=500),
    Cue("What is seven plus five?", ShownState.FOLLOW_UP, pause_ms=800),
    Cue("Tell me about yourself.", ShownState.FOLLOW_UP, pause_ms=800),
    Cue("What is the date today?", ShownState.SPEAKING, pause_ms=0, reply_ms=2500),
    Cue("What is nine times six?", ShownState.FOLLOW_UP, pause_ms=800),
)
"""The demonstration: wake, question, follow-up without a wake word, a long answer that is cut into, one more."""


class Onlooker:
    """A person's eyes: the state that is shown and since when. Driven by watch(), on the loop."""

    def __init__(self) -> None:
        """Nothing has been shown yet."""
        self.state: ShownState | None = None
        self.changes = 0
        self._since_s = 0.0

    async def watch(self, states: AsyncIterator[ShownState]) -> None:
        """Look until `states` ends."""
        async for state in states:
            if state is not self.state:
                self.state = state
                self.changes += 1
                self._since_s = asyncio.get_running_loop().time()

    def sees(self, state: ShownState, for_ms: int) -> bool:
        """Whether `state` is shown and has been for `for_ms`."""
        shown_s = asyncio.get_running_loop().time() - self._since_s
        return self.state is state and shown_s >= for_ms / 1000


async def perform(
    cues: Sequence[Cue],
    room: Room,
    states: AsyncIterator[ShownState],
    *,
    voice: str = "slt",
    rest_patience_ms: int = 90_000,
    on_said: Callable[[Said], None] | None = None,
) -> Performance:
    """Play the cues one after another, then wait for the satellite to be idle again, for `rest_patience_ms`.

    The sentences are synthesised first. `states` yields every shown state; when it ends, the people give up.
    `on_said` is told when someone begins to speak. Raises SpeechError when there is no voice.
    """
    spoken = [await asyncio.to_thread(sentence, cue.text, voice) for cue in cues]
    onlooker = Onlooker()
    watching = asyncio.create_task(onlooker.watch(states))
    said: list[Said] = []
    try:
        for cue, audio in zip(cues, spoken, strict=True):
            if not await _noticed(cue, room, onlooker, watching):
                waited_for = f"{cue.state.value} for {cue.pause_ms} ms"
                return Performance(tuple(said), f"no {waited_for} before {cue.text!r}; {onlooker.state} was shown")
            for attempt in range(1, TRIES + 1):
                said.append(Said(cue.text, room.sample, attempt))
                if on_said is not None:
                    on_said(said[-1])
                if await _say(audio, room, onlooker, watching):
                    break
            else:
                return Performance(tuple(said), f"{cue.text!r} was not heard")
        rest = Cue("", ShownState.IDLE, pause_ms=500, patience_ms=rest_patience_ms)
        if not await _noticed(rest, room, onlooker, watching):
            return Performance(tuple(said), f"no {rest.state.value} at the end; {onlooker.state} was shown")
        return Performance(tuple(said))
    finally:
        watching.cancel()
        await asyncio.wait([watching])
        if not watching.cancelled():
            watching.result()  # what went wrong with the states is not lost


async def _noticed(cue: Cue, room: Room, onlooker: Onlooker, watching: asyncio.Task[None]) -> bool:
    """Wait for what the cue waits for; False when patience, or the showing, ends first."""
    until = room.sample + pcm.samples_of_ms(cue.patience_ms)
    while not (onlooker.sees(cue.state, cue.pause_ms) and room.loudspeaker_sounding_ms >= cue.reply_ms):
        if watching.done() or await room.next_block() >= until:
            return False
    return True


async def _say(audio: bytes, room: Room, onlooker: Onlooker, watching: asyncio.Task[None]) -> bool:
    """Speak, and look whether the satellite reacts; False when it does not."""
    changes = onlooker.changes
    until = await room.speak(audio) + pcm.samples_of_ms(NOTICE_MS)
    while onlooker.changes == changes:
        if watching.done() or await room.next_block() >= until:
            return False
    return True
