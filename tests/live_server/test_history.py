"""Handles lead back to histories, for two hours, as many as are kept."""

import pytest

from satellite.live_server.history import HANDLE_VALID_S, HANDLES_KEPT, Entry, Histories
from satellite.live_server.refusals import NO_SESSION, SESSION_EXPIRED, Refusal

PAST = (Entry("user", "hello"), Entry("model", "hello there"))


class Clock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def refusal(histories: Histories, handle: str) -> tuple[int, str]:
    with pytest.raises(Refusal) as refused:
        histories.resume("m", handle)
    return refused.value.code, refused.value.reason


def test_a_handle_leads_back_and_an_older_one_to_less() -> None:
    histories = Histories(Clock())
    older, newer = histories.keep("m", PAST[:1]), histories.keep("m", PAST)
    assert histories.resume("m", newer) == PAST
    assert histories.resume("m", older) == PAST[:1]


def test_a_handle_expires_after_two_hours() -> None:
    clock = Clock()
    histories = Histories(clock)
    handle = histories.keep("m", PAST)
    clock.now_s += HANDLE_VALID_S
    assert histories.resume("m", handle) == PAST
    clock.now_s += 1
    assert refusal(histories, handle) == (1008, SESSION_EXPIRED)
    assert refusal(histories, handle) == (1008, NO_SESSION)


def test_the_oldest_handle_is_forgotten_first() -> None:
    histories = Histories(Clock())
    handles = [histories.keep("m", PAST) for _ in range(HANDLES_KEPT + 1)]
    assert refusal(histories, handles[0]) == (1008, NO_SESSION)
    assert histories.resume("m", handles[1]) == PAST
