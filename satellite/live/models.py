"""What each family of Live models takes: one row per family, found by the prefix of the model's name.

Sources: LIVE_API.md sections 5.1 and 5.2. A new model needs a row only when its rules differ; a name that
no row knows gets the rules of the newest family, because that is what newer models were like so far.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelFamily:
    """The rules of a family of models."""

    name: str
    prefixes: tuple[str, ...]
    takes_language: bool
    """speechConfig.languageCode may be sent; native audio models choose the language by themselves."""
    text_as_realtime_input: bool
    """A text turn is realtimeInput.text; clientContent is history only."""
    thinking_level: str | None = None
    """Level that must be in thinkingConfig; None: thinkingConfig is not sent (3.8-live closes with 1007 if it is)."""


NEWEST = ModelFamily(
    name="3.8 native audio", prefixes=("gemini-3.8-live",), takes_language=False, text_as_realtime_input=True
)

FAMILIES = (
    NEWEST,
    ModelFamily(
        name="3.8 extended thinking",
        prefixes=("gemini-3.8-live-extended-thinking",),
        takes_language=False,
        text_as_realtime_input=True,
        thinking_level="LOW",
    ),
    ModelFamily(
        name="3.1 native audio",
        prefixes=("gemini-3.1-flash-live",),
        takes_language=False,
        text_as_realtime_input=True,
    ),
    ModelFamily(
        name="2.5 native audio",
        prefixes=(
            "gemini-2.5-flash-native-audio",
            "gemini-2.5-flash-preview-native-audio",
            "gemini-2.5-flash-exp-native-audio",
            "gemini-live-2.5-flash-native-audio",
            "gemini-live-2.5-flash-preview-native-audio",
        ),
        takes_language=False,
        text_as_realtime_input=False,
    ),
    ModelFamily(
        name="half cascade",
        prefixes=("gemini-2.0-flash-", "gemini-live-2.5-flash"),
        takes_language=True,
        text_as_realtime_input=False,
    ),
)


def bare_name(model: str) -> str:
    """`gemini-3.8-live` of `models/gemini-3.8-live` or a longer resource name."""
    return model.rsplit("/", 1)[-1]


def known_family(model: str) -> ModelFamily | None:
    """The family with the longest prefix of this model's name, or None."""
    name = bare_name(model)
    matches = [(len(prefix), row) for row in FAMILIES for prefix in row.prefixes if name.startswith(prefix)]
    return max(matches, key=lambda match: match[0])[1] if matches else None


def family_of(model: str) -> ModelFamily:
    """The rules for this model; those of the newest family when its name is unknown."""
    return known_family(model) or NEWEST
