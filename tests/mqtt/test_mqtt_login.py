"""The name and password for the broker."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from satellite.core.errors import ConfigError
from satellite.mqtt.client import MqttClient
from satellite.mqtt.login import read_login
from satellite.settings import MqttSettings


def test_nothing_configured_is_anonymous() -> None:
    login = read_login(MqttSettings())
    assert (login.username, login.password) == ("", "")


def test_the_password_file_is_read_without_its_line_end(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2 \n", encoding="utf-8")
    login = read_login(MqttSettings(username="kitchen", password_file=file))
    assert login.password == "hunter2 "
    assert "hunter2" not in repr(login)


def test_the_password_stands_above_its_file(tmp_path: Path) -> None:
    settings = MqttSettings(username="kitchen", password=SecretStr("direct"), password_file=tmp_path / "missing")
    assert read_login(settings).password == "direct"


def test_an_empty_password_file_means_that_there_is_none(tmp_path: Path) -> None:
    file = tmp_path / "empty"
    file.touch()
    assert read_login(MqttSettings(password_file=file)).password == ""


def test_a_password_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    for settings, words in (
        (MqttSettings(username="u", password_file=tmp_path / "missing"), "No such file"),
        (MqttSettings(username="u", password_file=tmp_path), "directory"),
        (MqttSettings(username="u", password_file=binary), "not UTF-8"),
        (MqttSettings(password=SecretStr("hunter2")), "username"),
        (MqttSettings(username="u", password=SecretStr("hunter2" * 10_000)), "longer"),
    ):
        with pytest.raises(ConfigError, match=words) as caught:
            read_login(settings)
        assert str(caught.value).startswith("mqtt.")
        assert "\n" not in str(caught.value)
        assert "hunter2" not in str(caught.value)


def test_the_client_refuses_such_a_password_at_once_unless_it_is_not_enabled(tmp_path: Path) -> None:
    settings = MqttSettings(username="u", password_file=tmp_path / "missing")
    with pytest.raises(ConfigError):
        MqttClient(settings, "kitchen", lambda event: None)
    off = MqttClient(settings.model_copy(update={"enabled": False}), "kitchen", lambda event: None)
    off.start()
    off.stop()
    assert not off.connected
