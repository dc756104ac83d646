"""Functions of the configuration, with real programs: what they get, what becomes of what they print, how they end."""

import asyncio
import json
import os
import signal
import threading
import tomllib
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from satellite.app.clock import SimulatedTimeLoop
from satellite.core.errors import ConfigError
from satellite.core.events import ToolFinished
from satellite.settings import FunctionSettings, ToolSettings
from satellite.tools import process
from satellite.tools.functions import LONGEST_COMPLAINT, configured_functions
from satellite.tools.registry import Scheduling, Tool, ToolRegistry
from satellite.tools.runner import ToolRunner

PATIENCE_S = 60
"""Real time that no test needs: a program that does not end, or an answer that does not come, fails then."""

ANYTHING: dict[str, Any] = {"type": "object"}


def program(folder: Path, body: str, name: str = "program") -> str:
    """An executable shell script."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def function(command: str, *more: str, **settings: Any) -> Tool:
    """The one tool of a configuration with that program."""
    given = {"description": "Test it.", "parameters": ANYTHING, "timeout_s": 50, **settings}
    configured = FunctionSettings(command=(command, *more), **given)
    (tool,) = configured_functions(ToolSettings(functions={"test": configured})).tools
    return tool


def call(tool: Tool, arguments: Mapping[str, Any] | None = None) -> Any:
    """Its result, in real time."""

    async def main() -> Any:
        async with asyncio.timeout(PATIENCE_S):
            return await tool.call(json.dumps(arguments or {}))

    return asyncio.run(main())


class Line:
    """A FIFO that a program and all it starts hold open: when it hangs up, all of them are gone."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "line"
        os.mkfifo(self.path)
        self._fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)

    async def heard(self) -> str:
        """The next that is said; "" when it hangs up."""
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._fd, ready.set)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await ready.wait()
        finally:
            loop.remove_reader(self._fd)
        return os.read(self._fd, 4096).decode()

    def is_held(self) -> bool:
        """Whether somebody still holds it and says nothing."""
        try:
            return bool(os.read(self._fd, 4096))
        except BlockingIOError:
            return True

    def close(self) -> None:
        os.close(self._fd)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path)
    yield made
    made.close()


def run(main: Coroutine[Any, Any, None]) -> None:
    """In real time."""
    asyncio.run(main)


def is_reaped(pid: int) -> bool:
    """Whether there is nothing left of it, no zombie either."""
    return not Path(f"/proc/{pid}").exists()


def reap(pid: int) -> None:
    """Wait for it, unless the subprocess module has come first: it looks after children that others forgot."""
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


@contextmanager
def nothing_left_open() -> Iterator[None]:
    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208
    yield
    assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


# ---------------------------------------------------------------- what it gets, what it gives


def test_the_arguments_are_a_json_object_on_stdin_and_an_object_is_the_answer(tmp_path: Path) -> None:
    given = {"room": "hall", "name": "Käthe", "levels": [1, 2.5, None]}
    assert call(function(program(tmp_path, "cat")), given) == {"output": given}


def test_arguments_larger_than_a_pipe_reach_it_and_one_that_reads_none_is_no_trouble(tmp_path: Path) -> None:
    text = "x" * 300_000
    assert call(function(program(tmp_path, "wc -c", "count")), {"a": text}) == {"output": str(len(text) + 9)}
    assert call(function(program(tmp_path, "echo done", "deaf")), {"a": text}) == {"output": "done"}


