"""What a client may send after its setup, and what each message does.

The rules are LIVE_API 2.2 to 2.5 and 4.2 to 4.4; breaking one raises a Refusal, which ends the connection. Sound and
words go to activity.py and turn.py; nothing here waits for either.
"""

import asyncio
from typing import assert_never

from satellite.live.messages import (
    Blob,
    ClientContent,
    ClientMessage,
    ContextUpdate,
    RealtimeInput,
    ServerMessage,
    ToolResponse,
    VoiceActivity,
)
from satellite.live.models import EXTENDED_THINKING_3_8, LIVE_3_8, VERTEX, Coverage
from satellite.live_server.activity import (
    ActivityBegan,
    ActivityEnded,
    AutomaticActivity,
    Change,
    ManualActivity,
    offset_of,
)
from satellite.live_server.audio_input import AudioInput
from satellite.live_server.contents import read
from satellite.live_server.model_rules import text_of, with_tools
from satellite.live_server.ongoing import Input
from satellite.live_server.pictures import is_picture, look_at
from satellite.live_server.refusals import (
    EXPLICIT_ACTIVITY,
    MEDIA_CHUNKS,
    PRECONDITION,
    SETUP_ONCE,
    Refusal,
    invalid_argument,
)
from satellite.live_server.seen import Seen
from satellite.live_server.services import Services
from satellite.live_server.session_rules import SessionRules
from satellite.live_server.turn import TurnEngine


class Session:
    """What the messages after the setup do. Driven by the connection's reader."""

    def __init__(self, rules: SessionRules, engine: TurnEngine, services: Services) -> None:
        self._engine = engine
        self._services = services
        self._audio = AudioInput()
        self._automatic = AutomaticActivity(rules.detection) if rules.detection else None
        self._manual = ManualActivity()
        self._seen = Seen(rules.turn_coverage)
        self._drafts = engine.drafts if rules.draft_timestamps and rules.transcribe_input else None
        self._all_audio = rules.turn_coverage is Coverage.ALL_INPUT and rules.detection is not None
        self._streamed_bytes = 0
        """Of audio since the last turn, silence included."""
        self._written: list[str] = []
        self._history_first = rules.initial_history

    @property
    def has_video(self) -> bool:
        """Whether a picture has come: such a session may last less long (LIVE_API 4.6)."""
        return self._seen.ever

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
        elif message.context_update is not None:
            self._take_update(message.context_update)
        else:
            raise invalid_argument("a message without content")

    def _take_input(self, realtime: RealtimeInput) -> None:
        if realtime.media_chunks:
            if not self._engine.rules.family.media_chunks:
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
        if is_picture(blob):
            self._seen.add(look_at(blob), asyncio.get_running_loop().time())
        else:
            self._take_audio(blob)

    def _take_audio(self, blob: Blob) -> None:
        pcm = self._audio.accept(blob.data, blob.mime_type)
        self._streamed_bytes += len(pcm)
        if self._automatic is None:
            self._manual.accept(pcm)
        else:
            self._apply(self._automatic.accept(pcm))
        self._draft()

    def _draft(self) -> None:
        """What the user has said so far, for a client that wants to see it at once."""
        if self._drafts is None:
            return
        if self._automatic is not None:
            self._drafts.follow(self._automatic.so_far, self._automatic.so_far_at_samples)
        else:
            self._drafts.follow(self._manual.so_far, 0)

    def _take_text(self, text: str) -> None:
        """Text within an activity belongs to its turn; otherwise it is a turn, and cuts the reply like speech."""
        if self._manual.active or (self._automatic is not None and self._automatic.active):
            self._written.append(text)
        else:
            self._seen.activity_begins()
            self._engine.activity_began()
            self._begin(b"", text)

    def _start_activity(self) -> None:
        if self._automatic is not None:
            raise Refusal(1007, EXPLICIT_ACTIVITY)
        self._audio.flush()
        if self._manual.start():
            self._seen.activity_begins()
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
                case ActivityBegan(at_samples):
                    self._signal("ACTIVITY_START", at_samples)
                    self._seen.activity_begins()
                    self._engine.activity_began()
                case ActivityEnded(pcm, at_samples):
                    self._signal("ACTIVITY_END", at_samples)
                    self._finish_input(pcm)
                case _:
                    assert_never(change)

    def _signal(self, kind: str, at_samples: int) -> None:
        """explicitVadSignal: say what was detected, before what follows from it (LIVE_API 4.1)."""
        if self._engine.rules.explicit_vad:
            activity = VoiceActivity(type=kind, audio_offset=offset_of(at_samples))
            self._engine.tell(ServerMessage(voice_activity=activity))

    def _finish_input(self, pcm: bytes) -> None:
        if self._drafts is not None:
            self._drafts.stop()
        if self._services.on_utterance is not None:
            self._services.on_utterance(pcm)
        text = " ".join(self._written)
        self._written.clear()
        self._begin(pcm, text)

    def _begin(self, pcm: bytes, text: str) -> None:
        """A turn with all that belongs to it."""
        frames, picture = self._seen.take()
        audio_bytes = self._streamed_bytes if self._all_audio else len(pcm)
        self._streamed_bytes = 0
        self._engine.begin(Input(pcm, text, audio_bytes, frames, picture))

    def _take_content(self, content: ClientContent) -> None:
        written = read(content.turns, self._engine.rules)
        if written.instruction is not None:
            self._engine.update_context(instruction=written.instruction, rules=self._engine.rules)
        self._engine.add_content(written.entries, written.pcm)
        if content.turn_complete and not self._history_first:
            self._engine.answer_content()
        else:
            self._history_first = self._history_first and not content.turn_complete
            self._engine.update_handle()

    def _take_tool_response(self, response: ToolResponse) -> None:
        nameless = [answer for answer in response.function_responses if not answer.id]
        if nameless and (self._engine.rules.backend != VERTEX or any(not answer.name for answer in nameless)):
            raise invalid_argument("a function response without id")
        self._engine.take_tool_response(response.function_responses)

    def _take_update(self, update: ContextUpdate) -> None:
        rules = self._engine.rules
        if rules.family not in (LIVE_3_8, EXTENDED_THINKING_3_8):
            raise invalid_argument("contextUpdate is for the 3.8 models")
        if update.tools is not None:
            rules = with_tools(rules, update.tools.tools)
        instruction = None if update.system_instruction is None else text_of(update.system_instruction)
        self._engine.update_context(instruction=instruction, rules=rules)
