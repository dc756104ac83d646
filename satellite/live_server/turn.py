"""One connection's turns, one at a time: heard, answered, waited out, and cut off at any point.

The order of messages is LIVE_API 4.1's and, for a cut turn, 4.2's; whoever changes it changes
tests/live_server/test_turns.py with it. A turn's task owns the way from the input to turnComplete, `interrupt` ends the
task and says so. What is said is thinking.py's, how it is said delivery.py's, what is remembered context.py's
business; which calls wait for an answer stands in calls.py. Waits use the loop's clock.
"""

import asyncio
import dataclasses
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence

from satellite.core.errors import SpeechError
from satellite.core.pcm import CAPTURE_RATE_HZ, REPLY_RATE_HZ
from satellite.live.messages import (
    FunctionResponse,
    ServerContent,
    ServerMessage,
    SessionResumptionUpdate,
    ToolCallCancellation,
)
from satellite.live.models import VERTEX, Thinking
from satellite.live_server.calls import Calls, Late, Scheduling, entry_of
from satellite.live_server.context import Context
from satellite.live_server.delivery import Delivery, audio_of, for_ever
from satellite.live_server.drafts import Drafts
from satellite.live_server.history import Entry
from satellite.live_server.ongoing import Input, Plan, Turn
from satellite.live_server.outbox import Outbox
from satellite.live_server.pictures import FRAME_TOKENS
from satellite.live_server.refusals import INTERNAL, Refusal
from satellite.live_server.replies import audio_tokens, cut_text, seconds_of, text_tokens
from satellite.live_server.services import Services
from satellite.live_server.session_rules import SessionRules
from satellite.live_server.thinking import Thought
from satellite.live_server.transcripts import transcriptions

WAITING_TURNS = 16
"""Inputs kept while a reply may not be interrupted; beyond that the oldest is forgotten."""

