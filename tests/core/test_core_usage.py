"""The ledger: what was counted adds up, what it costs is rounded once, and a day's budget is told and kept."""

from collections.abc import Sequence
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from satellite.core.usage import (
    HIGHEST_PRICE,
    MODALITIES,
    MOST_TOKENS,
    Budget,
    Crossing,
    DayUsage,
    Prices,
    TokenCounts,
    Usage,
    added,
    by_modality,
    cleaned,
    tokens_of,
)
from satellite.settings import PriceSettings, UsageSettings

PRICES = Prices(
    text_in=0.5, audio_in=3.0, image_in=2.0, other_in=7.0, text_out=2.5, audio_out=12.0, other_out=11.0, currency="EUR"
)
DAY = DayUsage("2026-10-05", currency="EUR")


def ledger(prices: Prices = PRICES, **budget: float) -> Usage:
    """One whose day has begun."""
    usage = Usage(prices, Budget(**budget))  # type: ignore[arg-type]  # the numbers are ints where they must be
    usage.begin_day(DAY)
    return usage


def tokens(total: int) -> TokenCounts:
    """So many, of text that goes in."""
    return TokenCounts(prompt={"text": total}, total=total)


# ---------------------------------------------------------------- prices


@pytest.mark.parametrize(
    ("counts", "millionths"),
    [
        (TokenCounts(prompt={"text": 10}), 5.0),
        (TokenCounts(prompt={"audio": 10}), 30.0),
        (TokenCounts(prompt={"image": 10}), 20.0),
        (TokenCounts(prompt={"video": 10}), 20.0),
        (TokenCounts(prompt={"document": 10}), 70.0),
        (TokenCounts(prompt={"other": 10}), 70.0),
        (TokenCounts(prompt={"smell": 10}), 70.0),
        (TokenCounts(response={"text": 10}), 25.0),
        (TokenCounts(response={"audio": 10}), 120.0),
        (TokenCounts(response={"image": 10}), 110.0),
        (TokenCounts(response={"smell": 10}), 110.0),
        (TokenCounts(thoughts=10), 25.0),
        (TokenCounts(tool_use=10), 5.0),
        (TokenCounts(prompt={"audio": 10}, cached=8), 30.0),
        (TokenCounts(total=10), 70.0),
        (TokenCounts(prompt={"text": 6}, total=10), 31.0),
        (TokenCounts(prompt={"text": 10}, response={"audio": 2}, thoughts=4, tool_use=2, total=18), 40.0),
    ],
)
def test_each_kind_of_token_has_its_price(counts: TokenCounts, millionths: float) -> None:
    assert ledger().report(counts).cost == pytest.approx(millionths / 1e6, abs=1e-12)


def test_a_cost_is_rounded_to_a_billionth_of_the_unit() -> None:
    usage = ledger(Prices(text_in=0.0004, audio_in=0.0006))
    assert usage.report(tokens(1)).cost == 0.0
    assert usage.report(TokenCounts(prompt={"audio": 1})).cost == 1e-9


def test_without_prices_nothing_is_estimated() -> None:
    usage = Usage()
    usage.begin_day(DayUsage("2026-10-05"))
    assert usage.report(TokenCounts(prompt={"audio": 10**6}, response={"audio": 10**6}, thoughts=5)).cost == 0.0
    assert usage.day.tokens == 2 * 10**6 + 5


@pytest.mark.parametrize("price", [-0.1, float("inf"), float("nan"), 2 * HIGHEST_PRICE])
def test_what_is_no_price_is_refused_by_name(price: float) -> None:
    with pytest.raises(ValueError, match="audio_out"):
        Prices(audio_out=price)


@pytest.mark.parametrize("cost", [float("inf"), float("nan")])
def test_what_is_no_budget_is_refused_by_name(cost: float) -> None:
    with pytest.raises(ValueError, match="daily_cost"):
        Budget(daily_cost=cost)


# ---------------------------------------------------------------- sums

COUNT = st.integers(0, 200_000)
KINDS = st.dictionaries(st.sampled_from([*MODALITIES, "smell", ""]), COUNT, max_size=8)
COUNTS = st.builds(
    TokenCounts, prompt=KINDS, response=KINDS, thoughts=COUNT, tool_use=COUNT, cached=COUNT, total=COUNT | st.just(0)
)
PRICE = st.floats(0, 1000, allow_nan=False)
ANY_PRICES = st.builds(Prices, PRICE, PRICE, PRICE, PRICE, PRICE, PRICE, PRICE)


def parts(counts: TokenCounts) -> int:
    """What is told apart, summed by hand."""
    return sum(counts.prompt.values()) + sum(counts.response.values()) + counts.thoughts + counts.tool_use


