"""Is there speech in this 20 ms of audio? A detector of the server's own, in numpy.

The satellite's gate has its own detectors; the server must not lean on them, or a fault of one would hide
in the other. Energy in eight bands is compared with a floor that follows the background of each band, so a
hum or a hiss that stays is no speech, and a burst sent faster than real time is judged as if it were live:
everything here counts samples. Whoever changes a number here runs tests/live_server/test_speech_detector.py,
which measures the hits and the false alarms.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from satellite.core.pcm import CAPTURE_RATE_HZ, FRAME_SAMPLES

WINDOW_SAMPLES = 512
"""Length of one analysis window (32 ms): it reaches back beyond the frame it judges."""

BAND_EDGES_HZ = (100, 250, 450, 700, 1050, 1550, 2300, 3400, 5500)
"""Roughly equal steps of the ear; below 100 Hz is mains hum, above 5.5 kHz hardly any voice."""

FLOOR_START_DBFS = -40.0
"""Assumed background, all bands together, until something quieter is heard."""

FLOOR_MIN_DBFS = -52.0
"""The floor never falls below this: after digital silence, a room at -50 dBFS must not be a voice."""

FLOOR_FALL = 0.3
"""Share of the way down to a quieter frame: three frames are enough to learn a quieter room."""

FLOOR_RISE_DB = 0.06
"""Step up at a louder frame without speech: 3 dB/s."""

FLOOR_RISE_IN_SPEECH_DB = 0.02
"""Step up at a frame of speech: 1 dB/s; the gaps between words bring the floor down again."""

SILENCE_DB = -120.0
"""Stands for the level of digital silence."""


class SpeechDetector:
    """Scores audio frame by frame, and remembers the background. Driven by the activity detection, on the loop."""

    def __init__(self) -> None:
        bands = len(BAND_EDGES_HZ) - 1
        self._window = np.hanning(WINDOW_SAMPLES)
        # Power of a full-scale sine in one band comes out as 0 dB, near enough for thresholds relative to a floor.
        self._scale = 4.0 / (np.sum(self._window) ** 2)
        frequencies_hz = np.fft.rfftfreq(WINDOW_SAMPLES, 1 / CAPTURE_RATE_HZ)
        self._band_of_bin = np.stack(
            [(frequencies_hz >= low) & (frequencies_hz < high) for low, high in pairwise(BAND_EDGES_HZ)],
            axis=1,
        ).astype(np.float64)
        share_db = 10 * np.log10(bands)
        self._floor_min_db = np.full(bands, FLOOR_MIN_DBFS - share_db)
        self._floor_db = np.full(bands, FLOOR_START_DBFS - share_db)
        self._tail = np.zeros(WINDOW_SAMPLES - FRAME_SAMPLES)

    def score(self, frames: NDArray[np.int16], threshold_db: float) -> list[float]:
        """Mean excess over the background in dB, one number per row of 320 samples (16 kHz).

        From `threshold_db` on a frame counts as speech, and the background hardly learns from it.
        """
        levels_db = self._levels_db(frames)
        scores: list[float] = []
        for level_db in levels_db:
            excess_db = level_db - self._floor_db
            score_db = float(np.mean(np.maximum(excess_db, 0.0)))
            rise_db = FLOOR_RISE_IN_SPEECH_DB if score_db >= threshold_db else FLOOR_RISE_DB
            step_db = np.where(excess_db < 0, FLOOR_FALL * excess_db, np.minimum(excess_db, rise_db))
            self._floor_db = np.maximum(self._floor_db + step_db, self._floor_min_db)
            scores.append(score_db)
        return scores

    def _levels_db(self, frames: NDArray[np.int16]) -> NDArray[np.float64]:
        """Level of each band in dBFS, one row per frame; the window of a frame ends with the frame."""
        samples = np.concatenate([self._tail, frames.reshape(-1) / 32768.0])
        self._tail = samples[len(samples) - len(self._tail) :]
        windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW_SAMPLES)[::FRAME_SAMPLES]
        power = np.abs(np.fft.rfft(windows * self._window, axis=1)) ** 2 * self._scale
        levels: NDArray[np.float64] = 10 * np.log10(power @ self._band_of_bin + 10 ** (SILENCE_DB / 10))
        return levels
