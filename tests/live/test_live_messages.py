"""The messages: what the server's side takes and refuses (LIVE_API.md 2.0), and how both sides write."""

import base64
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from satellite.live.messages import (
    Blob,
    ClientMessage,
    Content,
    ContextWindowCompressionConfig,
    Dialect,
    Modality,
    ModalityTokenCount,
    Part,
    PayloadRefused,
    RealtimeInput,
    ServerContent,
    ServerMessage,
    SessionResumptionUpdate,
    Setup,
    SetupComplete,
    UsageMetadata,
    decode_base64,
    encode_base64,
    parse_client_message,
    render_server_message,
)
from satellite.live.models import ALPHA, VERTEX

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""


DEVELOPER = Dialect()
DEVELOPER_ALPHA = Dialect(version=ALPHA)
VERTEX_AI = Dialect(VERTEX, "v1beta1")


def refusal(message: str | bytes, dialect: Dialect | None = None) -> str:
    with pytest.raises(PayloadRefused) as refused:
        parse_client_message(message, dialect=dialect)
    return refused.value.reason


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (
            '{"setup": {"x": 1}}',
            "Invalid JSON payload received. Unknown name \"x\" at 'setup': Cannot find field.",
        ),
        (
            '{"setup": {"generationConfig": {"responseMimeTypo": "a"}}}',
            "Invalid JSON payload received. Unknown name \"responseMimeTypo\" at 'setup.generation_config': "
            "Cannot find field.",
        ),
        (
            '{"clientContent": {"turns": [{"parts": [{"text": "a"}, {"txt": "b"}]}]}}',
            "Invalid JSON payload received. Unknown name \"txt\" at 'client_content.turns[0].parts[1]': "
            "Cannot find field.",
        ),
        ('{"hello": {}}', 'Invalid JSON payload received. Unknown name "hello": Cannot find field.'),
        (
            '{"setup": {"generationConfig": {"audioTimestamp": true}}}',
            "Invalid JSON payload received. Unknown name \"audioTimestamp\" at 'setup.generation_config': "
            "Cannot find field.",
        ),
        (
            '{"setup": {"tools": [{"functionDeclarations": [{"parameters": {"additionalProperties": false}}]}]}}',
            'Invalid JSON payload received. Unknown name "additionalProperties" at '
            "'setup.tools[0].function_declarations[0].parameters': Cannot find field.",
        ),
    ],
)
def test_unknown_name_is_refused_in_googles_words(message: str, reason: str) -> None:
    assert refusal(message) == reason


@pytest.mark.parametrize("message", ["", "{", "[]", "3", "null", '"setup"', b"\xff\xfe", "[" * 100_000])
def test_what_is_no_message_is_refused(message: str | bytes) -> None:
    assert refusal(message).startswith("Invalid JSON payload received.")


def test_two_members_are_refused_and_null_ones_ignored() -> None:
    assert "oneof" in refusal('{"setup": {}, "realtimeInput": {}}')
    assert parse_client_message('{"setup": {}, "realtimeInput": null, "client_content": null}').setup is not None


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (
            '{"clientContent": {}, "client_content": {}}',
            "Invalid value (oneof), oneof field 'message_type' is already set. Cannot set 'clientContent'",
        ),
        (
            '{"clientContent": {"turns": [{"parts": [{"text": "a", "inlineData": {}}]}]}}',
            "Invalid value at 'client_content.turns[0].parts[0]' (oneof), oneof field 'data' is already set. "
            "Cannot set 'inlineData'",
        ),
    ],
)
def test_a_oneof_has_one_member(message: str, reason: str) -> None:
    assert refusal(message) == reason
    assert parse_client_message('{"clientContent": {"turns": [{"parts": [{"text": "a", "inlineData": null}]}]}}')


def test_fields_of_real_time_input_may_come_together() -> None:
    parsed = parse_client_message('{"realtimeInput": {"audioStreamEnd": true, "text": "a", "mediaResolution": 1}}')
    assert parsed.realtime_input is not None
    assert (parsed.realtime_input.text, parsed.realtime_input.audio_stream_end) == ("a", True)


def nested(depth: int) -> str:
    """A message of `depth` objects and lists within one another."""
    inner = depth - 5  # around it: the message, toolResponse, the list, the answer, its response
    return f'{{"toolResponse": {{"functionResponses": [{{"response": {{"a": {"[" * inner}{"]" * inner}}}}}]}}}}'


def test_messages_are_as_deep_as_protobuf_lets_them_be() -> None:
    assert parse_client_message(nested(100)).tool_response is not None
    assert refusal(nested(101)) == "Invalid JSON payload received. Message too deep. Max recursion depth reached."
    schema = '{"items": ' * 120 + "{}" + "}" * 120
    assert "too deep" in refusal(
        f'{{"setup": {{"tools": [{{"functionDeclarations": [{{"parameters": {schema}}}]}}]}}}}'
    )


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "Infinity", "1e999", '"\\ud800"', "[NaN]"])
def test_what_no_struct_can_hold_is_refused(text: str) -> None:
    refusal(f'{{"toolResponse": {{"functionResponses": [{{"response": {{"a": {text}}}}}]}}}}')


