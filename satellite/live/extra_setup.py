"""live.extra_setup: further fields of the setup, for what has no key of its own. Pure.

They are written in the Live API's own spelling, so Google's parser as we know it (proto_json) reads them, in the
dialect of the configured backend. They add to what the settings say and never replace it: a field that both set is
refused. A field that gets a key of its own needs nothing here: from then on the two meet in _merge.
"""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from satellite.core.errors import ConfigError
from satellite.live.dialects import Dialect
from satellite.live.proto_json import PayloadRefused, parse_client_message
from satellite.live.setup_messages import Setup

KEY = "live.extra_setup"

OURS: Mapping[str, str] = {
    "model": "live.model says it",
    "sessionResumption": "live.context.resumption says it, and the satellite keeps the handles",
    "systemInstruction": "live.system_instruction says it",
    "historyConfig": "it goes with the history (live.context.seed_history)",
}
"""What is not taken from there: the satellite would not know what it has asked for."""

OUR_FUNCTIONS = "functionDeclarations"

PREFIX = "Invalid JSON payload received. "
"""Begins the parser's words for what it does not know; here the payload is a setting."""


def read_extra(text: str, dialect: Dialect | None = None) -> dict[str, Any]:
    """The fields in `text` with camelCase keys, as they go over the wire; empty text: none.

    ConfigError: not a JSON object, a field that `dialect` does not know (None: that nobody knows), a value of the wrong
    kind, two members of a oneof, or a field that is ours alone.
    """
    if not text.strip():
        return {}
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{KEY}: not JSON: {error}") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{KEY}: expected a JSON object, the fields of a setup")
    extra = _parsed(f'{{"setup": {text}}}', dialect).model_dump(mode="json", by_alias=True, exclude_unset=True)
    for name, reason in OURS.items():
        if name in extra:
            raise ConfigError(f"{KEY}: {name}: not here: {reason}")
    if any(tool.get(OUR_FUNCTIONS) for tool in extra.get("tools", ())):
        raise ConfigError(f"{KEY}: tools.{OUR_FUNCTIONS}: not here: functions are programs, [tools.functions.NAME]")
    return extra


def with_extra(setup: Setup, text: str) -> Setup:
    """The setup with the fields in `text` besides; ConfigError as above, and for a field that the setup has already."""
    extra = read_extra(text)
    if not extra:
        return setup
    said = setup.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return _parsed(json.dumps({"setup": _merge(said, extra, "")}), None)


def _refuse_constant(name: str) -> NoReturn:
    """NaN and Infinity: Python reads them, JSON has none."""
    raise ValueError(f"{name} is no number there")


def _parsed(message: str, dialect: Dialect | None) -> Setup:
    try:
        setup = parse_client_message(message, dialect=dialect).setup
    except PayloadRefused as refused:
        raise ConfigError(f"{KEY}: {refused.reason.removeprefix(PREFIX)}") from None
    return setup if setup is not None else Setup()


def _merge(said: dict[str, Any], extra: dict[str, Any], path: str) -> dict[str, Any]:
    """Both, object by object; `path` is where they are, as on the wire."""
    both = dict(said)
    for name, value in extra.items():
        at = f"{path}.{name}" if path else name
        if at == "tools":
            both[name] = _append(said.get(name, []), value)
        elif name not in said:
            both[name] = value
        elif isinstance(said[name], dict) and isinstance(value, dict):
            both[name] = _merge(said[name], value, at)
        else:
            raise _set_by_both(at)
    return both


def _append(said: list[dict[str, Any]], extra: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tools are a list: ours, then the others; none of the server's twice."""
    ours = {name for tool in said for name in tool}
    for name in (name for tool in extra for name in tool):
        if name in ours and name != OUR_FUNCTIONS:
            raise _set_by_both(f"tools.{name}")
    return [*said, *extra]


def _set_by_both(at: str) -> ConfigError:
    return ConfigError(f"{KEY}: {at}: is set already, by the setting that it has in [live]")
