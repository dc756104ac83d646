"""An hour of conversation on simulated time, across goAways, with a fault in every tenth turn.

Everything is real but time, the microphone and the mind behind the server: the daemon with its gate and its wake word,
the link over a socket, the embedded server with its limits and its faults. What is asked is known, and so is what
is owed for it: each answer is looked for in the transcripts and in what the loudspeaker has played.
"""

import asyncio
import gc
import itertools
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from house.hour_clock import HourLoop
from house.hour_faults import KINDS
from house.hour_house import HourHouse
from house.hour_ledger import Line, complaints

from satellite.live_server.faults import What
from satellite.live_server.limits import Limits

Look = dict[str, int]

SEED = 1
SHARE = 0.1
"""Of the server's turns in which something goes wrong."""

HOUR_S, SHORT_S = 3600.0, 300.0
LIMITS = Limits(connection_age_s=200.0, go_away_s=50.0)
"""Many a fault brings a fresh connection: at the age of 540 s hardly one of them would be told to go away."""

BUFFERS_BYTES, TURN_BYTES = 250_000, 2_500
"""Growth from minute 10 to minute 60: what happens to be in buffers, and what each turn may leave behind (the server
remembers what was said for whoever resumes). With 300 turns 1 MB; the leisurely hour has fewer and may grow by less."""

GROWTH_BLOCKS = 12_000
"""Blocks of the small-object allocator in the full hour: with 64 bytes each 0.8 MB."""


class Hour:
    """What an hour has left behind."""

    def __init__(self, house: HourHouse, tasks_left: set[str], looks: dict[int, Look], log: Path) -> None:
        self.house = house
        self.tasks_left = tasks_left
        self.looks = looks
        """By minute: what was looked at then."""
        self.log = log

    @property
    def lines(self) -> list[Line]:
        """What was said, in order."""
        return self.house.ledger.lines


def spend(duration_s: float, log: Path, *, leisurely: bool = False, look: Callable[[], Look]) -> Hour:
    """Talk for so long; `look` is called after minutes 10 and 60, between two turns."""
    looks: dict[int, Look] = {}

    def pass_minute(minute: int) -> None:
        if minute in (10, 60):
            gc.collect()
            looks[minute] = look()

    async def main() -> Hour:
        before = asyncio.all_tasks()
        with log.open("w") as file:
            async with HourHouse(SEED, limits=LIMITS, share=SHARE, leisurely=leisurely, log=file) as house:
                await house.talk(duration_s, pass_minute)
        left = {task.get_name() for task in asyncio.all_tasks() - before}
        return Hour(house, left, looks, log)

    with asyncio.Runner(loop_factory=HourLoop) as runner:
        return runner.run(main())


def allocated_blocks() -> Look:
    """How many blocks the interpreter's small-object allocator has handed out."""
    return {"all": sys.getallocatedblocks()}


def sizes_by_file() -> Look:
    """Bytes in use by source file; the books, the people and the ears of this test are no part of what is measured."""
    own = [tracemalloc.Filter(False, f"*{name}") for name in ("/hour_*.py", "/test_hour.py", "/tracemalloc.py")]
    statistics = tracemalloc.take_snapshot().filter_traces(own).statistics("filename")
    return {each.traceback[0].filename: each.size for each in statistics}


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Hour:
    """The whole hour."""
    return spend(HOUR_S, tmp_path_factory.mktemp("hour") / "log", look=allocated_blocks)


def test_every_utterance_of_an_hour_is_answered_or_honestly_refused(hour: Hour) -> None:
    house = hour.house
    assert 200 <= len(hour.lines) <= 400
    assert house.ledger.counts["GoAwayReceived"] >= 6
    assert set(house.deck.struck) == set(KINDS), f"never struck: {set(KINDS) - set(house.deck.struck)}"
    struck = sum(1 for line in hour.lines if line.faults)
    assert 0.07 <= struck / len(hour.lines) <= 0.13
    assert not house.ears.failed
    assert not house.missed_wakes
    assert complaints(house.ledger) == []
    refused = [line for line in hour.lines if line.notices]
    assert len(refused) <= 0.02 * len(hour.lines), [str(line) for line in refused]
    in_a_row = [f"{one} and {two}" for one, two in itertools.pairwise(refused) if two.number == one.number + 1]
    assert in_a_row == []


def test_an_hour_leaves_no_task_behind_and_no_exception_uncaught(hour: Hour) -> None:
    assert hour.tasks_left == set()
    gc.collect()
    assert hour.house.errors == []


def test_the_interpreter_hands_out_no_more_blocks_in_minute_60_than_in_minute_10(hour: Hour) -> None:
    assert hour.looks[60]["all"] - hour.looks[10]["all"] < GROWTH_BLOCKS


def test_memory_does_not_grow_from_minute_10_to_minute_60(tmp_path: Path) -> None:
    """In an hour with fewer turns and a microphone that sleeps: tracing makes everything three times as slow."""
    tracemalloc.start(1)
    try:
        hour = spend(HOUR_S, tmp_path / "log", leisurely=True, look=sizes_by_file)
    finally:
        tracemalloc.stop()
    assert complaints(hour.house.ledger) == []
    early, late = hour.looks[10], hour.looks[60]
    grown = {name: late.get(name, 0) - early.get(name, 0) for name in early.keys() | late.keys()}
    most = sorted(grown.items(), key=lambda item: -item[1])[:8]
    assert sum(grown.values()) < BUFFERS_BYTES + TURN_BYTES * len(hour.lines) < 1_000_000, most


def test_the_same_seed_makes_the_same_minutes_to_the_millisecond(hour: Hour, tmp_path: Path) -> None:
    short = spend(SHORT_S, tmp_path / "log", look=allocated_blocks)
    with hour.log.open() as whole, short.log.open() as beginning:
        pairs = itertools.takewhile(
            lambda pair: int(pair[1].split()[0]) < 1000 * SHORT_S, zip(whole, beginning, strict=False)
        )
        compared = 0
        for one, other in pairs:
            assert one == other
            compared += 1
    assert compared > 1000


def test_every_kind_of_fault_that_a_turn_can_suffer_is_in_the_deck() -> None:
    """A new fault of the server's script has to be dealt here, too."""
    assert {fault.what for faults in KINDS.values() for fault in faults} == names_of(What)


def names_of(literal: object) -> set[str]:
    """All names in a Literal of Literals."""
    names: set[str] = set()
    for each in getattr(literal, "__args__", ()):
        names |= {each} if isinstance(each, str) else names_of(each)
    return names
