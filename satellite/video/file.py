"""Pictures from a file: an image, read again when it has changed, or a video, played in real time, over and over.

A video goes forward only, frame by frame: exact in every container, at the cost of decoding all of it.
"""

import math
import stat
from pathlib import Path

from satellite.settings import VideoSettings
from satellite.video.frames import MAX_IMAGE_BYTES, Frame, checked, cv2, decoded, encoded, too_large
from satellite.video.source import File, PictureError

USUAL_RATE_HZ = 25.0
"""Of a video that does not tell its own."""

Version = tuple[int, int, int]
"""Inode, instant of the last change in ns, size in bytes: where they are the same, the file is."""


class FilePictures:
    """An unchanged image is sent again as it is; a video begins with the first picture."""

    def __init__(self, file: File, settings: VideoSettings) -> None:
        """Opens nothing."""
        self._path = file.path
        self._longest_side = settings.longest_side
        self._quality = settings.jpeg_quality
        self._image: tuple[Version, bytes] | None = None
        self._video: Video | None = None

    def picture(self, elapsed_s: float) -> bytes:
        """The image as it is now, or the frame of the video at this time."""
        if self._video is None:
            try:
                version = self._version()
                if self._image is not None and self._image[0] == version:
                    return self._image[1]
                image = self._read_image()
            except OSError as error:
                raise PictureError(f"it cannot be read: {error.strerror}") from None
            if image is not None:
                self._image = version, self._encoded(decoded(image))
                return self._image[1]
            self._video = Video(self._path, began_s=elapsed_s)
        return self._encoded(self._video.frame(elapsed_s))

    def close(self) -> None:
        """The next picture looks anew at what the file is; a video begins again."""
        if self._video is not None:
            self._video.close()
            self._video = None

    def _version(self) -> Version:
        """Raises OSError, or PictureError."""
        found = self._path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for without end
            raise PictureError("it is no file")
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _read_image(self) -> bytes | None:
        """Its bytes if it begins as an image does, else None. Raises OSError, or PictureError."""
        with self._path.open("rb") as file:
            if not cv2.haveImageReader(str(self._path)):
                return None
            image = file.read(MAX_IMAGE_BYTES + 1)
        if len(image) > MAX_IMAGE_BYTES:
            raise PictureError(too_large())
        return image

    def _encoded(self, frame: Frame) -> bytes:
        return encoded(frame, longest_side=self._longest_side, quality=self._quality)


class Video:
    """One video being played; positions in seconds from its first frame."""

    def __init__(self, path: Path, *, began_s: float) -> None:
        """Its first frame belongs to the instant `began_s`. Raises PictureError."""
        self._path = path
        self._began_s = began_s
        self._capture = self._opened()
        self._position_s: float | None = None  # of the frame at hand

    def frame(self, now_s: float) -> Frame:
        """The frame that is shown at that instant; instants only go forward. Raises PictureError."""
        while self._position_s is None or self._position_s + self._period_s <= now_s - self._began_s:
            if self._capture.grab():
                self._position_s = self._position_of_the_new(self._position_s)
            else:
                self._begin_again(now_s)
        _, frame = self._capture.retrieve()
        return checked(frame)

    def close(self) -> None:
        """Close the file."""
        self._capture.release()

    @property
    def _period_s(self) -> float:
        """Of one frame."""
        rate_hz = self._capture.get(cv2.CAP_PROP_FPS)
        return 1 / rate_hz if math.isfinite(rate_hz) and rate_hz > 0 else 1 / USUAL_RATE_HZ

    def _position_of_the_new(self, last_s: float | None) -> float:
        """As the container says; one that says nothing useful is taken at its frame rate."""
        if last_s is None:
            return 0.0
        position_s: float = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        return position_s if math.isfinite(position_s) and position_s > last_s else last_s + self._period_s

    def _begin_again(self, now_s: float) -> None:
        """It has ended: to its first frame, and over as many repetitions as have passed meanwhile."""
        if self._position_s is None:
            raise PictureError("it is neither an image nor a video that can be played")
        length_s = self._position_s + self._period_s
        self._began_s += length_s * max(1, (now_s - self._began_s) // length_s)
        self._capture.release()
        self._capture = self._opened()
        self._position_s = None

    def _opened(self) -> "cv2.VideoCapture":
        capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
        if not capture.isOpened():
            raise PictureError("it is neither an image nor a video that can be played")
        return capture
