"""The unit of the service, as far as it can be judged without a booted system (script/try-service boots one)."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
UNIT = REPOSITORY / "systemd" / "satellite.service"
INSTALL = REPOSITORY / "docs" / "install.md"

MOST_EXPOSURE = 18
"""Tenths of systemd's exposure level (0 to 100): 17 with what sound and network need, and not a directive more."""


def values_of(key: str) -> list[str]:
    """All values the unit gives to a key, in order."""
    return [line.removeprefix(f"{key}=") for line in UNIT.read_text().splitlines() if line.startswith(f"{key}=")]


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs systemd-analyze, or skips the test where there is none."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120, check=False)


def test_systemd_understands_every_line(tmp_path: Path) -> None:
    # The command is not installed where the tests run; everything else is verified as it is.
    unit = tmp_path / UNIT.name
    unit.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text()))
    result = analyze("verify", "--recursive-errors=no", "--man=no", unit)
    assert result.stderr == ""
    assert result.returncode == 0


def test_systemd_finds_the_sandbox_tight() -> None:
    result = analyze("security", "--offline=yes", f"--threshold={MOST_EXPOSURE}", UNIT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Type", "notify"),
        ("NotifyAccess", "main"),
        ("WatchdogSec", "30"),
        ("Restart", "on-failure"),
        ("RestartPreventExitStatus", "78"),
        ("TimeoutStopSec", "5"),
        ("SupplementaryGroups", "audio video"),
        ("StateDirectory", "satellite"),
    ],
)
def test_what_the_daemon_and_its_users_rely_on(key: str, value: str) -> None:
    assert values_of(key) == [value]


def test_sound_card_and_camera_are_all_the_devices_there_are() -> None:
    assert values_of("DevicePolicy") == ["closed"]
    assert values_of("DeviceAllow") == ["char-alsa rw", "char-video4linux rw"]


def test_what_sound_needs_is_left_open() -> None:
    for key in ("RestrictRealtime", "PrivateDevices", "PrivateIPC", "PrivateUsers", "PrivateNetwork", "ProcSubset"):
        assert values_of(key) == [], key


@pytest.mark.parametrize(
    ("credential", "variable"),
    [("live-api-key", "SATELLITE_LIVE__API_KEY_FILE"), ("mqtt-password", "SATELLITE_MQTT__PASSWORD_FILE")],
)
def test_a_secret_comes_from_a_file_of_roots_and_may_be_missing(credential: str, variable: str) -> None:
    assert f"{credential}:/etc/satellite/{credential}" in values_of("LoadCredential")
    assert f"{credential}:\\n" in values_of("SetCredential")
    assert f"{variable}=%d/{credential}" in values_of("Environment")


def test_the_environment_it_sets_is_known_to_the_settings() -> None:
    from satellite.settings import Settings

    names = [value.split("=")[0] for value in values_of("Environment")]
    ours = [name for name in names if name.startswith("SATELLITE_")]
    assert len(ours) == 2
    for name in ours:
        section, key = name.removeprefix("SATELLITE_").lower().split("__")
        model = Settings.model_fields[section].annotation
        assert model is not None
        assert key in model.model_fields


def test_the_command_is_where_the_instructions_install_it() -> None:
    (command,) = values_of("ExecStart")
    program, *arguments = command.split()
    assert arguments == ["run", "--config", "/etc/satellite/satellite.toml"]
    folder = program.removesuffix("/.venv/bin/satellite")
    text = INSTALL.read_text()
    assert f"cd {folder}\n" in text
    assert "sudo install -m 644 config/satellite.toml /etc/satellite/satellite.toml\n" in text
    assert "sudo install -m 644 systemd/satellite.service /etc/systemd/system/satellite.service\n" in text


def test_the_instructions_have_every_block_that_is_tried() -> None:
    tried = set(re.findall(r"\bfollow (\w+)", (REPOSITORY / "script" / "try-service").read_text()))
    written = set(re.findall(r"<!-- script/try-service runs this block: (\w+) -->\n```sh\n", INSTALL.read_text()))
    assert tried | {"check"} == written


def test_the_instructions_name_the_statuses_of_the_unit() -> None:
    text = INSTALL.read_text()
    assert f"| {values_of('RestartPreventExitStatus')[0]} |" in text
    assert f"after {values_of('RestartSec')[0]} s" in text
    assert f"hung for {values_of('WatchdogSec')[0]} s" in text
