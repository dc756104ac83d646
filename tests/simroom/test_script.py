"""Cues: people speak when they notice what they wait for, say it again when not heard, and give up in the end."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from satellite.core.commands import ShownState
from satellite.simroom.acoustics import to_pcm
from satellite.simroom.script import CONVERSATION, Cue, Performance, Said, perform
from simroom.room_bench import Bench, run_simulated

Act = Callable[["Display"], Coroutine[Any, Any, None]]


class Display:
    """Shows states, at the times a scene wants; what the people said so far is in `said`."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.said: list[Said] = []
        self._spoke = asyncio.Event()
        self._states: asyncio.Queue[ShownState | None] = asyncio.Queue()

    def show(self, state: ShownState) -> None:
        self._states.put_nowait(state)

    def go_dark(self) -> None:
        self._states.put_nowait(None)

    def note(self, said: Said) -> None:
        self.said.append(said)
        self._spoke.set()

    async def until_said(self, count: int) -> None:
        while len(self.said) < count:
            self._spoke.clear()
            await self._spoke.wait()

    async def states(self) -> AsyncIterator[ShownState]:
        while (state := await self._states.get()) is not None:
            yield state


def play(cues: list[Cue], act: Act) -> Performance:
    """Perform `cues` in a room while `act` plays the satellite."""

    async def scene() -> Performance:
        bench = Bench()
        display = Display(bench)
        with bench.running():
            acting = asyncio.create_task(act(display))
            performance = await perform(cues, bench.room, display.states(), rest_patience_ms=3000, on_said=display.note)
            acting.cancel()
            await asyncio.wait([acting])
        if not acting.cancelled():
            acting.result()
        assert performance.said == tuple(display.said)
        return performance

    return run_simulated(scene())


WAKE = Cue("hey jarvis", ShownState.IDLE, pause_ms=1000, patience_ms=6000)


def test_a_cue_waits_for_its_state_and_its_pause() -> None:
    async def act(display: Display) -> None:
        await display.bench.let_pass(2000)
        display.show(ShownState.IDLE)
        await display.until_said(1)
        await display.bench.let_pass(1000)
        display.show(ShownState.LISTENING)
        display.show(ShownState.IDLE)

    performance = play([WAKE], act)
    assert performance.missed == ""
    assert [said.text for said in performance.said] == ["hey jarvis"]
    assert performance.said[0].at_sample == pytest.approx(3 * 16_000, abs=640)


def test_a_state_that_goes_away_before_the_pause_is_over_is_no_cue() -> None:
    async def act(display: Display) -> None:
        display.show(ShownState.IDLE)
        await display.bench.let_pass(500)
        display.show(ShownState.MUTED)
        await display.bench.let_pass(2000)
        assert display.said == []
        display.show(ShownState.IDLE)
        await display.until_said(1)
        display.show(ShownState.LISTENING)
        display.show(ShownState.IDLE)

    performance = play([WAKE], act)
    assert performance.missed == ""
    assert performance.said[0].at_sample == pytest.approx(3.5 * 16_000, abs=640)


def test_the_same_state_shown_again_does_not_begin_the_pause_anew() -> None:
    async def act(display: Display) -> None:
        for _ in range(3):
            display.show(ShownState.IDLE)
            await display.bench.let_pass(400)
        display.show(ShownState.LISTENING)
        display.show(ShownState.IDLE)

    assert play([WAKE], act).said[0].at_sample == pytest.approx(16_000, abs=640)


def test_who_cuts_in_waits_until_the_reply_has_been_heard_for_long_enough() -> None:
    cut_in = Cue("stop", ShownState.SPEAKING, pause_ms=0, reply_ms=2500)

    async def act(display: Display) -> None:
        display.show(ShownState.SPEAKING)
        await display.bench.let_pass(1000)
        tone = 0.1 * np.sin(np.arange(24_000 * 5))
        display.bench.playback.push(1, to_pcm(tone))
        await display.until_said(1)
        display.show(ShownState.THINKING)
        display.show(ShownState.IDLE)

    performance = play([cut_in], act)
    assert performance.missed == ""
    assert performance.said[0].at_sample == pytest.approx(3.5 * 16_000, abs=1000)


def test_who_is_not_heard_says_it_again() -> None:
    async def act(display: Display) -> None:
        display.show(ShownState.IDLE)
        await display.until_said(2)
        display.show(ShownState.LISTENING)
        display.show(ShownState.IDLE)

    performance = play([WAKE], act)
    assert [(said.text, said.attempt) for said in performance.said] == [("hey jarvis", 1), ("hey jarvis", 2)]
    assert performance.missed == ""


def test_who_is_never_heard_gives_up() -> None:
    async def act(display: Display) -> None:
        display.show(ShownState.IDLE)

    performance = play([WAKE], act)
    assert [said.attempt for said in performance.said] == [1, 2, 3]
    assert performance.missed == "'hey jarvis' was not heard"


def test_patience_ends() -> None:
    async def act(display: Display) -> None:
        display.show(ShownState.THINKING)

    performance = play([WAKE], act)
    assert performance.said == ()
    assert performance.missed == "no idle for 1000 ms before 'hey jarvis'; thinking was shown"


def test_a_satellite_that_is_gone_ends_the_performance() -> None:
    async def act(display: Display) -> None:
        display.show(ShownState.IDLE)
        await display.until_said(1)
        display.go_dark()

    assert play([WAKE, WAKE], act).missed == "'hey jarvis' was not heard"


def test_the_end_is_when_the_satellite_rests() -> None:
    async def act(display: Display) -> None:
        display.show(ShownState.IDLE)
        await display.until_said(1)
        display.show(ShownState.LISTENING)

    assert play([WAKE], act).missed == "no idle at the end; listening was shown"


def test_what_goes_wrong_with_the_states_is_not_swallowed() -> None:
    async def broken() -> AsyncIterator[ShownState]:
        yield ShownState.IDLE
        raise RuntimeError("the display broke")

    async def scene() -> None:
        bench = Bench()
        with bench.running(), pytest.raises(RuntimeError, match="the display broke"):
            await perform([WAKE], bench.room, broken())

    run_simulated(scene())


def test_a_cancelled_performance_leaves_no_task_behind() -> None:
    async def scene() -> set[str]:
        bench = Bench()
        display = Display(bench)
        with bench.running():
            task = asyncio.create_task(perform([WAKE], bench.room, display.states()))
            await bench.let_pass(500)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return {str(task.get_coro()) for task in asyncio.all_tasks()}

    left = run_simulated(scene())
    assert len(left) == 2  # this one and the room


def test_the_demonstration_wakes_follows_up_and_cuts_in() -> None:
    states = [cue.state for cue in CONVERSATION]
    assert states[:2] == [ShownState.IDLE, ShownState.LISTENING]
    assert states.count(ShownState.FOLLOW_UP) >= 2
    assert [cue.reply_ms > 0 for cue in CONVERSATION if cue.state is ShownState.SPEAKING] == [True]
    assert CONVERSATION[-1].state is ShownState.FOLLOW_UP
