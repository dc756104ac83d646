"""Snapshots of a real HTTP server: the secret goes where it belongs, and no answer does harm."""

import contextlib
import socket
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from satellite.settings import VideoSettings
from satellite.video.frames import MAX_IMAGE_BYTES
from satellite.video.snapshot import ASTRAY, SnapshotPictures
from satellite.video.source import PictureError, Snapshot
from video.sights import SECRET, Answer, Exchange, jpeg, level, network_camera, plain, seen

GREY = jpeg(plain(120))


def pictures_of(url: str, authorization: str = "", patience_s: float = 20.0) -> SnapshotPictures:
    place = Snapshot(url, SecretStr(authorization))
    return SnapshotPictures(place, VideoSettings(source=url, longest_side=160), patience_s=patience_s)


def why(url: str, authorization: str = "", patience_s: float = 20.0) -> str:
    """Why there is no picture."""
    with pytest.raises(PictureError) as caught:
        pictures_of(url, authorization, patience_s).picture(0.0)
    text = str(caught.value)
    assert "\n" not in text
    assert SECRET not in text
    return text


def why_not(answer: Answer, patience_s: float = 20.0) -> str:
    """Why there is no picture of a camera that answers like that."""
    with network_camera(answer) as camera:
        return why(camera.url(), patience_s=patience_s)


def test_a_snapshot_is_taken_anew_each_time_and_made_smaller() -> None:
    greys = iter([10, 240])
    with network_camera(lambda exchange: exchange.show(jpeg(plain(next(greys))))) as camera:
        pictures = pictures_of(camera.url("/api/camera_proxy/hall?token=t"))
        told = [pictures.picture(0.0), pictures.picture(1.0)]
    assert [level(picture) for picture in told] == [10, 240]
    assert seen(told[0]).shape == (120, 160, 3)
    assert camera.requests == [("/api/camera_proxy/hall?token=t", None)] * 2


def test_the_authorization_is_sent() -> None:
    with network_camera(lambda exchange: exchange.show(GREY)) as camera:
        pictures_of(camera.url(), SECRET).picture(0.0)
    assert camera.requests == [("/snapshot.jpg", SECRET)]


def test_the_authorization_follows_a_redirect_to_the_same_origin() -> None:
    def answer(exchange: Exchange) -> None:
        if exchange.path == "/snapshot.jpg":
            exchange.send_elsewhere("/real.jpg")
        else:
            exchange.show(GREY)

    with network_camera(answer) as camera:
        assert level(pictures_of(camera.url(), SECRET).picture(0.0)) == 120
    assert camera.requests == [("/snapshot.jpg", SECRET), ("/real.jpg", SECRET)]


@pytest.mark.parametrize("same_port", [False, True], ids=["another port", "another name"])
def test_the_authorization_is_not_sent_to_another_host_nor_back_from_there(same_port: bool) -> None:
    """A sends to B, B sends to A: only the first request may hold the secret."""
    with network_camera(lambda exchange: exchange.show(GREY)) as other, network_camera(_wait) as camera:
        there = camera.url("/there", host="localhost") if same_port else other.url("/there")

        def answer(exchange: Exchange) -> None:
            if exchange.path == "/snapshot.jpg":
                exchange.send_elsewhere(there)
            elif exchange.path == "/there":
                exchange.send_elsewhere(camera.url("/back"))
            else:
                exchange.show(GREY)

        camera.answer = other.answer = answer
        assert level(pictures_of(camera.url(), SECRET).picture(0.0)) == 120
    asked = camera.requests + other.requests
    assert sorted(asked) == [("/back", None), ("/snapshot.jpg", SECRET), ("/there", None)]


@pytest.mark.parametrize("scheme", ["file", "ftp", "data"])
def test_a_redirect_leads_to_http_and_nowhere_else(scheme: str, tmp_path: Path) -> None:
    (tmp_path / "private.jpg").write_bytes(GREY)
    url = f"{scheme}://{tmp_path}/private.jpg"
    told = why_not(lambda exchange: exchange.send_elsewhere(url))
    assert told == ASTRAY


