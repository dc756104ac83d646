"""The camera switched on and off: when pictures come, what is told when they do not, and that nothing ever hangs."""

import asyncio
import gc
import logging
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from satellite.app.clock import SimulatedTimeLoop
from satellite.core.errors import ConfigError
from satellite.core.events import PictureTaken
from satellite.settings import VideoSettings
from satellite.video.camera import Camera
from satellite.video.device_thread import DeviceThread
from satellite.video.source import PictureError
from video.sights import SECRET, jpeg, level, network_camera, plain, seen, write_video

DEVICE = "/dev/video97"


def simulate(scenario: Coroutine[Any, Any, None]) -> None:
    """Run on simulated time; no task may be left."""

    async def whole() -> None:
        await scenario
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"tasks left behind: {left}"

    with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        runner.run(whole())


class Sight:
    """A source by script."""

    def __init__(self) -> None:
        self.faults: list[Exception | None] = []
        """Of the next pictures, one each; None: a picture."""

        self.asked: list[float] = []
        self.calls: list[str] = []
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()
        self.let_go = threading.Semaphore(0)

    def hang(self) -> None:
        """The next picture does not come back before `go_on` is set."""
        self.go_on.clear()

    def picture(self, elapsed_s: float) -> bytes:
        self.calls.append("picture")
        self.asked.append(round(elapsed_s, 3))
        self.begun.set()
        self.go_on.wait()
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault
        return b"jpeg"

    def close(self) -> None:
        self.calls.append("close")
        self.let_go.release()


class Watch:
    """A camera and all that it says, with the instants."""

    def __init__(self, sight: Sight | None = None, *, hung_after_s: float = 15.0, **settings: Any) -> None:
        self.pictures: list[bytes] = []
        self.taken_at_s: list[float] = []
        self.problems: list[str] = []
        self.changed = asyncio.Event()
        self.camera = Camera(
            VideoSettings(**{"source": DEVICE, **settings}),
            self._taken,
            self._told,
            open_source=None if sight is None else lambda *_: sight,
            hung_after_s=hung_after_s,
        )

    def _taken(self, event: PictureTaken) -> None:
        self.pictures.append(event.jpeg)
        self.taken_at_s.append(round(asyncio.get_running_loop().time(), 3))
        self.changed.set()

    def _told(self, text: str) -> None:
        self.problems.append(text)
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


# ---------------------------------------------------------------- on and off


def test_a_picture_comes_at_once_and_then_every_interval() -> None:
    async def scenario() -> None:
        watch = Watch(Sight(), interval_ms=1500)
        await asyncio.sleep(100)
        watch.camera.start()
        watch.camera.start()  # it is on
        await asyncio.sleep(5)
        assert watch.taken_at_s == [100, 101.5, 103, 104.5]
        await watch.camera.close()

    simulate(scenario())


def test_switched_off_no_picture_comes_and_the_device_is_let_go_at_once() -> None:
    async def scenario() -> None:
        sight = Sight()
        watch = Watch(sight)
        watch.camera.start()
        await asyncio.sleep(1.5)
        watch.camera.stop()
        watch.camera.stop()  # it is off
        await asyncio.sleep(0.001)
        assert sight.calls == ["picture", "picture", "close"]
        await asyncio.sleep(100)
        assert len(watch.pictures) == 2
        watch.camera.start()
        await asyncio.sleep(0)
        await asyncio.sleep(0.5)
        assert watch.taken_at_s == [0, 1, 101.501]
        assert sight.asked == [0, 1, 0]  # a video begins again
        await watch.camera.close()
        assert sight.calls[-1] == "close"
        watch.camera.start()
        await asyncio.sleep(100)
        assert len(watch.pictures) == 3

    simulate(scenario())


def test_a_picture_that_comes_after_the_switching_off_is_dropped() -> None:
    async def scenario() -> None:
        sight = Sight()
        sight.hang()
        watch = Watch(sight)
        watch.camera.start()
        await asyncio.to_thread(sight.begun.wait)
        watch.camera.stop()
        sight.go_on.set()
        await watch.camera.close()
        assert watch.pictures == []
        assert sight.calls == ["picture", "close"]

    asyncio.run(scenario())


