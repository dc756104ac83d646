"""The scene: all machines of a conversation side by side, and the moves that several rules share.

The rules themselves stand in hearing.py, answering.py, mending.py, connecting.py, showing.py and household.py;
conversation.py joins them. A rule changes state only through the machines and says what is to be done only through
`_do`.
"""

from collections import Counter, deque
from dataclasses import dataclass

from satellite.core import commands as do
from satellite.core.dialogue import Dialogue
from satellite.core.history import History
from satellite.core.link import Link
from satellite.core.memory import Memory
from satellite.core.mute import MuteState
from satellite.core.pcm import samples_of_ms
from satellite.core.policy import Policy
from satellite.core.reply import Reply, ReplyInput
from satellite.core.sight import Sight
from satellite.core.timers import Timers
from satellite.core.transcript import Transcript
from satellite.core.uplink import Uplink
from satellite.core.usage import TokenCounts, Usage
from satellite.core.voice import Voice, VoiceState

LONGEST_FUNCTION_MS = 600_000
"""No function may take longer (tools.functions.NAME.timeout_s)."""

FINALS_GRACE_MS = 600
"""How long after the end of a turn pieces of its transcripts are still waited for."""

MAX_WAITING = 8
"""Announcements that wait for their turn; one more drops the oldest."""

LONGEST_THINKING_MS = 60_000
"""However busy the server seems (pieces of text, tool after tool): no sound by then, and it is given up."""

GRACE_MS = 600
"""A window that ends while speech is suspected waits this long, once, for the gate to make up its mind."""


@dataclass(slots=True)
class Exchange:
    """What one turn carries with it: an utterance and its reply, or a local announcement."""

    turn: int
    after: Dialogue
    local: bool = False
    text: str = ""
    """What was written instead of spoken."""
    text_sent: bool = False
    replays: int = 0
    retried: bool = False
    """It has stalled once, and was asked again."""
    has_called: bool = False
    """A function was called for it."""
    has_acted: bool = False
    """And one of them must not be called twice."""
    written: bool = False
    """The reply is text, read by the local voice."""
    read_out: bool = False
    """And the voice was told that no more comes."""
    unasked: bool = False
    """No wake word and no button stands before it: it may not have been meant for us."""
    owed: bool = False
    """Nobody asked: the server comes back to something earlier."""
    is_answered: bool = False
    """The server has answered it to the end: it is not asked again."""
    is_complete: bool = False
    """The server has said that its turn is over."""
    grace_used: bool = False
    patience_ends_ms: int = 0


