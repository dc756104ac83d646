"""A real mosquitto for the tests, and a plain client that watches it and speaks to it.

Every broker has its own configuration, port and folder, and never touches the machine's own. Nothing here
sleeps: a start waits for mosquitto's own word that it runs, a subscriber for the message it was told to expect.
"""

import collections
import getpass
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

PATIENCE_S = 30.0
"""How long anything may take before a test fails: far above what it takes, also under load."""

_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))


def _program(name: str) -> str:
    """The path of one of mosquitto's programs; skips the test when there is none."""
    path = shutil.which(name, path=_PATH)
    if path is None:
        pytest.skip(f"{name} is not installed (Debian package mosquitto)")
    return path


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Mosquitto:
    """One broker on 127.0.0.1, on the same port through all its restarts. Stops at the end of a `with`.

    users: name -> password; without any, everybody may connect. acl: the lines of an access list.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        persistence: bool = True,
        users: Mapping[str, str] | None = None,
        acl: str = "",
    ) -> None:
        self._program = _program("mosquitto")
        self.host = "127.0.0.1"
        self.port = port or free_port()
        self.log: collections.deque[str] = collections.deque(maxlen=10_000)
        """What mosquitto has said, line by line, through all its restarts."""
        self._process: subprocess.Popen[str] | None = None
        self._frozen = False
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "mosquitto.conf"
        lines = [
            f"listener {self.port} {self.host}",
            f"user {getpass.getuser()}",  # started as root it would become `mosquitto`, which cannot write here
            "log_dest stderr",  # not buffered, unlike its stdout
            "log_type all",
            f"persistence {str(persistence).lower()}",
            f"persistence_location {folder}/",
            "autosave_interval 1",
            f"allow_anonymous {str(users is None).lower()}",
        ]
        if users is not None:
            passwords = folder / "passwords"
            passwords.touch(mode=0o600)
            for name, password in users.items():
                command = [_program("mosquitto_passwd"), "-b", str(passwords), name, password]
                subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S)
            lines.append(f"password_file {passwords}")
        if acl:
            (folder / "acl").write_text(acl, encoding="utf-8")
            lines.append(f"acl_file {folder / 'acl'}")
        self._config.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def start(self) -> None:
        """Start; returns when it listens. AssertionError with its log when it does not."""
        assert self._process is None, "mosquitto runs already"
        command = [self._program, "-c", str(self._config)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self._process = process
        listens, serves = threading.Event(), threading.Event()
        threading.Thread(target=self._read_log, args=(process, listens, serves), daemon=True).start()
        # A SIGTERM between its word that it runs and its main loop is lost: so wait for its first deed, too.
        if listens.wait(PATIENCE_S) and process.poll() is None:
            with socket.create_connection((self.host, self.port), PATIENCE_S):
                serves.wait(PATIENCE_S)
        if not serves.is_set() or process.poll() is not None:
            said = "\n".join(self.log)
            self.kill()
            raise AssertionError(f"mosquitto did not start:\n{said}")

    def stop(self) -> None:
        """SIGTERM: an orderly end."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9: what it had not saved is lost."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """SIGSTOP: it hangs, with all its connections open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        self._frozen = True

    def thaw(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
        self._frozen = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        if self._frozen:
            self.thaw()
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(PATIENCE_S)
        self._process = None

    def _read_log(self, process: subprocess.Popen[str], listens: threading.Event, serves: threading.Event) -> None:
        """The reader's thread: to the end of the output, so that mosquitto never waits for us."""
        assert process.stderr is not None
        with process.stderr as lines:
            for line in lines:
                self.log.append(line.rstrip())
                if line.rstrip().endswith(" running"):
                    listens.set()
                if "New connection from" in line:
                    serves.set()
        listens.set()  # it has ended: nobody need wait any longer
        serves.set()


@dataclass(frozen=True, slots=True)
class Message:
    """What a subscriber received."""

    topic: str
    text: str
    retained: bool


class Subscriber:
    """A client that remembers every message of the broker and can publish. Use it in a `with`."""

    def __init__(self, broker: Mosquitto, *, username: str = "", password: str = "", topics: str = "#") -> None:
        self.messages: list[Message] = []
        """All so far, oldest first."""
        self._topics = topics
        self._changed = threading.Condition()
        self._subscribed = threading.Event()
        self._broker = broker
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        if username:
            self._client.username_pw_set(username, password)
        self._client.on_connect = lambda client, *_: client.subscribe(self._topics, 1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._received

    def __enter__(self) -> Self:
        self._client.connect(self._broker.host, self._broker.port)
        self._client.loop_start()
        assert self._subscribed.wait(PATIENCE_S), "the subscriber was not served"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, payload: str | bytes, *, retain: bool = False) -> None:
        """Publish with QoS 1; returns when the broker has it."""
        info = self._client.publish(topic, payload, 1, retain)
        info.wait_for_publish(PATIENCE_S)
        assert info.is_published(), f"the broker did not take a message on {topic}"

    def wait_for(
        self, topic: str, text: str | None = None, *, accept: Callable[[str], bool] | None = None, after: int = 0
    ) -> Message:
        """The first message on `topic` (from number `after` on) that is `text`, or that `accept` takes."""

        def found() -> Message | None:
            for message in self.messages[after:]:
                fits = (text is None or message.text == text) and (accept is None or accept(message.text))
                if message.topic == topic and fits:
                    return message
            return None

        deadline_s = time.monotonic() + PATIENCE_S
        with self._changed:
            while (message := found()) is None:
                left_s = deadline_s - time.monotonic()
                assert left_s > 0, f"no {text!r} on {topic}; there was {self.messages[after:]}"
                self._changed.wait(left_s)
            return message

    def on(self, topic: str) -> list[str]:
        """The payloads on `topic` so far."""
        with self._changed:
            return [message.text for message in self.messages if message.topic == topic]

    def _received(self, _client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        with self._changed:
            text = bytes(message.payload).decode("utf-8", "replace")
            self.messages.append(Message(message.topic, text, message.retain))
            self._changed.notify_all()