def test_a_failure_after_the_switching_off_is_nobodys(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        sight = Sight()
        sight.hang()
        sight.faults = [PictureError("the camera has stopped")]
        watch = Watch(sight)
        watch.camera.start()
        await asyncio.to_thread(sight.begun.wait)
        watch.camera.stop()
        sight.go_on.set()
        await watch.camera.close()
        assert watch.problems == []

    asyncio.run(scenario())
    gc.collect()  # asyncio tells of an error that nobody asked for when its future goes
    assert caplog.records == []


def test_a_picture_whose_turn_had_not_come_does_not_open_the_device() -> None:
    async def scenario() -> None:
        sight = Sight()
        sight.hang()
        watch = Watch(sight)
        watch.camera.start()
        await asyncio.to_thread(sight.begun.wait)
        for _ in range(3):
            watch.camera.stop()
            watch.camera.start()
            await asyncio.sleep(0)  # it has asked, and waits behind the one that hangs
        watch.camera.stop()
        sight.go_on.set()
        for _ in range(4):
            sight.let_go.acquire()  # the loop has no turn in between
        await watch.camera.close()
        assert sight.calls == ["picture", "close", "close", "close", "close"]

    asyncio.run(scenario())


def test_switched_on_again_at_once_the_device_is_let_go_first() -> None:
    async def scenario() -> None:
        sight = Sight()
        watch = Watch(sight)
        watch.camera.start()
        await asyncio.sleep(0.5)
        watch.camera.stop()
        watch.camera.start()
        await asyncio.sleep(0.1)
        assert sight.calls == ["picture", "close", "picture"]
        await watch.camera.close()

    simulate(scenario())


# ---------------------------------------------------------------- a device that hangs


def test_a_camera_that_hangs_is_told_and_told_well_when_it_goes_on() -> None:
    async def scenario() -> None:
        sight = Sight()
        sight.hang()
        watch = Watch(sight, hung_after_s=0.01)
        watch.camera.start()
        await watch.until(lambda: bool(watch.problems))
        assert watch.problems == [f"video.source {DEVICE}: has not answered for 0.01 s"]
        sight.go_on.set()
        await watch.until(lambda: bool(watch.pictures))
        assert watch.problems[1:] == [""]
        assert sight.calls == ["picture"]  # not asked twice
        await watch.camera.close()

    asyncio.run(scenario())


def test_a_camera_that_hangs_is_not_waited_for_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    sight = Sight()

    async def scenario() -> None:
        sight.hang()
        watch = Watch(sight)
        watch.camera.start()
        await asyncio.to_thread(sight.begun.wait)
        async with asyncio.timeout(30):
            await watch.camera.close()
        assert not sight.go_on.is_set()

    try:
        asyncio.run(scenario())
    finally:
        sight.go_on.set()
    assert "does not close: left to the end of the process" in caplog.text


def test_the_end_of_the_process_does_not_wait_for_the_devices_thread() -> None:
    thread = DeviceThread("camera")
    assert thread.submit(threading.current_thread).result().daemon
    thread.shutdown()


# ---------------------------------------------------------------- failures


def test_a_failure_is_told_once_retried_with_back_off_and_its_end_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        sight = Sight()
        sight.faults = [PictureError("there is no such device") for _ in range(8)]
        watch = Watch(sight)
        watch.camera.start()
        await asyncio.sleep(125)
        assert sight.asked == [0, 1, 3, 7, 15, 31, 61, 91, 121, 122, 123, 124]
        assert watch.problems == [text, ""]
        assert watch.taken_at_s == [121, 122, 123, 124]
        await watch.camera.close()

    text = f"video.source {DEVICE}: there is no such device"
    with caplog.at_level(logging.DEBUG, "satellite.video"):
        simulate(scenario())
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, text),
        *[(logging.DEBUG, text)] * 7,
        (logging.INFO, f"video.source {DEVICE}: well again"),
    ]


def test_a_new_failure_is_retried_soon() -> None:
    async def scenario() -> None:
        sight = Sight()
        fault = PictureError("there is no such device")
        sight.faults = [fault, fault, fault, None, fault, None]
        watch = Watch(sight)
        watch.camera.start()
        await asyncio.sleep(9.5)
        assert sight.asked == [0, 1, 3, 7, 8, 9]
        await watch.camera.close()

    simulate(scenario())


def test_a_device_that_failed_is_let_go_before_it_is_tried_again() -> None:
    async def scenario() -> None:
        sight = Sight()
        sight.faults = [PictureError("the camera has stopped")]
        watch = Watch(sight)
        watch.camera.start()
        await asyncio.sleep(1.5)
        assert sight.calls == ["picture", "close", "picture"]
        await watch.camera.close()

    simulate(scenario())


