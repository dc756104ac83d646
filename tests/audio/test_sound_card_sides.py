"""Side and the taps: how a loss is noticed, when the next attempt is made, what a callback does. No card."""

import numpy as np
import pyaudio
import pytest

from satellite.audio.capture import CaptureBuffer
from satellite.audio.device import AudioActivity
from satellite.audio.playback import PlaybackBuffer
from satellite.audio.portaudio import CardDevice, Direction, OpenStream
from satellite.audio.side import FIRST_RETRY_S, STEADY_S, Side, SideState
from satellite.audio.taps import InputTap, OutputTap


class Handle:
    """PortAudio's end of a stream, as far as a side asks it."""

    def __init__(self) -> None:
        self.active = True

    def is_active(self) -> bool:
        if not self.active:
            raise OSError(-9988, "Stream closed")
        return True


class Rig:
    """A side with a stream whose blocks come when told to."""

    def __init__(self) -> None:
        self.side = Side(Direction.INPUT, "mic", 16_000, stall_s=2.0, retry_max_s=4.0)
        self.handle = Handle()
        self.tap = InputTap(CaptureBuffer(lambda: None), channels=1)

    def open(self, now_s: float) -> None:
        device = CardDevice(0, "mic", 1, 0, 16_000)
        self.side.opened(OpenStream(Direction.INPUT, self.handle, self.tap, device, 16_000, 1, 0), now_s)

    def block(self) -> None:
        self.tap(bytes(640), 320, {}, 0)


def test_a_device_is_found_with_its_first_block_not_when_it_opens() -> None:
    rig = Rig()
    rig.open(1.0)
    assert rig.side.look(1.1) is None
    assert not rig.side.found(1.1)
    rig.block()
    assert rig.side.look(1.2) is None
    assert rig.side.found(1.2)
    assert rig.side.state is SideState.RUNNING
    assert not rig.side.found(1.3)
    assert rig.side.last_block_at_s == 1.2


def test_a_device_without_blocks_for_the_stall_time_is_lost() -> None:
    rig = Rig()
    rig.open(1.0)
    rig.block()
    assert rig.side.look(2.0) is None
    assert rig.side.look(3.9) is None
    assert rig.side.look(4.0) == "no block for 2 s"


def test_a_device_that_opens_and_never_delivers_is_lost_too() -> None:
    rig = Rig()
    rig.open(1.0)
    assert rig.side.look(2.9) is None
    assert rig.side.look(3.0) == "no block for 2 s"


def test_a_loop_that_was_late_does_not_blame_the_device() -> None:
    rig = Rig()
    rig.open(1.0)
    rig.block()
    assert rig.side.look(60.0) is None


def test_a_stream_that_is_inactive_is_lost() -> None:
    rig = Rig()
    rig.open(1.0)
    rig.block()
    rig.handle.active = False
    assert rig.side.look(1.1) == "the device has stopped"


def test_a_callback_that_fails_ends_its_stream_and_names_the_reason() -> None:
    def fail() -> None:
        raise RuntimeError("Event loop is closed")

    rig = Rig()
    rig.tap = InputTap(CaptureBuffer(fail), channels=1)
    rig.open(1.0)
    assert rig.tap(bytes(640), 320, {}, 0) == (None, pyaudio.paAbort)
    assert "Event loop is closed" in str(rig.side.look(1.1))


def test_the_first_retry_is_at_once_and_the_pauses_double_up_to_the_longest() -> None:
    rig = Rig()
    rig.open(1.0)
    rig.block()
    rig.side.look(1.0)
    rig.side.found(1.0)
    rig.side.lose(2.0)
    assert rig.side.due(2.0)
    pauses = []
    now_s = 2.0
    for _ in range(6):
        rig.side.fail(now_s)
        pauses.append(rig.side.retry_at_s - now_s)
        assert not rig.side.due(rig.side.retry_at_s - 0.01)
        assert rig.side.due(rig.side.retry_at_s)
        now_s = rig.side.retry_at_s
    assert pauses == [FIRST_RETRY_S, 1.0, 2.0, 4.0, 4.0, 4.0]


