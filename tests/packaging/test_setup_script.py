"""What script/setup does to a machine, and what it never does. The machine is support.stand_in_debian."""

import subprocess
from pathlib import Path

import pytest
from support.stand_in_debian import StandInDebian

PYTHON = ("ca-certificates", "python3", "python3-venv", "gcc", "libc6-dev", "python3-dev", "portaudio19-dev")
PULSE = ("pulseaudio", "pulseaudio-utils", "libasound2-plugins")


@pytest.fixture
def debian(tmp_path: Path) -> StandInDebian:
    """A machine of the test's own, on which nothing is installed yet."""
    return StandInDebian(tmp_path)


def with_part(part: str, lines: list[str]) -> list[str]:
    """Those of the lines that contain `part`."""
    return [line for line in lines if part in line]


def assert_refused(result: subprocess.CompletedProcess[str], *parts: str) -> None:
    """It failed, and said why in one line with these parts in it."""
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    for part in parts:
        assert part in line


# ---------------------------------------------------------------- the second time


@pytest.mark.parametrize(("purpose", "made_for"), [("run", "run"), ("run", "test"), ("service", "run")])
def test_when_nothing_is_missing_neither_apt_nor_pip_is_called(
    debian: StandInDebian, purpose: str, made_for: str
) -> None:
    debian.has(*PYTHON, "flite", "mosquitto", "mosquitto-clients")
    debian.has_environment(made_for)
    result = debian.setup(f"install_for {purpose}")
    assert result.returncode == 0, result.stderr
    assert with_part("apt-get", debian.calls) == []
    assert with_part("pip", debian.calls) == []


def test_an_environment_made_for_less_is_brought_up_to_date(debian: StandInDebian) -> None:
    debian.has(*PYTHON, "flite", "mosquitto", "mosquitto-clients")
    debian.has_environment("service")
    assert debian.setup("venv_is_ready service").returncode == 0
    assert debian.setup("venv_is_ready run").returncode == 1


def test_an_environment_made_from_other_dependencies_is_brought_up_to_date(debian: StandInDebian) -> None:
    debian.has_environment("run")
    (debian.venv / ".set-up-for-run").write_text("another stamp\n")
    assert debian.setup("venv_is_ready run").returncode == 1


def test_check_names_what_is_missing_and_installs_nothing(debian: StandInDebian) -> None:
    debian.has(*PYTHON)
    result = debian.setup("check run")
    assert result.returncode == 1
    assert "flite mosquitto mosquitto-clients" in result.stdout
    assert debian.calls == []


# ---------------------------------------------------------------- apt


def test_only_missing_packages_are_installed_without_recommends_and_without_removals(debian: StandInDebian) -> None:
    debian.has(*PYTHON)
    assert debian.setup("install_packages $(missing_of gcc flite)").returncode == 0
    (call,) = [call for call in with_part(" install ", debian.calls) if " -s " not in call]
    assert call.endswith(" install flite")
    assert "--no-install-recommends" in call
    assert "--no-remove" in call


def test_recent_lists_are_not_updated(debian: StandInDebian) -> None:
    debian.setup("install_packages flite")
    assert with_part(" update", debian.calls) == []


def test_old_lists_are_updated_first(debian: StandInDebian) -> None:
    debian.has_old_lists()
    debian.setup("install_packages flite")
    assert " update" in debian.calls[0]


def test_absent_lists_are_updated_once(debian: StandInDebian) -> None:
    debian.has_no_lists()
    result = debian.setup("install_packages flite; install_packages gcc")
    assert result.returncode == 0, result.stderr
    assert len(with_part(" update", debian.calls)) == 1


def test_packages_whose_installation_would_remove_others_are_refused(debian: StandInDebian) -> None:
    debian.would_remove("flite", "sound-of-the-user")
    assert_refused(debian.setup("install_packages flite"), "flite", "sound-of-the-user")
    assert [call for call in debian.calls if " -s " not in call] == []


def test_a_failing_apt_is_told_in_one_line_with_the_packages(debian: StandInDebian) -> None:
    debian.apt_install("fails")
    assert_refused(debian.setup("install_packages flite gcc"), "flite gcc", "no space left")


def test_without_sudo_the_packages_are_named(debian: StandInDebian) -> None:
    debian.has_program("sudo")
    hidden = 'command() { [[ $2 != sudo ]] && builtin command "$@"; }\n'
    result = debian.setup(hidden + "install_for service", as_root=False)
    assert_refused(result, "apt-get install --no-install-recommends", "portaudio19-dev", "flite")
    assert debian.calls == []


def test_a_sudo_that_wants_a_password_without_a_terminal_is_told_in_one_line(debian: StandInDebian) -> None:
    debian.has_program("sudo", "#!/bin/bash\nexit 1\n")
    assert_refused(debian.setup("install_for service", as_root=False), "password", "flite")


