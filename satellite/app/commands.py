"""The commands of the command line: each takes parsed arguments and returns an exit status."""

import argparse
import asyncio
import faulthandler
import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from satellite.app import logging as log_setup
from satellite.app.config_file import effective
from satellite.app.configuration import SYSTEM_FILE, load
from satellite.app.goodbye import on_goodbye
from satellite.core.errors import ConfigError
from satellite.live.endpoints import developer_endpoint
from satellite.mqtt.login import read_login
from satellite.settings import ServerSettings, Settings

log = logging.getLogger(__name__)


def check(arguments: argparse.Namespace) -> int:
    """Print the configuration in force, after all that can be checked without hardware or network."""
    settings = _settings(arguments)
    developer_endpoint(settings.live)
    read_login(settings.mqtt)
    print(effective(settings), end="")
    return 0


def run(arguments: argparse.Namespace) -> int:
    """Run the satellite until SIGTERM or SIGINT."""
    settings = _settings(arguments)
    # with --substitute the terminal shows the conversation; the journal's lines would only interrupt it
    quiet = arguments.substitute and settings.satellite.log_level == "info"
    log_setup.set_up("warning" if quiet else settings.satellite.log_level)
    faulthandler.enable()  # systemd's watchdog ends what hangs with SIGABRT: the journal shows where it hung
    # a wrong configuration is refused before anything heavy is imported
    from satellite.app import running

    if arguments.substitute:
        from satellite.app.demonstration import run_substituted

        main = run_substituted(settings, paid=arguments.paid, stay=arguments.stay, recording=arguments.recording)
    else:
        main = running.run(settings)
    status = running.until_goodbye(main)
    logging.shutdown()
    sys.stdout.flush()
    # an audio call that hangs keeps its thread for ever: nothing is left to be done, so do not wait for it
    os._exit(status)


def serve(arguments: argparse.Namespace) -> int:
    """Run the embedded Live server until SIGTERM or SIGINT."""
    settings = _settings(arguments)
    log_setup.set_up(settings.satellite.log_level)
    given = {name: value for name in ("host", "port") if (value := getattr(arguments, name)) is not None}
    try:
        server = ServerSettings.model_validate(settings.server.model_dump() | given)
    except ValueError:
        raise ConfigError(f"--port: expected a number from 0 to 65535, got {arguments.port!r}") from None

    from satellite.live_server.server import serve as serve_live

    async def serving() -> None:
        task = asyncio.create_task(serve_live(server))
        loop = asyncio.get_running_loop()
        with on_goodbye(lambda: loop.call_soon_threadsafe(task.cancel)):
            await asyncio.wait([task])
        if not task.cancelled():
            task.result()

    asyncio.run(serving())
    return 0


def devices(_: argparse.Namespace) -> int:
    """List the sound devices."""
    from satellite.audio.devices import list_devices

    found = list_devices()
    for device in found:
        roles = [
            f"{count} {role}{'' if direct else ' (resampled)'}"
            for count, role, direct in (
                (device.input_channels, "in", device.captures_16k),
                (device.output_channels, "out", device.plays_24k),
            )
            if count
        ]
        print(f"{device.name:40} {', '.join(roles):32} {device.default_rate_hz} Hz")
    if not found:
        print("no sound devices (PortAudio sees none)", file=sys.stderr)
    return 0 if found else 1


COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "run": run,
    "check": check,
    "serve": serve,
    "devices": devices,
}


def _settings(arguments: argparse.Namespace) -> Settings:
    file: Path | None = arguments.config
    if file is None and SYSTEM_FILE.exists():
        file = SYSTEM_FILE
    return load(file, arguments.sets, os.environ)
