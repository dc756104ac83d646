"""The system instruction: where its text comes from, and its placeholders.

A new placeholder is a line in `fill`, and a word in the docstring of live.system_instruction.
"""

import re
from datetime import datetime
from typing import TYPE_CHECKING

from satellite.core.errors import ConfigError

if TYPE_CHECKING:  # for its type alone: building all settings takes longer than the rest of this folder
    from satellite.settings import LiveSettings

LONGEST_BYTES = 100_000
"""A longer text would fill the smaller of the context windows (32k tokens of about four letters)."""

PLACEHOLDER = re.compile(r"\{(name|room|place|date|time)\}")


def fill(template: str, *, name: str, room: str, place: str, now: datetime) -> str:
    """The text with {name} {room} {place} {date} {time} filled in, date and time those of `now` as it stands there.

    Anything else in braces stays as it is: an instruction may hold JSON. What is filled in is not looked at again.
    """
    words = {
        "name": name,
        "room": room or "an unknown room",
        "place": place or "an unknown place",
        "date": f"{now:%A}, {now.day} {now:%B} {now.year}",
        "time": f"{now:%H:%M}",
    }
    return PLACEHOLDER.sub(lambda found: words[found[1]], template)


def read_instruction(settings: "LiveSettings") -> str:
    """The text with its placeholders: the file's where one is named, else the setting's. ConfigError if unreadable."""
    path = settings.system_instruction_file
    if path is None:
        return settings.system_instruction
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"live.system_instruction_file: cannot read {path}: {error.strerror}") from None
    if len(content) > LONGEST_BYTES:
        raise ConfigError(f"live.system_instruction_file: {path} is longer than {LONGEST_BYTES} bytes")
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise ConfigError(f"live.system_instruction_file: {path} is not UTF-8 (byte {error.start})") from None
    if not text:
        raise ConfigError(f"live.system_instruction_file: {path} is empty")
    return text