def test_with_sudo_apt_runs_under_it(debian: StandInDebian) -> None:
    debian.has_program("sudo", '#!/bin/bash\n[[ $1 == -n ]] && exit\necho sudo >>"$STAND_IN/calls"\nexec "$@"\n')
    assert debian.setup("need_apt_for flite; install_packages flite", as_root=False).returncode == 0
    assert debian.calls[-3] == "sudo"
    assert debian.calls[-2].endswith("install flite")


# ---------------------------------------------------------------- the broker


def test_a_broker_installed_by_us_neither_starts_now_nor_at_boot(debian: StandInDebian) -> None:
    result = debian.setup("install_with_broker flite mosquitto")
    assert result.returncode == 0, result.stderr
    assert "policy for mosquitto.service: 101" in debian.calls
    assert "systemctl --system --quiet disable mosquitto.service" in debian.calls
    assert not debian.policy.exists()


def test_a_broker_that_was_there_is_left_alone(debian: StandInDebian) -> None:
    debian.has("mosquitto")
    debian.setup("check_python() { true; }; venv_is_ready() { true; }; install_for run")
    assert "no policy" in debian.calls
    assert with_part("systemctl", debian.calls) == []
    assert with_part("update-rc.d", debian.calls) == []


def test_a_policy_that_was_there_goes_on_answering_and_comes_back(debian: StandInDebian) -> None:
    debian.policy.write_text("#!/bin/sh\nexit 104\n")
    debian.policy.chmod(0o750)
    assert debian.setup("install_with_broker mosquitto").returncode == 0
    assert "policy for mosquitto.service: 101" in debian.calls
    assert "policy for other.service: 104" in debian.calls
    assert debian.policy.read_text() == "#!/bin/sh\nexit 104\n"
    assert debian.policy.stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("kept", [True, False])
def test_the_policy_is_as_it_was_after_a_failed_installation(debian: StandInDebian, kept: bool) -> None:
    if kept:
        debian.policy.write_text("#!/bin/sh\nexit 101\n")
    debian.apt_install("fails")
    assert_refused(debian.setup("install_with_broker mosquitto"), "mosquitto")
    assert debian.policy.exists() == kept
    assert list(debian.policy.parent.glob("policy-rc.d.*")) == []


@pytest.mark.parametrize("kept", [True, False])
def test_an_installation_that_was_killed_is_tidied_up_the_next_time(debian: StandInDebian, kept: bool) -> None:
    if kept:
        debian.policy.write_text("#!/bin/sh\nexit 104\n")
        debian.policy.chmod(0o755)
    debian.apt_install("killed")
    assert debian.setup("install_with_broker mosquitto").returncode == -9
    assert "voice-satellite" in debian.policy.read_text()
    debian.has("mosquitto")
    result = debian.setup("finish_interrupted_installation")
    assert result.returncode == 0, result.stderr
    assert "interrupted" in result.stdout
    assert "systemctl --system --quiet disable mosquitto.service" in debian.calls
    assert debian.policy.exists() == kept
    assert not kept or debian.policy.read_text() == "#!/bin/sh\nexit 104\n"


def test_the_policy_of_an_installation_that_is_still_running_is_left_alone(debian: StandInDebian) -> None:
    result = debian.setup("hold_broker; finish_interrupted_installation")
    assert result.returncode == 0, result.stderr
    assert debian.policy.exists()
    assert debian.calls == []


def test_somebody_elses_policy_is_not_touched(debian: StandInDebian) -> None:
    debian.policy.write_text("#!/bin/sh\nexit 101\n")
    assert debian.setup("finish_interrupted_installation").returncode == 0
    assert debian.policy.read_text() == "#!/bin/sh\nexit 101\n"


# ---------------------------------------------------------------- the virtual sound card


def test_only_the_tests_get_a_sound_server(debian: StandInDebian) -> None:
    for purpose in ("service", "run", "test", "fresh"):
        packages = debian.setup(f"packages_for {purpose}").stdout.split()
        assert packages
        assert not set(packages) & set(PULSE)


def test_a_sound_server_installed_by_us_is_switched_off_for_sessions(debian: StandInDebian) -> None:
    result = debian.setup("install_pulse $(wanted_of_pulse)")
    assert result.returncode == 0, result.stderr
    assert "systemctl --global --quiet disable pulseaudio.service pulseaudio.socket" in debian.calls


def test_a_sound_server_that_was_there_is_left_alone(debian: StandInDebian) -> None:
    debian.has("pulseaudio")
    assert debian.setup("wanted_of_pulse").stdout.split() == ["pulseaudio-utils", "libasound2-plugins"]
    assert debian.setup("install_pulse $(wanted_of_pulse)").returncode == 0
    assert with_part("systemctl", debian.calls) == []


