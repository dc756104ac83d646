"""Our Live client against google-genai: CPU, import time, memory. `python -m bench.live_client [--rounds N]`.

Both speak to one and the same local server process and take turns. Every figure is the least over rounds
of fresh processes, the one that other work on the machine disturbed least. Exit status 1 when a bar is
missed. What exactly is done: bench/live_child.py.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

CLIENTS = ("ours", "google")

BARS = {"up_ms_per_s": 0.5, "down_ms_per_s": 0.5, "import_ms": 0.5, "resident_mib": 0.75}
"""Largest ratio of ours to google-genai's."""

LABELS = {
    "up_ms_per_s": "CPU, 20 ms chunks up      ms/s of audio",
    "down_ms_per_s": "CPU, 240 ms chunks down   ms/s of audio",
    "import_ms": "import                    ms",
    "open_ms": "import to open session    ms",
    "resident_mib": "memory after one turn     MiB",
}


def child(client: str, port: int, turns: int) -> dict[str, float]:
    """The figures of one fresh process."""
    command = [sys.executable, "-m", "bench.live_child", client, str(port), str(turns)]
    output = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True).stdout
    figures: dict[str, float] = json.loads(output)
    return figures


def measure(rounds: int, turns: int) -> dict[str, dict[str, float]]:
    """Least figures by client and name; a first round, not counted, compiles and fills the caches."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.live_peer"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as peer:
        try:
            assert peer.stdout is not None
            port = int(peer.stdout.readline())
            for client in CLIENTS:
                child(client, port, 0)
            runs = [{client: child(client, port, turns) for client in CLIENTS} for _ in range(rounds)]
        finally:
            peer.terminate()
    return {client: {name: min(run[client][name] for run in runs) for name in LABELS} for client in CLIENTS}


def report(figures: dict[str, dict[str, float]]) -> bool:
    """Print the table; whether every bar holds."""
    held = True
    print(f"{'':42}{'ours':>9}{'google':>9}{'ratio':>8}{'bar':>7}")
    for name, label in LABELS.items():
        own, other = (figures[client][name] for client in CLIENTS)
        ratio, bar = own / other, BARS.get(name)
        verdict = "" if bar is None else f"{bar:7.2f}{'' if ratio <= bar else '  MISSED'}"
        held = held and (bar is None or ratio <= bar)
        print(f"{label:42}{own:9.2f}{other:9.2f}{ratio:8.2f}{verdict}")
    return held


def main() -> None:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description="Our Live client against google-genai, in one run.")
    parser.add_argument("--rounds", type=int, default=5, help="fresh processes per client (default 5)")
    parser.add_argument("--turns", type=int, default=30, help="measured turns per process (default 30)")
    arguments = parser.parse_args()
    sys.exit(0 if report(measure(arguments.rounds, arguments.turns)) else 1)


if __name__ == "__main__":
    main()
