"""The whole daemon in the simulated room: speech in, speech out, faults between."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.house import Held, House, Understands, live, loud, spoken

from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.pcm import CAPTURE_RATE_HZ, REPLY_RATE_HZ, samples_in
from satellite.live_server.faults import Closing, Fault, Faults
from satellite.simroom.script import CONVERSATION, perform
from satellite.speech.earcons import earcon
from satellite.speech.recogniser import Recogniser

LONG = "Tell me about yourself."


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return tmp_path / "conversation.wav"


def test_a_question_is_answered_and_followed_up_without_a_wake_word(recording: Path) -> None:
    async def main() -> House:
        async with House(recording, hears=Understands("what is two plus three", "what is four plus four")) as house:
            await house.ask("What is two plus three?")
            await house.until_state("follow_up")
            await house.rest(1)
            await house.say("What is four plus four?")
            await house.until_state("speaking")
            await house.until_state("follow_up")
            await house.until_state("idle")
        return house

    house = live(main())
    assert house.states == [
        "idle",
        *("listening", "thinking", "speaking", "follow_up"),
        *("listening", "thinking", "speaking", "follow_up"),
        "idle",
    ]
    assert house.finals(do.Speaker.USER) == ["what is two plus three", "what is four plus four"]
    first, second = house.finals(do.Speaker.ASSISTANT)
    assert "5" in first or "five" in first
    assert "8" in second or "eight" in second
    assert len(house.commands(do.OpenSession)) == 1


def test_first_words_spoken_during_the_connect_reach_the_server(recording: Path) -> None:
    faults = Faults(setup_delay_s=3.0)

    async def main() -> tuple[House, int]:
        sets = ["audio.echo_cancellation=false"]
        async with House(recording, hears=Understands("x"), faults=faults, sets=sets) as house:
            await house.wake()
            await house.rest(0.3)
            began = await house.say("What is the weather like in the mountains today?")
            await house.until_heard(do.SendActivityEnd)
            await house.until(lambda: bool(house.utterances))
        return house, began

    house, began = live(main())
    opened_at_ms = house.at_ms(ev.SessionOpened)[0]
    assert opened_at_ms > house.at_ms(ev.SpeechStarted)[0]
    first = house.commands(do.SendFrames)[0].first_sample
    heard = np.frombuffer(house.utterances[0], dtype="<i2")
    microphone, _ = house.recording()
    assert first <= began
    assert len(heard) > len(spoken("What is the weather like in the mountains today?")) // 2
    np.testing.assert_array_equal(heard, microphone[first : first + len(heard)])


@pytest.mark.parametrize("activity", ["manual", "automatic"])
@pytest.mark.parametrize("ser_db", [9.0, 0.0])
def test_a_wake_with_nothing_after_it_sends_nothing_and_closes(recording: Path, activity: str, ser_db: float) -> None:
    """The chime that says "I am listening" is heard by the microphone, too."""

    async def main() -> House:
        sets = [f"conversation.activity={activity}"]
        async with House(recording, hears=Understands(), sets=sets, ser_db=ser_db) as house:
            await house.wake()
            await house.until_state("idle")
            await house.until(lambda: bool(house.close_codes))
        return house

    house = live(main())
    assert house.states == ["idle", "listening", "idle"]
    assert house.uplink() == []
    assert len(house.commands(do.CloseSession)) == 1
    assert house.close_codes == [1000]
    assert house.utterances == []
    _, speaker = house.recording()
    assert loud(speaker, 0, len(speaker)) > 1000, "the chime"


def test_the_chime_is_neither_an_utterance_nor_in_the_way_of_the_first_word(recording: Path) -> None:
    async def main() -> tuple[House, int, int]:
        sets = ["audio.echo_cancellation=false"]
        async with House(recording, hears=Understands("what is two plus three"), sets=sets) as house:
            await house.wake()
            began = await house.say("What is two plus three?")
            ended = house.room.sample
            await house.until(lambda: bool(house.utterances))
        return house, began, ended

    house, began, ended = live(main())
    microphone, speaker = house.recording()
    chime_samples = samples_in(earcon("wake")) * CAPTURE_RATE_HZ // REPLY_RATE_HZ
    assert loud(speaker, began, began + chime_samples // 2) > 1000, "it sounds while they begin to speak"
    assert loud(speaker, began + 2 * chime_samples, ended) == 0
    (heard,) = (np.frombuffer(utterance, dtype="<i2") for utterance in house.utterances)
    first = house.commands(do.SendFrames)[0].first_sample
    assert first <= began
    assert first + len(heard) >= ended
    np.testing.assert_array_equal(heard, microphone[first : first + len(heard)])


def test_a_connect_that_never_answers_is_told_and_ends_in_idle(recording: Path) -> None:
    async def main() -> House:
        sets = ["conversation.connect_timeout_ms=8000", "live.attempt_timeout_ms=3000"]
        async with House(recording, hears=Understands(), faults=Faults(never_answer_setup=True), sets=sets) as house:
            await house.wake()
            await house.say("What time is it?")
            await house.until_heard(do.Announce)
            await house.until_state("idle")
        return house

    house = live(main())
    assert [command.notice for command in house.commands(do.Announce)] == [do.Notice.NO_CONNECTION]
    _, speaker = house.recording()
    assert loud(speaker, 0, len(speaker)) > 1000


def test_link_drops_mid_answer(recording: Path) -> None:
    """The question is asked again, and answered in full; nobody has to repeat it."""
    faults = Faults(close_after_chunks=(4, Closing(1011, "Internal error encountered.")))

    async def main() -> House:
        async with House(recording, hears=Understands(LONG, LONG), faults=faults) as house:
            await house.ask(LONG)
            await house.until_state("follow_up")
            await house.rest(1)
        return house

    house = live(main())
    assert not house.commands(do.Announce)
    assert [(stall.cause, stall.retried) for stall in house.commands(do.PublishStall)] == [(do.StallCause.CLOSED, True)]
    assert [command.handle for command in house.commands(do.OpenSession)] == [None, None]
    first, again = house.utterances
    assert first == again
    (answer,) = house.finals(do.Speaker.ASSISTANT)
    assert answer.startswith("Here is the story of this moment.")
    assert answer.endswith("Just talk.")


def test_link_drops_mid_answer_again_and_again(recording: Path) -> None:
    """Once more is enough: then what came is played to its end, and the user is told."""
    script = [Fault("close", chunk=4, times=2, reason="Internal error encountered.")]

    async def main() -> House:
        hears = Understands(LONG, LONG, "what is one plus one")
        async with House(recording, hears=hears, faults=Faults(script=script)) as house:
            await house.ask(LONG)
            await house.until_heard(do.Announce)
            await house.until_state("idle")
            await house.ask("What is one plus one?")
            await house.until_state("follow_up")
            await house.rest(1)
        return house

    house = live(main())
    assert [command.notice for command in house.commands(do.Announce)] == [do.Notice.NO_CONNECTION]
    assert [stall.retried for stall in house.commands(do.PublishStall)] == [True, False]
    assert "2" in house.finals(do.Speaker.ASSISTANT)[-1] or "two" in house.finals(do.Speaker.ASSISTANT)[-1]


def test_an_early_turn_complete_does_not_cut_the_tail(recording: Path) -> None:
    async def main() -> House:
        faults = Faults(turn_complete_early=True)
        async with House(
            recording, hears=Understands("repeat after me one two three four five"), faults=faults
        ) as house:
            await house.ask("What is one plus one?")
            await house.until_state("follow_up")
            await house.rest(0.2)
        return house

    house = live(main())
    (completed,) = house.at_ms(ev.TurnCompleted)
    pushed = sum(len(command.pcm) for command in house.commands(do.PlayChunk)) / 48
    began = house.at_ms(ev.PlaybackStarted)[0]
    drained = house.at_ms(ev.PlaybackDrained)[-1]
    assert completed < began + pushed / 2
    assert drained - began >= pushed


def test_microphone_gone_and_back(recording: Path) -> None:
    async def main() -> House:
        async with House(recording, hears=Understands("what is one plus one")) as house:
            house.room.unplug_microphone()
            await house.until_state("no_microphone")
            await house.rest(5)
            house.room.plug_in_microphone()
            await house.until_state("idle")
            await house.rest(1)
            await house.ask("What is one plus one?")
            await house.until_state("follow_up")
        return house

    house = live(main())
    assert [command.notice for command in house.commands(do.Announce)] == [do.Notice.NO_MICROPHONE]


def test_the_same_conversation_twice_gives_the_same_events(tmp_path: Path) -> None:
    async def main(path: Path) -> House:
        hears = Understands("what is two plus three", "set a timer for ten seconds")
        async with House(path, hears=hears) as house:
            await house.ask("What is two plus three?")
            await house.until_state("idle")
            await house.ask("Set a timer for ten seconds.")
            await house.until_heard(do.Announce)
            await house.until_state("idle")
        return house

    def log(house: House) -> Iterator[tuple[int, ev.Event, tuple[do.Command, ...]]]:
        """The server draws its resumption handles at random, so that nobody can guess another's: they are left out."""
        for now_ms, event, commands in house.log:
            without = (
                replace(event, handle="any") if isinstance(event, ev.ResumptionUpdated) and event.handle else event
            )
            kept = (do.OpenSession, do.StoreMemory)
            opened = (replace(c, handle="any") if isinstance(c, kept) and c.handle else c for c in commands)
            yield now_ms, without, tuple(opened)

    first, second = live(main(tmp_path / "a.wav")), live(main(tmp_path / "b.wav"))
    assert len(first.log) > 1000
    # One by one: the difference between two lists of megabytes is nothing to be read, and takes pytest minutes.
    for one, other in zip(log(first), log(second), strict=True):
        assert one == other
    assert first.utterances == second.utterances
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_a_timer_set_aloud_rings(recording: Path) -> None:
    async def main() -> tuple[House, int, int]:
        async with House(recording, hears=Understands("set a timer for ten seconds")) as house:
            await house.ask("Set a timer for ten seconds.")
            await house.until_state("follow_up")
            silent_from = house.room.sample
            await house.until_heard(do.Announce)
            rings_at = house.room.sample
            await house.until_state("idle")
        return house, silent_from, rings_at

    house, silent_from, rings_at = live(main())
    assert [command.name for command in house.commands(do.RunTool)] == ["set_timer"]
    assert len(house.commands(do.SendToolResponse)) == 1
    assert len(house.finals(do.Speaker.ASSISTANT)) == 1
    assert [command.notice for command in house.commands(do.Announce)] == [do.Notice.TIMER]
    (set_at_ms,) = house.at_ms(ev.TimerRequested)
    (announced_at_ms,) = house.at_ms(do.Announce)
    assert 0 <= announced_at_ms - (set_at_ms + 10_000) <= 1, "but for rounding"
    _, speaker = house.recording()
    assert loud(speaker, silent_from + CAPTURE_RATE_HZ // 10, rings_at) == 0
    assert loud(speaker, rings_at, rings_at + CAPTURE_RATE_HZ) > 1000


def test_the_volume_is_set_aloud(recording: Path) -> None:
    question = "what is two plus three"

    async def main() -> tuple[House, list[tuple[int, int]]]:
        replies = []
        hears = Understands(question, "set the volume to forty percent", question)
        sets = ["audio.volume_percent=80", "conversation.wake_earcon=false"]
        async with House(recording, hears=hears, sets=sets) as house:
            for said in ("What is two plus three?", "Set the volume to forty percent.", "What is two plus three?"):
                await house.ask(said)
                began = house.room.sample
                await house.until_state("follow_up")
                replies.append((began, house.room.sample))
                await house.until_state("idle")
        return house, replies

    house, replies = live(main())
    assert [command.name for command in house.commands(do.RunTool)] == ["set_volume"]
    assert [command.percent for command in house.commands(do.PublishVolume)] == [80, 40]
    first, _, last = house.finals(do.Speaker.ASSISTANT)
    assert first == last
    _, speaker = house.recording()
    before, _, after = (loud(speaker, *reply) for reply in replies)
    assert after / before == pytest.approx((40 / 80) ** 2, rel=0.02), "a square law: half way sounds like half"


def test_what_is_truly_said_is_truly_recognised(recording: Path) -> None:
    async def main() -> House:
        recogniser = Recogniser("whisper")
        await recogniser.start()
        try:
            async with House(recording, hears=Held(recogniser)) as house:
                performance = await perform(CONVERSATION, house.room, house.shown_states())
                assert not performance.missed
        finally:
            await recogniser.close()
        return house

    house = live(main())
    heard = " ".join(house.finals(do.Speaker.USER)).lower()
    for words in ("time", "plus", "about your", "date"):
        assert words in heard
    assert any("12" in reply or "twelve" in reply for reply in house.finals(do.Speaker.ASSISTANT))
    assert any("54" in reply or "fifty" in reply.lower() for reply in house.finals(do.Speaker.ASSISTANT))
