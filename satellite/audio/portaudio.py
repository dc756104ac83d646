"""PortAudio's blocking calls, through PyAudio. Nothing here decides when; it is called on its own thread.

What PyAudio and PortAudio's ALSA side demand (read in their sources; the faults were provoked):
- is_format_supported keeps the interpreter's lock while it opens the device: with a hung sound server it stops the
  whole process. Opening a stream releases it. So a device is asked by opening it.
- Closing a stream that still calls back cancels the callback's thread, which may then be waiting for the interpreter's
  lock: it would never be released again. So its tap is asked to finish first, and the stream is closed
  when it has become inactive, or when the callbacks have evidently stopped coming.
- A callback that raises throws its exception into an unrelated thread. So taps never raise.
- The device list is made at initialise and stays until the last terminate.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import pyaudio

from satellite.core.errors import AudioDeviceError

_CHANNELS = (1, 2)
"""Mono preferred; PortAudio lets a card that only knows two take one in most cases, else both are opened."""


FINISH_S = 0.3
"""How long a stream may take to end, beyond the silence it is padded with: some blocks and to spare."""


class Direction(StrEnum):
    """Which way the sound goes."""

    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class CardDevice:
    """A device as PortAudio lists it."""

    index: int
    name: str
    input_channels: int
    output_channels: int
    default_rate_hz: int

    def channels(self, direction: Direction) -> int:
        """Channels in that direction; 0 when it has none."""
        return self.input_channels if direction is Direction.INPUT else self.output_channels


class Tap(Protocol):
    """What a stream calls back. `finish` is called on PortAudio's thread; the counts are read on the loop."""

    blocks: int
    """Blocks that went through."""

    xruns: int
    """Overruns or underruns the card has reported."""

    failure: Exception | None
    """What ended the stream from within."""

    def __call__(self, pcm: bytes | None, frames: int, times: object, status: int) -> tuple[bytes | None, int]:
        """One block: samples in, or samples out, and what is to come next. Never raises, never waits."""

    def finish(self, padding_samples: int) -> None:
        """End the stream, at its next blocks, after so much silence."""


@dataclass(eq=False)
class OpenStream:
    """A stream that was opened. Only the thread that opened it closes it."""

    direction: Direction
    stream: Any
    tap: Tap
    device: CardDevice
    rate_hz: int
    channels: int
    latency_samples: int

    @property
    def active(self) -> bool:
        """Whether PortAudio considers it running. Never blocks; not to be asked by others while it is being closed."""
        try:
            return bool(self.stream.is_active())
        except OSError:
            return False


def choose_device(devices: Sequence[CardDevice], direction: Direction, wanted: str, default: int | None) -> CardDevice:
    """The device called `wanted`, or whose name alone contains it; raises AudioDeviceError with the choice there is.

    "default" is ALSA's device of that name, or the one PortAudio takes for it (`default`: its index).
    """
    usable = [device for device in devices if device.channels(direction) > 0]
    exact = [device for device in usable if device.name == wanted]
    if exact:
        return exact[0]
    if wanted == "default":
        chosen = [device for device in usable if device.index == default] or usable[:1]
        if chosen:
            return chosen[0]
        raise AudioDeviceError(f"there is no {direction} device")
    partial = [device for device in usable if wanted.casefold() in device.name.casefold()]
    if len(partial) == 1:
        return partial[0]
    names = ", ".join(repr(device.name) for device in (partial or usable)) or "none"
    problem = "is the name of several" if partial else "is not there"
    raise AudioDeviceError(f"{direction} device {wanted!r} {problem}; there are: {names}")


