"""What is told beside the text of a transcript, where the setup asked for it (LIVE_API 3.1). Pure.

Nothing here listens. The instants of the words are estimates: an utterance is taken to be spoken evenly, letter by
letter, from its first sample to its last. Voices are not told apart: whoever speaks is the one speaker there is. The
language is the first of those that the client expects. A client can try its reading of these fields on them, not
measure a recogniser.
"""

import re
from collections.abc import Iterator, Sequence

from satellite.live.messages import Transcription, WordInfo
from satellite.live_server.session_rules import TranscriptRules

LANGUAGE = "en-US"
"""Of a transcript where the client expects none: the recogniser and the voice know English."""

SPEAKER = "Speaker 1"
"""Everybody."""


def transcriptions(
    pieces: Sequence[str], duration_s: float, rules: TranscriptRules, from_s: float = 0.0
) -> Iterator[Transcription]:
    """One for each piece of a text that takes `duration_s`, and begins `from_s` after the first sample of its turn.

    Pieces may be split inside words: a word is told once, with the piece that holds its last letter.
    """
    if not (rules.word_timestamps or rules.diarization or rules.language_codes):
        for piece in pieces:
            yield Transcription(text=piece)
        return
    language = rules.language_codes[0] if rules.language_codes else LANGUAGE
    speaker = SPEAKER if rules.diarization else ""
    words = _words("".join(pieces), duration_s, from_s) if rules.word_timestamps else []
    end = 0
    for piece in pieces:
        end += len(piece)
        told = []
        while words and words[0][0] <= end:
            told.append(words.pop(0)[1])
        yield Transcription(text=piece, language_code=language, speaker_label=speaker, words=told)


def _words(text: str, duration_s: float, from_s: float) -> list[tuple[int, WordInfo]]:
    """Each word with its place in time, behind the place in the text where it ends."""
    a_letter_s = duration_s / max(1, len(text))
    return [
        (
            found.end(),
            WordInfo(
                word=found[0],
                start_offset=_offset(from_s + found.start() * a_letter_s),
                end_offset=_offset(from_s + found.end() * a_letter_s),
            ),
        )
        for found in re.finditer(r"\S+", text)
    ]


def _offset(at_s: float) -> str:
    """A protobuf Duration: `0.440s`."""
    return f"{at_s:.3f}s"
