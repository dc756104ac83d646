"""Sessions: opened when needed, lost, replayed, handed over, resumed, refused, closed."""

import pytest

from core.conversation_script import Script, contiguous
from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.connecting import MAX_REPLAYS
from satellite.core.dialogue import Dialogue
from satellite.core.link import HAND_OVER_MARGIN_MS, REFUSED_PAUSE_MS, LinkState
from satellite.core.pcm import samples_of_ms
from satellite.core.policy import Policy
from satellite.core.usage import TokenCounts

MANUAL = Policy()
AUTOMATIC = Policy(manual_activity=False)
BOTH = pytest.mark.parametrize("policy", [MANUAL, AUTOMATIC], ids=["manual", "automatic"])
LOOKBACK = samples_of_ms(MANUAL.wake_lookback_ms)


# ---------------------------------------------------------------- lost


@BOTH
def test_a_session_lost_while_listening_is_replaced_and_hears_everything(policy: Policy) -> None:
    script = Script(policy).to_speech()
    first = script.sent(1)[0].first_sample
    script.hear(1000)
    script.lose_session()
    assert script.dialogue() is Dialogue.LISTENING
    script.hear(500)
    script.open_session()
    script.hear(100)
    assert script.session == 2
    assert contiguous(script.sent(2)) == (first, script.sample)
    script.fall_silent()
    assert script.dialogue() is Dialogue.THINKING


@BOTH
def test_a_session_lost_while_thinking_is_replaced_and_hears_everything(policy: Policy) -> None:
    script = Script(policy).to_thinking()
    first, last = contiguous(script.sent(1))
    script.wait(1000)
    script.lose_session()
    assert script.dialogue() is Dialogue.THINKING
    assert script.conversation._deadline_ms == script.now_ms + MANUAL.reply_timeout_ms + MANUAL.connect_timeout_ms
    script.hear(500)
    script.open_session()
    if policy.manual_activity:
        assert script.uplink(2) == ["ActivityStart", "Frames", "ActivityEnd"]
        assert contiguous(script.sent(2)) == (first, last)
    else:
        assert contiguous(script.sent(2)) == (first, script.sample)
    script.reply()
    assert script.dialogue() is Dialogue.SPEAKING


@BOTH
@pytest.mark.parametrize("state", ["to_speech", "to_thinking"])
@pytest.mark.parametrize("handle", [None, "a"])
def test_an_utterance_is_replayed_twice_and_then_there_is_no_connection(
    policy: Policy, state: str, handle: str | None
) -> None:
    script: Script = getattr(Script(policy), state)()
    script.remember(handle)
    for _ in range(MAX_REPLAYS):
        script.lose_session()
        assert not script.all(do.Announce)
        script.open_session()
    assert MAX_REPLAYS == 2
    commands = script.lose_session()
    assert do.Announce(2, do.Notice.NO_CONNECTION) in commands
    assert not any(isinstance(command, do.OpenSession) for command in commands)
    script.local_speech()
    script.drain()
    assert script.dialogue() is Dialogue.IDLE


def test_replays_are_counted_for_each_utterance() -> None:
    script = Script().to_thinking()
    script.lose_session()
    script.lose_session()
    script.open_session()
    script.reply()
    script.turn_complete()
    script.drain()
    script.hear(1000)
    script.speak(800)
    script.lose_session()
    assert not script.all(do.Announce)


def test_what_has_acted_is_not_said_twice() -> None:
    script = Script().to_thinking()
    script.call_tool()
    script.finish_tool()
    assert do.Announce(2, do.Notice.NO_CONNECTION) in script.lose_session()
    assert len(script.all(do.OpenSession)) == 1


def answered_after_a_function(policy: Policy | None = None) -> Script:
    """A reply plays that must not be asked for again: something was done for it."""
    script = Script(policy).to_thinking()
    script.call_tool()
    script.finish_tool()
    script.reply()
    return script


@BOTH
def test_link_drops_mid_answer(policy: Policy) -> None:
    """What has arrived is played to its end; then the user is told."""
    script = answered_after_a_function(policy)
    commands = script.lose_session()
    assert do.EndPlayback(1) in commands
    assert not script.all(do.FlushPlayback)
    assert script.dialogue() is Dialogue.SPEAKING
    commands = script.drain()
    assert not script.all(do.RestartEndpointer)
    assert do.Announce(2, do.Notice.NO_CONNECTION) in commands
    script.local_speech()
    script.drain()
    assert script.dialogue() is Dialogue.IDLE
    assert script.conversation.deadline_ms is None


