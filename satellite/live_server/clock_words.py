"""The time of day and the date in words, and the forms in which a recogniser gives the time back. Pure."""

from datetime import datetime

from satellite.live_server.number_words import in_words
from satellite.live_server.plain_text import plain

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ORDINALS = {1: "first", 2: "second", 3: "third", 5: "fifth", 8: "eighth", 9: "ninth", 12: "twelfth"}

MORNING_HOUR, NOON_HOUR, EVENING_HOUR, NIGHT_HOUR = 5, 12, 18, 22


def said_time(now: datetime) -> str:
    """The time as it is spoken: "three forty five, in the afternoon", "twelve o'clock, at night".

    The pause keeps the numbers apart from what follows; of five ways to say it, this one was understood best.
    """
    return f"{_clock(now)}, {part_of_day(now)}"


def said_date(now: datetime) -> str:
    """The date as it is spoken: "Sunday, November the twenty second, 2026"."""
    return f"{_DAYS[now.weekday()]}, {_MONTHS[now.month - 1]} the {_ordinal(now.day)}, {now.year}"


def part_of_day(now: datetime) -> str:
    """Which twelve hours are meant: in the morning, in the afternoon, in the evening, at night."""
    if now.hour < MORNING_HOUR or now.hour >= NIGHT_HOUR:
        return "at night"
    if now.hour < NOON_HOUR:
        return "in the morning"
    return "in the afternoon" if now.hour < EVENING_HOUR else "in the evening"


def time_forms(now: datetime) -> set[str]:
    """The normal forms (see plain_text) of the clock time that a recogniser may give back for `said_time`."""
    hour, minute = now.hour % 12 or 12, now.minute
    if minute == 0:
        return {f"{hour} oclock", f"{hour} o clock", f"{hour}:00", f"{hour}.00", f"{hour}00", f"{hour} 00"}
    forms = {f"{hour}{mark}{minute:02}" for mark in (":", ".", " ", "")}
    if minute < 10:
        forms |= {f"{hour} {zero} {minute}" for zero in ("oh", "o", "0")}
    elif minute > 20 and minute % 10:
        forms.add(f"{hour} {minute - minute % 10} {minute % 10}")
    return forms


def says_time(heard: str, now: datetime) -> bool:
    """Whether a recognised text contains the time `now`, in any of its forms."""
    text = f" {plain(heard)} "
    return any(f" {form} " in text for form in time_forms(now))


def _clock(now: datetime) -> str:
    hour = in_words(now.hour % 12 or 12)
    if now.minute == 0:
        return f"{hour} o'clock"
    return f"{hour} oh {in_words(now.minute)}" if now.minute < 10 else f"{hour} {in_words(now.minute)}"


def _ordinal(number: int) -> str:
    if number in _ORDINALS:
        return _ORDINALS[number]
    if number < 20:
        return f"{in_words(number)}th"
    tens, ones = number - number % 10, number % 10
    return f"{in_words(tens)} {_ORDINALS.get(ones, f'{in_words(ones)}th')}" if ones else f"{in_words(tens)[:-1]}ieth"
