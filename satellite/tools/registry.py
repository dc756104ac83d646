"""The tools there are: each a declaration for the model and a function for us.

A tool's arguments are a pydantic model: its JSON schema is what the model is told, and what it sends is
checked against it. Add a tool by adding a `Tool` to a source (builtin.py is the first).
"""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from satellite.core.declarations import ToolDeclaration

Result = Mapping[str, Any]
"""A JSON object; by convention {"output": ...} or {"error": "..."}."""


class Arguments(BaseModel):
    """Base of all arguments: unknown ones are named to the model, not dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Tool:
    """One function the model may call."""

    name: str
    description: str
    arguments: type[Arguments]
    run: Callable[[Any], Awaitable[Result]]

    @property
    def declaration(self) -> ToolDeclaration:
        """What the model is told."""
        schema = self.arguments.model_json_schema()
        schema.pop("title", None)
        schema.pop("description", None)
        schema.setdefault("properties", {})
        return ToolDeclaration(self.name, self.description, json.dumps(schema))

    async def call(self, arguments: str) -> Result:
        """Run with the model's JSON; what does not fit is told to it as an error."""
        try:
            parsed = self.arguments.model_validate_json(arguments)
        except ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'arguments'}: {problem['msg']}"
                for problem in error.errors(include_url=False)
            )
            return {"error": wrong}
        return await self.run(parsed)


class ToolRegistry:
    """Tools by name."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._tools = {tool.name: tool for tool in tools}

    @property
    def declarations(self) -> tuple[ToolDeclaration, ...]:
        """For the setup of a session."""
        return tuple(tool.declaration for tool in self._tools.values())

    async def call(self, name: str, arguments: str) -> Result:
        """Run one; an unknown name is an error the model can read."""
        tool = self._tools.get(name)
        return await tool.call(arguments) if tool else {"error": f"there is no tool {name}"}