def test_a_bare_nan_is_no_json() -> None:
    assert refusal('{"setup": {"generationConfig": {"temperature": NaN}}}') == (
        "Invalid JSON payload received. Unexpected token."
    )


def test_a_refusal_can_be_sent_whatever_it_is_about() -> None:
    for name in ("\ud800", "x" * 100_000):
        reason = refusal(json.dumps({"setup": {name: 1}}))
        assert 0 < len(reason.encode()) <= 1000


EVERYWHERE = (DEVELOPER, DEVELOPER_ALPHA, VERTEX_AI)


@pytest.mark.parametrize(
    ("setup", "known_to"),
    [
        ({"sessionResumption": {"transparent": True}}, [VERTEX_AI]),
        ({"session_resumption": {"transparent": False}}, [VERTEX_AI]),
        ({"explicitVadSignal": True}, [VERTEX_AI]),
        ({"safetySettings": [{"method": "SEVERITY"}]}, [VERTEX_AI]),
        ({"tools": [{"enterpriseWebSearch": {}}]}, [VERTEX_AI]),
        ({"tools": [{"googleSearch": {"excludeDomains": ["a"]}}]}, [VERTEX_AI]),
        ({"tools": [{"retrieval": {}}]}, [VERTEX_AI]),
        ({"tools": [{"fileSearch": {}}]}, [DEVELOPER, DEVELOPER_ALPHA]),
        ({"tools": [{"mcpServers": []}]}, [DEVELOPER, DEVELOPER_ALPHA]),
        ({"generationConfig": {"enableAffectiveDialog": True}}, [DEVELOPER_ALPHA, VERTEX_AI]),
        ({"proactivity": {"proactiveAudio": True}}, EVERYWHERE),
        ({"sessionResumption": {"handle": "h"}}, EVERYWHERE),
        ({"tools": [{"googleSearch": {}, "codeExecution": {}, "urlContext": {}, "googleMaps": {}}]}, EVERYWHERE),
        ({"generationConfig": {"translationConfig": {}, "speechConfig": {"multiSpeakerVoiceConfig": {}}}}, EVERYWHERE),
    ],
)
@pytest.mark.parametrize("dialect", EVERYWHERE)
def test_a_field_of_another_backend_is_an_unknown_name(
    setup: dict[str, object], known_to: list[Dialect], dialect: Dialect
) -> None:
    message = json.dumps({"setup": setup})
    assert parse_client_message(message).setup is not None
    if dialect in known_to:
        assert parse_client_message(message, dialect=dialect).setup is not None
    else:
        assert refusal(message, dialect).startswith("Invalid JSON payload received. Unknown name ")


def test_the_developer_api_says_that_it_does_not_know_transparent() -> None:
    assert refusal('{"setup": {"sessionResumption": {"transparent": true}}}', DEVELOPER) == (
        "Invalid JSON payload received. Unknown name \"transparent\" at 'setup.session_resumption': Cannot find field."
    )


def test_vertex_knows_no_continued_answers_and_developers_no_names_of_blobs() -> None:
    answer = '{"toolResponse": {"functionResponses": [{"name": "f", "willContinue": true}]}}'
    assert 'Unknown name "willContinue"' in refusal(answer, VERTEX_AI)
    assert parse_client_message(answer, dialect=DEVELOPER).tool_response is not None
    blob = '{"realtimeInput": {"video": {"displayName": "a"}}}'
    assert 'Unknown name "displayName"' in refusal(blob, DEVELOPER)
    assert parse_client_message(blob, dialect=VERTEX_AI).realtime_input is not None


def test_an_int64_is_written_as_text() -> None:
    compression = ContextWindowCompressionConfig(trigger_tokens=16_000)
    assert json.loads(ClientMessage(setup=Setup(context_window_compression=compression)).to_json()) == {
        "setup": {"contextWindowCompression": {"triggerTokens": "16000"}}
    }
    update = ServerMessage(session_resumption_update=SessionResumptionUpdate(last_consumed_client_message_index=2**53))
    assert json.loads(render_server_message(update)) == {
        "sessionResumptionUpdate": {"lastConsumedClientMessageIndex": str(2**53)}
    }


def test_both_spellings_at_any_level_and_the_last_one_wins() -> None:
    parsed = parse_client_message(
        '{"setup": {"generation_config": {"responseModalities": ["AUDIO"], "speech_config":'
        ' {"voiceConfig": {"prebuilt_voice_config": {"voice_name": "Puck", "voiceName": "Aoede"}}}}}}'
    )
    assert parsed.setup is not None
    config = parsed.setup.generation_config
    assert config is not None
    assert config.speech_config is not None
    assert config.speech_config.voice_config is not None
    assert config.speech_config.voice_config.prebuilt_voice_config is not None
    assert config.response_modalities == [Modality.AUDIO]
    assert config.speech_config.voice_config.prebuilt_voice_config.voice_name == "Aoede"


