"""The JSON objects on the command topics: how each is written, and the core event it asks for. Pure.

Whoever adds a command topic adds its body here. The limits are the same for bare text and for JSON; payloads.py
decides which of the two it is, and says what is wrong.
"""

import unicodedata
from abc import ABC, abstractmethod
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from satellite.core.events import (
    Event,
    ListenRequested,
    MuteRequested,
    SayRequested,
    StopRequested,
    TextRequested,
    VolumeRequested,
)
from satellite.mqtt.topics import LISTEN, MUTE, SAY, STOP, TEXT, VOLUME, Topic

MAX_TEXT_CHARACTERS = 2000
"""Longest text to be said or asked; Home Assistant's notify has been seen to send that many."""


def _no_boolean(value: object) -> object:
    """pydantic would read true as 1."""
    if isinstance(value, bool):
        raise ValueError("a boolean")
    return value


def _no_control_characters(text: str) -> str:
    """Nobody can say them, and a program that speaks cannot even be given a NUL."""
    if any(unicodedata.category(character) == "Cc" and character not in "\n\r\t" for character in text):
        raise ValueError("control characters")
    return text


class Body(BaseModel, ABC):
    """Base of the JSON objects on the command topics; each says how it is written and what it asks for."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, str_strip_whitespace=True)

    bare_key: ClassVar[str] = ""
    """The key that bare text stands for; none: bare text can only be PRESS."""

    expected: ClassVar[str] = "PRESS or {}"

    @abstractmethod
    def event(self) -> Event:
        """The core event this asks for."""


class _ListenBody(Body):
    def event(self) -> Event:
        return ListenRequested()


class _StopBody(Body):
    def event(self) -> Event:
        return StopRequested()


class _MuteBody(Body):
    bare_key = "muted"
    expected = 'ON, OFF or {"muted": true or false}'

    muted: bool

    def event(self) -> Event:
        return MuteRequested(self.muted)


class _SayBody(Body):
    bare_key = "text"
    expected = f'text or {{"text": "..."}} of 1 to {MAX_TEXT_CHARACTERS} characters, none of them control characters'

    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT_CHARACTERS), AfterValidator(_no_control_characters)]

    def event(self) -> Event:
        return SayRequested(self.text)


class _TextBody(_SayBody):
    def event(self) -> Event:
        return TextRequested(self.text)


class _VolumeBody(Body):
    bare_key = "percent"
    expected = 'a number from 0 to 100 or {"percent": the number}'

    percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False), BeforeValidator(_no_boolean)]

    def event(self) -> Event:
        return VolumeRequested(round(self.percent))


BODIES: dict[Topic, type[Body]] = {
    LISTEN: _ListenBody,
    STOP: _StopBody,
    MUTE: _MuteBody,
    SAY: _SayBody,
    TEXT: _TextBody,
    VOLUME: _VolumeBody,
}
"""Which object each command topic takes."""
