"""The shape of config/satellite.toml: one frozen model per section, unknown keys refused.

Whoever adds a key gives it a unit in its name and a docstring that says what it means: the docstring is
the comment in config/satellite.toml, which a test renders from here and compares. An edge imports its
own section and nothing else. Loading and precedence live in app/configuration.py.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr


class Section(BaseModel):
    """Base of all sections: immutable, strict about unknown keys, values never echoed in errors."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
        validate_default=True,
    )


Ms = Annotated[int, Field(ge=0, le=600_000)]
Percent = Annotated[int, Field(ge=0, le=100)]
Port = Annotated[int, Field(ge=0, le=65_535)]
OptionalPath = Annotated[Path | None, BeforeValidator(lambda value: None if value == "" else value)]
"""A path, or none: written as an empty string in TOML, which has no null."""
TopicSegment = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


class ActivityMode(StrEnum):
    """Who says where a user's turn begins and ends."""

    MANUAL = "manual"
    AUTOMATIC = "automatic"


class SatelliteSettings(Section):
    """Who this satellite is."""

    id: TopicSegment = "satellite"
    """Identity of this satellite in MQTT topics: letters, digits, _ and -. Unique on the broker."""

    name: Annotated[str, Field(min_length=1)] = "Voice satellite"
    """Name for people."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """How much goes to the journal: debug, info, warning or error."""


class AudioSettings(Section):
    """The sound card: named ALSA devices."""

    input_device: str = "default"
    """Microphone: an ALSA device as `satellite devices` lists it, or a unique part of its name."""

    output_device: str = "default"
    """Speaker: as above."""

    block_ms: Annotated[int, Field(ge=5, le=100)] = 20
    """Length of one block handed over by the card, in milliseconds."""

    volume_percent: Percent = 80
    """Playback volume at start, 0 to 100 per cent."""

    duck_db: Annotated[float, Field(ge=-60, le=0)] = -18.0
    """Gain of the reply while speech over it is only suspected, in decibels."""

    echo_cancellation: bool = True
    """Subtract the speaker's sound from the microphone (WebRTC AEC3), so that speech can cut in."""

    noise_suppression: bool = False
    """WebRTC noise suppression and high-pass filter in the capture path."""

    stall_ms: Annotated[int, Field(ge=200, le=10_000)] = 2000
    """A device that has not called back for this long is lost, and opened again, in milliseconds."""

    retry_max_s: Annotated[float, Field(ge=1, le=300)] = 15.0
    """Longest pause between two attempts to open a lost device, in seconds."""


class GateSettings(Section):
    """Is it speech, is it for us, since when, is it over."""

    wake_word: Literal["hey_jarvis", "okay_nabu", "hey_mycroft", "alexa"] = "hey_jarvis"
    """The wake word: hey_jarvis, okay_nabu, hey_mycroft or alexa."""

    wake_threshold: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Score from which it counts, 0 to 1. 0: the threshold that comes with the model."""

    wake_refractory_ms: Ms = 2000
    """After a detection the same word is ignored for this long (a model stays above its threshold for 0.3 to 1.3 s)."""

    wake_lookback_ms: Ms = 400
    """An utterance begins this long before the detection (engines report a word 60 to 250 ms after its end)."""

    speech_after_wake_ms: Ms = 200
    """Voice needed after the wake word before it counts as speech: its own end (at most 140 ms) is not an utterance."""

    preroll_ms: Ms = 300
    """An utterance without a wake word begins this long before its first voiced piece."""

    vad_aggressiveness: Annotated[int, Field(ge=0, le=3)] = 2
    """webrtcvad's mode, 0 (takes most for speech) to 3 (least)."""

    vad_floor_dbfs: Annotated[float, Field(ge=-96, le=0)] = -55.0
    """Sound below this level is never speech, in dB of full scale."""

    suspect_ms: Ms = 60
    """Voice needed before speech is suspected (and a reply is ducked)."""

    confirm_ms: Ms = 160
    """Voice needed, within half again as long, before speech is confirmed."""

    hangover_ms: Ms = 700
    """Silence needed before an utterance is over."""


class ConversationSettings(Section):
    """How a conversation goes."""

    activity: ActivityMode = ActivityMode.MANUAL
    """manual: the satellite says where a turn begins and ends. automatic: the server's own detection does."""

    listen_timeout_ms: Ms = 6000
    """After a wake without speech the satellite goes back to idle."""

    reply_timeout_ms: Ms = 15_000
    """Longest wait for the first sound of a reply, and for more of one that has stalled."""

    connect_timeout_ms: Ms = 20_000
    """Longest wait for a session, all attempts together, before "no connection" is said."""

    follow_up_ms: Ms = 8000
    """After a reply, speech needs no wake word for this long. 0: always a wake word."""

    follow_up_guard_ms: Ms = 300
    """After a reply, sound is not taken for speech for this long: the tail of the reply itself."""

    max_utterance_ms: Annotated[int, Field(ge=1000, le=30_000)] = 30_000
    """Longest utterance; a longer one is cut there and answered."""

    max_turns_without_wake: Annotated[int, Field(ge=1, le=1000)] = 10
    """Turns (follow-ups and cuttings-in) until a wake word is wanted again: a television would go on for ever."""

    barge_in: bool = True
    """Speech during a reply cuts it off (after the first 1.5 s of the first one: the echo canceller has to learn the
    room). The wake word always does."""

    session_linger_ms: Ms = 60_000
    """The session stays open for this long after the follow-up window."""

    memory_s: Annotated[int, Field(ge=0, le=7200)] = 600
    """A wake within this time goes on with the earlier conversation, in seconds."""

    wake_earcon: bool = True
    """Play a short sound when the gate opens. It does not mute the microphone."""


