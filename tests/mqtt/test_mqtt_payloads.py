"""What goes out, and what comes in."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satellite.core import publications as core_publications
from satellite.core.commands import (
    FlushPlayback,
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
    ShownState,
    Speaker,
    StallCause,
)
from satellite.core.events import (
    Event,
    ListenRequested,
    MuteRequested,
    SayRequested,
    Source,
    StopRequested,
    TextRequested,
    VolumeRequested,
    Word,
)
from satellite.core.usage import DayUsage, TokenCounts
from satellite.mqtt.payloads import MAX_COMMAND_BYTES, PUBLISHABLE, BadCommand, decode, publications
from satellite.mqtt.topics import COMMANDS, TRANSCRIPT, TopicNames

NAMES = TopicNames("house", "kitchen")
TOPICS = [NAMES.full(topic) for topic in COMMANDS]


def command(name: str, payload: str | bytes) -> Event | BadCommand:
    """What `payload` on the command topic of this name asks for."""
    raw = payload if isinstance(payload, bytes) else payload.encode()
    return decode(NAMES, f"house/kitchen/command/{name}", raw)


def line(name: str, payload: str | bytes) -> str:
    """The line about a bad command."""
    result = command(name, payload)
    assert isinstance(result, BadCommand), result
    return result.line


# ---------------------------------------------------------------- outgoing


def test_state_is_bare_text_and_its_attributes_are_json_both_retained() -> None:
    state, attributes = publications(NAMES, PublishState(ShownState.FOLLOW_UP, conversation=3, turn=7))
    assert (state.topic, state.payload, state.retain) == ("house/kitchen/state", b"follow_up", True)
    assert (attributes.topic, attributes.retain) == ("house/kitchen/state/attributes", True)
    assert json.loads(attributes.payload) == {"conversation": 3, "turn": 7}


def test_a_wake_says_what_woke_it_and_is_not_retained() -> None:
    (word,) = publications(NAMES, PublishWake("alexa", 0.98765, 3))
    assert (word.topic, word.retain) == ("house/kitchen/event/wake", False)
    assert json.loads(word.payload) == {
        "event_type": "wake",
        "source": "wake_word",
        "word": "alexa",
        "score": 0.988,
        "conversation": 3,
    }
    (request,) = publications(NAMES, PublishWake("", 0.0, 4))
    assert json.loads(request.payload)["source"] == "request"


def test_transcripts_of_both_sides_have_a_topic_each_and_are_not_retained() -> None:
    (heard,) = publications(NAMES, PublishTranscript(Speaker.USER, 1, 2, "wie spät ist es", False))
    (said,) = publications(NAMES, PublishTranscript(Speaker.ASSISTANT, 1, 2, "it is \ud800 noon", True))
    assert (heard.topic, heard.retain) == ("house/kitchen/transcript/input", False)
    assert json.loads(heard.payload) == {"conversation": 1, "turn": 2, "final": False, "text": "wie spät ist es"}
    assert said.topic == "house/kitchen/transcript/output"
    assert json.loads(said.payload)["text"] == "it is ? noon"


def test_a_final_transcript_has_what_the_server_told_beside_it_and_nothing_else() -> None:
    told = PublishTranscript(Speaker.USER, 1, 2, "hi", True, (Word("hi", 0, 440),), ("spk_2", "spk_1"), "en-US")
    (final,) = publications(NAMES, told)
    payload = json.loads(final.payload)
    assert payload.pop("words") == [{"text": "hi", "start_ms": 0, "end_ms": 440}]
    assert payload.pop("speakers") == ["spk_2", "spk_1"]
    assert payload.pop("language") == "en-US"
    assert list(payload.items()) == [("conversation", 1), ("turn", 2), ("final", True), ("text", "hi")]
    assert all(f"`{key}`" in TRANSCRIPT.when for key in ("words", "speakers", "language"))
    (running,) = publications(NAMES, replace(told, final=False))
    (plain,) = publications(NAMES, PublishTranscript(Speaker.USER, 1, 2, "hi", True))
    assert json.loads(running.payload) == {**payload, "final": False}
    assert json.loads(plain.payload) == payload


def test_only_a_transcript_that_still_grows_may_be_replaced_and_by_its_own_turn_alone() -> None:
    (running,) = publications(NAMES, PublishTranscript(Speaker.USER, 1, 2, "what", False))
    (final,) = publications(NAMES, PublishTranscript(Speaker.USER, 1, 2, "what time", True))
    (other,) = publications(NAMES, PublishTranscript(Speaker.USER, 1, 3, "and", False))
    assert (running.replaceable, final.replaceable) == (True, False)
    assert running.slot == final.slot != other.slot


def test_only_the_newest_state_counts_but_every_wake() -> None:
    for item in publications(NAMES, PublishState(ShownState.IDLE, 1, 2)):
        assert item.replaceable
        assert item.slot == item.topic
    (wake,) = publications(NAMES, PublishWake("alexa", 0.9, 1))
    assert not wake.replaceable


def test_mute_and_volume_read_as_home_assistant_sends_them() -> None:
    for item, topic, payload in (
        (PublishMute(True), "house/kitchen/mute/state", b"ON"),
        (PublishMute(False), "house/kitchen/mute/state", b"OFF"),
        (PublishVolume(55), "house/kitchen/volume/state", b"55"),
    ):
        (published,) = publications(NAMES, item)
        assert (published.topic, published.payload, published.retain) == (topic, payload, True)


def test_a_problem_is_retained_per_part_until_it_is_over() -> None:
    (begun,) = publications(NAMES, PublishProblem("speaker", "unplugged"))
    (over,) = publications(NAMES, PublishProblem("speaker", ""))
    assert begun.topic == over.topic == "house/kitchen/problem/speaker"
    assert begun.retain
    assert over.retain
    assert json.loads(begun.payload) == {"problem": True, "text": "unplugged"}
    assert json.loads(over.payload) == {"problem": False, "text": ""}


COUNTS = TokenCounts(
    prompt={"text": 40, "audio": 200, "smell": 10},
    response={"audio": 75},
    thoughts=4,
    tool_use=3,
    cached=30,
    total=332,
    traffic_type="ON_DEMAND",
)
DAY = DayUsage("2026-10-05", 20480, 0.0971, True, "EUR", TokenCounts(prompt={"audio": 9}, thoughts=2, total=11))


def test_usage_is_published_by_modality_with_its_cost_and_the_sums() -> None:
    session = TokenCounts(prompt={"audio": 700}, response={"audio": 200}, total=900)
    (usage,) = publications(NAMES, PublishUsage(1, 2, COUNTS, 0.0015, session, 0.0042, DAY))
    assert (usage.topic, usage.retain, usage.replaceable) == ("house/kitchen/usage", False, False)
    nothing = dict.fromkeys(("text", "audio", "image", "video", "document", "other"), 0)
    assert json.loads(usage.payload) == {
        "conversation": 1,
        "turn": 2,
        "prompt_tokens": 250,
        "response_tokens": 75,
        "thoughts_tokens": 4,
        "tool_use_tokens": 3,
        "cached_tokens": 30,
        "total_tokens": 332,
        "prompt_by_modality": {**nothing, "text": 40, "audio": 200, "other": 10},
        "response_by_modality": {**nothing, "audio": 75},
        "traffic_type": "ON_DEMAND",
        "cost": 0.0015,
        "currency": "EUR",
        "session_tokens": 900,
        "session_cost": 0.0042,
        "session": {
            "prompt_by_modality": {**nothing, "audio": 700},
            "response_by_modality": {**nothing, "audio": 200},
            "thoughts_tokens": 0,
            "tool_use_tokens": 0,
            "cached_tokens": 0,
        },
        "day_tokens": 20480,
        "day_cost": 0.0971,
    }


def test_the_usage_of_the_day_is_retained() -> None:
    (day,) = publications(NAMES, PublishDay(DAY))
    assert (day.topic, day.retain, day.replaceable) == ("house/kitchen/usage/day", True, True)
    sums = json.loads(day.payload)
    assert (sums["day"], sums["tokens"], sums["cost"]) == ("2026-10-05", 20480, 0.0971)
    assert (sums["currency"], sums["warned"]) == ("EUR", True)
    assert (sums["prompt_by_modality"]["audio"], sums["thoughts_tokens"]) == (9, 2)


def test_a_stall_is_an_event_and_so_never_retained() -> None:
    (stall,) = publications(NAMES, PublishStall(3, 7, StallCause.NEAR_SILENT, retried=True, count=4))
    assert (stall.topic, stall.retain) == ("house/kitchen/event/stall", False)
    assert json.loads(stall.payload) == {
        "event_type": "stall",
        "cause": "near_silent",
        "retried": True,
        "count": 4,
        "conversation": 3,
        "turn": 7,
    }


def test_sources_are_published_with_what_was_searched_for() -> None:
    found = (Source("Größe", "https://example.org/a"), Source("", "https://example.org/b"))
    (sources,) = publications(NAMES, PublishSources(3, 7, found, ("how tall", "how high")))
    assert (sources.topic, sources.retain) == ("house/kitchen/sources", False)
    assert json.loads(sources.payload) == {
        "conversation": 3,
        "turn": 7,
        "sources": [
            {"title": "Größe", "uri": "https://example.org/a"},
            {"title": "", "uri": "https://example.org/b"},
        ],
        "searches": ["how tall", "how high"],
    }


def test_a_thought_has_a_topic_of_its_own_beside_the_transcripts() -> None:
    (thought,) = publications(NAMES, PublishThought(3, 7, "they mean the tide"))
    assert (thought.topic, thought.retain) == ("house/kitchen/thought", False)
    assert json.loads(thought.payload) == {"conversation": 3, "turn": 7, "text": "they mean the tide"}
    assert "tide" not in repr(thought)


@pytest.mark.parametrize(("active", "event_type"), [(True, "voice_started"), (False, "voice_ended")])
def test_what_the_server_hears_is_an_event_of_its_kind(active: bool, event_type: str) -> None:
    (heard,) = publications(NAMES, PublishVoiceActivity(3, active, 440))
    assert (heard.topic, heard.retain) == ("house/kitchen/event/voice_activity", False)
    assert json.loads(heard.payload) == {
        "event_type": event_type,
        "active": active,
        "offset_ms": 440,
        "conversation": 3,
    }


def test_every_command_that_publishes_is_carried_out_here() -> None:
    publishing = {kind for name, kind in vars(core_publications).items() if name.startswith("Publish")}
    assert set(PUBLISHABLE) == publishing


def test_what_somebody_said_is_not_in_the_repr() -> None:
    (item,) = publications(NAMES, PublishTranscript(Speaker.USER, 1, 2, "my secret", True))
    assert "secret" not in repr(item)


def test_other_commands_are_refused() -> None:
    assert FlushPlayback not in PUBLISHABLE
    with pytest.raises(TypeError, match="FlushPlayback"):
        publications(NAMES, FlushPlayback())


# ---------------------------------------------------------------- incoming


@pytest.mark.parametrize(
    ("name", "payload", "event"),
    [
        ("listen", "PRESS", ListenRequested()),
        ("listen", "press\n", ListenRequested()),
        ("listen", "{}", ListenRequested()),
        ("stop", "PRESS", StopRequested()),
        ("mute", "ON", MuteRequested(True)),
        ("mute", "off", MuteRequested(False)),
        ("mute", "true", MuteRequested(True)),
        ("mute", '{"muted": false}', MuteRequested(False)),
        ("mute", '{"muted": "ON"}', MuteRequested(True)),
        ("say", "Dinner is ready", SayRequested("Dinner is ready")),
        ("say", " two\nlines ", SayRequested("two\nlines")),
        ("say", '{"text": "Größe \\u2713"}', SayRequested("Größe ✓")),
        ("say", '"quoted"', SayRequested('"quoted"')),
        ("say", "x" * 2000, SayRequested("x" * 2000)),
        ("say", json.dumps({"text": "ß" * 2000}), SayRequested("ß" * 2000)),
        ("text", "How long do eggs take?\n", TextRequested("How long do eggs take?")),
        ("text", '{"text": "Größe?"}', TextRequested("Größe?")),
        ("text", "x" * 2000, TextRequested("x" * 2000)),
        ("volume", "55", VolumeRequested(55)),
        ("volume", "55.4", VolumeRequested(55)),
        ("volume", "0", VolumeRequested(0)),
        ("volume", '{"percent": 100}', VolumeRequested(100)),
        ("volume", '{"percent": "20"}', VolumeRequested(20)),
    ],
)
def test_bare_text_and_json_are_understood(name: str, payload: str, event: Event) -> None:
    assert command(name, payload) == event


@pytest.mark.parametrize(
    ("name", "payload", "words"),
    [
        ("listen", "", "empty"),
        ("listen", "now please", "PRESS"),
        ("stop", '{"hard": 1, "soft": 2}', "unknown key 'hard', 'soft' (known: none)"),
        ("mute", "perhaps", "ON, OFF"),
        ("mute", "{}", "ON, OFF"),
        ("say", "", "empty"),
        ("say", " \n ", "1 to 2000 characters"),
        ("say", "x" * 2001, "1 to 2000 characters"),
        ("say", "nul \0 here", "control characters"),
        ("say", '{"text": 5}', "1 to 2000 characters"),
        ("say", '{"text": "a", "voice": "live"}', "unknown key 'voice' (known: text)"),
        ("say", '{"text": "a"', "not valid JSON"),
        ("say", b"\xff\xfe", "not UTF-8"),
        ("say", "{" * 5000, "not valid JSON"),
        ("say", '{"a":' * 3000, "not valid JSON"),
        ("say", "x" * (MAX_COMMAND_BYTES + 1), "too many"),
        ("text", " ", "1 to 2000 characters"),
        ("text", "x" * 2001, "1 to 2000 characters"),
        ("text", "nul \0 here", "control characters"),
        ("text", '{"text": "a", "turn": 1}', "unknown key 'turn' (known: text)"),
        ("volume", "loud", "0 to 100"),
        ("volume", "101", "0 to 100"),
        ("volume", "-1", "0 to 100"),
        ("volume", "nan", "0 to 100"),
        ("volume", '{"percent": true}', "0 to 100"),
        ("volume", '{"percent": 1e999}', "0 to 100"),
    ],
)
def test_the_line_about_a_bad_command_names_the_topic_and_what_is_wrong(
    name: str, payload: str | bytes, words: str
) -> None:
    said = line(name, payload)
    assert said.startswith(f"house/kitchen/command/{name}: ")
    assert words in said
    assert "\n" not in said


def test_the_line_does_not_repeat_what_was_sent() -> None:
    for payload in ("hunter2 " * 500, '{"text": ["hunter2"]}', '{"text": "hunter2\\u0000"}', '{"text": "hunter2'):
        assert "hunter2" not in line("say", payload)


def test_an_unknown_key_cannot_break_out_of_the_line() -> None:
    said = line("say", json.dumps({"text": "x", "a\nb" * 50: 1, **{f"k{n}": 1 for n in range(50)}}))
    assert "\n" not in said
    assert len(said) < 250


def test_a_topic_of_another_satellite_is_refused() -> None:
    result = decode(NAMES, "house/cellar/command/stop", b"PRESS")
    assert isinstance(result, BadCommand)


@settings(deadline=None)
@given(topic=st.sampled_from(TOPICS), payload=st.one_of(st.binary(), st.text().map(str.encode)))
def test_no_payload_raises(topic: str, payload: bytes) -> None:
    check_result(decode(NAMES, topic, payload))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@settings(deadline=None)
@given(
    topic=st.sampled_from(TOPICS),
    body=st.dictionaries(st.sampled_from(["text", "muted", "percent", "id"]) | st.text(), JSON, max_size=4),
)
def test_no_json_object_raises(topic: str, body: dict[str, object]) -> None:
    check_result(decode(NAMES, topic, json.dumps(body).encode()))


def check_result(result: Event | BadCommand) -> None:
    """Every result is an event within its limits, or one line."""
    match result:
        case BadCommand(line=said):
            assert said.startswith("house/kitchen/command/")
            assert said.isprintable()
        case VolumeRequested(percent=percent):
            assert 0 <= percent <= 100
        case SayRequested(text=text) | TextRequested(text=text):
            assert 1 <= len(text) <= 2000
            assert text.encode()
        case ListenRequested() | StopRequested() | MuteRequested():
            assert True
        case _:
            pytest.fail(f"no command asks for {result}")
