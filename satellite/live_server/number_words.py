"""Numbers as people say them and as recognisers write them: words to digits, digits to words. Pure, English."""

from fractions import Fraction

_SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_VALUES = {word: number for number, word in enumerate(_SMALL)}
_VALUES |= {word: 10 * number for number, word in enumerate(_TENS, start=2)}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}

DECIMALS = 3
"""Digits after the point that are spoken; more are rounded."""


def with_digits(words: list[str]) -> list[str]:
    """The words with every spoken number as digits: ["twenty", "two", "minutes"] -> ["22", "minutes"]."""
    result: list[str] = []
    at = 0
    while at < len(words):
        value, end = _number(words, at)
        if end == at:
            result.append(words[at])
            at += 1
            continue
        text = str(value)
        digits, past = _digits_after_point(words, end)
        if digits:
            text, end = f"{text}.{digits}", past
        result.append(text)
        at = end
    return result


def _number(words: list[str], at: int) -> tuple[int, int]:
    """The number that begins there, and where it ends; the same place if there is none."""
    total = part = 0
    begin = at
    room = 1000  # what comes next must be smaller: "five six" are two numbers
    while at < len(words):
        word = words[at]
        if word in _VALUES and _VALUES[word] < room:
            value = _VALUES[word]
            part += value
            room = 10 if value >= 20 else 1
        elif word in _SCALES and (part or (begin == at and word == "hundred")):
            scale = _SCALES[word]
            part = (part or 1) * scale
            if scale > 100:
                total, part = total + part, 0
            room = min(scale, 1000)
        elif word == "a" and begin == at and at + 1 < len(words) and words[at + 1] in _SCALES:
            part, room = 1, 1
        elif word == "and" and _joins(words, begin, at):
            room = 100
        else:
            break
        at += 1
    return total + part, at


def _joins(words: list[str], begin: int, at: int) -> bool:
    """Whether "and" stands inside a number: "a hundred and five", but not "five and six"."""
    return at > begin and words[at - 1] in _SCALES and at + 1 < len(words) and words[at + 1] in _VALUES


def _digits_after_point(words: list[str], at: int) -> tuple[str, int]:
    if at >= len(words) or words[at] != "point":
        return "", at
    end = at + 1
    digits = ""
    while end < len(words) and _VALUES.get(words[end], 10) < 10:
        digits += str(_VALUES[words[end]])
        end += 1
    return digits, end


def in_words(number: int) -> str:
    """0 to 99 in words; others as digits, which a voice reads by itself."""
    if not 0 <= number < 100:
        return str(number)
    if number < 20:
        return _SMALL[number]
    tens, ones = divmod(number, 10)
    return _TENS[tens - 2] + (f" {_SMALL[ones]}" if ones else "")


def spoken(value: Fraction) -> str:
    """A result as it is to be said: whole, or with up to DECIMALS digits and "about" where that is not all."""
    if value.denominator == 1:
        return f"minus {-value.numerator}" if value < 0 else str(value.numerator)
    rounded = round(value, DECIMALS)
    text = f"{abs(float(rounded)):.{DECIMALS}f}".rstrip("0").rstrip(".")
    sign = "minus " if rounded < 0 else ""
    return f"{'' if rounded == value else 'about '}{sign}{text}"
