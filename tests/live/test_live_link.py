"""Sessions by number: attempts and their pauses, refusals, resumption, one socket at a time."""

import asyncio
import logging
import shutil
import ssl
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from live.scripted_peer import Inbox, linked, listening, live_settings, simulate
from satellite.core.errors import ConfigError
from satellite.core.events import SessionLost, SessionOpened, SessionRefused
from satellite.live.link import LiveLink


async def unused_port() -> int:
    """A port of loopback where nobody listens."""
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


def test_connection_refused_is_retried_with_growing_pauses_until_closed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="satellite.live")

    async def scenario() -> None:
        inbox = Inbox()
        url = f"ws://127.0.0.1:{await unused_port()}"
        async with linked(url, inbox, backoff_initial_ms=500, backoff_max_ms=30_000) as link:
            link.open(1, None)
            await asyncio.sleep(200)
            link.close(1)
        assert inbox.seen == []

    simulate(scenario())
    attempts = [record for record in caplog.records if "not opened" in record.getMessage()]
    pauses = [int(record.getMessage().split("again in ")[1].split()[0]) for record in attempts]
    assert pauses[:8] == [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
    assert [record.levelno for record in attempts[:3]] == [logging.WARNING, logging.DEBUG, logging.DEBUG]


def test_a_server_that_comes_up_is_found_after_the_pauses(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="satellite.live")

    async def scenario() -> None:
        inbox = Inbox()
        loop = asyncio.get_running_loop()
        async with listening() as peer, linked(peer.url, inbox, backoff_initial_ms=500) as link:
            link.open(1, None)
            arrived_s = []
            for _ in range(4):
                call = await peer.answer()
                arrived_s.append(call.arrived_at_s)
                await call.hear()
                await call.hang_up(1011, "The service is currently unavailable.")
            call = await peer.answer()
            arrived_s.append(call.arrived_at_s)
            await call.accept_setup()
            assert await inbox.next() == SessionOpened(1)
            pauses_s = [later - earlier for earlier, later in pairwise(arrived_s)]
            assert pauses_s == pytest.approx([0.5, 1, 2, 4], abs=0.2)
            assert loop.time() - arrived_s[0] < 8.5

    simulate(scenario())
    levels = [record.levelname for record in caplog.records if record.name == "satellite.live.link"]
    assert levels == ["WARNING", "INFO"]  # the first failure, the recovery


def test_an_attempt_that_gets_no_answer_is_given_up_and_repeated() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        loop = asyncio.get_running_loop()
        arrived_s: asyncio.Queue[float] = asyncio.Queue()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            arrived_s.put_nowait(loop.time())
            while await reader.read(1000):
                continue
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with linked(url, inbox, attempt_timeout_ms=10_000, backoff_initial_ms=500) as link:
            link.open(1, None)
            instants_s = [await arrived_s.get() for _ in range(3)]
            assert instants_s[1] - instants_s[0] == pytest.approx(10.5, abs=0.2)
            assert instants_s[2] - instants_s[1] == pytest.approx(11, abs=0.2)
            link.close(1)
            assert inbox.seen == []
        server.close()
        await server.wait_closed()
        await asyncio.sleep(1)  # the connections' own tasks end

    simulate(scenario())


def test_a_setup_that_gets_no_answer_is_given_up_with_a_goodbye() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox, attempt_timeout_ms=10_000) as link:
            link.open(1, None)
            call = await peer.answer()
            await call.hear()
            assert await call.hear_goodbye() == (1000, [])
            second = await peer.answer()
            await second.accept_setup()
            assert await inbox.next() == SessionOpened(1)

    simulate(scenario())


@pytest.mark.parametrize(
    ("code", "reason", "advice"),
    [
        (1007, "API key not valid. Please pass a valid API key.", "live.api_key"),
        (1008, "models/gemini-9 is not found for API version v1beta, or is not supp", "live.model"),
        (1011, "You exceeded your current quota, please check your plan", "quota"),
        (1007, "Request contains an invalid argument.", "Request contains an invalid argument."),
    ],
)
def test_refusal_is_told_once_with_advice_and_not_retried(code: int, reason: str, advice: str) -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.open(1, None)
            call = await peer.answer()
            await call.hear()
            await call.hang_up(code, reason)
            refused = await inbox.next()
            assert isinstance(refused, SessionRefused)
            assert refused.session == 1
            assert advice in refused.advice
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(peer.answer(), 600)
            assert len(inbox.seen) == 1

    simulate(scenario())


def test_refusal_of_the_upgrade_is_told_too() -> None:
    async def scenario() -> None:
        def forbid(connection: ServerConnection, request: Request) -> Response:
            return connection.respond(403, "no\n")

        async def never(socket: ServerConnection) -> None:
            raise AssertionError("upgraded")

        inbox = Inbox()
        async with serve(never, "127.0.0.1", 0, process_request=forbid) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            async with linked(f"ws://127.0.0.1:{port}", inbox) as link:
                link.open(1, None)
                assert isinstance(await inbox.next(), SessionRefused)

    simulate(scenario())