@pytest.mark.parametrize("package", ["pipewire-alsa", "pipewire-pulse"])
def test_where_pipewire_has_the_sound_no_sound_server_is_wanted(debian: StandInDebian, package: str) -> None:
    debian.has(package)
    assert debian.setup("wanted_of_pulse").stdout == ""


def test_a_sound_server_that_would_displace_another_is_refused_and_not_tried_again(debian: StandInDebian) -> None:
    debian.has(*PYTHON, "flite", "mosquitto", "mosquitto-clients", "shellcheck")
    debian.has_environment("test")
    debian.would_remove("pulseaudio", "another-sound-server")
    result = debian.setup("install_for test")
    assert result.returncode == 0, result.stderr
    (line,) = result.stdout.splitlines()
    assert "another-sound-server" in line
    assert "skipped" in line
    assert [call for call in with_part("apt-get", debian.calls) if " -s " not in call] == []

    calls = debian.calls
    second = debian.setup("install_for test")
    assert (second.returncode, second.stdout) == (0, "")
    assert debian.calls == calls


# ---------------------------------------------------------------- the rest


def test_an_old_python_is_refused_before_anything_is_installed(debian: StandInDebian) -> None:
    debian.has_program("old-python", '#!/bin/bash\n[[ $1 == -V ]] && echo "Python 3.9.2" && exit\nexit 1\n')
    result = debian.setup('SYSTEM_PYTHON="$(command -v old-python)"; install_for run')
    assert_refused(result, "Python 3.9.2", "3.11")
    assert debian.calls == []


def test_a_machine_without_python_is_no_error_before_it_is_installed(debian: StandInDebian) -> None:
    debian.has_program("sudo", "#!/bin/bash\nexit 1\n")
    result = debian.setup('SYSTEM_PYTHON="$STAND_IN/no-python"; install_for test', as_root=False)
    assert_refused(result, "python3", "pulseaudio")


def test_progress_of_pip_is_what_it_downloads_and_compiles(debian: StandInDebian) -> None:
    lines = [
        "Collecting numpy>=1.26",
        "  Downloading numpy-2.4.6-cp311-cp311-manylinux_2_28_x86_64.whl (16.9 MB)",
        "  Downloading https://index.example/small.whl (12 kB)",
        "  Downloading https://index.example/large-1.0.whl (1.2 MB)",
        "  Building wheel for pyaudio (pyproject.toml): started",
        "  Building wheel for pyaudio (pyproject.toml): finished with status 'done'",
        "Installing collected packages: numpy, pyaudio",
    ]
    text = "\n".join(lines)
    result = debian.setup(f"show_progress <<'LINES'\n{text}\nLINES")
    assert result.stdout.splitlines() == [
        "  numpy-2.4.6-cp311-cp311-manylinux_2_28_x86_64.whl (16.9 MB)",
        "  large-1.0.whl (1.2 MB)",
        "  compiling pyaudio",
        "  unpacking",
    ]


@pytest.mark.parametrize("arguments", ["", "dance", "run test", "--check"])
def test_a_purpose_that_does_not_exist_is_refused_with_the_usage(debian: StandInDebian, arguments: str) -> None:
    result = debian.setup(f"main {arguments}")
    assert result.returncode == 2
    assert "Usage: script/setup" in result.stderr
    assert debian.calls == []


# ---------------------------------------------------------------- extras


def extras(debian: StandInDebian, purpose: str, *given: str) -> str:
    result = debian.setup(f"remember_extras {' '.join(given)}; extras_for {purpose}")
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_extras_are_added_to_what_a_purpose_needs(debian: StandInDebian) -> None:
    assert extras(debian, "service") == ""
    assert extras(debian, "service", "vertex", "video") == "[vertex,video]"
    assert extras(debian, "run", "video", "video") == "[assistant,video]"
    assert extras(debian, "test", "vertex") == "[assistant,dev,vertex,video]"


def test_extras_are_remembered(debian: StandInDebian) -> None:
    debian.has_environment("service")
    (debian.venv / ".extras").write_text("video\n")
    assert extras(debian, "service") == "[video]"
    assert extras(debian, "service", "vertex") == "[vertex,video]"


def test_an_environment_without_an_extra_that_is_asked_for_is_brought_up_to_date(debian: StandInDebian) -> None:
    debian.has_environment("service")
    assert debian.setup("remember_extras; venv_is_ready service").returncode == 0
    assert debian.setup("remember_extras video; venv_is_ready service").returncode == 1


def test_an_extra_that_does_not_exist_is_refused_with_the_usage(debian: StandInDebian) -> None:
    result = debian.setup("main service bluetooth")
    assert result.returncode == 2
    assert "Usage" in result.stderr
