"""Sound at any rate, pictures, voices and languages, and what the native audio models do besides."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google import genai
from google.genai import types
from live_server.official import developer, refusal_of, session_of, vertex
from live_server.stage import simulate
from video.sights import jpeg, plain

from guides.known_sentences import OVERHEARD, PICTURE, TIME, KnowsSentences, aloud, at_rate, spoken
from guides.our_client import linked, of, until, until_turn_completed
from guides.talking import (
    DISABLED,
    END,
    START,
    Turn,
    answer_to,
    pcm,
    speaks,
    stream,
    talk,
    turn_of,
    writes,
)
from guides.ways_in import (
    HALF_CASCADE,
    NATIVE,
    NATIVE_2_5,
    THINKING_DIALOG,
    VERTEX_HALF_CASCADE,
    VERTEX_NATIVE_2_5,
    served,
)
from satellite.core import events as ev
from satellite.core.errors import ConfigError
from satellite.live.models import HALF_CASCADE_VOICES, LANGUAGES, NATIVE_VOICES, STARRED_LANGUAGES
from satellite.live.setup_rules import check_setup
from satellite.live_server.refusals import INVALID_ARGUMENT, NOT_AUDIO
from satellite.settings import LiveSettings, VideoSettings
from satellite.video.file import FilePictures
from satellite.video.source import File

UNKNOWN_NAME = 'Invalid JSON payload received. Unknown name "'


def serving(script: Callable[[int], Awaitable[None]], **options: Any) -> None:
    """Run a script against a server."""

    async def main() -> None:
        async with served(**options) as (_, port):
            await script(port)

    simulate(main())


def refused_at_start(**live: Any) -> str:
    """What our own configuration says of it before anything is dialled."""
    with pytest.raises(ConfigError) as refused:
        check_setup(LiveSettings.model_validate(live), activity_manual=True, tools=())
    return str(refused.value)


def test_row_14_any_input_rate() -> None:
    async def script(port: int) -> None:
        async with talk(port, speaks(realtime_input_config=DISABLED)) as session:

            async def heard(sound: bytes, rate_hz: int) -> str:
                await session.send_realtime_input(activity_start=START)
                await session.send_realtime_input(audio=pcm(sound, rate_hz))
                await session.send_realtime_input(activity_end=END)
                return (await turn_of(session)).heard

            for rate_hz in (8000, 16_000, 24_000, 44_100, 48_000):
                assert await heard(at_rate(spoken(TIME), rate_hz), rate_hz) == TIME
            assert await heard(at_rate(spoken(TIME), 24_000), 16_000) == ""  # a rate that is not the sound's

        async with linked(port) as (link, events):
            link.open(1, None)
            assert isinstance(await events.get(), ev.SessionOpened)
            for rate_hz in (8000, 44_100):
                link.send_activity_start(1)
                link.send_sound(1, at_rate(spoken(TIME), rate_hz), rate_hz)
                link.send_activity_end(1)
                assert "".join(event.text for event in await until(events, ev.InputTranscribed)) == TIME

    serving(script)


def test_row_15_16_bit_at_16_khz_in_and_24_khz_out() -> None:
    ear = KnowsSentences()
    sound = np.arange(-16_000, 16_000, dtype="<i2").tobytes()  # little-endian: of two bytes the low one first

    async def script(port: int) -> None:
        async with talk(port, speaks(realtime_input_config=DISABLED)) as session:
            await session.send_realtime_input(activity_start=START)
            await stream(session, sound)
            await stream(session, spoken(TIME))
            await session.send_realtime_input(activity_end=END)
            turn = await turn_of(session)
        blobs = [message.server_content.model_turn.parts[0].inline_data for message in speaking(turn)]
        assert {blob.mime_type for blob in blobs} == {"audio/pcm;rate=24000"}
        assert [len(blob.data) for blob in blobs] == [9600, 4800]  # 200 ms, then the rest of 300

    serving(script, recogniser=ear)
    assert ear.utterances == [sound + spoken(TIME)]


def speaking(turn: Turn) -> list[Any]:
    """The messages that hold a piece of the model's turn."""
    return [m for m in turn.messages if m.server_content is not None and m.server_content.model_turn is not None]


def test_row_19_audio_and_video_at_once() -> None:
    picture = types.Blob(data=jpeg(plain(90, 768, 432)), mime_type="image/jpeg")
    sound = aloud(PICTURE)

    async def script(port: int) -> None:
        async with talk(port) as session:
            for begin in range(0, len(sound), 32_000):
                await session.send_realtime_input(video=picture)
                await stream(session, sound[begin : begin + 32_000])
            turn = await turn_of(session)
        assert turn.heard == PICTURE
        assert "768 by 432 pixels" in turn.said
        assert set(turn.prompt) == {"AUDIO", "VIDEO"}

    serving(script)


