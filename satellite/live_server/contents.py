"""clientContent's turns as the history keeps them: their text, the tokens of their pictures and sound (LIVE_API 2.2).

Pure. Files by reference are taken and not looked at: what is in them is counted by nobody here.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from satellite.core.pcm import CAPTURE_RATE_HZ
from satellite.live.messages import Blob, Content
from satellite.live.models import VERTEX
from satellite.live_server.audio_input import AudioInput
from satellite.live_server.history import Entry
from satellite.live_server.model_rules import text_of
from satellite.live_server.pictures import FRAME_TOKENS, is_picture, look_at
from satellite.live_server.refusals import invalid_argument
from satellite.live_server.replies import audio_tokens, text_tokens
from satellite.live_server.session_rules import SessionRules


@dataclass(slots=True)
class Written:
    """What a clientContent says."""

    entries: list[Entry] = field(default_factory=list)
    pcm: bytes = b""
    """What the user's turns since the model's last one hold of sound, 16 kHz s16le mono."""
    instruction: str | None = None
    """A turn of role system: Vertex AI takes it for a new system instruction."""


def read(turns: Sequence[Content], rules: SessionRules) -> Written:
    """The turns, in order. Raises Refusal for a role that is none, and for data that is neither picture nor PCM."""
    written = Written()
    for turn in turns:
        if turn.role == "system" and rules.backend == VERTEX:
            written.instruction = text_of(turn)
            continue
        if turn.role not in ("", "user", "model"):
            raise invalid_argument(f"a turn of role {turn.role!r}: user or model")
        entry, pcm = _entry(turn, rules)
        written.pcm = b"" if entry.role == "model" else written.pcm + pcm
        written.entries.append(entry)
    return written


def _entry(turn: Content, rules: SessionRules) -> tuple[Entry, bytes]:
    text = text_of(turn)
    blobs = [part.inline_data for part in turn.parts if part.inline_data is not None]
    pictures = [blob for blob in blobs if is_picture(blob)]
    for blob in pictures:
        look_at(blob)
    pcm = b"".join(_pcm(blob) for blob in blobs if not is_picture(blob))
    called = [part.function_call or part.function_response for part in turn.parts]
    calls = "".join(
        json.dumps(call.model_dump(mode="json", exclude_defaults=True)) for call in called if call is not None
    )
    entry = Entry(
        "model" if turn.role == "model" else "user",
        text,
        text_tokens(text) + text_tokens(calls),
        audio_tokens(len(pcm), CAPTURE_RATE_HZ),
        image_tokens=len(pictures) * FRAME_TOKENS[rules.media_resolution],
    )
    return entry, pcm


def _pcm(blob: Blob) -> bytes:
    audio = AudioInput()
    return audio.accept(blob.data, blob.mime_type) + audio.flush()
