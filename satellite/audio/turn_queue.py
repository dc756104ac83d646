"""What is to be played, by turn, at the card's rate.

Pure and single-threaded (its owner locks). One resampler per turn: it is flushed when the turn ends, and
also when the queue runs dry before that, so that no sample waits for a chunk that may never come.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from satellite.audio.mixer import Samples, as_samples
from satellite.audio.resample import StreamResampler, resample
from satellite.core.pcm import REPLY_RATE_HZ, SAMPLE_BYTES, samples_in


@dataclass
class _Piece:
    """Samples of one turn that have not been taken yet."""

    turn: int
    samples: Samples


@dataclass
class Taken:
    """What one `take` gave."""

    samples: Samples
    filled: int
    """Samples of the voice among them; what follows is silence."""

    begun: list[int] = field(default_factory=list)
    """Turns whose first sample is among them."""

    finished: list[tuple[int, int]] = field(default_factory=list)
    """(turn, n): the last sample pushed so far for that turn was the n-th of them, counted from one."""


class TurnQueue:
    """Chunks in, in order of arrival; blocks of any length out."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._pieces: deque[_Piece] = deque()
        self._resampler = StreamResampler(REPLY_RATE_HZ, rate_hz, "HQ")
        self._odd_byte = b""
        self._turn: int | None = None
        self._ended = True
        self._begun_turn: int | None = None
        self._unfinished_turn: int | None = None
        self._queued_samples = 0

    @property
    def queued_samples(self) -> int:
        """Samples waiting, at the card's rate, without those the resampler holds back."""
        return self._queued_samples

    @property
    def empty(self) -> bool:
        """Nothing waits, in the queue or in the resampler."""
        return not self._pieces and not self._resampler.holds_back

    @property
    def playing(self) -> bool:
        """The voice that comes next has begun to play."""
        next_turn = self._pieces[0].turn if self._pieces else self._turn
        return not self.empty and next_turn == self._begun_turn

    @property
    def starving(self) -> bool:
        """More is expected for a turn that has begun, and nothing is there."""
        return self.empty and not self._ended and self._turn == self._begun_turn

    def push(self, turn: int, pcm: bytes) -> None:
        """Append a chunk, 24 kHz s16le mono; half a sample at its end waits for the next chunk."""
        if turn != self._turn:
            self._finish_resampling()
            self._turn = turn
        self._ended = False
        pcm = self._odd_byte + pcm
        whole_bytes = len(pcm) - len(pcm) % SAMPLE_BYTES
        self._odd_byte = pcm[whole_bytes:]
        self._append(self._resampler.push(pcm[:whole_bytes]))

    def end(self, turn: int) -> None:
        """No more chunks for that turn: what the resampler holds back is its tail."""
        if turn == self._turn:
            self._finish_resampling()
            self._ended = True

    def clear(self) -> None:
        """Drop everything."""
        self._pieces.clear()
        self._resampler.clear()
        self._odd_byte = b""
        self._queued_samples = 0
        self._unfinished_turn = None
        self._ended = True

    def change_rate(self, rate_hz: int) -> None:
        """Convert what is queued; what follows of an open turn continues at the new rate."""
        if rate_hz == self._rate_hz:
            return
        self._append(self._resampler.flush())
        pieces = self._pieces
        self._pieces = deque()
        self._queued_samples = 0
        while pieces:
            turn = pieces[0].turn
            run = []
            while pieces and pieces[0].turn == turn:
                run.append(pieces.popleft().samples.tobytes())
            self._append(resample(b"".join(run), self._rate_hz, rate_hz), turn)
        self._rate_hz = rate_hz
        self._resampler = StreamResampler(REPLY_RATE_HZ, rate_hz, "HQ")

    def take(self, count: int) -> Taken:
        """The next `count` samples; silence where there are none."""
        taken = Taken(np.zeros(count, dtype=np.int16), 0)
        while taken.filled < count:
            if not self._pieces:
                self._append(self._resampler.flush())
                if not self._pieces:
                    break
            self._take_from_head(taken, count - taken.filled)
        if self.empty:
            self._finish(taken)
        return taken

    def _take_from_head(self, taken: Taken, wanted: int) -> None:
        """Move up to `wanted` samples of the first piece."""
        piece = self._pieces[0]
        if piece.turn != self._unfinished_turn:
            self._finish(taken)
            self._unfinished_turn = piece.turn
        if piece.turn != self._begun_turn:
            self._begun_turn = piece.turn
            taken.begun.append(piece.turn)
        number = min(wanted, len(piece.samples))
        taken.samples[taken.filled : taken.filled + number] = piece.samples[:number]
        taken.filled += number
        self._queued_samples -= number
        piece.samples = piece.samples[number:]
        if not len(piece.samples):
            self._pieces.popleft()

    def _finish(self, taken: Taken) -> None:
        """The turn that was being taken has nothing more for now: its last sample is the last one taken."""
        if self._unfinished_turn is not None:
            taken.finished.append((self._unfinished_turn, taken.filled))
            self._unfinished_turn = None

    def _finish_resampling(self) -> None:
        self._append(self._resampler.flush())
        self._odd_byte = b""

    def _append(self, pcm: bytes, turn: int | None = None) -> None:
        owner = self._turn if turn is None else turn
        if pcm and owner is not None:
            self._pieces.append(_Piece(owner, as_samples(pcm)))
            self._queued_samples += samples_in(pcm)
