"""Rules of showing: words, sources, thoughts and costs, for people and automations to see."""

from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.dialogue import Dialogue
from satellite.core.scene import Scene
from satellite.core.uplink import UplinkState
from satellite.core.usage import Crossing


class ShowingRules(Scene):
    """What the session tells about the conversation beside the reply itself."""

    def _show_heard(self, event: ev.InputTranscribed) -> None:
        if self._is_of_this_turn():
            told = event.words, event.speaker, event.language
            self._do(*self._heard.add(event.text, self._conversation, self._exchange.turn, *told))
            if self.dialogue in (Dialogue.IDLE, Dialogue.FOLLOW_UP) and not self.uplink.is_flowing:
                self._finish_transcripts_soon()

    def _show_draft(self, event: ev.InputDrafted) -> None:
        if self._is_of_this_turn():
            self._do(*self._heard.draft(event.text, self._conversation, self._exchange.turn))

    def _is_of_this_turn(self) -> bool:
        """The server cannot have transcribed what it has not been sent: that is a late piece of the turn before."""
        is_spoken = not (self._exchange.local or self._exchange.text)
        return is_spoken and self.uplink.state not in (UplinkState.HELD, UplinkState.READY)

    def _show_sources(self, event: ev.Grounded) -> None:
        if not self._exchange.local:
            self._do(do.PublishSources(self._conversation, self._exchange.turn, event.sources, event.searches))

    def _show_thought(self, event: ev.ThoughtReceived) -> None:
        if not self._exchange.local:
            self._do(do.PublishThought(self._conversation, self._exchange.turn, event.text))

    def _show_voice_activity(self, event: ev.VoiceActivityReported) -> None:
        self._do(do.PublishVoiceActivity(self._conversation, event.active, event.offset_ms))

    def _show_usage(self, event: ev.UsageReported) -> None:
        report = event.session, self._exchange.turn, event.tokens
        if report == self._last_usage:
            return  # a turnComplete that comes twice brings its usage twice
        self._last_usage = report
        reported = self.usage.report(event.tokens)
        sums = (self.usage.session, self.usage.session_cost, reported.day)
        self._do(
            do.StoreUsage(reported.day),
            do.PublishUsage(self._conversation, self._exchange.turn, reported.counts, reported.cost, *sums),
            do.PublishDay(reported.day),
        )
        if reported.crossed is Crossing.NEARLY_USED:
            self._waiting.append((do.Notice.BUDGET_NEARLY_USED, ""))
        self._note_budget()

    def _begin_day(self, event: ev.DayBegun) -> None:
        self.usage.begin_day(event.usage)
        self._do(do.PublishDay(self.usage.day))
        self._note_budget()

    def _note_budget(self) -> None:
        self._problem("budget", "the day's budget is used up" if self.usage.is_used_up else "")
