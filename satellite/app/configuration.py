"""From the command line, the environment and the file to Settings; every mistake is one clear line.

Precedence: --set, then the environment (SATELLITE_LIVE__MODEL), then the file, then the defaults. A value
is repeated in a message only where it cannot be a secret: known keys that are none.
"""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from satellite.core.errors import ConfigError
from satellite.core.policy import Policy
from satellite.settings import ActivityMode, Settings

ENVIRONMENT_PREFIX = "SATELLITE_"
SYSTEM_FILE = Path("/etc/satellite/satellite.toml")
"""Read when no --config is given and it exists."""

Raw = dict[str, dict[str, Any]]


def load(file: Path | None, sets: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> Settings:
    """The settings in force, secrets read from their files. Raises ConfigError."""
    source = str(file) if file else "defaults"
    raw: Raw = _read_file(file) if file else {}
    origin = {(section, key): _place(file, section, key) for section, keys in raw.items() for key in keys}
    for name, section, key, value in _from_environment(environment or {}):
        raw.setdefault(section, {})[key] = value
        origin[section, key] = f"environment: {name}"
    for section, key, value in _from_sets(sets):
        raw.setdefault(section, {})[key] = value
        origin[section, key] = f"--set {section}.{key}"
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(error, origin, source))) from None
    return _read_secrets(settings)


def fields() -> Iterator[tuple[str, str, FieldInfo]]:
    """Every key: (section, key, its field)."""
    for section, field in Settings.model_fields.items():
        model = field.annotation
        assert isinstance(model, type)
        assert issubclass(model, BaseModel)
        for key, info in model.model_fields.items():
            yield section, key, info


def is_secret(section: str, key: str) -> bool:
    """Whether a key holds a secret, by its type or, for one we do not know, by its name."""
    for known_section, known_key, info in fields():
        if (known_section, known_key) == (section, key):
            return info.annotation is SecretStr
    return True


def policy_of(settings: Settings) -> Policy:
    """The numbers the core goes by."""
    conversation, gate = settings.conversation, settings.gate
    return Policy(
        manual_activity=conversation.activity is ActivityMode.MANUAL,
        barge_in=conversation.barge_in,
        wake_earcon=conversation.wake_earcon,
        wake_lookback_ms=gate.wake_lookback_ms,
        preroll_ms=gate.preroll_ms,
        listen_timeout_ms=conversation.listen_timeout_ms,
        reply_timeout_ms=conversation.reply_timeout_ms,
        connect_timeout_ms=conversation.connect_timeout_ms,
        follow_up_ms=conversation.follow_up_ms,
        follow_up_guard_ms=conversation.follow_up_guard_ms,
        max_utterance_ms=conversation.max_utterance_ms,
        max_turns_without_wake=conversation.max_turns_without_wake,
        session_linger_ms=conversation.session_linger_ms,
        memory_ms=conversation.memory_s * 1000,
        volume_percent=settings.audio.volume_percent,
    )


def _read_file(file: Path) -> Raw:
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: is not TOML: {error}") from None
    for section, keys in raw.items():
        if not isinstance(keys, dict):
            raise ConfigError(f"{file}: {section}: expected a section, [{section}], not a value")
    return raw


def _from_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, str, str, str]]:
    for name in sorted(environment):
        section, found, key = name.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        if found:
            yield name, section, key, environment[name]
        elif section.partition("_")[0] in Settings.model_fields:
            raise ConfigError(f"environment: {name}: expected two underscores between section and key")


def _from_sets(sets: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    for text in sets:
        path, found, value = text.partition("=")
        section, dot, key = path.strip().partition(".")
        if not found or not dot:
            raise ConfigError("--set: expected section.key=value")
        known = any((section, key) == (s, k) for s, k, _ in fields())
        if known and is_secret(section, key):
            raise ConfigError(
                f"--set {section}.{key}: a secret does not belong on a command line, where everyone can read it; "
                f"use {ENVIRONMENT_PREFIX}{section.upper()}__{key.upper()} or the configuration file"
            )
        yield section, key, value


def _place(file: Path | None, section: str, key: str) -> str:
    """Where in the file a key stands: `file:line: section.key`."""
    here = ""
    for number, line in enumerate(file.read_text(encoding="utf-8-sig").splitlines() if file else (), 1):
        header = re.match(r"\s*\[\s*([\w-]+)\s*\]", line)
        if header:
            here = header[1]
        elif here == section and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return f"{file}:{number}: {section}.{key}"
    return f"{file}: {section}.{key}"


def _explain(error: ValidationError, origin: Mapping[tuple[str, str], str], source: str) -> Iterator[str]:
    for problem in error.errors(include_url=False, include_context=False):
        location = [str(part) for part in problem["loc"]]
        section, key = (*location, "", "")[:2]
        among = (where for (name, _), where in origin.items() if name == section)
        place = origin.get((section, key)) or (next(among, "") if not key else "") or f"{source}: {'.'.join(location)}"
        if problem["type"] == "extra_forbidden":
            what = "no such key" if key else "no such section"
            yield f"{place}: {what}{_nearest(section, key)}; config/satellite.toml lists them all"
        else:
            expected = problem["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
            got = "" if is_secret(section, key) else f", got {problem['input']!r}"
            yield f"{place}: expected {expected}{got}"


def _nearest(section: str, key: str) -> str:
    """What was probably meant, if anything comes near."""
    known = list(Settings.model_fields) if not key else [k for s, k, _ in fields() if s == section]
    near = difflib.get_close_matches(key or section, known, n=1)
    return f", perhaps {near[0]}" if near else ""


def _read_secrets(settings: Settings) -> Settings:
    """A secret's file is read unless the secret is given; an empty file means that there is none.

    Only here: the edges see the secret, not where it came from.
    """
    live, mqtt = settings.live, settings.mqtt
    if live.api_key_file and not live.api_key.get_secret_value():
        key = _secret_in(live.api_key_file, "live.api_key_file").strip()
        live = live.model_copy(update={"api_key": SecretStr(key)})
    if mqtt.password_file and not mqtt.password.get_secret_value():
        password = _secret_in(mqtt.password_file, "mqtt.password_file").rstrip("\r\n")
        mqtt = mqtt.model_copy(update={"password": SecretStr(password)})
    return settings.model_copy(update={"live": live, "mqtt": mqtt})


def _secret_in(file: Path, key: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigError(f"{key}: {file} cannot be read: {reason}") from None
