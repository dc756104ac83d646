"""What the engines hear: the words of flite's voices, and nothing where nobody speaks."""

import pytest
from speech.engines import ENGINES, Engine, hear, knocks, letters, pink_noise, said, tone, white_noise

from satellite.core.pcm import CAPTURE_RATE_HZ, silence
from satellite.speech.whisper import says_twice

SPOKEN = {
    "What time is it?": ("what time is it",),
    "What is twelve plus thirty?": ("what is 12 plus 30", "what is twelve plus thirty"),
    "Set a timer for ten minutes.": ("set a timer for 10 minutes", "set a timer for ten minutes"),
    "Who are you?": ("who are you",),
    "Tell me a story.": ("tell me a story",),
}


@pytest.mark.parametrize("voice", ["slt", "rms"])
@pytest.mark.parametrize("engine", ENGINES)
def test_the_words_of_a_command_are_recognised(engine: Engine, voice: str) -> None:
    heard = hear(engine, [said(text, voice) for text in SPOKEN])
    for text, forms in zip(heard, SPOKEN.values(), strict=True):
        assert letters(text) in forms


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_is_heard_where_nobody_speaks(engine: Engine) -> None:
    sounds = {
        "nothing": b"",
        "one byte": b"\x01",
        "20 ms": silence(320),
        "silence": silence(CAPTURE_RATE_HZ),
        "long silence": silence(35 * CAPTURE_RATE_HZ),
        "soft white noise": white_noise(2, -60),
        "white noise": white_noise(3, -40),
        "loud white noise": white_noise(1, -20),
        "soft pink noise": pink_noise(3, -55),
        "pink noise": pink_noise(2, -35),
        "loud pink noise": pink_noise(8, -20),
        "hum": tone(3, 100),
        "tone": tone(3, 440),
        "knocks": knocks(3),
    }
    heard = hear(engine, list(sounds.values()))
    assert {name: text for name, text in zip(sounds, heard, strict=True) if text} == {}


def test_speech_longer_than_whispers_window_is_heard_to_its_end() -> None:
    middle = said("The kitchen window is open, and the garden door is closed.") * 9
    sound = said("What time is it?") + middle + said("Set a timer for ten minutes.")
    assert len(sound) / 2 / CAPTURE_RATE_HZ > 35
    [heard] = hear("whisper", [sound])
    assert letters(heard).startswith("what time is it")
    assert letters(heard).endswith(("set a timer for 10 minutes", "set a timer for ten minutes"))


def test_whisper_hears_free_words() -> None:
    [heard] = hear("whisper", [said("Repeat after me, mary had a little lamb.", "rms")])
    assert letters(heard) == "repeat after me mary had a little lamb"


def test_the_grammar_takes_no_other_sentence_for_a_command() -> None:
    others = (
        "I think we should paint the wall green.",
        "The quick brown fox jumps over the lazy dog.",
        "Did you feed the cat this morning?",
        "Please pass the salt.",
        "My brother arrives on Sunday with the train.",
    )
    assert hear("grammar", [said(text, voice) for text in others for voice in ("slt", "rms")]) == [""] * 10


@pytest.mark.parametrize(
    ("text", "twice"),
    [
        ("Repeat after me, the fox. Repeat after me, the fox.", True),
        ("Alexa? Alexa? Alexa? Alexa?", True),
        ("What time is it?", False),
        ("No, no, no.", False),
        ("", False),
    ],
)
def test_a_decoder_that_turns_in_circles_is_noticed(text: str, twice: bool) -> None:
    assert says_twice(text) is twice
