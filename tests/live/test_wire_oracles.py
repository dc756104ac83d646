"""Google's own code judges our messages: every frame we can emit, and every one the embedded server renders.

Two judges: the models of the official client, made strict (LIVE_API.md 6.4), and the public protobuf for the fields it
has. The lists below say what either lacks of ours, and what they have that Live sessions have no use for: whoever moves
to a newer release sees here what is new.
"""

import json
from random import Random
from typing import Any

import pytest
from google.genai import types
from google.protobuf.json_format import ParseError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from live.google_oracles import (
    ClientProto,
    Official,
    Public,
    ServerProto,
    StrictClientMessage,
    StrictSetup,
    check_client_frame,
    check_client_proto,
    check_server_frame,
    check_server_proto,
    pruned,
)
from live.message_strategies import OBJECTS, messages, unknown_to, unknown_to_us
from live.wire_corpus import client_frames, mutate
from satellite.core.commands import PastTurn, Role
from satellite.core.declarations import ToolDeclaration
from satellite.live import protocol
from satellite.live.messages import (
    ClientMessage,
    Dialect,
    PayloadRefused,
    ServerMessage,
    Setup,
    parse_client_message,
    render_server_message,
)
from satellite.live.models import ALPHA, FAMILIES, VERTEX, family_of
from satellite.live.setup import encode_setup, session_setup
from satellite.settings import LiveSettings

OFFICIAL_CLIENT = Official(StrictClientMessage)
OFFICIAL_SERVER = Official(types.LiveServerMessage)
PUBLIC_CLIENT = Public(ClientProto.DESCRIPTOR)
PUBLIC_SERVER = Public(ServerProto.DESCRIPTOR)

