"""One client, one measurement, one fresh process: `python -m bench.live_child CLIENT PORT TURNS`.

CLIENT is `ours` or `google`. Prints one JSON object. Nothing is imported before its time is taken, and both
clients do the same: open, TURNS turns of 10 s up in 20 ms chunks and 10 s down, unpaced, no compression. A
process has one turn more at the beginning, not measured: what is built at first use is not the steady state.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

CHUNK = bytes(range(256)) * 2 + bytes(128)
"""20 ms of 16 kHz s16le mono: 640 bytes."""

CHUNKS = 500
"""10 s."""

Turn = Callable[[], Awaitable[tuple[float, int, int]]]
"""Speaks once; returns the CPU time when the last chunk was sent, messages as the server counted them, reply bytes."""


def resident_mib() -> float:
    """Resident memory of this process, now."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


async def measure_turns(turns: int, turn: Turn) -> dict[str, float]:
    """CPU milliseconds per second of audio, up and down, over `turns`; memory after the first."""
    _, messages, reply_bytes = await turn()
    after_one_turn_mib = resident_mib()
    up_s = down_s = 0.0
    for _ in range(turns):
        start_s = time.process_time()
        sent_s, messages, reply_bytes = await turn()
        up_s += sent_s - start_s
        down_s += time.process_time() - sent_s
        if messages != CHUNKS:
            sys.exit(f"{messages} audio messages instead of {CHUNKS}: not the same work")
    heard_s = reply_bytes / 48_000
    return {
        "resident_mib": after_one_turn_mib,
        "up_ms_per_s": 1000 * up_s / max(turns, 1) / (CHUNKS * 0.020),
        "down_ms_per_s": 1000 * down_s / max(turns, 1) / heard_s,
        "reply_bytes": reply_bytes,
    }


def ours(port: int, turns: int) -> dict[str, float]:
    """satellite.live."""
    start_s = time.perf_counter()
    import satellite.live.link

    imported_s = time.perf_counter()
    from satellite.core.events import Event, ReplyChunkReceived, SessionOpened, TurnCompleted, UsageReported
    from satellite.settings import LiveSettings

    async def talk() -> dict[str, float]:
        reply_bytes = messages = 0
        opened, turn_complete = asyncio.Event(), asyncio.Event()

        def post(event: Event) -> None:
            nonlocal reply_bytes, messages
            if isinstance(event, ReplyChunkReceived):
                reply_bytes += len(event.pcm)
            elif isinstance(event, UsageReported):
                messages = sum(event.tokens.prompt.values())
            elif isinstance(event, TurnCompleted):
                turn_complete.set()
            elif isinstance(event, SessionOpened):
                opened.set()

        settings = LiveSettings.model_validate({"base_url": f"ws://127.0.0.1:{port}", "api_key": "key"})
        link = satellite.live.link.LiveLink(settings, activity_manual=True, post=post, jitter=lambda: 0.0)
        link.open(1, None)
        await opened.wait()
        ready_s = time.perf_counter()

        async def turn() -> tuple[float, int, int]:
            nonlocal reply_bytes
            reply_bytes = 0
            turn_complete.clear()
            link.send_activity_start(1)
            for _ in range(CHUNKS):
                link.send_frames(1, CHUNK)
                await asyncio.sleep(0)  # the writer's turn: chunks that wait would be joined, and that were less work
            link.send_activity_end(1)
            sent_s = time.process_time()
            await turn_complete.wait()
            return sent_s, messages, reply_bytes

        figures = await measure_turns(turns, turn)
        await link.shutdown()
        return {**figures, "import_ms": 1000 * (imported_s - start_s), "open_ms": 1000 * (ready_s - start_s)}

    return asyncio.run(talk())


def google(port: int, turns: int) -> dict[str, float]:
    """google-genai, pointed at ws:// as LIVE_API.md section 6.2 says."""
    start_s = time.perf_counter()
    from google import genai

    imported_s = time.perf_counter()
    from google.genai import types

    async def talk() -> dict[str, float]:
        client = genai.Client(api_key="key", vertexai=False)
        internals: Any = client._api_client
        internals._websocket_base_url = lambda *_, **__: f"ws://127.0.0.1:{port}"
        internals._websocket_ssl_ctx = {"compression": None, "ping_interval": None, "max_size": None, "proxy": None}
        config = types.LiveConnectConfig(
            response_modalities=[types.Modality.AUDIO],
            realtime_input_config=types.RealtimeInputConfig(
                automatic_activity_detection=types.AutomaticActivityDetection(disabled=True)
            ),
            session_resumption=types.SessionResumptionConfig(),
            input_audio_transcription=types.AudioTranscriptionConfig(),
            output_audio_transcription=types.AudioTranscriptionConfig(),
        )
        async with client.aio.live.connect(model="gemini-3.8-live", config=config) as session:
            ready_s = time.perf_counter()

            async def turn() -> tuple[float, int, int]:
                await session.send_realtime_input(activity_start=types.ActivityStart())
                for _ in range(CHUNKS):
                    blob = types.Blob(data=CHUNK, mime_type="audio/pcm;rate=16000")
                    await session.send_realtime_input(audio=blob)
                await session.send_realtime_input(activity_end=types.ActivityEnd())
                sent_s = time.process_time()
                reply_bytes = messages = 0
                async for message in session.receive():
                    content = message.server_content
                    if content is not None and content.model_turn is not None:
                        for part in content.model_turn.parts or ():
                            if part.inline_data is not None and part.inline_data.data is not None:
                                reply_bytes += len(part.inline_data.data)
                    if message.usage_metadata is not None:
                        messages = message.usage_metadata.prompt_token_count or 0
                return sent_s, messages, reply_bytes

            figures = await measure_turns(turns, turn)
        return {**figures, "import_ms": 1000 * (imported_s - start_s), "open_ms": 1000 * (ready_s - start_s)}

    return asyncio.run(talk())


def main() -> None:
    """Measure and print."""
    client, port, turns = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    figures = {"ours": ours, "google": google}[client](port, turns)
    if "numpy" in sys.modules:
        sys.exit(f"{client} has imported numpy: its memory is not to be counted")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
