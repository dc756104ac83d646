"""The googleSearch tool: a real search over documents of this machine, by default the project's own.

A sentence answers a question if it has most of the question's words, the rare ones above all; words may be spelt a
little differently. Nothing is made up: what is said is a sentence as it stands in a document.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from rapidfuzz import fuzz, process

from satellite.live.messages import JsonObject

WORD_ALIKE = 88.0
"""Likeness (0 to 100) from which two words are one: "timer" and "timers", "colour" and "color"."""

COVERED = 0.6
"""Share of the question's weight that a sentence must have."""

FEWEST_WORDS = 2
"""Words of the question that must be found: one alone proves nothing."""

DISTRIBUTION = "voice-satellite"
"""The package's name where it is installed (pyproject.toml)."""

SENTENCE_WORDS = range(4, 61)
"""A shorter sentence says nothing, a longer one is a list that nobody wants to hear."""

_COMMON_TEXT = """
a an and any are as at be by can could did do does for from has have how i in into is it its me my of on or our
please so tell that the their them there these they this to us was we were what when where which who why will
with would you your about know mean means
long take takes much many often get gets give need needs
"""
_COMMON = frozenset(_COMMON_TEXT.split())
_WORD = re.compile(r"[a-z0-9]+(?:[.'_-][a-z0-9]+)*")
_FENCE = re.compile(r"^```.*?^```\s*?$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_MARKUP = re.compile(r"[*`]+|^\s*(?:[-*+]|\d+\.)\s+|^\s*>\s?", re.MULTILINE)
_SENTENCE = re.compile(r".+?(?:[.!?](?=\s|$)|$)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Document:
    """A text in Markdown, with where it is."""

    title: str
    uri: str
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """A sentence that answers a query, and whose it is."""

    query: str
    sentence: str
    title: str
    uri: str

    def grounding(self) -> JsonObject:
        """As groundingMetadata tells it: what was looked for, where it was found, what of the reply rests on it."""
        segment = {"endIndex": len(self.sentence.encode()), "text": self.sentence}
        return {
            "webSearchQueries": [self.query],
            "groundingChunks": [{"web": {"uri": self.uri, "title": self.title}}],
            "groundingSupports": [{"segment": segment, "groundingChunkIndices": [0]}],
        }


class Library:
    """Documents made ready for searching. Immutable after its making."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._sentences = [(sentence, document) for document in documents for sentence in _sentences_of(document.text)]
        self._places: dict[str, set[int]] = defaultdict(set)
        """In which sentences a word stands, by their number."""
        for number, (sentence, _) in enumerate(self._sentences):
            for word in _words(sentence):
                self._places[word].add(number)
        self._vocabulary = list(self._places)

    def find(self, question: str) -> Found | None:
        """The sentence that fits a question best, or None if none fits well."""
        words = list(dict.fromkeys(word for word in _words(question) if word not in _COMMON))
        weight_of: dict[int, float] = defaultdict(float)
        found_in: Counter[int] = Counter()
        whole_weight = 0.0
        for word in words:
            alike = process.extract(word, self._vocabulary, scorer=fuzz.ratio, score_cutoff=WORD_ALIKE, limit=None)
            places = {number for other, _, _ in alike for number in self._places[other]}
            weight = math.log(1 + len(self._sentences) / (1 + len(places)))
            whole_weight += weight
            for number in places:
                weight_of[number] += weight
                found_in[number] += 1
        fitting = [
            number
            for number, weight in weight_of.items()
            if weight >= COVERED * whole_weight and found_in[number] >= FEWEST_WORDS
        ]
        if not fitting:
            return None
        asked = " ".join(words)
        best = max(
            fitting, key=lambda number: (weight_of[number], fuzz.ratio(asked, self._sentences[number][0]), -number)
        )
        sentence, document = self._sentences[best]
        return Found(asked, sentence, document.title, document.uri)


@cache
def own_library() -> Library:
    """The project's documents: those of the checkout, or, where it is installed, the text of the package."""
    return Library(list(_own_documents()))


def _own_documents() -> Iterator[Document]:
    root = Path(__file__).parents[2]
    paths = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    texts = [(path, path.read_text(encoding="utf-8")) for path in paths if path.is_file()]
    if texts and (root / "pyproject.toml").is_file():
        for path, text in texts:
            heading = re.search(r"^# (.+)$", text, re.MULTILINE)
            yield Document(heading[1].strip() if heading else path.name, path.as_uri(), text)
        return
    try:
        distribution = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return
    described = distribution.read_text("METADATA") or ""
    _, _, text = described.partition("\n\n")
    yield Document(DISTRIBUTION, Path(str(distribution.locate_file(""))).as_uri(), text)


def _sentences_of(text: str) -> Iterator[str]:
    """The sentences of the paragraphs and list items; headings, tables and code are none."""
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*(?:[-*+]|\d+\.)\s)", _FENCE.sub("\n\n", text)):
        if paragraph.lstrip().startswith(("#", "|", "<")):
            continue
        plain = " ".join(_MARKUP.sub("", _LINK.sub(r"\1", paragraph)).split())
        for match in _SENTENCE.finditer(plain):
            sentence = match[0].strip()
            if len(sentence.split()) in SENTENCE_WORDS:
                yield sentence


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
