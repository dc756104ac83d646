"""A conversation as a script: verbs for what people, server, speaker and clock do, and a record of what came of it.

The microphone delivers a ramp: the value of a sample is its own number (modulo 2**16), so that what was
sent can be compared with what was said. Every event passes the watch.
"""

import struct
from typing import TypeVar

from core.conversation_watch import Watch
from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.conversation import Conversation
from satellite.core.dialogue import Dialogue
from satellite.core.pcm import (
    CAPTURE_RATE_HZ,
    FRAME_MS,
    FRAME_SAMPLES,
    REPLY_RATE_HZ,
    SAMPLE_BYTES,
    samples_in,
    samples_of_ms,
    silence,
)
from satellite.core.policy import Policy

SUSPECT_MS = 60
CONFIRM_MS = 200
HANGOVER_MS = 700

AnyCommand = TypeVar("AnyCommand", bound=do.Command)


_ALL_NUMBERS = struct.pack("<65536H", *range(1 << 16))


def ramp(first_sample: int, samples: int) -> bytes:
    """Microphone audio whose samples are their own numbers."""
    start = (first_sample & 0xFFFF) * SAMPLE_BYTES
    size = samples * SAMPLE_BYTES
    return (_ALL_NUMBERS * ((start + size) // len(_ALL_NUMBERS) + 1))[start : start + size]


def tone(duration_ms: int) -> bytes:
    """A piece of a reply as loud as speech: 24 kHz s16le mono."""
    return struct.pack("<2h", 3000, -3000) * (samples_of_ms(duration_ms, REPLY_RATE_HZ) // 2)


class Script:
    """One satellite in one room. Time goes on only in the verbs that say so."""

    def __init__(self, policy: Policy | None = None, *, watched: bool = True) -> None:
        self.policy = policy or Policy()
        self.conversation = Conversation(self.policy)
        self.now_ms = 1_000_000
        self.sample = 160_000
        """The next sample of the microphone."""
        self.done: list[do.Command] = []
        """Every command so far."""
        self._watch = Watch(self.conversation, manual=self.policy.manual_activity) if watched else None

    # ------------------------------------------------------------ what is seen

    def dialogue(self) -> Dialogue:
        """State of the dialogue."""
        return self.conversation.dialogue

    @property
    def session(self) -> int:
        """The number of the last session that was asked for."""
        return self.all(do.OpenSession)[-1].session

    @property
    def turn(self) -> int:
        """The turn that was last given to the speaker."""
        return next((c.turn for c in reversed(self.done) if isinstance(c, (do.PlayChunk, do.Announce))), 0)

    def shown(self) -> do.ShownState:
        """What the person in the room sees."""
        return self.all(do.PublishState)[-1].state

    def all(self, kind: type[AnyCommand]) -> list[AnyCommand]:
        """Every command of a kind so far, in order."""
        return [command for command in self.done if isinstance(command, kind)]

    def sent(self, session: int) -> list[do.SendFrames]:
        """The audio a session has got."""
        return [command for command in self.all(do.SendFrames) if command.session == session]

    def utterance(self, session: int, number: int) -> list[do.SendFrames]:
        """The audio of one utterance a session has got: since an activityStart, or since a stream ended."""
        utterances: list[list[do.SendFrames]] = [[]]
        for command in self.done:
            if isinstance(command, (do.SendActivityStart, do.SendAudioStreamEnd)) and command.session == session:
                utterances.append([])
            if isinstance(command, do.SendFrames) and command.session == session:
                utterances[-1].append(command)
        return [frames for frames in utterances if frames][number]

    def uplink(self, session: int) -> list[str]:
        """What a session has got, by name; runs of audio as one."""
        kinds = (do.SendActivityStart, do.SendFrames, do.SendActivityEnd, do.SendAudioStreamEnd, do.SendToolResponse)
        names: list[str] = []
        for command in self.done:
            if isinstance(command, kinds) and command.session == session:
                name = type(command).__name__.removeprefix("Send")
                if names[-1:] != [name] or name != "Frames":
                    names.append(name)
        return names

    # ------------------------------------------------------------ the one way in

    def tell(self, event: ev.Event) -> list[do.Command]:
        """Let it happen now; the commands that come of it."""
        if self._watch is not None:
            self._watch.before(event)
        commands = self.conversation.handle(event, now_ms=self.now_ms)
        self.done += commands
        if self._watch is not None:
            self._watch.after(event, commands)
        return commands

    # ------------------------------------------------------------ the microphone and its gate

    def hear(self, duration_ms: int) -> list[do.Command]:
        """So much passes at the microphone; the gate has nothing to say."""
        commands: list[do.Command] = []
        for _ in range(duration_ms // FRAME_MS):
            first, self.sample = self.sample, self.sample + FRAME_SAMPLES
            self.now_ms += FRAME_MS
            commands += self.tell(ev.FramesCaptured(first, ramp(first, FRAME_SAMPLES)))
        return commands

    def lose_frames(self, duration_ms: int) -> None:
        """So much passes unheard."""
        self.sample += samples_of_ms(duration_ms)
        self.now_ms += duration_ms

    def wake(self) -> list[do.Command]:
        """The wake word has just been heard."""
        return self.tell(ev.WakeWordHeard("hey jarvis", 0.9, self.sample, self.sample - samples_of_ms(700)))

    def suspect(self) -> list[do.Command]:
        """A sound that may be speech; the gate suspects it after SUSPECT_MS."""
        began = self.sample
        self.hear(SUSPECT_MS)
        return self.tell(ev.SpeechSuspected(began))

    def drop_suspicion(self) -> list[do.Command]:
        """It was not speech."""
        return self.tell(ev.SuspicionDropped(self.sample))

    def begin_to_speak(self) -> list[do.Command]:
        """Speech begins and is confirmed; the commands that come of the confirmation."""
        began = self.sample
        self.suspect()
        self.hear(CONFIRM_MS - SUSPECT_MS)
        return self.tell(ev.SpeechStarted(began))

    def fall_silent(self) -> list[do.Command]:
        """Speech ends and the hangover passes; the commands that come of the endpoint."""
        ended = self.sample
        self.hear(HANGOVER_MS)
        return self.tell(ev.SpeechEnded(ended))

    def speak(self, duration_ms: int) -> int:
        """Say something to its end; returns its first sample."""
        began = self.sample
        self.begin_to_speak()
        self.hear(duration_ms - CONFIRM_MS)
        self.fall_silent()
        return began

    # ------------------------------------------------------------ the server

    def open_session(self) -> list[do.Command]:
        """setupComplete."""
        return self.tell(ev.SessionOpened(self.session))

    def lose_session(self, *, resume_refused: bool = False) -> list[do.Command]:
        """1011."""
        return self.tell(ev.SessionLost(self.session, "1011", resume_refused))

    def refuse_session(self, advice: str = "The key is not valid.") -> list[do.Command]:
        """1008."""
        return self.tell(ev.SessionRefused(self.session, advice))

    def go_away(self, time_left_ms: int = 50_000) -> list[do.Command]:
        """The server will end the connection."""
        return self.tell(ev.GoAwayReceived(self.session, time_left_ms))

    def reply(self, duration_ms: int = 240) -> list[do.Command]:
        """A piece of the reply arrives."""
        return self.tell(ev.ReplyChunkReceived(self.session, tone(duration_ms)))

    def silent_reply(self, duration_ms: int = 240) -> list[do.Command]:
        """A piece of the reply arrives in which nothing can be heard."""
        return self.tell(ev.ReplyChunkReceived(self.session, silence(samples_of_ms(duration_ms, REPLY_RATE_HZ))))

    def said(self, text: str) -> list[do.Command]:
        """A piece of what the reply says."""
        return self.tell(ev.OutputTranscribed(self.session, text))

    def heard(self, text: str) -> list[do.Command]:
        """A piece of what the user said."""
        return self.tell(ev.InputTranscribed(self.session, text))

    def generation_complete(self) -> list[do.Command]:
        """All of the reply has been sent."""
        return self.tell(ev.GenerationCompleted(self.session))

    def interrupted(self) -> list[do.Command]:
        """The server cut its reply."""
        return self.tell(ev.ReplyInterrupted(self.session))

    def turn_complete(self, reason: str = "", *, goes_on: bool = False, waits: bool = False) -> list[do.Command]:
        """The server's turn is over."""
        return self.tell(ev.TurnCompleted(self.session, reason, goes_on, waits))

    def write(self, text: str) -> list[do.Command]:
        """A piece of a reply that is text."""
        return self.tell(ev.ReplyTextReceived(self.session, text))

    def call_tool(self, call_id: str = "call-1", name: str = "set_timer") -> list[do.Command]:
        """The model calls a function."""
        return self.tell(ev.ToolCallReceived(self.session, call_id, name, "{}"))

    def finish_tool(self, call_id: str = "call-1", name: str = "set_timer", scheduling: str = "") -> list[do.Command]:
        """The function has a result."""
        return self.tell(ev.ToolFinished(self.session, call_id, name, '{"output": "ok"}', scheduling))

    def remember(self, handle: str | None) -> list[do.Command]:
        """A resumption handle."""
        return self.tell(ev.ResumptionUpdated(self.session, handle))

    # ------------------------------------------------------------ the speaker

    def drain(self) -> list[do.Command]:
        """What was pushed for the present turn has left the card."""
        return self.tell(ev.PlaybackDrained(self.turn))

    def local_speech(self, duration_ms: int = 800) -> list[do.Command]:
        """The local voice has prepared what was asked for."""
        pcm = silence(samples_of_ms(duration_ms, REPLY_RATE_HZ))
        return self.tell(ev.LocalSpeechReady(self.all(do.Announce)[-1].turn, pcm))

    # ------------------------------------------------------------ people, devices, time

    def stop(self) -> list[do.Command]:
        """Somebody says: be quiet."""
        return self.tell(ev.StopRequested())

    def mute(self) -> list[do.Command]:
        """The microphone is closed."""
        return self.tell(ev.MuteRequested(muted=True))

    def unmute(self) -> list[do.Command]:
        """The microphone is opened."""
        return self.tell(ev.MuteRequested(muted=False))

    def say(self, text: str) -> list[do.Command]:
        """An automation speaks."""
        return self.tell(ev.SayRequested(text))

    def listen(self) -> list[do.Command]:
        """A button opens the gate."""
        return self.tell(ev.ListenRequested())

    def lose_microphone(self) -> list[do.Command]:
        """The USB plug is pulled."""
        return self.tell(ev.MicrophoneLost("unplugged"))

    def find_microphone(self) -> list[do.Command]:
        """It is plugged in again."""
        return self.tell(ev.MicrophoneFound())

    def wait(self, duration_ms: int) -> list[do.Command]:
        """Time passes, and nothing happens but a look at the clock."""
        self.now_ms += duration_ms
        return self.tell(ev.DeadlineReached())

    def wait_for_deadline(self) -> list[do.Command]:
        """Nothing happens until the deadline."""
        deadline_ms = self.conversation.deadline_ms
        assert deadline_ms is not None
        self.now_ms = max(self.now_ms, deadline_ms)
        return self.tell(ev.DeadlineReached())

    def stay_quiet(self, most_steps: int = 40) -> int:
        """Nothing happens but deadlines until there is none; returns how many there were."""
        for steps in range(most_steps):
            if self.conversation.deadline_ms is None:
                return steps
            self.wait_for_deadline()
        raise AssertionError(f"still waiting: {self.dialogue()}, link {self.conversation.link.state}")

    # ------------------------------------------------------------ the way to a state

    def to_listening(self) -> "Script":
        """Woken, the session open, nothing said yet."""
        self.hear(1000)
        self.wake()
        self.open_session()
        return self

    def to_speech(self) -> "Script":
        """In the middle of an utterance."""
        self.to_listening().begin_to_speak()
        return self

    def to_thinking(self) -> "Script":
        """The utterance is over and sent."""
        self.to_listening().speak(1000)
        return self

    def to_speaking(self) -> "Script":
        """The reply plays."""
        self.to_thinking().reply()
        return self

    def to_follow_up(self) -> "Script":
        """The reply is over."""
        self.to_speaking().turn_complete()
        self.drain()
        return self

    def to_idle(self) -> "Script":
        """After a whole conversation, the session lingers."""
        self.to_follow_up().wait_for_deadline()
        return self


def contiguous(frames: list[do.SendFrames]) -> tuple[int, int]:
    """(first sample, the one after the last) of what was sent; nothing may be missing, doubled or altered."""
    assert frames
    at = frames[0].first_sample
    for command in frames:
        assert command.first_sample == at
        at += samples_in(command.pcm)
    sound = b"".join(command.pcm for command in frames)
    assert sound == ramp(frames[0].first_sample, samples_in(sound))
    assert max(samples_in(command.pcm) for command in frames) <= CAPTURE_RATE_HZ // 5
    return frames[0].first_sample, at
