"""What real servers and people do out of order: late words, ends that come twice, functions that take their time."""

import pytest

from core.conversation_script import Script
from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.connecting import MAX_REPLAYS
from satellite.core.dialogue import Dialogue
from satellite.core.link import LinkState
from satellite.core.policy import Policy
from satellite.core.reply import ReplyState
from satellite.core.scene import FINALS_GRACE_MS, LONGEST_THINKING_MS
from satellite.core.sight import PAUSE_MS

MANUAL = Policy()
AUTOMATIC = Policy(manual_activity=False)
BOTH = pytest.mark.parametrize("policy", [MANUAL, AUTOMATIC], ids=["manual", "automatic"])


def finals(script: Script) -> list[tuple[do.Speaker, int, str]]:
    """Every final transcript so far: speaker, turn, text."""
    return [(t.speaker, t.turn, t.text) for t in script.all(do.PublishTranscript) if t.final]


def read(script: Script, *, final: bool = False) -> list[do.Command]:
    """The local voice has read a piece, or has come to the end."""
    turn = script.all(do.SpeakReply)[-1].turn
    return script.tell(ev.LocalSpeechReady(turn, b"" if final else b"\x10\x10" * 12_000, final))


# ---------------------------------------------------------------- words that come late


@pytest.mark.parametrize("state", [Dialogue.SPEAKING, Dialogue.FOLLOW_UP, Dialogue.IDLE])
@BOTH
def test_words_that_come_after_the_turn_cost_no_later_reply(policy: Policy, state: Dialogue) -> None:
    script = Script(policy).to_thinking()
    script.reply()
    script.said("It is")
    script.turn_complete()
    if state is not Dialogue.SPEAKING:
        script.drain()
    if state is Dialogue.IDLE:
        script.tell(ev.EndRequested())
    assert script.dialogue() is state
    script.said(" noon.")
    assert script.conversation.reply.state is ReplyState.CLOSED
    script.wait(FINALS_GRACE_MS)
    script.said(" Bye.")
    assert finals(script) == [(do.Speaker.ASSISTANT, 1, "It is noon.")]
    script.drain()
    script.wake()
    script.speak(1000)
    script.reply()
    assert script.all(do.PlayChunk)[-1].turn == 2


def test_words_that_come_at_rest_before_the_end_of_their_turn_are_shown() -> None:
    script = Script().to_speaking()
    script.said("It is")
    script.generation_complete()
    script.drain()
    script.tell(ev.EndRequested())
    script.said(" noon.")
    script.turn_complete()
    script.wait(FINALS_GRACE_MS)
    assert finals(script) == [(do.Speaker.ASSISTANT, 1, "It is noon.")]


@pytest.mark.parametrize("then", [Script.wake, lambda s: s.say("dinner")])
def test_words_that_come_after_something_else_has_begun_cost_no_reply(then: object) -> None:
    script = Script().to_follow_up()
    assert callable(then)
    then(script)
    script.said("late")
    assert script.conversation.reply.state is ReplyState.CLOSED
    assert not [t for t in script.all(do.PublishTranscript) if t.turn > 1]


def test_what_was_heard_is_told_finally_once() -> None:
    script = Script().to_thinking()
    script.heard("what time")
    script.reply()
    script.turn_complete()
    script.drain()
    script.wait(FINALS_GRACE_MS)
    assert script.heard(" is it") == []
    script.stay_quiet()
    assert finals(script) == [(do.Speaker.USER, 1, "what time")]


@pytest.mark.parametrize("then", [lambda s: s.say("dinner"), lambda s: s.tell(ev.TextRequested("hello"))])
def test_what_was_heard_late_is_not_of_a_turn_that_was_not_spoken(then: object) -> None:
    script = Script().to_thinking()
    script.heard("what time")
    script.reply()
    script.turn_complete()
    script.drain()
    assert callable(then)
    then(script)
    assert script.heard(" is it") == []
    script.stay_quiet()
    assert [final for final in finals(script) if final[2] != "hello"] == [(do.Speaker.USER, 1, "what time")]