@pytest.mark.parametrize(
    ("body", "output"),
    [
        ("echo; echo ' two words '; echo 'and a line'; echo", "two words \nand a line"),
        ("true", "done"),
        ("echo '{}'", {}),
        ("echo '{\"on\": true}'", {"on": True}),
        ("echo '[1, 2]'", "[1, 2]"),
        ("echo '{\"on\": '", '{"on":'),
        ("echo '{\"level\": NaN}'", '{"level": NaN}'),
        (r"printf '\377ok'", "\ufffdok"),
        ("echo noise >&2; echo fine", "fine"),
    ],
)
def test_what_it_prints_is_the_answer(tmp_path: Path, body: str, output: object) -> None:
    assert call(function(program(tmp_path, body))) == {"output": output}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("echo out; echo first >&2; echo ' the lamp is unplugged ' >&2; echo >&2; exit 3", "the lamp is unplugged"),
        ("echo out; exit 3", "test failed with status 3"),
        ("kill -KILL $$", "test was ended by signal 9"),
        ("head -c 5000 /dev/zero | tr '\\0' x >&2; exit 1", "x" * LONGEST_COMPLAINT),
    ],
)
def test_a_failure_is_told_by_its_last_complaint(tmp_path: Path, body: str, error: str) -> None:
    assert call(function(program(tmp_path, body))) == {"error": error}


