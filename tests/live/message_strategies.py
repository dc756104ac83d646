"""Random messages of our models, within what an oracle knows: from the fields' tables, so that none is forgotten."""

from datetime import datetime
from typing import Any, Protocol

from hypothesis import strategies as st
from pydantic import BaseModel

from satellite.live.client_messages import RealtimeInput
from satellite.live.fields import Holder, Kind, WireField, fields_of
from satellite.live.proto_json import ONEOFS
from satellite.live.server_messages import GroundingChunk, ServerMessage

MAX_NESTING = 7
"""Levels of messages; deeper ones are left out (a schema holds schemas)."""

OBJECTS = st.dictionaries(
    st.text(max_size=4),
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=6),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
        max_leaves=4,
    ),
    max_size=3,
)
DURATIONS = st.integers(0, 100_000).map(lambda number_ms: f"{number_ms / 1000:.3f}s")
INSTANTS = st.datetimes(min_value=datetime(1970, 1, 1)).map(lambda instant: f"{instant:%Y-%m-%dT%H:%M:%S}Z")
SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "start_offset": DURATIONS,
    "end_offset": DURATIONS,
    "audio_offset": DURATIONS,
    "time_left": DURATIONS,
    "start_time": INSTANTS,
    "end_time": INSTANTS,
    "top_k": st.integers(0, 1000),  # a float to one backend, an int32 to the other
}
VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.BYTES: st.binary(max_size=12),
    Kind.BOOL: st.booleans(),
    Kind.INTEGER: st.integers(-(2**31), 2**31 - 1),
    Kind.FLOAT: st.floats(width=32, allow_nan=False, allow_infinity=False),
    Kind.TEXT: st.text(max_size=8),
    Kind.OBJECT: OBJECTS,
    Kind.ANY: st.none() | st.booleans() | st.text(max_size=4),
}


ALONE = {
    RealtimeInput: frozenset(RealtimeInput.model_fields),
    GroundingChunk: frozenset(GroundingChunk.model_fields),
    ServerMessage: frozenset(ServerMessage.model_fields) - {"usage_metadata"},
}
"""What stands alone beside the parsers' own oneofs."""

NO_ONEOF: tuple[str, frozenset[str]] = ("", frozenset())


class Oracle(Protocol):
    """A message type of somebody else's: its fields by camelCase name, their types, the names of their enums."""

    @property
    def fields(self) -> dict[str, Any]: ...

    def message(self, alias: str) -> "Oracle | None": ...

    def names(self, alias: str) -> frozenset[str]: ...

    def is_object(self, alias: str) -> bool: ...


def own_fields(model: type[BaseModel]) -> list[WireField]:
    """Each field once."""
    return [field for key, field in fields_of(model).items() if key == field.name]


def unknown_to(model: type[BaseModel], oracle: Oracle, seen: frozenset[type[BaseModel]] = frozenset()) -> set[str]:
    """`Type.field` of ours that the oracle has not, and `Type.field=NAME` of enums; looked for at every level."""
    missing: set[str] = set()
    for field in own_fields(model):
        place = f"{model.__name__}.{field.name}"
        if field.alias not in oracle.fields:
            missing.add(place)
        elif field.model is not None and field.model not in seen:
            inner = oracle.message(field.alias)
            assert inner is not None, place
            missing |= unknown_to(field.model, inner, seen | {model})
        elif field.kind is Kind.ENUM and (names := oracle.names(field.alias)):
            missing |= {f"{place}={name}" for name in field.names if name not in names}
    return missing


def unknown_to_us(model: type[BaseModel], oracle: Oracle, seen: frozenset[type[BaseModel]] = frozenset()) -> set[str]:
    """`Type.camelName` that the oracle has and we have not, and its enums' names."""
    ours = {field.alias: field for field in own_fields(model)}
    missing: set[str] = set()
    for alias in oracle.fields:
        place = f"{model.__name__}.{alias}"
        if alias not in ours:
            missing.add(place)
            continue
        field = ours[alias]
        inner = oracle.message(alias)
        if field.model is not None and inner is not None and field.model not in seen:
            missing |= unknown_to_us(field.model, inner, seen | {model})
        elif field.kind is Kind.ENUM:
            missing |= {f"{place}={name}" for name in oracle.names(alias) if name not in field.names}
    return missing


def messages(
    model: type[BaseModel], oracle: Oracle, *, without: frozenset[str] = frozenset(), level: int = 0
) -> st.SearchStrategy[Any]:
    """Messages with any of the fields that the oracle knows, but those named `Type.field` in `without`."""
    return st.deferred(lambda: _build(model, oracle, without, level))


def _build(model: type[BaseModel], oracle: Oracle, without: frozenset[str], level: int) -> st.SearchStrategy[Any]:
    oneof = ALONE.get(model) or ONEOFS.get(model, NO_ONEOF)[1]
    optional: dict[str, st.SearchStrategy[Any]] = {}
    members: list[st.SearchStrategy[dict[str, Any]]] = []
    for field in own_fields(model):
        if field.alias not in oracle.fields or f"{model.__name__}.{field.name}" in without:
            continue
        inner = oracle.message(field.alias) if field.kind is Kind.MESSAGE else None
        if inner is not None and level >= MAX_NESTING:
            continue
        value = _value(model, field, oracle, inner, without, level)
        if field.name in oneof:
            written = value.filter(lambda drawn: drawn not in (False, []))  # defaults are not
            members.append(st.fixed_dictionaries({field.name: written}))
        else:
            optional[field.name] = value
    rest = st.fixed_dictionaries({}, optional=optional)
    if not members:
        return rest.map(lambda fields: model(**fields))
    return st.builds(lambda one, more: model(**one, **more), st.one_of(members), rest)


def _value(
    model: type[BaseModel], field: WireField, oracle: Oracle, inner: Oracle | None, without: frozenset[str], level: int
) -> st.SearchStrategy[Any]:
    if field.model is not None and inner is not None:
        value = messages(field.model, inner, without=without, level=level + 1)
    elif field.kind is Kind.ENUM:
        known = oracle.names(field.alias)
        value = st.sampled_from([name for name in field.names if not known or name in known])
    elif field.kind is Kind.TEXT and oracle.names(field.alias):
        value = st.sampled_from(sorted(oracle.names(field.alias)))
    elif field.kind is Kind.OBJECT and oracle.message(field.alias) is not None and not oracle.is_object(field.alias):
        value = st.just({})  # a message to the oracle, whose fields nobody here looks at
    else:
        value = SPECIAL.get(field.name, VALUES[field.kind])
    if field.holder is Holder.LIST:
        return st.lists(value, max_size=2)
    return st.dictionaries(st.text(max_size=4), value, max_size=2) if field.holder is Holder.MAP else value
