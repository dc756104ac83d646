"""Our Live client against google-genai, livekit-agents and pipecat: CPU, import time, memory. `python -m bench.live`.

All speak to one and the same local server process and take turns, each in a fresh process per round. `--install` makes
the environment of livekit-agents and pipecat (800 MB); without it they are left out. `--paced` measures the length
of our messages instead. What is measured and how: bench/live_child.py. Exit status 1 when a bar is missed, 2 when the
run is void.
"""

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench import live_venv
from bench.live_child import Plan
from bench.live_venv import ROOT

CHUNK_MS = 20

ROWS = {
    "bare": "bare websocket",
    "ours": "ours",
    "google": "google-genai",
    "livekit": "livekit-agents",
    "livekit as it is": "  as it is, 50 ms",
    "pipecat": "pipecat",
}
"""What is compared -> its label."""

OTHER_ENVIRONMENT = ("livekit", "livekit as it is", "pipecat")

FIGURES = {
    "up_ms_per_s": "up, ms/s",
    "down_ms_per_s": "down, ms/s",
    "import_ms": "import, ms",
    "resident_mib": "memory, MiB",
}

BARS = {"up_ms_per_s": 0.35, "down_ms_per_s": 0.5, "import_ms": 0.5, "resident_mib": 0.75}
"""Largest ratio of ours to google-genai's, without compression and with messages of 20 ms."""

DEFLATE_BARS = {"up_ms_per_s": 0.5, "down_ms_per_s": 0.5}
"""The same with compression. A bare websocket may miss them: deflating costs the same for all, more than the rest."""

SERVER_SHARE = 0.8
"""A server that needs more CPU than this share of the client's may have been what was measured. It is counted over the
whole run, warm-up included, the client's is not: the true share is smaller."""

Run = Mapping[str, float]


