"""`satellite check` finds what a start would find; and Ctrl-C ends a command in one line."""

import dataclasses
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Self, get_args

import pytest
from support.process import KEY, ServerThread

from satellite.app.commands import check
from satellite.cli import parser
from satellite.core.errors import ConfigError
from satellite.live_server.fault_file import read_faults
from satellite.live_server.faults import Ending, Fault, Garbage, InATurn, Rewriting

LONGEST_WAIT_S = 60.0


def refusal(*sets: str) -> str:
    """What `check` says against it."""
    arguments = ["check"]
    for one in sets:
        arguments += ["--set", one]
    with pytest.raises(ConfigError, match=r"^[^\n]+$") as caught:
        check(parser().parse_args(arguments))
    return str(caught.value)


def process(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
    """A command in a process group of its own, as a terminal gives it one."""
    return subprocess.Popen(
        [sys.executable, "-m", "satellite.cli", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"SATELLITE_LIVE__API_KEY": KEY} | environment,
        start_new_session=True,
    )


# ---------------------------------------------------------------- check


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("0", "expected a device by its path, e.g. /dev/video0"),
        ("/dev/null", "/dev/null is no camera"),
        ("/nowhere/door.jpg", "there is no folder /nowhere"),
        ("/usr", "/usr is no file"),
        ("rtsp://camera.example/door", "rtsp:// is not supported"),
        ("https://me:secret@camera.example/door.jpg", "no user or password in the URL"),
    ],
)
def test_a_source_of_pictures_that_can_never_work_is_refused(source: str, words: str) -> None:
    said = refusal(f"video.source={source}")
    assert said.startswith("video.source: ")
    assert words in said
    assert "secret" not in said


def test_a_header_for_pictures_that_everybody_could_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SATELLITE_VIDEO__AUTHORIZATION", "Bearer not-a-real-token")
    said = refusal("video.source=http://camera.example/door.jpg")
    assert said == "video.source: video.authorization would be readable on its way to camera.example; use https"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (None, "No such file or directory"),
        ("[[fault]\n", "line 1"),
        ("[[fault]]\nwhat = 'cloze'\n", "fault 1: what: "),
        ("[[fault]]\nwhat = 'close'\nturns = 3\n", "fault 1: turns: there is no such key"),
        ("[[fault]]\nwhat = 'delay'\n", "fault 1: delay: for_s is missing"),
    ],
)
def test_a_script_of_faults_that_is_none_is_refused(tmp_path: Path, script: str | None, words: str) -> None:
    path = tmp_path / "faults.toml"
    if script is not None:
        path.write_text(script)
    said = refusal(f"server.faults_file={path}")
    assert said.startswith(f"server.faults_file: {path}: ")
    assert words in said


def test_the_page_shows_a_script_that_can_be_used(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "live-api.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```toml\n(\[\[fault\]\].*?)```", page, re.DOTALL)
    path = tmp_path / "faults.toml"
    path.write_text(script)
    assert [fault.what for fault in read_faults(path)] == ["close", "stall", "empty_turn"]
    section = page[page.index("## A server to practise with") :]
    assert all(f"`{field.name}`" in section for field in dataclasses.fields(Fault))
    assert all(
        re.search(rf"\b{word}\b", section) for what in (Ending, Garbage, Rewriting, InATurn) for word in get_args(what)
    )


def test_a_store_that_is_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_text("")
    assert refusal(f"store.folder={path}") == f"store.folder: {path} is no folder"


def test_what_may_come_later_is_not_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faults = tmp_path / "faults.toml"
    faults.write_text('[[fault]]\nwhat = "close"\nturn = 1\n')
    arguments = ["check", "--set", f"video.source={tmp_path / 'door.jpg'}", "--set", f"store.folder={tmp_path / 'new'}"]
    assert check(parser().parse_args([*arguments, "--set", f"server.faults_file={faults}"])) == 0
    assert "door.jpg" in capsys.readouterr().out
    assert not (tmp_path / "new").exists()


def test_as_a_process_it_is_78_and_one_line() -> None:
    with process("check", "--set", "video.source=/dev/null") as command:
        out, err = command.communicate(timeout=LONGEST_WAIT_S)
    assert (command.returncode, out) == (78, "")
    assert err == "satellite: video.source: /dev/null is no camera (no V4L2 device)\n"


def test_it_loads_neither_pictures_nor_server_where_none_are_configured() -> None:
    code = "import sys; from satellite.cli import main; main(['check']); print(*sys.modules, sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "satellite.app.commands" in loaded.splitlines()
    heavy = ("satellite.video", "satellite.live_server", "cv2")
    assert [name for name in loaded.splitlines() if name.startswith(heavy)] == []


# ---------------------------------------------------------------- Ctrl-C


class SilentPort:
    """Takes connections, keeps them, and never says a word."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(LONGEST_WAIT_S)
        self.port: int = self._listener.getsockname()[1]
        self._callers: list[socket.socket] = []

    def accept(self) -> None:
        """The next one."""
        self._callers.append(self._listener.accept()[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in (*self._callers, self._listener):
            each.close()


def interrupted(command: "subprocess.Popen[str]", is_waiting: Callable[[], object]) -> tuple[int, str, str]:
    """(status, standard output, standard error) of a command that gets Ctrl-C once it waits."""
    with command:
        try:
            is_waiting()
            os.killpg(command.pid, signal.SIGINT)
            out, err = command.communicate(timeout=LONGEST_WAIT_S)
        finally:
            command.kill()
    return command.returncode, out, err


def has_said(command: "subprocess.Popen[str]", words: str) -> None:
    """Wait until a line of its standard error has these words."""
    assert command.stderr is not None
    assert any(words in line for line in iter(command.stderr.readline, ""))


@pytest.mark.parametrize(
    "arguments", [("ask", "--quiet", "hello"), ("token", "mint")], ids=["ask, connecting", "token mint"]
)
def test_ctrl_c_while_nobody_answers_is_130_and_one_line(arguments: tuple[str, ...]) -> None:
    with SilentPort() as silent:
        command = process(*arguments, SATELLITE_LIVE__BASE_URL=f"http://127.0.0.1:{silent.port}")
        status, out, err = interrupted(command, silent.accept)
    assert (status, out, err) == (130, "", "satellite: interrupted\n")


def test_ctrl_c_while_the_answer_is_awaited_is_130_and_one_line() -> None:
    with ServerThread(lambda: datetime.now().astimezone()) as live:
        live.server.faults.never_reply = True
        command = process("ask", "hello", SATELLITE_LIVE__BASE_URL=f"http://127.0.0.1:{live.port}")

        assert interrupted(command, lambda: has_said(command, "waiting for the answer")) == (
            130,
            "",
            "satellite: interrupted\n",
        )
        assert live.wait_for_close_code() == 1000, "the session is closed, not dropped"


def test_ctrl_c_ends_the_substitute_with_its_server(tmp_path: Path) -> None:
    faults = tmp_path / "faults.toml"
    faults.write_text('[[fault]]\nwhat = "no_answer"\n')
    command = process("ask", "--substitute", "hello", "--set", f"server.faults_file={faults}")

    assert interrupted(command, lambda: has_said(command, "waiting for the answer")) == (
        130,
        "",
        "satellite: interrupted\n",
    )


def test_ctrl_c_stops_the_server_in_the_ordinary_way() -> None:
    """A service that is asked to stop has not failed."""
    command = process("serve", "--port", "0")
    status, out, err = interrupted(command, lambda: has_said(command, "listens on"))
    assert (status, out) == (0, "")
    assert "Traceback" not in err
