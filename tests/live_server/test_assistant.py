"""The assistant: true answers, honest ones where there is none, and function calls."""

from datetime import datetime, timedelta

import pytest

from satellite.live_server.assistant import CANCEL_TIMER, SET_TIMER, SET_VOLUME, Assistant, Call
from satellite.live_server.clock_words import said_date, said_time, says_time, time_forms
from satellite.live_server.durations import said_duration
from satellite.live_server.number_words import in_words
from satellite.live_server.phrases import PHRASES, Topic
from satellite.live_server.plain_text import plain

NOW = datetime(2026, 11, 22, 15, 45)
ALL = frozenset((SET_TIMER, CANCEL_TIMER, SET_VOLUME))


@pytest.fixture
def assistant() -> Assistant:
    return Assistant(lambda: NOW)


def test_the_time_is_the_clocks() -> None:
    clock = [datetime(2026, 11, 22, 9, 5)]
    assistant = Assistant(lambda: clock[0])
    assert assistant.answer("What time is it?").words == "It is nine oh five, in the morning."
    clock[0] += timedelta(hours=15)
    assert assistant.answer("What time is it?").words == "It is twelve oh five, at night."


def test_the_date_is_the_clocks(assistant: Assistant) -> None:
    assert assistant.answer("What day is it?").words == "Today is Sunday, November the twenty second, 2026."


@pytest.mark.parametrize(
    ("heard", "words"),
    [
        ("What's 12 plus 30?", "12 plus 30 is 42."),
        ("How much is 7x8?", "7 times 8 is 56."),
        ("What is 10 divided by 4?", "10 divided by 4 is 2.5."),
        ("What is ten divided by three?", "10 divided by 3 is about 3.333."),
        ("What is 2 divided by 3?", "2 divided by 3 is about 0.667."),
        ("What is three minus five?", "3 minus 5 is minus 2."),
        ("What is 1 divided by 3 minus 1?", "1 divided by 3 minus 1 is about minus 0.667."),
        ("What is 5 divided by zero?", "Nothing can be divided by zero."),
    ],
)
def test_a_sum_is_said_with_its_result(assistant: Assistant, heard: str, words: str) -> None:
    assert assistant.answer(heard).words == words


def test_words_are_repeated(assistant: Assistant) -> None:
    assert assistant.answer("Repeat after me, the quick brown fox.").words == "the quick brown fox."


def test_what_is_not_understood_is_read_back(assistant: Assistant) -> None:
    answer = assistant.answer("The garden gate is green.", ALL)
    assert answer.words == "I did not understand. I heard: The garden gate is green."
    assert answer.call is None
    assert len(assistant.answer("blah " * 1000).words) < 250


def test_nothing_heard_nothing_said(assistant: Assistant) -> None:
    assert assistant.answer("").words == ""
    assert assistant.answer("  \n").words == ""


@pytest.mark.parametrize("heard", ["Stop.", "Never mind.", "Thank you.", "Goodbye."])
def test_a_dismissal_gets_a_word_or_two(assistant: Assistant, heard: str) -> None:
    assert 1 <= len(assistant.answer(heard).words.split()) <= 3


def test_it_says_who_it_is_and_what_it_can_do(assistant: Assistant) -> None:
    assert "local assistant" in assistant.answer("Who are you?").words
    assert "timer" not in assistant.answer("What can you do?").words
    able = assistant.answer("What can you do?", ALL).words
    assert "set a timer" in able
    assert "change the volume" in able


@pytest.mark.parametrize(
    ("heard", "call"),
    [
        ("Set a timer for ten minutes.", Call(SET_TIMER, {"duration_s": 600, "name": "10 minute"})),
        ("Set a timer for an hour and a half.", Call(SET_TIMER, {"duration_s": 5400, "name": "1 hour 30 minute"})),
        ("Set a pasta timer for 8 minutes.", Call(SET_TIMER, {"duration_s": 480, "name": "pasta"})),
        ("Cancel the timer.", Call(CANCEL_TIMER, {"name": ""})),
        ("Cancel the pasta timer.", Call(CANCEL_TIMER, {"name": "pasta"})),
        ("Cancel the ten minute timer.", Call(CANCEL_TIMER, {"name": "10 minute"})),
        ("Set the volume to 30%.", Call(SET_VOLUME, {"percent": 30})),
        ("Louder.", Call(SET_VOLUME, {"change": 15})),
        ("Quieter.", Call(SET_VOLUME, {"change": -15})),
        ("Turn the volume down by 40 percent.", Call(SET_VOLUME, {"change": -40})),
    ],
)
def test_what_the_satellite_can_do_is_a_call_if_it_declared_it(assistant: Assistant, heard: str, call: Call) -> None:
    assert assistant.answer(heard, ALL).call == call
    refused = assistant.answer(heard, ALL - {call.name})
    assert refused.call is None
    assert refused.words.startswith("This satellite offers no ")


@pytest.mark.parametrize(
    "heard", ["Set a timer.", "Set a timer for zero seconds.", "Set a timer for 30 hours.", "Volume 300."]
)
def test_what_makes_no_sense_is_not_called_but_explained(assistant: Assistant, heard: str) -> None:
    answer = assistant.answer(heard, ALL)
    assert answer.call is None
    assert answer.words


