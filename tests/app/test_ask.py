"""`satellite ask`: one turn from the shell, against the real embedded server over its socket."""

import asyncio
import json
import subprocess
import sys
import wave
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live.scripted_peer import listening
from support.house import Held, Understands

from satellite.app.ask import CLOSING_SILENCE_MS, Answer, NoAnswerError, Question, ask, for_asking
from satellite.app.ask_command import (
    QuestionError,
    as_json,
    progress_on,
    read_history,
    read_picture,
    read_wav,
    write_wav,
)
from satellite.app.clock import SimulatedTimeLoop
from satellite.app.configuration import load
from satellite.core.errors import ConfigError
from satellite.core.past import PastTurn, Role
from satellite.core.pcm import CAPTURE_RATE_HZ, level_dbfs
from satellite.live_server.faults import Closing, Fault, Faults
from satellite.live_server.server import LiveServer
from satellite.settings import Modality, ServerSettings
from satellite.simroom.people import sentence
from satellite.speech.voice import Voice
from satellite.video.frames import cv2

HALF_CASCADE = "live.model=gemini-live-2.5-flash-preview"
LONGEST_RUN_S = 60


def asked(
    question: Question,
    *sets: str,
    heard: str = "what is two plus three",
    faults: Faults | None = None,
    key: str = "embedded",
    wants_sound: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Answer, list[bytes]]:
    """The answer, and the sound that the server heard; on simulated time."""
    utterances: list[bytes] = []

    async def main() -> Answer:
        server = LiveServer(
            ServerSettings.model_validate({"port": 0, "api_key": "embedded"}),
            recogniser=Understands(heard),
            voice=Held(Voice("rms")),
            faults=faults or Faults(),
            on_utterance=utterances.append,
        )
        port = await server.start()
        try:
            given = [f"live.base_url=http://127.0.0.1:{port}", *sets]
            settings = load(None, given, {"SATELLITE_LIVE__API_KEY": key})
            return await ask(settings, question, wants_sound=wants_sound, progress=progress)
        finally:
            await server.close()
            assert asyncio.all_tasks() == {asyncio.current_task()}, "nothing is left running"

    with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        answer: Answer = runner.run(main())
        return answer, utterances


def spoken(rate_hz: int = CAPTURE_RATE_HZ) -> bytes:
    """Someone asks, at a rate of their own: every sample as often as it takes."""
    samples = np.frombuffer(sentence("What is two plus three?", "slt"), dtype="<i2")
    return np.repeat(samples, rate_hz // CAPTURE_RATE_HZ).astype("<i2").tobytes()


# ---------------------------------------------------------------- the four ways


def test_text_in_text_out_where_the_model_writes() -> None:
    answer, _ = asked(Question("What is two plus three?"), HALF_CASCADE)
    assert "5" in answer.text or "five" in answer.text
    assert not answer.sound
    assert answer.tokens.total > 0


def test_text_in_sound_out_with_its_transcript() -> None:
    answer, _ = asked(Question("What is two plus three?"), wants_sound=True)
    assert "5" in answer.text or "five" in answer.text
    assert level_dbfs(bytes(answer.sound)) > -40
    assert answer.duration_ms > 500


def test_a_model_that_only_speaks_is_read_from_its_transcript() -> None:
    answer, _ = asked(Question("What is two plus three?"))
    assert "five" in answer.text or "5" in answer.text
    assert answer.sound


@pytest.mark.parametrize("activity", ["manual", "automatic"])
@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_sound_in_text_out_at_any_rate_in_both_modes(activity: str, rate_hz: int) -> None:
    question = Question(sound=spoken(rate_hz), rate_hz=rate_hz)
    answer, (utterance,) = asked(question, HALF_CASCADE, f"conversation.activity={activity}")
    assert answer.heard == "what is two plus three"
    assert "five" in answer.text or "5" in answer.text
    said_s = len(question.sound) / 2 / rate_hz
    assert len(utterance) / 2 / CAPTURE_RATE_HZ == pytest.approx(said_s, abs=0.7)


def test_what_is_told_beside_the_question_is_in_the_json() -> None:
    asks = ("word_timestamps=true", "diarization=true", "language_codes=en-GB", "interim=true")
    answer, _ = asked(Question(sound=spoken()), *(f"live.transcription.{key}" for key in asks))
    told = as_json(answer, None)
    assert told["heard"] == "what is two plus three"
    assert [word["text"] for word in told["heard_words"]] == told["heard"].split()
    assert told["heard_words"][0]["start_ms"] == 0
    assert set(told["heard_words"][0]) == {"text", "start_ms", "end_ms"}
    assert (told["heard_language"], told["speakers"]) == ("en-GB", ["Speaker 1"])
    plain = as_json(asked(Question(sound=spoken()))[0], None)
    assert (plain["heard_words"], plain["heard_language"], plain["speakers"]) == ([], "", [])


def test_sound_in_sound_out() -> None:
    answer, _ = asked(Question(sound=spoken()), wants_sound=True)
    assert answer.heard == "what is two plus three"
    assert level_dbfs(bytes(answer.sound)) > -40


def test_a_long_recording_reaches_the_server_whole() -> None:
    sound = spoken() * 60
    _, (utterance,) = asked(Question(sound=sound[: 58 * 32_000]))
    assert len(utterance) == 58 * 32_000


def test_a_reply_of_a_minute_is_waited_for() -> None:
    """turnComplete comes when it would have been heard, long after its last piece."""
    answer, _ = asked(Question("tell me a story"), wants_sound=True)
    assert answer.duration_ms > 30_000
    assert answer.tokens.total > 0


def test_steps_are_told() -> None:
    steps: list[str] = []
    asked(Question(sound=spoken()), progress=steps.append)
    assert steps[0] == "connecting to gemini-3.8-live"
    assert steps[1].startswith("sending ")
    assert steps[2] == "waiting for the answer"
    assert steps[-1].startswith("receiving the answer, ")


def test_a_question_may_be_about_a_picture() -> None:
    jpeg = cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1].tobytes()
    for question in (Question("what do you see", picture=jpeg), Question(sound=spoken(), picture=jpeg)):
        answer, _ = asked(question, heard="what do you see")
        assert "64" in answer.text or "sixty" in answer.text


