"""What the user says reaches the server whole, or not at all."""

from collections.abc import Callable

import pytest

from core.conversation_script import HANGOVER_MS, Script, contiguous
from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.dialogue import Dialogue
from satellite.core.hearing import STALL_MARGIN_MS
from satellite.core.link import LinkState
from satellite.core.pcm import samples_of_ms
from satellite.core.policy import Policy
from satellite.core.scene import GRACE_MS
from satellite.core.uplink import LONGEST_KEPT_SAMPLES

MANUAL = Policy()
AUTOMATIC = Policy(manual_activity=False)
BOTH = pytest.mark.parametrize("policy", [MANUAL, AUTOMATIC], ids=["manual", "automatic"])

LOOKBACK = samples_of_ms(MANUAL.wake_lookback_ms)
PREROLL = samples_of_ms(MANUAL.preroll_ms)


# ---------------------------------------------------------------- talking through the connect


@BOTH
def test_first_words_spoken_during_the_connect_reach_the_server(policy: Policy) -> None:
    script = Script(policy)
    script.hear(1000)
    woken_at = script.sample
    script.wake()
    script.hear(200)
    script.begin_to_speak()
    script.hear(2600)
    assert not script.all(do.SendFrames)
    script.open_session()
    assert script.dialogue() is Dialogue.LISTENING
    assert contiguous(script.sent(1)) == (woken_at - LOOKBACK, script.sample)
    script.hear(500)
    assert contiguous(script.sent(1)) == (woken_at - LOOKBACK, script.sample)
    script.fall_silent()
    assert contiguous(script.sent(1)) == (woken_at - LOOKBACK, script.sample)


def test_words_that_were_over_before_the_session_opened_reach_the_server() -> None:
    script = Script()
    script.hear(1000)
    woken_at = script.sample
    script.wake()
    script.speak(900)
    assert script.dialogue() is Dialogue.THINKING
    ended_at = script.sample
    script.hear(3000)
    assert not script.sent(1)
    script.open_session()
    assert script.uplink(1) == ["ActivityStart", "Frames", "ActivityEnd"]
    assert contiguous(script.sent(1)) == (woken_at - LOOKBACK, ended_at)
    script.hear(500)
    assert script.uplink(1) == ["ActivityStart", "Frames", "ActivityEnd"]


def test_automatic_words_that_were_over_before_the_session_opened_go_on_with_silence() -> None:
    script = Script(AUTOMATIC)
    script.hear(1000)
    woken_at = script.sample
    script.wake()
    script.speak(900)
    script.hear(3000)
    script.open_session()
    script.hear(100)
    assert script.uplink(1) == ["Frames"]
    assert contiguous(script.sent(1)) == (woken_at - LOOKBACK, script.sample)


@BOTH
def test_speech_while_the_answer_is_awaited_from_a_session_not_yet_open_joins_the_utterance(policy: Policy) -> None:
    script = Script(policy)
    script.hear(1000)
    woken_at = script.sample
    script.wake()
    script.speak(900)
    script.hear(400)
    script.begin_to_speak()
    assert script.dialogue() is Dialogue.LISTENING
    script.hear(400)
    script.fall_silent()
    script.open_session()
    assert len(script.all(do.SendActivityStart)) == (1 if policy.manual_activity else 0)
    assert contiguous(script.sent(1)) == (woken_at - LOOKBACK, script.sample)


@BOTH
def test_a_connect_that_never_answers_is_told_and_left(policy: Policy) -> None:
    script = Script(policy)
    script.hear(1000)
    script.wake()
    opened_at_ms = script.now_ms
    script.speak(900)
    commands = script.wait_for_deadline()
    assert script.now_ms == opened_at_ms + policy.connect_timeout_ms
    assert commands[0] == do.CloseSession(1)
    assert do.Announce(2, do.Notice.NO_CONNECTION) in commands
    assert do.PublishProblem("link", "no connection to the Live API") in commands
    assert not script.all(do.SendFrames)
    script.local_speech()
    script.drain()
    assert script.dialogue() is Dialogue.IDLE
    assert script.conversation.deadline_ms is None
    script.wake()
    assert do.PublishProblem("link", "") in script.open_session()


