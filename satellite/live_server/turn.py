"""One connection's turns: hear, think, call a function, speak, wait for playback, and be cut off at any point.

The order of messages is LIVE_API 4.1's and, for a cut turn, 4.2's; whoever changes it changes
tests/live_server/test_turns.py with it. One turn at a time: its task owns the way from the input to
turnComplete, `interrupt` ends the task and says so. Waits use the loop's clock.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from satellite.core.errors import SpeechError
from satellite.core.pcm import CAPTURE_RATE_HZ, REPLY_RATE_HZ
from satellite.live.messages import (
    Blob,
    Content,
    FunctionCall,
    FunctionResponse,
    JsonObject,
    Part,
    ServerContent,
    ServerMessage,
    SessionResumptionUpdate,
    ToolCall,
    ToolCallCancellation,
    Transcription,
)
from satellite.live_server.history import Entry
from satellite.live_server.model_rules import SessionRules
from satellite.live_server.outbox import Outbox
from satellite.live_server.refusals import INTERNAL, Refusal
from satellite.live_server.replies import (
    REPLY_MIME_TYPE,
    audio_tokens,
    cut_reply,
    cut_text,
    seconds_of,
    sentences,
    text_tokens,
    usage_of,
)
from satellite.live_server.services import Services

PACE = 4.0
"""Audio is sent this many times faster than it plays."""

TOOL_ANSWER_S = 60.0
"""Longest wait for a toolResponse; then the call is cancelled and the reply says so."""

WAITING_TURNS = 16
"""Inputs kept while a reply may not be interrupted; beyond that the oldest is forgotten."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Turn:
    """What is said and done about one input, from the input to turnComplete."""

    pcm: bytes
    text: str
    task: asyncio.Task[None] | None = None
    chunks: deque[tuple[bytes, str]] = field(default_factory=deque)
    """Of the reply, what has not been sent."""
    said: str = ""
    sent_bytes: int = 0
    reply: Entry | None = None
    plays_until_s: float = 0.0
    calls: dict[str, asyncio.Future[JsonObject]] = field(default_factory=dict)


