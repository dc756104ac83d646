"""The whole daemon and the embedded server for an hour, and the people who talk with it.

For whoever edits this: one seed makes the hour. The people know nothing of the satellite's inside but what can be seen:
the state that it shows.
"""

import asyncio
import random
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import IO, Any, Self

from house.hour_faults import Deck
from house.hour_ledger import Ledger, Line
from house.hour_sound import (
    SOUNDING,
    LeanRoom,
    NoticeVoice,
    RoomEars,
    Words,
    number_in_words,
    sounding_samples,
    wake_word,
)

from satellite.app.configuration import load
from satellite.app.daemon import Daemon
from satellite.audio.capture import CaptureBuffer
from satellite.audio.device import DeviceReports
from satellite.audio.mixer import volume_gain
from satellite.audio.playback import PlaybackBuffer
from satellite.core import pcm
from satellite.core.commands import ShownState
from satellite.live_server.assistant import Answer
from satellite.live_server.faults import Faults
from satellite.live_server.limits import Limits
from satellite.live_server.replies import sentences
from satellite.live_server.server import LiveServer
from satellite.settings import ServerSettings
from satellite.simroom.people import SPEECH_DBFS

LOOK_S = 0.1
"""How often a person looks at what the satellite shows."""

PATIENCE_S = 150.0
"""Then they give it up: longer than everything that the satellite tries."""

VOLUME_PERCENT = 80

MOST_UNWOKEN = 9
"""Turns without a wake word; the satellite takes one more (conversation.max_turns_without_wake)."""

BEGAN_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def question_of(number: int) -> str:
    """What a person asks."""
    return f"question {number_in_words(number)}"


def answer_to(number: int) -> str:
    """What is owed: every third is long enough to be cut in on."""
    words = number_in_words(number)
    short = f"Answer {words}."
    return f"{short} Once more it is {words}. Again it is {words}." if number % 3 == 0 else short


class NumberedAssistant:
    """A mind for the server: it answers each numbered question with its number."""

    def answer(self, heard: str, tools: Collection[str], /) -> Answer:
        """By the last question in it."""
        asked = heard.rsplit("question ", 1)
        if len(asked) < 2:
            return Answer("Once more.", understood=False)
        number = next(number for number in range(1000) if number_in_words(number) == asked[1])
        return Answer(answer_to(number))

    def answer_call(self, answer: Answer, response: Mapping[str, object], /) -> str:
        """It calls nothing."""
        raise AssertionError("nothing was called")


