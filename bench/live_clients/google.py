"""google-genai, pointed at ws:// as LIVE_API 6.2 says."""

from typing import Any

from google import genai
from google.genai import types
from google.genai.live import AsyncSession

from bench.live_clients import AUDIO_TYPE, MODEL, Answer, Link


def redirect(client: Any, link: Link) -> None:
    """Have a google-genai client dial the server of the benchmark, whoever made it."""
    internals = client._api_client
    internals._websocket_base_url = lambda *_, **__: link.url
    internals._websocket_ssl_ctx = {
        "compression": link.compression,
        "ping_interval": None,
        "max_size": None,
        "proxy": None,
    }


class Google:
    """See the module."""

    def __init__(self, connection: Any, session: AsyncSession) -> None:
        self._connection = connection
        self._session = session

    async def begin(self) -> None:
        await self._session.send_realtime_input(activity_start=types.ActivityStart())

    async def send(self, chunk: bytes) -> None:
        await self._session.send_realtime_input(audio=types.Blob(data=chunk, mime_type=AUDIO_TYPE))

    async def end(self) -> None:
        await self._session.send_realtime_input(activity_end=types.ActivityEnd())

    async def answer(self) -> Answer:
        answer = Answer()
        async for message in self._session.receive():
            content = message.server_content
            if content is not None and content.model_turn is not None:
                for part in content.model_turn.parts or ():
                    if part.inline_data is not None and part.inline_data.data is not None:
                        answer.reply_bytes += len(part.inline_data.data)
            if message.usage_metadata is not None:
                answer.messages = message.usage_metadata.prompt_token_count or 0
                answer.sent_bytes = message.usage_metadata.response_token_count or 0
        return answer

    async def close(self) -> None:
        await self._connection.__aexit__(None, None, None)


async def connect(link: Link) -> Google:
    """Open a session."""
    client = genai.Client(api_key="not-a-real-key", vertexai=False)
    redirect(client, link)
    config = types.LiveConnectConfig(
        response_modalities=[types.Modality.AUDIO],
        realtime_input_config=types.RealtimeInputConfig(
            automatic_activity_detection=types.AutomaticActivityDetection(disabled=True)
        ),
        session_resumption=types.SessionResumptionConfig(),
        input_audio_transcription=types.AudioTranscriptionConfig(),
        output_audio_transcription=types.AudioTranscriptionConfig(),
    )
    connection = client.aio.live.connect(model=MODEL, config=config)
    return Google(connection, await connection.__aenter__())
