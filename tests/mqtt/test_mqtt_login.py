"""The name and password for the broker."""

import pytest
from pydantic import SecretStr

from satellite.core.errors import ConfigError
from satellite.mqtt.client import MqttClient
from satellite.mqtt.login import read_login
from satellite.settings import MqttSettings


def test_nothing_configured_is_anonymous() -> None:
    login = read_login(MqttSettings())
    assert (login.username, login.password) == ("", "")


def test_the_password_never_shows() -> None:
    login = read_login(MqttSettings(username="kitchen", password=SecretStr("hunter2 ")))
    assert login.password == "hunter2 "
    assert "hunter2" not in repr(login)


def test_a_password_that_cannot_be_used_is_one_clear_line() -> None:
    for settings, words in (
        (MqttSettings(password=SecretStr("hunter2")), "username"),
        (MqttSettings(username="u", password=SecretStr("hunter2" * 10_000)), "longer"),
    ):
        with pytest.raises(ConfigError, match=words) as caught:
            read_login(settings)
        assert str(caught.value).startswith("mqtt.")
        assert "\n" not in str(caught.value)
        assert "hunter2" not in str(caught.value)


def test_the_client_refuses_such_a_password_at_once_unless_it_is_not_enabled() -> None:
    settings = MqttSettings(password=SecretStr("hunter2"))
    with pytest.raises(ConfigError):
        MqttClient(settings, "kitchen", lambda event: None)
    off = MqttClient(settings.model_copy(update={"enabled": False}), "kitchen", lambda event: None)
    off.start()
    off.stop()
    assert not off.connected