def test_a_connect_that_never_answers_is_told_while_the_user_still_speaks() -> None:
    script = Script()
    script.hear(1000)
    script.wake()
    script.begin_to_speak()
    script.hear(MANUAL.connect_timeout_ms)
    script.wait(0)
    assert script.dialogue() is Dialogue.SPEAKING
    assert script.all(do.Announce)[-1].notice is do.Notice.NO_CONNECTION


# ---------------------------------------------------------------- a false wake


@BOTH
def test_a_false_wake_sends_nothing_and_closes_the_unused_session(policy: Policy) -> None:
    script = Script(policy).to_listening()
    script.hear(policy.listen_timeout_ms)
    assert script.wait_for_deadline()[:1] == [do.CloseSession(1)]
    assert script.uplink(1) == []
    assert script.dialogue() is Dialogue.IDLE
    assert script.conversation.link.state is LinkState.CLOSED
    assert script.conversation.deadline_ms is None
    assert script.shown() is do.ShownState.IDLE


def test_a_false_wake_gives_up_the_connect() -> None:
    script = Script()
    script.wake()
    script.wait_for_deadline()
    assert script.dialogue() is Dialogue.IDLE
    assert script.all(do.CloseSession) == [do.CloseSession(1)]


def test_a_false_wake_ends_exactly_at_its_deadline() -> None:
    script = Script().to_listening()
    script.wait(MANUAL.listen_timeout_ms - 1)
    assert script.dialogue() is Dialogue.LISTENING
    script.wait(1)
    assert script.dialogue() is Dialogue.IDLE


def test_the_next_utterance_does_not_contain_the_false_wake() -> None:
    script = Script().to_listening()
    script.wait_for_deadline()
    script.hear(3000)
    woken_at = script.sample
    script.wake()
    script.begin_to_speak()
    script.open_session()
    assert contiguous(script.sent(2)) == (woken_at - LOOKBACK, script.sample)


def test_a_window_that_ends_on_a_suspicion_waits_once_for_the_gate() -> None:
    script = Script().to_listening()
    script.hear(MANUAL.listen_timeout_ms - 60)
    script.suspect()
    script.wait(0)
    assert script.dialogue() is Dialogue.LISTENING
    assert script.conversation.deadline_ms == script.now_ms + GRACE_MS
    script.wait(GRACE_MS)
    assert script.dialogue() is Dialogue.IDLE


def test_speech_that_is_confirmed_within_the_grace_counts() -> None:
    script = Script().to_listening()
    script.hear(MANUAL.listen_timeout_ms - 60)
    began = script.sample
    script.suspect()
    script.wait(0)
    script.hear(140)
    script.tell(ev.SpeechStarted(began))
    assert script.uplink(1) == ["ActivityStart", "Frames"]


# ---------------------------------------------------------------- manual activity


def test_nothing_is_sent_before_speech_is_confirmed() -> None:
    script = Script().to_listening()
    script.suspect()
    script.hear(100)
    assert script.uplink(1) == []
    script.tell(ev.SpeechStarted(script.sample - samples_of_ms(160)))
    assert script.uplink(1) == ["ActivityStart", "Frames"]


def test_an_utterance_is_an_activity_from_the_look_back_to_the_endpoint() -> None:
    script = Script()
    script.hear(1000)
    woken_at = script.sample
    script.wake()
    script.open_session()
    script.speak(1000)
    assert script.dialogue() is Dialogue.THINKING
    assert script.uplink(1) == ["ActivityStart", "Frames", "ActivityEnd"]
    assert contiguous(script.sent(1)) == (woken_at - LOOKBACK, script.sample)
    assert script.conversation.deadline_ms == script.now_ms + MANUAL.reply_timeout_ms


def test_the_wait_for_the_reply_includes_the_connect() -> None:
    script = Script(Policy(connect_timeout_ms=60_000))
    script.hear(1000)
    script.wake()
    script.speak(1000)
    script.wait(15_000)
    assert script.dialogue() is Dialogue.THINKING
    script.open_session()
    script.wait(14_999)
    assert script.dialogue() is Dialogue.THINKING
    script.wait(1)
    assert script.all(do.PublishStall)[-1].cause is do.StallCause.NO_AUDIO


@BOTH
def test_an_endpoint_without_speech_after_the_wake_is_none(policy: Policy) -> None:
    """The end of the wake word itself."""
    script = Script(policy).to_listening()
    script.tell(ev.SpeechEnded(script.sample))
    assert script.dialogue() is Dialogue.LISTENING
    assert script.uplink(1) == []


