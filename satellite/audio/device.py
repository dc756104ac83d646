"""What the rest of the house knows of a sound device: it runs, it reports, it tells how alive it is.

Implemented by `audio.sound_card.SoundCard` and by the simulated room. Pure: no PortAudio, no loop, so
that the room can import it. Whoever adds a report adds it to both implementations.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class AudioActivity:
    """How alive the audio path is, at the instant it was asked for. Seconds of the loop's clock."""

    input_block_age_s: float | None
    """Since a block of the microphone was last seen; None when there has been none since it was opened."""

    microphone_lost: bool
    """The microphone is known to be lost, and this has been reported."""

    call_in_progress_s: float | None
    """How long the audio call now under way has been running; None when there is none."""

    call_name: str = ""
    """Which call that is, for the log."""

    def alive(self, limit_s: float) -> bool:
        """Whether blocks flow, or the loss is known, and no audio call has hung for `limit_s`."""
        if self.call_in_progress_s is not None and self.call_in_progress_s >= limit_s:
            return False
        if self.microphone_lost:
            return True
        return self.input_block_age_s is not None and self.input_block_age_s < limit_s


class DeviceReports(Protocol):
    """What a device reports, always on the loop. Given by the app."""

    def microphone_found(self) -> None:
        """The first block has come from the microphone: at the start, and after each loss."""

    def microphone_lost(self, reason: str) -> None:
        """The microphone cannot be opened, or has stopped. Once per loss."""

    def speaker_found(self) -> None:
        """The speaker has taken its first block: at the start, and after each loss."""

    def speaker_lost(self, reason: str) -> None:
        """The speaker cannot be opened, or has stopped. Once per loss."""

    def retry_returned(self) -> None:
        """An attempt to open what is lost has come back, whether it succeeded or not."""


class AudioDevice(Protocol):
    """A microphone and a speaker."""

    async def run(self) -> None:
        """Open both directions, watch and heal them until cancelled; then stop within a deadline of its own."""

    @property
    def last_activity(self) -> AudioActivity:
        """How alive it is now: what the watchdog is fed from."""
