"""The daemon: builds the parts, wires events to the core and commands to the edges, and takes them down again.

Nothing is decided here. To give a command an edge, add its line to `_edges`; to bring in an event, post it.
"""

import asyncio
import functools
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from satellite.app.announcer import Announcer, Speaks
from satellite.app.configuration import policy_of
from satellite.app.diary import Diary
from satellite.app.dispatch import Dispatcher, Observer
from satellite.app.health import Health
from satellite.app.notify import Notifier
from satellite.audio.capture import CaptureBuffer
from satellite.audio.capture_path import CapturePath
from satellite.audio.device import AudioDevice, DeviceReports
from satellite.audio.playback import PlaybackBuffer
from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.conversation import Conversation
from satellite.core.dialogue import Dialogue
from satellite.gate.gate import Gate
from satellite.live.instruction import fill, read_instruction
from satellite.live.link import LiveLink
from satellite.mqtt.client import MqttClient
from satellite.settings import ActivityMode, Settings
from satellite.speech.earcons import earcon
from satellite.speech.voice import Voice
from satellite.tools.builtin import builtin_tools
from satellite.tools.functions import configured_functions
from satellite.tools.registry import ToolRegistry
from satellite.tools.runner import ToolRunner
from satellite.video.camera import Camera

log = logging.getLogger(__name__)

DeviceFactory = Callable[[CaptureBuffer, PlaybackBuffer, DeviceReports], AudioDevice]

GOODBYE_S = 1.5
"""Everything that has to end has this long; systemd and the user are told that 2 s are enough."""

BROKER_GOODBYE_S = 1.0
"""Of which the broker gets at most this much."""


