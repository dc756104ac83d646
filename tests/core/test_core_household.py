"""Stop, mute, say, volume, timers, devices, goodbye."""

import pytest

from core.conversation_script import Script, contiguous
from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.dialogue import Dialogue
from satellite.core.link import LinkState
from satellite.core.policy import Policy
from satellite.core.scene import MAX_WAITING

MANUAL = Policy()
AUTOMATIC = Policy(manual_activity=False)
BOTH = pytest.mark.parametrize("policy", [MANUAL, AUTOMATIC], ids=["manual", "automatic"])
BUSY = ["to_listening", "to_speech", "to_thinking", "to_speaking", "to_follow_up"]


def set_timer(script: Script, name: str, duration_ms: int) -> list[do.Command]:
    return script.tell(ev.TimerRequested(ev.TimerChange.SET, name, duration_ms))


def cancel_timer(script: Script, name: str) -> list[do.Command]:
    return script.tell(ev.TimerRequested(ev.TimerChange.CANCELLED, name))


# ---------------------------------------------------------------- mute


@BOTH
@pytest.mark.parametrize("state", BUSY)
def test_mute_in_mid_conversation_closes_the_session_and_sends_nothing_more(policy: Policy, state: str) -> None:
    script: Script = getattr(Script(policy), state)()
    before = len(script.done)
    commands = script.mute()
    assert {do.PublishMute(True), do.ResetGate(), do.CloseSession(1), do.FlushPlayback()} <= set(commands)
    assert script.dialogue() is Dialogue.IDLE
    assert script.shown() is do.ShownState.MUTED
    assert script.conversation.deadline_ms is None
    script.hear(1000)
    script.wake()
    script.begin_to_speak()
    script.listen()
    assert not any(type(command).__name__.startswith("Send") for command in script.done[before:])
    assert len(script.all(do.OpenSession)) == 1


def test_mute_at_rest_closes_the_session_that_lingers() -> None:
    script = Script().to_idle()
    commands = script.mute()
    assert commands[:3] == [do.PublishMute(True), do.ResetGate(), do.CloseSession(1)]
    assert do.FlushPlayback() not in commands


def test_mute_again_is_confirmed_and_changes_nothing() -> None:
    script = Script()
    script.mute()
    assert script.mute() == [do.PublishMute(True)]
    script.unmute()
    assert script.unmute() == [do.PublishMute(False)]


def test_unmute_listens_again_and_remembers_nothing_of_before() -> None:
    script = Script()
    script.hear(1000)
    script.mute()
    script.hear(1000)
    assert do.ResetGate() in script.unmute()
    assert script.shown() is do.ShownState.IDLE
    heard_from = script.sample
    script.hear(100)
    script.wake()
    script.begin_to_speak()
    script.open_session()
    assert contiguous(script.sent(1)) == (heard_from, script.sample)


def test_mute_lets_the_satellite_speak_for_itself() -> None:
    script = Script()
    script.say("Dinner!")
    script.mute()
    assert script.dialogue() is Dialogue.SPEAKING
    assert len(script.local_speech()) == 2
    script.drain()
    assert script.shown() is do.ShownState.MUTED
    script.say("Still dinner!")
    assert script.dialogue() is Dialogue.SPEAKING


def test_listen_while_muted_does_not_cut_what_is_said() -> None:
    script = Script()
    script.mute()
    assert script.listen() == []
    script.say("Dinner!")
    script.local_speech()
    assert script.listen() == []
    assert script.dialogue() is Dialogue.SPEAKING


def test_what_a_mute_cuts_off_leaves_no_speech_behind() -> None:
    """Speech that was going on is not the beginning of an utterance after the mute."""
    script = Script()
    script.hear(1000)
    script.begin_to_speak()
    script.mute()
    script.unmute()
    script.hear(100)
    script.listen()
    script.open_session()
    assert script.uplink(1) == []


# ---------------------------------------------------------------- the satellite's own voice


def test_say_is_spoken_and_then_it_rests() -> None:
    script = Script()
    assert script.say("Dinner!") == [
        do.Announce(1, None, "Dinner!"),
        do.PublishState(do.ShownState.SPEAKING, 0, 1),
    ]
    assert script.conversation.deadline_ms == script.now_ms + MANUAL.reply_timeout_ms
    commands = script.local_speech(3000)
    assert [type(command) for command in commands] == [do.PlayChunk, do.EndPlayback]
    assert script.conversation.deadline_ms == script.now_ms + 3000 + MANUAL.reply_timeout_ms
    script.drain()
    assert script.dialogue() is Dialogue.IDLE
    assert not script.all(do.RestartEndpointer)


