"""`run --substitute`: what is real, what is embedded, where a key goes, and what the user is told."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from support.mosquitto import free_port

from satellite.app.configuration import load
from satellite.app.own_broker import answers
from satellite.app.substitute import Plan, Substitutes, plan
from satellite.audio.devices import Probe
from satellite.core.errors import ConfigError
from satellite.core.events import Event, SessionOpened
from satellite.live.credentials import credentials_of
from satellite.live.link import LiveLink
from satellite.live.models import bare_name
from satellite.mqtt.login import read_login
from satellite.settings import Settings

KEY = "not-a-real-key-0123456789"
PASSWORD = "not-a-real-password"
TOKEN = "auth_tokens/not-a-real-token-0123456789"
GOOGLE = "https://generativelanguage.googleapis.com"
PROXY = "https://proxy.example/gemini"

CARD = Probe("USB microphone", "USB speaker")
NO_CARD = Probe(None, None, "there is no sound card", "there is no sound card")


def settings(*, key: str = "", base_url: str = "", sets: tuple[str, ...] = ("mqtt.enabled=false",)) -> Settings:
    environment = {"SATELLITE_LIVE__API_KEY": key} if key else {}
    return load(None, [f"live.base_url={base_url}", *sets], environment)


def chosen(wanted: Settings, card: Probe, *, paid: bool = False) -> Plan:
    return asyncio.run(plan(wanted, card, paid=paid))


@contextmanager
def listening() -> Iterator[int]:
    """A port that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        yield port


# ---------------------------------------------------------------- credentials

ELSEWHERE = [
    "",
    GOOGLE,
    GOOGLE + "/",
    PROXY,
    "wss://192.168.1.7:8443",
    "https://localhost.example",
    "https://127.0.0.1.example",
]


@pytest.mark.parametrize("base_url", ELSEWHERE)
def test_a_key_is_not_spent_in_the_simulated_room_unless_asked_for(base_url: str) -> None:
    made = chosen(settings(key=KEY, base_url=base_url), NO_CARD)
    assert made.room
    assert made.server
    assert "--paid" in made.lines[1]
    assert KEY not in "".join(made.lines)


@pytest.mark.parametrize(("base_url", "shown"), [("", GOOGLE), (PROXY, PROXY)])
def test_a_key_is_spent_in_the_simulated_room_when_asked_for(base_url: str, shown: str) -> None:
    made = chosen(settings(key=KEY, base_url=base_url), NO_CARD, paid=True)
    assert made.room
    assert not made.server
    assert shown in made.lines[1]


@pytest.mark.parametrize(("base_url", "shown"), [("", GOOGLE), (PROXY, PROXY)])
def test_a_key_is_used_with_a_sound_card(base_url: str, shown: str) -> None:
    made = chosen(settings(key=KEY, base_url=base_url), CARD)
    assert not made.room
    assert not made.server
    assert shown in made.lines[1]


OTHER_CREDENTIALS = [
    (("live.token.url=https://tokens.example",), {}, "there is a token", GOOGLE),
    ((), {"SATELLITE_LIVE__TOKEN__VALUE": TOKEN}, "there is a token", GOOGLE),
    (("live.backend=vertex", "live.vertex.location=eu"), {}, "Google credentials", "https://aiplatform.eu.rep.goog"),
    (("live.backend=vertex",), {"SATELLITE_LIVE__API_KEY": KEY}, "there is a key", "https://us-central1-aiplatform."),
]


@pytest.mark.parametrize(("sets", "environment", "what", "shown"), OTHER_CREDENTIALS)
def test_credentials_of_every_kind_are_spared_in_the_simulated_room_alone(
    sets: tuple[str, ...], environment: dict[str, str], what: str, shown: str
) -> None:
    wanted = load(None, ["mqtt.enabled=false", *sets], environment)
    spared = chosen(wanted, NO_CARD)
    assert spared.server
    assert what in spared.lines[1]
    assert "--paid" in spared.lines[1]
    assert TOKEN not in spared.lines[1]
    for used in (chosen(wanted, NO_CARD, paid=True), chosen(wanted, CARD)):
        assert not used.server
        assert shown in used.lines[1]


