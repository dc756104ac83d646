"""One turn without a room: a question as text or sound goes up, the answer comes back as text and sound.

The same link and the same configuration as in the daemon, without gate, speaker and broker; functions of ours are not
declared, since nothing here may ring, speak or be switched on. commands of the shell: ask_command.py.
"""

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from satellite.core import events as ev
from satellite.core.errors import SatelliteError
from satellite.core.past import PastTurn
from satellite.core.pcm import CAPTURE_RATE_HZ, REPLY_RATE_HZ, SAMPLE_BYTES, ms_of_samples, samples_in, silence
from satellite.core.usage import Prices, TokenCounts, Usage
from satellite.live.instruction import fill, read_instruction
from satellite.live.link import LiveLink
from satellite.live.models import Reply, family_of
from satellite.settings import ActivityMode, LiveSettings, Modality, Settings

SESSION = 1

PIECE_MS = 200
"""Sound goes up in messages of this length."""

CLOSING_SILENCE_MS = 1500
"""With automatic detection the server hears the end of speech as silence; a file ends with its last word."""


class NoAnswerError(SatelliteError):
    """The question was not answered: the connection, the server, or the model."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: text, or `sound` (s16le mono at `rate_hz`); after `history`, and about `picture` (JPEG)."""

    text: str = ""
    sound: bytes = b""
    rate_hz: int = CAPTURE_RATE_HZ
    picture: bytes = b""
    history: tuple[PastTurn, ...] = ()


@dataclass(slots=True)
class Answer:
    """What came back: the text of the reply, its sound (24 kHz s16le mono), and what is told beside."""

    model: str
    text: str = ""
    heard: str = ""
    heard_words: list[ev.Word] = field(default_factory=list)
    """With their instants, where live.transcription asks for them."""
    heard_language: str = ""
    speakers: list[str] = field(default_factory=list)
    """Labels of who asked, in the order of their first words."""
    thoughts: str = ""
    sound: bytearray = field(default_factory=bytearray)
    sources: list[ev.Source] = field(default_factory=list)
    searches: list[str] = field(default_factory=list)
    tokens: TokenCounts = field(default_factory=TokenCounts)
    """Of all that was reported: a turn that goes on is paid for anew each time."""
    cost: float = 0.0
    """Estimate by [usage.prices], in `currency`; 0 without prices."""
    currency: str = ""
    reason: str = ""
    """turnCompleteReason, where the turn did not end in the ordinary way."""
    connect_ms: int = 0
    first_ms: int | None = None
    """From the end of the question to the first piece of the answer."""

    @property
    def duration_ms(self) -> int:
        """How long the sound lasts."""
        return int(ms_of_samples(samples_in(self.sound), REPLY_RATE_HZ))


def for_asking(settings: LiveSettings, *, wants_sound: bool) -> LiveSettings:
    """The settings for one turn: text where the model writes and no sound is wanted, else sound with its transcript."""
    writes = Reply.TEXT in family_of(settings.model).replies
    modality = Modality.TEXT if writes and not wants_sound else Modality.AUDIO
    generation = settings.generation.model_copy(update={"modality": modality})
    context = settings.context.model_copy(update={"resumption": False, "transparent": False, "seed_history": True})
    transcription = settings.transcription.model_copy(update={"interim": False})  # nobody would see the guesses
    changes = {"generation": generation, "context": context, "transcription": transcription}
    return settings.model_copy(update={**changes, "input_transcription": True, "output_transcription": True})


async def ask(
    settings: Settings,
    question: Question,
    *,
    wants_sound: bool = False,
    progress: Callable[[str], None] = lambda _: None,
    now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
) -> Answer:
    """Ask and wait for the whole answer. Raises ConfigError, NoAnswerError."""
    live = for_asking(settings.live, wants_sound=wants_sound)
    manual = settings.conversation.activity is ActivityMode.MANUAL
    template, here = read_instruction(live), settings.satellite
    events: asyncio.Queue[ev.Event] = asyncio.Queue()
    link = LiveLink(
        live,
        activity_manual=manual,
        post=events.put_nowait,
        jitter=random.random,
        instruction=lambda: fill(template, name=here.name, room=here.room, place=here.place, now=now()),
    )
    usage = settings.usage
    prices = Prices(**usage.prices.model_dump(), currency=usage.currency)
    answer = Answer(live.model, currency=usage.currency)
    turn = _Turn(answer, events, progress, Usage(prices))
    try:
        link.open(SESSION, None, question.history)
        progress(f"connecting to {live.model}")
        await turn.wait_for_session(settings.conversation.connect_timeout_ms)
        if question.sound:
            length_s = samples_in(question.sound) / question.rate_hz
            progress(f"sending {length_s:.1f} s of sound")
            await _send_sound(link, question, manual=manual)
        else:
            _send_picture(link, question)
            link.send_text(SESSION, question.text)
        progress("waiting for the answer")
        await turn.wait_for_answer(settings.conversation.reply_timeout_ms)
    finally:
        await link.shutdown()
    if not (answer.text or answer.sound):
        raise NoAnswerError(f"the model gave no answer{f' ({answer.reason})' if answer.reason else ''}")
    return answer


