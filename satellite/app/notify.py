"""systemd's notification socket (sd_notify(3)): READY, STATUS, WATCHDOG, STOPPING. Silent without one."""

import os
import socket
from collections.abc import Mapping


class Notifier:
    """Sends datagrams to $NOTIFY_SOCKET; never blocks and never fails the daemon."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self.watchdog_s = _watchdog_s(environment)
        """How often systemd wants a sign of life, in seconds; 0: not at all."""
        self._socket: socket.socket | None = None
        if address:
            self._address = "\0" + address[1:] if address.startswith("@") else address
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)

    def send(self, **assignments: str) -> None:
        """One datagram, e.g. send(READY="1", STATUS="idle")."""
        if self._socket is None:
            return
        text = "\n".join(f"{name}={value.replace(chr(10), ' ')}" for name, value in assignments.items())
        try:
            self._socket.sendto(text.encode(), self._address)
        except OSError:
            return  # systemd is away or its queue is full: the next one will do

    def close(self) -> None:
        """Give the socket back."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _watchdog_s(environment: Mapping[str, str]) -> float:
    """WATCHDOG_USEC, when it is meant for this process."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    try:
        return int(environment.get("WATCHDOG_USEC", "0")) / 1_000_000
    except ValueError:
        return 0.0