@pytest.mark.parametrize(
    ("sets", "told_tokens"),
    [((), 2000), ((HALF_CASCADE,), 1000)],
    ids=["told as history", "up to the user's last turn"],
)
def test_a_question_may_come_after_others(sets: tuple[str, ...], told_tokens: int) -> None:
    history = (PastTurn(Role.USER, "x" * 4000), PastTurn(Role.MODEL, "y" * 4000))
    alone, _ = asked(Question("What is two plus three?"), *sets)
    after, _ = asked(Question("What is two plus three?", history=history), *sets)
    assert after.text == alone.text
    assert after.tokens.prompt["text"] >= alone.tokens.prompt["text"] + told_tokens


# ---------------------------------------------------------------- what can go wrong


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (Faults(never_reply=True), "no answer within 15 s"),
        (Faults(never_answer_setup=True), "no connection to the Live API within 20 s"),
        (Faults(script=[Fault("empty_turn")]), "the model gave no answer"),
        (Faults(script=[Fault("rejected_turn")]), "the model gave no answer (RESPONSE_REJECTED)"),
        (Faults(close_after_chunks=(1, Closing(1011, "Internal error encountered."))), "the connection ended: 1011"),
        (Faults(stall_after_chunks=2), "no answer within 15 s"),
    ],
)
def test_no_answer_is_told_in_one_line(faults: Faults, words: str) -> None:
    with pytest.raises(NoAnswerError, match=r"^[^\n]+$") as caught:
        asked(Question("What is two plus three?"), faults=faults)
    assert words in str(caught.value)


def test_a_refused_key_is_told_with_advice() -> None:
    with pytest.raises(NoAnswerError, match="refused the key"):
        asked(Question("What is two plus three?"), key="not-a-real-key")


def test_what_the_model_would_refuse_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ConfigError, match=r"live\.language"):
        asked(Question("hello"), "live.language=de-DE")


def test_text_is_asked_for_only_where_the_model_writes_and_no_sound_is_wanted() -> None:
    def modality(*sets: str, wants_sound: bool) -> Modality:
        return for_asking(load(None, sets).live, wants_sound=wants_sound).generation.modality

    assert modality(HALF_CASCADE, wants_sound=False) is Modality.TEXT
    assert modality(HALF_CASCADE, wants_sound=True) is Modality.AUDIO
    assert modality(wants_sound=False) is Modality.AUDIO


# ---------------------------------------------------------------- files


