"""A turn that stalls: each cause is told and asked again once, on a fresh session, where that does no harm."""

from collections.abc import Callable

import pytest

from core.conversation_script import Script, contiguous
from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.dialogue import Dialogue
from satellite.core.policy import Policy
from satellite.core.scene import FINALS_GRACE_MS, LONGEST_THINKING_MS

MANUAL = Policy()
AUTOMATIC = Policy(manual_activity=False)
BOTH = pytest.mark.parametrize("policy", [MANUAL, AUTOMATIC], ids=["manual", "automatic"])
PROACTIVE = Policy(proactive=True)

Stall = Callable[[Script], object]

STALLS: dict[do.StallCause, Stall] = {
    do.StallCause.NO_AUDIO: lambda s: s.wait_for_deadline(),
    do.StallCause.EMPTY_TURN: lambda s: s.turn_complete(),
    do.StallCause.REJECTED: lambda s: s.turn_complete("RESPONSE_REJECTED"),
    do.StallCause.NEAR_SILENT: lambda s: (s.silent_reply(), s.turn_complete()),
    do.StallCause.CLOSED: lambda s: (s.reply(), s.lose_session()),
}
EACH_CAUSE = pytest.mark.parametrize("cause", STALLS)


def stalls(script: Script) -> list[tuple[do.StallCause, bool, int]]:
    """What was told of stalls so far: cause, whether it was asked again, count."""
    return [(stall.cause, stall.retried, stall.count) for stall in script.all(do.PublishStall)]


def test_every_cause_has_its_story() -> None:
    assert set(STALLS) == set(do.StallCause)


@BOTH
@EACH_CAUSE
def test_a_stalled_turn_is_asked_again_from_its_first_word_on_a_fresh_session(
    policy: Policy, cause: do.StallCause
) -> None:
    script = Script(policy).to_listening()
    script.remember("a")
    script.speak(1000)
    said = script.utterance(1, -1)
    STALLS[cause](script)
    assert stalls(script) == [(cause, True, 1)]
    assert script.all(do.OpenSession)[-1].handle is None
    assert script.dialogue() is Dialogue.THINKING
    assert not script.all(do.Announce)
    script.open_session()
    again = script.utterance(2, -1)
    assert again[0].first_sample == said[0].first_sample
    assert contiguous(again)[1] >= contiguous(said)[1]
    script.reply()
    assert script.dialogue() is Dialogue.SPEAKING


@BOTH
@EACH_CAUSE
def test_a_turn_that_stalls_twice_is_told_aloud(policy: Policy, cause: do.StallCause) -> None:
    script = Script(policy).to_thinking()
    STALLS[cause](script)
    script.open_session()
    STALLS[cause](script)
    assert stalls(script) == [(cause, True, 1), (cause, False, 2)]
    if cause is do.StallCause.CLOSED:  # what came of it is heard first
        script.drain()
        assert script.all(do.Announce)[-1].notice is do.Notice.NO_CONNECTION
    else:
        assert script.all(do.Announce)[-1].notice is do.Notice.NO_ANSWER
    script.local_speech()
    script.drain()
    assert script.dialogue() is Dialogue.IDLE


@EACH_CAUSE
def test_the_first_try_is_silent_before_the_second_is_heard(cause: do.StallCause) -> None:
    script = Script().to_thinking()
    STALLS[cause](script)
    script.open_session()
    first_turn = script.all(do.PlayChunk)[-1].turn if script.all(do.PlayChunk) else 0
    commands = script.reply()
    played = next(command for command in commands if isinstance(command, do.PlayChunk))
    assert played.turn > first_turn
    if first_turn:
        flushes = [type(command) for command in script.done].index(do.FlushPlayback)
        assert flushes < script.done.index(played)
    script.tell(ev.PlaybackDrained(first_turn))
    script.turn_complete()
    assert script.dialogue() is Dialogue.SPEAKING


@EACH_CAUSE
def test_what_acted_is_never_asked_again(cause: do.StallCause) -> None:
    """No door is unlocked twice."""
    script = Script().to_thinking()
    script.call_tool(name="unlock_door")
    script.finish_tool(name="unlock_door")
    STALLS[cause](script)
    assert len(script.all(do.OpenSession)) == 1
    assert not any(retried for _, retried, _ in stalls(script))


@EACH_CAUSE
def test_what_may_be_called_twice_may_be_asked_again(cause: do.StallCause) -> None:
    script = Script(Policy(idempotent_tools=frozenset({"get_time"}))).to_thinking()
    script.call_tool(name="get_time")
    script.finish_tool(name="get_time")
    STALLS[cause](script)
    if cause is do.StallCause.EMPTY_TURN:  # a function was all that was wanted
        assert script.dialogue() is Dialogue.FOLLOW_UP
    else:
        assert stalls(script) == [(cause, True, 1)]


