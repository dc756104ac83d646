"""The decoder's order and its patience with anything; the encoder's frames."""

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from satellite.core.commands import PastTurn, Role
from satellite.core.events import (
    Event,
    GenerationCompleted,
    GoAwayReceived,
    Grounded,
    InputDrafted,
    InputTranscribed,
    OutputTranscribed,
    ReplyChunkReceived,
    ReplyInterrupted,
    ReplyTextReceived,
    ResumptionUpdated,
    SessionOpened,
    Source,
    ThoughtReceived,
    ToolCallReceived,
    ToolCallsCancelled,
    TurnCompleted,
    UsageReported,
    VoiceActivityReported,
    Word,
)
from satellite.core.usage import TokenCounts
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
            "groundingMetadata": {"webSearchQueries": ["q"]},
            "outputTranscription": {"text": "out"},
            "inputTranscription": {"text": "in"},
            "interimInputTranscription": {"text": "draft"},
            **model_turn({"text": "hm", "thought": True}, audio_part(b"\1\0"), {"text": "aside"}, audio_part(b"\2\0")),
            "interrupted": True,
        },
        "voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "0.440s"},
        "usageMetadata": {"promptTokenCount": 515, "responseTokenCount": 38, "totalTokenCount": 553},
        "sessionResumptionUpdate": {"newHandle": "h", "resumable": True},
        "setupComplete": {},
    }
    assert decode(bundled) == [
        SessionOpened(7),
        ReplyInterrupted(7),
        ResumptionUpdated(7, "h"),
        UsageReported(7, TokenCounts(prompt={"other": 515}, response={"other": 38}, total=553)),
        ReplyChunkReceived(7, b"\1\0\2\0"),
        ReplyTextReceived(7, "aside"),
        ThoughtReceived(7, "hm"),
        InputDrafted(7, "draft"),
        InputTranscribed(7, "in"),
        OutputTranscribed(7, "out"),
        Grounded(7, (), ("q",)),
        VoiceActivityReported(7, True, 440),
        GenerationCompleted(7),
        TurnCompleted(7),
        ToolCallReceived(7, "c", "f", '{"x_y": 1}'),
        ToolCallReceived(7, "d", "g", "{}"),
        ToolCallsCancelled(7, ("a", "b")),
        GoAwayReceived(7, 50_000),
    ]


def test_what_is_told_beside_the_words_of_both_sides() -> None:
    told = {
        "text": " hi you",
        "speakerLabel": "spk_2",
        "languageCode": "de-DE",
        "words": [
            {"word": "hi", "startOffset": "0.440s", "endOffset": "1.001s"},
            {"startOffset": "1.001s", "endOffset": "1.002s"},
            {"word": "you", "startOffset": "3s", "endOffset": "2s"},
        ],
    }
    words = (Word("hi", 440, 1001), Word("you", 3000, 3000))
    assert decode({"serverContent": {"inputTranscription": told, "outputTranscription": told}}) == [
        InputTranscribed(7, " hi you", words, "spk_2", "de-DE"),
        OutputTranscribed(7, " hi you", words, "spk_2", "de-DE"),
    ]


def test_instants_that_are_left_out_or_unreadable() -> None:
    decoder = Decoder(7)
    words = [
        {"word": "hi", "endOffset": "0.29s"},
        {"word": "you", "startOffset": "0.5s"},
        {"word": "x", "endOffset": "y"},
    ]
    (event,) = decoder.decode(json.dumps({"serverContent": {"inputTranscription": {"words": words}}}))
    assert event == InputTranscribed(7, "", (Word("hi", 0, 290), Word("you", 500, 500), Word("x", 0, 0)))
    assert decoder.unreadable == 1


def test_a_transcript_without_text_and_words_is_no_news() -> None:
    empty = {"languageCode": "en-US", "speakerLabel": "spk_1", "finished": True}
    assert decode({"serverContent": {"inputTranscription": empty, "outputTranscription": empty}}) == []


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
    assert decode({"serverContent": model_turn(*parts)}) == [ReplyChunkReceived(7, b"\2\0"), ThoughtReceived(7, "hm")]


