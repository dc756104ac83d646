"""The environment of the peers that bench.live compares with, apart from the project's own: `.venv-bench`.

livekit-agents pins another `livekit` than the satellite takes, and no one who tests or runs the satellite should have
to carry them. What all clients share is pinned to what the project's environment has: they differ in nothing else.
"""

import json
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv-bench"
PYTHON = FOLDER / "bin" / "python"

SHARED = ("google-genai", "pydantic", "websockets")
"""Every peer stands on these; a comparison across versions of them would compare the versions."""

PEERS = ("livekit-agents", "livekit-plugins-google", "pipecat-ai")

ASK = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"


def installed() -> bool:
    """Whether the peers are there."""
    return PYTHON.exists()


def install() -> None:
    """Make the environment, or bring it up to date."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    pins = [f"{name}=={version(name)}" for name in SHARED]
    subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
    subprocess.run([PYTHON, "-m", "pip", "install", "-qq", *groups["bench"], *pins], check=True)
    size_bytes = sum(file.stat().st_size for file in FOLDER.rglob("*") if file.is_file() and not file.is_symlink())
    print(f"{FOLDER.name}: {size_bytes / 1e6:.0f} MB")


def versions() -> dict[str, str]:
    """What the peers are, by name; SystemExit when what they share with the project is not the same."""
    answer = subprocess.run([PYTHON, "-c", ASK, *SHARED, *PEERS], check=True, capture_output=True, text=True).stdout
    found: dict[str, str] = json.loads(answer)
    for name in SHARED:
        if found[name] != version(name):
            sys.exit(f"{FOLDER.name} has {name} {found[name]}, .venv has {version(name)}: run with --install")
    return found
