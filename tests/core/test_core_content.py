"""What is neither speech nor sound: written turns, replies as text, pictures, answers that come later, money."""

import pytest

from core.conversation_script import Script
from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.dialogue import Dialogue
from satellite.core.policy import Policy
from satellite.core.scene import FINALS_GRACE_MS
from satellite.core.sight import LONGEST_WAIT_MS, PAUSE_MS
from satellite.core.usage import Budget, DayUsage, Prices, TokenCounts

SEEING = Policy(has_camera=True)


def read(script: Script, *, final: bool = False, duration_ms: int = 500) -> list[do.Command]:
    """The local voice has a piece of the text reply ready."""
    turn = script.all(do.SpeakReply)[-1].turn
    sound = b"\x10\x10" * (24 * duration_ms) if not final else b""
    return script.tell(ev.LocalSpeechReady(turn, sound, final))


# ---------------------------------------------------------------- written turns


def test_a_written_turn_is_sent_as_soon_as_there_is_a_session_and_answered_aloud() -> None:
    script = Script()
    script.tell(ev.TextRequested("what time is it"))
    assert script.dialogue() is Dialogue.THINKING
    assert not script.all(do.SendText)
    assert do.SendText(1, "what time is it") in script.open_session()
    script.reply()
    assert script.dialogue() is Dialogue.SPEAKING
    script.turn_complete()
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP
    script.wait(FINALS_GRACE_MS)
    assert script.all(do.PublishTranscript)[-1] == do.PublishTranscript(
        do.Speaker.USER, 1, 1, "what time is it", final=True
    )


@pytest.mark.parametrize("state", ["to_thinking", "to_speaking"])
def test_a_written_turn_cuts_the_reply(state: str) -> None:
    script: Script = getattr(Script(), state)()
    commands = script.tell(ev.TextRequested("stop that"))
    assert isinstance(commands[0], do.FlushPlayback)
    assert do.SendText(1, "stop that") in commands
    assert script.reply() == [] or script.conversation.reply.state.value != "cut"


def test_a_written_turn_waits_for_the_one_who_is_speaking() -> None:
    script = Script().to_speech()
    script.tell(ev.TextRequested("and then?"))
    assert not script.all(do.SendText)
    script.fall_silent()
    script.reply()
    script.turn_complete()
    assert not script.all(do.SendText)
    assert do.SendText(1, "and then?") in script.drain()


def test_a_written_turn_goes_before_words_that_have_not_begun() -> None:
    script = Script().to_listening()
    assert do.SendText(1, "hello") in script.tell(ev.TextRequested("hello"))
    assert script.dialogue() is Dialogue.THINKING


def test_a_written_turn_needs_no_microphone() -> None:
    script = Script()
    script.mute()
    script.tell(ev.TextRequested("hello"))
    assert do.SendText(1, "hello") in script.open_session()
    script.reply()
    script.turn_complete()
    script.drain()
    assert script.dialogue() is Dialogue.IDLE


def test_a_written_turn_survives_the_session() -> None:
    script = Script()
    script.tell(ev.TextRequested("hello"))
    script.open_session()
    script.lose_session()
    assert do.SendText(2, "hello") in script.open_session()


# ---------------------------------------------------------------- replies that are text


def test_a_text_reply_is_read_in_order_and_is_over_when_the_voice_has_read_it() -> None:
    script = Script(Policy()).to_thinking()
    script.write("It is ")
    script.write("noon.")
    assert script.dialogue() is Dialogue.SPEAKING
    script.turn_complete()
    assert script.all(do.SpeakReply) == [
        do.SpeakReply(1, "It is ", final=False),
        do.SpeakReply(1, "noon.", final=False),
        do.SpeakReply(1, "", final=True),
    ]
    assert not script.all(do.EndPlayback)
    read(script)
    script.drain()
    assert script.dialogue() is Dialogue.SPEAKING
    assert do.EndPlayback(1) in read(script, final=True)
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP
    assert [t.text for t in script.all(do.PublishTranscript) if t.final] == []
    script.wait(FINALS_GRACE_MS)
    assert [t.text for t in script.all(do.PublishTranscript) if t.final] == ["It is noon."]


def test_a_text_reply_may_be_only_shown() -> None:
    script = Script(Policy(speaks_text=False)).to_thinking()
    script.wait(1000)
    script.write("It is noon.")
    assert script.dialogue() is Dialogue.THINKING
    assert script.conversation.deadline_ms == script.now_ms + script.policy.reply_timeout_ms
    script.turn_complete()
    assert script.dialogue() is Dialogue.FOLLOW_UP
    assert not script.all(do.SpeakReply)
    assert script.all(do.PublishTranscript)[-1].text == "It is noon."


