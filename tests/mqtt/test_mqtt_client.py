"""The client against a real broker, which is killed, frozen, missing and protected by a password."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.mosquitto import PATIENCE_S, Mosquitto, Subscriber

from mqtt.watching import Heard, Journal, MakeClient
from satellite.core.commands import (
    PublishMute,
    PublishProblem,
    PublishState,
    PublishVolume,
    PublishWake,
    ShownState,
)
from satellite.core.events import Event, ListenRequested, MuteRequested, SayRequested, StopRequested, VolumeRequested
from satellite.mqtt.client import MqttClient

ROOT = Path(__file__).parents[2]
HERE = "satellite/kitchen"

KITCHEN = """
import sys, threading
from satellite.mqtt.client import MqttClient
from satellite.settings import MqttSettings
MqttClient(MqttSettings(host=sys.argv[1], port=int(sys.argv[2])), "kitchen", print).start()
threading.Event().wait()
"""


def listening(client: MqttClient) -> None:
    """Give the client the retained state that the daemon gives it at its start."""
    client.execute(PublishState(ShownState.IDLE, 0, 0))
    client.execute(PublishState(ShownState.LISTENING, 1, 1))
    client.execute(PublishMute(False))
    client.execute(PublishVolume(80))


# ---------------------------------------------------------------- presence and state


def test_state_is_there_for_whoever_comes_later(broker: Mosquitto, make_client: MakeClient) -> None:
    client = make_client(broker)
    client.start()
    with Subscriber(broker) as first:
        listening(client)
        client.execute(PublishProblem("microphone", "unplugged"))
        client.execute(PublishWake("alexa", 0.9, 1))
        first.wait_for(f"{HERE}/event/wake")
        assert client.connected
    with Subscriber(broker) as late:
        assert late.wait_for(f"{HERE}/availability", "online").retained
        assert late.wait_for(f"{HERE}/state", "listening").retained
        late.wait_for(f"{HERE}/state/attributes", '{"conversation":1,"turn":1}')
        late.wait_for(f"{HERE}/mute/state", "OFF")
        late.wait_for(f"{HERE}/volume/state", "80")
        late.wait_for(f"{HERE}/problem/microphone", '{"problem":true,"text":"unplugged"}')
        late.wait_for(f"{HERE}/problem/link", '{"problem":false,"text":""}')
        assert late.on(f"{HERE}/event/wake") == []


def test_a_problem_that_an_earlier_run_left_behind_is_over(broker: Mosquitto, make_client: MakeClient) -> None:
    with Subscriber(broker) as watcher:
        watcher.publish(f"{HERE}/problem/speaker", '{"problem":true,"text":"unplugged"}', retain=True)
        make_client(broker).start()
        watcher.wait_for(f"{HERE}/problem/speaker", '{"problem":false,"text":""}')


def test_the_broker_says_offline_when_the_process_is_killed(broker: Mosquitto) -> None:
    command = [sys.executable, "-c", KITCHEN, broker.host, str(broker.port)]
    with Subscriber(broker) as watcher:
        kitchen = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
        try:
            watcher.wait_for(f"{HERE}/availability", "online")
        finally:
            kitchen.kill()
            kitchen.wait(PATIENCE_S)
        watcher.wait_for(f"{HERE}/availability", "offline")
    with Subscriber(broker) as late:
        assert late.wait_for(f"{HERE}/availability", "offline").retained


def test_stop_sends_what_waits_and_then_offline(broker: Mosquitto, make_client: MakeClient) -> None:
    client = make_client(broker)
    client.start()
    with Subscriber(broker) as watcher:
        watcher.wait_for(f"{HERE}/availability", "online")
        for number in range(50):
            client.execute(PublishWake("alexa", 0.9, number))
        client.stop(PATIENCE_S)
        watcher.wait_for(f"{HERE}/availability", "offline")
        topics = [message.topic for message in watcher.messages]
        assert topics.count(f"{HERE}/event/wake") == 50
        assert topics[-1] == f"{HERE}/availability"
        assert not client.connected
    with Subscriber(broker) as late:
        assert late.wait_for(f"{HERE}/availability", "offline").retained


def test_many_publications_from_many_threads_all_arrive_each_threads_in_order(
    broker: Mosquitto, make_client: MakeClient
) -> None:
    client = make_client(broker)
    client.start()

    def talk(thread: int) -> None:
        for number in range(150):
            client.execute(PublishWake(str(thread), 0.5, number))

    with Subscriber(broker) as watcher:
        watcher.wait_for(f"{HERE}/availability", "online")
        threads = [threading.Thread(target=talk, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
        client.stop(PATIENCE_S)
        watcher.wait_for(f"{HERE}/availability", "offline")
        wakes = [json.loads(text) for text in watcher.on(f"{HERE}/event/wake")]
    for number in range(4):
        assert [wake["conversation"] for wake in wakes if wake["word"] == str(number)] == list(range(150))
    assert client.dropped == 0


# ---------------------------------------------------------------- the broker comes and goes


def test_broker_restart_brings_availability_and_state_back(
    broker: Mosquitto, make_client: MakeClient, journal: Journal
) -> None:
    heard = Heard()
    client = make_client(broker, heard)
    client.start()
    listening(client)
    with Subscriber(broker) as before:
        before.wait_for(f"{HERE}/state", "listening")
    broker.kill()
    journal.wait_for("lost: the connection broke")
    client.execute(PublishMute(True))
    broker.start()
    with Subscriber(broker) as after:
        after.wait_for(f"{HERE}/availability", "online")
        after.wait_for(f"{HERE}/state", "listening")
        after.wait_for(f"{HERE}/mute/state", "ON")
        after.wait_for(f"{HERE}/volume/state", "80")
        after.wait_for(f"{HERE}/problem/speaker")
        after.publish(f"{HERE}/command/stop", "PRESS")
        assert heard.next() == StopRequested()


def test_a_broker_that_is_missing_at_the_start_is_found_later(
    tmp_path: Path, make_client: MakeClient, journal: Journal
) -> None:
    broker = Mosquitto(tmp_path / "broker")
    heard = Heard()
    client = make_client(broker, heard)
    client.start()
    listening(client)
    client.execute(PublishWake("alexa", 0.9, 1))
    journal.wait_for("cannot be reached", level=0, times=3)
    assert len([line for line in journal.lines(30) if "cannot be reached" in line]) == 1
    assert not client.connected
    with broker, Subscriber(broker) as watcher:
        watcher.wait_for(f"{HERE}/availability", "online")
        watcher.wait_for(f"{HERE}/state", "listening")
        watcher.publish(f"{HERE}/command/volume", "55")
        assert heard.next() == VolumeRequested(55)
        client.stop(PATIENCE_S)


def test_an_impossible_host_name_hurts_nobody(tmp_path: Path, make_client: MakeClient, journal: Journal) -> None:
    client = make_client(Mosquitto(tmp_path), host="x" * 100 + ".invalid")
    client.start()
    listening(client)
    journal.wait_for("cannot be reached")
    client.stop(PATIENCE_S)


def test_a_wrong_password_is_one_clear_line_and_not_a_connection(
    tmp_path: Path, make_client: MakeClient, journal: Journal
) -> None:
    with Mosquitto(tmp_path / "broker", users={"kitchen": "right"}) as broker:
        client = make_client(broker, username="kitchen", password="wr0ng-secret")
        client.start()
        refused = journal.wait_for("refused the connection", level=0, times=3)
        assert "Not authorized (see mqtt.username and mqtt.password)" in refused
        assert len([line for line in journal.lines(30) if "refused the connection" in line]) == 1
        assert not client.connected
        client.stop()
        assert "wr0ng-secret" not in "\n".join(journal.lines()) + repr(client) + repr(vars(client))

        make_client(broker, username="kitchen", password="right").start()
        with Subscriber(broker, username="kitchen", password="right") as watcher:
            watcher.wait_for(f"{HERE}/availability", "online")


# ---------------------------------------------------------------- commands


def test_commands_arrive_as_events(broker: Mosquitto, make_client: MakeClient) -> None:
    heard = Heard()
    make_client(broker, heard).start()
    with Subscriber(broker) as automation:
        automation.wait_for(f"{HERE}/availability", "online")
        for name, payload, event in (
            ("listen", "PRESS", ListenRequested()),
            ("stop", "{}", StopRequested()),
            ("mute", "ON", MuteRequested(True)),
            ("say", "Dinner is ready", SayRequested("Dinner is ready")),
            ("volume", '{"percent": 40}', VolumeRequested(40)),
        ):
            automation.publish(f"{HERE}/command/{name}", payload)
            assert heard.next() == event


def test_a_retained_command_never_fires(broker: Mosquitto, make_client: MakeClient, journal: Journal) -> None:
    heard = Heard()
    with Subscriber(broker) as automation:
        automation.publish(f"{HERE}/command/say", "Boo", retain=True)
        make_client(broker, heard).start()
        journal.wait_for(f"{HERE}/command/say: a retained command is ignored")
        automation.publish(f"{HERE}/command/say", "", retain=True)  # takes it away, and must not fire either
        automation.publish(f"{HERE}/command/stop", "PRESS")
        assert heard.next() == StopRequested()
        assert heard.empty


def test_commands_sent_while_the_satellite_was_away_never_fire(broker: Mosquitto, make_client: MakeClient) -> None:
    first = make_client(broker)
    first.start()
    heard = Heard()
    with Subscriber(broker) as automation:
        automation.wait_for(f"{HERE}/availability", "online")
        first.stop(PATIENCE_S)
        automation.wait_for(f"{HERE}/availability", "offline")
        automation.publish(f"{HERE}/command/say", "Boo")
        seen = len(automation.messages)
        make_client(broker, heard).start()
        automation.wait_for(f"{HERE}/availability", "online", after=seen)
        automation.publish(f"{HERE}/command/stop", "PRESS")
        assert heard.next() == StopRequested()
        assert heard.empty


def test_garbage_is_logged_and_the_next_command_works(
    broker: Mosquitto, make_client: MakeClient, journal: Journal
) -> None:
    heard = Heard()
    make_client(broker, heard).start()
    with Subscriber(broker) as automation:
        automation.wait_for(f"{HERE}/availability", "online")
        for name in ("listen", "stop", "mute", "say", "volume"):
            for payload in (b"\xff\xfe\x00", b'{"', b"{" * 9000, b'{"zap": 1}', b"\0" * 100_000):
                automation.publish(f"{HERE}/command/{name}", payload)
        automation.publish(f"{HERE}/command/mute", "OFF")
        assert heard.next() == MuteRequested(False)
    journal.wait_for(f"{HERE}/command/volume: unknown key 'zap' (known: percent)")
    assert len([told for told in journal.lines() if told.startswith("MQTT: ")]) == 25


def test_the_same_bad_command_again_and_again_is_one_warning(
    broker: Mosquitto, make_client: MakeClient, journal: Journal
) -> None:
    heard = Heard()
    make_client(broker, heard).start()
    with Subscriber(broker) as automation:
        automation.wait_for(f"{HERE}/availability", "online")
        for _ in range(10):
            automation.publish(f"{HERE}/command/volume", "loud")
        journal.wait_for("command/volume", level=0, times=10)
    assert len(journal.lines(30)) == 1


def test_a_raising_receiver_does_not_end_the_network_thread(
    broker: Mosquitto, make_client: MakeClient, journal: Journal
) -> None:
    heard = Heard()

    def receive(event: Event) -> None:
        if event == StopRequested():
            raise RuntimeError("the loop is closed")
        heard(event)

    make_client(broker, receive).start()
    with Subscriber(broker) as automation:
        automation.wait_for(f"{HERE}/availability", "online")
        automation.publish(f"{HERE}/command/stop", "PRESS")
        journal.wait_for("a callback failed")
        automation.publish(f"{HERE}/command/listen", "PRESS")
        assert heard.next() == ListenRequested()
        assert automation.on(f"{HERE}/availability") == ["online"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # it is what the test is about
def test_a_dead_network_thread_is_noticed_and_replaced(
    broker: Mosquitto, make_client: MakeClient, journal: Journal
) -> None:
    heard = Heard()

    def receive(event: Event) -> None:
        if event == StopRequested():
            raise SystemExit  # not an Exception: ends the thread, without a word
        heard(event)

    make_client(broker, receive).start()
    with Subscriber(broker) as automation:
        automation.wait_for(f"{HERE}/availability", "online")
        seen = len(automation.messages)
        automation.publish(f"{HERE}/command/stop", "PRESS")
        journal.wait_for("the network thread has ended")
        automation.wait_for(f"{HERE}/availability", "online", after=seen)
        automation.publish(f"{HERE}/command/listen", "PRESS")
        assert heard.next() == ListenRequested()


# ---------------------------------------------------------------- a broker that hangs


def stop_in_time(client: MqttClient) -> None:
    """stop() with a short deadline returns at all, and not before it has tried."""
    done = threading.Event()

    def stop() -> None:
        client.stop(0.5)
        done.set()

    threading.Thread(target=stop, daemon=True).start()
    assert done.wait(PATIENCE_S)


def test_stop_on_a_frozen_broker_ends_within_its_deadline(
    broker: Mosquitto, make_client: MakeClient, journal: Journal
) -> None:
    client = make_client(broker)
    client.start()
    with Subscriber(broker) as watcher:
        watcher.wait_for(f"{HERE}/availability", "online")
        broker.freeze()
        for number in range(200):
            client.execute(PublishWake("alexa", 0.9, number))
        stop_in_time(client)
        journal.wait_for("did not take the goodbye in time")
        broker.thaw()
        watcher.wait_for(f"{HERE}/availability", "offline")


def test_a_broker_that_is_frozen_from_the_start_hurts_nobody(broker: Mosquitto, make_client: MakeClient) -> None:
    broker.freeze()
    client = make_client(broker)
    client.start()
    listening(client)
    stop_in_time(client)
    assert not client.connected


def test_stop_before_the_start_and_twice_does_nothing(broker: Mosquitto, make_client: MakeClient) -> None:
    client = make_client(broker)
    client.stop()
    client.stop()
    assert not client.connected


# ---------------------------------------------------------------- a broker that mosquitto cannot play


@contextmanager
def scripted_broker(*answers: bytes) -> Iterator[int]:
    """A peer that answers each packet of its only connection with the next bytes; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE_S)

        def play() -> None:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(PATIENCE_S)
                for answer in answers:
                    if not connection.recv(65_536):
                        return
                    connection.sendall(answer)
                while connection.recv(65_536):  # a close with something unread would take the answers back
                    continue

        player = threading.Thread(target=play, daemon=True)
        player.start()
        yield server.getsockname()[1]


