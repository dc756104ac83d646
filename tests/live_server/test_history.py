"""Handles lead back to histories, for two hours, as many as are kept."""

import pytest

from satellite.live_server.history import HANDLES_KEPT, Entry, Histories
from satellite.live_server.limits import Limits
from satellite.live_server.refusals import INTERNAL, NO_SESSION, SESSION_EXPIRED, Refusal

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
    clock.now_s += 7200.0
    assert histories.resume("m", handle) == PAST
    clock.now_s += 1
    assert refusal(histories, handle) == (1008, SESSION_EXPIRED)
    assert refusal(histories, handle) == (1008, NO_SESSION)


def test_the_oldest_handle_is_forgotten_first() -> None:
    histories = Histories(Clock())
    handles = [histories.keep("m", PAST) for _ in range(HANDLES_KEPT + 1)]
    assert refusal(histories, handles[0]) == (1008, NO_SESSION)
    assert histories.resume("m", handles[1]) == PAST


def test_a_handle_grows_old_from_the_end_of_its_connection_on() -> None:
    clock = Clock()
    histories = Histories(clock, Limits(handle_valid_s=600.0, time_scale=60.0))
    is_open = True
    connection = histories.of_connection(lambda: is_open)
    handle = connection.keep("m", PAST)
    clock.now_s += 1_000
    assert refusal(histories, handle) == (1011, INTERNAL)
    is_open = False
    assert histories.resume("m", handle) == PAST
    connection.end()
    clock.now_s += 10
    assert histories.resume("m", handle) == PAST
    clock.now_s += 1
    assert refusal(histories, handle) == (1008, SESSION_EXPIRED)


def test_a_session_grows_older_over_its_connections() -> None:
    clock = Clock()
    histories = Histories(clock)
    first = histories.of_connection(lambda: False)
    clock.now_s += 100
    first.see_picture()
    clock.now_s += 50
    handle = first.keep("m", PAST)
    clock.now_s += 20
    first.end()
    clock.now_s += 1_000
    second = histories.of_connection(lambda: True)
    second.resume("m", handle)
    clock.now_s += 7
    assert (second.age.session_s, second.age.video_s) == (177.0, 77.0)
    second.see_picture()
    assert second.age.video_s == 77.0
