"""One connection against a real server, on simulated time: liveness, goodbyes, limits, secrets."""

import asyncio
import logging
from typing import Any

import pytest

from live.scripted_peer import KEY, Call, Inbox, linked, listening, simulate
from satellite.core.events import (
    ReplyChunkReceived,
    ReplyInterrupted,
    SessionLost,
    SessionOpened,
    TurnCompleted,
)
from satellite.live import session as session_module
from satellite.live.session import PIECE_BYTES

CHUNK = {"serverContent": {"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm", "data": "AQACAA=="}}]}}}
TURN_COMPLETE = {"serverContent": {"turnComplete": True}}


async def opened(call: Call, inbox: Inbox) -> dict[str, Any]:
    """The call's setup, answered; the link says that it is open."""
    setup = await call.accept_setup()
    assert isinstance(await inbox.next(), SessionOpened)
    return setup


def test_setup_is_the_first_message_and_the_rest_waits_for_its_answer() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.open(1, None)
            call = await peer.answer()
            assert list(await call.hear()) == ["setup"]
            assert inbox.seen == []
            link.send_activity_start(1)  # dropped: the session takes no input yet
            await call.say({"setupComplete": {}})
            assert await inbox.next() == SessionOpened(1)
            link.send_audio_stream_end(1)
            assert await call.hear() == {"realtimeInput": {"audioStreamEnd": True}}
            assert call.path == "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
            assert call.header("x-goog-api-key") == KEY
            assert call.header("sec-websocket-extensions") is None

    simulate(scenario())


def test_messages_leave_in_the_order_they_were_given_and_a_backlog_in_pieces() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.open(1, None)
            call = await peer.answer()
            await opened(call, inbox)
            utterance = bytes(range(256)) * 375  # 3 s
            link.send_activity_start(1)
            link.send_frames(1, utterance)
            for _ in range(30):
                link.send_frames(1, b"\5\0" * 320)
            link.send_activity_end(1)
            link.send_text(1, "hello")
            assert await call.hear() == {"realtimeInput": {"activityStart": {}}}
            sound, sizes = await call.hear_audio(len(utterance) + 30 * 640)
            assert sound == utterance + b"\5\0" * 320 * 30
            assert set(sizes) == {PIECE_BYTES}
            assert await call.hear() == {"realtimeInput": {"activityEnd": {}}}
            assert await call.hear() == {"realtimeInput": {"text": "hello"}}

    simulate(scenario())


def test_frames_that_need_not_wait_are_sent_as_they_come() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.open(1, None)
            call = await peer.answer()
            await opened(call, inbox)
            for number in range(5):
                link.send_frames(1, bytes([number, 0]) * 320)
                assert await call.hear_audio(640) == (bytes([number, 0]) * 320, [640])

    simulate(scenario())


def test_text_and_binary_frames_and_bundles_are_read() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.open(1, None)
            call = await peer.answer()
            await opened(call, inbox)
            await call.say_raw('{"serverContent": {"turnComplete": true}}')
            await call.say_raw(b"no json")
            await call.say_raw(b'{"serverContent": {"turnComplete": true, "interrupted": true}}')
            events = [await inbox.next() for _ in range(3)]
            assert events == [TurnCompleted(1), ReplyInterrupted(1), TurnCompleted(1)]

    simulate(scenario())


def test_a_frame_beyond_the_librarys_mebibyte_is_taken() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.open(1, None)
            call = await peer.answer()
            await opened(call, inbox)
            part = {"inlineData": {"mimeType": "audio/pcm", "data": "AQAB" * 600_000}}
            await call.say({"serverContent": {"modelTurn": {"parts": [part]}}})
            assert await inbox.next() == ReplyChunkReceived(1, b"\1\0\1" * 600_000)

    simulate(scenario())


def test_a_half_open_connection_is_given_up_after_the_liveness_time() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        loop = asyncio.get_running_loop()
        async with listening() as peer, linked(peer.url, inbox, liveness_timeout_ms=45_000) as link:
            link.open(1, None)
            call = await peer.answer()
            await opened(call, inbox)
            call.stop_reading()
            quiet_since_s = loop.time()
            lost = await inbox.next()
            assert isinstance(lost, SessionLost)
            assert "nothing came for 45 s" in lost.reason
            assert loop.time() - quiet_since_s == pytest.approx(45, abs=0.5)
            call.tear()

    simulate(scenario())


def test_half_open_with_a_full_send_buffer_is_given_up_too() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        loop = asyncio.get_running_loop()
        async with listening() as peer, linked(peer.url, inbox, liveness_timeout_ms=45_000) as link:
            link.open(1, None)
            call = await peer.answer()
            await opened(call, inbox)
            call.stop_reading()
            quiet_since_s = loop.time()
            for _ in range(100):  # 3 MB: more than the kernel takes, less than the session keeps
                link.send_frames(1, bytes(32_000))
            lost = await inbox.next()
            assert isinstance(lost, SessionLost)
            assert "nothing came" in lost.reason
            assert loop.time() - quiet_since_s == pytest.approx(45, abs=0.5)
            call.tear()

    simulate(scenario())


def test_audio_that_the_network_never_takes_ends_the_session_before_memory_does() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.open(1, None)
            call = await peer.answer()
            await opened(call, inbox)
            call.stop_reading()
            for _ in range(1000):  # 32 MB
                link.send_frames(1, bytes(32_000))
            lost = await inbox.next()
            assert isinstance(lost, SessionLost)
            assert "does not take" in lost.reason
            call.tear()

    simulate(scenario())


