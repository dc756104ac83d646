"""What was meant by what was heard: fuzzy matching of a sentence against the phrases of every topic. Pure.

A recogniser mishears, and hears the tail of the wake word; a person is polite. Yet a sentence that was not for
the assistant must not become a command, so likeness alone does not do: a topic's cue must have been said, and no
word may be left over that resembles nothing in the phrase. Whoever lowers a threshold runs the sentences of
tests/live_server/test_intents.py, wanted and unwanted.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from rapidfuzz import fuzz

from satellite.live_server.durations import PLACEHOLDER, take_duration
from satellite.live_server.phrases import PHRASES, Phrases, Topic
from satellite.live_server.plain_text import plain
from satellite.live_server.sums import Sum, find_sum

ALIKE = 80.0
"""Likeness (0 to 100, of the characters in order) of a sentence of several words to its phrase."""

ALIKE_SINGLE = 90.0
"""The same for a single word: "laughter" is 67 like "louder", "shop" 75 like "stop"."""

ALIKE_THROUGHOUT = 85.0
"""From here on a word that resembles nothing is a misheard one ("can't seal the timer"),
below it is another subject."""

LONGEST_MISHEARD = 5
"""Letters: a longer word that resembles nothing is another subject all the same ("what is the weather today")."""

WORD_ALIKE = 60.0
CUE_ALIKE = 75.0

_ADDRESSES = ("jarvis", "nabu", "mycroft", "alexa")
_GREETINGS = frozenset(("hey", "hay", "hi", "hello", "ok", "okay", "a"))
ADDRESS_ALIKE = 65.0
"""Recognisers write "travis", "jervis", "naboo"."""

DEBRIS_WORDS = 2
"""The tail of a wake word may be heard as this many other words before the sentence."""

SHORTEST_AFTER_DEBRIS = 3
"""Words a sentence must have to be found after such debris: "please stop" is for us, "the bus stop" is not."""

FEWEST_OVERHEARD = 3
"""Words of a sentence that can be told not to be for the assistant."""

_ASKING_TEXT = """
what who where when why how which whose is are was were do does did can could will would should may please tell
say show give set find play open close turn start stop make put call switch remind
"""
_ASKING = frozenset(_ASKING_TEXT.split())
_TO_YOU = frozenset(("you", "your", "yours", "please"))
_JOINT = re.compile(r" (?:and then|and also|and|then) ")

_POLITE = re.compile(
    r"(?:(?:please|so|well|now|um|uh|and|okay|ok|can you|could you|would you|will you|i want you to) )+"
)
_POLITE_AFTER = re.compile(r"(?: (?:please|now|thanks|thank you|for me|jarvis))+$")
_FILLERS = frozenset(
    (
        "a",
        "an",
        "the",
        "it",
        "is",
        "me",
        "to",
        "of",
        "for",
        "please",
        "now",
        "my",
        "your",
        "at",
        "on",
        "in",
        "you",
        "do",
    )
)
_NUMBER = re.compile(r"(?<![\w.:])\d+(?:\.\d+)?(?![\w.:])")

_REPEAT = ("repeat after me", "say after me", "repeat this after me", "repeat this")
_NAMED = re.compile(
    rf"(?:(?:called|named) (?P<called>[a-z ]+)|{PLACEHOLDER} for (?:the |my |a )?(?P<purpose>[a-z ]+))$"
)
_NAME_BEFORE = re.compile(r"\b(?:a|the|my|an) (?P<name>(?!(?:a|an|the|my|timer|new)\b)[a-z]+) timer\b")


@dataclass(frozen=True, slots=True)
class Intent:
    """A topic with its slots: what else was said that matters. `likeness` is 100 for the very words."""

    topic: Topic
    likeness: float
    number: Fraction | None = None
    duration_s: int | None = None
    name: str = ""
    words: str = ""
    sum: Sum | None = None


LONGEST_SENTENCE = 300
"""Characters: longer than anything that is a topic. Who writes a page is not asked what each half of it means."""


def understand_all(heard: str) -> list[Intent]:
    """What a sentence asks for, in order: one thing, two of them ("... and ..."), or nothing that is a topic.

    Two only where each half is meant by itself: "salt and stop" is one sentence of somebody else's.
    """
    whole = understand(heard)
    likeness = 0.0 if whole is None or " and " in whole.name else whole.likeness
    text = without_address(plain(heard))
    for joint in _JOINT.finditer(text) if len(text) <= LONGEST_SENTENCE else ():
        halves = [understand(text[: joint.start()]), understand(text[joint.end() :])]
        meant = [half for half in halves if half is not None and half.likeness > likeness]
        if len(meant) == len(halves):
            return meant
    return [whole] if whole is not None else []


def is_meant_for_us(heard: str) -> bool:
    """Whether something that is no topic was at least said to the assistant: by its name, as a question, to a "you".

    A word or two prove nothing either way, and are taken for meant.
    """
    text = plain(heard)
    words = text.split()
    return (
        len(words) < FEWEST_OVERHEARD
        or "?" in heard
        or without_address(text) != text
        or words[0] in _ASKING
        or not _TO_YOU.isdisjoint(words)
    )


def understand(heard: str) -> Intent | None:
    """What the sentence means, or None when it is none of the assistant's topics."""
    repeated = _words_to_repeat(heard)
    if repeated is not None:
        return repeated
    text = without_address(plain(heard))
    words = text.split()
    for skipped in range(min(DEBRIS_WORDS, len(words)) + 1):
        rest = " ".join(words[skipped:])
        if skipped and len(words) - skipped < SHORTEST_AFTER_DEBRIS:
            break
        bare = _POLITE_AFTER.sub("", _POLITE.sub("", rest, count=1))
        intents = [intent for intent in map(_understand, (rest, bare)) if intent is not None]
        if intents:
            return max(intents, key=lambda intent: intent.likeness)
    return None