def test_link_drops_mid_answer_in_a_pause_of_the_reply() -> None:
    script = answered_after_a_function()
    script.drain()
    assert do.Announce(2, do.Notice.NO_CONNECTION) in script.lose_session()


@pytest.mark.parametrize("end", ["turn_complete", "generation_complete"])
def test_link_drops_after_the_answer_and_nobody_notices(end: str) -> None:
    script = Script().to_speaking()
    getattr(script, end)()
    script.lose_session()
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP
    assert not script.all(do.Announce)
    script.hear(1000)
    script.speak(500)
    script.open_session()
    assert script.uplink(2) == ["ActivityStart", "Frames", "ActivityEnd"]


def test_what_is_wrong_no_more_is_not_said() -> None:
    """The user cuts into the rest of a broken reply, and the next session opens."""
    script = Script().to_speaking()
    script.lose_session()
    script.begin_to_speak()
    script.open_session()
    script.fall_silent()
    script.reply()
    script.turn_complete()
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP
    assert not script.all(do.Announce)


@BOTH
@pytest.mark.parametrize("state", ["to_follow_up", "to_idle"])
def test_link_drops_between_exchanges_and_nobody_notices(policy: Policy, state: str) -> None:
    script: Script = getattr(Script(policy), state)()
    dialogue = script.dialogue()
    assert script.lose_session() == []
    assert script.dialogue() is dialogue
    script.hear(1000)
    if script.dialogue() is Dialogue.IDLE:
        script.wake()
    began = script.sample
    script.begin_to_speak()
    script.open_session()
    first, last = contiguous(script.sent(2))
    assert first < began
    assert last == script.sample


def test_automatic_follow_up_is_replayed_from_its_first_word() -> None:
    script = Script(AUTOMATIC).to_follow_up()
    script.hear(2000)
    began = script.sample
    script.begin_to_speak()
    script.lose_session()
    script.open_session()
    assert contiguous(script.sent(2)) == (began - samples_of_ms(300), script.sample)


def test_automatic_barge_in_is_replayed_from_its_first_word() -> None:
    script = Script(AUTOMATIC).to_speaking()
    script.hear(2000)
    began = script.sample
    script.begin_to_speak()
    script.lose_session()
    script.open_session()
    assert contiguous(script.sent(2)) == (began - samples_of_ms(300), script.sample)


def test_a_replay_does_not_write_what_was_heard_twice() -> None:
    script = Script().to_thinking()
    script.heard("what time is it")
    script.said("It")
    script.lose_session()
    script.open_session()
    script.heard("what time is it")
    script.said("It is noon")
    texts = [published.text for published in script.all(do.PublishTranscript)]
    assert texts == ["what time is it", "It", "what time is it", "It is noon"]


def test_a_session_lost_before_a_word_was_said_is_replaced() -> None:
    script = Script().to_listening()
    script.lose_session()
    script.open_session()
    script.speak(800)
    assert script.uplink(2) == ["ActivityStart", "Frames", "ActivityEnd"]


def test_microphone_gap_after_the_utterance_does_not_spoil_its_replay() -> None:
    script = Script().to_thinking()
    sent = contiguous(script.sent(1))
    script.lose_frames(5000)
    script.hear(100)
    script.lose_session()
    script.open_session()
    assert contiguous(script.sent(2)) == sent


# ---------------------------------------------------------------- stale


def test_events_of_a_session_that_is_gone_are_dropped() -> None:
    script = Script().to_thinking()
    script.lose_session()
    machines = script.conversation
    for event in (
        ev.SessionOpened(1),
        ev.SessionLost(1, "again"),
        ev.SessionRefused(1, "no"),
        ev.ReplyChunkReceived(1, b"\0\0"),
        ev.InputTranscribed(1, "x"),
        ev.OutputTranscribed(1, "x"),
        ev.GenerationCompleted(1),
        ev.ReplyInterrupted(1),
        ev.TurnCompleted(1),
        ev.UsageReported(1, TokenCounts(total=2)),
        ev.GoAwayReceived(1, 0),
        ev.ResumptionUpdated(1, "old"),
        ev.ToolCallReceived(1, "c", "n", "{}"),
        ev.ToolCallsCancelled(1, ("c",)),
        ev.ToolFinished(1, "c", "n", "{}"),
    ):
        assert script.tell(event) == []
    assert machines.link.state is LinkState.OPENING
    assert machines.dialogue is Dialogue.THINKING