async def _send_sound(link: LiveLink, question: Question, *, manual: bool) -> None:
    """As fast as the network takes it."""
    if manual:
        link.send_activity_start(SESSION)
    _send_picture(link, question)
    after = b"" if manual else silence(question.rate_hz * CLOSING_SILENCE_MS // 1000)
    for piece in _pieces(question.sound + after, question.rate_hz):
        link.send_sound(SESSION, piece, question.rate_hz)
        await link.all_sent(SESSION)  # a long recording waits for the network in the file, not in memory
    if manual:
        link.send_activity_end(SESSION)
    else:
        link.send_audio_stream_end(SESSION)


def _send_picture(link: LiveLink, question: Question) -> None:
    if question.picture:
        link.send_picture(SESSION, question.picture)


def _pieces(sound: bytes, rate_hz: int) -> Iterator[bytes]:
    size_bytes = max(1, rate_hz * PIECE_MS // 1000) * SAMPLE_BYTES
    for start in range(0, len(sound), size_bytes):
        yield sound[start : start + size_bytes]


class _Turn:
    """Reads the events of one turn into an Answer."""

    def __init__(
        self, answer: Answer, events: "asyncio.Queue[ev.Event]", progress: Callable[[str], None], usage: Usage
    ) -> None:
        self._answer = answer
        self._events = events
        self._progress = progress
        self._usage = usage
        self._last_tokens = TokenCounts()

    async def wait_for_session(self, patience_ms: int) -> None:
        """Until setupComplete."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            async with asyncio.timeout(patience_ms / 1000):
                while not isinstance(event := await self._events.get(), ev.SessionOpened):
                    _raise_if_ended(event)
        except TimeoutError:
            raise NoAnswerError(f"no connection to the Live API within {patience_ms / 1000:g} s") from None
        self._answer.connect_ms = int((loop.time() - began_s) * 1000)

    async def wait_for_answer(self, patience_ms: int) -> None:
        """Until the turn is over; each piece of it begins the patience anew."""
        loop = asyncio.get_running_loop()
        asked_s = loop.time()
        while True:
            try:
                async with asyncio.timeout((patience_ms + self._unplayed_ms(asked_s)) / 1000):
                    event = await self._events.get()
            except TimeoutError:
                raise NoAnswerError(f"no answer within {patience_ms / 1000:g} s") from None
            _raise_if_ended(event)
            if self._take(event) and self._answer.first_ms is None:
                self._answer.first_ms = int((loop.time() - asked_s) * 1000)
            if isinstance(event, ev.TurnCompleted) and not event.goes_on:
                self._answer.reason = event.reason
                return

    def _unplayed_ms(self, asked_s: float) -> float:
        """The server waits with turnComplete until the reply would have been heard (LIVE_API 4.1)."""
        if self._answer.first_ms is None:
            return 0.0
        heard_ms = (asyncio.get_running_loop().time() - asked_s) * 1000 - self._answer.first_ms
        return max(0.0, self._answer.duration_ms - heard_ms)

    def _take(self, event: ev.Event) -> bool:
        """Whether it is a piece of the answer."""
        answer = self._answer
        match event:
            case ev.ReplyChunkReceived(pcm=pcm):
                answer.sound += pcm
                self._progress(f"receiving the answer, {answer.duration_ms / 1000:.1f} s")
                return True
            case ev.ReplyTextReceived(text=text) | ev.OutputTranscribed(text=text):
                answer.text += text
                return True
            case ev.InputTranscribed():
                self._take_heard(event)
            case ev.ThoughtReceived(text=text):
                answer.thoughts += text
            case ev.Grounded(sources=sources, searches=searches):
                answer.sources += sources
                answer.searches += searches
            case ev.UsageReported(tokens=tokens):
                self._take_usage(tokens)
        return False

    def _take_heard(self, event: ev.InputTranscribed) -> None:
        answer = self._answer
        answer.heard += event.text
        answer.heard_words += event.words
        answer.heard_language = event.language or answer.heard_language
        if event.speaker and event.speaker not in answer.speakers:
            answer.speakers.append(event.speaker)

    def _take_usage(self, tokens: TokenCounts) -> None:
        if tokens == self._last_tokens:
            return  # a turnComplete that comes twice brings its usage twice
        self._last_tokens = tokens
        self._usage.report(tokens)
        self._answer.tokens, self._answer.cost = self._usage.session, self._usage.session_cost


def _raise_if_ended(event: ev.Event) -> None:
    match event:
        case ev.SessionRefused(advice=advice):
            raise NoAnswerError(advice)
        case ev.SessionLost(reason=reason):
            raise NoAnswerError(f"the connection ended: {reason}")
