"""PlaybackBuffer: what is pulled, when it has drained, what a flush leaves. Sample by sample."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satellite.audio.playback import DUCK_RAMP_MS, FADE_MS, RESTORE_RAMP_MS, PlaybackBuffer

FADE_SAMPLES = FADE_MS * 24


class Speaker:
    """A card that pulls and keeps what it played; notes what was reported, and after how many samples."""

    def __init__(self, rate_hz: int = 24_000, latency_samples: int = 0, volume_percent: int = 100) -> None:
        self.played: list[int] = []
        self.started: list[tuple[int, int]] = []
        self.drained: list[tuple[int, int]] = []
        self.buffer = PlaybackBuffer(
            lambda turn: self.started.append((turn, len(self.played))),
            lambda turn: self.drained.append((turn, len(self.played))),
            duck_db=-20,
            volume_percent=volume_percent,
        )
        self.buffer.configure(rate_hz, latency_samples)

    def pull(self, *sizes: int) -> list[int]:
        """Pull blocks of these sizes; their samples. Reports are noted at the beginning of their block."""
        pulled: list[int] = []
        for size in sizes:
            block = np.frombuffer(self.buffer.pull(size), dtype="<i2").tolist()
            assert len(block) == size
            self.played += block
            pulled += block
        return pulled


def pcm(samples: Sequence[int]) -> bytes:
    return np.array(samples, dtype="<i2").tobytes()


def count(first: int, samples: int) -> list[int]:
    return list(range(first, first + samples))


# ---------------------------------------------------------------- playing


@given(chunks=st.lists(st.integers(0, 700), max_size=6), blocks=st.lists(st.integers(1, 500), max_size=12))
@settings(deadline=None)
def test_what_is_pushed_is_played_once_in_order_whatever_the_cuts(chunks: list[int], blocks: list[int]) -> None:
    speaker = Speaker()
    pushed = count(1, sum(chunks))
    start = 0
    for chunk in chunks:
        speaker.buffer.push(1, pcm(pushed[start : start + chunk]))
        start += chunk
    speaker.pull(*blocks)
    expected = pushed[: sum(blocks)]
    assert speaker.played == expected + [0] * (sum(blocks) - len(expected))


def test_half_a_sample_waits_for_its_other_half() -> None:
    speaker = Speaker()
    whole = pcm(count(1, 10))
    speaker.buffer.push(1, whole[:7])
    speaker.buffer.push(1, whole[7:])
    assert speaker.pull(10) == count(1, 10)


def test_turns_follow_each_other_without_a_gap_and_begin_once() -> None:
    speaker = Speaker()
    speaker.buffer.push(1, pcm(count(1, 30)))
    speaker.buffer.push(2, pcm(count(101, 30)))
    assert speaker.pull(20, 20, 20) == count(1, 30) + count(101, 30)
    assert speaker.started == [(1, 0), (2, 20)]
    speaker.buffer.push(2, pcm([7]))
    speaker.pull(5)
    assert [turn for turn, _ in speaker.started] == [1, 2]


@pytest.mark.parametrize("rate_hz", [48_000, 44_100, 16_000])
def test_at_another_rate_the_tail_comes_when_the_turn_ends(rate_hz: int) -> None:
    speaker = Speaker(rate_hz)
    speaker.buffer.push(1, pcm([5000] * 2400))
    speaker.buffer.end(1)
    speaker.pull(*[rate_hz // 50] * 10)
    last = max(place for place, sample in enumerate(speaker.played) if abs(sample) > 1000)
    assert abs(last + 1 - rate_hz // 10) <= 2
    assert [turn for turn, _ in speaker.drained] == [1]


def test_the_end_of_a_turn_queues_what_the_resampler_held_back() -> None:
    speaker = Speaker(48_000)
    speaker.buffer.push(1, pcm([5000] * 2400))
    assert speaker.buffer.queued_samples < 4800
    speaker.buffer.end(1)
    assert speaker.buffer.queued_samples == 4800


def test_at_another_rate_the_tail_comes_also_when_no_end_is_said() -> None:
    speaker = Speaker(48_000)
    speaker.buffer.push(1, pcm([5000] * 2400))
    speaker.pull(*[960] * 10)
    assert max(place for place, sample in enumerate(speaker.played) if abs(sample) > 1000) in (4798, 4799)
    assert [turn for turn, _ in speaker.drained] == [1]


# ---------------------------------------------------------------- drain


@pytest.mark.parametrize(
    ("latency_samples", "blocks_until_drained"),
    [(0, 3), (10, 3), (11, 4), (30, 4), (31, 5), (1000, 53)],
)
def test_a_turn_has_drained_when_its_last_sample_has_left_the_card(
    latency_samples: int, blocks_until_drained: int
) -> None:
    # Fifty samples in blocks of twenty: ten samples follow the last one within the third block.
    speaker = Speaker(latency_samples=latency_samples)
    speaker.buffer.push(1, pcm(count(1, 50)))
    speaker.buffer.end(1)
    speaker.pull(*[20] * (blocks_until_drained - 1))
    assert speaker.drained == []
    assert not speaker.buffer.idle
    speaker.pull(20)
    assert [turn for turn, _ in speaker.drained] == [1]
    assert speaker.buffer.idle
    speaker.pull(*[20] * 60)
    assert len(speaker.drained) == 1


def test_a_turn_drains_again_when_more_of_it_comes_later() -> None:
    speaker = Speaker(latency_samples=20)
    speaker.buffer.push(1, pcm(count(1, 20)))
    speaker.pull(20, 20)
    assert len(speaker.drained) == 1
    speaker.buffer.push(1, pcm(count(1, 20)))
    speaker.pull(20, 20)
    assert len(speaker.drained) == 2


def test_more_of_a_turn_puts_its_draining_off() -> None:
    speaker = Speaker(latency_samples=60)
    speaker.buffer.push(1, pcm(count(1, 20)))
    speaker.pull(20, 20)
    speaker.buffer.push(1, pcm(count(1, 20)))
    speaker.pull(20, 20, 20)
    assert speaker.drained == []
    speaker.pull(20)
    assert [turn for turn, _ in speaker.drained] == [1]


def test_each_turn_drains_by_itself() -> None:
    speaker = Speaker(latency_samples=10)
    for turn in (1, 2, 3):
        speaker.buffer.push(turn, pcm(count(1, 40)))
        speaker.buffer.end(turn)
    speaker.pull(*[20] * 7)
    assert [turn for turn, _ in speaker.drained] == [1, 2, 3]


def test_a_reopened_device_still_reports_the_turn_it_took() -> None:
    speaker = Speaker(latency_samples=1000)
    speaker.buffer.push(1, pcm(count(1, 20)))
    speaker.pull(20)
    speaker.buffer.configure(24_000, 40)
    speaker.pull(20)
    assert speaker.drained == []
    speaker.pull(20)
    assert [turn for turn, _ in speaker.drained] == [1]


# ---------------------------------------------------------------- flush


def test_a_flush_leaves_a_fade_and_then_silence() -> None:
    speaker = Speaker()
    speaker.buffer.push(1, pcm([10_000] * 5000))
    speaker.pull(480)
    speaker.buffer.flush()
    tail = speaker.pull(480, 480)
    assert all(later < sooner for sooner, later in pairwise(tail[: FADE_SAMPLES + 1]))
    assert 0 < tail[0] < 10_000
    assert not any(tail[FADE_SAMPLES:])


def test_flushed_audio_never_drains() -> None:
    speaker = Speaker(latency_samples=30)
    speaker.buffer.push(1, pcm(count(1, 100)))
    speaker.buffer.end(1)
    speaker.pull(90)
    speaker.buffer.flush()
    speaker.pull(100, 100)
    assert speaker.drained == []
    assert speaker.buffer.idle


def test_a_turn_that_is_still_on_its_way_out_of_the_card_at_a_flush_does_not_drain_either() -> None:
    speaker = Speaker(latency_samples=300)
    speaker.buffer.push(1, pcm(count(1, 100)))
    speaker.buffer.end(1)
    speaker.pull(100, 100)
    speaker.buffer.flush()
    speaker.pull(*[100] * 6)
    assert speaker.drained == []
    assert speaker.buffer.idle


def test_a_flush_of_what_was_not_heard_yet_is_silent_at_once() -> None:
    speaker = Speaker()
    speaker.pull(100)
    speaker.buffer.push(1, pcm([10_000] * 5000))
    speaker.buffer.flush()
    assert not any(speaker.pull(480))
    assert speaker.started == []


@pytest.mark.parametrize("rate_hz", [24_000, 48_000])
def test_what_follows_a_flush_is_played_whole_and_not_ducked(rate_hz: int) -> None:
    speaker = Speaker(rate_hz)
    speaker.buffer.push(1, pcm([10_000] * 5000))
    speaker.pull(480)
    speaker.buffer.duck()
    speaker.pull(480)
    speaker.buffer.flush()
    speaker.buffer.push(2, pcm([1000] * 2400))
    speaker.buffer.end(2)
    heard = speaker.pull(*[480] * 20)
    assert abs(heard[1000] - 1000) <= 2
    assert max(place for place, sample in enumerate(heard) if abs(sample) > 250) == 2400 * rate_hz // 24_000 - 1
    assert [turn for turn, _ in speaker.drained] == [2]


def test_the_fade_of_a_ducked_voice_is_ducked() -> None:
    speaker = Speaker()
    speaker.buffer.push(1, pcm([10_000] * 5000))
    speaker.buffer.duck()
    speaker.pull(480)
    speaker.buffer.flush()
    assert max(speaker.pull(480)) < 1000


def test_a_flush_is_silent_within_the_latency_and_one_block_at_any_instant() -> None:
    # A card is a queue of `latency` samples in front of a loudspeaker: what the buffer gave before the flush
    # is heard, and nothing else but the fade.
    latency_samples, block_samples = 960, 480
    for flushed_after in range(1, 8):
        speaker = Speaker(latency_samples=latency_samples)
        speaker.buffer.push(1, pcm([10_000] * 24_000))
        speaker.pull(*[block_samples] * flushed_after)
        speaker.buffer.flush()
        speaker.pull(*[block_samples] * 10)
        left_the_card_at_the_flush = max(0, flushed_after * block_samples - latency_samples)
        silent_from = max(place for place, sample in enumerate(speaker.played) if sample) + 1
        assert silent_from - left_the_card_at_the_flush <= latency_samples + block_samples


# ---------------------------------------------------------------- gain, earcons, reference


def test_ducking_and_restoring_are_ramps_to_their_gains() -> None:
    speaker = Speaker()
    speaker.buffer.push(1, pcm([10_000] * 24_000))
    assert speaker.pull(480) == [10_000] * 480
    speaker.buffer.duck()
    ducked = speaker.pull(480)
    assert ducked[0] > 9900
    assert ducked[DUCK_RAMP_MS * 24 - 1 :] == [1000] * (481 - DUCK_RAMP_MS * 24)
    speaker.buffer.restore()
    restored = speaker.pull(4800)
    assert restored[0] < 1010
    assert restored[RESTORE_RAMP_MS * 24 - 1 :] == [10_000] * (4801 - RESTORE_RAMP_MS * 24)


def test_restoring_what_is_not_ducked_changes_nothing() -> None:
    speaker = Speaker()
    speaker.buffer.push(1, pcm([10_000] * 480))
    speaker.buffer.restore()
    assert speaker.pull(480) == [10_000] * 480


def test_the_volume_holds_for_voice_and_earcons() -> None:
    speaker = Speaker(volume_percent=50)
    speaker.buffer.push(1, pcm([10_000] * 2400))
    assert speaker.pull(480) == [2500] * 480
    speaker.buffer.set_volume(100)
    assert speaker.pull(960)[-1] == 10_000
    speaker.buffer.play_earcon(pcm([1000] * 10))
    assert speaker.pull(480) == [11_000] * 10 + [10_000] * 470


def test_a_volume_set_while_ducked_stays_ducked() -> None:
    speaker = Speaker(volume_percent=50)
    speaker.buffer.push(1, pcm([10_000] * 24_000))
    speaker.buffer.duck()
    speaker.buffer.set_volume(100)
    assert speaker.pull(960)[-1] == 1000
    speaker.buffer.restore()
    assert speaker.pull(4800)[-1] == 10_000


def test_an_earcon_is_heard_over_a_ducked_voice_at_once_and_is_no_turn() -> None:
    speaker = Speaker()
    speaker.buffer.play_earcon(pcm([500] * 30))
    assert not speaker.buffer.idle
    assert speaker.pull(20, 20) == [500] * 30 + [0] * 10
    assert (speaker.started, speaker.drained, speaker.buffer.underruns) == ([], [], 0)
    assert speaker.buffer.idle


def test_two_loud_sounds_together_do_not_wrap() -> None:
    speaker = Speaker()
    speaker.buffer.push(1, pcm([30_000] * 20))
    speaker.buffer.play_earcon(pcm([30_000] * 20))
    assert speaker.pull(20) == [32_767] * 20


def test_the_reference_is_what_was_pulled() -> None:
    speaker = Speaker()
    speaker.buffer.push(1, pcm(count(1, 30)))
    speaker.pull(20, 20)
    reference = speaker.buffer.take_reference()
    assert (reference.pcm, reference.rate_hz) == (pcm(speaker.played), 24_000)
    assert speaker.buffer.take_reference().pcm == b""


def test_the_reference_is_bounded_to_its_newest_part() -> None:
    speaker = Speaker()
    speaker.pull(*[2400] * 30)
    speaker.buffer.push(1, pcm([9] * 2400))
    speaker.pull(2400)
    reference = speaker.buffer.take_reference().pcm
    assert len(reference) == 2 * 48_000
    assert reference.endswith(pcm([9] * 2400))


# ---------------------------------------------------------------- underruns, rates, memory


def test_an_underrun_is_counted_only_between_the_beginning_and_the_end_of_a_turn() -> None:
    speaker = Speaker()
    speaker.pull(480)
    assert speaker.buffer.underruns == 0
    speaker.buffer.push(1, pcm([1] * 100))
    speaker.pull(480, 480)
    assert speaker.buffer.underruns == 1
    speaker.buffer.push(1, pcm([1] * 100))
    speaker.pull(480)
    assert speaker.buffer.underruns == 2
    speaker.buffer.push(1, pcm([1] * 100))
    speaker.buffer.end(1)
    speaker.pull(480)
    assert speaker.buffer.underruns == 2
    speaker.buffer.push(2, pcm([1] * 100))
    speaker.pull(50)
    speaker.buffer.flush()
    speaker.pull(480)
    assert speaker.buffer.underruns == 2


def test_a_card_of_another_rate_goes_on_with_what_is_queued() -> None:
    speaker = Speaker()
    speaker.buffer.push(1, pcm([1000] * 4800))
    speaker.buffer.push(2, pcm([2000] * 2400))
    speaker.pull(2400)
    speaker.buffer.configure(48_000, 0)
    speaker.buffer.push(2, pcm([2000] * 2400))
    speaker.buffer.end(2)
    heard = speaker.pull(*[960] * 20)
    assert abs(heard[2400] - 1000) <= 2
    assert abs(heard[7200] - 2000) <= 2
    assert abs(sum(sample > 500 for sample in heard) - 2 * 7200) <= 4
    assert [turn for turn, _ in speaker.drained] == [1, 2]


def test_a_speaker_that_never_comes_does_not_fill_the_memory() -> None:
    speaker = Speaker()
    minute = bytes(2 * 24_000 * 60)
    for _ in range(15):
        speaker.buffer.push(1, minute)
    pulled = 0
    while not speaker.buffer.idle:
        speaker.pull(240_000)
        pulled += 10
    assert 600 <= pulled <= 620


def test_the_voice_is_over_only_while_nothing_of_it_waits_or_sounds() -> None:
    speaker = Speaker(latency_samples=100)
    assert speaker.buffer.voice_is_over
    speaker.buffer.push(1, pcm(count(1, 100)))
    assert not speaker.buffer.voice_is_over
    speaker.pull(100)
    assert not speaker.buffer.voice_is_over
    speaker.buffer.play_earcon(pcm(count(1, 1000)))
    speaker.pull(100)
    assert [turn for turn, _ in speaker.drained] == [1]
    assert speaker.buffer.voice_is_over
    speaker.buffer.push(1, pcm(count(1, 100)))
    assert not speaker.buffer.voice_is_over
