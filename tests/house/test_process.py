"""The whole daemon as a process: its command, a real broker, a real Live server over its socket, a real ALSA device."""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import soxr
from support.house import Understands
from support.mosquitto import Mosquitto, Subscriber
from support.process import KEY, DaemonProcess, ServerThread
from support.pulse import SPEAKER_RATE_HZ, PulseCard, require_pulse

from satellite.core.pcm import CAPTURE_RATE_HZ, silence
from satellite.live_server.clock_words import says_time
from satellite.simroom.people import sentence
from satellite.speech.recogniser import Recogniser

NOW = datetime(2026, 11, 22, 15, 45)
STATE = "satellite/kitchen/state"
AVAILABILITY = "satellite/kitchen/availability"

STILL_S = 1.5

QUEUED_S = 11.0
"""What waits to be played when the first sound of A_MINUTE is said: its first piece, which stop has to drop."""

A_MINUTE = ", ".join(["the quick brown fox jumps over the lazy dog and runs away"] * 20)
"""Speech for more than a minute: longer than a recording waits for silence (LONGEST_WAIT_S)."""


@pytest.fixture
def card() -> Iterator[PulseCard]:
    require_pulse()
    with PulseCard() as started:
        yield started


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "mosquitto") as started:
        yield started


@pytest.fixture
def watching(broker: Mosquitto) -> Iterator[Subscriber]:
    with Subscriber(broker) as subscriber:
        yield subscriber


@pytest.fixture
def server() -> Iterator[ServerThread]:
    with ServerThread(lambda: NOW) as started:
        yield started


def pause(duration_s: float) -> bytes:
    return silence(int(duration_s * CAPTURE_RATE_HZ))


def sounds(recording: bytes) -> bool:
    """Whether something is heard in it."""
    return int(np.abs(np.frombuffer(recording, dtype="<i2").astype(np.int32)).max(initial=0)) > 1000


def has_fallen_silent(recording: bytes) -> bool:
    """Whether its last STILL_S are silent: longer than any pause in speech."""
    tail = recording[-int(STILL_S * SPEAKER_RATE_HZ) * 2 :]
    return sounds(recording) and not any(tail)


def sounded_for_s(recording: bytes) -> float:
    """From its first sound to its last."""
    sound = np.flatnonzero(np.frombuffer(recording, dtype="<i2"))
    return float(sound[-1] - sound[0]) / SPEAKER_RATE_HZ


def recognised(recording: bytes) -> str:
    """What a recording of the speaker says."""
    at_capture_rate = soxr.resample(np.frombuffer(recording, dtype="<i2"), SPEAKER_RATE_HZ, CAPTURE_RATE_HZ)

    async def main() -> str:
        recogniser = Recogniser("whisper")
        await recogniser.start()
        try:
            return await recogniser.recognise(at_capture_rate.astype("<i2").tobytes())
        finally:
            await recogniser.close()

    return asyncio.run(main())


def test_someone_asks_for_the_time_and_hears_it(
    tmp_path: Path, card: PulseCard, broker: Mosquitto, watching: Subscriber, server: ServerThread
) -> None:
    with DaemonProcess(tmp_path, card, broker, server.port) as daemon:
        daemon.wait_for_notification("READY=1")
        watching.wait_for(STATE, "idle")
        recording = card.record()
        card.feed(
            pause(0.5) + sentence("hey jarvis", "slt") + pause(0.8) + sentence("What time is it?", "slt") + pause(3)
        )
        watching.wait_for(STATE, "follow_up")
        answer = recognised(recording.stop())
        assert says_time(answer, NOW), answer
        heard = watching.wait_for("satellite/kitchen/transcript/input", accept=lambda text: '"final":true' in text)
        assert "time" in heard.text
        assert KEY not in daemon.command_line
        assert daemon.terminate() == 0
        assert server.wait_for_close_code() == 1000
        watching.wait_for(AVAILABILITY, "offline")
        everything = daemon.log + "".join(message.topic + message.text for message in watching.messages)
        assert KEY not in everything
        assert "STOPPING=1" in daemon.wait_for_notification("STOPPING=1")


