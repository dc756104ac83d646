"""SoundCard against a real PulseAudio that is killed, restarted and frozen under it."""

import asyncio

import numpy as np
from audio.sound_card_house import House, assert_heard_whole, followed_by_silence, in_house, staircase
from support.pulse import PulseCard

from satellite.settings import AudioSettings

# ---------------------------------------------------------------- gone and back


def test_microphone_gone_and_back_while_the_speaker_plays_on(
    two_cards: AudioSettings, microphone_card: PulseCard, speaker_card: PulseCard
) -> None:
    async def story(house: House) -> None:
        await house.until_both_run()
        recording = speaker_card.record()
        house.playback.push(1, staircase(1200))
        house.playback.end(1)
        microphone_card.kill()
        await house.until_seen("microphone lost")
        await house.until_seen("retry returned", house.seen["retry returned"] + 2)
        assert house.activity.microphone_lost
        assert house.activity.alive(20)
        await house.until_seen("drained 1")
        microphone_card.start()
        await house.until_seen("microphone found", 2)
        spoken = np.random.default_rng(2).integers(-8000, 8000, 3200, dtype=np.int16).tobytes()
        await house.until_heard(microphone_card, spoken)
        assert (house.seen["microphone lost"], house.seen["speaker lost"]) == (1, 0)
        heard = await asyncio.to_thread(recording.wait_until, followed_by_silence)
        assert_heard_whole(house, heard, 1200)

    in_house(two_cards, story)


def test_speaker_gone_and_back_while_the_microphone_listens_on(
    two_cards: AudioSettings, microphone_card: PulseCard, speaker_card: PulseCard
) -> None:
    async def story(house: House) -> None:
        await house.until_both_run()
        speaker_card.kill()
        await house.until_seen("speaker lost")
        await house.until_more_frames()
        assert not house.activity.microphone_lost
        speaker_card.start()
        await house.until_seen("speaker found", 2)
        recording = speaker_card.record()
        house.playback.push(1, staircase(400))
        house.playback.end(1)
        await house.until_seen("drained 1")
        heard = await asyncio.to_thread(recording.wait_until, followed_by_silence)
        assert_heard_whole(house, heard, 400)
        assert (house.seen["microphone lost"], house.seen["speaker lost"]) == (0, 1)

    in_house(two_cards, story)


def test_a_card_with_both_gone_and_back(one_card: AudioSettings, microphone_card: PulseCard) -> None:
    async def story(house: House) -> None:
        await house.until_both_run()
        for times in (1, 2):
            microphone_card.kill()
            await house.until_seen("microphone lost", times)
            await house.until_seen("speaker lost", times)
            # Long enough for a new, empty device list in between.
            await house.until_seen("retry returned", house.seen["retry returned"] + 2)
            microphone_card.start()
            await house.until_seen("microphone found", times + 1)
            await house.until_seen("speaker found", times + 1)
        await house.until_more_frames()
        await house.until_more_is_pulled()

    in_house(one_card, story)


def test_a_card_that_is_not_there_at_the_start_is_found_when_it_comes(
    one_card: AudioSettings, microphone_card: PulseCard
) -> None:
    microphone_card.stop()

    async def story(house: House) -> None:
        await house.until_seen("microphone lost")
        await house.until_seen("speaker lost")
        await house.until_seen("retry returned", 2)
        assert "is not there" in house.reasons[0]
        assert house.activity.alive(20)
        microphone_card.start()
        await house.until_both_run()
        assert house.seen["microphone lost"] == 1

    in_house(one_card, story)


def test_a_speaker_that_comes_after_the_start_is_found_without_losing_the_microphone(
    two_cards: AudioSettings, speaker_card: PulseCard
) -> None:
    speaker_card.stop()

    async def story(house: House) -> None:
        await house.until_seen("microphone found")
        await house.until_seen("speaker lost")
        speaker_card.start()
        await house.until_seen("speaker found")
        await house.until_more_frames()
        await house.until_more_is_pulled()
        assert (house.seen["microphone lost"], house.seen["microphone found"]) == (0, 1)

    in_house(two_cards, story, rescan_s=0.0)


# ---------------------------------------------------------------- hung


def test_a_hung_microphone_is_lost_and_comes_back_when_the_hang_ends(
    two_cards: AudioSettings, microphone_card: PulseCard
) -> None:
    async def story(house: House) -> None:
        await house.until_both_run()
        microphone_card.freeze()
        await house.until_seen("microphone lost")
        assert "no block for 2 s" in house.reasons[0]
        # Closing it hangs, and neither the loop nor the speaker does.
        await house.until(lambda: (house.activity.call_in_progress_s or 0) > 0.5)
        assert house.activity.call_name == "close input"
        assert house.activity.alive(20)
        assert not house.activity.alive(0.5)
        await house.until_more_is_pulled()
        microphone_card.thaw()
        await house.until_seen("microphone found", 2)
        await house.until_more_frames()
        assert house.activity.alive(20)
        assert house.seen["speaker lost"] == 0

    in_house(two_cards, story)


def test_a_hung_speaker_is_lost_and_comes_back_when_the_hang_ends(
    two_cards: AudioSettings, speaker_card: PulseCard
) -> None:
    async def story(house: House) -> None:
        await house.until_both_run()
        speaker_card.freeze()
        await house.until_seen("speaker lost")
        await house.until(lambda: house.activity.call_name == "close output")
        await house.until_more_frames()
        speaker_card.thaw()
        await house.until_seen("speaker found", 2)
        await house.until_more_is_pulled()
        assert house.seen["microphone lost"] == 0

    in_house(two_cards, story)


def test_a_card_that_hangs_for_ever_does_not_keep_the_shutdown(
    one_card: AudioSettings, microphone_card: PulseCard
) -> None:
    async def story(house: House) -> None:
        await house.until_both_run()
        microphone_card.freeze()
        await house.until_seen("microphone lost")
        await house.until(lambda: house.activity.call_in_progress_s is not None)
        # It would hang until the thaw, which comes only afterwards.
        await house.stop()
        microphone_card.thaw()

    in_house(one_card, story)


def test_a_shutdown_that_meets_a_hung_card_that_looked_healthy_ends_too(
    one_card: AudioSettings, microphone_card: PulseCard
) -> None:
    async def story(house: House) -> None:
        await house.until_both_run()
        microphone_card.freeze()
        await house.stop()
        microphone_card.thaw()

    in_house(one_card, story)
