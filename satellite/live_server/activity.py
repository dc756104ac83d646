"""Where a user's turn begins and ends: by detection, or by the client's own word.

Both kinds take 16 kHz PCM of any length and count samples, never time: a whole utterance sent in one burst
is judged like one spoken live. What follows from an activity (interruption, a turn) is turn.py's business.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from satellite.core.pcm import CAPTURE_RATE_HZ, FRAME_BYTES, FRAME_MS, FRAME_SAMPLES, SAMPLE_BYTES
from satellite.live_server.speech_detector import SpeechDetector

LOOKBACK_MS = 300
"""Audio kept from before the first voiced frame: the soft beginning of a word."""

LONGEST_BYTES = 60 * CAPTURE_RATE_HZ * SAMPLE_BYTES
"""One activity is at most a minute long: automatic detection ends it there, a manual one keeps its first minute."""

START_SCORE_DB = {"high": 6.0, "low": 9.0}
"""Excess over the background from which a frame begins speech, by start sensitivity."""

HOLD_SCORE_DB = {"high": 4.0, "low": 3.5}
"""Excess from which a frame continues it, by end sensitivity: high ends speech more readily."""


@dataclass(frozen=True, slots=True)
class ActivityBegan:
    """The user has begun to speak."""

    at_samples: int = 0
    """Where in the stream of audio, from its first sample on (16 kHz)."""


@dataclass(frozen=True, slots=True)
class ActivityEnded:
    """The user has finished; `pcm` is all of it, 16 kHz s16le mono."""

    pcm: bytes
    at_samples: int = 0
    """Where in the stream the speech ended: the silence that proves it is not counted."""


Change = ActivityBegan | ActivityEnded


@dataclass(frozen=True, slots=True)
class DetectionRules:
    """What automaticActivityDetection asks for, its defaults filled in."""

    start_sensitivity: str = "high"
    end_sensitivity: str = "high"
    prefix_padding_ms: int = 60
    """Speech needed before a beginning is committed. No official default is known."""
    silence_duration_ms: int = 700
    """Silence needed before an end is committed. No official default is known."""


def offset_of(samples: int) -> str:
    """A place in the stream of audio as the wire tells it: `0.440s`."""
    return f"{samples / CAPTURE_RATE_HZ:.3f}s"


class AutomaticActivity:
    """Automatic detection. Driven by the connection's reader, on the loop."""

    def __init__(self, rules: DetectionRules) -> None:
        self._start_db = START_SCORE_DB[rules.start_sensitivity]
        self._hold_db = HOLD_SCORE_DB[rules.end_sensitivity]
        self._frames_to_begin = max(1, -(-rules.prefix_padding_ms // FRAME_MS))
        self._frames_to_end = max(1, -(-rules.silence_duration_ms // FRAME_MS))
        self._detector = SpeechDetector()
        self._rest = b""
        self._recent: deque[bytes] = deque(maxlen=LOOKBACK_MS // FRAME_MS + self._frames_to_begin)
        self._voiced_frames = 0
        self._silent_frames = 0
        self._active: bytearray | None = None
        self._frames = 0
        """Judged so far."""

    @property
    def active(self) -> bool:
        """Between a beginning and its end."""
        return self._active is not None

    @property
    def so_far(self) -> bytearray:
        """What of an activity has been heard; empty without one. Not to be changed."""
        return bytearray() if self._active is None else self._active

    @property
    def so_far_at_samples(self) -> int:
        """Where in the stream that begins."""
        return self._frames * FRAME_SAMPLES - len(self.so_far) // SAMPLE_BYTES

    def accept(self, pcm: bytes) -> list[Change]:
        """What this audio begins and ends, in order."""
        pcm = self._rest + pcm
        whole_bytes = len(pcm) - len(pcm) % FRAME_BYTES
        self._rest = pcm[whole_bytes:]
        if not whole_bytes:
            return []
        frames = np.frombuffer(pcm, dtype="<i2", count=whole_bytes // SAMPLE_BYTES).reshape(-1, FRAME_SAMPLES)
        scores_db = self._detector.score(frames, self._start_db)
        changes: list[Change] = []
        for number, score_db in enumerate(scores_db):
            frame = pcm[number * FRAME_BYTES : (number + 1) * FRAME_BYTES]
            self._frames += 1
            change = self._wait(frame, score_db) if self._active is None else self._follow(frame, score_db)
            if change is not None:
                changes.append(change)
        return changes

    def flush(self) -> list[Change]:
        """audioStreamEnd: what is going on ends here; later audio begins afresh."""
        rest, self._rest = self._rest, b""
        self._recent.clear()
        self._voiced_frames = 0
        if self._active is None:
            return []
        self._active += rest
        return [self._end()]

    def _wait(self, frame: bytes, score_db: float) -> ActivityBegan | None:
        self._recent.append(frame)
        if score_db < self._start_db:
            self._voiced_frames = max(0, self._voiced_frames - 1)
            return None
        self._voiced_frames += 1
        if self._voiced_frames < self._frames_to_begin:
            return None
        self._active = bytearray(b"".join(self._recent))
        self._recent.clear()
        self._voiced_frames = 0
        self._silent_frames = 0
        return ActivityBegan((self._frames - self._frames_to_begin) * FRAME_SAMPLES)

    def _follow(self, frame: bytes, score_db: float) -> ActivityEnded | None:
        assert self._active is not None
        self._active += frame
        self._silent_frames = 0 if score_db >= self._hold_db else self._silent_frames + 1
        if self._silent_frames < self._frames_to_end and len(self._active) < LONGEST_BYTES:
            return None
        return self._end()

    def _end(self) -> ActivityEnded:
        assert self._active is not None
        pcm = bytes(self._active)
        self._active = None
        return ActivityEnded(pcm, (self._frames - self._silent_frames) * FRAME_SAMPLES)


class ManualActivity:
    """activityStart and activityEnd. Driven by the connection's reader, on the loop."""

    def __init__(self) -> None:
        self._active: bytearray | None = None

    @property
    def active(self) -> bool:
        """Between activityStart and activityEnd."""
        return self._active is not None

    @property
    def so_far(self) -> bytearray:
        """What of an activity has been heard; empty without one. Not to be changed."""
        return bytearray() if self._active is None else self._active

    def start(self) -> bool:
        """activityStart: True if an activity began, False for a nested one (ignored, LIVE_API 4.3)."""
        if self._active is not None:
            return False
        self._active = bytearray()
        return True

    def accept(self, pcm: bytes) -> None:
        """Audio: part of the activity, or ignored outside of one."""
        if self._active is not None:
            self._active += pcm[: LONGEST_BYTES - len(self._active)]

    def end(self) -> bytes | None:
        """activityEnd: all of the activity's audio (maybe none), or None if there was no activity."""
        if self._active is None:
            return None
        pcm = bytes(self._active)
        self._active = None
        return pcm
