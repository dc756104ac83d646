"""Minting ephemeral tokens (LIVE_API 1.3): the request and its answer. For `satellite token mint`; it blocks.

A token lets a device hold a session for a while without the key. It may be locked to a setup: wholly, so that what
the device asks for is ignored, or field by field.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from satellite.core.errors import ConfigError, SatelliteError
from satellite.live.endpoints import DEVELOPER_BASE, TOKEN_PREFIX, TOKEN_VERSION, http_base
from satellite.live.http_post import Answer, post_json
from satellite.live.messages import GenerationConfig, Setup

if TYPE_CHECKING:  # for its type alone: building all settings takes longer than the rest of this folder
    from satellite.settings import LiveSettings

LONGEST_LIFE_S = 20 * 3600
"""expireTime and newSessionExpireTime must be less than 20 h ahead."""

DEFAULT_LIFE_S = 30 * 60
"""Google's own, for expireTime."""

TIMEOUT_S = 20.0

SHOWN_CHARACTERS = 300
"""Longest piece of the server's complaint that is shown."""

VERSIONS = ("v1alpha", "v1beta")
"""Where tokens can be minted."""


@dataclass(frozen=True, slots=True)
class TokenOrder:
    """What is asked for. None: the server's own (30 min of life, 60 s to start)."""

    uses: int = 1
    """New sessions that may be started with it; 0: any number. Resuming costs none."""
    expires_in_s: int | None = None
    """Life of the token, and of what is held with it."""
    start_within_s: int | None = None
    """How long new sessions may be started."""
    locked_setup: Mapping[str, Any] | None = None
    """The setup as it goes over the wire; None: the session is free."""
    locked_fields: Sequence[str] | None = None
    """None: all of the setup is locked. Else what it holds, and these fields besides."""

    def __post_init__(self) -> None:
        """Raises ValueError for what the server would refuse, naming the option."""
        if self.uses < 0:
            raise ValueError("--uses: expected 0 (any number) or more")
        for option, value in (("--expires-in", self.expires_in_s), ("--start-within", self.start_within_s)):
            if value is not None and not 0 < value < LONGEST_LIFE_S:
                raise ValueError(f"{option}: expected more than 0 and less than {LONGEST_LIFE_S} seconds (20 h)")
        if (self.start_within_s or 0) > (self.expires_in_s or DEFAULT_LIFE_S):
            raise ValueError("--start-within: expected no more than --expires-in")


def mint(settings: "LiveSettings", order: TokenOrder, *, now: datetime) -> dict[str, Any]:
    """The server's answer, with the token as `name`, and what was asked for. ConfigError, SatelliteError."""
    key = settings.api_key.get_secret_value()
    if settings.backend == "vertex":
        raise ConfigError("live.backend: tokens are minted on the Developer API, not on vertex")
    if not key or key.startswith(TOKEN_PREFIX):
        raise ConfigError(
            "live.api_key: a token is minted with a key: set SATELLITE_LIVE__API_KEY or live.api_key_file"
        )
    if not all("!" <= letter <= "~" for letter in key):
        raise ConfigError("live.api_key: a key has only printable ASCII characters and no blanks")
    if settings.api_version and settings.api_version not in VERSIONS:
        raise ConfigError(f"live.api_version: tokens are minted with v1alpha or v1beta, not {settings.api_version}")
    url = f"{http_base(settings.base_url or DEVELOPER_BASE)}/{settings.api_version or TOKEN_VERSION}/auth_tokens"
    wanted = request_body(order, now=now)
    body = json.dumps(wanted).encode()
    try:
        answer = post_json(url, body, {"x-goog-api-key": key}, timeout_s=TIMEOUT_S)
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise SatelliteError(f"no token: {url} cannot be reached: {reason}") from None
    minted = _read(answer, key)
    return {
        **{name: wanted[name] for name in ("uses", "expireTime", "newSessionExpireTime") if name in wanted},
        **minted,
    }


def request_body(order: TokenOrder, *, now: datetime) -> dict[str, Any]:
    """The POST's body; `now` must know its time zone."""
    body: dict[str, Any] = {"uses": order.uses}
    for name, seconds in (("expireTime", order.expires_in_s), ("newSessionExpireTime", order.start_within_s)):
        if seconds is not None:
            body[name] = (now + timedelta(seconds=seconds)).isoformat()
    if order.locked_setup is not None:
        body["bidiGenerateContentSetup"] = dict(order.locked_setup)
        if order.locked_fields is not None:
            body["fieldMask"] = field_mask(order.locked_setup, order.locked_fields)
    return body


def field_mask(setup: Mapping[str, Any], more: Sequence[str]) -> str:
    """What the setup holds, one level deep where it holds objects, and then `more` (the SDK's rule, LIVE_API 1.3)."""
    names = []
    for name, value in setup.items():
        if isinstance(value, Mapping) and value:
            names += [f"{name}.{inner}" for inner in value]
        else:
            names.append(name)
    names += [lockable(name) for name in more]
    return ",".join(dict.fromkeys(names))


def lockable(name: str) -> str:
    """The path of a field to lock, in either spelling; ValueError when a setup has no such field."""
    first, *rest = name.split(".")
    first = _camel(first)
    if first in _names_of(Setup):
        return ".".join([first, *map(_camel, rest)])
    if first in _names_of(GenerationConfig):
        return ".".join(["generationConfig", first, *map(_camel, rest)])
    raise ValueError(f"--lock-field: a setup has no field {name!r}")


def _names_of(model: type[Setup] | type[GenerationConfig]) -> set[str]:
    return {_camel(name) for name in model.model_fields}


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in tail)


def _read(answer: Answer, key: str) -> dict[str, Any]:
    try:
        body = json.loads(answer.body)
    except ValueError:
        body = None
    if 200 <= answer.status < 300:
        name = body.get("name") if isinstance(body, dict) else None
        if not isinstance(name, str) or not name:
            raise SatelliteError("no token: the answer holds none")
        return dict(body) if isinstance(body, dict) else {}
    error = body.get("error") if isinstance(body, dict) else None
    message = str(error.get("message", "")) if isinstance(error, dict) else ""
    shown = "".join(letter if letter.isprintable() else " " for letter in message.replace(key, "***"))
    shown = shown.strip()[:SHOWN_CHARACTERS]
    if answer.status in (401, 403) or shown.lower().startswith("api key"):
        raise ConfigError(f"live.api_key: the key was refused: HTTP {answer.status}: {shown or 'no reason given'}")
    if 300 <= answer.status < 400:
        raise ConfigError("live.base_url: the server redirects elsewhere, and the key is not sent there")
    if answer.status == 404:
        raise ConfigError(f"live.base_url: no tokens are minted there (HTTP 404){': ' if shown else ''}{shown}")
    raise SatelliteError(f"no token: HTTP {answer.status}: {shown or 'no reason given'}")
