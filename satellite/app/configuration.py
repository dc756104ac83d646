"""From the command line, the environment and the file to Settings; every mistake is one clear line.

Precedence: --set, then the environment (SATELLITE_LIVE__MODEL), then the file, then the defaults. A value
is repeated in a message only where it cannot be a secret: known keys that are none.
"""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from satellite.core.declarations import ToolDeclaration
from satellite.core.errors import ConfigError
from satellite.core.policy import Policy
from satellite.core.usage import Budget, Prices
from satellite.live.models import Proactivity, family_of
from satellite.live.setup_rules import connection_age_s
from satellite.settings import ActivityMode, Section, Settings

ENVIRONMENT_PREFIX = "SATELLITE_"
SYSTEM_FILE = Path("/etc/satellite/satellite.toml")
"""Read when no --config is given and it exists."""

Section_ = TypeVar("Section_", bound=Section)

Raw = dict[str, Any]
Keys = tuple[str, ...]
"""Where a value stands: ("live", "generation", "temperature")."""


def load(file: Path | None, sets: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> Settings:
    """The settings in force, secrets read from their files. Raises ConfigError."""
    source = str(file) if file else "defaults"
    raw: Raw = _read_file(file) if file else {}
    origin = {keys: _place(file, keys) for keys in _leaves(raw)}
    given = [(f"environment: {name}", keys, value) for name, keys, value in _from_environment(environment or {})]
    given += [(f"--set {'.'.join(keys)}", keys, value) for keys, value in _from_sets(sets)]
    for place, keys, value in given:
        _put(raw, keys, value, place)
        origin[keys] = place
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(error, origin, source))) from None
    return _read_secrets(settings)


def fields() -> Iterator[tuple[str, str, FieldInfo]]:
    """Every key: (section, key, its field), a section's own keys before those of the sections within it."""
    return _fields_of(Settings, ())


def _fields_of(model: type[BaseModel], path: Keys) -> Iterator[tuple[str, str, FieldInfo]]:
    within: list[tuple[str, type[BaseModel]]] = []
    for key, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            within.append((key, info.annotation))
        else:
            yield ".".join(path), key, info
    for key, section in within:
        yield from _fields_of(section, (*path, key))


def is_secret(keys: Keys) -> bool:
    """Whether a key holds a secret: by its type, and whatever we do not know may be one."""
    for section, key, info in fields():
        if keys == (*section.split("."), key):
            return info.annotation is SecretStr
    return True


def policy_of(settings: Settings, tools: Sequence[ToolDeclaration] = ()) -> Policy:
    """The numbers the core goes by."""
    conversation, gate, live, usage = settings.conversation, settings.gate, settings.live, settings.usage
    always_proactive = family_of(live.model).proactivity is Proactivity.ALWAYS
    return Policy(
        manual_activity=conversation.activity is ActivityMode.MANUAL,
        barge_in=conversation.barge_in and live.detection.activity_handling == "interrupt",
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
        resumes=live.context.resumption,
        seeds_history=live.context.seed_history,
        connection_age_ms=connection_age_s(live) * 1000,
        proactive=live.generation.proactive_audio or always_proactive,
        speaks_text=live.generation.speak_text,
        has_camera=bool(settings.video.source),
        prices=Prices(**usage.prices.model_dump(), currency=usage.currency),
        budget=Budget(usage.daily_tokens, usage.daily_cost, usage.warn_percent),
        idempotent_tools=frozenset(tool.name for tool in tools if tool.idempotent),
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


def _leaves(raw: Raw, path: Keys = ()) -> Iterator[Keys]:
    for key, value in raw.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key)


def _put(raw: Raw, keys: Keys, value: str, place: str) -> None:
    for depth, key in enumerate(keys[:-1], 1):
        raw = raw.setdefault(key, {})
        if not isinstance(raw, dict):
            raise ConfigError(f"{place}: {'.'.join(keys[:depth])} is a value, not a section")
    raw[keys[-1]] = value


