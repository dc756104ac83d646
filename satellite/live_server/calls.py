"""The calls of the client's functions that are under way on one connection, and when their answers are heard.

BLOCKING: the turn waits. NON_BLOCKING: the talk goes on, and the answer's scheduling says when it is spoken (LIVE_API
2.4, 4.5). What is said of an answer is turn.py's business.
"""

import asyncio
import json
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from satellite.live.messages import ExecutableCode, FunctionCall, FunctionResponse, JsonObject
from satellite.live_server.history import Entry
from satellite.live_server.refusals import invalid_argument
from satellite.live_server.replies import text_tokens

if TYPE_CHECKING:  # its libraries come with an extra, and a server with another mind needs none of them
    from satellite.live_server.assistant import Answer

MOST_CALLS = 64
"""Non-blocking calls nobody has answered; beyond that the oldest is forgotten, and its answer comes too late."""

log = logging.getLogger(__name__)


class Scheduling(StrEnum):
    """When the answer of a non-blocking function is spoken."""

    INTERRUPT = "INTERRUPT"
    """Now, cutting the present reply."""
    WHEN_IDLE = "WHEN_IDLE"
    """After the present turn, in a turn of its own."""
    SILENT = "SILENT"
    """Not at all: it is only remembered."""


@dataclass(slots=True)
class Call:
    """One call. `result` is there for a blocking one: the turn waits for it."""

    wire: FunctionCall
    answer: "Answer"
    result: asyncio.Future[JsonObject] | None = None


@dataclass(frozen=True, slots=True)
class Late:
    """An answer of a non-blocking function: to be remembered, and said when its scheduling allows."""

    call: Call
    response: JsonObject
    scheduling: Scheduling
    final: bool
    """False: more answers to this call will come."""


@dataclass(slots=True)
class Calls:
    """All calls of a connection that wait for an answer, by id. Driven by its engine, on the loop."""

    on_vertex: bool
    new_id: Callable[[], str]
    _waiting: dict[str, Call] = field(default_factory=dict)

    def open(self, answers: Sequence["Answer"], behaviours: Mapping[str, str]) -> list[Call]:
        """New calls, one for each of these answers that wants one. Vertex AI numbers them with a uuid."""
        opened: list[Call] = []
        for answer in answers:
            if answer.call is None:
                continue
            call_id = str(uuid.uuid4()) if self.on_vertex else self.new_id()
            call = Call(FunctionCall(id=call_id, name=answer.call.name, args=answer.call.arguments), answer)
            if behaviours.get(answer.call.name) != "non_blocking":
                call.result = asyncio.get_running_loop().create_future()
            self._waiting[call_id] = call
            opened.append(call)
        background = [call_id for call_id, call in self._waiting.items() if call.result is None]
        for call_id in background[:-MOST_CALLS]:
            del self._waiting[call_id]
        return opened

    @property
    def background(self) -> bool:
        """Whether a non-blocking call is still to be answered."""
        return any(call.result is None for call in self._waiting.values())

    def take(self, responses: Sequence[FunctionResponse]) -> list[tuple[FunctionResponse, Late | None]]:
        """Answers from the client: those to calls that wait, the ones of non-blocking functions as Late.

        A blocking call's future is set by its last answer. Answers to calls nobody waits for (cancelled, answered,
        unknown) are left out. Raises Refusal for a scheduling that does not exist.
        """
        taken: list[tuple[FunctionResponse, Late | None]] = []
        for response in responses:
            scheduling = scheduling_of(response)
            call = self._waiting.get(response.id or self._id_of(response.name))
            if call is None:
                log.debug("an answer to a call nobody waits for")
                continue
            final = not response.will_continue
            if final:
                del self._waiting[call.wire.id]
            if call.result is None:
                taken.append((response, Late(call, response.response, scheduling, final)))
            else:
                taken.append((response, None))
                if final:
                    call.result.set_result(response.response)
        return taken

    def cancel(self, calls: Sequence[Call]) -> list[str]:
        """Wait no longer for those of these calls that have no answer yet; their ids."""
        ids = [call.wire.id for call in calls if call.wire.id in self._waiting]
        for call_id in ids:
            del self._waiting[call_id]
        return ids

    def _id_of(self, name: str) -> str:
        """The oldest call of a function: Vertex AI's clients may leave out the id."""
        return next((call_id for call_id, call in self._waiting.items() if call.wire.name == name), "")


def scheduling_of(response: FunctionResponse) -> Scheduling:
    """When an answer is to be spoken; it may stand inside the answer, too (LIVE_API 2.4). Raises Refusal."""
    inside = response.response.get("scheduling")
    named = response.scheduling or (inside if isinstance(inside, str) else "")
    if named in ("", "SCHEDULING_UNSPECIFIED"):
        return Scheduling.WHEN_IDLE
    if named not in Scheduling.__members__:
        raise invalid_argument(f"scheduling {named!r}: SILENT, WHEN_IDLE or INTERRUPT")
    return Scheduling(named)


def code_of(calls: Sequence[Call]) -> ExecutableCode:
    """The code that a half-cascade model of the Developer API shows before it calls (LIVE_API 4.1)."""
    lines = [f"print(default_api.{call.wire.name}({_arguments(call.wire.args)}))" for call in calls]
    return ExecutableCode(language="PYTHON", code="\n".join(lines))


def _arguments(args: JsonObject) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in args.items())


def entry_of(response: FunctionResponse) -> Entry:
    """An answer as it is remembered."""
    text = json.dumps(response.response)
    return Entry("user", text, text_tokens(text), from_tool=True)