@settings(deadline=None)
@given(sessions=st.lists(st.lists(COUNTS, max_size=5), max_size=4), prices=ANY_PRICES)
def test_turns_add_up_to_their_session_and_sessions_to_their_day(
    sessions: Sequence[Sequence[TokenCounts]], prices: Prices
) -> None:
    usage = Usage(prices)
    usage.begin_day(DayUsage("2026-10-05"))
    day_tokens, day_billionths = 0, 0
    for turns in sessions:
        usage.new_session()
        reported = [usage.report(counts) for counts in turns]
        assert usage.session_tokens == sum(tokens_of(counts) for counts in turns)
        billionths = sum(round(each.cost * 1e9) for each in reported)
        assert usage.session_cost == billionths / 1e9
        day_tokens += usage.session_tokens
        day_billionths += billionths
    assert usage.day.tokens == day_tokens
    assert usage.day.cost == day_billionths / 1e9


@settings(deadline=None)
@given(st.lists(COUNTS, max_size=6))
def test_every_part_adds_up_and_the_parts_to_the_total(turns: Sequence[TokenCounts]) -> None:
    usage = ledger()
    for counts in turns:
        usage.report(counts)
    for sums in (usage.session, usage.day.counts):
        for side in ("prompt", "response"):
            for modality in MODALITIES[:-1]:
                expected = sum(getattr(counts, side).get(modality, 0) for counts in turns)
                assert getattr(sums, side).get(modality, 0) == expected
            assert sum(getattr(sums, side).values()) == sum(sum(getattr(counts, side).values()) for counts in turns)
        for name in ("thoughts", "tool_use", "cached"):
            assert getattr(sums, name) == sum(getattr(counts, name) for counts in turns)
        unexplained = sum(max(0, counts.total - parts(counts)) for counts in turns)
        assert sums.total == parts(sums) + unexplained
    assert usage.day.counts.total == usage.day.tokens == usage.session_tokens


@settings(deadline=None)
@given(COUNTS, COUNTS)
def test_the_order_of_reports_changes_nothing(one: TokenCounts, other: TokenCounts) -> None:
    assert added(cleaned(one), cleaned(other)) == added(cleaned(other), cleaned(one))


def test_an_unknown_modality_is_counted_as_other() -> None:
    reported = ledger().report(TokenCounts(prompt={"smell": 3, "other": 4}, response={"touch": 5}))
    assert reported.counts.prompt == {"other": 7}
    assert reported.day.counts.response == {"other": 5}
    assert by_modality({"smell": 3, "audio": 1})["other"] == 3


def test_a_count_that_cannot_be_is_held_within_bounds() -> None:
    reported = ledger().report(TokenCounts(prompt={"text": -5, "audio": 10**400}, thoughts=-1, total=10**30))
    assert reported.counts.prompt == {"audio": MOST_TOKENS}
    assert reported.day.tokens == MOST_TOKENS


def test_the_traffic_type_stays_with_its_turn() -> None:
    reported = ledger().report(TokenCounts(total=1, traffic_type="ON_DEMAND"))
    assert reported.counts.traffic_type == "ON_DEMAND"
    assert reported.day.counts.traffic_type == ""


# ---------------------------------------------------------------- days


def test_a_report_after_midnight_belongs_to_the_old_day_until_the_new_one_has_begun() -> None:
    usage = ledger()
    usage.report(tokens(10))
    assert usage.report(tokens(5)).day.tokens == 15
    usage.begin_day(DayUsage("2026-10-06"))
    after = usage.report(tokens(2)).day
    assert (after.day, after.tokens) == ("2026-10-06", 2)
    assert usage.session_tokens == 17  # a session may last over midnight


def test_a_day_goes_on_after_a_restart() -> None:
    before = ledger()
    before.report(TokenCounts(prompt={"audio": 7}, response={"audio": 3}, total=10))
    after = Usage(PRICES)
    after.begin_day(before.day)
    assert after.day == before.day
    after.report(TokenCounts(prompt={"audio": 1}, total=1))
    assert after.day.tokens == after.day.counts.total == 11
    assert after.day.counts.prompt == {"audio": 8}
    assert after.session_tokens == 1


def test_what_was_counted_before_the_first_day_was_known_is_not_lost() -> None:
    usage = Usage(PRICES)
    usage.report(TokenCounts(prompt={"audio": 10}))
    usage.begin_day(DayUsage("2026-10-05", tokens=90, cost=0.5, currency="EUR"))
    assert (usage.day.tokens, usage.day.counts.total, usage.day.counts.prompt) == (100, 100, {"audio": 10})
    assert usage.day.cost == 0.50003


