"""The script of faults: what it may say, when each of them strikes, and what a client then sees."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed

from live_server.peer import MANUAL, MODEL, Peer, running
from live_server.stage import Mouth, simulate
from satellite.core.errors import ConfigError
from satellite.live_server.bundles import Fields, merge, split
from satellite.live_server.fault_file import read_faults
from satellite.live_server.faults import Fault, Faults, What
from satellite.live_server.refusals import EXPLICIT_ACTIVITY
from satellite.live_server.strikes import Strikes, TurnFaults
from satellite.live_server.turn_rewriting import TurnRewriting

AUDIO = [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": base64.b64encode(bytes(range(12))).decode()}}]
CHUNK: Fields = {"serverContent": {"modelTurn": {"parts": AUDIO}}}
SAID: Fields = {"serverContent": {"outputTranscription": {"text": "hello"}}}
GENERATED: Fields = {"serverContent": {"generationComplete": True}}
COMPLETE: Fields = {"serverContent": {"turnComplete": True}, "usageMetadata": {"totalTokenCount": 7}}
TURN = [CHUNK, SAID, CHUNK, SAID, GENERATED, COMPLETE]


def played(script: Callable[[int], Awaitable[None]], *faults: Fault, **options: Any) -> Faults:
    """Run a script against a server with these faults; what is left of them."""
    commanded = Faults(script=list(faults))

    async def main() -> None:
        async with running(faults=commanded, **options) as (_, port):
            await script(port)

    simulate(main())
    return commanded


async def instant() -> float:
    return asyncio.get_running_loop().time()


# ---------------------------------------------------------------- what a script may say


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"what": "delay"}, "for_s is missing"),
        ({"what": "close", "client_message": 0}, "counted from 1"),
        ({"what": "close", "chunk": 0}, "counted from 1"),
        ({"what": "close", "member": "audio", "chunk": 1}, "cannot both be the moment"),
        ({"what": "close", "member": "audio", "server_message": 1}, "cannot both be the moment"),
        ({"what": "bundle", "member": "audio"}, "cannot strike when a client's message arrives"),
        ({"what": "empty_turn", "server_message": 3}, "strikes in a turn"),
        ({"what": "close", "times": -1}, "at least 0"),
        ({"what": "split", "count": 1}, "count is 2 to 1000"),
    ],
)
def test_a_senseless_fault_is_refused(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Fault(**fields)


def test_a_script_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text('[[fault]]\nwhat = "close"\nturn = 3\nreason = "Gone."\n[[fault]]\nwhat = "delay"\nfor_s = 2\n')
    assert read_faults(path) == [Fault("close", turn=3, reason="Gone."), Fault("delay", for_s=2.0)]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[[fault]]\nwhat = "close"\n[[fault]]\nwhat = "explode"', "fault 2: what: Input should be"),
        ('[[fault]]\nwhat = "close"\ncolour = 1', "fault 1: colour: there is no such key"),
        ('[[fault]]\nwhat = "delay"', "fault 1: delay: for_s is missing"),
        ('[[fault]]\nwhat = "close"\nturn = "first"', "fault 1: turn: Input should be a valid integer"),
        ("[[fault]]\nturn = 1", "fault 1: what: Field required"),
        ("what = 1", "expected tables"),
        ("fault = 1", "expected tables"),
        ("[[fault", "Expected .* at the end of"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=complaint) as refused:
        read_faults(path)
    assert str(refused.value).startswith("server.faults_file: ")
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_faults(tmp_path / "none.toml")


def test_the_settings_name_a_file_of_faults(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text('[[fault]]\nwhat = "close"\nmember = "setup"\ncode = 1011\nreason = "Gone."\n')

    async def main() -> None:
        async with running({"faults_file": path}) as (_, port), Peer.dial(port) as peer:
            await peer.send(setup={"model": MODEL})
            assert await peer.ended() == (1011, "Gone.")

    simulate(main())


# ---------------------------------------------------------------- when one strikes


def test_a_fault_strikes_as_often_as_it_is_told_and_leaves_the_script() -> None:
    faults = Faults(script=[Fault("delay", for_s=1.0, times=2), Fault("duplicate", times=0)])
    strikes = Strikes(faults)
    found = [[fault.what for fault in strikes.server_message(["goAway"])] for _ in range(3)]
    assert found == [["delay", "duplicate"], ["delay", "duplicate"], ["duplicate"]]
    assert [fault.what for fault in faults.script] == ["duplicate"]
    assert faults.struck == {"delay": 2, "duplicate": 3}


@pytest.mark.parametrize(
    ("moment", "struck"),
    [
        ({}, [0]),
        ({"server_message": 3}, [2]),
        ({"server_member": "turnComplete"}, [5]),
        ({"chunk": 1}, [1]),
        ({"chunk": 2, "server_member": "generationComplete"}, [4]),
        ({"turn": 1}, [0]),
        ({"turn": 2}, []),
        ({"connection": 1, "server_message": 2}, [1]),
        ({"connection": 2}, []),
    ],
)
def test_the_moments_of_messages_to_the_client(moment: dict[str, Any], struck: list[int]) -> None:
    strikes = Strikes(Faults(script=[Fault("duplicate", **moment)]))
    strikes.write_turn(strikes.begin_turn())
    members = [[*fields, *fields["serverContent"]] for fields in TURN]
    assert [index for index, each in enumerate(members) if strikes.server_message(each)] == struck


@pytest.mark.parametrize(
    ("moment", "struck"),
    [({"client_message": 2}, [1]), ({"member": "audio"}, [2]), ({"client_message": 1, "member": "audio"}, [])],
)
def test_the_moments_of_messages_from_the_client(moment: dict[str, Any], struck: list[int]) -> None:
    strikes = Strikes(Faults(script=[Fault("close", **moment)]))
    messages = [["setup"], ["activityStart"], ["audio"], ["audio"]]
    assert [index for index, members in enumerate(messages) if strikes.client_message(members)] == struck


def test_turns_and_connections_are_counted_over_the_servers_life() -> None:
    faults = Faults(script=[Fault("no_answer", turn=3), Fault("reset", connection=2)])
    first, second = Strikes(faults), Strikes(faults)
    assert [bool(strikes.begin_turn().faults) for strikes in (first, second, first)] == [False, False, True]
    assert not first.server_message(["goAway"])
    assert second.server_message(["goAway"])


def test_chunks_are_counted_anew_in_each_turn() -> None:
    strikes = Strikes(Faults(script=[Fault("close", turn=2, chunk=1)]))
    struck: list[list[str]] = []
    for _ in range(2):
        strikes.write_turn(strikes.begin_turn())
        struck += [[fault.what for fault in strikes.server_message(["modelTurn"])] for _ in range(3)]
    assert struck == [[], [], [], [], ["close"], []]


# ---------------------------------------------------------------- messages, rewritten


def test_merged_messages_say_what_both_said_in_order() -> None:
    calls = [{"toolCall": {"functionCalls": [{"id": name}]}} for name in "ab"]
    assert merge(*calls) == {"toolCall": {"functionCalls": [{"id": "a"}, {"id": "b"}]}}
    merged: Fields = {}
    for fields in TURN:
        merged = merge(merged, fields)
    assert merged == {
        "serverContent": {
            "modelTurn": {"parts": AUDIO * 2},
            "outputTranscription": {"text": "hellohello"},
            "generationComplete": True,
            "turnComplete": True,
        },
        "usageMetadata": {"totalTokenCount": 7},
    }
    assert CHUNK["serverContent"]["modelTurn"]["parts"] == AUDIO


def test_a_split_message_says_the_same_in_pieces_cut_between_samples() -> None:
    pieces = split({"serverContent": {"modelTurn": {"parts": AUDIO}, "generationComplete": True}}, 4)
    datas = [
        base64.b64decode(piece["serverContent"]["modelTurn"]["parts"][0]["inlineData"]["data"]) for piece in pieces
    ]
    assert b"".join(datas) == bytes(range(12))
    assert [len(data) for data in datas] == [4, 4, 4]
    assert ["generationComplete" in piece["serverContent"] for piece in pieces] == [False, False, True]
    texts = split({"serverContent": {"modelTurn": {"parts": [{"text": "hello"}]}}}, 2)
    assert [piece["serverContent"]["modelTurn"]["parts"][0]["text"] for piece in texts] == ["hel", "lo"]
    assert split(GENERATED, 3) == [GENERATED]


def rewritten(*faults: Fault, turn: list[Fields] = TURN) -> list[Fields]:
    """What becomes of a turn's messages."""
    rewriting = TurnRewriting(TurnFaults(1, {fault.what: fault for fault in faults}))
    return [each for fields in turn for each in rewriting.rewrite(fields)]


