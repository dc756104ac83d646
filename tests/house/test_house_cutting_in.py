"""Cutting in: speech, the server and the mute button take the word from a reply, in the simulated room."""

from pathlib import Path

import pytest
from support.house import House, Understands, live, loud, spoken

from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.pcm import CAPTURE_RATE_HZ, samples_of_ms
from satellite.live_server.faults import Faults

LONG = "Tell me about yourself."

AT_ONCE_SAMPLES = samples_of_ms(20 + 20)
"""What may still be heard after a flush: the room's card holds 20 ms, and a block is 20 ms."""

BOTH = pytest.mark.parametrize("activity", ["manual", "automatic"])


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return tmp_path / "conversation.wav"


@BOTH
def test_speech_cuts_in_and_the_speaker_falls_silent(recording: Path, activity: str) -> None:
    async def main() -> tuple[House, int]:
        sets = [f"conversation.activity={activity}"]
        async with House(recording, hears=Understands(LONG, "what is one plus one"), sets=sets) as house:
            await house.ask(LONG)
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
    quiet_from = flushed_at + AT_ONCE_SAMPLES
    assert loud(speaker, flushed_at - CAPTURE_RATE_HZ, flushed_at) > 500
    assert loud(speaker, quiet_from, quiet_from + CAPTURE_RATE_HZ // 2) == 0
    assert house.finals(do.Speaker.USER) == [LONG, "what is one plus one"]
    assert "2" in house.finals(do.Speaker.ASSISTANT)[-1] or "two" in house.finals(do.Speaker.ASSISTANT)[-1]
    assert len(house.commands(do.SendActivityStart)) == (2 if activity == "manual" else 0)


def test_a_reply_does_not_interrupt_itself(recording: Path) -> None:
    async def main() -> House:
        async with House(recording, hears=Understands(LONG)) as house:
            await house.ask(LONG)
            await house.until_state("follow_up")
        return house

    house = live(main())
    assert house.states[:5] == ["idle", "listening", "thinking", "speaking", "follow_up"]
    assert house.commands(do.DuckPlayback) == []


def test_audio_bundled_with_interrupted_is_never_heard(recording: Path) -> None:
    async def main() -> House:
        faults = Faults(interrupted_with_audio=True)
        async with House(recording, hears=Understands(LONG, "what is one plus one"), faults=faults) as house:
            await house.ask(LONG)
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


@BOTH
@pytest.mark.parametrize("moment", ["in the middle of speech", "in the middle of a reply"])
def test_mute_within_an_utterance_sends_nothing_more_and_closes(recording: Path, activity: str, moment: str) -> None:
    async def main() -> tuple[House, int, int, int]:
        sets = [f"conversation.activity={activity}"]
        async with House(recording, hears=Understands(LONG, "what is one plus one"), sets=sets) as house:
            if moment == "in the middle of speech":
                await house.wake()
                await house.rest(0.5)
                speech = house.room.speak(spoken("What is the weather like in the mountains today?"))
                await house.until_heard(do.SendFrames, 20)
            else:
                await house.ask(LONG)
                await house.rest(2)
                speech = house.room.speak(spoken("I would like to know"))
            entry, muted_at, turns = len(house.log), house.room.sample, len(house.utterances)
            house.daemon.post(ev.MuteRequested(muted=True))
            await house.until_state("muted")
            assert house.room.sample <= muted_at + AT_ONCE_SAMPLES
            house.daemon.post(ev.MuteRequested(muted=False))  # nothing goes on where it was
            house.daemon.post(ev.MuteRequested(muted=True))
            await speech
            await house.rest(1)
            await house.say("hey jarvis")
            await house.say("What is one plus one?")
            await house.rest(2)
            house.daemon.post(ev.MuteRequested(muted=False))
            await house.until_state("idle")
            await house.say("What is one plus one?")
            await house.rest(2)
            woken_entry = len(house.log)
            assert len(house.utterances) == turns
            await house.ask("What is one plus one?")
        return house, entry, woken_entry, muted_at

    house, entry, woken_entry, muted_at = live(main())
    assert house.uplink(0, entry)
    assert house.uplink(entry, woken_entry) == []
    assert house.uplink(woken_entry), "woken again"
    commands = [command for _, _, done in house.log[entry:woken_entry] for command in done]
    assert do.CloseSession(1) in commands
    assert do.PublishMute(muted=True) in commands
    assert house.close_codes[0] == 1000
    assert house.states[house.states.index("muted") :][:5] == ["muted", "idle", "muted", "idle", "listening"]
    _, speaker = house.recording()
    if moment == "in the middle of a reply":
        assert loud(speaker, muted_at - CAPTURE_RATE_HZ // 2, muted_at) > 500
    quiet_from = muted_at + AT_ONCE_SAMPLES
    assert loud(speaker, quiet_from, quiet_from + 5 * CAPTURE_RATE_HZ) == 0


def test_automatic_activity_detection_holds_a_conversation(recording: Path) -> None:
    async def main() -> House:
        sets = ["conversation.activity=automatic"]
        hears = Understands("what is two plus three", "what is four plus four")
        async with House(recording, hears=hears, sets=sets) as house:
            await house.ask("What is two plus three?")
            await house.until_state("follow_up")
            await house.rest(1)
            await house.say("What is four plus four?")
            await house.until_state("speaking")
            await house.until_state("follow_up")
            await house.until_state("idle")
        return house

    house = live(main())
    # Whoever notices first that they have finished, the server or we: then there is nothing to be shown as thinking.
    shown = [state for state in house.states if state != "thinking"]
    assert shown == ["idle", *("listening", "speaking", "follow_up") * 2, "idle"]
    assert house.commands(do.SendActivityStart) == []
    assert len(house.commands(do.SendAudioStreamEnd)) == 1
    assert len(house.commands(do.OpenSession)) == 1
    assert house.finals(do.Speaker.USER) == ["what is two plus three", "what is four plus four"]
    last = house.finals(do.Speaker.ASSISTANT)[-1]
    assert "8" in last or "eight" in last