PATIENT = settings(
    deadline=None,
    max_examples=200,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""Always the same examples; a busy machine is no failure."""


def places(text: str) -> set[str]:
    """`Type.field` of each line `Type: field, field`."""
    found = set()
    for line in text.strip().splitlines():
        kind, _, fields = line.strip().partition(": ")
        found |= {f"{kind}.{field}" for field in fields.split(", ")}
    return found


OLD_HARM = places(
    """SafetySetting: category=HARM_CATEGORY_DEROGATORY, category=HARM_CATEGORY_TOXICITY
    SafetySetting: category=HARM_CATEGORY_VIOLENCE, category=HARM_CATEGORY_SEXUAL
    SafetySetting: category=HARM_CATEGORY_MEDICAL, category=HARM_CATEGORY_DANGEROUS"""
)
"""Of models before Gemini: they have their numbers in the protobuf."""


def test_what_the_official_client_lacks_of_a_clients_message() -> None:
    assert unknown_to(ClientMessage, OFFICIAL_CLIENT) == {"RealtimeInput.media_resolution", *OLD_HARM}


def test_what_the_official_client_lacks_of_a_servers_message() -> None:
    assert unknown_to(ServerMessage, OFFICIAL_SERVER) == {"ServerContent.speech_state"}


# What the official client has of generateContent, and LIVE_API.md sections 2 and 3 have not of the Live API: refused as
# unknown names from a client, ignored and counted from a server.
NOT_LIVE = places(
    """GenerationConfig: audioTimestamp, logprobs, responseJsonSchema, responseLogprobs, responseMimeType
    GenerationConfig: responseSchema, routingConfig, stopSequences, audioTranscriptionConfig, enableEnhancedCivicAnswers
    GenerationConfig: modelSelectionConfig, responseFormat
    Part: audioMetadata, audioTranscription, documentMetadata, mediaProcessing, mediaResolution, speechMetadata
    Part: spreadsheetMetadata, toolCall, toolResponse
    FunctionResponsePart: audioMetadata, documentMetadata, mediaProcessing, mediaResolution, spreadsheetMetadata
    FunctionResponsePart: videoMetadata
    FunctionCall: partialArgs, willContinue
    VideoMetadata: contentLayers
    ExecutableCode: id
    CodeExecutionResult: id
    ComputerUse: disabledSafetyPolicies, enablePromptInjectionDetection
    Schema: additionalProperties, defs, ref"""
)
NOT_READ = places(
    """FoundPassage: customMetadata, fileSearchStore, mediaId, pageNumber, ragChunk
    FoundPlace: placeAnswerSources, route
    VoiceActivity: voiceActivityType"""
)
"""Of sources, what nobody here looks at; and the official client's own name for `type`."""


def test_what_we_lack_of_the_official_client() -> None:
    assert unknown_to_us(ClientMessage, OFFICIAL_CLIENT) == NOT_LIVE
    assert unknown_to_us(ServerMessage, OFFICIAL_SERVER) - NOT_LIVE == NOT_READ


def test_what_we_lack_of_the_public_protobuf() -> None:
    assert unknown_to_us(ClientMessage, PUBLIC_CLIENT) - NOT_LIVE == places(
        """GenerationConfig: imageConfig, responseJsonSchemaOrdered
        FileSearch: retrievalConfig, retrievalResources"""
    )
    assert unknown_to_us(ServerMessage, PUBLIC_SERVER) == {"FoundPlace.placeAnswerSources"}


@PATIENT
@given(messages(ClientMessage, OFFICIAL_CLIENT))
def test_every_clients_message_is_one_to_the_official_models(message: ClientMessage) -> None:
    frame = message.to_json()
    check_client_frame(frame)
    assert parse_client_message(frame) == message


@PATIENT
@given(messages(Setup, Official(StrictSetup)))
def test_every_setup_is_one_to_the_official_models(setup: Setup) -> None:
    message = ClientMessage(setup=setup)
    check_client_frame(message.to_json())
    assert parse_client_message(message.to_json()) == message


@PATIENT
@given(messages(ClientMessage, PUBLIC_CLIENT))
def test_every_clients_message_is_one_to_the_public_protobuf(message: ClientMessage) -> None:
    check_client_proto(message.to_json())


TOOLS = st.builds(
    ToolDeclaration,
    name=st.text(max_size=8),
    description=st.text(max_size=8),
    parameters=OBJECTS.map(json.dumps),
    non_blocking=st.booleans(),
)
TEXT = st.text(max_size=12)
WORDS = st.lists(st.text(alphabet="abc-", min_size=1, max_size=6), max_size=2)
SWITCH = st.booleans()
WHOLE = st.none() | st.integers(0, 2**31 - 1)
FRACTION = st.none() | st.floats(-2, 2, width=32)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from([*(prefix for row in FAMILIES for prefix in row.developer_prefixes), "new-live"]),
        "voice": TEXT,
        "language": TEXT,
        "input_transcription": SWITCH,
        "output_transcription": SWITCH,
        "generation": st.fixed_dictionaries(
            {},
            optional={
                "modality": st.sampled_from(["audio", "text"]),
                **dict.fromkeys(("temperature", "top_p", "presence_penalty", "frequency_penalty"), FRACTION),
                **dict.fromkeys(("top_k", "max_output_tokens", "seed", "thinking_budget"), WHOLE),
                "media_resolution": st.sampled_from(["", "low", "medium", "high"]),
                "thinking_level": st.sampled_from(["", "minimal", "low", "medium", "high", "xhigh"]),
                **dict.fromkeys(("include_thoughts", "affective_dialog", "proactive_audio"), SWITCH),
            },
        ),
        "detection": st.fixed_dictionaries(
            {},
            optional={
                "start_sensitivity": st.sampled_from(["", "high", "low"]),
                "end_sensitivity": st.sampled_from(["", "high", "low"]),
                **dict.fromkeys(("prefix_padding_ms", "silence_duration_ms"), WHOLE),
                "activity_handling": st.sampled_from(["interrupt", "no_interruption"]),
                "turn_coverage": st.sampled_from(["", "only_activity", "all_input", "audio_activity_and_all_video"]),
                "explicit_vad_signal": SWITCH,
            },
        ),
        "context": st.fixed_dictionaries(
            {},
            optional={
                **dict.fromkeys(("resumption", "transparent", "compression", "seed_history"), SWITCH),
                **dict.fromkeys(("trigger_tokens", "target_tokens"), WHOLE),
            },
        ),
        "transcription": st.fixed_dictionaries(
            {},
            optional={
                **dict.fromkeys(("language_codes", "custom_vocabulary"), WORDS),
                **dict.fromkeys(("word_timestamps", "diarization"), SWITCH),
                "mode": st.sampled_from(["", "verbatim", "smart"]),
            },
        ),
        "server_tools": st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("google_search", "code_execution", "url_context", "google_maps"), SWITCH)
        ),
    },
)


@PATIENT
@given(
    asked=SETTINGS,
    tools=st.lists(TOOLS, max_size=2),
    activity_manual=SWITCH,
    instruction=TEXT,
    seeded=SWITCH,
    handle=st.none() | TEXT,
)
def test_every_setup_of_ours_is_one_to_google(
    asked: dict[str, Any],
    tools: list[ToolDeclaration],
    activity_manual: bool,
    instruction: str,
    seeded: bool,
    handle: str | None,
) -> None:
    live = LiveSettings.model_validate(asked)
    setup = session_setup(
        live,
        family_of(live.model),
        model=f"models/{live.model}",
        activity_manual=activity_manual,
        tools=tools,
        instruction=instruction,
        seeded=seeded,
    )
    frame = encode_setup(setup, handle)
    check_client_frame(frame)
    check_client_proto(json.dumps(pruned(json.loads(frame), PUBLIC_CLIENT)))
    vertex = live.context.transparent or live.detection.explicit_vad_signal
    parse_client_message(frame, dialect=Dialect(VERTEX, "v1beta1") if vertex else Dialect(version=ALPHA))


