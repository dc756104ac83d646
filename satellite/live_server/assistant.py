"""The assistant behind the embedded server: text in, text or one function call out.

Nothing it says is canned: the time is the clock's, sums are computed, and what a function did is told from its
response. It says so when it has not understood, and when the satellite offers no function for what was asked.
Whoever adds a topic adds its phrases (phrases.py), its answer here, and what it says of itself below.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from satellite.live_server.clock_words import part_of_day, said_date, said_time
from satellite.live_server.durations import said_duration
from satellite.live_server.intents import Intent, is_meant_for_us, understand_all
from satellite.live_server.number_words import spoken
from satellite.live_server.phrases import Topic
from satellite.live_server.sums import Sum

SET_TIMER, CANCEL_TIMER, SET_VOLUME = "set_timer", "cancel_timer", "set_volume"
"""The functions it calls, by the names under which a satellite declares them."""

VOLUME_STEP_PERCENT = 15

LONGEST_TIMER_S = 86_400

NOTHING_SEEN = "I see nothing. No picture has come."

HEARD_CHARACTERS = 200
"""So much of what was heard is read back."""


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the satellite to be called."""

    name: str
    arguments: dict[str, object]


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say; with a `call`, only after it has been made: `Assistant.answer_call` has the words then."""

    words: str
    call: Call | None = None
    intent: Intent | None = field(default=None, repr=False)
    also: "Answer | None" = None
    """The answer to the second thing a sentence asked for."""
    understood: bool = True
    meant: bool = True
    """False: it was not understood, and does not seem to have been said to the assistant."""
    looks: bool = False
    """The words are for somebody without eyes: who has a picture tells what it is instead."""
    sum: Sum | None = None
    """What was worked out: who has a tool for code shows it."""
    thought: str = ""
    """How the answer was come by."""


class Assistant:
    """Stateless: one serves every connection. `now` gives the local time with its zone."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._topics: dict[Topic, Callable[[Intent, Collection[str]], Answer]] = {
            Topic.TIME: lambda *_: Answer(f"It is {said_time(self._now())}."),
            Topic.DATE: lambda *_: Answer(f"Today is {said_date(self._now())}."),
            Topic.SUM: _sum,
            Topic.SET_TIMER: _set_timer,
            Topic.CANCEL_TIMER: _cancel_timer,
            Topic.SET_VOLUME: _set_volume,
            Topic.LOUDER: lambda intent, tools: _change_volume(intent, tools, 1),
            Topic.QUIETER: lambda intent, tools: _change_volume(intent, tools, -1),
            Topic.WHO: lambda *_: Answer("I am the local assistant of your voice satellite."),
            Topic.ABILITIES: lambda _, tools: Answer(_abilities(tools)),
            Topic.STORY: lambda _, tools: Answer(self._story(tools)),
            Topic.REPEAT: lambda intent, _: Answer(intent.words or "Say: repeat after me, and then the words."),
            Topic.SEE: lambda *_: Answer(NOTHING_SEEN, looks=True),
            Topic.STOP: lambda *_: Answer("OK."),
            Topic.NEVER_MIND: lambda *_: Answer("OK."),
            Topic.THANKS: lambda *_: Answer("You are welcome."),
            Topic.HELLO: lambda *_: Answer(f"{self._greeting()}. What can I do for you?"),
            Topic.GOODBYE: lambda *_: Answer("Goodbye."),
        }

    def answer(self, heard: str, tools: Collection[str] = ()) -> Answer:
        """The answer to what was heard; `tools` are the names of the functions the satellite declared.

        Nothing heard, nothing said: the words are empty then.
        """
        heard = " ".join(heard.split())
        if not heard:
            return Answer("")
        intents = understand_all(heard)
        if not intents:
            words = f"I did not understand. I heard: {heard[:HEARD_CHARACTERS]}"
            thought = "None of my topics is like what was said."
            return Answer(words, understood=False, meant=is_meant_for_us(heard), thought=thought)
        first, *others = [self._answer(intent, tools) for intent in intents]
        return replace(first, also=others[0]) if others else first

    def _answer(self, intent: Intent, tools: Collection[str]) -> Answer:
        answer = self._topics[intent.topic](intent, tools)
        about = intent.topic.value.replace("_", " ")
        thought = f"This is about {about}: {intent.likeness:.0f} percent like a phrase I know."
        if answer.call is not None:
            thought += f" I have to call {answer.call.name}."
        return replace(answer, thought=thought)

    def answer_call(self, answer: Answer, response: Mapping[str, object]) -> str:
        """The words after the function has answered with `response` (a JSON object; "error" in it says it failed)."""
        output = response.get("output")
        if isinstance(output, dict):  # by convention; else the whole object is the output (LIVE_API 2.4)
            response = output
        error = response.get("error")
        if error is not None and error is not False:
            reason = error.get("message", error) if isinstance(error, dict) else error
            return f"That did not work: {str(reason).rstrip('.')}." if reason else "That did not work."
        if answer.call is not None and answer.call.name == SET_VOLUME:
            percent = response.get("percent")
            if isinstance(percent, int | float):
                return f"The volume is now {percent:.0f} percent."
        return answer.words

    # ------------------------------------------------------------ facts

    def _greeting(self) -> str:
        part = part_of_day(self._now())
        return "Hello" if part == "at night" else f"Good {part.removeprefix('in the ')}"

    def _story(self, tools: Collection[str]) -> str:
        """Half a minute of talk, all of it true: long enough to be cut in on."""
        now = self._now()
        day_of_year = now.timetuple().tm_yday
        days_in_year = datetime(now.year, 12, 31).timetuple().tm_yday
        midnight_s = now.hour * 3600 + now.minute * 60
        return " ".join(
            (
                "Here is the story of this moment.",
                f"Today is {said_date(now)}. It is day {day_of_year} of the year,",
                f"and {_counted(days_in_year - day_of_year, 'day')} are still to come.",
                f"It is {said_time(now)}, so this day is {said_duration(midnight_s)} old.",
                "When you speak, a microphone turns your voice into sixteen thousand numbers a second.",
                "A small program listens to them until it is sure that you have finished.",
                "Then a recogniser, in a process of its own, writes down your words,",
                "and I look for the meaning that fits them best.",
                "What I say is put together from facts like these, and spoken by a voice that lives in this machine.",
                _abilities(tools),
                "You can stop me at any time. Just talk.",
            )
        )


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _abilities(tools: Collection[str]) -> str:
    """What it can do with these functions."""
    abilities = ["tell you the time and the date", "work out a sum", "repeat what you say", "tell a story"]
    if SET_TIMER in tools:
        abilities.append("set a timer")
    if SET_VOLUME in tools:
        abilities.append("change the volume")
    return f"I can {', '.join(abilities[:-1])}, and {abilities[-1]}."


