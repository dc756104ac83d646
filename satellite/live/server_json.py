"""A server's frame to a message, whatever is in it. Pure; nothing raises.

What cannot be read is left out, what is newer than our models is ignored, and both are counted. The count of what is
new costs an audio message next to nothing: but for their sound the messages of one stream are alike, and what was found
in the last of them is found in the next.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from satellite.live.fields import Holder, Kind, fields_of, snake
from satellite.live.server_messages import ServerMessage

MAX_REPAIRS = 8
"""Rounds of leaving out unreadable members before a message is given up."""

MAX_ENVELOPE_BYTES = 1000
"""Longest message, its sound left out, that is remembered."""

DATA = b'"data"'


class ServerReader:
    """Reads the frames of one connection. Driven by its Decoder.

    `unreadable` counts messages with something in them that was left out, or with nothing readable; `unknown` counts
    fields and enum values that no model here knows.
    """

    def __init__(self) -> None:
        self.unreadable = 0
        self.unknown = 0
        # The last message with sound: what stands before it, what stands after it, what was new in that.
        self._head = self._tail = b""
        self._news = 0

    def read(self, frame: str | bytes) -> ServerMessage | None:
        """The message, without those of its members that cannot be read; None when nothing can."""
        try:
            message = ServerMessage.model_validate_json(frame)
        except ValidationError as error:
            self.unreadable += 1
            return self._repaired(frame, error)
        if isinstance(frame, str):
            frame = frame.encode()
        if not self._is_like_the_last(frame):
            self._look_through(frame)
        self.unknown += self._news
        return message

    def _is_like_the_last(self, frame: bytes) -> bool:
        head, tail = self._head, self._tail
        return (
            head != b""
            and frame.startswith(head)
            and frame.endswith(tail)
            and frame.find(b'"', len(head)) == len(frame) - len(tail)
        )

    def _look_through(self, frame: bytes) -> None:
        """Count what is new in a message, and remember it if it has sound in one place."""
        pieces = _around_sound(frame)
        self._news = count_news(ServerMessage, _parsed(b"".join(pieces)))
        if len(pieces) == 2 and len(pieces[0]) + len(pieces[1]) <= MAX_ENVELOPE_BYTES:
            self._head, self._tail = pieces
        else:
            self._head = b""

    def _repaired(self, frame: str | bytes, problem: ValidationError) -> ServerMessage | None:
        data = _parsed(frame)
        self.unknown += count_news(ServerMessage, data)
        for _ in range(MAX_REPAIRS):
            left_out = [_leave_out(data, place) for place in _places(problem)]
            if not all(left_out):
                return None
            try:
                return ServerMessage.model_validate(data)
            except ValidationError as error:
                problem = error
        return None


def count_news(model: type[BaseModel], data: Any) -> int:
    """Fields and enum values in a message that its model does not know, at any level."""
    if not isinstance(data, Mapping):
        return 0
    fields = fields_of(model)
    news = 0
    for key, value in data.items():
        field = fields.get(key)
        if field is None:
            news += 1
        elif field.kind is Kind.ENUM:
            news += isinstance(value, str) and value != "" and value not in field.names
        elif field.kind is Kind.MESSAGE and field.model is not None:
            values = value if field.holder is Holder.LIST and isinstance(value, list) else (value,)
            for element in values:
                news += count_news(field.model, element)
    return news


def _around_sound(frame: bytes) -> list[bytes]:
    """The frame, cut where the text of a `data` member was."""
    pieces: list[bytes] = []
    done = 0
    at = frame.find(DATA)
    while at >= 0:
        opened = frame.find(b'"', at + len(DATA))
        closed = frame.find(b'"', opened + 1)
        if opened < 0 or closed < 0:
            break
        if frame[at + len(DATA) : opened].strip() == b":":
            pieces.append(frame[done : opened + 1])
            done = closed
            at = frame.find(DATA, closed)
        else:  # a word that is called so, or a member that is no text
            at = frame.find(DATA, at + 1)
    return [*pieces, frame[done:]]


def _parsed(frame: str | bytes) -> Any:
    """The JSON in a frame, None when it is none."""
    try:
        return from_json(frame)
    except ValueError:
        return None


def _places(problem: ValidationError) -> list[tuple[int | str, ...]]:
    """Where a message cannot be read, the last elements of lists first."""
    details = problem.errors(include_url=False, include_context=False, include_input=False)
    return sorted(
        {detail["loc"] for detail in details},
        key=lambda place: [(isinstance(step, int), step) for step in place],
        reverse=True,
    )


def _leave_out(data: Any, place: tuple[int | str, ...]) -> bool:
    """Remove the member at `place` (camelCase steps), its owner if it is missing; False when there is nothing."""
    owner, key = None, None
    node = data
    for step in place:
        if isinstance(node, dict) and isinstance(step, str):
            found: Any = step if step in node else snake(step)
            if found not in node:
                break
        elif isinstance(node, list) and isinstance(step, int) and step < len(node):
            found = step
        else:
            break
        owner, key, node = node, found, node[found]
    if owner is None:
        return False
    del owner[key]
    return True
