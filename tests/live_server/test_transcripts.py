"""What the embedded server tells beside the text of a transcript, and only where it was asked for."""

import dataclasses

import pytest

from live_server.engine import RULES, Stage, ask, play
from satellite.live.messages import Transcription, WordInfo
from satellite.live_server.replies import cut_text
from satellite.live_server.session_rules import TranscriptRules
from satellite.live_server.transcripts import transcriptions

ALL = TranscriptRules(language_codes=("de-DE", "fr-FR"), word_timestamps=True, diarization=True)


def test_a_plain_transcript_has_its_text_alone() -> None:
    for rules in (TranscriptRules(), TranscriptRules(smart=True, custom_vocabulary=("Ada",))):
        assert list(transcriptions(["what ", "time"], 1.0, rules)) == [
            Transcription(text="what "),
            Transcription(text="time"),
        ]


def test_a_word_is_told_once_with_the_piece_that_ends_it() -> None:
    told = list(transcriptions(["ab", "c d", "e"], 0.6, ALL, 1.0))
    assert [piece.text for piece in told] == ["ab", "c d", "e"]
    assert [piece.words for piece in told] == [
        [],
        [WordInfo(word="abc", start_offset="1.000s", end_offset="1.300s")],
        [WordInfo(word="de", start_offset="1.400s", end_offset="1.600s")],
    ]
    assert {(piece.speaker_label, piece.language_code) for piece in told} == {("Speaker 1", "de-DE")}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (TranscriptRules(word_timestamps=True), (1, "", "en-US")),
        (TranscriptRules(diarization=True), (0, "Speaker 1", "en-US")),
        (TranscriptRules(language_codes=("fr-FR",)), (0, "", "fr-FR")),
    ],
)
def test_each_is_told_for_itself(rules: TranscriptRules, expected: tuple[int, str, str]) -> None:
    (piece,) = transcriptions(["hi"], 1.0, rules)
    assert (len(piece.words), piece.speaker_label, piece.language_code) == expected


def told(stage: Stage, side: str) -> list[Transcription]:
    """The pieces of one side's transcript."""
    pieces = [getattr(content, f"{side}_transcription") for content in stage.contents]
    return [piece for piece in pieces if piece is not None]


def seconds(offset: str) -> float:
    return float(offset.removesuffix("s"))


def test_words_of_the_user_are_spread_over_what_was_said() -> None:
    pieces = told(play(ask, dataclasses.replace(RULES, input_transcript=ALL)), "input")
    assert [piece.text for piece in pieces] == cut_text("what time is it")
    words = [word for piece in pieces for word in piece.words]
    assert [word.word for word in words] == ["what", "time", "is", "it"]
    assert (words[0].start_offset, words[-1].end_offset) == ("0.000s", "1.000s")


def test_words_of_the_reply_go_on_from_sentence_to_sentence() -> None:
    async def two_sentences(stage: Stage) -> None:
        stage.mind.words = "It is late. Go to bed now."
        stage.mouth.seconds = 2.0
        await ask(stage)

    rules = dataclasses.replace(RULES, output_transcript=TranscriptRules(word_timestamps=True))
    stage = play(two_sentences, rules)
    words = [word for piece in told(stage, "output") for word in piece.words]
    assert [word.word for word in words] == stage.mind.words.split()
    assert words[3].start_offset == "2.000s", "the second sentence begins where the sound of the first ends"
    assert words[-1].end_offset == "4.000s"
    assert all(seconds(word.start_offset) < seconds(word.end_offset) for word in words)
    assert all(piece.speaker_label == "" for piece in told(stage, "output"))
    assert all(piece.words == [] for piece in told(stage, "input"))


def test_what_is_told_of_a_reply_is_told_of_what_was_asked_for_alone() -> None:
    rules = dataclasses.replace(RULES, output_transcript=ALL, transcribe_output=False)
    assert told(play(ask, rules), "output") == []