class LiveSettings(Section):
    """The Live API."""

    model: Annotated[str, Field(min_length=1)] = "gemini-3.8-live"
    """Name of the model."""

    base_url: Annotated[str, AfterValidator(lambda url: url.rstrip("/"))] = "https://generativelanguage.googleapis.com"
    """Where the Live API is (ws and http only on this machine itself: the key would be readable)."""

    api_version: Literal["v1beta", "v1alpha", "v1"] = "v1beta"
    """Version of the API."""

    api_key: SecretStr = SecretStr("")
    """Secret. The key; better in the environment (SATELLITE_LIVE__API_KEY) or in api_key_file."""

    api_key_file: OptionalPath = None
    """File whose content is the key (a systemd credential)."""

    voice: str = ""
    """Voice of the reply (prebuilt voice name). Empty: the model's own."""

    language: str = ""
    """Language of the reply, BCP-47. Empty: by itself. Native audio models choose by themselves and refuse it."""

    system_instruction: str = (
        "You are a voice assistant in a room. Answer briefly, in plain spoken sentences, without lists or markup."
    )
    """What the model is told about its role."""

    input_transcription: bool = True
    """Ask for the text of what was said."""

    output_transcription: bool = True
    """Ask for the text of the reply."""

    attempt_timeout_ms: Annotated[int, Field(ge=500, le=60_000)] = 10_000
    """Longest wait for one attempt: connect, upgrade, setupComplete."""

    backoff_initial_ms: Annotated[int, Field(ge=10, le=60_000)] = 500
    """First pause between two attempts; it doubles, with jitter."""

    backoff_max_ms: Annotated[int, Field(ge=10, le=600_000)] = 30_000
    """Longest pause between two attempts."""

    liveness_timeout_ms: Annotated[int, Field(ge=5000, le=600_000)] = 45_000
    """A connection from which nothing came for this long, pongs included, is dead (pongs 30 s late are healthy)."""


class MqttSettings(Section):
    """The broker."""

    enabled: bool = True
    """Publish on MQTT and take commands from it."""

    host: Annotated[str, Field(min_length=1)] = "localhost"
    """The broker."""

    port: Annotated[int, Field(ge=1, le=65_535)] = 1883
    """Its port."""

    username: str = ""
    """User name. Empty: anonymous."""

    password: SecretStr = SecretStr("")
    """Secret. The password; better in the environment (SATELLITE_MQTT__PASSWORD) or in password_file."""

    password_file: OptionalPath = None
    """File whose content is the password."""

    prefix: TopicSegment = "satellite"
    """First segment of every topic: PREFIX/ID/..."""

    keepalive_s: Annotated[int, Field(ge=2, le=600)] = 30
    """MQTT keep-alive, in seconds."""


class SpeechSettings(Section):
    """What the satellite itself says."""

    voice: Literal["slt", "rms", "awb", "kal16"] = "slt"
    """Voice of flite: slt, rms, awb or kal16."""

    notices: Literal["voice", "earcon", "off"] = "voice"
    """How failures are heard: a sentence (voice), a short sound (earcon), or not at all (off)."""


class ServerSettings(Section):
    """The embedded Live server (`satellite serve`, and `satellite run --substitute` without a key)."""

    host: str = "127.0.0.1"
    """Address to listen on."""

    port: Port = 8765
    """Port to listen on. 0: any free one."""

    api_key: SecretStr = SecretStr("")
    """Secret. The key that clients must present. Empty: any key will do."""

    recogniser: Literal["whisper", "grammar"] = "whisper"
    """whisper: Whisper tiny.en (205 MB, 0.3 s of CPU a command). grammar: fixed commands, for small boards (70 MB)."""

    model_path: OptionalPath = None
    """Folder with another ctranslate2 Whisper model."""

    voice: Literal["slt", "rms", "awb", "kal16"] = "rms"
    """Voice of flite for the replies."""


class Settings(Section):
    """All of config/satellite.toml."""

    satellite: SatelliteSettings = SatelliteSettings()
    audio: AudioSettings = AudioSettings()
    gate: GateSettings = GateSettings()
    conversation: ConversationSettings = ConversationSettings()
    live: LiveSettings = LiveSettings()
    mqtt: MqttSettings = MqttSettings()
    speech: SpeechSettings = SpeechSettings()
    server: ServerSettings = ServerSettings()
