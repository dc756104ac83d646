"""The rules one connection follows: what its setup asked for, checked, with the defaults filled in.

Written by model_rules.py, read by whatever serves the connection. Who adds a field fills it in there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from satellite.live.models import DEVELOPER, NATIVE_WINDOW_TOKENS, Coverage, ModelFamily
from satellite.live_server.activity import DetectionRules

FunctionBehavior = Literal["blocking", "non_blocking"]


@dataclass(frozen=True, slots=True)
class TranscriptRules:
    """How one side's words are to be written down."""

    language_codes: tuple[str, ...] = ()
    custom_vocabulary: tuple[str, ...] = ()
    word_timestamps: bool = False
    diarization: bool = False
    smart: bool = False
    """Tidied instead of word by word."""


@dataclass(frozen=True, slots=True)
class CompressionRules:
    """When the context grows beyond `trigger_tokens`, the oldest turns go until it has at most `target_tokens`."""

    trigger_tokens: int
    target_tokens: int


@dataclass(frozen=True, slots=True)
class SessionRules:
    """What a setup asked for, checked, with its defaults filled in."""

    model: str
    """As the client wrote it."""
    family: ModelFamily
    audio_reply: bool
    detection: DetectionRules | None
    """None: the client says where its turns begin and end."""
    interruptible: bool
    """The start of an activity cuts the reply. clientContent does so in any case."""
    transcribe_input: bool
    transcribe_output: bool
    resumable: bool
    handle: str
    initial_history: bool
    """The first clientContent messages, up to turnComplete, are history and start no reply."""
    system_instruction: str
    functions: Mapping[str, FunctionBehavior]
    """The client's functions by name, each with its behaviour, the family's default filled in."""
    backend: str = DEVELOPER
    turn_coverage: Coverage = Coverage.AUDIO_ACTIVITY_AND_ALL_VIDEO
    input_transcript: TranscriptRules = TranscriptRules()
    output_transcript: TranscriptRules = TranscriptRules()
    draft_timestamps: bool = False
    """Drafts of the input's transcript come with their instants."""
    transparent: bool = False
    """Handles say up to which client message they reach (Vertex AI)."""
    compression: CompressionRules | None = None
    """None: the session ends when its context is full."""
    context_window_tokens: int = NATIVE_WINDOW_TOKENS
    server_tools: frozenset[str] = frozenset()
    """The tools at the server that the model may use: google_search, code_execution, url_context, google_maps."""
    include_thoughts: bool = False
    thinking_level: str = ""
    """minimal to high, "": the model's own or none."""
    thinking_budget: int | None = None
    affective: bool = False
    proactive: bool = False
    """The model may stay silent where it is not meant."""
    explicit_vad: bool = False
    """The client is told what is detected."""
    media_resolution: str = ""
    """low, medium, high; "": the model's own."""
    max_output_tokens: int | None = None
    voice: str = ""
    language: str = ""