def test_the_day_that_is_counted_is_never_set_back() -> None:
    usage = ledger()
    usage.report(tokens(10))
    usage.begin_day(DAY)
    assert usage.day.tokens == 10
    usage.begin_day(DayUsage("2026-10-05", tokens=50))
    assert usage.day.tokens == 50


def test_a_day_that_was_warned_stays_so_when_it_is_told_again() -> None:
    usage = ledger(daily_tokens=100)
    assert usage.report(tokens(85)).crossed is Crossing.NEARLY_USED
    usage.begin_day(DayUsage("2026-10-05", tokens=90))
    assert usage.report(tokens(1)).crossed is None


def test_a_cost_in_another_currency_is_not_added_to_ours() -> None:
    usage = Usage(PRICES)
    usage.begin_day(DayUsage("2026-10-05", tokens=100, cost=3.0, currency="JPY"))
    assert (usage.day.tokens, usage.day.cost, usage.day.currency) == (100, 0.0, "EUR")


# ---------------------------------------------------------------- budget


@settings(deadline=None)
@given(st.lists(COUNTS, max_size=8))
def test_a_day_without_a_budget_is_never_used_up(turns: Sequence[TokenCounts]) -> None:
    usage = ledger()
    assert not usage.is_used_up
    for counts in turns:
        assert usage.report(counts).crossed is None
        assert not usage.is_used_up


def test_nearly_used_is_said_once_and_used_up_once() -> None:
    usage = ledger(daily_tokens=100, warn_percent=80)
    crossed = [usage.report(tokens(count)).crossed for count in (79, 1, 19, 1, 1)]
    assert crossed == [None, Crossing.NEARLY_USED, None, Crossing.USED, None]
    assert usage.is_used_up
    assert usage.day.warned


def test_used_up_at_one_stroke_is_not_nearly_used_as_well() -> None:
    usage = ledger(daily_tokens=100, warn_percent=80)
    assert usage.report(tokens(500)).crossed is Crossing.USED
    assert usage.report(tokens(1)).crossed is None


def test_the_last_token_of_the_budget_uses_it_up_and_not_the_one_before() -> None:
    usage = ledger(daily_tokens=100, warn_percent=0)
    assert usage.report(tokens(99)).crossed is None
    assert not usage.is_used_up
    usage.report(tokens(1))
    assert usage.is_used_up


def test_a_budget_of_money_counts_the_estimate() -> None:
    usage = ledger(Prices(text_in=1000.0), daily_cost=0.07, warn_percent=50)
    assert usage.report(tokens(34)).crossed is None
    assert usage.report(tokens(1)).crossed is Crossing.NEARLY_USED
    assert usage.report(tokens(34)).crossed is None
    assert usage.report(tokens(1)).crossed is Crossing.USED


def test_a_warning_of_0_percent_is_never_given() -> None:
    usage = ledger(daily_tokens=100, warn_percent=0)
    assert [usage.report(tokens(50)).crossed for _ in range(2)] == [None, Crossing.USED]


def test_the_warning_is_not_given_again_after_a_restart_but_on_the_next_day() -> None:
    before = ledger(daily_tokens=100)
    assert before.report(tokens(85)).crossed is Crossing.NEARLY_USED
    after = Usage(PRICES, Budget(100))
    after.begin_day(before.day)
    assert after.report(tokens(1)).crossed is None
    after.begin_day(DayUsage("2026-10-06"))
    assert after.report(tokens(85)).crossed is Crossing.NEARLY_USED


def test_a_new_day_is_served_again() -> None:
    usage = ledger(daily_tokens=10)
    usage.report(tokens(10))
    assert usage.is_used_up
    usage.begin_day(DayUsage("2026-10-06"))
    assert not usage.is_used_up


def test_a_day_that_was_used_up_stays_so_over_a_restart() -> None:
    usage = Usage(PRICES, Budget(10))
    usage.begin_day(DayUsage("2026-10-05", tokens=10))
    assert usage.is_used_up


@pytest.mark.parametrize("amount", [float("inf"), float("nan"), -1.0])
def test_the_configuration_takes_only_amounts_that_can_be_counted(amount: float) -> None:
    with pytest.raises(ValidationError, match="text_in"):
        PriceSettings(text_in=amount)
    with pytest.raises(ValidationError, match="daily_cost"):
        UsageSettings(daily_cost=amount)


def test_prices_are_what_the_configuration_calls_them() -> None:
    names = {each.name for each in fields(Prices)} - {"currency"}
    assert names == set(PriceSettings.model_fields)