def test_row_20_one_frame_a_second_of_768_pixels(tmp_path: Path) -> None:
    path = tmp_path / "camera.jpg"
    path.write_bytes(jpeg(plain(90, 1920, 1080)))
    frame = FilePictures(File(path), VideoSettings()).picture(0.0)  # as the satellite sends it

    async def script(port: int) -> None:
        async with session_of(vertex(port), speaks()) as session:
            for _ in range(3):
                await session.send_realtime_input(video=types.Blob(data=frame, mime_type="image/jpeg"))
            turn = await answer_to_realtime(session, PICTURE)
            assert "768 by 432 pixels" in turn.said
            assert turn.prompt["VIDEO"] == 3 * 258
        async with linked(port, backend="vertex") as (link, events):
            link.open(1, None)
            assert isinstance(await events.get(), ev.SessionOpened)
            for _ in range(2):
                link.send_picture(1, frame)
            link.send_text(1, PICTURE)
            seen = await until_turn_completed(events)
            assert "768 by 432 pixels" in "".join(event.text for event in of(ev.OutputTranscribed, seen))
            assert of(ev.UsageReported, seen)[0].tokens.prompt["video"] == 2 * 258

    serving(script)


async def answer_to_realtime(session: Any, text: str) -> Turn:
    """Say it in writing as realtime input, and read the answer."""
    await session.send_realtime_input(text=text)
    return await turn_of(session)


def with_voice(voice: str = "", language: str | None = None) -> types.LiveConnectConfig:
    """A session with a voice or a language."""
    prebuilt = types.VoiceConfig(prebuilt_voice_config=types.PrebuiltVoiceConfig(voice_name=voice)) if voice else None
    return speaks(speech_config=types.SpeechConfig(voice_config=prebuilt, language_code=language))


async def all_open(client: genai.Client, configs: list[types.LiveConnectConfig], name: str) -> None:
    """Each of these sessions is set up."""
    for config in configs:
        async with session_of(client, config, name) as session:
            assert session.setup_complete is not None


def test_row_21_the_voices() -> None:
    assert len(HALF_CASCADE_VOICES) == 8
    assert len(NATIVE_VOICES) == 30

    async def script(port: int) -> None:
        client = developer(port)
        await all_open(client, [with_voice(voice) for voice in sorted(HALF_CASCADE_VOICES)], HALF_CASCADE)
        await all_open(client, [with_voice(voice) for voice in sorted(NATIVE_VOICES)], NATIVE)
        assert await refusal_of(client, with_voice("Sulafat"), HALF_CASCADE) == (1007, INVALID_ARGUMENT)
        assert await refusal_of(client, with_voice("Nobody"), NATIVE) == (1007, INVALID_ARGUMENT)
        async with linked(port, voice="Sulafat") as (link, events):
            link.open(1, None)
            assert isinstance(await events.get(), ev.SessionOpened)

    serving(script)
    assert refused_at_start(voice="Sulafat", model=HALF_CASCADE).startswith("live.voice = Sulafat: half cascade models")
    assert "(did you mean Fenrir?)" in refused_at_start(voice="fenrir")


def test_row_22_the_language_of_the_reply() -> None:
    german = with_voice(language="de-DE")

    async def script(port: int) -> None:
        await all_open(developer(port), [german], HALF_CASCADE)
        assert await refusal_of(developer(port), german, NATIVE) == (1007, INVALID_ARGUMENT)
        assert await refusal_of(developer(port), with_voice(language="de"), HALF_CASCADE) == (1007, INVALID_ARGUMENT)
        async with linked(port, language="de-DE", model=HALF_CASCADE) as (link, events):
            link.open(1, None)
            assert isinstance(await events.get(), ev.SessionOpened)

    serving(script)
    assert "choose the language by themselves" in refused_at_start(language="de-DE", model=NATIVE)
    assert "(did you mean de-DE?)" in refused_at_start(language="de-De", model=HALF_CASCADE)


def test_row_23_the_languages() -> None:
    assert [len(LANGUAGES["developer"]), len(LANGUAGES["vertex"])] == [30, 24]

    async def script(port: int) -> None:
        for client, backend, name in (
            (developer(port), "developer", HALF_CASCADE),
            (vertex(port), "vertex", VERTEX_HALF_CASCADE),
        ):
            await all_open(client, [with_voice(language=code) for code in sorted(LANGUAGES[backend])], name)
        assert await refusal_of(vertex(port), with_voice(language="en-AU"), VERTEX_HALF_CASCADE) == (
            1007,
            INVALID_ARGUMENT,
        )

    serving(script)
    assert {"en-AU", "en-GB", "es-ES", "fr-CA", "gu-IN", "kn-IN", "ml-IN", "cmn-CN"} == STARRED_LANGUAGES
    for code in STARRED_LANGUAGES:
        assert "is not available with native audio" in refused_at_start(language=code, model=NATIVE_2_5)


