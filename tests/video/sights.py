"""Things to look at: images, videos, and a network camera by script."""

import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from satellite.video.frames import cv2

Picture = npt.NDArray[Any]

SECRET = "Bearer not-a-real-token"


def plain(level: int, width: int = 320, height: int = 240) -> Picture:
    """A picture of one grey, 0 to 255."""
    return np.full((height, width, 3), level, np.uint8)


def jpeg(picture: Picture) -> bytes:
    """As a camera sends it."""
    return cv2.imencode(".jpg", picture)[1].tobytes()


def png(picture: Picture) -> bytes:
    """Without loss."""
    return cv2.imencode(".png", picture)[1].tobytes()


def seen(image: bytes) -> Picture:
    """What is in an encoded picture."""
    picture = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return picture


def level(image: bytes) -> int:
    """The mean grey of an encoded picture."""
    return round(float(seen(image).mean()))


def with_orientation(image: bytes, orientation: int) -> bytes:
    """The JPEG with an EXIF segment that says how the camera was held (6: turn by 90 degrees clockwise)."""
    exif = b"Exif\0\0" + b"MM\0*" + struct.pack(">LHHHLHHL", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    return image[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + image[2:]


def write_video(path: Path, levels: list[int], rate_hz: float = 10.0) -> Path:
    """A video whose frames are of these greys."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), rate_hz, (64, 48))
    for grey in levels:
        writer.write(plain(grey, 64, 48))
    writer.release()
    assert 0 < path.stat().st_size < 200_000
    return path


Answer = Callable[["Exchange"], None]


class Exchange(BaseHTTPRequestHandler):
    """One request to the network camera, with verbs to answer it."""

    server: "NetworkCamera"

    def do_GET(self) -> None:
        self.server.requests.append((self.path, self.headers.get("Authorization")))
        try:
            self.server.answer(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # who asked has heard enough

    def show(self, image: bytes, kind: str = "image/jpeg") -> None:
        """Answer with an image."""
        self.begin(200, ("Content-Type", kind), ("Content-Length", str(len(image))))
        self.wfile.write(image)

    def send_elsewhere(self, url: str) -> None:
        """Redirect."""
        self.begin(302, ("Location", url), ("Content-Length", "0"))

    def begin(self, status: int, *headers: tuple[str, str], phrase: str | None = None) -> None:
        """The head of an answer."""
        self.send_response(status, phrase)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Not into the output of the tests."""


class NetworkCamera(ThreadingHTTPServer):
    """A real HTTP server on loopback."""

    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Exchange)
        self.answer = answer
        self.requests: list[tuple[str, str | None]] = []
        """Path and Authorization of each."""
        self.over = threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def url(self, path: str = "/snapshot.jpg", host: str = "127.0.0.1") -> str:
        """Where it is."""
        return f"http://{host}:{self.port}{path}"


@contextmanager
def network_camera(answer: Answer) -> Iterator[NetworkCamera]:
    """One that answers like that; `over` is set at the end."""
    camera = NetworkCamera(answer)
    thread = threading.Thread(target=camera.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield camera
    finally:
        camera.over.set()
        camera.shutdown()
        thread.join()
        camera.server_close()
