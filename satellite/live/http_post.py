"""One POST of JSON with the standard library: bounded in time and size, redirects not followed.

Blocking: from a thread or the command line, never on the loop. For what is asked once per session, tokens; the secrets
it carries go to the address given and nowhere else.
"""

import http.client
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

from satellite import __version__
from satellite.live.endpoints import is_loopback

MAX_ANSWER_BYTES = 64 * 1024
"""A token is a few hundred bytes; an error page is cut here."""

PIECE_BYTES = 8 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes


class _NoRedirects(HTTPRedirectHandler):
    """A redirect is an answer like any other: the secret is not sent elsewhere."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> Request | None:
        """None: not followed."""
        return None


def post_json(url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float) -> Answer:
    """The answer, whatever its status. OSError (TimeoutError among them) when none comes or it is too long."""
    ends_at_s = time.monotonic() + timeout_s
    request = Request(url, data=body, method="POST", headers={"Content-Type": "application/json", **headers})
    request.add_header("Accept", "application/json")
    request.add_header("User-Agent", f"voice-satellite/{__version__}")
    try:
        with _opener(url).open(request, timeout=timeout_s) as response:
            return Answer(response.status, _read(response, ends_at_s))
    except HTTPError as refused:
        with refused:
            return Answer(refused.code, _read(refused.fp, ends_at_s))
    except URLError as error:
        reason = error.reason
        raise reason if isinstance(reason, OSError) else OSError(str(reason)) from None
    except (http.client.HTTPException, ValueError) as error:
        raise OSError(f"no HTTP answer: {type(error).__name__}") from None


def _opener(url: str) -> OpenerDirector:
    """The environment's proxy for the outside world, none on this machine itself."""
    if is_loopback(urlsplit(url).hostname or ""):
        return build_opener(_NoRedirects, ProxyHandler({}))
    return build_opener(_NoRedirects)


def _read(response: Any, ends_at_s: float) -> bytes:
    """The body, for as long as there is time: a server that drips must not hold us beyond it."""
    body = b""
    while piece := response.read1(PIECE_BYTES):
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            raise OSError(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
        if time.monotonic() > ends_at_s:
            raise TimeoutError("the answer took too long")
    return body
