"""The user's own functions: programs from the configuration, [tools.functions.NAME], each run as a process.

What such a program is given and what becomes of what it prints is a promise to users: docs/tools.md says the same.
"""

import json
import logging
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from satellite.core.errors import ConfigError
from satellite.settings import FunctionSettings, ToolSettings
from satellite.tools.process import STDERR_BYTES, STDOUT_BYTES, Outcome, run_program
from satellite.tools.registry import NAME, FixedTools, Result, Scheduling, Tool
from satellite.tools.schema import JsonSchema

log = logging.getLogger(__name__)

WHERE = "tools.functions"

NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
"""The schema of a function that takes nothing."""

OURS = re.compile(
    # keys, and where they lie
    r"SATELLITE_.*|CREDENTIALS_DIRECTORY|GOOGLE_APPLICATION_CREDENTIALS|(GOOGLE|GEMINI)_API_KEY"
    # what systemd gave to us alone
    r"|NOTIFY_SOCKET|WATCHDOG_(PID|USEC)|LISTEN_(FDS|PID|FDNAMES)"
)
"""Variables of the environment that are no business of a function."""

LONGEST_BLOCKING_S = 55
"""A conversation that waits for an answer for 60 s gives it up: a function that it waits for has to be over by then."""

LONGEST_COMPLAINT = 300
"""Characters of the last line of stderr that are told to the model."""


def configured_functions(settings: ToolSettings) -> FixedTools:
    """Those of the configuration; ConfigError has one line per function that cannot be used."""
    tools: list[Tool] = []
    problems: list[str] = []
    for name, function in settings.functions.items():
        try:
            tools.append(_tool(name, function))
        except ValueError as error:
            shown = name if NAME.fullmatch(name) else json.dumps(name)
            problems.append(f"{WHERE}.{shown}: {error}")
    if problems:
        raise ConfigError("\n".join(problems))
    return FixedTools(WHERE, tuple(tools))


def environment_for(environment: Mapping[str, str]) -> dict[str, str]:
    """What a program gets to see of ours."""
    return {name: value for name, value in environment.items() if not OURS.fullmatch(name)}


def _tool(name: str, settings: FunctionSettings) -> Tool:
    """ValueError, one line: what is wrong with it."""

    async def run(arguments: Mapping[str, Any]) -> Result:
        try:
            given = json.dumps(arguments).encode()
            outcome = await run_program(settings.command, given, environment_for(os.environ))
        except OSError as error:
            log.warning("%s.%s: %s cannot be started: %s", WHERE, name, settings.command[0], error.strerror)
            return {"error": f"{name} cannot be started: {error.strerror}"}
        result = _result(name, outcome)
        if "error" in result:
            log.warning("%s.%s: status %d: %s", WHERE, name, outcome.status, result["error"])
        return result

    try:
        arguments = JsonSchema(settings.parameters or NO_PARAMETERS)
    except ValueError as error:
        raise ValueError(f"parameters: {error}") from None
    if settings.behavior == "blocking" and settings.timeout_s > LONGEST_BLOCKING_S:
        raise ValueError(
            f"timeout_s = {settings.timeout_s:g}: the conversation waits for a blocking function for "
            f"{LONGEST_BLOCKING_S} s at most: make it shorter, or behavior = non_blocking"
        )
    tool = Tool(
        name,
        settings.description,
        arguments,
        run,
        settings.timeout_s,
        non_blocking=settings.behavior == "non_blocking",
        scheduling=Scheduling(settings.scheduling),
        idempotent=settings.idempotent,
    )
    _check_program(settings.command)
    return tool


def _check_program(command: tuple[str, ...]) -> None:
    """ValueError when it could never be started: a function that always fails had better be known at once."""
    program = command[0]
    if any("\0" in word for word in command):
        raise ValueError("command: a NUL cannot be part of it")
    if "/" in program and not Path(program).is_absolute():
        raise ValueError(f"command: {program}: give the whole path (it runs in /)")
    if shutil.which(program) is None:
        lacks = "is not executable" if Path(program).is_file() else "there is no such program"
        raise ValueError(f"command: {program}: {lacks}")


def _result(name: str, outcome: Outcome) -> Result:
    """What the model is told."""
    if outcome.is_flood:
        bounds = f"{STDOUT_BYTES} bytes to stdout or {STDERR_BYTES} to stderr"
        return {"error": f"{name} printed more than {bounds}; whether it did its work is not known"}
    if outcome.status:
        return {"error": _last_line(outcome.stderr) or _how_it_ended(name, outcome.status)}
    text = outcome.stdout.decode(errors="replace").strip()
    found = _object(text)
    return {"output": found if found is not None else text or "done"}


def _object(text: str) -> dict[str, Any] | None:
    """The JSON object that `text` is, or None: then it is text."""
    if not text.startswith("{"):
        return None
    try:
        found: dict[str, Any] = json.loads(text)
        json.dumps(found, allow_nan=False)
    except (ValueError, RecursionError):
        return None
    return found


def _last_line(stderr: bytes) -> str:
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1][:LONGEST_COMPLAINT] if lines else ""


def _how_it_ended(name: str, status: int) -> str:
    if status > 0:
        return f"{name} failed with status {status}"
    return f"{name} was ended by signal {-status}"
