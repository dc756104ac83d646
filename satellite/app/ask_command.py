"""`satellite ask`: what a shell sees of one turn. Exit statuses as in cli.py; only the answer is on stdout."""

import argparse
import asyncio
import json
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from satellite.app.ask import Answer, NoAnswerError, Question, ask
from satellite.app.embedded import EmbeddedServer
from satellite.core.errors import SatelliteError
from satellite.core.past import PastTurn, Role
from satellite.core.pcm import REPLY_RATE_HZ, SAMPLE_BYTES
from satellite.settings import Settings

LONGEST_QUESTION_S = 600
LONGEST_TEXT = 100_000


LARGEST_PICTURE_BYTES = 8 * 1024 * 1024
JPEG_MARK = b"\xff\xd8\xff"


class _Turn(BaseModel):
    """One turn of a history that is given."""

    model_config = ConfigDict(extra="forbid")

    role: Role
    text: Annotated[str, Field(min_length=1)]


HISTORY = TypeAdapter(list[_Turn])


class QuestionError(SatelliteError):
    """What was given on the command line cannot be asked."""


def question_of(arguments: argparse.Namespace) -> Question:
    """The question: text, `-` for standard input, or a WAV file. Raises QuestionError."""
    if (arguments.text is None) == (arguments.audio is None):
        raise QuestionError('ask: give either a text or --audio FILE, e.g. satellite ask "what time is it"')
    picture = read_picture(arguments.picture) if arguments.picture else b""
    history = read_history(arguments.history) if arguments.history else ()
    if arguments.audio is not None:
        sound, rate_hz = read_wav(arguments.audio)
        return Question(sound=sound, rate_hz=rate_hz, picture=picture, history=history)
    text = sys.stdin.read(LONGEST_TEXT + 1) if arguments.text == "-" else arguments.text
    if not text.strip():
        raise QuestionError("ask: the text is empty")
    if len(text) > LONGEST_TEXT:
        raise QuestionError(f"ask: the text is longer than {LONGEST_TEXT} characters")
    return Question(text=text.strip(), picture=picture, history=history)


def read_picture(path: Path) -> bytes:
    """A JPEG as it is. Raises QuestionError."""
    jpeg = _read(path, "--picture", LARGEST_PICTURE_BYTES)
    if not jpeg.startswith(JPEG_MARK):
        raise QuestionError(f"--picture: {path}: is no JPEG")
    return jpeg


def read_history(path: Path) -> tuple[PastTurn, ...]:
    """Turns of both roles, from JSON: [{"role": "user", "text": "..."}, {"role": "model", "text": "..."}]."""
    try:
        turns = HISTORY.validate_json(_read(path, "--history", LONGEST_TEXT))
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, problem["loc"])) or "the file"
        raise QuestionError(f"--history: {path}: {place}: {problem['msg']}") from None
    return tuple(PastTurn(turn.role, turn.text) for turn in turns)