class Daemon:
    """One satellite. Made, started and stopped on the loop that runs it."""

    def __init__(
        self,
        settings: Settings,
        make_device: DeviceFactory,
        *,
        voice: Speaks | None = None,
        jitter: Callable[[], float] = random.random,
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
        notifier: Notifier | None = None,
    ) -> None:
        """Raises ConfigError for what only the parts can check (wake word, URL)."""
        loop = asyncio.get_running_loop()
        self._settings = settings
        registry = ToolRegistry(
            builtin_tools(self.post, volume_percent=lambda: self._volume_percent, now=now, settings=settings.tools),
            configured_functions(settings.tools),
        )
        self._conversation = Conversation(policy_of(settings, registry.declarations))
        self._dispatcher = dispatcher = Dispatcher(self._conversation, loop)
        self._notifier = notifier or Notifier()
        self._health = Health(self._notifier)
        self._playback = PlaybackBuffer(
            lambda turn: dispatcher.post_from_thread(ev.PlaybackStarted(turn)),
            lambda turn: _from_thread(loop, functools.partial(self._note_drained, turn)),
            duck_db=settings.audio.duck_db,
            volume_percent=settings.audio.volume_percent,
        )
        self._volume_percent = settings.audio.volume_percent
        self._capture = CaptureBuffer(lambda: _from_thread(loop, self._take_capture))
        self._path = CapturePath(settings.audio, self._capture, self._playback, self._hear)
        self._gate = Gate(settings.gate)
        self._tools = ToolRunner(registry, dispatcher.post)
        self._link = LiveLink(
            settings.live,
            activity_manual=settings.conversation.activity is ActivityMode.MANUAL,
            post=dispatcher.post,
            jitter=jitter,
            tools=registry.declarations,
            instruction=_instruction_of(settings, now),
        )
        self._diary = Diary(settings, dispatcher.post, now)
        self._camera = Camera(settings.video, dispatcher.post, self._note_camera)
        self._announcer = Announcer(settings.speech, voice or Voice(settings.speech.voice), dispatcher.post)
        self._wake_earcon = earcon("wake")
        self._broker: MqttClient | None = None
        if settings.mqtt.enabled:
            self._broker = MqttClient(settings.mqtt, settings.satellite.id, dispatcher.post_from_thread)
        self._device = make_device(self._capture, self._playback, _Reports(dispatcher))
        self._executors = self._edges()
        self._tasks: list[asyncio.Task[None]] = []
        dispatcher.execute = self._execute
        self._underruns = 0
        dispatcher.observers += [self._health, self._note_underruns]

    def observe(self, observer: Observer) -> None:
        """Show every event and its commands to `observer` as well."""
        self._dispatcher.observers.append(observer)

    def post(self, event: ev.Event) -> None:
        """Bring in an event from outside, on the loop."""
        self._dispatcher.post(event)

    async def start(self) -> None:
        """Start all parts; none of them is waited for."""
        loop = asyncio.get_running_loop()
        if self._broker is not None:
            self._broker.start()
        self.post(ev.MuteRequested(muted=False))
        self.post(ev.VolumeRequested(self._settings.audio.volume_percent))
        self._tasks = [
            loop.create_task(self._device.run(), name="audio device"),
            loop.create_task(self._health.watch(lambda limit_s: self._device.last_activity.alive(limit_s))),
            loop.create_task(self._diary.run(), name="diary"),
        ]

    async def run(self, stop: asyncio.Event) -> None:
        """Start, run until `stop` is set, say goodbye. Raises what a part's task died of."""
        await self.start()
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([stopped, self._tasks[0]], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            await self.stop()

    async def stop(self) -> None:
        """Publish offline, close the session with 1000, stop the sound; bounded, whatever hangs."""
        self._notifier.send(STOPPING="1")
        self.post(ev.ShutdownRequested())
        self._dispatcher.close()
        endings = [self._link.shutdown(), self._tools.close(), self._announcer.close(), self._camera.close()]
        endings += [self._diary.close(), self._stop_tasks()]
        if self._broker is not None:
            endings.append(asyncio.to_thread(self._broker.stop, BROKER_GOODBYE_S))
        ended, late = await asyncio.wait([asyncio.ensure_future(ending) for ending in endings], timeout=GOODBYE_S)
        for task in late:
            log.warning("did not end in time: %s", task)
            task.cancel()
        self._path.close()
        self._notifier.close()
        for task in ended:
            task.result()

    # ------------------------------------------------------------ sound in

    def _take_capture(self) -> None:
        self._path.process()

    def _hear(self, first_sample: int, pcm: bytes) -> None:
        """The core has the audio before it hears what the gate makes of it."""
        self.post(ev.FramesCaptured(first_sample, pcm))
        speaking = self._conversation.dialogue is Dialogue.SPEAKING
        for event in self._gate.accept(first_sample, pcm, reply_playing=speaking):
            self.post(event)

    # ------------------------------------------------------------ sound out

    def _note_drained(self, turn: int) -> None:
        """On the way from the audio thread more may have been pushed: then it drains again, later."""
        if self._playback.voice_is_over:
            self.post(ev.PlaybackDrained(turn))

    # ------------------------------------------------------------ commands

    def _execute(self, command: do.Command) -> None:
        self._executors[type(command)](command)

    def _edges(self) -> Mapping[type[do.Command], Callable[[Any], None]]:
        """Which edge carries out which command."""
        link, playback, gate, tools = self._link, self._playback, self._gate, self._tools
        return {
            do.OpenSession: lambda c: link.open(c.session, c.handle, c.history),
            do.CloseSession: lambda c: link.close(c.session),
            do.SendActivityStart: lambda c: link.send_activity_start(c.session),
            do.SendFrames: lambda c: link.send_frames(c.session, c.pcm),
            do.SendActivityEnd: lambda c: link.send_activity_end(c.session),
            do.SendAudioStreamEnd: lambda c: link.send_audio_stream_end(c.session),
            do.SendText: lambda c: link.send_text(c.session, c.text),
            do.SendPicture: lambda c: link.send_picture(c.session, c.jpeg),
            do.SendToolResponse: lambda c: link.send_tool_response(
                c.session, c.call_id, c.name, c.response, c.scheduling
            ),
            do.PlayChunk: lambda c: playback.push(c.turn, c.pcm),
            do.EndPlayback: lambda c: playback.end(c.turn),
            do.DuckPlayback: lambda _: playback.duck(),
            do.RestorePlayback: lambda _: playback.restore(),
            do.FlushPlayback: lambda _: self._flush(),
            do.SetVolume: self._set_volume,
            do.Announce: self._announcer.prepare,
            do.SpeakReply: self._announcer.read,
            do.PlayWakeEarcon: lambda _: playback.play_earcon(self._wake_earcon),
            do.RestartEndpointer: lambda c: gate.restart_endpointer(c.from_sample),
            do.ResetGate: lambda _: gate.reset(),
            do.RunTool: lambda c: tools.run(c.session, c.call_id, c.name, c.arguments),
            do.CancelTool: lambda c: tools.cancel(c.call_id),
            do.StartCamera: lambda _: self._camera.start(),
            do.StopCamera: lambda _: self._camera.stop(),
            do.StoreMemory: self._diary.store_memory,
            do.StoreUsage: self._diary.store_usage,
            do.PublishState: self._publish,
            do.PublishWake: self._publish,
            do.PublishTranscript: self._publish,
            do.PublishUsage: self._publish,
            do.PublishDay: self._publish,
            do.PublishStall: self._publish,
            do.PublishSources: self._publish,
            do.PublishThought: self._publish,
            do.PublishVoiceActivity: self._publish,
            do.PublishProblem: self._publish,
            do.PublishMute: self._publish,
            do.PublishVolume: self._publish,
        }

    def _set_volume(self, command: do.SetVolume) -> None:
        self._volume_percent = command.percent
        self._playback.set_volume(command.percent)

    def _flush(self) -> None:
        self._playback.flush()
        self._announcer.stop_reading()

    def _note_camera(self, text: str) -> None:
        self.post(ev.CameraLost(text) if text else ev.CameraFound())

    def _publish(self, command: do.Command) -> None:
        match command:
            case do.PublishProblem(part=part, text=text) if part != "camera":  # that has said so itself
                log.log(logging.WARNING if text else logging.INFO, "%s: %s", part, text or "well again")
            case do.PublishStall(turn=turn, cause=cause, retried=retried):
                log.warning("turn %d stalled (%s)%s", turn, cause, ": asked again" if retried else "")
        if self._broker is not None:
            self._broker.execute(command)

    def _note_underruns(self, event: ev.Event, commands: Sequence[do.Command], now_ms: int) -> None:
        """Once a reply is over: did it stutter? Loudly the first time, quietly after."""
        if isinstance(event, ev.PlaybackDrained) and self._playback.underruns > self._underruns:
            level = logging.DEBUG if self._underruns else logging.WARNING
            self._underruns = self._playback.underruns
            log.log(level, "replies broke off %d times so far: they come slower than they play", self._underruns)

    async def _stop_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome


def _instruction_of(settings: Settings, now: Callable[[], datetime]) -> Callable[[], str]:
    """The system instruction as it stands when a session opens. Raises ConfigError for a file that cannot be read."""
    template = read_instruction(settings.live)
    here = settings.satellite
    return lambda: fill(template, name=here.name, room=here.room, place=here.place, now=now())


class _Reports:
    """What the sound device says, as events."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._post = dispatcher.post

    def microphone_found(self) -> None:
        self._post(ev.MicrophoneFound())

    def microphone_lost(self, reason: str) -> None:
        self._post(ev.MicrophoneLost(reason))

    def speaker_found(self) -> None:
        self._post(ev.SpeakerFound())

    def speaker_lost(self, reason: str) -> None:
        self._post(ev.SpeakerLost(reason))

    def retry_returned(self) -> None:
        log.debug("an attempt to open a lost device came back")


def _from_thread(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    """Wake the loop from any thread; too late once it is closed."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(callback)
