"""CaptureBuffer: order, bound, one wake-up."""

from satellite.audio.capture import CaptureBuffer


class Bell:
    """Counts how often it was rung."""

    def __init__(self) -> None:
        self.rings = 0

    def ring(self) -> None:
        self.rings += 1


def block(number: int, samples: int = 160) -> bytes:
    return number.to_bytes(2, "little") * samples


def test_blocks_come_out_in_order_and_once() -> None:
    buffer = CaptureBuffer(lambda: None)
    buffer.put(block(1))
    buffer.put(block(2))
    taken = buffer.take()
    assert (taken.pcm, taken.rate_hz, taken.lost_samples) == (block(1) + block(2), 16_000, 0)
    assert buffer.take().pcm == b""


def test_one_wake_up_until_the_blocks_are_taken() -> None:
    bell = Bell()
    buffer = CaptureBuffer(bell.ring)
    buffer.put(block(1))
    buffer.put(block(2))
    assert bell.rings == 1
    buffer.take()
    buffer.put(block(3))
    assert bell.rings == 2


def test_a_full_buffer_drops_the_oldest_and_says_how_much() -> None:
    buffer = CaptureBuffer(lambda: None, capacity_s=0.03)
    for number in range(1, 6):
        buffer.put(block(number))
    taken = buffer.take()
    assert taken.pcm == block(3) + block(4) + block(5)
    assert taken.lost_samples == 320
    assert buffer.dropped_samples == 320
    buffer.put(block(6))
    assert buffer.take().lost_samples == 0
    assert buffer.dropped_samples == 320


def test_an_opened_device_begins_anew_at_its_own_rate() -> None:
    buffer = CaptureBuffer(lambda: None, capacity_s=0.01)
    buffer.put(block(1))
    buffer.configure(48_000)
    buffer.put(block(2, 480))
    taken = buffer.take()
    assert (taken.pcm, taken.rate_hz, taken.reopened) == (block(2, 480), 48_000, True)
    assert not buffer.take().reopened


def test_the_wake_up_asked_for_before_an_opening_still_counts() -> None:
    bell = Bell()
    buffer = CaptureBuffer(bell.ring)
    buffer.put(block(1))
    buffer.configure(16_000)
    buffer.put(block(2))
    assert bell.rings == 1
    assert buffer.take().pcm == block(2)