def test_a_refused_subscription_is_told(make_client: MakeClient, journal: Journal, tmp_path: Path) -> None:
    connack = b"\x20\x02\x00\x00"
    suback = b"\x90\x07\x00\x01" + b"\x80" * 5
    with scripted_broker(connack, suback) as port:
        make_client(Mosquitto(tmp_path, port=port)).start()
        journal.wait_for("the broker refused a subscription")


def test_a_broker_that_is_busy_is_named_as_it_says(make_client: MakeClient, journal: Journal, tmp_path: Path) -> None:
    with scripted_broker(b"\x20\x02\x00\x03") as port:
        make_client(Mosquitto(tmp_path, port=port)).start()
        assert journal.wait_for("refused the connection").endswith("Server unavailable; trying again")


def test_what_a_dying_broker_did_not_acknowledge_is_sent_again(make_client: MakeClient, tmp_path: Path) -> None:
    def serve_until(server: socket.socket, words: bytes) -> None:
        connection, _ = server.accept()
        with connection:
            connection.settimeout(PATIENCE_S)
            connection.sendall(b"\x20\x02\x00\x00")
            received = b""
            while words not in received:
                piece = connection.recv(65_536)
                assert piece, f"the client has gone without {words!r}"
                received += piece

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE_S)
        client = make_client(Mosquitto(tmp_path, port=server.getsockname()[1]))
        client.execute(PublishWake("alexa", 0.9, 77))
        client.start()
        serve_until(server, b'"conversation":77')
        serve_until(server, b'"conversation":77')