def test_it_runs_in_the_root_folder_without_a_shell_and_without_what_is_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = ("SATELLITE_LIVE__API_KEY", "GEMINI_API_KEY", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_USEC")
    for name in ours:
        monkeypatch.setenv(name, "not-a-real-key")
    monkeypatch.setenv("HOME_ASSISTANT_TOKEN", "theirs")
    tool = function(program(tmp_path, 'pwd; echo "$1"; env'), "$HOME; echo *")
    folder, argument, *environment = call(tool)["output"].splitlines()
    assert folder == "/"
    assert argument == "$HOME; echo *"
    assert "HOME_ASSISTANT_TOKEN=theirs" in environment
    assert any(variable.startswith("PATH=") for variable in environment)
    assert not any("not-a-real-key" in variable or variable.startswith(ours) for variable in environment)


def test_arguments_that_do_not_fit_are_told_and_nothing_is_run(tmp_path: Path) -> None:
    schema = {**ANYTHING, "properties": {"level": {"type": "integer"}}}
    tool = function(program(tmp_path, f"touch {tmp_path}/ran"), parameters=schema)
    assert call(tool, {"level": "high"}) == {"error": "level: 'high' is not of type 'integer'"}
    nothing_taken = function(program(tmp_path, f"touch {tmp_path}/ran"), parameters={})
    assert "'level' was unexpected" in call(nothing_taken, {"level": 1})["error"]
    assert not (tmp_path / "ran").exists()
    assert call(nothing_taken) == {"output": "done"}
    assert (tmp_path / "ran").exists()


def test_one_that_cannot_be_started_any_more_is_an_honest_error(tmp_path: Path) -> None:
    tool = function(program(tmp_path, "true"))
    (tmp_path / "program").write_text("no program at all")
    with nothing_left_open():
        assert call(tool) == {"error": "test cannot be started: Exec format error"}
    (tmp_path / "program").unlink()
    assert call(tool) == {"error": "test cannot be started: No such file or directory"}


# ---------------------------------------------------------------- how much


def test_64_kib_are_read_and_one_byte_more_is_too_much(tmp_path: Path) -> None:
    body = "head -c {} /dev/zero | tr '\\0' x"
    assert call(function(program(tmp_path, body.format(process.STDOUT_BYTES)))) == {"output": "x" * 65_536}
    assert "printed more than 65536 bytes" in call(function(program(tmp_path, body.format(65_537))))["error"]


@pytest.mark.parametrize("body", ["yes", "yes >&2", "yes & trap '' TERM; yes"])
def test_one_that_prints_without_end_is_ended(
    tmp_path: Path, line: Line, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.setattr(process, "TERM_GRACE_S", 0.05)

    async def main() -> None:
        tool = function(program(tmp_path, f"exec 3>{line.path}; {body}"))
        async with asyncio.timeout(PATIENCE_S):
            result = dict(await tool.call("{}"))
        assert "printed more than" in result["error"]
        assert "is not known" in result["error"]
        assert await line.heard() == ""

    with nothing_left_open():
        run(main())


def test_all_that_it_printed_before_its_end_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "READ_BYTES", 1)
    assert call(function(program(tmp_path, "exec head -c 20000 /dev/zero"))) == {"output": "\0" * 20_000}


def test_of_complaints_the_last_are_kept_and_no_more(tmp_path: Path) -> None:
    async def main() -> None:
        complaining = program(tmp_path, "head -c 500000 /dev/zero >&2; echo last >&2")
        async with asyncio.timeout(PATIENCE_S):
            outcome = await process.run_program([complaining], b"", {"PATH": os.defpath})
        assert len(outcome.stderr) == process.STDERR_KEPT_BYTES
        assert outcome.stderr.endswith(b"\0last\n")

    run(main())


def test_one_that_printed_too_much_may_be_cancelled_while_it_is_ended(
    tmp_path: Path, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "TERM_GRACE_S", 10 * PATIENCE_S)

    async def main() -> None:
        tidy = "trap 'echo ended >&3' TERM; sleep 1000 & head -c 70000 /dev/zero; while :; do wait; done"
        tool = function(program(tmp_path, f"exec 3>{line.path}; {tidy}"))
        running = asyncio.ensure_future(tool.call("{}"))
        assert await line.heard() == "ended\n"
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await line.heard() == ""

    run(main())


def test_complaints_do_not_hide_the_answer(tmp_path: Path) -> None:
    tool = function(program(tmp_path, "head -c 500000 /dev/zero >&2; echo fine"))
    assert call(tool) == {"output": "fine"}


def test_the_answer_does_not_wait_for_what_was_left_in_the_background(tmp_path: Path, line: Line) -> None:
    async def main() -> None:
        left = f"sh -c 'exec 3>{line.path}; echo $$ >&3; exec sleep 1000' &"
        tool = function(program(tmp_path, f"{left}\necho started"))
        async with asyncio.timeout(PATIENCE_S):
            assert await tool.call("{}") == {"output": "started"}
        pid = int(await line.heard())
        assert line.is_held()
        os.kill(pid, signal.SIGKILL)
        assert await line.heard() == ""

    run(main())


# ---------------------------------------------------------------- how it is ended

STUBBORN = "trap '' TERM; sleep 1000 & echo $$ >&3; while :; do wait; sleep 1; done"
"""Ignores SIGTERM, and so does the child it has started."""

TIDY = "trap 'echo bye >&3; exit 0' TERM; sleep 1000 & echo $$ >&3; wait"
"""Says goodbye on SIGTERM; its child does not."""

DESERTER = "(trap '' TERM; echo $$ >&3; while :; do sleep 1; done) & trap 'exit 0' TERM; wait"
"""Ends at once on SIGTERM, but its child ignores it."""


def test_a_time_out_ends_it_and_is_told_honestly(tmp_path: Path, line: Line) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedTimeLoop)
        finished: asyncio.Queue[ToolFinished] = asyncio.Queue()
        tool = program(tmp_path, f"exec 3>{line.path}; {TIDY}")
        settings = FunctionSettings(description="Test it.", command=(tool,), timeout_s=7)
        registry = ToolRegistry(configured_functions(ToolSettings(functions={"test": settings})))
        runner = ToolRunner(registry, finished.put_nowait)
        with loop.hold():
            runner.run(1, "a", "test", "{}")
            pid = int(await line.heard())
            assert finished.empty()
        await asyncio.sleep(7)
        with loop.hold():
            assert await line.heard() == "bye\n"
            assert await line.heard() == ""
            result = await finished.get()
        error = json.loads(result.response)["error"]
        assert error == "test took longer than 7 s and was stopped; whether it did its work is not known"
        assert is_reaped(pid)

    with nothing_left_open(), asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        runner.run(main())


