"""The delays of a turn by made-up instants, and the lines on the terminal with their summary."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from satellite.app.show import Show, Tally, summary
from satellite.app.trace import Stages, Trace
from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.commands import ShownState, Speaker
from satellite.core.usage import DayUsage, TokenCounts
from satellite.simroom.script import Said

PCM = bytes(2)


def told(*happened: tuple[int, ev.Event, Sequence[do.Command]]) -> list[Stages]:
    """What a trace reports of these instants (ms), events and commands."""
    reports: list[Stages] = []
    trace = Trace(reports.append)
    for now_ms, event, commands in happened:
        trace(event, commands, now_ms)
    return reports


def shows(state: ShownState) -> do.PublishState:
    return do.PublishState(state, 1, 1)


def wakes(at_ms: int) -> tuple[int, ev.Event, list[do.Command]]:
    opens = [do.OpenSession(1), shows(ShownState.LISTENING)]
    return at_ms, ev.WakeWordHeard("hey jarvis", 0.9, 0, None), opens


def captured_to(at_ms: int, sample: int) -> tuple[int, ev.Event, list[do.Command]]:
    return at_ms, ev.FramesCaptured(sample - 320, bytes(640)), []


def falls_silent(at_ms: int, sample: int, *commands: do.Command) -> tuple[int, ev.Event, list[do.Command]]:
    """The endpoint of the user's turn."""
    return at_ms, ev.SpeechEnded(sample), [*commands, shows(ShownState.THINKING)]


def answers(at_ms: int, turn: int) -> tuple[int, ev.Event, list[do.Command]]:
    return at_ms, ev.ReplyChunkReceived(1, PCM), [do.PlayChunk(turn, PCM), shows(ShownState.SPEAKING)]


def sounds(at_ms: int, turn: int) -> tuple[int, ev.Event, list[do.Command]]:
    return at_ms, ev.PlaybackStarted(turn), []


# ---------------------------------------------------------------- delays


def test_each_stage_is_measured() -> None:
    assert told(
        wakes(1000),
        (1300, ev.SessionOpened(1), []),
        captured_to(4000, 64_000),
        falls_silent(4000, 64_000 - 620 * 16, do.SendActivityEnd(1)),
        answers(4450, 1),
        (4460, ev.ReplyChunkReceived(1, PCM), [do.PlayChunk(1, PCM)]),
        sounds(4475, 1),
    ) == [Stages(1, connect_ms=300, endpoint_ms=620, answer_ms=450, play_ms=25)]


def test_in_automatic_mode_the_answer_counts_from_the_end_of_speech() -> None:
    (stages,) = told(captured_to(4000, 64_000), falls_silent(4000, 60_000), answers(4450, 1), sounds(4475, 1))
    assert (stages.endpoint_ms, stages.answer_ms) == (250, 450)


def test_a_connect_later_than_the_end_of_speech_counts_the_answer_from_the_activity_end() -> None:
    (stages,) = told(
        wakes(1000),
        falls_silent(4000, 60_000),
        (6000, ev.SessionOpened(1), []),
        (6100, ev.FramesCaptured(0, PCM), [do.SendActivityEnd(1)]),
        answers(6500, 1),
        sounds(6520, 1),
    )
    assert (stages.connect_ms, stages.answer_ms) == (5000, 400)


def test_a_late_connect_in_automatic_mode_counts_the_answer_from_the_session() -> None:
    opened = (6000, ev.SessionOpened(1), [do.SendFrames(1, 0, PCM)])
    (stages,) = told(wakes(1000), falls_silent(4000, 60_000), opened, answers(6500, 1), sounds(6520, 1))
    assert (stages.connect_ms, stages.answer_ms) == (5000, 500)


def test_a_follow_up_has_no_connect() -> None:
    first, second = told(
        wakes(1000),
        (1300, ev.SessionOpened(1), []),
        *(falls_silent(4000, 60_000, do.SendActivityEnd(1)), answers(4450, 1), sounds(4475, 1)),
        *(falls_silent(9000, 140_000, do.SendActivityEnd(1)), answers(9100, 2), sounds(9130, 2)),
    )
    assert first.connect_ms == 300
    assert (second.turn, second.connect_ms, second.answer_ms, second.play_ms) == (2, None, 100, 30)


