"""Fixtures: a broker, a satellite's client on it, and its log."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.mosquitto import Mosquitto

from mqtt.watching import Heard, Journal, MakeClient
from satellite.core.events import Event
from satellite.mqtt.client import MqttClient
from satellite.settings import MqttSettings


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running broker that forgets everything when it ends: what is there after a restart was published anew."""
    with Mosquitto(tmp_path / "broker", persistence=False) as running:
        yield running


@pytest.fixture
def make_client() -> Iterator[MakeClient]:
    """Clients that reconnect quickly."""
    made: list[MqttClient] = []

    def make(broker: Mosquitto, on_command: Callable[[Event], None] | None = None, **settings: object) -> MqttClient:
        values = {"host": broker.host, "port": broker.port, **settings}
        client = MqttClient(
            MqttSettings.model_validate(values),
            "kitchen",
            on_command or Heard(),
            reconnect_min_s=0.05,
            reconnect_max_s=0.5,
        )
        made.append(client)
        return client

    yield make
    for client in made:
        client.stop()


@pytest.fixture
def journal() -> Iterator[Journal]:
    """What satellite.mqtt logs."""
    collected = Journal()
    logger = logging.getLogger("satellite.mqtt")
    level = logger.level
    logger.addHandler(collected)
    logger.setLevel(logging.DEBUG)
    yield collected
    logger.removeHandler(collected)
    logger.setLevel(level)
