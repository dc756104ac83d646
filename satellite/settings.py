"""The shape of config/satellite.toml: one frozen model per section, unknown keys refused.

Whoever adds a key gives it a unit in its name and a docstring that says what it means: the docstring is
the comment in config/satellite.toml, which a test renders from here and compares. A section within a section
is [live.generation] in the file. An edge imports its own sections and nothing else. Loading and precedence live
in app/configuration.py. The one long module: every key is found in one place.
"""

import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator


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
_EmptyIsNone = BeforeValidator(lambda value: None if value == "" else value)
"""None is written as an empty string in TOML, which has no null."""

OptionalPath = Annotated[Path | None, _EmptyIsNone]
OptionalInt = Annotated[int | None, _EmptyIsNone]
OptionalFloat = Annotated[float | None, _EmptyIsNone]


def _split(value: object) -> object:
    """A list given as text, on the command line or in the environment: its elements between commas."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


def _argv(value: object) -> object:
    """A program and its arguments given as text: split as a shell would, and run without one."""
    return shlex.split(value) if isinstance(value, str) else value


Command = Annotated[tuple[str, ...], BeforeValidator(_argv)]

Words = Annotated[tuple[str, ...], BeforeValidator(_split)]
Amount = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
"""Of money, in whatever currency."""

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

    room: str = ""
    """The room it stands in, e.g. kitchen: the model may be told. Empty: unknown."""

    place: str = ""
    """Where the house is, e.g. Lyon, France: the model may be told. Empty: unknown."""

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


class Backend(StrEnum):
    """Whose Live API it is."""

    DEVELOPER = "developer"
    VERTEX = "vertex"


class Modality(StrEnum):
    """What a reply is made of."""

    AUDIO = "audio"
    TEXT = "text"


class TokenSettings(Section):
    """Ephemeral tokens instead of the key: the device never holds what lasts (`satellite token mint` makes one)."""

    value: SecretStr = SecretStr("")
    """Secret. A token, auth_tokens/...; better in the environment (SATELLITE_LIVE__TOKEN__VALUE)."""

    value_file: OptionalPath = None
    """File whose content is the token."""

    url: str = ""
    """Where a token is fetched for each session: a POST whose answer is JSON with `name` or `token`. Empty: nowhere."""

    authorization: SecretStr = SecretStr("")
    """Secret. Sent as the Authorization header with that POST. Empty: none."""

    authorization_file: OptionalPath = None
    """File whose content is that header's value."""

    command: Command = ()
    """Program and arguments that print a token, run for each session. Empty: none."""

    timeout_ms: Annotated[int, Field(ge=100, le=60_000)] = 5000
    """Longest wait for the URL or the command."""


class VertexSettings(Section):
    """Vertex AI (live.backend = "vertex"); bearer tokens come from Application Default Credentials."""

    project: str = ""
    """Google Cloud project. Empty: the one the credentials name."""

    location: str = "us-central1"
    """Region, or us, eu, global."""

    quota_project: str = ""
    """Project whose quota is used. Empty: the credentials' own."""

    credentials_file: OptionalPath = None
    """Service-account or user credentials. Empty: GOOGLE_APPLICATION_CREDENTIALS, gcloud's, or the metadata server."""


