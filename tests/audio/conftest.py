"""Cards for the tests of the sound card: on one server, or microphone and speaker on one each."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from audio.sound_card_house import audio
from support.pulse import PulseCard, require_pulse, write_alsa_config

from satellite.settings import AudioSettings


@pytest.fixture
def microphone_card() -> Iterator[PulseCard]:
    """The card the microphone is on."""
    require_pulse()
    with PulseCard("left") as card:
        yield card


@pytest.fixture
def speaker_card() -> Iterator[PulseCard]:
    """Another card, with the speaker."""
    require_pulse()
    with PulseCard("right") as card:
        yield card


@pytest.fixture
def two_cards(
    microphone_card: PulseCard, speaker_card: PulseCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AudioSettings:
    """Microphone and speaker on cards of their own, as ALSA sees them."""
    for name, value in write_alsa_config(tmp_path / "asound.conf", [microphone_card, speaker_card]).items():
        monkeypatch.setenv(name, value)
    return audio(microphone_card.microphone, speaker_card.speaker)


@pytest.fixture
def one_card(microphone_card: PulseCard, monkeypatch: pytest.MonkeyPatch) -> AudioSettings:
    """Microphone and speaker on one card."""
    for name, value in microphone_card.environment.items():
        monkeypatch.setenv(name, value)
    return audio(microphone_card.microphone, microphone_card.speaker)
