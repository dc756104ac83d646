"""Keeps a connection to the broker open for as long as the daemon runs: the keeper decides, the connection obeys.

No paho here. The keeper's thread alone drives a connection; one that ends, is refused, does not answer or whose
network thread has died is thrown away with whatever state it was left in, and after a pause there is a new one.
Rule: publish() is never called with the lock held (paho calls on_publish with the very lock that publish() takes).
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from satellite.mqtt.outgoing import Outgoing
from satellite.mqtt.payloads import Publication, publication
from satellite.mqtt.topics import AVAILABILITY, OFFLINE, ONLINE, TopicNames

log = logging.getLogger(__name__)

ANSWER_TIMEOUT_S = 10.0
"""Longest wait for the broker's answer to CONNECT, once the socket is open."""

WATCH_S = 1.0
"""How often the keeper looks whether the network thread still lives."""

STABLE_S = 10.0
"""After a connection that lasted this long, the next pause is the shortest again (two satellites of one id push
each other off the broker: they must not do it once a second for ever)."""

GOODBYE_SHARE = 0.7
"""Part of the deadline of stop() for sending what waits; the rest is for the disconnect."""

CLOSE_S = 0.5
"""Longest wait for a connection to close while the daemon goes on."""


class News:
    """What has become of one connection. Told by its network thread, read by the keeper."""

    def __init__(self, changed: threading.Condition) -> None:
        self.accepted_on: threading.Thread | None = None
        """The network thread, once the broker has accepted us."""
        self.refusal = ""
        self.end = ""
        self.acknowledged: list[int] = []
        self._changed = changed  # guards them all

    def tell_accepted(self) -> None:
        """The broker has taken us; called on the network thread itself."""
        with self._changed:
            self.accepted_on = threading.current_thread()
            self._changed.notify_all()

    def tell_refused(self, reason: str) -> None:
        """The broker has answered, but does not want us."""
        with self._changed:
            self.refusal = reason
            self._changed.notify_all()

    def tell_ended(self, reason: str) -> None:
        """The connection is gone."""
        with self._changed:
            self.end = reason
            self._changed.notify_all()

    def tell_acknowledged(self, message_id: int) -> None:
        """The broker has that publication."""
        with self._changed:
            self.acknowledged.append(message_id)
            self._changed.notify_all()


class Connection(Protocol):
    """One connection, from its attempt to its end."""

    def open(self) -> None:
        """Connect and start the network thread; may block for some seconds. OSError, ValueError (not a host name)."""

    def subscribe(self) -> None:
        """Ask for the own command topics."""

    def publish(self, item: Publication) -> int:
        """Hand over one publication; the id that its acknowledgement will hold."""

    def disconnect(self) -> None:
        """Take leave of the broker; the network thread tells the end."""

    def abandon(self) -> None:
        """Close what is still open; a network thread that still lives ends by itself."""


