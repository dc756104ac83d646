"""Faults a test may ask the server for: each is a thing that real servers were seen to do.

A fault is set before or between turns on `server.faults`; the ones that end a connection happen once. A new
fault is a field here and one line at the place where it strikes.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Closing:
    """How a connection ends: a close frame, or with code 1006 the socket just goes away."""

    code: int
    reason: str = ""


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