def test_a_text_reply_is_cut_like_any_other() -> None:
    script = Script(Policy()).to_thinking()
    script.write("Once upon a time")
    read(script)
    commands = script.begin_to_speak()
    assert isinstance(commands[0], do.FlushPlayback)
    assert read(script) == []
    assert script.write("there was") == []
    assert len(script.all(do.SpeakReply)) == 1


def test_a_text_reply_that_is_not_whole_is_asked_for_again() -> None:
    script = Script(Policy()).to_thinking()
    script.write("It is ")
    script.lose_session()
    script.open_session()
    script.write("It is noon.")
    script.turn_complete()
    assert [piece.turn for piece in script.all(do.SpeakReply)] == [1, 2, 2]


# ---------------------------------------------------------------- what comes later


def answered_later(scheduling: str) -> Script:
    """A function that takes its time ends when the conversation has long gone quiet."""
    script = Script().to_thinking()
    script.call_tool()
    script.reply()
    script.turn_complete()
    script.drain()
    script.wait_for_deadline()
    assert script.dialogue() is Dialogue.IDLE
    script.finish_tool(scheduling=scheduling)
    return script


@pytest.mark.parametrize("scheduling", ["INTERRUPT", "WHEN_IDLE"])
def test_an_answer_that_takes_its_time_is_spoken_when_it_comes(scheduling: str) -> None:
    script = answered_later(scheduling)
    assert script.all(do.SendToolResponse)[-1].scheduling == scheduling
    script.said("By the way")
    script.reply()
    assert script.dialogue() is Dialogue.SPEAKING
    assert script.all(do.PlayChunk)[-1].turn == 2
    script.turn_complete()
    script.drain()
    assert script.dialogue() is Dialogue.FOLLOW_UP


@pytest.mark.parametrize("scheduling", ["SILENT", ""])
def test_what_was_to_be_silent_is_not_listened_to(scheduling: str) -> None:
    script = answered_later(scheduling)
    played = len(script.all(do.PlayChunk))
    script.reply()
    assert len(script.all(do.PlayChunk)) == played
    assert script.dialogue() is Dialogue.IDLE


def test_only_one_turn_is_owed() -> None:
    script = answered_later("WHEN_IDLE")
    script.reply()
    script.turn_complete()
    script.drain()
    script.wait_for_deadline()
    played = len(script.all(do.PlayChunk))
    script.reply()
    assert len(script.all(do.PlayChunk)) == played


def test_who_says_stop_is_owed_nothing() -> None:
    script = answered_later("WHEN_IDLE")
    script.stop()
    script.reply()
    assert script.dialogue() is Dialogue.IDLE


def test_a_turn_that_goes_on_by_itself_is_heard_after_the_window() -> None:
    script = Script().to_speaking()
    script.turn_complete(goes_on=True)
    script.drain()
    script.wait_for_deadline()
    assert script.dialogue() is Dialogue.IDLE
    script.reply()
    assert script.dialogue() is Dialogue.SPEAKING


def test_the_conversation_ends_with_the_reply_when_it_is_asked_to() -> None:
    script = Script().to_thinking()
    script.call_tool(name="end_conversation")
    script.tell(ev.EndRequested())
    script.finish_tool(name="end_conversation")
    script.reply()
    script.turn_complete()
    assert script.dialogue() is Dialogue.SPEAKING
    script.drain()
    assert script.dialogue() is Dialogue.IDLE


def test_the_window_is_closed_when_it_is_asked_to() -> None:
    script = Script().to_follow_up()
    script.tell(ev.EndRequested())
    assert script.dialogue() is Dialogue.IDLE


# ---------------------------------------------------------------- pictures


def test_the_camera_runs_with_the_conversation() -> None:
    script = Script(SEEING)
    script.hear(100)
    assert do.StartCamera() in script.wake()
    script.wait(script.policy.listen_timeout_ms)
    assert script.dialogue() is Dialogue.IDLE
    assert script.done[-2:] == [do.StopCamera(), do.PublishState(do.ShownState.IDLE, 1, 1)]


def test_without_a_camera_there_is_no_word_of_one() -> None:
    script = Script().to_idle()
    assert not script.all(do.StartCamera)
    assert not script.all(do.StopCamera)


def test_a_false_wake_shows_nothing() -> None:
    script = Script(SEEING).to_listening()
    script.tell(ev.PictureTaken(b"jpeg"))
    script.wait(script.policy.listen_timeout_ms)
    assert not script.all(do.SendPicture)


def test_the_last_picture_is_there_before_the_words_about_it() -> None:
    script = Script(SEEING).to_listening()
    script.tell(ev.PictureTaken(b"old"))
    script.tell(ev.PictureTaken(b"new"))
    commands = script.begin_to_speak()
    up = [c for c in commands if isinstance(c, (do.SendActivityStart, do.SendPicture, do.SendFrames))]
    assert [type(c) for c in up[:3]] == [do.SendActivityStart, do.SendPicture, do.SendFrames]
    assert up[1] == do.SendPicture(1, b"new")


