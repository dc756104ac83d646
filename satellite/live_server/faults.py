"""What shall go wrong: things that real servers were seen to do, for those who test a client.

Two ways of asking, both on `server.faults`: the attributes (set before or between turns), and `script`, a list of
Fault, each with what happens, when and how often. A script can be read from a file (fault_file.py). Faults
strike in three places:

on the wire   strikes.py and outbox.py: delay, stall, close, reset, half-open, bundled and split messages, garbage
in a message  connection.py, when the client's message N, or one with a certain member, arrives
in a turn     the engine asks `outbox.begin_turn()` once at the start of each turn and heeds the names in TURN_ENGINE;
              all other names it may ignore, the outbox does them
A new fault is a name here and one line at the place where it strikes.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

Ending = Literal["stall", "close", "reset", "half_open"]
"""stall: the server reads on, and sends nothing more (for `for_s`, else for ever). close: a close frame with `code` and
`reason`. reset: TCP reset. half_open: neither read nor written any more, pings included; the socket stays."""

Garbage = Literal["invalid_json", "binary_noise", "unknown_names", "deep_nesting", "huge_frame"]
"""One frame more, before the message: text that is no JSON; random bytes; fields and enum values nobody knows;
JSON nested 100,000 deep; a legal message of more than 1 MiB."""

Rewriting = Literal["bundle", "split", "duplicate"]
"""bundle: this message and those behind it, `count` in all, become one. split: a message of the reply becomes `count`.
duplicate: sent `count` times."""

InATurn = Literal[
    "no_answer",
    "empty_turn",
    "rejected_turn",
    "early_turn_complete",
    "duplicate_turn_complete",
    "interrupted_after_generation",
    "interrupted_with_audio",
    "late_transcripts",
    "near_silent_reply",
]
"""no_answer: the input is taken and nothing said. empty_turn: turnComplete without content. rejected_turn: the same,
with turnCompleteReason RESPONSE_REJECTED. early_turn_complete: after `chunk` chunks, and the rest never comes;
without `chunk` right after generationComplete, while it still plays. duplicate_turn_complete: sent twice.
interrupted_after_generation: while the reply still plays, though nobody spoke. interrupted_with_audio: after `chunk`
chunks (or the last), bundled with the last one once more. late_transcripts: behind turnComplete. near_silent_reply:
as long as ever, and hardly above zero."""

What = Literal[Ending, Garbage, Rewriting, InATurn, "delay"]
"""delay: this message, and all behind it, come `for_s` later."""

IN_A_TURN = frozenset(get_args(InATurn))
TURN_ENGINE = frozenset({"no_answer", "empty_turn", "rejected_turn", "early_turn_complete"})
"""What the engine does itself: no_answer: say nothing for ever; empty_turn, rejected_turn: make a reply without words;
early_turn_complete: do not wait for playback."""

AT_CLIENT_MESSAGES = frozenset({"delay", *get_args(Ending)})
"""What can strike when a client's message arrives."""


@dataclass(frozen=True, slots=True)
class Closing:
    """How a connection ends: a close frame, or with code 1006 the socket just goes away."""

    code: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong: what, when (all that is given must hold), how often. ValueError if senseless."""

    what: What
    client_message: int | None = None
    """When the connection's Nth message from the client arrives; its setup is 1."""
    member: str | None = None
    """When a client's message with this member arrives: `setup`, `audio`, `activityEnd`, `text`, `clientContent` ..."""
    server_message: int | None = None
    """At the connection's Nth message to the client; setupComplete is 1."""
    server_member: str | None = None
    """At a message to the client with this member: `modelTurn`, `turnComplete`, `sessionResumptionUpdate` ..."""
    chunk: int | None = None
    """At the message behind the Nth chunk (text or audio) of a reply."""
    turn: int | None = None
    """In the Nth turn of the server's life only, whatever connection it is on."""
    connection: int | None = None
    """On the server's Nth connection only."""
    times: int = 1
    """How often; 0: always."""
    for_s: float = 0.0
    """Of delay, stall and half_open, in seconds. 0 of the latter two: for ever; after it half_open is reset."""
    code: int = 1011
    reason: str = ""
    count: int = 2

    def __post_init__(self) -> None:
        at_client = self.client_message is not None or self.member is not None
        at_server = self.server_message is not None or self.server_member is not None
        numbers = (self.client_message, self.server_message, self.chunk, self.turn, self.connection)
        if any(number is not None and number < 1 for number in numbers):
            raise ValueError(f"{self.what}: messages, chunks, turns and connections are counted from 1")
        if at_client and (at_server or self.chunk is not None):
            raise ValueError(f"{self.what}: a client's message and one to the client cannot both be the moment")
        if at_client and self.what not in AT_CLIENT_MESSAGES:
            raise ValueError(f"{self.what} cannot strike when a client's message arrives")
        if self.what in IN_A_TURN and (at_client or at_server):
            raise ValueError(f"{self.what} strikes in a turn: say which with turn, chunk and connection")
        if self.what == "delay" and self.for_s <= 0:
            raise ValueError("delay: for_s is missing")
        if self.times < 0 or self.for_s < 0 or not 2 <= self.count <= 1000:
            raise ValueError(f"{self.what}: times and for_s are at least 0, count is 2 to 1000")

    @property
    def awaits_client(self) -> bool:
        """Whether it strikes when a client's message arrives."""
        return self.client_message is not None or self.member is not None


@dataclass(slots=True)
class Faults:
    """What shall go wrong. Read on the loop, by every connection of the server."""

    setup_delay_s: float = 0.0
    """Wait this long before setupComplete; what the client sends meanwhile is read after it."""

    never_answer_setup: bool = False
    """Take the setup and say nothing."""

    never_reply: bool = False
    """Take turns and say nothing (forum 141373)."""

    reply_delay_s: float = 0.0
    """Wait this long before the first content of a reply."""

    stall_after_chunks: int | None = None
    """Send this many chunks of a reply, then nothing more of it."""

    close_after_chunks: tuple[int, Closing] | None = None
    """After this many chunks of a reply, end the connection. Once."""

    close_at: dict[str, Closing] = field(default_factory=dict)
    """At the first client message that has this member (`setup`, `audio`, `activityEnd`, `text`, `clientContent`,
    `toolResponse` ...), end the connection instead of obeying. Once for each."""

    interrupted_with_audio: bool = False
    """Bundle `interrupted` with the next chunk of the reply that it cuts, in one message."""

    turn_complete_twice: bool = False
    """Send every turnComplete a second time."""

    turn_complete_early: bool = False
    """Send turnComplete right after generationComplete, without waiting for playback."""

    script: list[Fault] = field(default_factory=list)
    """Faults with their moments. One that has struck as often as it should leaves the list."""

    struck: Counter[str] = field(default_factory=Counter)
    """How often each fault of the script has struck, by name."""

    turns: int = 0
    """Turns begun so far in the server's life."""

    connections: int = 0
    """Connections set up so far in the server's life."""

    def use(self, fault: Fault) -> None:
        """Count a strike of a fault of the script."""
        self.struck[fault.what] += 1
        index = next(index for index, other in enumerate(self.script) if other is fault)
        if fault.times == 1:
            del self.script[index]
        elif fault.times > 1:
            self.script[index] = replace(fault, times=fault.times - 1)