def test_a_session_that_is_renewed_while_a_reply_sounds_is_waited_for_by_nobody() -> None:
    _, second = told(
        *(falls_silent(4000, 60_000), answers(4450, 1)),
        (4460, ev.GoAwayReceived(1, 50_000), [do.OpenSession(2)]),
        sounds(4475, 1),
        (4800, ev.SessionOpened(2), []),
        *(falls_silent(9000, 140_000), answers(9100, 2), sounds(9130, 2)),
    )
    assert second.connect_ms is None


def test_speech_that_nobody_answers_is_not_counted() -> None:
    gave_up = [do.SendAudioStreamEnd(1), shows(ShownState.IDLE)]
    (stages,) = told(
        falls_silent(4000, 60_000),
        (8000, ev.StopRequested(), gave_up),
        (9000, ev.SpeechEnded(140_000), []),
        answers(60_000, 2),
        sounds(60_020, 2),
    )
    assert stages.answer_ms is None


def test_speech_between_the_answer_and_its_sound_changes_nothing() -> None:
    (stages,) = told(
        falls_silent(4000, 60_000), answers(4450, 1), falls_silent(4460, 70_000, do.SendActivityEnd(1)), sounds(4475, 1)
    )
    assert (stages.answer_ms, stages.play_ms) == (450, 25)


def test_a_notice_is_no_answer() -> None:
    asked = (falls_silent(4000, 60_000), (12_000, ev.DeadlineReached(), [do.Announce(2, do.Notice.NO_CONNECTION)]))
    spoken = (12_100, ev.LocalSpeechReady(2, PCM), [do.PlayChunk(2, PCM), shows(ShownState.SPEAKING)])
    assert told(*asked, spoken, sounds(12_120, 2)) == []
    assert [
        stages.turn for stages in told(*asked, spoken, sounds(12_120, 2), answers(20_000, 3), sounds(20_010, 3))
    ] == [3]


def test_another_turn_that_begins_to_sound_is_not_this_one() -> None:
    assert told(falls_silent(4000, 60_000), answers(4450, 2), sounds(4475, 1)) == []


def test_stages_that_did_not_happen_are_not_named() -> None:
    assert str(Stages(1, None, 620, None, 20)) == "endpoint 620 ms, play 20 ms"
    assert str(Stages(1, 300, 620, 450, 20)) == "connect 300 ms, endpoint 620 ms, answer 450 ms, play 20 ms"


def test_the_journal_gets_one_line_per_turn(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "satellite.app.trace")
    trace = Trace()
    for now_ms, event, commands in (falls_silent(4000, 0), answers(4450, 7), sounds(4475, 7)):
        trace(event, commands, now_ms)
    assert caplog.messages == ["turn 7: endpoint 0 ms, answer 450 ms, play 25 ms"]


# ---------------------------------------------------------------- what is shown


