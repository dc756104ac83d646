"""The words of one turn, collected from pieces that may be split anywhere (concatenated raw)."""

from collections.abc import Sequence

from satellite.core.commands import Command, PublishTranscript, Speaker
from satellite.core.link_events import Word


class Transcript:
    """One side of the current turn."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self._text = ""
        self._words: list[Word] = []
        self._speakers: dict[str, None] = {}
        """Labels, in the order of their first words."""
        self._language = ""
        self._is_told = False

    def begin(self) -> None:
        """Another turn."""
        self._is_told = False

    def add(
        self,
        text: str,
        conversation: int,
        turn: int,
        words: Sequence[Word] = (),
        speaker: str = "",
        language: str = "",
    ) -> list[Command]:
        """Publish the text so far, one piece longer; what comes after the final text is too late.

        The words, the speaker and the language of the piece are kept for the final text.
        """
        if self._is_told:
            return []
        self._text += text
        if words:
            self._words += words
        if speaker:
            self._speakers[speaker] = None
        if language:
            self._language = language
        so_far = self._text.strip() if text else ""
        return [PublishTranscript(self._speaker, conversation, turn, so_far, False)] if so_far else []

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
        self._text = self._language = ""
        self._words.clear()
        self._speakers.clear()

    def finish(self, conversation: int, turn: int) -> list[PublishTranscript]:
        """Publish the final text, once; nothing when nothing was said."""
        text, words, speakers = self._text.strip(), tuple(self._words), tuple(self._speakers)
        language = self._language
        self.forget()
        if not text:
            return []
        self._is_told = True
        return [PublishTranscript(self._speaker, conversation, turn, text, True, words, speakers, language)]
