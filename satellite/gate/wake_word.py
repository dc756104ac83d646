"""The wake word: microWakeWord through pymicro-wakeword, models from its wheel.

For whoever edits this: the engine reports a word 60 to 250 ms after its end and says nothing about where it
began; it stays above its threshold for 0.3 to 1.3 s. One instance serves one thread.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures, Model

from satellite.core import pcm
from satellite.core.errors import ConfigError
from satellite.gate.pieces import PieceCutter

PIECE_SAMPLES = pcm.samples_of_ms(10)
"""The step of the engine's front end. Fed with exactly that, it keeps no rest of its own."""


@dataclass(frozen=True, slots=True)
class Detection:
    """The word was heard; its end lies shortly before `at_sample`."""

    score: float
    at_sample: int


class WakeWordDetector:
    """Listens for one word. Driven by the gate, on the loop."""

    def __init__(self, word: str, *, threshold: float, refractory_ms: int) -> None:
        """Load the model of `word`; `threshold` 0: its own. Raises ConfigError when there is no such model.

        For `refractory_ms` after a detection no other is reported.
        """
        try:
            self._model = MicroWakeWord.from_builtin(Model(word))
        except (ValueError, OSError) as error:
            known = ", ".join(sorted(model.value for model in Model))
            raise ConfigError(f"gate.wake_word: no model for {word!r} ({error}); one of {known} is expected") from error
        self._features = MicroWakeWordFeatures()
        self._threshold = threshold or self._model.probability_cutoff
        self._refractory = pcm.samples_of_ms(refractory_ms)
        self._cutter = PieceCutter(PIECE_SAMPLES)
        self._steps = 0
        self._above = False
        self._deaf_until = 0

    def accept(self, first_sample: int, audio: bytes) -> Iterator[Detection]:
        """Yield every detection in this audio. 16 kHz s16le mono, any length."""
        for at_sample, piece in self._cutter.accept(first_sample, audio):
            for features in self._features.process_streaming(piece):
                score = self._model.process_streaming_prob(features) or 0.0
                self._steps = (self._steps + 1) % self._model.stride
                # The model runs once in `stride` steps; the 0 it gives in between says nothing.
                if self._steps == 0 and self._is_new(score, at_sample + PIECE_SAMPLES):
                    yield Detection(score, at_sample + PIECE_SAMPLES)

    def reset(self) -> None:
        """Forget everything heard, as if just loaded; a refractory time that is running runs on."""
        self._cutter.reset()
        self._features.reset()
        self._model.reset()
        self._steps = 0
        self._above = False

    def _is_new(self, score: float, now: int) -> bool:
        """Whether the score rises above the threshold here, outside the refractory time."""
        rises = score >= self._threshold and not self._above
        self._above = score >= self._threshold
        if not rises or now < self._deaf_until:
            return False
        self._deaf_until = now + self._refractory
        return True
