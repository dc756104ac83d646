"""The Live API's features in the whole house: each spoken or written as its user would, over a real socket."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from support.house import House, Understands, live, spoken

from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.pcm import level_dbfs
from satellite.live_server.faults import Fault, Faults
from satellite.live_server.limits import Limits
from satellite.video.frames import cv2

SUM = "What is one plus one?"
HALF_CASCADE = "live.model=gemini-live-2.5-flash-preview"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return tmp_path / "conversation.wav"


def test_a_text_reply_is_read_by_the_local_voice(recording: Path) -> None:
    async def main() -> House:
        sets = [HALF_CASCADE, "live.generation.modality=text"]
        async with House(recording, hears=Understands(SUM), sets=sets) as house:
            await house.ask(SUM)
            await house.until_state("follow_up")
            await house.rest(1)
        return house

    house = live(main())
    (said,) = house.finals(do.Speaker.ASSISTANT)
    assert "2" in said or "two" in said
    assert "".join(piece.text for piece in house.commands(do.SpeakReply)).strip() == said
    assert max(level_dbfs(chunk.pcm) for chunk in house.commands(do.PlayChunk)) > -40
    assert not house.at_ms(ev.ReplyChunkReceived)


def test_what_is_written_is_answered_aloud(recording: Path) -> None:
    async def main() -> House:
        async with House(recording, hears=Understands()) as house:
            house.daemon.post(ev.TextRequested(SUM))
            await house.until_state("follow_up")
            await house.rest(1)
        return house

    house = live(main())
    assert house.states[:4] == ["idle", "thinking", "speaking", "follow_up"]
    assert house.finals(do.Speaker.USER) == [SUM]
    assert "2" in house.finals(do.Speaker.ASSISTANT)[0] or "two" in house.finals(do.Speaker.ASSISTANT)[0]


def test_after_a_restart_the_session_goes_on(recording: Path, tmp_path: Path) -> None:
    async def main() -> House:
        sets = [f"store.folder={tmp_path / 'state'}"]
        async with House(recording, hears=Understands(SUM, SUM), sets=sets) as house:
            await house.ask(SUM)
            await house.until_state("follow_up")
            await house.restart()
            await house.ask(SUM)
            await house.until_state("follow_up")
        return house

    house = live(main())
    first, second = house.commands(do.OpenSession)
    assert first.handle is None
    assert second.handle == house.commands(do.StoreMemory)[0].handle
    usage = [command.day.tokens for command in house.commands(do.PublishUsage)]
    assert usage[1] > 2 * usage[0], "the second turn has the first in its context, and the day goes on"


def test_a_connection_that_must_go_is_handed_over_between_two_turns(recording: Path) -> None:
    async def main() -> House:
        limits = Limits(connection_age_s=8, go_away_s=50)
        async with House(recording, hears=Understands(SUM, SUM), limits=limits) as house:
            await house.ask(SUM)
            await house.until_state("follow_up")
            await house.rest(4)
            await house.say(SUM)
            await house.until(lambda: house.states.count("speaking") == 2)
            await house.until_state("follow_up")
            await house.rest(1)
        return house

    house = live(main())
    assert house.at_ms(ev.GoAwayReceived)
    opened = house.commands(do.OpenSession)
    assert len(opened) >= 2
    assert opened[1].handle is not None
    assert len(house.finals(do.Speaker.ASSISTANT)) == 2
    assert not house.commands(do.Announce)
    assert set(house.close_codes) == {1000}


def test_a_session_that_cannot_be_resumed_is_told_what_was_said(recording: Path) -> None:
    async def main() -> House:
        faults = Faults(script=[Fault("close", member="activityStart", connection=2, code=1011)])
        sets = ["live.context.resumption=false", "conversation.session_linger_ms=1000"]
        async with House(recording, hears=Understands(SUM, SUM), sets=sets, faults=faults) as house:
            await house.ask(SUM)
            await house.until_state("idle")
            await house.rest(3)
            await house.ask(SUM)
            await house.until_state("follow_up")
        return house

    house = live(main())
    first, told, plain = house.commands(do.OpenSession)
    assert first.history == ()
    assert [turn.role for turn in told.history] == [do.Role.USER, do.Role.MODEL]
    assert told.history[0].text == SUM
    assert plain.history == (), "one that was told the history, and was lost, is not told it again"
    assert not house.commands(do.Announce)


def test_pictures_go_up_with_the_words_about_them(recording: Path, tmp_path: Path) -> None:
    picture = tmp_path / "door.jpg"
    cv2.imwrite(str(picture), np.full((480, 640, 3), 128, np.uint8))

    async def main() -> House:
        sets = [f"video.source={picture}"]
        async with House(recording, hears=Understands("what do you see"), sets=sets) as house:
            await house.ask("What do you see?")
            await house.until_state("idle")
            await house.rest(5)
        return house

    house = live(main())
    up = [c for _, _, commands in house.log for c in commands if isinstance(c, (do.SendPicture, do.SendFrames))]
    assert isinstance(up[0], do.SendPicture), "it is there before the words"
    (said,) = house.finals(do.Speaker.ASSISTANT)
    assert "640" in said or "six hundred" in said
    switched = [c for _, _, commands in house.log for c in commands if isinstance(c, (do.StartCamera, do.StopCamera))]
    assert switched == [do.StartCamera(), do.StopCamera()]
    instants = house.at_ms(do.SendPicture)
    assert all(later - earlier >= 1000 for earlier, later in pairwise(instants))


def test_a_function_of_the_configuration_runs(recording: Path, tmp_path: Path) -> None:
    """The assistant knows set_volume by name: here it is a program of the user's own."""
    told = tmp_path / "told.json"
    configured = tmp_path / "satellite.toml"
    configured.write_text(
        '[tools]\nbuiltin = ["get_time"]\n\n[tools.functions.set_volume]\ndescription = "How loud it is"\n'
        f'command = ["/bin/sh", "-c", "cat > {told}; echo fine"]\n'
        'parameters = { type = "object", properties = { percent = { type = "integer" } } }\n'
    )

    async def main() -> House:
        hears = Understands("set the volume to forty percent")
        async with House(recording, hears=hears, file=configured) as house:
            await house.wake()
            await house.rest(0.5)
            await house.say("Set the volume to forty percent.")
            await house.until_heard(do.SendToolResponse)
            await house.until_state("follow_up")
        return house

    house = live(main())
    assert '"percent"' in told.read_text()
    assert "fine" in house.commands(do.SendToolResponse)[0].response
    assert len(house.commands(do.SetVolume)) == 1, "only the one at the start"