def _from_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, Keys, str]]:
    for name in sorted(environment):
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        keys = tuple(name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__"))
        if len(keys) > 1:
            yield name, keys, environment[name]
        elif keys[0].partition("_")[0] in Settings.model_fields:
            raise ConfigError(f"environment: {name}: expected two underscores between section and key")


def _from_sets(sets: Sequence[str]) -> Iterator[tuple[Keys, str]]:
    known = {(*section.split("."), key) for section, key, _ in fields()}
    for text in sets:
        path, found, value = text.partition("=")
        keys = tuple(path.strip().split("."))
        if not found or len(keys) < 2 or not all(keys):
            raise ConfigError("--set: expected section.key=value")
        if keys in known and is_secret(keys):
            raise ConfigError(
                f"--set {'.'.join(keys)}: a secret does not belong on a command line, where everyone can read it; "
                f"use {ENVIRONMENT_PREFIX}{'__'.join(keys).upper()} or the configuration file"
            )
        yield keys, value


def _place(file: Path | None, keys: Keys) -> str:
    """Where in the file a key stands: `file:line: section.key`."""
    *section, key = keys
    here: list[str] = []
    for number, line in enumerate(file.read_text(encoding="utf-8-sig").splitlines() if file else (), 1):
        header = re.match(r"\s*\[([^\[\]]+)\]", line)
        if header:
            here = [part.strip().strip("\"'") for part in header[1].split(".")]
        elif here == section and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return f"{file}:{number}: {'.'.join(keys)}"
    return f"{file}: {'.'.join(keys)}"


def _explain(error: ValidationError, origin: Mapping[Keys, str], source: str) -> Iterator[str]:
    for problem in error.errors(include_url=False, include_context=False):
        keys = tuple(str(part) for part in problem["loc"])
        place = next((origin[keys[:depth]] for depth in range(len(keys), 0, -1) if keys[:depth] in origin), "")
        if not place and problem["type"] == "extra_forbidden":
            place = next((where for known, where in origin.items() if known[: len(keys)] == keys), "")
        place = place or f"{source}: {'.'.join(keys)}"
        if problem["type"] == "extra_forbidden":
            what = "no such key" if len(keys) > 1 else "no such section"
            yield f"{place}: {what}{_nearest(keys)}; config/satellite.toml lists them all"
        else:
            expected = problem["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
            got = "" if is_secret(keys) or problem["type"] == "missing" else f", got {problem['input']!r}"
            yield f"{place}: expected {expected}{got}"


def _nearest(keys: Keys) -> str:
    """What was probably meant, if anything comes near."""
    known = {(*section.split("."), key) for section, key, _ in fields()}
    siblings = sorted({path[len(keys) - 1] for path in known if path[: len(keys) - 1] == keys[:-1]})
    near = difflib.get_close_matches(keys[-1], siblings, n=1)
    return f", perhaps {near[0]}" if near else ""


SECRET_FILES = {
    ("live", "api_key"): "api_key_file",
    ("live", "token", "value"): "value_file",
    ("live", "token", "authorization"): "authorization_file",
    ("mqtt", "password"): "password_file",
    ("video", "authorization"): "authorization_file",
}
"""Secrets that may come from a file, a systemd credential usually."""


def _read_secrets(settings: Settings) -> Settings:
    """A secret's file is read unless the secret is given; an empty file means that there is none.

    Only here: the edges see the secret, not where it came from.
    """
    for keys, file_key in SECRET_FILES.items():
        settings = _read_secret(settings, keys, file_key)
    return settings


def _read_secret(section: Section_, keys: Keys, file_key: str, path: Keys = ()) -> Section_:
    key, *rest = keys
    if rest:
        inner = _read_secret(getattr(section, key), tuple(rest), file_key, (*path, key))
        return section.model_copy(update={key: inner})
    file = getattr(section, file_key)
    if not file or getattr(section, key).get_secret_value():
        return section
    secret = _secret_in(file, ".".join((*path, file_key)))
    # a password may end in blanks, nothing else does
    secret = secret.rstrip("\r\n") if key == "password" else secret.strip()
    return section.model_copy(update={key: SecretStr(secret)})


def _secret_in(file: Path, key: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigError(f"{key}: {file} cannot be read: {reason}") from None
