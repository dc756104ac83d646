"""How a connection goes on from the last: by handle, told the history, knowing nothing; and when it is handed over."""

import pytest

from core.conversation_script import Script, contiguous
from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.dialogue import Dialogue
from satellite.core.history import MOST_CHARACTERS, MOST_TURNS, History
from satellite.core.link import (
    HAND_OVER_MARGIN_MS,
    LONGEST_REFUSED_PAUSE_MS,
    OLD_AGE_LEFT_MS,
    REFUSED_PAUSE_MS,
    LinkState,
)
from satellite.core.policy import Policy

QUESTION = do.PastTurn(do.Role.USER, "what time is it")
ANSWER = do.PastTurn(do.Role.MODEL, "It is noon.")


def talk(script: Script, *, handle: str | None = None) -> None:
    """One exchange from the wake word to rest."""
    script.to_listening().speak(1000)
    script.heard(QUESTION.text)
    script.remember(None)
    script.reply()
    script.said(ANSWER.text)
    script.generation_complete()
    script.turn_complete()
    if handle:
        script.remember(handle)
    script.drain()
    script.wait_for_deadline()
    script.wait_for_deadline()


def last_opened(script: Script) -> do.OpenSession:
    return script.all(do.OpenSession)[-1]


def close(script: Script) -> None:
    """The session lingers no more."""
    while script.conversation.link.state is not LinkState.CLOSED:
        script.wait_for_deadline()


def test_a_current_handle_is_resumed_and_nothing_is_told() -> None:
    script = Script()
    talk(script, handle="a")
    close(script)
    script.wake()
    assert last_opened(script) == do.OpenSession(2, "a")


def test_without_a_handle_a_fresh_session_is_told_what_was_said() -> None:
    script = Script()
    talk(script)
    close(script)
    script.wake()
    assert last_opened(script) == do.OpenSession(2, None, (QUESTION, ANSWER))


def test_a_handle_that_lacks_the_last_turn_is_no_better_than_our_own_memory() -> None:
    script = Script()
    talk(script, handle="a")
    script.wake()
    script.speak(1000)
    script.remember(None)
    script.reply()
    script.generation_complete()
    script.turn_complete()
    script.drain()
    script.stay_quiet()
    script.wake()
    assert last_opened(script).handle is None
    assert last_opened(script).history[:2] == (QUESTION, ANSWER)


def test_a_refused_handle_leads_to_a_session_that_is_told_and_then_to_a_plain_one() -> None:
    script = Script()
    talk(script, handle="a")
    close(script)
    script.wake()
    script.lose_session(resume_refused=True)
    assert last_opened(script) == do.OpenSession(3, None, (QUESTION, ANSWER))
    assert do.StoreMemory(None) in script.done
    script.open_session()
    script.lose_session()
    assert last_opened(script) == do.OpenSession(4, None, ())


def test_once_it_has_answered_the_history_was_taken() -> None:
    script = Script()
    talk(script)
    close(script)
    script.wake()
    script.open_session()
    script.speak(1000)
    script.reply()
    script.turn_complete()
    script.drain()
    script.lose_session()
    script.speak(1000)
    assert last_opened(script).history[:2] == (QUESTION, ANSWER)


def test_history_is_not_told_where_that_is_not_wanted() -> None:
    script = Script(Policy(seeds_history=False))
    talk(script)
    close(script)
    script.wake()
    assert last_opened(script) == do.OpenSession(2, None, ())


def test_what_is_forgotten_is_not_told() -> None:
    script = Script(Policy(memory_ms=100_000))
    talk(script)
    close(script)
    script.now_ms += 100_001
    script.wake()
    assert last_opened(script) == do.OpenSession(2, None, ())
    assert script.conversation.history.turns == ()


def test_a_handle_of_what_is_forgotten_leads_nowhere() -> None:
    script = Script(Policy(memory_ms=100_000))
    talk(script, handle="a")
    script.now_ms += 100_001
    script.tell(ev.DeadlineReached())
    script.to_listening().speak(1000)
    script.lose_session()
    assert [opened.handle for opened in script.all(do.OpenSession)] == [None, None, None]