def flags(messages: list[Fields]) -> list[str]:
    """What the messages say, in words."""
    names = {"modelTurn": "audio", "outputTranscription": "said"}
    return [names.get(name, name) for fields in messages for name in fields.get("serverContent", {"other": 1})]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault("empty_turn"), ["said", "said", "turnComplete"]),
        (Fault("early_turn_complete", chunk=1), ["audio", "turnComplete"]),
        (Fault("early_turn_complete"), flags(TURN)),
        (Fault("duplicate_turn_complete"), [*flags(TURN), "turnComplete"]),
        (Fault("interrupted_after_generation"), [*flags(TURN[:-1]), "interrupted", "turnComplete"]),
        (Fault("interrupted_with_audio", chunk=1), ["audio", "audio", "interrupted", "turnComplete"]),
        (Fault("interrupted_with_audio"), [*flags(TURN[:-1]), "audio", "interrupted", "turnComplete"]),
        (Fault("late_transcripts"), ["audio", "audio", "generationComplete", "turnComplete", "said"]),
    ],
    ids=lambda value: value.what if isinstance(value, Fault) else "",
)
def test_what_a_client_sees_of_a_turn(fault: Fault, expected: list[str]) -> None:
    assert flags(rewritten(fault)) == expected


def test_a_rejected_turn_says_so() -> None:
    last = rewritten(Fault("rejected_turn"))[-1]
    assert last["serverContent"] == {"turnComplete": True, "turnCompleteReason": "RESPONSE_REJECTED"}
    assert last["usageMetadata"] == {"totalTokenCount": 7}


