"""SoundCard against a real PulseAudio behind ALSA: what is heard, what is played, to the sample."""

import asyncio

import numpy as np
from audio.sound_card_house import (
    BLOCK_MS,
    STEP_MS,
    STEP_SAMPLES,
    House,
    assert_heard_whole,
    followed_by_silence,
    in_house,
    staircase,
    steps_heard,
)
from support.pulse import SPEAKER_RATE_HZ, PulseCard

from satellite.audio.resample import resample
from satellite.settings import AudioSettings


def test_the_staircase_is_read_back() -> None:
    played = resample(staircase(1000), 24_000, 48_000)
    assert steps_heard(bytes(5000) + played + bytes(5000)) == list(range(1000))
    cut = len(played) // 2
    assert steps_heard(played[: cut + cut % 2] + bytes(20_000) + played[cut + cut % 2 :]) == list(range(1000))


def test_what_the_microphone_hears_arrives_to_the_bit(one_card: AudioSettings, microphone_card: PulseCard) -> None:
    spoken = np.random.default_rng(1).integers(-8000, 8000, 8000, dtype=np.int16).tobytes()

    async def story(house: House) -> None:
        await house.until_both_run()
        await house.until_heard(microphone_card, spoken)
        assert house.activity.alive(20)

    in_house(one_card, story)


def test_what_is_pushed_is_heard_whole_and_drains(one_card: AudioSettings, microphone_card: PulseCard) -> None:
    async def story(house: House) -> None:
        await house.until_both_run()
        recording = microphone_card.record()
        house.playback.push(1, staircase(800))
        house.playback.end(1)
        await house.until_seen("drained 1")
        assert house.seen["started 1"] == 1
        assert house.playback.idle
        heard = await asyncio.to_thread(recording.wait_until, followed_by_silence)
        assert_heard_whole(house, heard, 800)

    in_house(one_card, story)


def test_stopping_plays_out_what_the_card_already_has(one_card: AudioSettings, microphone_card: PulseCard) -> None:
    async def story(house: House) -> None:
        await house.until_both_run()
        recording = microphone_card.record()
        house.playback.push(1, staircase(400))
        house.playback.end(1)
        await house.until_seen("started 1")
        await house.until(lambda: not house.playback.queued_samples)
        await house.stop()
        heard = await asyncio.to_thread(recording.wait_until, followed_by_silence)
        assert_heard_whole(house, heard, 400)

    in_house(one_card, story)


def test_a_barge_in_is_silent_at_the_speaker_within_the_latency_and_one_block(
    one_card: AudioSettings, microphone_card: PulseCard
) -> None:
    # The card is frozen for the instant of the flush, so that "heard by then" is a number of samples that
    # no busy machine can change: the recording's own.
    async def story(house: House) -> None:
        await house.until_both_run()
        latency_ms = house.playback.latency_samples * 1000 / 24_000
        recording = microphone_card.record()
        house.playback.push(1, staircase(4000))
        await asyncio.to_thread(recording.wait_until, lambda pcm: len(pcm.replace(b"\0", b"")) > SPEAKER_RATE_HZ)
        microphone_card.freeze()
        before = steps_heard(await asyncio.to_thread(recording.wait_until_still, 0.3))
        pulled_steps = 4000 - house.playback.queued_samples // STEP_SAMPLES
        house.playback.flush()
        microphone_card.thaw()
        after = steps_heard(await asyncio.to_thread(recording.wait_until, followed_by_silence))
        assert before == after[: len(before)]
        assert before[-1] < 3000
        # The last step that was heard before may have been cut short by the freeze.
        still_heard_ms = (after[-1] - before[-1]) * STEP_MS
        assert still_heard_ms <= latency_ms + BLOCK_MS
        assert after[-1] <= pulled_steps

    in_house(one_card, story)
