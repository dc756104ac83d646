"""What Google's JSON parser accepts and refuses of a client message, and in which words (LIVE_API.md 2.0).

Pure; the server's side. The walk over the message types does the parser's work: it respells keys, drops nulls, refuses
unknown names, second members of a oneof and values of the wrong kind, and turns the others into what the models hold;
pydantic then checks ranges. Error texts are those seen on the wire where LIVE_API.md has them; paths in them are
snake_case, as Google's are. New message types need nothing here: the walk reads fields.py's tables.

Two things the parser takes are refused here, because nothing could follow from them: an enum's number that has no name,
and a function schema that is `true` or `false`.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import NoReturn

from pydantic import BaseModel, ValidationError

from satellite.live.client_messages import ClientMessage
from satellite.live.content import FunctionResponsePart, Part
from satellite.live.dialects import Dialect, fields_in
from satellite.live.fields import Holder, Kind, WireField, snake
from satellite.live.setup_messages import VoiceConfig
from satellite.live.wire import decode_base64

MEMBERS = tuple(ClientMessage.model_fields)
"""The oneof of a client message."""

ONEOFS: Mapping[type[BaseModel], tuple[str, frozenset[str]]] = {
    ClientMessage: ("message_type", frozenset(MEMBERS)),
    Part: (
        "data",
        frozenset(
            {
                *("text", "inline_data", "file_data", "function_call", "function_response"),
                *("executable_code", "code_execution_result"),
            }
        ),
    ),
    FunctionResponsePart: ("data", frozenset({"inline_data", "file_data"})),
    VoiceConfig: ("voice_config", frozenset({"prebuilt_voice_config", "replicated_voice_config"})),
}
"""Name and members of the one oneof of a message type."""

MAX_DEPTH = 100
"""Objects and lists within one another: protobuf's recursion limit."""

MAX_REASON_CHARACTERS = 500
"""More of a refusal is read by nobody (a close frame holds 123 bytes); the client chooses how long its names are."""

LARGEST_FLOAT = 3.4028234663852886e38
"""Of 32 bits: all numbers of a setup with a fraction are such."""

NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{0,30})?([eE][+-]?[0-9]{1,3})?")
SPECIAL_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
SURROGATE = re.compile("[\ud800-\udfff]")


class PayloadRefused(Exception):
    """A message that Google's parser refuses; `reason` is the text of the close frame (code 1007)."""

    def __init__(self, reason: str) -> None:
        reason = reason[:MAX_REASON_CHARACTERS].encode(errors="replace").decode()
        super().__init__(reason)
        self.reason = reason


def parse_client_message(message: str | bytes, *, dialect: Dialect | None = None) -> ClientMessage:
    """The message in a frame, as `dialect` reads it (None: every field is known); raises PayloadRefused."""
    try:
        text = message.decode() if isinstance(message, bytes) else message
        data = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise PayloadRefused("Invalid JSON payload received. Unexpected token.") from None
    if not isinstance(data, dict):
        raise PayloadRefused('Invalid JSON payload received. Unknown name "": Root element must be a message.')
    fields = _Walk(dialect).message(ClientMessage, data, "", 1)
    try:
        return ClientMessage.model_validate(fields)
    except ValidationError as error:
        first_error = error.errors(include_url=False, include_context=False)[0]
        raise PayloadRefused(_invalid_value(_path(first_error["loc"]), first_error.get("input"))) from None