def test_a_session_that_is_told_what_was_said_is_told_the_last_turn_too() -> None:
    script = Script().to_thinking()
    script.heard("what time is it")
    script.reply()
    script.said("It is noon.")
    script.go_away()
    script.turn_complete()
    script.drain()
    assert [turn.text for turn in script.all(do.OpenSession)[-1].history] == ["what time is it", "It is noon."]


# ---------------------------------------------------------------- turns the server begins by itself


@BOTH
def test_each_turn_of_the_server_has_its_own_final_words(policy: Policy) -> None:
    script = Script(policy).to_speaking()
    script.said("One moment.")
    script.turn_complete(goes_on=True)
    script.wait(FINALS_GRACE_MS)
    assert script.dialogue() is Dialogue.SPEAKING
    script.reply()
    script.said("It is noon.")
    script.turn_complete()
    script.drain()
    script.wait(FINALS_GRACE_MS)
    assert finals(script) == [(do.Speaker.ASSISTANT, 1, "One moment."), (do.Speaker.ASSISTANT, 2, "It is noon.")]
    assert script.dialogue() is Dialogue.FOLLOW_UP


def test_a_turn_behind_one_that_still_plays_is_heard_to_its_end() -> None:
    script = Script().to_speaking()
    script.turn_complete(goes_on=True)
    script.reply()
    script.tell(ev.PlaybackDrained(1))
    script.turn_complete()
    assert script.dialogue() is Dialogue.SPEAKING
    script.tell(ev.PlaybackDrained(2))
    assert script.dialogue() is Dialogue.FOLLOW_UP


def test_a_turn_behind_another_ends_the_conversation_where_that_was_asked_for() -> None:
    script = Script().to_speaking()
    script.tell(ev.EndRequested())
    script.turn_complete(goes_on=True)
    script.reply()
    script.turn_complete()
    script.drain()
    assert script.dialogue() is Dialogue.IDLE


def test_words_without_sound_while_we_listen_begin_no_other_turn() -> None:
    script = Script(AUTOMATIC).to_speech()
    script.said("Hm")
    script.turn_complete()
    script.reply()
    assert script.all(do.PlayChunk)[-1].turn == 1
    script = Script(AUTOMATIC).to_speech()
    script.said("Hm")
    script.turn_complete()
    script.fall_silent()
    script.said("It is")
    assert script.conversation.reply.state is ReplyState.OPEN, "awaited"
    script = Script(AUTOMATIC).to_speech()
    script.heard("what")
    script.said("Hm")
    script.turn_complete()
    script.wait(FINALS_GRACE_MS)
    assert not finals(script), "the user has not finished"


@pytest.mark.parametrize("owed", [False, True])
def test_more_of_a_turn_that_seemed_to_be_over_is_played(owed: bool) -> None:
    script = Script().to_speaking()
    if owed:
        script.call_tool()
        script.finish_tool(scheduling="WHEN_IDLE")
    script.generation_complete()
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP
    script.reply()
    assert [chunk.turn for chunk in script.all(do.PlayChunk)] == [1, 1]
    assert script.dialogue() is Dialogue.SPEAKING


def test_a_session_lingers_no_more_while_it_speaks_by_itself() -> None:
    script = Script().to_speaking()
    script.turn_complete(goes_on=True)
    script.drain()
    script.wait_for_deadline()
    assert script.dialogue() is Dialogue.IDLE
    script.reply(100_000)
    script.wait(script.policy.session_linger_ms)
    assert script.conversation.link.state is LinkState.OPEN


def test_a_function_called_behind_a_reply_that_still_plays_does_not_keep_it_from_its_end() -> None:
    script = Script().to_speaking()
    script.turn_complete()
    script.call_tool()
    script.finish_tool()
    script.turn_complete()
    assert script.all(do.EndPlayback) == [do.EndPlayback(1)]
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP


