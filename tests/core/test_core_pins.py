"""What a mutation survived: each line here was taken away once, and nothing else noticed."""

import pytest

from core.conversation_script import Script
from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.dialogue import Dialogue
from satellite.core.link import HAND_OVER_MARGIN_MS, REFUSED_PAUSE_MS, LinkState
from satellite.core.policy import Policy
from satellite.core.scene import FINALS_GRACE_MS
from satellite.core.usage import DayUsage

AUTOMATIC = Policy(manual_activity=False)
SEEING = Policy(has_camera=True)


def finals(script: Script) -> list[str]:
    """The text of every final transcript so far."""
    return [published.text for published in script.all(do.PublishTranscript) if published.final]


# ---------------------------------------------------------------- connections


def test_a_history_that_was_refused_is_not_told_again() -> None:
    script = Script().to_follow_up()
    script.heard("what time is it")
    script.wait_for_deadline()
    script.stay_quiet()
    script.wake()
    assert script.all(do.OpenSession)[-1].history
    for _ in range(2):
        script.lose_session()
        assert not script.all(do.OpenSession)[-1].history


def test_a_refusal_after_a_success_is_the_first_again() -> None:
    script = Script()
    script.hear(100)
    for _ in range(2):
        script.wake()
        script.refuse_session()
        script.now_ms += 2 * REFUSED_PAUSE_MS
    script.wake()
    script.open_session()
    script.refuse_session()
    opened = len(script.all(do.OpenSession))
    script.now_ms += REFUSED_PAUSE_MS
    script.wake()
    assert len(script.all(do.OpenSession)) == opened + 1


def test_a_connection_is_not_old_before_its_age() -> None:
    script = Script(Policy(connection_age_ms=100_000)).to_listening()
    script.wait(1000)
    assert script.conversation.link.state is LinkState.OPEN


def test_its_age_gives_a_connection_that_goes_away_no_more_time() -> None:
    script = Script(Policy(connection_age_ms=100_000)).to_listening()
    script.now_ms += 99_000
    script.wake()
    script.begin_to_speak()
    script.go_away(5000)
    gone_ms = script.now_ms + 5000 - HAND_OVER_MARGIN_MS
    while script.now_ms < gone_ms:
        script.hear(20)
        script.tell(ev.DeadlineReached())
    assert script.session == 2


def test_that_there_is_no_connection_is_not_said_when_there_is_one() -> None:
    script = Script().to_thinking()
    script.call_tool()
    script.finish_tool()
    script.reply()
    script.lose_session()
    script.begin_to_speak()
    script.open_session()
    script.fall_silent()
    script.reply()
    script.turn_complete()
    script.drain()
    assert not script.all(do.Announce)
    assert script.dialogue() is Dialogue.FOLLOW_UP


def test_what_was_heard_of_words_that_are_said_again_is_forgotten() -> None:
    script = Script(AUTOMATIC).to_speech()
    script.heard("what")
    script.lose_session()
    script.open_session()
    script.heard("what time")
    assert script.all(do.PublishTranscript)[-1].text == "what time"


@pytest.mark.parametrize("cut", [Script.wake, Script.listen, lambda s: s.tell(ev.TextRequested("hello"))])
def test_an_activity_whose_end_waits_for_a_picture_is_ended_when_it_is_cut(cut: object) -> None:
    """An activity that is left open swallows the start of the next."""
    script = Script(SEEING).to_listening()
    script.speak(300)
    assert script.dialogue() is Dialogue.THINKING
    assert script.uplink(1) == ["ActivityStart", "Frames"]
    assert callable(cut)
    cut(script)
    assert script.uplink(1) == ["ActivityStart", "Frames", "ActivityEnd"]


# ---------------------------------------------------------------- what is heard and said


def test_words_are_final_only_when_their_turn_is_over() -> None:
    script = Script().to_thinking()
    script.heard("what time")
    script.wait(FINALS_GRACE_MS)
    assert not finals(script)


def test_words_that_the_server_hears_before_we_do_are_not_final() -> None:
    script = Script(AUTOMATIC).to_follow_up()
    script.heard("what")
    script.wait(FINALS_GRACE_MS)
    assert not finals(script)


def test_late_words_are_waited_for_to_the_end() -> None:
    script = Script().to_thinking()
    script.heard("what time")
    script.reply()
    script.turn_complete()
    script.wait(FINALS_GRACE_MS - 1)
    assert not finals(script)
    script.wait(1)
    assert finals(script) == ["what time"]