def test_redirects_in_a_circle_end() -> None:
    with network_camera(lambda exchange: exchange.send_elsewhere("/again")) as camera:
        assert why(camera.url()) == ASTRAY
    assert len(camera.requests) < 20


def test_a_refused_secret_is_a_matter_for_the_settings() -> None:
    told = why_not(lambda exchange: exchange.begin(401, ("Content-Length", "0"), phrase=f"no {SECRET}\x1b[31m"))
    assert told == "it answers with HTTP status 401 Unauthorized, look at video.authorization"


def test_a_status_is_told() -> None:
    told = why_not(lambda exchange: exchange.begin(404, ("Content-Length", "0")))
    assert told == "it answers with HTTP status 404 Not Found"
    assert why_not(lambda exchange: exchange.begin(799)) == "it answers with HTTP status 799"


def test_what_is_no_image_is_told() -> None:
    assert why_not(lambda exchange: exchange.show(b"<html>", "text/html")) == "it is no image, or a damaged one"
    assert why_not(lambda exchange: exchange.show(b"")) == "it is empty"


def test_an_endless_stream_is_not_read() -> None:
    told = why_not(lambda exchange: exchange.begin(200, ("Content-Type", "multipart/x-mixed-replace; boundary=x")))
    assert told == "it is a stream (MJPEG); the URL of a single snapshot is needed"


def test_an_image_that_is_announced_too_large_is_not_read() -> None:
    read_bytes = []

    def answer(exchange: Exchange) -> None:
        exchange.begin(200, ("Content-Length", str(MAX_IMAGE_BYTES + 1)))
        with contextlib.suppress(ConnectionResetError):
            read_bytes.append(len(exchange.connection.recv(1)))  # it goes without waiting for a byte

    assert why_not(answer) == "it is larger than 16 MiB"


def test_an_image_without_an_announced_size_is_read_to_the_bound_only() -> None:
    sent_bytes = 0

    def answer(exchange: Exchange) -> None:
        nonlocal sent_bytes
        exchange.begin(200)
        while sent_bytes < 4 * MAX_IMAGE_BYTES:
            sent_bytes += exchange.connection.send(bytes(1 << 20))

    assert why_not(answer) == "it is larger than 16 MiB"
    assert sent_bytes < 3 * MAX_IMAGE_BYTES


def test_an_image_that_breaks_off_is_not_shown_grey_at_its_end() -> None:
    def answer(exchange: Exchange) -> None:
        exchange.begin(200, ("Content-Length", str(len(GREY))))
        exchange.wfile.write(GREY[: len(GREY) * 2 // 3])

    assert why_not(answer) == "the connection broke in the middle of the image"


def test_a_camera_that_does_not_answer_is_not_waited_for() -> None:
    asked_at_s = time.monotonic()
    assert why_not(_wait, patience_s=0.05) == "no whole answer within 0.05 s"
    assert time.monotonic() - asked_at_s < 10  # nobody would say so otherwise: the server never answers


def test_a_camera_that_sends_drop_by_drop_is_not_waited_for() -> None:
    """Each byte comes in time, all of them do not."""

    def answer(exchange: Exchange) -> None:
        exchange.begin(200, ("Content-Length", "100000"))
        for _ in range(3000):
            exchange.wfile.write(b"\xff")
            exchange.server.over.wait(0.001)

    assert why_not(answer, patience_s=0.2) == "no whole answer within 0.2 s"


def test_a_camera_that_is_off_says_so() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: refused
        told = why(f"http://127.0.0.1:{nobody.getsockname()[1]}/x.jpg", SECRET)
    assert told == "it cannot be reached: Connection refused"


def test_garbage_for_an_answer_is_told_in_our_words() -> None:
    def answer(exchange: Exchange) -> None:
        exchange.wfile.write(b"\x1b[31mgarbage\r\n\r\n")

    assert why_not(answer) == "its answer is not HTTP as it should be"


def test_no_proxy_learns_of_the_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with network_camera(lambda exchange: exchange.show(GREY)) as camera:
        assert level(pictures_of(camera.url()).picture(0.0)) == 120


def _wait(exchange: Exchange) -> None:
    exchange.server.over.wait()
