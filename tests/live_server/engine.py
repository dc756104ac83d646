"""An engine with everything around it, driven by a test's script on simulated time."""

import asyncio
from collections.abc import Awaitable, Callable

from live_server.stage import Ear, Mouth, NotingOutbox, ScriptedMind, names, simulate
from satellite.live.messages import FunctionCall, Part, ServerContent, ServerMessage, UsageMetadata
from satellite.live.models import LIVE_3_8
from satellite.live_server.activity import DetectionRules
from satellite.live_server.faults import Faults
from satellite.live_server.history import Entry, Histories
from satellite.live_server.ongoing import Input
from satellite.live_server.services import Services, Thinks
from satellite.live_server.session_rules import SessionRules
from satellite.live_server.strikes import Strikes
from satellite.live_server.turn import TurnEngine

RULES = SessionRules(
    model="models/gemini-3.8-live",
    family=LIVE_3_8,
    audio_reply=True,
    detection=DetectionRules(),
    interruptible=True,
    transcribe_input=True,
    transcribe_output=True,
    resumable=False,
    handle="",
    initial_history=False,
    system_instruction="",
    functions={},
)

SECOND_OF_SPEECH = b"\x01\x00" * 16_000


class Stage:
    """An engine with everything around it, driven by a test's script. `mind` thinks in the scripted one's place."""

    def __init__(
        self, rules: SessionRules, faults: Faults, group: asyncio.TaskGroup, mind: Thinks | None = None
    ) -> None:
        self.ear, self.mouth, self.mind = Ear(), Mouth(), ScriptedMind()
        self.histories = Histories(lambda: asyncio.get_running_loop().time())
        self.services = Services(self.ear, self.mouth, mind or self.mind, self.histories, faults)
        self.outbox = NotingOutbox(Strikes(faults))
        self.entries: list[Entry] = []
        self.engine = TurnEngine(rules, self.entries, self.services, self.outbox, group.create_task)

    @property
    def contents(self) -> list[ServerContent]:
        return [message.server_content for message in self.messages if message.server_content]

    @property
    def parts(self) -> list[Part]:
        """All parts of the model's turns but sound."""
        turns = [content.model_turn for content in self.contents if content.model_turn]
        return [part for turn in turns for part in turn.parts if part.inline_data is None]

    @property
    def calls(self) -> list[FunctionCall]:
        return [call for message in self.messages if message.tool_call for call in message.tool_call.function_calls]

    @property
    def usages(self) -> list[UsageMetadata]:
        return [message.usage_metadata for message in self.messages if message.usage_metadata]

    @property
    def messages(self) -> list[ServerMessage]:
        return [message for _, message in self.outbox.notes]

    @property
    def order(self) -> list[str]:
        return [name for message in self.messages for name in names(message)]

    def when(self, name: str) -> float:
        """The first instant of such a message."""
        return next(at_s for at_s, message in self.outbox.notes if name in names(message))

    def heard(self) -> str:
        return "".join(
            m.server_content.input_transcription.text
            for m in self.messages
            if m.server_content and m.server_content.input_transcription
        )

    def said(self) -> str:
        return "".join(
            m.server_content.output_transcription.text
            for m in self.messages
            if m.server_content and m.server_content.output_transcription
        )

    def chunk_sizes(self) -> list[int]:
        return [
            len(part.inline_data.data)
            for m in self.messages
            if m.server_content and m.server_content.model_turn
            for part in m.server_content.model_turn.parts
            if part.inline_data
        ]


def play(
    script: Callable[[Stage], Awaitable[None]],
    rules: SessionRules = RULES,
    faults: Faults | None = None,
    mind: Thinks | None = None,
) -> Stage:
    """Run a script; what is still going on at its end is let go on to its own end."""

    async def main() -> Stage:
        async with asyncio.TaskGroup() as group:
            stage = Stage(rules, faults or Faults(), group, mind)
            await script(stage)
        return stage

    return simulate(main())


async def ask(stage: Stage) -> None:
    """A second of speech."""
    stage.engine.begin(Input(SECOND_OF_SPEECH))