def test_mute_in_mid_reply_silences_and_closes(
    tmp_path: Path, card: PulseCard, broker: Mosquitto, watching: Subscriber
) -> None:
    with (
        ServerThread(lambda: NOW, hears=Understands(f"repeat after me {A_MINUTE}")) as server,
        DaemonProcess(tmp_path, card, broker, server.port) as daemon,
    ):
        watching.wait_for(STATE, "idle")
        daemon.wait_for_notification("READY=1")
        card.feed(
            pause(0.5) + sentence("hey jarvis", "slt") + pause(0.8) + sentence("Tell me a story.", "slt") + pause(60)
        )
        watching.wait_for(STATE, "speaking")
        recording = card.record()
        recording.wait_until(sounds)
        watching.publish("satellite/kitchen/command/mute", "ON")
        watching.wait_for(STATE, "muted")
        watching.wait_for("satellite/kitchen/mute/state", "ON")
        assert server.wait_for_close_code() == 1000
        recording.wait_until(has_fallen_silent)
        heard = len(server.utterances)
        watching.publish("satellite/kitchen/command/listen", "PRESS")
        watching.publish("satellite/kitchen/command/mute", "OFF")
        watching.wait_for("satellite/kitchen/mute/state", "OFF", after=len(watching.messages) - 1)
        assert "listening" not in watching.on(STATE)[watching.on(STATE).index("muted") :]
        assert len(server.utterances) == heard
        assert daemon.terminate() == 0


def test_what_is_said_over_mqtt_is_heard_until_stop(
    tmp_path: Path, card: PulseCard, broker: Mosquitto, watching: Subscriber, server: ServerThread
) -> None:
    with DaemonProcess(tmp_path, card, broker, server.port) as daemon:
        daemon.wait_for_notification("READY=1")
        watching.wait_for(STATE, "idle")
        recording = card.record()
        watching.publish("satellite/kitchen/command/say", "Dinner is ready in the kitchen.")
        before = watching.messages.index(watching.wait_for(STATE, "speaking"))
        watching.wait_for(STATE, "idle", after=before)
        said = recognised(recording.stop()).lower()
        assert "dinner" in said, said
        assert "kitchen" in said, said
        recording = card.record()
        before = len(watching.messages)
        watching.publish("satellite/kitchen/command/say", A_MINUTE)
        recording.wait_until(sounds)
        watching.publish("satellite/kitchen/command/stop", "PRESS")
        assert sounded_for_s(recording.wait_until(has_fallen_silent)) < QUEUED_S / 2
        watching.wait_for(STATE, "idle", after=before)
        assert server.utterances == []
        assert daemon.terminate() == 0


def test_the_daemon_starts_without_a_microphone_says_so_and_heals(
    tmp_path: Path, card: PulseCard, broker: Mosquitto, watching: Subscriber, server: ServerThread
) -> None:
    card.stop()
    lines = "[speech]\nnotices = 'earcon'\n"
    with DaemonProcess(tmp_path, card, broker, server.port, lines=lines) as daemon:
        status = daemon.wait_for_notification("READY=1")
        assert "microphone" in status
        watching.wait_for(STATE, "no_microphone")
        card.start()
        watching.wait_for(STATE, "idle")
        assert daemon.terminate() == 0


def test_goodbye_comes_in_time_when_sound_card_and_broker_hang(
    tmp_path: Path, card: PulseCard, broker: Mosquitto, watching: Subscriber, server: ServerThread
) -> None:
    with DaemonProcess(tmp_path, card, broker, server.port) as daemon:
        watching.wait_for(STATE, "idle")
        daemon.wait_for_notification("READY=1")
        card.freeze()
        broker.freeze()
        try:
            assert daemon.terminate() == 0
        finally:
            broker.thaw()
            card.thaw()


def test_a_broker_that_is_killed_finds_everything_again(
    tmp_path: Path, card: PulseCard, broker: Mosquitto, server: ServerThread
) -> None:
    with DaemonProcess(tmp_path, card, broker, server.port) as daemon:
        daemon.wait_for_notification("READY=1")
        with Subscriber(broker) as before:
            before.wait_for(STATE, "idle")
        broker.kill()
        broker.start()
        with Subscriber(broker) as after:
            after.wait_for(AVAILABILITY, "online")
            after.wait_for(STATE, "idle")
            after.wait_for("satellite/kitchen/volume/state", "80")
        assert daemon.terminate() == 0
