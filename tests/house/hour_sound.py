"""Sound for an hour of talk: words that flite has spoken once, a room without echo, ears that remember what was said.

For whoever edits this: everything is made before the hour begins, so that it is no growth. The room is an AudioDevice
like any other; it keeps what its microphone has heard lately, and `RoomEars` finds an utterance in there again,
sample for sample: what reaches the server and was never said so is an error, not a guess.
"""

import asyncio
from collections import deque
from dataclasses import dataclass

import numpy as np

from satellite.app.announcer import sentences as pieces_of
from satellite.audio.capture import CaptureBuffer
from satellite.audio.device import AudioActivity, DeviceReports
from satellite.audio.playback import PlaybackBuffer
from satellite.core import pcm
from satellite.core.commands import Notice
from satellite.core.errors import SpeechError
from satellite.simroom.acoustics import PinkNoise, at_speech_level, to_pcm, to_signal, without_margins
from satellite.simroom.people import sentence
from satellite.speech.notices import sentence as notice_sentence
from satellite.speech.voice import synthesise

UNITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEENS = ("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
ONES = (*UNITS, "ten", *TEENS)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
OTHER_WORDS = ("hundred", "question", "answer", "again", "once", "more", "it", "is")
WAKE_WORD = "hey jarvis"

WORD_GAP_MS = 40
BLOCK_MS = 40
LATENCY_SAMPLES = pcm.samples_of_ms(20)
SOUNDING = 20
"""Amplitude from which a sample is sound: what is counted is how much of an answer was played, not how loud."""

DOZE_S = 0.3
LEAD_IN_MS, AWAKE_MS = 400, 1600
"""A microphone that dozes hears so much of the quiet before somebody speaks, and after."""

REMEMBERED_BYTES, FORGOTTEN_BYTES = 100 * 2 * pcm.CAPTURE_RATE_HZ, 10 * 2 * pcm.CAPTURE_RATE_HZ
"""What the ears remember of the microphone; an utterance is answered, or given up, long before."""


def sounding_samples(sound: bytes, threshold: int = SOUNDING) -> int:
    """How many samples are sound."""
    if not sound.strip(b"\0"):
        return 0
    return int(np.count_nonzero(np.abs(np.frombuffer(sound, "<i2").astype(np.int32)) >= threshold))


def number_in_words(number: int) -> str:
    """0 to 999 as it is said: `three hundred twenty one`."""
    words = [ONES[number // 100], "hundred"] if number >= 100 else []
    rest = number % 100
    if rest >= 20:
        words += [TENS[rest // 10 - 2]] + ([ONES[rest % 10]] if rest % 10 else [])
    elif rest or not words:
        words.append(ONES[rest])
    return " ".join(words)


class Words:
    """Speaks with one voice of flite what consists of known words: each was synthesised once."""

    def __init__(self, voice: str, rate_hz: int, level_dbfs: float) -> None:
        self._gap = pcm.silence(rate_hz * WORD_GAP_MS // 1000)
        self._spoken: dict[str, bytes] = {}
        for word in (*ONES, *TENS, *OTHER_WORDS):
            signal = without_margins(to_signal(synthesise(word, voice, rate_hz)))
            self._spoken[word] = to_pcm(at_speech_level(signal, level_dbfs))

    def say(self, text: str) -> bytes:
        """The sound of it. KeyError for a word nobody has taught it."""
        return self._gap.join(self._spoken[word] for word in text.lower().strip(" .").split())

    async def speak(self, text: str) -> bytes:
        """The same, as a voice of the server."""
        return self.say(text)


class NoticeVoice:
    """The satellite's own voice: real flite, each sentence spoken once."""

    def __init__(self) -> None:
        texts = [piece.strip() for notice in Notice for piece in pieces_of(notice_sentence(notice))]
        self._spoken = {text: synthesise(text, "slt", pcm.REPLY_RATE_HZ) for text in texts}

    async def speak(self, text: str) -> bytes:
        """24 kHz s16le mono. KeyError for what is no notice."""
        return self._spoken[text.strip()]


@dataclass(slots=True)
class Said:
    """Something that was said aloud: its words, and where in the room's samples."""

    words: str
    first_sample: int
    end_sample: int


class LeanRoom:
    """Implements satellite.audio.device.AudioDevice: a quiet room, no echo. Everything on the loop."""

    def __init__(
        self, capture: CaptureBuffer, playback: PlaybackBuffer, reports: DeviceReports, *, dozes: bool = False
    ) -> None:
        """`dozes`: while the room is quiet the microphone delivers nothing, as if no time had passed."""
        self._dozes = dozes
        self._awake_blocks = 0
        self._capture = capture
        self._playback = playback
        self._reports = reports
        self._block_samples = pcm.samples_of_ms(BLOCK_MS)
        noise = PinkNoise(-60.0).next_block(self._block_samples * 801)
        self._noise = np.frombuffer(to_pcm(noise), "<i2").reshape(-1, self._block_samples)
        self._noise_pcm = [row.tobytes() for row in self._noise]
        self._blocks = 0
        self._speaking: deque[tuple[bytes, asyncio.Future[None]]] = deque()
        self._at_bytes = 0
        self._lead_in_blocks = 0
        self._said: deque[Said] = deque(maxlen=40)
        self._heard = bytearray()
        self.sounding_samples = 0
        """Samples of the speaker so far that were sound, not silence."""

    @property
    def sample(self) -> int:
        """Samples since the room began."""
        return self._blocks * self._block_samples

    @property
    def last_activity(self) -> AudioActivity:
        """The microphone lives."""
        return AudioActivity(input_block_age_s=0.0, microphone_lost=False, call_in_progress_s=None)

    async def run(self) -> None:
        """Let time pass in the room until cancelled."""
        loop = asyncio.get_running_loop()
        began_at_s = loop.time()
        self._capture.configure(pcm.CAPTURE_RATE_HZ)
        self._playback.configure(pcm.CAPTURE_RATE_HZ, LATENCY_SAMPLES)
        self._reports.microphone_found()
        self._reports.speaker_found()
        passed_s = 0.0
        while True:
            step_s = DOZE_S if self._is_asleep() else BLOCK_MS / 1000
            passed_s += step_s
            await asyncio.sleep(max(0.0, began_at_s + passed_s - loop.time()))
            if step_s != DOZE_S:
                self._pass_block()

    def speak(self, words: str, sound: bytes) -> asyncio.Future[None]:
        """Someone says `words` from the next block on, after whoever speaks; the future is done at their end."""
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._awake_blocks = AWAKE_MS // BLOCK_MS
        if self._dozes and not self._speaking:
            self._lead_in_blocks = LEAD_IN_MS // BLOCK_MS
        behind = (
            self._lead_in_blocks * 2 * self._block_samples
            + sum(len(waiting) for waiting, _ in self._speaking)
            - self._at_bytes
        )
        first = self.sample + pcm.samples_of_bytes(behind)
        whole = sound + bytes(-len(sound) % (2 * self._block_samples))
        self._said.append(Said(words, first, first + pcm.samples_of_bytes(len(whole))))
        self._speaking.append((whole, end))
        return end

    def understand(self, utterance: bytes) -> list[str]:
        """What was said, by whole sentences, while the microphone heard exactly this. SpeechError: never did it."""
        at_bytes = bytes(self._heard).find(utterance)
        if at_bytes < 0:
            raise SpeechError("the server was sent sound that the microphone has not heard in one piece")
        first = self.sample - pcm.samples_of_bytes(len(self._heard) - at_bytes)
        end = first + pcm.samples_of_bytes(len(utterance))
        return [said.words for said in self._said if first <= said.first_sample and said.end_sample <= end]

    def _pass_block(self) -> None:
        played = self._playback.pull(self._block_samples)
        self.sounding_samples += sounding_samples(played)
        if self._dozes and not self._awake_blocks:
            return
        self._awake_blocks -= 1
        block = self._microphone()
        self._heard += block
        if len(self._heard) > REMEMBERED_BYTES + FORGOTTEN_BYTES:
            del self._heard[:FORGOTTEN_BYTES]
        self._blocks += 1
        self._capture.put(block)

    def _is_asleep(self) -> bool:
        return self._dozes and not self._awake_blocks and self._playback.idle

    def _microphone(self) -> bytes:
        row = self._blocks % len(self._noise)
        if not self._speaking:
            return self._noise_pcm[row]
        if self._lead_in_blocks:
            self._lead_in_blocks -= 1
            return self._noise_pcm[row]
        self._awake_blocks = AWAKE_MS // BLOCK_MS
        sound, end = self._speaking[0]
        speech = np.frombuffer(sound, "<i2", self._block_samples, self._at_bytes)
        self._at_bytes += 2 * self._block_samples
        if self._at_bytes >= len(sound):
            self._speaking.popleft()
            self._at_bytes = 0
            end.set_result(None)
        heard: bytes = (speech + self._noise[row]).astype("<i2").tobytes()
        return heard


class RoomEars:
    """A recogniser that looks up in the room what was said."""

    def __init__(self) -> None:
        self.room: LeanRoom | None = None
        self.failed: list[str] = []

    async def recognise(self, pcm16k: bytes) -> str:
        """The sentences, the wake word left out."""
        assert self.room is not None
        try:
            said = self.room.understand(pcm16k)
        except SpeechError as error:
            self.failed.append(str(error))
            raise
        return ". ".join(words for words in said if words != WAKE_WORD)


def wake_word(voice: str) -> bytes:
    """Someone says the wake word."""
    return sentence(WAKE_WORD, voice)
