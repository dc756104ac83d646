"""What is ignored, and what tells one rule from its neighbours."""

import pytest

from core.conversation_script import Script, contiguous
from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.dialogue import RULES, Dialogue, Rule
from satellite.core.policy import Policy
from satellite.core.scene import LONGEST_THINKING_MS

MANUAL = Policy()
AUTOMATIC = Policy(manual_activity=False)
BOTH = pytest.mark.parametrize("policy", [MANUAL, AUTOMATIC], ids=["manual", "automatic"])

STATES = {
    Dialogue.IDLE: "to_idle",
    Dialogue.LISTENING: "to_speech",
    Dialogue.THINKING: "to_thinking",
    Dialogue.SPEAKING: "to_speaking",
    Dialogue.FOLLOW_UP: "to_follow_up",
}

BUSY = ("listening", "thinking", "speaking", "follow_up")

IGNORED_IN: dict[str, tuple[str, ...]] = {
    "ListenRequested": ("listening",),
    "FramesCaptured": ("idle", "thinking", "speaking", "follow_up"),
    "SpeechSuspected": ("idle", "listening", "thinking", "follow_up"),
    "SuspicionDropped": ("idle", "listening", "thinking", "follow_up"),
    "SpeechStarted": ("idle",),
    "SpeechEnded": ("idle", "thinking", "follow_up"),
    "GenerationCompleted": ("idle", "listening", "thinking", "follow_up"),
    "PlaybackStarted": ("idle", *BUSY),
    "PlaybackDrained": ("idle", "listening", "thinking", "follow_up"),
    "LocalSpeechReady": ("idle", "listening", "thinking", "follow_up"),
    "InputDrafted": ("idle", "follow_up"),
    "EndRequested": ("idle",),
    "DeadlineReached": ("idle",),
}
"""Written out once more: a rule that comes to be ignored, or the other way round, is meant."""

IGNORED = [(state, event) for event, states in IGNORED_IN.items() for state in states]


def test_nothing_else_is_ignored() -> None:
    ignored = {(state.value, event.__name__) for (state, event), rule in RULES.items() if rule is Rule.IGNORE}
    assert ignored == set(IGNORED)


def sample_of(script: Script, name: str) -> ev.Event:
    """An event of that kind as it would come now."""
    samples: dict[str, ev.Event] = {
        "ListenRequested": ev.ListenRequested(),
        "FramesCaptured": ev.FramesCaptured(script.sample, b""),
        "SpeechSuspected": ev.SpeechSuspected(script.sample),
        "SuspicionDropped": ev.SuspicionDropped(script.sample),
        "SpeechStarted": ev.SpeechStarted(script.sample),
        "SpeechEnded": ev.SpeechEnded(script.sample),
        "GenerationCompleted": ev.GenerationCompleted(script.session),
        "PlaybackStarted": ev.PlaybackStarted(script.turn),
        "PlaybackDrained": ev.PlaybackDrained(script.turn),
        "LocalSpeechReady": ev.LocalSpeechReady(script.turn, b"\0\0"),
        "InputDrafted": ev.InputDrafted(script.session, "what"),
        "EndRequested": ev.EndRequested(),
        "DeadlineReached": ev.DeadlineReached(),
    }
    return samples[name]


@BOTH
@pytest.mark.parametrize("reply_open", [False, True])
@pytest.mark.parametrize(("state", "event"), IGNORED)
def test_what_is_ignored_changes_nothing(policy: Policy, state: str, event: str, reply_open: bool) -> None:
    script: Script = getattr(Script(policy), STATES[Dialogue(state)])()
    if reply_open and script.dialogue() is Dialogue.FOLLOW_UP:
        script.said("By the way")
    elif reply_open and script.dialogue() is Dialogue.IDLE:
        script = Script(policy).to_speaking()
        script.generation_complete()
        script.drain()
        script.wait_for_deadline()
    elif reply_open and script.dialogue() is Dialogue.THINKING:
        script.said("Hm")
    script.now_ms += 100
    machines = script.conversation

    def everything() -> tuple[object, ...]:
        return machines.dialogue, machines.deadline_ms, machines.uplink.state, machines.reply.state, machines.link.state

    before = everything()
    assert script.tell(sample_of(script, event)) == []
    assert everything() == before


@BOTH
def test_the_longest_utterance_is_cut_once(policy: Policy) -> None:
    script = Script(policy).to_speech()
    script.hear(policy.max_utterance_ms)
    deadline_ms = script.conversation.deadline_ms
    script.hear(2000)
    assert script.dialogue() is Dialogue.THINKING
    assert script.conversation.deadline_ms == deadline_ms


def test_automatic_reply_may_be_longer_than_any_utterance() -> None:
    script = Script(AUTOMATIC).to_thinking()
    script.reply(60_000)
    script.hear(40_000)
    assert script.dialogue() is Dialogue.SPEAKING


