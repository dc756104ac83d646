"""How long to wait before the next attempt. Pure: the jitter is handed in."""

MAX_DOUBLINGS = 30
"""Beyond this the ceiling is reached whatever the settings are (10 ms doubled 30 times is 124 days)."""


def backoff_ms(failures: int, *, initial_ms: int, max_ms: int, jitter: float) -> int:
    """Pause after `failures` failed attempts in a row (1 or more).

    The ceiling doubles from `initial_ms` up to `max_ms`; the pause lies between half of it and the whole,
    by `jitter` in [0, 1): satellites that lost the same server do not come back in step.
    """
    doublings = min(failures - 1, MAX_DOUBLINGS)
    ceiling = min(max_ms, initial_ms << doublings)
    return round(ceiling * (0.5 + 0.5 * jitter))
