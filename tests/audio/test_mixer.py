"""Gain, Overlay and the fade: sample by sample."""

import numpy as np

from satellite.audio.mixer import Gain, Overlay, clip, db_gain, fade_out, volume_gain


def steady(samples: int, value: int = 10_000) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    return np.full(samples, value, dtype=np.int16)


def test_a_gain_of_one_leaves_every_sample() -> None:
    samples = np.arange(-32768, 32767, 7, dtype=np.int16)
    assert (Gain(1.0).apply(samples) == samples).all()


def test_a_ramp_is_straight_and_ends_where_it_was_sent() -> None:
    gain = Gain(1.0)
    gain.ramp_to(0.5, 100)
    assert gain.apply(steady(150)).tolist() == [10_000 - 50 * min(n, 100) for n in range(1, 151)]
    assert gain.apply(steady(3)).tolist() == [5000] * 3


def test_a_ramp_goes_on_over_the_edge_of_a_block() -> None:
    whole, cut = Gain(1.0), Gain(1.0)
    whole.ramp_to(0.2, 1000)
    cut.ramp_to(0.2, 1000)
    pieces = [cut.apply(steady(size)) for size in (1, 480, 480, 480)]
    assert (np.concatenate(pieces) == whole.apply(steady(1441))).all()


def test_a_new_ramp_starts_where_the_old_one_was() -> None:
    gain = Gain(1.0)
    gain.ramp_to(0.0, 100)
    gain.apply(steady(50))
    gain.ramp_to(1.0, 50)
    assert gain.apply(steady(50)).tolist() == [5000 + 100 * n for n in range(1, 51)]


def test_a_jump_is_heard_from_the_next_sample_on() -> None:
    gain = Gain(1.0)
    gain.ramp_to(0.0, 100)
    gain.jump(0.5)
    assert gain.apply(steady(2)).tolist() == [5000, 5000]


def test_volume_and_decibels() -> None:
    assert volume_gain(100) == 1.0
    assert volume_gain(50) == 0.25
    assert volume_gain(0) == 0.0
    assert abs(db_gain(-20) - 0.1) < 1e-12


def test_overlays_are_added_from_their_first_sample_on() -> None:
    overlay = Overlay()
    overlay.add(np.arange(1, 6, dtype=np.int32))
    mix = np.full(3, 100, dtype=np.int32)
    overlay.mix_into(mix)
    assert mix.tolist() == [101, 102, 103]
    overlay.add(np.array([1000], dtype=np.int32))
    mix = np.full(3, 100, dtype=np.int32)
    overlay.mix_into(mix)
    assert mix.tolist() == [1104, 105, 100]
    assert not overlay


def test_a_sum_too_large_is_clipped_not_wrapped() -> None:
    assert clip(np.array([40_000, -40_000, 5], dtype=np.int32)).tolist() == [32_767, -32_768, 5]


def test_a_fade_goes_down_all_the_way_without_a_step() -> None:
    faded = fade_out(np.full(99, 10_000, dtype=np.int32)).tolist()
    assert faded == [100 * n for n in range(99, 0, -1)]
