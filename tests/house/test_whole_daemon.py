"""The whole daemon in the simulated room: speech in, speech out, faults between."""

from pathlib import Path

import numpy as np
import pytest
from support.house import Held, House, Understands, live, spoken

from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.pcm import CAPTURE_RATE_HZ
from satellite.live_server.faults import Closing, Faults
from satellite.simroom.script import CONVERSATION, perform
from satellite.speech.recogniser import Recogniser

LONG = "Tell me about yourself."


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return tmp_path / "conversation.wav"


async def ask(house: House, question: str) -> None:
    """Wake, pause, ask, and wait until the reply sounds."""
    await house.wake()
    await house.rest(0.5)
    await house.say(question)
    await house.until_state("speaking")


def loud(signal: np.ndarray, from_sample: int, to_sample: int) -> int:
    """The highest amplitude in a piece."""
    return int(np.abs(signal[from_sample:to_sample].astype(np.int32)).max(initial=0))


def test_a_question_is_answered_and_followed_up_without_a_wake_word(recording: Path) -> None:
    async def main() -> House:
        async with House(recording, hears=Understands("what is two plus three", "what is four plus four")) as house:
            await ask(house, "What is two plus three?")
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


def test_a_wake_with_nothing_after_it_sends_nothing_and_closes(recording: Path) -> None:
    async def main() -> House:
        async with House(recording, hears=Understands()) as house:
            await house.wake()
            await house.until_state("idle")
        return house

    house = live(main())
    assert not house.commands(do.SendActivityStart) + house.commands(do.SendFrames)
    assert len(house.commands(do.CloseSession)) == 1
    assert house.utterances == []


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
    faults = Faults(close_after_chunks=(4, Closing(1011, "Internal error encountered.")))

    async def main() -> House:
        async with House(recording, hears=Understands(LONG, "what is one plus one"), faults=faults) as house:
            await ask(house, LONG)
            await house.until_heard(do.Announce)
            await house.until_state("idle")
            await ask(house, "What is one plus one?")
            await house.until_state("follow_up")
        return house

    house = live(main())
    assert [command.notice for command in house.commands(do.Announce)] == [do.Notice.NO_CONNECTION]
    assert len(house.commands(do.OpenSession)) == 2
    assert "2" in house.finals(do.Speaker.ASSISTANT)[-1] or "two" in house.finals(do.Speaker.ASSISTANT)[-1]


def test_speech_cuts_in_and_the_speaker_falls_silent(recording: Path) -> None:
    async def main() -> tuple[House, int]:
        async with House(recording, hears=Understands(LONG, "what is one plus one")) as house:
            await ask(house, LONG)
            await house.rest(3)
            speaking = house.states.count("speaking")
            saying = house.room.speak(spoken("What is one plus one?"))
            await house.until_state("listening")
            flushed_at = house.room.sample
            await saying
            await house.until(lambda: house.states.count("speaking") > speaking)
            await house.until_state("follow_up")
        return house, flushed_at

    house, flushed_at = live(main())
    _, speaker = house.recording()
    thinking_at = house.at_ms(do.SendActivityEnd)[1]
    assert thinking_at
    # output latency of the room's card (20 ms) and one block (20 ms)
    quiet_from = flushed_at + 40 * CAPTURE_RATE_HZ // 1000
    assert loud(speaker, flushed_at - CAPTURE_RATE_HZ, flushed_at) > 500
    assert loud(speaker, quiet_from, quiet_from + CAPTURE_RATE_HZ // 2) == 0
    assert house.finals(do.Speaker.USER) == [LONG, "what is one plus one"]
    assert "2" in house.finals(do.Speaker.ASSISTANT)[-1] or "two" in house.finals(do.Speaker.ASSISTANT)[-1]


def test_a_reply_does_not_interrupt_itself(recording: Path) -> None:
    async def main() -> House:
        async with House(recording, hears=Understands(LONG)) as house:
            await ask(house, LONG)
            await house.until_state("follow_up")
        return house

    house = live(main())
    assert house.states[:5] == ["idle", "listening", "thinking", "speaking", "follow_up"]
    assert house.commands(do.DuckPlayback) == []


def test_audio_bundled_with_interrupted_is_never_heard(recording: Path) -> None:
    async def main() -> House:
        faults = Faults(interrupted_with_audio=True)
        async with House(recording, hears=Understands(LONG, "what is one plus one"), faults=faults) as house:
            await ask(house, LONG)
            await house.rest(3)
            await house.say("What is one plus one?")
            await house.until_state("thinking")
            await house.until_state("speaking")
            await house.until_state("follow_up")
        return house

    house = live(main())
    (start, interrupted) = (house.at_ms(do.SendActivityStart)[1], house.at_ms(ev.ReplyInterrupted)[0])
    played = [now_ms for now_ms in house.at_ms(do.PlayChunk) if start <= now_ms <= interrupted]
    assert played == []
    assert "2" in house.finals(do.Speaker.ASSISTANT)[-1] or "two" in house.finals(do.Speaker.ASSISTANT)[-1]


def test_an_early_turn_complete_does_not_cut_the_tail(recording: Path) -> None:
    async def main() -> House:
        faults = Faults(turn_complete_early=True)
        async with House(
            recording, hears=Understands("repeat after me one two three four five"), faults=faults
        ) as house:
            await ask(house, "What is one plus one?")
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
            await ask(house, "What is one plus one?")
            await house.until_state("follow_up")
        return house

    house = live(main())
    assert [command.notice for command in house.commands(do.Announce)] == [do.Notice.NO_MICROPHONE]


def test_the_same_conversation_twice_gives_the_same_events(tmp_path: Path) -> None:
    async def main(path: Path) -> list[tuple[int, str]]:
        async with House(path, hears=Understands("what is two plus three")) as house:
            await ask(house, "What is two plus three?")
            await house.until_state("idle")
        return [
            (now_ms, type(event).__name__)
            for now_ms, event, _ in house.log
            if not isinstance(event, (ev.ResumptionUpdated, ev.UsageReported))
        ]

    assert live(main(tmp_path / "a.wav")) == live(main(tmp_path / "b.wav"))


def test_automatic_activity_detection_holds_a_conversation(recording: Path) -> None:
    async def main() -> House:
        sets = ["conversation.activity=automatic"]
        async with House(recording, hears=Understands("what is two plus three"), sets=sets) as house:
            await ask(house, "What is two plus three?")
            await house.until_state("follow_up")
            await house.until_state("idle")
        return house

    house = live(main())
    assert house.commands(do.SendActivityStart) == []
    assert len(house.commands(do.SendAudioStreamEnd)) == 1
    assert house.finals(do.Speaker.USER) == ["what is two plus three"]


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
