"""Rules of the household: what people, automations and devices ask for beside speech."""

from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.dialogue import Dialogue
from satellite.core.mute import RULES as MUTE_RULES
from satellite.core.scene import Scene


class HouseholdRules(Scene):
    """Stop, mute, say, volume, timers, devices, goodbye."""

    def _stop(self, _: ev.StopRequested) -> None:
        self._waiting.clear()
        self._texts.clear()
        self._owes_turn = False
        self._hushed |= self._tools
        self._cut_reply()
        if self._policy.manual_activity and self.uplink.is_flowing:
            self._release_link()  # the server would wait for the end of what it is hearing
        self._rest()

    def _end_conversation(self, _: ev.EndRequested) -> None:
        self._exchange.after = Dialogue.IDLE

    def _end_now(self, _: ev.EndRequested) -> None:
        self._rest()

    def _see(self, event: ev.PictureTaken) -> None:
        self.sight.see(event.jpeg)

    def _set_mute(self, event: ev.MuteRequested) -> None:
        changed = MUTE_RULES[self.mute, event.muted] is not self.mute
        self.mute = MUTE_RULES[self.mute, event.muted]
        self._do(do.PublishMute(event.muted))
        if not changed:
            return
        self._do(do.ResetGate())
        self._forget_voice()
        self.uplink.utterance.clear()
        if event.muted:
            self._release_link()
            if self.dialogue is not Dialogue.IDLE and not self._exchange.local:
                self._do(do.FlushPlayback())
                self._rest()

    def _say(self, event: ev.SayRequested) -> None:
        self._announce(None, event.text)

    def _say_later(self, event: ev.SayRequested) -> None:
        self._waiting.append((None, event.text))

    def _set_volume(self, event: ev.VolumeRequested) -> None:
        self._volume_percent = min(100, max(0, event.percent))
        self._do(do.SetVolume(self._volume_percent), do.PublishVolume(self._volume_percent))

    def _set_timer(self, event: ev.TimerRequested) -> None:
        if event.change is ev.TimerChange.SET:
            self.timers.set(event.name, self._now_ms + event.duration_ms)
        else:
            self.timers.cancel(event.name)

    def _ring_timers(self) -> None:
        for name in self.timers.ring(self._now_ms):
            self._waiting.append((do.Notice.TIMER, name))

    def _lose_microphone(self, event: ev.MicrophoneLost) -> None:
        first = "microphone" not in self._problems
        self._problem("microphone", event.reason)
        self._do(do.ResetGate())
        self._forget_voice()
        if self.uplink.is_flowing and not self._policy.manual_activity:
            self.uplink.utterance.end()  # the server would wait for the silence that ends the turn
        if first:
            self._waiting.append((do.Notice.NO_MICROPHONE, ""))

    def _stop_listening(self, event: ev.MicrophoneLost) -> None:
        self._lose_microphone(event)
        if self._policy.manual_activity and self.uplink.is_flowing:
            self._release_link()
        self._rest()

    def _find_microphone(self, _: ev.MicrophoneFound) -> None:
        self._problem("microphone", "")
        self._take_back(do.Notice.NO_MICROPHONE)

    def _note_speaker(self, event: ev.SpeakerLost | ev.SpeakerFound) -> None:
        self._problem("speaker", event.reason if isinstance(event, ev.SpeakerLost) else "")

    def _note_camera(self, event: ev.CameraLost | ev.CameraFound) -> None:
        self._problem("camera", event.reason if isinstance(event, ev.CameraLost) else "")

    def _say_goodbye(self, _: ev.ShutdownRequested) -> None:
        self._waiting.clear()
        self._texts.clear()
        self._finish_transcripts()
        self._do(do.FlushPlayback())
        self._release_link()
        self._rest()
