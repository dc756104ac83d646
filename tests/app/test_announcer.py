"""The satellite's own voice: pieces, what a notice sounds like, and what happens when the voice fails."""

import asyncio
from typing import Any

import pytest

from satellite.app.announcer import LONGEST_PIECE, VOICE_DEADLINE_S, Announcer, sentences
from satellite.app.clock import SimulatedTimeLoop
from satellite.core.commands import Announce, Notice, SpeakReply
from satellite.core.errors import SpeechError
from satellite.core.events import LocalSpeechReady
from satellite.settings import SpeechSettings
from satellite.speech.earcons import earcon


class Spells:
    """A voice that says the bytes of the text, or is broken, or hangs."""

    def __init__(self, *, broken: bool = False, hangs: bool = False) -> None:
        self._broken, self._hangs = broken, hangs

    async def speak(self, text: str) -> bytes:
        if self._hangs:
            await asyncio.Event().wait()
        if self._broken:
            raise SpeechError("flite is not installed")
        return text.encode()


def announced(command: Announce, voice: Any, notices: str = "voice") -> list[LocalSpeechReady]:
    async def main() -> list[LocalSpeechReady]:
        posted: list[LocalSpeechReady] = []
        announcer = Announcer(SpeechSettings.model_validate({"notices": notices}), voice, posted.append)
        announcer.prepare(command)
        await asyncio.sleep(VOICE_DEADLINE_S + 1)
        await announcer.close()
        return posted

    with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        return runner.run(main())


def test_a_text_is_said_word_for_word_in_pieces_with_one_end() -> None:
    posted = announced(Announce(7, text="Dinner is ready. Come down!"), Spells())
    assert [(event.pcm, event.final) for event in posted] == [
        (b"Dinner is ready.", False),
        (b"Come down!", False),
        (b"", True),
    ]
    assert {event.turn for event in posted} == {7}


def read(*steps: SpeakReply | None) -> list[LocalSpeechReady]:
    """Text replies as they grow; None: the reply is cut."""

    async def main() -> list[LocalSpeechReady]:
        posted: list[LocalSpeechReady] = []
        announcer = Announcer(SpeechSettings(), Spells(), posted.append)
        for step in steps:
            if step is None:
                announcer.stop_reading()
            else:
                announcer.read(step)
            await asyncio.sleep(1)
        left = len(asyncio.all_tasks()) - 1
        await announcer.close()
        assert left == 0, "nobody waits for the rest of a reply that is over"
        return posted

    with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        posted: list[LocalSpeechReady] = runner.run(main())
        return posted


def test_a_text_reply_is_read_by_whole_sentences_while_it_grows() -> None:
    posted = read(
        SpeakReply(3, "It is no", final=False),
        SpeakReply(3, "on. And it", final=False),
        SpeakReply(3, " rains. Bye", final=False),
        SpeakReply(3, "", final=True),
    )
    assert [(event.turn, event.pcm, event.final) for event in posted] == [
        (3, b"It is noon.", False),
        (3, b"And it rains.", False),
        (3, b"Bye", False),
        (3, b"", True),
    ]


def test_the_rest_of_a_cut_text_reply_is_not_read() -> None:
    posted = read(SpeakReply(3, "One. Two", final=False), None, SpeakReply(4, "Three.", final=True))
    assert [(event.turn, event.pcm) for event in posted] == [(3, b"One."), (4, b"Three."), (4, b"")]


def test_another_turn_takes_the_place_of_one_that_has_no_end() -> None:
    posted = read(SpeakReply(3, "One. Two", final=False), SpeakReply(4, "Three.", final=True))
    assert [(event.turn, event.pcm) for event in posted] == [(3, b"One."), (4, b"Three."), (4, b"")]


@pytest.mark.parametrize("text", ["word " * 400, "x" * 1000, "One. Two! Three? Four", "line\nbreak", "3.15 is pi"])
def test_no_piece_is_long_and_no_word_is_lost(text: str) -> None:
    pieces = sentences(text)
    assert max(map(len, pieces)) <= LONGEST_PIECE
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_a_notice_is_a_sentence_an_earcon_or_nothing() -> None:
    command = Announce(1, Notice.NO_CONNECTION)
    assert b"connection" in announced(command, Spells())[0].pcm
    assert announced(command, Spells(), "earcon")[0].pcm == earcon("no_connection")
    assert [event.pcm for event in announced(command, Spells(), "off")] == [b""]


def test_a_timer_rings_and_says_its_name_whatever_notices_are_set_to() -> None:
    ring, words, _ = announced(Announce(1, Notice.TIMER, "tea"), Spells(), "off")
    assert ring.pcm == earcon("timer")
    assert b"tea" in words.pcm


@pytest.mark.parametrize(
    ("voice", "named"), [(Spells(broken=True), "flite is not installed"), (Spells(hangs=True), "8 s")]
)
def test_a_voice_that_fails_is_replaced_by_an_earcon_and_the_journal_says_why(
    voice: Spells, named: str, caplog: pytest.LogCaptureFixture
) -> None:
    posted = announced(Announce(1, Notice.NO_MICROPHONE), voice)
    assert [event.pcm for event in posted] == [earcon("no_microphone"), b""]
    assert named in caplog.text