@BOTH
def test_a_wake_word_again_before_speech_begins_anew(policy: Policy) -> None:
    script = Script(policy).to_listening()
    script.hear(3000)
    woken_at = script.sample
    script.wake()
    assert script.conversation.deadline_ms == script.now_ms + policy.listen_timeout_ms
    assert [wake.conversation for wake in script.all(do.PublishWake)] == [1, 1]
    assert len(script.all(do.OpenSession)) == 1
    script.begin_to_speak()
    assert contiguous(script.sent(1)) == (woken_at - LOOKBACK, script.sample)


def test_a_wake_word_within_an_utterance_does_not_begin_anew() -> None:
    script = Script()
    script.hear(1000)
    woken_at = script.sample
    script.wake()
    script.open_session()
    script.begin_to_speak()
    script.wake()
    assert script.uplink(1) == ["ActivityStart", "Frames"]
    script.begin_to_speak()
    script.hear(1000)
    script.fall_silent()
    assert script.uplink(1) == ["ActivityStart", "Frames", "ActivityEnd"]
    assert contiguous(script.sent(1)) == (woken_at - LOOKBACK, script.sample)


def test_an_utterance_that_ends_with_the_wake_word_is_answered() -> None:
    """The gate counts anew after the word: no endpoint comes."""
    script = Script().to_speech()
    script.wake()
    script.hear(MANUAL.listen_timeout_ms)
    script.wait(0)
    assert script.dialogue() is Dialogue.THINKING
    assert script.uplink(1) == ["ActivityStart", "Frames", "ActivityEnd"]


def test_more_speech_after_the_activity_is_an_utterance_of_its_own() -> None:
    script = Script().to_thinking()
    began = script.sample
    commands = script.begin_to_speak()
    assert commands[0] == do.FlushPlayback()
    assert script.dialogue() is Dialogue.LISTENING
    assert script.uplink(1) == ["ActivityStart", "Frames", "ActivityEnd", "ActivityStart", "Frames"]
    assert contiguous(script.utterance(1, 1)) == (began - PREROLL, script.sample)
    script.fall_silent()
    assert script.dialogue() is Dialogue.THINKING


def test_the_reply_to_what_was_said_before_more_speech_is_not_played() -> None:
    script = Script().to_thinking()
    script.begin_to_speak()
    script.reply()
    script.interrupted()
    script.turn_complete()
    script.fall_silent()
    assert not script.all(do.PlayChunk)
    script.reply()
    assert script.dialogue() is Dialogue.SPEAKING


# ---------------------------------------------------------------- the longest utterance


@BOTH
def test_a_television_is_cut_and_answered_and_not_listened_to_again(policy: Policy) -> None:
    script = Script(policy).to_speech()
    script.hear(policy.max_utterance_ms)
    assert script.dialogue() is Dialogue.THINKING
    first, last = contiguous(script.sent(1))
    assert last - first == samples_of_ms(policy.max_utterance_ms)
    end = "ActivityEnd" if policy.manual_activity else "AudioStreamEnd"
    assert script.uplink(1)[-1] == end
    script.fall_silent()
    script.reply()
    script.turn_complete()
    script.drain()
    assert script.dialogue() is Dialogue.IDLE
    assert not script.all(do.RestartEndpointer)
    assert script.uplink(1)[-1] == end


@BOTH
def test_an_utterance_ends_when_the_frames_stop(policy: Policy) -> None:
    script = Script(policy).to_speech()
    length_ms = policy.max_utterance_ms - policy.wake_lookback_ms - 200
    assert script.conversation.deadline_ms == script.now_ms + length_ms + STALL_MARGIN_MS
    script.wait_for_deadline()
    assert script.dialogue() is Dialogue.THINKING
    assert script.uplink(1)[-1] == ("ActivityEnd" if policy.manual_activity else "AudioStreamEnd")


def test_an_utterance_that_goes_on_keeps_its_length() -> None:
    """More speech does not buy another 30 s."""
    script = Script()
    script.hear(1000)
    script.wake()
    script.speak(9000)
    script.begin_to_speak()
    heard_ms = MANUAL.wake_lookback_ms + 9000 + HANGOVER_MS + 200
    assert script.conversation._deadline_ms == script.now_ms + MANUAL.max_utterance_ms - heard_ms + STALL_MARGIN_MS


