"""What there is and what opens: list_devices, probe, the card's own rate. ALSA's null devices, and a hung server."""

import threading
from pathlib import Path

import pyaudio
import pytest
from support.pulse import LONGEST_WAIT_S, PulseCard, require_pulse

from satellite.audio.devices import list_devices, probe
from satellite.audio.playback import PlaybackBuffer
from satellite.audio.portaudio import Direction, PortAudio
from satellite.audio.taps import OutputTap
from satellite.core.errors import AudioDeviceError
from satellite.settings import AudioSettings

_DEVICES = """\
</usr/share/alsa/alsa.conf>
pcm.testmic { type asym capture.pcm { type null } hint { show on description "m" } }
pcm.testspk { type asym playback.pcm { type null } hint { show on description "s" } }
"""

# The AC3 encoder of ALSA's plugins takes two channels at 48 kHz and nothing else: a stubborn card.
_STUBBORN = """\
pcm.stubborn { type a52 slavepcm "null" rate 48000 channels 2 hint { show on description "x" } }
"""


def use_alsa(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> None:
    path = folder / "asound.conf"
    path.write_text(text)
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(path))


def let_portaudio_end() -> None:
    for thread in threading.enumerate():
        if thread.name == "portaudio":
            thread.join(LONGEST_WAIT_S)
            assert not thread.is_alive()


def test_devices_are_listed_with_what_they_take(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_alsa(monkeypatch, tmp_path, _DEVICES)
    devices = {device.name: device for device in list_devices()}
    microphone, speaker = devices["testmic"], devices["testspk"]
    assert microphone.captures_16k
    assert not microphone.plays_24k
    assert microphone.output_channels == 0
    assert speaker.plays_24k
    assert not speaker.captures_16k
    assert microphone.index != speaker.index


def test_listing_says_nothing_on_stderr(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    use_alsa(monkeypatch, tmp_path, _DEVICES)
    list_devices()
    assert capfd.readouterr().err == ""


def test_the_configured_devices_are_tried_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_alsa(monkeypatch, tmp_path, _DEVICES)
    found = probe(AudioSettings(input_device="testmic", output_device="testspk"))
    assert (found.input_device, found.output_device) == ("testmic", "testspk")
    assert (found.input_problem, found.output_problem) == ("", "")
    assert found.has_microphone


def test_where_the_configured_one_is_missing_the_default_counts_and_the_problem_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_alsa(monkeypatch, tmp_path, _DEVICES)
    found = probe(AudioSettings(input_device="nowhere", output_device="testspk"))
    assert found.has_microphone
    assert "input device 'nowhere' is not there" in found.input_problem
    assert found.output_problem == ""


def test_a_card_that_does_not_take_24_khz_is_opened_at_its_own_rate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if not list(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_a52.so")):
        pytest.skip("not installed: ALSA's a52 plugin (libasound2-plugins)")
    use_alsa(monkeypatch, tmp_path, _DEVICES + _STUBBORN)
    assert [device.plays_24k for device in list_devices() if device.name == "stubborn"] == [False]
    playback = PlaybackBuffer(lambda turn: None, lambda turn: None, duck_db=-18, volume_percent=100)
    portaudio = PortAudio()
    portaudio.initialise()
    try:
        stream = portaudio.open(
            Direction.OUTPUT, "stubborn", 24_000, 20, lambda channels: OutputTap(playback, channels)
        )
        # One channel on a card of two: PortAudio itself doubles it.
        assert (stream.rate_hz, stream.channels) == (48_000, 1)
        assert not stream.active
    finally:
        portaudio.terminate()
    assert not portaudio.initialised


def test_terminate_lets_the_next_list_be_a_new_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_alsa(monkeypatch, tmp_path, _DEVICES)
    portaudio = PortAudio()
    portaudio.initialise()
    assert {"testmic", "testspk"} <= {device.name for device in portaudio.devices()}
    use_alsa(monkeypatch, tmp_path, _DEVICES.replace("testmic", "othermic"))
    assert "testmic" in {device.name for device in portaudio.devices()}
    portaudio.initialise()
    names = {device.name for device in portaudio.devices()}
    portaudio.terminate()
    assert "othermic" in names
    assert "testmic" not in names
    with pytest.raises(AudioDeviceError, match="not initialised"):
        portaudio.devices()
    with pytest.raises(OSError, match="PortAudio not initialized"):
        pyaudio.PyAudio.get_device_count(None)


def test_a_sound_server_that_hangs_is_answered_for_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    require_pulse()
    with PulseCard() as card:
        for name, value in card.environment.items():
            monkeypatch.setenv(name, value)
        settings = AudioSettings(input_device=card.microphone, output_device=card.speaker)
        card.freeze()
        found = probe(settings, deadline_s=0.2)
        assert not found.has_microphone
        assert "has not answered within 0.2 s" in found.input_problem
        card.thaw()
        let_portaudio_end()
        assert probe(settings).input_device == card.microphone
    let_portaudio_end()
