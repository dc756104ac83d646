"""What the user says: the one owner of microphone audio.

It always remembers the last two seconds; an open utterance is a window of that memory which grows until
its end is known. Pre-roll, talking through the connect, hand-over and replay are positions of one cursor.
All positions are absolute sample numbers at 16 kHz. Whoever adds a reader of microphone audio adds a
cursor here, never a second buffer.
"""

from collections.abc import Iterator

from satellite.core.pcm import CAPTURE_RATE_HZ, SAMPLE_BYTES, samples_in, silence

MEMORY_SAMPLES = 2 * CAPTURE_RATE_HZ
"""Kept while nothing is open: more than any look-back and pre-roll together."""

LARGEST_GAP_SAMPLES = 2 * CAPTURE_RATE_HZ
"""Lost audio up to this long is replaced by silence, so that the server's clock keeps step with ours."""

PIECE_SAMPLES = CAPTURE_RATE_HZ // 5
"""Longest piece handed out at once (200 ms): a late connect sends many small messages, not one huge one."""


class Utterance:
    """Microphone memory with one window and one cursor."""

    def __init__(self) -> None:
        self._pcm = bytearray()
        self._base = 0
        self._first: int | None = None
        self._end: int | None = None
        self._sent_to = 0
        self.lost_samples = 0

    @property
    def captured_to(self) -> int:
        """The sample after the last one heard."""
        return self._base + samples_in(self._pcm)

    @property
    def is_open(self) -> bool:
        """Whether there is an utterance, growing or ended."""
        return self._first is not None

    @property
    def has_ended(self) -> bool:
        """Whether its last sample is known."""
        return self._end is not None

    @property
    def length_samples(self) -> int:
        """Samples in the window so far; 0 without one."""
        if self._first is None:
            return 0
        return (self.captured_to if self._end is None else self._end) - self._first

    def append(self, first_sample: int, pcm: bytes) -> None:
        """Hear on. A gap is filled with silence and counted.

        After a long one the memory starts anew, unless it holds an utterance that was over before.
        """
        gap = first_sample - self.captured_to
        if gap:
            self.lost_samples += max(gap, 0) if self._pcm else 0
            if self._pcm and gap > 0 and (gap <= LARGEST_GAP_SAMPLES or self.has_ended):
                self._pcm += silence(gap)
            else:
                self._start_anew(first_sample)
        self._pcm += pcm
        self._forget()

    def open(self, from_sample: int) -> None:
        """Begin an utterance at `from_sample`, or as far back as the memory reaches."""
        self._first = self._sent_to = min(max(from_sample, self._base), self.captured_to)
        self._end = None

    def end(self) -> None:
        """Nothing heard from now on belongs to it."""
        self._end = self.captured_to

    def go_on(self) -> None:
        """It was not over: everything heard since belongs to it as well."""
        self._end = None

    def rewind(self) -> None:
        """Send it again from its first sample (another session has to hear it)."""
        if self._first is not None:
            self._sent_to = self._first

    def keep_unsent(self) -> None:
        """What was sent is answered and needed no more; the window goes on from the cursor."""
        if self._first is not None:
            self._first = self._sent_to

    def keep_from(self, from_sample: int) -> None:
        """What was sent before `from_sample` is needed no more; a replay begins there."""
        if self._first is not None:
            self._first = min(max(from_sample, self._first), self._sent_to)

    def drop(self) -> None:
        """No utterance any more."""
        self._first = self._end = None
        self._forget()

    def unsent(self) -> Iterator[tuple[int, bytes]]:
        """Take what the cursor has not passed, in order: (first sample, pcm) of at most 200 ms each."""
        if self._first is None:
            return
        stop = self.captured_to if self._end is None else self._end
        while self._sent_to < stop:
            first, until = self._sent_to, min(self._sent_to + PIECE_SAMPLES, stop)
            self._sent_to = until
            yield first, bytes(self._pcm[self._offset(first) : self._offset(until)])

    def clear(self) -> None:
        """Forget every sample (mute)."""
        self._start_anew(self.captured_to)
        self.drop()

    def _offset(self, sample: int) -> int:
        return (sample - self._base) * SAMPLE_BYTES

    def _start_anew(self, first_sample: int) -> None:
        self._pcm.clear()
        self._base = first_sample
        if self._first is not None:
            self._first = self._sent_to = first_sample
        if self._end is not None:
            self._end = first_sample

    def _forget(self) -> None:
        """Trim the memory; a second of slack keeps the cost of moving bytes low."""
        keep_from = self.captured_to - MEMORY_SAMPLES
        if self._first is not None:
            keep_from = min(keep_from, self._first)
        if keep_from - self._base > CAPTURE_RATE_HZ:
            del self._pcm[: self._offset(keep_from)]
            self._base = keep_from
