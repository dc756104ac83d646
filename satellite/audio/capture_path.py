"""From the card's blocks to frames: resample to 16 kHz, take the echo away, cut again.

Loop only. Sample numbers are absolute at 16 kHz since the start and jump by what was lost, so that
whoever counts on them sees a gap instead of a splice.
"""

import logging
from collections.abc import Callable

from satellite.audio.capture import CaptureBuffer, Captured
from satellite.audio.echo import PIECE_BYTES, EchoCanceller
from satellite.audio.playback import PlaybackBuffer
from satellite.audio.reference import ReferencePieces
from satellite.audio.resample import StreamResampler
from satellite.core.pcm import CAPTURE_RATE_HZ, FRAME_BYTES, FRAME_SAMPLES, ms_of_samples, samples_in, silence
from satellite.settings import AudioSettings

_LOG = logging.getLogger(__name__)


class CapturePath:
    """Drains the capture buffer when the loop is woken. Everything on the loop."""

    def __init__(
        self,
        settings: AudioSettings,
        capture: CaptureBuffer,
        playback: PlaybackBuffer,
        on_frames: Callable[[int, bytes], None],
    ) -> None:
        """`on_frames(first_sample, pcm)` gets whole frames, several joined when several were ready."""
        self._capture = capture
        self._playback = playback
        self._on_frames = on_frames
        self._canceller = (
            EchoCanceller(
                echo_cancellation=settings.echo_cancellation,
                noise_suppression=settings.noise_suppression,
            )
            if settings.echo_cancellation or settings.noise_suppression
            else None
        )
        self._reference = ReferencePieces()
        self._resampler = StreamResampler(CAPTURE_RATE_HZ, CAPTURE_RATE_HZ, "LQ")
        self._raw = bytearray()
        self._cleaned = bytearray()
        self._next_sample = 0
        self._lost_samples = 0

    def process(self) -> None:
        """Take what was captured and hand on what is ready."""
        captured = self._capture.take()
        reference = self._playback.take_reference()
        if self._canceller is not None:
            self._reference.add(reference)
        self._note_gap(captured)
        self._raw += self._resampler.push(captured.pcm)
        self._clean()
        self._emit()

    def close(self) -> None:
        """Let go of the canceller; nothing is handed on afterwards."""
        self._canceller = None
        self._raw.clear()
        self._cleaned.clear()

    def _note_gap(self, captured: Captured) -> None:
        """Finish the frame before a gap with silence taken from the gap, and jump over the rest."""
        if captured.rate_hz != self._resampler.in_rate_hz:
            self._end_stream()
            self._resampler = StreamResampler(captured.rate_hz, CAPTURE_RATE_HZ, "LQ")
        lost_samples = captured.lost_samples * CAPTURE_RATE_HZ // captured.rate_hz
        if captured.reopened and self._next_sample:
            lost_samples = max(lost_samples, 2 * FRAME_SAMPLES)
        if not lost_samples:
            return
        self._tell_loss(lost_samples)
        self._end_stream()
        self._reference.skip(lost_samples * 100 // CAPTURE_RATE_HZ)
        open_samples = samples_in(self._cleaned) + samples_in(self._raw)
        filled_samples = min(-open_samples % FRAME_SAMPLES, lost_samples)
        self._raw += silence(filled_samples)
        self._clean(with_reference=False)
        self._emit()
        self._next_sample += lost_samples - filled_samples

    def _tell_loss(self, lost_samples: int) -> None:
        """The journal explains: loudly the first time, quietly after."""
        level = logging.DEBUG if self._lost_samples else logging.WARNING
        self._lost_samples += lost_samples
        _LOG.log(
            level,
            "%d ms of the microphone were lost (%d ms so far): the machine is too slow, or the device was opened again",
            ms_of_samples(lost_samples),
            ms_of_samples(self._lost_samples),
        )

    def _end_stream(self) -> None:
        """What the resampler holds back belongs before the gap."""
        self._raw += self._resampler.flush()

    def _clean(self, *, with_reference: bool = True) -> None:
        """Whole pieces of 10 ms through the canceller, each after what was played before it."""
        if self._canceller is None:
            self._cleaned += self._raw
            self._raw.clear()
            return
        pieces = len(self._raw) // PIECE_BYTES
        shares = self._reference.share_out(pieces) if with_reference else [[]] * pieces
        for number, played in enumerate(shares):
            for piece in played:
                self._canceller.hear_reference(piece, self._reference.rate_hz)
            start = number * PIECE_BYTES
            self._cleaned += self._canceller.clean(bytes(self._raw[start : start + PIECE_BYTES]))
        del self._raw[: pieces * PIECE_BYTES]

    def _emit(self) -> None:
        """Hand on the whole frames."""
        whole_bytes = len(self._cleaned) - len(self._cleaned) % FRAME_BYTES
        if whole_bytes:
            pcm = bytes(self._cleaned[:whole_bytes])
            del self._cleaned[:whole_bytes]
            first_sample = self._next_sample
            self._next_sample += samples_in(pcm)
            self._on_frames(first_sample, pcm)