def test_a_running_function_is_no_stall() -> None:
    script = Script().to_thinking()
    script.call_tool()
    script.turn_complete()
    assert script.dialogue() is Dialogue.THINKING
    ended_ms = script.now_ms
    script.wait(script.policy.reply_timeout_ms)
    assert script.dialogue() is Dialogue.THINKING
    assert not stalls(script)
    assert script.conversation.deadline_ms == ended_ms + LONGEST_THINKING_MS
    script.finish_tool()
    script.reply()
    assert script.dialogue() is Dialogue.SPEAKING


def test_a_function_that_never_ends_is_given_up() -> None:
    script = Script().to_thinking()
    script.call_tool()
    script.wait(LONGEST_THINKING_MS)
    assert stalls(script) == [(do.StallCause.NO_AUDIO, False, 1)]


def test_a_proactive_model_may_answer_with_nothing() -> None:
    script = Script(PROACTIVE).to_thinking()
    script.turn_complete()
    assert script.dialogue() is Dialogue.FOLLOW_UP
    assert not stalls(script)


def test_a_proactive_model_may_keep_silent_when_it_was_not_called() -> None:
    script = Script(PROACTIVE).to_follow_up()
    script.speak(1000)
    script.wait_for_deadline()
    script.wait(script.policy.reply_timeout_ms)
    assert script.dialogue() is Dialogue.IDLE
    assert not stalls(script)
    assert not script.all(do.Announce)
    assert script.all(do.CloseSession), "what comes late is not heard"


def test_a_model_that_is_not_proactive_has_to_answer_in_the_follow_up_too() -> None:
    script = Script().to_follow_up()
    script.speak(1000)
    script.wait(script.policy.reply_timeout_ms)
    assert stalls(script) == [(do.StallCause.NO_AUDIO, True, 1)]


def test_a_proactive_model_that_was_called_by_name_has_to_answer() -> None:
    script = Script(PROACTIVE).to_thinking()
    script.wait_for_deadline()
    assert stalls(script) == [(do.StallCause.NO_AUDIO, True, 1)]


@pytest.mark.parametrize("reason", ["BLOCKLIST", "PROHIBITED_INPUT_CONTENT", "A_REASON_OF_NEXT_YEAR"])
def test_what_is_refused_for_its_words_is_not_asked_again(reason: str) -> None:
    script = Script().to_thinking()
    script.turn_complete(reason)
    assert stalls(script) == [(do.StallCause.REJECTED, False, 1)]
    assert script.all(do.Announce)[-1].notice is do.Notice.NOT_UNDERSTOOD


@pytest.mark.parametrize(
    "complete", [lambda s: s.turn_complete("NEED_MORE_INPUT"), lambda s: s.turn_complete(waits=True)]
)
def test_a_model_that_waits_for_more_is_given_more(complete: Stall) -> None:
    script = Script().to_thinking()
    complete(script)
    assert script.dialogue() is Dialogue.FOLLOW_UP
    assert not stalls(script)


def test_a_turn_that_goes_on_is_waited_for() -> None:
    script = Script().to_thinking()
    script.turn_complete(goes_on=True)
    assert script.dialogue() is Dialogue.THINKING
    script.reply()
    assert script.dialogue() is Dialogue.SPEAKING
    assert not stalls(script)


def test_a_reply_taken_back_in_its_middle_is_asked_for_again() -> None:
    script = Script().to_speaking()
    commands = script.turn_complete("RESPONSE_REJECTED")
    assert do.FlushPlayback() in commands
    assert stalls(script) == [(do.StallCause.REJECTED, True, 1)]


def test_a_turn_stalls_of_one_cause() -> None:
    script = Script().to_thinking()
    script.silent_reply()
    script.turn_complete("RESPONSE_REJECTED")
    assert stalls(script) == [(do.StallCause.REJECTED, True, 1)]


@pytest.mark.parametrize("end", ["turn_complete", "generation_complete"])
def test_a_reply_that_can_be_heard_in_part_is_a_reply(end: str) -> None:
    script = Script().to_thinking()
    script.silent_reply()
    script.reply()
    script.silent_reply()
    getattr(script, end)()
    assert not stalls(script)


def test_a_near_silent_reply_is_told_as_soon_as_it_is_whole() -> None:
    script = Script().to_thinking()
    script.silent_reply(2000)
    assert not stalls(script)
    script.generation_complete()
    assert stalls(script) == [(do.StallCause.NEAR_SILENT, True, 1)]


@pytest.mark.parametrize("end", ["turn_complete", "generation_complete"])
def test_a_connection_that_ends_after_the_reply_is_no_stall(end: str) -> None:
    script = Script().to_speaking()
    getattr(script, end)()
    script.lose_session()
    assert not stalls(script)


