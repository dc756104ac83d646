"""What importing the link costs: a bench holds the time, this holds the list."""

import subprocess
import sys

import pytest

UNWANTED = [
    "numpy",
    "pydantic.v1",
    "google",
    "aiohttp",
    "httpx",
    "satellite.audio",
    "satellite.speech",
    "satellite.app",
]


@pytest.mark.parametrize("module", ["satellite.live.link", "satellite.live.messages"])
def test_the_link_needs_neither_numpy_nor_the_rest_of_the_house(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(sys.modules))"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    loaded = set(output.split())
    assert module in loaded
    assert not loaded.intersection(UNWANTED)
