"""100,000 damaged frames in each direction, always the same ones: nothing raises, nothing grows, events are sound."""

import json
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from live.wire_corpus import client_frames, mutate, server_frames
from satellite.core.events import (
    Event,
    GenerationCompleted,
    GoAwayReceived,
    Grounded,
    InputDrafted,
    InputTranscribed,
    LinkEvent,
    OutputTranscribed,
    ReplyChunkReceived,
    ReplyInterrupted,
    ReplyTextReceived,
    ResumptionUpdated,
    SessionOpened,
    ThoughtReceived,
    ToolCallReceived,
    ToolCallsCancelled,
    TurnCompleted,
    UsageReported,
    VoiceActivityReported,
)
from satellite.live.messages import ClientMessage, Dialect, PayloadRefused, parse_client_message
from satellite.live.models import ALPHA, VERTEX
from satellite.live.protocol import Decoder

FRAMES = 100_000
TRACED = 4_000
"""Frames whose memory is watched: tracing costs four times the run itself."""

GROWTH_BYTES = 200_000
"""Of a reader that keeps nothing: caches that fill late, and what the tracing itself finds."""

SEED = 20261123
DIALECTS = (None, Dialect(), Dialect(version=ALPHA), Dialect(VERTEX, "v1beta1"))
MODALITIES = {"text", "audio", "image", "video", "document", "other"}


def damaged(frames: list[bytes], random: Random, count: int) -> Iterator[bytes]:
    for number in range(count):
        yield mutate(frames[number % len(frames)], random)


def is_sound(text: object) -> bool:
    """Text that is not empty and that UTF-8 can hold."""
    return isinstance(text, str) and text != "" and bool(text.encode())


def is_bare(event: Event) -> bool:
    return isinstance(event, LinkEvent)


def is_transcript(event: Any) -> bool:
    """What is told of words, of who spoke and in which language may come without the text."""
    timed = all(is_sound(word.text) and 0 <= word.start_ms <= word.end_ms for word in event.words)
    return timed and (is_sound(event.text) or bool(event.words or event.speaker or event.language))


CHECKS: dict[type[Event], Callable[..., bool]] = {
    SessionOpened: is_bare,
    ReplyInterrupted: is_bare,
    GenerationCompleted: is_bare,
    ReplyChunkReceived: lambda event: type(event.pcm) is bytes and len(event.pcm) > 0 and len(event.pcm) % 2 == 0,
    ReplyTextReceived: lambda event: is_sound(event.text),
    ThoughtReceived: lambda event: is_sound(event.text),
    InputDrafted: lambda event: is_sound(event.text),
    InputTranscribed: lambda event: is_transcript(event),
    OutputTranscribed: lambda event: is_transcript(event),
    ResumptionUpdated: lambda event: event.handle is None or is_sound(event.handle),
    GoAwayReceived: lambda event: type(event.time_left_ms) is int and event.time_left_ms >= 0,
    VoiceActivityReported: lambda event: type(event.active) is bool and event.offset_ms >= 0,
    TurnCompleted: lambda event: {type(event.goes_on), type(event.waits)} == {bool} and isinstance(event.reason, str),
    ToolCallReceived: lambda event: (
        isinstance(event.call_id, str) and is_sound(event.name) and type(json.loads(event.arguments)) is dict
    ),
    ToolCallsCancelled: lambda event: len(event.call_ids) > 0 and all(isinstance(one, str) for one in event.call_ids),
    Grounded: lambda event: (
        len(event.sources) + len(event.searches) > 0
        and all(is_sound(source.uri) and isinstance(source.title, str) for source in event.sources)
        and all(isinstance(search, str) for search in event.searches)
    ),
    UsageReported: lambda event: (
        all(
            name in MODALITIES and type(count) is int and count > 0
            for name, count in [*event.tokens.prompt.items(), *event.tokens.response.items()]
        )
        and min(event.tokens.total, event.tokens.thoughts, event.tokens.cached, event.tokens.tool_use) >= 0
    ),
}


def growth_bytes(read: Callable[[bytes], object], frames: list[bytes], random: Random) -> int:
    """What is held after reading TRACED frames that was not held before."""
    tracemalloc.start()
    try:
        for frame in damaged(frames, random, TRACED // 4):
            read(frame)
        before, _ = tracemalloc.get_traced_memory()
        for frame in damaged(frames, random, TRACED):
            read(frame)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return after - before


def test_no_damaged_server_frame_harms_the_decoder() -> None:
    random = Random(SEED)
    decoder = Decoder(7)
    seen: Counter[type[Event]] = Counter()
    for number, frame in enumerate(damaged(server_frames(), random, FRAMES)):
        if number % 1000 == 0:
            unreadable, unknown = decoder.unreadable, decoder.unknown
            assert number == 0 or (unreadable > 0 and unknown > 0)
            decoder = Decoder(7)
        for event in decoder.decode(frame if number % 2 else frame.decode(errors="replace")):
            assert isinstance(event, LinkEvent)
            assert event.session == 7
            assert CHECKS[type(event)](event), (event, frame)
            seen[type(event)] += 1
    assert min(seen[kind] for kind in CHECKS) > 90  # SessionOpened: once for each decoder
    assert growth_bytes(Decoder(7).decode, server_frames(), random) < GROWTH_BYTES


def refusal(frame: bytes | str, dialect: Dialect | None) -> str | None:
    """Why the frame is refused; None when it is taken."""
    try:
        message = parse_client_message(frame, dialect=dialect)
    except PayloadRefused as refused:
        return refused.reason
    assert isinstance(message, ClientMessage)
    message.to_json().encode()  # what was taken can be written
    return None


def test_no_damaged_client_frame_harms_the_parser() -> None:
    random = Random(SEED)
    reasons: Counter[str] = Counter()

    def read(frame: bytes | str, dialect: Dialect | None = None) -> None:
        reason = refusal(frame, dialect)
        assert reason is None or (is_sound(reason) and len(reason) <= 500)
        reasons["taken" if reason is None else reason[:20]] += 1

    for number, frame in enumerate(damaged(client_frames(), random, FRAMES)):
        read(frame if number % 2 else frame.decode(errors="replace"), DIALECTS[number % len(DIALECTS)])
    assert reasons["taken"] > FRAMES // 10
    assert sum(reasons.values()) - reasons["taken"] > FRAMES // 10
    assert growth_bytes(read, client_frames(), random) < GROWTH_BYTES


@pytest.mark.parametrize("frame", client_frames())
def test_the_corpus_is_what_google_takes(frame: bytes) -> None:
    parse_client_message(frame)


@pytest.mark.parametrize("frame", server_frames())
def test_the_corpus_holds_nothing_new(frame: bytes) -> None:
    decoder = Decoder(7)
    decoder.decode(frame)
    assert (decoder.unreadable, decoder.unknown) == (0, 0)


def test_damage_is_the_same_each_time() -> None:
    frames = server_frames()
    assert list(damaged(frames, Random(3), 200)) == list(damaged(frames, Random(3), 200))
    assert sum(mutate(frame, Random(5)) != frame for frame in frames) > len(frames) // 2
