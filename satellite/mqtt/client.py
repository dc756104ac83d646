"""The broker, as the rest of the satellite sees it. paho lives here and nowhere else.

Three threads meet, and each does little:

- the daemon's loop calls `execute()`: it queues and returns, whatever the broker does;
- paho's network thread calls `_Callbacks`: they tell what happened, and hand decoded commands on. None may raise:
  the thread would end while paho's is_connected() stays True;
- the keeper's thread (keeper.py) decides, and is the only one that calls `_Connection`.
"""

import functools
import logging
from collections.abc import Callable

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from satellite.core.commands import Command, PublishProblem
from satellite.core.events import Event
from satellite.mqtt.keeper import Keeper, News
from satellite.mqtt.login import Login, read_login
from satellite.mqtt.payloads import PARTS, BadCommand, Publication, decode, publications
from satellite.mqtt.topics import AVAILABILITY, COMMANDS, OFFLINE, TopicNames
from satellite.settings import MqttSettings

log = logging.getLogger(__name__)

_LOGIN_REFUSALS = ("Not authorized", "Bad user name or password")
"""paho's words for CONNACK 5 and 4."""


def _guarded(callback: Callable[..., None]) -> Callable[..., None]:
    """The outermost frame of a callback: what it raises is logged and ends there."""

    @functools.wraps(callback)
    def call(*arguments: object) -> None:
        try:
            callback(*arguments)
        except Exception:  # it would end paho's network thread
            log.exception("MQTT: a callback failed (%s)", callback.__name__)

    return call


class _Callbacks:
    """What paho's network thread calls, for one connection. Holds no paho client: no cycle keeps a dead one alive."""

    def __init__(self, names: TopicNames, news: News, on_command: Callable[[Event], None]) -> None:
        self._names = names
        self._news = news
        self._on_command = on_command
        self._complaint = ""

    def install(self, client: paho.Client) -> None:
        """Every one of them guarded."""
        client.on_connect = _guarded(self._answered)
        client.on_disconnect = _guarded(self._disconnected)
        client.on_subscribe = _guarded(self._subscribed)
        client.on_publish = _guarded(self._published)
        client.on_message = _guarded(self._received)

    def _answered(self, _client: object, _userdata: object, _flags: object, code: ReasonCode, _props: object) -> None:
        if code.is_failure:
            hint = " (see mqtt.username and mqtt.password)" if str(code) in _LOGIN_REFUSALS else ""
            self._news.tell_refused(f"{code}{hint}")
        else:
            self._news.tell_accepted()

    def _disconnected(self, _client: object, _userdata: object, _flags: object, code: ReasonCode, _p: object) -> None:
        self._news.tell_ended("the connection broke" if str(code) == "Unspecified error" else str(code))

    def _published(self, _client: object, _userdata: object, message_id: int, _code: object, _props: object) -> None:
        self._news.tell_acknowledged(message_id)

    def _subscribed(self, _client: object, _data: object, _id: int, codes: list[ReasonCode], _props: object) -> None:
        if any(code.is_failure for code in codes):
            log.warning("MQTT: the broker refused a subscription: commands will not arrive (see its access list)")

    def _received(self, _client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        if message.retain:  # it would fire again at every connect
            self._complain(f"{message.topic}: a retained command is ignored, publish commands without retain")
            return
        decoded = decode(self._names, message.topic, bytes(message.payload))
        if isinstance(decoded, BadCommand):
            self._complain(decoded.line)
        else:
            self._on_command(decoded)

    def _complain(self, line: str) -> None:
        """The automator must see a bad command, but one sent again and again must not fill the journal."""
        log.log(logging.DEBUG if line == self._complaint else logging.WARNING, "MQTT: %s", line)
        self._complaint = line


class _Connection:
    """One connection, from its attempt to its end. Driven by the keeper alone."""

    def __init__(self, settings: MqttSettings, login: Login, names: TopicNames, callbacks: _Callbacks) -> None:
        self._settings = settings
        self._names = names
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{names.prefix}-{names.satellite_id}",
            clean_session=True,  # the broker queues no commands while we are away
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,  # the keeper does it, with a new client
        )
        if login.username:
            self._client.username_pw_set(login.username, login.password or None)
        self._client.will_set(names.full(AVAILABILITY), OFFLINE, AVAILABILITY.qos, AVAILABILITY.retained)
        callbacks.install(self._client)

    def open(self) -> None:
        """Open the socket, say CONNECT, start paho's thread. May block for paho's 5 s. OSError, ValueError."""
        self._client.connect(self._settings.host, self._settings.port, self._settings.keepalive_s)
        self._client.loop_start()

    def subscribe(self) -> None:
        """Ask for the own command topics, in one packet."""
        self._client.subscribe([(self._names.full(topic), topic.qos) for topic in COMMANDS])

    def publish(self, item: Publication) -> int:
        """Hand one publication to paho; the id that `acknowledged` will hold."""
        return self._client.publish(item.topic, item.payload, item.qos, item.retain).mid

    def disconnect(self) -> None:
        """Say DISCONNECT (then there is no will); paho's thread writes it and ends."""
        self._client.disconnect()

    def abandon(self) -> None:
        """Close the socket if it is still open: without it, a thread of paho's that still lives ends by itself."""
        socket = self._client.socket()
        if socket is not None:
            socket.close()


class MqttClient:
    """Publishes what the core says and hands commands on, whatever becomes of the broker.

    Any thread may call anything here; only `stop()` waits. `on_command` is called on paho's thread: the app wraps it
    with call_soon_threadsafe. The constructor raises ConfigError when the password cannot be read.
    """

    def __init__(
        self,
        settings: MqttSettings,
        satellite_id: str,
        on_command: Callable[[Event], None],
        *,
        reconnect_min_s: float = 1.0,
        reconnect_max_s: float = 30.0,
    ) -> None:
        self._enabled = settings.enabled
        self._names = names = TopicNames(settings.prefix, satellite_id)
        login = read_login(settings) if settings.enabled else Login("", "")

        def connection(news: News) -> _Connection:
            return _Connection(settings, login, names, _Callbacks(names, news, on_command))

        self._keeper = Keeper(
            names,
            f"MQTT broker {settings.host}:{settings.port}",
            connection,
            reconnect_min_s=reconnect_min_s,
            reconnect_max_s=reconnect_max_s,
        )
        for part in PARTS:  # what an earlier run left on the broker may be over
            self.execute(PublishProblem(part, ""))

    @property
    def connected(self) -> bool:
        """The broker has accepted us, and as far as we know that connection stands."""
        return self._keeper.connected

    @property
    def dropped(self) -> int:
        """Publications lost since the start because too many waited."""
        return self._keeper.dropped

    def start(self) -> None:
        """Begin to connect; returns at once. Nothing happens when MQTT is not enabled."""
        if self._enabled:
            self._keeper.start()

    def execute(self, command: Command) -> None:
        """Publish what a Publish* command says, as soon as there is a broker. Never waits. TypeError for others."""
        items = publications(self._names, command)
        if self._enabled:
            self._keeper.add(items)

    def stop(self, deadline_s: float = 1.0) -> None:
        """Send what waits, then `offline`, then disconnect; waits for it, but `deadline_s` at the very most."""
        self._keeper.stop(deadline_s)
