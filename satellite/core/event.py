"""The base of all events, alone: events.py and link_events.py both need it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """Something that has happened."""
