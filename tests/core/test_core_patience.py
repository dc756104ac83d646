"""Nothing goes on for ever: a television with pauses, a server that drips, a model that calls tool after tool."""

import pytest

from core.conversation_script import Script
from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.dialogue import Dialogue
from satellite.core.policy import Policy
from satellite.core.scene import LONGEST_THINKING_MS

MANY = 500


def answer(script: Script) -> None:
    script.reply(2000)
    script.turn_complete()


def test_follow_ups_without_a_wake_word_come_to_an_end() -> None:
    script = Script(Policy(max_turns_without_wake=3)).to_follow_up()
    for _ in range(2):
        script.hear(400)
        script.speak(1000)
        answer(script)
        script.drain()
        assert script.dialogue() is Dialogue.FOLLOW_UP
    script.hear(400)
    script.speak(1000)
    answer(script)
    script.drain()
    assert script.dialogue() is Dialogue.IDLE


def test_a_television_that_cuts_into_every_reply_is_answered_only_so_often() -> None:
    script = Script(Policy(max_turns_without_wake=3)).to_speaking()
    for _ in range(MANY):
        if script.dialogue() is Dialogue.SPEAKING:
            script.begin_to_speak()
            script.turn_complete()
            script.fall_silent()
        if script.dialogue() is Dialogue.THINKING:
            script.reply(2000)
            if len(script.all(do.SendActivityEnd)) == 4:
                break
    assert script.begin_to_speak() == []
    script.turn_complete()
    script.drain()
    assert script.dialogue() is Dialogue.IDLE
    assert len(script.all(do.SendActivityStart)) == 4


def test_in_automatic_mode_the_server_does_not_go_on_with_it_either() -> None:
    script = Script(Policy(manual_activity=False, max_turns_without_wake=1)).to_speaking()
    script.interrupted()
    script.turn_complete()
    assert script.dialogue() is Dialogue.LISTENING
    script.reply()
    script.interrupted()
    assert script.dialogue() is Dialogue.IDLE
    assert script.all(do.SendAudioStreamEnd)


def test_more_speech_while_thinking_does_not_renew_it_for_ever() -> None:
    script = Script(Policy(max_turns_without_wake=2)).to_thinking()
    for _ in range(5):
        script.speak(1000)
    assert len(script.all(do.SendActivityStart)) == 3


def test_the_wake_word_begins_the_count_anew_and_always_cuts_in() -> None:
    script = Script(Policy(max_turns_without_wake=1)).to_follow_up()
    script.hear(400)
    script.speak(1000)
    script.reply(2000)
    assert script.begin_to_speak() == []
    script.wake()
    assert script.dialogue() is Dialogue.LISTENING
    script.turn_complete()
    script.speak(1000)
    answer(script)
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP


def test_pieces_of_text_do_not_keep_it_thinking_for_ever() -> None:
    script = Script().to_thinking()
    began_ms = script.now_ms
    for _ in range(MANY):
        script.said("hm ")
        script.wait(10_000)
        if script.dialogue() is not Dialogue.THINKING:
            break
    assert script.now_ms - began_ms <= LONGEST_THINKING_MS + 10_000
    assert script.all(do.Announce)[-1].notice is do.Notice.NOT_UNDERSTOOD


def test_tool_after_tool_does_not_keep_it_thinking_for_ever() -> None:
    script = Script().to_thinking()
    began_ms = script.now_ms
    for number in range(MANY):
        script.call_tool(f"call-{number}")
        script.finish_tool(f"call-{number}")
        script.wait(10_000)
        if script.dialogue() is not Dialogue.THINKING:
            break
    assert script.now_ms - began_ms <= LONGEST_THINKING_MS + 10_000


def test_a_reply_in_drips_has_the_time_out_once_for_all_its_breaks() -> None:
    script = Script(Policy(reply_timeout_ms=15_000)).to_speaking()
    began_ms = script.now_ms
    for _ in range(MANY):
        script.wait(10_000)
        if script.dialogue() is not Dialogue.SPEAKING:
            break
        script.reply(1)
    assert script.all(do.PublishStall)[-1].cause is do.StallCause.NO_AUDIO
    assert script.now_ms - began_ms <= 30_000


def test_a_long_reply_without_breaks_is_heard_to_its_end() -> None:
    script = Script(Policy(reply_timeout_ms=5000)).to_thinking()
    for _ in range(60):
        script.reply(2000)
        script.wait(1000)
    assert script.dialogue() is Dialogue.SPEAKING
    script.turn_complete()
    script.wait(60_000)
    assert script.dialogue() is Dialogue.SPEAKING
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_local_text_in_pieces_ends_with_its_last(pieces: int) -> None:
    script = Script()
    script.say("one. two. three.")
    turn = script.turn
    for _ in range(pieces):
        script.tell(ev.LocalSpeechReady(turn, bytes(4800), final=False))
        script.drain()
        assert script.dialogue() is Dialogue.SPEAKING
    script.tell(ev.LocalSpeechReady(turn, b""))
    assert script.dialogue() is Dialogue.IDLE
    assert len(script.all(do.PlayChunk)) == pieces


def test_local_speech_without_a_sound_is_over_at_once() -> None:
    script = Script()
    script.say("")
    script.tell(ev.LocalSpeechReady(script.turn, b""))
    assert script.dialogue() is Dialogue.IDLE
