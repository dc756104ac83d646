"""What video.source may be, and what is refused before anything is opened."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from satellite.core.errors import ConfigError
from satellite.settings import VideoSettings
from satellite.video.source import Device, File, Snapshot, place_of
from video.sights import SECRET


def settings(source: object, authorization: str = "") -> VideoSettings:
    return VideoSettings(source=str(source), authorization=SecretStr(authorization))


def test_an_empty_source_is_none() -> None:
    assert place_of(settings("")) is None
    assert place_of(settings("  ")) is None


def test_a_camera_that_is_not_there_yet_is_a_camera() -> None:
    assert place_of(settings("/dev/video97")) == Device("/dev/video97")
    assert place_of(settings("/dev/v4l/by-id/usb-Some_Camera-index0")) == Device(
        "/dev/v4l/by-id/usb-Some_Camera-index0"
    )


@pytest.mark.parametrize("device", ["/dev/null", "/dev/shm"])
def test_a_device_that_is_no_camera_is_refused(device: str) -> None:
    with pytest.raises(ConfigError, match=rf"video\.source: {device} is no camera"):
        place_of(settings(device))


def test_a_number_is_no_device() -> None:
    with pytest.raises(ConfigError, match=r"video\.source: expected a device by its path, e\.g\. /dev/video0, got '0'"):
        place_of(settings("0"))


def test_a_file_may_be_written_later_but_not_into_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert place_of(settings(tmp_path / "later.jpg")) == File(tmp_path / "later.jpg")
    with pytest.raises(ConfigError, match=r"there is no folder .*/nowhere$"):
        place_of(settings(tmp_path / "nowhere" / "later.jpg"))
    with pytest.raises(ConfigError, match=r"is no file$"):
        place_of(settings(tmp_path))


@pytest.mark.parametrize(
    "url", ["http://camera.local/x.jpg", "https://ha.example:8123/api/x?token=t", "HTTP://[::1]/a"]
)
def test_a_snapshot_without_a_secret_may_be_anywhere(url: str) -> None:
    assert place_of(settings(url)) == Snapshot(url, SecretStr(""))


@pytest.mark.parametrize(
    "url",
    ["https://ha.example/x", "http://127.0.0.1:8123/x", "http://localhost/x", "http://127.8.0.1/", "http://[::1]/x"],
)
def test_a_secret_goes_over_https_or_stays_on_this_machine(url: str) -> None:
    assert place_of(settings(url, SECRET)) == Snapshot(url, SecretStr(SECRET))


@pytest.mark.parametrize(
    "url",
    [
        "http://ha.local:8123/x",
        "http://192.168.1.5/x",
        "http://localhost.evil.example/x",
        "http://[fd00::1]/x",
        "HTTP://ha/",
    ],
)
def test_a_secret_that_others_could_read_is_refused(url: str) -> None:
    with pytest.raises(
        ConfigError, match=r"video\.source: video\.authorization would be readable on its way to"
    ) as caught:
        place_of(settings(url, SECRET))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("rtsp://camera/stream", "rtsp:// is not supported"),
        ("ftp://camera/x.jpg", "ftp:// is not supported"),
        ("file:///tmp/x.jpg", "file:// is not supported"),
        ("http://", "the URL has no host"),
        ("http://host:port/x.jpg", "no valid host and port"),
        ("http://[::1/x.jpg", "no valid host and port"),
        ("http://host/my picture.jpg", "percent-encoded"),
        ("http://host/a\nHost:evil", "percent-encoded"),
        ("http://host/b\u00fcro.jpg", "percent-encoded"),
        ("http://me:not-a-real-password@host/x.jpg", "set video.authorization instead"),
    ],
)
def test_a_url_that_cannot_work_is_refused_in_one_line(url: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        place_of(settings(url))
    text = str(caught.value)
    assert text.startswith("video.source: ")
    assert told in text
    assert "\n" not in text
    assert "not-a-real-password" not in text


@pytest.mark.parametrize("secret", ["Bearer a\nX-Other: b", "Bearer \u00fc"])
def test_a_secret_that_no_header_can_hold_is_refused_unseen(secret: str) -> None:
    with pytest.raises(ConfigError, match=r"^video\.authorization: ") as caught:
        place_of(settings("https://host/x.jpg", secret))
    assert "Bearer" not in str(caught.value)


def test_the_name_of_a_url_is_without_what_may_be_secret() -> None:
    place = place_of(settings("https://ha.example:8123/api/camera_proxy/camera.hall?token=not-a-real-token#x", SECRET))
    assert place is not None
    assert place.name == "https://ha.example:8123/api/camera_proxy/camera.hall"
    assert SECRET not in repr(place)
