"""What the room records: one stereo WAV, left what the microphone heard, right what the speaker played.

For whoever edits this: both sides share one clock, so their samples can be compared by number.
"""

import wave
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from satellite.core import pcm

_FLUSH_SAMPLES = pcm.CAPTURE_RATE_HZ


class Recorder:
    """Writes the WAV as it happens; a killed process leaves a file that plays, but for its last second.

    Driven by the room, on the loop (a few microseconds into the page cache). A context manager: its owner closes.
    """

    def __init__(self, path: Path) -> None:
        """Create `path`, or empty it. Raises OSError."""
        self._file = path.open("wb")
        self._wave = wave.Wave_write(self._file)
        self._wave.setnchannels(2)
        self._wave.setsampwidth(pcm.SAMPLE_BYTES)
        self._wave.setframerate(pcm.CAPTURE_RATE_HZ)
        self._unflushed = 0

    def write(self, microphone: bytes, speaker: bytes) -> None:
        """Append a block: 16 kHz s16le mono each. Raises ValueError when the two differ in length."""
        if len(microphone) != len(speaker):
            raise ValueError("the two sides of a recording must be equally long")
        stereo = np.empty(len(microphone) // pcm.SAMPLE_BYTES * 2, dtype="<i2")
        stereo[0::2] = np.frombuffer(microphone, dtype="<i2")
        stereo[1::2] = np.frombuffer(speaker, dtype="<i2")
        self._wave.writeframes(stereo.tobytes())  # keeps the header true
        self._unflushed += pcm.samples_in(microphone)
        if self._unflushed >= _FLUSH_SAMPLES:
            self._file.flush()
            self._unflushed = 0

    def close(self) -> None:
        """Finish the file. A second call does nothing."""
        try:
            self._wave.close()
        finally:
            self._file.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the file."""
        self.close()
