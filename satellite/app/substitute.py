"""`run --substitute`: what this machine lacks is replaced by an embedded part, and the first lines say which.

No sound card: the simulated room. No key: the embedded Live server. No broker: a mosquitto of our own.
A key together with the simulated room would be spent on a demonstration: that takes --paid.
"""

import logging
from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

from satellite.app.own_broker import OwnBroker, has_broker
from satellite.live_server.server import LiveServer
from satellite.settings import AudioSettings, LiveSettings, Settings

log = logging.getLogger(__name__)


class Probe(Protocol):
    """Which input PortAudio opens: the configured one, else "default", else "" for none."""

    async def __call__(self, settings: AudioSettings) -> str: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What is real and what is embedded, with a line for the user about each."""

    input_device: str
    server: bool
    broker: bool
    lines: tuple[str, ...]

    @property
    def room(self) -> bool:
        """Whether the simulated room stands in for the sound card."""
        return not self.input_device


async def plan(settings: Settings, probe: Probe, *, paid: bool) -> Plan:
    """Find out what is missing."""
    device = await probe(settings.audio)
    has_key = bool(settings.live.api_key.get_secret_value())
    elsewhere = settings.live.base_url != LiveSettings().base_url
    spared = has_key and not elsewhere and not device and not paid
    server = spared or not (has_key or elsewhere)
    broker = settings.mqtt.enabled and not await has_broker(settings.mqtt)
    place = f"{settings.mqtt.host}:{settings.mqtt.port}"
    if not device:
        sound = "the simulated room (PortAudio opens neither the configured nor the default input)"
    elif device == settings.audio.input_device:
        sound = f"the sound card, {device}"
    else:
        sound = f"the sound card, {device} ({settings.audio.input_device} cannot be opened)"
    if spared:
        live = "the embedded server (there is a key, but the simulated room would spend it: --paid to use it)"
    elif server:
        live = "the embedded server (no key: SATELLITE_LIVE__API_KEY or live.api_key_file)"
    else:
        live = f"{settings.live.base_url}, {settings.live.model}"
    if not settings.mqtt.enabled:
        mqtt = "off (mqtt.enabled is false)"
    elif broker:
        mqtt = f"a mosquitto of our own (nothing listens at {place})"
    else:
        mqtt = place
    return Plan(device, server, broker, (f"Sound:    {sound}", f"Live API: {live}", f"MQTT:     {mqtt}"))


class Substitutes:
    """The embedded parts of a plan: started before the daemon, ended after it."""

    def __init__(self, chosen: Plan) -> None:
        self._plan = chosen
        self._server: LiveServer | None = None
        self._broker = OwnBroker()
        self.notes: list[str] = []
        """Lines for the user about what became of them."""

    async def start(self, settings: Settings) -> Settings:
        """The settings with every embedded part in place. Raises SpeechError or OSError."""
        if self._plan.input_device:
            audio = settings.audio.model_copy(update={"input_device": self._plan.input_device})
            settings = settings.model_copy(update={"audio": audio})
        if self._plan.broker:
            settings = settings.model_copy(update={"mqtt": await self._start_broker(settings)})
        if self._plan.server:
            # any free port: `satellite serve` may be running on the configured one
            self._server = LiveServer(settings.server.model_copy(update={"host": "127.0.0.1", "port": 0}))
            port = await self._server.start()
            key = settings.server.api_key.get_secret_value() or "embedded"
            live = settings.live.model_copy(
                update={
                    "base_url": f"http://127.0.0.1:{port}",
                    "api_key": SecretStr(key),
                    "model": LiveSettings().model,
                }
            )
            settings = settings.model_copy(update={"live": live})
        return settings

    async def stop(self) -> None:
        """End what was started."""
        if self._server is not None:
            await self._server.close()
        await self._broker.stop()

    async def _start_broker(self, settings: Settings) -> object:
        trouble = await self._broker.start()
        if trouble:
            self.notes.append(f"MQTT:     off ({trouble})")
            return settings.mqtt.model_copy(update={"enabled": False})
        self.notes.append(f"MQTT:     mosquitto_sub -p {self._broker.port} -v -t '{settings.mqtt.prefix}/#' shows it")
        return settings.mqtt.model_copy(update={"host": "127.0.0.1", "port": self._broker.port, "username": ""})