def test_where_nothing_is_resumed_a_restored_handle_is_not_either() -> None:
    script = Script(Policy(resumes=False))
    script.tell(ev.MemoryRestored("kept", 1000))
    script.wake()
    assert last_opened(script).handle is None


def test_a_handle_from_before_a_turn_that_was_given_up_lacks_it() -> None:
    script = Script()
    talk(script, handle="a")
    script.to_listening().speak(1000)
    script.remember(None)
    script.stop()
    close(script)
    script.wake()
    assert last_opened(script).history[:2] == (QUESTION, ANSWER)


def test_every_handle_is_kept_for_a_restart() -> None:
    script = Script()
    talk(script, handle="a")
    assert script.all(do.StoreMemory) == [do.StoreMemory("a")]


@pytest.mark.parametrize(("age_ms", "handle"), [(600_000, "kept"), (600_001, None)])
def test_after_a_restart_the_session_goes_on_while_it_is_remembered(age_ms: int, handle: str | None) -> None:
    script = Script()
    script.tell(ev.MemoryRestored("kept", age_ms))
    script.hear(0)
    script.wake()
    assert last_opened(script).handle == handle


def test_what_is_restored_late_changes_nothing() -> None:
    script = Script().to_thinking()
    script.tell(ev.MemoryRestored("kept", 0))
    script.lose_session()
    assert last_opened(script).handle is None


def test_a_history_is_bounded() -> None:
    history = History()
    for number in range(MOST_TURNS + 5):
        history.add(do.Speaker.USER, f"turn {number}")
    assert len(history.turns) == MOST_TURNS
    assert history.turns[-1].text == f"turn {MOST_TURNS + 4}"
    history.add(do.Speaker.ASSISTANT, "a" * (MOST_CHARACTERS + 5))
    assert [len(turn.text) for turn in history.turns] == [MOST_CHARACTERS]


# ---------------------------------------------------------------- handing over


def test_an_old_connection_is_handed_over_at_the_next_pause() -> None:
    script = Script(Policy(connection_age_ms=540_000)).to_listening()
    script.remember("a")
    script.now_ms += 540_000 - 6000
    script.wake()
    script.speak(1000)
    script.reply(20_000)
    script.now_ms += 8000
    script.tell(ev.DeadlineReached())
    assert script.conversation.link.state is LinkState.HANDING_OVER
    script.remember("b")
    script.turn_complete()
    assert script.dialogue() is Dialogue.SPEAKING
    commands = script.drain()
    assert do.CloseSession(1) in commands
    assert do.OpenSession(2, "b") in commands
    assert commands.index(do.CloseSession(1)) < commands.index(do.OpenSession(2, "b"))


def test_an_old_connection_that_finds_no_pause_is_left_all_the_same() -> None:
    script = Script(Policy(connection_age_ms=100_000)).to_listening()
    script.now_ms += 94_000
    script.wake()
    script.begin_to_speak()
    script.hear(100_000 + OLD_AGE_LEFT_MS - HAND_OVER_MARGIN_MS - 94_000)
    while script.conversation.link.session == 1:
        script.hear(100)
        script.tell(ev.DeadlineReached())
    assert len(script.all(do.OpenSession)) == 2


def test_a_connection_without_an_age_grows_no_older() -> None:
    script = Script().to_listening()
    script.begin_to_speak()
    assert script.conversation.link.state is LinkState.OPEN


def test_words_spoken_while_it_is_handed_over_are_kept_and_sent() -> None:
    script = Script().to_speaking()
    script.go_away()
    script.remember("a")
    script.turn_complete()
    script.drain()
    assert script.session == 2
    began = script.speak(1000)
    assert not script.sent(2)
    script.open_session()
    first, _ = contiguous(script.sent(2))
    assert first <= began


