"""A reply cut into what goes over the wire: chunks of audio with the words that fall on them, and token counts.

Pure. Sizes and rates by LIVE_API 3.2 and 3.3.
"""

import re
from collections.abc import Iterator

from satellite.core.pcm import REPLY_RATE_HZ, SAMPLE_BYTES
from satellite.live.messages import ModalityTokenCount, UsageMetadata
from satellite.live_server.history import Entry

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


def text_tokens(text: str) -> int:
    """Tokens of a text, roughly."""
    return -(-len(text) // TEXT_CHARACTERS_PER_TOKEN)


def audio_tokens(size_bytes: int, rate_hz: int) -> int:
    """Tokens of so much audio."""
    return -(-size_bytes * AUDIO_TOKENS_PER_S // (SAMPLE_BYTES * rate_hz))


def usage_of(context: list[Entry], response: Entry | None) -> UsageMetadata:
    """The count of a turn: all that went in, and what the model has said."""
    prompt_text = sum(entry.text_tokens for entry in context)
    prompt_audio = sum(entry.audio_tokens for entry in context)
    response_text = response.text_tokens if response else 0
    response_audio = response.audio_tokens if response else 0
    prompt, said = prompt_text + prompt_audio, response_text + response_audio
    return UsageMetadata(
        prompt_token_count=prompt,
        response_token_count=said,
        total_token_count=prompt + said,
        prompt_tokens_details=_details(prompt_text, prompt_audio),
        response_tokens_details=_details(response_text, response_audio),
    )


def _details(text: int, audio: int) -> list[ModalityTokenCount]:
    counts = {"TEXT": text, "AUDIO": audio}
    return [ModalityTokenCount(modality=name, token_count=count) for name, count in counts.items() if count]