class GenerationSettings(Section):
    """How a reply is generated. What a model does not take is refused at start."""

    modality: Modality = Modality.AUDIO
    """audio, or text where the model can (half-cascade models only)."""

    speak_text: bool = True
    """With modality text: the local voice speaks the reply."""

    temperature: OptionalFloat = None
    """0 to 2. Empty: the model's own."""

    top_p: OptionalFloat = None
    """Nucleus sampling, 0 to 1. Empty: the model's own."""

    top_k: OptionalInt = None
    """The k likeliest tokens. Empty: the model's own."""

    presence_penalty: OptionalFloat = None
    """-2 to 2. Empty: none."""

    frequency_penalty: OptionalFloat = None
    """-2 to 2. Empty: none."""

    max_output_tokens: OptionalInt = None
    """Longest reply in tokens. Empty: the model's own."""

    seed: OptionalInt = None
    """For replies that can be repeated. Empty: random."""

    media_resolution: Literal["", "low", "medium", "high"] = ""
    """How finely pictures are looked at: low, medium, high. Empty: the model's own."""

    thinking_budget: OptionalInt = None
    """Tokens for thinking, of the 2.5 models: 0 off, -1 as many as it likes. Empty: the model's own."""

    thinking_level: Literal["", "minimal", "low", "medium", "high", "xhigh"] = ""
    """How much is thought, of the 3.x models. Empty: the model's own (extended thinking: low)."""

    include_thoughts: bool = False
    """Ask for summaries of what was thought; they are published, never spoken."""

    affective_dialog: bool = False
    """The reply follows the tone of the user's voice (2.5 native audio; the Developer API needs v1alpha)."""

    proactive_audio: bool = False
    """The model may stay silent where it is not meant (2.5 native audio; always on in 3.8)."""


class DetectionSettings(Section):
    """The server's voice activity detection (conversation.activity = "automatic"), and what belongs to a turn."""

    start_sensitivity: Literal["", "high", "low"] = ""
    """How readily a start of speech is heard: high, low. Empty: the server's own."""

    end_sensitivity: Literal["", "high", "low"] = ""
    """How readily an end of speech is heard: high, low. Empty: the server's own."""

    prefix_padding_ms: OptionalInt = None
    """Speech needed before its start is taken for one. Empty: the server's own."""

    silence_duration_ms: OptionalInt = None
    """Silence needed before the end of speech is taken for one. Empty: the server's own."""

    activity_handling: Literal["interrupt", "no_interruption"] = "interrupt"
    """interrupt: the start of speech cuts the reply. no_interruption: the reply goes on."""

    turn_coverage: Literal["", "only_activity", "all_input", "audio_activity_and_all_video"] = ""
    """What belongs to a turn. Empty: the model's own."""

    explicit_vad_signal: bool = False
    """The server tells what it detects (Vertex AI only)."""


class ContextSettings(Section):
    """What a session knows, how long it lives, and how the next one goes on from it."""

    resumption: bool = True
    """Ask for handles, so that another connection goes on with the same session."""

    transparent: bool = False
    """The server also says which messages it has consumed (Vertex AI only). For its logs alone: after a resumption we
    send whole utterances again, whatever it says."""

    compression: bool = True
    """The oldest turns are forgotten instead of the session ending (15 minutes of audio without)."""

    trigger_tokens: OptionalInt = None
    """Size at which that happens. Empty: 80 per cent of the window."""

    target_tokens: OptionalInt = None
    """Size afterwards. Empty: half of trigger_tokens."""

    seed_history: bool = True
    """A session that cannot be resumed is told what was said before, from our own transcript."""

    connection_age_s: Annotated[int, Field(ge=0, le=86_400)] = 0
    """A connection older than this is handed over at the next pause. 0: by the model (9 minutes; 3.8: 57)."""


class TranscriptionSettings(Section):
    """Text of what was said and of the reply."""

    language_codes: Words = ()
    """Languages that are expected, BCP-47. Empty: any."""

    custom_vocabulary: Words = ()
    """Names and terms that are likely."""

    word_timestamps: bool = False
    """Ask for the instants of the words."""

    diarization: bool = False
    """Ask who said it."""

    interim: bool = False
    """Ask for early guesses while the user speaks."""

    mode: Literal["", "verbatim", "smart"] = ""
    """verbatim: every sound. smart: tidied. Empty: the model's own."""


class ServerToolSettings(Section):
    """Tools that run at the server. Which model takes which is checked at start."""

    google_search: bool = False
    """The model may search the web; its sources are published."""

    code_execution: bool = False
    """The model may run code of its own."""

    url_context: bool = False
    """The model may read web pages it is told of."""

    google_maps: bool = False
    """The model may look up places."""


