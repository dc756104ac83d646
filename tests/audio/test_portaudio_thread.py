"""PortAudioThread: order, results, hangs."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from functools import partial, wraps

import pytest

from satellite.audio.portaudio_thread import PortAudioThread
from satellite.core.errors import AudioDeviceError


def on_a_loop(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Run an async test on a loop of its own."""

    @wraps(test)
    def run() -> None:
        async def bounded() -> None:
            await asyncio.wait_for(test(), 60)

        asyncio.run(bounded())

    return run


def refuse() -> None:
    raise AudioDeviceError("no such card")


@on_a_loop
async def test_calls_run_one_after_the_other_on_one_thread_that_is_not_the_loops() -> None:
    thread = PortAudioThread()
    ran: list[tuple[int, int]] = []

    def note(number: int) -> int:
        ran.append((number, threading.get_ident()))
        return number

    results = await asyncio.gather(*(thread.call("note", partial(note, number)) for number in range(5)))
    assert results == [0, 1, 2, 3, 4]
    assert [number for number, _ in ran] == [0, 1, 2, 3, 4]
    assert len({ident for _, ident in ran} - {threading.get_ident()}) == 1
    thread.stop()


@on_a_loop
async def test_what_a_call_raises_is_raised_where_it_is_awaited() -> None:
    thread = PortAudioThread()
    with pytest.raises(AudioDeviceError, match="no such card"):
        await thread.call("open", refuse)
    assert await thread.call("go on", lambda: 7) == 7
    thread.stop()


@on_a_loop
async def test_a_call_that_hangs_blocks_neither_the_loop_nor_its_waiter() -> None:
    thread = PortAudioThread()
    loop = asyncio.get_running_loop()
    begun, release = asyncio.Event(), threading.Event()

    def hang() -> bool:
        loop.call_soon_threadsafe(begun.set)
        return release.wait()

    hanging = asyncio.ensure_future(thread.call("close input", hang))
    after = asyncio.ensure_future(thread.call("open input", lambda: "opened"))
    await begun.wait()
    assert thread.in_progress is not None
    assert thread.in_progress[0] == "close input"
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert not after.done()
    release.set()
    assert await after == "opened"
    thread.stop()


@on_a_loop
async def test_a_call_cancelled_before_it_began_is_never_made() -> None:
    thread = PortAudioThread()
    release = threading.Event()
    made: list[str] = []
    first = asyncio.ensure_future(thread.call("first", release.wait))
    second = asyncio.ensure_future(thread.call("second", lambda: made.append("second")))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    release.set()
    assert await first
    await thread.call("third", lambda: made.append("third"))
    assert made == ["third"]
    thread.stop()


def test_a_call_without_a_loop_has_a_deadline() -> None:
    thread = PortAudioThread()
    release = threading.Event()
    with pytest.raises(AudioDeviceError, match=r"not answered within 0\.01 s \(hang\)"):
        thread.call_within("hang", release.wait, 0.01)
    release.set()
    assert thread.call_within("go on", lambda: 7, 10) == 7
    thread.stop()


def test_a_hung_call_does_not_keep_the_process_alive() -> None:
    thread = PortAudioThread()
    release = threading.Event()
    thread.submit("hang", release.wait)
    portaudio = [worker for worker in threading.enumerate() if worker.name == "portaudio" and worker.is_alive()]
    assert portaudio
    assert all(worker.daemon for worker in portaudio)
    release.set()
    thread.stop()