def test_automatic_follow_up_may_be_longer_than_any_utterance() -> None:
    script = Script(Policy(manual_activity=False, follow_up_ms=60_000)).to_follow_up()
    script.hear(40_000)
    assert script.dialogue() is Dialogue.FOLLOW_UP


def test_words_that_were_interrupted_are_not_followed_by_sound() -> None:
    script = Script().to_thinking()
    heard = len(script.all(do.PlayChunk))
    script.said("Hm")
    script.interrupted()
    script.reply()
    assert len(script.all(do.PlayChunk)) == heard
    script.turn_complete()
    script.reply()
    assert len(script.all(do.PlayChunk)) == heard + 1


def test_automatic_words_that_were_interrupted_while_we_listen_are_not_followed_by_sound() -> None:
    script = Script(AUTOMATIC).to_speech()
    script.said("Hm")
    script.interrupted()
    script.reply()
    assert not script.all(do.PlayChunk)


@pytest.mark.parametrize("state", ["to_follow_up", "to_idle"])
def test_a_turn_that_is_complete_late_does_not_cost_the_next_reply(state: str) -> None:
    script = Script().to_speaking()
    script.generation_complete()
    script.drain()
    if state == "to_idle":
        script.wait_for_deadline()
    script.said("Bye")
    script.turn_complete()
    script.hear(1000)
    script.wake()
    script.speak(800)
    script.reply()
    assert len(script.all(do.PlayChunk)) == 2


def test_functions_are_cancelled_with_a_refusal() -> None:
    script = Script().to_thinking()
    script.call_tool()
    assert do.CancelTool("call-1") in script.refuse_session()


def test_functions_are_cancelled_once() -> None:
    script = Script().to_thinking()
    script.call_tool()
    script.lose_session()
    script.stop()
    script.hear(1000)
    script.wake()
    script.open_session()
    script.speak(800)
    script.lose_session()
    assert len(script.all(do.CancelTool)) == 1


def test_a_refusal_before_the_sound_is_told_once() -> None:
    script = Script().to_thinking()
    script.said("Hm")
    script.refuse_session()
    script.stay_quiet()
    assert not script.all(do.EndPlayback)
    assert [announced.notice for announced in script.all(do.Announce)] == [do.Notice.REFUSED]


def test_a_wake_word_lets_the_conversation_go_on_again() -> None:
    script = Script(Policy(max_turns_without_wake=1)).to_follow_up()
    script.hear(1000)
    script.speak(800)
    script.reply()
    script.turn_complete()
    script.wake()
    script.speak(800)
    script.reply()
    script.turn_complete()
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP


def test_patience_with_a_busy_server_does_not_count_the_connect() -> None:
    script = Script()
    script.hear(1000)
    script.wake()
    script.speak(800)
    ended_at_ms = script.now_ms
    script.wait(10_000)
    script.open_session()
    for _ in range(6):
        script.wait(10_000)
        script.said(" hm")
    longest_ms = MANUAL.connect_timeout_ms + LONGEST_THINKING_MS
    assert script.conversation.deadline_ms == ended_at_ms + longest_ms
    script.wait_for_deadline()
    assert script.all(do.Announce)[-1].notice is do.Notice.NOT_UNDERSTOOD


def test_a_microphone_lost_in_the_follow_up_costs_no_session() -> None:
    script = Script().to_follow_up()
    script.lose_microphone()
    assert not script.all(do.CloseSession)


def test_a_microphone_lost_after_a_cut_does_not_lengthen_the_utterance() -> None:
    script = Script(AUTOMATIC).to_speech()
    script.hear(AUTOMATIC.max_utterance_ms)
    sent = contiguous(script.sent(1))
    script.hear(500)
    script.lose_microphone()
    script.lose_session()
    script.open_session()
    assert contiguous(script.sent(2)) == sent


def test_a_suspicion_before_the_follow_up_does_not_lengthen_it() -> None:
    script = Script().to_speaking()
    script.turn_complete()
    script.suspect()
    script.drain()
    script.wait_for_deadline()
    assert script.dialogue() is Dialogue.IDLE


def test_speech_over_the_end_of_a_reply_has_to_begin_anew() -> None:
    """The gate was told to count from the guard on."""
    script = Script(Policy(barge_in=False)).to_speaking()
    script.turn_complete()
    script.begin_to_speak()
    script.drain()
    script.listen()
    assert script.uplink(1) == ["ActivityStart", "Frames", "ActivityEnd"]


def test_listen_within_speech_does_not_get_past_a_refusal() -> None:
    script = Script()
    script.wake()
    script.refuse_session()
    script.stop()
    script.hear(500)
    script.begin_to_speak()
    script.listen()
    assert script.dialogue() is Dialogue.SPEAKING
    assert script.all(do.Announce)[-1].notice is do.Notice.REFUSED
