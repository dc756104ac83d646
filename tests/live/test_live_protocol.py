"""The decoder's order and its patience with anything; the encoder's frames."""

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from satellite.core.events import (
    Event,
    GenerationCompleted,
    GoAwayReceived,
    InputTranscribed,
    OutputTranscribed,
    ReplyChunkReceived,
    ReplyInterrupted,
    ResumptionUpdated,
    SessionOpened,
    ToolCallReceived,
    ToolCallsCancelled,
    TurnCompleted,
    UsageReported,
)
from satellite.live import protocol
from satellite.live.client_messages import ClientMessage, RealtimeInput
from satellite.live.content import Blob
from satellite.live.protocol import Decoder

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""


def audio_part(data: bytes, mime_type: str = "audio/pcm;rate=24000", **more: Any) -> dict[str, Any]:
    return {"inlineData": {"mimeType": mime_type, "data": base64.b64encode(data).decode()}, **more}


def model_turn(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"modelTurn": {"role": "model", "parts": list(parts)}}


def decode(*messages: dict[str, Any]) -> list[Event]:
    decoder = Decoder(7)
    return [event for message in messages for event in decoder.decode(json.dumps(message))]


def test_bundled_message_is_put_in_the_fixed_order() -> None:
    bundled = {
        "goAway": {"timeLeft": "50s"},
        "toolCallCancellation": {"ids": ["a", "b"]},
        "toolCall": {"functionCalls": [{"id": "c", "name": "f", "args": {"x_y": 1}}, {"id": "d", "name": "g"}]},
        "serverContent": {
            "turnComplete": True,
            "generationComplete": True,
            "outputTranscription": {"text": "out"},
            "inputTranscription": {"text": "in"},
            **model_turn(audio_part(b"\1\0"), {"text": "aside"}, audio_part(b"\2\0")),
            "interrupted": True,
        },
        "usageMetadata": {"promptTokenCount": 515, "responseTokenCount": 38, "totalTokenCount": 553},
        "sessionResumptionUpdate": {"newHandle": "h", "resumable": True},
        "setupComplete": {},
    }
    assert decode(bundled) == [
        SessionOpened(7),
        ReplyInterrupted(7),
        ResumptionUpdated(7, "h"),
        UsageReported(7, 515, 38, 553),
        ReplyChunkReceived(7, b"\1\0\2\0"),
        InputTranscribed(7, "in"),
        OutputTranscribed(7, "out"),
        GenerationCompleted(7),
        TurnCompleted(7),
        ToolCallReceived(7, "c", "f", '{"x_y": 1}'),
        ToolCallReceived(7, "d", "g", "{}"),
        ToolCallsCancelled(7, ("a", "b")),
        GoAwayReceived(7, 50_000),
    ]


def test_a_session_opens_once() -> None:
    assert decode({"setupComplete": {}}, {"setupComplete": {"sessionId": "x"}}) == [SessionOpened(7)]