def test_late_transcripts_lose_nothing_even_with_a_turn_that_ends_early() -> None:
    messages = rewritten(Fault("late_transcripts"), Fault("interrupted_after_generation"))
    assert flags(messages)[-3:] == ["interrupted", "turnComplete", "said"]
    assert messages[-1] == {"serverContent": {"outputTranscription": {"text": "hellohello"}}}


def test_late_and_bundled_transcripts_keep_their_words() -> None:
    pieces: list[Fields] = [
        {"serverContent": {"inputTranscription": {"text": text, "words": words, "languageCode": "en-US"}}}
        for text, words in (("hi y", [{"word": "hi"}]), ("ou", [{"word": "you"}]))
    ]
    whole = {"text": "hi you", "words": [{"word": "hi"}, {"word": "you"}], "languageCode": "en-US"}
    assert merge(*pieces) == {"serverContent": {"inputTranscription": whole}}
    late = rewritten(Fault("late_transcripts"), turn=[*pieces, COMPLETE])
    assert late[-1] == {"serverContent": {"inputTranscription": whole}}


def test_what_is_no_content_of_the_turn_passes_even_when_it_was_ended_early() -> None:
    update = {"sessionResumptionUpdate": {"newHandle": "h"}}
    assert rewritten(Fault("early_turn_complete", chunk=1), turn=[CHUNK, GENERATED, update, COMPLETE])[-1] == update


