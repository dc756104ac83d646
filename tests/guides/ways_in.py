"""Every way in which Google's own client dials, pointed at the embedded server; and the server with all doors locked.

Where a key, a token or an access token is wrong, the server says so: what gets in here has shown the right one.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google import genai
from google.genai import types
from live_server.official import BEARER, developer, express, vertex
from live_server.peer import KEY, VERTEX_PATH
from live_server.stage import Mouth
from pydantic import SecretStr

from guides.known_sentences import KnowsSentences
from satellite.live_server.server import LiveServer
from satellite.settings import ServerSettings

TEATIME = datetime(2026, 11, 22, 17, 20)

NATIVE = "gemini-3.8-live"
NATIVE_2_5 = "gemini-2.5-flash-native-audio-preview-09-2025"
THINKING_DIALOG = "gemini-2.5-flash-exp-native-audio-thinking-dialog"
HALF_CASCADE = "gemini-live-2.5-flash-preview"
VERTEX_HALF_CASCADE = "gemini-live-2.5-flash"
VERTEX_NATIVE_2_5 = "gemini-live-2.5-flash-native-audio"


@asynccontextmanager
async def served(settings: dict[str, Any] | None = None, **options: Any) -> AsyncIterator[tuple[LiveServer, int]]:
    """A server with the real assistant at tea time, a quick voice, and an ear that knows its sentences."""
    options = dict[str, Any](recogniser=KnowsSentences(), voice=Mouth(0.3), now=lambda: TEATIME) | options
    secrets = {"api_key": SecretStr(KEY), "bearer_token": SecretStr(BEARER)}
    server = LiveServer(ServerSettings(**{"port": 0, **secrets, **(settings or {})}), **options)
    port = await server.start()
    try:
        yield server, port
    finally:
        await server.close()


@dataclass(frozen=True, slots=True)
class WayIn:
    """One way of dialling; `dial` gives a client for a port."""

    name: str
    dial: Callable[[int], Awaitable[genai.Client]]
    wrong: Callable[[int], genai.Client]
    """The same with something wrong to show."""
    writing_model: str = HALF_CASCADE
    """A model that can answer in text there."""


def _by_key(version: str) -> WayIn:
    async def dial(port: int) -> genai.Client:
        return developer(port, version=version)

    return WayIn(f"key {version}", dial, lambda port: developer(port, "wrong", version))


def _by_token(version: str) -> WayIn:
    async def dial(port: int) -> genai.Client:
        return developer(port, await minted(port, version, uses=0), version)

    return WayIn(f"token {version}", dial, lambda port: developer(port, "auth_tokens/wrong", version))


def _by_bearer(location: str) -> WayIn:
    async def dial(port: int) -> genai.Client:
        return vertex(port, location=location)

    return WayIn(f"vertex {location}", dial, lambda port: vertex(port, "wrong", location), VERTEX_HALF_CASCADE)


async def _by_express(port: int) -> genai.Client:
    return express(port)


async def _by_base_url(port: int) -> genai.Client:
    return gateway(port)


def gateway(port: int, token: str = BEARER) -> genai.Client:
    """Vertex AI with a base URL and headers alone: the client dials that URL as it stands (LIVE_API 1.4)."""
    options = types.HttpOptions(
        base_url=f"ws://127.0.0.1:{port}{VERTEX_PATH}", headers={"Authorization": f"Bearer {token}"}
    )
    client = genai.Client(vertexai=True, http_options=options)
    client._api_client._websocket_ssl_ctx = {"ping_interval": None}
    return client


async def minted(port: int, version: str = "v1alpha", **config: Any) -> str:
    """An ephemeral token, minted by the official client."""
    client = developer(port, version=version)
    token = await client.aio.auth_tokens.create(config=types.CreateAuthTokenConfig(**config))
    assert token.name
    return str(token.name)


WAYS_IN = (
    _by_key("v1beta"),
    _by_key("v1alpha"),
    _by_key("v1"),
    _by_token("v1alpha"),
    _by_token("v1beta"),
    _by_bearer("us-central1"),
    _by_bearer("global"),
    WayIn("vertex express", _by_express, lambda port: express(port, "wrong"), VERTEX_HALF_CASCADE),
    WayIn("vertex base url", _by_base_url, lambda port: gateway(port, "wrong"), VERTEX_HALF_CASCADE),
)
