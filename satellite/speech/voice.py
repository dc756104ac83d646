"""The satellite's own voice: flite, run as a program for one text at a time.

Text and sound go through memory files, not through pipes or the command line: flite cannot read its text from a
pipe (it hangs), writes its file piece by piece and goes back to its head, and a command line is
readable by every user. Nothing of the text meets a shell. flite's voices have 16 kHz; a whole utterance is brought
to the wanted rate at once, by its spectrum, which keeps every frequency it has and adds none.
"""

import asyncio
import io
import os
import subprocess
import threading
import unicodedata
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from math import gcd

import numpy as np

from satellite.core.errors import SpeechError
from satellite.core.pcm import REPLY_RATE_HZ

PROGRAM = "flite"

HUNG_AFTER_S = 60.0
"""Real seconds; flite speaks 50 times faster than real time."""

LONGEST_CHARACTERS = 20_000
"""About half an hour of talk; what goes beyond is not spoken."""

_PLAIN = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": ", ", "\u2014": ", ", "\u2026": "."}
)

_EDGE_SAMPLES = 400
"""Silence around the utterance while it is resampled: a spectrum joins the end to the beginning."""


class Voice:
    """One of flite's voices at one rate. On the loop; each sentence is a job of its executor."""

    def __init__(self, voice: str, rate_hz: int = REPLY_RATE_HZ) -> None:
        self._voice = voice
        self._rate_hz = rate_hz

    async def speak(self, text: str) -> bytes:
        """`text` spoken: s16le mono at the voice's rate, empty if there is nothing to pronounce. Raises SpeechError.

        Cancelling ends the program.
        """
        speaking = _Speaking(text, self._voice, self._rate_hz)
        try:
            return await asyncio.get_running_loop().run_in_executor(None, speaking.run)
        except asyncio.CancelledError:
            speaking.stop()
            raise


def synthesise(text: str, voice: str, rate_hz: int) -> bytes:
    """`text` spoken by `voice`: s16le mono at `rate_hz`. Blocks for about 0.1 s. Raises SpeechError."""
    return _Speaking(text, voice, rate_hz).run()


class _Speaking:
    """One text on its way through flite: `run` blocks in one thread, `stop` may come from another."""

    def __init__(self, text: str, voice: str, rate_hz: int) -> None:
        self._text = pronounceable(text)
        self._voice = voice
        self._rate_hz = rate_hz
        self._lock = threading.Lock()
        self._stopped = False
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> bytes:
        """The sound. Raises SpeechError."""
        if not self._text:
            return b""
        with _memory_file("text", self._text.encode()) as words, _memory_file("speech") as sound:
            self._speak(words, sound)
            recorded = _content(sound)
        try:
            with wave.open(io.BytesIO(recorded)) as recording:
                pcm, rate_hz = recording.readframes(recording.getnframes()), recording.getframerate()
        except (wave.Error, EOFError) as error:
            raise SpeechError(f"{PROGRAM} gave no sound for voice '{self._voice}'") from error
        return resample(pcm, rate_hz, self._rate_hz)

    def stop(self) -> None:
        """End the program, if it runs or is about to."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()

    def _speak(self, words: int, sound: int) -> None:
        files = ("-f", f"/proc/self/fd/{words}", "-o", f"/proc/self/fd/{sound}")
        with self._lock:
            if self._stopped:
                raise SpeechError("speaking was cancelled")
            try:
                self._process = subprocess.Popen(
                    (PROGRAM, "-voice", self._voice, *files),
                    pass_fds=(words, sound),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                )
            except FileNotFoundError as error:
                raise SpeechError(f"there is no voice: the program {PROGRAM} is not installed") from error
            except OSError as error:
                raise SpeechError(f"there is no voice: {PROGRAM} cannot be started: {error}") from error
        with self._process as process:
            try:
                _, complaint = process.communicate(timeout=HUNG_AFTER_S)
            except subprocess.TimeoutExpired as error:
                process.kill()
                raise SpeechError(f"{PROGRAM} has not finished within {HUNG_AFTER_S:.0f} s") from error
        if process.returncode:
            reason = " ".join(complaint.decode(errors="replace").split()) or f"status {process.returncode}"
            raise SpeechError(f"{PROGRAM} failed: {reason}")


def pronounceable(text: str) -> str:
    """`text` as flite can read it: ASCII, accents dropped, one line, at most LONGEST_CHARACTERS."""
    bare = unicodedata.normalize("NFKD", text.translate(_PLAIN)).encode("ascii", "ignore").decode()
    line = " ".join("".join(c if c.isprintable() else " " for c in bare).split())[:LONGEST_CHARACTERS]
    return line if any(character.isalnum() for character in line) else ""


def resample(pcm: bytes, from_hz: int, to_hz: int) -> bytes:
    """A whole s16le mono utterance at another rate, by its spectrum. Not for streams."""
    if from_hz == to_hz or not pcm:
        return pcm
    common = gcd(from_hz, to_hz)
    up, down = to_hz // common, from_hz // common
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    wanted = -(-len(samples) * up // down)
    edge = _EDGE_SAMPLES * down
    padded_size = 2 * edge + len(samples)
    padded_size += -padded_size % (2 * down)
    padded = np.zeros(padded_size)
    padded[edge : edge + len(samples)] = samples
    spectrum = np.fft.rfft(padded)
    resized = padded_size * up // down
    kept = np.zeros(resized // 2 + 1, complex)
    shared = min(len(spectrum), len(kept)) - 1  # without the highest bin, which is half of two
    kept[:shared] = spectrum[:shared]
    moved = np.fft.irfft(kept, resized) * (up / down)
    begin = edge * up // down
    heard = np.clip(np.round(moved[begin : begin + wanted]), -32768, 32767)
    return heard.astype("<i2").tobytes()


@contextmanager
def _memory_file(name: str, content: bytes = b"") -> Iterator[int]:
    """A file in memory that a child can open under /proc/self/fd."""
    descriptor = os.memfd_create(name)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
        yield descriptor
    finally:
        os.close(descriptor)


def _content(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, size, 0)