def test_row_24_native_audio() -> None:
    async def script(port: int) -> None:
        async with talk(port, name=NATIVE_2_5) as session:
            turn = await answer_to(session, TIME)
            assert turn.audio
            assert not turn.text
        assert await refusal_of(developer(port), writes(), NATIVE_2_5) == (1007, NOT_AUDIO)

    serving(script)
    assert "reply in sound alone" in refused_at_start(generation={"modality": "text"}, model=NATIVE_2_5)


def test_row_25_affective_dialog() -> None:
    config = speaks(enable_affective_dialog=True)

    async def script(port: int) -> None:
        await all_open(developer(port, version="v1alpha"), [config], NATIVE_2_5)
        await all_open(vertex(port), [config], VERTEX_NATIVE_2_5)
        for version in ("v1beta", "v1"):
            code, reason = await refusal_of(developer(port, version=version), config, NATIVE_2_5)
            assert (code, reason.startswith(f'{UNKNOWN_NAME}enableAffectiveDialog"')) == (1007, True)
        assert await refusal_of(developer(port, version="v1alpha"), config, NATIVE) == (1007, INVALID_ARGUMENT)
        async with linked(port, model=NATIVE_2_5, generation={"affective_dialog": True}) as (link, events):
            link.open(1, None)
            assert isinstance(await events.get(), ev.SessionOpened)  # it has chosen v1alpha by itself

    serving(script)
    assert "live.generation.affective_dialog" in refused_at_start(generation={"affective_dialog": True})


def test_row_26_proactive_audio() -> None:
    config = speaks(proactivity=types.ProactivityConfig(proactive_audio=True))

    async def script(port: int) -> None:
        async with talk(port, config, NATIVE_2_5, "v1alpha") as session:
            await stream(session, aloud(OVERHEARD))
            overheard = await turn_of(session)
            assert (overheard.heard, overheard.audio, overheard.said) == (OVERHEARD, b"", "")
            await stream(session, aloud(TIME))
            assert (await turn_of(session)).audio
        async with talk(port, name=NATIVE_2_5) as session:  # without, it answers whatever it hears
            await stream(session, aloud(OVERHEARD))
            assert (await turn_of(session)).audio
        code, reason = await refusal_of(developer(port, version="v1beta"), config, NATIVE_2_5)
        assert (code, reason.startswith(f'{UNKNOWN_NAME}proactivity"')) == (1007, True)
        async with linked(port, model=NATIVE_2_5, generation={"proactive_audio": True}) as (link, events):
            link.open(1, None)
            assert isinstance(await events.get(), ev.SessionOpened)

    serving(script)


def test_row_27_thinking_aloud() -> None:
    thinking = types.ThinkingConfig(thinking_budget=1024, include_thoughts=True)

    async def script(port: int) -> None:
        async with talk(port, speaks(thinking_config=thinking), THINKING_DIALOG) as session:
            turn = await answer_to(session, TIME)
            assert turn.order[:2] == ["thought", "audio"]
            assert turn.thoughts.startswith("This is about time")
            assert turn.usage.thoughts_token_count
            assert not turn.text
        async with linked(port, model=NATIVE_2_5, generation={"include_thoughts": True}) as (link, events):
            link.open(1, None)
            assert isinstance(await events.get(), ev.SessionOpened)
            link.send_text(1, TIME)
            seen = await until_turn_completed(events)
            assert "".join(event.text for event in of(ev.ThoughtReceived, seen)) == turn.thoughts
            assert of(ev.UsageReported, seen)[0].tokens.thoughts == turn.usage.thoughts_token_count
        assert await refusal_of(developer(port), speaks(thinking_config=thinking), NATIVE) == (1007, INVALID_ARGUMENT)

    serving(script)
    assert "thinking" in refused_at_start(generation={"thinking_budget": 5}, model=NATIVE)


@pytest.mark.parametrize(("resolution", "tokens"), [("low", 64), ("medium", 256), ("", 258)])
def test_row_37_media_resolution(resolution: str, tokens: int) -> None:
    picture = jpeg(plain(90, 640, 480))
    asked = types.MediaResolution(f"MEDIA_RESOLUTION_{resolution.upper()}") if resolution else None

    async def script(port: int) -> None:
        async with talk(port, speaks(media_resolution=asked)) as session:
            await session.send_realtime_input(video=types.Blob(data=picture, mime_type="image/jpeg"))
            assert (await answer_to_realtime(session, PICTURE)).prompt["VIDEO"] == tokens
        async with linked(port, generation={"media_resolution": resolution}) as (link, events):
            link.open(1, None)
            assert isinstance(await events.get(), ev.SessionOpened)
            link.send_picture(1, picture)
            link.send_text(1, PICTURE)
            (usage,) = await until(events, ev.UsageReported)
            assert usage.tokens.prompt["video"] == tokens

    serving(script)
