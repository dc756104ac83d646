"""A script of faults from a file: TOML, one table `[[fault]]` for each, with the fields of faults.Fault.

[[fault]]
what = "close"
turn = 3
chunk = 2
code = 1011
reason = "Internal error encountered."
"""

import tomllib
from dataclasses import fields
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from satellite.core.errors import ConfigError
from satellite.live_server.faults import Fault

_FAULT = TypeAdapter(Fault)
_NAMES = {field.name for field in fields(Fault)}


def read_faults(path: Path) -> list[Fault]:
    """The faults in a file, in order; raises ConfigError with one line that says what is wrong and where."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"server.faults_file: {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"server.faults_file: {path}: {error}") from None
    faults = tables.pop("fault", [])
    if tables or not isinstance(faults, list) or not all(isinstance(fault, dict) for fault in faults):
        raise ConfigError(f"server.faults_file: {path}: expected tables [[fault]] and nothing else")
    return [_read(f"server.faults_file: {path}: fault {number}", fault) for number, fault in enumerate(faults, 1)]


def _read(where: str, fault: dict[str, object]) -> Fault:
    unknown = sorted(set(fault) - _NAMES)
    if unknown:
        raise ConfigError(f"{where}: {unknown[0]}: there is no such key")
    try:
        return _FAULT.validate_python(fault)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        steps = "".join(f": {step}" for step in first["loc"])
        raise ConfigError(f"{where}{steps}: {first['msg'].removeprefix('Value error, ')}") from None