def test_say_without_a_voice_rests_at_once() -> None:
    script = Script()
    script.say("Dinner!")
    script.tell(ev.LocalSpeechReady(1, b""))
    assert script.dialogue() is Dialogue.IDLE


def test_say_whose_voice_never_comes_rests_by_its_deadline() -> None:
    script = Script()
    script.say("Dinner!")
    script.wait_for_deadline()
    assert script.dialogue() is Dialogue.IDLE
    assert script.local_speech() == []


@pytest.mark.parametrize("state", ["to_listening", "to_speech", "to_thinking", "to_speaking"])
def test_say_waits_for_the_end_of_the_exchange(state: str) -> None:
    script: Script = getattr(Script(), state)()
    assert script.say("one") == []
    assert script.say("two") == []
    script.stay_quiet()
    texts = [announced.text for announced in script.all(do.Announce) if announced.text]
    assert texts == ["one", "two"]


def test_say_waits_for_the_end_of_another() -> None:
    script = Script()
    script.say("one")
    assert script.say("two") == []
    script.local_speech()
    commands = script.drain()
    assert commands == [do.Announce(2, None, "two")]


@BOTH
def test_say_in_the_follow_up_is_spoken_at_once_and_ends_the_window(policy: Policy) -> None:
    script = Script(policy).to_follow_up()
    assert do.Announce(2, None, "Dinner!") in script.say("Dinner!")
    script.hear(100)
    if not policy.manual_activity:
        assert script.uplink(1)[-1] == "AudioStreamEnd"


def test_too_many_announcements_drop_the_oldest() -> None:
    script = Script().to_speaking()
    for number in range(MAX_WAITING + 1):
        script.say(str(number))
    script.turn_complete()
    script.drain()
    script.stay_quiet()
    assert [announced.text for announced in script.all(do.Announce)] == [str(n) for n in range(1, MAX_WAITING + 1)]


def test_local_speech_of_another_turn_is_not_played() -> None:
    script = Script()
    script.say("one")
    assert script.tell(ev.LocalSpeechReady(99, b"\0\0")) == []
    script.stop()
    assert script.local_speech() == []


@pytest.mark.parametrize("state", ["to_idle", "to_follow_up"])
def test_nobody_cuts_into_what_the_satellite_says_by_itself_but_with_the_wake_word(state: str) -> None:
    """Nobody has opened the gate: the talk of the room is not sent anywhere."""
    script: Script = getattr(Script(), state)()
    script.say("Dinner!")
    script.local_speech()
    sent = len(script.uplink(1))
    assert script.begin_to_speak() == []
    assert not script.all(do.DuckPlayback)
    script.fall_silent()
    assert len(script.uplink(1)) == sent
    assert script.dialogue() is Dialogue.SPEAKING
    assert script.wake()[0] == do.FlushPlayback()
    assert script.dialogue() is Dialogue.LISTENING


def test_a_wake_word_over_an_announcement_is_a_new_conversation() -> None:
    script = Script().to_follow_up()
    script.say("Dinner!")
    script.wake()
    assert script.all(do.PublishWake)[-1].conversation == 2


def test_a_reply_does_not_mix_with_what_the_satellite_says_by_itself() -> None:
    script = Script().to_follow_up()
    script.say("Dinner!")
    script.reply()
    script.said("By the way")
    script.call_tool()
    assert len(script.all(do.PlayChunk)) == 1
    assert not script.all(do.PublishTranscript)
    assert not script.all(do.RunTool)
    assert script.turn_complete() == []
    script.local_speech()
    assert script.interrupted() == []
    assert script.dialogue() is Dialogue.SPEAKING


def test_a_turn_that_was_still_open_does_not_end_what_the_satellite_says_by_itself() -> None:
    script = Script().to_speaking()
    script.generation_complete()
    script.drain()
    script.say("Dinner!")
    assert script.turn_complete() == []
    script.local_speech()
    assert script.dialogue() is Dialogue.SPEAKING