class PortAudio:
    """One initialised PortAudio, and the streams it has open. Every method blocks: on its own thread only."""

    def __init__(self) -> None:
        self._pyaudio: pyaudio.PyAudio | None = None
        self._streams: list[OpenStream] = []

    @property
    def initialised(self) -> bool:
        """Whether there is a device list."""
        return self._pyaudio is not None

    def initialise(self) -> None:
        """Make the device list anew; all streams must be closed. Raises AudioDeviceError."""
        self.terminate()
        try:
            self._pyaudio = pyaudio.PyAudio()
        except OSError as error:
            raise AudioDeviceError(f"PortAudio does not start: {_text(error)}") from error

    def terminate(self) -> None:
        """Close everything and forget the device list."""
        self._close(list(self._streams))
        if self._pyaudio is not None:
            terminated, self._pyaudio = self._pyaudio, None
            terminated.terminate()

    def devices(self) -> list[CardDevice]:
        """ALSA's devices, in PortAudio's order."""
        portaudio = self._require()
        listed = []
        for index in range(portaudio.get_device_count()):
            info = portaudio.get_device_info_by_index(index)
            if portaudio.get_host_api_info_by_index(info["hostApi"])["type"] == pyaudio.paALSA:
                listed.append(
                    CardDevice(
                        index=index,
                        name=str(info["name"]),
                        input_channels=int(info["maxInputChannels"]),
                        output_channels=int(info["maxOutputChannels"]),
                        default_rate_hz=int(info["defaultSampleRate"]),
                    )
                )
        return listed

    def find(self, direction: Direction, wanted: str) -> CardDevice:
        """As choose_device, in the list there is."""
        portaudio = self._require()
        if direction is Direction.INPUT:
            default_info = portaudio.get_default_input_device_info
        else:
            default_info = portaudio.get_default_output_device_info
        try:
            default = int(default_info()["index"])
        except OSError:
            default = None
        return choose_device(self.devices(), direction, wanted, default)

    def opens(self, device: CardDevice, direction: Direction, rate_hz: int, tap: Tap) -> bool:
        """Whether it opens in that direction at that very rate; it is closed again, and was not started."""
        for channels in _CHANNELS[: device.channels(direction)]:
            try:
                self.close(self._open(direction, device, rate_hz, channels, rate_hz // 50, lambda _: tap))
            except OSError:
                continue
            return True
        return False

    def open(
        self,
        direction: Direction,
        wanted: str,
        rate_hz: int,
        block_ms: int,
        tap_for: Callable[[int], Tap],
    ) -> OpenStream:
        """Open at `rate_hz`, or else at the card's own rate, with `tap_for(channels)`; not started yet.

        Raises AudioDeviceError with what PortAudio says of the first try.
        """
        device = self.find(direction, wanted)
        failure = ""
        for rate in dict.fromkeys((rate_hz, device.default_rate_hz)):
            for channels in _CHANNELS[: device.channels(direction)]:
                try:
                    return self._open(direction, device, rate, channels, rate * block_ms // 1000, tap_for)
                except OSError as error:
                    failure = failure or _text(error)
        raise AudioDeviceError(f"{direction} device {device.name!r} does not open: {failure}")

    def start(self, stream: OpenStream) -> None:
        """Let it call back. Raises AudioDeviceError; the stream is closed then."""
        try:
            stream.stream.start_stream()
        except OSError as error:
            self.close(stream)
            raise AudioDeviceError(f"device {stream.device.name!r} does not start: {_text(error)}") from error

    def close(self, stream: OpenStream) -> None:
        """Let the card play out what it holds, and close. Blocks for as long as the sound server hangs."""
        self._close([stream])

    def _close(self, streams: Sequence[OpenStream]) -> None:
        streams = [stream for stream in streams if stream in self._streams]
        deadline_s = time.monotonic() + FINISH_S
        for stream in streams:
            padding_samples = stream.latency_samples if stream.direction is Direction.OUTPUT else 0
            stream.tap.finish(padding_samples)
            deadline_s = max(deadline_s, time.monotonic() + FINISH_S + padding_samples / stream.rate_hz)
        while any(stream.active for stream in streams) and time.monotonic() < deadline_s:
            time.sleep(FINISH_S / 30)  # PortAudio tells nobody when a stream has run out
        for stream in streams:
            self._streams.remove(stream)
            stream.stream.close()

    def _open(
        self,
        direction: Direction,
        device: CardDevice,
        rate_hz: int,
        channels: int,
        block_samples: int,
        tap_for: Callable[[int], Tap],
    ) -> OpenStream:
        is_input = direction is Direction.INPUT
        tap = tap_for(channels)
        stream = self._require().open(
            rate=rate_hz,
            channels=channels,
            format=pyaudio.paInt16,
            input=is_input,
            output=not is_input,
            input_device_index=device.index if is_input else None,
            output_device_index=None if is_input else device.index,
            frames_per_buffer=block_samples,
            start=False,
            stream_callback=tap,
        )
        latency_s = stream.get_input_latency() if is_input else stream.get_output_latency()
        opened = OpenStream(direction, stream, tap, device, rate_hz, channels, round(latency_s * rate_hz))
        self._streams.append(opened)
        return opened

    def _require(self) -> pyaudio.PyAudio:
        if self._pyaudio is None:
            raise AudioDeviceError("PortAudio is not initialised")
        return self._pyaudio


def _text(error: OSError) -> str:
    """What PortAudio says, with its number."""
    return f"{error.strerror or error} ({error.errno})" if error.errno else str(error)
