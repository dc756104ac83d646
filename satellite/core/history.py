"""What was said before, for a session that cannot be resumed: the last turns as text, within bounds."""

from collections import deque

from satellite.core.commands import PastTurn, Role, Speaker

MOST_TURNS = 40
MOST_CHARACTERS = 8000
"""About 2000 tokens: enough to go on from, little beside a context of 32000."""

ROLES = {Speaker.USER: Role.USER, Speaker.ASSISTANT: Role.MODEL}


class History:
    """The turns of the present memory, oldest first."""

    def __init__(self) -> None:
        self._turns: deque[PastTurn] = deque()

    @property
    def turns(self) -> tuple[PastTurn, ...]:
        """For a fresh session."""
        return tuple(self._turns)

    def add(self, speaker: Speaker, text: str) -> None:
        """Someone has said something, finally; the oldest turns make room."""
        self._turns.append(PastTurn(ROLES[speaker], text[-MOST_CHARACTERS:]))
        while len(self._turns) > MOST_TURNS or sum(len(turn.text) for turn in self._turns) > MOST_CHARACTERS:
            self._turns.popleft()

    def forget(self) -> None:
        """Another conversation begins."""
        self._turns.clear()
