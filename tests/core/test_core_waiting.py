"""Nothing waits for ever, nothing raises, and no order of events makes an ill-formed command.

The walks reach a state, then let nothing happen but deadlines. The machine does what it likes, as long as
the gate, the server and the speaker keep their own promises; the watch checks every command.
"""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from core.conversation_script import Script
from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.dialogue import Dialogue
from satellite.core.link import LinkState
from satellite.core.pcm import samples_of_ms, silence
from satellite.core.policy import Policy
from satellite.core.reply import ReplyState
from satellite.core.usage import DayUsage, TokenCounts
from satellite.core.voice import VoiceState

POLICIES = {
    "manual": Policy(),
    "automatic": Policy(manual_activity=False),
    "manual, short": Policy(follow_up_ms=0, barge_in=False, max_utterance_ms=1000, session_linger_ms=0, memory_ms=0),
    "automatic, short": Policy(
        manual_activity=False, follow_up_ms=0, wake_earcon=False, max_utterance_ms=1000, reply_timeout_ms=1000
    ),
    "proactive, with a camera": Policy(proactive=True, has_camera=True, connection_age_ms=30_000),
    "automatic, with a camera": Policy(manual_activity=False, has_camera=True, max_turns_without_wake=2),
    "text, unread": Policy(speaks_text=False, idempotent_tools=frozenset({"set_timer"})),
}
ANY_POLICY = pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES.keys())

STATES = ["to_idle", "to_listening", "to_speech", "to_thinking", "to_speaking", "to_follow_up"]

THEN: dict[str, Callable[[Script], object]] = {
    "nothing": lambda s: None,
    "wake": Script.wake,
    "listen": Script.listen,
    "suspect": Script.suspect,
    "speech": Script.begin_to_speak,
    "speech to its end": lambda s: s.speak(600),
    "reply": Script.reply,
    "reply, whole": lambda s: (s.reply(), s.turn_complete()),
    "reply, generated": lambda s: (s.reply(), s.generation_complete()),
    "reply, heard": lambda s: (s.reply(), s.drain()),
    "words": lambda s: s.said("hm"),
    "words, whole": lambda s: (s.said("hm"), s.turn_complete()),
    "text": lambda s: s.write("Well. "),
    "text, whole": lambda s: (s.write("Well. "), s.turn_complete()),
    "interrupted": Script.interrupted,
    "rejected": lambda s: s.turn_complete("RESPONSE_REJECTED"),
    "near silent": lambda s: (s.silent_reply(), s.turn_complete()),
    "more to come": lambda s: s.turn_complete(goes_on=True),
    "written": lambda s: s.tell(ev.TextRequested("hello")),
    "ended": lambda s: s.tell(ev.EndRequested()),
    "turn complete": Script.turn_complete,
    "tool": Script.call_tool,
    "tool, finished": lambda s: (s.call_tool(), s.finish_tool()),
    "tool, turn complete": lambda s: (s.call_tool(), s.turn_complete()),
    "lost": Script.lose_session,
    "lost for good": lambda s: [s.lose_session() for _ in range(4)],
    "lost and open": lambda s: (s.lose_session(), s.open_session()),
    "refused": Script.refuse_session,
    "go away": Script.go_away,
    "go away at once": lambda s: s.go_away(0),
    "stop": Script.stop,
    "mute": Script.mute,
    "mute and unmute": lambda s: (s.mute(), s.unmute()),
    "say": lambda s: s.say("Dinner!"),
    "say, spoken": lambda s: (s.say("Dinner!"), s.all(do.Announce) and s.local_speech()),
    "timer": lambda s: s.tell(ev.TimerRequested(ev.TimerChange.SET, "tea", 5000)),
    "microphone lost": Script.lose_microphone,
    "microphone lost and found": lambda s: (s.lose_microphone(), s.find_microphone()),
    "speaker lost": lambda s: s.tell(ev.SpeakerLost("gone")),
    "goodbye": lambda s: s.tell(ev.ShutdownRequested()),
}