def _read(path: Path, option: str, most_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise QuestionError(f"{option}: {path}: cannot be read: {error.strerror}") from None
    if len(content) > most_bytes:
        raise QuestionError(f"{option}: {path}: is larger than {most_bytes} bytes")
    return content


def read_wav(path: Path) -> tuple[bytes, int]:
    """(s16le mono, rate in Hz) of a WAV file with 16 bit samples; several channels are mixed. Raises QuestionError."""
    try:
        with wave.open(str(path)) as file:
            channels, width, rate_hz = file.getnchannels(), file.getsampwidth(), file.getframerate()
            if width != SAMPLE_BYTES:
                raise QuestionError(f"--audio: {path}: expected 16 bit samples, not {8 * width} bit")
            if file.getnframes() > LONGEST_QUESTION_S * rate_hz:
                raise QuestionError(f"--audio: {path}: is longer than {LONGEST_QUESTION_S} s")
            sound = file.readframes(file.getnframes())
    except OSError as error:
        raise QuestionError(f"--audio: {path}: cannot be read: {error.strerror}") from None
    except (wave.Error, EOFError) as error:
        raise QuestionError(f"--audio: {path}: is no WAV file: {error or 'it ends too early'}") from None
    if not sound:
        raise QuestionError(f"--audio: {path}: there is no sound in it")
    samples = np.frombuffer(sound[: len(sound) - len(sound) % (SAMPLE_BYTES * channels)], dtype="<i2")
    mono = samples.reshape(-1, channels).mean(axis=1).astype("<i2") if channels > 1 else samples
    return mono.tobytes(), rate_hz


def write_wav(path: Path, sound: bytes | bytearray) -> None:
    """24 kHz mono 16 bit. Raises NoAnswerError."""
    try:
        with path.open("wb") as raw, wave.open(raw) as file:
            file.setnchannels(1)
            file.setsampwidth(SAMPLE_BYTES)
            file.setframerate(REPLY_RATE_HZ)
            file.writeframes(bytes(sound))
    except OSError as error:
        raise NoAnswerError(f"--out: {path}: cannot be written: {error.strerror}") from None


def as_json(answer: Answer, out: Path | None) -> dict[str, Any]:
    """Everything that came back, for a script."""
    tokens = answer.tokens
    return {
        "text": answer.text.strip(),
        "heard": answer.heard.strip(),
        "heard_words": [
            {"text": word.text, "start_ms": word.start_ms, "end_ms": word.end_ms} for word in answer.heard_words
        ],
        "heard_language": answer.heard_language,
        "speakers": answer.speakers,
        "thoughts": answer.thoughts.strip(),
        "audio": str(out) if out else None,
        "duration_ms": answer.duration_ms,
        "model": answer.model,
        "reason": answer.reason,
        "connect_ms": answer.connect_ms,
        "first_ms": answer.first_ms,
        "tokens": {
            "prompt": dict(tokens.prompt),
            "response": dict(tokens.response),
            "thoughts": tokens.thoughts,
            "tool_use": tokens.tool_use,
            "cached": tokens.cached,
            "total": tokens.total,
        },
        "cost": answer.cost,
        "currency": answer.currency,
        "sources": [{"title": source.title, "uri": source.uri} for source in answer.sources],
        "searches": answer.searches,
    }


def run_ask(arguments: argparse.Namespace, settings: Settings) -> int:
    """Hold the turn and print it; 0, or 2 where the question is none. Raises ConfigError, NoAnswerError, OSError."""
    try:
        question = question_of(arguments)
        if arguments.out is not None and not arguments.out.parent.is_dir():
            raise QuestionError(f"--out: there is no folder {arguments.out.parent}")
    except QuestionError as error:
        print(f"satellite {error}", file=sys.stderr)
        return 2
    progress = _quiet if arguments.quiet else progress_on(sys.stderr)
    try:
        answer = asyncio.run(_ask(settings, question, arguments, progress))
    finally:
        progress("")
    if arguments.out is not None:
        if not answer.sound:
            raise NoAnswerError("--out: the answer has no sound")
        write_wav(arguments.out, answer.sound)
    if arguments.json:
        print(json.dumps(as_json(answer, arguments.out), ensure_ascii=False))
    else:
        print(answer.text.strip())
    return 0


async def _ask(
    settings: Settings, question: Question, arguments: argparse.Namespace, progress: Callable[[str], None]
) -> Answer:
    wants_sound = arguments.out is not None
    if not arguments.substitute:
        return await ask(settings, question, wants_sound=wants_sound, progress=progress)
    async with EmbeddedServer(settings) as substituted:
        return await ask(substituted, question, wants_sound=wants_sound, progress=progress)


def progress_on(stream: Any) -> Callable[[str], None]:
    """One line that changes on a terminal, one line for each step elsewhere; "" ends it."""
    shown = ""

    def show(text: str) -> None:
        nonlocal shown
        step = text.partition(",")[0]
        if stream.isatty():
            stream.write(f"\r\x1b[K{text}")
        elif text and step != shown:
            stream.write(f"{step}\n")
        shown = step
        stream.flush()

    return show


def _quiet(_: str) -> None:
    """Nothing is shown."""