@pytest.mark.parametrize(("ran_s", "next_pause_s"), [(STEADY_S, FIRST_RETRY_S), (STEADY_S - 1, 2.0)])
def test_only_a_device_that_ran_steadily_starts_again_with_short_pauses(ran_s: float, next_pause_s: float) -> None:
    rig = Rig()
    for _ in range(2):
        rig.side.fail(0.0)
    rig.open(10.0)
    rig.block()
    rig.side.look(10.0)
    rig.side.found(10.0)
    rig.side.lose(10.0 + ran_s)
    rig.side.fail(30.0)
    assert rig.side.retry_at_s - 30.0 == next_pause_s


def test_a_side_that_gave_its_stream_away_asks_it_nothing_more() -> None:
    rig = Rig()
    rig.open(1.0)
    rig.tap(bytes(640), 320, {}, pyaudio.paInputOverflow)
    assert rig.side.detach() is not None
    rig.handle.active = False
    assert rig.side.look(99.0) is None
    assert rig.side.xruns == 1


def test_a_finishing_microphone_ends_at_its_next_block() -> None:
    buffer = CaptureBuffer(lambda: None)
    tap = InputTap(buffer, channels=1)
    tap.finish(0)
    assert tap(bytes(640), 320, {}, 0) == (None, pyaudio.paComplete)
    assert buffer.take().pcm == b""


def test_two_channels_of_the_microphone_become_their_mean() -> None:
    buffer = CaptureBuffer(lambda: None)
    InputTap(buffer, channels=2)(np.array([100, 300, -5, -7], dtype="<i2").tobytes(), 2, {}, 0)
    assert np.frombuffer(buffer.take().pcm, dtype="<i2").tolist() == [200, -6]


def make_playback() -> PlaybackBuffer:
    return PlaybackBuffer(lambda turn: None, lambda turn: None, duck_db=-18, volume_percent=100)


def test_the_speaker_gets_the_same_on_both_channels() -> None:
    playback = make_playback()
    playback.push(1, np.array([1, 2], dtype="<i2").tobytes())
    block, flag = OutputTap(playback, channels=2)(None, 3, {}, pyaudio.paOutputUnderflow)
    assert np.frombuffer(block, dtype="<i2").tolist() == [1, 1, 2, 2, 0, 0]
    assert flag == pyaudio.paContinue


def test_a_finishing_speaker_plays_the_fade_then_as_much_silence_as_the_card_holds() -> None:
    playback = make_playback()
    playback.push(1, np.full(10_000, 9000, dtype="<i2").tobytes())
    tap = OutputTap(playback, channels=1)
    tap(None, 480, {}, 0)
    playback.flush()
    tap.finish(1000)
    blocks = [tap(None, 480, {}, 0) for _ in range(4)]
    assert [any(block) for block, _ in blocks] == [True, False, False, False]
    assert [flag for _, flag in blocks] == [pyaudio.paContinue] * 3 + [pyaudio.paComplete]


def test_a_speaker_whose_buffer_fails_goes_silent_and_ends() -> None:
    def fail(turn: int) -> None:
        raise RuntimeError("Event loop is closed")

    playback = PlaybackBuffer(fail, fail, duck_db=-18, volume_percent=100)
    playback.push(1, bytes(100))
    tap = OutputTap(playback, channels=1)
    assert tap(None, 480, {}, 0) == (bytes(960), pyaudio.paAbort)
    assert tap.failure is not None


@pytest.mark.parametrize(
    ("age_s", "lost", "call_s", "alive"),
    [
        (0.1, False, None, True),
        (25.0, False, None, False),
        (None, False, None, False),
        (25.0, True, None, True),
        (None, True, 5.0, True),
        (25.0, True, 20.0, False),
        (0.1, False, 20.0, False),
    ],
)
def test_what_counts_as_alive(age_s: float | None, lost: bool, call_s: float | None, alive: bool) -> None:
    assert AudioActivity(age_s, lost, call_s).alive(20.0) is alive
