"""100,000 damaged frames into parser and session machine, 500 over real sockets, always the same ones.

The assistant is left out: ear, voice and mind are the stage's. Nothing raises but a Refusal, nothing hangs, nothing
grows.
"""

import asyncio
import json
import logging
import tracemalloc
from collections import Counter
from collections.abc import Callable, Collection, Coroutine
from random import Random
from typing import Any

import pytest
from live.wire_corpus import client_frames, mutate
from websockets.exceptions import ConnectionClosed

from live_server.peer import MANUAL, MODEL, PATH, PICTURE, VERTEX_PATH, Peer, running
from live_server.stage import Ear, Mouth, ScriptedMind, simulate
from satellite.live.messages import Dialect, PayloadRefused, ServerMessage, parse_client_message, render_server_message
from satellite.live.models import ALPHA, DEVELOPER, VERTEX
from satellite.live_server.assistant import Answer
from satellite.live_server.faults import Faults
from satellite.live_server.history import Entry, Histories
from satellite.live_server.model_rules import SessionRules, accept_setup
from satellite.live_server.outbox import Outbox
from satellite.live_server.refusals import INTERNAL, REASON_MAX_BYTES, Refusal
from satellite.live_server.services import Services
from satellite.live_server.session import Session
from satellite.live_server.turn import TurnEngine

SEED = 20261123
FRAMES = 100_000
CONNECTIONS = 500
FRAMES_PER_SESSION = 25
TRACED = 5_000
"""Frames whose memory is watched: tracing costs four times the run itself."""

GROWTH_BYTES = 1_000_000

DIALECTS = (Dialect(), Dialect(version=ALPHA), Dialect(VERTEX, "v1beta1"))
MODELS = (MODEL, "models/gemini-live-2.5-flash-preview", "models/gemini-2.5-flash-native-audio-latest")
FUNCTIONS = {"functionDeclarations": [{"name": "set_timer"}]}
SOUND_SETUPS: list[dict[str, Any]] = [
    *({"setup": {"model": model, "sessionResumption": {}, "inputAudioTranscription": {}}} for model in MODELS),
    *({"setup": {"model": model, "realtimeInputConfig": MANUAL, "tools": [FUNCTIONS]}} for model in MODELS),
    {"setup": {"model": MODEL, "realtimeInputConfig": {"activityHandling": "NO_INTERRUPTION"}}},
    {"setup": {"model": MODEL, "contextWindowCompression": {"triggerTokens": 400, "slidingWindow": {}}}},
    {"setup": {"model": MODEL, "historyConfig": {"initialHistoryInClientContent": True}}},
]
MORE_FRAMES: list[dict[str, Any]] = [
    {"realtimeInput": {"activityStart": {}}},
    {"realtimeInput": {"audio": {"data": "EAAQABAA" * 400, "mimeType": "audio/pcm;rate=16000"}}},
    {"realtimeInput": {"activityEnd": {}}},
    {"realtimeInput": {"text": "hello"}},
    {"realtimeInput": {"video": PICTURE}},
    {"realtimeInput": {"audioStreamEnd": True}},
    {"clientContent": {"turns": [{"role": "user", "parts": [{"text": "hello"}]}], "turnComplete": True}},
]


def corpus() -> list[bytes]:
    """Frames of every kind, and once more those that lead far into a session."""
    return client_frames() + [json.dumps(message).encode() for message in MORE_FRAMES] * 3


class Drain(Outbox):
    """Renders what is put, and keeps nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.rendered = 0

    def put(self, message: ServerMessage, *, reply: bool = False) -> None:
        """It can be sent: it is JSON."""
        json.loads(render_server_message(message))
        self.rendered += 1
        self._queue.clear()


class Mind(ScriptedMind):
    """Calls one of the client's functions every other time, if the client has one."""

    def answer(self, heard: str, tools: Collection[str]) -> Answer:
        """The words, or the call."""
        callable_now = sorted(tools) if len(self.asked) % 2 else []
        self.calls = (callable_now[0], {}) if callable_now else None
        return super().answer(heard, tools)


