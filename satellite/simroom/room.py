"""The room as a sound card: its loudspeaker pulls what is to be played, its microphone hears everything.

For whoever edits this: one clock paces it all, the loop's, so it runs in real time on an ordinary loop and in
simulated time on a simulated one. Microphone, loudspeaker and recording count the same samples (16 kHz).
"""

import asyncio

from satellite.audio.capture import CaptureBuffer
from satellite.audio.device import AudioActivity, DeviceReports
from satellite.audio.playback import PlaybackBuffer
from satellite.core import pcm
from satellite.simroom.acoustics import (
    Filter,
    PinkNoise,
    Signal,
    gain_of,
    impulse_response,
    level_dbfs,
    to_pcm,
    to_signal,
)
from satellite.simroom.people import SPEECH_DBFS
from satellite.simroom.recording import Recorder

LOUDSPEAKER_DBFS = -24.0
"""Active level, at the card, of the reply at which the echo has the named level: flite's rms at the default volume.

A louder reply has a louder echo, as in any room.
"""

AUDIBLE_DBFS = -50.0
"""From here a person notices that the loudspeaker sounds."""

PAUSE_MS = 600
"""A loudspeaker that is silent for less than this goes on speaking, to a person's ear."""

RETRY_MS = 1000
"""How often a missing device is looked for."""


