"""Echo cancellation: WebRTC's audio processing (AEC3), through livekit's package.

The only place that knows livekit, and it is imported when the first canceller is made: it loads 40 MB and
three native threads. No room is joined and no network is touched, which a test checks in the process's own sockets. The
module does not check the size of what it is given and takes wrong sizes for 10 ms: sizes are checked here.
"""

from satellite.core.pcm import CAPTURE_RATE_HZ, SAMPLE_BYTES, samples_of_ms

PIECE_MS = 10
"""The module takes exactly this much at a time."""

PIECE_BYTES = samples_of_ms(PIECE_MS) * SAMPLE_BYTES
"""One piece of the microphone, at 16 kHz."""

REFERENCE_RATES_HZ = (16_000, 24_000, 32_000, 48_000)
"""Rates at which the module takes what was played."""


class EchoCanceller:
    """One microphone and one speaker. Called on the loop only; 8 to 14 ms of CPU per second of sound."""

    def __init__(self, *, echo_cancellation: bool, noise_suppression: bool) -> None:
        """`noise_suppression` also filters away what is below speech."""
        from livekit import rtc

        self._frame_of = rtc.AudioFrame
        self._module = rtc.AudioProcessingModule(
            echo_cancellation=echo_cancellation,
            noise_suppression=noise_suppression,
            high_pass_filter=noise_suppression,
        )

    def hear_reference(self, pcm: bytes, rate_hz: int) -> None:
        """10 ms of what is played, s16le mono at one of REFERENCE_RATES_HZ, in time order with `clean`."""
        if rate_hz not in REFERENCE_RATES_HZ:
            raise ValueError(f"the echo canceller does not take {rate_hz} Hz")
        samples = samples_of_ms(PIECE_MS, rate_hz)
        if len(pcm) != samples * SAMPLE_BYTES:
            raise ValueError(f"the echo canceller takes {samples * SAMPLE_BYTES} bytes, not {len(pcm)}")
        self._module.process_reverse_stream(self._frame_of(bytearray(pcm), rate_hz, 1, samples))

    def clean(self, pcm: bytes) -> bytes:
        """10 ms of the microphone, 16 kHz s16le mono, without the echo. Same length."""
        if len(pcm) != PIECE_BYTES:
            raise ValueError(f"the echo canceller takes {PIECE_BYTES} bytes, not {len(pcm)}")
        cleaned = bytearray(pcm)
        frame = self._frame_of(cleaned, CAPTURE_RATE_HZ, 1, PIECE_BYTES // SAMPLE_BYTES)
        self._module.process_stream(frame)
        return bytes(frame.data)