def test_text_of_all_parts_is_one_piece_and_code_is_nobodys() -> None:
    parts = (
        {"text": "It is "},
        {"executableCode": {"language": "PYTHON", "code": "print(1)"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        {"text": "so", "thought": True},
        {"text": "noon."},
    )
    decoder = Decoder(7)
    events = decoder.decode(json.dumps({"serverContent": model_turn(*parts)}))
    assert events == [ReplyTextReceived(7, "It is noon."), ThoughtReceived(7, "so")]
    assert decoder.unreadable == decoder.unknown == 0


def test_sound_beside_the_news_that_it_is_cut_comes_after_that_news() -> None:
    events = decode(
        {"serverContent": model_turn(audio_part(b"\1\0\2"))},
        {"serverContent": {**model_turn(audio_part(b"\3\0")), "interrupted": True}},
    )
    assert events == [ReplyChunkReceived(7, b"\1\0"), ReplyInterrupted(7), ReplyChunkReceived(7, b"\3\0")]


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


def counted(**usage: Any) -> TokenCounts:
    (event,) = decode({"usageMetadata": usage})
    assert isinstance(event, UsageReported)
    return event.tokens


def test_tokens_by_modality_add_up_to_the_totals() -> None:
    tokens = counted(
        promptTokenCount=100,
        promptTokensDetails=[
            {"modality": "TEXT", "tokenCount": 10},
            {"modality": "AUDIO", "tokenCount": 60},
            {"modality": "TEXT", "tokenCount": 5},
            {"modality": "SMELL", "tokenCount": 3},
        ],
        responseTokenCount=38,
        responseTokensDetails=[{"modality": "AUDIO", "tokenCount": 38}],
        toolUsePromptTokenCount=4,
        thoughtsTokenCount=7,
        cachedContentTokenCount=9,
        totalTokenCount=149,
        trafficType="ON_DEMAND",
        serviceTier="standard",
    )
    assert tokens == TokenCounts(
        prompt={"text": 15, "audio": 60, "other": 25},
        response={"audio": 38},
        thoughts=7,
        tool_use=4,
        cached=9,
        total=149,
        traffic_type="ON_DEMAND",
    )


def test_vertex_names_of_token_counts() -> None:
    tokens = counted(
        promptTokenCount=1,
        candidatesTokenCount=2,
        candidatesTokensDetails=[{"modality": "AUDIO", "tokenCount": 2}],
        totalTokenCount="3",
    )
    assert tokens == TokenCounts(prompt={"other": 1}, response={"audio": 2}, total=3)


def test_no_count_is_negative() -> None:
    tokens = counted(
        promptTokenCount=-5, promptTokensDetails=[{"modality": "TEXT", "tokenCount": -2}], totalTokenCount=-1
    )
    assert tokens == TokenCounts()


@pytest.mark.parametrize(
    ("content", "completed"),
    [
        ({}, TurnCompleted(7)),
        ({"turnCompleteReason": "RESPONSE_REJECTED"}, TurnCompleted(7, reason="RESPONSE_REJECTED")),
        ({"turnCompleteReason": "TURN_COMPLETE_REASON_UNSPECIFIED"}, TurnCompleted(7)),
        ({"interactionStatus": "IN_PROGRESS"}, TurnCompleted(7, goes_on=True)),
        ({"interactionStatus": "IDLE"}, TurnCompleted(7)),
        ({"waitingForInput": True}, TurnCompleted(7, waits=True)),
    ],
)
def test_how_a_turn_ended(content: dict[str, Any], completed: TurnCompleted) -> None:
    assert decode({"serverContent": {**content, "turnComplete": True}}) == [completed]


def test_a_model_that_waits_may_say_so_before_its_turn_ends() -> None:
    waits = {"serverContent": {"waitingForInput": True}}
    end = {"serverContent": {"turnComplete": True}}
    assert decode(waits, end, end) == [TurnCompleted(7, waits=True), TurnCompleted(7)]
    spoken_on = decode(waits, {"serverContent": model_turn(audio_part(b"\1\0"))}, end)
    assert spoken_on[-1] == TurnCompleted(7)
    cut = decode(waits, {"serverContent": {"interrupted": True}}, end)
    assert cut[-1] == TurnCompleted(7)


def test_sources_are_named_once_and_only_with_an_address() -> None:
    grounding = {
        "groundingChunks": [
            {"web": {"uri": "https://a.example/1", "title": "a.example", "domain": "a.example"}},
            {"web": {"uri": "https://a.example/1", "title": "again"}},
            {"web": {"title": "no address"}},
            {"maps": {"uri": "https://maps.example/2", "title": "A place", "placeId": "p"}},
            {"image": {"sourceUri": "https://b.example"}},
        ],
        "groundingSupports": [{"segment": {"endIndex": 4}, "groundingChunkIndices": [0]}],
        "webSearchQueries": ["weather bern", "bern tomorrow"],
        "searchEntryPoint": {"renderedContent": "<div>", "sdkBlob": "AAAA"},
    }
    pages = {
        "urlMetadata": [
            {"retrievedUrl": "https://c.example/3", "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_SUCCESS"},
            {"retrievedUrl": "https://c.example/4", "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_ERROR"},
        ]
    }
    decoder = Decoder(7)
    content = {"groundingMetadata": grounding, "urlContextMetadata": pages}
    assert decoder.decode(json.dumps({"serverContent": content})) == [
        Grounded(
            7,
            (
                Source("a.example", "https://a.example/1"),
                Source("A place", "https://maps.example/2"),
                Source("", "https://c.example/3"),
            ),
            ("weather bern", "bern tomorrow"),
        )
    ]
    assert decoder.unknown == 0
    assert decode({"serverContent": {"groundingMetadata": {"groundingChunks": [{"web": {"title": "x"}}]}}}) == []


@pytest.mark.parametrize(
    ("message", "reported"),
    [
        ({"voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "12.5s"}}, (True, 12_500)),
        ({"voiceActivity": {"type": "ACTIVITY_END"}}, (False, 0)),
        ({"voiceActivityDetectionSignal": {"vadSignalType": "VAD_SIGNAL_TYPE_SOS"}}, (True, 0)),
        ({"voiceActivityDetectionSignal": {"vadSignalType": "VAD_SIGNAL_TYPE_EOS"}}, (False, 0)),
        ({"voiceActivity": {"type": "TYPE_UNSPECIFIED"}}, None),
        ({"voiceActivity": {"type": "ACTIVITY_HUM"}}, None),
    ],
)
def test_what_the_servers_own_detection_hears(message: dict[str, Any], reported: tuple[bool, int] | None) -> None:
    # LIVE_API 3: it was seen beside an empty serverContent.
    events = decode({**message, "serverContent": {}})
    assert events == ([] if reported is None else [VoiceActivityReported(7, *reported)])


def test_a_call_of_vertex_may_come_without_an_id() -> None:
    assert decode({"toolCall": {"functionCalls": [{"name": "f"}]}}) == [ToolCallReceived(7, "~1", "f", "{}")]


def test_binary_and_text_and_both_spellings_are_read() -> None:
    message = {"server_content": {"turn_complete": True}}
    assert (
        Decoder(7).decode(json.dumps(message).encode()) == Decoder(7).decode(json.dumps(message)) == [TurnCompleted(7)]
    )


NEWER: list[tuple[dict[str, Any], int]] = [
    ({"weather": "fine", "goAway": {"timeLeft": "1s", "because": {"of": "rain"}}}, 2),
    ({"serverContent": {"turnComplete": True, "turnCompleteReason": "NEVER_SEEN", "mood": {"level": 3}}}, 2),
    ({"serverContent": {"turnComplete": True, "interactionStatus": "DREAMING"}}, 1),
    ({"usageMetadata": {"totalTokenCount": 5, "promptTokensDetails": [{"modality": "SMELL", "tokenCount": 1}]}}, 1),
    ({"serverContent": {"inputTranscription": {"text": "a", "words": [{"word": "a", "accent": 1}, {"x": 2}]}}}, 2),
    ({"server_content": model_turn({"text": "a", "thought_signature": "AAAA"})}, 0),
    ({"toolCall": {"functionCalls": [{"id": "c", "name": "f", "args": {"anything": {"at": "all"}}, "why": 1}]}}, 1),
    ({"serverContent": {"outputTranscription": {"text": 'he said "data": "x"'}, "a": 1}}, 1),
    ({"toolCall": {"functionCalls": [{"id": "c", "name": "f", "args": {"data": 5, "x": "y"}, "why": 1}]}}, 1),
    ({"serverContent": {**model_turn({**audio_part(b"\1\0"), "loudness": 3}), "b": 1, "interactionStatus": "X"}}, 3),
    ({"serverContent": {**model_turn(audio_part(b"\1\0"), {**audio_part(b"\2\0"), "c": 1}), "b": "data"}}, 2),
]


@pytest.mark.parametrize(("message", "news"), NEWER)
@pytest.mark.parametrize("indent", [None, 2])
def test_what_a_newer_server_says_is_ignored_and_counted(
    message: dict[str, Any], news: int, indent: int | None
) -> None:
    decoder = Decoder(7)
    frame = json.dumps(message, indent=indent)
    events = decoder.decode(frame)
    assert events
    assert (decoder.unreadable, decoder.unknown) == (0, news)
    # Once more, as bytes: what is remembered of a stream's messages changes neither.
    assert decoder.decode(frame.encode()) == events
    assert (decoder.unreadable, decoder.unknown) == (0, 2 * news)


def test_news_beside_what_is_unreadable_are_counted_too() -> None:
    decoder = Decoder(7)
    assert decoder.decode('{"serverContent": {"turnComplete": true, "interrupted": "no", "mood": 1}}')
    assert (decoder.unreadable, decoder.unknown) == (1, 1)


def test_each_message_of_a_stream_is_looked_through_anew_where_it_differs() -> None:
    decoder = Decoder(7)

    def news(message: dict[str, Any]) -> int:
        before = decoder.unknown
        assert decoder.decode(json.dumps(message).encode())
        return decoder.unknown - before

    plain = {"serverContent": model_turn(audio_part(b"\1\0"))}
    longer = {"serverContent": model_turn(audio_part(b"\1\0" * 50))}
    newer = {"serverContent": {"a": 1, **model_turn(audio_part(b"\1\0"))}}
    two = {"serverContent": {**model_turn(audio_part(b"\1\0"), {**audio_part(b"\2\0"), "mood": 1})}}
    end = {"serverContent": {"turnComplete": True, "b": 1, "c": 2}}
    stream = [plain, longer, newer, newer, end, plain, two, longer, two, newer, end, plain]
    assert [news(message) for message in stream] == [0, 0, 1, 1, 2, 0, 1, 0, 1, 1, 2, 0]

    first_of_two = {"serverContent": model_turn({**audio_part(b"\1\0"), "mood": 1}, audio_part(b"\2\0"))}
    assert [news(message) for message in (plain, first_of_two, plain)] == [0, 1, 0]
    cut = {"serverContent": {**model_turn(audio_part(b"\1\0")), "interrupted": True}}
    odd = {"serverContent": {**model_turn(audio_part(b"\1\0")), "interwoven!": True}}
    assert [news(message) for message in (cut, odd, cut)] == [0, 1, 0]


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


@pytest.mark.parametrize("number", ["NaN", "1e999", "-Infinity"])
def test_a_call_with_numbers_that_are_none_is_left_out(number: str) -> None:
    decoder = Decoder(7)
    calls = f'[{{"name": "f", "args": {{"a": {number}}}}}, {{"name": "g"}}]'
    assert decoder.decode(f'{{"toolCall": {{"functionCalls": {calls}}}}}') == [ToolCallReceived(7, "~1", "g", "{}")]
    assert decoder.unreadable == 1


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


HISTORY = [PastTurn(Role.USER, "hello"), PastTurn(Role.MODEL, 'good "day"')]
TURNS = [
    {"role": "user", "parts": [{"text": "hello"}]},
    {"role": "model", "parts": [{"text": 'good "day"'}]},
]


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
            protocol.encode_picture(b"\xff\xd8"),
            {"realtimeInput": {"video": {"data": "/9g=", "mimeType": "image/jpeg"}}},
        ),
        (
            protocol.encode_history(HISTORY, as_initial_history=True),
            {"clientContent": {"turns": TURNS, "turnComplete": True}},
        ),
        (protocol.encode_history(HISTORY, as_initial_history=False), {"clientContent": {"turns": TURNS}}),
        (
            protocol.encode_content(HISTORY[:1], turn_complete=True),
            {"clientContent": {"turns": TURNS[:1], "turnComplete": True}},
        ),
        (protocol.encode_content([], turn_complete=True), {"clientContent": {"turnComplete": True}}),
        (
            protocol.encode_tool_response("1", "f", "{}", "WHEN_IDLE"),
            {
                "toolResponse": {
                    "functionResponses": [
                        {"id": "1", "name": "f", "response": {"output": {}}, "scheduling": "WHEN_IDLE"}
                    ]
                }
            },
        ),
        (
            protocol.encode_tool_response("1", "f", '{"a": "\\ud800"}'),
            {"toolResponse": {"functionResponses": [{"id": "1", "name": "f", "response": {"a": "?"}}]}},
        ),
        (protocol.encode_text("a\ud800", as_realtime_input=True), {"realtimeInput": {"text": "a?"}}),
        (
            protocol.encode_tool_response("1", "f", "not json"),
            {"toolResponse": {"functionResponses": [{"id": "1", "name": "f", "response": {"output": "not json"}}]}},
        ),
    ],
)
def test_messages_as_the_wire_wants_them(message: str, expected: dict[str, Any]) -> None:
    assert json.loads(message) == expected


def test_calls_that_come_without_an_id_are_told_apart_and_answered_without_one() -> None:
    """Vertex may leave it out (LIVE_API 3)."""
    calls = {"functionCalls": [{"name": "a", "args": {}}, {"name": "b", "args": {}}, {"id": "theirs", "name": "c"}]}
    events = [
        event for event in Decoder(1).decode(json.dumps({"toolCall": calls})) if isinstance(event, ToolCallReceived)
    ]
    assert len({event.call_id for event in events}) == 3
    assert events[2].call_id == "theirs"
    answers = [json.loads(protocol.encode_tool_response(event.call_id, event.name, "{}")) for event in events]
    assert ["id" in answer["toolResponse"]["functionResponses"][0] for answer in answers] == [False, False, True]
