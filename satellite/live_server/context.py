"""The context of one connection: what is remembered, how many tokens that is, and what is forgotten when it is full.

Pure. Sizes are the server's own estimates (replies.py); limits come with the rules (model_rules.py). The list of
entries is shared with the connection, which keeps it for resumption: it is changed in place.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from satellite.live.messages import ModalityTokenCount, UsageMetadata
from satellite.live_server.history import Entry
from satellite.live_server.refusals import invalid_argument
from satellite.live_server.replies import text_tokens
from satellite.live_server.session_rules import CompressionRules


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens by modality."""

    text: int = 0
    audio: int = 0
    image: int = 0
    video: int = 0

    @property
    def total(self) -> int:
        """Of all modalities."""
        return self.text + self.audio + self.image + self.video

    def __add__(self, other: "Tokens") -> "Tokens":
        """Modality by modality."""
        return Tokens(
            self.text + other.text, self.audio + other.audio, self.image + other.image, self.video + other.video
        )

    def details(self) -> list[ModalityTokenCount]:
        """As usageMetadata lists them: none that is 0."""
        counts = {"TEXT": self.text, "IMAGE": self.image, "VIDEO": self.video, "AUDIO": self.audio}
        return [ModalityTokenCount(modality=name, token_count=count) for name, count in counts.items() if count]


def tokens_of(entries: Sequence[Entry]) -> Tokens:
    """All of these together."""
    return Tokens(
        sum(entry.text_tokens for entry in entries),
        sum(entry.audio_tokens for entry in entries),
        sum(entry.image_tokens for entry in entries),
        sum(entry.video_tokens for entry in entries),
    )


class Context:
    """The ledger. Driven by the turn engine, on the loop."""

    def __init__(
        self, entries: list[Entry], *, instruction: str, window_tokens: int, compression: CompressionRules | None
    ) -> None:
        """`entries`: the history to go on from. `compression` None: a full window ends the session."""
        self.entries = entries
        self.instruction = instruction
        self._window_tokens = window_tokens
        self._compression = compression

    @property
    def tokens(self) -> Tokens:
        """Everything a reply is made from: the system instruction, which is never forgotten, and the history."""
        return Tokens(text=text_tokens(self.instruction)) + tokens_of(self.entries)

    def add(self, entry: Entry) -> None:
        """One contribution more."""
        self.entries.append(entry)

    def make_room(self) -> int:
        """Forget the oldest turns if it is time to; raises Refusal if the window is full nevertheless.

        Returns how many entries were forgotten. What stays begins with a turn of the user's (LIVE_API 4.7): the longest
        such rest that fits the target, or the latest turn by itself if even that is larger.
        """
        forgotten = 0
        rules = self._compression
        if rules is not None and self.tokens.total > rules.trigger_tokens:
            starts = _user_turns(self.entries)
            room = rules.target_tokens - text_tokens(self.instruction)
            fitting = (start for start in starts if tokens_of(self.entries[start:]).total <= room)
            forgotten = next(fitting, starts[-1] if starts else 0)
            del self.entries[:forgotten]
        if self.tokens.total > self._window_tokens:
            raise invalid_argument("the context window is full")
        return forgotten

    def usage(self, *, reply: Entry | None, tool_entries: Collection[Entry], thoughts_tokens: int) -> UsageMetadata:
        """The count of a turn.

        `reply` and `tool_entries` (answers of tools, asked for in this turn) are counted by themselves; all else that
        is remembered is the prompt.
        """
        apart = [id(entry) for entry in (*tool_entries, reply)]
        prompt = Tokens(text=text_tokens(self.instruction)) + tokens_of(
            [entry for entry in self.entries if id(entry) not in apart]
        )
        said = tokens_of([reply] if reply is not None else [])
        tools = tokens_of(list(tool_entries))
        return UsageMetadata(
            prompt_token_count=prompt.total,
            response_token_count=said.total,
            tool_use_prompt_token_count=tools.total,
            thoughts_token_count=thoughts_tokens,
            total_token_count=prompt.total + said.total + tools.total + thoughts_tokens,
            prompt_tokens_details=prompt.details(),
            response_tokens_details=said.details(),
            tool_use_prompt_tokens_details=tools.details(),
        )


def _user_turns(entries: Sequence[Entry]) -> list[int]:
    """Where the turns of the user begin: several contributions in a row are one turn, a function's answer is none."""
    return [
        index
        for index, entry in enumerate(entries)
        if entry.role == "user"
        and not entry.from_tool
        and (index == 0 or entries[index - 1].role == "model" or entries[index - 1].from_tool)
    ]
