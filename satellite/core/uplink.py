"""How the utterance goes up: held back until it is known to be speech, then sent as fast as the link takes it.

Manual activity: activityStart, the utterance from its first sample, activityEnd. An activity without
speech would close the session (1007), so nothing goes out before speech is confirmed.
Automatic activity: the same hold, then everything, silence included (the server's detection needs it),
until the stream is stopped with audioStreamEnd.
"""

from enum import StrEnum

from satellite.core.commands import (
    Command,
    SendActivityEnd,
    SendActivityStart,
    SendAudioStreamEnd,
    SendFrames,
)
from satellite.core.pcm import CAPTURE_RATE_HZ
from satellite.core.utterance import Utterance

LONGEST_KEPT_SAMPLES = 30 * CAPTURE_RATE_HZ
"""Automatic mode: the stream goes on under the reply; more than an utterance's length is not kept for a replay."""


class UplinkState(StrEnum):
    """Where the current utterance stands."""

    SHUT = "shut"
    HELD = "held"
    READY = "ready"
    FLOWING = "flowing"
    SENT = "sent"


class UplinkInput(StrEnum):
    """What happens to it."""

    OPENED = "opened"
    CONFIRMED = "confirmed"
    FIRST_SENT = "first sent"
    ALL_SENT = "all sent"
    SESSION_GONE = "session gone"
    ABANDONED = "abandoned"


S, I = UplinkState, UplinkInput  # noqa: E741 - two letters keep the table readable

RULES: dict[tuple[UplinkState, UplinkInput], UplinkState] = {
    (S.SHUT, I.OPENED): S.HELD,
    (S.SHUT, I.CONFIRMED): S.SHUT,
    (S.SHUT, I.FIRST_SENT): S.SHUT,
    (S.SHUT, I.ALL_SENT): S.SHUT,
    (S.SHUT, I.SESSION_GONE): S.SHUT,
    (S.SHUT, I.ABANDONED): S.SHUT,
    (S.HELD, I.OPENED): S.HELD,
    (S.HELD, I.CONFIRMED): S.READY,
    (S.HELD, I.FIRST_SENT): S.HELD,
    (S.HELD, I.ALL_SENT): S.HELD,
    (S.HELD, I.SESSION_GONE): S.HELD,
    (S.HELD, I.ABANDONED): S.SHUT,
    (S.READY, I.OPENED): S.HELD,
    (S.READY, I.CONFIRMED): S.READY,
    (S.READY, I.FIRST_SENT): S.FLOWING,
    (S.READY, I.ALL_SENT): S.READY,
    (S.READY, I.SESSION_GONE): S.READY,
    (S.READY, I.ABANDONED): S.SHUT,
    (S.FLOWING, I.OPENED): S.HELD,
    (S.FLOWING, I.CONFIRMED): S.FLOWING,
    (S.FLOWING, I.FIRST_SENT): S.FLOWING,
    (S.FLOWING, I.ALL_SENT): S.SENT,
    (S.FLOWING, I.SESSION_GONE): S.READY,
    (S.FLOWING, I.ABANDONED): S.SHUT,
    (S.SENT, I.OPENED): S.HELD,
    (S.SENT, I.CONFIRMED): S.SENT,
    (S.SENT, I.FIRST_SENT): S.SENT,
    (S.SENT, I.ALL_SENT): S.SENT,
    (S.SENT, I.SESSION_GONE): S.READY,
    (S.SENT, I.ABANDONED): S.SHUT,
}


