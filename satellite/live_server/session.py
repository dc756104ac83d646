"""What a client may send after its setup, and what each message does.

The rules are LIVE_API 2.2 to 2.4, 4.2 to 4.4; breaking one raises a Refusal, which ends the connection. Sound and
words go to activity.py and turn.py; nothing here waits for either.
"""

from typing import assert_never

from satellite.live.messages import Blob, ClientContent, ClientMessage, RealtimeInput, ToolResponse
from satellite.live_server.activity import ActivityBegan, ActivityEnded, AutomaticActivity, Change, ManualActivity
from satellite.live_server.audio_input import AudioInput
from satellite.live_server.history import Entry
from satellite.live_server.model_rules import SessionRules, text_of
from satellite.live_server.refusals import (
    EXPLICIT_ACTIVITY,
    MEDIA_CHUNKS,
    PRECONDITION,
    SETUP_ONCE,
    Refusal,
    invalid_argument,
)
from satellite.live_server.replies import text_tokens
from satellite.live_server.services import Services
from satellite.live_server.turn import TurnEngine

IMAGES = ("image/jpeg", "image/png")


class Session:
    """What the messages after the setup do. Driven by the connection's reader."""

    def __init__(self, rules: SessionRules, engine: TurnEngine, services: Services) -> None:
        self._rules = rules
        self._engine = engine
        self._services = services
        self._audio = AudioInput()
        self._automatic = AutomaticActivity(rules.detection) if rules.detection else None
        self._manual = ManualActivity()
        self._written: list[str] = []
        self._history_first = rules.initial_history

    def obey(self, message: ClientMessage) -> None:
        """Do what one message asks for; raises Refusal."""
        if message.setup is not None:
            raise Refusal(1007, SETUP_ONCE)
        if message.realtime_input is not None:
            self._take_input(message.realtime_input)
        elif message.client_content is not None:
            self._take_content(message.client_content)
        elif message.tool_response is not None:
            self._take_tool_response(message.tool_response)
        else:
            raise invalid_argument("a message without content")

    def _take_input(self, realtime: RealtimeInput) -> None:
        if realtime.media_chunks:
            if not self._rules.family.media_chunks:
                raise Refusal(1007, MEDIA_CHUNKS)
            self._take_media(realtime.media_chunks[0])
        if realtime.activity_start is not None:
            self._start_activity()
        if realtime.audio is not None:
            self._take_audio(realtime.audio)
        if realtime.video is not None:
            self._take_media(realtime.video)
        if realtime.text is not None:
            self._take_text(realtime.text)
        if realtime.activity_end is not None:
            self._end_activity()
        if realtime.audio_stream_end:
            self._end_stream()

    def _take_media(self, blob: Blob) -> None:
        """A picture is taken and not looked at: the assistant has no eyes."""
        if blob.mime_type not in IMAGES:
            self._take_audio(blob)

    def _take_audio(self, blob: Blob) -> None:
        pcm = self._audio.accept(blob.data, blob.mime_type)
        if self._automatic is None:
            self._manual.accept(pcm)
        else:
            self._apply(self._automatic.accept(pcm))

    def _take_text(self, text: str) -> None:
        """Text within an activity belongs to its turn; otherwise it is a turn, and cuts the reply like speech."""
        if self._manual.active or (self._automatic is not None and self._automatic.active):
            self._written.append(text)
        else:
            self._engine.activity_began()
            self._engine.begin(text=text)

    def _start_activity(self) -> None:
        if self._automatic is not None:
            raise Refusal(1007, EXPLICIT_ACTIVITY)
        self._audio.flush()
        if self._manual.start():
            self._engine.activity_began()

    def _end_activity(self) -> None:
        if self._automatic is not None:
            raise Refusal(1007, EXPLICIT_ACTIVITY)
        self._manual.accept(self._audio.flush())
        pcm = self._manual.end()
        if pcm is None:
            return
        if not pcm and not self._written:
            self._engine.complete_empty()
            raise Refusal(1007, PRECONDITION, "an activity without audio")
        self._finish_input(pcm)

    def _end_stream(self) -> None:
        if self._automatic is None:
            raise invalid_argument("audioStreamEnd is for automatic activity detection")
        self._apply(self._automatic.accept(self._audio.flush()))
        self._apply(self._automatic.flush())

    def _apply(self, changes: list[Change]) -> None:
        for change in changes:
            match change:
                case ActivityBegan():
                    self._engine.activity_began()
                case ActivityEnded(pcm):
                    self._finish_input(pcm)
                case _:
                    assert_never(change)

    def _finish_input(self, pcm: bytes) -> None:
        if self._services.on_utterance is not None:
            self._services.on_utterance(pcm)
        text = " ".join(self._written)
        self._written.clear()
        self._engine.begin(pcm=pcm, text=text)

    def _take_content(self, content: ClientContent) -> None:
        entries: list[Entry] = []
        for turn in content.turns:
            text = text_of(turn)
            if turn.role == "model":
                entries.append(Entry("model", text, text_tokens(text)))
            elif turn.role in ("", "user"):
                entries.append(Entry("user", text, text_tokens(text)))
            else:
                raise invalid_argument(f"a turn of role {turn.role!r}: user or model")
        self._engine.add_content(entries)
        if content.turn_complete and not self._history_first:
            self._engine.answer_content()
        else:
            self._history_first = self._history_first and not content.turn_complete
            self._engine.update_handle()

    def _take_tool_response(self, response: ToolResponse) -> None:
        if any(not answer.id for answer in response.function_responses):
            raise invalid_argument("a function response without id")
        self._engine.take_tool_response(response.function_responses)
