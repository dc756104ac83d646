"""The reply: played to its last sample, cut at once, and never mixed up with another."""

from collections.abc import Callable

import pytest

from core.conversation_script import Script, contiguous
from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.dialogue import Dialogue
from satellite.core.link import LinkState
from satellite.core.pcm import REPLY_RATE_HZ, samples_of_ms, silence
from satellite.core.policy import Policy
from satellite.core.reply import ReplyState
from satellite.core.scene import FINALS_GRACE_MS
from satellite.core.usage import TokenCounts

MANUAL = Policy()
AUTOMATIC = Policy(manual_activity=False)
BOTH = pytest.mark.parametrize("policy", [MANUAL, AUTOMATIC], ids=["manual", "automatic"])


# ---------------------------------------------------------------- to the last sample


@BOTH
def test_turn_complete_before_the_end_of_playback_does_not_cut_the_tail(policy: Policy) -> None:
    script = Script(policy).to_thinking()
    script.reply(10_000)
    commands = script.turn_complete()
    assert do.EndPlayback(script.turn) in commands
    assert not script.all(do.FlushPlayback)
    script.wait(10_000)
    assert script.dialogue() is Dialogue.SPEAKING
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP
    assert not script.all(do.FlushPlayback)


def test_generation_complete_and_the_last_sample_open_the_follow_up() -> None:
    script = Script().to_speaking()
    assert script.generation_complete() == [do.EndPlayback(script.turn)]
    assert script.dialogue() is Dialogue.SPEAKING
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP


def test_the_last_sample_before_turn_complete_opens_the_follow_up_as_well() -> None:
    script = Script().to_speaking()
    script.drain()
    assert script.dialogue() is Dialogue.SPEAKING
    script.turn_complete()
    assert script.dialogue() is Dialogue.FOLLOW_UP


def test_the_last_sample_before_generation_complete_opens_the_follow_up_as_well() -> None:
    script = Script().to_speaking()
    script.drain()
    script.generation_complete()
    assert script.dialogue() is Dialogue.FOLLOW_UP


def test_a_pause_in_the_reply_is_not_its_end() -> None:
    script = Script().to_speaking()
    script.drain()
    script.reply()
    script.turn_complete()
    assert script.dialogue() is Dialogue.SPEAKING
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP


def test_chunks_after_generation_complete_are_played_to_their_end() -> None:
    """A function was called in between."""
    script = Script().to_speaking()
    script.generation_complete()
    script.reply()
    script.drain()
    assert script.dialogue() is Dialogue.SPEAKING
    script.turn_complete()
    assert script.dialogue() is Dialogue.FOLLOW_UP


def test_the_end_of_an_older_turn_on_the_speaker_is_not_this_one() -> None:
    script = Script().to_speaking()
    script.turn_complete()
    script.tell(ev.PlaybackDrained(script.turn - 1))
    assert script.dialogue() is Dialogue.SPEAKING


def test_a_reply_has_as_long_as_it_plays_and_then_the_reply_timeout() -> None:
    script = Script().to_thinking()
    script.reply(20_000)
    assert script.conversation.deadline_ms == script.now_ms + 20_000 + MANUAL.reply_timeout_ms
    script.wait(5_000)
    script.reply(20_000)
    assert script.conversation.deadline_ms == script.now_ms + 35_000 + MANUAL.reply_timeout_ms


def test_a_second_reply_has_its_own_time() -> None:
    script = Script().to_follow_up()
    script.reply(1000)
    assert script.conversation.deadline_ms == script.now_ms + 1000 + MANUAL.reply_timeout_ms


def test_a_reply_that_stalls_in_its_middle_is_asked_for_again_on_another_session() -> None:
    script = Script().to_speaking()
    commands = script.wait_for_deadline()
    assert do.PublishStall(1, 1, do.StallCause.NO_AUDIO, retried=True, count=1) in commands
    assert commands.index(do.FlushPlayback()) < commands.index(do.CloseSession(1))
    script.open_session()
    script.reply()
    script.wait_for_deadline()
    assert script.all(do.Announce)[-1].notice is do.Notice.NO_ANSWER


def test_a_speaker_that_never_reports_the_end_costs_no_session() -> None:
    script = Script().to_speaking()
    script.turn_complete()
    assert script.wait_for_deadline()[0] == do.FlushPlayback()
    assert script.dialogue() is Dialogue.IDLE
    assert not script.all(do.CloseSession)


