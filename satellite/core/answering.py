"""Rules of answering: the reply is played to its last sample, shown, cut, or given up. What stalls is mending.py's."""

from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.dialogue import Dialogue
from satellite.core.mending import MendingRules
from satellite.core.pcm import REPLY_RATE_HZ, ms_of_samples, samples_in
from satellite.core.reply import ReplyInput, ReplyState


class AnsweringRules(MendingRules):
    """From the first chunk to the last sample."""

    def _play(self, event: ev.ReplyChunkReceived) -> None:
        if not self._takes_content():
            return
        if self.dialogue is not Dialogue.SPEAKING:
            self._begin_voice()
        self.reply.listen(event.pcm)
        self.reply.pushed(ms_of_samples(samples_in(event.pcm), REPLY_RATE_HZ), self._now_ms)
        self._do(do.PlayChunk(self._exchange.turn, event.pcm))
        self._speak_until_drained()

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
        if not self._takes_content():
            return
        self._do(*self._said.add(event.text, self._conversation, self._exchange.turn))
        self._exchange.written = True
        if not self._policy.speaks_text:
            if self.dialogue is Dialogue.THINKING:
                self._wait_for_reply()
            return
        if self.dialogue is not Dialogue.SPEAKING:
            self._begin_voice()
        self._do(do.SpeakReply(self._exchange.turn, event.text, final=False))
        self.reply.has_drained = False
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
        self.memory.reply_begun()

    def _begin_owed(self, event: ev.LinkEvent) -> bool:
        """The server comes back by itself to something it owes us: the answer of a function that took its time."""
        if self._owes_turn and self.reply.state is ReplyState.CLOSED:
            self._new_exchange()
            self._exchange.owed = True
            self._need_session()
            self._think()
        elif self.dialogue is Dialogue.IDLE:
            self._refuse(event)
            return False
        return True

    def _show_reply(self, event: ev.OutputTranscribed) -> None:
        if not self._takes_content():
            return
        self._do(*self._said.add(event.text, self._conversation, self._exchange.turn))
        if self.dialogue is Dialogue.THINKING:
            self._wait_for_reply()

    def _show_or_refuse(self, event: ev.OutputTranscribed) -> None:
        if self._reply_may_begin_while_listening():
            self._show_reply(event)
        else:
            self._refuse(event)

    def _show_owed(self, event: ev.OutputTranscribed) -> None:
        if self._begin_owed(event):
            self._show_reply(event)

    def _refuse(self, _: ev.LinkEvent) -> None:
        self.reply.apply(ReplyInput.UNWANTED_CONTENT)

    def _takes_content(self) -> bool:
        """Whether the server's turn is wanted; while the satellite speaks for itself, none is."""
        content = ReplyInput.UNWANTED_CONTENT if self._exchange.local else ReplyInput.CONTENT
        return self.reply.apply(content) is ReplyState.OPEN

    def _reply_may_begin_while_listening(self) -> bool:
        """Only where the server decides that the user has finished."""
        return not self._policy.manual_activity and self.uplink.is_flowing

    def _no_more_chunks(self, _: ev.GenerationCompleted) -> None:
        if self.reply.state is ReplyState.OPEN and not self._mends_silence():
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
        elif not (self._tools or event.goes_on) and self._is_turn_of_ours() and not self._mends_emptiness(event):
            self._close_turn(event)
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
            self._owes_turn = event.goes_on or (self._owes_turn and not self._exchange.owed)
            self.uplink.settled()
            self._finish_transcripts_soon()
        return was_open

    def _note_interrupted(self, _: ev.ReplyInterrupted) -> None:
        self.reply.apply(ReplyInput.INTERRUPTED)

    def _drained(self, event: ev.PlaybackDrained) -> None:
        if event.turn == self._exchange.turn:
            self.reply.has_drained = True
            self._leave_when_over()

    def _speak_locally(self, event: ev.LocalSpeechReady) -> None:
        if event.turn != self._exchange.turn:
            return
        if event.pcm:
            self.reply.listen(event.pcm)
            self.reply.pushed(ms_of_samples(samples_in(event.pcm), REPLY_RATE_HZ), self._now_ms)
            self._do(do.PlayChunk(event.turn, event.pcm))
            self._speak_until_drained()
        if event.final:
            self._end_playback()
            self._leave_when_over()

    def _end_voice(self) -> None:
        """No more comes from the server; a text is over when the local voice has read it."""
        if self._exchange.written and not self._exchange.read_out:
            self._exchange.read_out = True
            self._do(do.SpeakReply(self._exchange.turn, "", final=True))
        elif not self._exchange.written:
            self._end_playback()

    def _speak_until_drained(self) -> None:
        """Wait for the last sample; a voice that comes in drips has the time-out once for all its breaks."""
        patience_ms = max(0, self._policy.reply_timeout_ms - self.reply.starved_ms)
        self._enter(Dialogue.SPEAKING, self.reply.play_end_ms - self._now_ms + patience_ms)

    def _run_tool(self, event: ev.ToolCallReceived) -> None:
        if not self._takes_content():
            return
        self._tools.add(event.call_id)
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
        self._do(*(do.CancelTool(call_id) for call_id in void))

    def _answer_tool(self, event: ev.ToolFinished) -> None:
        if event.call_id not in self._tools:
            return
        self._tools.discard(event.call_id)
        self._do(do.SendToolResponse(event.session, event.call_id, event.name, event.response, event.scheduling))
        self._owes_turn = self._owes_turn or event.scheduling in SPOKEN_LATER
        if self.dialogue is Dialogue.THINKING:
            self._wait_for_reply()

    def _give_up_speaking(self, _: ev.DeadlineReached) -> None:
        if self._is_due():
            self._do(do.FlushPlayback())
            if self.reply.state is ReplyState.OPEN:
                self._release_link()
            self._rest()


SPOKEN_LATER = ("INTERRUPT", "WHEN_IDLE")
"""Scheduling of a function's answer after which the model speaks by itself (LIVE_API 4.5)."""
