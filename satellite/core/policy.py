"""The numbers a conversation goes by: what app/ takes from the settings and hands to the core."""

from dataclasses import dataclass, field

from satellite.core.usage import Budget, Prices


@dataclass(frozen=True, slots=True)
class Policy:
    """Durations in milliseconds; the settings of the same names say what each means."""

    manual_activity: bool = True
    barge_in: bool = True
    wake_earcon: bool = True
    wake_lookback_ms: int = 400
    preroll_ms: int = 300
    listen_timeout_ms: int = 6000
    reply_timeout_ms: int = 15_000
    connect_timeout_ms: int = 20_000
    follow_up_ms: int = 8000
    follow_up_guard_ms: int = 300
    max_utterance_ms: int = 30_000
    max_turns_without_wake: int = 10
    session_linger_ms: int = 60_000
    memory_ms: int = 600_000
    volume_percent: int = 80
    resumes: bool = True
    """Sessions are gone on with by handle."""
    seeds_history: bool = True
    connection_age_ms: int = 0
    """A connection this old is handed over at the next pause; 0: never."""
    proactive: bool = False
    """The model may rightly stay silent."""
    speaks_text: bool = True
    """The local voice reads text replies aloud."""
    has_camera: bool = False
    prices: Prices = field(default_factory=Prices)
    budget: Budget = field(default_factory=Budget)
    idempotent_tools: frozenset[str] = frozenset()
    """Functions that may be called twice without harm."""
