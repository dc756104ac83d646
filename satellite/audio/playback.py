"""The speaker's buffer: from the loop to the audio thread.

Pure: no PortAudio, no loop; it counts samples and reads no clock. The loop pushes and never waits: a
reply arrives faster than real time, and a reader that waited for the speaker would find `interrupted`
behind the audio it is meant to stop. The end of a reply is when its last sample has left the card, so
that is counted here.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from satellite.audio.mixer import Gain, Mix, Overlay, as_samples, clip, db_gain, fade_out, volume_gain
from satellite.audio.resample import resample
from satellite.audio.turn_queue import TurnQueue
from satellite.core.pcm import REPLY_RATE_HZ, SAMPLE_BYTES, samples_of_ms

_LOG = logging.getLogger(__name__)

FADE_MS = 4
"""What a flush still lets be heard, in place of a click."""

DUCK_RAMP_MS = 10
RESTORE_RAMP_MS = 80
VOLUME_RAMP_MS = 20

SLICE_BYTES = REPLY_RATE_HZ * SAMPLE_BYTES
"""A push longer than this (1 s) is taken in slices: the audio thread waits for one of them at most (0.5 ms)."""

LONGEST_QUEUE_S = 600
"""Not a working limit but a bound on memory (30 MB), for a speaker that never comes back."""

REFERENCE_S = 2.0
"""As much of what was played as the microphone's buffer holds."""


@dataclass
class _Draining:
    """A turn whose last sample so far was pulled: `left_samples` more, and it has left the card."""

    turn: int
    left_samples: int


@dataclass(frozen=True, slots=True)
class Reference:
    """What was played since the last take: s16le mono at `rate_hz`, exactly what `pull` returned."""

    pcm: bytes
    rate_hz: int


