"""Text as it is compared: lower case, numbers as digits, no punctuation. Pure.

Recognisers write the same words in many ways ("What's 12+30?", "what is twelve plus thirty"); here they become one.
"""

import re

from satellite.live_server.number_words import with_digits

_APOSTROPHES = str.maketrans("\u2018\u2019\u02bc", "'''")
_CONTRACTIONS = {
    "what's": "what is",
    "whats": "what is",
    "who's": "who is",
    "how's": "how is",
    "it's": "it is",
    "that's": "that is",
    "i'm": "i am",
    "you're": "you are",
    "let's": "let us",
    "o'clock": "oclock",
}
_OPERATORS = {"\u00d7": "x", "\u00f7": "/", "\u2212": "-"}

_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_SIGN_BETWEEN_DIGITS = re.compile(r"(?<=\d)\s*([-+*/x])\s*(?=\d)")
_UNIT_AT_NUMBER = re.compile(r"(?<=\d)(?=(?:am|pm|a\.m|p\.m|min|sec|s|h|hr)\b)")
_KEPT = re.compile(r"\d+[:.]\d+|\d+|[a-z]+(?:'[a-z]+)*|(?<=\s)[-+*/](?=\s)")


def plain(text: str) -> str:
    """`text` as words and numbers with single spaces: "What's 1,000 + two?" -> "what is 1000 + 2"."""
    text = text.lower().translate(_APOSTROPHES)
    for sign, ascii_sign in _OPERATORS.items():
        text = text.replace(sign, ascii_sign)
    text = _THOUSANDS.sub("", text).replace("%", " percent ").replace("&", " and ")
    text = _SIGN_BETWEEN_DIGITS.sub(r" \1 ", text)
    text = _UNIT_AT_NUMBER.sub(" ", text)
    words: list[str] = []
    for word in _KEPT.findall(f" {text} "):
        words += _CONTRACTIONS.get(word, word.replace("'", "")).split()
    return " ".join(with_digits(words))
