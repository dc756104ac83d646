"""One client, one measurement, one fresh process: `python -m bench.live_child JSON`, by bench.live.

Prints one JSON object. The library is imported under the clock and before anything else. Unpaced: turns of 10 s up,
chunk by chunk, each in a round of the event loop of its own as it would come from a microphone, and turns of 10 s
down; CPU is user and system time of the whole process, from the first command of a turn to its turnComplete, so that
whatever a library does behind a queue is in it. The first turns are not measured. Paced: the same against the clock.
"""

import asyncio
import importlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.live_clients import Answer, Client, Link
from bench.live_sound import speech_like

LIBRARIES = {
    "bare": "websockets.asyncio.client",
    "ours": "satellite.live.link",
    "google": "google.genai",
    "livekit": "livekit.plugins.google.realtime",
    "pipecat": "pipecat.services.google.gemini_live.llm",
}
"""Module of bench.live_clients -> what is imported to use it."""

TURN_S = 10
WARM_UP_TURNS = 2
BYTES_PER_MS = 32
REPLY_BYTES_PER_S = 48_000


@dataclass(frozen=True)
class Plan:
    """What to measure; the fields of the JSON argument."""

    client: str
    port: int
    chunk_ms: int
    """Audio per call of the library."""
    message_ms: int
    """Audio per message that is expected; 0: the library's own, not looked at."""
    deflate: bool
    turns: int
    """Unpaced turns of each direction."""
    paced_turns: int = 0
    """Instead: turns against the clock, up only."""
    wake_ms: int = 0
    """Paced: how often the process wakes up; chunks are gathered from pieces of this length."""


def resident_mib() -> float:
    """Resident memory of this process, now."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def chunks_of(sound: bytes, chunk_ms: int) -> list[bytes]:
    """Cut 16 kHz sound."""
    size = chunk_ms * BYTES_PER_MS
    return [sound[start : start + size] for start in range(0, len(sound), size)]


async def speak(client: Client, chunks: Sequence[bytes]) -> Answer:
    """A turn as fast as it goes."""
    await client.begin()
    for chunk in chunks:
        await client.send(chunk)
        await asyncio.sleep(0)
    await client.end()
    return await client.answer()


async def speak_paced(client: Client | None, pieces: Sequence[bytes], plan: Plan) -> Answer:
    """A turn in real time; without a client the timer alone."""
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    gathered = bytearray()
    if client is not None:
        await client.begin()
    for number, piece in enumerate(pieces, 1):
        await asyncio.sleep(start_s + number * plan.wake_ms / 1000 - loop.time())
        gathered += piece
        if len(gathered) >= plan.chunk_ms * BYTES_PER_MS:
            if client is not None:
                await client.send(bytes(gathered))
            gathered.clear()
    if client is None:
        return Answer()
    await client.end()
    return await client.answer()


def check(answer: Answer, plan: Plan) -> None:
    """Stop when the server did not get what all others send."""
    if answer.sent_bytes < TURN_S * 1000 * BYTES_PER_MS * 4 / 3:
        sys.exit(f"{plan.client}: {answer.sent_bytes} bytes came: not all of the audio")
    if plan.message_ms and answer.messages != TURN_S * 1000 // plan.message_ms:
        sys.exit(f"{plan.client}: {answer.messages} messages instead of {TURN_S * 1000 // plan.message_ms}")


async def unpaced(client: Client, plan: Plan) -> dict[str, float]:
    """CPU milliseconds per second of audio, up and down; memory after one turn."""
    chunks = chunks_of(speech_like(TURN_S, 16_000), plan.chunk_ms)
    await speak(client, ())
    check(await speak(client, chunks), plan)
    memory_mib = resident_mib()
    for _ in range(WARM_UP_TURNS - 1):
        await speak(client, chunks)
        await speak(client, ())
    up_s = down_s = heard_s = 0.0
    answer = Answer()
    start_s = time.perf_counter()
    for _ in range(plan.turns):
        before_s = time.process_time()
        answer = await speak(client, chunks)
        between_s = time.process_time()
        heard_s += (await speak(client, ())).reply_bytes / REPLY_BYTES_PER_S
        down_s += time.process_time() - between_s
        up_s += between_s - before_s
        check(answer, plan)
    if heard_s < plan.turns * TURN_S:
        sys.exit(f"{plan.client}: {heard_s} s of reply came: not all of it")
    return {
        "resident_mib": memory_mib,
        "up_ms_per_s": 1000 * up_s / (plan.turns * TURN_S),
        "down_ms_per_s": 1000 * down_s / heard_s,
        "cpu_s": up_s + down_s,
        "wall_s": time.perf_counter() - start_s,
        "message_bytes": answer.sent_bytes / answer.messages,
    }


async def paced(client: Client | None, plan: Plan) -> dict[str, float]:
    """CPU milliseconds per second, up, in real time."""
    pieces = chunks_of(speech_like(TURN_S, 16_000), plan.wake_ms)
    if client is not None:
        await speak(client, chunks_of(b"".join(pieces), plan.chunk_ms))
    before_s = time.process_time()
    for _ in range(plan.paced_turns):
        answer = await speak_paced(client, pieces, plan)
        if client is not None:
            check(answer, plan)
    return {"up_ms_per_s": 1000 * (time.process_time() - before_s) / (plan.paced_turns * TURN_S)}


async def measure(plan: Plan) -> dict[str, float]:
    """Open, measure, close."""
    if plan.client == "timer":
        return await paced(None, plan)
    module = importlib.import_module(f"bench.live_clients.{plan.client}")
    client: Client = await module.connect(Link(plan.port, plan.message_ms, plan.deflate))
    figures = await (paced(client, plan) if plan.paced_turns else unpaced(client, plan))
    await client.close()
    return figures


def main() -> None:
    """Measure and print."""
    plan = Plan(**json.loads(sys.argv[1]))
    start_s = time.perf_counter()
    if plan.client in LIBRARIES:
        importlib.import_module(LIBRARIES[plan.client])
    import_ms = 1000 * (time.perf_counter() - start_s)
    if plan.client in ("bare", "ours", "google") and "numpy" in sys.modules:
        sys.exit(f"{plan.client} has imported numpy: its memory is not to be counted")
    print(json.dumps({**asyncio.run(measure(plan)), "import_ms": import_ms}))


if __name__ == "__main__":
    main()