@pytest.mark.parametrize(
    ("sets", "environment", "model"),
    [
        ((), {"SATELLITE_LIVE__API_KEY": KEY}, "gemini-3.8-live"),
        (("live.model=gemini-live-2.5-flash-preview", "live.language=de-DE"), {}, "gemini-live-2.5-flash-preview"),
        (("live.model=gemini-9-live",), {"SATELLITE_LIVE__TOKEN__VALUE": TOKEN}, "gemini-3.8-live"),
        (("live.backend=vertex", "live.context.transparent=true"), {}, "gemini-3.8-live"),
    ],
)
def test_the_embedded_server_gets_the_configured_model_and_no_secret(
    sets: tuple[str, ...], environment: dict[str, str], model: str
) -> None:
    wanted = load(None, ["mqtt.enabled=false", *sets], environment)

    async def main() -> None:
        substitutes = Substitutes(await plan(wanted, NO_CARD, paid=False))
        try:
            live = (await substitutes.start(wanted)).live
            posted: list[Event] = []
            arrived = asyncio.Event()

            def post(event: Event) -> None:
                posted.append(event)
                arrived.set()

            link = LiveLink(live, activity_manual=True, post=post, jitter=lambda: 0.0)
            link.open(1, None)
            await asyncio.wait_for(arrived.wait(), 60)
            await link.shutdown()
            assert posted[0] == SessionOpened(1)
            assert bare_name(live.model) == model
            headers = await credentials_of(live).headers()
            assert headers == {"x-goog-api-key": "embedded"}
        finally:
            await substitutes.stop()

    asyncio.run(main())


@pytest.mark.parametrize("card", [CARD, NO_CARD])
@pytest.mark.parametrize("paid", [True, False])
def test_without_a_key_the_embedded_server_answers(card: Probe, paid: bool) -> None:
    made = chosen(settings(), card, paid=paid)
    assert made.server
    assert "for want of a key" in made.lines[1]


@pytest.mark.parametrize("key", ["", KEY])
@pytest.mark.parametrize("base_url", ["http://127.0.0.1:8765", "ws://[::1]:8765", "http://localhost:8765"])
def test_a_server_on_this_machine_is_used_as_it_is(base_url: str, key: str) -> None:
    made = chosen(settings(key=key, base_url=base_url), NO_CARD)
    assert not made.server
    assert base_url in made.lines[1]


@pytest.mark.parametrize("base_url", ["https://localhost@proxy.example", "https://[::1", "http://proxy.example"])
def test_a_url_that_cannot_be_used_is_refused_before_anything_starts(base_url: str) -> None:
    with pytest.raises(ConfigError, match=r"live\.base_url"):
        chosen(settings(key=KEY, base_url=base_url), NO_CARD)


# ---------------------------------------------------------------- the broker


def test_a_broker_that_listens_is_used() -> None:
    with listening() as port:
        made = chosen(settings(sets=("mqtt.host=127.0.0.1", f"mqtt.port={port}")), CARD)
    assert not made.broker
    assert made.lines[2] == f"MQTT:     127.0.0.1:{port}"


def test_where_nothing_listens_we_take_a_broker_of_our_own() -> None:
    port = free_port()
    made = chosen(settings(sets=("mqtt.host=127.0.0.1", f"mqtt.port={port}")), CARD)
    assert made.broker
    assert f"nothing listens at 127.0.0.1:{port}" in made.lines[2]


def test_mqtt_that_is_switched_off_stays_off() -> None:
    made = chosen(settings(sets=("mqtt.enabled=false", f"mqtt.port={free_port()}")), CARD)
    assert not made.broker
    assert "off (mqtt.enabled is false)" in made.lines[2]