class Rig:
    """One session after another, each with its own rules, until a frame ends it."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._next_setup = in_turn(SOUND_SETUPS)
        self._tasks: set[asyncio.Task[None]] = set()
        self.seen: Counter[str] = Counter()
        self.drain = Drain()
        loop = asyncio.get_running_loop()
        mind = Mind()
        self._services = Services(Ear(), Mouth(0.2), mind, Histories(loop.time), Faults())
        self._mind = mind
        self._ear = self._services.recogniser
        self._voice = self._services.voice

    async def hold_a_session(self, frames: list[bytes]) -> None:
        """Set up, obey the frames until one is refused, and let what is going on go on for a while."""
        setup = parse_client_message(json.dumps(self._next_setup())).setup
        assert setup is not None
        rules = accept_setup(setup, "v1beta", DEVELOPER)
        dialect = self._random.choice(DIALECTS)
        engine = TurnEngine(rules, list[Entry](), self._services, self.drain, self._spawn)
        session = Session(rules, engine, self._services)
        try:
            for frame in frames:
                self._obey(session, frame, dialect)
                if self._random.random() < 0.2:
                    await asyncio.sleep(self._random.choice((0.0, 0.05, 5.0)))
            self.seen["survived"] += 1
        except Refusal as refusal:
            self.seen[str(refusal.code)] += 1
            self._check(refusal)
        engine.close()
        for task in list(self._tasks):
            task.cancel()
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            assert ended is None or isinstance(ended, asyncio.CancelledError | Refusal), repr(ended)
        self._forget()

    def _obey(self, session: Session, frame: bytes, dialect: Dialect) -> None:
        try:
            message = parse_client_message(frame, dialect=dialect)
        except PayloadRefused as refused:
            self._check(Refusal(1007, refused.reason))
            self.seen["unreadable"] += 1
            return
        if message.setup is not None:
            self._accept(message.setup, dialect)
            return
        self.seen["obeyed"] += 1
        session.obey(message)

    @staticmethod
    def _check(refusal: Refusal) -> None:
        """A close frame can say it, and it is the client's fault."""
        assert refusal.reason not in ("", INTERNAL)
        assert len(refusal.reason.encode()) <= REASON_MAX_BYTES

    def _accept(self, setup: Any, dialect: Dialect) -> None:
        try:
            assert isinstance(accept_setup(setup, dialect.version, dialect.backend), SessionRules)
            self.seen["accepted"] += 1
        except Refusal:
            self.seen["setup refused"] += 1

    def _spawn(self, job: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(job)
        self._tasks.add(task)
        return task

    def _forget(self) -> None:
        """The stage's notes are not the server's memory."""
        self._tasks.clear()
        for notes in (self._mind.asked, self._mind.results, self._ear.heard, self._voice.said):  # type: ignore[attr-defined]
            notes.clear()


def in_turn(messages: list[dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """One after the other, for ever."""
    turn = 0

    def following() -> dict[str, Any]:
        nonlocal turn
        turn += 1
        return messages[turn % len(messages)]

    return following


async def feed(rig: Rig, random: Random, frames: list[bytes], count: int) -> None:
    """So many damaged frames."""
    for begin in range(0, count, FRAMES_PER_SESSION):
        mutated = [
            # Every fourth is whole: damaged ones alone would never lead far.
            frames[random.randrange(len(frames))]
            if random.random() < 0.25
            else mutate(frames[(begin + number) % len(frames)], random)
            for number in range(FRAMES_PER_SESSION)
        ]
        await rig.hold_a_session(mutated)


def test_damaged_frames_end_a_session_in_words_or_not_at_all() -> None:
    async def main() -> Counter[str]:
        random = Random(SEED)
        rig = Rig(random)
        await feed(rig, random, corpus(), FRAMES)
        rig.seen["rendered"] = rig.drain.rendered
        return rig.seen

    seen = simulate(main())
    # The frames reached every part: what can be read, what is obeyed, what is refused, and turns that speak.
    assert seen["unreadable"] > 1_000
    assert seen["obeyed"] > 1_000
    assert seen["accepted"] > 100
    assert seen["setup refused"] > 100
    assert seen["1007"] > 100
    assert seen["survived"] > 10
    assert seen["rendered"] > 1_000


def test_nothing_grows() -> None:
    async def main() -> int:
        random = Random(SEED)
        rig = Rig(random)
        frames = corpus()
        await feed(rig, random, frames, TRACED)
        tracemalloc.start()
        try:
            await feed(rig, random, frames, TRACED)
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()

    assert simulate(main()) < GROWTH_BYTES


def test_five_hundred_connections(caplog: pytest.LogCaptureFixture) -> None:
    async def talk(port: int, random: Random, frames: list[bytes]) -> str:
        path = random.choice((PATH, PATH.replace("v1beta", "v1alpha"), VERTEX_PATH))
        async with Peer.dial(port, path) as peer:
            try:
                if random.random() < 0.8:
                    model = MODEL.removeprefix("models/") if path == VERTEX_PATH else MODEL
                    await peer.send(setup={"model": model, "sessionResumption": {}})
                for _ in range(random.randint(1, 3)):
                    frame = random.choice(frames)
                    frame = mutate(frame, random) if random.random() < 0.8 else frame
                    await peer.socket.send(frame if random.random() < 0.5 else frame.decode(errors="replace"))
                async with asyncio.timeout(20.0):
                    while True:
                        json.loads(await peer.socket.recv())
            except TimeoutError:
                await (await peer.socket.ping())
                return "alive"
            except ConnectionClosed as closed:
                silent = closed.rcvd is None or closed.rcvd.reason in ("", INTERNAL)
                return f"silently: {closed}" if silent or closed.rcvd is None else str(closed.rcvd.code)

    async def main() -> Counter[str]:
        random = Random(SEED)
        frames = corpus()
        async with running() as (_, port):
            return Counter([await talk(port, random, frames) for _ in range(CONNECTIONS)])

    with caplog.at_level(logging.ERROR):
        seen = simulate(main())
    assert not caplog.records
    assert seen["1007"] > 100
    assert seen["alive"] > 10
    assert set(seen) <= {"1007", "1008", "alive"}
