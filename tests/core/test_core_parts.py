"""The parts by themselves: utterance, link, transcript, timers, the shown state, the words of sound."""

from itertools import pairwise, product

import pytest

from core.conversation_script import ramp
from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core import pcm
from satellite.core.commands import ShownState, Speaker
from satellite.core.dialogue import Dialogue
from satellite.core.link import HAND_OVER_MARGIN_MS, REFUSED_PAUSE_MS, Link, LinkInput, LinkState
from satellite.core.link import RULES as LINK_RULES
from satellite.core.memory import Memory
from satellite.core.mute import MuteState
from satellite.core.reply import RULES as REPLY_RULES
from satellite.core.reply import Reply, ReplyInput, ReplyState
from satellite.core.shown import shown_state
from satellite.core.timers import Timers
from satellite.core.transcript import Transcript
from satellite.core.uplink import RULES as UPLINK_RULES
from satellite.core.uplink import Uplink, UplinkInput, UplinkState
from satellite.core.utterance import LARGEST_GAP_SAMPLES, MEMORY_SAMPLES, PIECE_SAMPLES, Utterance

RATE = pcm.CAPTURE_RATE_HZ


def heard(samples: int, *, from_sample: int = 0) -> Utterance:
    """Microphone memory that has heard so much, in frames."""
    utterance = Utterance()
    for first in range(from_sample, from_sample + samples, pcm.FRAME_SAMPLES):
        utterance.append(first, ramp(first, pcm.FRAME_SAMPLES))
    return utterance


def taken(utterance: Utterance) -> tuple[int, bytes]:
    """(first sample, sound) of everything unsent; it comes in pieces that join."""
    pieces = list(utterance.unsent())
    for (first, sound), (following, _) in pairwise(pieces):
        assert first + pcm.samples_in(sound) == following
    return pieces[0][0], b"".join(sound for _, sound in pieces)


# ---------------------------------------------------------------- utterance


def test_utterance_reaches_back_two_seconds_while_nothing_is_open() -> None:
    utterance = heard(10 * RATE)
    utterance.open(0)
    first, sound = taken(utterance)
    reach = 10 * RATE - first
    assert MEMORY_SAMPLES <= reach <= MEMORY_SAMPLES + RATE + pcm.FRAME_SAMPLES
    assert sound == ramp(first, reach)


def test_utterance_begins_at_the_latest_now() -> None:
    utterance = heard(RATE)
    utterance.open(5 * RATE)
    assert list(utterance.unsent()) == []
    utterance.append(RATE, ramp(RATE, 320))
    assert taken(utterance) == (RATE, ramp(RATE, 320))


