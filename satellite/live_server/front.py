"""The port's one front: WebSocket clients go on to the websockets library, a POST is answered here.

websockets reads GET requests alone, so the first bytes of a connection decide who reads it. The HTTP side is h11's,
one request per connection, bounded in size and time.
"""

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import h11
from websockets.asyncio.server import ServerConnection

from satellite.live_server.minting import error_body

_GET = b"GET "
LARGEST_BODY_BYTES = 256 * 1024
"""A setup with a long system instruction fits many times."""

LARGEST_HEAD_BYTES = 16 * 1024
REQUEST_S = 10.0
"""Longest time from the connection to the end of its request."""

Answer = Callable[[str, Mapping[str, str], bytes], tuple[int, bytes]]
"""Target, headers by lower-case names, body -> status and JSON body."""


class Front:
    """All connections of a server that are no WebSockets yet, or never become one. On the loop."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._waiting: set[asyncio.Transport] = set()
        self._closed = False

    def admit(self, *arguments: Any, **options: Any) -> "FrontConnection":
        """A new connection: what websockets calls as its `create_connection`."""
        return FrontConnection(self, *arguments, **options)

    def close(self) -> None:
        """End those that are still here, and whoever comes yet: nobody else knows of them."""
        self._closed = True
        for transport in list(self._waiting):
            transport.abort()

    def enter(self, transport: asyncio.Transport) -> None:
        """A connection has come."""
        self._waiting.add(transport)
        if self._closed:
            transport.abort()

    def leave(self, transport: asyncio.Transport) -> None:
        """It has gone, or on to websockets."""
        self._waiting.discard(transport)

    def exchange(self, transport: asyncio.Transport) -> "HttpExchange":
        """Somebody to read and answer the request of a connection that is no WebSocket."""
        return HttpExchange(transport, self._answer)


class FrontConnection(ServerConnection):
    """A connection whose first bytes say what it is. Until then the library does not hear of it."""

    def __init__(self, front: Front, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._front = front
        self._first = b""
        self._is_websocket = False
        self._exchange: HttpExchange | None = None
        self._came_by: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first bytes."""
        assert isinstance(transport, asyncio.Transport)
        self._came_by = transport
        self._front.enter(transport)
        self._deadline = asyncio.get_running_loop().call_later(REQUEST_S, self._give_up)

    def data_received(self, data: bytes) -> None:
        """Bytes, for whoever reads this connection."""
        if self._is_websocket:
            super().data_received(data)
        elif self._exchange is not None:
            self._exchange.receive(data)
        else:
            self._first += data
            self._decide()

    def eof_received(self) -> None:
        """The other side has nothing more to say."""
        if self._is_websocket:
            super().eof_received()
        elif self._came_by is not None:
            self._came_by.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._settle()
        if self._is_websocket:
            super().connection_lost(exc)

    def _decide(self) -> None:
        assert self._came_by is not None
        if self._first.startswith(_GET):
            self._settle()
            self._is_websocket = True
            super().connection_made(self._came_by)
            super().data_received(self._first)
            self._first = b""
        elif not _GET.startswith(self._first):
            self._exchange = self._front.exchange(self._came_by)
            self._exchange.receive(self._first)
            self._first = b""

    def _give_up(self) -> None:
        if self._exchange is not None:
            self._exchange.refuse(408, "Deadline expired before operation could complete.")
        elif self._came_by is not None:
            self._came_by.abort()

    def _settle(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        if self._came_by is not None:
            self._front.leave(self._came_by)


class HttpExchange:
    """One request and its answer. Fed by its connection."""

    def __init__(self, transport: asyncio.Transport, answer: Answer) -> None:
        self._transport = transport
        self._answer = answer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=LARGEST_HEAD_BYTES)
        self._request: h11.Request | None = None
        self._body = bytearray()
        self._answered = False

    def receive(self, data: bytes) -> None:
        """Bytes of the request."""
        if self._answered:
            return
        try:
            self._http.receive_data(data)
            self._read()
        except h11.RemoteProtocolError as error:
            code = error.error_status_hint if error.error_status_hint in (413, 408) else 400
            self.refuse(code, "Invalid HTTP request.")

    def refuse(self, code: int, message: str) -> None:
        """Answer with a JSON error."""
        self._respond(code, error_body(code, message))

    def _read(self) -> None:
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    self._send(h11.InformationalResponse(status_code=100, headers=[]))
                return
            if isinstance(event, h11.Request):
                self._request = event
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > LARGEST_BODY_BYTES:
                    self.refuse(413, "Request payload size exceeds the limit.")
                    return
            elif isinstance(event, h11.EndOfMessage):
                self._finish()
                return
            else:
                return

    def _finish(self) -> None:
        assert self._request is not None
        if self._request.method != b"POST":
            self.refuse(404, "Requested entity was not found.")
            return
        headers = {name.decode("ascii"): value.decode("latin-1") for name, value in self._request.headers}
        self._respond(*self._answer(self._request.target.decode("ascii", "replace"), headers, bytes(self._body)))

    def _respond(self, code: int, body: bytes) -> None:
        if self._answered:
            return
        self._answered = True
        headers = [
            ("Content-Type", "application/json; charset=UTF-8"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        try:
            self._send(h11.Response(status_code=code, reason=HTTPStatus(code).phrase, headers=headers))
            if self._request is None or self._request.method != b"HEAD":
                self._send(h11.Data(data=body))
            self._send(h11.EndOfMessage())
        except h11.LocalProtocolError:  # the client broke off so early that it is owed no answer
            pass
        self._transport.close()

    def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._transport.write(data)