@pytest.mark.parametrize("body", [STUBBORN, TIDY, DESERTER], ids=["stubborn", "tidy", "deserter"])
def test_a_cancelled_call_ends_the_whole_group_and_is_not_answered(
    tmp_path: Path, line: Line, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.setattr(process, "TERM_GRACE_S", 0.05 if body is STUBBORN else PATIENCE_S)
    monkeypatch.setattr(process, "KILL_S", PATIENCE_S)

    async def main() -> None:
        finished: list[ToolFinished] = []
        tool = program(tmp_path, f"exec 3>{line.path}; {body}")
        settings = FunctionSettings(description="Test it.", command=(tool,), timeout_s=50)
        registry = ToolRegistry(configured_functions(ToolSettings(functions={"test": settings})))
        runner = ToolRunner(registry, finished.append)
        runner.run(1, "a", "test", "{}")
        pid = int(await line.heard())
        runner.cancel("a")
        if body is TIDY:
            assert await line.heard() == "bye\n"
        assert await line.heard() == ""
        await runner.close()
        assert is_reaped(pid)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert finished == []

    with nothing_left_open():
        run(main())


def test_cancelling_again_shortens_the_grace(tmp_path: Path, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "TERM_GRACE_S", 10 * PATIENCE_S)

    async def main() -> None:
        tool = function(program(tmp_path, f"exec 3>{line.path}; {STUBBORN}"))
        running = asyncio.ensure_future(tool.call("{}"))
        pid = int(await line.heard())
        running.cancel()
        await asyncio.sleep(0)
        assert line.is_held()
        running.cancel()
        assert await line.heard() == ""
        with pytest.raises(asyncio.CancelledError):
            await running
        assert is_reaped(pid)

    run(main())


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_one_that_no_signal_ends_is_left_behind(
    tmp_path: Path, line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Such as one that waits for a dead network disk; here the signals are kept from it."""
    for name in ("TERM_GRACE_S", "KILL_S"):
        monkeypatch.setattr(process, name, 0.01)
    kill, kept = os.kill, []
    monkeypatch.setattr(os, "killpg", lambda pid, number: kept.append((pid, number)))

    async def main() -> None:
        tool = function(program(tmp_path, f"exec 3>{line.path}; echo $$ >&3; exec sleep 1000"))
        running = asyncio.ensure_future(tool.call("{}"))
        pid = int(await line.heard())
        running.cancel()
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(asyncio.CancelledError):
                await running
        assert line.is_held()
        assert kept[:2] == [(pid, signal.SIGTERM), (pid, signal.SIGKILL)]
        kill(pid, signal.SIGKILL)
        assert await line.heard() == ""
        reap(pid)

    with nothing_left_open():
        run(main())
    assert "does not end, not even by SIGKILL" in caplog.text


# ---------------------------------------------------------------- the configuration


def test_a_tool_is_what_its_section_says(tmp_path: Path) -> None:
    tool = function(program(tmp_path, "true"), timeout_s=3, behavior="non_blocking", scheduling="silent")
    assert (tool.name, tool.description, tool.timeout_s) == ("test", "Test it.", 3)
    assert (tool.non_blocking, tool.scheduling, tool.idempotent) == (True, Scheduling.SILENT, False)
    tool = function(program(tmp_path, "true"), idempotent=True)
    assert (tool.non_blocking, tool.answer_scheduling, tool.idempotent) == (False, "", True)


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("1st", {}, '"1st": a name begins with a letter or _'),
        ("a\nb", {}, r'"a\nb": a name begins with a letter or _'),
        ("lights", {"parameters": {"type": "string"}}, "lights: parameters: type: a schema of arguments begins with"),
        ("lights", {"parameters": {**ANYTHING, "properties": {"a": {"type": "lamp"}}}}, "properties.a.type: 'lamp'"),
        ("lights", {"command": ("scripts/lights",)}, "lights: command: scripts/lights: give the whole path"),
        ("lights", {"command": ("/nowhere/lights",)}, "lights: command: /nowhere/lights: there is no such program"),
        ("lights", {"command": ("no-such-program",)}, "lights: command: no-such-program: there is no such program"),
        ("lights", {"command": ("true", "a\0b")}, "lights: command: a NUL cannot be part of it"),
        (
            "lights",
            {"timeout_s": 55.5},
            "lights: timeout_s = 55.5: the conversation waits for a blocking function for 55 s",
        ),
    ],
)
def test_a_section_that_cannot_be_used_is_refused_in_one_line(name: str, settings: Any, said: str) -> None:
    configured = FunctionSettings(**{"description": "Test it.", "command": ("true",), **settings})
    with pytest.raises(ConfigError) as refused:
        configured_functions(ToolSettings(functions={name: configured}))
    assert str(refused.value).startswith("tools.functions.")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_function_nobody_waits_for_may_take_its_time() -> None:
    assert function("true", timeout_s=600, behavior="non_blocking").timeout_s == 600
    assert function("true", timeout_s=55).timeout_s == 55


def test_a_program_that_is_not_executable_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lights").write_text("#!/bin/sh\n")
    with pytest.raises(ConfigError, match=r"tools.functions.test: command: .*/lights: is not executable"):
        function(str(tmp_path / "lights"))


def test_each_section_that_cannot_be_used_has_its_line() -> None:
    wrong = FunctionSettings(description="Test it.", command=("no-such-program",))
    right = FunctionSettings(description="Test it.", command=("true",))
    with pytest.raises(ConfigError) as refused:
        configured_functions(ToolSettings(functions={"one": wrong, "two": right, "three": wrong}))
    assert [problem.split(":")[0] for problem in str(refused.value).splitlines()] == [
        "tools.functions.one",
        "tools.functions.three",
    ]


# ---------------------------------------------------------------- the example of the documentation


class HomeAssistant(HTTPServer):
    """Knows one token and writes down what it is asked to do."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        super().__init__(("127.0.0.1", 0), _Service)


class _Service(BaseHTTPRequestHandler):
    server: HomeAssistant

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        is_known = self.headers["Authorization"] == "Bearer not-a-real-token"
        if is_known:
            self.server.asked.append((self.path, body))
        self.send_response(200 if is_known else 401)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Quietly."""


def test_the_example_of_the_documentation_works_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[2] / "docs" / "tools.md").read_text(encoding="utf-8")
    configuration = tomllib.loads(text.split("```toml\n")[1].split("```")[0])
    lights = tmp_path / "lights"
    lights.write_text(text.split("```python\n")[1].split("```")[0])
    lights.chmod(0o755)
    configuration["tools"]["functions"]["lights"]["command"] = [str(lights)]
    settings = TypeAdapter(ToolSettings).validate_python(configuration["tools"])
    (tool,) = configured_functions(settings).tools
    home_assistant = HomeAssistant()
    threading.Thread(target=home_assistant.serve_forever, daemon=True).start()
    monkeypatch.setenv("HOME_ASSISTANT_URL", f"http://127.0.0.1:{home_assistant.server_port}")
    monkeypatch.setenv("HOME_ASSISTANT_TOKEN", "not-a-real-token")
    try:
        asked = {"room": "hall", "on": True, "brightness_percent": 40}
        assert call(tool, asked) == {"output": {"room": "hall", "on": True}}
        assert home_assistant.asked == [
            ("/api/services/light/turn_on", {"entity_id": "light.hall", "brightness_pct": 40})
        ]
        assert "brightness_percent: 300 is greater" in call(tool, {**asked, "brightness_percent": 300})["error"]
        monkeypatch.setenv("HOME_ASSISTANT_TOKEN", "another")
        assert call(tool, asked) == {"error": "Home Assistant says: HTTP Error 401: Unauthorized"}
    finally:
        home_assistant.shutdown()
        home_assistant.server_close()
