"""A simulated clock that waits for bytes on their way, and for nothing else: an hour of sound in 20 ms blocks is
180,000 moves of the clock, and a millisecond of grace for each would be three minutes.

For whoever edits this: the clock may move only when every byte that one end of a connection has sent has reached the
other end. The kernel counts both (TCP_INFO); where it cannot be known (one end is closed or not yet accepted), the
ordinary grace is given.
"""

import selectors
import socket
import struct
from typing import Any

from satellite.app import clock
from satellite.app.clock import SimulatedTimeLoop

TCP_INFO_BYTES = 216
RECEIVED, SENT, SENT_AGAIN = 128, 200, 208
"""Where tcpi_bytes_received, tcpi_bytes_sent and tcpi_bytes_retrans stand in struct tcp_info (linux/tcp.h)."""


class HourLoop(SimulatedTimeLoop):
    """SimulatedTimeLoop, whose selector has been changed for a quick one."""

    def __init__(self) -> None:
        super().__init__()
        quick = _QuickSelector(self)
        ordinary: selectors.BaseSelector = vars(self)["_selector"]  # asyncio's own; there is no public way to it
        for key in list(ordinary.get_map().values()):
            quick.register(key.fileobj, key.events, key.data)
        ordinary.close()
        self._selector = quick


class _QuickSelector(selectors.EpollSelector):
    """Asks the kernel first; without news, and with nothing on its way, it moves the loop's clock."""

    def __init__(self, loop: SimulatedTimeLoop) -> None:
        super().__init__()
        self._loop = loop
        self._ends: list[tuple[socket.socket, socket.socket]] = []
        self._stray = False
        self._changed = True

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """As ever."""
        self._changed = True
        return super().register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """As ever."""
        self._changed = True
        return super().unregister(fileobj)

    def close(self) -> None:
        """As ever."""
        self._forget()
        super().close()

    def select(self, timeout: float | None = None) -> Any:
        """News, or the clock has moved by `timeout`."""
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None or self._loop.is_held:
            return super().select(timeout)
        while not ready and self._on_the_way():
            ready = super().select(clock.LOOPBACK_GRACE_S)
            if self._stray:
                break
        if not ready:
            self._loop.advance(timeout)
        return ready

    def _on_the_way(self) -> bool:
        """Whether bytes that were sent have not arrived, or this cannot be known."""
        if self._changed:
            self._pair()
        return self._stray or any(_sent(a) != _received(b) or _sent(b) != _received(a) for a, b in self._ends)

    def _pair(self) -> None:
        """Find the two ends of each connection."""
        self._forget()
        alone: dict[tuple[Any, Any], socket.socket] = {}
        for key in self.get_map().values():
            end = socket.socket(fileno=socket.dup(key.fd))
            if end.type is not socket.SOCK_STREAM or end.family is not socket.AF_INET or _is_listening(end):
                end.close()
                continue
            try:
                here, there = end.getsockname(), end.getpeername()
            except OSError:
                self._stray = True
                end.close()
                continue
            other = alone.pop((there, here), None)
            if other is None:
                alone[here, there] = end
            else:
                self._ends.append((other, end))
        self._stray = self._stray or bool(alone)
        for end in alone.values():
            end.close()
        self._changed = False

    def _forget(self) -> None:
        for pair in self._ends:
            for end in pair:
                end.close()
        self._ends.clear()
        self._stray, self._changed = False, True


def _is_listening(end: socket.socket) -> bool:
    return bool(end.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _counted(end: socket.socket, offset: int) -> int:
    info = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
    (count,) = struct.unpack_from("<Q", info, offset)
    return int(count)


def _sent(end: socket.socket) -> int:
    return _counted(end, SENT) - _counted(end, SENT_AGAIN)


def _received(end: socket.socket) -> int:
    return _counted(end, RECEIVED)
