"""The gate: voice detector, wake word and endpointer as one, events in the order of the samples.

For whoever edits this: what comes out depends on the audio and its sample numbers alone, never on how it is
cut into calls; a test cuts at random. The wake word model always runs: it takes 0.3 to 0.5 % of a core, less
than an arrangement to save it would be worth.
"""

from dataclasses import replace

from satellite.core.events import Event, WakeWordHeard
from satellite.core.pcm import samples_in
from satellite.gate.echo_guard import EchoGuard
from satellite.gate.endpointer import Endpointer, Piece
from satellite.gate.vad import VoiceDetector
from satellite.gate.wake_word import Detection, WakeWordDetector
from satellite.settings import GateSettings


class Gate:
    """Takes the microphone's audio, gives back what was heard in it. One thread, the loop's."""

    def __init__(self, settings: GateSettings) -> None:
        """Load the models. Raises ConfigError for a wake word without a model."""
        self._word: str = settings.wake_word
        self._speech_after_wake_ms = settings.speech_after_wake_ms
        self._vad = VoiceDetector(aggressiveness=settings.vad_aggressiveness, floor_dbfs=settings.vad_floor_dbfs)
        self._wake_word = WakeWordDetector(
            self._word, threshold=settings.wake_threshold, refractory_ms=settings.wake_refractory_ms
        )
        self._endpointer = Endpointer(
            suspect_ms=settings.suspect_ms, confirm_ms=settings.confirm_ms, hangover_ms=settings.hangover_ms
        )
        self._echo_guard = EchoGuard()
        self._owed: list[Event] = []

    def accept(self, first_sample: int, audio: bytes, *, reply_playing: bool = False) -> list[Event]:
        """Hear 16 kHz s16le mono audio of any length; the events it decides, in sample order.

        `first_sample` goes on where the last call ended, or beyond (then the audio between was lost).
        `reply_playing`: the satellite was speaking meanwhile; at first its voice is not told from a person's.
        Raises ValueError when the numbers go back.
        """
        own_voice = self._echo_guard.covers(samples_in(audio), reply_playing=reply_playing)
        decided: list[tuple[int, Piece | Detection]] = [
            (piece.end_sample, replace(piece, voiced=False) if own_voice else piece)
            for piece in self._vad.accept(first_sample, audio)
        ]
        decided += [(found.at_sample, found) for found in self._wake_word.accept(first_sample, audio)]
        decided.sort(key=lambda item: item[0])  # stable: at the same sample the voice comes before the word
        events, self._owed = self._owed, []
        for _, item in decided:
            events += self._endpointer.accept(item) if isinstance(item, Piece) else self._woken(item)
        return events

    def restart_endpointer(self, from_sample: int) -> None:
        """Voice before `from_sample` no longer counts (Endpointer.restart).

        If a suspicion was open, its SuspicionDropped comes with the next accept().
        """
        self._owed += self._endpointer.restart(from_sample)

    def reset(self) -> None:
        """Forget everything heard (mute, microphone gone). Speech or a suspicion that was open gets no end."""
        self._vad.reset()
        self._wake_word.reset()
        self._endpointer.reset()
        self._echo_guard.reset()
        self._owed = []

    def _woken(self, detection: Detection) -> list[Event]:
        """The word, and the endpointer's new start: the word's own voice is not what is said after it."""
        heard = WakeWordHeard(
            word=self._word,
            score=detection.score,
            at_sample=detection.at_sample,
            speech_from=self._endpointer.voice_from,
        )
        return [heard, *self._endpointer.restart(detection.at_sample, self._speech_after_wake_ms)]
