"""A V4L2 camera as far as it goes without one: what is opened how, which frame is taken, what is let go.

Tried with no real camera: the capture is a camera by script, but for the cases where opening fails.
"""

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from satellite.settings import VideoSettings
from satellite.video import v4l2
from satellite.video.frames import cv2
from satellite.video.source import Device, PictureError
from satellite.video.v4l2 import BUFFERS, V4l2Camera
from video.sights import Picture, level, plain, seen


@contextmanager
def opens_of(path: str) -> Iterator[Callable[[], int]]:
    """Counts how often a file was opened, by inotify(7)."""
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    assert watch >= 0
    try:
        assert libc.inotify_add_watch(watch, path.encode(), 0x20) >= 0  # IN_OPEN

        def opens() -> int:
            try:
                return len(os.read(watch, 4096)) // 16  # struct inotify_event without a name
            except BlockingIOError:
                return 0

        assert opens() == 0
        yield opens
    finally:
        os.close(watch)


class Clock:
    """Moves when a frame is waited for."""

    now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s


class Room:
    """A camera and what it sees: as many old frames (grey 10, 20 ...) as its buffers hold, then what is now (200)."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.old_frames = 0
        self.opened: list[tuple[str, int]] = []
        self.released = 0
        self.is_there = True
        self.is_busy = False
        self.size = (1280, 720)

    def open(self, path: str, backend: int) -> "Capture":
        self.opened.append((path, backend))
        return Capture(self)


class Capture:
    """What OpenCV gives for it."""

    def __init__(self, room: Room) -> None:
        self.wishes: dict[int, float] = {}
        self._room = room
        self._level = 0

    def isOpened(self) -> bool:
        return not self._room.is_busy

    def set(self, what: int, value: float) -> bool:
        self.wishes[what] = value
        return False  # a driver need not follow

    def grab(self) -> bool:
        if not self._room.is_there:
            return False
        if self._room.old_frames:
            self._level += 10
            self._room.old_frames -= 1
        else:
            self._level = 200
            self._room.clock.now_s += 0.033
        return True

    def retrieve(self) -> tuple[bool, Picture | None]:
        return (True, plain(self._level, *self._room.size)) if self._level else (False, None)

    def release(self) -> None:
        self._room.released += 1


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Room:
    clock = Clock()
    room = Room(clock)
    monkeypatch.setattr(cv2, "VideoCapture", room.open)
    monkeypatch.setattr(v4l2, "time", clock)
    return room


@pytest.fixture
def device(tmp_path: Path) -> Device:
    """Where the camera is plugged in."""
    (tmp_path / "video0").touch()
    return Device(str(tmp_path / "video0"))


def camera_at(device: Device, longest_side: int = 768) -> V4l2Camera:
    return V4l2Camera(device, VideoSettings(source=device.path, longest_side=longest_side))


def test_a_device_is_opened_with_v4l2_once_and_let_go(room: Room, device: Device) -> None:
    camera = camera_at(device)
    assert room.opened == []
    camera.picture(0.0)
    camera.picture(1.0)
    assert room.opened == [(device.path, cv2.CAP_V4L2)]
    assert room.released == 0
    camera.close()
    camera.close()
    assert room.released == 1
    camera.picture(2.0)
    assert len(room.opened) == 2


def test_a_picture_is_of_now_not_of_what_waited_in_the_buffers(room: Room, device: Device) -> None:
    camera = camera_at(device)
    for waiting in (0, 1, BUFFERS):
        room.old_frames = waiting
        assert level(camera.picture(0.0)) == 200
    assert room.clock.now_s == pytest.approx(3 * 0.033)  # one new frame each was waited for


def test_a_camera_that_is_faster_than_we_are_is_not_followed_for_ever(room: Room, device: Device) -> None:
    room.old_frames = 1000
    camera_at(device).picture(0.0)
    assert room.old_frames == 1000 - BUFFERS - 1


def test_the_picture_is_no_larger_than_wanted(room: Room, device: Device) -> None:
    assert seen(camera_at(device, longest_side=320).picture(0.0)).shape == (180, 320, 3)


def test_a_camera_that_was_pulled_out_says_so(room: Room, device: Device) -> None:
    camera = camera_at(device)
    camera.picture(0.0)
    room.is_there = False
    with pytest.raises(PictureError, match=r"^the camera has stopped$"):
        camera.picture(1.0)


def test_a_camera_in_use_says_so(room: Room, device: Device) -> None:
    room.is_busy = True
    with pytest.raises(PictureError, match="no camera, or another program has it"):
        camera_at(device).picture(0.0)


def test_a_camera_that_is_not_there_says_so() -> None:
    with pytest.raises(PictureError, match=r"^there is no such device$"):
        camera_at(Device("/dev/video97")).picture(0.0)


def test_opencvs_v4l2_opens_a_camera_by_its_path(device: Device) -> None:
    """The real library: it opens the path to ask whether that is a camera. A plain file is none."""
    assert cv2.CAP_V4L2 in cv2.videoio_registry.getCameraBackends()
    with opens_of(device.path) as opens:
        assert not cv2.VideoCapture(device.path, cv2.CAP_V4L2).isOpened()
        assert opens() > 0


def test_opencv_refuses_what_is_no_camera(capfd: pytest.CaptureFixture[str]) -> None:
    """The real library: nothing is faked here."""
    with pytest.raises(PictureError, match="it cannot be opened"):
        camera_at(Device("/dev/null")).picture(0.0)
    assert capfd.readouterr() == ("", "")
