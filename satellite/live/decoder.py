"""From the server's messages to the core's events. Pure.

The order of events is fixed whatever a message bundles, and it is this module's to keep: a reply that was
interrupted must be known as such before any audio beside that news is looked at. Remote input never
raises: what cannot be read is left out and counted.
"""

import json
from functools import lru_cache

from satellite.core import pcm
from satellite.core.event import Event
from satellite.core.link_events import (
    GenerationCompleted,
    GoAwayReceived,
    Grounded,
    InputDrafted,
    InputTranscribed,
    OutputTranscribed,
    ReplyChunkReceived,
    ReplyInterrupted,
    ReplyTextReceived,
    ResumptionUpdated,
    SessionOpened,
    Source,
    ThoughtReceived,
    ToolCallReceived,
    ToolCallsCancelled,
    TurnCompleted,
    UsageReported,
    VoiceActivityReported,
    Word,
)
from satellite.core.usage import TokenCounts
from satellite.live.content import Part
from satellite.live.server_json import ServerReader
from satellite.live.server_messages import (
    GroundingMetadata,
    ModalityTokenCount,
    ServerContent,
    ServerMessage,
    SessionResumptionUpdate,
    ToolCall,
    Transcription,
    UrlContextMetadata,
    UsageMetadata,
    WordInfo,
)
from satellite.live.wire import OWN_ID

MODALITIES = frozenset({"text", "audio", "image", "video", "document"})
OTHER = "other"
"""Tokens of a modality that is newer than this table, or that no detail names."""

UNSPECIFIED_REASON = "TURN_COMPLETE_REASON_UNSPECIFIED"
RETRIEVED = "URL_RETRIEVAL_STATUS_SUCCESS"
VOICE_ACTIVE = {
    "ACTIVITY_START": True,
    "ACTIVITY_END": False,
    "VAD_SIGNAL_TYPE_SOS": True,
    "VAD_SIGNAL_TYPE_EOS": False,
}


