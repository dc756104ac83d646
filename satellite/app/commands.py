"""The commands of the command line: each takes parsed arguments and returns an exit status."""

import argparse
import asyncio
import faulthandler
import logging
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from satellite.app import logging as log_setup
from satellite.app.config_file import effective
from satellite.app.configuration import SYSTEM_FILE, load
from satellite.app.declared_tools import declared_tools
from satellite.app.goodbye import on_goodbye
from satellite.core.errors import ConfigError, SatelliteError
from satellite.live.credentials import NO_CREDENTIALS, credentials_of, has_credentials
from satellite.live.endpoints import endpoint_of
from satellite.live.instruction import read_instruction
from satellite.live.setup_rules import check_setup
from satellite.mqtt.login import read_login
from satellite.settings import ActivityMode, ServerSettings, Settings

log = logging.getLogger(__name__)

EX_CONFIG = 78


def tell(error: Exception) -> int:
    """Print what is wrong, one line each; the exit status that says of which kind it is."""
    print("\n".join(f"satellite: {line}" for line in str(error).splitlines()), file=sys.stderr)
    return EX_CONFIG if isinstance(error, ConfigError) else 1


def check(arguments: argparse.Namespace) -> int:
    """Print the configuration in force, after all that can be checked without hardware or network."""
    settings = _settings(arguments)
    endpoint_of(settings.live)
    credentials_of(settings.live)
    check_setup(
        settings.live,
        activity_manual=settings.conversation.activity is ActivityMode.MANUAL,
        tools=declared_tools(settings.tools),
    )
    read_instruction(settings.live)
    read_login(settings.mqtt)
    _check_files(settings)
    print(effective(settings), end="")
    return 0


def _check_files(settings: Settings) -> None:
    """What the camera, the embedded server and the store would find wrong at their start. Raises ConfigError.

    Each is asked only where something is configured: a small board has neither a camera's nor the server's libraries.
    """
    if settings.video.source:
        from satellite.video.camera import Camera

        Camera(settings.video, lambda _: None, lambda _: None)  # opens nothing
    if settings.server.faults_file is not None:
        from satellite.live_server.fault_file import read_faults

        read_faults(settings.server.faults_file)
    folder = settings.store.folder
    if folder is not None and folder.exists() and not folder.is_dir():
        raise ConfigError(f"store.folder: {folder} is no folder")


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

        main = run_substituted(
            settings,
            paid=arguments.paid,
            stay=arguments.stay,
            recording=arguments.recording or Path("conversation.wav"),
        )
    else:
        main = running.run(settings)
    try:
        status = running.until_goodbye(main)
    except (SatelliteError, OSError) as error:
        status = tell(error)
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, AttributeError):  # closed, or None because it was closed at the start
            stream.flush()
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

    try:
        asyncio.run(serving())
    except OSError as error:
        raise SatelliteError(f"cannot listen on {server.host}:{server.port}: {error.strerror}") from None
    return 0


def ask(arguments: argparse.Namespace) -> int:
    """Hold one turn and print the answer."""
    settings = _settings(arguments)
    if not (arguments.substitute or settings.live.base_url or has_credentials(settings.live)):
        raise ConfigError(f"{NO_CREDENTIALS} (without any, `satellite ask --substitute` asks the embedded server)")
    log_setup.set_up("error")  # what goes wrong is told once, at the end
    from satellite.app.ask_command import run_ask

    return run_ask(arguments, settings)


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


def token(arguments: argparse.Namespace) -> int:
    """Mint an ephemeral token."""
    settings = _settings(arguments)
    from satellite.app.token_command import mint_token

    return mint_token(arguments, settings, declared_tools(settings.tools))


COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "run": run,
    "check": check,
    "serve": serve,
    "ask": ask,
    "devices": devices,
    "token": token,
}


def _settings(arguments: argparse.Namespace) -> Settings:
    file: Path | None = arguments.config
    if file is None and SYSTEM_FILE.exists():
        file = SYSTEM_FILE
    return load(file, arguments.sets, os.environ)
