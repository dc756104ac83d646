"""The words of one turn, collected from pieces that may be split anywhere (concatenated raw)."""

from satellite.core.commands import Command, PublishTranscript, Speaker


class Transcript:
    """One side of the current turn."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self._text = ""

    def add(self, text: str, conversation: int, turn: int) -> list[Command]:
        """Publish the text so far, one piece longer."""
        self._text += text
        if not text or not self._text.strip():
            return []
        return [PublishTranscript(self._speaker, conversation, turn, self._text.strip(), final=False)]

    def forget(self) -> None:
        """What was published so far will be heard, or said, anew."""
        self._text = ""

    def finish(self, conversation: int, turn: int) -> list[Command]:
        """Publish the final text, once; nothing when nothing was said."""
        text, self._text = self._text.strip(), ""
        return [PublishTranscript(self._speaker, conversation, turn, text, final=True)] if text else []