@BOTH
def test_what_the_server_says_by_itself_in_the_window_is_a_turn_of_its_own(policy: Policy) -> None:
    script = Script(policy).to_follow_up()
    script.reply()
    script.said("By the way")
    script.turn_complete()
    assert script.all(do.PlayChunk)[-1].turn == 2
    script.drain()
    script.wait(FINALS_GRACE_MS)
    assert finals(script) == [(do.Speaker.ASSISTANT, 2, "By the way")]


def test_a_server_that_goes_on_by_itself_comes_to_an_end() -> None:
    script = Script(Policy(manual_activity=False, max_turns_without_wake=2)).to_follow_up()
    for _ in range(2):
        assert script.dialogue() is Dialogue.FOLLOW_UP
        script.reply()
        script.turn_complete()
        script.drain()
    assert script.dialogue() is Dialogue.IDLE


@pytest.mark.parametrize("end", ["", "RESPONSE_REJECTED"])
def test_an_owed_turn_that_stalls_is_nobodys_question(end: str) -> None:
    script = Script().to_speaking()
    script.turn_complete(goes_on=True)
    script.drain()
    script.wait_for_deadline()
    script.said("By")
    assert script.dialogue() is Dialogue.THINKING
    script.turn_complete(end)
    assert not script.all(do.Announce)
    assert script.dialogue() is (Dialogue.IDLE if end else Dialogue.FOLLOW_UP)
    assert len(script.all(do.PublishStall)) == bool(end)


def test_an_owed_turn_that_never_comes_is_given_up_quietly() -> None:
    script = Script().to_speaking()
    script.turn_complete(goes_on=True)
    script.drain()
    script.said("By")
    script.wait(script.policy.reply_timeout_ms)
    assert script.dialogue() is Dialogue.IDLE
    assert not script.all(do.PublishStall)
    assert not script.all(do.Announce)


@BOTH
@pytest.mark.parametrize("gone", [Script.lose_session, lambda s: (s.go_away(0), s.wait(0))])
def test_an_owed_turn_is_not_waited_for_on_another_session(policy: Policy, gone: object) -> None:
    script = Script(policy).to_speaking()
    script.turn_complete(goes_on=True)
    script.drain()
    script.said("By")
    assert script.dialogue() is Dialogue.THINKING
    assert callable(gone)
    gone(script)
    assert script.dialogue() is Dialogue.IDLE
    assert len(script.all(do.OpenSession)) == 1
    assert not script.all(do.Announce)


# ---------------------------------------------------------------- functions


def test_a_silent_function_that_ends_after_its_turn_is_no_stall() -> None:
    script = Script().to_thinking()
    script.call_tool()
    script.turn_complete()
    script.finish_tool(scheduling="SILENT")
    assert script.dialogue() is Dialogue.FOLLOW_UP
    script.stay_quiet()
    assert not script.all(do.PublishStall)
    assert not script.all(do.Announce)


def test_a_silent_function_ends_no_turn_that_has_begun_again() -> None:
    script = Script().to_thinking()
    script.call_tool()
    script.turn_complete()
    script.said("Hm")
    script.finish_tool(scheduling="SILENT")
    assert script.dialogue() is Dialogue.THINKING


@pytest.mark.parametrize(
    "end", [Script.turn_complete, Script.generation_complete, lambda s: s.turn_complete("RESPONSE_REJECTED")]
)
def test_what_the_satellite_says_itself_does_not_stall(end: object) -> None:
    script = Script().to_follow_up()
    script.say("dinner")
    assert callable(end)
    assert end(script) == []


def test_words_of_what_is_refused_at_rest_are_not_shown() -> None:
    script = Script().to_idle()
    script.reply()
    assert script.said("By the way") == []


def test_a_silent_function_leaves_the_others_their_time() -> None:
    script = Script().to_thinking()
    script.call_tool("a")
    script.call_tool("b")
    script.turn_complete()
    script.finish_tool("a", scheduling="SILENT")
    assert script.dialogue() is Dialogue.THINKING
    script.finish_tool("b", scheduling="WHEN_IDLE")
    assert script.dialogue() is Dialogue.THINKING


