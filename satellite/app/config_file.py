"""The configuration as text: the commented example file, and the settings in force with secrets masked."""

import json
import textwrap
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr

from satellite.app.configuration import fields
from satellite.settings import Section, Settings

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
        if isinstance(info.get_default(), dict):
            lines += [f"# [{section}.{key}.NAME]", *_entries_of(info.annotation)]
        else:
            lines += [f"#{key} = {_toml(info.get_default())}"]
    return "\n".join(lines) + "\n"


def _entries_of(annotation: Any) -> Iterator[str]:
    """The keys of a section whose name is the user's own, explained."""
    _, model = get_args(annotation)
    for key, info in model.model_fields.items():
        default = "needed" if info.is_required() else _toml(info.get_default())
        yield from (
            f"# {line}"
            for line in textwrap.wrap(
                f"{key} ({default}): {info.description}", 108, initial_indent="  ", subsequent_indent="    "
            )
        )


def effective(settings: Settings) -> str:
    """The settings in force, as TOML; secrets are masked."""
    lines: list[str] = []
    section = ""
    for name, key, info in fields():
        if isinstance(info.get_default(), dict):
            continue
        if name != section:
            section = name
            lines += ["", f"[{section}]"]
        value = getattr(_section(settings, name), key)
        lines += [f"# {key} is not set" if value is None else f"{key} = {_toml(value)}"]
    for name, function in settings.tools.functions.items():
        lines += ["", f"[tools.functions.{name}]"]
        lines += [f"{key} = {_toml(getattr(function, key))}" for key in type(function).model_fields]
    return "\n".join(lines).strip() + "\n"


def _section(settings: Section, path: str) -> Section:
    for name in path.split("."):
        settings = getattr(settings, name)
    return settings


def _toml(value: Any) -> str:
    if isinstance(value, SecretStr):
        return '"********"' if value.get_secret_value() else '""'
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, Path) or value is None:
        value = str(value or "")
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(key)} = {_toml(item)}' for key, item in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
