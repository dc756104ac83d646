"""Rules of connecting: sessions open, are lost, refused, handed over and closed."""

from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.dialogue import Dialogue
from satellite.core.link import LinkState
from satellite.core.mending import MendingRules
from satellite.core.reply import ReplyState

MAX_REPLAYS = 2
"""How often one utterance is sent again over new sessions before we say that there is no connection."""


class ConnectingRules(MendingRules):
    """What becomes of the conversation when its session changes."""

    def _use_session(self, _: ev.SessionOpened) -> None:
        if not self.link.resumes:
            self.usage.new_session()
        self.link.opened(self._now_ms)
        self._problem("link", "")
        self._take_back(do.Notice.NO_CONNECTION)
        if self.dialogue is Dialogue.THINKING:
            self._wait_for_reply()

    def _lose_quietly(self, event: ev.SessionLost) -> None:
        self._forget_session(event)
        self.uplink.abandon()

    def _send_again(self, event: ev.SessionLost) -> None:
        """Before a reply was heard, another session may answer; never twice what has acted."""
        costs_nothing = event.resume_refused and self.link.resumes  # a fresh session has not been tried
        self._forget_session(event)
        self._exchange.replays += not costs_nothing
        self._reopen(may_repeat=not self._exchange.has_acted)

    def _reopen(self, *, may_repeat: bool) -> None:
        """What was said so far is said again over the next session; speaking on, the user notices nothing."""
        if self._exchange.owed:
            self._rest()  # there is nothing to be said again, and nobody waits for it
        elif not may_repeat or self._exchange.replays > MAX_REPLAYS:
            self._announce(do.Notice.NO_CONNECTION)
        elif self.dialogue is Dialogue.THINKING:
            self._ask_again()
        else:
            self.uplink.session_gone()
            self._heard.forget()
            self._need_session(again=True)

    def _lose_reply(self, event: ev.SessionLost) -> None:
        mends = self._mends_loss()
        if not mends:
            self._lose_rest(do.Notice.NO_CONNECTION)
        self._forget_session(event)
        if mends:
            self._stalled(do.StallCause.CLOSED)
        else:
            self._leave_when_over()

    def _lose_rest(self, notice: do.Notice, text: str = "") -> None:
        """What was received of the reply is played to its end; then the user is told that the rest is missing."""
        self.uplink.abandon()
        if self.dialogue is Dialogue.SPEAKING and self.reply.state is ReplyState.OPEN and not self._is_whole():
            self._exchange.after = Dialogue.IDLE
            self._waiting.append((notice, text))
            self._end_voice()

    def _forget_session(self, event: ev.SessionLost) -> None:
        self.link.lost(resume_refused=event.resume_refused)
        if event.resume_refused:
            self._do(do.StoreMemory(None))
        self._session_gone()

    def _tell_refusal(self, event: ev.SessionRefused) -> None:
        self._note_refusal(event)
        self._announce(do.Notice.REFUSED, event.advice)

    def _note_refusal(self, event: ev.SessionRefused) -> None:
        self._lose_rest(do.Notice.REFUSED, event.advice)
        self.link.refused(self._now_ms)
        self._session_gone()
        self._problem("link", event.advice)
        if self.dialogue is Dialogue.SPEAKING:
            self._leave_when_over()

    def _hand_over(self, event: ev.GoAwayReceived) -> None:
        self.link.go_away(event.time_left_ms, self._now_ms)

    def _remember(self, event: ev.ResumptionUpdated) -> None:
        self._do(*self.memory.remember(event.handle))

    def _restore_memory(self, event: ev.MemoryRestored) -> None:
        self.memory.restore(event.handle, event.age_ms, self._now_ms)

    def _end_link_wait(self) -> None:
        """The link's own deadline: connecting took too long, nobody needs it, or it is about to end."""
        self.link.grow_old(self._now_ms)
        if not self.link.expired(self._now_ms):
            return
        waiting = self.dialogue in (Dialogue.LISTENING, Dialogue.THINKING)
        if self.link.state is LinkState.REFUSED:
            self.link.forgive()
            self._problem("link", "")
        elif self.link.state is LinkState.OPENING:
            self.memory.session_lost(resume_refused=False)
            self._release_link()
            self._problem("link", "no connection to the Live API")
            if waiting:
                self._announce(do.Notice.NO_CONNECTION)
        elif waiting:
            self._release_link()
            self._exchange.replays += 1
            self._reopen(may_repeat=not self._exchange.has_called)
        elif self.link.state is LinkState.OPEN and self._tools and self._now_ms < self._tools_end_ms:
            self.link.linger(self._tools_end_ms - self._now_ms, self._now_ms)  # somebody waits for what they bring
        else:
            self._lose_rest(do.Notice.NO_CONNECTION)
            self._release_link()
            if self.dialogue is Dialogue.SPEAKING:
                self._leave_when_over()
