"""What is said on the topics: core commands to publications, incoming payloads to core events. Pure.

Whoever adds a field adds it to the example in topics.py too (a test compares the keys). Incoming payloads
are JSON objects, or the bare text that Home Assistant sends (ON, PRESS, 55, a sentence). They never raise:
what cannot be used becomes a BadCommand whose one line names the topic and what is wrong, and never
repeats what was sent (it may be what somebody said, or a secret in the wrong place).
"""

import json
import unicodedata
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from satellite.core.commands import (
    Command,
    PublishMute,
    PublishProblem,
    PublishState,
    PublishTranscript,
    PublishUsage,
    PublishVolume,
    PublishWake,
)
from satellite.core.events import Event, ListenRequested, MuteRequested, SayRequested, StopRequested, VolumeRequested
from satellite.mqtt.topics import (
    LISTEN,
    MUTE,
    MUTE_STATE,
    PROBLEM,
    SAY,
    STATE,
    STATE_ATTRIBUTES,
    STOP,
    TRANSCRIPT,
    USAGE,
    VOLUME,
    VOLUME_STATE,
    WAKE,
    Topic,
    TopicNames,
)

PARTS = ("link", "microphone", "speaker")
"""The parts a problem can be about (PublishProblem.part)."""

MAX_COMMAND_BYTES = 16_384
"""Longest payload of a command: 2000 characters of JSON, all of them escaped (6 bytes each), and some room."""

MAX_SAY_CHARACTERS = 2000
"""Longest text to be said; Home Assistant's notify has been seen to send that many."""

PUBLISHABLE: tuple[type[Command], ...] = (
    PublishState,
    PublishWake,
    PublishTranscript,
    PublishUsage,
    PublishProblem,
    PublishMute,
    PublishVolume,
)
"""The core commands that are carried out here."""


@dataclass(frozen=True, slots=True)
class Publication:
    """One message for the broker. The payload stays out of repr: it may hold what somebody said.

    While it still waits, a publication that is `replaceable` gives way to a newer one of the same `slot`:
    the state before the last one, the transcript that has grown since.
    """

    topic: str
    payload: bytes = field(repr=False)
    qos: int
    retain: bool
    slot: str = ""
    replaceable: bool = False


@dataclass(frozen=True, slots=True)
class BadCommand:
    """An incoming payload that cannot be used; `line` is fit for the log."""

    line: str


def publications(names: TopicNames, command: Command) -> tuple[Publication, ...]:
    """What a Publish* command puts on the broker, in order. TypeError for any other command."""
    match command:
        case PublishState():
            attributes = _json(conversation=command.conversation, turn=command.turn)
            return (
                publication(names, STATE, command.state.value),
                publication(names, STATE_ATTRIBUTES, attributes),
            )
        case PublishWake():
            source = "wake_word" if command.word else "request"
            score = round(command.score, 3)
            wake = _json(
                event_type="wake", source=source, word=command.word, score=score, conversation=command.conversation
            )
            return (publication(names, WAKE, wake),)
        case PublishTranscript():
            return (_transcript(names, command),)
        case PublishUsage():
            usage = _json(
                conversation=command.conversation,
                turn=command.turn,
                prompt_tokens=command.prompt_tokens,
                response_tokens=command.response_tokens,
                total_tokens=command.total_tokens,
            )
            return (publication(names, USAGE, usage),)
        case PublishProblem():
            problem = _json(problem=bool(command.text), text=command.text)
            return (publication(names, PROBLEM, problem, part=command.part),)
        case PublishMute():
            return (publication(names, MUTE_STATE, "ON" if command.muted else "OFF"),)
        case PublishVolume():
            return (publication(names, VOLUME_STATE, str(command.percent)),)
        case _:
            raise TypeError(f"{type(command).__name__} is not published on MQTT")


def publication(names: TopicNames, topic: Topic, payload: str, **fields: str) -> Publication:
    """`payload` on a topic of the table; only the newest of a retained one is worth sending."""
    name = names.full(topic, **fields)
    return Publication(name, _utf8(payload), topic.qos, topic.retained, slot=name, replaceable=topic.retained)


