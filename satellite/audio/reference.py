"""What was played, lined up with what was captured, in 10 ms pieces.

Pure. Speaker and microphone are counted, never timed: within one batch the pieces of the reference are
spread evenly over those of the capture, as they came in real time, however late the loop looked. A burst of
reference before its capture would overflow the canceller's own delay buffer (about 100 ms of jitter).
"""

from collections import deque

from satellite.audio.echo import PIECE_MS, REFERENCE_RATES_HZ
from satellite.audio.playback import Reference
from satellite.audio.resample import StreamResampler
from satellite.core.pcm import CAPTURE_RATE_HZ, SAMPLE_BYTES, samples_of_ms

LARGEST_LEAD_PIECES = 20
"""Reference that runs ahead of the capture by more than this (200 ms) belongs to capture that never came."""


class ReferencePieces:
    """Queue of 10 ms pieces of the reference. Loop only."""

    def __init__(self) -> None:
        self._in_rate_hz = 0
        self._rate_hz = CAPTURE_RATE_HZ
        self._resampler = StreamResampler(CAPTURE_RATE_HZ, CAPTURE_RATE_HZ, "LQ")
        self._rest = bytearray()
        self._pieces: deque[bytes] = deque()

    @property
    def rate_hz(self) -> int:
        """Rate of the pieces: the card's own where the canceller takes it, else 16 kHz."""
        return self._rate_hz

    def add(self, reference: Reference) -> None:
        """Append what was played; a change of the card's rate begins anew."""
        if reference.rate_hz != self._in_rate_hz:
            self._in_rate_hz = reference.rate_hz
            self._rate_hz = reference.rate_hz if reference.rate_hz in REFERENCE_RATES_HZ else CAPTURE_RATE_HZ
            self._resampler = StreamResampler(reference.rate_hz, self._rate_hz, "LQ")
            self._rest.clear()
            self._pieces.clear()
        self._rest += self._resampler.push(reference.pcm)
        size_bytes = samples_of_ms(PIECE_MS, self._rate_hz) * SAMPLE_BYTES
        whole_bytes = len(self._rest) - len(self._rest) % size_bytes
        for start in range(0, whole_bytes, size_bytes):
            self._pieces.append(bytes(self._rest[start : start + size_bytes]))
        del self._rest[:whole_bytes]

    def skip(self, pieces: int) -> None:
        """Drop the oldest: what was captured with them was lost."""
        for _ in range(min(pieces, len(self._pieces))):
            self._pieces.popleft()

    def share_out(self, captured_pieces: int) -> list[list[bytes]]:
        """For each piece captured in this batch, the pieces that were played before it; all that are known."""
        self.skip(len(self._pieces) - captured_pieces - LARGEST_LEAD_PIECES)
        known = len(self._pieces)
        shares: list[list[bytes]] = []
        given = 0
        for number in range(1, captured_pieces + 1):
            due = -(-known * number // captured_pieces)
            shares.append([self._pieces.popleft() for _ in range(due - given)])
            given = due
        return shares
