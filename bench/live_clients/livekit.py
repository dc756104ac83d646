"""livekit-agents with its Gemini realtime model (livekit-plugins-google), over google-genai.

Audio goes into RealtimeSession.push_audio, as an AgentSession pushes it, and the reply is taken from the stream of a
generation. push_audio cuts into messages of 50 ms: for a comparison of equals its cutter is replaced by the same with
another length. What is not counted: the room, the agent session and its turn detection around it.
"""

import asyncio
from typing import Any

from google.genai import types
from livekit import rtc
from livekit.agents.utils.audio import AudioByteStream
from livekit.plugins.google.realtime import RealtimeModel

from bench.live_clients import MODEL, Collector, Link
from bench.live_clients.google import redirect

RATE_HZ = 16_000


class Livekit(Collector):
    """See the module."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        model = RealtimeModel(
            model=MODEL,
            api_key="not-a-real-key",
            vertexai=False,
            realtime_input_config=types.RealtimeInputConfig(
                automatic_activity_detection=types.AutomaticActivityDetection(disabled=True)
            ),
        )
        self.session: Any = model.session()
        redirect(self.session._client, link)  # its task has not run yet: nothing is dialled before
        if link.chunk_ms:
            self.session._bstream = AudioByteStream(RATE_HZ, 1, samples_per_channel=RATE_HZ * link.chunk_ms // 1000)
        self.session.on("generation_created", self._generation_created)
        self._listeners: set[asyncio.Task[None]] = set()
        self._finisher: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Wait for the session; what it measures of the connection is reported before, and is no turn."""
        while self.session._active_session is None:  # noqa: ASYNC110 (it tells nobody)
            await asyncio.sleep(0.01)
        self.session.on("metrics_collected", self._metrics_collected)

    def _generation_created(self, generation: Any) -> None:
        listener = asyncio.create_task(self._listen(generation))
        self._listeners.add(listener)
        listener.add_done_callback(self._listeners.discard)

    async def _listen(self, generation: Any) -> None:
        async for message in generation.message_stream:
            async for frame in message.audio_stream:
                self.heard(len(frame.data) * 2)

    def _metrics_collected(self, metrics: Any) -> None:
        self._finisher = asyncio.create_task(self._finish(metrics.input_tokens, metrics.output_tokens))

    async def _finish(self, messages: int, sent_bytes: int) -> None:
        await asyncio.gather(*self._listeners)
        self.completed(messages, sent_bytes)

    async def begin(self) -> None:
        self.session.start_user_activity()

    async def send(self, chunk: bytes) -> None:
        self.session.push_audio(
            rtc.AudioFrame(data=chunk, sample_rate=RATE_HZ, num_channels=1, samples_per_channel=len(chunk) // 2)
        )

    async def end(self) -> None:
        # Public alone is generate_reply, which sends this and a turn of text behind it.
        self.session._in_user_activity = False
        self.session._send_client_event(types.LiveClientRealtimeInput(activity_end=types.ActivityEnd()))

    async def close(self) -> None:
        await self.session.aclose()


async def connect(link: Link) -> Livekit:
    """Open a session."""
    client = Livekit(link)
    await client.open()
    return client
