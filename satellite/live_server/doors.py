"""Which way a client comes in, and what it must show there (LIVE_API 1.1 to 1.4). Pure but for the tokens it asks.

Google tells a client after the upgrade that it may not come in, by a close frame, never with an HTTP status.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from pydantic import SecretStr

from satellite.live.models import DEVELOPER, VERTEX
from satellite.live_server.refusals import (
    BAD_BEARER,
    BAD_KEY,
    NO_BEARER,
    NO_KEY,
    Refusal,
)
from satellite.live_server.tokens import Grant, Tokens
from satellite.settings import ServerSettings

_DEVELOPER_PATH = re.compile(
    r"/ws/google\.ai\.generativelanguage\.(v1beta|v1alpha|v1)\.GenerativeService\.BidiGenerateContent(Constrained)?/?"
)
_VERTEX_PATH = re.compile(r"/ws/google\.cloud\.aiplatform\.(v1beta1|v1)\.LlmBidiService/BidiGenerateContent/?")
_SLASHES = re.compile(r"/{2,}")

TOKEN_PREFIX = "auth_tokens/"


@dataclass(frozen=True, slots=True)
class Door:
    """A path that leads in."""

    backend: str
    """developer or vertex."""
    version: str
    constrained: bool = False
    """For those who come with an ephemeral token."""


def split_target(target: str) -> tuple[str, str]:
    """Path and query of a request, repeated slashes as one. Not urlsplit: two slashes, and a host follows for it."""
    path, _, query = target.partition("?")
    return _SLASHES.sub("/", path), query


def door_of(target: str) -> Door | None:
    """The door behind the path of a request, or None."""
    path, _ = split_target(target)
    developer = _DEVELOPER_PATH.fullmatch(path)
    if developer is not None:
        return Door(DEVELOPER, developer[1], constrained=developer[2] is not None)
    vertex = _VERTEX_PATH.fullmatch(path)
    return Door(VERTEX, vertex[1]) if vertex is not None else None


def check_caller(
    door: Door, target: str, headers: Mapping[str, str], settings: ServerSettings, tokens: Tokens
) -> Grant | None:
    """Whether a client may come in: its token's grant, or None where it comes by other means. Raises Refusal."""
    query = parse_qs(split_target(target)[1])
    scheme, _, credential = headers.get("Authorization", "").partition(" ")
    if door.constrained:
        named = query.get("access_token", [""])[0] or (credential.strip() if scheme.lower() == "token" else "")
        if not named:
            raise Refusal(1008, NO_KEY)
        return tokens.find(named)
    key = query.get("key", [""])[0] or headers.get("x-goog-api-key", "").strip()
    if door.backend == VERTEX and scheme:
        bearer = credential.strip() if scheme.lower() == "bearer" else ""
        if not bearer or not _is(bearer, settings.bearer_token):
            raise Refusal(1008, BAD_BEARER)
    elif not key:
        raise Refusal(1008, NO_BEARER if door.backend == VERTEX else NO_KEY)
    elif key.startswith(TOKEN_PREFIX):  # a token on the method that takes none (LIVE_API 1.2)
        raise Refusal(1008, NO_KEY)
    elif not is_key(key, settings):
        raise Refusal(1007, BAD_KEY)
    return None


def is_key(given: str, settings: ServerSettings) -> bool:
    """Whether this is the server's key; any is, where it has none."""
    return _is(given, settings.api_key)


def _is(given: str, wanted: SecretStr) -> bool:
    secret = wanted.get_secret_value()
    return not secret or hmac.compare_digest(given.encode(), secret.encode())
