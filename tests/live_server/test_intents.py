"""What is meant by what was heard: what must be understood, and what must not."""

from fractions import Fraction

import pytest

from satellite.live_server import intents
from satellite.live_server.intents import Intent, is_meant_for_us, understand, understand_all, without_address
from satellite.live_server.phrases import PHRASES, Topic
from satellite.live_server.plain_text import plain

UNDERSTOOD: dict[str, Topic] = {
    "What time is it?": Topic.TIME,
    "what time is it": Topic.TIME,
    "What's the time, please?": Topic.TIME,
    "Could you please tell me the time?": Topic.TIME,
    "What day is it?": Topic.DATE,
    "What's the date today?": Topic.DATE,
    "What's a date today?": Topic.DATE,
    "Can't seal the timer.": Topic.CANCEL_TIMER,
    "cancelled the timer": Topic.CANCEL_TIMER,
    "Stop the timer!": Topic.CANCEL_TIMER,
    "Set a timer.": Topic.SET_TIMER,
    "Louder.": Topic.LOUDER,
    "Turn it up, please.": Topic.LOUDER,
    "Volume up": Topic.LOUDER,
    "Quieter!": Topic.QUIETER,
    "Turn down the volume.": Topic.QUIETER,
    "Who are you?": Topic.WHO,
    "What's your name?": Topic.WHO,
    "What can you do?": Topic.ABILITIES,
    "Tell me a story.": Topic.STORY,
    "Tell me the story.": Topic.STORY,
    "Tell me about yourself in detail.": Topic.STORY,
    "Stop.": Topic.STOP,
    "Be quiet!": Topic.STOP,
    "Please stop.": Topic.STOP,
    "Never mind.": Topic.NEVER_MIND,
    "Nevermind": Topic.NEVER_MIND,
    "No, thank you.": Topic.NEVER_MIND,
    "Thank you.": Topic.THANKS,
    "Thanks!": Topic.THANKS,
    "Hello.": Topic.HELLO,
    "Good morning.": Topic.HELLO,
    "Goodbye.": Topic.GOODBYE,
}

NOT_UNDERSTOOD = (
    "Is the kitchen window open?",
    "I think we should paint the wall green.",
    "The quick brown fox jumps over the lazy dog.",
    "What time is dinner?",
    "What time is it in Tokyo?",
    "What time does the train leave?",
    "He was not an ill-disposed young man.",
    "Turn on the lamp.",
    "Turn off the television.",
    "The bus stop is over there.",
    "Where is the bus stop?",
    "My brother arrives on Sunday.",
    "Please pass the salt.",
    "That was a long day at work.",
    "I bought twelve eggs and thirty apples.",
    "Five and six.",
    "We need two or three more days.",
    "Set the table for ten people.",
    "Who is coming for dinner?",
    "Did you hear the news about the volume of trade?",
    "Laughter.",
    "Shop.",
    "You",
    "It was five minutes past ten.",
    "I have no time today.",
    "The date went very well.",
    "Can you cancel my subscription?",
    "Do you like stories?",
    "What are you doing tonight?",
    "Who are they?",
    "He said hello to everyone.",
    "The timer in the oven is broken.",
    "Let's go home now.",
    "I told him to stop smoking.",
    "What is the capital of France?",
    "What is the weather today?",
    "How much is the fish?",
    "What day is the party?",
    "Repeat offenders are punished.",
    "What is it?",
    "What is it now?",
    "Cancel the tickets.",
    "Turn it over.",
    "Where are you?",
    "",
    "?!",
)


@pytest.mark.parametrize(("heard", "topic"), UNDERSTOOD.items())
def test_understood(heard: str, topic: Topic) -> None:
    intent = understand(heard)
    assert intent is not None
    assert intent.topic is topic


@pytest.mark.parametrize("heard", NOT_UNDERSTOOD)
def test_a_sentence_that_is_not_for_the_assistant_is_not_understood(heard: str) -> None:
    assert understand(heard) is None


@pytest.mark.parametrize(
    ("topic", "phrase"), [(topic, phrase) for topic, phrases in PHRASES.items() for phrase in phrases.texts]
)
def test_every_phrase_of_the_table_has_its_own_topic(topic: Topic, phrase: str) -> None:
    intent = understand(phrase.replace("#", "20").replace("duration", "10 minutes"))
    assert intent is not None
    assert (intent.topic, intent.likeness) == (topic, 100)