def test_the_last_picture_goes_before_a_written_turn() -> None:
    script = Script(SEEING)
    script.tell(ev.TextRequested("what is this?"))
    script.tell(ev.PictureTaken(b"jpeg"))
    up = [c for c in script.open_session() if isinstance(c, (do.SendPicture, do.SendText))]
    assert up == [do.SendPicture(1, b"jpeg"), do.SendText(1, "what is this?")]


def test_at_most_one_picture_a_second_goes_up() -> None:
    script = Script(SEEING).to_speech()
    for number in range(29):
        script.tell(ev.PictureTaken(b"jpeg %d" % number))
        script.hear(100)
    assert len(script.all(do.SendPicture)) == 3000 // PAUSE_MS


def test_a_picture_that_has_not_changed_is_not_sent_again() -> None:
    """A still image costs its tokens once, not once a second."""
    script = Script(SEEING).to_speech()
    for _ in range(5):
        script.tell(ev.PictureTaken(b"jpeg"))
        script.hear(1000)
    assert len(script.all(do.SendPicture)) == 1


def test_who_has_closed_the_microphone_is_not_looked_at() -> None:
    script = Script(SEEING).to_speech()
    assert do.StopCamera() in script.mute()


def test_nobody_is_looked_at_because_the_satellite_speaks_for_itself() -> None:
    script = Script(SEEING)
    script.say("dinner is ready")
    assert not script.all(do.StartCamera)


def test_a_picture_that_comes_after_the_conversation_is_not_kept() -> None:
    script = Script(SEEING).to_speech()
    script.stop()
    script.tell(ev.PictureTaken(b"late"))
    script.wake()
    script.begin_to_speak()
    assert b"late" not in [picture.jpeg for picture in script.all(do.SendPicture)]


# ---------------------------------------------------------------- shown beside

THINGS: list[tuple[ev.Event, do.Command]] = [
    (
        ev.Grounded(1, (ev.Source("t", "u"),), ("q",)),
        do.PublishSources(1, 1, (ev.Source("t", "u"),), ("q",)),
    ),
    (ev.ThoughtReceived(1, "hm"), do.PublishThought(1, 1, "hm")),
    (ev.VoiceActivityReported(1, active=True, offset_ms=440), do.PublishVoiceActivity(1, True, 440)),
    (ev.InputDrafted(1, "what"), do.PublishTranscript(do.Speaker.USER, 1, 1, "what", final=False)),
]


@pytest.mark.parametrize(("event", "command"), THINGS, ids=[type(event).__name__ for event, _ in THINGS])
def test_what_the_server_tells_beside_is_shown(event: ev.Event, command: do.Command) -> None:
    assert Script().to_thinking().tell(event) == [command]


def test_a_draft_is_replaced_by_what_was_heard() -> None:
    script = Script().to_thinking()
    script.tell(ev.InputDrafted(1, "what dime"))
    script.heard("what time")
    assert script.all(do.PublishTranscript)[-1].text == "what time"


# ---------------------------------------------------------------- money

COUNTS = TokenCounts(prompt={"audio": 600}, response={"audio": 400}, total=1000)
THRIFTY = Policy(prices=Prices(audio_in=1.0, audio_out=2.0), budget=Budget(daily_tokens=2000, warn_percent=50))


def test_usage_is_counted_priced_stored_and_published() -> None:
    script = Script(THRIFTY).to_speaking()
    script.tell(ev.DayBegun(DayUsage("2026-11-22")))
    commands = script.tell(ev.UsageReported(1, COUNTS))
    published = next(command for command in commands if isinstance(command, do.PublishUsage))
    assert published.cost == pytest.approx(0.0014)
    assert (published.session.total, published.day.tokens, published.day.day) == (1000, 1000, "2026-11-22")
    assert do.StoreUsage(published.day) in commands
    assert do.PublishDay(published.day) in commands


def test_that_the_budget_is_nearly_used_is_said_after_the_reply() -> None:
    script = Script(THRIFTY).to_speaking()
    script.tell(ev.UsageReported(1, COUNTS))
    script.turn_complete()
    script.drain()
    assert script.all(do.Announce)[-1].notice is do.Notice.BUDGET_NEARLY_USED