def test_a_function_called_in_the_window_is_a_turn_of_its_own() -> None:
    script = Script().to_follow_up()
    assert do.RunTool(1, "call-1", "set_timer", "{}") in script.call_tool()
    assert script.dialogue() is Dialogue.THINKING
    script.finish_tool()
    script.turn_complete()
    assert script.dialogue() is Dialogue.FOLLOW_UP
    assert not script.all(do.PublishStall)


def test_who_speaks_while_the_server_is_at_work_by_itself_has_a_turn_of_their_own() -> None:
    script = Script(AUTOMATIC).to_follow_up()
    script.call_tool()
    assert script.dialogue() is Dialogue.THINKING
    script.hear(1000)
    began = script.speak(800)
    script.lose_session()
    script.open_session()
    assert script.sent(2)[0].first_sample <= began


def test_a_silent_function_ends_no_turn_that_goes_on() -> None:
    script = Script().to_thinking()
    script.call_tool()
    script.finish_tool(scheduling="SILENT")
    assert script.dialogue() is Dialogue.THINKING


def test_a_function_called_in_mid_reply_may_take_its_time() -> None:
    script = Script().to_speaking()
    script.call_tool()
    script.drain()
    script.wait(script.policy.reply_timeout_ms + 5000)
    assert script.dialogue() is Dialogue.SPEAKING
    script.finish_tool()
    script.wait(1000)
    script.reply(2000)
    script.turn_complete()
    script.wait(2200)  # the card is a little late
    assert script.dialogue() is Dialogue.SPEAKING
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP


def test_a_function_called_in_a_reply_that_began_while_we_listened_may_take_its_time() -> None:
    script = Script(AUTOMATIC).to_speech()
    script.reply()
    script.call_tool()
    script.wait(script.policy.reply_timeout_ms + 5000)
    assert script.dialogue() is Dialogue.SPEAKING


def test_a_function_called_in_mid_reply_that_never_ends_is_given_up() -> None:
    script = Script().to_speaking()
    script.call_tool()
    began_ms = script.now_ms
    script.wait(script.policy.reply_timeout_ms + 1000)
    assert script.conversation.deadline_ms == began_ms + LONGEST_THINKING_MS
    script.wait_for_deadline()
    assert script.all(do.Announce)[-1].notice is do.Notice.NOT_UNDERSTOOD
    assert len(script.all(do.OpenSession)) == 1


def test_function_after_function_in_mid_reply_comes_to_an_end() -> None:
    script = Script().to_speaking()
    for number in range(100):
        script.call_tool(f"call-{number}")
        script.wait(5000)
        if script.dialogue() is not Dialogue.SPEAKING:
            break
        script.finish_tool(f"call-{number}")
    assert script.dialogue() is Dialogue.IDLE


def test_generation_that_pauses_for_a_function_is_not_complete() -> None:
    script = Script().to_speaking()
    script.call_tool()
    script.generation_complete()
    script.drain()
    assert script.dialogue() is Dialogue.SPEAKING
    script.finish_tool()
    script.reply()
    script.generation_complete()
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP


@pytest.mark.parametrize("scheduling", ["INTERRUPT", "WHEN_IDLE"])
def test_who_said_stop_is_not_spoken_to_when_a_function_ends(scheduling: str) -> None:
    script = Script().to_speaking()
    script.call_tool()
    script.turn_complete()
    script.stop()
    script.finish_tool(scheduling=scheduling)
    assert script.all(do.SendToolResponse)[-1].scheduling == "SILENT"
    played = len(script.all(do.PlayChunk))
    script.reply()
    assert len(script.all(do.PlayChunk)) == played


def test_a_function_called_after_the_stop_may_speak() -> None:
    script = Script().to_speaking()
    script.stop()
    script.turn_complete()
    script.wake()
    script.speak(800)
    script.call_tool("call-2")
    script.finish_tool("call-2", scheduling="WHEN_IDLE")
    assert script.all(do.SendToolResponse)[-1].scheduling == "WHEN_IDLE"


