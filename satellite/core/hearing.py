"""Rules of hearing: the gate opens, the user speaks, cuts in, pauses, falls silent."""

from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.dialogue import Dialogue
from satellite.core.link import LinkState
from satellite.core.mute import MuteState
from satellite.core.pcm import ms_of_samples, samples_of_ms
from satellite.core.reply import ReplyInput, ReplyState
from satellite.core.scene import Scene
from satellite.core.voice import VoiceState

STALL_MARGIN_MS = 2000
"""When no frames come any more, an utterance is ended this long after its greatest length."""


class HearingRules(Scene):
    """From the wake word to the endpoint."""

    def _begin(self, event: ev.WakeWordHeard) -> None:
        self._open_gate(event.at_sample - samples_of_ms(self._policy.wake_lookback_ms), event.word, event.score)

    def _begin_over_reply(self, event: ev.WakeWordHeard) -> None:
        self._cut_reply()
        self._begin(event)

    def _begin_again(self, event: ev.WakeWordHeard) -> None:
        if self.uplink.is_confirmed:  # said within an utterance: it goes on, and may end here
            self._exchange.unasked, self._exchange.after = False, Dialogue.FOLLOW_UP
            self._turns_unwoken = 0
            self._wait(self._policy.listen_timeout_ms)
        else:
            self._begin(event)

    def _begin_by_hand(self, _: ev.ListenRequested) -> None:
        if self.mute is MuteState.MUTED or "microphone" in self._problems:
            if "microphone" in self._problems:
                self._announce(do.Notice.NO_MICROPHONE)
            return
        speaking = self.voice.state is VoiceState.SPEAKING
        begin = self.voice.from_sample if speaking else self.uplink.utterance.captured_to
        self._open_gate(begin - samples_of_ms(self._policy.preroll_ms), "", 0.0)
        if speaking and self.dialogue is Dialogue.LISTENING:
            self._confirm()

    def _begin_by_hand_anew(self, event: ev.ListenRequested) -> None:
        if self.mute is MuteState.LIVE:
            self._cut_reply()
            self._begin_by_hand(event)

    def _open_gate(self, from_sample: int, word: str, score: float) -> None:
        self._begin_conversation()
        self._do(do.PublishWake(word, score, self._conversation))
        if not self._need_link():
            return
        if self._policy.wake_earcon:
            self._do(do.PlayWakeEarcon())
        self._do(*self.uplink.stop(self.link.open_session))
        self._new_exchange()
        self._turns_unwoken = 0
        self.uplink.open(from_sample)
        self._enter(Dialogue.LISTENING, self._policy.listen_timeout_ms)

    def _begin_conversation(self) -> None:
        """A new one from rest; what was said in one that is forgotten by now is not told to the next."""
        if self.dialogue is Dialogue.IDLE or self._exchange.local:
            self._finish_transcripts()
            self._conversation += 1
            if self.memory.has_expired(self._now_ms):
                self.history.forget()

    def _write_turn(self, event: ev.TextRequested) -> None:
        """Someone writes: what is being said aloud gives way, and the answer is spoken."""
        self._begin_conversation()
        if not self._need_link():
            return
        self._do(*self.uplink.stop(self.link.open_session))
        self._new_exchange()
        self._turns_unwoken = 0
        self._exchange.text = event.text
        self._heard.say(event.text)
        self._think()

    def _write_turn_anew(self, event: ev.TextRequested) -> None:
        self._cut_reply()
        self._write_turn(event)

    def _write_later(self, event: ev.TextRequested) -> None:
        """While somebody speaks: their turn first, unless nothing has been said yet."""
        if self.uplink.is_confirmed:
            self._texts.append(event.text)
        else:
            self._write_turn(event)

    def _confirm(self, _: ev.SpeechStarted | None = None) -> None:
        self.uplink.confirm()
        left_ms = self._policy.max_utterance_ms - ms_of_samples(self.uplink.utterance.length_samples)
        self._enter(Dialogue.LISTENING, max(0, int(left_ms)) + STALL_MARGIN_MS)

    def _speak_on(self, event: ev.SpeechStarted) -> None:
        if not self._exchange.owed and self.uplink.go_on():
            self._confirm()
        elif self._may_go_on_unwoken():
            self._cut_reply()
            self._hear(event.from_sample - samples_of_ms(self._policy.preroll_ms))

    def _barge_in(self, event: ev.SpeechStarted) -> None:
        if self._may_cut_in():
            self._cut_reply()
            self._hear(event.from_sample - samples_of_ms(self._policy.preroll_ms))

    def _follow_up(self, event: ev.SpeechStarted) -> None:
        back_ms = self._policy.preroll_ms
        if event.from_sample <= self._guard_to_sample + samples_of_ms(self._policy.preroll_ms):
            back_ms += self._policy.follow_up_guard_ms  # it may have begun within the guard
        self._hear(event.from_sample - samples_of_ms(back_ms))

    def _yield_to_server(self, _: ev.ReplyInterrupted) -> None:
        """The server cut its reply: nothing of it may be heard any more."""
        was_open = self.reply.state is ReplyState.OPEN
        self.reply.apply(ReplyInput.INTERRUPTED)
        if not was_open:
            return
        if self._policy.manual_activity and self._is_whole() and not self._exchange.text_sent:
            self._finish_transcripts_soon()  # all of it is here, and who speaks is ours to say: it is played out
            return
        self._do(do.FlushPlayback())
        if self._exchange.text_sent and not self._exchange.is_answered:
            self._said.forget()  # what was written has cut an earlier turn: its own is still to come
            self._think()
            return
        if not (self.uplink.is_flowing and self._may_go_on_unwoken()):
            self._after_voice()
            return
        self._hear(self.uplink.utterance.captured_to)
        if self.voice.state is not VoiceState.SPEAKING:
            self._wait(self._policy.listen_timeout_ms)  # the server heard what we did not

    def _hear(self, from_sample: int) -> None:
        """An utterance that is known to be speech; in automatic mode the stream that flows goes on."""
        self._new_exchange()
        self._exchange.unasked = True
        self._count_unwoken()
        if not self.uplink.is_flowing:
            self.uplink.open(from_sample)
        else:
            self.uplink.go_on_from(from_sample)
        if self._need_link():
            self._confirm()

    def _need_link(self) -> bool:
        """Ask for a session; where the server has just refused us, or the day's budget is used up, say so instead."""
        if self.usage.is_used_up:
            self._announce(do.Notice.BUDGET_USED)
            return False
        self._need_session()
        if self.link.state is not LinkState.REFUSED:
            return True
        self._announce(do.Notice.REFUSED, self._problems.get("link", ""))
        return False

    def _duck(self, _: ev.SpeechSuspected) -> None:
        if self._may_cut_in():
            self._do(do.DuckPlayback())

    def _may_cut_in(self) -> bool:
        """Only into a reply: while the satellite speaks for itself, nobody has opened the gate."""
        return self._policy.barge_in and not self._exchange.local and self._may_go_on_unwoken()

    def _restore(self, _: ev.Event) -> None:
        self._do(do.RestorePlayback())

    def _endpoint(self, _: ev.Event) -> None:
        if self.uplink.is_confirmed:
            self.uplink.end()
            self._think()

    def _check_length(self, _: ev.FramesCaptured) -> None:
        too_long = self.uplink.utterance.length_samples >= samples_of_ms(self._policy.max_utterance_ms)
        if self.uplink.is_confirmed and too_long:
            self._cut_utterance()

    def _cut_utterance(self) -> None:
        """A television never pauses: answer what there is, and do not listen on by ourselves after it."""
        self.uplink.utterance.end()
        self._exchange.after = Dialogue.IDLE
        self._think()

    def _give_up_listening(self, _: ev.DeadlineReached) -> None:
        if not self._is_due() or self._grant_grace():
            return
        if self.uplink.is_confirmed:
            self._cut_utterance()
        else:
            self._rest()

    def _close_window(self, _: ev.DeadlineReached) -> None:
        if self._is_due() and not self._grant_grace():
            self._rest()