def test_pongs_that_come_30_s_late_are_healthy() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox, liveness_timeout_ms=45_000) as link:
            link.open(1, None)
            call = await peer.answer()
            await opened(call, inbox)
            for _ in range(5):
                call.stop_reading()
                await asyncio.sleep(40)
                call.read_on()
                await asyncio.sleep(1)
            await call.say(TURN_COMPLETE)
            assert await inbox.next() == TurnCompleted(1)

    simulate(scenario())


def test_a_quiet_healthy_connection_lives_for_hours() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox, liveness_timeout_ms=45_000) as link:
            link.open(1, None)
            call = await peer.answer()
            await opened(call, inbox)
            await asyncio.sleep(2 * 3600)
            await call.say(TURN_COMPLETE)
            assert await inbox.next() == TurnCompleted(1)

    simulate(scenario())


def test_messages_alone_keep_a_connection_alive() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox, liveness_timeout_ms=45_000) as link:
            link.open(1, None)
            call = await peer.answer()
            await opened(call, inbox)
            call.stop_reading()
            for _ in range(5):
                await asyncio.sleep(40)
                await call.say(TURN_COMPLETE)
                assert await inbox.next() == TurnCompleted(1)
            call.tear()

    simulate(scenario())


@pytest.mark.parametrize(
    ("code", "reason"), [(1011, "Internal error encountered."), (1000, ""), (1008, "Operation is not implemented")]
)
def test_close_in_mid_reply_is_a_loss_and_what_came_before_it_counts(code: int, reason: str) -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.open(1, None)
            call = await peer.answer()
            await opened(call, inbox)
            await call.say(CHUNK)
            await call.hang_up(code, reason)
            assert await inbox.next() == ReplyChunkReceived(1, b"\1\0\2\0")
            assert await inbox.next() == SessionLost(1, reason=f"{code} {reason}".rstrip())
            link.send_frames(1, bytes(640))  # late: dropped without a word

    simulate(scenario())


def test_reset_in_mid_reply_is_a_loss() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.open(1, None)
            call = await peer.answer()
            await opened(call, inbox)
            await call.say(CHUNK)
            assert isinstance(await inbox.next(), ReplyChunkReceived)
            call.tear()
            lost = await inbox.next()
            assert isinstance(lost, SessionLost)
            assert lost.reason.startswith("1006")

    simulate(scenario())


def test_close_says_1000_drops_what_is_unsent_and_no_event_follows() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.open(1, None)
            call = await peer.answer()
            await opened(call, inbox)
            await call.say(CHUNK)
            link.send_frames(1, bytes(640))
            link.close(1)
            assert await call.hear_goodbye() == (1000, [])
            assert len(inbox.seen) == 1

    simulate(scenario())


def test_close_in_the_middle_of_a_bundle_ends_its_events() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            inbox.reaction = lambda event: link.close(1) if isinstance(event, ReplyChunkReceived) else None
            link.open(1, None)
            call = await peer.answer()
            await opened(call, inbox)
            await call.say({"serverContent": {**CHUNK["serverContent"], "turnComplete": True}})
            assert (await call.hear_goodbye())[0] == 1000
            assert inbox.seen == [SessionOpened(1), ReplyChunkReceived(1, b"\1\0\2\0")]

    simulate(scenario())


def test_close_while_waiting_for_setup_complete_says_1000() -> None:
    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.open(1, None)
            call = await peer.answer()
            await call.hear()
            link.close(1)
            assert await call.hear_goodbye() == (1000, [])
            assert inbox.seen == []

    simulate(scenario())


@pytest.mark.parametrize("buffer_full", [False, True])
def test_shutdown_is_over_within_a_second_when_the_server_hangs(buffer_full: bool) -> None:
    async def scenario() -> None:
        inbox = Inbox()
        loop = asyncio.get_running_loop()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.open(1, None)
            call = await peer.answer()
            await opened(call, inbox)
            call.stop_reading()
            if buffer_full:
                for _ in range(100):
                    link.send_frames(1, bytes(32_000))
                await asyncio.sleep(0.1)
            started_s = loop.time()
            await link.shutdown()
            assert loop.time() - started_s <= 1.05
            call.tear()

    simulate(scenario())


def test_the_key_is_in_no_log_line_and_no_repr(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    # The level a debugging user sets on everything must not reach websockets' own lines.
    assert session_module.socket_log.level == logging.INFO

    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox, backoff_initial_ms=10) as link:
            link.open(1, None)
            call = await peer.answer()
            await opened(call, inbox)
            await call.hang_up(1011, f"the key {KEY} has caught fire")
            lost = await inbox.next()
            assert isinstance(lost, SessionLost)
            assert "caught fire" in lost.reason
            link.open(2, None)
            call = await peer.answer()
            await call.hear()
            await call.hang_up(1007, f"API key not valid: {KEY}")
            await inbox.next()
            assert KEY not in "".join(map(repr, [*inbox.seen, link, link.__dict__]))

    simulate(scenario())
    ours = [record for record in caplog.records if not record.name.startswith("websockets.server")]
    assert ours
    assert KEY not in "".join(record.getMessage() + str(record.exc_info) for record in ours)


def test_what_is_newer_than_us_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="satellite.live.session")

    async def scenario() -> None:
        inbox = Inbox()
        async with listening() as peer, linked(peer.url, inbox) as link:
            link.open(1, None)
            call = await peer.answer()
            await opened(call, inbox)
            for _ in range(2):
                await call.say({"serverContent": {"turnComplete": True, "somethingNewer": {"a": 1}}})
                assert await inbox.next() == TurnCompleted(1)

    simulate(scenario())
    told = [record.levelname for record in caplog.records if "nobody here knows" in record.getMessage()]
    assert told == ["INFO", "DEBUG"]