class TurnEngine:
    """Driven by one connection's reader, on the loop; each turn is a task of the connection's group."""

    def __init__(
        self,
        rules: SessionRules,
        entries: list[Entry],
        services: Services,
        outbox: Outbox,
        spawn: Callable[[Coroutine[None, None, None]], asyncio.Task[None]],
    ) -> None:
        """`entries`: the history to go on from; this engine appends to it."""
        self._rules = rules
        self._entries = entries
        self._services = services
        self._faults = services.faults
        self._outbox = outbox
        self._spawn = spawn
        self._current: _Turn | None = None
        self._waiting: deque[_Turn] = deque(maxlen=WAITING_TURNS)

    # ------------------------------------------------------------ driven by the reader

    def begin(self, *, pcm: bytes = b"", text: str = "") -> None:
        """A finished input: what was spoken (16 kHz), what was written, or both. Answered when its turn comes."""
        turn = _Turn(pcm, text)
        if self._current is None:
            self._start(turn)
        else:
            self._waiting.append(turn)

    def activity_began(self) -> None:
        """The user has begun to speak or write: cuts the reply unless the setup forbids it."""
        if self._rules.interruptible:
            self.interrupt()

    def add_content(self, contents: list[Entry]) -> None:
        """clientContent: cuts the reply in any case, then appends to the history."""
        self._waiting.clear()
        self.interrupt()
        self._entries.extend(contents)

    def answer_content(self) -> None:
        """clientContent with turnComplete: answer what the user has written since the model last spoke."""
        written: list[str] = []
        for entry in reversed(self._entries):
            if entry.role == "model":
                break
            written.insert(0, entry.text)
        self._start(_Turn(b"", " ".join(written)), recorded=True)

    def interrupt(self) -> None:
        """Cut the turn that is going on, if any: interrupted, then turnComplete, and no generationComplete."""
        turn = self._current
        if turn is None:
            return
        assert turn.task is not None
        turn.task.cancel()
        self._outbox.drop_reply()
        if turn.calls:
            self._outbox.put(ServerMessage(tool_call_cancellation=ToolCallCancellation(ids=list(turn.calls))))
        late = self._audio(turn.chunks[0][0]) if self._faults.interrupted_with_audio and turn.chunks else None
        self._put(ServerContent(model_turn=late, interrupted=True))
        self._record_reply(turn)
        self._complete(turn)

    def complete_empty(self) -> None:
        """An activity without any input: there is nothing to answer."""
        self._put(ServerContent(turn_complete=True))

    def take_tool_response(self, responses: list[FunctionResponse]) -> None:
        """Answers to calls; those nobody waits for (cancelled, unknown) are ignored."""
        for response in responses:
            answer = self._current.calls.get(response.id) if self._current else None
            if answer is None or answer.done():
                log.debug("answer to a call nobody waits for")
            else:
                answer.set_result(response.response)

    def close(self) -> None:
        """The client has gone."""
        self._waiting.clear()
        if self._current is not None and self._current.task is not None:
            self._current.task.cancel()

    # ------------------------------------------------------------ a turn

    def _start(self, turn: _Turn, *, recorded: bool = False) -> None:
        self._current = turn
        if self._rules.resumable:
            self._outbox.put(ServerMessage(session_resumption_update=SessionResumptionUpdate()))
        turn.task = self._spawn(self._run(turn, recorded))

    async def _run(self, turn: _Turn, recorded: bool) -> None:
        try:
            heard = await self._hear(turn)
            if not recorded:
                self._record_input(turn, heard)
            if self._faults.never_reply:
                await _for_ever()
            words = await self._think(turn, heard)
            await asyncio.sleep(self._faults.reply_delay_s)
            if self._rules.audio_reply:
                await self._speak(turn, words)
            else:
                self._write(turn, words)
        except SpeechError as error:
            log.warning("a turn failed: %s", error)
            raise Refusal(1011, INTERNAL) from error
        self._put(ServerContent(generation_complete=True))
        self._record_reply(turn)
        if not self._faults.turn_complete_early:
            await asyncio.sleep(max(0.0, turn.plays_until_s - asyncio.get_running_loop().time()))
        self._complete(turn)

    async def _hear(self, turn: _Turn) -> str:
        """What was spoken and written, as text; spoken words are transcribed to the client."""
        if not turn.pcm:
            return turn.text
        spoken = await self._services.recogniser.recognise(turn.pcm)
        if self._rules.transcribe_input:
            for piece in cut_text(spoken):
                self._put(ServerContent(input_transcription=Transcription(text=piece)))
        return f"{spoken} {turn.text}".strip()

    async def _think(self, turn: _Turn, heard: str) -> str:
        """The words of the reply, after calling one of the client's functions where that is what was asked for."""
        answer = self._services.assistant.answer(heard, self._rules.functions)
        if answer.call is None:
            return answer.words
        call = FunctionCall(id=self._services.new_call_id(), name=answer.call.name, args=answer.call.arguments)
        result = turn.calls[call.id] = asyncio.get_running_loop().create_future()
        self._outbox.put(ServerMessage(tool_call=ToolCall(function_calls=[call])))
        try:
            async with asyncio.timeout(TOOL_ANSWER_S):
                response = await result
        except TimeoutError:
            self._outbox.put(ServerMessage(tool_call_cancellation=ToolCallCancellation(ids=[call.id])))
            response = {"error": "no answer"}
        del turn.calls[call.id]
        return self._services.assistant.answer_call(answer, response)

    async def _speak(self, turn: _Turn, words: str) -> None:
        """Sentence by sentence: the first is on its way before the last has been made."""
        sent = 0
        for sentence in sentences(words):
            pcm = await self._services.voice.speak(sentence)
            turn.chunks.extend(cut_reply(pcm, sentence, goes_on=sent > 0))
            turn.plays_until_s = max(turn.plays_until_s, asyncio.get_running_loop().time()) + seconds_of(len(pcm))
            sent = await self._send(turn, sent)
        self._strike(sent)

    async def _send(self, turn: _Turn, sent: int) -> int:
        """Send the chunks that are there, paced; returns how many of the reply have been sent."""
        while turn.chunks:
            self._strike(sent)
            if sent == self._faults.stall_after_chunks:
                await _for_ever()
            chunk, piece = turn.chunks.popleft()
            self._put(ServerContent(model_turn=self._audio(chunk)), reply=True)
            if piece and self._rules.transcribe_output:
                self._put(ServerContent(output_transcription=Transcription(text=piece)), reply=True)
            turn.said += piece
            turn.sent_bytes += len(chunk)
            sent += 1
            await asyncio.sleep(seconds_of(len(chunk)) / PACE)
        return sent

    def _write(self, turn: _Turn, words: str) -> None:
        for piece in cut_text(words):
            self._put(ServerContent(model_turn=Content(parts=[Part(text=piece)])), reply=True)
            turn.said += piece

    def _strike(self, sent: int) -> None:
        """The fault that ends the connection after so many chunks of a reply."""
        fault = self._faults.close_after_chunks
        if fault is not None and fault[0] == sent:
            self._faults.close_after_chunks = None
            raise Refusal(fault[1].code, fault[1].reason)

    # ------------------------------------------------------------ its records and its end

    def _record_input(self, turn: _Turn, heard: str) -> None:
        spoken = audio_tokens(len(turn.pcm), CAPTURE_RATE_HZ)
        self._entries.append(Entry("user", heard, text_tokens(turn.text), spoken))

    def _record_reply(self, turn: _Turn) -> None:
        """Only what was sent of a reply stays in the history."""
        if turn.reply is not None or not turn.said:
            return
        spoken = audio_tokens(turn.sent_bytes, REPLY_RATE_HZ)
        turn.reply = Entry("model", turn.said, 0 if turn.sent_bytes else text_tokens(turn.said), spoken)
        self._entries.append(turn.reply)

    def _complete(self, turn: _Turn) -> None:
        context = [entry for entry in self._entries if entry is not turn.reply]
        if self._rules.system_instruction:
            context.insert(0, Entry("user", "", text_tokens(self._rules.system_instruction)))
        message = ServerMessage(
            server_content=ServerContent(turn_complete=True), usage_metadata=usage_of(context, turn.reply)
        )
        for _ in range(2 if self._faults.turn_complete_twice else 1):
            self._outbox.put(message)
        self._current = None
        self.update_handle()
        if self._waiting:
            self._start(self._waiting.popleft())

    def update_handle(self) -> None:
        """Tell the client how to come back to the history as it is now, if it wants to know."""
        if self._rules.resumable:
            handle = self._services.histories.keep(self._rules.model, tuple(self._entries))
            update = SessionResumptionUpdate(new_handle=handle, resumable=True)
            self._outbox.put(ServerMessage(session_resumption_update=update))

    def _put(self, content: ServerContent, *, reply: bool = False) -> None:
        self._outbox.put(ServerMessage(server_content=content), reply=reply)

    @staticmethod
    def _audio(chunk: bytes) -> Content:
        return Content(parts=[Part(inline_data=Blob(data=chunk, mime_type=REPLY_MIME_TYPE))])


async def _for_ever() -> None:
    """Waits until cancelled."""
    await asyncio.get_running_loop().create_future()