def test_a_short_limit_leaves_no_deadline_in_the_past() -> None:
    script = Script(Policy(max_utterance_ms=1000)).to_listening()
    script.hear(2000)
    script.begin_to_speak()
    assert script.conversation.deadline_ms == script.now_ms + STALL_MARGIN_MS
    script.hear(20)
    assert script.dialogue() is Dialogue.THINKING


# ---------------------------------------------------------------- automatic activity


def test_automatic_audio_is_held_until_speech_and_then_flows_silence_included() -> None:
    script = Script(AUTOMATIC)
    script.hear(1000)
    woken_at = script.sample
    script.wake()
    script.open_session()
    script.hear(2000)
    assert script.uplink(1) == []
    script.speak(1000)
    assert script.dialogue() is Dialogue.THINKING
    script.hear(500)
    script.reply()
    script.hear(500)
    script.turn_complete()
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP
    script.hear(2000)
    assert script.uplink(1) == ["Frames"]
    assert contiguous(script.sent(1)) == (woken_at - LOOKBACK, script.sample)


def test_automatic_stream_ends_with_the_follow_up_window() -> None:
    script = Script(AUTOMATIC).to_follow_up()
    script.hear(1000)
    script.wait_for_deadline()
    assert script.uplink(1) == ["Frames", "AudioStreamEnd"]
    script.hear(1000)
    assert script.uplink(1) == ["Frames", "AudioStreamEnd"]


@pytest.mark.parametrize("state", ["to_speech", "to_thinking", "to_speaking", "to_follow_up"])
def test_automatic_stream_ends_with_a_stop(state: str) -> None:
    script: Script = getattr(Script(AUTOMATIC), state)()
    script.stop()
    assert script.uplink(1) == ["Frames", "AudioStreamEnd"]


def test_automatic_more_speech_before_the_reply_goes_on_with_the_utterance() -> None:
    """The server decides where it ends."""
    script = Script(AUTOMATIC).to_thinking()
    assert do.FlushPlayback() not in script.begin_to_speak()
    assert script.dialogue() is Dialogue.LISTENING
    script.fall_silent()
    script.reply()
    assert script.turn == 1


def test_automatic_memory_of_what_was_answered_is_not_kept_for_ever() -> None:
    """For asking again while the reply is not whole; a long one is not worth the memory."""
    script = Script(AUTOMATIC).to_speaking()
    for _ in range(20):
        script.hear(1000)
        script.reply(1000)
    assert script.conversation.uplink.can_replay
    for _ in range(20):
        script.hear(1000)
        script.reply(1000)
        assert script.conversation.uplink.utterance.length_samples <= LONGEST_KEPT_SAMPLES + 16_000
    assert not script.conversation.uplink.can_replay
    script.turn_complete()
    assert script.conversation.uplink.utterance.length_samples == 0


def test_automatic_reply_may_begin_while_we_still_listen() -> None:
    script = Script(AUTOMATIC).to_speech()
    script.reply()
    assert script.dialogue() is Dialogue.SPEAKING
    assert len(script.all(do.PlayChunk)) == 1


def test_automatic_words_and_tools_may_come_while_we_still_listen() -> None:
    script = Script(AUTOMATIC).to_speech()
    assert [type(c) for c in script.said("It is")] == [do.PublishTranscript]
    assert do.RunTool(1, "call-1", "set_timer", "{}") in script.call_tool()


@BOTH
@pytest.mark.parametrize("what", [Script.reply, Script.call_tool])
def test_a_reply_to_nothing_is_refused_until_its_turn_is_complete(
    policy: Policy, what: Callable[[Script], object]
) -> None:
    """Held back, the server has heard nothing of this utterance: what it says belongs to something older."""
    script = Script(policy).to_listening()
    what(script)
    script.begin_to_speak()
    script.fall_silent()
    script.reply()
    assert not script.all(do.PlayChunk)
    assert not script.all(do.PublishTranscript)
    assert not script.all(do.RunTool)
    script.turn_complete()
    script.reply()
    assert len(script.all(do.PlayChunk)) == 1