def test_switched_on_again_it_tries_at_once_and_does_not_tell_again(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        sight = Sight()
        sight.faults = [PictureError("there is no such device") for _ in range(5)]
        watch = Watch(sight)
        watch.camera.start()
        await asyncio.sleep(10)  # four attempts
        watch.camera.stop()
        watch.camera.start()
        await asyncio.sleep(1.5)
        assert sight.asked == [0, 1, 3, 7, 0, 1]
        assert watch.problems == [f"video.source {DEVICE}: there is no such device", ""]
        await watch.camera.close()

    simulate(scenario())
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1


def test_another_failure_is_told_too() -> None:
    async def scenario() -> None:
        sight = Sight()
        sight.faults = [PictureError("one"), PictureError("two"), PictureError("two")]
        watch = Watch(sight)
        watch.camera.start()
        await asyncio.sleep(10)
        assert watch.problems == [f"video.source {DEVICE}: one", f"video.source {DEVICE}: two", ""]
        await watch.camera.close()

    simulate(scenario())


def test_a_surprise_does_not_end_the_pictures() -> None:
    async def scenario() -> None:
        sight = Sight()
        sight.faults = [ValueError(SECRET)]
        watch = Watch(sight)
        watch.camera.start()
        await asyncio.sleep(1.5)
        assert watch.problems == [f"video.source {DEVICE}: failed unexpectedly (ValueError)", ""]
        assert len(watch.pictures) == 1
        await watch.camera.close()

    simulate(scenario())


# ---------------------------------------------------------------- configuration


def test_without_a_source_it_does_nothing() -> None:
    async def scenario() -> None:
        watch = Watch(source="")
        watch.camera.start()
        await asyncio.sleep(10)
        watch.camera.stop()
        await watch.camera.close()
        assert (watch.pictures, watch.problems) == ([], [])

    simulate(scenario())


@contextmanager
def without_opencv(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if the extra were not installed."""
    with monkeypatch.context() as patch:
        for module in ("frames", "file", "snapshot", "v4l2"):
            patch.delitem(sys.modules, f"satellite.video.{module}", raising=False)
        patch.setitem(sys.modules, "cv2", None)
        yield


def test_a_missing_extra_is_named_at_construction(monkeypatch: pytest.MonkeyPatch) -> None:
    with without_opencv(monkeypatch):
        Camera(VideoSettings(), lambda _: None, lambda _: None)  # nobody wants a picture: nothing is missing
        with pytest.raises(ConfigError, match=r"^video\.source: OpenCV cannot be loaded, install the extra 'video'"):
            Camera(VideoSettings(source=DEVICE), lambda _: None, lambda _: None)


def test_a_nonsense_source_is_refused_at_construction() -> None:
    with pytest.raises(ConfigError, match="rtsp:// is not supported"):
        Camera(VideoSettings(source="rtsp://camera/"), lambda _: None, lambda _: None)


# ---------------------------------------------------------------- real sources


def test_a_camera_that_is_not_plugged_in_is_a_problem_and_no_failure() -> None:
    async def scenario() -> None:
        watch = Watch()
        watch.camera.start()
        await asyncio.sleep(100)
        assert watch.problems == [f"video.source {DEVICE}: there is no such device"]
        await watch.camera.close()

    simulate(scenario())


def test_an_image_that_appears_later_is_shown(tmp_path: Path) -> None:
    async def scenario() -> None:
        path = tmp_path / "hall.jpg"
        watch = Watch(source=str(path), longest_side=160)
        watch.camera.start()
        await asyncio.sleep(0.5)
        assert watch.problems == [f"video.source {path}: it cannot be read: No such file or directory"]
        path.write_bytes(jpeg(plain(90)))
        await asyncio.sleep(1)
        assert seen(watch.pictures[0]).shape == (120, 160, 3)
        assert watch.problems[1:] == [""]
        await watch.camera.close()

    simulate(scenario())


def test_a_video_is_played_by_the_loops_clock_and_from_its_beginning_each_time(tmp_path: Path) -> None:
    path = write_video(tmp_path / "film.mp4", [10 * number for number in range(25)])

    async def scenario() -> None:
        watch = Watch(source=str(path), interval_ms=1020)  # never on the edge of two frames
        for _ in range(2):
            watch.camera.start()
            await asyncio.sleep(3.5)
            watch.camera.stop()
            await asyncio.sleep(7)
        assert [level(picture) for picture in watch.pictures] == pytest.approx([0, 100, 200, 50] * 2, abs=4)
        await watch.camera.close()

    simulate(scenario())


def test_neither_the_secret_nor_the_query_of_a_snapshot_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with network_camera(lambda exchange: exchange.begin(403)) as server, caplog.at_level(logging.DEBUG):

        async def scenario() -> None:
            watch = Watch(source=server.url("/hall?token=not-a-real-token"), authorization=SecretStr(SECRET))
            watch.camera.start()
            await asyncio.sleep(3)
            await watch.camera.close()
            told = "it answers with HTTP status 403 Forbidden, look at video.authorization"
            assert watch.problems == [f"video.source {server.url('/hall')}: {told}"]

        simulate(scenario())
    assert "not-a-real-token" not in caplog.text
    assert len(server.requests) == 2
