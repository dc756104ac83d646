"""policy_of: each number that the core goes by follows its settings, and none is forgotten on the way."""

import dataclasses
from collections.abc import Sequence

import pytest

from satellite.app.configuration import load, policy_of
from satellite.core.declarations import ToolDeclaration
from satellite.core.policy import Policy
from satellite.core.usage import Budget, Prices

NATIVE_2_5 = "live.model=gemini-2.5-flash-native-audio-preview"
LIVE_3_1 = "live.model=gemini-3.1-flash-live"
LIVE_3_8 = "live.model=gemini-3.8-live"

TOOLS = (
    ToolDeclaration("look_up", "Looks something up.", '{"type": "object"}', idempotent=True),
    ToolDeclaration("open_door", "Opens the door.", '{"type": "object"}'),
)

PRICES = ("text_in", "audio_in", "image_in", "other_in", "text_out", "audio_out", "other_out")
PRICED = Prices(1, 2, 3, 4, 5, 6, 7, currency="EUR")
A_PRICE_EACH = tuple(f"usage.prices.{name}={price}" for price, name in enumerate(PRICES, 1))

ROWS: Sequence[tuple[str, tuple[str, ...], object]] = (
    ("manual_activity", ("conversation.activity=manual",), True),
    ("manual_activity", ("conversation.activity=automatic",), False),
    ("barge_in", ("conversation.barge_in=true",), True),
    ("barge_in", ("conversation.barge_in=false",), False),
    ("barge_in", ("live.detection.activity_handling=no_interruption",), False),
    ("wake_earcon", ("conversation.wake_earcon=true",), True),
    ("wake_earcon", ("conversation.wake_earcon=false",), False),
    ("wake_lookback_ms", ("gate.wake_lookback_ms=4001",), 4001),
    ("preroll_ms", ("gate.preroll_ms=4002",), 4002),
    ("listen_timeout_ms", ("conversation.listen_timeout_ms=4003",), 4003),
    ("reply_timeout_ms", ("conversation.reply_timeout_ms=4004",), 4004),
    ("connect_timeout_ms", ("conversation.connect_timeout_ms=4005",), 4005),
    ("follow_up_ms", ("conversation.follow_up_ms=4006",), 4006),
    ("follow_up_guard_ms", ("conversation.follow_up_guard_ms=4007",), 4007),
    ("max_utterance_ms", ("conversation.max_utterance_ms=4008",), 4008),
    ("max_turns_without_wake", ("conversation.max_turns_without_wake=409",), 409),
    ("session_linger_ms", ("conversation.session_linger_ms=4010",), 4010),
    ("memory_ms", ("conversation.memory_s=4011",), 4_011_000),
    ("volume_percent", ("audio.volume_percent=41",), 41),
    ("resumes", ("live.context.resumption=true",), True),
    ("resumes", ("live.context.resumption=false",), False),
    ("seeds_history", ("live.context.seed_history=true",), True),
    ("seeds_history", ("live.context.seed_history=false",), False),
    ("connection_age_ms", (NATIVE_2_5,), 540_000),
    ("connection_age_ms", (LIVE_3_8,), 3_420_000),
    ("connection_age_ms", (LIVE_3_8, "live.context.connection_age_s=77"), 77_000),
    ("proactive", (NATIVE_2_5,), False),
    ("proactive", (NATIVE_2_5, "live.generation.proactive_audio=true"), True),
    ("proactive", (LIVE_3_1,), False),
    ("proactive", (LIVE_3_8,), True),
    ("speaks_text", ("live.generation.speak_text=true",), True),
    ("speaks_text", ("live.generation.speak_text=false",), False),
    ("has_camera", (), False),
    ("has_camera", ("video.source=/dev/video0",), True),
    ("prices", ("usage.currency=EUR", *A_PRICE_EACH), PRICED),
    ("prices", ("usage.currency=CHF",), Prices(currency="CHF")),
    (
        "budget",
        ("usage.daily_tokens=3", "usage.daily_cost=4.5", "usage.prices.text_in=1", "usage.warn_percent=66"),
        Budget(3, 4.5, 66),
    ),
    ("idempotent_tools", (), frozenset({"look_up"})),
)
"""(field, what is set, what it is then); where there are two states, both."""


@pytest.mark.parametrize(("name", "sets", "expected"), ROWS)
def test_each_number_follows_its_setting(name: str, sets: tuple[str, ...], expected: object) -> None:
    policy = policy_of(load(None, sets), TOOLS)
    assert getattr(policy, name) == expected
    assert type(getattr(policy, name)) is type(expected)


def test_every_number_has_its_row() -> None:
    assert {name for name, _, _ in ROWS} == {field.name for field in dataclasses.fields(Policy)}


def test_every_row_can_tell_a_setting_from_what_the_core_takes_by_itself() -> None:
    """A field whose rows all expect the core's own default would not notice that nobody sets it."""
    indifferent = {field.name for field in dataclasses.fields(Policy)}
    for name, _, expected in ROWS:
        if expected != getattr(Policy(), name):
            indifferent.discard(name)
    assert indifferent == set()


def test_without_declarations_nothing_may_run_twice() -> None:
    assert policy_of(load(None)).idempotent_tools == frozenset()