# ---------------------------------------------------------------- goAway


@pytest.mark.parametrize("state", ["to_follow_up", "to_idle"])
@BOTH
def test_go_away_between_exchanges_closes_at_once(policy: Policy, state: str) -> None:
    script: Script = getattr(Script(policy), state)()
    dialogue = script.dialogue()
    assert do.CloseSession(1) in script.go_away()
    assert script.dialogue() is dialogue
    script.hear(1000)
    if dialogue is Dialogue.IDLE:
        script.wake()
    script.begin_to_speak()
    assert script.session == 2


@pytest.mark.parametrize("state", ["to_speech", "to_thinking", "to_speaking"])
@BOTH
def test_go_away_lets_the_exchange_finish(policy: Policy, state: str) -> None:
    script: Script = getattr(Script(policy), state)()
    assert not any(isinstance(command, do.CloseSession) for command in script.go_away())
    if script.dialogue() is Dialogue.LISTENING:
        script.fall_silent()
    if script.dialogue() is Dialogue.THINKING:
        script.reply()
    script.turn_complete()
    commands = script.drain()
    assert do.CloseSession(1) in commands
    assert script.dialogue() is Dialogue.FOLLOW_UP


@pytest.mark.parametrize("state", ["to_speech", "to_thinking"])
@BOTH
def test_go_away_that_comes_true_hands_the_utterance_over(policy: Policy, state: str) -> None:
    script: Script = getattr(Script(policy), state)()
    first, last = contiguous(script.sent(1))
    script.go_away(HAND_OVER_MARGIN_MS + 500)
    assert script.conversation.deadline_ms == script.now_ms + 500
    script.wait(499)
    assert not script.all(do.CloseSession)
    commands = script.wait(1)
    assert do.CloseSession(1) in commands
    assert do.OpenSession(2, None) in commands
    assert commands.index(do.CloseSession(1)) < commands.index(do.OpenSession(2, None))
    script.open_session()
    assert contiguous(script.sent(2)) == (first, last)


def test_go_away_with_no_time_left_does_not_wait() -> None:
    script = Script().to_thinking()
    script.go_away(0)
    assert script.conversation.deadline_ms == script.now_ms


def test_go_away_that_comes_true_after_acting_is_told() -> None:
    script = Script().to_thinking()
    script.call_tool()
    script.go_away(0)
    commands = script.wait(0)
    assert do.CloseSession(1) in commands
    assert do.Announce(2, do.Notice.NO_CONNECTION) in commands
    assert len(script.all(do.OpenSession)) == 1


@BOTH
def test_go_away_that_comes_true_mid_answer_plays_what_there_is_and_tells(policy: Policy) -> None:
    script = Script(policy).to_thinking()
    script.reply(10_000)
    script.go_away(0)
    assert script.wait(0) == [do.EndPlayback(1), do.CloseSession(1)]
    assert do.Announce(2, do.Notice.NO_CONNECTION) in script.drain()


def test_go_away_that_comes_true_in_a_pause_of_the_reply_tells_at_once() -> None:
    script = Script().to_speaking()
    script.drain()
    script.go_away(0)
    assert do.Announce(2, do.Notice.NO_CONNECTION) in script.wait(0)


def test_go_away_that_comes_true_after_the_whole_reply_changes_nothing_to_hear() -> None:
    script = Script().to_thinking()
    script.reply(10_000)
    script.turn_complete()
    script.go_away(0)
    assert script.wait(0) == [do.CloseSession(1)]
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP
    assert not script.all(do.Announce)


def test_automatic_stream_does_not_flow_into_the_session_after_a_hand_over() -> None:
    script = Script(AUTOMATIC).to_thinking()
    script.reply(10_000)
    script.turn_complete()
    script.go_away(0)
    script.wait(0)
    script.hear(3000)
    script.drain()
    script.hear(1000)
    began = script.sample
    script.begin_to_speak()
    script.open_session()
    assert contiguous(script.sent(2)) == (began - samples_of_ms(300), script.sample)


def test_go_away_while_connecting_is_ignored() -> None:
    script = Script()
    script.wake()
    script.go_away(0)
    assert script.conversation.link.state is LinkState.OPENING