class _Walk:
    """One message's walk, in one dialect. `depth` counts the objects and lists around and including a value."""

    def __init__(self, dialect: Dialect | None) -> None:
        self._dialect = dialect

    def message(self, model: type[BaseModel], data: dict[str, object], path: str, depth: int) -> dict[str, object]:
        """The object with camelCase keys and without nulls; of two spellings the last one wins."""
        _check_depth(depth)
        known = fields_in(model, self._dialect)
        oneof, members = ONEOFS.get(model, ("", frozenset()))
        member = ""
        read: dict[str, object] = {}
        for key, value in data.items():
            field = known.get(key)
            if field is None:
                at = f" at '{path}'" if path else ""
                raise PayloadRefused(f'Invalid JSON payload received. Unknown name "{key}"{at}: Cannot find field.')
            if value is None and field.kind is not Kind.ANY:
                continue
            if field.name in members:
                if member:  # by its other spelling, too
                    at = f" at '{path}'" if path else ""
                    raise PayloadRefused(
                        f"Invalid value{at} (oneof), oneof field '{oneof}' is already set. Cannot set '{field.alias}'"
                    )
                member = field.name
            read[field.alias] = self._field(field, value, f"{path}.{field.name}" if path else field.name, depth)
        return read

    def _field(self, field: WireField, value: object, path: str, depth: int) -> object:
        if field.holder is Holder.ONE:
            return self._value(field, value, path, depth)
        _check_depth(depth + 1)
        if field.holder is Holder.LIST:
            if not isinstance(value, list):
                _refuse(path, value)
            return [self._value(field, element, f"{path}[{at}]", depth + 1) for at, element in enumerate(value)]
        if not isinstance(value, dict):
            _refuse(path, value)
        return {_text(key, path): self._value(field, element, path, depth + 1) for key, element in value.items()}

    def _value(self, field: WireField, value: object, path: str, depth: int) -> object:
        if field.kind is Kind.MESSAGE and field.model is not None:
            if not isinstance(value, dict):
                _refuse(path, value)
            return self.message(field.model, value, path, depth + 1)
        if field.kind is Kind.ENUM:
            return _enum(field.names, value, path)
        return READERS[field.kind](value, path) if field.kind in READERS else _json(field.kind, value, path, depth)


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise PayloadRefused("Invalid JSON payload received. Message too deep. Max recursion depth reached.")


def _refuse(path: str, value: object) -> NoReturn:
    raise PayloadRefused(_invalid_value(path, value))


def _refuse_constant(name: str) -> NoReturn:
    """NaN and Infinity are no JSON."""
    raise ValueError(name)


def _enum(names: tuple[str, ...], value: object, path: str) -> str:
    """An enum's name, of itself or of its number."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(names):
        return names[value]
    if not isinstance(value, str) or value not in names:
        _refuse(path, value)
    return value


def _bytes(value: object, path: str) -> bytes:
    if not isinstance(value, str):
        _refuse(path, value)
    try:
        return decode_base64(value)
    except ValueError:
        _refuse(path, value)


def _bool(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        _refuse(path, value)
    return value


def _integer(value: object, path: str) -> int:
    """An integer as a number (100.0 is one) or as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and NUMBER.fullmatch(value):
        try:
            return int(value)
        except ValueError:
            value = float(value)
    if not isinstance(value, float) or not value.is_integer():
        _refuse(path, value)
    return int(value)


def _float(value: object, path: str) -> float:
    """A number, as such or as text, that fits 32 bits; NaN and the infinities as text alone."""
    if isinstance(value, str):
        if value in SPECIAL_FLOATS:
            return SPECIAL_FLOATS[value]
        if not NUMBER.fullmatch(value):
            _refuse(path, value)
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST_FLOAT:
        _refuse(path, value)
    return float(value)


def _text(value: object, path: str) -> str:
    if not isinstance(value, str) or SURROGATE.search(value):
        _refuse(path, value)
    return value


READERS: Mapping[Kind, Callable[[object, str], object]] = {
    Kind.BYTES: _bytes,
    Kind.BOOL: _bool,
    Kind.INTEGER: _integer,
    Kind.FLOAT: _float,
    Kind.TEXT: _text,
}


def _json(kind: Kind, value: object, path: str, depth: int) -> object:
    """A value of the user's own, as it is: no depth, number or text in it that protobuf's Struct cannot hold."""
    if kind is Kind.OBJECT and not isinstance(value, dict):
        _refuse(path, value)
    if isinstance(value, dict | list):
        _check_depth(depth + 1)
        if isinstance(value, dict):
            for key in value:
                _text(key, path)
        for element in value.values() if isinstance(value, dict) else value:
            _json(Kind.ANY, element, path, depth + 1)
    elif isinstance(value, str):
        _text(value, path)
    elif isinstance(value, float) and not math.isfinite(value):  # 1e400
        _refuse(path, value)
    return value


def _path(location: tuple[int | str, ...]) -> str:
    """A place as Google writes it: `setup.generation_config.response_modalities[0]`."""
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f"{'.' if path else ''}{snake(step)}"
    return path


def _invalid_value(path: str, value: object) -> str:
    """Google's text for a value of the wrong kind; long values are cut (a close reason holds 123 bytes)."""
    if isinstance(value, dict | list):
        shown = "{...}" if isinstance(value, dict) else "[...]"
    else:
        shown = json.dumps(value[:MAX_REASON_CHARACTERS] if isinstance(value, str) else value, default=str)
    return f"Invalid value at '{path}', {shown[:40]}"