class Terminal:
    """A show and the lines it has written."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.show = Show(self.lines.append)

    def see(self, now_ms: int, *commands: do.Command, event: ev.Event | None = None) -> list[str]:
        """The lines that come of it, without their times."""
        before = len(self.lines)
        self.show(event or ev.DeadlineReached(), commands, now_ms)
        return [line[9:] for line in self.lines[before:]]


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


def hears(text: str, *, final: bool = False) -> do.PublishTranscript:
    return do.PublishTranscript(Speaker.USER, 1, 1, text, final)


def says(text: str, *, final: bool = True) -> do.PublishTranscript:
    return do.PublishTranscript(Speaker.ASSISTANT, 1, 1, text, final)


@pytest.mark.parametrize("began_at_ms", [0, 500])
def test_lines_carry_the_seconds_since_the_first_event(terminal: Terminal, began_at_ms: int) -> None:
    terminal.see(began_at_ms, shows(ShownState.IDLE))
    terminal.see(began_at_ms + 2250, shows(ShownState.LISTENING))
    assert terminal.lines == ["   0.00  state     idle", "   2.25  state     listening"]


def test_every_state_is_shown_and_passed_on(terminal: Terminal) -> None:
    for state in ShownState:
        assert f"state     {state.value}" in terminal.see(0, shows(state))
    assert [terminal.show.states.get_nowait() for _ in ShownState] == list(ShownState)


def test_a_wake_is_shown_with_its_score_and_a_button_is_not(terminal: Terminal) -> None:
    assert terminal.see(0, do.PublishWake("hey_jarvis", 0.987, 1)) == ["wake      hey_jarvis (0.99)"]
    assert terminal.see(0, do.PublishWake("", 0.0, 1)) == []


def test_what_was_heard_is_shown_once_when_the_reply_begins(terminal: Terminal) -> None:
    assert terminal.see(0, hears("what time")) == []
    assert terminal.see(0, hears("what time is it")) == []
    assert terminal.see(0, shows(ShownState.SPEAKING)) == ["heard     “what time is it”", "state     speaking"]
    assert terminal.see(0, hears("what time is it", final=True)) == []
    assert terminal.show.tally.heard == ["what time is it"]


def test_what_was_heard_is_shown_again_when_it_has_changed(terminal: Terminal) -> None:
    terminal.see(0, hears("what time"), shows(ShownState.SPEAKING))
    assert terminal.see(0, hears("what time is it", final=True)) == ["heard     “what time is it”"]


def test_the_same_words_in_the_next_turn_are_shown_anew(terminal: Terminal) -> None:
    assert terminal.see(0, hears("stop", final=True)) == ["heard     “stop”"]
    assert terminal.see(0, hears("stop", final=True)) == ["heard     “stop”"]


def test_what_is_said_is_shown_at_its_end(terminal: Terminal) -> None:
    assert terminal.see(0, says("It is", final=False)) == []
    assert terminal.see(0, says("It is noon.")) == ["said      “It is noon.”"]
    assert terminal.show.tally.said == ["It is noon."]


def test_only_speech_that_silences_a_reply_cuts_in(terminal: Terminal) -> None:
    assert terminal.see(0, event=ev.SpeechStarted(0)) == []
    assert terminal.see(0, do.FlushPlayback(), event=ev.StopRequested()) == []
    assert terminal.show.tally.cut_ins == 0
    assert terminal.see(0, do.FlushPlayback(), event=ev.SpeechStarted(0)) == ["cut in    the reply falls silent"]
    assert terminal.show.tally.cut_ins == 1


def test_a_problem_is_shown_and_its_end(terminal: Terminal) -> None:
    assert terminal.see(0, do.PublishProblem("link", "no route")) == ["problem   link: no route"]
    assert terminal.see(0, do.PublishProblem("link", "")) == ["problem   link: well again"]


def test_a_person_is_shown_and_how_often_it_took(terminal: Terminal) -> None:
    terminal.show.person(Said("Hello.", 0, 1))
    terminal.show.person(Said("Hello.", 0, 2))
    assert [line[9:] for line in terminal.lines] == ["person    “Hello.”", "person    “Hello.” (again, 2)"]


def test_the_delays_of_a_turn_are_shown(terminal: Terminal) -> None:
    for now_ms, event, commands in (falls_silent(4000, 0), answers(4450, 1)):
        terminal.see(now_ms, *commands, event=event)
    assert terminal.see(4475, event=ev.PlaybackStarted(1)) == ["delays    endpoint 0 ms, answer 450 ms, play 25 ms"]
    for now_ms, event, commands in (falls_silent(9000, 0), answers(9100, 2), sounds(9130, 2)):
        terminal.see(now_ms, *commands, event=event)
    assert [stages.answer_ms for stages in terminal.show.tally.stages] == [450, 100]


def test_tokens_are_added_up(terminal: Terminal) -> None:
    for _ in range(2):
        counts = TokenCounts(prompt={"audio": 10}, response={"audio": 20}, total=30)
        terminal.see(0, do.PublishUsage(1, 1, counts, 0.0, counts, 0.0, DayUsage("2026-11-22")))
    assert terminal.show.tally.tokens == 60


def test_the_summary_counts_and_names_the_recording() -> None:
    stages = [Stages(turn, None, None, answer_ms, 0) for turn, answer_ms in enumerate((900, None, 300, 500))]
    tally = Tally(heard=["a", "b", "c"], said=["d", "e"], cut_ins=1, stages=stages, tokens=77)
    assert summary(tally, Path("talk.wav")) == [
        "",
        "Turns heard: 3. Replies: 2, of which cut into: 1.",
        "From the end of a turn to its answer: 500 ms (median of 3).  Tokens: 77.",
        "Listen: talk.wav (left: what the microphone heard, right: what the speaker played).",
    ]


def test_the_summary_of_nothing() -> None:
    assert "From the end of a turn to its answer: none (median of 0).  Tokens: 0." in summary(Tally(), Path("x"))
