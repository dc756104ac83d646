"""What sound devices there are, and whether the wanted ones open: for the command line and the start.

Synchronous, each with a deadline: PortAudio runs on a thread that is left behind when it hangs. Whether a
device takes a rate is found by opening it, without starting it (see portaudio.py for why not by asking).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import pyaudio

from satellite.audio.portaudio import Direction, PortAudio
from satellite.audio.portaudio_thread import PortAudioThread
from satellite.core.errors import AudioDeviceError
from satellite.core.pcm import CAPTURE_RATE_HZ, REPLY_RATE_HZ
from satellite.settings import AudioSettings

T = TypeVar("T")

DEADLINE_S = 10.0
"""PortAudio answers within 0.4 s without a card, within some seconds on a small board with several."""


@dataclass(frozen=True, slots=True)
class ListedDevice:
    """One line of `satellite devices`."""

    index: int
    name: str
    input_channels: int
    output_channels: int
    default_rate_hz: int
    captures_16k: bool
    """Opens as a microphone at 16 kHz, without resampling by us."""

    plays_24k: bool
    """Opens as a speaker at 24 kHz, without resampling by us."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Which devices PortAudio opens: names, or None. The default counts where the configured one does not open."""

    input_device: str | None
    output_device: str | None
    input_problem: str = ""
    """Why the configured input does not open; empty when it does."""

    output_problem: str = ""
    """Why the configured output does not open; empty when it does."""

    @property
    def has_microphone(self) -> bool:
        """Whether there is a sound card to listen with."""
        return self.input_device is not None


class _NoTap:
    """For a stream that is never started."""

    blocks = 0
    xruns = 0
    failure: Exception | None = None

    def __call__(self, pcm: bytes | None, frames: int, times: object, status: int) -> tuple[bytes | None, int]:
        return None, int(pyaudio.paAbort)

    def finish(self, padding_samples: int) -> None:
        """Nothing was begun."""


def list_devices(*, deadline_s: float = DEADLINE_S) -> list[ListedDevice]:
    """All of PortAudio's ALSA devices. Raises AudioDeviceError, also when PortAudio hangs."""
    return _with_portaudio("list the devices", _list, deadline_s)


def probe(settings: AudioSettings, *, deadline_s: float = DEADLINE_S) -> Probe:
    """Try the configured devices, then the default ones. Never raises: what hangs does not open."""
    try:
        return _with_portaudio("try the devices", lambda portaudio: _probe(portaudio, settings), deadline_s)
    except AudioDeviceError as error:
        return Probe(None, None, str(error), str(error))


def _with_portaudio(name: str, call: Callable[[PortAudio], T], deadline_s: float) -> T:
    thread = PortAudioThread()
    portaudio = PortAudio()

    def job() -> T:
        try:
            portaudio.initialise()
            return call(portaudio)
        finally:
            portaudio.terminate()

    try:
        return thread.call_within(name, job, deadline_s)
    finally:
        thread.stop()


def _list(portaudio: PortAudio) -> list[ListedDevice]:
    return [
        ListedDevice(
            index=device.index,
            name=device.name,
            input_channels=device.input_channels,
            output_channels=device.output_channels,
            default_rate_hz=device.default_rate_hz,
            captures_16k=portaudio.opens(device, Direction.INPUT, CAPTURE_RATE_HZ, _NoTap()),
            plays_24k=portaudio.opens(device, Direction.OUTPUT, REPLY_RATE_HZ, _NoTap()),
        )
        for device in portaudio.devices()
    ]


def _probe(portaudio: PortAudio, settings: AudioSettings) -> Probe:
    input_device, input_problem = _first_that_opens(
        portaudio, Direction.INPUT, settings.input_device, CAPTURE_RATE_HZ, settings.block_ms
    )
    output_device, output_problem = _first_that_opens(
        portaudio, Direction.OUTPUT, settings.output_device, REPLY_RATE_HZ, settings.block_ms
    )
    return Probe(input_device, output_device, input_problem, output_problem)


def _first_that_opens(
    portaudio: PortAudio, direction: Direction, configured: str, rate_hz: int, block_ms: int
) -> tuple[str | None, str]:
    """Name of the configured device, or else of the default one, or None; and what is wrong with the configured one."""
    problem = ""
    for wanted in dict.fromkeys((configured, "default")):
        try:
            stream = portaudio.open(direction, wanted, rate_hz, block_ms, lambda _: _NoTap())
        except AudioDeviceError as error:
            problem = problem or str(error)
        else:
            portaudio.close(stream)
            return stream.device.name, problem
    return None, problem
