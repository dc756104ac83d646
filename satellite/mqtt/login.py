"""The name and password for the broker, as configured. Never in a log line, never in repr."""

from dataclasses import dataclass, field

from satellite.core.errors import ConfigError
from satellite.settings import MqttSettings

MAX_PASSWORD_BYTES = 65_535
"""What fits into MQTT's CONNECT (MQTT 3.1.1, 3.1.3.5)."""


@dataclass(frozen=True, slots=True)
class Login:
    """Empty user name: anonymous."""

    username: str
    password: str = field(repr=False)


def read_login(settings: MqttSettings) -> Login:
    """The login of these settings. ConfigError, one line."""
    password = settings.password.get_secret_value()
    if password and not settings.username:
        raise ConfigError("mqtt.username: needed when there is a password (MQTT knows no password without a name)")
    if len(password.encode("utf-8", "replace")) > MAX_PASSWORD_BYTES:
        raise ConfigError(f"mqtt.password: longer than {MAX_PASSWORD_BYTES} bytes")
    return Login(settings.username, password)
