"""The fields of a message type as a walk over raw JSON needs them: by both spellings, with what their values are.

Pure. Read by proto_json (what a client may say) and decoder (what a server says that is new). New message types need
nothing here: the table is made from their annotations.
"""

import types
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from functools import cache
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel

from satellite.live.wire import Names


class Kind(Enum):
    """What a value is on the wire."""

    MESSAGE = auto()
    ENUM = auto()
    BYTES = auto()
    BOOL = auto()
    INTEGER = auto()
    FLOAT = auto()
    TEXT = auto()
    OBJECT = auto()
    ANY = auto()


class Holder(Enum):
    """How many values a field has."""

    ONE = auto()
    LIST = auto()
    MAP = auto()


@dataclass(frozen=True, slots=True)
class WireField:
    """A field: its snake_case and camelCase name, and its values or its list's or map's elements."""

    name: str
    alias: str
    holder: Holder
    kind: Kind
    model: type[BaseModel] | None
    names: tuple[str, ...]
    """Of an enum, in the protobuf's order."""


SCALARS = {bytes: Kind.BYTES, bool: Kind.BOOL, int: Kind.INTEGER, float: Kind.FLOAT, str: Kind.TEXT}


@cache
def fields_of(model: type[BaseModel]) -> Mapping[str, WireField]:
    """The fields of a message by both of their spellings."""
    if not model.__pydantic_fields_complete__:  # a type that holds itself
        model.model_rebuild()
    fields: dict[str, WireField] = {}
    for name, info in model.model_fields.items():
        holder, inner = _shape(info.annotation)
        names = next((mark.names for mark in info.metadata if isinstance(mark, Names)), ())
        kind = Kind.ENUM if names else SCALARS.get(inner, Kind.ANY) if isinstance(inner, type) else Kind.ANY
        message = None
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            kind, message = Kind.MESSAGE, inner
        elif isinstance(inner, type) and issubclass(inner, StrEnum):
            kind, names = Kind.ENUM, tuple(inner)
        elif get_origin(inner) is dict:
            kind = Kind.OBJECT
        field = WireField(name, info.alias or name, holder, kind, message, names)
        fields[name] = fields[field.alias] = field
    return fields


def snake(name: str) -> str:
    """`voice_config` of `voiceConfig`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _shape(annotation: object) -> tuple[Holder, object]:
    """How many values a field has, and their type without Optional and Annotated."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return _shape(next(choice for choice in get_args(annotation) if choice is not type(None)))
    if origin is Annotated:
        return _shape(get_args(annotation)[0])
    if origin is list:
        return Holder.LIST, _shape(get_args(annotation)[0])[1]
    if origin is dict and _is_map_of(get_args(annotation)[1]):
        return Holder.MAP, get_args(annotation)[1]
    return Holder.ONE, annotation


def _is_map_of(values: object) -> bool:
    """Whether an object with these values is protobuf's map; any other is the user's own."""
    return isinstance(values, type) and (values is str or issubclass(values, BaseModel))
