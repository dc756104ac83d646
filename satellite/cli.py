"""argv -> one command.

Exit statuses: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration (EX_CONFIG), 130 interrupted (128 + SIGINT).
"""

import argparse
import io
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from satellite.core.errors import SatelliteError

EX_INTERRUPTED = 130
"""128 + SIGINT, as shells count."""

EPILOG = """\
examples:
  satellite run --config /etc/satellite/satellite.toml
  satellite run --substitute                       a conversation without sound card, key or broker
  satellite check --set gate.wake_word=alexa       what would be in force
  satellite serve --host 127.0.0.1 --port 8765     a Live server for tests and demonstrations
  satellite ask --substitute "what time is it"     one turn, without a room
  satellite token mint --expires-in 3600           a token for a device that is not to hold the key

configuration, the first that has a value wins:
  --set section.key=value     e.g. --set gate.wake_word=alexa   (no secrets: others can read command lines)
  the environment             e.g. SATELLITE_LIVE__MODEL=...    (two underscores between section and key)
  the file                    --config, else /etc/satellite/satellite.toml where it exists
  the defaults                config/satellite.toml shows every key with its default

exit status: 0 done; 1 failed; 2 wrong usage; 78 wrong configuration
"""

ASK_EPILOG = """\
examples:
  satellite ask "what is the capital of France"                text in, text out
  satellite ask "tell me a story" --out story.wav              text in, sound out (and its text)
  satellite ask --audio question.wav                           sound in, text out
  satellite ask --audio question.wav --out answer.wav --json   sound in, sound out, and all about it
  satellite ask "what do you see" --picture door.jpg           about a picture
  satellite ask "and in France?" --history turns.json          after what was said before, by user and model
  echo "what time is it" | satellite ask - --quiet

A model that can write answers in text unless --out asks for sound; the others speak, and their transcript is printed.

exit status: 0 answered; 1 no answer (standard error says why); 2 wrong usage; 78 wrong configuration
"""

TOKEN_EPILOG = """\
examples:
  satellite token mint                                  one session, to be started within a minute
  satellite token mint --uses 0 --expires-in 36000 --start-within 36000
                                                        any number of sessions for ten hours
  satellite token mint --lock --set live.voice=Kore     for the configured setup and no other
  satellite token mint --lock-field temperature         the configured setup, and nobody sets a temperature

on the device, any of
  SATELLITE_LIVE__TOKEN__VALUE=auth_tokens/...
  [live.token]
  url = "https://tokens.example.org/satellite"          a POST for each session, JSON with `name` or `token`
  command = ["ssh", "tokens@server", "satellite", "token", "mint"]

The key comes from SATELLITE_LIVE__API_KEY or live.api_key_file. Resuming a session costs no use.
--lock freezes {date} and {time} of live.system_instruction at what they are when the token is minted.
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
    _add_ask(commands, configured)
    _add_token(commands, configured)
    return top


def _add_ask(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", configured: argparse.ArgumentParser
) -> None:
    ask = commands.add_parser(
        "ask",
        parents=[configured],
        help="hold one turn from the shell: text or sound in, text or sound out",
        description="Asks once and prints the answer: the text on standard output, what happens on standard error.",
        epilog=ASK_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    ask.add_argument("text", nargs="?", metavar="TEXT", help="what to ask; -: standard input")
    ask.add_argument("--audio", type=Path, metavar="F", help="ask with a recording: WAV, 16 bit, any rate")
    ask.add_argument("--picture", type=Path, metavar="F", help="what it is about: a JPEG")
    ask.add_argument(
        "--history", type=Path, metavar="F", help='what was said before: JSON, [{"role": "user", "text": ""}]'
    )
    ask.add_argument("--out", type=Path, metavar="F", help="where the spoken answer goes: WAV, 24 kHz mono 16 bit")
    ask.add_argument("--json", action="store_true", help="print all that came back, as one line of JSON")
    ask.add_argument("--quiet", action="store_true", help="no progress on standard error")
    ask.add_argument("--substitute", action="store_true", help="ask the embedded server: no key, nothing to pay")


def _add_token(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", configured: argparse.ArgumentParser
) -> None:
    raw = argparse.RawDescriptionHelpFormatter
    token = commands.add_parser(
        "token", help="ephemeral tokens: devices without the key", epilog=TOKEN_EPILOG, formatter_class=raw
    )
    mint = token.add_subparsers(dest="action", metavar="ACTION", required=True).add_parser(
        "mint",
        parents=[configured],
        help="mint one and print it",
        description="Mints an ephemeral token with the configured key and prints it, and nothing else.",
        epilog=TOKEN_EPILOG,
        formatter_class=raw,
    )
    mint.add_argument("--uses", type=int, default=1, metavar="N", help="sessions it may start (1); 0: any number")
    mint.add_argument("--expires-in", type=int, metavar="S", help="its life in seconds, less than 20 h (30 min)")
    mint.add_argument("--start-within", type=int, metavar="S", help="when sessions may start, likewise (60 s)")
    locks = mint.add_mutually_exclusive_group()
    locks.add_argument(
        "--lock", action="store_true", help="lock it to the configured setup: what the device asks for is ignored"
    )
    locks.add_argument(
        "--lock-field",
        nargs="*",
        action="extend",
        metavar="NAME",
        help="lock only what the configured setup holds, and these fields besides",
    )
    mint.add_argument("--json", action="store_true", help="print JSON: the token with its limits")


def main(argv: Sequence[str] | None = None) -> int:
    """The command's exit status; Ctrl-C ends any command without a traceback."""
    try:
        return _run_command(parser().parse_args(argv))
    except KeyboardInterrupt:
        print("satellite: interrupted", file=sys.stderr)
        return EX_INTERRUPTED


def _run_command(arguments: argparse.Namespace) -> int:
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
    except KeyboardInterrupt:
        print("satellite: interrupted", file=sys.stderr)
        return 130  # as a shell reports SIGINT


if __name__ == "__main__":
    sys.exit(main())
