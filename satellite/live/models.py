"""What each family of Live models takes and does: one row per family, found by the prefix of the model's name.

The one table for both sides: setup_rules.py checks a configuration by it, setup.py writes the setup by it, the
embedded server refuses by it. A new model needs a row only when its rules differ; a name that no row knows gets
the rules of the newest family, because that is what newer models were like so far.

Sources: LIVE_API.md 2.1, 4.5, 4.6, 5.1 and 5.2; for tools and token limits Google's page of each model
(ai.google.dev/gemini-api/docs/models); for the languages "Valid values" of SpeechConfig in Google's public
protobuf (Developer API) and "Configure language and voice" (Vertex AI). [INF] marks what no source says.
"""

from dataclasses import dataclass
from enum import StrEnum

DEVELOPER = "developer"
VERTEX = "vertex"
"""The two backends, by the words of live.backend."""

VERSIONS = {DEVELOPER: ("v1beta", "v1alpha", "v1"), VERTEX: ("v1beta1", "v1")}
"""Versions of the API by backend, the usual one first (LIVE_API 1.1, 1.4; v1 of Vertex AI is not in it [INF])."""

ALPHA = "v1alpha"
"""The Developer API's version that knows affective dialog and proactive audio (LIVE_API 1.1)."""

LONGEST_DETECTION_MS = 30_000
"""Bound of prefixPaddingMs and silenceDurationMs here; what Google allows is not known."""

LARGEST_THINKING_BUDGET_TOKENS = 24_576
"""Of the 2.5 Flash models (Google's page on thinking); 0 is off and -1 is as many as the model likes."""

NATIVE_WINDOW_TOKENS = 131_072
"""128k: native audio models (LIVE_API 4.6; the model pages give the exact number)."""

OTHER_WINDOW_TOKENS = 32_768
"""32k: all others (LIVE_API 4.6)."""

CONNECTION_AGE_S = 540
"""A connection gets its goAway at nine minutes (LIVE_API 4.6)."""

LONG_CONNECTION_AGE_S = 3420
"""57 minutes: 3.8 closes at 58:00, without a goAway that anybody has seen (LIVE_API 4.6)."""

HALF_CASCADE_VOICES = frozenset({"Puck", "Charon", "Kore", "Fenrir", "Aoede", "Leda", "Orus", "Zephyr"})
# fmt: off
NATIVE_VOICES = HALF_CASCADE_VOICES | {
    "Callirrhoe", "Autonoe", "Enceladus", "Iapetus", "Umbriel", "Algieba", "Despina", "Erinome", "Algenib",
    "Rasalgethi", "Laomedeia", "Achernar", "Alnilam", "Schedar", "Gacrux", "Pulcherrima", "Achird",
    "Zubenelgenubi", "Vindemiatrix", "Sadachbia", "Sadaltager", "Sulafat",
}
"""The 30 voices of the native audio models (LIVE_API 5.2)."""

LANGUAGES = {
    DEVELOPER: frozenset({
        "de-DE", "en-AU", "en-GB", "en-IN", "en-US", "es-US", "fr-FR", "hi-IN", "pt-BR", "ar-XA", "es-ES", "fr-CA",
        "id-ID", "it-IT", "ja-JP", "tr-TR", "vi-VN", "bn-IN", "gu-IN", "kn-IN", "ml-IN", "mr-IN", "ta-IN", "te-IN",
        "nl-NL", "ko-KR", "cmn-CN", "pl-PL", "ru-RU", "th-TH",
    }),
    VERTEX: frozenset({
        "ar-EG", "bn-BD", "nl-NL", "en-IN", "en-US", "fr-FR", "de-DE", "hi-IN", "id-ID", "it-IT", "ja-JP", "ko-KR",
        "mr-IN", "pl-PL", "pt-BR", "ro-RO", "ru-RU", "es-US", "ta-IN", "te-IN", "th-TH", "tr-TR", "uk-UA", "vi-VN",
    }),
}
# fmt: on
"""Values of languageCode for the models that take one: 30 on the Developer API, 24 on Vertex AI."""

STARRED_LANGUAGES = frozenset({"en-AU", "en-GB", "es-ES", "fr-CA", "gu-IN", "kn-IN", "ml-IN", "cmn-CN"})
"""Of the 30, those that native audio models do not speak at all (LIVE_API 7, row 23)."""


class Reply(StrEnum):
    """What a reply is made of."""

    AUDIO = "audio"
    TEXT = "text"