def test_a_reply_that_never_comes_is_told_and_nothing_late_comes_of_it() -> None:
    script = Script().to_thinking()
    script.call_tool()
    script.finish_tool()
    commands = script.wait_for_deadline()
    assert do.CloseSession(1) in commands
    assert do.Announce(2, do.Notice.NOT_UNDERSTOOD) in commands
    script.reply()
    assert not script.all(do.PlayChunk)
    script.local_speech()
    script.drain()
    assert script.dialogue() is Dialogue.IDLE


def test_an_old_deadline_in_another_state_changes_nothing() -> None:
    for state in ("to_speech", "to_thinking", "to_speaking", "to_follow_up"):
        script: Script = getattr(Script(), state)()
        dialogue, shown = script.dialogue(), len(script.done)
        assert script.wait(1) == []
        assert (script.dialogue(), len(script.done)) == (dialogue, shown)


def test_words_without_sound_are_waited_for_anew() -> None:
    script = Script().to_thinking()
    script.wait(10_000)
    script.said("Let me see.")
    assert script.conversation.deadline_ms == script.now_ms + MANUAL.reply_timeout_ms
    script.wait(10_000)
    assert script.dialogue() is Dialogue.THINKING


def test_a_turn_that_did_something_needs_no_voice() -> None:
    script = Script().to_thinking()
    script.call_tool()
    script.finish_tool()
    script.said("Hm.")
    script.turn_complete()
    assert script.dialogue() is Dialogue.FOLLOW_UP
    script.wait(FINALS_GRACE_MS)
    assert script.all(do.PublishTranscript)[-1].final


def test_turn_complete_of_a_turn_that_was_not_asked_yet_is_not_the_reply() -> None:
    """The session is another one, and has not been sent the utterance."""
    script = Script().to_thinking()
    script.lose_session()
    assert script.turn_complete() == []
    assert script.dialogue() is Dialogue.THINKING


@BOTH
@pytest.mark.parametrize("state", ["to_idle", "to_listening", "to_thinking", "to_follow_up"])
def test_interrupted_with_nothing_open_is_ignored(policy: Policy, state: str) -> None:
    script: Script = getattr(Script(policy), state)()
    assert script.interrupted() == []
    assert script.conversation.reply.state is ReplyState.CLOSED


def test_interrupted_after_turn_complete_does_not_cut_the_tail() -> None:
    script = Script().to_speaking()
    script.turn_complete()
    assert script.interrupted() == []
    assert script.dialogue() is Dialogue.SPEAKING


# ---------------------------------------------------------------- cutting in


@BOTH
def test_barge_in_flushes_playback_before_anything_else(policy: Policy) -> None:
    script = Script(policy).to_speaking()
    script.hear(500)
    commands = script.begin_to_speak()
    assert commands[0] == do.FlushPlayback()
    if policy.manual_activity:
        names = [type(c) for c in commands]
        assert names.index(do.FlushPlayback) < names.index(do.SendActivityStart) < names.index(do.SendFrames)
    assert script.dialogue() is Dialogue.LISTENING


def test_barge_in_is_an_utterance_from_its_pre_roll() -> None:
    script = Script().to_speaking()
    script.hear(2000)
    began = script.sample
    script.begin_to_speak()
    script.hear(500)
    script.fall_silent()
    assert contiguous(script.utterance(1, 1)) == (began - samples_of_ms(MANUAL.preroll_ms), script.sample)
    assert script.dialogue() is Dialogue.THINKING


def test_suspicion_ducks_at_once_and_a_dropped_one_brings_the_voice_back() -> None:
    script = Script().to_speaking()
    assert script.suspect() == [do.DuckPlayback()]
    assert script.drop_suspicion() == [do.RestorePlayback()]
    assert script.dialogue() is Dialogue.SPEAKING
    script.reply()
    assert len(script.all(do.PlayChunk)) == 2
    assert not script.all(do.FlushPlayback)


@pytest.mark.parametrize("end", ["turn_complete", "generation_complete"])
def test_a_voice_that_ends_ducked_leaves_nothing_ducked(end: str) -> None:
    script = Script().to_speaking()
    getattr(script, end)()
    script.suspect()
    commands = script.drain()
    assert commands[0] == do.RestorePlayback()
    assert script.dialogue() is Dialogue.FOLLOW_UP


def test_a_suspicion_before_the_first_chunk_can_still_cut_in() -> None:
    script = Script().to_thinking()
    began = script.sample
    script.suspect()
    script.reply()
    script.hear(140)
    assert script.tell(ev.SpeechStarted(began))[0] == do.FlushPlayback()