def test_a_turn_that_was_interrupted_before_it_began_is_not_ours() -> None:
    script = Script().to_thinking()
    script.interrupted()
    script.turn_complete()
    assert script.dialogue() is Dialogue.THINKING
    assert not stalls(script)
    script.turn_complete()
    assert stalls(script) == [(do.StallCause.EMPTY_TURN, True, 1)]


def test_the_end_of_a_cut_turn_is_not_the_end_of_ours() -> None:
    script = Script().to_speaking()
    script.begin_to_speak()
    script.fall_silent()
    script.turn_complete()
    assert script.dialogue() is Dialogue.THINKING
    assert not stalls(script)


def test_causes_are_counted_apart() -> None:
    script = Script().to_thinking()
    script.turn_complete()
    script.open_session()
    script.reply()
    script.turn_complete()
    script.drain()
    script.speak(1000)
    script.turn_complete("RESPONSE_REJECTED")
    script.open_session()
    script.turn_complete()
    assert stalls(script) == [
        (do.StallCause.EMPTY_TURN, True, 1),
        (do.StallCause.REJECTED, True, 1),
        (do.StallCause.EMPTY_TURN, False, 2),
    ]


def test_what_was_written_is_asked_again_as_well() -> None:
    script = Script()
    script.tell(ev.TextRequested("what time is it"))
    script.open_session()
    script.turn_complete()
    assert stalls(script) == [(do.StallCause.EMPTY_TURN, True, 1)]
    script.open_session()
    assert script.all(do.SendText) == [do.SendText(1, "what time is it"), do.SendText(2, "what time is it")]


def test_the_words_of_the_first_try_are_not_shown_twice() -> None:
    script = Script().to_thinking()
    script.heard("what time is it")
    script.said("It is")
    script.turn_complete("RESPONSE_REJECTED")
    script.open_session()
    script.heard("what time is it")
    script.reply()
    script.said("It is noon.")
    script.turn_complete()
    script.wait(FINALS_GRACE_MS)
    finals = [published.text for published in script.all(do.PublishTranscript) if published.final]
    assert finals == ["what time is it", "It is noon."]


def test_what_acted_stays_so_whatever_is_called_after_it() -> None:
    """The door, then the time, then a stall: the door stays unlocked once."""
    script = Script(Policy(idempotent_tools=frozenset({"get_time"}))).to_thinking()
    for number, name in enumerate(("unlock_door", "get_time")):
        script.call_tool(f"call-{number}", name)
        script.finish_tool(f"call-{number}", name)
    script.wait_for_deadline()
    assert not any(retried for _, retried, _ in stalls(script))
    assert len(script.all(do.OpenSession)) == 1


@pytest.mark.parametrize("reason", ["RESPONSE_REJECTED", "MALFORMED_FUNCTION_CALL"])
def test_a_slip_of_the_model_is_asked_again(reason: str) -> None:
    script = Script().to_thinking()
    script.turn_complete(reason)
    assert stalls(script) == [(do.StallCause.REJECTED, True, 1)]


@pytest.mark.parametrize(("amplitude", "audible"), [(25, False), (45, True)])
def test_what_is_below_minus_60_dbfs_cannot_be_heard(amplitude: int, audible: bool) -> None:
    """32768 / 1000 is 32.8."""
    script = Script().to_thinking()
    sound = amplitude.to_bytes(2, "little", signed=True) * 4800
    script.tell(ev.ReplyChunkReceived(script.session, sound))
    script.turn_complete()
    assert bool(stalls(script)) is not audible


def test_a_whole_reply_that_the_server_takes_back_without_cause_is_played_out() -> None:
    """Manual activity: who speaks is ours to say, and nobody has spoken."""
    script = Script().to_speaking()
    script.generation_complete()
    assert do.FlushPlayback() not in script.interrupted()
    script.turn_complete()
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP


@BOTH
def test_a_reply_that_is_taken_back_while_it_comes_falls_silent(policy: Policy) -> None:
    script = Script(policy).to_speaking()
    assert do.FlushPlayback() in script.interrupted()


def test_the_wake_word_said_in_the_follow_up_is_a_call_by_name() -> None:
    """Its own sound has confirmed the utterance already; a proactive model that is called has to answer."""
    script = Script(Policy(proactive=True, max_turns_without_wake=1)).to_follow_up()
    script.begin_to_speak()
    script.wake()
    script.hear(500)
    script.fall_silent()
    script.wait_for_deadline()
    assert stalls(script) == [(do.StallCause.NO_AUDIO, True, 1)]
    script.open_session()
    script.reply()
    script.turn_complete()
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP
