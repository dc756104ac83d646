"""What a tool looks like to the model: shared by tools/ (which has them) and live/ (which declares them)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ToolDeclaration:
    """One function the model may call; `parameters` is a JSON schema (type object) as JSON text."""

    name: str
    description: str
    parameters: str