class LiveSettings(Section):
    """The Live API."""

    backend: Backend = Backend.DEVELOPER
    """developer: a key or an ephemeral token. vertex: Vertex AI, with bearer tokens ([live.vertex])."""

    model: Annotated[str, Field(min_length=1)] = "gemini-3.8-live"
    """Name of the model."""

    base_url: Annotated[str, AfterValidator(lambda url: url.rstrip("/"))] = ""
    """Where the Live API is: a gateway, or a server of your own (ws and http only on this machine itself: the key would
    be readable). Empty: Google's, by backend and location."""

    api_version: Literal["", "v1beta", "v1alpha", "v1", "v1beta1"] = ""
    """Version of the API. Empty: v1beta, or v1alpha where a feature needs it; Vertex AI: v1beta1."""

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
    """What the model is told about its role. {name}, {room}, {place}, {date}, {time} are filled in at each session."""

    system_instruction_file: OptionalPath = None
    """File with that text instead. Empty: none."""

    input_transcription: bool = True
    """Ask for the text of what was said."""

    output_transcription: bool = True
    """Ask for the text of the reply."""

    extra_setup: SecretStr = SecretStr("")
    """Secret, for it may hold keys of tools. JSON object with further fields of the setup, in the Live API's own
    spelling, for what has no key here: translationConfig, safetySettings, labels, tools ... Empty: none."""

    attempt_timeout_ms: Annotated[int, Field(ge=500, le=60_000)] = 10_000
    """Longest wait for one attempt: connect, upgrade, setupComplete."""

    backoff_initial_ms: Annotated[int, Field(ge=10, le=60_000)] = 500
    """First pause between two attempts; it doubles, with jitter."""

    backoff_max_ms: Annotated[int, Field(ge=10, le=600_000)] = 30_000
    """Longest pause between two attempts."""

    liveness_timeout_ms: Annotated[int, Field(ge=5000, le=600_000)] = 45_000
    """A connection from which nothing came for this long, pongs included, is dead (pongs 30 s late are healthy)."""

    token: TokenSettings = TokenSettings()
    vertex: VertexSettings = VertexSettings()
    generation: GenerationSettings = GenerationSettings()
    detection: DetectionSettings = DetectionSettings()
    context: ContextSettings = ContextSettings()
    transcription: TranscriptionSettings = TranscriptionSettings()
    server_tools: ServerToolSettings = ServerToolSettings()


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

    bearer_token: SecretStr = SecretStr("")
    """Secret. The access token that clients must present on Vertex AI's path. Empty: any token will do."""

    limits: Literal["none", "google"] = "none"
    """google: connections, sessions and quota are limited as Google's are (goAway after 9 or 57 minutes ...)."""

    connection_age_s: Annotated[float, Field(ge=0)] = 0.0
    """A client is told to go away when its connection is so old, in seconds. 0: as the limits have it."""

    time_scale: Annotated[float, Field(gt=0, le=10_000)] = 1.0
    """How fast the clock of all limits runs: at 60 a minute is a second. For tests of clients."""

    faults_file: OptionalPath = None
    """File with faults (TOML, one [[fault]] each) that the server shall commit. For tests of clients."""

    recogniser: Literal["whisper", "grammar"] = "whisper"
    """whisper: Whisper tiny.en (205 MB, 0.3 s of CPU a command). grammar: fixed commands, for small boards (70 MB)."""

    model_path: OptionalPath = None
    """Folder with another ctranslate2 Whisper model."""

    voice: Literal["slt", "rms", "awb", "kal16"] = "rms"
    """Voice of flite for the replies."""


class FunctionSettings(Section):
    """One function of yours that the model may call: a program that takes the arguments as JSON on standard input."""

    description: Annotated[str, Field(min_length=1)]
    """What the model is told about it."""

    command: Annotated[Command, Field(min_length=1)]
    """Program and arguments; no shell. What it prints is the answer (JSON object, or text); status 0 is success."""

    parameters: dict[str, Any] = {}
    """JSON schema of the arguments (type object). Empty: it takes none."""

    timeout_s: Annotated[float, Field(gt=0, le=600)] = 10.0
    """Then it is ended, and the model is told that it took too long."""

    behavior: Literal["blocking", "non_blocking"] = "blocking"
    """non_blocking: the conversation goes on meanwhile (2.5 native audio and 3.8)."""

    scheduling: Literal["interrupt", "when_idle", "silent"] = "when_idle"
    """When a non-blocking answer is spoken: at once, after the present turn, or only remembered."""

    idempotent: bool = False
    """Calling it twice does no harm: a turn that stalls after it may be tried again."""


