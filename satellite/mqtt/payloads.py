"""What is said on the topics: core commands to publications, incoming payloads to core events. Pure.

Whoever adds a field adds it to the example in topics.py too (a test compares the keys). Incoming payloads
are JSON objects, or the bare text that Home Assistant sends (ON, PRESS, 55, a sentence). They never raise:
what cannot be used becomes a BadCommand whose one line names the topic and what is wrong, and never
repeats what was sent (it may be what somebody said, or a secret in the wrong place).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from satellite.core.commands import (
    Command,
    PublishDay,
    PublishMute,
    PublishProblem,
    PublishSources,
    PublishStall,
    PublishState,
    PublishThought,
    PublishTranscript,
    PublishUsage,
    PublishVoiceActivity,
    PublishVolume,
    PublishWake,
)
from satellite.core.events import Event
from satellite.core.usage import DayUsage, TokenCounts, by_modality, tokens_of
from satellite.mqtt.bodies import BODIES, Body
from satellite.mqtt.topics import (
    MUTE_STATE,
    PROBLEM,
    SOURCES,
    STALL,
    STATE,
    STATE_ATTRIBUTES,
    THOUGHT,
    TRANSCRIPT,
    USAGE,
    USAGE_DAY,
    VOICE_ACTIVITY,
    VOLUME_STATE,
    WAKE,
    Topic,
    TopicNames,
)

PARTS = ("link", "microphone", "speaker", "camera", "budget")
"""The parts a problem can be about (PublishProblem.part)."""

MAX_COMMAND_BYTES = 16_384
"""Longest payload of a command: 2000 characters of JSON, all of them escaped (6 bytes each), and some room."""

PUBLISHABLE: tuple[type[Command], ...] = (
    PublishState,
    PublishWake,
    PublishTranscript,
    PublishUsage,
    PublishDay,
    PublishStall,
    PublishSources,
    PublishThought,
    PublishVoiceActivity,
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
            return (publication(names, USAGE, _usage(command)),)
        case PublishDay(usage=day):
            return (publication(names, USAGE_DAY, _day(day)),)
        case PublishStall():
            stall = _json(
                event_type="stall",
                cause=command.cause.value,
                retried=command.retried,
                count=command.count,
                conversation=command.conversation,
                turn=command.turn,
            )
            return (publication(names, STALL, stall),)
        case PublishSources():
            found = [{"title": source.title, "uri": source.uri} for source in command.sources]
            sources = _json(
                conversation=command.conversation, turn=command.turn, sources=found, searches=list(command.searches)
            )
            return (publication(names, SOURCES, sources),)
        case PublishThought():
            thought = _json(conversation=command.conversation, turn=command.turn, text=command.text)
            return (publication(names, THOUGHT, thought),)
        case PublishVoiceActivity():
            activity = _json(
                event_type="voice_started" if command.active else "voice_ended",
                active=command.active,
                offset_ms=command.offset_ms,
                conversation=command.conversation,
            )
            return (publication(names, VOICE_ACTIVITY, activity),)
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
    payload = _json(
        conversation=command.conversation,
        turn=command.turn,
        final=command.final,
        text=command.text,
        **(_told_beside(command) if command.final else {}),
    )
    return Publication(
        name,
        _utf8(payload),
        TRANSCRIPT.qos,
        TRANSCRIPT.retained,
        slot=f"{name} {command.conversation} {command.turn}",
        replaceable=not command.final,
    )


def _told_beside(command: PublishTranscript) -> Mapping[str, object]:
    """What the server has told about the words; nothing where it has told nothing."""
    told: dict[str, object] = {}
    if command.words:
        told["words"] = [
            {"text": word.text, "start_ms": word.start_ms, "end_ms": word.end_ms} for word in command.words
        ]
    if command.speakers:
        told["speakers"] = list(command.speakers)
    if command.language:
        told["language"] = command.language
    return told


def _usage(command: PublishUsage) -> str:
    """The turn as it happened."""
    tokens, day = command.tokens, command.day
    return _json(
        conversation=command.conversation,
        turn=command.turn,
        prompt_tokens=sum(tokens.prompt.values()),
        response_tokens=sum(tokens.response.values()),
        **_hidden(tokens),
        total_tokens=tokens_of(tokens),
        **_modalities(tokens),
        traffic_type=tokens.traffic_type,
        cost=command.cost,
        currency=day.currency,
        session_tokens=tokens_of(command.session),
        session_cost=command.session_cost,
        session={**_modalities(command.session), **_hidden(command.session)},
        day_tokens=day.tokens,
        day_cost=day.cost,
    )


def _day(day: DayUsage) -> str:
    return _json(
        day=day.day,
        tokens=day.tokens,
        cost=day.cost,
        currency=day.currency,
        warned=day.warned,
        **_modalities(day.counts),
        **_hidden(day.counts),
    )


def _modalities(tokens: TokenCounts) -> Mapping[str, object]:
    """All of them, those that are 0 as well: a template can rely on each."""
    return {
        "prompt_by_modality": by_modality(tokens.prompt),
        "response_by_modality": by_modality(tokens.response),
    }


def _hidden(tokens: TokenCounts) -> Mapping[str, object]:
    """What is neither said nor heard."""
    return {
        "thoughts_tokens": tokens.thoughts,
        "tool_use_tokens": tokens.tool_use,
        "cached_tokens": tokens.cached,
    }


def _json(**values: object) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def _utf8(text: str) -> bytes:
    """UTF-8, whatever stands in a text from elsewhere: a lone surrogate becomes a question mark."""
    return text.encode("utf-8", "replace")


# ---------------------------------------------------------------- incoming


def decode(names: TopicNames, topic_name: str, payload: bytes) -> Event | BadCommand:
    """The event that a message on a command topic asks for, or what is wrong with it. Never raises."""
    topic = names.command(topic_name)
    if topic is None:
        return BadCommand(f"{_shortened(topic_name)}: not a command topic of this satellite")
    if not payload:  # also what clears a retained message: it must not fire
        return BadCommand(f"{topic_name}: empty, expected {BODIES[topic].expected}")
    if len(payload) > MAX_COMMAND_BYTES:
        return BadCommand(f"{topic_name}: {len(payload)} bytes are too many, {MAX_COMMAND_BYTES} at most")
    body = BODIES[topic]
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


def _what_is_wrong(body: type[Body], invalid: ValidationError) -> str:
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