@contextmanager
def server() -> Iterator[tuple[int, int]]:
    """The other end: its port, its process."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.live_peer"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as peer:
        try:
            assert peer.stdout is not None
            yield int(peer.stdout.readline()), peer.pid
        finally:
            peer.terminate()


def cpu_s(process: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(plan: Plan, *, other_environment: bool = False) -> Run:
    """The figures of one fresh process; SystemExit with what it said when it failed."""
    python = live_venv.PYTHON if other_environment else sys.executable
    command = [python, "-m", "bench.live_child", json.dumps(dataclasses.asdict(plan))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    if done.returncode:
        sys.exit(f"{plan.client} failed:\n{done.stderr[-2000:]}")
    figures: Run = json.loads(done.stdout.splitlines()[-1])
    return figures


def plan_of(row: str, port: int, *, deflate: bool, turns: int) -> Plan:
    """What to measure for a row."""
    client, as_it_is = row.split()[0], row.endswith("as it is")
    return Plan(client, port, CHUNK_MS, message_ms=0 if as_it_is else CHUNK_MS, deflate=deflate, turns=turns)


def compare(rows: Sequence[str], *, deflate: bool, rounds: int, turns: int) -> dict[str, list[Run]]:
    """All runs by row. A first round, not counted, compiles and fills the caches; then everyone in every round."""
    with server() as (port, process):
        for row in rows:
            run(plan_of(row, port, deflate=deflate, turns=1), other_environment=row in OTHER_ENVIRONMENT)
        runs: dict[str, list[Run]] = {row: [] for row in rows}
        for number in range(rounds):
            for row in (*rows[number % len(rows) :], *rows[: number % len(rows)]):
                before_s = cpu_s(process)
                plan = plan_of(row, port, deflate=deflate, turns=turns)
                figures = run(plan, other_environment=row in OTHER_ENVIRONMENT)
                share = (cpu_s(process) - before_s) / figures["cpu_s"]
                runs[row].append({**figures, "server_share": share})
    return runs


def median(runs: Sequence[Run], figure: str) -> float:
    """Of one figure."""
    return statistics.median(each[figure] for each in runs)


def cell(runs: Sequence[Run], figure: str, unit: float) -> str:
    """Median, least and most, ratio to `unit`."""
    values = [each[figure] for each in runs]
    digits = 0 if max(values) >= 100 else 2
    middle = statistics.median(values)
    spread = f"{min(values):.{digits}f}-{max(values):.{digits}f}"
    return f"{middle:7.{digits}f} {spread:>11} {middle / unit:5.2f} "


def report(runs: Mapping[str, Sequence[Run]], *, deflate: bool) -> tuple[bool, bool]:
    """Print one comparison; whether it is void, whether every bar holds."""
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    compression = "permessage-deflate, the library's default" if deflate else "no compression"
    print(f"\n{compression}, messages of {CHUNK_MS} ms, unpaced; load {load}")
    print("median, least-most, ratio of the medians to google-genai's\n")
    print(f"{'':18}" + "".join(f"{label:^26}" for label in FIGURES.values()) + f"{'server':>7}")
    for row, each in runs.items():
        cells = "".join(cell(each, figure, median(runs["google"], figure)) for figure in FIGURES)
        print(f"{ROWS[row]:18}{cells}{median(each, 'server_share'):7.2f}")
    print()
    void = [row for row, each in runs.items() if median(each, "server_share") > SERVER_SHARE]
    for row in void:
        print(f"VOID: the server worked as hard as {ROWS[row].strip()}")
    held = True
    for figure, bar in (DEFLATE_BARS if deflate else BARS).items():
        bare, own, theirs = (median(runs[row], figure) for row in ("bare", "ours", "google"))
        held = held and own <= bar * theirs
        verdict = "holds" if own <= bar * theirs else "MISSED"
        line = f"bar: {FIGURES[figure]}: {own / theirs:.2f} of google-genai's, at most {bar:.2f}: {verdict}"
        if deflate:
            line += (
                f" (bare websocket {bare / theirs:.2f}; above it ours adds {own - bare:.2f}, its {theirs - bare:.2f})"
            )
        print(line)
    return bool(void), held


def chunk_lengths(rounds: int, turns: int) -> None:
    """Print what messages of 20, 40 and 100 ms cost our client, as fast as it goes and in real time."""
    lengths = (20, 40, 100)
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    print(f"\nour client, up, no compression, ms of CPU per second of audio; load {load}\nmedian, least-most\n")

    def line(label: str, plan: Plan) -> None:
        values = sorted(run(plan)["up_ms_per_s"] for _ in range(rounds))
        print(f"{label:44}{statistics.median(values):7.2f} {values[0]:6.2f}-{values[-1]:.2f}", flush=True)

    with server() as (port, _):

        def plan(client: str, chunk_ms: int, wake_ms: int) -> Plan:
            return Plan(
                client, port, chunk_ms, chunk_ms, False, turns, paced_turns=1 if wake_ms else 0, wake_ms=wake_ms
            )

        for length in lengths:
            line(f"unpaced, messages of {length} ms", plan("ours", length, 0))
        line("paced, the timer alone, every 20 ms", plan("timer", 20, 20))
        for length in lengths:
            line(f"paced, frames of 20 ms, messages of {length} ms", plan("ours", length, 20))
        for length in lengths[1:]:
            line(f"paced, the timer alone, every {length} ms", plan("timer", length, length))
            line(f"paced, frames and messages of {length} ms", plan("ours", length, length))


def main() -> None:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description="Our Live client against others, in one run.")
    parser.add_argument("--install", action="store_true", help="first make .venv-bench with livekit-agents and pipecat")
    parser.add_argument("--paced", action="store_true", help="instead: 20, 40 and 100 ms, unpaced and in real time")
    parser.add_argument("--rounds", type=int, default=7, help="fresh processes per client (default 7)")
    parser.add_argument(
        "--turns", type=int, default=20, help="measured turns of 10 s each way per process (default 20)"
    )
    arguments = parser.parse_args()
    if arguments.install:
        live_venv.install()
    if arguments.paced:
        chunk_lengths(arguments.rounds, arguments.turns)
        return
    rows = list(ROWS)
    if live_venv.installed():
        print(", ".join(f"{name} {number}" for name, number in live_venv.versions().items()))
    else:
        rows = [row for row in rows if row not in OTHER_ENVIRONMENT]
        print("livekit-agents and pipecat are left out: run with --install")
    verdicts = []
    for deflate in (False, True):
        runs = compare(rows, deflate=deflate, rounds=arguments.rounds, turns=arguments.turns)
        verdicts.append(report(runs, deflate=deflate))
    sys.exit(2 if any(void for void, _ in verdicts) else 0 if all(held for _, held in verdicts) else 1)


if __name__ == "__main__":
    main()
