"""PortAudio's callbacks: one per opened stream.

Run on PortAudio's own threads, which must never see an exception (PyAudio would throw it into whichever
thread opened the stream) and never wait. They append or pull, count, and nothing else. A stream is closed only
after its tap has finished: see portaudio.py.
"""

import numpy as np
import pyaudio

from satellite.audio.capture import CaptureBuffer
from satellite.audio.playback import PlaybackBuffer
from satellite.core.pcm import SAMPLE_BYTES


class InputTap:
    """Puts each block of the microphone into the capture buffer. Implements portaudio.Tap."""

    def __init__(self, capture: CaptureBuffer, channels: int) -> None:
        self._capture = capture
        self._channels = channels
        self._finishing = False
        self.blocks = 0
        self.xruns = 0
        self.failure: Exception | None = None

    def finish(self, padding_samples: int) -> None:
        """End the stream at the next block; a microphone needs no padding."""
        self._finishing = True

    def __call__(self, pcm: bytes | None, frames: int, times: object, status: int) -> tuple[None, int]:
        """One block from the card."""
        if self._finishing:
            return None, pyaudio.paComplete
        if status & pyaudio.paInputOverflow:
            self.xruns += 1
        try:
            self._capture.put(_to_mono(pcm or b"", self._channels))
        except Exception as error:  # noqa: BLE001 - the outermost frame of a thread that is not ours
            self.failure = error
            return None, pyaudio.paAbort
        self.blocks += 1
        return None, pyaudio.paContinue


class OutputTap:
    """Pulls each block of the speaker from the playback buffer. Implements portaudio.Tap."""

    def __init__(self, playback: PlaybackBuffer, channels: int) -> None:
        self._playback = playback
        self._channels = channels
        self._padding_samples: int | None = None
        self._last_pulled = False
        self.blocks = 0
        self.xruns = 0
        self.failure: Exception | None = None

    def finish(self, padding_samples: int) -> None:
        """Pull one more block, for the fade of a flush; end the stream after so much silence behind it.

        Stopping or closing a stream does not drain the card: without the silence its last samples are lost.
        """
        self._padding_samples = padding_samples

    def __call__(self, pcm: bytes | None, frames: int, times: object, status: int) -> tuple[bytes, int]:
        """One block for the card."""
        nothing = bytes(frames * self._channels * SAMPLE_BYTES)
        if self._padding_samples is not None:
            if self._last_pulled:
                self._padding_samples -= frames
                return nothing, pyaudio.paContinue if self._padding_samples > 0 else pyaudio.paComplete
            self._last_pulled = True
        if status & pyaudio.paOutputUnderflow:
            self.xruns += 1
        try:
            block = _to_channels(self._playback.pull(frames), self._channels)
        except Exception as error:  # noqa: BLE001 - the outermost frame of a thread that is not ours
            self.failure = error
            return nothing, pyaudio.paAbort
        self.blocks += 1
        return block, pyaudio.paContinue


def _to_mono(pcm: bytes, channels: int) -> bytes:
    """The mean of the channels."""
    if channels == 1:
        return pcm
    frames = np.frombuffer(pcm, dtype="<i2").reshape(-1, channels)
    mono: bytes = np.rint(frames.mean(axis=1)).astype("<i2").tobytes()
    return mono


def _to_channels(pcm: bytes, channels: int) -> bytes:
    """The same on every channel."""
    if channels == 1:
        return pcm
    repeated: bytes = np.repeat(np.frombuffer(pcm, dtype="<i2"), channels).tobytes()
    return repeated