def test_a_file_in_two_channels_is_mixed(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(np.array([[100, 300], [-50, -150]], dtype="<i2").tobytes())
    sound, rate_hz = read_wav(path)
    assert np.frombuffer(sound, dtype="<i2").tolist() == [200, -100]
    assert rate_hz == 44_100


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "answer.wav"
    write_wav(path, b"\1\0\2\0")
    assert read_wav(path) == (b"\1\0\2\0", 24_000)


def in_8_bits(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(16_000)
        file.writeframes(b"\x80" * 100)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.mkdir(), "cannot be read"),
        (lambda path: path.write_bytes(b"not a recording"), "is no WAV file"),
        (lambda path: path.write_bytes(b""), "is no WAV file"),
        (lambda path: write_wav(path, b""), "there is no sound in it"),
        (in_8_bits, "expected 16 bit samples, not 8 bit"),
        (lambda path: None, "cannot be read: No such file"),
    ],
)
def test_a_file_that_is_no_question_is_named(tmp_path: Path, make: Callable[[Path], object], words: str) -> None:
    path = tmp_path / "question.wav"
    make(path)
    with pytest.raises(QuestionError) as caught:
        read_wav(path)
    assert str(path) in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "the file: "),
        ('[{"role": "user"}]', "0.text: "),
        ('[{"role": "user", "text": "a"}, {"role": "system", "text": "b"}]', "1.role: "),
        ('[{"role": "user", "text": "a", "name": "b"}]', "0.name: "),
    ],
)
def test_a_history_that_is_none_is_named_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "turns.json"
    path.write_text(text)
    with pytest.raises(QuestionError) as caught:
        read_history(path)
    assert str(caught.value).startswith(f"--history: {path}: {words}")


def test_a_history_has_both_roles_in_order(tmp_path: Path) -> None:
    path = tmp_path / "turns.json"
    path.write_text('[{"role": "user", "text": "a"}, {"role": "model", "text": "b"}]')
    assert read_history(path) == (PastTurn(Role.USER, "a"), PastTurn(Role.MODEL, "b"))


def test_what_is_no_jpeg_is_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "door.png"
    path.write_bytes(b"\x89PNG")
    with pytest.raises(QuestionError, match="is no JPEG"):
        read_picture(path)


class Terminal:
    """A stream that is a terminal, or is not."""

    def __init__(self, *, tty: bool) -> None:
        self._tty = tty
        self.text = ""

    def isatty(self) -> bool:
        return self._tty

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        self.text += ""


@pytest.mark.parametrize(
    ("tty", "shown"),
    [(True, "\r\x1b[Ka\r\x1b[Kb, 1 s\r\x1b[Kb, 2 s\r\x1b[K"), (False, "a\nb\n")],
)
def test_progress_is_one_line_on_a_terminal_and_one_a_step_in_a_log(tty: bool, shown: str) -> None:
    stream = Terminal(tty=tty)
    show = progress_on(stream)
    for text in ("a", "b, 1 s", "b, 2 s", ""):
        show(text)
    assert stream.text == shown


# ---------------------------------------------------------------- as a program


def satellite(*arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "satellite.cli", "ask", *arguments]
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=LONGEST_RUN_S, env=environment, check=False
    )


def test_the_answer_alone_is_on_standard_output(tmp_path: Path) -> None:
    out = tmp_path / "answer.wav"
    done = satellite("--substitute", "-", "--out", str(out), stdin="what is two plus three\n")
    assert done.returncode == 0, done.stderr
    assert "five" in done.stdout or "5" in done.stdout
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr.splitlines()[0].startswith("connecting to ")
    assert read_wav(out)[1] == 24_000


def test_json_holds_everything_and_quiet_is_quiet() -> None:
    done = satellite("--substitute", "--json", "--quiet", "what is two plus three")
    assert (done.returncode, done.stderr) == (0, "")
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["model"] == "gemini-3.8-live"
    assert told["tokens"]["total"] > 0
    assert told["duration_ms"] > 0
    assert told["audio"] is None


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ((), 2, "give either a text or --audio"),
        (("hello", "--audio", "question.wav"), 2, "give either a text or --audio"),
        (("--audio", "/nowhere/question.wav"), 2, "/nowhere/question.wav: cannot be read"),
        (("hello", "--out", "/nowhere/answer.wav"), 2, "--out: there is no folder /nowhere"),
        (("  ",), 2, "the text is empty"),
        (("hello", "--set", "live.voice=Nobody"), 78, "live.voice"),
    ],
)
def test_what_cannot_be_asked_has_its_status_and_one_line(arguments: tuple[str, ...], status: int, words: str) -> None:
    done = satellite("--substitute", *arguments)
    assert done.returncode == status
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_without_a_key_it_says_what_is_missing() -> None:
    done = satellite("hello")
    assert done.returncode == 78
    assert "live.api_key" in done.stderr
    assert "--substitute" in done.stderr


# ---------------------------------------------------------------- turns that are not ordinary


