"""OpenCV, set up for this process: decoding an image, and a frame made the JPEG that is sent.

Whoever needs OpenCV imports it from here, so that it is told to be quiet and modest before it is loaded. Comes with the
extra `video`: nothing outside this folder imports this module, and camera.py does only when there is a source.
"""

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from satellite.video.source import PictureError

MAX_IMAGE_BYTES = 16 * 1024 * 1024
"""No encoded image is larger: a photograph of 50 megapixels has about 15 MB."""

MAX_PIXELS = 64_000_000
"""A few kilobytes can decode to gigabytes; 64 megapixels are 192 MB."""

# Read once, when the library is loaded.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_PIXELS))

import cv2 as cv2  # noqa: E402 - under its own name: for the modules beside this one

# What it and FFmpeg would print on standard error is told in our own words.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
cv2.setNumThreads(1)  # one picture a second; the audio threads need the other cores

Frame = npt.NDArray[np.uint8]
"""Rows x columns x 3: blue, green, red."""


def decoded(image: bytes) -> Frame:
    """An encoded image (JPEG, PNG, WebP ...) upright as its EXIF says. Raises PictureError."""
    if not image:
        raise PictureError("it is empty")
    if len(image) > MAX_IMAGE_BYTES:
        raise PictureError(too_large())
    try:
        # IMREAD_COLOR turns by the EXIF orientation and makes three channels of anything
        frame = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        raise PictureError(f"it cannot be decoded, or has more than {MAX_PIXELS // 1_000_000} megapixels") from None
    return checked(frame)


def checked(frame: Any) -> Frame:
    """What OpenCV gave, if it is a picture. Raises PictureError."""
    if frame is None or frame.size == 0:
        raise PictureError("it is no image, or a damaged one")
    picture: Frame = frame
    return picture


def encoded(frame: Frame, *, longest_side: int, quality: int) -> bytes:
    """JPEG without metadata; a frame whose longer side passes `longest_side` pixels is made smaller, never larger."""
    height, width = frame.shape[:2]
    scale = longest_side / max(height, width)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        frame = checked(cv2.resize(frame, size, interpolation=cv2.INTER_AREA))
    try:
        _, jpeg = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
    except cv2.error:
        raise PictureError("its picture cannot be made a JPEG") from None
    return jpeg.tobytes()


def too_large() -> str:
    """Why an image was not taken."""
    return f"it is larger than {MAX_IMAGE_BYTES // 1024 // 1024} MiB"