def test_after_a_call_the_words_are_those_of_its_response(assistant: Assistant) -> None:
    timer = assistant.answer("Set a timer for ten minutes.", ALL)
    assert assistant.answer_call(timer, {"output": "anything"}) == "A timer is set for 10 minutes."
    assert assistant.answer_call(timer, {"error": "too many timers"}) == "That did not work: too many timers."
    louder = assistant.answer("Louder.", ALL)
    assert assistant.answer_call(louder, {"percent": 95}) == "The volume is now 95 percent."
    assert assistant.answer_call(louder, {"output": "done"}) == "OK."
    volume = assistant.answer("Set the volume to 30%.", ALL)
    assert assistant.answer_call(volume, {}) == "The volume is now 30 percent."
    named = assistant.answer("Cancel the pasta timer.", ALL)
    assert assistant.answer_call(named, {}) == "The pasta timer is cancelled."


@pytest.mark.parametrize(
    ("response", "words"),
    [
        ({"output": {"percent": 40}}, "The volume is now 40 percent."),
        ({"output": {"error": "it is stuck"}}, "That did not work: it is stuck."),
        ({"error": {"code": 5, "message": "No such speaker."}}, "That did not work: No such speaker."),
        ({"error": ""}, "That did not work."),
        ({"error": None, "percent": 10}, "The volume is now 10 percent."),
    ],
)
def test_what_a_function_answers_may_have_several_shapes(
    assistant: Assistant, response: dict[str, object], words: str
) -> None:
    assert assistant.answer_call(assistant.answer("Volume 30.", ALL), response) == words


def test_a_sentence_that_asks_for_two_things_gets_two_answers(assistant: Assistant) -> None:
    first = assistant.answer("Set the volume to forty percent and a timer for five minutes.", ALL)
    assert first.call == Call(SET_VOLUME, {"percent": 40})
    assert first.also is not None
    assert first.also.call == Call(SET_TIMER, {"duration_s": 300, "name": "5 minute"})
    assert assistant.answer("Volume 30.", ALL).also is None


def test_how_an_answer_was_come_by_is_told(assistant: Assistant) -> None:
    louder = assistant.answer("Louder.", ALL)
    assert louder.thought == "This is about louder: 100 percent like a phrase I know. I have to call set_volume."
    assert assistant.answer("The garden gate is green.").thought == "None of my topics is like what was said."


def test_what_was_not_understood_says_whether_it_was_meant(assistant: Assistant) -> None:
    overheard = assistant.answer("The garden gate is green.")
    assert (overheard.understood, overheard.meant) == (False, False)
    asked = assistant.answer("What is the capital of France?")
    assert (asked.understood, asked.meant) == (False, True)
    assert assistant.answer("What time is it?").understood


@pytest.mark.parametrize("topic", PHRASES)
def test_every_topic_has_an_answer(assistant: Assistant, topic: Topic) -> None:
    phrase = PHRASES[topic].texts[0].replace("#", "20").replace("duration", "10 minutes")
    answer = assistant.answer(phrase, ALL)
    assert answer.words
    assert "not understand" not in answer.words


def test_the_story_is_long_and_made_of_facts() -> None:
    first = Assistant(lambda: NOW).answer("Tell me a story.").words
    second = Assistant(lambda: datetime(2028, 12, 31, 0, 0)).answer("Tell me a story.").words
    assert len(first.split()) > 80
    for fact in (said_date(NOW), said_time(NOW), "day 326 of the year", "39 days", "15 hours and 45 minutes"):
        assert fact in first
    assert "day 366 of the year" in second
    assert "0 days" in second


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (1, "first"),
        (3, "third"),
        (12, "twelfth"),
        (13, "thirteenth"),
        (20, "twentieth"),
        (21, "twenty first"),
        (30, "thirtieth"),
    ],
)
def test_days_of_the_month(day: int, words: str) -> None:
    assert f"January the {words}, 2026" in said_date(datetime(2026, 1, day))


@pytest.mark.parametrize(
    ("hour", "part"),
    [(4, "at night"), (5, "in the morning"), (12, "in the afternoon"), (18, "in the evening"), (22, "at night")],
)
def test_parts_of_the_day(hour: int, part: str) -> None:
    assert said_time(datetime(2026, 1, 1, hour, 30)).endswith(part)


def test_every_minute_of_the_day_is_said_in_one_of_its_forms_and_in_no_other_ones() -> None:
    midnight = datetime(2026, 1, 1)
    minutes = [midnight + timedelta(minutes=minute) for minute in range(1440)]
    for at, now in enumerate(minutes):
        assert says_time(said_time(now), now)
        assert not says_time(said_time(now), minutes[at - 1])
        assert all(plain(form) == form for form in time_forms(now))


@pytest.mark.parametrize(
    "heard", ["It's 3:45.", "It is 3.45 in the afternoon", "it is 345", "It is three forty-five.", "3 40 5"]
)
def test_a_recogniser_may_write_the_time_in_many_ways(heard: str) -> None:
    assert says_time(heard, NOW)


@pytest.mark.parametrize("heard", ["It is 13:45.", "It is 3:46", "It is 3450", "It is 45", ""])
def test_another_time_is_another_time(heard: str) -> None:
    assert not says_time(heard, NOW)


def test_durations_and_numbers_in_words() -> None:
    assert said_duration(1) == "1 second"
    assert said_duration(3661) == "1 hour, 1 minute and 1 second"
    assert said_duration(0) == "0 seconds"
    assert [in_words(number) for number in (0, 13, 40, 99, 100)] == ["zero", "thirteen", "forty", "ninety nine", "100"]
