"""What waits for the broker, what is on its way, and what the broker must know after each connect. Pure.

Everything here is bounded. The newest retained publication of each topic is kept for good, and is sent again
on every connect. The rest waits in memory, the oldest dropped and counted when it grows too long; what has
to survive a restart or a broker's death has to be kept by whoever calls `add()`.
"""

from collections import OrderedDict

from satellite.mqtt.payloads import Publication

WINDOW = 20
"""Messages handed to paho and not yet acknowledged: its own queue has no bound."""

CAPACITY = 1000
"""Publications that may wait while there is no broker (retained ones take no place in it)."""


class Outgoing:
    """The queue in front of the connection. Not thread-safe: MqttClient holds its lock around each call."""

    def __init__(self, *, window: int = WINDOW, capacity: int = CAPACITY) -> None:
        self._window = window
        self._capacity = capacity
        self._retained: dict[str, Publication] = {}
        self._waiting: OrderedDict[object, Publication] = OrderedDict()
        self._in_flight: OrderedDict[int, Publication] = OrderedDict()
        self._connected = False
        self.dropped = 0
        """Publications lost since the start because there was no room for them."""

    @property
    def sendable(self) -> bool:
        """There is something to send, a connection, and room in the window."""
        return self._connected and bool(self._waiting) and len(self._in_flight) < self._window

    @property
    def idle(self) -> bool:
        """Everything has been acknowledged."""
        return not self._waiting and not self._in_flight

    def add(self, publication: Publication) -> None:
        """To be sent as soon as possible; replaces what it makes stale."""
        if publication.retain:
            self._retained[publication.topic] = publication
            if not self._connected:
                return
        self._enqueue(publication)

    def connect(self, greeting: Publication) -> None:
        """The broker has accepted us: first `greeting`, then all retained state, then what has waited."""
        self._connected = True
        waited = list(self._waiting.values())
        self._waiting.clear()
        for publication in (greeting, *self._retained.values(), *waited):
            self._enqueue(publication)

    def disconnect(self) -> None:
        """The connection is gone: what was not acknowledged waits again, before the rest."""
        again = [*self._in_flight.values(), *self._waiting.values()]
        self._connected = False
        self._in_flight.clear()
        self._waiting.clear()
        for publication in again:
            if not publication.retain:
                self._enqueue(publication)

    def take(self) -> Publication:
        """The next one, for the connection; `sent` follows. Only while `sendable`."""
        return self._waiting.popitem(last=False)[1]

    def sent(self, message_id: int, publication: Publication) -> None:
        """It was handed over under this id, and is on its way until it is acknowledged."""
        self._in_flight[message_id] = publication

    def acknowledged(self, message_id: int) -> None:
        """The broker has it. An id that is not known any more is of an earlier connection."""
        self._in_flight.pop(message_id, None)

    def _enqueue(self, publication: Publication) -> None:
        self._waiting.pop(publication.slot, None)
        self._waiting[publication.slot if publication.replaceable else object()] = publication
        if len(self._waiting) > self._capacity:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        """Make room, but never at the cost of a retained one: the broker would keep what is stale."""
        passing = [key for key, publication in self._waiting.items() if not publication.retain]
        if len(passing) > self._capacity:
            del self._waiting[passing[0]]
            self.dropped += 1