class Keeper:
    """Any thread may call what is public; only `stop()` waits."""

    def __init__(
        self,
        names: TopicNames,
        where: str,
        connection: Callable[[News], Connection],
        *,
        reconnect_min_s: float,
        reconnect_max_s: float,
    ) -> None:
        self._names = names
        self._where = where
        self._connection = connection
        self._reconnect_min_s = reconnect_min_s
        self._reconnect_max_s = reconnect_max_s
        self._failure = ""
        self._changed = threading.Condition()  # guards what follows, and the news
        self._outgoing = Outgoing()
        self._connected = False
        self._stop_at_s: float | None = None  # time.monotonic(), once stop() was called
        self._goodbye_until_s = 0.0
        self._thread = threading.Thread(target=self._keep, name="mqtt-keeper", daemon=True)

    @property
    def connected(self) -> bool:
        """The broker has accepted us, and as far as we know that connection stands."""
        return self._connected

    @property
    def dropped(self) -> int:
        """Publications lost since the start because too many waited."""
        return self._outgoing.dropped

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._thread.start()

    def add(self, items: Sequence[Publication]) -> None:
        """To be published as soon as there is a broker. Never waits."""
        with self._changed:
            dropped_before = self._outgoing.dropped
            for item in items:
                self._outgoing.add(item)
            dropped = self._outgoing.dropped
            self._changed.notify_all()
        if dropped > dropped_before:
            level = logging.DEBUG if dropped_before else logging.WARNING
            log.log(level, "%s: too much waits for it, the oldest is dropped (%d so far)", self._where, dropped)

    def stop(self, deadline_s: float) -> None:
        """Send what waits, then `offline`, then disconnect; waits for it, but `deadline_s` at the very most."""
        with self._changed:
            if self._stop_at_s is None:
                now_s = time.monotonic()
                self._stop_at_s = now_s + deadline_s
                self._goodbye_until_s = now_s + deadline_s * GOODBYE_SHARE
                self._outgoing.add(publication(self._names, AVAILABILITY, OFFLINE))
                self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(max(0.0, self._stop_at_s - time.monotonic()))

    # ------------------------------------------------------------ on the keeper's own thread

    def _keep(self) -> None:
        """One connection after the other, with pauses that grow while it fails."""
        pause_s = self._reconnect_min_s
        while self._stop_at_s is None:
            began_s = time.monotonic()
            try:
                self._serve()
            except Exception:  # a connection's outermost frame: whatever it died of, the next one is tried
                log.exception("%s: the connection is given up", self._where)
            if time.monotonic() - began_s >= STABLE_S:
                pause_s = self._reconnect_min_s
            with self._changed:  # jitter: a house full of satellites must not come back in the same instant
                self._changed.wait_for(lambda: self._stop_at_s is not None, pause_s * random.uniform(0.5, 1.0))
            pause_s = min(2 * pause_s, self._reconnect_max_s)

    def _serve(self) -> None:
        """One connection, from its attempt to its end."""
        news = News(self._changed)
        connection = self._connection(news)
        try:
            connection.open()
        except (OSError, ValueError) as error:  # ValueError: a host name that can be none
            self._failed(f"cannot be reached: {error}")
            return
        try:
            self._attend(connection, news)
        finally:
            self._close(connection, news)

    def _attend(self, connection: Connection, news: News) -> None:
        """Greet when accepted, then publish what there is, until the connection ends or we stop."""
        answer_by_s = time.monotonic() + ANSWER_TIMEOUT_S
        while True:
            if news.refusal:
                return self._failed(f"refused the connection: {news.refusal}")
            if news.end:
                return self._failed(f"lost: {news.end}")
            if news.accepted_on is None:
                if time.monotonic() >= answer_by_s:
                    return self._failed("does not answer")
            elif not news.accepted_on.is_alive():
                return self._failed("lost: the network thread has ended")
            elif not self._connected:
                self._greet(connection)
            self._publish(connection, news)
            if self._stop_at_s is not None and (
                not self._connected or self._outgoing.idle or time.monotonic() >= self._goodbye_until_s
            ):
                return None
            self._wait(news)

    def _greet(self, connection: Connection) -> None:
        """On every accepted connect: subscribe, `online`, all retained state, and then what has waited."""
        log.info("%s: connected", self._where)
        self._failure = ""
        connection.subscribe()
        with self._changed:
            self._outgoing.connect(publication(self._names, AVAILABILITY, ONLINE))
            self._connected = True

    def _publish(self, connection: Connection, news: News) -> None:
        """Hand over what the window has room for; the lock is not held while it is taken."""
        while True:
            with self._changed:
                for message_id in news.acknowledged:
                    self._outgoing.acknowledged(message_id)
                news.acknowledged.clear()
                if not self._outgoing.sendable:
                    return
                item = self._outgoing.take()
            message_id = connection.publish(item)
            with self._changed:
                self._outgoing.sent(message_id, item)

    def _wait(self, news: News) -> None:
        """Until something may have changed, or it is time to look after the network thread or our deadline."""
        with self._changed:
            stopping = self._stop_at_s is not None
            until_s = self._goodbye_until_s - time.monotonic() if stopping else WATCH_S
            newly_accepted = news.accepted_on is not None and not self._connected
            done = stopping and (not self._connected or self._outgoing.idle)
            told = news.refusal or news.end or news.acknowledged or newly_accepted
            if not (told or done or self._outgoing.sendable):
                self._changed.wait(max(0.0, min(until_s, WATCH_S)))

    def _close(self, connection: Connection, news: News) -> None:
        """Leave nothing of a connection behind; what was not acknowledged waits for the next one."""
        connection.disconnect()
        with self._changed:
            if self._stop_at_s is not None and self._connected and not self._outgoing.idle:
                log.warning("%s: did not take the goodbye in time", self._where)
            self._connected = False
            self._outgoing.disconnect()
            within_s = CLOSE_S if self._stop_at_s is None else max(0.0, self._stop_at_s - time.monotonic())
            self._changed.wait_for(lambda: bool(news.end), within_s)
        connection.abandon()

    def _failed(self, what: str) -> None:
        """One clear line the first time, quietly while the same goes on."""
        log.log(logging.DEBUG if what == self._failure else logging.WARNING, "%s: %s; trying again", self._where, what)
        self._failure = what
