"""From voiced pieces to speech: when it is suspected, confirmed, over.

Pure: pieces in, events out, every duration counted in samples (a gap in the numbers is silence).
For whoever edits this, the promises that tests hold it to:

- every SpeechSuspected is followed by one SpeechStarted or one SuspicionDropped, and that within twice the
  confirmation window: nothing stays ducked on suspicion for ever;
- every SpeechStarted follows a SpeechSuspected with the same sample, and is followed by one SpeechEnded unless
  a restart or a reset comes first;
- sample numbers never go backwards from one event to the next.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto

from satellite.core import pcm
from satellite.core.events import Event, SpeechEnded, SpeechStarted, SpeechSuspected, SuspicionDropped


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of audio (`end_sample` exclusive) and whether it is voiced."""

    first_sample: int
    end_sample: int
    voiced: bool


class Hearing(Enum):
    """What the endpointer takes the present for."""

    SILENCE = auto()
    SUSPICION = auto()
    SPEECH = auto()


def window_samples(need_samples: int) -> int:
    """The stretch in which `need_samples` of voice must lie: half again as long, for the gaps between sounds."""
    return need_samples * 3 // 2


class Endpointer:
    """The start window and the hangover. Driven by the gate, piece by piece, in order, on the loop."""

    def __init__(self, *, suspect_ms: int, confirm_ms: int, hangover_ms: int) -> None:
        """`suspect_ms`, `confirm_ms`: voice needed; `hangover_ms`: silence needed for the end."""
        self._suspect = pcm.samples_of_ms(suspect_ms)
        self._confirm = pcm.samples_of_ms(confirm_ms)
        self._hangover = pcm.samples_of_ms(hangover_ms)
        self._hearing = Hearing.SILENCE
        self._need = self._confirm
        self._counts_from = 0
        self._heard_to = 0
        self._began = 0
        self._last_voiced_end = 0
        self._recent: deque[Piece] = deque()  # voiced pieces of the last window, oldest first

    @property
    def voice_from(self) -> int | None:
        """The sample where the present speech or suspicion began; None in silence."""
        return None if self._hearing is Hearing.SILENCE else self._began

    def accept(self, piece: Piece) -> list[Event]:
        """Take the next piece; the events it decides, oldest first."""
        events: list[Event] = []
        self._heard_to = piece.end_sample
        if self._hearing is Hearing.SPEECH and piece.first_sample - self._last_voiced_end >= self._hangover:
            events.append(self._end())  # audio was lost, longer than the hangover
        oldest = piece.end_sample - max(window_samples(self._need), window_samples(self._suspect))
        while self._recent and self._recent[0].first_sample < oldest:
            self._recent.popleft()
        voiced_now = piece.voiced and piece.first_sample >= self._counts_from
        if voiced_now:
            self._recent.append(piece)
        if self._hearing is Hearing.SPEECH:
            events.extend(self._in_speech(piece, voiced_now))
        else:
            events.extend(self._before_speech(piece, voiced_now))
        return events

    def restart(self, from_sample: int, need_ms: int | None = None) -> list[Event]:
        """Voice before `from_sample` (which may be yet to come) no longer counts; speech is confirmed anew.

        `need_ms`: voice needed for the next SpeechStarted only (default: confirm_ms). Speech that was going on
        is split silently: no SpeechEnded for it, and if it goes on it is suspected and started again, from
        `from_sample` at the earliest. A suspicion that was open is dropped aloud, now, because whoever ducked
        for it waits for an answer.
        """
        events: list[Event] = []
        if self._hearing is Hearing.SUSPICION:
            events.append(SuspicionDropped(max(self._began, min(from_sample, self._heard_to))))
        self._hearing = Hearing.SILENCE
        self._counts_from = from_sample
        self._need = self._confirm if need_ms is None else pcm.samples_of_ms(need_ms)
        while self._recent and self._recent[0].first_sample < from_sample:
            self._recent.popleft()
        return events

    def reset(self) -> None:
        """Forget everything heard. Nothing is reported: whoever resets knows that it was cut off."""
        self._hearing = Hearing.SILENCE
        self._need = self._confirm
        self._counts_from = 0
        self._recent.clear()

    def _before_speech(self, piece: Piece, voiced_now: bool) -> list[Event]:
        events: list[Event] = []
        suspect = min(self._suspect, self._need)
        if self._hearing is Hearing.SILENCE and voiced_now and self._voice_within(suspect, piece) >= suspect:
            self._hearing = Hearing.SUSPICION
            self._began = self._recent[0].first_sample
            events.append(SpeechSuspected(self._began))
        if self._hearing is not Hearing.SUSPICION:
            return events
        voice = self._voice_within(self._need, piece)
        if voiced_now and voice >= self._need:
            self._hearing = Hearing.SPEECH
            self._last_voiced_end = piece.end_sample
            self._need = self._confirm
            events.append(SpeechStarted(self._began))
        elif voice < suspect or piece.end_sample - self._began >= 2 * window_samples(self._need):
            self._hearing = Hearing.SILENCE
            self._recent.clear()
            events.append(SuspicionDropped(piece.end_sample))
        return events

    def _in_speech(self, piece: Piece, voiced_now: bool) -> list[Event]:
        # A single voiced piece in noise does not prolong speech: it takes what a suspicion takes.
        if voiced_now and self._voice_within(self._suspect, piece) >= self._suspect:
            self._last_voiced_end = piece.end_sample
        if piece.end_sample - self._last_voiced_end < self._hangover or self._last_voiced_end == piece.end_sample:
            return []
        return [self._end()]

    def _end(self) -> SpeechEnded:
        self._hearing = Hearing.SILENCE
        self._recent.clear()
        return SpeechEnded(self._last_voiced_end - 1)

    def _voice_within(self, need_samples: int, now: Piece) -> int:
        """Voiced samples in the window that belongs to `need_samples` and ends with `now`."""
        start = now.end_sample - max(window_samples(need_samples), now.end_sample - now.first_sample)
        return sum(piece.end_sample - piece.first_sample for piece in self._recent if piece.first_sample >= start)
