"""JSON schemas that come from outside (the configuration, a source): checked once, then arguments against them.

The satellite's own tools describe their arguments with a pydantic model instead (registry.py). What a schema
refuses is worded for the model, which can then correct itself.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, SchemaError
from jsonschema.exceptions import ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

MOST_PROBLEMS = 5
"""So many are told at once: enough to correct a call, whatever was sent."""

LONGEST_PROBLEM = 300
"""Characters of one problem: the library quotes the value, and values may be long."""


class ArgumentsRefused(ValueError):
    """The model's arguments do not fit; the text names which and why, and is told to it."""


class JsonSchema:
    """A JSON schema (draft 2020-12) of type object. Nothing is ever fetched for it: a $ref stays within."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """Raises ValueError, one line that names the place within the schema and what is wrong with it."""
        self.schema = {key: value for key, value in schema.items() if key != "$schema"}
        try:
            text = json.dumps(self.schema, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"not JSON: {error}") from None
        if self.schema.get("type") != "object":
            raise ValueError('type: a schema of arguments begins with type = "object"')
        try:
            Draft202012Validator.check_schema(self.schema)
        except SchemaError as error:
            raise ValueError(_problem(error, "schema")) from None
        # an empty registry: the library's own would fetch what is named by a URL
        registry: Registry[Any] = Registry()
        self._validator = Draft202012Validator(self.schema, registry=registry)
        self._check_references(registry, json.loads(text))

    def read(self, arguments: str) -> dict[str, Any]:
        """The arguments, a JSON object as text; ArgumentsRefused names what does not fit."""
        try:
            given = json.loads(arguments, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise ArgumentsRefused(f"arguments: no JSON: {error}") from None
        problems = [_problem(error, "arguments") for error in self._validator.iter_errors(given)]
        if problems:
            more = len(problems) - MOST_PROBLEMS
            shown = problems[:MOST_PROBLEMS] + ([f"and {more} more"] if more > 0 else [])
            raise ArgumentsRefused("; ".join(shown))
        result: dict[str, Any] = given
        return result

    def _check_references(self, registry: "Registry[Any]", schema: object) -> None:
        """A $ref that leads nowhere, or in a circle, would be seen at the first call only."""
        resolver = registry.resolver_with_root(DRAFT202012.create_resource(self.schema))
        for reference in _references(schema):
            try:
                resolver.lookup(reference)
            except Unresolvable:
                raise ValueError(f"$ref: {reference} leads nowhere (only #/... within the schema does)") from None
        try:
            self._validator.is_valid({})
        except RecursionError:
            raise ValueError("$ref: leads round in a circle") from None


def _problem(error: ValidationError | SchemaError, whole: str) -> str:
    """Where, by the names of the arguments, and what; one line."""
    place = ".".join(str(step) for step in error.absolute_path) or whole
    return " ".join(f"{place}: {error.message}".split())[:LONGEST_PROBLEM]


def _references(node: object) -> Iterator[str]:
    """Every reference of a schema, however deep."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no number")