class ToolSettings(Section):
    """Functions that the model may call."""

    builtin: Words = ("get_time", "set_timer", "cancel_timer", "set_volume", "end_conversation")
    """Which of the satellite's own there are."""

    timeout_s: Annotated[float, Field(gt=0, le=600)] = 10.0
    """Longest run of one of them."""

    functions: dict[str, FunctionSettings] = {}
    """Your own: sections [tools.functions.NAME], see docs/tools.md."""


class VideoSettings(Section):
    """Pictures for the model while a conversation is open."""

    source: str = ""
    """/dev/video0 (a V4L2 camera), an image or video file, or an http(s) URL of a snapshot. Empty: no pictures."""

    authorization: SecretStr = SecretStr("")
    """Secret. Sent as the Authorization header with the URL (Home Assistant: Bearer and a token). Empty: none."""

    authorization_file: OptionalPath = None
    """File whose content is that header's value."""

    interval_ms: Annotated[int, Field(ge=1000, le=60_000)] = 1000
    """Pause between two pictures; the Live API takes at most one a second."""

    longest_side: Annotated[int, Field(ge=64, le=3072)] = 768
    """Larger pictures are made smaller, in pixels."""

    jpeg_quality: Annotated[int, Field(ge=10, le=95)] = 80
    """Quality of the JPEG."""


class PriceSettings(Section):
    """Prices per million tokens, for an estimate of the cost. 0: unknown, nothing is estimated."""

    text_in: Amount = 0.0
    """Text that goes in (the whole context, in every turn)."""

    audio_in: Amount = 0.0
    """Audio that goes in."""

    image_in: Amount = 0.0
    """Images and video that go in."""

    other_in: Amount = 0.0
    """Anything else that goes in."""

    text_out: Amount = 0.0
    """Text that comes out, thoughts included."""

    audio_out: Amount = 0.0
    """Audio that comes out."""

    other_out: Amount = 0.0
    """Anything else that comes out."""


class UsageSettings(Section):
    """What it costs, and how much of it a day may have."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    """Currency of the prices, ISO 4217."""

    daily_tokens: Annotated[int, Field(ge=0)] = 0
    """Tokens a day may have; then conversations are refused, politely and aloud. 0: no limit."""

    daily_cost: Amount = 0.0
    """The same for the estimated cost. 0: no limit."""

    warn_percent: Percent = 80
    """Once a day it is said that so much of the day's budget is used. 0: never."""

    prices: PriceSettings = PriceSettings()

    @model_validator(mode="after")
    def _cost_needs_prices(self) -> Self:
        if self.daily_cost and not any(self.prices.model_dump().values()):
            raise ValueError("a price in usage.prices, without which usage.daily_cost has no effect")
        return self


class StoreSettings(Section):
    """What is kept over a restart: the session to go on with, and the day's usage."""

    folder: OptionalPath = None
    """Folder of the database. Empty: systemd's STATE_DIRECTORY, and without it nothing is kept."""


class Settings(Section):
    """All of config/satellite.toml."""

    satellite: SatelliteSettings = SatelliteSettings()
    audio: AudioSettings = AudioSettings()
    gate: GateSettings = GateSettings()
    conversation: ConversationSettings = ConversationSettings()
    live: LiveSettings = LiveSettings()
    mqtt: MqttSettings = MqttSettings()
    speech: SpeechSettings = SpeechSettings()
    tools: ToolSettings = ToolSettings()
    video: VideoSettings = VideoSettings()
    usage: UsageSettings = UsageSettings()
    store: StoreSettings = StoreSettings()
    server: ServerSettings = ServerSettings()