class Scene:
    """State of the conversation; one thread, one event at a time."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.dialogue = Dialogue.IDLE
        self.mute = MuteState.LIVE
        self.reply = Reply()
        self.memory = Memory(memory_ms=policy.memory_ms, resumes=policy.resumes, seeds=policy.seeds_history)
        self.link = Link(
            connect_timeout_ms=policy.connect_timeout_ms,
            memory=self.memory,
            connection_age_ms=policy.connection_age_ms,
        )
        self.voice = Voice()
        self.uplink = Uplink(manual=policy.manual_activity)
        self.timers = Timers()
        self.sight = Sight(has_camera=policy.has_camera)
        self.history = History()
        self._last_usage: tuple[int, int, TokenCounts] | None = None
        self.usage = Usage(policy.prices, policy.budget)
        self._problems: dict[str, str] = {}
        self._heard = Transcript(do.Speaker.USER)
        self._said = Transcript(do.Speaker.ASSISTANT)
        self._conversation = 0
        self._exchange = Exchange(turn=0, after=Dialogue.IDLE)
        self._finals_due_ms: int | None = None
        self._tools: set[str] = set()
        self._tools_end_ms = 0
        """No function that runs now runs longer."""
        self._hushed: set[str] = set()
        """Calls that somebody has said stop to: their results are not to be spoken."""
        self._owes_turn = False
        self._stalls: Counter[do.StallCause] = Counter()
        self._waiting: deque[tuple[do.Notice | None, str]] = deque(maxlen=MAX_WAITING)
        self._texts: deque[str] = deque(maxlen=MAX_WAITING)
        self._turns_unwoken = 0
        self._guard_to_sample = 0
        self._volume_percent = policy.volume_percent
        self._shown: do.ShownState | None = None
        self._deadline_ms: int | None = None
        self._now_ms = 0
        self._commands: list[do.Command] = []

    # ------------------------------------------------------------ saying what is to be done

    def _do(self, *commands: do.Command) -> None:
        self._commands.extend(commands)

    def _problem(self, part: str, text: str) -> None:
        """Publish a change of what is wrong with a part (empty: nothing)."""
        if text != self._problems.get(part, ""):
            if text:
                self._problems[part] = text
            else:
                del self._problems[part]
            self._do(do.PublishProblem(part, text))

    def _finish_transcripts(self) -> None:
        """The words of this turn are complete; they are what a session that knows nothing will be told."""
        self._finals_due_ms = None
        for transcript in (self._heard, self._said):
            finals = transcript.finish(self._conversation, self._exchange.turn)
            for final in finals:
                self.history.add(final.speaker, final.text)
            self._do(*finals)

    def _finish_transcripts_soon(self) -> None:
        """Pieces of what was said may come after the turn (LIVE_API 4.1): wait for them a moment."""
        if self._finals_due_ms is None and (self._heard or self._said):
            self._finals_due_ms = self._now_ms + FINALS_GRACE_MS

    # ------------------------------------------------------------ moving on

    def _enter(self, state: Dialogue, wait_ms: int) -> None:
        self.dialogue = state
        self._wait(wait_ms)

    def _wait(self, wait_ms: int) -> None:
        self._deadline_ms = self._now_ms + wait_ms

    def _is_due(self) -> bool:
        return self._deadline_ms is not None and self._now_ms >= self._deadline_ms

    def _grant_grace(self) -> bool:
        """Speech may be beginning this very moment."""
        if self.voice.state is not VoiceState.SUSPECTED or self._exchange.grace_used:
            return False
        self._exchange.grace_used = True
        self._wait(GRACE_MS)
        return True

    def _new_exchange(self, *, local: bool = False) -> None:
        """The turn before is over for us, whatever the server still has to say of it."""
        self._finish_transcripts()
        self._heard.begin()
        self._said.begin()
        self.memory.turn_over()
        self.reply.apply(ReplyInput.CUT_IN)
        self._exchange = Exchange(
            turn=self._exchange.turn + 1,
            after=Dialogue.IDLE if local else Dialogue.FOLLOW_UP,
            local=local,
        )

    def _think(self) -> None:
        connect_ms = self._policy.connect_timeout_ms if self.link.open_session is None else 0
        self._exchange.patience_ends_ms = self._now_ms + connect_ms + LONGEST_THINKING_MS
        self._enter(Dialogue.THINKING, connect_ms + self._policy.reply_timeout_ms)

    def _wait_for_reply(self) -> None:
        """The server shows that it is at work: wait anew, but not for ever."""
        self._wait(min(self._policy.reply_timeout_ms, max(0, self._exchange.patience_ends_ms - self._now_ms)))

    def _may_go_on_unwoken(self) -> bool:
        """A television with pauses would go on for ever, and each of its turns costs."""
        return self._turns_unwoken < self._policy.max_turns_without_wake

    def _count_unwoken(self) -> None:
        """A turn before which there was no wake word: after the last of them nobody is listened to."""
        self._turns_unwoken += 1
        if not self._may_go_on_unwoken():
            self._exchange.after = Dialogue.IDLE

    def _rest(self) -> None:
        """Back to idle. A session nobody used is closed; one that was used lingers."""
        self._do(*self.uplink.stop(self.link.open_session))
        self._finish_transcripts_soon()
        self.dialogue, self._deadline_ms = Dialogue.IDLE, None
        if self.link.used:
            self.link.linger(self._policy.session_linger_ms, self._now_ms)
        elif self.link.session:
            self._release_link()

    def _after_voice(self) -> None:
        """The voice is over: open the follow-up window, or rest."""
        self.uplink.settled()
        if self.voice.state is not VoiceState.SILENT:
            self._do(do.RestorePlayback())
        deaf = self.mute is MuteState.MUTED or "microphone" in self._problems
        if self._exchange.after is Dialogue.IDLE or not self._policy.follow_up_ms or deaf:
            self._rest()
            return
        guard_samples = samples_of_ms(self._policy.follow_up_guard_ms)
        self._guard_to_sample = self.uplink.utterance.captured_to + guard_samples
        self.voice.forget()
        self._do(do.RestartEndpointer(self._guard_to_sample))
        self._enter(Dialogue.FOLLOW_UP, self._policy.follow_up_ms + self._policy.follow_up_guard_ms)

    def _forget_voice(self) -> None:
        """What the gate reported will get no end: nothing may stay ducked for it."""
        if self.voice.state is not VoiceState.SILENT:
            self._do(do.RestorePlayback())
        self.voice.forget()

    # ------------------------------------------------------------ the voice on the speaker

    def _announce(self, notice: do.Notice | None, text: str = "") -> None:
        """Say something with the local voice, then rest."""
        self._do(*self.uplink.stop(self.link.open_session))
        self._new_exchange(local=True)
        self.reply.begin_playback(self._now_ms)
        self._do(do.Announce(self._exchange.turn, notice, text))
        self._enter(Dialogue.SPEAKING, self._policy.reply_timeout_ms)

    def _take_back(self, notice: do.Notice) -> None:
        """It is not true any more: do not say it."""
        for said in [waiting for waiting in self._waiting if waiting[0] is notice]:
            self._waiting.remove(said)

    def _cut_reply(self) -> None:
        """Silence first; the server is told by the utterance that follows."""
        self._do(do.FlushPlayback())
        self.reply.apply(ReplyInput.CUT_IN)

    def _end_playback(self) -> None:
        self.reply.has_ended = True
        self._do(do.EndPlayback(self._exchange.turn))

    def _end_voice(self) -> None:
        """No more comes from the server; a text is over when the local voice has read it."""
        if self._is_whole():
            return
        if self._exchange.written:
            self._exchange.read_out = True
            self._do(do.SpeakReply(self._exchange.turn, "", final=True))
        else:
            self._end_playback()

    def _is_whole(self) -> bool:
        """Whether all of the reply is there, although it may not have been heard yet."""
        return self.reply.has_ended or self._exchange.read_out

    def _leave_when_over(self) -> None:
        if self.reply.is_over:
            self._after_voice()

    # ------------------------------------------------------------ the session

    def _need_session(self, *, fresh: bool = False, again: bool = False) -> None:
        """Ask for a session unless there is one; it may have to be told everything that was said."""
        self._finish_transcripts()
        self._do(*self.link.need(self.history.turns, self._now_ms, fresh=fresh, again=again))

    def _session_gone(self) -> None:
        """What hung on the session hangs on nothing: its turn and its tool calls."""
        self._owes_turn = False
        self.reply.apply(ReplyInput.SESSION_GONE)
        self._do(*(do.CancelTool(call_id) for call_id in sorted(self._tools)))
        self._tools.clear()
        self._hushed.clear()

    def _release_link(self) -> None:
        self._do(*self.link.release())
        self._session_gone()