class PlaybackBuffer:
    """Turns to be played. `pull` is called by the audio thread, everything else by the loop.

    The callbacks run without the lock held, on the thread whose call brought them about (the audio
    thread, nearly always): they only hand on. `drained` is reported for a turn when the last sample pushed
    so far was pulled and the card's latency has been pulled since; again, if more of that turn plays later; never
    for what was flushed.
    """

    def __init__(
        self,
        on_started: Callable[[int], None],
        on_drained: Callable[[int], None],
        *,
        duck_db: float,
        volume_percent: int,
    ) -> None:
        self._on_started = on_started
        self._on_drained = on_drained
        self._lock = threading.Lock()
        self._rate_hz = REPLY_RATE_HZ
        self._latency_samples = 0
        self._queue = TurnQueue(self._rate_hz)
        self._overlay = Overlay()
        self._duck_gain = db_gain(duck_db)
        self._ducked = False
        self._volume = volume_gain(volume_percent)
        self._voice_gain = Gain(self._volume)
        self._draining: list[_Draining] = []
        self._reference: deque[bytes] = deque()
        self._reference_bytes = 0
        self._underruns = 0
        self._starved = False
        self._pulled_samples = 0
        self._refused_bytes = 0

    @property
    def underruns(self) -> int:
        """How often the voice broke off between the beginning of a turn and its end."""
        return self._underruns

    @property
    def pulled_samples(self) -> int:
        """Samples handed to the card since the start, silence included, at whatever rate it had."""
        return self._pulled_samples

    @property
    def queued_samples(self) -> int:
        """Samples of the voice not pulled yet, at the card's rate, without those a resampler holds back."""
        return self._queue.queued_samples

    @property
    def latency_samples(self) -> int:
        """The output latency that the card has reported, at its rate."""
        return self._latency_samples

    @property
    def voice_is_over(self) -> bool:
        """Nothing of the voice waits or is on its way out of the card: a drain that was reported still holds."""
        with self._lock:
            return self._queue.empty and not self._draining

    @property
    def idle(self) -> bool:
        """Nothing waits to be played, and nothing is still on its way out of the card."""
        with self._lock:
            return self._queue.empty and not self._overlay and not self._draining

    def configure(self, rate_hz: int, latency_samples: int) -> None:
        """The card's rate and output latency: at each opening, before its first pull. Keeps what is queued."""
        with self._lock:
            if rate_hz != self._rate_hz:
                self._queue.change_rate(rate_hz)
                self._overlay.resample(self._rate_hz, rate_hz)
            self._rate_hz = rate_hz
            self._latency_samples = latency_samples
            for draining in self._draining:
                draining.left_samples = latency_samples
            self._forget_reference()

    def push(self, turn: int, pcm: bytes) -> None:
        """Append to a turn: 24 kHz s16le mono, any length. Never waits, never refuses what fits in memory."""
        for start in range(0, len(pcm), SLICE_BYTES):
            with self._lock:
                if self._queue.queued_samples > LONGEST_QUEUE_S * self._rate_hz:
                    first = self._refused_bytes == 0
                    self._refused_bytes += len(pcm) - start
                    break
                self._draining = [draining for draining in self._draining if draining.turn != turn]
                self._queue.push(turn, pcm[start : start + SLICE_BYTES])
                self._starved = False
        else:
            return
        _LOG.log(
            logging.WARNING if first else logging.DEBUG,
            "more than %d s wait to be played: the rest is dropped",
            LONGEST_QUEUE_S,
        )

    def end(self, turn: int) -> None:
        """No more chunks come for that turn: what follows it is silence, not an underrun."""
        with self._lock:
            self._queue.end(turn)

    def flush(self) -> None:
        """Drop everything not pulled yet, and un-duck. At most FADE_MS of what was being heard remains."""
        with self._lock:
            fade = np.zeros(samples_of_ms(FADE_MS, self._rate_hz), dtype=np.int32)
            if self._queue.playing:
                fade += self._voice_gain.apply(self._queue.take(len(fade)).samples)
            self._overlay.mix_into(fade)
            self._queue.clear()
            self._overlay.clear()
            self._draining.clear()
            if fade.any():
                self._overlay.add(fade_out(fade))
            self._ducked = False
            self._starved = False
            self._voice_gain.jump(self._volume)

    def duck(self) -> None:
        """Lower the voice (not the earcons) by `duck_db`."""
        with self._lock:
            self._ducked = True
            self._voice_gain.ramp_to(self._volume * self._duck_gain, samples_of_ms(DUCK_RAMP_MS, self._rate_hz))

    def restore(self) -> None:
        """Bring the voice back."""
        with self._lock:
            self._ducked = False
            self._voice_gain.ramp_to(self._volume, samples_of_ms(RESTORE_RAMP_MS, self._rate_hz))

    def set_volume(self, percent: int) -> None:
        """Volume of the voice, and of the earcons to come, 0 to 100 per cent."""
        with self._lock:
            self._volume = volume_gain(percent)
            ramp_samples = samples_of_ms(VOLUME_RAMP_MS, self._rate_hz)
            self._voice_gain.ramp_to(self._volume * (self._duck_gain if self._ducked else 1.0), ramp_samples)

    def play_earcon(self, pcm: bytes) -> None:
        """Mix 24 kHz s16le mono on top of whatever plays: no turn, no events. A flush drops it too."""
        with self._lock:
            samples = as_samples(resample(pcm, REPLY_RATE_HZ, self._rate_hz))
            self._overlay.add(Gain(self._volume).apply(samples))

    def pull(self, samples: int) -> bytes:
        """The next `samples` of s16le mono at the card's rate; silence where there is nothing. For the audio thread."""
        with self._lock:
            drained = self._count_draining(samples)
            taken = self._queue.take(samples)
            for turn, position in taken.finished:
                left_samples = self._latency_samples - (samples - position)
                if left_samples > 0:
                    self._draining.append(_Draining(turn, left_samples))
                else:
                    drained.append(turn)
            if taken.filled < samples and self._queue.starving and not self._starved:
                self._starved = True
                self._underruns += 1
            mix: Mix = self._voice_gain.apply(taken.samples)
            self._overlay.mix_into(mix)
            pcm = clip(mix).tobytes()
            self._pulled_samples += samples
            self._remember(pcm)
        for turn in taken.begun:
            self._on_started(turn)
        for turn in drained:
            self._on_drained(turn)
        return pcm

    def take_reference(self) -> Reference:
        """What was pulled since the last take, at most the last REFERENCE_S: for the echo canceller."""
        with self._lock:
            reference = Reference(b"".join(self._reference), self._rate_hz)
            self._forget_reference()
        return reference

    def _count_draining(self, samples: int) -> list[int]:
        """The turns whose last sample has left the card when `samples` more are pulled."""
        for draining in self._draining:
            draining.left_samples -= samples
        gone = [draining.turn for draining in self._draining if draining.left_samples <= 0]
        self._draining = [draining for draining in self._draining if draining.left_samples > 0]
        return gone

    def _remember(self, pcm: bytes) -> None:
        self._reference.append(pcm)
        self._reference_bytes += len(pcm)
        while self._reference_bytes > REFERENCE_S * self._rate_hz * SAMPLE_BYTES and len(self._reference) > 1:
            self._reference_bytes -= len(self._reference.popleft())

    def _forget_reference(self) -> None:
        self._reference.clear()
        self._reference_bytes = 0