class Thinking(StrEnum):
    """How thinkingConfig says how much is thought."""

    NONE = "none"
    """thinkingConfig must be absent."""
    BUDGET = "budget"
    """thinkingBudget."""
    LEVEL = "level"
    """thinkingLevel; the model has one of its own."""
    LEVEL_REQUIRED = "level required"
    """thinkingLevel, without which the setup is refused."""


class Proactivity(StrEnum):
    """Whether the model may stay silent."""

    NONE = "none"
    OPTIONAL = "optional"
    ALWAYS = "always on"


class Functions(StrEnum):
    """Which behaviours a declared function may have (LIVE_API 4.5)."""

    NONE = "none"
    """The model calls no functions."""
    BLOCKING = "blocking only"
    BOTH = "both"
    """BLOCKING unless a declaration says NON_BLOCKING."""
    NON_BLOCKING_DEFAULT = "non-blocking by default"
    """NON_BLOCKING unless a declaration says BLOCKING."""
    ASYNC = "non-blocking only"


class Coverage(StrEnum):
    """What belongs to a turn, in the words of live.detection.turn_coverage."""

    ONLY_ACTIVITY = "only_activity"
    ALL_INPUT = "all_input"
    AUDIO_ACTIVITY_AND_ALL_VIDEO = "audio_activity_and_all_video"


@dataclass(frozen=True, slots=True)
class ModelFamily:
    """The rules of a family of models; the defaults are those of most native audio models."""

    name: str
    developer_prefixes: tuple[str, ...] = ()
    """Beginnings of the names under which the Developer API serves them."""
    vertex_prefixes: tuple[str, ...] = ()
    """Likewise Vertex AI."""
    replies: frozenset[Reply] = frozenset({Reply.AUDIO})
    takes_language: bool = False
    """speechConfig.languageCode may be sent; native audio models choose the language by themselves."""
    voices: frozenset[str] = NATIVE_VOICES
    thinking: Thinking = Thinking.NONE
    thinking_levels: tuple[str, ...] = ()
    """The levels it takes, in the words of live.generation.thinking_level; the first is our default where required."""
    affective: bool = False
    """enableAffectiveDialog; on the Developer API in ALPHA alone."""
    proactivity: Proactivity = Proactivity.NONE
    """proactivity.proactiveAudio; where optional, on the Developer API in ALPHA alone."""
    functions: Functions = Functions.BLOCKING
    server_tools: frozenset[str] = frozenset({"google_search"})
    """In the words of [live.server_tools]."""
    takes_instruction: bool = True
    translates: bool = False
    """generationConfig.translationConfig may be sent."""
    media_chunks: bool = False
    """realtimeInput.mediaChunks is still taken; newer models close with 1007."""
    text_as_realtime_input: bool = True
    """A text turn is realtimeInput.text; clientContent is history only."""
    history_config: bool = True
    """Initial history is announced by historyConfig; without it, it is plain clientContent with turnComplete false."""
    context_updates: bool = False
    """contextUpdate is taken (LIVE_API 2.5)."""
    turn_coverage: Coverage = Coverage.AUDIO_ACTIVITY_AND_ALL_VIDEO
    """The default."""
    context_window_tokens: int = NATIVE_WINDOW_TOKENS
    connection_age_s: int = CONNECTION_AGE_S

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Beginnings of its models' names, on whichever backend."""
        return tuple(dict.fromkeys(self.developer_prefixes + self.vertex_prefixes))

    def serves(self, name: str, backend: str) -> bool:
        """Whether a bare name is one that this backend has, as far as the sources tell."""
        return name.startswith(self.vertex_prefixes if backend == VERTEX else self.developer_prefixes)

    def compression_tokens(self, trigger: int | None, target: int | None) -> tuple[int, int]:
        """Size at which the context is compressed and size afterwards: by default 80 per cent of the window, and half.

        LIVE_API 2.1. ValueError unless 0 < target < trigger <= window.
        """
        trigger = self.context_window_tokens * 4 // 5 if trigger is None else trigger
        target = trigger // 2 if target is None else target
        if not 0 < target < trigger <= self.context_window_tokens:
            raise ValueError(f"{target} < {trigger} <= {self.context_window_tokens}")
        return trigger, target


