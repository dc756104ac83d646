"""The tools there are: each a declaration for the model and a function for us.

The arguments are a pydantic model (tools of our own) or a JSON schema (tools from outside): the model is told the
schema, and what it sends is checked against it. A tool is added to a source: builtin.py, functions.py, or another
one whose tools come and go.
"""

import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from satellite.core.declarations import ToolDeclaration
from satellite.core.errors import ConfigError
from satellite.tools.schema import ArgumentsRefused, JsonSchema

log = logging.getLogger(__name__)

Result = Mapping[str, Any]
"""A JSON object; by convention {"output": ...} or {"error": "..."}."""

NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
"""What the Live API takes (reference of FunctionDeclaration.name; some versions of Vertex AI's omit the colon)."""

TIMEOUT_S = 10.0
"""Longest run of a tool that says nothing else."""


class Scheduling(StrEnum):
    """When the answer of a non-blocking tool is spoken: at once, after the present turn, or only remembered."""

    INTERRUPT = "interrupt"
    WHEN_IDLE = "when_idle"
    SILENT = "silent"


class Arguments(BaseModel):
    """Base of all arguments: unknown ones are named to the model, not dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Tool:
    """One function the model may call. Raises ValueError for a name that the Live API does not take.

    `run` gets an instance of the pydantic model, or a dict where `arguments` is a JSON schema; its task is cancelled
    after `timeout_s`. `scheduling` means something for a `non_blocking` one only. `idempotent`: running it twice does
    no harm, whatever the second call says.
    """

    name: str
    description: str
    arguments: type[Arguments] | JsonSchema
    run: Callable[[Any], Awaitable[Result]]
    timeout_s: float = TIMEOUT_S
    non_blocking: bool = False
    scheduling: Scheduling = Scheduling.WHEN_IDLE
    idempotent: bool = False

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(
                "a name begins with a letter or _ and goes on with letters, digits, _ . : - (64 characters at most)"
            )

    @property
    def declaration(self) -> ToolDeclaration:
        """What the model is told."""
        return ToolDeclaration(
            self.name, self.description, json.dumps(self._schema()), self.non_blocking, self.idempotent
        )

    @property
    def answer_scheduling(self) -> str:
        """INTERRUPT, WHEN_IDLE or SILENT for the answer of a non-blocking tool, else "" (LIVE_API 2.4)."""
        return self.scheduling.upper() if self.non_blocking else ""

    async def call(self, arguments: str) -> Result:
        """Run with the model's JSON; what does not fit is told to it as an error, and nothing is run."""
        try:
            parsed = self._read(arguments)
        except ArgumentsRefused as error:
            return {"error": str(error)}
        return await self.run(parsed)

    def _schema(self) -> dict[str, Any]:
        if isinstance(self.arguments, JsonSchema):
            return self.arguments.schema
        schema = self.arguments.model_json_schema()
        schema.pop("title", None)
        schema.pop("description", None)
        schema.setdefault("properties", {})
        return schema

    def _read(self, arguments: str) -> Any:
        if isinstance(self.arguments, JsonSchema):
            return self.arguments.read(arguments)
        try:
            return self.arguments.model_validate_json(arguments)
        except ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'arguments'}: {problem['msg']}"
                for problem in error.errors(include_url=False)
            )
            raise ArgumentsRefused(wrong) from None


class Source(Protocol):
    """Something that has tools now, and may have others later. Asked on the loop, at any time: answers at once."""

    @property
    def where(self) -> str:
        """Where its tools are written down, for messages: tools.functions."""

    @property
    def tools(self) -> Sequence[Tool]:
        """Those there are now, of different names."""


@dataclass(frozen=True, slots=True)
class FixedTools:
    """A source whose tools stay the same."""

    where: str
    tools: Sequence[Tool]


class ToolRegistry:
    """The tools of all sources, by name; asks the sources each time. Loop only."""

    def __init__(self, *sources: Source) -> None:
        """Raises ConfigError when two sources have a tool of one name."""
        self._sources = sources
        self._hidden: set[tuple[str, str]] = set()
        taken: dict[str, str] = {}
        for source in sources:
            for tool in source.tools:
                if tool.name in taken:
                    raise ConfigError(f"{source.where}.{tool.name}: {taken[tool.name]} has a function of that name")
                taken[tool.name] = source.where

    @property
    def declarations(self) -> tuple[ToolDeclaration, ...]:
        """Those there are now: a session is told them when it opens, and knows no others."""
        return tuple(tool.declaration for tool in self._tools().values())

    def find(self, name: str) -> Tool | None:
        """The tool of this name, if there is one now: a session may know one that has gone meanwhile."""
        return self._tools().get(name)

    def _tools(self) -> dict[str, Tool]:
        """By name. A name that comes up a second time later on is hidden by the earlier source, and that is logged."""
        found: dict[str, Tool] = {}
        for source in self._sources:
            for tool in source.tools:
                if found.setdefault(tool.name, tool) is not tool and (source.where, tool.name) not in self._hidden:
                    self._hidden.add((source.where, tool.name))
                    log.warning("%s.%s is not used: there is another function of that name", source.where, tool.name)
        return found
