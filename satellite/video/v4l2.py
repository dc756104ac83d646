"""Pictures of a V4L2 camera: a USB camera as /dev/video0 or, better, by its name in /dev/v4l/by-id.

A camera on the ribbon of a Raspberry Pi gives no finished pictures there (libcamera makes them): let rpicam-still write
a file, or serve a snapshot.
"""

import os
import time

from satellite.settings import VideoSettings
from satellite.video.frames import checked, cv2, encoded
from satellite.video.source import Device, PictureError

BUFFERS = 4
"""Frames that OpenCV has the driver keep (cap_v4l.cpp): with one read a second they are old, the oldest first."""

WAITED_S = 0.003
"""A frame that had to be waited for this long is new; one from a buffer comes in microseconds."""


class V4l2Camera:
    """An open camera has its light on: opened by the first picture, let go by `close`."""

    def __init__(self, device: Device, settings: VideoSettings) -> None:
        """Opens nothing."""
        self._path = device.path
        self._longest_side = settings.longest_side
        self._quality = settings.jpeg_quality
        self._capture: cv2.VideoCapture | None = None

    def picture(self, elapsed_s: float) -> bytes:
        """What it sees now, whatever the time."""
        if self._capture is None:
            self._capture = self._opened()
        try:
            for _ in range(BUFFERS + 1):
                asked_at_s = time.monotonic()
                if not self._capture.grab():
                    raise PictureError("the camera has stopped")
                if time.monotonic() - asked_at_s >= WAITED_S:
                    break
            _, frame = self._capture.retrieve()
        except cv2.error:
            raise PictureError("the camera gives no usable picture") from None
        return encoded(checked(frame), longest_side=self._longest_side, quality=self._quality)

    def close(self) -> None:
        """Its light goes off."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _opened(self) -> "cv2.VideoCapture":
        """OpenCV does not say why it cannot open a camera: looked up here as far as possible."""
        if not os.path.exists(self._path):  # noqa: PTH110
            raise PictureError("there is no such device")
        if not os.access(self._path, os.R_OK | os.W_OK):
            raise PictureError("no permission to use it (is the user in the group video?)")
        capture = cv2.VideoCapture(self._path, cv2.CAP_V4L2)
        if not capture.isOpened():
            raise PictureError("it cannot be opened: no camera, or another program has it")
        # A wish: the driver takes the nearest it can do, and 640 x 480 is what it would take without.
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._longest_side)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._longest_side * 3 // 4)
        return capture
