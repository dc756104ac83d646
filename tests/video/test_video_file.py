"""Pictures from real files: an image that changes, a video that is played in real time and over again."""

import os
from pathlib import Path

import pytest

from satellite.settings import VideoSettings
from satellite.video.file import FilePictures
from satellite.video.frames import MAX_IMAGE_BYTES
from satellite.video.source import File, PictureError
from video.sights import jpeg, level, plain, png, seen, write_video


def pictures_of(path: Path, longest_side: int = 768) -> FilePictures:
    return FilePictures(File(path), VideoSettings(source=str(path), longest_side=longest_side))


def test_an_image_is_sent_again_until_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "hall.jpg"
    path.write_bytes(jpeg(plain(40)))
    pictures = pictures_of(path)
    first = pictures.picture(0.0)
    assert level(first) == 40
    assert pictures.picture(1.0) is first  # not decoded again

    path.with_suffix(".new").write_bytes(jpeg(plain(200)))
    path.with_suffix(".new").replace(path)
    assert level(pictures.picture(2.0)) == 200

    os.utime(path, ns=(0, 0))
    path.write_bytes(jpeg(plain(90)))
    assert level(pictures.picture(3.0)) == 90


def test_an_image_is_what_it_is_whatever_it_is_called(tmp_path: Path) -> None:
    path = tmp_path / "picture%03d.mp4"
    path.write_bytes(png(plain(70, 1000, 500)))
    picture = seen(pictures_of(path, longest_side=100).picture(0.0))
    assert picture.shape == (50, 100, 3)


def test_a_video_is_played_in_real_time_from_its_beginning(tmp_path: Path) -> None:
    """10 frames a second; the frame shown at t is the last one that has begun."""
    pictures = pictures_of(write_video(tmp_path / "film.mp4", [10 * number for number in range(25)]))
    told = [level(pictures.picture(5.0 + at_s)) for at_s in (0.0, 0.55, 0.55, 1.0, 2.35)]
    assert told == pytest.approx([0, 50, 50, 100, 230], abs=4)


def test_a_video_begins_again_when_it_has_ended(tmp_path: Path) -> None:
    """Its 2.5 seconds over and over: 2.45 is its last frame, 2.55 its first, 10.75 its eighth, for the fifth time."""
    pictures = pictures_of(write_video(tmp_path / "film.mp4", [10 * number for number in range(25)]))
    told = [level(pictures.picture(at_s)) for at_s in (0.0, 2.45, 2.55, 3.75, 10.75, 1e7 + 0.05)]
    assert told == pytest.approx([0, 240, 0, 120, 70, 0], abs=4)


def test_a_video_that_was_let_go_begins_at_its_beginning(tmp_path: Path) -> None:
    pictures = pictures_of(write_video(tmp_path / "film.mp4", [10 * number for number in range(25)]))
    pictures.picture(0.0)
    assert level(pictures.picture(2.05)) == pytest.approx(200, abs=4)
    pictures.close()
    assert level(pictures.picture(0.0)) == pytest.approx(0, abs=4)


def test_a_video_becomes_an_image_when_another_file_takes_its_place(tmp_path: Path) -> None:
    path = write_video(tmp_path / "film.mp4", [0, 100, 200])
    pictures = pictures_of(path)
    pictures.picture(0.0)
    path.write_bytes(jpeg(plain(150)))
    pictures.close()
    assert level(pictures.picture(0.0)) == 150


def test_a_file_that_cannot_be_shown_says_why(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def why(path: Path) -> str:
        with pytest.raises(PictureError) as caught:
            pictures_of(path).picture(0.0)
        return str(caught.value)

    (tmp_path / "text").write_text("not a picture\n" * 100)
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "damaged").write_bytes(png(plain(1))[:60])
    (tmp_path / "huge").write_bytes(jpeg(plain(1)) + bytes(MAX_IMAGE_BYTES))
    write_video(tmp_path / "whole.mp4", [1, 2, 3])
    (tmp_path / "cut.mp4").write_bytes((tmp_path / "whole.mp4").read_bytes()[:100])
    film = (tmp_path / "whole.mp4").read_bytes()
    begin, end = film.index(b"mdat") + 4, film.index(b"moov") - 4
    (tmp_path / "black.mp4").write_bytes(film[:begin] + bytes(end - begin) + film[end:])
    os.mkfifo(tmp_path / "pipe")
    assert why(tmp_path / "missing") == "it cannot be read: No such file or directory"
    assert why(tmp_path / "text") == "it is neither an image nor a video that can be played"
    assert why(tmp_path / "empty") == "it is neither an image nor a video that can be played"
    assert why(tmp_path / "cut.mp4") == "it is neither an image nor a video that can be played"
    assert why(tmp_path / "black.mp4") == "it is neither an image nor a video that can be played"
    assert why(tmp_path / "damaged") == "it is no image, or a damaged one"
    assert why(tmp_path / "huge") == "it is larger than 16 MiB"
    assert why(tmp_path / "pipe") == "it is no file"  # opened, it would wait for ever
    assert capfd.readouterr() == ("", "")
