"""The command line, as a process: what it prints, where, and its exit status."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SECRET = "not-a-real-key-0123456789"


def satellite(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "satellite.cli", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=60,
        check=False,
    )


def test_version() -> None:
    assert satellite("--version").stdout.startswith("satellite 0.")


@pytest.mark.parametrize("command", ["run", "check", "serve", "devices"])
def test_every_command_explains_itself(command: str) -> None:
    result = satellite(command, "--help")
    assert result.returncode == 0
    assert command in satellite("--help").stdout


def test_check_prints_the_configuration_and_masks_secrets() -> None:
    result = satellite("check", "--set", "audio.volume_percent=12", SATELLITE_LIVE__API_KEY=SECRET)
    assert result.returncode == 0
    assert "volume_percent = 12" in result.stdout
    assert SECRET not in result.stdout + result.stderr


def test_a_wrong_configuration_is_78_with_file_key_and_expectation(tmp_path: Path) -> None:
    file = tmp_path / "satellite.toml"
    file.write_text("[gate]\nhangover_ms = -1\n")
    for command in ("check", "run", "serve"):
        result = satellite(command, "--config", str(file))
        assert result.returncode == 78
        expected = f"satellite: {file}:2: gate.hangover_ms: expected greater than or equal to 0, got -1\n"
        assert result.stderr == expected


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_url_that_would_show_the_key_is_78(command: str) -> None:
    result = satellite(command, "--set", "live.base_url=http://example.org", SATELLITE_LIVE__API_KEY=SECRET)
    assert result.returncode == 78
    assert "live.base_url" in result.stderr
    assert SECRET not in result.stderr


def test_without_a_key_the_real_thing_is_78_and_says_what_to_do() -> None:
    result = satellite("run", SATELLITE_LIVE__API_KEY="")
    assert result.returncode == 78
    assert "SATELLITE_LIVE__API_KEY" in result.stderr
    assert "--substitute" in result.stderr


def test_the_daemon_on_hardware_imports_nothing_embedded() -> None:
    code = "import sys, satellite.app.running; print(*sys.modules, sep='\\n')"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    embedded = ("satellite.simroom", "satellite.live_server", "ctranslate2", "pocketsphinx", "google")
    assert [name for name in modules.splitlines() if name.startswith(embedded)] == []


@pytest.mark.parametrize("option", [("--paid",), ("--stay",), ("--recording", "x.wav")])
def test_what_belongs_to_substitute_is_refused_without_it(option: tuple[str, ...]) -> None:
    result = satellite("run", *option)
    assert result.returncode == 2
    assert option[0] in result.stderr


def test_a_terminal_that_cannot_show_a_character_gets_another() -> None:
    result = satellite("check", "--set", "satellite.name=日本", PYTHONIOENCODING="latin-1")
    assert result.returncode == 0
    assert 'name = "??"' in result.stdout


def test_a_recording_that_cannot_be_made_is_told_before_anything_starts() -> None:
    result = satellite("run", "--substitute", "--recording", "/nowhere/x.wav")
    assert result.returncode == 1
    assert result.stderr == "satellite: [Errno 2] No such file or directory: '/nowhere/x.wav'\n"


def test_an_address_that_cannot_be_listened_on_is_named() -> None:
    result = satellite("serve", "--host", "192.0.2.1", "--port", "0")
    assert result.returncode == 1
    assert "192.0.2.1:0" in result.stderr


def test_a_port_that_is_none_is_78() -> None:
    result = satellite("serve", "--port", "eighty")
    assert result.returncode == 78
    assert "--port" in result.stderr