def test_a_session_that_was_going_away_and_is_lost_is_replaced() -> None:
    script = Script().to_thinking()
    sent = contiguous(script.sent(1))
    script.go_away()
    script.lose_session()
    script.open_session()
    assert contiguous(script.sent(2)) == sent
    assert script.conversation.link.state is LinkState.OPEN


def test_a_session_that_was_going_away_may_be_refused() -> None:
    script = Script().to_thinking()
    script.go_away()
    assert do.Announce(2, do.Notice.REFUSED, "The key is not valid.") in script.refuse_session()
    assert script.conversation.link.state is LinkState.REFUSED


# ---------------------------------------------------------------- resumption


def test_the_first_session_resumes_nothing() -> None:
    script = Script()
    script.wake()
    assert script.all(do.OpenSession) == [do.OpenSession(1, None)]


def test_a_session_resumes_with_the_latest_handle() -> None:
    script = Script().to_thinking()
    script.remember("a")
    script.remember("b")
    script.lose_session()
    assert script.all(do.OpenSession)[-1] == do.OpenSession(2, "b")


def test_while_the_server_generates_the_last_handle_is_good_enough_to_ask_again() -> None:
    """It lacks the turn that is going on, and that is what is said again."""
    script = Script().to_thinking()
    script.remember("a")
    script.remember(None)
    script.lose_session()
    assert script.all(do.OpenSession)[-1] == do.OpenSession(2, "a")


def test_a_session_that_is_not_to_be_resumed_is_not() -> None:
    script = Script(Policy(resumes=False)).to_thinking()
    script.remember("a")
    script.lose_session()
    assert script.all(do.OpenSession)[-1] == do.OpenSession(2, None)
    assert not script.all(do.StoreMemory)


@pytest.mark.parametrize(("more_ms", "handle"), [(0, "a"), (1, None)])
def test_memory_ends_some_time_after_the_last_word(more_ms: int, handle: str | None) -> None:
    policy = Policy(memory_ms=100_000)
    script = Script(policy).to_thinking()
    script.remember("a")
    said_at_ms = script.now_ms
    script.reply()
    script.turn_complete()
    script.drain()
    script.stay_quiet()
    assert script.conversation.link.state is LinkState.CLOSED
    script.now_ms = said_at_ms + policy.memory_ms + more_ms
    script.wake()
    assert script.all(do.OpenSession)[-1] == do.OpenSession(2, handle)


def test_a_false_wake_does_not_lengthen_the_memory() -> None:
    policy = Policy(memory_ms=100_000)
    script = Script(policy).to_thinking()
    script.remember("a")
    said_at_ms = script.now_ms
    script.stop()
    script.stay_quiet()
    script.now_ms = said_at_ms + 99_000
    script.wake()
    script.open_session()
    script.wait_for_deadline()
    script.now_ms = said_at_ms + 101_000
    script.wake()
    assert [opened.handle for opened in script.all(do.OpenSession)] == [None, "a", None]


def test_a_refused_handle_is_forgotten_and_costs_no_replay() -> None:
    script = Script().to_thinking()
    script.remember("a")
    script.lose_session()
    script.lose_session(resume_refused=True)
    assert script.all(do.OpenSession)[-1] == do.OpenSession(3, None)
    script.lose_session()
    assert not script.all(do.Announce)
    script.lose_session()
    assert script.all(do.Announce)[-1].notice is do.Notice.NO_CONNECTION


def test_a_server_that_refuses_handles_it_never_got_is_left_in_the_end() -> None:
    script = Script().to_thinking()
    for _ in range(MAX_REPLAYS):
        script.lose_session(resume_refused=True)
        assert not script.all(do.Announce)
    script.lose_session(resume_refused=True)
    assert script.all(do.Announce)[-1].notice is do.Notice.NO_CONNECTION


# ---------------------------------------------------------------- refused


@BOTH
@pytest.mark.parametrize("state", ["to_listening", "to_speech", "to_thinking"])
def test_a_refusal_is_told_with_its_advice(policy: Policy, state: str) -> None:
    script: Script = getattr(Script(policy), state)()
    commands = script.refuse_session("The key is not valid.")
    assert do.PublishProblem("link", "The key is not valid.") in commands
    assert do.Announce(2, do.Notice.REFUSED, "The key is not valid.") in commands
    script.local_speech()
    script.drain()
    assert script.shown() is do.ShownState.REFUSED


def test_a_refusal_of_the_connect_is_told() -> None:
    script = Script()
    script.wake()
    assert do.Announce(2, do.Notice.REFUSED, "The key is not valid.") in script.refuse_session()