class Decoder:
    """Reads the messages of one connection, in order. Driven by the session's reader task.

    It remembers half a sample between two chunks, whether the model waits for its user, how much could not be read
    (`unreadable`) and how much was newer than the models here (`unknown`).
    """

    def __init__(self, session: int) -> None:
        self._session = session
        self._opened = False
        self._half_sample = b""
        self._waits = False
        self._nameless_calls = 0
        self._reader = ServerReader()
        self._unreadable_parts = 0

    @property
    def unreadable(self) -> int:
        """Messages and parts of which something could not be read."""
        return self._reader.unreadable + self._unreadable_parts

    @property
    def unknown(self) -> int:
        """Fields and enum values that were ignored because nothing here knows them."""
        return self._reader.unknown

    def decode(self, message: str | bytes) -> list[Event]:
        """The events in a message, in the fixed order; empty when there are none for the core."""
        parsed = self._reader.read(message)
        if parsed is None:
            return []
        session = self._session
        content = parsed.server_content
        events: list[Event] = []
        if parsed.setup_complete is not None and not self._opened:
            self._opened = True
            events.append(SessionOpened(session))
        if content is not None and content.interrupted:
            self._half_sample = b""
            self._waits = False
            events.append(ReplyInterrupted(session))
        if parsed.session_resumption_update is not None:
            events.append(ResumptionUpdated(session, _handle(parsed.session_resumption_update)))
        if parsed.usage_metadata is not None:
            events.append(UsageReported(session, token_counts(parsed.usage_metadata)))
        if content is not None:
            if content.model_turn is not None:
                self._reply(content.model_turn.parts, events)
            self._transcripts(content, events)
            if content.grounding_metadata is not None or content.url_context_metadata is not None:
                self._sources(content, events)
        if parsed.voice_activity is not None or parsed.voice_activity_detection_signal is not None:
            self._voice_activity(parsed, events)
        if content is not None:
            self._ends(content, events)
        if parsed.tool_call is not None:
            self._tool_calls(parsed.tool_call, events)
        if parsed.tool_call_cancellation is not None and parsed.tool_call_cancellation.ids:
            events.append(ToolCallsCancelled(session, tuple(parsed.tool_call_cancellation.ids)))
        if parsed.go_away is not None:
            events.append(GoAwayReceived(session, self._duration_ms(parsed.go_away.time_left)))
        return events

    def _reply(self, parts: list[Part], events: list[Event]) -> None:
        """The sound of all parts, then their text, then their thoughts. Code and its results are not for the user."""
        sounds = [self._half_sample] if self._half_sample else []
        texts: list[str] = []
        thoughts: list[str] = []
        for part in parts:
            if part.inline_data is not None and not part.thought:  # a thought is not spoken
                if is_reply_audio(part.inline_data.mime_type):
                    sounds.append(part.inline_data.data)
                else:
                    self._unreadable_parts += 1
            if part.text:
                (thoughts if part.thought else texts).append(part.text)
        sound = b"".join(sounds)
        whole_bytes = len(sound) - len(sound) % pcm.SAMPLE_BYTES
        self._half_sample = sound[whole_bytes:]
        if whole_bytes:
            events.append(ReplyChunkReceived(self._session, sound[:whole_bytes]))
            self._waits = False
        if texts:
            events.append(ReplyTextReceived(self._session, "".join(texts)))
            self._waits = False
        if thoughts:
            events.append(ThoughtReceived(self._session, "".join(thoughts)))

    def _transcripts(self, content: ServerContent, events: list[Event]) -> None:
        """Draft before final."""
        draft = content.interim_input_transcription
        heard = content.input_transcription
        said = content.output_transcription
        if draft is not None and draft.text:
            events.append(InputDrafted(self._session, draft.text))
        if heard is not None and (heard.text or heard.words):
            events.append(InputTranscribed(self._session, heard.text, *self._details(heard)))
        if said is not None and (said.text or said.words):
            events.append(OutputTranscribed(self._session, said.text, *self._details(said)))

    def _details(self, told: Transcription) -> tuple[tuple[Word, ...], str, str]:
        """Words, speaker and language: of most servers, most of the time, none."""
        words = tuple(self._word(info) for info in told.words if info.word) if told.words else ()
        return words, told.speaker_label, told.language_code

    def _word(self, info: WordInfo) -> Word:
        """An offset that is left out is protobuf's default, zero; none ends before it begins."""
        start_ms = self._duration_ms(info.start_offset) if info.start_offset else 0
        end_ms = self._duration_ms(info.end_offset) if info.end_offset else start_ms
        return Word(info.word, start_ms, max(start_ms, end_ms))

    def _sources(self, content: ServerContent, events: list[Event]) -> None:
        sources = _sources(content.grounding_metadata, content.url_context_metadata)
        searches = tuple(content.grounding_metadata.web_search_queries) if content.grounding_metadata else ()
        if sources or searches:
            events.append(Grounded(self._session, sources, searches))

    def _voice_activity(self, parsed: ServerMessage, events: list[Event]) -> None:
        """The server's detection in its present form, else in its older one, which tells no offset."""
        name, offset = "", ""
        if parsed.voice_activity is not None:
            name, offset = parsed.voice_activity.type, parsed.voice_activity.audio_offset
        elif parsed.voice_activity_detection_signal is not None:
            name = parsed.voice_activity_detection_signal.vad_signal_type
        active = VOICE_ACTIVE.get(name)
        if active is not None:
            offset_ms = self._duration_ms(offset) if offset else 0  # zero is protobuf's default: left out
            events.append(VoiceActivityReported(self._session, active, offset_ms))

    def _ends(self, content: ServerContent, events: list[Event]) -> None:
        """waitingForInput may come before the turnComplete that it explains."""
        if content.generation_complete:
            events.append(GenerationCompleted(self._session))
        if content.waiting_for_input:
            self._waits = True
        if content.turn_complete:
            reason = content.turn_complete_reason
            events.append(
                TurnCompleted(
                    self._session,
                    reason="" if reason == UNSPECIFIED_REASON else reason,
                    goes_on=content.interaction_status == "IN_PROGRESS",
                    waits=self._waits,
                )
            )
            self._half_sample = b""
            self._waits = False

    def _tool_calls(self, tool_call: ToolCall, events: list[Event]) -> None:
        """A call without a name, or with numbers that are none, cannot be run: it does not take the others along."""
        for call in tool_call.function_calls:
            try:
                arguments = json.dumps(call.args, ensure_ascii=False, allow_nan=False)
            except ValueError:
                self._unreadable_parts += 1
                continue
            if call.name:
                events.append(ToolCallReceived(self._session, call.id or self._own_id(), call.name, arguments))
            else:
                self._unreadable_parts += 1

    def _own_id(self) -> str:
        """For a call that came without one (LIVE_API 3: Vertex may): answers must be told apart all the same."""
        self._nameless_calls += 1
        return f"{OWN_ID}{self._nameless_calls}"

    def _duration_ms(self, text: str) -> int:
        """Milliseconds of a protobuf Duration such as `12.500s`; 0, "at once", when it cannot be read."""
        try:
            return max(0, round(float(text.removesuffix("s")) * 1000))
        except (ValueError, OverflowError):
            self._unreadable_parts += 1
            return 0