def _sum(intent: Intent, _: Collection[str]) -> Answer:
    asked = intent.sum
    assert asked is not None  # the topic is recognised by its sum
    try:
        result = asked.result()
    except ZeroDivisionError:
        return Answer("Nothing can be divided by zero.", sum=asked)
    said = spoken(asked.numbers[0])
    for operator, number in zip(asked.operators, asked.numbers[1:], strict=True):
        said += f" {operator} {spoken(number)}"
    return Answer(f"{said} is {spoken(result)}.", sum=asked)


def _set_timer(intent: Intent, tools: Collection[str]) -> Answer:
    if SET_TIMER not in tools:
        return Answer("This satellite offers no timers.")
    if intent.duration_s is None:
        return Answer("For how long? Say, for example: set a timer for ten minutes.")
    if not 1 <= intent.duration_s <= LONGEST_TIMER_S:
        return Answer("A timer can run for one second up to one day.")
    name = intent.name or said_duration(intent.duration_s, as_adjective=True)
    call = Call(SET_TIMER, {"duration_s": intent.duration_s, "name": name})
    called = f", called {intent.name}" if intent.name else ""
    return Answer(f"A timer is set for {said_duration(intent.duration_s)}{called}.", call, intent)


def _cancel_timer(intent: Intent, tools: Collection[str]) -> Answer:
    if CANCEL_TIMER not in tools:
        return Answer("This satellite offers no timers.")
    name = intent.name
    if not name and intent.duration_s is not None:
        name = said_duration(intent.duration_s, as_adjective=True)  # as it was named when it was set
    words = f"The {name} timer is cancelled." if name else "No timer is running any more."
    return Answer(words, Call(CANCEL_TIMER, {"name": name}), intent)


def _set_volume(intent: Intent, tools: Collection[str]) -> Answer:
    if SET_VOLUME not in tools:
        return Answer("This satellite offers no volume control.")
    if intent.number is None or not 0 <= intent.number <= 100:
        return Answer("The volume goes from 0 to 100 percent.")
    percent = round(intent.number)
    return Answer(f"The volume is now {percent} percent.", Call(SET_VOLUME, {"percent": percent}), intent)


def _change_volume(intent: Intent, tools: Collection[str], direction: int) -> Answer:
    if SET_VOLUME not in tools:
        return Answer("This satellite offers no volume control.")
    step = VOLUME_STEP_PERCENT if intent.number is None else min(100, round(intent.number))
    return Answer("OK.", Call(SET_VOLUME, {"change": direction * step}), intent)
