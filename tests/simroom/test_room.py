"""The simulated room as a sound card: levels, clock, faults, recording."""

import asyncio
import math
import wave
from pathlib import Path

import numpy as np
import pytest

from satellite.app.clock import SimulatedTimeLoop
from satellite.simroom.acoustics import gain_of, level_dbfs, to_pcm, to_signal
from satellite.simroom.people import SPEECH_DBFS
from satellite.simroom.recording import Recorder
from satellite.simroom.room import LOUDSPEAKER_DBFS
from simroom.room_bench import Bench, run_simulated


def hiss(seconds: float, dbfs: float, rate_hz: int = 24_000) -> bytes:
    """White noise up to 6 kHz: what fits through every rate on the way."""
    samples = np.random.default_rng(5).standard_normal(int(seconds * rate_hz))
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(samples.size, 1 / rate_hz) > 6000] = 0
    signal = np.fft.irfft(spectrum, samples.size)
    return to_pcm(signal * gain_of(dbfs - level_dbfs(signal)))


@pytest.mark.parametrize("ser_db", [9.0, -3.0])
def test_the_echo_of_a_reply_has_the_named_level(ser_db: float) -> None:
    async def scene() -> bytes:
        bench = Bench(ser_db=ser_db, noise_dbfs=-math.inf)
        bench.playback.push(1, hiss(2.0, LOUDSPEAKER_DBFS))
        bench.playback.end(1)
        with bench.running():
            await bench.let_pass(2000)
        return bytes(bench.heard)

    heard = to_signal(run_simulated(scene()))
    assert level_dbfs(heard[8000:]) == pytest.approx(SPEECH_DBFS - ser_db, abs=1.0)
    assert not heard[:900].any()  # nothing before the delay of 60 ms


def test_a_person_is_heard_sample_for_sample_and_the_end_is_told() -> None:
    said = hiss(0.5, -30.0, 16_000)[:15_000]

    async def scene() -> tuple[bytes, int]:
        bench = Bench(noise_dbfs=-math.inf)
        with bench.running():
            await bench.let_pass(100)
            end = await bench.room.speak(said)
            await bench.let_pass(100)
        return bytes(bench.heard), end

    heard, end = run_simulated(scene())
    assert heard[3200 : 3200 + len(said)] == said
    assert end == 1600 + 7500


def test_two_people_speak_at_once_and_clip_as_a_converter_does() -> None:
    async def scene() -> bytes:
        bench = Bench(noise_dbfs=-math.inf)
        with bench.running():
            await bench.let_pass(20)
            bench.room.speak(to_pcm(np.full(320, 0.75)))
            await bench.room.speak(to_pcm(np.full(640, 0.75)))
            await bench.let_pass(20)
        return bytes(bench.heard)

    heard = np.frombuffer(run_simulated(scene()), dtype="<i2")
    assert set(heard[320:640]) == {32767}
    assert set(heard[640:960]) == {24576}


def test_time_in_the_room_is_the_loops_and_a_stall_is_caught_up() -> None:
    async def scene() -> tuple[float, int, int]:
        bench = Bench()
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedTimeLoop)
        with bench.running():
            await bench.let_pass(500)
            loop.advance(1.013)
            await bench.let_pass(1500)
            for _ in range(500):
                await bench.room.next_block()
            return loop.time(), bench.room.sample, len(bench.heard) // 2

    seconds, samples, heard = run_simulated(scene())
    assert samples == 12 * 16_000
    assert seconds == pytest.approx(12.0)
    assert heard >= samples - 320  # the buffer of 2 s lost nothing


def test_in_real_time_the_room_never_runs_ahead_of_the_clock() -> None:
    async def scene() -> tuple[float, int]:
        bench = Bench()
        began = asyncio.get_running_loop().time()
        with bench.running():
            await bench.let_pass(200)
        return asyncio.get_running_loop().time() - began, bench.room.sample

    seconds, samples = asyncio.run(scene())
    assert samples == 3200
    assert seconds >= 0.199


