"""The sound card: opened, watched, healed.

Two tasks on the loop. One looks at both directions every WATCH_S and judges them; the other makes the calls that
heal them, one after the other, on PortAudio's own thread. A lost direction is closed and opened again by itself,
while the other goes on. Only a new device list needs all streams closed (PortAudio keeps its list until the last
terminate): it is made at once when nothing runs, and at the price of a short gap in the healthy direction when
the set of cards has changed, or every `rescan_s`; never while something is being played.
"""

import asyncio
import logging
from pathlib import Path

from satellite.audio.capture import CaptureBuffer
from satellite.audio.device import AudioActivity, DeviceReports
from satellite.audio.playback import PlaybackBuffer
from satellite.audio.portaudio import Direction, PortAudio, Tap
from satellite.audio.portaudio_thread import PortAudioThread
from satellite.audio.side import Side, SideState
from satellite.audio.taps import InputTap, OutputTap
from satellite.core.errors import AudioDeviceError
from satellite.core.pcm import CAPTURE_RATE_HZ, REPLY_RATE_HZ
from satellite.settings import AudioSettings

_LOG = logging.getLogger(__name__)

WATCH_S = 0.1
"""How often both directions are looked at."""

STOP_S = 1.0
"""Deadline of the stop: a close that hangs is left to its thread, which dies with the process."""