def _transcript(names: TopicNames, command: PublishTranscript) -> Publication:
    """One side of a turn so far; the final text replaces a running one that still waits and is never replaced."""
    name = names.full(TRANSCRIPT, speaker=command.speaker.value)
    payload = _json(conversation=command.conversation, turn=command.turn, final=command.final, text=command.text)
    return Publication(
        name,
        _utf8(payload),
        TRANSCRIPT.qos,
        TRANSCRIPT.retained,
        slot=f"{name} {command.conversation} {command.turn}",
        replaceable=not command.final,
    )


def _json(**values: object) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def _utf8(text: str) -> bytes:
    """UTF-8, whatever stands in a text from elsewhere: a lone surrogate becomes a question mark."""
    return text.encode("utf-8", "replace")


# ---------------------------------------------------------------- incoming


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


class _Body(BaseModel, ABC):
    """Base of the JSON objects on the command topics; each says how it is written and what it asks for."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, str_strip_whitespace=True)

    bare_key: ClassVar[str] = ""
    """The key that bare text stands for; none: bare text can only be PRESS."""

    expected: ClassVar[str] = "PRESS or {}"

    @abstractmethod
    def event(self) -> Event:
        """The core event this asks for."""


class _ListenBody(_Body):
    def event(self) -> Event:
        return ListenRequested()


class _StopBody(_Body):
    def event(self) -> Event:
        return StopRequested()


class _MuteBody(_Body):
    bare_key = "muted"
    expected = 'ON, OFF or {"muted": true or false}'

    muted: bool

    def event(self) -> Event:
        return MuteRequested(self.muted)


class _SayBody(_Body):
    bare_key = "text"
    expected = f'text or {{"text": "..."}} of 1 to {MAX_SAY_CHARACTERS} characters, none of them control characters'

    text: Annotated[str, Field(min_length=1, max_length=MAX_SAY_CHARACTERS), AfterValidator(_no_control_characters)]

    def event(self) -> Event:
        return SayRequested(self.text)


class _VolumeBody(_Body):
    bare_key = "percent"
    expected = 'a number from 0 to 100 or {"percent": the number}'

    percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False), BeforeValidator(_no_boolean)]

    def event(self) -> Event:
        return VolumeRequested(round(self.percent))


_BODIES: dict[Topic, type[_Body]] = {
    LISTEN: _ListenBody,
    STOP: _StopBody,
    MUTE: _MuteBody,
    SAY: _SayBody,
    VOLUME: _VolumeBody,
}


def decode(names: TopicNames, topic_name: str, payload: bytes) -> Event | BadCommand:
    """The event that a message on a command topic asks for, or what is wrong with it. Never raises."""
    topic = names.command(topic_name)
    if topic is None:
        return BadCommand(f"{_shortened(topic_name)}: not a command topic of this satellite")
    if not payload:  # also what clears a retained message: it must not fire
        return BadCommand(f"{topic_name}: empty, expected {_BODIES[topic].expected}")
    if len(payload) > MAX_COMMAND_BYTES:
        return BadCommand(f"{topic_name}: {len(payload)} bytes are too many, {MAX_COMMAND_BYTES} at most")
    body = _BODIES[topic]
    try:
        text = payload.decode("utf-8").strip()
    except UnicodeDecodeError:
        return BadCommand(f"{topic_name}: not UTF-8, expected {body.expected}")
    try:
        if text.startswith("{"):
            return body.model_validate_json(text).event()
        if body.bare_key:
            return body.model_validate({body.bare_key: text}).event()
    except ValidationError as invalid:
        return BadCommand(f"{topic_name}: {_what_is_wrong(body, invalid)}")
    if text.upper() == "PRESS":
        return body().event()
    return BadCommand(f"{topic_name}: expected {body.expected}")


def _what_is_wrong(body: type[_Body], invalid: ValidationError) -> str:
    """One line that names unknown keys, but no values."""
    errors = invalid.errors(include_input=False, include_url=False, include_context=False)
    unknown = [_shortened(str(error["loc"][0])) for error in errors if error["type"] == "extra_forbidden"]
    if unknown:
        known = ", ".join(body.model_fields) or "none"
        return f"unknown key {', '.join(unknown[:_NAMED_KEYS])} (known: {known})"
    if errors[0]["type"] == "json_invalid":
        return f"not valid JSON, expected {body.expected}"
    return f"expected {body.expected}"


_NAMED_KEYS = 5
"""Unknown keys named in one line."""


def _shortened(name: str) -> str:
    """A name that somebody else chose, quoted so that it stays on the line."""
    return repr(name if len(name) <= 40 else name[:40] + "...")