@PATIENT
@given(st.binary(max_size=60), st.lists(st.integers(1, 9), max_size=20))
def test_chunks_are_whole_samples_and_nothing_is_lost(sound: bytes, sizes: list[int]) -> None:
    decoder, chunks, start = Decoder(1), [], 0
    for size in [*sizes, len(sound)]:
        piece, start = sound[start : start + size], start + size
        for event in decoder.decode(json.dumps({"serverContent": model_turn(audio_part(piece))})):
            assert isinstance(event, ReplyChunkReceived)
            assert event.pcm
            assert len(event.pcm) % 2 == 0
            chunks.append(event.pcm)
    assert b"".join(chunks) == sound[: len(sound) // 2 * 2]


@pytest.mark.parametrize("end", ["interrupted", "turnComplete"])
def test_half_a_sample_does_not_outlive_its_reply(end: str) -> None:
    events = decode(
        {"serverContent": model_turn(audio_part(b"\1\0\2"))},
        {"serverContent": {end: True}},
        {"serverContent": model_turn(audio_part(b"\3\0"))},
    )
    assert [event.pcm for event in events if isinstance(event, ReplyChunkReceived)] == [b"\1\0", b"\3\0"]


def test_a_thought_is_not_played() -> None:
    parts = (audio_part(b"\1\0", thought=True), {"text": "hm", "thought": True}, audio_part(b"\2\0"))
    assert decode({"serverContent": model_turn(*parts)}) == [ReplyChunkReceived(7, b"\2\0")]


@pytest.mark.parametrize(
    ("mime_type", "played"),
    [
        ("audio/pcm;rate=24000", True),
        ("audio/pcm", True),
        ("audio/pcm; rate=24000", True),
        ("Audio/PCM;codec=x;rate=24000", True),
        ("audio/pcm;rate=16000", False),
        ("audio/mp3", False),
        ("image/png", False),
        ("", False),
    ],
)
def test_only_reply_audio_is_played(mime_type: str, played: bool) -> None:
    decoder = Decoder(7)
    events = decoder.decode(json.dumps({"serverContent": model_turn(audio_part(b"\1\0", mime_type))}))
    assert bool(events) is played
    assert decoder.unreadable == (not played)


@pytest.mark.parametrize(
    ("update", "handle"),
    [({"newHandle": "h", "resumable": True}, "h"), ({"newHandle": "h"}, None), ({"resumable": True}, None), ({}, None)],
)
def test_a_handle_counts_only_while_resumable(update: dict[str, Any], handle: str | None) -> None:
    assert decode({"sessionResumptionUpdate": update}) == [ResumptionUpdated(7, handle)]


@pytest.mark.parametrize(
    ("time_left", "ms"), [("12.500s", 12_500), ("50s", 50_000), ("0s", 0), ("soon", 0), ("-3s", 0), ("1e999s", 0)]
)
def test_go_away_tells_milliseconds(time_left: str, ms: int) -> None:
    assert decode({"goAway": {"timeLeft": time_left}}) == [GoAwayReceived(7, ms)]


def test_vertex_names_of_token_counts() -> None:
    counts = {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": "3"}
    assert decode({"usageMetadata": counts}) == [UsageReported(7, 1, 2, 3)]


def test_binary_and_text_and_both_spellings_are_read() -> None:
    message = {"server_content": {"turn_complete": True}}
    assert (
        Decoder(7).decode(json.dumps(message).encode()) == Decoder(7).decode(json.dumps(message)) == [TurnCompleted(7)]
    )


def test_what_a_newer_server_says_is_ignored() -> None:
    message = {
        "serverContent": {
            "turnComplete": True,
            "turnCompleteReason": "NEVER_SEEN",
            "mood": {"level": 3},
            "interactionStatus": "DREAMING",
        },
        "usageMetadata": {"totalTokenCount": 5, "promptTokensDetails": [{"modality": "SMELL", "tokenCount": 1}]},
        "weather": "fine",
    }
    decoder = Decoder(7)
    assert decoder.decode(json.dumps(message)) == [UsageReported(7, 0, 0, 5), TurnCompleted(7)]
    assert decoder.unreadable == 0


@pytest.mark.parametrize(
    "broken",
    [
        {"usageMetadata": {"totalTokenCount": "many"}},
        {"usageMetadata": 3},
        {"goAway": [1]},
        {"toolCall": {"functionCalls": [{"id": "no name"}, 4]}},
        {"toolCallCancellation": {"ids": "x"}},
        {"serverContent": {"outputTranscription": {"text": 5}, "interrupted": None}},
        {"serverContent": {**model_turn({"inlineData": {"data": "!", "mimeType": "audio/pcm"}}, {"text": 3})}},
    ],
)
def test_an_unreadable_member_does_not_take_the_others_along(broken: dict[str, Any]) -> None:
    sound = model_turn(audio_part(b"\1\0"), *broken.get("serverContent", {}).get("modelTurn", {}).get("parts", ()))
    content = {**broken.get("serverContent", {}), **sound, "turnComplete": True}
    decoder = Decoder(7)
    events = decoder.decode(json.dumps({**broken, "serverContent": content}))
    assert ReplyChunkReceived(7, b"\1\0") in events
    assert TurnCompleted(7) in events
    assert decoder.unreadable >= 1


def test_a_call_without_a_name_does_not_take_the_others_along() -> None:
    calls = [{"id": "a", "name": "f"}, {"id": "b"}, {"id": "c", "name": "g"}]
    assert decode({"toolCall": {"functionCalls": calls}}) == [
        ToolCallReceived(7, "a", "f", "{}"),
        ToolCallReceived(7, "c", "g", "{}"),
    ]


@pytest.mark.parametrize("message", [b"", b"\xff\x00", "nonsense", "[]", "3", '{"setupComplete": {}', "[" * 100_000])
def test_garbage_is_counted(message: str | bytes) -> None:
    decoder = Decoder(7)
    assert decoder.decode(message) == []
    assert decoder.unreadable == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = [
    *(
        "setupComplete",
        "serverContent",
        "toolCall",
        "functionCalls",
        "args",
        "name",
        "modelTurn",
        "parts",
        "inlineData",
    ),
    *("data", "mimeType", "interrupted", "turnComplete", "outputTranscription", "text", "goAway", "timeLeft", "ids"),
    *("usageMetadata", "totalTokenCount", "sessionResumptionUpdate", "newHandle", "toolCallCancellation"),
]
SERVER_LIKE = st.recursive(
    JSON,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=5),
    max_leaves=20,
)


@PATIENT
@given(SERVER_LIKE)
def test_no_message_raises(message: Any) -> None:
    for event in Decoder(7).decode(json.dumps(message)):
        assert isinstance(event, Event)


@PATIENT
@given(st.binary(max_size=200))
def test_no_bytes_raise(message: bytes) -> None:
    Decoder(7).decode(message)


def test_a_monstrous_number_does_not_raise() -> None:
    decoder = Decoder(7)
    assert (
        decoder.decode(f'{{"toolCall": {{"functionCalls": [{{"name": "f", "args": {{"n": {"9" * 5000}}}}}]}}}}') == []
    )
    assert decoder.unreadable == 1


@PATIENT
@given(st.binary(max_size=2000))
def test_audio_template_is_the_models_json(sound: bytes) -> None:
    blob = Blob(data=sound, mime_type="audio/pcm;rate=16000")
    expected = {"realtimeInput": {"audio": {"data": base64.b64encode(sound).decode(), "mimeType": blob.mime_type}}}
    assert json.loads(protocol.encode_audio(sound)) == expected
    if sound:  # an empty blob has no data member in the model's rendering
        assert protocol.encode_audio(sound) == ClientMessage(realtime_input=RealtimeInput(audio=blob)).to_json()


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (protocol.encode_activity_start(), {"realtimeInput": {"activityStart": {}}}),
        (protocol.encode_activity_end(), {"realtimeInput": {"activityEnd": {}}}),
        (protocol.encode_audio_stream_end(), {"realtimeInput": {"audioStreamEnd": True}}),
        (protocol.encode_text("hé", as_realtime_input=True), {"realtimeInput": {"text": "hé"}}),
        (
            protocol.encode_text("hé", as_realtime_input=False),
            {"clientContent": {"turns": [{"role": "user", "parts": [{"text": "hé"}]}], "turnComplete": True}},
        ),
        (
            protocol.encode_tool_response("1", "f", '{"output": {"a_b": null}}'),
            {"toolResponse": {"functionResponses": [{"id": "1", "name": "f", "response": {"output": {"a_b": None}}}]}},
        ),
        (
            protocol.encode_tool_response("1", "f", "[1]"),
            {"toolResponse": {"functionResponses": [{"id": "1", "name": "f", "response": {"output": [1]}}]}},
        ),
        (
            protocol.encode_tool_response("1", "f", "not json"),
            {"toolResponse": {"functionResponses": [{"id": "1", "name": "f", "response": {"output": "not json"}}]}},
        ),
    ],
)
def test_messages_as_the_wire_wants_them(message: str, expected: dict[str, Any]) -> None:
    assert json.loads(message) == expected