def test_a_near_silent_reply_is_as_long_as_ever() -> None:
    loud = base64.b64encode(np.full(4800, 12_000, dtype="<i2").tobytes()).decode()
    part = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": loud}}
    (message,) = rewritten(Fault("near_silent_reply"), turn=[{"serverContent": {"modelTurn": {"parts": [part]}}}])
    (silent,) = message["serverContent"]["modelTurn"]["parts"]
    samples = np.frombuffer(base64.b64decode(silent["inlineData"]["data"]), dtype="<i2")
    assert len(samples) == 4800
    assert 0 < np.abs(samples).max() <= 3


# ---------------------------------------------------------------- over real sockets


async def say(peer: Peer) -> None:
    await peer.send_input(text="hello")


async def silent_for_an_hour(peer: Peer) -> None:
    """What is on its way comes, and then nothing for an hour."""
    while True:
        try:
            await asyncio.wait_for(peer.socket.recv(), 3600)
        except TimeoutError:
            return


def test_delay() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port) as peer:
            begun_s = await instant()
            await say(peer)
            await peer.receive()
            assert await instant() - begun_s == pytest.approx(7.0)
            await peer.turn()

    played(script, Fault("delay", server_message=2, for_s=7.0))


def test_delay_of_a_clients_message() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port) as peer:
            begun_s = await instant()
            await say(peer)
            await peer.receive()
            assert await instant() - begun_s == pytest.approx(7.0)

    played(script, Fault("delay", member="text", for_s=7.0))


@pytest.mark.parametrize("moment", [{"chunk": 2}, {"member": "activityEnd"}], ids=["mid-reply", "at a message"])
def test_stall_for_a_while(moment: dict[str, Any]) -> None:
    async def script(port: int) -> None:
        async with Peer.open(port, realtimeInputConfig=MANUAL) as peer:
            begun_s = await instant()
            await peer.send_input(activityStart={}, text="hello", activityEnd={})
            turn = await peer.turn()
            assert await instant() - begun_s >= 30.0
            assert len(turn.audio) == 1.0 * 48_000

    played(script, Fault("stall", for_s=30.0, **moment), voice=Mouth(1.0))


def test_a_stall_for_ever_reads_on_and_ends_with_the_client() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port) as peer:
            await say(peer)
            await peer.receive()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(peer.socket.recv(), 3600)
            await (await peer.socket.ping())

    played(script, Fault("stall", server_message=3))


def test_a_stall_that_a_message_brought_reads_on_too() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port) as peer:
            begun_s = await instant()
            await say(peer)
            await peer.send_input(activityStart={})
            assert await peer.ended() == (1007, EXPLICIT_ACTIVITY)
            assert await instant() - begun_s < 2.0

    played(script, Fault("stall", member="text", for_s=600.0))


def test_reset_is_a_reset_and_not_an_end_of_the_stream() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port) as peer:
            await say(peer)
            with pytest.raises(ConnectionClosed) as closed:
                await peer.turn()
            assert closed.value.rcvd is None
            assert isinstance(closed.value.__cause__, ConnectionResetError)

    played(script, Fault("reset", chunk=1))


@pytest.mark.parametrize("moment", [{"chunk": 1}, {"member": "text"}], ids=["mid-reply", "at a message"])
def test_half_open_neither_reads_nor_writes_nor_ends(moment: dict[str, Any]) -> None:
    async def script(port: int) -> None:
        async with Peer.open(port) as peer:
            await say(peer)
            await silent_for_an_hour(peer)
            pong = await peer.socket.ping()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(pong, 3600)

    played(script, Fault("half_open", **moment))


def test_half_open_for_a_while_ends_with_a_reset() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port) as peer:
            begun_s = await instant()
            await say(peer)
            assert await peer.ended() == (1006, "")
            assert await instant() - begun_s == pytest.approx(5.0, abs=0.2)

    played(script, Fault("half_open", chunk=1, for_s=5.0))


