"""How long: spans of time found in plain text, and said again. Pure."""

import re
from fractions import Fraction

_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_UNIT = r"(?P<unit>second|minute|hour|sec|min)s?"
_PART = re.compile(
    rf"(?:(?P<count>\d+(?:\.\d+)?|an?|half an?|a quarter of an?|3 quarters of an?)(?P<plus_half> and a half)? {_UNIT})"
    r"(?P<and_half> and a half| and a quarter)?"
)
_JOIN = re.compile(r" (?:and )?")
_COUNTS = {
    "a": Fraction(1),
    "an": Fraction(1),
    "half a": Fraction(1, 2),
    "half an": Fraction(1, 2),
    "a quarter of a": Fraction(1, 4),
    "a quarter of an": Fraction(1, 4),
    "3 quarters of a": Fraction(3, 4),
    "3 quarters of an": Fraction(3, 4),
}
_MORE = {" and a half": Fraction(1, 2), " and a quarter": Fraction(1, 4)}

PLACEHOLDER = "duration"


def take_duration(text: str) -> tuple[int, str] | None:
    """The first span of time in plain text, in whole seconds, and the text with PLACEHOLDER in its place."""
    first = next((found for found in _PART.finditer(text) if _at_word(text, found)), None)
    if first is None:
        return None
    seconds, end = _value(first), first.end()
    while (join := _JOIN.match(text, end)) and (more := _PART.match(text, join.end())) and _at_word(text, more):
        seconds += _value(more)
        end = more.end()
    return round(seconds), f"{text[: first.start()]}{PLACEHOLDER}{text[end:]}"


def said_duration(duration_s: int, *, as_adjective: bool = False) -> str:
    """Seconds in words a voice can read: "1 hour and 30 minutes", or "1 hour 30 minute" (timer)."""
    hours, rest = divmod(duration_s, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [(hours, "hour"), (minutes, "minute"), (seconds, "second")]
    said = [f"{count} {unit}{'' if as_adjective or count == 1 else 's'}" for count, unit in parts if count]
    if not said:
        return "0 second" if as_adjective else "0 seconds"
    if as_adjective or len(said) == 1:
        return " ".join(said)
    return f"{', '.join(said[:-1])} and {said[-1]}"


def _at_word(text: str, found: re.Match[str]) -> bool:
    before, after = text[: found.start()], text[found.end() :]
    return (not before or before.endswith(" ")) and (not after or after.startswith(" "))


def _value(found: re.Match[str]) -> Fraction:
    count = found["count"]
    number = _COUNTS[count] if count in _COUNTS else Fraction(count)
    number += _MORE.get(found["plus_half"] or "", 0) + _MORE.get(found["and_half"] or "", 0)
    unit = {"sec": "second", "min": "minute"}.get(found["unit"], found["unit"])
    return number * _SECONDS[unit]