class HourHouse:
    """Everything, built from one seed."""

    def __init__(
        self, seed: int, *, limits: Limits, share: float, leisurely: bool = False, log: IO[str] | None = None
    ) -> None:
        self.rng = random.Random(seed)
        self._leisurely = leisurely
        self.faults = Faults()
        self.deck = Deck(random.Random(f"faults {seed}"), self.faults, share)
        self.ears = RoomEars()
        self.ledger = Ledger(log)
        self.ledger.on_retry = self._retry
        self.server_voice = Words("rms", pcm.REPLY_RATE_HZ, -24.0)
        self.person = Words("slt", pcm.CAPTURE_RATE_HZ, SPEECH_DBFS)
        self.wake_sound = wake_word("slt")
        self.closes: dict[int, int] = {}
        self.errors: list[str] = []
        """What nobody caught: exceptions of tasks and callbacks."""
        self.missed_wakes = 0
        self._unwoken = 0
        self.server = LiveServer(
            ServerSettings(port=0),
            now=self._now,
            recogniser=self.ears,
            voice=self.server_voice,
            assistant=NumberedAssistant(),
            faults=self.faults,
            limits=limits,
            on_closed=self._count_close,
        )
        self._jitter = random.Random(f"jitter {seed}")
        self.room: LeanRoom
        self.daemon: Daemon

    async def __aenter__(self) -> Self:
        asyncio.get_running_loop().set_exception_handler(self._note_error)
        port = await self.server.start()
        sets = [
            "live.model=gemini-2.5-flash-native-audio-preview-12-2025",
            f"live.base_url=http://127.0.0.1:{port}",
            "mqtt.enabled=false",
            "audio.echo_cancellation=false",
        ]
        settings = load(None, sets, {"SATELLITE_LIVE__API_KEY": "embedded"})
        self.daemon = Daemon(settings, self._make_room, voice=NoticeVoice(), jitter=self._jitter.random, now=self._now)
        self.daemon.observe(self.ledger)
        await self.daemon.start()
        await asyncio.sleep(1)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.daemon.stop()
        await self.server.close()

    # ------------------------------------------------------------ people

    async def talk(self, until_s: float, minute: Callable[[int], None]) -> None:
        """Ask one thing after another; `minute(n)` is called when the nth is over, between two turns."""
        loop = asyncio.get_running_loop()
        minutes = 0
        while loop.time() < until_s:
            await self._ask()
            await self._pass_time()
            while loop.time() >= 60 * (minutes + 1):
                minutes += 1
                minute(minutes)
        self.deck.collect()

    async def _ask(self) -> None:
        opening = "follow-up" if self.ledger.state is ShownState.FOLLOW_UP else "wake"
        if opening == "follow-up" and (self.rng.random() < 0.15 or self._unwoken >= MOST_UNWOKEN):
            opening = "wake"
        if opening == "wake":
            await self._wake()
        await self._say(opening)
        while self.rng.random() < 0.5 and await self._sounds_long():
            await self._say("cutting in")
        await self._await_end()

    async def _wake(self) -> None:
        """Say the wake word until it listens, or go on in the same breath."""
        in_one_breath = self.rng.random() < 0.4
        for _ in range(3):
            await self.room.speak("hey jarvis", self.wake_sound)
            if in_one_breath:
                await asyncio.sleep(0.12)
                return
            await self._until(lambda: self.ledger.state is ShownState.LISTENING, 2.0)
            if self.ledger.state is ShownState.LISTENING:
                await asyncio.sleep(self.rng.uniform(0.1, 2.0))
                return
            self.missed_wakes += 1

    async def _say(self, opening: str) -> None:
        """The next question, to its end."""
        self._close_line()
        self._unwoken = 0 if opening == "wake" else self._unwoken + 1
        number = len(self.ledger.lines) + 1
        loop = asyncio.get_running_loop()
        line = Line(number, opening, question_of(number), answer_to(number), int(loop.time() * 1000))
        line.owed_ms = self._sounding_ms(line.answer)
        line.heard_ms = -self._heard_ms()
        self.ledger.lines.append(line)
        self._deal(line)
        await self.room.speak(line.question, self.person.say(line.question))

    async def _sounds_long(self) -> bool:
        """Whether the answer can be cut in on: it sounds for a while, and goes on."""
        line = self.ledger.lines[-1]
        if line.number % 3 or line.faults or self._unwoken >= MOST_UNWOKEN:
            return False
        await self._until(lambda: self._heard_ms() + line.heard_ms > 600 or self._is_over(), PATIENCE_S)
        await asyncio.sleep(self.rng.uniform(0.0, 1.0))
        if self.ledger.state is not ShownState.SPEAKING:
            return False
        line.was_cut = True
        return True

    async def _await_end(self) -> None:
        """Listen until the satellite is done with it, one way or the other."""
        await self._until(lambda: self.ledger.state is not ShownState.LISTENING, PATIENCE_S)
        await self._until(self._is_over, PATIENCE_S)
        self._close_line()

    def _is_over(self) -> bool:
        return self.ledger.state in (ShownState.IDLE, ShownState.FOLLOW_UP)

    async def _pass_time(self) -> None:
        """Go on at once, after a while, or much later."""
        chance = self.rng.random()
        if self._leisurely:
            await asyncio.sleep(self.rng.uniform(1, 5) if chance < 0.4 else self.rng.uniform(15, 80))
        elif chance < 0.02:
            await asyncio.sleep(self.rng.uniform(75, 100))
        elif chance < 0.25:
            await asyncio.sleep(self.rng.uniform(9, 14))
        else:
            await asyncio.sleep(self.rng.uniform(0.4, 4))

    async def _until(self, seen: Callable[[], bool], patience_s: float) -> None:
        loop = asyncio.get_running_loop()
        until_s = loop.time() + patience_s
        while not seen() and loop.time() < until_s:  # noqa: ASYNC110 - people look up now and then
            await asyncio.sleep(LOOK_S)

    # ------------------------------------------------------------ books

    def _close_line(self) -> None:
        line = self.ledger.line
        if line is not None and not line.is_over:
            line.is_over = True
            line.heard_ms += self._heard_ms()

    def _deal(self, line: Line) -> None:
        fault = self.deck.deal()
        if fault:
            line.faults.append(fault)

    def _retry(self) -> None:
        """The satellite asks again: another turn for the server, and another chance for a fault."""
        line = self.ledger.line
        assert line is not None
        self._deal(line)

    def _heard_ms(self) -> int:
        return int(pcm.ms_of_samples(self.room.sounding_samples))

    def _sounding_ms(self, answer: str) -> int:
        """How much sound the whole answer is, at the volume at which it is played."""
        sound = b"".join(self.server_voice.say(text) for text in sentences(answer))
        samples = sounding_samples(sound, threshold=round(SOUNDING / volume_gain(VOLUME_PERCENT)))
        return int(pcm.ms_of_samples(samples, pcm.REPLY_RATE_HZ))

    def _make_room(self, capture: CaptureBuffer, playback: PlaybackBuffer, reports: DeviceReports) -> LeanRoom:
        self.room = self.ears.room = LeanRoom(capture, playback, reports, dozes=self._leisurely)
        return self.room

    def _count_close(self, code: int) -> None:
        self.closes[code] = self.closes.get(code, 0) + 1

    def _note_error(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.errors.append(f"{context.get('message')}: {context.get('exception')!r}")

    def _now(self) -> datetime:
        return BEGAN_AT + timedelta(seconds=asyncio.get_running_loop().time())