def test_who_was_refused_is_not_asked_again_at_once() -> None:
    script = Script()
    script.wake()
    script.refuse_session()
    script.stop()
    assert script.conversation.deadline_ms == script.now_ms + REFUSED_PAUSE_MS
    script.wait(REFUSED_PAUSE_MS - 1)
    commands = script.wake()
    assert do.Announce(3, do.Notice.REFUSED, "The key is not valid.") in commands
    assert len(script.all(do.OpenSession)) == 1
    assert not script.all(do.PlayWakeEarcon)[1:]


def test_after_the_pause_the_refusal_is_forgiven() -> None:
    script = Script()
    script.wake()
    script.refuse_session()
    script.stop()
    commands = script.wait(REFUSED_PAUSE_MS)
    assert commands == [do.PublishProblem("link", ""), do.PublishState(do.ShownState.IDLE, 1, 2)]
    assert script.conversation.deadline_ms is None


def test_a_wake_word_in_the_instant_of_forgiving_connects() -> None:
    script = Script()
    script.wake()
    script.refuse_session()
    script.stop()
    script.now_ms += REFUSED_PAUSE_MS
    script.wake()
    assert script.session == 2
    assert script.dialogue() is Dialogue.LISTENING


def test_a_refused_session_is_not_resumed() -> None:
    script = Script().to_thinking()
    script.remember("a")
    script.refuse_session()
    script.stop()
    script.wait(REFUSED_PAUSE_MS)
    script.wake()
    assert script.all(do.OpenSession)[-1] == do.OpenSession(2, None)


def test_speech_in_the_follow_up_after_a_refusal_is_told() -> None:
    script = Script().to_follow_up()
    assert script.refuse_session() == [do.PublishProblem("link", "The key is not valid.")]
    assert script.dialogue() is Dialogue.FOLLOW_UP
    script.hear(1000)
    assert do.Announce(2, do.Notice.NO_CONNECTION) not in script.begin_to_speak()
    assert script.all(do.Announce) == [do.Announce(3, do.Notice.REFUSED, "The key is not valid.")]


@BOTH
def test_a_refusal_mid_answer_plays_what_there_is_and_tells(policy: Policy) -> None:
    script = Script(policy).to_speaking()
    assert do.EndPlayback(1) in script.refuse_session()
    assert script.dialogue() is Dialogue.SPEAKING
    assert do.Announce(2, do.Notice.REFUSED, "The key is not valid.") in script.drain()


def test_a_refusal_in_a_pause_of_the_reply_is_told_at_once() -> None:
    script = Script().to_speaking()
    script.drain()
    assert do.Announce(2, do.Notice.REFUSED, "The key is not valid.") in script.refuse_session()


def test_a_refusal_at_rest_is_shown() -> None:
    script = Script().to_idle()
    script.refuse_session("No quota.")
    assert script.shown() is do.ShownState.REFUSED
    assert not script.all(do.Announce)


# ---------------------------------------------------------------- kept and closed


def test_a_lingering_session_is_used_again() -> None:
    script = Script().to_idle()
    script.wait(30_000)
    script.wake()
    assert script.conversation.deadline_ms == script.now_ms + MANUAL.listen_timeout_ms
    script.wait(MANUAL.session_linger_ms - 55_000)
    script.speak(1000)
    assert len(script.all(do.OpenSession)) == 1
    script.wait(14_000)
    assert not script.all(do.CloseSession), "the linger ended with the wake"


def test_a_lingering_session_ends_without_a_sound_while_the_satellite_speaks() -> None:
    script = Script().to_idle()
    script.wait(MANUAL.session_linger_ms - 1)
    script.say("Dinner!")
    assert script.wait(1) == [do.CloseSession(1)]
    commands = script.local_speech()
    assert [type(command) for command in commands] == [do.PlayChunk, do.EndPlayback]


def test_connecting_again_after_a_failure_is_a_new_number() -> None:
    script = Script()
    script.wake()
    script.stop()
    script.wake()
    assert [opened.session for opened in script.all(do.OpenSession)] == [1, 2]


def test_opening_twice_changes_nothing() -> None:
    script = Script().to_speech()
    deadline_ms = script.conversation.deadline_ms
    assert script.open_session() == []
    assert script.conversation.deadline_ms == deadline_ms
    assert script.conversation.link.state is LinkState.OPEN
