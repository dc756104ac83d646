"""docs/live-api.md: it names every feature's test, and no setting, topic or command that does not exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from satellite.cli import parser
from satellite.live.models import FAMILIES, ModelFamily, Thinking
from satellite.mqtt.topics import TABLE
from satellite.settings import Settings

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "live-api.md").read_text(encoding="utf-8")
FEATURES = 47
"""Of the two guides."""

ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+?) \| `(test_\w+)` \|$", re.MULTILINE)
SHOWN = re.compile(r"`([^`]+)`")
TOKEN = re.compile(r"`([^`\n]+)`")


def shown_rows() -> Iterator[tuple[int, str]]:
    """Row and name of each test here that shows a feature."""
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            name = node.name if isinstance(node, ast.FunctionDef) else ""
            if found := re.match(r"test_row_(\d\d)_", name):
                yield int(found[1]), name


def settings_and_sections(section: type[BaseModel] = Settings, path: str = "") -> Iterator[str]:
    """Every key of the configuration by its dotted name, sections included."""
    for name, field in section.model_fields.items():
        yield path + name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings_and_sections(field.annotation, f"{path}{name}.")


def topics() -> Iterator[str]:
    """Every topic without its prefix, the fields filled in."""
    parts = {"speaker": ("input", "output"), "part": ("link", "microphone", "speaker", "camera", "budget")}
    for topic in TABLE:
        field = re.search(r"\{(\w+)\}", topic.suffix)
        yield from (topic.suffix.replace(field[0], word) for word in parts[field[1]]) if field else (topic.suffix,)


def what_uses_it() -> list[tuple[int, str]]:
    """The words of each row's third column."""
    return [(int(row), word) for row, _, uses, _ in ROW.findall(PAGE) for word in SHOWN.findall(uses)]


def test_every_feature_has_a_test_and_each_test_is_for_one() -> None:
    rows = [row for row, _ in shown_rows()]
    assert sorted(rows) == list(range(1, FEATURES + 1))


def test_the_page_names_the_tests_that_there_are() -> None:
    named = [(int(row), test) for row, _, _, test in ROW.findall(PAGE)]
    assert named == sorted(shown_rows())


def test_every_feature_is_used_by_something_that_exists() -> None:
    known = {*settings_and_sections(), *topics(), "behavior", "scheduling", "traffic_type"}
    for row, word in what_uses_it():
        command = word.removeprefix("satellite ")
        assert word in known if command == word else is_command(command.split()), f"row {row}: {word}"
    without = {int(row) for row, _, uses, _ in ROW.findall(PAGE) if not SHOWN.findall(uses)}
    assert without == {13, 15}  # there is nothing to choose


def is_command(words: list[str]) -> bool:
    """Whether the command line knows a command with these options."""
    name, *rest = words
    arguments = {"ask": {"--audio": ["--audio", "x.wav"], "--out": ["--out", "x.wav", "hello"]}}
    given = [each for word in rest for each in arguments.get(name, {}).get(word, [word])]
    if name == "ask" and not rest:
        given = ["hello"]
    try:
        return bool(parser().parse_args([name, *given]).command == name)
    except SystemExit:
        return False


def test_every_setting_that_the_page_names_exists() -> None:
    known = set(settings_and_sections())
    sections = {name.split(".")[0] for name in known}
    named = {word for word in TOKEN.findall(PAGE) if word.split(".")[0] in sections and "." in word}
    assert len(named) > 40
    assert named - known == set()
    in_brackets = {word.strip("[]") for word in TOKEN.findall(PAGE) if word.startswith("[")}
    assert in_brackets
    assert in_brackets - known == set()


def test_every_line_for_the_shell_is_one_that_the_command_line_takes() -> None:
    lines = re.findall(r"^satellite (.+)$", "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)), re.MULTILINE)
    assert len(lines) == 4
    for line in lines:
        words = [quoted or bare for quoted, bare in re.findall(r'"([^"]*)"|(\S+)', line)]
        assert parser().parse_args(words).command == words[0]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name.replace(" ", "-"))
def test_the_page_tells_what_each_family_takes(family: ModelFamily) -> None:
    assert row_of(family) in PAGE


def row_of(family: ModelFamily) -> str:
    """The family's line on the page."""
    thinking = {
        Thinking.NONE: "no",
        Thinking.BUDGET: "a budget",
        Thinking.LEVEL: "a level",
        Thinking.LEVEL_REQUIRED: "a level, always",
    }
    cells = (
        family.name,
        ", ".join(f"`{prefix}`" for prefix in family.prefixes),
        " or ".join(sorted(family.replies)),
        "yes" if family.takes_language else "no",
        thinking[family.thinking],
        str(family.functions),
        ", ".join(sorted(family.server_tools)) or "none",
    )
    return f"| {' | '.join(cells)} |"