def test_late_chunks_of_a_cut_reply_are_never_played_and_the_next_reply_is() -> None:
    script = Script().to_speaking()
    script.begin_to_speak()
    script.reply()
    script.said("and furthermore")
    script.call_tool()
    script.fall_silent()
    script.reply()
    script.said("and furthermore")
    script.call_tool()
    assert len(script.all(do.PlayChunk)) == 1
    assert not script.all(do.RunTool)
    assert not script.all(do.PublishTranscript)
    script.interrupted()
    script.turn_complete()
    assert script.dialogue() is Dialogue.THINKING
    script.reply()
    assert script.dialogue() is Dialogue.SPEAKING
    first, second = script.all(do.PlayChunk)
    assert second.turn == first.turn + 1


def test_barge_in_after_the_server_closed_its_turn_keeps_the_next_reply() -> None:
    script = Script().to_thinking()
    script.reply(10_000)
    script.turn_complete()
    script.begin_to_speak()
    assert script.conversation.reply.state is ReplyState.CLOSED
    script.fall_silent()
    script.reply()
    assert len(script.all(do.PlayChunk)) == 2


@BOTH
def test_audio_after_interrupted_in_the_same_burst_is_not_heard(policy: Policy) -> None:
    script = Script(policy).to_speaking()
    script.reply()
    assert script.interrupted()[0] == do.FlushPlayback()
    heard = len(script.all(do.PlayChunk))
    script.reply()
    script.said("late")
    assert len(script.all(do.PlayChunk)) == heard
    assert not script.all(do.PublishTranscript)


def test_without_barge_in_speech_neither_ducks_nor_cuts() -> None:
    script = Script(Policy(barge_in=False)).to_speaking()
    assert script.begin_to_speak() == []
    assert not script.all(do.DuckPlayback)
    assert script.dialogue() is Dialogue.SPEAKING


@pytest.mark.parametrize("barge_in", [True, False])
@pytest.mark.parametrize("state", ["to_thinking", "to_speaking"])
def test_the_wake_word_always_cuts(state: str, barge_in: bool) -> None:
    script: Script = getattr(Script(Policy(barge_in=barge_in)), state)()
    commands = script.wake()
    assert commands[0] == do.FlushPlayback()
    assert script.dialogue() is Dialogue.LISTENING
    script.reply()
    assert len(script.all(do.PlayChunk)) == (1 if state == "to_speaking" else 0)
    assert [wake.conversation for wake in script.all(do.PublishWake)] == [1, 1]


def test_the_voice_comes_back_when_speech_that_may_not_cut_ends() -> None:
    script = Script(Policy(barge_in=False)).to_speaking()
    script.begin_to_speak()
    assert script.tell(ev.SpeechEnded(script.sample)) == [do.RestorePlayback()]
    assert script.dialogue() is Dialogue.SPEAKING


def test_unasked_reply_in_the_follow_up_is_played() -> None:
    """A function that took its time."""
    script = Script().to_follow_up()
    assert [type(command) for command in script.said("By the way")] == [do.PublishTranscript]
    script.reply()
    assert script.dialogue() is Dialogue.SPEAKING
    script.turn_complete()
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP


@pytest.mark.parametrize("what", [Script.reply, Script.call_tool])
def test_unasked_turn_at_rest_is_refused_to_its_end(what: Callable[[Script], object]) -> None:
    script = Script().to_idle()
    what(script)
    assert script.dialogue() is Dialogue.IDLE
    script.wake()
    script.speak(800)
    script.reply()
    script.said("By the way")
    script.call_tool()
    assert len(script.all(do.PlayChunk)) == 1, "its turn is not over yet"
    assert not script.all(do.PublishTranscript)
    assert not script.all(do.RunTool)
    script.turn_complete()
    script.reply()
    assert len(script.all(do.PlayChunk)) == 2


# ---------------------------------------------------------------- stop


@BOTH
@pytest.mark.parametrize(
    "state", ["to_idle", "to_listening", "to_speech", "to_thinking", "to_speaking", "to_follow_up"]
)
def test_stop_is_quiet_and_idle_at_once(policy: Policy, state: str) -> None:
    script: Script = getattr(Script(policy), state)()
    script.say("later")
    script.stop()
    assert script.dialogue() is Dialogue.IDLE
    assert script.shown() is do.ShownState.IDLE
    heard = len(script.all(do.PlayChunk))
    if script.conversation.link.open_session is not None:
        script.reply()
        script.said("late")
        script.call_tool()
        script.turn_complete()
    script.local_speech() if script.all(do.Announce) else None
    assert len(script.all(do.PlayChunk)) == heard
    assert script.dialogue() is Dialogue.IDLE
    script.hear(1000)
    script.wake()
    if script.conversation.link.open_session is None:
        script.open_session()
    script.speak(1000)
    script.reply()
    assert len(script.all(do.PlayChunk)) == heard + 1


