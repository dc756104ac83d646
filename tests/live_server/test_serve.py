"""`satellite serve`: says where it listens, serves, and ends when it is told to."""

import asyncio
import logging
import re
from pathlib import Path

import pytest

from live_server.peer import Peer
from live_server.stage import simulate
from satellite.core.errors import ConfigError
from satellite.live_server.server import serve
from satellite.settings import ServerSettings


class _Line(logging.Handler):
    """Waits for a line of the log."""

    def __init__(self, pattern: str) -> None:
        super().__init__()
        self._pattern = re.compile(pattern)
        self.found: asyncio.Future[re.Match[str]] = asyncio.get_running_loop().create_future()

    def emit(self, record: logging.LogRecord) -> None:
        match = self._pattern.search(record.getMessage())
        if match and not self.found.done():
            self.found.set_result(match)


def test_serve_logs_its_address_and_answers_until_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("satellite.live_server.server")
    caplog.set_level(logging.INFO, logger.name)

    async def main() -> None:
        line = _Line(r"listens on ws://127\.0\.0\.1:(\d+)")
        logger.addHandler(line)
        serving = asyncio.create_task(serve(ServerSettings(port=0, recogniser="grammar")))
        # Fails as serve() fails, should it end before it listens.
        serving.add_done_callback(lambda _: line.found.cancel())
        port = int((await line.found)[1])
        logger.removeHandler(line)
        async with Peer.open(port, outputAudioTranscription={}) as peer:
            await peer.send_input(text="who are you")
            assert "assistant" in (await peer.turn()).said
            serving.cancel()
            assert (await peer.ended())[0] == 1001
        with pytest.raises(asyncio.CancelledError):
            await serving
        with pytest.raises(OSError, match="Connect call failed"):
            async with Peer.dial(port):
                pass

    simulate(main())


def test_serve_refuses_a_file_of_faults_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text('[[fault]]\nwhat = "explode"\n')
    with pytest.raises(ConfigError, match=r"server\.faults_file: .*: fault 1: what"):
        simulate(serve(ServerSettings(port=0, faults_file=path)))
