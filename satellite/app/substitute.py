"""`run --substitute`: what this machine lacks is replaced by an embedded part, and the first lines say which.

No sound card: the simulated room. No credentials (key, token, Vertex AI): the embedded Live server. No broker: a
mosquitto of our own. Credentials together with the simulated room would be spent on a demonstration: that takes --paid,
whatever live.base_url is, for a proxy may pass them on. Only this machine itself is sent them without asking.
"""

import logging
from dataclasses import dataclass
from urllib.parse import urlsplit

from satellite.app.embedded import EmbeddedServer
from satellite.app.own_broker import OwnBroker, answers
from satellite.audio.devices import Probe
from satellite.live.credentials import has_credentials
from satellite.live.endpoints import Access, access_of, google_base, is_loopback, websocket_base
from satellite.settings import AudioSettings, MqttSettings, Settings

log = logging.getLogger(__name__)

WHAT_IS_SPARED = {
    Access.KEY: "there is a key",
    Access.EXPRESS: "there is a key",
    Access.TOKEN: "there is a token",
    Access.BEARER: "there are Google credentials",
}
"""What would be spent."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is real and what is embedded, with a line for the user about each."""

    audio: AudioSettings
    room: bool
    server: bool
    broker: bool
    lines: tuple[str, ...]


async def plan(settings: Settings, card: Probe, *, paid: bool) -> Plan:
    """Find out what is missing; `card` says which sound devices open. Raises ConfigError for a URL that is none."""
    room = not card.has_microphone
    audio = settings.audio.model_copy(
        update={
            "input_device": card.input_device or settings.audio.input_device,
            "output_device": card.output_device or settings.audio.output_device,
        }
    )
    may_pay = has_credentials(settings.live)
    base_url = settings.live.base_url
    # as the link reads it: what it would take for another host must not pass for this machine here
    at_home = bool(base_url) and is_loopback(urlsplit(websocket_base(base_url)).hostname or "")
    spared = may_pay and room and not at_home and not paid
    server = spared or not (may_pay or base_url)
    broker = settings.mqtt.enabled and not await answers(settings.mqtt.host, settings.mqtt.port)
    lines = (
        f"Sound:    {_sound_line(settings, card)}",
        f"Live API: {_live_line(settings, server=server, spared=spared)}",
        f"MQTT:     {_mqtt_line(settings, broker=broker)}",
    )
    return Plan(audio, room, server, broker, lines)


def _sound_line(settings: Settings, card: Probe) -> str:
    if not card.has_microphone:
        return f"the simulated room, for want of a sound card ({card.input_problem})"
    problems = [problem for problem in (card.input_problem, card.output_problem) if problem]
    instead = f" ({'; '.join(problems)})" if problems else ""
    return f"the sound card, {card.input_device} and {card.output_device or settings.audio.output_device}{instead}"


def _live_line(settings: Settings, *, server: bool, spared: bool) -> str:
    live = settings.live
    if spared:
        what = WHAT_IS_SPARED[access_of(live)]
        return f"the embedded server ({what}, but the simulated room would spend it: --paid to use it)"
    if server:
        return "the embedded server, for want of a key (SATELLITE_LIVE__API_KEY or live.api_key_file)"
    return f"{live.base_url or google_base(live)}, {live.model}"


def _mqtt_line(settings: Settings, *, broker: bool) -> str:
    place = f"{settings.mqtt.host}:{settings.mqtt.port}"
    if not settings.mqtt.enabled:
        return "off (mqtt.enabled is false)"
    return f"a mosquitto of our own, since nothing listens at {place}" if broker else place


class Substitutes:
    """The embedded parts of a plan: started before the daemon, ended after it."""

    def __init__(self, chosen: Plan) -> None:
        self._plan = chosen
        self._server: EmbeddedServer | None = None
        self._broker = OwnBroker()
        self.notes: list[str] = []
        """Lines for the user about what became of them."""

    async def start(self, settings: Settings) -> Settings:
        """The settings with every embedded part in place. Raises SpeechError or OSError."""
        settings = settings.model_copy(update={"audio": self._plan.audio})
        if self._plan.broker:
            settings = settings.model_copy(update={"mqtt": await self._start_broker(settings)})
        if self._plan.server:
            self._server = EmbeddedServer(settings)
            settings = await self._server.start()
        return settings

    async def stop(self) -> None:
        """End what was started."""
        if self._server is not None:
            await self._server.stop()
        await self._broker.stop()

    async def _start_broker(self, settings: Settings) -> MqttSettings:
        trouble = await self._broker.start()
        if trouble:
            self.notes.append(f"MQTT:     off ({trouble})")
            return settings.mqtt.model_copy(update={"enabled": False})
        self.notes.append(f"MQTT:     mosquitto_sub -p {self._broker.port} -v -t '{settings.mqtt.prefix}/#' shows it")
        mqtt = settings.mqtt
        return MqttSettings(host="127.0.0.1", port=self._broker.port, prefix=mqtt.prefix, keepalive_s=mqtt.keepalive_s)
