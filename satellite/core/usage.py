"""Tokens, what they are estimated to cost, and how much of them a day may have. Pure.

Counts are per turn as the server reports them: the prompt is the whole context, every turn anew, and that is what is
paid for (LIVE_API 3.2). A modality we do not know is counted as `other`, never dropped. A cost is an estimate: each
report's is rounded once, to a billionth of the currency's unit, and the sums are made of these whole billionths,
so that turns add up exactly to their session and their day.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum

OTHER = "other"
MODALITIES = ("text", "audio", "image", "video", "document", OTHER)
"""The kinds that are told apart, in the order in which they are shown (LIVE_API 3.2)."""

MOST_TOKENS = 2**31 - 1
"""A single count is an int32 on the wire; what is more than that is a fault, and must not grow without bound."""

HIGHEST_PRICE = 1_000_000_000.0
"""Per million tokens, in any currency: beyond it the arithmetic of floats would no longer be exact."""

_BILLIONTHS = 1_000_000_000
_PER_MILLIONTH = 1_000
"""A price per million tokens is a price in millionths per token, and a millionth is this many billionths."""


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """Tokens of one turn; `prompt` and `response` by modality: text, audio, image, video, document, other."""

    prompt: Mapping[str, int] = field(default_factory=dict)
    response: Mapping[str, int] = field(default_factory=dict)
    thoughts: int = 0
    tool_use: int = 0
    cached: int = 0
    total: int = 0
    traffic_type: str = ""


@dataclass(frozen=True, slots=True)
class DayUsage:
    """What a calendar day (ISO date) has used: tokens, and the estimated cost in the unit of `currency` (ISO 4217).

    `counts` are the same tokens by modality; `warned`: that the budget is nearly used has been told.
    """

    day: str
    tokens: int = 0
    cost: float = 0.0
    warned: bool = False
    currency: str = ""
    counts: TokenCounts = field(default_factory=TokenCounts)


@dataclass(frozen=True, slots=True)
class Prices:
    """Per million tokens, in the unit of `currency`; 0 is unknown and costs nothing.

    What goes in: text_in prices text, and what tools add to the prompt; audio_in audio; image_in images and video;
    other_in documents and everything else. What comes out: text_out prices text and thoughts, audio_out audio,
    other_out everything else. Cached tokens are part of the prompt and priced as such: the estimate is rather too high.
    """

    text_in: float = 0.0
    audio_in: float = 0.0
    image_in: float = 0.0
    other_in: float = 0.0
    text_out: float = 0.0
    audio_out: float = 0.0
    other_out: float = 0.0
    currency: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError, naming it, for a price below 0, above HIGHEST_PRICE or no number."""
        for each in fields(self):
            if each.name != "currency" and not 0 <= getattr(self, each.name) <= HIGHEST_PRICE:
                raise ValueError(f"{each.name}: not a price per million tokens")

    def of_prompt(self, modality: str) -> float:
        """Price of what goes in."""
        match modality:
            case "text":
                return self.text_in
            case "audio":
                return self.audio_in
            case "image" | "video":
                return self.image_in
            case _:
                return self.other_in

    def of_response(self, modality: str) -> float:
        """Price of what comes out."""
        match modality:
            case "text":
                return self.text_out
            case "audio":
                return self.audio_out
            case _:
                return self.other_out

    def cost(self, counts: TokenCounts) -> float:
        """Estimate for one report, rounded to a billionth. Tokens of the total that no part explains: other_in."""
        millionths = sum(tokens * self.of_prompt(modality) for modality, tokens in counts.prompt.items())
        millionths += sum(tokens * self.of_response(modality) for modality, tokens in counts.response.items())
        millionths += counts.thoughts * self.text_out + counts.tool_use * self.text_in
        millionths += (tokens_of(counts) - _parts_of(counts)) * self.other_in
        return round(millionths * _PER_MILLIONTH) / _BILLIONTHS


@dataclass(frozen=True, slots=True)
class Budget:
    """What a day may have; 0 is no limit. `warn_percent` of it used is told once a day, 0: never."""

    daily_tokens: int = 0
    daily_cost: float = 0.0
    warn_percent: int = 80

    def __post_init__(self) -> None:
        """Raises ValueError for a cost that is no finite number."""
        if not math.isfinite(self.daily_cost):
            raise ValueError("daily_cost: not a number")

    def is_used_up(self, day: DayUsage) -> bool:
        """The last of it is used."""
        return self._reached(day, 100)

    def is_nearly_used(self, day: DayUsage) -> bool:
        """So much is used that it should be told."""
        return self.warn_percent > 0 and self._reached(day, self.warn_percent)

    def _reached(self, day: DayUsage, percent: int) -> bool:
        return (self.daily_tokens > 0 and day.tokens * 100 >= self.daily_tokens * percent) or (
            self.daily_cost > 0 and _whole_billionths(day.cost) * 100 >= _whole_billionths(self.daily_cost) * percent
        )


class Crossing(StrEnum):
    """What a report has made of the day's budget."""

    NEARLY_USED = "nearly_used"
    USED = "used"


@dataclass(frozen=True, slots=True)
class Reported:
    """What came of one report: it as it was counted, its cost, the day with it, and a line that it has crossed."""

    counts: TokenCounts
    cost: float
    day: DayUsage
    crossed: Crossing | None