def test_utterance_is_kept_whole_however_long() -> None:
    utterance = heard(RATE)
    utterance.open(RATE // 2)
    for first in range(RATE, 31 * RATE, pcm.FRAME_SAMPLES):
        utterance.append(first, ramp(first, pcm.FRAME_SAMPLES))
    assert utterance.length_samples == 30 * RATE + RATE // 2
    assert taken(utterance) == (RATE // 2, ramp(RATE // 2, 30 * RATE + RATE // 2))
    utterance.rewind()
    assert taken(utterance)[0] == RATE // 2


def test_utterance_is_forgotten_when_it_is_dropped() -> None:
    utterance = heard(RATE)
    utterance.open(0)
    for first in range(RATE, 20 * RATE, pcm.FRAME_SAMPLES):
        utterance.append(first, ramp(first, pcm.FRAME_SAMPLES))
    utterance.drop()
    assert not utterance.is_open
    assert utterance.length_samples == 0
    utterance.open(0)
    assert taken(utterance)[0] >= 20 * RATE - MEMORY_SAMPLES - RATE - pcm.FRAME_SAMPLES


def test_utterance_that_was_dropped_gives_nothing() -> None:
    utterance = heard(RATE)
    utterance.open(0)
    utterance.drop()
    utterance.rewind()
    utterance.keep_unsent()
    utterance.keep_from(0)
    assert list(utterance.unsent()) == []


def test_utterance_is_handed_out_in_small_pieces_each_once() -> None:
    utterance = heard(RATE)
    utterance.open(100)
    sizes = [pcm.samples_in(sound) for _, sound in utterance.unsent()]
    assert sizes == [PIECE_SAMPLES] * 4 + [RATE - 100 - 4 * PIECE_SAMPLES]
    assert list(utterance.unsent()) == []


def test_utterance_ends_where_it_was_ended_until_it_goes_on() -> None:
    utterance = heard(RATE)
    assert not utterance.has_ended
    utterance.open(0)
    utterance.end()
    assert utterance.has_ended
    utterance.append(RATE, ramp(RATE, 320))
    assert utterance.length_samples == RATE
    assert taken(utterance) == (0, ramp(0, RATE))
    utterance.go_on()
    assert utterance.length_samples == RATE + 320
    assert taken(utterance) == (RATE, ramp(RATE, 320))


def test_a_new_utterance_has_not_ended() -> None:
    utterance = heard(RATE)
    utterance.open(0)
    utterance.end()
    utterance.open(100)
    assert not utterance.has_ended


def test_utterance_fills_a_gap_with_silence_and_counts_it() -> None:
    utterance = heard(RATE)
    utterance.open(0)
    utterance.append(RATE + LARGEST_GAP_SAMPLES, ramp(0, 320))
    assert utterance.lost_samples == LARGEST_GAP_SAMPLES
    assert taken(utterance) == (0, ramp(0, RATE) + pcm.silence(LARGEST_GAP_SAMPLES) + ramp(0, 320))


def test_utterance_starts_anew_after_a_long_gap() -> None:
    utterance = heard(RATE)
    utterance.open(0)
    late = RATE + LARGEST_GAP_SAMPLES + 1
    utterance.append(late, ramp(late, 320))
    assert utterance.lost_samples == LARGEST_GAP_SAMPLES + 1
    assert taken(utterance) == (late, ramp(late, 320))
    utterance.rewind()
    assert taken(utterance) == (late, ramp(late, 320))


def test_utterance_that_has_ended_survives_a_long_gap() -> None:
    utterance = heard(RATE)
    utterance.open(0)
    utterance.end()
    utterance.append(60 * RATE, ramp(60 * RATE, 320))
    assert taken(utterance) == (0, ramp(0, RATE))


def test_utterance_does_not_count_what_came_before_the_first_sound() -> None:
    utterance = heard(RATE, from_sample=5 * RATE)
    assert utterance.lost_samples == 0
    assert utterance.captured_to == 6 * RATE
    utterance.clear()
    utterance.append(90 * RATE, ramp(90 * RATE, 320))
    assert utterance.lost_samples == 0


def test_utterance_survives_numbers_that_go_back() -> None:
    utterance = heard(RATE, from_sample=5 * RATE)
    utterance.open(5 * RATE)
    utterance.end()
    utterance.append(0, ramp(0, 320))
    assert utterance.captured_to == 320
    assert utterance.lost_samples == 0
    assert list(utterance.unsent()) == []


def test_utterance_remembers_nothing_after_clear() -> None:
    utterance = heard(RATE)
    utterance.open(0)
    utterance.clear()
    assert not utterance.is_open
    assert utterance.captured_to == RATE
    utterance.append(RATE, ramp(RATE, 320))
    utterance.open(0)
    assert taken(utterance) == (RATE, ramp(RATE, 320))


def test_utterance_replays_from_what_is_kept() -> None:
    utterance = heard(RATE)
    utterance.open(1000)
    list(utterance.unsent())
    utterance.append(RATE, ramp(RATE, 320))
    utterance.keep_from(5000)
    utterance.rewind()
    assert taken(utterance) == (5000, ramp(5000, RATE + 320 - 5000))
    utterance.keep_from(0)
    utterance.rewind()
    assert taken(utterance)[0] == 5000
    utterance.keep_unsent()
    utterance.rewind()
    assert list(utterance.unsent()) == []
    utterance.keep_from(99 * RATE)
    assert utterance.length_samples == 0


def test_what_is_not_sent_yet_is_kept() -> None:
    utterance = heard(RATE)
    utterance.open(1000)
    utterance.keep_from(5000)
    assert taken(utterance)[0] == 1000


# ---------------------------------------------------------------- uplink


def test_uplink_without_an_utterance_sends_nothing() -> None:
    uplink = Uplink(manual=True)
    uplink.confirm()
    uplink.session_gone()
    uplink.answered()
    assert uplink.pump(1) == []
    assert uplink.stop(1) == []
    assert uplink.state is UplinkState.SHUT
    assert not uplink.is_confirmed


@pytest.mark.parametrize("manual", [True, False])
def test_uplink_gives_up_what_it_held(manual: bool) -> None:
    uplink = Uplink(manual=manual)
    uplink.utterance.append(0, ramp(0, RATE))
    uplink.open(0)
    assert not uplink.is_confirmed
    uplink.confirm()
    assert uplink.is_confirmed
    assert uplink.pump(None) == []
    assert uplink.stop(1) == []
    assert not uplink.utterance.is_open
    assert uplink.pump(1) == []


def test_uplink_tells_of_the_pause_only_where_a_session_is() -> None:
    for session, expected in ((1, [do.SendAudioStreamEnd(1)]), (None, [])):
        uplink = Uplink(manual=False)
        uplink.utterance.append(0, ramp(0, RATE))
        uplink.open(0)
        uplink.confirm()
        uplink.pump(1)
        assert uplink.is_flowing
        assert uplink.stop(session) == expected


def test_uplink_in_manual_mode_ends_the_activity_that_is_cut() -> None:
    uplink = Uplink(manual=True)
    uplink.utterance.append(0, ramp(0, RATE))
    uplink.open(0)
    uplink.confirm()
    uplink.pump(1)
    assert uplink.is_flowing
    assert uplink.stop(1) == [do.SendActivityEnd(1)]
    assert uplink.stop(1) == []


# ---------------------------------------------------------------- link


def link_of(*, memory_ms: int = 1000, resumes: bool = True, seeds: bool = True, age_ms: int = 0) -> Link:
    """A link that gives up connecting after 100 ms."""
    memory = Memory(memory_ms=memory_ms, resumes=resumes, seeds=seeds)
    return Link(connect_timeout_ms=100, memory=memory, connection_age_ms=age_ms)


def test_link_opens_once() -> None:
    link = link_of()
    assert link.need((), 0) == [do.OpenSession(1)]
    assert link.need((), 1) == []
    assert link.deadline_ms == 100
    assert link.open_session is None
    link.opened(0)
    assert link.open_session == 1
    assert link.deadline_ms is None
    assert link.need((), 2) == []


def test_link_without_a_session_has_nothing_to_close() -> None:
    link = link_of()
    assert link.release() == []
    link.opened(0)
    link.lost()
    link.refused(0)
    link.go_away(0, 0)
    link.linger(10, 0)
    assert link.state is LinkState.CLOSED
    assert link.deadline_ms is None
    assert not link.expired(10**9)


def test_link_lingers_only_when_open() -> None:
    link = link_of()
    link.need((), 0)
    link.linger(10, 0)
    assert link.deadline_ms == 100
    link.opened(0)
    link.linger(10, 5)
    assert link.deadline_ms == 15
    assert not link.expired(14)
    assert link.expired(15)
    assert link.need((), 12) == []
    assert link.deadline_ms is None


def test_link_that_is_going_away_stays_so() -> None:
    link = link_of()
    link.need((), 0)
    link.opened(0)
    link.go_away(HAND_OVER_MARGIN_MS + 7, 50)
    assert link.state is LinkState.HANDING_OVER
    assert link.deadline_ms == 57
    assert link.open_session == 1
    link.need((), 51)
    link.opened(0)
    link.linger(10, 51)
    assert link.deadline_ms == 57
    assert link.release() == [do.CloseSession(1)]
    assert link.deadline_ms is None


def test_link_is_not_used_before_something_was_sent() -> None:
    link = link_of()
    link.need((), 0)
    assert not link.used
    link.mark_used(5)
    assert link.used
    link.release()
    link.need((), 10)
    assert not link.used


def test_link_that_was_refused_waits() -> None:
    link = link_of()
    link.need((), 0)
    link.refused(5)
    assert link.release() == []
    assert link.session == 0
    assert link.need((), 6) == []
    assert link.need((), 5 + REFUSED_PAUSE_MS - 1) == []
    assert link.need((), 5 + REFUSED_PAUSE_MS) == [do.OpenSession(2)]
    link.refused(100_000)
    link.forgive()
    assert link.state is LinkState.CLOSED
    assert link.deadline_ms is None


def test_link_forgets_its_handle_only_when_told_so() -> None:
    link = link_of()
    link.need((), 0)
    link.memory.remember("a")
    link.mark_used(0)
    link.lost()
    assert link.need((), 0) == [do.OpenSession(2, "a")]
    assert link.resumes
    link.lost(resume_refused=True)
    assert link.need((), 0) == [do.OpenSession(3, None)]
    assert not link.resumes


# ---------------------------------------------------------------- what the small tables mean


def test_link_table_in_words() -> None:
    for (state, happened), after in LINK_RULES.items():
        if state is LinkState.REFUSED:
            assert after is (LinkState.CLOSED if happened is LinkInput.EXPIRED else state), "left alone for its pause"
        elif state is LinkState.CLOSED:
            assert after is (LinkState.OPENING if happened is LinkInput.NEEDED else state)
        elif happened in (LinkInput.LOST, LinkInput.RELEASED, LinkInput.EXPIRED):
            assert after is LinkState.CLOSED
        elif happened is LinkInput.REFUSED:
            assert after is LinkState.REFUSED
        elif (state, happened) == (LinkState.OPENING, LinkInput.OPENED):
            assert after is LinkState.OPEN
        elif (state, happened) == (LinkState.OPEN, LinkInput.GO_AWAY):
            assert after is LinkState.HANDING_OVER
        else:
            assert after is state


def test_reply_table_in_words() -> None:
    for (state, happened), after in REPLY_RULES.items():
        if happened in (ReplyInput.TURN_COMPLETED, ReplyInput.SESSION_GONE):
            assert after is ReplyState.CLOSED
        elif happened is ReplyInput.UNWANTED_CONTENT:
            assert after is ReplyState.CUT
        elif happened is ReplyInput.CONTENT:
            assert after is (ReplyState.OPEN if state is ReplyState.CLOSED else state)
        else:
            assert after is (ReplyState.CUT if state is ReplyState.OPEN else state)


def test_uplink_table_in_words() -> None:
    shut, held, ready = UplinkState.SHUT, UplinkState.HELD, UplinkState.READY
    for (state, happened), after in UPLINK_RULES.items():
        if happened is UplinkInput.OPENED:
            assert after is held
        elif happened is UplinkInput.ABANDONED:
            assert after is shut
        elif happened is UplinkInput.CONFIRMED:
            assert after is (ready if state is held else state)
        elif happened is UplinkInput.FIRST_SENT:
            assert after is (UplinkState.FLOWING if state is ready else state)
        elif happened is UplinkInput.ALL_SENT:
            assert after is (UplinkState.SENT if state is UplinkState.FLOWING else state)
        else:
            assert after is (ready if state in (UplinkState.FLOWING, UplinkState.SENT) else state)


# ---------------------------------------------------------------- the small ones


@pytest.mark.parametrize(("mute", "link", "lost"), list(product(MuteState, LinkState, [False, True])))
def test_what_the_satellite_does_is_shown_before_what_is_wrong(mute: MuteState, link: LinkState, lost: bool) -> None:
    for dialogue in Dialogue:
        shown = shown_state(dialogue, mute, link, microphone_lost=lost)
        if dialogue is not Dialogue.IDLE:
            assert shown.value == dialogue.value
        elif mute is MuteState.MUTED:
            assert shown is ShownState.MUTED
        elif lost:
            assert shown is ShownState.NO_MICROPHONE
        else:
            assert shown is (ShownState.REFUSED if link is LinkState.REFUSED else ShownState.IDLE)


def test_transcript_is_published_as_it_grows_and_once_at_its_end() -> None:
    transcript = Transcript(Speaker.USER)
    assert transcript.finish(1, 2) == []
    assert transcript.add("", 1, 2) == []
    assert transcript.add(" wh", 1, 2) == [do.PublishTranscript(Speaker.USER, 1, 2, "wh", final=False)]
    assert transcript.add("at ", 1, 2) == [do.PublishTranscript(Speaker.USER, 1, 2, "what", final=False)]
    assert transcript.finish(1, 2) == [do.PublishTranscript(Speaker.USER, 1, 2, "what", final=True)]
    assert transcript.finish(1, 2) == []


HI, YOU = ev.Word("hi", 0, 400), ev.Word("you", 400, 900)


def test_transcript_tells_at_its_end_what_came_beside_its_pieces() -> None:
    transcript = Transcript(Speaker.USER)
    pieces = [
        transcript.add("h", 1, 2, language="fr-FR"),
        transcript.add("i yo", 1, 2, (HI,), "spk_2", "en-US"),
        transcript.add("u", 1, 2, (YOU,), "spk_1"),
        transcript.add("!", 1, 2, (), "spk_2"),
    ]
    assert pieces[-1] == [do.PublishTranscript(Speaker.USER, 1, 2, "hi you!", final=False)]
    (final,) = transcript.finish(1, 2)
    assert final == do.PublishTranscript(
        Speaker.USER, 1, 2, "hi you!", final=True, words=(HI, YOU), speakers=("spk_2", "spk_1"), language="en-US"
    )


@pytest.mark.parametrize("end", ["finish", "forget"])
def test_what_came_beside_a_turn_does_not_outlive_it(end: str) -> None:
    transcript = Transcript(Speaker.USER)
    transcript.add("hi", 1, 2, (HI,), "spk_2", "en-US")
    if end == "forget":
        transcript.forget()
    else:
        transcript.finish(1, 2)
        assert transcript.add("late", 1, 2, (YOU,), "spk_1", "de-DE") == []
        transcript.begin()
    transcript.add("you", 1, 3)
    assert transcript.finish(1, 3) == [do.PublishTranscript(Speaker.USER, 1, 3, "you", final=True)]


def test_transcript_of_blanks_is_none() -> None:
    transcript = Transcript(Speaker.ASSISTANT)
    assert transcript.add(" \n", 1, 2) == []
    assert transcript.finish(1, 2) == []


def test_timers_ring_once_in_their_order() -> None:
    timers = Timers()
    assert timers.deadline_ms is None
    timers.set("b", 20)
    timers.set("a", 10)
    timers.set("c", 30)
    assert timers.deadline_ms == 10
    assert timers.ring(9) == []
    assert timers.ring(20) == ["a", "b"]
    assert timers.ring(20) == []
    assert timers.deadline_ms == 30


def test_reply_counts_what_is_queued_behind_what_plays() -> None:
    reply = Reply()
    reply.begin_playback(1000)
    reply.pushed(1, 500, 1000)
    reply.pushed(1, 500, 1100)
    assert reply.play_end_ms == 2000
    reply.pushed(2, 500, 3000)
    assert reply.play_end_ms == 3500
    assert (reply.turn, reply.starved_ms) == (2, 1000)
    reply.waited(3400)
    assert reply.play_end_ms == 3500
    reply.waited(4000)
    reply.pushed(2, 500, 4100)
    assert (reply.play_end_ms, reply.starved_ms) == (4600, 1100)
    reply.begin_playback(100)
    assert reply.play_end_ms == 100


def test_the_words_of_sound_agree_with_each_other() -> None:
    assert pcm.FRAME_SAMPLES == 320
    assert pcm.FRAME_BYTES == 640
    assert pcm.samples_of_ms(20) == 320
    assert pcm.samples_of_ms(20, pcm.REPLY_RATE_HZ) == 480
    assert pcm.ms_of_samples(480, pcm.REPLY_RATE_HZ) == 20
    assert pcm.samples_of_bytes(5) == 2
    assert pcm.samples_in(pcm.silence(7)) == 7
    assert set(pcm.silence(7)) == {0}
