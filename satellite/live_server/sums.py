"""A sum in words: what is asked, and what comes out. Pure; nothing is evaluated but four operations on fractions."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

_OPERATORS: dict[str, str] = {
    "+": "plus",
    "plus": "plus",
    "and": "plus",
    "-": "minus",
    "minus": "minus",
    "x": "times",
    "*": "times",
    "times": "times",
    "multiplied by": "times",
    "/": "divided by",
    "over": "divided by",
    "divided by": "divided by",
}

_WORK: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "plus": lambda a, b: a + b,
    "minus": lambda a, b: a - b,
    "times": lambda a, b: a * b,
    "divided by": lambda a, b: a / b,
}

_NUMBER = r"(?:minus )?\d+(?:\.\d+)?"
_OPERATOR = "|".join(re.escape(text) for text in sorted(_OPERATORS, key=len, reverse=True))
_ASKED = re.compile(r"(?:what is|how much is|how much|calculate|compute|tell me|and) ")
_FIRST = re.compile(_NUMBER)
_NEXT = re.compile(rf" (?P<operator>{_OPERATOR}) (?P<number>{_NUMBER})")
_AFTER = re.compile(r"(?: (?:equals?|is|please|then|make))*")

LONGEST_CHARACTERS = 18
"""Nobody says longer numbers; their product would not be spoken either."""


@dataclass(frozen=True, slots=True)
class Sum:
    """Numbers and the operations between them: one fewer, each of plus, minus, times, divided by."""

    numbers: tuple[Fraction, ...]
    operators: tuple[str, ...]

    def result(self) -> Fraction:
        """Its value, times and divided by first. Raises ZeroDivisionError."""
        terms, additions = [self.numbers[0]], []
        for operator, number in zip(self.operators, self.numbers[1:], strict=True):
            if operator in ("times", "divided by"):
                terms[-1] = _WORK[operator](terms[-1], number)
            else:
                terms.append(number)
                additions.append(operator)
        value = terms[0]
        for operator, term in zip(additions, terms[1:], strict=True):
            value = _WORK[operator](value, term)
        return value


def find_sum(text: str) -> Sum | None:
    """The sum that `text` (lower case, digits, no punctuation) asks for, if it asks for one and nothing else."""
    asked = _ASKED.match(text)
    first = _FIRST.match(text, asked.end() if asked else 0)
    if first is None:
        return None
    numbers, operators = [first[0]], []
    end = first.end()
    while step := _NEXT.match(text, end):
        numbers.append(step["number"])
        operators.append(step["operator"])
        end = step.end()
    if not operators or _AFTER.fullmatch(text, end) is None or max(map(len, numbers)) > LONGEST_CHARACTERS:
        return None
    if asked is None and "and" in operators:
        return None  # "five and six" by itself asks for nothing
    values = tuple(Fraction(number.replace("minus ", "-")) for number in numbers)
    return Sum(values, tuple(_OPERATORS[operator] for operator in operators))
