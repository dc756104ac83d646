"""The configuration as text: the commented example file, and the settings in force with secrets masked."""

import json
import textwrap
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from satellite.app.configuration import fields
from satellite.settings import Settings

HEADER = """\
# Configuration of the voice satellite. Every key is here, commented out, with its default.
# Precedence: --set section.key=value, then the environment (SATELLITE_LIVE__MODEL, two underscores between
# section and key), then this file, then the defaults. `satellite check --config FILE` says what is wrong with it.
"""


def example() -> str:
    """config/satellite.toml: rendered from the settings' docstrings and defaults."""
    lines = [HEADER]
    section = ""
    for name, key, info in fields():
        if name != section:
            section = name
            lines += [f"\n[{section}]"]
        lines += ["", *(f"# {line}" for line in textwrap.wrap(info.description or "", 110))]
        lines += [f"#{key} = {_toml(info.get_default())}"]
    return "\n".join(lines) + "\n"


def effective(settings: Settings) -> str:
    """The settings in force, as TOML; secrets are masked."""
    lines: list[str] = []
    section = ""
    for name, key, _ in fields():
        if name != section:
            section = name
            lines += ["", f"[{section}]"]
        value = getattr(getattr(settings, name), key)
        lines += [f"# {key} is not set" if value is None else f"{key} = {_toml(value)}"]
    return "\n".join(lines).strip() + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, SecretStr):
        return '"********"' if value.get_secret_value() else '""'
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, Path) or value is None:
        value = str(value or "")
    return json.dumps(value, ensure_ascii=False)