@pytest.mark.parametrize("event", [ev.SessionLost(1, "1011"), ev.SessionRefused(1, "no")])
def test_a_session_that_ends_does_not_disturb_what_the_satellite_says_by_itself(event: ev.Event) -> None:
    script = Script().to_follow_up()
    script.say("Dinner!")
    assert not any(isinstance(command, do.EndPlayback) for command in script.tell(event))
    script.local_speech()
    script.drain()
    assert script.dialogue() is Dialogue.IDLE
    assert len(script.all(do.Announce)) == 1


# ---------------------------------------------------------------- volume


@pytest.mark.parametrize(("asked", "given"), [(55, 55), (-3, 0), (250, 100)])
@pytest.mark.parametrize("state", ["to_idle", *BUSY])
def test_volume_is_set_and_published_within_its_bounds(state: str, asked: int, given: int) -> None:
    script: Script = getattr(Script(), state)()
    assert script.tell(ev.VolumeRequested(asked)) == [do.SetVolume(given), do.PublishVolume(given)]


# ---------------------------------------------------------------- timers


def test_a_timer_rings_at_its_time_and_not_before() -> None:
    script = Script()
    set_timer(script, "tea", 180_000)
    assert script.conversation.deadline_ms == script.now_ms + 180_000
    assert script.wait(179_999) == []
    assert script.wait(1)[0] == do.Announce(1, do.Notice.TIMER, "tea")
    script.local_speech()
    script.drain()
    assert script.conversation.deadline_ms is None


def test_timer_that_fires_early_changes_nothing() -> None:
    script = Script().to_speaking()
    set_timer(script, "tea", 180_000)
    deadline_ms = script.conversation.deadline_ms
    assert script.wait(10) == []
    assert script.conversation.deadline_ms == deadline_ms


def test_a_cancelled_timer_does_not_ring() -> None:
    script = Script()
    set_timer(script, "tea", 1000)
    set_timer(script, "eggs", 2000)
    cancel_timer(script, "tea")
    cancel_timer(script, "unknown")
    assert script.conversation.deadline_ms == script.now_ms + 2000
    cancel_timer(script, "")
    assert script.conversation.deadline_ms is None


def test_a_timer_set_again_moves() -> None:
    script = Script()
    set_timer(script, "tea", 1000)
    set_timer(script, "tea", 5000)
    assert script.conversation.deadline_ms == script.now_ms + 5000


def test_timers_that_are_due_together_ring_in_their_order() -> None:
    script = Script()
    set_timer(script, "late", 2000)
    set_timer(script, "early", 1000)
    script.wait(3000)
    script.stay_quiet()
    assert [announced.text for announced in script.all(do.Announce)] == ["early", "late"]


@pytest.mark.parametrize("state", BUSY)
def test_a_timer_rings_after_the_exchange_it_falls_into(state: str) -> None:
    script: Script = getattr(Script(), state)()
    set_timer(script, "tea", 10)
    script.wait(10)
    assert bool(script.all(do.Announce)) is (state == "to_follow_up")
    script.stay_quiet()
    assert do.Notice.TIMER in [announced.notice for announced in script.all(do.Announce)]


def test_a_timer_of_a_muted_satellite_rings() -> None:
    script = Script()
    script.mute()
    set_timer(script, "tea", 10)
    assert script.wait(10)[0] == do.Announce(1, do.Notice.TIMER, "tea")


# ---------------------------------------------------------------- devices


@BOTH
@pytest.mark.parametrize("state", ["to_idle", *BUSY])
def test_a_lost_microphone_is_told_once_in_every_state(policy: Policy, state: str) -> None:
    script: Script = getattr(Script(policy), state)()
    commands = script.lose_microphone()
    assert do.PublishProblem("microphone", "unplugged") in commands
    assert do.ResetGate() in commands
    again = script.lose_microphone()
    assert do.PublishProblem("microphone", "unplugged") not in again
    script.tell(ev.MicrophoneLost("still unplugged"))
    script.stay_quiet()
    notices = [announced.notice for announced in script.all(do.Announce)]
    assert notices.count(do.Notice.NO_MICROPHONE) == 1
    assert script.shown() is do.ShownState.NO_MICROPHONE
    assert do.PublishProblem("microphone", "") in script.find_microphone()
    assert script.shown() is do.ShownState.IDLE
    script.wake()
    assert script.dialogue() is Dialogue.LISTENING


