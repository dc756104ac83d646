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
    Modality,
    ModalityTokenCount,
    Part,
    PayloadRefused,
    RealtimeInput,
    ServerContent,
    ServerMessage,
    SetupComplete,
    UsageMetadata,
    decode_base64,
    encode_base64,
    parse_client_message,
    render_server_message,
)

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""


def refusal(message: str | bytes) -> str:
    with pytest.raises(PayloadRefused) as refused:
        parse_client_message(message)
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
        ('{"setup": {"sessionResumption": {"transparent": true}}}', None),
    ],
)
def test_unknown_name_is_refused_in_googles_words(message: str, reason: str | None) -> None:
    said = refusal(message)
    assert said.startswith("Invalid JSON payload received. Unknown name ")
    assert reason is None or said == reason


@pytest.mark.parametrize("message", ["", "{", "[]", "3", "null", '"setup"', b"\xff\xfe", "[" * 100_000])
def test_what_is_no_message_is_refused(message: str | bytes) -> None:
    assert refusal(message).startswith("Invalid JSON payload received.")


def test_two_members_are_refused_and_null_ones_ignored() -> None:
    assert "oneof" in refusal('{"setup": {}, "realtimeInput": {}}')
    assert parse_client_message('{"setup": {}, "realtimeInput": null, "client_content": null}').setup is not None


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
