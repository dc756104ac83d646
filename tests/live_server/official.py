"""Google's own client, pointed at a server of ours, in each of its dialects (LIVE_API 6.2)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import google.oauth2.credentials
import pytest
from google import genai
from google.genai import errors, types
from google.genai.live import AsyncSession

from live_server.peer import KEY

MODEL = "gemini-3.8-live"
BEARER = "stub-token"
AUDIO = types.LiveConnectConfig(response_modalities=[types.Modality.AUDIO])


def developer(port: int, key: str = KEY, version: str | None = None) -> genai.Client:
    """With a key or an ephemeral token."""
    options = types.HttpOptions(base_url=f"http://127.0.0.1:{port}/", api_version=version)
    return _plain(genai.Client(api_key=key, vertexai=False, http_options=options), port)


def vertex(port: int, token: str = BEARER, location: str = "us-central1") -> genai.Client:
    """With an access token."""
    credentials = google.oauth2.credentials.Credentials(token=token)  # type: ignore[no-untyped-call]
    return _plain(genai.Client(vertexai=True, project="proj", location=location, credentials=credentials), port)


def express(port: int, key: str = KEY) -> genai.Client:
    """Vertex AI with a key."""
    return _plain(genai.Client(vertexai=True, api_key=key), port)


def _plain(client: genai.Client, port: int) -> genai.Client:
    """The client makes wss:// of every address and insists on TLS: both are overridden."""
    client._api_client._websocket_base_url = lambda *_, **__: f"ws://127.0.0.1:{port}/"  # type: ignore[method-assign]
    client._api_client._websocket_ssl_ctx = {"ping_interval": None}
    return client


@asynccontextmanager
async def session_of(client: genai.Client, config: Any = AUDIO, model: str = MODEL) -> AsyncIterator[AsyncSession]:
    """A session that is set up."""
    async with client.aio.live.connect(model=model, config=config) as session:
        yield session


async def refusal_of(client: genai.Client, config: Any = AUDIO, model: str = MODEL) -> tuple[int, str]:
    """Code and reason with which a session is not even set up."""
    with pytest.raises(errors.APIError) as refused:
        async with session_of(client, config, model):
            pass
    return read(refused.value)


async def ending_of(session: AsyncSession) -> tuple[int, str]:
    """Code and reason with which a session ends; what it says before is skipped."""
    try:
        async with asyncio.timeout(7200):
            while True:
                async for _ in session.receive():
                    pass
    except errors.APIError as ended:
        return read(ended)


def read(error: errors.APIError) -> tuple[int, str]:
    """Code and reason as the client shows them: `1007 None. reason`."""
    text = str(error)
    prefix = f"{error.code} None. "
    assert text.startswith(prefix)
    return error.code, text.removeprefix(prefix)