class Uplink:
    """Drives the utterance's cursor; the conversation calls `pump` after every event."""

    def __init__(self, *, manual: bool) -> None:
        self.utterance = Utterance()
        self.state = UplinkState.SHUT
        self.can_replay = False
        """Whether another session could hear this utterance from its start."""
        self._manual = manual
        self._is_answered = False

    @property
    def is_confirmed(self) -> bool:
        """Whether the current utterance is known to be speech."""
        return self.state not in (UplinkState.SHUT, UplinkState.HELD)

    @property
    def is_flowing(self) -> bool:
        """Whether the server is in the middle of hearing it."""
        return self.state is UplinkState.FLOWING

    def open(self, from_sample: int) -> None:
        """A new utterance, held back."""
        self.utterance.open(from_sample)
        self.can_replay = True
        self._is_answered = False
        self._apply(UplinkInput.OPENED)

    def confirm(self) -> None:
        """It is speech: it may go out."""
        self._apply(UplinkInput.CONFIRMED)

    def end(self) -> None:
        """The user has finished. In automatic mode the stream goes on: the server decides."""
        if self._manual:
            self.utterance.end()

    def go_on(self) -> bool:
        """Take more speech into the utterance just ended; False when the server has heard of its end."""
        if self.is_flowing or self.state is UplinkState.READY:
            self.utterance.go_on()
            return True
        return False

    @property
    def is_sent(self) -> bool:
        """Whether the server has to answer: in automatic mode it may decide so at any time."""
        return self.state is UplinkState.SENT or (not self._manual and self.is_flowing)

    def answered(self) -> None:
        """The reply has begun: from here on the utterance is kept for a replay alone, and not for ever."""
        self._is_answered = True

    def settled(self) -> None:
        """The reply is whole: the utterance is not needed for a replay any more."""
        self._is_answered = False
        if self.state is UplinkState.SENT:
            self.abandon()
        elif self.is_flowing and not self._manual:
            self.can_replay = False
            self.utterance.keep_unsent()

    def go_on_from(self, from_sample: int) -> None:
        """Automatic mode: the stream flows on, and a new utterance begins in it."""
        self.utterance.keep_from(from_sample)
        self.can_replay = True
        self._is_answered = False

    def session_gone(self) -> None:
        """Whatever was sent is lost with the session: the next one hears it from the start."""
        self._is_answered = False
        self.utterance.rewind()
        self._apply(UplinkInput.SESSION_GONE)

    def abandon(self) -> None:
        """Nothing more of it goes out."""
        self.utterance.drop()
        self.can_replay = False
        self._is_answered = False
        self._apply(UplinkInput.ABANDONED)

    def stop(self, session: int | None) -> list[Command]:
        """Nothing more goes up; what the server is in the middle of hearing is ended: it would wait for more of it."""
        pauses = self.is_flowing
        self.abandon()
        if not pauses or session is None:
            return []
        return [SendActivityEnd(session) if self._manual else SendAudioStreamEnd(session)]

    @property
    def has_end_waiting(self) -> bool:
        """Whether the server has not heard of the end of what was said."""
        return self.state in (UplinkState.READY, UplinkState.FLOWING) and self.utterance.has_ended

    def pump(self, session: int | None, *, hold_end: bool = False) -> list[Command]:
        """Commands that bring the server up to date; none without an open session or confirmed speech.

        `hold_end`: something else has to be there before the user's turn is over.
        """
        if session is None or self.state not in (UplinkState.READY, UplinkState.FLOWING):
            return []
        if self._is_answered and self.utterance.length_samples > LONGEST_KEPT_SAMPLES:
            self.settled()
        commands: list[Command] = [SendFrames(session, first, pcm) for first, pcm in self.utterance.unsent()]
        if self.state is UplinkState.READY:
            if not commands:
                return []  # nothing of it has been heard yet
            if self._manual:
                commands.insert(0, SendActivityStart(session))
            self._apply(UplinkInput.FIRST_SENT)
        if self.utterance.has_ended and not hold_end:
            commands.append(SendActivityEnd(session) if self._manual else SendAudioStreamEnd(session))
            self._apply(UplinkInput.ALL_SENT)
        return commands

    def _apply(self, happened: UplinkInput) -> None:
        self.state = RULES[self.state, happened]
