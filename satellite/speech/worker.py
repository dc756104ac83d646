"""The recogniser's own process: `python -m satellite.speech.worker ENGINE [MODEL_FOLDER]`, a socket as its input.

Loads the engine, says READY, then answers RECOGNISE after RECOGNISE until the other end is gone. What cannot be
helped is said as FAILED. It knows no more than this: no settings, no log of its own, no user's words on any output.
"""

import os
import signal
import socket
import sys
from pathlib import Path
from typing import Protocol

from satellite.core.errors import SpeechError
from satellite.speech import wire


class Engine(Protocol):
    """What turns sound into words."""

    def recognise(self, pcm: bytes) -> str:
        """The words in 16 kHz s16le mono sound; empty when there are none."""


def load(name: str, folder: Path | None) -> Engine:
    """The engine called `name`; its libraries are imported here and nowhere else. Raises SpeechError."""
    try:
        if name == "grammar":
            from satellite.speech.grammar import Grammar

            return Grammar()
        from satellite.speech.whisper import Whisper

        return Whisper(folder)
    except ImportError as error:
        raise SpeechError(f"recogniser '{name}' cannot be loaded, install the extra 'assistant': {error}") from error


def serve(link: socket.socket, name: str, folder: Path | None) -> None:
    """Answer requests on `link` until the other end closes it."""
    try:
        engine = load(name, folder)
    except SpeechError as error:
        wire.send(link, wire.FAILED, str(error).encode())
        return
    wire.send(link, wire.READY)
    while True:
        _, sound = wire.receive(link)
        try:
            wire.send(link, wire.TEXT, engine.recognise(sound).encode())
        except SpeechError as error:
            wire.send(link, wire.FAILED, str(error).encode())


def main() -> None:
    """Entry of the process."""
    # Ctrl-C reaches the whole group and systemd's SIGTERM the whole service; the daemon decides what they mean,
    # and a daemon that has gone closes the socket
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    name, *folder = sys.argv[1:]
    with socket.socket(fileno=os.dup(0)) as link:
        try:
            serve(link, name, Path(folder[0]) if folder else None)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return  # the daemon has closed its end, or died


if __name__ == "__main__":
    main()
