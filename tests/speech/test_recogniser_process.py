"""The recogniser's process: started, queued for, lost, hung, closed. The light engine where the words do not matter."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from speech.engines import letters, said

from satellite.core.errors import SpeechError
from satellite.speech import recogniser as recogniser_module
from satellite.speech import wire
from satellite.speech.recogniser import Recogniser
from satellite.speech.voice import Voice

STOP = "Stop."
TIME = "What time is it?"


def with_recogniser(scenario: Callable[[Recogniser], Awaitable[None]]) -> None:
    """Run `scenario` with a light recogniser, and close it."""

    async def run() -> None:
        recogniser = Recogniser("grammar")
        try:
            await scenario(recogniser)
        finally:
            await recogniser.close()

    asyncio.run(run())


def pid_of(recogniser: Recogniser) -> int:
    assert recogniser.pid is not None
    return recogniser.pid


def end_of(pid: int) -> Callable[[], None]:
    """A function that blocks until that child process has ended (it stays a zombie for its owner to reap)."""
    return lambda: (os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT), None)[1]


Sent = Callable[[], Awaitable[bool]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Something to await: a request has gone to the process."""
    gone = threading.Event()
    send = wire.send

    def send_and_tell(link: socket.socket, kind: bytes, payload: bytes = b"") -> None:
        send(link, kind, payload)
        gone.set()

    monkeypatch.setattr(wire, "send", send_and_tell)
    return lambda: asyncio.get_running_loop().run_in_executor(None, gone.wait, 60)


def test_start_loads_the_model_and_the_first_request_uses_that_process() -> None:
    async def scenario(recogniser: Recogniser) -> None:
        assert recogniser.pid is None
        await recogniser.start()
        loaded = pid_of(recogniser)
        await recogniser.start()
        assert letters(await recogniser.recognise(said(TIME))) == "what time is it"
        assert recogniser.pid == loaded

    with_recogniser(scenario)


def test_concurrent_requests_get_each_its_own_answer() -> None:
    async def scenario(recogniser: Recogniser) -> None:
        sounds = [said(TIME), said(STOP), b"", said(TIME, "rms"), said(STOP, "rms")]
        heard = await asyncio.gather(*(recogniser.recognise(sound) for sound in sounds))
        assert heard == ["what time is it", "stop", "", "what time is it", "stop"]

    with_recogniser(scenario)


def test_a_cancelled_request_leaves_the_next_one_its_own_answer(sent: Sent) -> None:
    async def scenario(recogniser: Recogniser) -> None:
        await recogniser.start()
        os.kill(pid_of(recogniser), signal.SIGSTOP)  # or it might answer first
        first = asyncio.create_task(recogniser.recognise(said(TIME)))
        second = asyncio.create_task(recogniser.recognise(said(STOP)))
        await sent()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        os.kill(pid_of(recogniser), signal.SIGCONT)
        assert await second == "stop"

    with_recogniser(scenario)


def test_a_crash_fails_the_request_at_hand_and_the_next_one_starts_it_again(sent: Sent) -> None:
    async def scenario(recogniser: Recogniser) -> None:
        await recogniser.start()
        crashed = pid_of(recogniser)
        os.kill(crashed, signal.SIGSTOP)  # or it might answer first
        request = asyncio.create_task(recogniser.recognise(said(TIME)))
        await sent()
        os.kill(crashed, signal.SIGKILL)
        with pytest.raises(SpeechError, match=r"ended unexpectedly \(signal 9\)"):
            await request
        assert await recogniser.recognise(said(STOP)) == "stop"
        assert recogniser.pid != crashed

    with_recogniser(scenario)


