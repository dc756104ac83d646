"""Schemas from outside: what is refused at once, and what the model is told about arguments that do not fit."""

import socket
from typing import Any

import pytest

from satellite.tools.schema import LONGEST_PROBLEM, ArgumentsRefused, JsonSchema

LIGHTS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "room": {"enum": ["kitchen", "hall"]},
        "brightness": {"type": "integer", "minimum": 0, "maximum": 100},
        "color": {"type": "object", "properties": {"red": {"type": "number"}}},
    },
    "required": ["room"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({}, 'type: a schema of arguments begins with type = "object"'),
        ({"type": "array"}, 'type: a schema of arguments begins with type = "object"'),
        ({"properties": {"a": {}}}, "type:"),
        ({"type": "object", "properties": {"a": {"type": "strin"}}}, "properties.a.type: 'strin' is not valid"),
        ({"type": "object", "properties": {"a": {"pattern": "("}}}, "properties.a.pattern: '(' is not a 'regex'"),
        ({"type": "object", "required": "a"}, "required: 'a' is not of type 'array'"),
        ({"type": "object", "default": float("nan")}, "not JSON"),
        ({"type": "object", "default": {1, 2}}, "not JSON"),
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/none"}}}, r"$ref: #/$defs/none leads nowhere"),
        ({"type": "object", "$ref": "#"}, "$ref: leads round in a circle"),
        ({"type": "object", "allOf": [{"$ref": "#/$defs/none"}]}, r"$ref: #/$defs/none leads nowhere"),
    ],
)
def test_what_is_no_schema_of_arguments_is_refused_by_its_place(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as refused:
        JsonSchema(schema)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("kind", ["$ref", "$dynamicRef"])
def test_a_reference_to_another_place_is_refused_and_not_fetched(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"
        with pytest.raises(ValueError, match="leads nowhere"):
            JsonSchema({"type": "object", "properties": {"a": {kind: url}}})
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_reference_within_the_schema_is_followed() -> None:
    schema = JsonSchema(
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/level"}}, "$defs": {"level": {"maximum": 3}}}
    )
    assert schema.read('{"a": 3}') == {"a": 3}
    with pytest.raises(ArgumentsRefused, match="a: 4 is greater than the maximum of 3"):
        schema.read('{"a": 4}')


def test_arguments_that_fit_are_taken_as_they_are() -> None:
    assert JsonSchema(LIGHTS).read('{"room": "hall", "brightness": 30}') == {"room": "hall", "brightness": 30}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("{}", "arguments: 'room' is a required property"),
        ('{"room": "attic"}', "room: 'attic' is not one of"),
        ('{"room": "hall", "brightness": 300}', "brightness: 300 is greater than the maximum of 100"),
        ('{"room": "hall", "brightness": true}', "brightness: True is not of type 'integer'"),
        ('{"room": "hall", "color": {"red": "much"}}', "color.red: 'much' is not of type 'number'"),
        ('{"room": "hall", "hue": 1}', "'hue' was unexpected"),
        ('{"room": "hall", "brightness": NaN}', "NaN is no number"),
        ("[]", "arguments: [] is not of type 'object'"),
        ("{", "arguments: no JSON"),
        ("[" * 100_000, "arguments: no JSON"),
    ],
)
def test_what_does_not_fit_is_named(arguments: str, said: str) -> None:
    with pytest.raises(ArgumentsRefused) as refused:
        JsonSchema(LIGHTS).read(arguments)
    assert said in str(refused.value)


def test_several_problems_are_told_at_once_but_not_without_end() -> None:
    schema = JsonSchema({"type": "object", "additionalProperties": {"type": "string", "maxLength": 3}})
    with pytest.raises(ArgumentsRefused) as refused:
        schema.read("{" + ", ".join(f'"a{number}": {number}' for number in range(20)) + "}")
    assert str(refused.value).endswith("; and 15 more")
    with pytest.raises(ArgumentsRefused) as refused:
        schema.read(f'{{"a": "{"x" * 5000}"}}')
    assert len(str(refused.value)) == LONGEST_PROBLEM