log = logging.getLogger(__name__)


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
        self.rules = rules
        self._services = services
        self._faults = services.faults
        self._outbox = outbox
        self._spawn = spawn
        self._context = Context(
            entries,
            instruction=rules.system_instruction,
            window_tokens=rules.context_window_tokens,
            compression=rules.compression,
        )
        self._calls = Calls(rules.backend == VERTEX, services.new_call_id)
        self._thought = Thought(services, self._calls, outbox.put, self._context.add)
        self._delivery = Delivery(services.voice, services.faults, self._put, asyncio.get_running_loop().time)
        self.drafts = Drafts(services.recogniser, outbox.put, spawn)
        self._current: Turn | None = None
        self._waiting: deque[Turn] = deque(maxlen=WAITING_TURNS)
        self._user_active = False
        self._unanswered: list[str] = []
        self._unheard = b""
        """What clientContent has written since the model's last turn, and its sound (16 kHz)."""

    # ------------------------------------------------------------ driven by the reader

    def begin(self, given: Input) -> None:
        """A finished input, answered when its turn comes."""
        self._user_active = False
        turn = Turn(given)
        if self._current is None:
            self._start(turn)
        else:
            self._waiting.append(turn)

    def activity_began(self) -> None:
        """The user has begun to speak or write: cuts the reply unless the setup forbids it."""
        self._user_active = True
        if self.rules.interruptible:
            self.interrupt()

    def add_content(self, contents: Sequence[Entry], pcm: bytes = b"") -> None:
        """clientContent: cuts the reply in any case, then appends to the history; `pcm` is the sound of its turns.

        A turn that waits for a blocking function is cut when that has answered, and not before (LIVE_API 4.2).
        """
        self._waiting = deque((turn for turn in self._waiting if turn.told is not None), WAITING_TURNS)
        if self._current is not None and self._current.waits_for_calls:
            self._current.stopped = True
        else:
            self.interrupt()
        for entry in contents:
            self._context.add(entry)
            answered = entry.role == "model"
            self._unanswered = [] if answered else [*self._unanswered, entry.text]
            self._unheard = b"" if answered else self._unheard
        self._unheard += pcm
        self._context.make_room()

    def answer_content(self) -> None:
        """clientContent with turnComplete: answer what it has written and sounded since the model spoke."""
        if self._current is not None and self._current.stopped:
            self._current.answer_after = True
            return
        written, self._unanswered = self._unanswered or self._last_asked(), []
        pcm, self._unheard = self._unheard, b""
        turn = Turn(Input(pcm, " ".join(filter(None, written))), recorded=True)
        if self._current is None:
            self._start(turn)
        else:
            self._waiting.appendleft(turn)

    def _last_asked(self) -> list[str]:
        """A bare trigger: what stands at the end of the history without an answer, if anything does."""
        asked: list[str] = []
        for entry in reversed(self._context.entries):
            if entry.role == "model":
                break
            if not entry.from_tool:
                asked.insert(0, entry.text)
        return asked

    def interrupt(self) -> None:
        """Cut the turn that is going on, if any: interrupted, then turnComplete, and no generationComplete."""
        turn = self._current
        if turn is None:
            return
        assert turn.task is not None
        turn.task.cancel()
        self._outbox.drop_reply()
        ids = self._calls.cancel(turn.calls)
        if ids:
            self._outbox.put(ServerMessage(tool_call_cancellation=ToolCallCancellation(ids=ids)))
        late = audio_of(turn.chunks[0][0]) if self._faults.interrupted_with_audio and turn.chunks else None
        self._put(ServerContent(model_turn=late, interrupted=True))
        self._record_reply(turn)
        self._complete(turn)

    def complete_empty(self) -> None:
        """An activity without any input: there is nothing to answer."""
        self._user_active = False
        self._put(ServerContent(turn_complete=True))

    def take_tool_response(self, responses: Sequence[FunctionResponse]) -> None:
        """Answers to calls; those nobody waits for (cancelled, unknown) are ignored. Raises Refusal."""
        for response, late in self._calls.take(responses):
            entry = entry_of(response)
            self._context.add(entry)
            if late is not None:
                self._hear_late(late, entry)
            elif self._current is not None:
                self._current.tool_entries.append(entry)

    def update_context(self, *, instruction: str | None, rules: SessionRules) -> None:
        """From here on another system instruction (None: the same), and the functions and tools of these rules."""
        if instruction is not None:
            self._context.instruction = instruction
        self.rules = dataclasses.replace(rules, system_instruction=self._context.instruction)

    def tell(self, message: ServerMessage) -> None:
        """Send something that belongs to no turn."""
        self._outbox.put(message)

    def close(self) -> None:
        """The client has gone."""
        self.drafts.stop()
        self._waiting.clear()
        if self._current is not None and self._current.task is not None:
            self._current.task.cancel()

    def _hear_late(self, late: Late, entry: Entry) -> None:
        """The answer of a non-blocking function: it is said now, in its turn, or not at all (LIVE_API 4.5)."""
        if late.final:
            told = self._services.assistant.answer_call(late.call.answer, late.response)
        else:
            output = late.response.get("output")
            told = output if isinstance(output, str) else ""
        if late.scheduling is Scheduling.SILENT or not told:
            if self._current is None:
                self.update_handle()
            return
        turn = Turn(Input(), told=told, tool_entries=[entry])
        if late.scheduling is Scheduling.INTERRUPT and not (self._current and self._current.waits_for_calls):
            self._user_active = False  # it is said even while the user speaks
            self._waiting.appendleft(turn)
            self.interrupt()
        else:
            self._waiting.append(turn)
        if self._current is None:
            self._start_next()

    # ------------------------------------------------------------ a turn

    def _start_next(self) -> None:
        """The next turn that waits; what a function has answered waits until the user has spoken, too."""
        turn = next((turn for turn in self._waiting if turn.told is None or not self._user_active), None)
        if turn is not None:
            self._waiting.remove(turn)
            self._start(turn)

    def _start(self, turn: Turn) -> None:
        self._current = turn
        turn.faults = self._outbox.begin_turn()
        if self.rules.resumable:
            self._outbox.put(ServerMessage(session_resumption_update=SessionResumptionUpdate()))
        turn.task = self._spawn(self._run(turn))

    async def _run(self, turn: Turn) -> None:
        try:
            plan = await self._plan(turn)
            if turn.stopped:
                self._outbox.drop_reply()
                self._put(ServerContent(interrupted=True))
                self._complete(turn)
                return
            await asyncio.sleep(self._faults.reply_delay_s)
            await self._delivery.deliver(turn, plan, self.rules)
        except SpeechError as error:
            log.warning("a turn failed: %s", error)
            raise Refusal(1011, INTERNAL) from error
        if plan.grounding is not None:
            self._put(ServerContent.model_validate({"groundingMetadata": plan.grounding}), reply=True)
        self._put(ServerContent(generation_complete=True))
        self._record_reply(turn)
        if not (self._faults.turn_complete_early or "early_turn_complete" in turn.faults):
            await asyncio.sleep(max(0.0, turn.plays_until_s - asyncio.get_running_loop().time()))
        self._complete(turn)

    async def _plan(self, turn: Turn) -> Plan:
        """What to say: of a function's late answer, or in answer to what is heard now."""
        if turn.told is not None:
            heard = ""
            self._context.make_room()
        else:
            heard = await self._hear(turn)
            self._record_input(turn, heard)
        if self._faults.never_reply or "no_answer" in turn.faults:
            await for_ever()
        if not turn.faults.isdisjoint(("empty_turn", "rejected_turn")):
            return Plan("")
        return Plan(turn.told) if turn.told is not None else await self._thought.plan(turn, heard, self.rules)

    async def _hear(self, turn: Turn) -> str:
        """What was spoken and written, as text; spoken words are transcribed to the client."""
        if not turn.given.pcm:
            return turn.given.text
        spoken = await self._services.recogniser.recognise(turn.given.pcm)
        if self.rules.transcribe_input:
            spoken_s = seconds_of(len(turn.given.pcm), CAPTURE_RATE_HZ)
            for told in transcriptions(cut_text(spoken), spoken_s, self.rules.input_transcript):
                self._put(ServerContent(input_transcription=told))
        return f"{spoken} {turn.given.text}".strip()

    # ------------------------------------------------------------ its records and its end

    def _record_input(self, turn: Turn, heard: str) -> None:
        given = turn.given
        if not turn.recorded:
            audio_bytes = max(given.audio_bytes, len(given.pcm))
            entry = Entry(
                "user",
                heard,
                text_tokens(given.text),
                audio_tokens(audio_bytes, CAPTURE_RATE_HZ),
                video_tokens=given.pictures * FRAME_TOKENS[self.rules.media_resolution],
            )
            self._context.add(entry)
        forgotten = self._context.make_room()
        if forgotten:
            log.info("the context was compressed: %d contributions are forgotten", forgotten)

    def _record_reply(self, turn: Turn) -> None:
        """Only what was sent of a reply stays in the history."""
        if turn.reply is not None or not turn.said:
            return
        spoken = audio_tokens(turn.sent_bytes, REPLY_RATE_HZ)
        turn.reply = Entry("model", turn.said, 0 if turn.sent_bytes else text_tokens(turn.said), spoken)
        self._context.add(turn.reply)
        self._unanswered.clear()
        self._unheard = b""

    def _complete(self, turn: Turn) -> None:
        self._current = None
        usage = self._context.usage(
            reply=turn.reply, tool_entries=turn.tool_entries, thoughts_tokens=turn.thoughts_tokens
        )
        content = ServerContent(turn_complete=True, interaction_status=self._interaction_status())
        for _ in range(2 if self._faults.turn_complete_twice else 1):
            self._outbox.put(ServerMessage(server_content=content, usage_metadata=usage))
        self.update_handle()
        if turn.answer_after:
            self.answer_content()
        else:
            self._start_next()

    def _interaction_status(self) -> str:
        """Beside turnComplete, of the model that thinks on: whether more turns come by themselves (LIVE_API 3.1)."""
        if self.rules.family.thinking is not Thinking.LEVEL_REQUIRED:
            return ""
        more = self._calls.background or any(turn.told is not None for turn in self._waiting)
        return "IN_PROGRESS" if more else "IDLE"

    def update_handle(self) -> None:
        """Tell the client how to come back to the history as it is now, if it wants to know.

        Not while a function works: who came back then would miss its answer (LIVE_API 4.7).
        """
        if not self.rules.resumable or self._calls.background:
            return
        handle = self._services.histories.keep(self.rules.model, tuple(self._context.entries))
        update = SessionResumptionUpdate(new_handle=handle, resumable=True)
        self._outbox.put(ServerMessage(session_resumption_update=update))

    def _put(self, content: ServerContent, *, reply: bool = False) -> None:
        self._outbox.put(ServerMessage(server_content=content), reply=reply)