def walk_to_rest(script: Script) -> None:
    """Nothing but deadlines; each comes early once, which changes nothing."""
    for _ in range(60):
        deadline_ms = script.conversation.deadline_ms
        if deadline_ms is None:
            break
        if deadline_ms > script.now_ms:
            before = script.dialogue(), script.conversation.link.state
            script.now_ms = deadline_ms - 1
            assert script.tell(ev.DeadlineReached()) == []
            assert (script.dialogue(), script.conversation.link.state) == before
            assert script.conversation.deadline_ms == deadline_ms
        script.wait_for_deadline()
    assert script.conversation.deadline_ms is None
    assert script.dialogue() is Dialogue.IDLE
    assert script.conversation.link.state is LinkState.CLOSED
    assert script.conversation.reply.state is ReplyState.CLOSED


@ANY_POLICY
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("then", THEN.keys())
def test_every_waiting_state_returns_to_idle_by_its_deadlines(policy: Policy, state: str, then: str) -> None:
    script: Script = getattr(Script(policy), state)()
    THEN[then](script)
    walk_to_rest(script)


SERVER_SPEAKS = (
    "reply",
    "words",
    "text",
    "interrupted",
    "rejected",
    "near silent",
    "more to come",
    "turn complete",
    "tool",
    "go away",
)


@ANY_POLICY
@pytest.mark.parametrize("then", [then for then in THEN if not then.startswith(SERVER_SPEAKS)])
@pytest.mark.parametrize("speaks", [False, True])
def test_a_connect_that_never_answers_returns_to_idle(policy: Policy, then: str, speaks: bool) -> None:
    script = Script(policy)
    script.hear(1000)
    script.wake()
    if speaks:
        script.speak(700)
    THEN[then](script)
    walk_to_rest(script)


@pytest.mark.parametrize("policy", [POLICIES["manual"], POLICIES["automatic"]], ids=["manual", "automatic"])
def test_every_dialogue_state_is_reached_by_the_walks(policy: Policy) -> None:
    reached = {getattr(Script(policy), state)().dialogue() for state in STATES}
    assert reached == set(Dialogue)


# ---------------------------------------------------------------- anything, in any order


def link_events(session: int) -> st.SearchStrategy[ev.Event]:
    """What a session may say."""
    return st.one_of(
        st.just(ev.SessionOpened(session)),
        st.builds(ev.SessionLost, st.just(session), st.just("1011"), st.booleans()),
        st.just(ev.SessionRefused(session, "no")),
        st.builds(ev.ReplyChunkReceived, st.just(session), st.sampled_from([b"", b"\0\0", silence(48)])),
        st.just(ev.InputTranscribed(session, "hello ")),
        st.builds(ev.OutputTranscribed, st.just(session), st.sampled_from(["", " ", "well"])),
        st.just(ev.GenerationCompleted(session)),
        st.just(ev.ReplyInterrupted(session)),
        st.builds(
            ev.TurnCompleted,
            st.just(session),
            st.sampled_from(["", "RESPONSE_REJECTED", "NEED_MORE_INPUT", "PROHIBITED_INPUT_CONTENT", "NEWER"]),
            st.booleans(),
            st.booleans(),
        ),
        st.builds(ev.ReplyTextReceived, st.just(session), st.sampled_from(["", " ", "Well. "])),
        st.just(ev.ThoughtReceived(session, "hm")),
        st.just(ev.InputDrafted(session, "hel")),
        st.just(ev.Grounded(session, (ev.Source("title", "https://example.org"),), ("query",))),
        st.just(ev.VoiceActivityReported(session, True, 440)),
        st.just(ev.UsageReported(session, TokenCounts(prompt={"text": 1}, response={"audio": 2}, total=3))),
        st.builds(ev.GoAwayReceived, st.just(session), st.sampled_from([0, 1999, 2001, 50_000])),
        st.builds(ev.ResumptionUpdated, st.just(session), st.sampled_from([None, "handle"])),
        st.just(ev.ToolCallReceived(session, "call", "name", "{}")),
        st.just(ev.ToolCallsCancelled(session, ("call", "other"))),
        st.builds(
            ev.ToolFinished,
            st.just(session),
            st.just("call"),
            st.just("name"),
            st.just("{}"),
            st.sampled_from(["", "SILENT", "WHEN_IDLE", "INTERRUPT"]),
        ),
    )


SAMPLES = st.integers(min_value=-1000, max_value=40 * 16_000)