def test_a_reply_of_which_something_was_heard_is_not_asked_for_again_at_a_hand_over() -> None:
    script = Script().to_speaking()
    script.go_away(5000)
    script.wait(3000)
    assert script.session == 1
    assert script.dialogue() is Dialogue.SPEAKING
    assert do.CloseSession(1) in script.done


@pytest.mark.parametrize("called", [False, True])
def test_at_a_hand_over_what_has_called_a_function_is_not_asked_again(called: bool) -> None:
    script = Script(Policy(idempotent_tools=frozenset({"set_timer"}))).to_thinking()
    if called:
        script.call_tool()
        script.finish_tool()
    script.go_away(5000)
    script.wait(3000)
    assert len(script.all(do.OpenSession)) == (1 if called else 2)


def test_each_refusal_is_given_twice_the_time_of_the_last() -> None:
    script = Script()
    for pause_ms in (REFUSED_PAUSE_MS, 2 * REFUSED_PAUSE_MS, 4 * REFUSED_PAUSE_MS):
        script.hear(100)
        script.wake()
        opened = len(script.all(do.OpenSession))
        script.refuse_session()
        script.now_ms += pause_ms - 1
        script.wake()
        assert len(script.all(do.OpenSession)) == opened
        script.now_ms += 1
    for _ in range(8):
        script.wake()
        script.refuse_session()
        script.now_ms += LONGEST_REFUSED_PAUSE_MS
    script.wake()
    script.open_session()
    assert script.conversation.link.state is LinkState.OPEN


# ---------------------------------------------------------------- a rung that breaks


def test_a_handle_that_leads_nowhere_twice_is_left_and_the_next_session_is_told() -> None:
    script = Script()
    talk(script, handle="a")
    close(script)
    script.wake()
    script.speak(1000)
    for _ in range(2):
        assert last_opened(script).handle == "a"
        script.open_session()
        script.lose_session()
    assert last_opened(script).handle is None
    assert last_opened(script).history == (QUESTION, ANSWER)


def test_a_handle_under_which_nothing_ever_opens_does_not_make_the_satellite_mute() -> None:
    script = Script()
    talk(script, handle="a")
    close(script)
    handles = []
    for _ in range(3):
        script.wake()
        handles.append(last_opened(script).handle)
        script.wait(script.policy.connect_timeout_ms)
        script.local_speech()
        script.drain()
    assert handles == ["a", "a", None]


def test_a_handle_that_worked_is_good_again() -> None:
    script = Script()
    talk(script, handle="a")
    close(script)
    script.wake()
    script.open_session()
    script.lose_session()
    script.open_session()
    script.speak(1000)
    script.reply()
    script.turn_complete()
    script.remember("b")
    script.drain()
    script.lose_session()
    script.speak(1000)
    script.open_session()
    script.lose_session()
    assert last_opened(script).handle == "b"


def test_a_refusal_of_a_session_that_was_told_the_history_may_be_for_the_history() -> None:
    script = Script()
    talk(script)
    close(script)
    script.wake()
    assert last_opened(script).history
    script.refuse_session()
    script.now_ms += REFUSED_PAUSE_MS
    script.wake()
    assert not last_opened(script).history


# ---------------------------------------------------------------- a session that is still needed


def test_a_session_is_kept_for_a_function_that_is_still_at_work() -> None:
    script = Script().to_thinking()
    script.call_tool()
    script.reply()
    script.turn_complete()
    script.drain()
    long_after_ms = script.now_ms + 300_000
    while (script.conversation.deadline_ms or 0) < long_after_ms:
        script.wait_for_deadline()
    assert not script.all(do.CloseSession)
    assert script.finish_tool(scheduling="WHEN_IDLE")
    script.reply()
    assert script.dialogue() is Dialogue.SPEAKING


def test_a_function_that_is_lost_does_not_keep_the_session_for_ever() -> None:
    script = Script().to_thinking()
    script.call_tool()
    script.reply()
    script.turn_complete()
    script.drain()
    script.stay_quiet()
    assert script.conversation.link.state is LinkState.CLOSED