def test_a_connection_is_not_left_while_a_function_is_at_work() -> None:
    script = Script().to_speaking()
    script.call_tool()
    script.turn_complete()
    script.go_away()
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP
    assert not script.all(do.CancelTool)
    script.finish_tool(scheduling="WHEN_IDLE")
    assert script.session == 1
    script.reply()
    script.turn_complete()
    script.drain()
    assert script.session == 2


def test_a_connection_that_ends_is_left_although_a_function_is_at_work() -> None:
    script = Script().to_speaking()
    script.call_tool()
    script.turn_complete()
    script.go_away(5000)
    script.drain()
    script.wait(3000)
    assert script.all(do.CancelTool)
    assert script.conversation.link.session != 1


# ---------------------------------------------------------------- replies that are text


@pytest.mark.parametrize("gone", [Script.lose_session, lambda s: (s.go_away(0), s.wait(0))])
@pytest.mark.parametrize("end", ["turn_complete", "generation_complete"])
def test_a_text_that_is_whole_is_read_to_its_end_without_the_session(gone: object, end: str) -> None:
    script = Script().to_thinking()
    script.write("It is noon. Or so.")
    getattr(script, end)()
    read(script)
    assert callable(gone)
    gone(script)
    script.tell(ev.PlaybackDrained(1))
    assert script.dialogue() is Dialogue.SPEAKING
    read(script)
    read(script, final=True)
    script.drain()
    assert not script.all(do.PublishStall)
    assert not script.all(do.Announce)
    assert script.dialogue() is Dialogue.FOLLOW_UP


def test_of_a_text_that_is_not_whole_what_there_is_is_read_before_we_say_so() -> None:
    script = Script().to_thinking()
    script.call_tool()
    script.finish_tool()
    script.write("It is ")
    script.lose_session()
    assert script.all(do.SpeakReply)[-1] == do.SpeakReply(1, "", final=True)
    read(script)
    read(script, final=True)
    assert not script.all(do.Announce)
    script.drain()
    assert script.all(do.Announce)[-1].notice is do.Notice.NO_CONNECTION


def test_a_text_is_read_to_its_end_although_a_function_is_called_behind_it() -> None:
    script = Script().to_thinking()
    script.write("It is noon. Or so.")
    script.turn_complete()
    read(script)
    script.call_tool()
    assert [type(command) for command in read(script)] == [do.PlayChunk]
    script.finish_tool()
    script.turn_complete()
    assert not script.all(do.EndPlayback)
    read(script, final=True)
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP


def test_a_text_that_was_taken_back_is_read_anew() -> None:
    script = Script().to_thinking()
    script.write("It is one.")
    script.generation_complete()
    script.turn_complete("RESPONSE_REJECTED")
    script.open_session()
    script.write("It is noon.")
    assert script.all(do.SpeakReply)[-1] == do.SpeakReply(2, "It is noon.", final=False)
    script.turn_complete()
    assert script.all(do.SpeakReply)[-1] == do.SpeakReply(2, "", final=True)


def test_a_text_behind_one_that_is_read_is_read_instead() -> None:
    script = Script().to_thinking()
    script.write("One moment.")
    script.turn_complete(goes_on=True)
    read(script)
    script.write("It is noon.")
    assert script.all(do.SpeakReply)[-1] == do.SpeakReply(2, "It is noon.", final=False)
    script.turn_complete()
    read(script)
    read(script, final=True)
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP


def test_a_text_behind_sound_is_read_after_it() -> None:
    script = Script().to_speaking()
    script.turn_complete()
    script.write("Or so.")
    script.tell(ev.PlaybackDrained(1))
    assert script.dialogue() is Dialogue.SPEAKING
    read(script)
    script.turn_complete()
    read(script, final=True)
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP


