"""choose_device: exact, default, unique part; and what is said when there is no such device."""

import pytest

from satellite.audio.portaudio import CardDevice, Direction, choose_device
from satellite.core.errors import AudioDeviceError

DEVICES = [
    CardDevice(0, "HDA Intel: ALC (hw:0,0)", 2, 2, 44_100),
    CardDevice(1, "USB Speakerphone: Audio (hw:1,0)", 1, 2, 48_000),
    CardDevice(2, "HDMI 0 (hw:0,3)", 0, 8, 44_100),
    CardDevice(3, "pulse", 32, 32, 44_100),
    CardDevice(4, "default", 32, 32, 44_100),
]


@pytest.mark.parametrize(
    ("direction", "wanted", "index"),
    [
        (Direction.INPUT, "default", 4),
        (Direction.INPUT, "pulse", 3),
        (Direction.INPUT, "usb speaker", 1),
        (Direction.OUTPUT, "hdmi", 2),
        (Direction.INPUT, "HDA Intel: ALC (hw:0,0)", 0),
        (Direction.INPUT, "hw:0", 0),
    ],
)
def test_a_device_is_found_by_its_name_or_a_unique_part_of_it(direction: Direction, wanted: str, index: int) -> None:
    assert choose_device(DEVICES, direction, wanted, default=0).index == index


def test_a_device_without_that_direction_does_not_count() -> None:
    with pytest.raises(AudioDeviceError, match="input device 'hdmi' is not there"):
        choose_device(DEVICES, Direction.INPUT, "hdmi", default=0)


def test_a_part_of_several_names_is_refused_with_the_choice() -> None:
    with pytest.raises(AudioDeviceError, match=r"'\(hw:' is the name of several; there are: 'HDA.*, 'USB"):
        choose_device(DEVICES, Direction.INPUT, "(hw:", default=0)


def test_an_unknown_name_is_refused_with_what_there_is() -> None:
    with pytest.raises(AudioDeviceError, match=r"'bluetooth' is not there; there are: .*'pulse', 'default'"):
        choose_device(DEVICES, Direction.INPUT, "bluetooth", default=0)


def test_without_a_device_called_default_the_one_of_portaudio_counts() -> None:
    assert choose_device(DEVICES[:4], Direction.OUTPUT, "default", default=2).index == 2
    assert choose_device(DEVICES[:4], Direction.INPUT, "default", default=None).index == 0


def test_without_any_device_there_is_no_default() -> None:
    with pytest.raises(AudioDeviceError, match="there is no output device"):
        choose_device([], Direction.OUTPUT, "default", default=None)
    with pytest.raises(AudioDeviceError, match="there are: none"):
        choose_device([], Direction.OUTPUT, "pulse", default=None)