def test_found_is_reported_with_the_first_block_and_activity_tells_its_age() -> None:
    async def scene() -> None:
        bench = Bench()
        assert bench.room.last_activity.input_block_age_s is None
        with bench.running():
            await asyncio.sleep(0.001)
            assert bench.reports.log == []
            await bench.let_pass(20)
            assert bench.reports.log == ["speaker found", "microphone found"]
            await asyncio.sleep(0.005)
            assert bench.room.last_activity.input_block_age_s == pytest.approx(0.005)
            assert bench.room.last_activity.alive(1.0)

    run_simulated(scene())


def test_an_unplugged_microphone_delivers_nothing_and_comes_back() -> None:
    async def scene() -> None:
        bench = Bench()
        with bench.running():
            await bench.let_pass(100)
            bench.room.unplug_microphone()
            bench.room.unplug_microphone()
            before = len(bench.heard)
            await bench.let_pass(2500)
            assert len(bench.heard) == before
            assert bench.room.last_activity.microphone_lost
            assert bench.room.last_activity.alive(1.0)
            bench.room.plug_in_microphone()
            bench.room.plug_in_microphone()
            assert not bench.room.last_activity.alive(1.0)
            await bench.let_pass(100)
            assert len(bench.heard) == before + 3200
        assert bench.reports.log[2:] == [
            "microphone lost: unplugged",
            "retry returned",
            "retry returned",
            "retry returned",
            "microphone found",
        ]

    run_simulated(scene())


def test_an_unplugged_speaker_takes_nothing_and_the_reply_goes_on_when_it_is_back() -> None:
    async def scene() -> None:
        bench = Bench()
        bench.playback.push(7, hiss(1.0, -22.0))
        bench.playback.end(7)
        with bench.running():
            await bench.let_pass(500)
            bench.room.unplug_speaker("pulled out")
            await bench.let_pass(3000)
            assert bench.turns == ["started 7"]
            assert bench.room.loudspeaker_sounding_ms == 0
            bench.room.plug_in_speaker()
            await bench.let_pass(480)
            assert bench.turns == ["started 7"]
            await bench.let_pass(60)
            assert bench.turns == ["started 7", "drained 7"]
        assert bench.reports.log[2] == "speaker lost: pulled out"
        assert bench.reports.log[-2:] == ["retry returned", "speaker found"]

    run_simulated(scene())


def test_people_notice_how_long_the_loudspeaker_has_been_speaking() -> None:
    async def scene() -> list[int]:
        bench = Bench()
        bench.playback.push(1, hiss(1.0, -22.0) + bytes(2 * 9600) + hiss(0.5, -22.0))
        bench.playback.end(1)
        noticed = []
        with bench.running():
            for _ in range(5):
                await bench.let_pass(600)
                noticed.append(bench.room.loudspeaker_sounding_ms)
        return noticed

    # 20 ms inside the card first; 1000 ms of sound, a pause of 400, 500 more, then silence
    assert run_simulated(scene()) == pytest.approx([580, 1000, 1780, 1900, 0], abs=20)


def test_the_recording_holds_what_was_heard_and_what_left_the_card(tmp_path: Path) -> None:
    played = np.frombuffer(hiss(0.4, -22.0), dtype="<i2")

    async def scene() -> bytes:
        with Recorder(tmp_path / "conversation.wav") as recorder:
            bench = Bench(recorder=recorder)
            bench.playback.push(1, played.tobytes())
            bench.playback.end(1)
            with bench.running():
                await bench.let_pass(400)
                bench.room.unplug_microphone()
                await bench.let_pass(400)
            return bytes(bench.heard)

    heard = run_simulated(scene())
    with wave.open(str(tmp_path / "conversation.wav"), "rb") as file:
        stereo = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    assert stereo[0::2][:6400].tobytes() == heard
    assert not stereo[0::2][6400:].any()
    right = stereo[1::2]
    assert not right[:320].any()  # 20 ms inside the card
    assert np.abs(right[320:700]).max() > 300
    assert not right[320 + 6400 + 200 :].any()
