"""From what was heard to what will be said: the assistant, the client's functions, and the server's own tools.

The order of what is shown is LIVE_API 4.1's: thoughts, code, calls, then the words. Nothing is sent here but
toolCall and its cancellation, which must go out before their answers can come in.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from satellite.live.messages import (
    Content,
    JsonObject,
    Part,
    ServerContent,
    ServerMessage,
    ToolCall,
    ToolCallCancellation,
)
from satellite.live.models import VERTEX
from satellite.live.models import Thinking as Thinks
from satellite.live_server import calls as calling
from satellite.live_server import code_runner
from satellite.live_server.calls import Call, Calls
from satellite.live_server.history import Entry
from satellite.live_server.ongoing import Plan, Turn
from satellite.live_server.pictures import described
from satellite.live_server.replies import text_tokens
from satellite.live_server.services import Services
from satellite.live_server.session_rules import SessionRules

if TYPE_CHECKING:  # its libraries come with an extra, and a server with another mind needs none of them
    from satellite.live_server.assistant import Answer

TOOL_ANSWER_S = 60.0
"""Longest wait for the answers of blocking functions; then their calls are cancelled and the reply says so."""

MEANWHILE = "One moment."
"""What is said while a non-blocking function works, if there is nothing else to say."""


class Thought:
    """One connection's. Driven by the task of the turn that goes on."""

    def __init__(
        self, services: Services, calls: Calls, put: Callable[[ServerMessage], None], remember: Callable[[Entry], None]
    ) -> None:
        """`remember` adds what a tool of the server's has found to the context."""
        self._services = services
        self._calls = calls
        self._put = put
        self._remember = remember

    async def plan(self, turn: Turn, heard: str, rules: SessionRules) -> Plan:
        """The reply to what was heard, after the blocking functions it needs have answered."""
        answer = self._services.assistant.answer(heard or self._nothing_new(turn), list(rules.functions))
        if not answer.meant and rules.proactive and turn.given.pcm:
            return Plan("")  # said, and not to the assistant
        answers = [answer, answer.also] if answer.also is not None else [answer]
        before = self._thoughts(turn, answers, rules)
        if not answer.understood and "google_search" in rules.server_tools:
            found = self._search(turn, heard)
            if found is not None:
                return Plan(found[0], before, found[1])
        before += tuple(part for each in answers for part in self._code(turn, each, rules))
        words = [each.words if each.call is None else "" for each in answers]
        opened = self._open_calls(turn, answers, rules)
        for number, each in enumerate(answers):
            call = next((call for call in opened if call.answer is each), None)
            if call is not None and call.result is not None:
                words[number] = self._services.assistant.answer_call(each, await self._result(turn, call))
            elif each.looks and turn.given.picture is not None:
                words[number] = described(turn.given.picture)
        said = " ".join(filter(None, words))
        return Plan(said or (MEANWHILE if opened else ""), before)

    def _nothing_new(self, turn: Turn) -> str:
        """A bare trigger (clientContent without words): the assistant begins the conversation (LIVE_API 2.2)."""
        return "hello" if turn.recorded else ""

    def _thoughts(self, turn: Turn, answers: list["Answer"], rules: SessionRules) -> tuple[Part, ...]:
        """How the answer was come by: counted where the model thinks, shown where that was asked for."""
        thought = " ".join(answer.thought for answer in answers if answer.thought)
        if not thought or rules.family.thinking is Thinks.NONE or rules.thinking_budget == 0:
            return ()
        turn.thoughts_tokens = text_tokens(thought)
        return (Part(text=thought, thought=True),) if rules.include_thoughts else ()

    def _search(self, turn: Turn, heard: str) -> tuple[str, JsonObject] | None:
        """The words of a document, and where they stand."""
        from satellite.live_server.search import own_library  # its libraries come with an extra

        found = own_library().find(heard)
        if found is None:
            return None
        self._note(turn, found.sentence)
        return found.sentence, found.grounding()

    def _code(self, turn: Turn, answer: "Answer", rules: SessionRules) -> list[Part]:
        """A sum as code with its result, for a model that may run code."""
        if answer.sum is None or "code_execution" not in rules.server_tools:
            return []
        code = code_runner.code_of(answer.sum)
        result = code_runner.run(code)
        self._note(turn, result.output)
        return [Part(executable_code=code), Part(code_execution_result=result)]

    def _note(self, turn: Turn, text: str) -> None:
        """What a tool has found is in the context from now on."""
        entry = Entry("user", text, text_tokens(text), from_tool=True)
        turn.tool_entries.append(entry)
        self._remember(entry)

    def _open_calls(self, turn: Turn, answers: list["Answer"], rules: SessionRules) -> list[Call]:
        """Call what the answers want, all in one message."""
        opened = self._calls.open(answers, rules.functions)
        if not opened:
            return []
        if rules.backend != VERTEX and "code_execution" in rules.family.server_tools:
            # The half-cascade models of the Developer API show their calls as code first (LIVE_API 4.1).
            shown = Content(parts=[Part(executable_code=calling.code_of(opened))])
            self._put(ServerMessage(server_content=ServerContent(model_turn=shown)))
        turn.calls = [call for call in opened if call.result is not None]
        self._put(ServerMessage(tool_call=ToolCall(function_calls=[call.wire for call in opened])))
        return opened

    async def _result(self, turn: Turn, call: Call) -> JsonObject:
        """What a blocking function has answered; its call is cancelled when that takes too long."""
        assert call.result is not None
        waiting = [other.result for other in turn.calls if other.result is not None]
        await asyncio.wait(waiting, timeout=TOOL_ANSWER_S)
        ids = self._calls.cancel(turn.calls)
        if ids:
            self._put(ServerMessage(tool_call_cancellation=ToolCallCancellation(ids=ids)))
        for other in waiting:
            if not other.done():
                other.set_result({"error": "no answer"})
        return call.result.result()
