"""argv -> one command. Exit statuses: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration (EX_CONFIG)."""

import argparse
import io
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from satellite.core.errors import SatelliteError

EPILOG = """\
examples:
  satellite run --config /etc/satellite/satellite.toml
  satellite run --substitute                       a conversation without sound card, key or broker
  satellite check --set gate.wake_word=alexa       what would be in force
  satellite serve --host 127.0.0.1 --port 8765     a Live server for tests and demonstrations

configuration, the first that has a value wins:
  --set section.key=value     e.g. --set gate.wake_word=alexa   (no secrets: others can read command lines)
  the environment             e.g. SATELLITE_LIVE__MODEL=...    (two underscores between section and key)
  the file                    --config, else /etc/satellite/satellite.toml where it exists
  the defaults                config/satellite.toml shows every key with its default

exit status: 0 done; 1 failed; 2 wrong usage; 78 wrong configuration
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    raw = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        prog="satellite",
        description="A voice satellite: it listens in a room, converses over a Live API session, and shows it on MQTT.",
        epilog="`satellite COMMAND --help` says more.\n\n" + EPILOG,
        formatter_class=raw,
    )
    top.add_argument("--version", action="version", version=f"satellite {version('voice-satellite')}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    configured = argparse.ArgumentParser(add_help=False)
    configured.add_argument("--config", type=Path, metavar="F", help="configuration file (TOML)")
    configured.add_argument(
        "--set", action="append", default=[], metavar="S.K=V", dest="sets", help="one value, section.key=value"
    )

    run = commands.add_parser("run", parents=[configured], help="run the satellite", epilog=EPILOG, formatter_class=raw)
    run.add_argument(
        "--substitute",
        action="store_true",
        help="replace what this machine lacks: no sound card -> a simulated room, no key -> the embedded Live "
        "server, no broker -> a mosquitto of its own. In the simulated room it holds one conversation and ends",
    )
    run.add_argument("--paid", action="store_true", help="with --substitute: use a real key in the simulated room")
    run.add_argument("--stay", action="store_true", help="with --substitute: keep running after the conversation")
    run.add_argument(
        "--recording",
        type=Path,
        metavar="F",
        help="with --substitute: where the simulated room is recorded (conversation.wav)",
    )

    commands.add_parser(
        "check",
        parents=[configured],
        help="check the configuration and print it, secrets masked",
        epilog=EPILOG,
        formatter_class=raw,
    )

    serve = commands.add_parser(
        "serve",
        parents=[configured],
        help="run the embedded Live server alone (plain ws)",
        epilog=EPILOG,
        formatter_class=raw,
    )
    serve.add_argument("--host", metavar="H", help="address to listen on (server.host)")
    serve.add_argument("--port", metavar="N", help="port to listen on (server.port); 0: any free one")

    commands.add_parser(
        "devices",
        help="list the sound devices, by the names that the configuration takes",
        description="Lists the sound devices by name, with their channels and rate. Name one, or a unique part of its "
        "name, in audio.input_device and audio.output_device. “resampled”: it does not take our rate by itself.",
    )
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """The command's exit status."""
    arguments = parser().parse_args(argv)
    if arguments.command == "run" and not arguments.substitute:
        alone = [name for name in ("paid", "stay", "recording") if getattr(arguments, name)]
        if alone:
            print(f"satellite run: --{alone[0]} goes with --substitute", file=sys.stderr)
            return 2
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None where it was closed before the start
            stream.reconfigure(errors="replace")
    # each command imports what it needs: `--help` and `check` need no sound and no network
    from satellite.app.commands import COMMANDS, tell

    try:
        return COMMANDS[arguments.command](arguments)
    except (SatelliteError, OSError) as error:
        return tell(error)


if __name__ == "__main__":
    sys.exit(main())
