"""Rules that every script of the repository keeps."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
COMMANDS = [*sorted(path for path in (REPOSITORY / "script").iterdir() if path.is_file()), REPOSITORY / ".ci" / "run"]
SOURCED = sorted((REPOSITORY / "script" / "lib").iterdir())


def name_of(path: Path) -> str:
    """The path as seen from the repository."""
    return str(path.relative_to(REPOSITORY))


def lines_that_do_something(path: Path) -> list[str]:
    """The lines of a script without comments and blank lines."""
    return [line for line in path.read_text().splitlines() if line and not line.lstrip().startswith("#")]


def test_all_commands_are_here() -> None:
    assert {name_of(path) for path in COMMANDS} == {
        *(f"script/{name}" for name in ("fresh", "run", "setup", "test", "try-service")),
        ".ci/run",
    }


@pytest.mark.parametrize("path", COMMANDS, ids=name_of)
def test_commands_are_executable_and_strict(path: Path) -> None:
    assert os.access(path, os.X_OK)
    first, *_ = path.read_text().splitlines()
    assert first == "#!/usr/bin/env bash"
    assert lines_that_do_something(path)[0] == "set -euo pipefail"


def test_shellcheck_has_nothing_to_say() -> None:
    shellcheck = shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed (script/setup test installs it)")
    result = subprocess.run(
        [shellcheck, "--external-sources", *COMMANDS, *SOURCED],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.stdout + result.stderr == ""
    assert result.returncode == 0


def test_continuous_integration_calls_script_test_and_nothing_else() -> None:
    _, *calls = lines_that_do_something(REPOSITORY / ".ci" / "run")
    (call,) = calls
    assert call.startswith("exec ")
    assert call.endswith('/../script/test" "$@"')


@pytest.mark.parametrize("path", [*COMMANDS, *SOURCED], ids=name_of)
def test_no_host_of_the_network_is_named(path: Path) -> None:
    assert "://" not in path.read_text().replace("s,file://[^ ]*,,g", "")


@pytest.mark.parametrize("name", ["setup", "fresh", "try-service"])
def test_help_is_given(name: str) -> None:
    result = subprocess.run(
        [REPOSITORY / "script" / name, "--help"], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0
    assert result.stdout.startswith(f"Usage: script/{name}")


@pytest.mark.parametrize("name", ["fresh", "try-service"])
@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_without_a_suite_nothing_is_done(name: str, arguments: list[str]) -> None:
    result = subprocess.run(
        [REPOSITORY / "script" / name, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == (0 if arguments else 2)