def test_keys_of_the_users_own_are_not_respelt() -> None:
    schema = {"type": "object", "properties": {"room_name": {"type": "string"}}, "additionalProperties": False}
    tools = [{"function_declarations": [{"name": "f", "parameters_json_schema": schema}]}]
    parsed = parse_client_message(json.dumps({"setup": {"tools": tools}}))
    assert parsed.setup is not None
    assert parsed.setup.tools[0].function_declarations[0].parameters_json_schema == schema


@pytest.mark.parametrize(
    ("config", "accepted"),
    [
        ({"seed": "20"}, True),
        ({"maxOutputTokens": 100.0}, True),
        ({"temperature": "0.5"}, True),
        ({"seed": 1.5}, False),
        ({"seed": "1e2"}, True),
        ({"seed": " 20"}, False),
        ({"seed": ""}, False),
        ({"seed": True}, False),
        ({"seed": 2**31}, False),
        ({"seed": -(2**31)}, True),
        ({"seed": "9" * 400}, False),
        ({"seed": {}}, False),
        ({"temperature": 1e39}, False),
        ({"temperature": 10**400}, False),
        ({"temperature": "1e400"}, False),
        ({"temperature": "nan"}, False),
        ({"temperature": "-Infinity"}, True),
        ({"temperature": "warm"}, False),
        ({"responseModalities": [3.0]}, True),
        ({"responseModalities": [9]}, False),
        ({"responseModalities": [-1]}, False),
        ({"responseModalities": [True]}, False),
        ({"responseModalities": [None]}, False),
        ({"responseModalities": {}}, False),
        ({"speechConfig": {"languageCode": 5}}, False),
        ({"speechConfig": {"languageCode": "\ud800"}}, False),
        ({"speechConfig": {"voiceConfig": {"replicatedVoiceConfig": {"consentAudio": 5}}}}, False),
        ({"enableAffectiveDialog": 1}, False),
        ({"responseModalities": [3]}, True),
        ({"responseModalities": ["audio"]}, False),
        ({"responseModalities": "AUDIO"}, False),
        ({"enableAffectiveDialog": "true"}, False),
        ({"enableAffectiveDialog": True}, True),
        ({"speechConfig": 5}, False),
    ],
)
def test_values_are_taken_as_googles_parser_takes_them(config: dict[str, object], accepted: bool) -> None:
    message = json.dumps({"setup": {"generationConfig": config}})
    if accepted:
        assert parse_client_message(message).setup is not None
    else:
        assert refusal(message).startswith("Invalid value at 'setup.generation_config.")


def test_enum_number_is_its_place_in_the_protobuf() -> None:
    parsed = parse_client_message('{"setup": {"generationConfig": {"responseModalities": [1, 3]}}}')
    assert parsed.setup is not None
    assert parsed.setup.generation_config is not None
    assert parsed.setup.generation_config.response_modalities == [Modality.TEXT, Modality.AUDIO]


@PATIENT
@given(st.binary(max_size=200))
def test_base64_is_read_in_every_form_and_written_in_the_standard_one(data: bytes) -> None:
    standard, url_safe = base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()
    assert encode_base64(data) == standard
    for text in (standard, url_safe, standard.rstrip("="), url_safe.rstrip("=")):
        assert decode_base64(text) == data


def test_a_mixed_alphabet_is_taken_from_clients_as_google_takes_it() -> None:
    parsed = parse_client_message('{"realtimeInput": {"audio": {"data": "AA-/"}}}')
    assert parsed.realtime_input is not None
    assert parsed.realtime_input.audio == Blob(data=b"\x00\x0f\xbf")


@pytest.mark.parametrize("text", ["AAAAA", "A", "****", "AA AA!", "é"])
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        decode_base64(text)
    assert refusal(json.dumps({"realtimeInput": {"audio": {"data": text}}})).startswith(
        "Invalid value at 'realtime_input.audio.data'"
    )


def test_empty_members_are_written_and_defaults_are_not() -> None:
    assert render_server_message(ServerMessage(setup_complete=SetupComplete())) == b'{\n  "setupComplete": {}\n}\n'
    message = ServerMessage(
        server_content=ServerContent(turn_complete=True, interrupted=False),
        usage_metadata=UsageMetadata(
            total_token_count=553, prompt_tokens_details=[ModalityTokenCount(modality="AUDIO", token_count=7)]
        ),
    )
    rendered = render_server_message(message)
    assert json.loads(rendered) == {
        "serverContent": {"turnComplete": True},
        "usageMetadata": {
            "totalTokenCount": 553,
            "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 7}],
        },
    }
    assert rendered == (json.dumps(json.loads(rendered), indent=2) + "\n").encode()


def test_a_message_survives_writing_and_reading() -> None:
    blob = Blob(data=bytes(range(256)), mime_type="audio/pcm;rate=16000")
    message = ClientMessage(realtime_input=RealtimeInput(audio=blob))
    assert parse_client_message(message.to_json()) == message
    reply = ServerMessage(
        server_content=ServerContent(model_turn=Content(role="model", parts=[Part(text="hi"), Part(inline_data=blob)]))
    )
    assert ServerMessage.model_validate_json(render_server_message(reply)) == reply