@BOTH
def test_a_microphone_lost_within_an_utterance_ends_it_unsent(policy: Policy) -> None:
    script = Script(policy).to_speech()
    script.lose_microphone()
    assert script.dialogue() is Dialogue.SPEAKING
    assert script.all(do.Announce)[-1].notice is do.Notice.NO_MICROPHONE
    if policy.manual_activity:
        assert script.all(do.CloseSession) == [do.CloseSession(1)]
    else:
        assert script.uplink(1) == ["Frames", "AudioStreamEnd"]


@pytest.mark.parametrize("state", ["to_thinking", "to_speaking"])
@BOTH
def test_a_microphone_lost_after_the_utterance_does_not_cost_the_answer(policy: Policy, state: str) -> None:
    script: Script = getattr(Script(policy), state)()
    script.lose_microphone()
    if not policy.manual_activity:
        assert script.uplink(1) == ["Frames", "AudioStreamEnd"], "the server waits for silence that never comes"
    script.reply()
    script.turn_complete()
    commands = script.drain()
    assert script.all(do.Announce)[-1].notice is do.Notice.NO_MICROPHONE
    assert do.FlushPlayback() not in commands
    assert not script.all(do.RestartEndpointer), "deaf: there is no follow-up"


def test_a_microphone_that_is_back_is_not_missed_aloud() -> None:
    script = Script().to_speaking()
    script.say("Dinner!")
    script.lose_microphone()
    script.find_microphone()
    script.turn_complete()
    script.drain()
    script.stay_quiet()
    assert [announced.text for announced in script.all(do.Announce)] == ["Dinner!"]


def test_a_microphone_lost_again_is_told_again() -> None:
    script = Script()
    for _ in range(2):
        script.lose_microphone()
        script.find_microphone()
        script.stay_quiet()
    assert len(script.all(do.Announce)) == 2


@pytest.mark.parametrize("state", ["to_idle", "to_thinking", "to_speaking"])
def test_listen_without_a_microphone_says_so(state: str) -> None:
    script: Script = getattr(Script(), state)()
    script.lose_microphone()
    script.stop()
    announced = len(script.all(do.Announce))
    script.listen()
    assert [a.notice for a in script.all(do.Announce)[announced:]] == [do.Notice.NO_MICROPHONE]


def test_listen_without_a_microphone_silences_the_reply_that_comes_late() -> None:
    script = Script().to_thinking()
    script.lose_microphone()
    assert script.listen()[0] == do.FlushPlayback()
    assert script.all(do.Announce)[-1].notice is do.Notice.NO_MICROPHONE
    script.reply()
    assert not script.all(do.PlayChunk)


@pytest.mark.parametrize("what", ["lose_microphone", "mute"])
def test_a_voice_ducked_for_a_sound_that_will_have_no_end_comes_back(what: str) -> None:
    script = Script().to_speaking()
    script.suspect()
    commands = getattr(script, what)()
    assert do.RestorePlayback() in commands
    script.stay_quiet()


def test_speech_that_a_lost_microphone_cut_off_is_not_the_next_utterance() -> None:
    script = Script()
    script.hear(1000)
    script.begin_to_speak()
    script.lose_microphone()
    script.find_microphone()
    script.stay_quiet()
    script.hear(100)
    script.listen()
    script.open_session()
    assert script.uplink(1) == []


@pytest.mark.parametrize("state", ["to_idle", *BUSY])
def test_a_lost_speaker_is_shown(state: str) -> None:
    script: Script = getattr(Script(), state)()
    dialogue = script.dialogue()
    assert script.tell(ev.SpeakerLost("gone")) == [do.PublishProblem("speaker", "gone")]
    assert script.tell(ev.SpeakerLost("gone")) == []
    assert script.tell(ev.SpeakerFound()) == [do.PublishProblem("speaker", "")]
    assert script.tell(ev.SpeakerFound()) == []
    assert script.dialogue() is dialogue


# ---------------------------------------------------------------- goodbye


@BOTH
@pytest.mark.parametrize("state", ["to_idle", *BUSY])
def test_goodbye_closes_the_session_and_says_nothing_more(policy: Policy, state: str) -> None:
    script: Script = getattr(Script(policy), state)()
    if script.dialogue() is Dialogue.SPEAKING:
        script.say("later")
    commands = script.tell(ev.ShutdownRequested())
    assert commands[0] == do.FlushPlayback()
    assert do.CloseSession(1) in commands
    assert not any(isinstance(command, do.Announce) for command in commands)
    assert script.dialogue() is Dialogue.IDLE
    assert script.conversation.link.state is LinkState.CLOSED
    assert script.conversation.deadline_ms is None
