"""Pictures from a snapshot URL: one GET each, of a network camera or of Home Assistant's camera proxy.

The Authorization goes to the origin (scheme, host, port) it was given for and nowhere else, whatever redirects say. No
proxy is used: the camera is in the house. Error texts hold nothing of what was sent, nor of what the server chose to
say.
"""

import http.client
import time
from email.message import Message
from http import HTTPStatus
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    Request,
)

from satellite.settings import VideoSettings
from satellite.video.frames import MAX_IMAGE_BYTES, decoded, encoded, too_large
from satellite.video.source import DEFAULT_PORTS, PictureError, Snapshot, origin_of

PATIENCE_S = 8.0
"""Longest wait for one snapshot; a camera that sleeps takes some seconds to wake."""

PIECE_BYTES = 65_536

ASTRAY = "it redirects in a circle, or to something that is neither http nor https"


class SnapshotPictures:
    """Holds no connection between two pictures, so that there is nothing to close."""

    def __init__(self, snapshot: Snapshot, settings: VideoSettings, *, patience_s: float = PATIENCE_S) -> None:
        """Opens nothing."""
        self._snapshot = snapshot
        self._longest_side = settings.longest_side
        self._quality = settings.jpeg_quality
        self._patience_s = patience_s
        self._opener = OpenerDirector()
        # by hand: build_opener would add proxies, ftp and files
        for handler in (HTTPHandler, HTTPSHandler, HTTPDefaultErrorHandler, HTTPErrorProcessor, _Redirects):
            self._opener.add_handler(handler())

    def picture(self, elapsed_s: float) -> bytes:
        """What the URL shows now, whatever the time."""
        return encoded(decoded(self._fetch()), longest_side=self._longest_side, quality=self._quality)

    def close(self) -> None:
        """Nothing is open."""

    def _fetch(self) -> bytes:
        request = Request(self._snapshot.url, headers={"Accept": "image/*", "User-Agent": "voice-satellite"})
        secret = self._snapshot.authorization.get_secret_value()
        if secret:
            request.add_unredirected_header("Authorization", secret)
        deadline_s = time.monotonic() + self._patience_s
        try:
            with self._opener.open(request, timeout=self._patience_s) as response:
                return self._read(response, deadline_s)
        except HTTPError as error:
            with error:
                raise PictureError(_refusal(error.code)) from None
        except TimeoutError:
            raise self._too_slow() from None
        except URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise self._too_slow() from None
            raise PictureError(f"it cannot be reached: {_reason(error.reason)}") from None
        except OSError as error:
            raise PictureError(f"the connection broke: {_reason(error)}") from None
        except (http.client.HTTPException, ValueError):  # a ValueError: an address that a redirect made up
            raise PictureError("its answer is not HTTP as it should be") from None

    def _read(self, response: http.client.HTTPResponse, deadline_s: float) -> bytes:
        if response.headers.get_content_maintype() == "multipart":
            raise PictureError("it is a stream (MJPEG); the URL of a single snapshot is needed")
        announced = response.length
        if announced is not None and announced > MAX_IMAGE_BYTES:
            raise PictureError(too_large())
        image = bytearray()
        while piece := response.read1(PIECE_BYTES):
            image += piece
            if len(image) > MAX_IMAGE_BYTES:
                raise PictureError(too_large())
            if time.monotonic() > deadline_s:
                raise self._too_slow()
        if announced is not None and len(image) < announced:
            raise PictureError("the connection broke in the middle of the image")
        return bytes(image)

    def _too_slow(self) -> PictureError:
        return PictureError(f"no whole answer within {self._patience_s:g} s")


class _Redirects(HTTPRedirectHandler):
    """Follows to http and https only, and takes the Authorization along to the same origin only."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> Request | None:
        if urlsplit(newurl).scheme.lower() not in DEFAULT_PORTS:
            fp.close()
            raise PictureError(ASTRAY)
        # unredirected headers are left behind by the library
        onward = super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]
        secret = req.unredirected_hdrs.get("Authorization")
        if onward is not None and secret and origin_of(newurl) == origin_of(req.full_url):
            onward.add_unredirected_header("Authorization", secret)
        return onward


def _refusal(status: int) -> str:
    """In our own words: the server's are not for the journal."""
    if 300 <= status < 400:  # one that the library did not follow
        return ASTRAY
    try:
        phrase = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = str(status)
    advice = ", look at video.authorization" if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) else ""
    return f"it answers with HTTP status {phrase}{advice}"


def _reason(error: object) -> str:
    """What the system says; of anything else the kind alone."""
    return (isinstance(error, OSError) and error.strerror) or type(error).__name__
