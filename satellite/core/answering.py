"""Rules of answering: the reply is played to its last sample, shown, cut, or given up. What stalls is mending.py's."""

from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.dialogue import Dialogue
from satellite.core.mending import MendingRules
from satellite.core.pcm import REPLY_RATE_HZ, ms_of_samples, samples_in
from satellite.core.reply import ReplyInput, ReplyState
from satellite.core.scene import LONGEST_FUNCTION_MS, LONGEST_THINKING_MS


class AnsweringRules(MendingRules):
    """From the first chunk to the last sample."""

    def _play(self, event: ev.ReplyChunkReceived) -> None:
        self._begin_behind()
        if not self._takes_content():
            return
        if self.dialogue is not Dialogue.SPEAKING:
            self._begin_voice()
        self._push(event.pcm)

    def _play_or_refuse(self, event: ev.ReplyChunkReceived) -> None:
        if self._reply_may_begin_while_listening():
            self._play(event)
        else:
            self._refuse(event)

    def _play_owed(self, event: ev.ReplyChunkReceived) -> None:
        if self._begin_owed(event):
            self._play(event)

    def _write(self, event: ev.ReplyTextReceived) -> None:
        """A piece of a reply that is text: shown, and read by the local voice."""
        self._begin_behind()
        if not self._takes_content():
            return
        self._do(*self._said.add(event.text, self._conversation, self._exchange.turn))
        self._exchange.written = True
        if self._exchange.read_out or not self._policy.speaks_text:
            if self.dialogue is Dialogue.THINKING:
                self._wait_for_reply()
            return
        if self.dialogue is not Dialogue.SPEAKING:
            self._begin_voice()
        self._do(do.SpeakReply(self._exchange.turn, event.text, final=False))
        self.reply.has_ended = False
        self._speak_until_drained()

    def _write_or_refuse(self, event: ev.ReplyTextReceived) -> None:
        if self._reply_may_begin_while_listening():
            self._write(event)
        else:
            self._refuse(event)

    def _write_owed(self, event: ev.ReplyTextReceived) -> None:
        if self._begin_owed(event):
            self._write(event)

    def _begin_voice(self) -> None:
        self.reply.begin_playback(self._now_ms)
        self.uplink.answered()
        self._exchange.patience_ends_ms = self._now_ms + LONGEST_THINKING_MS

    def _push(self, pcm: bytes) -> None:
        """Queue a piece of the present turn."""
        self.reply.listen(pcm)
        self.reply.pushed(self._exchange.turn, ms_of_samples(samples_in(pcm), REPLY_RATE_HZ), self._now_ms)
        self._do(do.PlayChunk(self._exchange.turn, pcm))
        self._speak_until_drained()

    def _new_owed_exchange(self) -> None:
        """The server speaks by itself: of what it owes us, or of what it alone has heard."""
        self._new_exchange()
        self._exchange.owed = True
        if not self._owes_turn:
            self._count_unwoken()

    def _begin_behind(self) -> None:
        """More comes while the turn before still plays: it is queued behind it, as a turn of its own."""
        if self.dialogue is Dialogue.SPEAKING and self._is_after_turn():
            after = self._exchange.after
            self._new_owed_exchange()
            self._exchange.after = after

    def _begin_owed(self, event: ev.LinkEvent) -> bool:
        """The server comes back by itself to something it owes us: the answer of a function that took its time."""
        by_itself = self.dialogue is Dialogue.FOLLOW_UP and self._is_after_turn()
        if by_itself or (self._owes_turn and self.reply.state is ReplyState.CLOSED):
            self._new_owed_exchange()
            self._need_session()
            self._think()
        elif self.dialogue is Dialogue.IDLE:
            self._refuse(event)
            return False
        return True

    def _show_reply(self, event: ev.OutputTranscribed) -> None:
        """Words begin a turn only where one is awaited: they may come late, and then cost nothing but themselves."""
        waiting = self.dialogue in (Dialogue.LISTENING, Dialogue.THINKING)
        is_late = self._exchange.local or (self._is_after_turn() and not waiting)
        if not is_late and not self._takes_content():
            return
        if self._exchange.local:
            return
        told = event.words, event.speaker, event.language
        self._do(*self._said.add(event.text, self._conversation, self._exchange.turn, *told))
        if self.dialogue is Dialogue.THINKING:
            self._wait_for_reply()

    def _show_or_refuse(self, event: ev.OutputTranscribed) -> None:
        if self._reply_may_begin_while_listening():
            self._show_reply(event)

    def _show_owed(self, event: ev.OutputTranscribed) -> None:
        if self._owes_turn:
            self._begin_owed(event)
        if self.dialogue is not Dialogue.IDLE or self.reply.state is ReplyState.OPEN or self._is_after_turn():
            self._show_reply(event)

    def _refuse(self, _: ev.LinkEvent) -> None:
        self.reply.apply(ReplyInput.UNWANTED_CONTENT)

    def _takes_content(self) -> bool:
        """Whether the server's turn is wanted; while the satellite speaks for itself, none is."""
        content = ReplyInput.UNWANTED_CONTENT if self._exchange.local else ReplyInput.CONTENT
        if self.reply.apply(content) is not ReplyState.OPEN:
            return False
        self._exchange.is_complete = False
        self.memory.reply_begun()
        return True

    def _is_after_turn(self) -> bool:
        """Whether the turn of this exchange is over for the server."""
        return self.reply.state is ReplyState.CLOSED and self._exchange.is_complete

    def _reply_may_begin_while_listening(self) -> bool:
        """Only where the server decides that the user has finished."""
        return not self._policy.manual_activity and self.uplink.is_flowing

    def _no_more_chunks(self, _: ev.GenerationCompleted) -> None:
        """All is there; what was generated before a function is called is not all (LIVE_API 4.1)."""
        if self.reply.state is ReplyState.OPEN and not self._tools and not self._mends_silence():
            self._end_voice()
            self._leave_when_over()

    def _complete_turn(self, event: ev.TurnCompleted) -> None:
        if self.reply.state is ReplyState.OPEN and (self._mends_rejection(event) or self._mends_silence()):
            return
        if self._close_turn(event):
            self._end_voice()
            self._leave_when_over()

    def _complete_unheard(self, event: ev.TurnCompleted) -> None:
        """The server's turn is over, and nothing of it was heard."""
        if self.reply.state is ReplyState.CUT or self.reply.was_interrupted:
            self._close_turn(event)  # the end of an earlier turn: ours is still to come
        elif self._tools or event.goes_on:
            self._exchange.is_complete = not event.goes_on  # and what the functions lead to is still to come
        elif self._is_turn_of_ours() and not self._mends_emptiness(event):
            self._end_unheard(event)

    def _end_unheard(self, event: ev.TurnCompleted) -> None:
        self._close_turn(event)
        self._exchange.is_complete = True
        self._after_voice()

    def _is_turn_of_ours(self) -> bool:
        return self.reply.state is ReplyState.OPEN or self.uplink.is_sent or self._exchange.text_sent

    def _complete_quietly(self, event: ev.TurnCompleted) -> None:
        self._close_turn(event)

    def _close_turn(self, event: ev.TurnCompleted) -> bool:
        """Whether it was a turn we were listening to."""
        was_open = self.reply.state is ReplyState.OPEN
        self.reply.apply(ReplyInput.TURN_COMPLETED)
        if was_open:
            self._exchange.is_complete = self._exchange.is_answered = True
            self._owes_turn = event.goes_on or (self._owes_turn and not self._exchange.owed)
            self.uplink.settled()
            if self.dialogue is not Dialogue.LISTENING:
                self._finish_transcripts_soon()
        return was_open

    def _note_interrupted(self, _: ev.ReplyInterrupted) -> None:
        self.reply.apply(ReplyInput.INTERRUPTED)

    def _drained(self, event: ev.PlaybackDrained) -> None:
        if event.turn == self.reply.turn:
            self.reply.has_drained = True
            self._leave_when_over()

    def _speak_locally(self, event: ev.LocalSpeechReady) -> None:
        if event.turn != self._exchange.turn:
            return
        if event.pcm:
            self._push(event.pcm)
        if event.final:
            self._end_playback()
            self._leave_when_over()

    def _speak_until_drained(self) -> None:
        """Wait for the last sample; a voice that comes in drips has the time-out once for all its breaks."""
        patience_ms = max(0, self._policy.reply_timeout_ms - self.reply.starved_ms)
        self._enter(Dialogue.SPEAKING, self.reply.play_end_ms - self._now_ms + patience_ms)

    def _run_tool(self, event: ev.ToolCallReceived) -> None:
        if self.reply.has_ended:  # a text that is still being read is not cut for it
            self._begin_behind()
        if not self._takes_content():
            return
        self._tools.add(event.call_id)
        self._tools_end_ms = self._now_ms + LONGEST_FUNCTION_MS
        self._exchange.has_called = True
        self._exchange.has_acted = self._exchange.has_acted or event.name not in self._policy.idempotent_tools
        self._do(do.RunTool(event.session, event.call_id, event.name, event.arguments))
        if self.dialogue is Dialogue.THINKING:
            self._wait_for_reply()

    def _run_or_refuse(self, event: ev.ToolCallReceived) -> None:
        if self._reply_may_begin_while_listening():
            self._run_tool(event)
        else:
            self._refuse(event)

    def _run_owed(self, event: ev.ToolCallReceived) -> None:
        if self._begin_owed(event):
            self._run_tool(event)

    def _cancel_tools(self, event: ev.ToolCallsCancelled) -> None:
        void = [call_id for call_id in event.call_ids if call_id in self._tools]
        self._tools.difference_update(void)
        self._hushed.difference_update(void)
        self._do(*(do.CancelTool(call_id) for call_id in void))

    def _answer_tool(self, event: ev.ToolFinished) -> None:
        if event.call_id not in self._tools:
            return
        self._tools.discard(event.call_id)
        is_hushed = event.call_id in self._hushed and event.scheduling in SPOKEN_LATER
        self._hushed.discard(event.call_id)
        scheduling = NOT_SPOKEN if is_hushed else event.scheduling
        self._do(do.SendToolResponse(event.session, event.call_id, event.name, event.response, scheduling))
        self._owes_turn = self._owes_turn or scheduling in SPOKEN_LATER
        if self.dialogue is Dialogue.IDLE:
            self.link.linger(self._policy.session_linger_ms, self._now_ms)
        if self.dialogue is Dialogue.THINKING:
            self._wait_on(nothing_comes=scheduling == NOT_SPOKEN and not (self._tools or self._owes_turn))
        elif self.dialogue is Dialogue.SPEAKING and self._now_ms < self._exchange.patience_ends_ms:
            self.reply.waited(self._now_ms)
            self._speak_until_drained()

    def _wait_on(self, *, nothing_comes: bool) -> None:
        """A function has ended: the reply follows, unless the turn was over before, and nothing is to be said of it."""
        if nothing_comes and self._exchange.is_complete:
            self._end_unheard(ev.TurnCompleted(self.link.session))
        else:
            self._wait_for_reply()

    def _give_up_speaking(self, _: ev.DeadlineReached) -> None:
        if not self._is_due():
            return
        patience_ms = self._exchange.patience_ends_ms - self._now_ms
        if self._tools and patience_ms > 0:
            self._wait(patience_ms)  # a function is at work: it ends by itself
            return
        if self.reply.state is ReplyState.OPEN and not (self._is_whole() or self._exchange.local):
            self._stalled(do.StallCause.NO_AUDIO)  # the rest of it never came
            return
        self._do(do.FlushPlayback())
        if self.reply.state is ReplyState.OPEN:
            self._release_link()
        self._rest()


SPOKEN_LATER = ("INTERRUPT", "WHEN_IDLE")
"""Scheduling of a function's answer after which the model speaks by itself (LIVE_API 4.5)."""

NOT_SPOKEN = "SILENT"
"""Scheduling of an answer that the model is only to remember."""
