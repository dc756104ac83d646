"""What proves who we are, freshly for each attempt: a key, a token, or a bearer token of Google Cloud (LIVE_API 1).

`credentials_of` reads the settings once, at start, and refuses there what cannot work. `headers` is asked before every
connection and never blocks the loop; it raises CredentialError, fatal where somebody has to change something. The
values are secret: nothing here has a repr that shows them.
"""

import asyncio
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from satellite.core.errors import ConfigError, CredentialError
from satellite.live.endpoints import Access, access_of, is_loopback
from satellite.live.own_thread import OwnThread

if TYPE_CHECKING:  # for their types alone: building all settings takes longer than the rest of this folder
    from satellite.live.token_source import TokenProgram
    from satellite.settings import LiveSettings

THREAD_GRACE_S = 1.0
"""The work has its own limit, which says more; this much later the waiting ends even if the work hangs."""


class Credentials(Protocol):
    """Who we are. Driven by LiveLink, on the loop."""

    @property
    def project(self) -> str:
        """The Google Cloud project that they name; "" before the first headers, and where there is none."""

    async def headers(self) -> dict[str, str]:
        """The headers of one attempt. CredentialError when there are none to be had."""

    def refused(self) -> bool:
        """The server does not take them (any more): nothing of them is kept. Whether the next are others."""


class FixedCredentials:
    """A key, a token, or nothing at all: the same for every attempt."""

    project = ""

    def __init__(self, headers: dict[str, str]) -> None:
        self._headers = headers

    async def headers(self) -> dict[str, str]:
        """The headers of one attempt."""
        return dict(self._headers)

    def refused(self) -> bool:
        """There is nothing else to offer."""
        return False


class TokenFromUrl:
    """live.token.url: a new token for each attempt."""

    project = ""

    def __init__(self, url: str, authorization: str, *, timeout_s: float) -> None:
        self._url = url
        self._authorization = authorization
        self._timeout_s = timeout_s
        self._thread = OwnThread("live token")

    async def headers(self) -> dict[str, str]:
        """The headers of one attempt."""
        from satellite.live.token_source import token_from_url

        def fetch() -> str:
            return token_from_url(self._url, self._authorization, timeout_s=self._timeout_s)

        try:
            return _token_header(await self._thread.run(fetch, limit_s=self._timeout_s + THREAD_GRACE_S))
        except TimeoutError:
            raise CredentialError("No token: live.token.url does not answer", fatal=False) from None

    def refused(self) -> bool:
        """The next attempt has a new one anyway."""
        return True


class TokenFromProgram:
    """live.token.command: a new token for each attempt; nobody waits for it any more, it is ended."""

    project = ""

    def __init__(self, program: "TokenProgram", *, timeout_s: float) -> None:
        self._program = program
        self._limit_s = timeout_s + THREAD_GRACE_S
        self._thread = OwnThread("live token")

    async def headers(self) -> dict[str, str]:
        """The headers of one attempt."""
        try:
            return _token_header(await self._thread.run(self._program.fetch, limit_s=self._limit_s))
        except TimeoutError:
            self._program.stop()
            raise CredentialError("No token: live.token.command does not end", fatal=False) from None
        except asyncio.CancelledError:
            self._program.stop()
            raise

    def refused(self) -> bool:
        """The next attempt has a new one anyway."""
        return True


def credentials_of(settings: "LiveSettings") -> Credentials:
    """What the settings say; ConfigError for two of a kind, for what fits into no header, for a missing extra."""
    access = access_of(settings)
    key = _printable(settings.api_key.get_secret_value(), "live.api_key", "a key")
    if access is Access.BEARER:
        _no_tokens(settings)
        from satellite.live.vertex import VertexCredentials

        return VertexCredentials(settings)
    if access is Access.EXPRESS:
        _no_tokens(settings)
    if access is Access.TOKEN:
        return _token_credentials(settings, key)
    return FixedCredentials({"x-goog-api-key": key} if key else {})


NO_CREDENTIALS = (
    "live.api_key: expected a key: set SATELLITE_LIVE__API_KEY or live.api_key_file, or a token (live.token), "
    "or live.backend = vertex"
)
"""What to say to who has none."""


def has_credentials(settings: "LiveSettings") -> bool:
    """Whether there is anything that Google might take."""
    return access_of(settings) is not Access.KEY or bool(settings.api_key.get_secret_value())


def _token_credentials(settings: "LiveSettings", key: str) -> Credentials:
    token = settings.token
    given = [
        name
        for name, value in (
            ("live.api_key", key),
            ("live.token.value", token.value.get_secret_value()),
            ("live.token.url", token.url),
            ("live.token.command", token.command),
        )
        if value
    ]
    if len(given) > 1:
        raise ConfigError(f"{given[0]}: expected one way to prove who we are, not {' and '.join(given)}")
    timeout_s = token.timeout_ms / 1000
    if token.url:
        authorization = _header_value(token.authorization.get_secret_value(), "live.token.authorization")
        return TokenFromUrl(_token_url(token.url), authorization, timeout_s=timeout_s)
    if token.command:
        from satellite.live.token_source import TokenProgram

        return TokenFromProgram(TokenProgram(token.command, timeout_s=timeout_s), timeout_s=timeout_s)
    return FixedCredentials(
        _token_header(key or _printable(token.value.get_secret_value(), "live.token.value", "a token"))
    )


def _no_tokens(settings: "LiveSettings") -> None:
    token = settings.token
    if token.value.get_secret_value() or token.url or token.command:
        raise ConfigError("live.token: ephemeral tokens are for the Developer API, not for live.backend = vertex")


def _token_header(token: str) -> dict[str, str]:
    """LIVE_API 1.2."""
    return {"Authorization": f"Token {token}"}


def _token_url(url: str) -> str:
    """Checked: https, or http to this machine itself; what it is sent and gives is secret."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError:
        raise ConfigError("live.token.url: not a URL") from None
    if parts.scheme not in ("https", "http") or not host or not url.isprintable() or " " in url:
        raise ConfigError("live.token.url: expected https://HOST/..., or on this machine http://")
    if parts.username is not None:
        raise ConfigError("live.token.url: a password belongs in live.token.authorization")
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigError("live.token.url: http:// only to this machine itself: the token would be readable")
    return url


def _printable(secret: str, name: str, kind: str) -> str:
    """A secret that fits into a header, "" for none; never echoed."""
    if not all("!" <= letter <= "~" for letter in secret):
        raise ConfigError(f"{name}: {kind} has only printable ASCII characters and no blanks")
    return secret


def _header_value(secret: str, name: str) -> str:
    if not all(" " <= letter <= "~" for letter in secret):
        raise ConfigError(f"{name}: a header has only printable ASCII characters")
    return secret
