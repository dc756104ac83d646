"""What Google's own code says of a message: the models of the official client, and the public protobuf.

LIVE_API.md 6.4 says how the official models are to be narrowed before they are strict. Whoever moves to a newer
release of either package reads the failing test's list of what it knows and we do not.
"""

import inspect
import json
import typing
import warnings
from collections.abc import Iterator
from enum import Enum
from typing import Any

from google.ai.generativelanguage_v1beta.types import generative_service
from google.genai import _live_converters, types
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from pydantic import BaseModel


class StrictSetup(types.LiveClientSetup):
    """LiveClientSetup, with the member it lacks and without what only the client's own callers may say."""

    realtime_input_config: types.RealtimeInputConfig | None = None
    system_instruction: types.Content | None = None
    tools: list[types.Tool] | None = None  # type: ignore[assignment]  # narrowed: no callables


class StrictContextTools(types.LiveClientContextUpdateTools):
    tools: list[types.Tool] | None = None  # type: ignore[assignment]  # narrowed: no callables


class StrictContextUpdate(types.LiveClientContextUpdate):
    system_instruction: types.Content | None = None
    tools: StrictContextTools | None = None


class StrictClientMessage(types.LiveClientMessage):
    """One message of a client, nothing beside it."""

    setup: StrictSetup | None = None
    context_update: StrictContextUpdate | None = None


ClientProto = generative_service.BidiGenerateContentClientMessage.pb()
ServerProto = generative_service.BidiGenerateContentServerMessage.pb()


def check_client_frame(frame: str) -> types.LiveClientMessage:
    """The frame as the official models read it; fails unless it is camelCase, with exactly one member."""
    data = json.loads(frame)
    assert len(data) == 1, data
    assert len(data.get("realtimeInput", {"one": 1})) == 1, data
    _check_camel_case(StrictClientMessage, data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # an enum value they do not know is only a warning to them
        return StrictClientMessage.model_validate_json(frame)


def check_server_frame(frame: bytes, *, vertex: bool) -> types.LiveServerMessage:
    """The frame as the official client reads it, but strictly: nothing unknown, nothing lost on the way."""
    data = json.loads(frame)
    if vertex:
        read = _live_converters._LiveServerMessage_from_vertex(data)
    else:
        read = _live_converters._LiveServerMessage_from_mldev(data)
    assert len(read) == len(data), (read, data)
    if vertex:
        assert len(read.get("usage_metadata", {})) == len(data.get("usageMetadata", {}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return types.LiveServerMessage.model_validate(read)


def check_client_proto(frame: str) -> Any:
    """The frame as protobuf's JSON parser reads it."""
    return json_format.Parse(frame, ClientProto())


def check_server_proto(frame: bytes) -> Any:
    """The frame as protobuf's JSON parser reads it."""
    return json_format.Parse(frame, ServerProto())


def _check_camel_case(model: type[BaseModel], data: Any) -> None:
    fields = {info.alias or name: info for name, info in model.model_fields.items()}
    for key, value in data.items():
        assert key in fields, (model.__name__, key)
        inner = inner_model(fields[key].annotation)
        if inner is not None:
            for element in value if isinstance(value, list) else (value,):
                if isinstance(element, dict) and not _is_map(fields[key].annotation):
                    _check_camel_case(inner, element)


CONVERTED: dict[type[BaseModel], dict[str, str]] = {
    types.VoiceActivity: {"voiceActivityType": "type"},
    types.UsageMetadata: {
        "responseTokenCount": "candidatesTokenCount",
        "responseTokensDetails": "candidatesTokensDetails",
    },
}
"""Names of the official models, and what stands for them on the wire: their converters know."""


class Official:
    """A type of the official models, as one asks it what it knows."""

    is_free = False

    def __init__(self, model: type[BaseModel]) -> None:
        self.fields = {info.alias or name: info.annotation for name, info in model.model_fields.items()}
        for theirs, wire in CONVERTED.get(model, {}).items():
            self.fields[wire] = self.fields[theirs]

    def message(self, alias: str) -> "Official | None":
        inner = inner_model(self.fields[alias])
        return None if inner is None else Official(inner)

    def names(self, alias: str) -> frozenset[str]:
        return frozenset(
            member.value
            for leaf in _leaves(self.fields[alias])
            if isinstance(leaf, type) and issubclass(leaf, Enum)
            for member in leaf
        )

    def is_object(self, alias: str) -> bool:
        """Whether anything may stand in it."""
        return False


class Public:
    """The same of a type of the public protobuf."""

    def __init__(self, descriptor: Descriptor) -> None:
        self.fields: dict[str, FieldDescriptor] = {field.json_name: field for field in descriptor.fields}
        self.is_free = descriptor.full_name.startswith("google.protobuf.")

    def message(self, alias: str) -> "Public | None":
        inner = self.fields[alias].message_type
        if inner is not None and inner.GetOptions().map_entry:
            inner = inner.fields_by_name["value"].message_type
        return None if inner is None else Public(inner)

    def names(self, alias: str) -> frozenset[str]:
        enum: EnumDescriptor | None = self.fields[alias].enum_type
        return frozenset() if enum is None else frozenset(value.name for value in enum.values)

    def is_object(self, alias: str) -> bool:
        """Whether anything may stand in it."""
        inner = self.message(alias)
        return inner is not None and inner.is_free


def pruned(data: dict[str, Any], oracle: "Official | Public") -> dict[str, Any]:
    """What is left of a message without the fields and enum values that the oracle does not know."""
    kept: dict[str, Any] = {}
    for alias, value in data.items():
        if alias not in oracle.fields or (oracle.names(alias) and not _is_named(value, oracle.names(alias))):
            continue
        inner = oracle.message(alias)
        if inner is None or inner.is_free:
            kept[alias] = value
        elif isinstance(value, list):
            kept[alias] = [pruned(element, inner) for element in value]
        else:
            kept[alias] = pruned(value, inner)
    return kept


def _is_named(value: Any, names: frozenset[str]) -> bool:
    return all(one in names for one in (value if isinstance(value, list) else [value]))


def inner_model(annotation: Any) -> type[BaseModel] | None:
    """The message in Optional, list or dict of it."""
    leaves = (leaf for leaf in _leaves(annotation) if inspect.isclass(leaf) and issubclass(leaf, BaseModel))
    return next(leaves, None)


def _is_map(annotation: Any) -> bool:
    return any(typing.get_origin(choice) is dict for choice in (annotation, *typing.get_args(annotation)))


def _leaves(annotation: Any) -> Iterator[Any]:
    arguments = typing.get_args(annotation)
    if not arguments:
        yield annotation
    for argument in arguments:
        yield from _leaves(argument)
