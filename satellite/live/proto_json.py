"""What Google's JSON parser accepts and refuses of a client message, and in which words (LIVE_API.md 2.0).

Pure; the server's side. The walk over the message models respells keys, drops nulls, turns enum numbers
into names, and refuses unknown names; pydantic then checks the values. Error texts are those seen on the
wire where LIVE_API.md has them; paths in them are snake_case, as Google's are. New message types need
nothing here: the walk reads their fields.
"""

import json
import types
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from satellite.live.client_messages import ClientMessage
from satellite.live.wire import decode_base64

MEMBERS = tuple(ClientMessage.model_fields)
"""The oneof of a client message."""


class PayloadRefused(Exception):
    """A message that Google's parser refuses; `reason` is the text of the close frame (code 1007)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Field:
    """A field as the walk needs it: its wire name, and what its values (or its list's elements) are."""

    name: str
    alias: str
    is_list: bool
    model: type[BaseModel] | None
    enum: type[StrEnum] | None
    is_bytes: bool


def parse_client_message(message: str | bytes) -> ClientMessage:
    """The message in a frame; raises PayloadRefused."""
    try:
        data = json.loads(message)
    except (ValueError, RecursionError):
        raise PayloadRefused("Invalid JSON payload received. Unexpected token.") from None
    if not isinstance(data, dict):
        raise PayloadRefused('Invalid JSON payload received. Unknown name "": Root element must be a message.')
    fields = _respell(ClientMessage, data, "")
    if len(fields) > 1:
        first, second = list(fields)[:2]
        raise PayloadRefused(
            f"Invalid value (oneof), oneof field 'message_type' is already set. Cannot set '{second}' beside '{first}'"
        )
    try:
        return ClientMessage.model_validate(fields)
    except ValidationError as error:
        first_error = error.errors(include_url=False, include_context=False)[0]
        raise PayloadRefused(_invalid_value(_path(first_error["loc"]), first_error.get("input"))) from None


def _respell(model: type[BaseModel], data: dict[str, object], path: str) -> dict[str, object]:
    """The object with camelCase keys, without nulls, enums by name; of two spellings the last one wins."""
    fields = _fields_of(model)
    spelt: dict[str, object] = {}
    for key, value in data.items():
        field = fields.get(key)
        if field is None:
            at = f" at '{path}'" if path else ""
            raise PayloadRefused(f'Invalid JSON payload received. Unknown name "{key}"{at}: Cannot find field.')
        if value is None:
            continue
        spelt[field.alias] = _respell_value(field, value, f"{path}.{field.name}" if path else field.name)
    return spelt


def _respell_value(field: _Field, value: object, path: str) -> object:
    if field.is_list and isinstance(value, list):
        return [_respell_one(field, element, f"{path}[{index}]") for index, element in enumerate(value)]
    return _respell_one(field, value, path)


def _respell_one(field: _Field, value: object, path: str) -> object:
    if field.model is not None and isinstance(value, dict):
        return _respell(field.model, value, path)
    if field.enum is not None and isinstance(value, int) and not isinstance(value, bool):
        names = list(field.enum)
        if 0 <= value < len(names):
            return names[value]
    if field.is_bytes and isinstance(value, str):
        try:
            return decode_base64(value)
        except ValueError:
            raise PayloadRefused(_invalid_value(path, value)) from None
    return value


@cache
def _fields_of(model: type[BaseModel]) -> Mapping[str, _Field]:
    """The fields of a message by both of their spellings."""
    fields: dict[str, _Field] = {}
    for name, info in model.model_fields.items():
        is_list, inner = _shape(info.annotation)
        alias = info.alias or name
        field = _Field(
            name=name,
            alias=alias,
            is_list=is_list,
            model=inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None,
            enum=inner if isinstance(inner, type) and issubclass(inner, StrEnum) else None,
            is_bytes=inner is bytes,
        )
        fields[name] = fields[alias] = field
    return fields


def _shape(annotation: object) -> tuple[bool, object]:
    """Whether a field is a list, and the type of its values or elements without Optional and Annotated."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return _shape(next(choice for choice in get_args(annotation) if choice is not type(None)))
    if origin is Annotated:
        return _shape(get_args(annotation)[0])
    if origin is list:
        return True, _shape(get_args(annotation)[0])[1]
    return False, annotation


def _path(location: tuple[int | str, ...]) -> str:
    """A place as Google writes it: `setup.generation_config.response_modalities[0]`."""
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f"{'.' if path else ''}{_snake(step)}"
    return path


def _invalid_value(path: str, value: object) -> str:
    """Google's text for a value of the wrong type; long values are cut (a close reason holds 123 bytes)."""
    return f"Invalid value at '{path}', {json.dumps(value, default=str)[:40]}"


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