def test_manual_reply_while_we_listen_is_refused() -> None:
    script = Script().to_speech()
    script.reply()
    assert not script.all(do.PlayChunk)
    assert script.dialogue() is Dialogue.LISTENING


def test_automatic_server_interrupts_and_the_stream_goes_on() -> None:
    script = Script(AUTOMATIC).to_speaking()
    script.hear(100)
    assert script.interrupted()[0] == do.FlushPlayback()
    assert script.dialogue() is Dialogue.LISTENING
    script.reply()
    assert len(script.all(do.PlayChunk)) == 1
    script.turn_complete()
    script.hear(100)
    assert contiguous(script.sent(1))[1] == script.sample
    script.reply()
    assert script.dialogue() is Dialogue.SPEAKING
    assert script.all(do.PlayChunk)[1].turn > script.all(do.PlayChunk)[0].turn


def test_automatic_interruption_that_only_the_server_heard_does_not_listen_for_half_a_minute() -> None:
    script = Script(AUTOMATIC).to_speaking()
    script.interrupted()
    assert script.conversation.deadline_ms == script.now_ms + AUTOMATIC.listen_timeout_ms
    script.begin_to_speak()
    assert script.conversation.deadline_ms is not None
    assert script.conversation.deadline_ms > script.now_ms + AUTOMATIC.listen_timeout_ms


def test_automatic_interruption_of_speech_in_progress_listens_as_long_as_it_takes() -> None:
    script = Script(Policy(manual_activity=False, barge_in=False)).to_speaking()
    script.begin_to_speak()
    assert script.dialogue() is Dialogue.SPEAKING
    script.interrupted()
    assert script.conversation.deadline_ms is not None
    assert script.conversation.deadline_ms > script.now_ms + AUTOMATIC.listen_timeout_ms


def test_manual_interruption_by_the_server_opens_the_follow_up() -> None:
    script = Script().to_speaking()
    assert script.interrupted()[0] == do.FlushPlayback()
    assert script.dialogue() is Dialogue.FOLLOW_UP
    script.reply()
    assert len(script.all(do.PlayChunk)) == 1


# ---------------------------------------------------------------- the follow-up


def test_follow_up_needs_no_wake_word() -> None:
    script = Script().to_follow_up()
    script.hear(2000)
    began = script.sample
    script.begin_to_speak()
    assert script.dialogue() is Dialogue.LISTENING
    script.hear(600)
    script.fall_silent()
    assert contiguous(script.utterance(1, 1)) == (began - PREROLL, script.sample)
    assert len(script.all(do.PublishWake)) == 1
    assert len(script.all(do.SendActivityEnd)) == 2


def test_follow_up_guard_is_told_to_the_gate_and_given_back_to_the_speaker() -> None:
    script = Script().to_speaking()
    script.turn_complete()
    script.drain()
    guard_to = script.sample + samples_of_ms(MANUAL.follow_up_guard_ms)
    assert script.all(do.RestartEndpointer) == [do.RestartEndpointer(guard_to)]
    script.hear(300)
    assert script.sample == guard_to
    script.begin_to_speak()
    wide = guard_to - PREROLL - samples_of_ms(MANUAL.follow_up_guard_ms)
    assert contiguous(script.utterance(1, 1)) == (wide, script.sample)


@pytest.mark.parametrize(("late_ms", "back_ms"), [(300, 600), (320, 300)])
def test_follow_up_pre_roll_is_wide_only_near_the_guard(late_ms: int, back_ms: int) -> None:
    script = Script().to_follow_up()
    script.hear(300 + late_ms)
    began = script.sample
    script.begin_to_speak()
    assert contiguous(script.utterance(1, 1)) == (began - samples_of_ms(back_ms), script.sample)


def test_follow_up_window_closes_and_the_session_lingers_and_closes() -> None:
    script = Script().to_follow_up()
    window_ms = MANUAL.follow_up_ms + MANUAL.follow_up_guard_ms
    assert script.conversation.deadline_ms == script.now_ms + window_ms
    script.wait(window_ms - 1)
    assert script.dialogue() is Dialogue.FOLLOW_UP
    script.wait(1)
    assert script.dialogue() is Dialogue.IDLE
    assert not script.all(do.CloseSession)
    assert script.conversation.deadline_ms == script.now_ms + MANUAL.session_linger_ms
    script.wait(MANUAL.session_linger_ms - 1)
    assert not script.all(do.CloseSession)
    assert script.wait(1) == [do.CloseSession(1)]
    assert script.conversation.deadline_ms is None


