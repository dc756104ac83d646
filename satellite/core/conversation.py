"""The conversation: events in, commands out, and the instant of the next deadline. Pure; never raises.

Driven by app/dispatch.py alone: `handle` for every event, one at a time, and a DeadlineReached when
`deadline_ms` comes. Which rule applies is in dialogue.py's table; what the user sees is derived here at
the end of each event, never set.
"""

from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.answering import AnsweringRules
from satellite.core.connecting import ConnectingRules
from satellite.core.dialogue import RULES, Dialogue
from satellite.core.hearing import HearingRules
from satellite.core.household import HouseholdRules
from satellite.core.link import LinkState
from satellite.core.mute import MuteState
from satellite.core.showing import ShowingRules
from satellite.core.shown import shown_state

MICROPHONE_EVENTS = (
    ev.FramesCaptured,
    ev.WakeWordHeard,
    ev.SpeechSuspected,
    ev.SpeechStarted,
    ev.SuspicionDropped,
    ev.SpeechEnded,
)


class Conversation(HearingRules, AnsweringRules, ConnectingRules, ShowingRules, HouseholdRules):
    """The whole of what is decided."""

    @property
    def deadline_ms(self) -> int | None:
        """The earliest instant at which something has to happen by itself, or None."""
        sight_ms = self.sight.waits_until_ms(self._now_ms) if self._has_words_waiting() else None
        due = (self._deadline_ms, self._finals_due_ms, self.link.deadline_ms, self.timers.deadline_ms, sight_ms)
        return min((at_ms for at_ms in due if at_ms is not None), default=None)

    @property
    def is_written_to(self) -> bool:
        """Whether the present turn was written: that needs no microphone."""
        return bool(self._exchange.text)

    def handle(self, event: ev.Event, *, now_ms: int) -> list[do.Command]:
        """What to do about `event`, in execution order."""
        self._now_ms, self._commands = now_ms, []
        if isinstance(event, ev.LinkEvent) and event.session != self.link.session:
            return []
        if self.mute is MuteState.MUTED and isinstance(event, MICROPHONE_EVENTS):
            return []
        self.voice.follow(event)
        if isinstance(event, ev.FramesCaptured):
            self.uplink.utterance.append(event.first_sample, event.pcm)
        if isinstance(event, ev.DeadlineReached):
            self._ring_timers()
            self._end_link_wait()
            if self._finals_due_ms is not None and now_ms >= self._finals_due_ms:
                self._finish_transcripts()
        getattr(self, f"_{RULES[self.dialogue, type(event)]}")(event)
        self._settle()
        return self._commands

    def _ignore(self, _: ev.Event) -> None:
        """Listed in the table: nothing to do in this state."""

    def _settle(self) -> None:
        """What follows from any change: audio up, a connection that may go, announcements, the shown state."""
        self._do(*self.sight.follow(self._now_ms, conversing=self._is_conversing()))
        self._send_up()
        pauses = self.dialogue in (Dialogue.IDLE, Dialogue.FOLLOW_UP)
        if self.link.state is LinkState.HANDING_OVER and pauses and not (self._tools or self._owes_turn):
            self.uplink.abandon()
            self._release_link()
            if self.dialogue is Dialogue.FOLLOW_UP:
                self._need_session()  # before it is needed: the next words find it open
        if self._waiting and pauses:
            self._announce(*self._waiting.popleft())
        elif self._texts and pauses:
            self._write_turn(ev.TextRequested(self._texts.popleft()))
            self._do(*self.sight.follow(self._now_ms, conversing=self._is_conversing()))
            self._send_up()
        self._do(*self.sight.follow(self._now_ms, conversing=self._is_conversing()))
        shown = shown_state(self.dialogue, self.mute, self.link.state, microphone_lost="microphone" in self._problems)
        if shown is not self._shown:
            self._shown = shown
            self._do(do.PublishState(shown, self._conversation, self._exchange.turn))

    def _has_words_waiting(self) -> bool:
        """Whether something would go up if there were a picture."""
        written = bool(self._exchange.text) and not self._exchange.text_sent
        return self.link.open_session is not None and (written or self.uplink.has_end_waiting)

    def _is_conversing(self) -> bool:
        """Whether the user may be seen: who has closed the microphone is not looked at either."""
        return self.dialogue is not Dialogue.IDLE and self.mute is MuteState.LIVE and not self._exchange.local

    def _send_up(self) -> None:
        """Bring the server up to date: what was written, what is said, what is seen with it."""
        session = self.link.open_session
        waits = self.sight.waits_until_ms(self._now_ms) is not None
        upward = self.uplink.pump(session, hold_end=waits)
        if self._exchange.text and not (self._exchange.text_sent or waits) and session is not None:
            self._exchange.text_sent = True
            upward.append(do.SendText(session, self._exchange.text))
        if self._is_conversing() and (upward or self.link.used):
            seen = self.sight.pump(session, self._now_ms, words=bool(upward))
            # an activity begins before its picture, and a picture comes before the words about it
            starts = bool(upward) and isinstance(upward[0], do.SendActivityStart)
            upward[starts:starts] = seen
        if upward:
            self.link.mark_used(self._now_ms)
            self._do(*upward)