def test_stop_flushes_first_and_cuts_the_reply() -> None:
    script = Script().to_speaking()
    assert script.stop()[0] == do.FlushPlayback()
    assert script.conversation.reply.state is ReplyState.CUT


def test_stop_within_an_activity_closes_the_session_that_would_wait_for_its_end() -> None:
    script = Script().to_speech()
    script.stop()
    assert script.all(do.CloseSession) == [do.CloseSession(1)]


@pytest.mark.parametrize("state", ["to_thinking", "to_speaking", "to_follow_up"])
def test_stop_keeps_the_session_where_it_can(state: str) -> None:
    script: Script = getattr(Script(), state)()
    script.stop()
    assert not script.all(do.CloseSession)
    assert script.conversation.deadline_ms == script.now_ms + MANUAL.session_linger_ms


def test_stop_before_anything_was_sent_closes_the_session() -> None:
    script = Script().to_listening()
    script.stop()
    assert script.all(do.CloseSession) == [do.CloseSession(1)]


def test_stop_while_connecting_gives_the_connect_up() -> None:
    script = Script()
    script.wake()
    script.stop()
    assert script.conversation.link.state is LinkState.CLOSED


def test_stop_drops_what_waits_to_be_said() -> None:
    script = Script().to_speaking()
    script.say("one")
    script.stop()
    assert not script.all(do.Announce)


# ---------------------------------------------------------------- functions


def test_a_function_is_run_and_its_result_sent() -> None:
    script = Script().to_thinking()
    script.wait(10_000)
    assert script.call_tool() == [do.RunTool(1, "call-1", "set_timer", "{}")]
    assert script.conversation.deadline_ms == script.now_ms + MANUAL.reply_timeout_ms
    script.wait(10_000)
    assert script.finish_tool() == [do.SendToolResponse(1, "call-1", "set_timer", '{"output": "ok"}')]
    assert script.conversation.deadline_ms == script.now_ms + MANUAL.reply_timeout_ms
    assert script.finish_tool() == []
    script.reply()
    assert script.dialogue() is Dialogue.SPEAKING


def test_a_function_may_be_called_while_the_reply_plays() -> None:
    script = Script().to_speaking()
    deadline_ms = script.conversation.deadline_ms
    assert script.call_tool() == [do.RunTool(1, "call-1", "set_timer", "{}")]
    assert script.finish_tool() == [do.SendToolResponse(1, "call-1", "set_timer", '{"output": "ok"}')]
    assert script.conversation.deadline_ms == deadline_ms


def test_the_result_of_a_cancelled_function_is_not_sent() -> None:
    script = Script().to_thinking()
    script.call_tool()
    cancelled = ev.ToolCallsCancelled(1, ("call-1", "never heard of"))
    assert script.tell(cancelled) == [do.CancelTool("call-1")]
    assert script.finish_tool() == []


def test_a_turn_that_ends_while_a_function_runs_waits_for_it() -> None:
    script = Script().to_thinking()
    script.call_tool()
    script.turn_complete()
    assert script.dialogue() is Dialogue.THINKING
    script.finish_tool()
    script.reply()
    assert script.dialogue() is Dialogue.SPEAKING


def test_functions_are_cancelled_with_their_session() -> None:
    script = Script().to_thinking()
    script.call_tool("b")
    script.call_tool("a")
    commands = script.lose_session()
    assert [c for c in commands if isinstance(c, do.CancelTool)] == [do.CancelTool("a"), do.CancelTool("b")]
    assert script.finish_tool("a") == []


def test_the_result_of_a_function_may_come_at_rest_so_that_the_server_is_not_left_waiting() -> None:
    script = Script().to_thinking()
    script.call_tool()
    script.stop()
    assert script.finish_tool() == [do.SendToolResponse(1, "call-1", "set_timer", '{"output": "ok"}')]


# ---------------------------------------------------------------- what is shown of it


