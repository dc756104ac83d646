"""Simulated time: it moves only when nothing else can happen."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Coroutine
from typing import Any

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from satellite.app.clock import SimulatedTimeLoop


def run(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        return runner.run(main)


def test_ten_minutes_pass_in_under_two_seconds() -> None:
    async def main() -> float:
        for _ in range(600):
            await asyncio.sleep(1)
        return asyncio.get_running_loop().time()

    began = time.monotonic()
    assert round(run(main())) == 600
    assert time.monotonic() - began < 2


def test_timers_fire_in_their_order() -> None:
    async def main() -> list[str]:
        seen: list[str] = []
        loop = asyncio.get_running_loop()
        for delay_s, name in ((3, "c"), (1, "a"), (2, "b")):
            loop.call_later(delay_s, seen.append, name)
        await asyncio.sleep(4)
        return seen

    assert run(main()) == ["a", "b", "c"]


def test_the_clock_stands_still_while_an_executor_works() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        asyncio.get_running_loop().call_later(60, lambda: None)
        await loop.run_in_executor(None, subprocess.run, [sys.executable, "-c", ""])
        return loop.time()

    assert run(main()) == 0


def test_the_clock_stands_still_while_it_is_held() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedTimeLoop)
        loop.call_later(60, lambda: None)
        with loop.hold():
            child = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
            await child.wait()
        return loop.time()

    assert run(main()) == 0


def test_threads_that_still_work_at_the_end_do_not_let_time_run_out() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(10_000, lambda: None)
        loop.run_in_executor(None, subprocess.run, [sys.executable, "-c", ""])

    run(main())


def test_a_socket_is_served_before_time_passes_and_a_library_times_out_on_simulated_time() -> None:
    async def main() -> float:
        async def echo(socket: ServerConnection) -> None:
            async for message in socket:
                await socket.send(message)

        loop = asyncio.get_running_loop()
        async with serve(echo, "127.0.0.1", 0, ping_interval=None) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            async with connect(f"ws://127.0.0.1:{port}", ping_interval=20, ping_timeout=20, proxy=None) as client:
                for _ in range(100):
                    await client.send("x")
                    assert await client.recv() == "x"
                before_s = loop.time()
                try:
                    async with asyncio.timeout(600):
                        await client.recv()
                except TimeoutError:
                    return loop.time() - before_s
        raise AssertionError("nothing timed out")

    assert round(run(main())) == 600
