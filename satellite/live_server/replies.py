"""A reply cut into what goes over the wire: chunks of audio with the words that fall on them, and token counts.

Pure. Sizes and rates by LIVE_API 3.2 and 3.3.
"""

import re
from collections.abc import Iterator

from satellite.core.pcm import REPLY_RATE_HZ, SAMPLE_BYTES

FIRST_CHUNK_BYTES = 9_600
CHUNK_BYTES = 11_520
"""200 ms, then 240 ms: the sizes in Google's recordings."""

REPLY_MIME_TYPE = "audio/pcm;rate=24000"

PIECE_CHARACTERS = 12
"""Length of a piece of input transcript. Pieces are split inside words, as real ones are (cookbook#951)."""

AUDIO_TOKENS_PER_S = 25
TEXT_CHARACTERS_PER_TOKEN = 4


def seconds_of(size_bytes: int, rate_hz: int = REPLY_RATE_HZ) -> float:
    """How long so much s16le mono audio lasts, in seconds."""
    return size_bytes / (SAMPLE_BYTES * rate_hz)


def sentences(words: str) -> list[str]:
    """The sentences of a reply; joined they are `words`."""
    return [match[0] for match in re.finditer(r".+?(?:[.!?]+\s+|$)", words, re.DOTALL)]


def cut_reply(pcm: bytes, words: str, *, goes_on: bool = False) -> Iterator[tuple[bytes, str]]:
    """Chunks of a reply, or of one that goes on, each with the piece of its transcript; joined these are `words`."""
    begin = 0
    while begin < len(pcm):
        end = min(begin + (CHUNK_BYTES if begin or goes_on else FIRST_CHUNK_BYTES), len(pcm))
        yield pcm[begin:end], words[len(words) * begin // len(pcm) : len(words) * end // len(pcm)]
        begin = end


def cut_text(text: str) -> list[str]:
    """A text in pieces to be concatenated raw."""
    return [text[begin : begin + PIECE_CHARACTERS] for begin in range(0, len(text), PIECE_CHARACTERS)]


def in_messages(pieces: list[str]) -> Iterator[list[str]]:
    """The pieces of a text as they share messages: every other message has two, as a client must read all parts."""
    begin, size = 0, 1
    while begin < len(pieces):
        yield pieces[begin : begin + size]
        begin, size = begin + size, 3 - size


def within_tokens(words: str, most_tokens: int | None) -> str:
    """The words up to maxOutputTokens, by what a token is as text; None: all of them."""
    return words if most_tokens is None else words[: most_tokens * TEXT_CHARACTERS_PER_TOKEN]


def text_tokens(text: str) -> int:
    """Tokens of a text, roughly."""
    return -(-len(text) // TEXT_CHARACTERS_PER_TOKEN)


def audio_tokens(size_bytes: int, rate_hz: int) -> int:
    """Tokens of so much audio."""
    return -(-size_bytes * AUDIO_TOKENS_PER_S // (SAMPLE_BYTES * rate_hz))