def test_what_is_final_stays_so_over_a_hand_over() -> None:
    script = Script().to_thinking()
    script.heard("what time")
    script.reply()
    script.turn_complete()
    script.drain()
    script.wait(FINALS_GRACE_MS)
    script.go_away()
    script.open_session()
    assert script.heard(" is it") == []
    script.stay_quiet()
    assert finals(script) == ["what time"]


def test_nothing_new_is_not_shown() -> None:
    script = Script().to_thinking()
    script.heard("what")
    assert script.heard("") == []


def test_what_was_said_of_a_turn_that_was_cut_is_not_of_the_written_one() -> None:
    script = Script()
    script.tell(ev.TextRequested("tell me a story"))
    script.open_session()
    script.tell(ev.TextRequested("what time is it"))
    script.reply()
    script.said("Once upon")
    script.interrupted()
    script.turn_complete()
    script.reply()
    script.said("It is noon.")
    script.turn_complete()
    script.wait(FINALS_GRACE_MS)
    assert finals(script)[-1] == "It is noon."


def test_a_day_is_published_when_it_begins() -> None:
    script = Script()
    assert do.PublishDay(DayUsage("2026-11-22")) in script.tell(ev.DayBegun(DayUsage("2026-11-22")))


# ---------------------------------------------------------------- replies


def test_a_text_of_a_turn_that_was_cut_is_not_shown() -> None:
    script = Script().to_speaking()
    script.begin_to_speak()
    script.fall_silent()
    assert script.dialogue() is Dialogue.THINKING
    assert script.write("there was") == []


def test_a_near_silent_reply_after_a_loud_one_stalls() -> None:
    script = Script().to_follow_up()
    script.speak(800)
    script.silent_reply()
    script.turn_complete()
    assert [stall.cause for stall in script.all(do.PublishStall)] == [do.StallCause.NEAR_SILENT]


def test_breaks_of_one_reply_do_not_count_for_the_next() -> None:
    script = Script().to_speaking()
    script.wait(10_000)
    script.reply()
    script.turn_complete()
    script.drain()
    script.speak(800)
    script.reply()
    script.wait(10_000)
    script.reply()
    script.wait(1000)
    assert script.dialogue() is Dialogue.SPEAKING
    assert not script.all(do.Announce)


def test_a_follow_up_in_a_stream_that_flows_can_be_asked_again() -> None:
    script = Script(AUTOMATIC).to_follow_up()
    script.hear(1000)
    began = script.speak(800)
    script.turn_complete()
    assert [stall.retried for stall in script.all(do.PublishStall)] == [True]
    script.open_session()
    assert script.sent(2)[0].first_sample <= began


def test_what_follows_a_turn_without_a_sound_is_a_turn_of_its_own() -> None:
    script = Script().to_thinking()
    script.turn_complete(waits=True)
    script.reply()
    assert script.all(do.PlayChunk)[-1].turn == 2


# ---------------------------------------------------------------- functions


def test_what_is_owed_before_the_turn_is_over_is_owed_after_it() -> None:
    script = Script().to_speaking()
    script.call_tool()
    script.finish_tool(scheduling="WHEN_IDLE")
    script.turn_complete()
    script.drain()
    script.wait_for_deadline()
    assert script.dialogue() is Dialogue.IDLE
    script.reply()
    assert script.dialogue() is Dialogue.SPEAKING


def test_words_after_a_function_behind_a_reply_are_of_a_turn_of_their_own() -> None:
    script = Script().to_speaking()
    script.said("One moment.")
    script.turn_complete()
    script.wait(FINALS_GRACE_MS)
    script.call_tool()
    script.finish_tool()
    script.said("It is noon.")
    script.turn_complete()
    script.wait(FINALS_GRACE_MS)
    assert finals(script) == ["One moment.", "It is noon."]


@pytest.mark.parametrize("end", ["cancelled", "finished"])
def test_a_call_is_hushed_once(end: str) -> None:
    script = Script().to_speaking()
    script.call_tool()
    script.stop()
    if end == "cancelled":
        script.tell(ev.ToolCallsCancelled(1, ("call-1",)))
    else:
        script.finish_tool(scheduling="WHEN_IDLE")
    script.turn_complete()
    script.wake()
    script.speak(800)
    script.call_tool()
    script.finish_tool(scheduling="WHEN_IDLE")
    assert script.all(do.SendToolResponse)[-1].scheduling == "WHEN_IDLE"


