"""The voice detector's level: what the gate last said of the user's voice.

It is followed in every state of the dialogue, so that an onset that comes before the gate opens (a word
spoken while the button is pressed) is known when it opens.
"""

from enum import StrEnum

from satellite.core.events import Event, SpeechEnded, SpeechStarted, SpeechSuspected, SuspicionDropped, WakeWordHeard


class VoiceState(StrEnum):
    """Is somebody speaking."""

    SILENT = "silent"
    SUSPECTED = "suspected"
    SPEAKING = "speaking"


RULES: dict[tuple[VoiceState, type[Event]], VoiceState] = {
    (VoiceState.SILENT, SpeechSuspected): VoiceState.SUSPECTED,
    (VoiceState.SILENT, SuspicionDropped): VoiceState.SILENT,
    (VoiceState.SILENT, SpeechStarted): VoiceState.SPEAKING,
    (VoiceState.SILENT, SpeechEnded): VoiceState.SILENT,
    (VoiceState.SILENT, WakeWordHeard): VoiceState.SILENT,
    (VoiceState.SUSPECTED, SpeechSuspected): VoiceState.SUSPECTED,
    (VoiceState.SUSPECTED, SuspicionDropped): VoiceState.SILENT,
    (VoiceState.SUSPECTED, SpeechStarted): VoiceState.SPEAKING,
    (VoiceState.SUSPECTED, SpeechEnded): VoiceState.SILENT,
    (VoiceState.SUSPECTED, WakeWordHeard): VoiceState.SILENT,
    (VoiceState.SPEAKING, SpeechSuspected): VoiceState.SPEAKING,
    (VoiceState.SPEAKING, SuspicionDropped): VoiceState.SILENT,
    (VoiceState.SPEAKING, SpeechStarted): VoiceState.SPEAKING,
    (VoiceState.SPEAKING, SpeechEnded): VoiceState.SILENT,
    (VoiceState.SPEAKING, WakeWordHeard): VoiceState.SILENT,
}
"""The gate restarts its endpointer at a wake word: what it reported before no longer counts."""


class Voice:
    """The level, and where the present speech began."""

    def __init__(self) -> None:
        self.state = VoiceState.SILENT
        self.from_sample = 0

    def follow(self, event: Event) -> None:
        """Take note of a gate event; others change nothing."""
        after = RULES.get((self.state, type(event)))
        if after is None:
            return
        if isinstance(event, SpeechStarted):
            self.from_sample = event.from_sample
        self.state = after

    def forget(self) -> None:
        """The endpointer was restarted: speech will be reported anew."""
        self.state = VoiceState.SILENT