ANY_EVENT: st.SearchStrategy[ev.Event] = st.one_of(
    st.integers(min_value=0, max_value=6).flatmap(link_events),
    st.builds(ev.FramesCaptured, SAMPLES, st.sampled_from([b"", silence(1), silence(64)])),
    st.builds(ev.WakeWordHeard, st.just("hey"), st.just(0.9), SAMPLES, st.none()),
    st.builds(ev.SpeechSuspected, SAMPLES),
    st.builds(ev.SpeechStarted, SAMPLES),
    st.builds(ev.SuspicionDropped, SAMPLES),
    st.builds(ev.SpeechEnded, SAMPLES),
    st.builds(ev.PlaybackStarted, st.integers(0, 9)),
    st.builds(ev.PlaybackDrained, st.integers(0, 9)),
    st.builds(ev.LocalSpeechReady, st.integers(0, 9), st.sampled_from([b"", silence(48)])),
    st.builds(ev.TimerRequested, st.sampled_from(ev.TimerChange), st.sampled_from(["", "tea"]), st.integers(-1, 9000)),
    st.builds(ev.VolumeRequested, st.integers(-500, 500)),
    st.builds(ev.MuteRequested, st.booleans()),
    st.builds(ev.MicrophoneLost, st.sampled_from(["", "gone"])),
    st.builds(ev.CameraLost, st.sampled_from(["", "gone"])),
    st.just(ev.CameraFound()),
    st.builds(ev.SpeakerLost, st.sampled_from(["", "gone"])),
    st.sampled_from(
        [
            ev.MicrophoneFound(),
            ev.SpeakerFound(),
            ev.ListenRequested(),
            ev.StopRequested(),
            ev.SayRequested("hello"),
            ev.TextRequested("hello"),
            ev.EndRequested(),
            ev.PictureTaken(b"jpeg"),
            ev.MemoryRestored("handle", 1000),
            ev.DayBegun(DayUsage("2026-11-22")),
            ev.DeadlineReached(),
            ev.ShutdownRequested(),
        ]
    ),
)


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    policy=st.sampled_from(list(POLICIES.values())),
    events=st.lists(st.tuples(ANY_EVENT, st.sampled_from([0, 20, 700, 5000])), min_size=20, max_size=60),
)
def test_no_event_in_no_order_raises_and_the_walk_ends(policy: Policy, events: list[tuple[ev.Event, int]]) -> None:
    script = Script(policy, watched=False)
    for event, later_ms in events:
        script.now_ms += later_ms
        script.tell(event)
    script.stay_quiet(60)
    assert script.dialogue() is Dialogue.IDLE
    assert script.conversation.link.state is LinkState.CLOSED