def asked_by_script(question: Question, *sets: str, says: Sequence[dict[str, Any]]) -> tuple[Answer, dict[str, Any]]:
    """The answer, and the setup, of a server that says this to whatever it is asked."""

    async def main() -> tuple[Answer, dict[str, Any]]:
        async with listening() as peer:
            settings = load(None, [f"live.base_url={peer.url}", *sets], {"SATELLITE_LIVE__API_KEY": "not-a-real-key"})
            asking = asyncio.create_task(ask(settings, question))
            call = await peer.answer()
            setup = await call.accept_setup()
            await call.hear()
            for message in says:
                await call.say(message)
            answer = await asking
            await call.hear_goodbye()
            return answer, setup["setup"]

    with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        return runner.run(main())


def told(text: str) -> dict[str, Any]:
    """A piece of the answer."""
    return {"serverContent": {"outputTranscription": {"text": text}}}


def end_of_turn(status: str, prompt: int, response: int) -> dict[str, Any]:
    """turnComplete with what it has cost."""
    usage = {
        "promptTokenCount": prompt,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}],
        "responseTokenCount": response,
        "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": response}],
        "totalTokenCount": prompt + response,
    }
    return {"serverContent": {"turnComplete": True, "interactionStatus": status}, "usageMetadata": usage}


PRICES = ("usage.prices.text_in=2", "usage.prices.audio_out=10", "usage.currency=EUR")
"""Per million."""

EXTENDED_THINKING = "live.model=gemini-3.8-live-extended-thinking"


def test_a_turn_that_goes_on_is_one_answer_and_all_of_it_is_counted() -> None:
    says = [
        told("One moment. "),
        end_of_turn("IN_PROGRESS", 100, 20),
        end_of_turn("IN_PROGRESS", 100, 20),  # servers were seen to say it twice
        told("It is five."),
        end_of_turn("IDLE", 130, 30),
        told("Nobody has asked for this."),
    ]
    answer, setup = asked_by_script(Question("What is two plus three?"), EXTENDED_THINKING, *PRICES, says=says)
    assert setup["model"] == "models/gemini-3.8-live-extended-thinking"
    assert answer.text == "One moment. It is five."
    assert (dict(answer.tokens.prompt), dict(answer.tokens.response)) == ({"text": 230}, {"audio": 50})
    assert answer.tokens.total == 280
    assert answer.cost == pytest.approx((230 * 2 + 50 * 10) / 1_000_000)


def test_extended_thinking_answers_where_there_is_nothing_to_go_on_with() -> None:
    answer, _ = asked(Question("What is two plus three?"), EXTENDED_THINKING)
    assert "five" in answer.text or "5" in answer.text
    assert answer.tokens.thoughts > 0


def test_the_cost_is_estimated_by_the_prices() -> None:
    answer, _ = asked(Question("What is two plus three?"), *PRICES)
    shown = as_json(answer, None)
    tokens = shown["tokens"]
    assert tokens["response"]["audio"] > 0
    paid = tokens["prompt"]["text"] * 2 + tokens["response"]["audio"] * 10
    assert shown["cost"] == pytest.approx(paid / 1_000_000)
    assert shown["currency"] == "EUR"


def test_without_prices_nothing_is_estimated() -> None:
    shown = as_json(asked(Question("What is two plus three?"))[0], None)
    assert shown["tokens"]["total"] > 0
    assert (shown["cost"], shown["currency"]) == (0, "USD")


def test_there_is_text_even_where_the_configuration_wants_no_transcript() -> None:
    off = ("live.output_transcription=false", "live.input_transcription=false")
    answer, _ = asked(Question(sound=spoken()), *off)
    assert "five" in answer.text or "5" in answer.text
    assert answer.heard == "what is two plus three"


@pytest.mark.parametrize("wanted_ms", [700, 1400])
def test_detection_hears_the_end_of_a_recording_that_ends_with_its_last_word(wanted_ms: int) -> None:
    samples = np.frombuffer(spoken(), dtype="<i2")
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 1000)
    cut = samples[: loud[-1] + 1]
    sets = ("conversation.activity=automatic", f"live.detection.silence_duration_ms={wanted_ms}")
    answer, (utterance,) = asked(Question(sound=cut.tobytes()), *sets)
    assert "five" in answer.text or "5" in answer.text
    after = np.frombuffer(utterance, dtype="<i2")[::-1]
    silence_ms = int(np.argmax(after != 0)) * 1000 // CAPTURE_RATE_HZ
    assert wanted_ms - 20 <= silence_ms < CLOSING_SILENCE_MS, "by its silence, not by the end of the stream"
