"""Where to connect and with which credentials. Pure.

Today: the Developer API with a key in a header. Ephemeral tokens and Vertex AI become further functions
that return an Endpoint. The headers are secret: they are in no repr, and the URL never carries the key.
"""

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from satellite.core.errors import ConfigError

if TYPE_CHECKING:  # for its type alone: building all settings takes longer than the rest of this folder
    from satellite.settings import LiveSettings

METHOD = "/ws/google.ai.generativelanguage.{version}.GenerativeService.BidiGenerateContent"
"""LIVE_API.md section 1.1."""

WEBSOCKET_SCHEMES = {"https": "wss", "wss": "wss", "http": "ws", "ws": "ws"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place to connect to."""

    url: str
    headers: dict[str, str] = field(repr=False)
    model: str
    """The model's name in the form this backend wants."""

    @property
    def secure(self) -> bool:
        """Whether the connection is encrypted."""
        return self.url.startswith("wss:")

    def without_secrets(self, text: str) -> str:
        """`text` with the values of the headers blotted out: a server may echo what it was sent."""
        for value in self.headers.values():
            text = text.replace(value, "***")
        return text


def developer_endpoint(settings: "LiveSettings") -> Endpoint:
    """The Developer API, or whatever speaks it at base_url; ConfigError when that cannot be used."""
    key = read_key(settings)
    return Endpoint(
        url=websocket_base(settings.base_url) + METHOD.format(version=settings.api_version),
        headers={"x-goog-api-key": key} if key else {},
        model=settings.model if "/" in settings.model else f"models/{settings.model}",
    )


def websocket_base(base_url: str) -> str:
    """base_url as ws:// or wss:// without a slash at the end; ws:// only to this machine itself."""
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ConfigError(f"live.base_url: not a URL: {error}") from None
    scheme = WEBSOCKET_SCHEMES.get(parts.scheme)
    if scheme is None or not host:
        raise ConfigError("live.base_url: expected https://HOST, wss://HOST, or on this machine http:// or ws://")
    if parts.query or parts.fragment or parts.username is not None:
        raise ConfigError("live.base_url: only scheme, host, port and path; the key belongs in live.api_key")
    try:
        host.encode("idna")
    except UnicodeError:
        raise ConfigError("live.base_url: not a host name") from None
    if scheme == "ws" and not is_loopback(host):
        raise ConfigError("live.base_url: ws:// and http:// only to this machine itself: the key would be readable")
    shown_host = f"[{host}]" if ":" in host else host
    shown_port = "" if port is None else f":{port}"
    return f"{scheme}://{shown_host}{shown_port}{parts.path.rstrip('/')}"


def is_loopback(host: str) -> bool:
    """Whether a host can only be this machine: an address of the loopback network, or `localhost`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_key(settings: "LiveSettings") -> str:
    """The API key, "" when there is none; ConfigError for one that fits into no header, never echoing it."""
    key = settings.api_key.get_secret_value()
    if not all("!" <= letter <= "~" for letter in key):
        raise ConfigError("live.api_key: a key has only printable ASCII characters and no blanks")
    return key
