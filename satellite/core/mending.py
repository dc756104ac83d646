"""Rules of mending: a turn that gets no proper answer is asked once more on a fresh session, else we say so.

Five causes (`StallCause`): no sound in time, an empty turn, a rejected one, one that cannot be heard, a connection
that ends in the middle of it. Not where silence is right, and never once a function was called that must not be called
twice.
"""

from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.dialogue import Dialogue
from satellite.core.reply import ReplyState
from satellite.core.scene import Scene

TRY_AGAIN_REASONS = ("RESPONSE_REJECTED", "MALFORMED_FUNCTION_CALL")
"""turnCompleteReasons that may be the model's slip; the others speak of what was said, and would come again."""

WAITS_REASON = "NEED_MORE_INPUT"
"""The model wants to hear more before it answers: no failure."""


class MendingRules(Scene):
    """What becomes of a turn that has stalled."""

    def _give_up_thinking(self, _: ev.DeadlineReached) -> None:
        if not self._is_due():
            return
        patience_ms = self._exchange.patience_ends_ms - self._now_ms
        if self._tools and patience_ms > 0:
            self._wait(patience_ms)  # a function is at work: it ends by itself
        elif self._exchange.owed or (self._policy.proactive and self._exchange.unasked):
            self._release_link()
            self._rest()
        else:
            self._stalled(do.StallCause.NO_AUDIO, hopeless=patience_ms <= 0)

    def _mends_emptiness(self, event: ev.TurnCompleted) -> bool:
        """Whether a turn of which nothing was heard has stalled."""
        if event.waits or event.reason == WAITS_REASON:
            return False
        if event.reason:
            self._stalled(do.StallCause.REJECTED, hopeless=event.reason not in TRY_AGAIN_REASONS)
            return True
        exchange = self._exchange
        if self._policy.proactive or exchange.has_called or exchange.written or exchange.owed:
            return False
        self._stalled(do.StallCause.EMPTY_TURN)
        return True

    def _mends_rejection(self, event: ev.TurnCompleted) -> bool:
        """Whether a turn that was heard in part is taken back by the server."""
        if event.reason not in TRY_AGAIN_REASONS:
            return False
        self._stalled(do.StallCause.REJECTED)
        return True

    def _mends_silence(self) -> bool:
        """Whether the reply is whole, and nothing of it could be heard."""
        if not self.reply.is_near_silent or self._exchange.written:
            return False
        self._stalled(do.StallCause.NEAR_SILENT)
        return True

    def _mends_loss(self) -> bool:
        """Whether the connection ended in the middle of a reply that can be asked for again."""
        if self.reply.state is not ReplyState.OPEN or self._is_whole():
            return False
        if not self._may_try_again():
            self._tell_stall(do.StallCause.CLOSED, retried=False)
            return False
        return True

    def _stalled(self, cause: do.StallCause, *, hopeless: bool = False) -> None:
        """Once more on a fresh session, from the first word; or say that there is no answer."""
        again = not hopeless and self._may_try_again()
        self._tell_stall(cause, retried=again)
        if self.dialogue is Dialogue.SPEAKING:
            self._do(do.FlushPlayback())
        self._release_link()  # nothing late may come of it
        if again:
            self._exchange.turn += 1  # what still drains belongs to the first try
            self._exchange.retried = True
            self._exchange.written = self._exchange.read_out = False
            self._ask_again(fresh=True)
        elif self._exchange.owed:
            self._rest()  # nobody asked
        else:
            self._announce(do.Notice.NO_ANSWER if self._exchange.retried else do.Notice.NOT_UNDERSTOOD)

    def _may_try_again(self) -> bool:
        exchange = self._exchange
        kept = self.uplink.can_replay or (bool(exchange.text) and not exchange.is_answered)
        return kept and not (exchange.retried or exchange.has_acted)

    def _ask_again(self, *, fresh: bool = False) -> None:
        """Send what was said or written once more, over another session."""
        self.uplink.session_gone()
        self._exchange.text_sent = False
        self._heard.forget()
        self._said.forget()
        self._need_session(fresh=fresh, again=True)
        self._heard.say(self._exchange.text)
        self._think()

    def _tell_stall(self, cause: do.StallCause, *, retried: bool) -> None:
        self._stalls[cause] += 1
        self._do(do.PublishStall(self._conversation, self._exchange.turn, cause, retried, self._stalls[cause]))