def test_transcripts_grow_by_pieces_and_end_with_the_turn() -> None:
    script = Script().to_thinking()
    script.heard(" what time")
    script.heard(" is it")
    script.reply()
    script.said("It is")
    script.said(" noon. ")
    script.turn_complete()
    script.wait(FINALS_GRACE_MS)
    user, assistant = do.Speaker.USER, do.Speaker.ASSISTANT
    assert script.all(do.PublishTranscript) == [
        do.PublishTranscript(user, 1, 1, "what time", final=False),
        do.PublishTranscript(user, 1, 1, "what time is it", final=False),
        do.PublishTranscript(assistant, 1, 1, "It is", final=False),
        do.PublishTranscript(assistant, 1, 1, "It is noon.", final=False),
        do.PublishTranscript(user, 1, 1, "what time is it", final=True),
        do.PublishTranscript(assistant, 1, 1, "It is noon.", final=True),
    ]
    script.drain()
    script.wait_for_deadline()
    assert len(script.all(do.PublishTranscript)) == 6


def test_transcripts_of_a_cut_reply_end_where_it_was_cut() -> None:
    script = Script().to_speaking()
    script.said("Once upon")
    commands = script.begin_to_speak()
    assert do.PublishTranscript(do.Speaker.ASSISTANT, 1, 1, "Once upon", final=True) in commands


def test_what_was_heard_late_still_belongs_to_its_conversation() -> None:
    script = Script().to_idle()
    script.heard("thanks")
    commands = script.wake()
    assert commands[0] == do.PublishTranscript(do.Speaker.USER, 1, 1, "thanks", final=True)
    assert script.all(do.PublishWake)[-1].conversation == 2


def test_transcripts_end_with_the_conversation() -> None:
    script = Script().to_thinking()
    script.heard("never mind")
    script.stop()
    assert do.PublishTranscript(do.Speaker.USER, 1, 1, "never mind", final=True) in script.wait(FINALS_GRACE_MS)


def test_a_piece_that_comes_after_the_turn_is_part_of_what_was_said() -> None:
    script = Script().to_speaking()
    script.turn_complete()
    script.drain()
    script.wait(FINALS_GRACE_MS - 1)
    script.heard("what time is it")
    finals = [published for published in script.wait(FINALS_GRACE_MS) if isinstance(published, do.PublishTranscript)]
    assert finals == [do.PublishTranscript(do.Speaker.USER, 1, 1, "what time is it", final=True)]


def test_a_piece_that_comes_long_after_the_turn_is_shown_as_of_that_turn() -> None:
    script = Script().to_idle()
    script.heard("thanks")
    assert do.PublishTranscript(do.Speaker.USER, 1, 1, "thanks", final=True) in script.wait(FINALS_GRACE_MS)


def test_a_piece_of_the_turn_before_is_not_taken_for_the_one_that_was_not_sent_yet() -> None:
    script = Script().to_follow_up()
    script.wake()
    assert script.heard("late") == []


@pytest.mark.parametrize("state", ["to_idle", "to_speech", "to_thinking", "to_speaking", "to_follow_up"])
def test_what_was_heard_and_used_is_shown_in_every_state(state: str) -> None:
    script: Script = getattr(Script(), state)()
    assert script.heard("hello") == [do.PublishTranscript(do.Speaker.USER, 1, 1, "hello", final=False)]
    counts = TokenCounts(prompt={"text": 5}, response={"audio": 7}, total=12)
    (published,) = [c for c in script.tell(ev.UsageReported(1, counts)) if isinstance(c, do.PublishUsage)]
    assert (published.conversation, published.turn, published.tokens) == (1, 1, counts)


def test_states_are_shown_in_their_order() -> None:
    script = Script().to_idle()
    assert [published.state for published in script.all(do.PublishState)] == [
        do.ShownState.IDLE,
        do.ShownState.LISTENING,
        do.ShownState.THINKING,
        do.ShownState.SPEAKING,
        do.ShownState.FOLLOW_UP,
        do.ShownState.IDLE,
    ]
    assert {(published.conversation, published.turn) for published in script.all(do.PublishState)[1:]} == {(1, 1)}


def test_a_conversation_has_a_number_and_each_exchange_a_turn() -> None:
    script = Script().to_follow_up()
    script.speak(800)
    script.reply()
    assert script.all(do.PublishState)[-1].conversation == 1
    assert script.turn == 2
    script.stop()
    script.wake()
    assert script.all(do.PublishState)[-1].conversation == 2
    assert script.all(do.PublishState)[-1].turn == 3


def test_playback_started_changes_nothing() -> None:
    assert Script().to_speaking().tell(ev.PlaybackStarted(1)) == []


def test_a_whole_second_of_reply_is_one_chunk_of_the_turn() -> None:
    script = Script().to_thinking()
    pcm = silence(REPLY_RATE_HZ)
    assert do.PlayChunk(1, pcm) in script.tell(ev.ReplyChunkReceived(1, pcm))