@pytest.mark.parametrize(
    "address",
    [
        "Hey Jarvis,",
        "hey jarvis",
        "Hey, Travis.",
        "Jarvis!",
        "OK, Jervis,",
        "Okay Naboo,",
        "Alexa?",
        "Harvest,",
        "And the,",
    ],
)
def test_what_is_left_of_the_wake_word_does_not_hinder(address: str) -> None:
    for sentence, topic in (("What time is it?", Topic.TIME), ("set a timer for ten minutes", Topic.SET_TIMER)):
        intent = understand(f"{address} {sentence}")
        assert intent is not None
        assert intent.topic is topic


def test_a_wake_word_before_a_single_word() -> None:
    intent = understand("Hey Jarvis, stop.")
    assert intent is not None
    assert intent.topic is Topic.STOP
    assert understand("Hey Jarvis.") is None


def test_only_a_wake_word_is_taken_away() -> None:
    assert without_address("hey jarvis stop") == "stop"
    assert without_address("hello there") == "hello there"
    assert without_address("a timer") == "a timer"


@pytest.mark.parametrize(
    ("heard", "duration_s", "name"),
    [
        ("Set a timer for ten minutes.", 600, ""),
        ("Set the timer for 10 minutes.", 600, ""),
        ("Set a 10-minute timer.", 600, ""),
        ("Set a ten minute timer", 600, ""),
        ("Set a timer for an hour and a half.", 5400, ""),
        ("Set a timer for one and a half hours.", 5400, ""),
        ("Set a timer for 1 hour and 20 minutes.", 4800, ""),
        ("Set a timer for two hours, three minutes and five seconds.", 7385, ""),
        ("Set a timer for half an hour.", 1800, ""),
        ("Set a timer for a quarter of an hour.", 900, ""),
        ("Set a timer for two and a half minutes", 150, ""),
        ("Set a timer for a minute.", 60, ""),
        ("Set a timer for twenty five seconds.", 25, ""),
        ("Timer, 90 seconds.", 90, ""),
        ("Set a pasta timer for ten minutes.", 600, "pasta"),
        ("Set a timer for ten minutes called pasta.", 600, "pasta"),
        ("Set a timer for 90 seconds for the eggs.", 90, "eggs"),
        ("Hey Jarvis, could you set a timer for ten minutes please?", 600, ""),
        ("Set a timer.", None, ""),
    ],
)
def test_timers(heard: str, duration_s: int | None, name: str) -> None:
    intent = understand(heard)
    assert intent is not None
    assert (intent.topic, intent.duration_s, intent.name) == (Topic.SET_TIMER, duration_s, name)


@pytest.mark.parametrize(
    ("heard", "duration_s", "name"),
    [
        ("Cancel the timer.", None, ""),
        ("Cancel all timers.", None, ""),
        ("Cancel the pasta timer.", None, "pasta"),
        ("Cancel the 10 minute timer.", 600, ""),
        ("Stop my ten minute timer.", 600, ""),
    ],
)
def test_cancelled_timers(heard: str, duration_s: int | None, name: str) -> None:
    intent = understand(heard)
    assert intent is not None
    assert (intent.topic, intent.duration_s, intent.name) == (Topic.CANCEL_TIMER, duration_s, name)


@pytest.mark.parametrize(
    ("heard", "topic", "number"),
    [
        ("Set the volume to 50%.", Topic.SET_VOLUME, 50),
        ("Set the volume to fifty percent.", Topic.SET_VOLUME, 50),
        ("Volume thirty.", Topic.SET_VOLUME, 30),
        ("Turn the volume up to 70 percent", Topic.SET_VOLUME, 70),
        ("Turn the volume up by 20 percent.", Topic.LOUDER, 20),
        ("Turn the volume down by ten percent.", Topic.QUIETER, 10),
        ("Turn the volume down.", Topic.QUIETER, None),
    ],
)
def test_volumes(heard: str, topic: Topic, number: int | None) -> None:
    intent = understand(heard)
    assert intent is not None
    assert (intent.topic, intent.number) == (topic, number)


@pytest.mark.parametrize(
    ("heard", "result"),
    [
        ("What's 12 plus 30?", 42),
        ("What is twelve plus thirty?", 42),
        ("How much is seven times eight?", 56),
        ("What's 7x8?", 56),
        ("What is 7 x 8?", 56),
        ("7 \u00d7 8", 56),
        ("12+30", 42),
        ("What is 100 divided by 4?", 25),
        ("What's 10 / 4?", Fraction(5, 2)),
        ("What is 2.5 times 4?", 10),
        ("What is two point five times four?", 10),
        ("What is one hundred and five minus six?", 99),
        ("What is two thousand three hundred plus 1,700?", 4000),
        ("What is minus five plus three?", -2),
        ("What is two plus three times four?", 14),
        ("What is ten minus three minus two?", 5),
        ("How much is 5 and 7?", 12),
        ("Hey Jarvis, what's 12 plus 30?", 42),
        ("Tell me, what is a hundred minus one, please.", 99),
    ],
)
def test_sums(heard: str, result: Fraction | int) -> None:
    intent = understand(heard)
    assert intent is not None
    assert intent.sum is not None
    assert intent.sum.result() == result


