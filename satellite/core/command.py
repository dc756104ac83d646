"""The base of all commands, alone: commands.py and publications.py both need it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """Something to be done."""