def test_a_crash_between_requests_costs_no_request() -> None:
    async def scenario(recogniser: Recogniser) -> None:
        await recogniser.start()
        crashed = pid_of(recogniser)
        os.kill(crashed, signal.SIGKILL)
        await asyncio.get_running_loop().run_in_executor(None, end_of(crashed))
        assert await recogniser.recognise(said(STOP)) == "stop"

    with_recogniser(scenario)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_that_reach_the_whole_service_are_for_the_daemon(number: signal.Signals) -> None:
    async def scenario(recogniser: Recogniser) -> None:
        await recogniser.start()
        loaded = pid_of(recogniser)
        os.kill(loaded, number)
        assert await recogniser.recognise(said(STOP)) == "stop"
        assert recogniser.pid == loaded

    with_recogniser(scenario)


def test_a_process_that_hangs_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(recogniser: Recogniser) -> None:
        await recogniser.start()
        hung = pid_of(recogniser)
        os.kill(hung, signal.SIGSTOP)
        with monkeypatch.context() as patience:
            patience.setattr(recogniser_module, "HUNG_AFTER_S", 0.05)
            with pytest.raises(SpeechError, match="has not answered"):
                await recogniser.recognise(said(TIME))
        assert await recogniser.recognise(said(STOP)) == "stop"
        assert recogniser.pid != hung

    with_recogniser(scenario)


def test_close_ends_a_process_that_hangs_and_fails_its_request(sent: Sent) -> None:
    async def scenario(recogniser: Recogniser) -> None:
        await recogniser.start()
        hung = pid_of(recogniser)
        os.kill(hung, signal.SIGSTOP)
        request = asyncio.create_task(recogniser.recognise(said(TIME)))
        waiting = asyncio.create_task(recogniser.recognise(said(TIME)))
        await sent()
        await recogniser.close()
        with pytest.raises(ProcessLookupError):  # reaped: nothing is left of it
            os.kill(hung, 0)
        with pytest.raises(SpeechError, match="ended unexpectedly"):
            await request
        with pytest.raises(SpeechError, match="closed"):
            await waiting

    with_recogniser(scenario)


def test_after_close_nothing_starts_it_again() -> None:
    async def scenario(recogniser: Recogniser) -> None:
        await recogniser.close()
        await recogniser.close()
        with pytest.raises(SpeechError, match="closed"):
            await recogniser.start()
        with pytest.raises(SpeechError, match="closed"):
            await recogniser.recognise(said(STOP))
        assert recogniser.pid is None

    with_recogniser(scenario)


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    async def scenario() -> None:
        recogniser = Recogniser("whisper", tmp_path / "nowhere")
        with pytest.raises(SpeechError, match="nowhere") as caught:
            await recogniser.start()
        assert "\n" not in str(caught.value)
        assert recogniser.pid is None
        await recogniser.close()

    asyncio.run(scenario())


def test_a_library_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pocketsphinx.py").write_text("raise ImportError('No module named pocketsphinx')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    async def scenario(recogniser: Recogniser) -> None:
        with pytest.raises(SpeechError, match=r"extra 'assistant'.*pocketsphinx"):
            await recogniser.recognise(b"")

    with_recogniser(scenario)


def test_nothing_waits_for_a_timer_of_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """On simulated time a timer would mean that time passes while another process works."""

    def refuse(*_: object, **__: object) -> asyncio.TimerHandle:
        raise AssertionError("a timer was set")

    async def scenario(recogniser: Recogniser) -> None:
        with monkeypatch.context() as loop:
            loop.setattr(asyncio.get_running_loop(), "call_at", refuse)
            await recogniser.start()
            assert await recogniser.recognise(said(STOP)) == "stop"
            assert await Voice("slt").speak(STOP)

    with_recogniser(scenario)


def test_the_process_ends_with_its_owner() -> None:
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "satellite.speech.worker", "grammar"]
    with ours, subprocess.Popen(command, stdin=theirs.fileno(), cwd=Path(__file__).parents[2]) as process:
        theirs.close()
        assert wire.receive(ours, 60) == (wire.READY, b"")
        ours.close()
        assert process.wait(60) == 0
