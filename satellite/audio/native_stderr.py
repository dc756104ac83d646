"""Keeps what ALSA, JACK and PortAudio print to file descriptor 2 out of the journal.

Enumerating devices prints a hundred lines on a healthy machine. While a call is under way, descriptor 2
is a pipe: its reader logs what is recognised as theirs at DEBUG and writes everything else, Python's own
output included, to where it was going. The pipe lives as long as the process, so that a child started meanwhile keeps a
working stderr; a call that hangs gets the real descriptor back after LONGEST_S.
"""

import logging
import os
import re
import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_LOG = logging.getLogger(__name__)

LONGEST_S = 3.0
"""Longest time that descriptor 2 is not the real one."""

_PARTIAL_LINE_S = 0.1
"""How long a line may be without its end before it is passed on as it is."""

_END_OF_WINDOW = b"\0"
"""Written behind what a window let through: the reader has then passed on everything before it."""

_END_WAIT_S = 1.0
"""Longest wait for the reader at the end of a window."""

_NOISE = re.compile(
    rb"^(ALSA lib |Expression '|Jack|jack server |Cannot connect to server |Cannot lock down |connect\(2\) call to "
    rb"|attempt to connect to server failed|PaHost|aplay: |\s*$)"
)
"""How a line of theirs begins; an empty one follows some of ALSA's."""


class NativeStderr:
    """The one descriptor 2 of the process. Windows may overlap and be opened on any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open_windows = 0
        self._real_fd: int | None = None
        self._pipe_fd: int | None = None
        self._restore_at = 0.0
        self._drained = threading.Event()

    @contextmanager
    def sorted(self) -> Iterator[None]:
        """Sort what is printed until the block ends. Without a descriptor 2, do nothing."""
        self._enter()
        try:
            yield
        finally:
            self._leave()

    def _enter(self) -> None:
        with self._lock:
            self._open_windows += 1
            if self._open_windows > 1:
                return
            try:
                real_fd = os.dup(2)
            except OSError:
                return  # a daemon without a stderr: nothing to keep clean
            if self._pipe_fd is None:
                read_fd, self._pipe_fd = os.pipe()
                threading.Thread(target=self._read, args=(read_fd,), name="native-stderr", daemon=True).start()
            self._real_fd = real_fd
            self._restore_at = time.monotonic() + LONGEST_S
            os.dup2(self._pipe_fd, 2)

    def _leave(self) -> None:
        with self._lock:
            self._open_windows -= 1
            if self._open_windows or self._real_fd is None or self._pipe_fd is None:
                return
            self._restore()
            self._drained.clear()
            os.write(self._pipe_fd, _END_OF_WINDOW + b"\n")
        self._drained.wait(_END_WAIT_S)

    def _restore(self) -> None:
        """Give descriptor 2 back; the lock is held."""
        if self._real_fd is not None:
            os.dup2(self._real_fd, 2)
            os.close(self._real_fd)
            self._real_fd = None

    def _read(self, read_fd: int) -> None:
        """The reader's thread: lines from the pipe, to the log or on to where they were going."""
        pending = b""
        while True:
            readable, _, _ = select.select([read_fd], [], [], _PARTIAL_LINE_S if pending else LONGEST_S / 2)
            if readable:
                *lines, pending = (pending + os.read(read_fd, 65_536)).split(b"\n")
                for line in lines:
                    if line.endswith(_END_OF_WINDOW):
                        self._sort(line.removesuffix(_END_OF_WINDOW))
                        self._drained.set()
                    else:
                        self._sort(line + b"\n")
            elif pending:
                self._sort(pending)
                pending = b""
            with self._lock:
                if self._real_fd is not None and time.monotonic() >= self._restore_at:
                    self._restore()

    def _sort(self, line: bytes) -> None:
        if not line:
            return
        if _NOISE.match(line):
            # Prefixed, so that a log that goes to descriptor 2 itself is not taken for noise again.
            _LOG.debug("native: %s", line.decode(errors="replace").rstrip())
            return
        with self._lock:
            # Outside a window descriptor 2 is the real one again.
            os.write(2 if self._real_fd is None else self._real_fd, line)


NATIVE_STDERR = NativeStderr()
"""There is one descriptor 2, so there is one of these."""