class Room:
    """Implements satellite.audio.device.AudioDevice. Everything on the loop, one thread.

    run() drives it; speak() and the unplugging verbs are for scripts and tests, at any time.
    """

    def __init__(
        self,
        capture: CaptureBuffer,
        playback: PlaybackBuffer,
        reports: DeviceReports,
        *,
        ser_db: float = 9.0,
        noise_dbfs: float = -60.0,
        echo_delay_ms: float = 60.0,
        echo_decay_ms: float = 150.0,
        output_latency_ms: int = 20,
        block_ms: int = 20,
        recorder: Recorder | None = None,
    ) -> None:
        """`ser_db`: how much louder people (SPEECH_DBFS) are at the microphone than a reply of LOUDSPEAKER_DBFS.

        `echo_delay_ms`: from pulling a sample to hearing it, `output_latency_ms` of it inside the card.
        """
        self._capture = capture
        self._playback = playback
        self._reports = reports
        self._recorder = recorder
        self._block_ms = block_ms
        self._block_samples = pcm.samples_of_ms(block_ms)
        self._latency_samples = pcm.samples_of_ms(output_latency_ms)
        self._echo = Filter(impulse_response(delay_ms=echo_delay_ms, decay_ms=echo_decay_ms))
        self._echo_gain = gain_of(SPEECH_DBFS - ser_db - LOUDSPEAKER_DBFS)
        self._noise = PinkNoise(noise_dbfs)
        self._in_card = pcm.silence(self._latency_samples)
        self._speaking: list[tuple[Signal, asyncio.Future[int]]] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._microphone_there = True
        self._speaker_there = True
        self._microphone_found = False
        self._speaker_found = False
        self._block_at_s: float | None = None
        self._retry_at_sample = 0
        self._sample = 0
        self._sounds_from: int | None = None
        self._sounded_to = 0

    @property
    def sample(self) -> int:
        """Samples since the room began: the clock of microphone, loudspeaker and recording."""
        return self._sample

    @property
    def loudspeaker_sounding_ms(self) -> int:
        """For how long the loudspeaker has been speaking without a pause of PAUSE_MS; 0 while it is silent."""
        return 0 if self._sounds_from is None else int(pcm.ms_of_samples(self._sounded_to - self._sounds_from))

    @property
    def last_activity(self) -> AudioActivity:
        """How alive the microphone is. To be asked on the loop."""
        age_s = None if self._block_at_s is None else asyncio.get_running_loop().time() - self._block_at_s
        return AudioActivity(
            input_block_age_s=age_s, microphone_lost=not self._microphone_there, call_in_progress_s=None
        )

    async def run(self) -> None:
        """Let time pass in the room until cancelled. Late by any amount it catches up, block by block."""
        loop = asyncio.get_running_loop()
        began_at_s = loop.time()
        began_sample = self._sample
        self._capture.configure(pcm.CAPTURE_RATE_HZ)
        self._playback.configure(pcm.CAPTURE_RATE_HZ, self._latency_samples)
        while True:
            due_s = (self._sample + self._block_samples - began_sample) / pcm.CAPTURE_RATE_HZ
            await asyncio.sleep(max(0.0, began_at_s + due_s - loop.time()))
            self._pass_block()

    def speak(self, pcm16k: bytes) -> asyncio.Future[int]:
        """Someone starts to speak now: 16 kHz s16le mono. The future is the room's sample at the end."""
        end: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._speaking.append((to_signal(pcm16k), end))
        return end

    async def next_block(self) -> int:
        """Wait until the room has moved on by a block; its sample then."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        await waiter
        return self._sample

    def unplug_microphone(self, reason: str = "unplugged") -> None:
        """The microphone delivers nothing from now on."""
        if self._microphone_there:
            self._microphone_there = self._microphone_found = False
            self._block_at_s = None
            self._await_retry()
            self._reports.microphone_lost(reason)

    def plug_in_microphone(self) -> None:
        """The microphone is there again, and is found with its next block."""
        if not self._microphone_there:
            self._microphone_there = True
            self._capture.configure(pcm.CAPTURE_RATE_HZ)
            self._reports.retry_returned()

    def unplug_speaker(self, reason: str = "unplugged") -> None:
        """The loudspeaker takes nothing from now on; what was inside the card is lost."""
        if self._speaker_there:
            self._speaker_there = self._speaker_found = False
            self._in_card = pcm.silence(self._latency_samples)
            self._await_retry()
            self._reports.speaker_lost(reason)

    def plug_in_speaker(self) -> None:
        """The loudspeaker is there again, and is found with the next block it takes."""
        if not self._speaker_there:
            self._speaker_there = True
            self._playback.configure(pcm.CAPTURE_RATE_HZ, self._latency_samples)
            self._reports.retry_returned()

    def _await_retry(self) -> None:
        self._retry_at_sample = self._sample + pcm.samples_of_ms(RETRY_MS)

    def _pass_block(self) -> None:
        """One block of time: the loudspeaker's samples out, the microphone's in."""
        pulled = self._pull()
        echo = self._echo.process(to_signal(pulled)) * self._echo_gain
        noise = self._noise.next_block(self._block_samples)
        heard = to_pcm(echo + noise + self._people())
        self._in_card += pulled
        played, self._in_card = self._in_card[: len(pulled)], self._in_card[len(pulled) :]
        self._sample += self._block_samples
        self._notice_loudspeaker(played)
        self._deliver(heard)
        if self._recorder is not None:
            self._recorder.write(heard if self._microphone_there else bytes(len(heard)), played)
        if not (self._microphone_there and self._speaker_there) and self._sample >= self._retry_at_sample:
            self._await_retry()
            self._reports.retry_returned()
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

    def _pull(self) -> bytes:
        """What the loudspeaker takes for this block; silence while it is unplugged."""
        if not self._speaker_there:
            return pcm.silence(self._block_samples)
        pulled = self._playback.pull(self._block_samples)
        if not self._speaker_found:
            self._speaker_found = True
            self._reports.speaker_found()
        return pulled

    def _deliver(self, heard: bytes) -> None:
        """What the microphone hands over, while it is plugged in."""
        if not self._microphone_there:
            return
        self._capture.put(heard)
        self._block_at_s = asyncio.get_running_loop().time()
        if not self._microphone_found:
            self._microphone_found = True
            self._reports.microphone_found()

    def _people(self) -> Signal:
        """What everyone who speaks contributes to this block."""
        samples = self._block_samples
        mixed = to_signal(pcm.silence(samples))
        going_on: list[tuple[Signal, asyncio.Future[int]]] = []
        for speech, end in self._speaking:
            said = speech[:samples]
            mixed[: said.size] += said
            if speech.size > samples:
                going_on.append((speech[samples:], end))
            elif not end.done():
                end.set_result(self._sample + said.size)
        self._speaking = going_on
        return mixed

    def _notice_loudspeaker(self, played: bytes) -> None:
        """Notice whether the loudspeaker sounds, as a person would."""
        if level_dbfs(to_signal(played)) >= AUDIBLE_DBFS:
            if self._sounds_from is None:
                self._sounds_from = self._sample - pcm.samples_in(played)
            self._sounded_to = self._sample
        elif self._sample - self._sounded_to >= pcm.samples_of_ms(PAUSE_MS):
            self._sounds_from = None
