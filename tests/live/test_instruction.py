"""The system instruction: its placeholders, and the file it may come from."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from satellite.core.errors import ConfigError
from satellite.live.instruction import LONGEST_BYTES, fill, read_instruction
from satellite.settings import LiveSettings

NOW = datetime(2026, 3, 7, 8, 5, tzinfo=ZoneInfo("Europe/Paris"))


def filled(template: str, *, room: str = "kitchen", place: str = "Lyon, France") -> str:
    return fill(template, name="Ada", room=room, place=place, now=NOW)


def test_every_placeholder() -> None:
    assert filled("I am {name} in the {room}, {place}. Today is {date}, it is {time}. {name}!") == (
        "I am Ada in the kitchen, Lyon, France. Today is Saturday, 7 March 2026, it is 08:05. Ada!"
    )


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    assert filled("in {room} of {place}", room="", place="") == "in an unknown room of an unknown place"


@pytest.mark.parametrize("text", ['{"name": "x", "n": {}}', "{ name }", "{Name}", "{other}", "{", "}{", "{}", "{na"])
def test_other_braces_stay_as_they_are(text: str) -> None:
    assert filled(text) == text


def test_what_is_filled_in_is_not_looked_at_again() -> None:
    assert filled("{room} {name}", room="{name}{time}") == "{name}{time} Ada"


@given(st.text(alphabet=st.characters(exclude_characters="{")))
def test_text_without_braces_is_left_alone(text: str) -> None:
    assert filled(text) == text


def settings_with(path: Path) -> LiveSettings:
    return LiveSettings(system_instruction="the setting", system_instruction_file=path)


def test_the_file_takes_the_place_of_the_setting(tmp_path: Path) -> None:
    path = tmp_path / "instruction.txt"
    path.write_bytes("\ufeffDu bist {name}.\nSei kurz: höchstens ein Satz.\n".encode())
    assert read_instruction(settings_with(path)) == "Du bist {name}.\nSei kurz: höchstens ein Satz."
    assert read_instruction(LiveSettings(system_instruction="the setting")) == "the setting"


@pytest.mark.parametrize(
    ("content", "rule"),
    [(None, "cannot read"), (b"", "is empty"), (b" \n", "is empty"), (b"ab\xff", r"is not UTF-8 \(byte 2\)")],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(tmp_path: Path, content: bytes | None, rule: str) -> None:
    path = tmp_path / "instruction.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=rule) as refused:
        read_instruction(settings_with(path))
    assert str(refused.value).startswith("live.system_instruction_file: ")
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_longer_than_the_context_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "instruction.txt"
    path.write_bytes(b"a" * LONGEST_BYTES)
    assert len(read_instruction(settings_with(path))) == LONGEST_BYTES
    path.write_bytes(b"a" * (LONGEST_BYTES + 1))
    with pytest.raises(ConfigError, match="longer than"):
        read_instruction(settings_with(path))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        read_instruction(settings_with(tmp_path))
