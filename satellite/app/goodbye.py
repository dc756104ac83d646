"""SIGTERM and SIGINT: goodbye within 2 s, whatever hangs.

A thread of its own reads the signal (the C handler writes it to a socket even while the main thread is
stuck in a call), asks the loop to stop, and ends the process by force when that has not happened in time.
"""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

GOODBYE_DEADLINE_S = 1.9
"""From the signal to the end of the process: under the 2 s that are promised."""


@contextmanager
def on_goodbye(ask: Callable[[], object]) -> Iterator[None]:
    """Within the block, `ask` is called (from another thread) for the first SIGTERM or SIGINT."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    done = threading.Event()
    before = {number: signal.signal(number, _python_handler) for number in (signal.SIGTERM, signal.SIGINT)}
    wakeup_before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader, ask, done), name="goodbye", daemon=True).start()
    try:
        yield
    finally:
        done.set()
        signal.set_wakeup_fd(wakeup_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        writer.close()


def _watch(reader: socket.socket, ask: Callable[[], object], done: threading.Event) -> None:
    with reader:
        if not reader.recv(1):
            return  # the block has ended without a signal
    ask()
    if not done.wait(GOODBYE_DEADLINE_S):
        os._exit(0)  # it was asked for: not a failure that systemd should repair


def _python_handler(number: int, frame: FrameType | None) -> None:
    """Installed so that Python writes the signal to the wake-up socket instead of dying of it."""
