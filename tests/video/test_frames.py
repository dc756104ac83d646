"""Decoding what is not to be trusted, and the JPEG that is sent."""

import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest

from satellite.video.frames import MAX_IMAGE_BYTES, cv2, decoded, encoded
from satellite.video.source import PictureError
from video.sights import Picture, jpeg, plain, png, seen, with_orientation


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1920, 1080), (768, 432)),
        ((1080, 1920), (432, 768)),
        ((769, 769), (768, 768)),
        ((768, 100), (768, 100)),
        ((64, 48), (64, 48)),
        ((4000, 1), (768, 1)),
    ],
)
def test_a_picture_is_made_smaller_with_its_aspect_and_never_larger(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    height, width = seen(encoded(plain(128, *size), longest_side=768, quality=80)).shape[:2]
    assert (width, height) == expected


def test_what_is_sent_is_a_jpeg_of_the_quality_asked_for() -> None:
    noise: Picture = np.random.default_rng(1).integers(0, 256, (240, 320, 3), np.uint8)
    coarse, fine = (encoded(noise, longest_side=768, quality=quality) for quality in (20, 90))
    assert coarse.startswith(b"\xff\xd8\xff")
    assert len(coarse) < len(fine) / 2


def test_a_picture_is_turned_upright_and_says_nothing_more_about_itself() -> None:
    lying = plain(0, 320, 240)
    lying[:, :160] = 255  # its left half is white: upright, the upper one
    upright = encoded(decoded(with_orientation(jpeg(lying), 6) + b"51.5N 0.1W"), longest_side=768, quality=80)
    picture = seen(upright)
    assert picture.shape == (320, 240, 3)
    assert picture[:140].mean() > 250
    assert picture[180:].mean() < 5
    assert b"Exif" not in upright
    assert b"51.5N" not in upright


@pytest.mark.parametrize(
    "image",
    [
        png(np.full((48, 64, 4), 200, np.uint8)),
        png(np.full((48, 64), 200, np.uint8)),
        png(np.full((48, 64, 3), 200 * 257, np.uint16)),
        cv2.imencode(".webp", plain(200, 64, 48))[1].tobytes(),
    ],
    ids=["transparent", "grey", "16 bit", "webp"],
)
def test_every_kind_of_image_becomes_a_colour_picture(image: bytes) -> None:
    frame = decoded(image)
    assert frame.shape == (48, 64, 3)
    assert frame.dtype == np.uint8
    assert abs(float(frame.mean()) - 200) < 3


@pytest.mark.parametrize("image", [b"<html>sign in</html>", b"\xff\xd8\xff\xe0nothing follows", png(plain(1))[:60]])
def test_what_is_no_image_is_refused_silently(image: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PictureError, match="no image, or a damaged one"):
        decoded(image)
    assert capfd.readouterr() == ("", "")


def test_nothing_is_no_image() -> None:
    with pytest.raises(PictureError, match="it is empty"):
        decoded(b"")


def test_an_image_of_too_many_bytes_is_not_looked_at() -> None:
    with pytest.raises(PictureError, match="larger than 16 MiB"):
        decoded(jpeg(plain(1)) + bytes(MAX_IMAGE_BYTES))


def test_a_few_bytes_that_claim_many_pixels_are_refused() -> None:
    header = b"IHDR" + struct.pack(">LLBBBBB", 9000, 9000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">L", 13) + header + struct.pack(">L", zlib.crc32(header))
    bomb += png(plain(1))[33:]
    with pytest.raises(PictureError, match="64 megapixels"):
        decoded(bomb)


def test_opencv_is_loaded_only_where_it_is_used() -> None:
    program = "import sys, satellite.video.camera; print('cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout == b"False\n"
