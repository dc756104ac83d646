"""The queue in front of the connection."""

from satellite.mqtt.outgoing import Outgoing
from satellite.mqtt.payloads import Publication

HELLO = Publication("availability", b"online", 1, True, slot="availability", replaceable=True)


def passing(payload: str) -> Publication:
    """One that is worth sending however late."""
    return Publication("event", payload.encode(), 1, False, slot="event")


def retained(topic: str, payload: str) -> Publication:
    """One of which only the newest counts."""
    return Publication(topic, payload.encode(), 1, True, slot=topic, replaceable=True)


def running(payload: str, *, final: bool = False) -> Publication:
    """A transcript of one turn."""
    return Publication("transcript", payload.encode(), 1, False, slot="transcript 1 1", replaceable=not final)


def send_all(outgoing: Outgoing, *, first_id: int = 1) -> list[str]:
    """Take and send while there is something and room; the payloads."""
    payloads: list[str] = []
    while outgoing.sendable:
        item = outgoing.take()
        outgoing.sent(first_id + len(payloads), item)
        payloads.append(item.payload.decode())
    return payloads


def test_nothing_is_sendable_without_a_connection() -> None:
    outgoing = Outgoing()
    outgoing.add(passing("a"))
    assert not outgoing.sendable
    outgoing.connect(HELLO)
    assert send_all(outgoing) == ["online", "a"]


def test_after_each_connect_all_retained_state_goes_out_again_newest_only() -> None:
    outgoing = Outgoing()
    outgoing.add(retained("state", "idle"))
    outgoing.add(passing("wake"))
    outgoing.add(retained("state", "listening"))
    outgoing.add(retained("mute", "OFF"))
    outgoing.connect(HELLO)
    assert send_all(outgoing) == ["online", "listening", "OFF", "wake"]
    for message_id in range(1, 5):
        outgoing.acknowledged(message_id)
    assert outgoing.idle
    outgoing.disconnect()
    outgoing.connect(HELLO)
    assert send_all(outgoing) == ["online", "listening", "OFF"]


def test_the_window_holds_back_until_something_is_acknowledged() -> None:
    outgoing = Outgoing(window=2)
    outgoing.connect(HELLO)
    for payload in "abc":
        outgoing.add(passing(payload))
    assert send_all(outgoing) == ["online", "a"]
    outgoing.acknowledged(99)
    assert not outgoing.sendable
    outgoing.acknowledged(1)
    assert send_all(outgoing, first_id=3) == ["b"]


def test_what_was_not_acknowledged_goes_out_again_before_the_rest() -> None:
    outgoing = Outgoing(window=3)
    outgoing.connect(HELLO)
    for payload in "abcd":
        outgoing.add(passing(payload))
    assert send_all(outgoing) == ["online", "a", "b"]
    outgoing.acknowledged(2)
    outgoing.disconnect()
    assert not outgoing.idle
    outgoing.connect(HELLO)
    assert send_all(outgoing) == ["online", "b", "c"]


def test_a_growing_transcript_takes_one_place_and_the_final_one_is_kept() -> None:
    outgoing = Outgoing()
    for item in (running("wh"), running("what"), running("what time", final=True), running("late")):
        outgoing.add(item)
    outgoing.add(running("again", final=True))
    outgoing.connect(HELLO)
    assert send_all(outgoing) == ["online", "what time", "again"]


def test_too_much_drops_the_oldest_and_counts_but_never_retained_state() -> None:
    outgoing = Outgoing(window=100, capacity=2)
    outgoing.connect(HELLO)
    outgoing.add(retained("state", "idle"))
    for payload in "abcde":
        outgoing.add(passing(payload))
    assert outgoing.dropped == 3
    assert send_all(outgoing) == ["online", "idle", "d", "e"]


def test_state_that_was_on_its_way_is_not_sent_again_over_a_newer_one() -> None:
    outgoing = Outgoing()
    outgoing.connect(HELLO)
    outgoing.add(retained("state", "idle"))
    assert send_all(outgoing) == ["online", "idle"]
    outgoing.disconnect()
    outgoing.add(retained("state", "listening"))
    outgoing.connect(HELLO)
    assert send_all(outgoing) == ["online", "listening"]
