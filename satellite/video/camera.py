"""The camera: a picture at once and then one every video.interval_ms, while it is switched on.

A task on the loop paces and asks the device's thread for one picture at a time, so that nothing here blocks and all
waiting is by the loop's clock. Switched off, the device is let go at once (its light goes off), and a picture
that comes late is dropped. Back-off and problem outlive a switching off; a new switching on tries at once.
"""

import asyncio
import logging
import threading
from collections.abc import Callable

from satellite.core.errors import ConfigError
from satellite.core.events import PictureTaken
from satellite.settings import VideoSettings
from satellite.video.device_thread import DeviceThread
from satellite.video.source import Device, File, PictureError, Place, Source, place_of

FIRST_RETRY_S = 1.0
"""First pause after a failure; it doubles."""

LONGEST_RETRY_S = 30.0

HUNG_AFTER_S = 15.0
"""A picture that takes longer is a problem: OpenCV waits 10 s for a camera, a snapshot has 8 s."""

CLOSE_S = 0.5
"""What `close` waits for the device; one that hangs is left to the end of the process."""

log = logging.getLogger(__name__)


class Camera:
    """Made, switched and closed on the loop, where `post` and `report_problem` are called as well."""

    def __init__(
        self,
        settings: VideoSettings,
        post: Callable[[PictureTaken], None],
        report_problem: Callable[[str], None],
        *,
        open_source: Callable[[Place, VideoSettings], Source] | None = None,
        hung_after_s: float = HUNG_AFTER_S,
    ) -> None:
        """Opens nothing. `report_problem` gets what is wrong, in one line, and "" when it is well again.

        With an empty video.source it does nothing at all. Raises ConfigError.
        """
        place = place_of(settings)
        self._name = "" if place is None else f"video.source {place.name}"
        self._source = None if place is None else (open_source or _source_at)(place, settings)
        self._interval_s = settings.interval_ms / 1000
        self._post = post
        self._report_problem = report_problem
        self._hung_after_s = hung_after_s
        self._thread = DeviceThread("camera")
        self._task: asyncio.Task[None] | None = None
        self._off = threading.Event()  # a new one for each switching on; the device's thread looks at it
        self._letting_go: set[asyncio.Future[None]] = set()
        self._closed = False
        self._problem = ""

    def start(self) -> None:
        """Switch on; nothing if it is on."""
        if self._source is None or self._task is not None or self._closed:
            return
        self._off = threading.Event()
        self._task = asyncio.get_running_loop().create_task(self._take_pictures(self._source), name="camera")

    def stop(self) -> None:
        """Switch off; nothing if it is off. No picture is posted from here on."""
        if self._source is None or self._task is None:
            return
        self._off.set()
        self._task.cancel()
        letting_go = [self._task, asyncio.get_running_loop().run_in_executor(self._thread, self._source.close)]
        self._task = None
        for future in letting_go:
            self._letting_go.add(future)
            future.add_done_callback(self._letting_go.discard)

    async def close(self) -> None:
        """Switch off for good, within CLOSE_S whatever the device does."""
        self.stop()
        self._closed = True
        self._thread.shutdown(wait=False)
        if self._letting_go:
            _, left = await asyncio.wait(self._letting_go, timeout=CLOSE_S)
            if left:
                log.warning("%s: does not close: left to the end of the process", self._name)

    async def _take_pictures(self, source: Source) -> None:
        now = asyncio.get_running_loop().time
        began_at_s = now()
        retry_s = FIRST_RETRY_S
        while True:
            jpeg = await self._picture(source, now() - began_at_s)
            if jpeg is None:
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, LONGEST_RETRY_S)
            else:
                retry_s = FIRST_RETRY_S
                self._post(PictureTaken(jpeg))
                # from the picture on, not from its asking: never two within an interval, however long they take
                await asyncio.sleep(self._interval_s)

    async def _picture(self, source: Source, elapsed_s: float) -> bytes | None:
        """One picture; None if there is none, which has been told then."""
        loop = asyncio.get_running_loop()
        taking = loop.run_in_executor(self._thread, _picture_or_let_go, source, elapsed_s, self._off)
        try:
            done, _ = await asyncio.wait([taking], timeout=self._hung_after_s)
            if not done:
                self._failed(f"has not answered for {self._hung_after_s:g} s")
            jpeg = await taking
        except PictureError as error:
            self._failed(str(error))
            return None
        except Exception as error:  # a driver's surprise must not end the pictures
            log.debug("%s", self._name, exc_info=True)
            self._failed(f"failed unexpectedly ({type(error).__name__})")
            return None
        finally:
            taking.cancel()  # switched off meanwhile: whatever comes of it, nobody asks
        self._well()
        return jpeg

    def _failed(self, reason: str) -> None:
        text = f"{self._name}: {reason}"
        if text == self._problem:
            log.debug("%s", text)
            return
        self._problem = text
        log.warning("%s", text)
        self._report_problem(text)

    def _well(self) -> None:
        if self._problem:
            self._problem = ""
            log.info("%s: well again", self._name)
            self._report_problem("")


def _picture_or_let_go(source: Source, elapsed_s: float, off: threading.Event) -> bytes:
    """One picture, on the device's thread. A device that failed is let go, to be opened anew.

    Switched off before its turn came, behind a call that hung, the device is not opened for it.
    """
    if off.is_set():
        return b""
    try:
        return source.picture(elapsed_s)
    except BaseException:
        source.close()
        raise


def _source_at(place: Place, settings: VideoSettings) -> Source:
    """OpenCV is loaded here, at start and only if there is something to look at. Raises ConfigError."""
    try:
        from satellite.video.file import FilePictures
        from satellite.video.snapshot import SnapshotPictures
        from satellite.video.v4l2 import V4l2Camera
    except ImportError as error:
        raise ConfigError(f"video.source: OpenCV cannot be loaded, install the extra 'video': {error}") from None
    if isinstance(place, Device):
        return V4l2Camera(place, settings)
    if isinstance(place, File):
        return FilePictures(place, settings)
    return SnapshotPictures(place, settings)
