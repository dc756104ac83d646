"""Where an ephemeral token comes from, freshly for each attempt: a URL, or a program (LIVE_API 1.2).

Blocking functions, run in a thread by credentials.py. Their errors are CredentialError: fatal where somebody has to
change something, else worth another try. No error text holds a secret.
"""

import json
import logging
import os
import re
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from satellite.core.errors import CredentialError
from satellite.live.http_post import post_json

log = logging.getLogger(__name__)

MAX_TOKEN_CHARACTERS = 8192
"""Beyond this it is no token."""

KEPT_OUTPUT_BYTES = 64 * 1024
"""The end of what a program prints; more is not looked at."""

POLL_S = 0.1
"""How soon the end of a program is noticed when something it started keeps its output open (ssh's master does)."""

SHOWN_CHARACTERS = 200
"""Longest piece of a program's complaint that is shown."""

WRONG_CONFIGURATION = 78
NOT_ALLOWED = 77
"""Exit statuses that another try will not change (sysexits.h: EX_CONFIG, EX_NOPERM)."""

RETRY_STATUSES = frozenset({408, 425, 429})
"""HTTP statuses below 500 that pass by themselves."""

NOT_FOR_PROGRAMS = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")
"""What systemd gave to us alone."""

SECRET_LIKE = re.compile(
    r"auth_tokens/|AIza|ya29\.|eyJ|-----BEGIN|\b(bearer|token|password|secret|key)\b\s*[:=]|[\w+/=.-]{32,}",
    re.IGNORECASE,
)
"""What a line must not look like to be shown."""


def token_from_url(url: str, authorization: str, *, timeout_s: float) -> str:
    """POST and read `name` or `token` of the JSON that comes back."""
    headers = {"Authorization": authorization} if authorization else {}
    try:
        answer = post_json(url, b"{}", headers, timeout_s=timeout_s)
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise CredentialError(f"No token: live.token.url cannot be reached: {_shown(reason)}", fatal=False) from None
    if answer.status in (401, 403):
        raise CredentialError(
            f"The token service refused us (HTTP {answer.status}). Check live.token.authorization.", fatal=True
        )
    if 300 <= answer.status < 400:
        raise CredentialError(
            "The token service redirects elsewhere, and nothing is sent there. Check live.token.url.", fatal=True
        )
    if not 200 <= answer.status < 300:
        fatal = answer.status < 500 and answer.status not in RETRY_STATUSES
        advice = " Check live.token.url." if fatal else ""
        raise CredentialError(f"No token: HTTP {answer.status} from live.token.url.{advice}", fatal=fatal)
    try:
        body = json.loads(answer.body)
    except ValueError:
        body = None
    token = (body.get("name") or body.get("token")) if isinstance(body, dict) else None
    if not isinstance(token, str) or not is_token(token):
        raise CredentialError(
            "The answer of the token service holds no token: expected JSON with `name` or `token`. "
            "Check live.token.url.",
            fatal=True,
        )
    return token


def is_token(text: str) -> bool:
    """Whether it fits into a header: printable ASCII without blanks."""
    return 0 < len(text) <= MAX_TOKEN_CHARACTERS and all("!" <= letter <= "~" for letter in text)


class TokenProgram:
    """live.token.command. `fetch` in a thread, `stop` from any: it ends the program and what it started."""

    def __init__(
        self, command: Sequence[str], *, timeout_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._command = tuple(command)
        self._timeout_s = timeout_s
        self._clock = clock
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def fetch(self) -> str:
        """Run it, without a shell, and take the last line it prints."""
        name = Path(self._command[0]).name
        try:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                env={name: value for name, value in os.environ.items() if name not in NOT_FOR_PROGRAMS},
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "its arguments cannot be passed on"
            raise CredentialError(f"live.token.command: {name} cannot be run: {reason}", fatal=True) from None
        with self._lock:
            self._process = process
        with process:
            try:
                printed, complained = _last_of_output(process, self._clock() + self._timeout_s, self._clock)
            except TimeoutError:
                raise CredentialError(
                    f"No token: live.token.command ({name}) took longer than {self._timeout_s:g} s", fatal=False
                ) from None
            finally:
                self.stop()
        if process.returncode != 0:
            why = _complaint(complained, printed)
            raise CredentialError(
                f"No token: live.token.command ({name}) ended with {_status(process.returncode)}{why}",
                fatal=process.returncode in (WRONG_CONFIGURATION, NOT_ALLOWED),
            )
        lines = printed.split()
        token = printed.strip().splitlines()[-1].strip() if lines else ""
        if not is_token(token):
            raise CredentialError(f"live.token.command ({name}): its last line is no token", fatal=False)
        return token

    def stop(self) -> None:
        """End the program, its whole process group, unless it has ended; nothing happens twice."""
        with self._lock:
            process, self._process = self._process, None
            if process is not None and process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


def _last_of_output(
    process: "subprocess.Popen[bytes]", ends_at_s: float, clock: Callable[[], float]
) -> tuple[str, str]:
    """The ends of standard output and standard error, once the program has ended. TimeoutError."""
    assert process.stdout is not None
    assert process.stderr is not None
    kept: dict[IO[bytes], bytearray] = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as selector:
        for stream in kept:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            left_s = ends_at_s - clock()
            if left_s <= 0:
                raise TimeoutError
            ended = process.poll() is not None
            ready = selector.select(0 if ended else min(POLL_S, left_s))
            if ended and not ready:
                break  # what is still open belongs to something it left behind
            for key, _ in ready:
                stream = key.fileobj  # type: ignore[assignment]  # what we registered
                piece = os.read(key.fd, KEPT_OUTPUT_BYTES)
                if not piece:
                    selector.unregister(stream)
                kept[stream] += piece
                del kept[stream][:-KEPT_OUTPUT_BYTES]
    try:
        process.wait(max(0.0, ends_at_s - clock()))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    out, err = (bytes(kept[stream]).decode(errors="replace") for stream in (process.stdout, process.stderr))
    return out, err


def _status(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def _complaint(complained: str, printed: str) -> str:
    """The last line of standard error, unless it holds what may be a secret."""
    lines = complained.strip().splitlines()
    last = lines[-1].strip() if lines else ""
    if not last:
        return ""
    secrets = [word for word in printed.split() if len(word) >= 8]
    if SECRET_LIKE.search(last) or any(word in last for word in secrets):
        return " (its complaint may hold a secret and is not shown)"
    return f": {_shown(last)}"


def _shown(text: str) -> str:
    """On one line, without control characters, at a bearable length."""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()[:SHOWN_CHARACTERS]