def test_follow_up_window_waits_for_a_suspicion_to_become_something() -> None:
    script = Script().to_follow_up()
    script.hear(MANUAL.follow_up_ms + MANUAL.follow_up_guard_ms - 60)
    script.suspect()
    script.wait(0)
    assert script.dialogue() is Dialogue.FOLLOW_UP
    script.hear(140)
    script.tell(ev.SpeechStarted(script.sample - samples_of_ms(200)))
    assert script.dialogue() is Dialogue.LISTENING


def test_without_a_follow_up_window_the_conversation_ends_with_the_reply() -> None:
    script = Script(Policy(follow_up_ms=0)).to_speaking()
    script.turn_complete()
    script.drain()
    assert script.dialogue() is Dialogue.IDLE
    assert not script.all(do.RestartEndpointer)


@BOTH
def test_follow_up_wake_word_goes_on_with_the_conversation(policy: Policy) -> None:
    script = Script(policy).to_follow_up()
    script.hear(1000)
    script.wake()
    assert [wake.conversation for wake in script.all(do.PublishWake)] == [1, 1]
    assert script.dialogue() is Dialogue.LISTENING
    sent = len(script.sent(1))
    script.hear(500)
    assert len(script.sent(1)) == sent
    script.begin_to_speak()
    assert len(script.sent(1)) > sent
    if not policy.manual_activity:
        assert script.uplink(1) == ["Frames", "AudioStreamEnd", "Frames"]


def test_a_turn_of_the_server_that_was_still_open_does_not_end_the_next_exchange() -> None:
    """generationComplete and the last sample open the follow-up; turnComplete may come much later."""
    script = Script().to_speaking()
    script.generation_complete()
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP
    script.hear(1000)
    script.speak(800)
    assert script.dialogue() is Dialogue.THINKING
    script.turn_complete()
    assert script.dialogue() is Dialogue.THINKING
    script.reply()
    assert script.dialogue() is Dialogue.SPEAKING


# ---------------------------------------------------------------- the button


@BOTH
def test_listen_opens_the_gate_from_here_with_a_little_before(policy: Policy) -> None:
    script = Script(policy)
    script.hear(1000)
    pressed_at = script.sample
    script.listen()
    assert script.all(do.PublishWake) == [do.PublishWake("", 0.0, 1)]
    script.open_session()
    script.hear(300)
    script.begin_to_speak()
    assert contiguous(script.sent(1)) == (pressed_at - PREROLL, script.sample)


@BOTH
def test_listen_pressed_within_speech_takes_it_from_its_beginning(policy: Policy) -> None:
    script = Script(policy)
    script.hear(1000)
    began = script.sample
    script.begin_to_speak()
    script.listen()
    script.open_session()
    assert contiguous(script.sent(1)) == (began - PREROLL, script.sample)


def test_listen_pressed_on_a_suspicion_waits_for_it() -> None:
    script = Script()
    script.hear(1000)
    script.suspect()
    script.listen()
    script.open_session()
    assert script.uplink(1) == []


def test_speech_that_is_over_when_listen_is_pressed_does_not_count() -> None:
    script = Script()
    script.hear(1000)
    script.speak(500)
    script.listen()
    script.open_session()
    assert script.uplink(1) == []


@pytest.mark.parametrize("state", ["to_thinking", "to_speaking", "to_follow_up"])
def test_listen_anew_silences_what_plays(state: str) -> None:
    script: Script = getattr(Script(), state)()
    commands = script.listen()
    if state != "to_follow_up":
        assert commands[0] == do.FlushPlayback()
    assert script.dialogue() is Dialogue.LISTENING
    script.reply()
    assert len(script.all(do.PlayChunk)) == (0 if state == "to_thinking" else 1)


def test_listen_while_listening_changes_nothing() -> None:
    assert Script().to_speech().listen() == []


@pytest.mark.parametrize("earcon", [True, False])
def test_wake_earcon_is_a_choice(earcon: bool) -> None:
    script = Script(Policy(wake_earcon=earcon))
    script.wake()
    assert bool(script.all(do.PlayWakeEarcon)) is earcon
