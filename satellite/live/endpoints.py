"""Where to connect, and under which name the model is known there. Pure (LIVE_API 1).

Developer API with a key or an ephemeral token, Vertex AI with bearer tokens or (express mode) a key; any of them at
another base URL: a gateway, or a server of your own. What proves who we are comes from credentials.py for each attempt;
those headers are secret: they are in no repr, and the URL never carries one.
"""

import ipaddress
import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from satellite.core.errors import ConfigError
from satellite.live.setup_rules import api_version

if TYPE_CHECKING:  # for its type alone: building all settings takes longer than the rest of this folder
    from satellite.settings import LiveSettings

DEVELOPER_BASE = "https://generativelanguage.googleapis.com"
DEVELOPER_METHOD = "/ws/google.ai.generativelanguage.{version}.GenerativeService.BidiGenerateContent"
CONSTRAINED = "Constrained"
"""Behind the Developer API's method for whoever comes with an ephemeral token (LIVE_API 1.2)."""

VERTEX_METHOD = "/ws/google.cloud.aiplatform.{version}.LlmBidiService/BidiGenerateContent"
"""A slash before the method, where the Developer API has a dot (LIVE_API 1.4)."""

MULTI_REGIONS = ("us", "eu")
"""Locations of Vertex AI with a host of their own kind."""

TOKEN_VERSION = "v1alpha"
"""The one version that was documented for ephemeral tokens from the start; v1beta came later (LIVE_API 1.2)."""

TOKEN_PREFIX = "auth_tokens/"
"""How an ephemeral token begins."""

PUBLIC_HEADERS = frozenset({"x-goog-user-project"})
"""Headers of ours whose values are no secret."""

WEBSOCKET_SCHEMES = {"https": "wss", "wss": "wss", "http": "ws", "ws": "ws"}


class Access(StrEnum):
    """What proves who we are: it decides the method, the header, and the advice when it is refused."""

    KEY = "key"
    TOKEN = "token"
    BEARER = "bearer"
    EXPRESS = "express"
    """Vertex AI with a key."""

    @property
    def vertex(self) -> bool:
        """Whether it is for Vertex AI."""
        return self in (Access.BEARER, Access.EXPRESS)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place to connect to."""

    url: str
    model: str
    """The model's name in the form this backend wants."""
    access: Access
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    """Who we are; of one attempt."""

    @property
    def secure(self) -> bool:
        """Whether the connection is encrypted."""
        return self.url.startswith("wss:")

    @property
    def names_no_project(self) -> bool:
        """Whether Vertex AI would have to guess the project: a bearer token, and nobody has named one."""
        return self.access is Access.BEARER and not self.model.startswith("projects/")

    def with_headers(self, headers: dict[str, str]) -> "Endpoint":
        """The same place for one attempt."""
        return replace(self, headers=headers)

    def without_secrets(self, text: str) -> str:
        """`text` with the secrets of the headers blotted out: a server may echo what it was sent."""
        for name, value in self.headers.items():
            if name.lower() not in PUBLIC_HEADERS:
                text = text.replace(value.rsplit(" ", 1)[-1], "***")  # "Token" and "Bearer" are no secret
        return text


def access_of(settings: "LiveSettings") -> Access:
    """How we prove who we are."""
    key = settings.api_key.get_secret_value()
    if settings.backend == "vertex":
        return Access.EXPRESS if key else Access.BEARER
    token = settings.token
    if token.value.get_secret_value() or token.url or token.command or key.startswith(TOKEN_PREFIX):
        return Access.TOKEN
    return Access.KEY


def endpoint_of(settings: "LiveSettings", *, project: str = "") -> Endpoint:
    """The place to connect to, without headers; `project`: what the credentials say where the settings do not.

    ConfigError when base URL, location, project or model cannot be used.
    """
    access = access_of(settings)
    base = websocket_base(settings.base_url or google_base(settings))
    if access.vertex:
        version = api_version(settings)
        return Endpoint(base + VERTEX_METHOD.format(version=version), _vertex_model(settings, project), access)
    constrained = access is Access.TOKEN
    version = settings.api_version or (TOKEN_VERSION if constrained else api_version(settings))
    method = DEVELOPER_METHOD.format(version=version) + (CONSTRAINED if constrained else "")
    return Endpoint(base + method, _developer_model(settings.model), access)


def google_base(settings: "LiveSettings") -> str:
    """Google's own address, by backend and location; ConfigError for a location that can be none."""
    if settings.backend != "vertex":
        return DEVELOPER_BASE
    location = _location(settings)
    if location == "global":
        return "https://aiplatform.googleapis.com"
    if location in MULTI_REGIONS:
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{location}-aiplatform.googleapis.com"


def http_base(base_url: str) -> str:
    """base_url for plain requests: http:// or https://, by the same rules."""
    return "http" + websocket_base(base_url).removeprefix("ws")


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


def _developer_model(model: str) -> str:
    """models/NAME, or tunedModels/NAME (LIVE_API 1.5)."""
    if "/" not in model:
        return f"models/{model}"
    if not model.startswith(("models/", "tunedModels/")):
        raise ConfigError(
            f"live.model: expected NAME or models/NAME, got {model!r}: a name of Vertex AI needs live.backend = vertex"
        )
    return model


def _vertex_model(settings: "LiveSettings", project: str) -> str:
    """projects/P/locations/L/publishers/google/models/NAME; from publishers/ on while no project is known."""
    model = settings.model
    if model.startswith("projects/"):
        return model
    if "/" in model and not model.startswith("publishers/"):
        raise ConfigError(
            f"live.model: expected NAME, publishers/... or projects/..., got {model!r}: "
            "a name of the Developer API is not found on Vertex AI (live.backend)"
        )
    named = model if "/" in model else f"publishers/google/models/{model}"
    project = _project(settings) or project
    return f"projects/{project}/locations/{_location(settings)}/{named}" if project else named


def _location(settings: "LiveSettings") -> str:
    location = settings.vertex.location
    if not re.fullmatch(r"[a-z][a-z0-9-]{1,62}", location):
        raise ConfigError(f"live.vertex.location: expected a region, us, eu or global, got {location!r}")
    return location


def _project(settings: "LiveSettings") -> str:
    project = settings.vertex.project
    if project and not re.fullmatch(r"[a-z0-9][a-z0-9.:-]{0,100}", project):
        raise ConfigError(f"live.vertex.project: expected the id of a project, got {project!r}")
    return project
