"""Voice activity: webrtcvad on pieces of fixed length, with a level floor.

For whoever edits this: this says "voiced or not" about one piece and nothing more; what is speech is the
endpointer's business. Figures of the alternatives are in the notes on local speech (silero hears better in
music and costs 300 times the CPU).
"""

import math
from collections.abc import Iterator

import numpy as np
import webrtcvad

from satellite.core import pcm
from satellite.gate.endpointer import Piece
from satellite.gate.pieces import PieceCutter

PIECE_MS = 20
"""webrtcvad takes 10, 20 or 30 ms; 20 is the frame."""

WARM_UP_MS = 100
"""webrtcvad takes any sound in its first 80 to 100 ms for voice (measured with noise): that says nothing."""


def level_dbfs(audio: bytes) -> float:
    """RMS level of s16le mono audio in dB of full scale; -inf for silence and for nothing."""
    samples = np.frombuffer(audio, dtype="<i2").astype(np.float64)
    power = float(np.mean(samples**2)) if samples.size else 0.0
    return 10 * math.log10(power / 32768**2) if power > 0 else -math.inf


class VoiceDetector:
    """Says of every piece whether it is voiced. Driven by the gate, on the loop."""

    def __init__(self, *, aggressiveness: int, floor_dbfs: float) -> None:
        """`aggressiveness`: webrtcvad's mode, 0 to 3. `floor_dbfs`: below this level nothing is voice."""
        self._aggressiveness = aggressiveness
        self._floor_dbfs = floor_dbfs
        self._cutter = PieceCutter(pcm.samples_of_ms(PIECE_MS))
        self._vad = webrtcvad.Vad(aggressiveness)
        self._warm_up_pieces = WARM_UP_MS // PIECE_MS

    def accept(self, first_sample: int, audio: bytes) -> Iterator[Piece]:
        """Yield a verdict for every piece that is now whole. 16 kHz s16le mono, any length."""
        for at_sample, piece in self._cutter.accept(first_sample, audio):
            # webrtcvad models the noise as it goes: it hears every piece, also those the floor decides.
            voiced: bool = self._vad.is_speech(piece, pcm.CAPTURE_RATE_HZ)
            if self._warm_up_pieces:
                self._warm_up_pieces -= 1
                voiced = False
            yield Piece(
                first_sample=at_sample,
                end_sample=at_sample + pcm.samples_in(piece),
                voiced=voiced and level_dbfs(piece) >= self._floor_dbfs,
            )

    def reset(self) -> None:
        """Forget everything heard, the model of the noise included."""
        self._cutter.reset()
        self._vad = webrtcvad.Vad(self._aggressiveness)
        self._warm_up_pieces = WARM_UP_MS // PIECE_MS