def test_a_text_may_begin_while_the_server_still_listens() -> None:
    script = Script(AUTOMATIC).to_speech()
    script.write("It is noon.")
    assert script.dialogue() is Dialogue.SPEAKING


def test_a_text_that_is_owed_is_read_when_it_comes() -> None:
    script = Script().to_speaking()
    script.turn_complete(goes_on=True)
    script.drain()
    script.wait_for_deadline()
    assert script.dialogue() is Dialogue.IDLE
    script.write("It is noon.")
    assert script.all(do.SpeakReply) == [do.SpeakReply(2, "It is noon.", final=False)]


def test_a_text_at_rest_that_nobody_is_owed_is_refused() -> None:
    script = Script().to_idle()
    assert script.write("By the way") == []


def test_a_text_that_nobody_waits_for_is_refused_to_its_end() -> None:
    script = Script().to_listening()
    assert script.write("old") == []
    script.speak(800)
    script.reply()
    assert not script.all(do.PlayChunk)
    script.turn_complete()
    script.reply()
    assert script.all(do.PlayChunk)


def test_a_text_after_its_end_is_shown() -> None:
    script = Script().to_thinking()
    script.write("It is noon.")
    script.generation_complete()
    script.write(" Or so.")
    assert script.all(do.PublishTranscript)[-1].text == "It is noon. Or so."
    assert script.all(do.SpeakReply)[-1] == do.SpeakReply(1, "", final=True)


def test_a_text_without_a_sound_is_over_when_the_voice_says_so() -> None:
    script = Script().to_thinking()
    script.write("...")
    script.turn_complete()
    read(script, final=True)
    assert script.dialogue() is Dialogue.FOLLOW_UP


def test_a_text_that_is_only_shown_counts_as_an_answer_for_the_memory() -> None:
    script = Script(Policy(speaks_text=False)).to_thinking()
    script.heard("what time is it")
    script.remember("a")
    script.write("It is noon.")
    script.turn_complete()
    script.lose_session()
    script.speak(800)
    assert script.all(do.OpenSession)[-1].handle is None
    assert len(script.all(do.OpenSession)[-1].history) == 2


# ---------------------------------------------------------------- written turns


@pytest.mark.parametrize("again", [Script.lose_session, Script.turn_complete])
def test_what_was_written_and_asked_again_is_shown_and_remembered(again: object) -> None:
    script = Script()
    script.tell(ev.TextRequested("what time is it"))
    script.open_session()
    assert callable(again)
    again(script)
    script.open_session()
    script.reply()
    script.turn_complete()
    script.wait(FINALS_GRACE_MS)
    assert [(speaker, text) for speaker, _, text in finals(script)] == [(do.Speaker.USER, "what time is it")]
    assert [turn.text for turn in script.conversation.history.turns] == ["what time is it"]


def test_a_written_turn_is_not_told_to_the_session_it_is_asked_of() -> None:
    script = Script()
    script.tell(ev.TextRequested("what time is it"))
    script.open_session()
    script.lose_session()
    assert script.all(do.OpenSession)[-1].history == ()


def test_a_written_turn_outlives_the_start_of_the_answer_it_cut() -> None:
    script = Script()
    script.mute()
    script.tell(ev.TextRequested("tell me a story"))
    script.open_session()
    script.tell(ev.TextRequested("what time is it"))
    script.reply()  # of the story: it was on its way
    script.interrupted()
    assert script.dialogue() is Dialogue.THINKING
    script.turn_complete()
    assert script.dialogue() is Dialogue.THINKING
    script.reply()
    assert script.dialogue() is Dialogue.SPEAKING


# ---------------------------------------------------------------- connections


def test_a_server_that_sends_everyone_away_at_once_is_given_up() -> None:
    script = Script().to_thinking()
    for _ in range(20):
        script.go_away(0)
        script.wait(0)
        if script.dialogue() is not Dialogue.THINKING:
            break
        script.open_session()
    assert len(script.all(do.OpenSession)) == 1 + MAX_REPLAYS
    assert script.all(do.Announce)[-1].notice is do.Notice.NO_CONNECTION


