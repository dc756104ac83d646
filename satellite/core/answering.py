"""Rules of answering: the reply is played to its last sample, shown, cut, or given up."""

from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.dialogue import Dialogue
from satellite.core.pcm import REPLY_RATE_HZ, ms_of_samples, samples_in
from satellite.core.reply import ReplyInput, ReplyState
from satellite.core.scene import Scene


class AnsweringRules(Scene):
    """From the first chunk to the last sample."""

    def _play(self, event: ev.ReplyChunkReceived) -> None:
        if not self._takes_content():
            return
        if self.dialogue is not Dialogue.SPEAKING:
            self.reply.begin_playback(self._now_ms)
        self.uplink.answered()
        self.reply.pushed(ms_of_samples(samples_in(event.pcm), REPLY_RATE_HZ), self._now_ms)
        self._do(do.PlayChunk(self._exchange.turn, event.pcm))
        self._speak_until_drained()

    def _play_or_refuse(self, event: ev.ReplyChunkReceived) -> None:
        if self._reply_may_begin_while_listening():
            self._play(event)
        else:
            self._refuse(event)

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

    def _refuse(self, _: ev.LinkEvent) -> None:
        self.reply.apply(ReplyInput.UNWANTED_CONTENT)

    def _takes_content(self) -> bool:
        """Whether the server's turn is wanted; while the satellite speaks for itself, none is."""
        content = ReplyInput.UNWANTED_CONTENT if self._exchange.local else ReplyInput.CONTENT
        return self.reply.apply(content) is ReplyState.OPEN

    def _reply_may_begin_while_listening(self) -> bool:
        """Only where the server decides that the user has finished."""
        return not self._policy.manual_activity and self.uplink.is_flowing

    def _show_heard(self, event: ev.InputTranscribed) -> None:
        self._do(*self._heard.add(event.text, self._conversation, self._exchange.turn))

    def _no_more_chunks(self, _: ev.GenerationCompleted) -> None:
        if self.reply.state is ReplyState.OPEN:
            self._end_playback()
            self._leave_when_over()

    def _complete_turn(self, _: ev.TurnCompleted) -> None:
        if self._close_turn():
            self._end_playback()
            self._leave_when_over()

    def _complete_unheard(self, _: ev.TurnCompleted) -> None:
        if self._close_turn() and not self._tools:
            self.uplink.answered()
            self._after_voice()

    def _complete_quietly(self, _: ev.TurnCompleted) -> None:
        self._close_turn()

    def _close_turn(self) -> bool:
        """Whether it was a turn we were listening to."""
        was_open = self.reply.state is ReplyState.OPEN
        self.reply.apply(ReplyInput.TURN_COMPLETED)
        if was_open:
            self._finish_transcripts()
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
            self.reply.pushed(ms_of_samples(samples_in(event.pcm), REPLY_RATE_HZ), self._now_ms)
            self._do(do.PlayChunk(event.turn, event.pcm))
            self._speak_until_drained()
        if event.final:
            self._end_playback()
            self._leave_when_over()

    def _speak_until_drained(self) -> None:
        """Wait for the last sample; a voice that comes in drips has the time-out once for all its breaks."""
        patience_ms = max(0, self._policy.reply_timeout_ms - self.reply.starved_ms)
        self._enter(Dialogue.SPEAKING, self.reply.play_end_ms - self._now_ms + patience_ms)

    def _run_tool(self, event: ev.ToolCallReceived) -> None:
        if not self._takes_content():
            return
        self._tools.add(event.call_id)
        self._exchange.has_acted = True
        self._do(do.RunTool(event.session, event.call_id, event.name, event.arguments))
        if self.dialogue is Dialogue.THINKING:
            self._wait_for_reply()

    def _run_or_refuse(self, event: ev.ToolCallReceived) -> None:
        if self._reply_may_begin_while_listening():
            self._run_tool(event)
        else:
            self._refuse(event)

    def _cancel_tools(self, event: ev.ToolCallsCancelled) -> None:
        void = [call_id for call_id in event.call_ids if call_id in self._tools]
        self._tools.difference_update(void)
        self._do(*(do.CancelTool(call_id) for call_id in void))

    def _answer_tool(self, event: ev.ToolFinished) -> None:
        if event.call_id not in self._tools:
            return
        self._tools.discard(event.call_id)
        self._do(do.SendToolResponse(event.session, event.call_id, event.name, event.response))
        if self.dialogue is Dialogue.THINKING:
            self._wait_for_reply()

    def _give_up_thinking(self, _: ev.DeadlineReached) -> None:
        if self._is_due():
            self._release_link()  # nothing late may come of it
            self._announce(do.Notice.NOT_UNDERSTOOD)

    def _give_up_speaking(self, _: ev.DeadlineReached) -> None:
        if self._is_due():
            self._do(do.FlushPlayback())
            if self.reply.state is ReplyState.OPEN:
                self._release_link()
            self._rest()
