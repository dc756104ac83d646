"""Which faults of the script strike on one connection, and when: counts its messages, its chunks and the turns."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from satellite.live_server.faults import IN_A_TURN, Fault, Faults


@dataclass(slots=True)
class TurnFaults:
    """What goes wrong in one turn, by name, and the turn's number (0: before the first)."""

    number: int = 0
    faults: Mapping[str, Fault] = field(default_factory=dict)


class Strikes:
    """One per connection. Driven by its reader (client's messages), its engine (turns) and its writer (the rest)."""

    def __init__(self, faults: Faults) -> None:
        faults.connections += 1
        self._faults = faults
        self._connection = faults.connections
        self._from_client = 0
        self._to_client = 0
        self._chunks = 0
        self._writing = TurnFaults()
        """The turn whose messages the writer is sending."""

    def begin_turn(self) -> TurnFaults:
        """A turn begins: what shall go wrong in it."""
        self._faults.turns += 1
        number = self._faults.turns
        found = self._use(
            fault for fault in self._faults.script if fault.what in IN_A_TURN and self._is_here(fault, number)
        )
        return TurnFaults(number, {fault.what: fault for fault in found})

    def client_message(self, members: Collection[str]) -> list[Fault]:
        """A message with these members has come from the client: what strikes instead of, or before, obeying it."""
        self._from_client += 1
        return self._use(
            fault
            for fault in self._faults.script
            if fault.awaits_client
            and self._is_here(fault, self._writing.number)
            and fault.client_message in (None, self._from_client)
            and (fault.member is None or fault.member in members)
        )

    def write_turn(self, turn: TurnFaults) -> None:
        """The messages from here on belong to this turn."""
        self._writing = turn
        self._chunks = 0

    def server_message(self, members: Collection[str]) -> list[Fault]:
        """A message with these members is to be sent: what strikes before it, or to it."""
        self._to_client += 1
        found = self._use(
            fault
            for fault in self._faults.script
            if fault.what not in IN_A_TURN
            and not fault.awaits_client
            and self._is_here(fault, self._writing.number)
            and fault.server_message in (None, self._to_client)
            and (fault.server_member is None or fault.server_member in members)
            and fault.chunk in (None, self._chunks)
        )
        if "modelTurn" in members:
            self._chunks += 1
        return found

    @property
    def idle(self) -> bool:
        """Whether the script is empty."""
        return not self._faults.script

    def _is_here(self, fault: Fault, turn: int) -> bool:
        return fault.turn in (None, turn) and fault.connection in (None, self._connection)

    def _use(self, matching: Iterator[Fault]) -> list[Fault]:
        """Count what strikes; a list first, as a fault that is used up leaves the script."""
        found = list(matching)
        for fault in found:
            self._faults.use(fault)
        return found
