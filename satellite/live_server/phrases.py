"""What people say to the assistant: the phrases of each topic, as plain text. A table and nothing else.

"#" stands for a number, "duration" for a span of time. A topic's cues are the words of which one, or something that
sounds like it, must have been said. Whoever adds a phrase adds it to the tests; a phrase of a new topic that the
light recogniser should hear goes into speech/grammar.py, too.
"""

from dataclasses import dataclass
from enum import StrEnum


class Topic(StrEnum):
    """What a sentence is about."""

    TIME = "time"
    DATE = "date"
    SUM = "sum"
    SET_TIMER = "set_timer"
    CANCEL_TIMER = "cancel_timer"
    SET_VOLUME = "set_volume"
    LOUDER = "louder"
    QUIETER = "quieter"
    WHO = "who"
    ABILITIES = "abilities"
    STORY = "story"
    REPEAT = "repeat"
    SEE = "see"
    STOP = "stop"
    NEVER_MIND = "never_mind"
    THANKS = "thanks"
    HELLO = "hello"
    GOODBYE = "goodbye"


@dataclass(frozen=True, slots=True)
class Phrases:
    """Ways to say one thing; no cues: the phrases are short enough to be taken word by word."""

    texts: tuple[str, ...]
    cues: tuple[str, ...] = ()


def _phrases(texts: str, cues: str = "") -> Phrases:
    return Phrases(tuple(text.strip() for text in texts.split("|")), tuple(cues.split()))


PHRASES: dict[Topic, Phrases] = {
    Topic.TIME: _phrases(
        "what time is it | what time is it now | what time is it right now | what is the time | what is the time now"
        " | tell me the time | tell me what time it is | do you know what time it is | do you have the time"
        " | how late is it | the time",
        "time late",
    ),
    Topic.DATE: _phrases(
        "what day is it | what day is it today | what day is today | what is the day today | what is the date"
        " | what is the date today | what is todays date | what date is it | what date is it today | what date is today"
        " | which day is it | which day is it today | what day of the week is it | what month is it | what year is it"
        " | tell me the date | tell me todays date | the date",
        "day date today todays month year",
    ),
    Topic.SET_TIMER: _phrases(
        "set a timer for duration | set a timer to duration | set the timer for duration | set a duration timer"
        " | set timer for duration | start a timer for duration | start a duration timer | make a timer for duration"
        " | put a timer on for duration | timer for duration | duration timer | i need a timer for duration"
        " | set a timer | start a timer | set timer",
        "timer timers",
    ),
    Topic.CANCEL_TIMER: _phrases(
        "cancel the timer | cancel my timer | cancel timer | cancel all timers | cancel the timers | stop the timer"
        " | stop my timer | stop timer | delete the timer | delete all timers | remove the timer | turn off the timer"
        " | clear the timer | forget the timer | end the timer | cancel the duration timer | cancel my duration timer"
        " | stop the duration timer | cancel the timer for duration",
        "timer timers",
    ),
    Topic.SET_VOLUME: _phrases(
        "set the volume to # percent | set the volume to # | set volume to # percent | set volume to #"
        " | set the volume at # percent | set your volume to # percent | change the volume to # percent"
        " | change the volume to # | turn the volume to # percent | turn the volume up to # percent"
        " | turn the volume down to # percent | put the volume at # percent | volume to # percent | volume to #"
        " | volume # percent | volume #",
        "volume",
    ),
    Topic.LOUDER: _phrases(
        "louder | a bit louder | a little louder | much louder | speak louder | be louder | make it louder | speak up"
        " | turn it up | turn up the volume | turn the volume up | turn the volume up by # percent | volume up"
        " | volume up by # percent | increase the volume | increase the volume by # percent | raise the volume"
        " | more volume | you are too quiet",
        "louder up volume quiet",
    ),
    Topic.QUIETER: _phrases(
        "quieter | a bit quieter | a little quieter | much quieter | speak quieter | speak more quietly | be quieter"
        " | make it quieter | softer | speak softer | turn it down | turn down the volume | turn the volume down"
        " | turn the volume down by # percent | volume down | volume down by # percent | decrease the volume"
        " | decrease the volume by # percent | lower the volume | reduce the volume | less volume | not so loud"
        " | you are too loud",
        "quieter quietly softer down volume loud",
    ),
    Topic.WHO: _phrases(
        "who are you | what are you | what is your name | what are you called | who am i talking to"
        " | introduce yourself | who is this",
        "who you your yourself",
    ),
    Topic.ABILITIES: _phrases(
        "what can you do | what can i say | what can i ask | what can i ask you | how can you help me | help | help me"
        " | what do you understand | what are you able to do",
        "can help understand able",
    ),
    Topic.STORY: _phrases(
        "tell me a story | tell me a long story | tell a story | tell me about yourself"
        " | tell me about yourself in detail"
        " | tell me more about yourself | tell me everything about yourself | tell me something | talk to me"
        " | tell me something about yourself | tell me something about today | tell me about today | tell me a tale",
        "story yourself something talk today tale",
    ),
    Topic.SEE: _phrases(
        "what do you see | what do you see now | what can you see | what are you seeing | what do you see here"
        " | what is in the picture | what is in this picture | describe the picture | describe what you see"
        " | tell me what you see | do you see anything | can you see anything | look at this"
        " | what does the camera see",
        "see seeing picture look camera",
    ),
    Topic.STOP: _phrases(
        "stop | stop it | stop that | stop talking | be quiet | quiet | silence | shut up | enough | that is enough"
        " | okay stop | stop now | cancel",
    ),
    Topic.NEVER_MIND: _phrases(
        "never mind | nevermind | forget it | forget about it | nothing | no thanks | no thank you"
    ),
    Topic.THANKS: _phrases(
        "thank you | thanks | thank you very much | thank you so much | thanks a lot | many thanks | okay thank you"
        " | great thank you",
    ),
    Topic.HELLO: _phrases(
        "hello | hi | hello there | hi there | hey there | hey | good morning | good afternoon | good evening"
        " | are you there | can you hear me",
    ),
    Topic.GOODBYE: _phrases("goodbye | good bye | bye | bye bye | good night | see you later"),
}
