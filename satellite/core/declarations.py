"""What a tool looks like to the model: shared by tools/ (which has them) and live/ (which declares them)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ToolDeclaration:
    """One function the model may call; `parameters` is a JSON schema (type object) as JSON text.

    `non_blocking`: the model talks on while it runs (declared only to families that can). `idempotent`: calling it
    twice does no harm, so a turn that stalls after it may be tried again.
    """

    name: str
    description: str
    parameters: str
    non_blocking: bool = False
    idempotent: bool = False