HALF_CASCADE = ModelFamily(
    name="half cascade",
    developer_prefixes=("gemini-2.0-flash-exp", "gemini-2.0-flash-live-0", "gemini-live-2.5-flash-preview"),
    vertex_prefixes=("gemini-2.0-flash-exp", "gemini-2.0-flash-live-preview", "gemini-live-2.5-flash"),
    replies=frozenset({Reply.AUDIO, Reply.TEXT}),
    takes_language=True,
    voices=HALF_CASCADE_VOICES,
    server_tools=frozenset({"google_search", "code_execution", "url_context"}),
    media_chunks=True,
    text_as_realtime_input=False,
    history_config=False,
    turn_coverage=Coverage.ONLY_ACTIVITY,
    context_window_tokens=OTHER_WINDOW_TOKENS,
)

NATIVE_2_5 = ModelFamily(
    name="2.5 native audio",
    developer_prefixes=(
        "gemini-2.5-flash-native-audio",
        "gemini-2.5-flash-preview-native-audio",
        "gemini-2.5-flash-exp-native-audio",
    ),
    vertex_prefixes=("gemini-live-2.5-flash-native-audio", "gemini-live-2.5-flash-preview-native-audio"),
    thinking=Thinking.BUDGET,
    affective=True,
    proactivity=Proactivity.OPTIONAL,
    functions=Functions.BOTH,
    media_chunks=True,
    text_as_realtime_input=False,
    history_config=False,
    turn_coverage=Coverage.ONLY_ACTIVITY,
)

THINKING_DIALOG_2_5 = ModelFamily(
    name="2.5 native audio thinking dialog",
    developer_prefixes=("gemini-2.5-flash-exp-native-audio-thinking-dialog",),
    thinking=Thinking.BUDGET,
    affective=True,
    proactivity=Proactivity.OPTIONAL,
    functions=Functions.NONE,  # the guide's table of tools: search alone
    media_chunks=True,
    text_as_realtime_input=False,
    history_config=False,
    turn_coverage=Coverage.ONLY_ACTIVITY,
)

LIVE_3_1 = ModelFamily(
    name="3.1 native audio",
    developer_prefixes=("gemini-3.1-flash-live",),
    vertex_prefixes=("gemini-3.1-flash-live",),
    thinking=Thinking.LEVEL,
    thinking_levels=("minimal", "low", "medium", "high"),
)

TRANSLATE_3_5 = ModelFamily(
    name="3.5 live translate",
    developer_prefixes=("gemini-3.5-live-translate",),
    vertex_prefixes=("gemini-3.5-live-translate",),
    functions=Functions.NONE,
    server_tools=frozenset(),
    translates=True,
    takes_instruction=False,  # the page on live translation: no tools, no instructions
    history_config=False,
)

TRANSCRIBE_3_5 = ModelFamily(
    name="3.5 transcribe",
    developer_prefixes=("gemini-3.5-transcribe-live",),
    vertex_prefixes=("gemini-3.5-transcribe-live",),
    replies=frozenset({Reply.TEXT}),
    voices=frozenset(),
    functions=Functions.NONE,
    server_tools=frozenset(),
    takes_instruction=False,  # [INF], as for translation
    history_config=False,
    context_window_tokens=OTHER_WINDOW_TOKENS,
)

LIVE_3_8 = ModelFamily(
    name="3.8 native audio",
    developer_prefixes=("gemini-3.8-live",),
    vertex_prefixes=("gemini-3.8-live",),
    proactivity=Proactivity.ALWAYS,
    functions=Functions.NON_BLOCKING_DEFAULT,
    context_updates=True,
    connection_age_s=LONG_CONNECTION_AGE_S,
)

EXTENDED_THINKING_3_8 = ModelFamily(
    name="3.8 extended thinking",
    developer_prefixes=("gemini-3.8-live-extended-thinking",),
    vertex_prefixes=("gemini-3.8-live-extended-thinking",),
    thinking=Thinking.LEVEL_REQUIRED,
    thinking_levels=("low", "medium", "high"),
    proactivity=Proactivity.ALWAYS,
    functions=Functions.ASYNC,
    context_updates=True,
    connection_age_s=LONG_CONNECTION_AGE_S,
)

NEWEST = LIVE_3_8

FAMILIES = (
    HALF_CASCADE,
    NATIVE_2_5,
    THINKING_DIALOG_2_5,
    LIVE_3_1,
    TRANSLATE_3_5,
    TRANSCRIBE_3_5,
    LIVE_3_8,
    EXTENDED_THINKING_3_8,
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