def test_an_interruption_without_an_end_costs_only_the_turn_it_was_of() -> None:
    script = Script().to_thinking()
    script.interrupted()
    script.said("It")
    script.turn_complete()
    assert [(stall.cause, stall.retried) for stall in script.all(do.PublishStall)] == [(do.StallCause.EMPTY_TURN, True)]


def test_a_handle_that_lacks_an_earlier_turn_is_no_good_for_a_replay() -> None:
    script = Script().to_listening()
    script.remember("a")
    script.speak(800)
    script.heard("what time is it")
    script.reply()
    script.turn_complete()
    script.drain()
    script.speak(800)
    script.lose_session()
    opened = script.all(do.OpenSession)[-1]
    assert (opened.handle, len(opened.history)) == (None, 1)


def test_a_handle_from_before_the_turn_is_good_for_a_replay_although_the_server_says_not_now() -> None:
    script = Script().to_follow_up()
    script.heard("what time is it")
    script.remember("a")
    script.speak(800)
    script.remember(None)
    script.said("It")
    script.lose_session()
    assert script.all(do.OpenSession)[-1].handle == "a"


def test_a_mended_turn_does_not_go_back_to_the_session_that_stalled() -> None:
    script = Script().to_follow_up()
    script.heard("what time is it")
    script.remember("a")
    script.speak(800)
    script.turn_complete()
    script.open_session()
    script.turn_complete()
    script.stop()
    script.wake()
    assert [opened.handle for opened in script.all(do.OpenSession)] == [None, None, None]
    assert len(script.all(do.OpenSession)[-1].history) == 1


def test_a_long_question_whose_answer_breaks_off_is_kept_for_as_long_as_it_is_needed() -> None:
    script = Script(AUTOMATIC).to_listening()
    began = script.speak(25_000)
    script.reply(2000)
    script.hear(2000)
    script.lose_session()
    script.open_session()
    script.hear(4000)
    script.lose_session()
    script.open_session()
    assert script.sent(3)[0].first_sample <= began


def test_a_stream_of_which_nothing_was_heard_yet_has_no_end() -> None:
    """Cut by the server, and the session lost before another frame came."""
    script = Script(AUTOMATIC).to_speaking()
    script.interrupted()
    assert script.dialogue() is Dialogue.LISTENING
    script.lose_session()
    script.open_session()
    script.stop()
    assert script.uplink(2) == []


# ---------------------------------------------------------------- pictures


def seeing_follow_up() -> Script:
    script = Script(Policy(has_camera=True)).to_speech()
    script.tell(ev.PictureTaken(b"1"))
    script.fall_silent()
    script.reply()
    script.turn_complete()
    script.drain()
    return script


@pytest.mark.parametrize(
    "end",
    [Script.stop, lambda s: s.say("dinner"), lambda s: s.tell(ev.EndRequested()), lambda s: s.wait_for_deadline()],
)
def test_no_picture_leaves_with_the_end_of_the_conversation(end: object) -> None:
    script = seeing_follow_up()
    script.tell(ev.PictureTaken(b"2"))
    script.tell(ev.PictureTaken(b"3"))
    sent = len(script.all(do.SendPicture))
    script.now_ms += PAUSE_MS
    assert callable(end)
    end(script)
    assert len(script.all(do.SendPicture)) == sent


def test_a_false_wake_shows_nothing_on_a_session_that_lingers() -> None:
    script = seeing_follow_up()
    script.wait_for_deadline()
    script.now_ms += 10_000
    assert script.conversation.link.state is LinkState.OPEN
    sent = len(script.all(do.SendPicture))
    script.wake()
    script.tell(ev.PictureTaken(b"false"))
    script.hear(1000)
    assert len(script.all(do.SendPicture)) == sent
    script.begin_to_speak()
    assert script.all(do.SendPicture)[-1].jpeg == b"false"