class SoundCard:
    """PortAudio behind the AudioDevice interface. Its methods on the loop; taps on PortAudio's threads."""

    def __init__(
        self,
        settings: AudioSettings,
        capture: CaptureBuffer,
        playback: PlaybackBuffer,
        reports: DeviceReports,
        *,
        rescan_s: float = 300.0,
    ) -> None:
        """`rescan_s`: see the module. Opens nothing."""
        self._settings = settings
        self._capture = capture
        self._playback = playback
        self._rescan_s = rescan_s
        self._retry_returned = reports.retry_returned
        self._thread = PortAudioThread()
        self._portaudio = PortAudio()
        self._initialised_at_s = 0.0
        self._cards = ""
        self._heal = asyncio.Event()
        stall_s = settings.stall_ms / 1000
        self._input = Side(Direction.INPUT, settings.input_device, CAPTURE_RATE_HZ, stall_s, settings.retry_max_s)
        self._output = Side(Direction.OUTPUT, settings.output_device, REPLY_RATE_HZ, stall_s, settings.retry_max_s)
        self._sides = (self._input, self._output)
        self._report_found = {
            Direction.INPUT: reports.microphone_found,
            Direction.OUTPUT: reports.speaker_found,
        }
        self._report_lost = {
            Direction.INPUT: reports.microphone_lost,
            Direction.OUTPUT: reports.speaker_lost,
        }

    @property
    def last_activity(self) -> AudioActivity:
        """What the watchdog is fed from."""
        call = self._thread.in_progress
        block_at_s = self._input.last_block_at_s
        return AudioActivity(
            input_block_age_s=None if block_at_s is None else asyncio.get_running_loop().time() - block_at_s,
            microphone_lost=self._input.reported_found is False,
            call_in_progress_s=None if call is None else call[1],
            call_name="" if call is None else call[0],
        )

    @property
    def overruns(self) -> int:
        """Overruns of the microphone that the card has reported since the start."""
        return self._input.xruns

    @property
    def device_underruns(self) -> int:
        """Underruns of the speaker that the card has reported since the start."""
        return self._output.xruns

    async def run(self) -> None:
        """Open, watch and heal until cancelled; then drain and close within STOP_S."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch(), name="sound card watch")
                tasks.create_task(self._heal_when_due(), name="sound card heal")
        finally:
            await self._stop()

    # ------------------------------------------------------------ watching

    async def _watch(self) -> None:
        """Look at both directions, report what has changed, and wake the healing."""
        now = asyncio.get_running_loop().time
        while True:
            for side in self._sides:
                self._look_at(side, now())
                if side.due(now()):
                    self._heal.set()
            await asyncio.sleep(WATCH_S)

    def _look_at(self, side: Side, now_s: float) -> None:
        stream = side.stream
        if stream is None or side.state is SideState.LOST:
            return
        reason = side.look(now_s)
        if reason is not None:
            side.lose(now_s)
            self._lost(side, f"{side.direction} device {stream.device.name!r}: {reason}")
        elif side.found(now_s):
            if side.reported_found is True:
                return
            side.reported_found = True
            _LOG.info(
                "%s device %r runs at %d Hz, %d ms of latency",
                side.direction,
                stream.device.name,
                stream.rate_hz,
                stream.latency_samples * 1000 // stream.rate_hz,
            )
            self._report_found[side.direction]()

    def _lost(self, side: Side, reason: str) -> None:
        """Report and log a loss, once until it is found again."""
        if side.reported_found is False:
            _LOG.debug("%s", reason)
            return
        side.reported_found = False
        _LOG.warning("%s", reason)
        self._report_lost[side.direction](reason)

    # ------------------------------------------------------------ healing

    async def _heal_when_due(self) -> None:
        while True:
            await self._heal.wait()
            self._heal.clear()
            await self._attempt()

    async def _attempt(self) -> None:
        """Close what is lost and try to open what is due; one round."""
        now = asyncio.get_running_loop().time
        for side in self._sides:
            if side.state is SideState.LOST and side.stream is not None:
                await self._close(side)
        # One that was lost just now, while the other was being closed, has its turn in the next round.
        due = [side for side in self._sides if side.stream is None and side.due(now())]
        if not due:
            return
        try:
            if self._needs_new_list():
                await self._make_new_list()
                due = [side for side in self._sides if side.stream is None]
        except AudioDeviceError as error:
            for side in due:
                side.fail(now())
                self._lost(side, str(error))
        else:
            for side in due:
                await self._open(side)
        if all(side.stream is None for side in self._sides):
            # The next attempt makes a new list; until then this one is of no use.
            await self._thread.call("terminate", self._portaudio.terminate)
        self._retry_returned()

    def _needs_new_list(self) -> bool:
        """Whether to make the device list anew before this attempt."""
        if not self._portaudio.initialised:
            return True
        if self._output.stream is not None and not self._playback.idle:
            return False
        old_s = asyncio.get_running_loop().time() - self._initialised_at_s
        return old_s >= self._rescan_s or _present_cards() != self._cards

    async def _make_new_list(self) -> None:
        """Close whatever runs and initialise again."""
        for side in self._sides:
            if side.stream is not None:
                side.reopen(asyncio.get_running_loop().time())
                await self._close(side)
        self._cards = _present_cards()
        await self._thread.call("initialise", self._portaudio.initialise)
        self._initialised_at_s = asyncio.get_running_loop().time()

    async def _open(self, side: Side) -> None:
        """Try to open and start one direction; its buffer is configured in between."""
        now = asyncio.get_running_loop().time

        def tap_for(channels: int) -> Tap:
            if side.direction is Direction.INPUT:
                return InputTap(self._capture, channels)
            return OutputTap(self._playback, channels)

        try:
            stream = await self._thread.call(
                f"open {side.direction}",
                lambda: self._portaudio.open(
                    side.direction, side.wanted, side.rate_hz, self._settings.block_ms, tap_for
                ),
            )
            if side.direction is Direction.INPUT:
                self._capture.configure(stream.rate_hz)
            else:
                self._playback.configure(stream.rate_hz, stream.latency_samples)
            await self._thread.call(f"start {side.direction}", lambda: self._portaudio.start(stream))
        except AudioDeviceError as error:
            side.fail(now())
            self._lost(side, str(error))
        else:
            side.opened(stream, now())

    async def _close(self, side: Side) -> None:
        """Close its stream; may hang, and then hangs alone."""
        stream = side.detach()
        if stream is not None:
            await self._thread.call(f"close {side.direction}", lambda: self._portaudio.close(stream))

    # ------------------------------------------------------------ stopping

    async def _stop(self) -> None:
        """Drop what has not been played, close, and give up on what hangs."""
        self._playback.flush()
        for side in self._sides:
            side.detach()
        terminated = asyncio.wrap_future(self._thread.submit("terminate", self._portaudio.terminate))
        self._thread.stop()
        done, _ = await asyncio.wait([terminated], timeout=STOP_S)
        if not done:
            terminated.cancel()
            _LOG.warning("the sound card does not close: left to the end of the process")


def _present_cards() -> str:
    """What cards the kernel knows now; empty where there is no ALSA in it."""
    try:
        return Path("/proc/asound/cards").read_text()
    except OSError:
        return ""
