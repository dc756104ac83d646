"""The microphone's buffer: from the audio thread to the loop.

Pure: no PortAudio, no loop, no clock. The audio thread only appends; the loop takes everything at once.
One wake-up stands for any number of blocks: one call_soon_threadsafe per block would be an unbounded
queue in front of a bounded one.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from satellite.core.pcm import CAPTURE_RATE_HZ, SAMPLE_BYTES, samples_in


@dataclass(frozen=True, slots=True)
class Captured:
    """What the microphone has delivered since the last take: s16le mono at `rate_hz`."""

    pcm: bytes
    rate_hz: int
    lost_samples: int
    """Samples, at `rate_hz`, that were dropped before `pcm`."""

    reopened: bool = False
    """The device was opened again before `pcm`: how much is missing between is unknown."""


class CaptureBuffer:
    """Bounded queue of blocks. `put` is called by the audio thread, everything else by the loop."""

    def __init__(self, wake: Callable[[], None], *, capacity_s: float = 2.0) -> None:
        """`wake` is thread-safe and is called once until the next `take`."""
        self._wake = wake
        self._capacity_s = capacity_s
        self._lock = threading.Lock()
        self._blocks: deque[bytes] = deque()
        self._queued_bytes = 0
        self._wake_pending = False
        self._lost_samples = 0
        self._reopened = False
        self._rate_hz = CAPTURE_RATE_HZ
        self._capacity_bytes = self._capacity_in_bytes(CAPTURE_RATE_HZ)
        self._dropped_samples = 0

    @property
    def dropped_samples(self) -> int:
        """Samples dropped since the start because the loop did not take them in time."""
        return self._dropped_samples

    def configure(self, rate_hz: int) -> None:
        """Begin anew at `rate_hz`: at each opening of the device, before its first block."""
        with self._lock:
            self._blocks.clear()
            self._queued_bytes = 0
            self._lost_samples = 0
            self._reopened = True
            self._rate_hz = rate_hz
            self._capacity_bytes = self._capacity_in_bytes(rate_hz)

    def put(self, block: bytes) -> None:
        """Append a block of s16le mono; drop the oldest when full. For the audio thread."""
        with self._lock:
            self._blocks.append(block)
            self._queued_bytes += len(block)
            while self._queued_bytes > self._capacity_bytes and len(self._blocks) > 1:
                oldest = self._blocks.popleft()
                self._queued_bytes -= len(oldest)
                self._lost_samples += samples_in(oldest)
                self._dropped_samples += samples_in(oldest)
            wake = not self._wake_pending
            self._wake_pending = True
        if wake:
            self._wake()

    def take(self) -> Captured:
        """Everything that has come since the last take, in order."""
        with self._lock:
            pcm = b"".join(self._blocks)
            captured = Captured(pcm, self._rate_hz, self._lost_samples, self._reopened)
            self._blocks.clear()
            self._queued_bytes = 0
            self._lost_samples = 0
            self._reopened = False
            self._wake_pending = False
        return captured

    def _capacity_in_bytes(self, rate_hz: int) -> int:
        return int(self._capacity_s * rate_hz) * SAMPLE_BYTES