TURNS = st.lists(st.builds(PastTurn, st.sampled_from(Role), TEXT), max_size=3)
ENCODED = st.one_of(
    st.binary(min_size=1, max_size=700).map(protocol.encode_audio),
    st.binary(min_size=1, max_size=50).map(protocol.encode_picture),
    st.sampled_from(
        [protocol.encode_activity_start(), protocol.encode_activity_end(), protocol.encode_audio_stream_end()]
    ),
    st.builds(lambda text, spoken: protocol.encode_text(text, as_realtime_input=spoken), TEXT, SWITCH),
    st.builds(lambda turns, done: protocol.encode_content(turns, turn_complete=done), TURNS, SWITCH),
    st.builds(lambda turns, first: protocol.encode_history(turns, as_initial_history=first), TURNS, SWITCH),
    st.builds(
        protocol.encode_tool_response,
        TEXT,
        TEXT,
        OBJECTS.map(json.dumps) | TEXT,
        st.sampled_from(["", "SILENT", "WHEN_IDLE", "INTERRUPT"]),
    ),
)


@PATIENT
@given(ENCODED)
def test_every_other_frame_of_ours_is_one_to_google(frame: str) -> None:
    check_client_frame(frame)
    check_client_proto(frame)
    assert parse_client_message(frame, dialect=Dialect()).to_json() == frame


@PATIENT
@given(st.binary(min_size=1, max_size=700))
def test_google_hears_what_we_send(sound: bytes) -> None:
    frame = protocol.encode_audio(sound)
    official = check_client_frame(frame)
    assert official.realtime_input is not None
    assert official.realtime_input.audio == types.Blob(data=sound, mime_type="audio/pcm;rate=16000")
    assert check_client_proto(frame).realtime_input.audio.data == sound


DEVELOPERS = frozenset({"UsageMetadata.candidates_token_count", "UsageMetadata.candidates_tokens_details"})
VERTEXS = frozenset(
    {"UsageMetadata.response_token_count", "UsageMetadata.response_tokens_details", "UsageMetadata.service_tier"}
)


@PATIENT
@given(messages(ServerMessage, OFFICIAL_SERVER, without=DEVELOPERS))
def test_the_official_client_reads_what_we_render_for_the_developer_api(message: ServerMessage) -> None:
    check_server_frame(render_server_message(message), vertex=False)


@PATIENT
@given(messages(ServerMessage, OFFICIAL_SERVER, without=VERTEXS))
def test_the_official_client_reads_what_we_render_for_vertex(message: ServerMessage) -> None:
    check_server_frame(render_server_message(message), vertex=True)


@PATIENT
@given(messages(ServerMessage, PUBLIC_SERVER))
def test_the_public_protobuf_reads_what_we_render(message: ServerMessage) -> None:
    check_server_proto(render_server_message(message))


@pytest.mark.parametrize(
    "frame",
    [
        '{"setup": {"generation_config": {}}}',
        '{"setup": {}, "clientContent": {}}',
        '{"realtimeInput": {"audioStreamEnd": true, "text": "a"}}',
        '{"setup": {"generationConfig": {"responseModalities": ["SMELL"]}}}',
        '{"setup": {"tool": []}}',
        '{"setup": {"systemInstruction": "text"}}',
    ],
)
def test_the_judge_of_client_frames_is_strict(frame: str) -> None:
    with pytest.raises((AssertionError, ValueError, UserWarning)):
        check_client_frame(frame)


ONLY_PYTHONS = ("has no field named", "Invalid enum value", "duplicate key", 'multiple "_')
"""Refusals of json_format that do not count: fields and enum values that the published protobuf lacks and we have; the
same field twice, of which the last is taken (LIVE_API.md 2.0), which json_format knows but of `optional` fields."""


def test_what_protobuf_refuses_we_refuse() -> None:
    """Damaged frames of the published fields: whatever we take, json_format takes."""
    base = [
        json.dumps(pruned(json.loads(frame), PUBLIC_CLIENT)).encode() for frame in client_frames() if b"_" not in frame
    ]
    random = Random(11)
    taken = refused = 0
    for number in range(20_000):
        frame = mutate(base[number % len(base)], random)
        try:
            parse_client_message(frame)
        except PayloadRefused:
            refused += 1
            continue
        taken += 1
        try:
            check_client_proto(frame.decode())
        except ParseError as error:
            if not any(words in str(error) for words in ONLY_PYTHONS):
                raise AssertionError(frame) from error
    assert min(taken, refused) > 3000