def test_a_used_up_budget_refuses_the_next_conversation_aloud_until_the_next_day() -> None:
    script = Script(THRIFTY).to_speaking()
    script.tell(ev.DayBegun(DayUsage("2026-11-22")))
    script.tell(ev.UsageReported(1, COUNTS))
    script.tell(ev.UsageReported(1, TokenCounts(prompt={"audio": 1000}, total=1000)))
    assert do.PublishProblem("budget", "the day's budget is used up") in script.done
    script.stop()
    opened = len(script.all(do.OpenSession))
    script.wake()
    assert script.all(do.Announce)[-1].notice is do.Notice.BUDGET_USED
    assert len(script.all(do.OpenSession)) == opened
    script.local_speech()
    script.drain()
    assert script.dialogue() is Dialogue.IDLE
    assert do.PublishProblem("budget", "") in script.tell(ev.DayBegun(DayUsage("2026-11-23")))
    script.wake()
    assert script.dialogue() is Dialogue.LISTENING


def test_the_sums_of_a_session_that_is_resumed_go_on() -> None:
    script = Script().to_speaking()
    script.tell(ev.UsageReported(1, COUNTS))
    script.turn_complete()
    script.remember("a")
    script.drain()
    script.lose_session()
    script.speak(500)
    script.open_session()
    script.tell(ev.UsageReported(2, COUNTS))
    assert script.all(do.PublishUsage)[-1].session.total == 2000
    script.lose_session(resume_refused=True)
    script.open_session()
    script.tell(ev.UsageReported(3, COUNTS))
    assert script.all(do.PublishUsage)[-1].session.total == 1000


def test_usage_that_comes_twice_is_counted_once() -> None:
    script = Script().to_speaking()
    for _ in range(2):
        script.turn_complete()
        script.tell(ev.UsageReported(1, COUNTS))
    assert len(script.all(do.PublishUsage)) == 1


# ---------------------------------------------------------------- words wait for their picture


def test_a_written_turn_waits_a_moment_for_the_first_picture() -> None:
    script = Script(SEEING).to_idle()
    commands = script.tell(ev.TextRequested("what is this?"))
    assert do.StartCamera() in commands
    assert not script.all(do.SendText)
    up = script.tell(ev.PictureTaken(b"jpeg"))
    assert [c for c in up if isinstance(c, (do.SendPicture, do.SendText))] == [
        do.SendPicture(1, b"jpeg"),
        do.SendText(1, "what is this?"),
    ]


def test_a_camera_that_does_not_come_is_not_waited_for() -> None:
    script = Script(SEEING).to_idle()
    script.tell(ev.TextRequested("what is this?"))
    assert script.conversation.deadline_ms == script.now_ms + LONGEST_WAIT_MS
    assert do.SendText(1, "what is this?") in script.wait(LONGEST_WAIT_MS)


@pytest.mark.parametrize("activity_manual", [True, False], ids=["manual", "automatic"])
def test_a_short_question_ends_when_the_picture_is_there(activity_manual: bool) -> None:
    script = Script(Policy(has_camera=True, manual_activity=activity_manual))
    script.hear(100)
    script.wake()
    script.open_session()
    script.begin_to_speak()
    script.fall_silent()
    assert not script.all(do.SendActivityEnd)
    script.tell(ev.PictureTaken(b"jpeg"))
    kinds = [type(c) for c in script.done if isinstance(c, (do.SendPicture, do.SendActivityEnd, do.SendActivityStart))]
    expected = [do.SendActivityStart, do.SendPicture, do.SendActivityEnd]
    assert kinds == (expected if activity_manual else [do.SendPicture])


def test_what_is_asked_again_is_asked_with_its_picture() -> None:
    script = Script(SEEING).to_speech()
    script.tell(ev.PictureTaken(b"jpeg"))
    script.hear(100)
    script.fall_silent()
    script.lose_session()
    script.open_session()
    assert [(picture.session, picture.jpeg) for picture in script.all(do.SendPicture)] == [(1, b"jpeg"), (2, b"jpeg")]


# ---------------------------------------------------------------- what is told beside the words


def test_words_speakers_and_language_of_both_sides_are_in_the_final_transcripts() -> None:
    script = Script().to_thinking()
    heard, said = ev.Word("hi", 100, 400), ev.Word("hello", 0, 500)
    script.tell(ev.InputTranscribed(script.session, "hi", (heard,), "spk_1", "en-US"))
    script.reply()
    script.tell(ev.OutputTranscribed(script.session, "hello", (said,), "", "en-GB"))
    script.turn_complete()
    script.wait(FINALS_GRACE_MS)
    running = [told for told in script.all(do.PublishTranscript) if not told.final]
    assert {(told.words, told.speakers, told.language) for told in running} == {((), (), "")}
    assert [told for told in script.all(do.PublishTranscript) if told.final] == [
        do.PublishTranscript(do.Speaker.USER, 1, 1, "hi", True, (heard,), ("spk_1",), "en-US"),
        do.PublishTranscript(do.Speaker.ASSISTANT, 1, 1, "hello", True, (said,), (), "en-GB"),
    ]