class AnyConversation(RuleBasedStateMachine):
    """People, server, speaker and clock do what they like, each within its own rules."""

    script: Script

    @initialize(policy=st.sampled_from(list(POLICIES.values())))
    def begin(self, policy: Policy) -> None:
        self.script = Script(policy)
        self.script.hear(1000)

    @property
    def _link(self) -> LinkState:
        return self.script.conversation.link.state

    @property
    def _voice(self) -> VoiceState:
        return self.script.conversation.voice.state

    def _connected(self) -> bool:
        return self.script.conversation.link.open_session is not None

    # people

    @rule(duration_ms=st.sampled_from([20, 300, 2000]))
    def hear(self, duration_ms: int) -> None:
        self.script.hear(duration_ms)

    @rule(duration_ms=st.sampled_from([20, 1000]))
    def lose_frames(self, duration_ms: int) -> None:
        self.script.lose_frames(duration_ms)
        self.script.hear(20)

    @rule()
    def wake(self) -> None:
        self.script.wake()

    @rule()
    def listen(self) -> None:
        self.script.listen()

    @precondition(lambda self: self._voice is VoiceState.SILENT)
    @rule()
    def suspect(self) -> None:
        self.script.suspect()

    @precondition(lambda self: self._voice is VoiceState.SUSPECTED)
    @rule()
    def drop_suspicion(self) -> None:
        self.script.drop_suspicion()

    @precondition(lambda self: self._voice is VoiceState.SUSPECTED)
    @rule()
    def confirm(self) -> None:
        self.script.hear(140)
        self.script.tell(ev.SpeechStarted(self.script.sample - samples_of_ms(200)))

    @precondition(lambda self: self._voice is VoiceState.SILENT)
    @rule()
    def begin_to_speak(self) -> None:
        self.script.begin_to_speak()

    @precondition(lambda self: self._voice is VoiceState.SPEAKING)
    @rule()
    def fall_silent(self) -> None:
        self.script.fall_silent()

    @rule()
    def stop(self) -> None:
        self.script.stop()

    @rule(muted=st.booleans())
    def mute(self, muted: bool) -> None:
        self.script.tell(ev.MuteRequested(muted))

    @rule()
    def say(self) -> None:
        self.script.say("Dinner!")

    @rule(duration_ms=st.sampled_from([0, 3000]))
    def set_timer(self, duration_ms: int) -> None:
        self.script.tell(ev.TimerRequested(ev.TimerChange.SET, "tea", duration_ms))

    # server

    @precondition(lambda self: self._link is LinkState.OPENING)
    @rule()
    def open_session(self) -> None:
        self.script.open_session()

    @precondition(lambda self: self.script.conversation.link.session)
    @rule(resume_refused=st.booleans())
    def lose_session(self, resume_refused: bool) -> None:
        self.script.lose_session(resume_refused=resume_refused)

    @precondition(lambda self: self.script.conversation.link.session)
    @rule()
    def refuse_session(self) -> None:
        self.script.refuse_session()

    @precondition(_connected)
    @rule(time_left_ms=st.sampled_from([0, 5000, 50_000]))
    def go_away(self, time_left_ms: int) -> None:
        self.script.go_away(time_left_ms)

    @precondition(_connected)
    @rule(duration_ms=st.sampled_from([240, 5000]))
    def reply(self, duration_ms: int) -> None:
        self.script.reply(duration_ms)

    @precondition(_connected)
    @rule(reason=st.sampled_from(["RESPONSE_REJECTED", "BLOCKLIST", "NEED_MORE_INPUT"]), goes_on=st.booleans())
    def turn_completes_otherwise(self, reason: str, goes_on: bool) -> None:
        self.script.turn_complete(reason, goes_on=goes_on)

    @precondition(_connected)
    @rule()
    def reply_without_sound(self) -> None:
        self.script.silent_reply()

    @precondition(_connected)
    @rule(text=st.sampled_from([" ", "Well. "]))
    def write_back(self, text: str) -> None:
        self.script.write(text)

    @precondition(_connected)
    @rule(scheduling=st.sampled_from(["SILENT", "WHEN_IDLE"]))
    def finish_tool_later(self, scheduling: str) -> None:
        self.script.finish_tool(scheduling=scheduling)

    @rule()
    def write(self) -> None:
        self.script.tell(ev.TextRequested("hello"))

    @rule()
    def end(self) -> None:
        self.script.tell(ev.EndRequested())

    @rule()
    def picture(self) -> None:
        self.script.tell(ev.PictureTaken(b"jpeg"))

    @precondition(_connected)
    @rule(what=st.sampled_from(["generation_complete", "interrupted", "turn_complete", "call_tool", "finish_tool"]))
    def server(self, what: str) -> None:
        getattr(self.script, what)()

    @precondition(_connected)
    @rule()
    def transcripts(self) -> None:
        self.script.heard("hello ")
        self.script.said("well ")

    @precondition(_connected)
    @rule(handle=st.sampled_from([None, "handle"]))
    def remember(self, handle: str | None) -> None:
        self.script.remember(handle)

    # devices and time

    @precondition(lambda self: self.script.all(do.PlayChunk) or self.script.all(do.Announce))
    @rule()
    def drain(self) -> None:
        self.script.drain()

    @precondition(lambda self: self.script.all(do.Announce))
    @rule(duration_ms=st.sampled_from([0, 800]))
    def local_speech(self, duration_ms: int) -> None:
        self.script.local_speech(duration_ms)

    @rule()
    def lose_microphone(self) -> None:
        self.script.lose_microphone()

    @rule()
    def find_microphone(self) -> None:
        self.script.find_microphone()

    @precondition(lambda self: self.script.conversation.deadline_ms is not None)
    @rule()
    def wait_for_deadline(self) -> None:
        self.script.wait_for_deadline()

    @rule(duration_ms=st.sampled_from([0, 1000, 10_000]))
    def wait(self, duration_ms: int) -> None:
        self.script.wait(duration_ms)

    def teardown(self) -> None:
        """Whatever it was: quiet brings it to rest."""
        if hasattr(self, "script"):
            walk_to_rest(self.script)


AnyConversation.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestAnyConversation = AnyConversation.TestCase
