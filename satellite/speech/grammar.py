"""The light recogniser: pocketsphinx with a grammar of the assistant's commands, for boards too small for Whisper.

It hears these sentences and no others, in a tenth of the time and a third of the memory, so the assistant's commands
are spelled out here: whoever teaches intents.py a new one adds its sentences. Imported in the recogniser's
process only. What is not a command it would still take for the nearest one, so a second pass with a
free loop of phones asks whether the sound fits the command about as well as it fits anything.
"""

from math import log

import numpy as np
import numpy.typing as npt
from pocketsphinx import Decoder, get_model_path

from satellite.core.pcm import samples_of_ms

QUIET_DBFS = -60.0
"""Sound that nowhere gets louder than this holds nothing."""

SHORTEST_SAMPLES = samples_of_ms(100)

FRAME_SAMPLES = samples_of_ms(10)
"""The decoder's own step."""

VOICE_RANGE_DB = 25.0
"""Softer than the loudest moment by more than this is not the voice."""

COVERED = 0.9
"""Share of the voice that the command's words must account for: commands have .98 to 1, other speech .1 to 1."""

LONG_FRAMES = 110
LONG_FIT = 0.03
SHORT_FIT = -0.11
"""How well a command must fit, as the logarithm of its score over that of free phones. Measured with three voices:
commands longer than LONG_FRAMES .07 to .47, shorter ones from -.1; other speech -.47 to .04 and -.17 to -.02."""

JSGF = """#JSGF V1.0;
grammar commands;
public <command> = [<address>] ( <ask> | <act> | <small_talk> );
<address> = hey jarvis | ok jarvis;
<ask> = what time is it | what is the time | tell me the time
      | what day is it [today] | what is the date [today] | what is today's date
      | ( what is | how much is ) <number> <operator> <number>
      | who are you | what is your name | what can you do
      | tell me a story | tell me about yourself [in detail];
<operator> = plus | minus | times | divided by | multiplied by;
<act> = set a timer for <duration> | set a <count> ( second | minute | hour ) timer
      | cancel ( the | my ) timer | stop the timer
      | set the volume to <number> percent | volume <number> [percent]
      | louder | quieter | turn it up | turn it down | volume up | volume down;
<duration> = <count> ( second | seconds | minute | minutes | hour | hours ) | half an hour | an hour | a minute
      | an hour and a half;
<small_talk> = hello | good morning | good evening | stop | never mind | be quiet | thank you | thanks;
<count> = <number>;
<number> = <small> | <teens> | <tens> [<digit>] | [ one ] hundred;
<small> = zero | <digit> | ten;
<digit> = one | two | three | four | five | six | seven | eight | nine;
<teens> = eleven | twelve | thirteen | fourteen | fifteen | sixteen | seventeen | eighteen | nineteen;
<tens> = twenty | thirty | forty | fifty | sixty | seventy | eighty | ninety;
"""


class Grammar:
    """The loaded decoder. One thread; driven by the worker's loop, one request at a time."""

    def __init__(self) -> None:
        self._decoder = Decoder(lm=None, loglevel="FATAL")
        self._decoder.add_jsgf_string("commands", JSGF)
        self._decoder.add_allphone_file("phones", get_model_path("en-us/en-us-phone.lm.bin"))

    def recognise(self, pcm: bytes) -> str:
        """The command in 16 kHz s16le mono sound; empty when there is none, or something else was said."""
        loud = _loud_frames(pcm)
        if not loud.any():
            return ""
        command, score = self._search("commands", pcm)
        if not command:
            return ""
        is_word = np.zeros(len(loud), bool)
        for piece in self._decoder.seg():
            if not piece.word.startswith(("<", "[")):  # fillers: <sil>, [NOISE]
                is_word[piece.start_frame : piece.end_frame + 1] = True
        if is_word[loud].mean() < COVERED:
            return ""
        _, anything = self._search("phones", pcm)
        wanted = LONG_FIT if is_word.sum() > LONG_FRAMES else SHORT_FIT
        return command if log(score) - log(anything) > wanted else ""

    def _search(self, name: str, pcm: bytes) -> tuple[str, float]:
        """What that search hears, and its score; an empty text has the worst score."""
        self._decoder.activate_search(name)
        self._decoder.start_utt()
        self._decoder.process_raw(pcm, full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        if found is None or found.best_score <= 0:
            return "", 1e-30
        return found.hypstr, found.best_score


def _loud_frames(pcm: bytes) -> npt.NDArray[np.bool_]:
    """For each 10 ms, whether it belongs to the voice rather than to the background."""
    samples = np.frombuffer(pcm, "<i2", count=len(pcm) // 2).astype(np.float64) / 32768
    frames = len(samples) // FRAME_SAMPLES
    if len(samples) < SHORTEST_SAMPLES:
        return np.zeros(frames, bool)
    power = (samples[: frames * FRAME_SAMPLES].reshape(frames, FRAME_SAMPLES) ** 2).mean(axis=1)
    level_dbfs = 10 * np.log10(power + 1e-12)
    loudest = level_dbfs.max()
    middle = (loudest + np.percentile(level_dbfs, 10)) / 2
    loud: npt.NDArray[np.bool_] = level_dbfs > max(QUIET_DBFS, loudest - VOICE_RANGE_DB, middle)
    return loud
