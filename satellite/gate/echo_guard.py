"""Deaf to voice while the echo canceller has never heard the speaker.

For whoever edits this: what AEC3 lets through of a reply, it lets through 0.5 to 1.2 s into the first reply of all
(measured in the simulated room at SER +9 and +3 dB: 13 of 64 first replies interrupted themselves there, none did
later). So the beginning of the first reply cannot be cut into by speech; the wake word is listened for as ever.
"""

from satellite.core import pcm

LEARNING_MS = 1500
"""Of replies, pauses included, after which the canceller knows the room."""

TAIL_MS = 300
"""After the speaker falls silent its echo is still on the way: delay and reverberation of a room."""


class EchoGuard:
    """Counts how much of replies was heard. Driven by the gate, call by call."""

    def __init__(self) -> None:
        """Nothing was heard yet."""
        self._heard_samples = 0
        self._tail_samples = 0

    def covers(self, samples: int, *, reply_playing: bool) -> bool:
        """Whether voice in the next `samples` may be the satellite's own."""
        if reply_playing:
            self._heard_samples += samples
            self._tail_samples = pcm.samples_of_ms(TAIL_MS)
            return self._heard_samples <= pcm.samples_of_ms(LEARNING_MS)
        in_tail = self._tail_samples > 0
        self._tail_samples = max(0, self._tail_samples - samples)
        return in_tail and self._heard_samples <= pcm.samples_of_ms(LEARNING_MS)

    def reset(self) -> None:
        """The microphone or the room may be another: learn anew."""
        self._heard_samples = 0
        self._tail_samples = 0
