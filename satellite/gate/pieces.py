"""Cuts audio of any length into pieces of one length, with absolute sample numbers.

For whoever edits this: a frame is transport, never "one frame, one decision". Detectors work on pieces
of their own size; where the cuts lie depends on the first sample alone, never on the blocking.
"""

from collections.abc import Iterator

from satellite.core import pcm


class PieceCutter:
    """Hands out whole pieces and keeps the rest for the next call. Driven by a detector, one thread."""

    def __init__(self, piece_samples: int) -> None:
        """`piece_samples`: length of every piece handed out."""
        self._piece_bytes = piece_samples * pcm.SAMPLE_BYTES
        self._rest = b""
        self._expected: int | None = None

    def accept(self, first_sample: int, audio: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield (first sample, piece) for every piece that is now whole.

        After a jump forward in `first_sample` (lost audio) the partial piece is dropped and cutting starts
        anew there. Raises ValueError when the numbers go backwards or half a sample is handed over.
        """
        if len(audio) % pcm.SAMPLE_BYTES:
            raise ValueError("audio is not a whole number of samples")
        if self._expected is not None and first_sample < self._expected:
            raise ValueError(f"sample {first_sample} comes after sample {self._expected - 1}")
        if first_sample != self._expected:
            self._rest = b""
        self._expected = first_sample + pcm.samples_in(audio)
        at_sample = first_sample - pcm.samples_in(self._rest)
        joined = self._rest + audio
        whole_bytes = len(joined) - len(joined) % self._piece_bytes
        self._rest = joined[whole_bytes:]
        for start in range(0, whole_bytes, self._piece_bytes):
            yield at_sample + pcm.samples_of_bytes(start), joined[start : start + self._piece_bytes]

    def reset(self) -> None:
        """Drop the partial piece; the next piece begins with whatever sample comes."""
        self._rest = b""
        self._expected = None
