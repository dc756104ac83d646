"""Where the pictures come from: video.source read and checked, before anything is opened.

Pure but for a look at the file system. What can never work is a ConfigError here; what may come later (a camera that
is not plugged in, a file that another program has yet to write) is a PictureError when a picture is wanted.
Texts name a URL without its query, which may hold a secret (Home Assistant's camera proxy has a token there).
"""

import ipaddress
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from pydantic import SecretStr

from satellite.core.errors import ConfigError, SatelliteError
from satellite.settings import VideoSettings

V4L2_MAJOR = 81
"""Major number of all video4linux devices (Linux: Documentation/admin-guide/devices.txt)."""

DEFAULT_PORTS = {"http": 80, "https": 443}


class PictureError(SatelliteError):
    """There is no picture now; the text says why, and not where. Tried again with back-off.

    The same fault has the same text each time: it is told once.
    """


class Source(Protocol):
    """Gives pictures. Both methods may block for long and are called on one thread."""

    def picture(self, elapsed_s: float) -> bytes:
        """What is seen now: JPEG, sized and encoded as the settings say. Opens what is not open.

        `elapsed_s`: seconds since the pictures were switched on. Raises PictureError.
        """

    def close(self) -> None:
        """Let go of the device; the next picture opens it again. Never raises."""


@dataclass(frozen=True)
class Device:
    """A V4L2 camera."""

    path: str

    @property
    def name(self) -> str:
        """For people."""
        return self.path


@dataclass(frozen=True)
class File:
    """An image or a video."""

    path: Path

    @property
    def name(self) -> str:
        """For people."""
        return str(self.path)


@dataclass(frozen=True)
class Snapshot:
    """An http(s) URL that answers with an image; `authorization` is the header's value, perhaps empty."""

    url: str
    authorization: SecretStr

    @property
    def name(self) -> str:
        """For people: without the query."""
        return name_of_url(self.url)


Place = Device | File | Snapshot


def place_of(settings: VideoSettings) -> Place | None:
    """What video.source names; None if it is empty. Raises ConfigError."""
    source = settings.source.strip()
    if not source:
        return None
    if "://" in source:
        return _snapshot(source, settings.authorization)
    if source.isdecimal():
        raise ConfigError(f"video.source: expected a device by its path, e.g. /dev/video{source}, got {source!r}")
    if source.startswith("/dev/"):
        return _device(source)
    return _file(Path(source))


def name_of_url(url: str) -> str:
    """A URL fit for a log: without query and fragment."""
    return urlsplit(url)._replace(query="", fragment="").geturl()


def origin_of(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: to whom a secret goes that is sent there."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or DEFAULT_PORTS.get(scheme, 0)


def _snapshot(url: str, authorization: SecretStr) -> Snapshot:
    scheme = url.partition("://")[0].lower()
    if scheme not in DEFAULT_PORTS:
        raise ConfigError(
            f"video.source: {scheme}:// is not supported; expected /dev/video0, a file, or an http(s) URL of a snapshot"
        )
    if not (url.isascii() and url.isprintable()) or " " in url:
        raise ConfigError("video.source: the URL holds a character that has to be percent-encoded")
    try:
        host = origin_of(url)[1]
        has_user = "@" in urlsplit(url).netloc
    except ValueError:  # its text repeats the URL
        raise ConfigError("video.source: the URL has no valid host and port") from None
    if has_user:
        raise ConfigError("video.source: no user or password in the URL; set video.authorization instead")
    if not host:
        raise ConfigError("video.source: the URL has no host")
    secret = authorization.get_secret_value()
    if not (secret.isascii() and secret.isprintable()):
        raise ConfigError("video.authorization: expected one line of ASCII, as a header can hold it")
    if secret and scheme == "http" and not _is_this_machine(host):
        raise ConfigError(f"video.source: video.authorization would be readable on its way to {host}; use https")
    return Snapshot(url, authorization)


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _device(path: str) -> Device:
    try:
        mode = os.stat(path)  # noqa: PTH116 - of the device, through the links of /dev/v4l/by-id
    except OSError:
        return Device(path)  # perhaps plugged in later
    if not stat.S_ISCHR(mode.st_mode) or os.major(mode.st_rdev) != V4L2_MAJOR:
        raise ConfigError(f"video.source: {path} is no camera (no V4L2 device)")
    return Device(path)


def _file(path: Path) -> File:
    if path.exists() and not path.is_file():
        raise ConfigError(f"video.source: {path} is no file")
    if not path.parent.is_dir():
        raise ConfigError(f"video.source: {path}: there is no folder {path.parent}")
    return File(path)