def test_a_silent_answer_takes_back_no_other() -> None:
    script = Script().to_thinking()
    script.call_tool("a")
    script.call_tool("b")
    script.turn_complete()
    script.finish_tool("a", scheduling="WHEN_IDLE")
    script.finish_tool("b", scheduling="SILENT")
    assert script.dialogue() is Dialogue.THINKING


def test_what_a_blocking_function_leads_to_is_waited_for() -> None:
    script = Script().to_thinking()
    script.call_tool()
    script.turn_complete()
    script.finish_tool()
    assert script.dialogue() is Dialogue.THINKING


@pytest.mark.parametrize("policy", [Policy(), AUTOMATIC], ids=["manual", "automatic"])
def test_after_a_function_in_mid_reply_the_rest_has_its_time(policy: Policy) -> None:
    script = Script(policy).to_speech()
    if policy.manual_activity:
        script.fall_silent()
    script.reply()
    script.call_tool()
    script.drain()
    script.wait(policy.reply_timeout_ms - 100)
    script.finish_tool()
    script.wait(5000)
    assert script.dialogue() is Dialogue.SPEAKING
    assert not script.all(do.Announce)


def test_a_function_in_a_reply_that_began_while_we_listened_is_no_stall() -> None:
    script = Script(AUTOMATIC).to_speech()
    script.reply()
    script.call_tool()
    script.wait(script.policy.reply_timeout_ms + 5000)
    assert not script.all(do.PublishStall)
    assert not script.all(do.Announce)


# ---------------------------------------------------------------- written turns and pictures


def test_a_written_turn_that_is_refused_is_not_waited_for() -> None:
    script = Script()
    script.wake()
    script.refuse_session()
    script.stop()
    script.tell(ev.TextRequested("hello"))
    assert script.dialogue() is Dialogue.SPEAKING
    assert script.all(do.Announce)[-1].notice is do.Notice.REFUSED


def test_a_written_turn_stops_the_stream() -> None:
    script = Script(AUTOMATIC).to_follow_up()
    script.tell(ev.TextRequested("hello"))
    assert script.uplink(1)[-1] == "AudioStreamEnd"


def test_who_writes_may_speak_again_without_a_wake_word() -> None:
    script = Script(Policy(max_turns_without_wake=1)).to_follow_up()
    script.speak(800)
    script.reply()
    script.turn_complete()
    script.tell(ev.TextRequested("hello"))
    script.reply()
    script.turn_complete()
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP
    script.speak(800)
    assert script.dialogue() is Dialogue.THINKING


def test_who_has_closed_the_microphone_and_writes_is_not_looked_at() -> None:
    script = Script(SEEING)
    script.mute()
    script.tell(ev.TextRequested("hello"))
    script.open_session()
    assert not script.all(do.StartCamera)


def test_a_picture_of_one_conversation_is_not_of_the_next() -> None:
    script = Script(SEEING).to_listening()
    script.tell(ev.PictureTaken(b"old"))
    script.begin_to_speak()
    script.fall_silent()
    script.stop()
    script.stay_quiet()
    script.wake()
    script.open_session()
    script.begin_to_speak()
    assert [picture.session for picture in script.all(do.SendPicture)] == [1]


def test_a_session_that_was_opened_ahead_sees_nothing_before_the_next_words() -> None:
    script = Script(SEEING).to_listening()
    script.tell(ev.PictureTaken(b"1"))
    script.speak(800)
    script.go_away()
    script.reply()
    script.turn_complete()
    script.drain()
    script.open_session()
    script.now_ms += 2000
    script.tell(ev.PictureTaken(b"2"))
    script.hear(1000)
    assert not [picture for picture in script.all(do.SendPicture) if picture.session == 2]


def test_a_written_turn_that_was_answered_is_not_asked_again() -> None:
    script = Script()
    script.mute()
    script.tell(ev.TextRequested("what time is it"))
    script.open_session()
    script.write("It is noon. Or so.")
    script.turn_complete()
    script.call_tool(name="get_time")  # while the text is still being read
    script.interrupted()
    script.lose_session()
    script.stay_quiet()
    assert script.all(do.SendText) == [do.SendText(1, "what time is it")]
    assert finals(script) == ["what time is it", "It is noon. Or so."]
