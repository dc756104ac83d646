"""The words of one turn, collected from pieces that may be split anywhere (concatenated raw)."""

from satellite.core.commands import Command, PublishTranscript, Speaker


class Transcript:
    """One side of the current turn."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self._text = ""
        self._is_told = False

    def begin(self) -> None:
        """Another turn."""
        self._is_told = False

    def add(self, text: str, conversation: int, turn: int) -> list[Command]:
        """Publish the text so far, one piece longer; what comes after the final text is too late."""
        if self._is_told:
            return []
        self._text += text
        if not text or not self._text.strip():
            return []
        return [PublishTranscript(self._speaker, conversation, turn, self._text.strip(), final=False)]

    def say(self, text: str) -> None:
        """The whole of it is known from the start: it was written."""
        self._text = text

    def draft(self, text: str, conversation: int, turn: int) -> list[Command]:
        """Publish a guess at what comes next; it is not kept."""
        guess = "" if self._is_told else f"{self._text}{text}".strip()
        return [PublishTranscript(self._speaker, conversation, turn, guess, final=False)] if guess else []

    def __bool__(self) -> bool:
        """Whether anything was said."""
        return bool(self._text.strip())

    def forget(self) -> None:
        """What was published so far will be heard, or said, anew."""
        self._text = ""

    def finish(self, conversation: int, turn: int) -> list[PublishTranscript]:
        """Publish the final text, once; nothing when nothing was said."""
        text, self._text = self._text.strip(), ""
        self._is_told = self._is_told or bool(text)
        return [PublishTranscript(self._speaker, conversation, turn, text, final=True)] if text else []