@pytest.mark.parametrize(
    ("heard", "words"),
    [
        ("Repeat after me, the quick brown fox.", "the quick brown fox."),
        ("Repeat after me: Mary had a little lamb.", "Mary had a little lamb."),
        ("Hey Jarvis, repeat after me, it's 12 o'clock!", "it's 12 o'clock!"),
        ("Please repeat after me. Hello.", "Hello."),
        ("Repeats after me, stop the timer.", "stop the timer."),
        ("Say after me one two three", "one two three"),
        ("Repeat after me.", ""),
    ],
)
def test_words_to_repeat_stay_as_they_were_heard(heard: str, words: str) -> None:
    assert understand(heard) == Intent(Topic.REPEAT, 100.0, words=words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What's 1,000 + two?", "what is 1000 + 2"),
        ("It\u2019s 3:45.", "it is 3:45"),
        ("50%", "50 percent"),
        ("a ten-minute timer", "a 10 minute timer"),
        ("twenty-two and five", "22 and 5"),
        ("five six", "5 6"),
        ("three hundred and twenty thousand and one", "320001"),
        ("one o'clock", "1 oclock"),
        ("3 p.m., 4pm", "3 p m 4 pm"),
        ("nineteen", "19"),
        ("nine teen", "9 teen"),
        ("a hundred", "100"),
        ("zero point five", "0.5"),
    ],
)
def test_plain_text(text: str, expected: str) -> None:
    assert plain(text) == expected


@pytest.mark.parametrize(
    ("heard", "topics"),
    [
        ("Set the volume to forty percent and a timer for five minutes.", [Topic.SET_VOLUME, Topic.SET_TIMER]),
        ("What time is it and what day is it?", [Topic.TIME, Topic.DATE]),
        ("Hey Jarvis, set a timer for one minute and then turn it up, please.", [Topic.SET_TIMER, Topic.LOUDER]),
        (
            "Set a pasta timer for ten minutes and a tea timer for three minutes.",
            [Topic.SET_TIMER, Topic.SET_TIMER],
        ),
        ("Set a timer for one minute and thirty seconds.", [Topic.SET_TIMER]),
        ("What is five and six?", [Topic.SUM]),
        ("Repeat after me, salt and what time is it.", [Topic.REPEAT]),
        ("Bring me the salt and stop.", []),
        ("Stop and bring me the salt.", []),
        ("Rock and roll.", []),
    ],
)
def test_a_sentence_may_ask_for_two_things(heard: str, topics: list[Topic]) -> None:
    assert [intent.topic for intent in understand_all(heard)] == topics


def test_two_timers_have_their_own_names_and_times() -> None:
    pasta, tea = understand_all("Set a pasta timer for ten minutes and a tea timer for three minutes.")
    assert [(timer.name, timer.duration_s) for timer in (pasta, tea)] == [("pasta", 600), ("tea", 180)]


@pytest.mark.parametrize(
    "heard",
    [
        "What is the capital of France?",
        "Is it raining",
        "Jarvis the garden gate",
        "Open the gate",
        "I told you so",
        "Ah.",
    ],
)
def test_what_is_a_question_or_says_you_is_meant_for_us(heard: str) -> None:
    assert is_meant_for_us(heard)


@pytest.mark.parametrize(
    "heard", ["The garden gate is green.", "He said he will come tomorrow.", "I think we need milk"]
)
def test_what_is_told_to_nobody_is_not(heard: str) -> None:
    assert not is_meant_for_us(heard)


@pytest.mark.parametrize("heard", NOT_UNDERSTOOD)
def test_nothing_is_found_in_the_halves_of_what_is_not_for_us(heard: str) -> None:
    assert understand_all(heard) == []


def test_a_page_is_no_command_however_many_ands_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each joint of a long text would cost as much as the whole: a client could hold up all the others."""
    asked: list[str] = []
    real = intents.understand

    def counted(text: str) -> Intent | None:
        asked.append(text)
        return real(text)

    monkeypatch.setattr(intents, "understand", counted)
    understand_all("the cat and the dog " * 400)
    assert len(asked) == 1
