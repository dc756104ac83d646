"""The parts of a setup that mean the same for every model, with their defaults filled in (LIVE_API 2.1, 2.1.2).

Detection, coverage, transcripts, compression, resolution. Each raises a Refusal for what makes no sense; what a family
of models takes is model_rules.py's business.
"""

from satellite.live.messages import (
    AudioTranscriptionConfig,
    ContextWindowCompressionConfig,
    EndSensitivity,
    MediaResolution,
    RealtimeInputConfig,
    StartSensitivity,
    TranscriptionMode,
    TurnCoverage,
)
from satellite.live.models import LONGEST_DETECTION_MS, Coverage, ModelFamily
from satellite.live_server.activity import DetectionRules
from satellite.live_server.refusals import invalid_argument
from satellite.live_server.session_rules import CompressionRules, TranscriptRules

COVERAGE = {
    TurnCoverage.TURN_INCLUDES_ONLY_ACTIVITY: Coverage.ONLY_ACTIVITY,
    TurnCoverage.TURN_INCLUDES_ALL_INPUT: Coverage.ALL_INPUT,
    TurnCoverage.TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO: Coverage.AUDIO_ACTIVITY_AND_ALL_VIDEO,
}


def transcript_of(asked: AudioTranscriptionConfig | None) -> TranscriptRules:
    """How one side's words are to be written down."""
    if asked is None:
        return TranscriptRules()
    smart = asked.mode is TranscriptionMode.SMART
    if smart and (asked.word_timestamp or asked.diarization):
        raise invalid_argument("transcripts of mode SMART have no timestamps and no diarization")
    return TranscriptRules(
        language_codes=tuple(asked.language_codes),
        custom_vocabulary=tuple(asked.custom_vocabulary),
        word_timestamps=asked.word_timestamp,
        diarization=asked.diarization,
        smart=smart,
    )


def compression_of(asked: ContextWindowCompressionConfig | None, family: ModelFamily) -> CompressionRules | None:
    """When and how far the context is compressed; None: never."""
    if asked is None:
        return None
    target = asked.sliding_window.target_tokens if asked.sliding_window else None
    try:
        return CompressionRules(*family.compression_tokens(asked.trigger_tokens, target))
    except ValueError:
        raise invalid_argument("contextWindowCompression: 0 < targetTokens < triggerTokens <= the window") from None


def resolution_of(asked: MediaResolution | None) -> str:
    """low, medium or high; "" where nothing is said."""
    if asked is None or asked is MediaResolution.MEDIA_RESOLUTION_UNSPECIFIED:
        return ""
    return asked.value.removeprefix("MEDIA_RESOLUTION_").lower()


def coverage_of(asked: TurnCoverage | None, family: ModelFamily) -> Coverage:
    """What belongs to a turn, the family's own where nothing is said."""
    return COVERAGE.get(asked, family.turn_coverage) if asked else family.turn_coverage


def detection_of(realtime: RealtimeInputConfig) -> DetectionRules | None:
    """The knobs of automatic detection; None where it is switched off."""
    asked = realtime.automatic_activity_detection
    if asked is None:
        return DetectionRules()
    if asked.disabled:
        return None
    defaults = DetectionRules()
    start_low = asked.start_of_speech_sensitivity is StartSensitivity.START_SENSITIVITY_LOW
    end_low = asked.end_of_speech_sensitivity is EndSensitivity.END_SENSITIVITY_LOW
    return DetectionRules(
        start_sensitivity="low" if start_low else "high",
        end_sensitivity="low" if end_low else "high",
        prefix_padding_ms=_duration_ms("prefixPaddingMs", asked.prefix_padding_ms, defaults.prefix_padding_ms),
        silence_duration_ms=_duration_ms("silenceDurationMs", asked.silence_duration_ms, defaults.silence_duration_ms),
    )


def _duration_ms(name: str, asked_ms: int | None, default_ms: int) -> int:
    if asked_ms is None:
        return default_ms
    if not 0 <= asked_ms <= LONGEST_DETECTION_MS:
        raise invalid_argument(f"{name} is out of range")
    return asked_ms