def test_close_at_a_message_to_the_client_and_nothing_behind_it() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port, outputAudioTranscription={}) as peer:
            await say(peer)
            assert flags([await peer.receive(), await peer.receive()]) == ["audio", "said"]
            with pytest.raises(ConnectionClosed) as closed:
                await peer.receive()
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1011, "Internal error encountered.")

    played(script, Fault("close", server_message=4, reason="Internal error encountered."))


def test_bundled_messages() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port, outputAudioTranscription={}) as peer:
            await say(peer)
            first = await peer.receive()
            assert set(first["serverContent"]) == {"modelTurn", "outputTranscription"}
            assert len(first["serverContent"]["modelTurn"]["parts"]) == 2
            rest = await peer.turn()
            assert len(rest.messages) > 2

    played(script, Fault("bundle", server_member="modelTurn", count=4), voice=Mouth(1.0))


def test_a_bundle_ends_with_its_turn() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port, outputAudioTranscription={}) as peer:
            await say(peer)
            turn = await peer.turn()
            assert len(turn.messages) == 1
            assert turn.flags == ["generationComplete", "turnComplete"]
            assert len(turn.audio) == 0.3 * 48_000

    played(script, Fault("bundle", server_member="modelTurn", count=1000))


def test_split_and_duplicate_messages() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port) as peer:
            await say(peer)
            split_turn = await peer.turn()
            assert len(split_turn.audio) == 0.3 * 48_000
            assert len([m for m in split_turn.messages if "modelTurn" in m["serverContent"]]) == 6
            await say(peer)
            await peer.turn()
            assert (await peer.receive())["serverContent"]["turnComplete"]

    played(
        script,
        Fault("split", server_member="modelTurn", count=5),
        Fault("duplicate", turn=2, server_member="turnComplete"),
    )


@pytest.mark.parametrize("what", ["invalid_json", "binary_noise", "unknown_names", "deep_nesting", "huge_frame"])
def test_garbage_comes_between_messages_and_the_turn_goes_on(what: What) -> None:
    async def script(port: int) -> None:
        async with Peer.open(port) as peer:
            await say(peer)
            frames = [await peer.socket.recv() for _ in range(2)]
            garbage = frames[1]
            assert isinstance(garbage, bytes)
            if what == "unknown_names":
                assert "novelty" in json.loads(garbage)
            elif what == "huge_frame":
                assert len(garbage) > 2**20
                json.loads(garbage)
            else:
                with pytest.raises((ValueError, RecursionError)):
                    json.loads(garbage)
            assert (await peer.turn()).complete

    played(script, Fault(what, chunk=1))


def test_no_answer_and_a_rejected_turn_come_from_the_engine() -> None:
    async def script(port: int) -> None:
        async with Peer.open(port, realtimeInputConfig=MANUAL) as peer:
            await peer.send_input(activityStart={}, text="hello", activityEnd={})
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(peer.socket.recv(), 600)
            await peer.send_input(activityStart={}, text="hello", activityEnd={})
            assert (await peer.turn()).flags == ["interrupted", "turnComplete"]
            rejected = await peer.turn()
            assert rejected.messages[-1]["serverContent"]["turnCompleteReason"] == "RESPONSE_REJECTED"
            assert not rejected.audio
            await peer.send_input(activityStart={}, text="hello", activityEnd={})
            begun_s = await instant()
            empty = await peer.turn()
            assert not empty.audio
            assert await instant() - begun_s < 1.0
            await peer.send_input(activityStart={}, text="hello", activityEnd={})
            begun_s = await instant()
            early = await peer.turn()
            assert len(early.audio) == 40 * 48_000
            assert await instant() - begun_s < 15.0

    faults = played(
        script,
        Fault("no_answer", turn=1),
        Fault("rejected_turn", turn=2),
        Fault("empty_turn", turn=3),
        Fault("early_turn_complete", turn=4),
        voice=Mouth(40.0),
    )
    assert not faults.script
