"""Ages, quotas and handles: what is kept, and in which words a client learns of it. All on simulated time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from live_server.peer import MANUAL, MODEL, PICTURE, VERTEX_PATH, Peer, running
from live_server.stage import Mouth, simulate
from satellite.live_server.faults import Fault, Faults
from satellite.live_server.limits import GOOGLE, Age, Limits, Quota, duration_of
from satellite.live_server.refusals import (
    CONCURRENT,
    DEADLINE,
    INTERNAL,
    INVALID_ARGUMENT,
    NO_SESSION,
    QUOTA,
    SESSION_EXPIRED,
    Refusal,
    cut_to_fit,
)
from satellite.live_server.server import limits_of
from satellite.settings import ServerSettings

OLDER_MODEL = "models/gemini-3.1-flash-live-preview"


def limited(script: Callable[[int], Awaitable[None]], limits: Limits, **options: Any) -> None:
    """Run a script against a server with these limits."""

    async def main() -> None:
        async with running(limits=limits, **options) as (_, port):
            await script(port)

    simulate(main())


async def instant() -> float:
    return asyncio.get_running_loop().time()


async def handle_of(peer: Peer) -> str:
    """The next handle that the session can be resumed with."""
    while True:
        update = (await peer.receive()).get("sessionResumptionUpdate", {})
        if update.get("resumable"):
            return str(update["newHandle"])


async def end_of_setup(port: int, **setup: Any) -> tuple[int, str]:
    """How the server ends a connection with this setup."""
    async with Peer.dial(port) as peer:
        await peer.send(setup={"model": MODEL, **setup})
        return await peer.ended()


# ---------------------------------------------------------------- the clock


@pytest.mark.parametrize(("seconds", "text"), [(50.0, "50s"), (0.0, "0s"), (12.5, "12.500s"), (0.8333, "0.833s")])
def test_durations_as_protobuf_writes_them(seconds: float, text: str) -> None:
    assert duration_of(seconds) == text


def test_a_clock_must_run() -> None:
    with pytest.raises(ValueError, match="time_scale must be more than 0"):
        Limits(time_scale=0)


def test_settings_say_which_limits_are_kept() -> None:
    assert limits_of(ServerSettings()) == Limits()
    settings = ServerSettings(limits="google", connection_age_s=30.0, time_scale=60.0)
    limits = limits_of(settings)
    assert (limits.audio_session_s, limits.connection_age_s, limits.time_scale) == (900.0, 30.0, 60.0)


# ---------------------------------------------------------------- the age of a connection


def test_go_away_and_the_end_come_sixty_times_as_fast() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port) as peer:
            begun_s = await instant()
            assert await peer.receive() == {"goAway": {"timeLeft": "0.833s"}}
            assert await instant() - begun_s == pytest.approx(540 / 60)
            code, reason = await peer.ended()
            assert (code, reason[:30]) == (1008, "Connection aborted because the")
            assert await instant() - begun_s == pytest.approx(590 / 60)

    limited(script, Limits(connection_age_s=540.0, time_scale=60.0))


def test_google_lets_each_model_grow_as_old_as_it_does() -> None:
    async def script(port: int) -> None:
        for model, age_s in ((OLDER_MODEL, 540), (MODEL, 3420)):
            async with Peer.open(port, model, contextWindowCompression={"slidingWindow": {}}) as peer:
                begun_s = await instant()
                assert await peer.receive() == {"goAway": {"timeLeft": "50s"}}
                assert await instant() - begun_s == pytest.approx(age_s)

    limited(script, GOOGLE)


# ---------------------------------------------------------------- the length of a session


def test_a_session_without_compression_ends_after_its_time_over_all_connections() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port, sessionResumption={}) as peer:
            await peer.send_input(text="hello")
            handle = await handle_of(peer)
            await asyncio.sleep(600)
        await asyncio.sleep(300)
        async with Peer.open(port, sessionResumption={"handle": handle}) as peer:
            resumed_s = await instant()
            assert await peer.receive() == {"goAway": {"timeLeft": "50s"}}
            assert await instant() - resumed_s == pytest.approx(250, abs=2)
            assert await peer.ended() == (1011, DEADLINE)
            assert await instant() - resumed_s == pytest.approx(300, abs=2)
        assert await end_of_setup(port, sessionResumption={"handle": handle}) == (1008, SESSION_EXPIRED)

    # Handles of the second connection lead nowhere either: it is the session whose time is over.
    limited(script, Limits(audio_session_s=900.0))


def test_a_session_whose_time_is_over_is_not_resumed() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port, sessionResumption={}) as peer:
            await asyncio.sleep(800)
            await peer.send_input(text="hello")
            handle = await handle_of(peer)
            assert await peer.ended() == (1011, DEADLINE)
        assert await end_of_setup(port, sessionResumption={"handle": handle}) == (1008, SESSION_EXPIRED)

    limited(script, Limits(audio_session_s=900.0))


def test_compression_lets_a_session_last() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port, contextWindowCompression={"slidingWindow": {}}) as peer:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(7200):
                    await peer.socket.recv()

    limited(script, Limits(audio_session_s=900.0, video_session_s=120.0))


def test_the_first_picture_shortens_the_session() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port) as peer:
            begun_s = await instant()
            await asyncio.sleep(300)
            await peer.send_input(video=PICTURE)
            await asyncio.sleep(60)
            await peer.send_input(video=PICTURE)
            assert await peer.receive() == {"goAway": {"timeLeft": "50s"}}
            assert await instant() - begun_s == pytest.approx(370, abs=0.1)
            assert await peer.ended() == (1011, DEADLINE)
            assert await instant() - begun_s == pytest.approx(420, abs=0.1)

    limited(script, Limits(audio_session_s=900.0, video_session_s=120.0))


def test_an_end_that_comes_nearer_is_told_again() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port) as peer:
            assert await peer.receive() == {"goAway": {"timeLeft": "50s"}}
            await peer.send_input(video=PICTURE)
            assert (await peer.receive())["goAway"]["timeLeft"].startswith("20")
            assert await peer.ended() == (1011, DEADLINE)
            assert await instant() == pytest.approx(870, abs=1)

    limited(script, Limits(audio_session_s=900.0, video_session_s=20.0))


def test_an_age_goes_on() -> None:
    limits = Limits(audio_session_s=900.0, video_session_s=120.0, time_scale=10.0)
    assert Age(30.0).after(10.0).left_s(limits) == 50.0
    assert Age(30.0, 1.0).after(10.0).left_s(limits) == 1.0
    assert Age(30.0, 1.0).left_s(Limits()) is None


# ---------------------------------------------------------------- handles


def test_a_session_is_not_resumed_while_its_old_connection_is_open() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port, sessionResumption={}) as old:
            await old.send_input(text="hello")
            handle = await handle_of(old)
            assert await end_of_setup(port, sessionResumption={"handle": handle}) == (1011, INTERNAL)
            async with Peer.open(port, sessionResumption={}) as other:
                await other.send_input(text="hello")
                assert (await other.turn()).complete
        async with Peer.open(port, sessionResumption={"handle": handle}) as peer:
            await peer.send_input(text="hello")
            assert (await peer.turn()).complete

    limited(script, Limits())


def test_a_half_open_connection_is_in_nobodys_way() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port, sessionResumption={}) as old:
            await old.send_input(text="hello")
            handle = await handle_of(old)
            await old.send_input(text="hello")
            async with Peer.open(port, sessionResumption={"handle": handle}) as peer:
                await peer.send_input(text="hello")
                assert (await peer.turn()).complete

    faults = Faults(script=[Fault("half_open", client_message=3)])
    limited(script, Limits(), faults=faults)


def test_a_handle_is_valid_from_the_end_of_its_connection() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port, sessionResumption={}) as peer:
            await peer.send_input(text="hello")
            handle = await handle_of(peer)
            await asyncio.sleep(200)
        await asyncio.sleep(119)
        async with Peer.open(port, sessionResumption={"handle": handle}):
            pass
        await asyncio.sleep(2)
        assert await end_of_setup(port, sessionResumption={"handle": handle}) == (1008, SESSION_EXPIRED)
        assert await end_of_setup(port, sessionResumption={"handle": handle}) == (1008, NO_SESSION)

    limited(script, Limits(time_scale=60.0))


def test_everything_but_the_model_may_change_when_a_session_is_resumed() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port, sessionResumption={}) as peer:
            await peer.send_input(text="hello")
            handle = await handle_of(peer)
        async with Peer.dial(port) as peer:
            await peer.send(setup={"model": OLDER_MODEL, "sessionResumption": {"handle": handle}})
            assert await peer.ended() == (1007, INVALID_ARGUMENT)
        resumption = {"handle": handle}
        async with Peer.open(
            port, sessionResumption=resumption, outputAudioTranscription={}, realtimeInputConfig=MANUAL
        ) as peer:
            await peer.send_input(text="hello")
            assert (await peer.turn()).said

    limited(script, Limits())


def test_there_is_no_handle_while_the_model_speaks() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port, sessionResumption={}) as peer:
            await peer.send_input(text="hello")
            assert await peer.receive() == {"sessionResumptionUpdate": {}}
            assert not any("sessionResumptionUpdate" in message for message in (await peer.turn()).messages)
            assert set((await peer.receive())["sessionResumptionUpdate"]) == {"newHandle", "resumable"}

    limited(script, Limits(), voice=Mouth(2.0))


def test_transparent_handles_say_how_far_they_reach() -> None:
    async def script(port: int) -> None:
        headers = {"Authorization": "Bearer stub"}
        async with Peer.dial(port, VERTEX_PATH, None, headers) as peer:
            resumption = {"transparent": True}
            await peer.send(setup={"model": "gemini-3.8-live", "sessionResumption": resumption})
            await peer.receive()
            for _ in range(3):
                await peer.send_input(audio={"data": "AAAA", "mimeType": "audio/pcm"})
            await peer.send_input(text="hello")
            await peer.send_input(audio={"data": "AAAA", "mimeType": "audio/pcm"})
            await peer.turn()
            update = (await peer.receive())["sessionResumptionUpdate"]
            assert (update["resumable"], update["lastConsumedClientMessageIndex"]) == (True, "4")
            await peer.send(clientContent={"turns": [{"role": "user", "parts": [{"text": "hello"}]}]})
            update = (await peer.receive())["sessionResumptionUpdate"]
            assert update["lastConsumedClientMessageIndex"] == "6"

    limited(script, Limits(), voice=Mouth(2.0))


# ---------------------------------------------------------------- how many


def test_only_so_many_sessions_at_a_time() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port):
            async with Peer.open(port):
                assert await end_of_setup(port) == (1011, cut_to_fit(CONCURRENT))
            async with Peer.open(port):
                pass

    limited(script, Limits(sessions=2))


def test_a_refused_setup_takes_no_place() -> None:
    async def script(port: int) -> None:
        for _ in range(3):
            assert (await end_of_setup(port, model="models/none"))[0] == 1008
            assert (await end_of_setup(port, sessionResumption={"handle": "unknown"})) == (1008, NO_SESSION)
        async with Peer.open(port):
            pass

    limited(script, Limits(sessions=1))


def test_only_so_many_new_sessions_per_minute() -> None:
    async def script(port: int) -> None:
        for _ in range(2):
            async with Peer.open(port):
                pass
        assert await end_of_setup(port) == (1011, QUOTA)
        await asyncio.sleep(1.1)
        async with Peer.open(port):
            pass

    limited(script, Limits(sessions_per_min=2, time_scale=60.0))


def test_tokens_used_up_end_a_session_and_refuse_the_next_until_a_minute_has_passed() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port) as peer:
            await peer.send_input(text="hello")
            used = (await peer.turn()).usage["totalTokenCount"]
            assert used > 5
            await peer.send_input(text="hello")
            assert await peer.ended() == (1011, QUOTA)
        assert await end_of_setup(port) == (1011, QUOTA)
        await asyncio.sleep(61)
        async with Peer.open(port) as peer:
            await peer.send_input(text="hello")
            assert (await peer.turn()).complete

    limited(script, Limits(tokens_per_min=5))


def test_the_oldest_tokens_are_forgotten_one_by_one() -> None:
    now_s = 0.0
    quota = Quota(Limits(tokens_per_min=100), lambda: now_s)
    quota.spend(60)
    now_s = 30.0
    quota.spend(60)
    with pytest.raises(Refusal):
        quota.check_tokens()
    now_s = 60.0
    quota.check_tokens()
