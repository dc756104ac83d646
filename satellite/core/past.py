"""What was said before, as turns of text: in a module of its own, for the link needs no other command."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Who contributed a turn of the history."""

    USER = "user"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class PastTurn:
    """One contribution to the conversation so far, as text."""

    role: Role
    text: str