def test_words_language_and_early_guesses_come_through(recording: Path) -> None:
    async def main() -> House:
        asks = ("word_timestamps=true", "diarization=true", "interim=true", "language_codes=en-GB")
        sets = [f"live.transcription.{key}" for key in asks]
        async with House(recording, hears=Understands(*[SUM] * 9), sets=sets) as house:
            await house.ask(SUM)
            await house.until_state("follow_up")
            await house.rest(1)
        return house

    house = live(main())
    heard, said = (
        next(told for told in house.commands(do.PublishTranscript) if told.speaker is speaker and told.final)
        for speaker in (do.Speaker.USER, do.Speaker.ASSISTANT)
    )
    assert (heard.text, heard.speakers, heard.language) == (SUM, ("Speaker 1",), "en-GB")
    assert [word.text for word in heard.words] == SUM.split()
    utterance_ms = len(house.utterances[0]) // 32
    assert heard.words[0].start_ms == 0
    assert heard.words[-1].end_ms == pytest.approx(utterance_ms, abs=1)
    assert [word.text for word in said.words] == said.text.split()
    assert (said.speakers, said.language) == ((), "en-GB")
    drafts, pieces = house.at_ms(ev.InputDrafted), house.at_ms(ev.InputTranscribed)
    assert drafts
    assert max(drafts) < min(pieces)
    first = house.commands(do.PublishTranscript)[0]
    assert (first.speaker, first.text, first.final, first.words) == (do.Speaker.USER, SUM, False, ())


def test_a_used_up_budget_is_told_and_nothing_is_sent(recording: Path) -> None:
    async def main() -> House:
        sets = ["usage.daily_tokens=10", "conversation.follow_up_ms=0"]
        async with House(recording, hears=Understands(SUM), sets=sets) as house:
            await house.ask(SUM)
            await house.until_state("idle")
            await house.rest(1)
            await house.say("hey jarvis")
            await house.until_heard(do.Announce)
            await house.until_state("idle")
        return house

    house = live(main())
    assert house.commands(do.Announce)[-1].notice is do.Notice.BUDGET_USED
    assert len(house.commands(do.OpenSession)) == 1


def test_a_near_silent_reply_is_asked_for_again(recording: Path) -> None:
    async def main() -> House:
        faults = Faults(script=[Fault("near_silent_reply")])
        async with House(recording, hears=Understands(SUM, SUM), faults=faults) as house:
            await house.ask(SUM)
            await house.until_heard(do.PublishStall)
            await house.until_state("follow_up")
            await house.rest(1)
        return house

    house = live(main())
    assert [(s.cause, s.retried) for s in house.commands(do.PublishStall)] == [(do.StallCause.NEAR_SILENT, True)]
    assert len(house.finals(do.Speaker.ASSISTANT)) == 1
    assert house.utterances[0] == house.utterances[1]
    assert not house.commands(do.Announce)


def test_the_end_of_the_conversation_is_the_models_to_tell(recording: Path) -> None:
    assert spoken("Goodbye.")

    async def main() -> House:
        async with House(recording, hears=Understands(SUM)) as house:
            await house.ask(SUM)
            house.daemon.post(ev.EndRequested())
            await house.until_state("idle")
        return house

    assert "follow_up" not in live(main()).states