def token_counts(usage: UsageMetadata) -> TokenCounts:
    """The counts in the core's words: sums over modalities are the totals, Vertex's names are taken for D's."""
    return TokenCounts(
        prompt=_by_modality(usage.prompt_token_count, usage.prompt_tokens_details),
        # Vertex's name for the same thing; never both.
        response=_by_modality(
            usage.response_token_count or usage.candidates_token_count,
            usage.response_tokens_details or usage.candidates_tokens_details,
        ),
        thoughts=max(0, usage.thoughts_token_count),
        tool_use=max(0, usage.tool_use_prompt_token_count),
        cached=max(0, usage.cached_content_token_count),
        total=max(0, usage.total_token_count),
        traffic_type=usage.traffic_type,
    )


def _by_modality(total: int, details: list[ModalityTokenCount]) -> dict[str, int]:
    """Tokens by modality, what no detail accounts for as OTHER; none of them negative."""
    counts: dict[str, int] = {}
    for detail in details:
        name = detail.modality.lower()
        name = name if name in MODALITIES else OTHER
        if detail.token_count > 0:
            counts[name] = counts.get(name, 0) + detail.token_count
    unaccounted = total - sum(counts.values())
    if unaccounted > 0:
        counts[OTHER] = counts.get(OTHER, 0) + unaccounted
    return counts


def _sources(grounding: GroundingMetadata | None, pages: UrlContextMetadata | None) -> tuple[Source, ...]:
    """Pages, places and documents with an address, then the pages that were read on request; each once."""
    found: dict[str, Source] = {}
    for chunk in grounding.grounding_chunks if grounding is not None else ():
        for source in (chunk.web, chunk.maps, chunk.retrieved_context):
            if source is not None and source.uri:
                found.setdefault(source.uri, Source(source.title, source.uri))
    for page in pages.url_metadata if pages is not None else ():
        if page.retrieved_url and page.url_retrieval_status == RETRIEVED:
            found.setdefault(page.retrieved_url, Source("", page.retrieved_url))
    return tuple(found.values())


def _handle(update: SessionResumptionUpdate) -> str | None:
    return update.new_handle if update.resumable and update.new_handle else None


@lru_cache(maxsize=16)  # a server has one or two types, and this is asked for every chunk
def is_reply_audio(mime_type: str) -> bool:
    """Whether a blob is what we can play: `audio/pcm` at 24 kHz, said or (Vertex) not said."""
    kind, *parameters = (piece.strip().lower() for piece in mime_type.split(";"))
    rates = [parameter.removeprefix("rate=") for parameter in parameters if parameter.startswith("rate=")]
    return kind == "audio/pcm" and all(rate == str(pcm.REPLY_RATE_HZ) for rate in rates)