def without_address(text: str) -> str:
    """Plain text without a wake word at its beginning, as well or badly as it was recognised."""
    words = text.split()
    if words and words[0] in _GREETINGS and len(words) > 1 and _is_address(words[1]):
        return " ".join(words[2:])
    if words and _is_address(words[0]):
        return " ".join(words[1:])
    return text


def _is_address(word: str) -> bool:
    return any(fuzz.ratio(word, name) >= ADDRESS_ALIKE for name in _ADDRESSES)


def _understand(text: str) -> Intent | None:
    found_sum = find_sum(text)
    if found_sum is not None:
        return Intent(Topic.SUM, 100.0, sum=found_sum)
    span = take_duration(text)
    if span is not None:
        duration_s, text = span
    else:
        duration_s = None
    name, text = _take_name(text)
    numbers = _NUMBER.findall(text)
    text = _NUMBER.sub("#", text)
    topic, likeness = max(
        ((topic, _likeness(text, phrases)) for topic, phrases in PHRASES.items()), key=lambda it: it[1]
    )
    if not likeness:
        return None
    number = Fraction(numbers[0]) if numbers else None
    return Intent(topic, likeness, number=number, duration_s=duration_s, name=name)


def _take_name(text: str) -> tuple[str, str]:
    """The name a timer is given ("pasta timer", "timer called pasta"), and the text without it."""
    named = _NAMED.search(text)
    if named is not None and "timer" in text:
        kept = PLACEHOLDER if named["purpose"] else ""
        return named["called"] or named["purpose"], f"{text[: named.start()]}{kept}".strip()
    before = _NAME_BEFORE.search(text)
    if before is not None and before["name"] != PLACEHOLDER:
        return before["name"], text.replace(f"{before['name']} timer", "timer", 1)
    return "", text


def _likeness(text: str, phrases: Phrases) -> float:
    """How like the best phrase `text` is, 0 if not like enough."""
    words = text.split()
    if phrases.cues and not any(fuzz.ratio(word, cue) >= CUE_ALIKE for word in words for cue in phrases.cues):
        return 0.0
    return max(_likeness_to(text, words, phrase) for phrase in phrases.texts)


def _likeness_to(text: str, words: list[str], phrase: str) -> float:
    likeness = fuzz.ratio(text, phrase)
    if likeness < (ALIKE if len(words) > 1 else ALIKE_SINGLE):
        return 0.0
    if text.count("#") > phrase.count("#") or (PLACEHOLDER in text) != (PLACEHOLDER in phrase):
        return 0.0  # a number or a span of time is never noise
    wanted = [word for word in phrase.split() if word not in _FILLERS] or [phrase]
    for word in words:
        if word in _FILLERS or max(fuzz.ratio(word, other) for other in wanted) >= WORD_ALIKE:
            continue
        if likeness < ALIKE_THROUGHOUT or len(word) > LONGEST_MISHEARD:
            return 0.0
    return likeness


def _words_to_repeat(heard: str) -> Intent | None:
    """REPEAT with the words that follow it, spelled as they were heard."""
    tokens = list(re.finditer(r"\S+", heard))
    bare = [re.sub(r"[^a-z]", "", token[0].lower()) for token in tokens]
    for begin in range(min(DEBRIS_WORDS + 1, len(bare)) + 1):
        for command in _REPEAT:
            size = len(command.split())
            said = " ".join(bare[begin : begin + size])
            if fuzz.ratio(said, command) < ALIKE_THROUGHOUT:
                continue
            words = heard[tokens[begin + size - 1].end() :].lstrip(" ,.:;!?-\n\t").strip()
            return Intent(Topic.REPEAT, 100.0, words=words)
    return None
