"""What holds for every command the conversation ever gives, whatever happened: checked after each event.

It keeps its own small model of the server and the speaker, fed with the events and commands alone.
"""

from collections.abc import Sequence

from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.conversation import MICROPHONE_EVENTS, Conversation
from satellite.core.dialogue import Dialogue
from satellite.core.pcm import samples_in
from satellite.core.reply import ReplyState
from satellite.core.uplink import UplinkState

CUTS = (ev.SpeechStarted, ev.WakeWordHeard, ev.ListenRequested, ev.StopRequested)


class Watch:
    """Follows one conversation; `before` and `after` enclose each `handle`."""

    def __init__(self, conversation: Conversation, *, manual: bool) -> None:
        self._conversation = conversation
        self._manual = manual
        self._numbers = 0
        self._connecting: int | None = None
        self._open: int | None = None
        self._activity = False
        self._stream = False
        self._next_sample: int | None = None
        self._frames_in_activity = 0
        self._turn = 0
        self._muted = False
        self._ducked = False
        self._reply_before = ReplyState.CLOSED
        self._shown: do.ShownState | None = None
        self._running: set[str] = set()
        self._camera = False
        self._shows = False
        self._words_now = False
        self._read_out = 0

    def before(self, event: ev.Event) -> None:
        """Take note of what happens."""
        self._reply_before = self._conversation.reply.state
        if isinstance(event, ev.SessionOpened) and event.session == self._connecting:
            self._open, self._connecting = self._connecting, None
        if isinstance(event, (ev.SessionLost, ev.SessionRefused)) and event.session in (self._open, self._connecting):
            self._gone()
        if isinstance(event, ev.MuteRequested):
            self._muted = event.muted

    def after(self, event: ev.Event, commands: Sequence[do.Command]) -> None:
        """Check what came of it."""
        if self._muted and isinstance(event, MICROPHONE_EVENTS):
            assert not commands, "muted, and yet the microphone had an effect"
        if isinstance(event, CUTS) and any(isinstance(command, do.FlushPlayback) for command in commands):
            assert isinstance(commands[0], do.FlushPlayback), "silence comes first"
        self._words_now = any(isinstance(command, (do.SendFrames, do.SendText)) for command in commands)
        for command in commands:
            if isinstance(event, (ev.ReplyChunkReceived, ev.OutputTranscribed, ev.ToolCallReceived)):
                content = (do.PlayChunk, do.PublishTranscript, do.RunTool)
                assert self._reply_before is not ReplyState.CUT or not isinstance(command, content), "of a cut reply"
            self._check(command)
        published = [command for command in commands if isinstance(command, do.PublishState)]
        assert len(published) <= 1
        assert not published or commands[-1] is published[0], "the state is shown last"
        self._check_machines()

    def _check(self, command: do.Command) -> None:
        match command:
            case do.OpenSession():
                assert command.session > self._numbers, "a number never comes back"
                assert self._open is None, "one session at a time"
                assert self._connecting is None, "one session at a time"
                assert not self._muted or self._conversation.is_written_to
                assert command.handle is None or not command.history, "a session that is resumed is told nothing"
                self._numbers = self._connecting = command.session
                self._shows = False
            case do.CloseSession():
                assert command.session in (self._open, self._connecting)
                self._gone()
            case do.SendActivityStart():
                self._expect_session(command.session)
                assert self._manual
                assert not self._activity, "activities do not nest"
                self._activity, self._next_sample, self._frames_in_activity = True, None, 0
            case do.SendFrames():
                self._expect_session(command.session)
                assert self._activity or not self._manual, "audio outside an activity is ignored"
                assert command.pcm
                assert self._next_sample in (None, command.first_sample), "not contiguous"
                self._stream = self._shows = True
                self._frames_in_activity += 1
                self._next_sample = command.first_sample + samples_in(command.pcm)
            case do.SendActivityEnd():
                self._expect_session(command.session)
                assert self._activity
                assert self._frames_in_activity, "an empty activity closes the session (1007)"
                self._activity, self._next_sample = False, None
            case do.SendAudioStreamEnd():
                self._expect_session(command.session)
                assert not self._manual
                assert self._stream
                self._stream, self._next_sample = False, None
            case do.SendText():
                assert command.session == self._open
                assert command.text
                self._shows = True
            case do.SendPicture():
                self._expect_session(command.session)
                assert self._camera, "a camera that is off sees nothing"
                assert self._shows or self._words_now, "no picture leaves before the user's own words"
                assert self._conversation.dialogue is not Dialogue.IDLE, "nor after the conversation"
            case do.StartCamera() | do.StopCamera():
                assert self._camera is isinstance(command, do.StopCamera)
                self._camera = isinstance(command, do.StartCamera)
            case do.SpeakReply():
                assert command.turn >= self._turn
                assert command.turn != self._read_out, "nothing follows the last piece"
                self._turn = command.turn
                if command.final:
                    self._read_out = command.turn
            case do.PublishStall():
                assert command.count > 0
            case do.SendToolResponse():
                assert command.session == self._open
                assert command.call_id in self._running
                self._running.discard(command.call_id)
            case do.PlayChunk():
                assert command.turn >= self._turn, "a chunk of an old turn"
                self._turn = command.turn
            case do.Announce():
                assert command.turn > self._turn, "an announcement is a turn of its own"
                self._turn = command.turn
            case do.DuckPlayback():
                self._ducked = True
            case do.RestorePlayback() | do.FlushPlayback():
                self._ducked = False
            case do.RunTool():
                assert command.session == self._open
                self._running.add(command.call_id)
            case do.CancelTool():
                assert command.call_id in self._running
                self._running.discard(command.call_id)
            case do.PublishState():
                assert command.state is not self._shown
                self._shown = command.state
            case do.EndPlayback():
                assert command.turn == self._turn, "the end of what plays"

    def _check_machines(self) -> None:
        conversation = self._conversation
        uplink, dialogue = conversation.uplink.state, conversation.dialogue
        live = conversation.link.open_session
        assert live == self._open
        assert (conversation.link.session or None) == (self._open or self._connecting)
        if dialogue is not Dialogue.IDLE:
            assert conversation.deadline_ms is not None, "a state that waits has a deadline"
        if uplink is UplinkState.FLOWING:
            assert live is not None
        if uplink is UplinkState.SENT:
            assert live is not None
        if dialogue is Dialogue.LISTENING:
            assert uplink in (UplinkState.HELD, UplinkState.READY, UplinkState.FLOWING)
        if dialogue is Dialogue.IDLE:
            assert uplink is UplinkState.SHUT
            assert not self._ducked
        if self._manual:
            assert self._activity == (uplink is UplinkState.FLOWING)
            assert uplink is UplinkState.SHUT or dialogue in (Dialogue.LISTENING, Dialogue.THINKING, Dialogue.SPEAKING)
        else:
            assert self._stream == (uplink is UplinkState.FLOWING)

    def _expect_session(self, session: int) -> None:
        assert session == self._open, "nothing goes out before the session is open, nor after"
        assert not self._muted, "nothing goes out while muted"

    def _gone(self) -> None:
        self._open = self._connecting = None
        self._activity = self._stream = False
        self._next_sample = None