class Usage:
    """The ledger: sums of the session and of the day. Driven by the conversation; a day begins only when it is told."""

    def __init__(self, prices: Prices | None = None, budget: Budget | None = None) -> None:
        """Without prices nothing is estimated; without a budget nothing is ever used up."""
        self._prices = prices or Prices()
        self._budget = budget or Budget()
        self._session = TokenCounts()
        self._session_cost = 0.0
        self._day = DayUsage("", currency=self._prices.currency)

    @property
    def day(self) -> DayUsage:
        """The day so far; its name is empty until `begin_day`."""
        return self._day

    @property
    def session(self) -> TokenCounts:
        """The session so far, by modality."""
        return self._session

    @property
    def session_tokens(self) -> int:
        """All tokens of the session so far."""
        return self._session.total

    @property
    def session_cost(self) -> float:
        """Estimated cost of the session so far."""
        return self._session_cost

    @property
    def is_used_up(self) -> bool:
        """The day may have no more: conversations are refused until the next one."""
        return self._budget.is_used_up(self._day)

    def new_session(self) -> None:
        """The sums of the session begin again (a session that is resumed goes on: do not call it for that)."""
        self._session = TokenCounts()
        self._session_cost = 0.0

    def begin_day(self, usage: DayUsage) -> None:
        """A day begins, or goes on after a restart, with what it has used so far.

        What was counted before the first day was known is added to it. The day that is already counted is never
        set back. A cost in another currency than that of the prices is not taken over.
        """
        if usage.day == self._day.day and usage.tokens < self._day.tokens:
            return
        cost = usage.cost if usage.currency in ("", self._prices.currency) else 0.0
        warned = usage.warned or (usage.day == self._day.day and self._day.warned)
        counts = replace(usage.counts, total=usage.tokens)
        begun = replace(usage, cost=cost, currency=self._prices.currency, warned=warned, counts=counts)
        self._day = begun if self._day.day else self._with(begun, self._day.counts, self._day.cost)

    def report(self, counts: TokenCounts) -> Reported:
        """Count one report. `crossed` is set by the one report that reaches a line: nearly used is said once a day."""
        clean = cleaned(counts)
        cost = self._prices.cost(clean)
        was_used_up = self.is_used_up
        self._session = added(self._session, clean)
        self._session_cost = _summed(self._session_cost, cost)
        self._day = self._with(self._day, clean, cost)
        crossed = None
        if self.is_used_up:
            crossed = None if was_used_up else Crossing.USED
        elif self._budget.is_nearly_used(self._day) and not self._day.warned:
            crossed = Crossing.NEARLY_USED
        if crossed is not None:
            self._day = replace(self._day, warned=True)
        return Reported(clean, cost, self._day, crossed)

    def _with(self, day: DayUsage, counts: TokenCounts, cost: float) -> DayUsage:
        return replace(
            day,
            tokens=day.tokens + tokens_of(counts),
            cost=_summed(day.cost, cost),
            counts=added(day.counts, counts),
        )


def tokens_of(counts: TokenCounts) -> int:
    """All tokens: the total as reported, or the sum of the parts where that is more (a total may be left out)."""
    return max(counts.total, _parts_of(counts))


def _parts_of(counts: TokenCounts) -> int:
    """Cached tokens are no part of their own: they are in the prompt already."""
    return sum(counts.prompt.values()) + sum(counts.response.values()) + counts.thoughts + counts.tool_use


def by_modality(tokens: Mapping[str, int]) -> dict[str, int]:
    """Every known modality, with 0 where there is none; what is not known is in `other`."""
    counted = dict.fromkeys(MODALITIES, 0)
    for modality, count in tokens.items():
        counted[modality if modality in counted else OTHER] += count
    return counted


def cleaned(counts: TokenCounts) -> TokenCounts:
    """As it is counted: known modalities alone, no count below 0 or above MOST_TOKENS, and a total that holds all."""

    def within(tokens: int) -> int:
        return min(max(tokens, 0), MOST_TOKENS)

    def kinds(tokens: Mapping[str, int]) -> dict[str, int]:
        bounded = by_modality({modality: within(count) for modality, count in tokens.items()})
        return {modality: within(count) for modality, count in bounded.items() if count}

    clean = replace(
        counts,
        prompt=kinds(counts.prompt),
        response=kinds(counts.response),
        thoughts=within(counts.thoughts),
        tool_use=within(counts.tool_use),
        cached=within(counts.cached),
        total=within(counts.total),
    )
    return replace(clean, total=tokens_of(clean))


def added(one: TokenCounts, other: TokenCounts) -> TokenCounts:
    """The sum of both, part by part; it has no traffic type."""
    return TokenCounts(
        prompt=_merged(one.prompt, other.prompt),
        response=_merged(one.response, other.response),
        thoughts=one.thoughts + other.thoughts,
        tool_use=one.tool_use + other.tool_use,
        cached=one.cached + other.cached,
        total=tokens_of(one) + tokens_of(other),
    )


def _merged(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    counted, more = by_modality(one), by_modality(other)
    return {
        modality: counted[modality] + more[modality] for modality in MODALITIES if counted[modality] + more[modality]
    }


def _summed(one: float, other: float) -> float:
    return (_whole_billionths(one) + _whole_billionths(other)) / _BILLIONTHS


def _whole_billionths(amount: float) -> int:
    """A float that was made of billionths gives them back exactly, up to some millions of the currency's unit."""
    return round(amount * _BILLIONTHS)