def test_a_redirect_is_not_followed_and_the_key_stays_here() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as elsewhere:

            def redirect(connection: ServerConnection, request: Request) -> Response:
                response = connection.respond(302, "there\n")
                response.headers["Location"] = elsewhere.url
                return response

            async def never(socket: ServerConnection) -> None:
                raise AssertionError("upgraded")

            async with serve(never, "127.0.0.1", 0, process_request=redirect) as server:
                port = next(iter(server.sockets)).getsockname()[1]
                async with linked(f"ws://127.0.0.1:{port}", inbox) as link:
                    link.open(1, None)
                    refused = await inbox.next()
                    assert isinstance(refused, SessionRefused)
                    assert "live.base_url" in refused.advice
                    with pytest.raises(TimeoutError):
                        await asyncio.wait_for(elsewhere.answer(), 60)

    simulate(scenario())


@pytest.mark.parametrize("buffer_full", [False, True])
def test_resumes_with_the_handle_only_after_the_old_socket_is_closed(buffer_full: bool) -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.open(1, None)
            first = await peer.answer()
            setup = await first.accept_setup()
            assert setup["setup"]["sessionResumption"] == {}
            assert await inbox.next() == SessionOpened(1)
            first.stop_reading()  # its goodbye will not be answered at once
            if buffer_full:
                for _ in range(100):
                    link.send_frames(1, bytes(32_000))
                await asyncio.sleep(0.1)
            link.close(1)
            link.open(2, "handle-1")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(peer.answer(), 0.9)
            second = await asyncio.wait_for(peer.answer(), 0.3)
            setup = await second.accept_setup()
            assert setup["setup"]["sessionResumption"] == {"handle": "handle-1"}
            assert await inbox.next() == SessionOpened(2)
            assert len(inbox.seen) == 2
            first.tear()

    simulate(scenario())


@pytest.mark.parametrize(
    ("code", "reason"),
    [(1008, "BidiGenerateContent session not found"), (1007, "Request contains an invalid argument.")],
)
def test_a_refused_handle_is_told_as_such(code: int, reason: str) -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.open(3, "stale")
            call = await peer.answer()
            await call.hear()
            await call.hang_up(code, reason)
            assert await inbox.next() == SessionLost(3, reason=f"{code} {reason}", resume_refused=True)

    simulate(scenario())


def test_a_server_that_opens_and_drops_is_asked_more_and_more_slowly() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox, backoff_initial_ms=500) as link:
            arrived_s = []
            for session in range(1, 6):
                link.open(session, None)
                call = await peer.answer()
                arrived_s.append(call.arrived_at_s)
                await call.accept_setup()
                assert await inbox.next() == SessionOpened(session)
                await call.hang_up(1011, "Internal error encountered.")
                assert isinstance(await inbox.next(), SessionLost)
            pauses_s = [later - earlier for earlier, later in pairwise(arrived_s)]
            assert pauses_s == pytest.approx([0.5, 1, 2, 4], abs=0.2)

    simulate(scenario())


def test_after_a_session_that_held_the_next_one_is_asked_for_at_once() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        loop = asyncio.get_running_loop()
        async with listening() as peer, linked(peer.url, inbox, backoff_initial_ms=5000) as link:
            link.open(1, None)
            call = await peer.answer()
            await call.accept_setup()
            await asyncio.sleep(60)
            await call.hang_up(1011, "Internal error encountered.")
            assert await inbox.next() == SessionOpened(1)
            assert isinstance(await inbox.next(), SessionLost)
            asked_at_s = loop.time()
            link.open(2, None)
            call = await peer.answer()
            assert call.arrived_at_s - asked_at_s < 0.2

    simulate(scenario())


def test_unknown_and_closed_sessions_are_ignored() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.close(9)
            link.send_frames(9, bytes(640))
            link.open(1, None)
            link.close(1)
            link.close(1)
            link.send_text(1, "nobody hears this")
            link.send_tool_response(1, "id", "f", "{}")
            await link.shutdown()
            assert inbox.seen == []

    simulate(scenario())


def test_shutdown_without_sessions_is_over_at_once() -> None:
    async def scenario() -> None:
        async with linked("ws://127.0.0.1:9", Inbox()) as link:
            await link.shutdown()

    simulate(scenario())


@pytest.mark.parametrize(
    "changes", [{"base_url": "http://192.168.1.2"}, {"base_url": "https://h", "api_key": "a b"}, {"base_url": "x"}]
)
def test_a_configuration_that_cannot_be_used_is_refused_at_start(changes: dict[str, str]) -> None:
    settings = live_settings(changes.pop("base_url"), **changes)
    with pytest.raises(ConfigError, match=r"^live\."):
        LiveLink(settings, activity_manual=True, post=Inbox().post, jitter=lambda: 0.0)


def test_unknown_model_and_unsent_language_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    settings = live_settings("ws://127.0.0.1:9", model="gemini-9-live", language="de-DE")
    LiveLink(settings, activity_manual=True, post=Inbox().post, jitter=lambda: 0.0)
    assert "gemini-9-live is unknown" in caplog.text
    assert "live.language is not sent" in caplog.text


def test_encrypted_connection_checks_the_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    openssl = shutil.which("openssl")
    assert openssl is not None
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=127.0.0.1"]
    subprocess.run([*command, "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_tls.load_cert_chain(certificate, key)

    async def one_session(trusted: bool) -> None:
        inbox = Inbox()
        async with listening(server_tls) as peer, linked(peer.url, inbox) as link:
            link.open(1, None)
            if trusted:
                call = await peer.answer()
                await call.accept_setup()
                assert await inbox.next() == SessionOpened(1)
            else:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(peer.answer(), 60)
                assert inbox.seen == []

    simulate(one_session(trusted=False))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    simulate(one_session(trusted=True))