# ---------------------------------------------------------------- sound


def test_a_sound_card_is_used_and_named() -> None:
    made = chosen(settings(), CARD)
    assert (made.audio.input_device, made.audio.output_device) == ("USB microphone", "USB speaker")
    assert made.lines[0] == "Sound:    the sound card, USB microphone and USB speaker"


def test_a_default_device_in_place_of_the_configured_one_is_told() -> None:
    wanted = settings(sets=("mqtt.enabled=false", "audio.input_device=Jabra"))
    made = chosen(wanted, replace(CARD, input_device="default", input_problem="no device named 'Jabra'"))
    assert not made.room
    assert made.audio.input_device == "default"
    assert "default and USB speaker" in made.lines[0]
    assert "no device named 'Jabra'" in made.lines[0]


def test_without_a_speaker_the_card_still_listens_and_this_is_told() -> None:
    wanted = settings(sets=("mqtt.enabled=false", "audio.output_device=Jabra"))
    made = chosen(wanted, replace(CARD, output_device=None, output_problem="no device named 'Jabra'"))
    assert not made.room
    assert made.audio.output_device == "Jabra"
    assert "no device named 'Jabra'" in made.lines[0]


def test_without_a_microphone_it_is_the_room_though_there_is_a_speaker() -> None:
    made = chosen(settings(), replace(CARD, input_device=None, input_problem="no microphone opens"))
    assert made.room
    assert "the simulated room" in made.lines[0]
    assert "no microphone opens" in made.lines[0]


# ---------------------------------------------------------------- the parts themselves


def test_the_embedded_parts_are_where_the_settings_point_and_get_no_secret() -> None:
    wanted = load(
        None,
        ["mqtt.host=127.0.0.1", f"mqtt.port={free_port()}", "mqtt.prefix=house", "mqtt.username=satellite"],
        {"SATELLITE_LIVE__API_KEY": KEY, "SATELLITE_MQTT__PASSWORD": PASSWORD},
    )

    async def main() -> None:
        made = await plan(wanted, NO_CARD, paid=False)
        substitutes = Substitutes(made)
        try:
            began = await substitutes.start(wanted)
            if "not installed" in "".join(substitutes.notes):
                pytest.skip("mosquitto is not installed (Debian package mosquitto)")
            server = urlsplit(began.live.base_url)
            assert server.hostname == began.mqtt.host == "127.0.0.1"
            assert await answers("127.0.0.1", server.port or 0)
            assert await answers("127.0.0.1", began.mqtt.port)
            assert f"-p {began.mqtt.port} " in substitutes.notes[0]
            assert "'house/#'" in substitutes.notes[0]
            assert began.mqtt.prefix == "house"
            assert KEY not in (await credentials_of(began.live).headers()).values()
            assert (began.mqtt.username, read_login(began.mqtt).password) == ("", "")
        finally:
            await substitutes.stop()
        assert not await answers("127.0.0.1", server.port or 0)
        assert not await answers("127.0.0.1", began.mqtt.port)

    asyncio.run(main())


def test_what_is_not_embedded_stays_as_it_was_configured() -> None:
    wanted = settings(key=KEY)
    unchanged = asyncio.run(Substitutes(chosen(wanted, CARD)).start(wanted))
    assert unchanged.live == wanted.live
    assert unchanged.mqtt == wanted.mqtt
    assert unchanged.audio.input_device == "USB microphone"


def test_without_mosquitto_mqtt_is_off_and_this_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("satellite.app.own_broker.PROGRAMS", ("no-such-program",))
    wanted = settings(key=KEY, sets=("mqtt.host=127.0.0.1", f"mqtt.port={free_port()}"))
    substitutes = Substitutes(chosen(wanted, CARD))
    assert not asyncio.run(substitutes.start(wanted)).mqtt.enabled
    assert substitutes.notes == ["MQTT:     off (mosquitto is not installed)"]
