"""The one table of all topics: name, direction, retained, QoS, when, and an example. Pure.

Whoever adds a topic adds a row here and nowhere else: docs/mqtt.md holds this table as `markdown_table()`
renders it, and a test compares the two. Topics are PREFIX/ID/SUFFIX. A satellite subscribes to its own
command topics by name: no wildcards, so that thousands can share a broker.
"""

from dataclasses import dataclass
from enum import StrEnum


class Direction(StrEnum):
    """Who publishes."""

    OUT = "published"
    IN = "command"


@dataclass(frozen=True, slots=True)
class Topic:
    """One row. `suffix` may hold one {field}; `when` and `example` are for people, one line each."""

    suffix: str
    direction: Direction
    retained: bool
    qos: int
    when: str
    example: str


ONLINE = "online"
OFFLINE = "offline"

AVAILABILITY = Topic(
    "availability",
    Direction.OUT,
    True,
    1,
    "`online` at each accepted connect; `offline` on stop, and by the broker itself (the will) when the satellite dies",
    "online",
)
STATE = Topic(
    "state",
    Direction.OUT,
    True,
    1,
    "the shown state changes: idle, listening, thinking, speaking, follow_up, muted, no_microphone, refused",
    "listening",
)
STATE_ATTRIBUTES = Topic(
    "state/attributes",
    Direction.OUT,
    True,
    1,
    "with each `state`: the conversation and turn it belongs to",
    '{"conversation":3,"turn":7}',
)
TRANSCRIPT = Topic(
    "transcript/{speaker}",
    Direction.OUT,
    False,
    1,
    "`transcript/input`: what was heard, `transcript/output`: what is answered. The text so far while `final` is "
    "false; once more with `final` true when it will not change any more. The final one may have more keys, each only "
    "where the server told it (`live.transcription` asks for them): `words`, each with `text`, `start_ms` and "
    "`end_ms` (from the start of the audio, as the server counts); `speakers`, the labels of who spoke, in the order "
    "of their first words; `language`, a BCP-47 code",
    '{"conversation":3,"turn":7,"final":true,"text":"what time is it"}',
)
WAKE = Topic(
    "event/wake",
    Direction.OUT,
    False,
    1,
    "the gate opens, by a wake word (`source` wake_word) or because it was asked to (`source` request, `word` empty)",
    '{"event_type":"wake","source":"wake_word","word":"hey_jarvis","score":0.97,"conversation":3}',
)
MUTE_STATE = Topic("mute/state", Direction.OUT, True, 1, "the microphone is closed (`ON`) or opened (`OFF`)", "OFF")
VOLUME_STATE = Topic("volume/state", Direction.OUT, True, 1, "the playback volume changes, 0 to 100 per cent", "80")
PROBLEM = Topic(
    "problem/{part}",
    Direction.OUT,
    True,
    1,
    "something is wrong with a part (link, microphone, speaker, camera, budget), or no longer; all false at start",
    '{"problem":true,"text":"the microphone is not connected"}',
)
USAGE = Topic(
    "usage",
    Direction.OUT,
    False,
    1,
    "the server has reported on a turn: its tokens (cached ones are part of the prompt), and what they are estimated "
    "to cost by the prices of the configuration (0 without); the sums of the session and of the day",
    '{"conversation":3,"turn":7,"prompt_tokens":250,"response_tokens":75,"thoughts_tokens":0,"tool_use_tokens":0,'
    '"cached_tokens":0,"total_tokens":325,'
    '"prompt_by_modality":{"text":40,"audio":210,"image":0,"video":0,"document":0,"other":0},'
    '"response_by_modality":{"text":0,"audio":75,"image":0,"video":0,"document":0,"other":0},'
    '"traffic_type":"ON_DEMAND","cost":0.001552,"currency":"USD","session_tokens":1460,"session_cost":0.006912,'
    '"session":{"prompt_by_modality":{"text":160,"audio":1000,"image":0,"video":0,"document":0,"other":0},'
    '"response_by_modality":{"text":0,"audio":300,"image":0,"video":0,"document":0,"other":0},'
    '"thoughts_tokens":0,"tool_use_tokens":0,"cached_tokens":0},'
    '"day_tokens":20480,"day_cost":0.0971}',
)
USAGE_DAY = Topic(
    "usage/day",
    Direction.OUT,
    True,
    1,
    "with each `usage`, at the start and at midnight: the sums of the calendar day; `warned`: that the budget is "
    "nearly used has been said",
    '{"day":"2026-10-05","tokens":20480,"cost":0.0971,"currency":"USD","warned":false,'
    '"prompt_by_modality":{"text":2600,"audio":13480,"image":0,"video":0,"document":0,"other":0},'
    '"response_by_modality":{"text":0,"audio":4400,"image":0,"video":0,"document":0,"other":0},'
    '"thoughts_tokens":0,"tool_use_tokens":0,"cached_tokens":0}',
)
STALL = Topic(
    "event/stall",
    Direction.OUT,
    False,
    1,
    "a turn got no proper answer: `cause` no_audio, empty_turn, rejected, near_silent or closed; `retried`: it is "
    "asked again; `count`: how often that cause has been seen since the start",
    '{"event_type":"stall","cause":"no_audio","retried":true,"count":1,"conversation":3,"turn":7}',
)
SOURCES = Topic(
    "sources",
    Direction.OUT,
    False,
    1,
    "what an answer rests on when the model has searched: the pages, and what it searched for",
    '{"conversation":3,"turn":7,"sources":[{"title":"example.org","uri":"https://example.org/tides"}],'
    '"searches":["high tide today"]}',
)
THOUGHT = Topic(
    "thought",
    Direction.OUT,
    False,
    1,
    "a summary of what the model thought, or the next piece of one, where "
    "`live.generation.include_thoughts` asks for it; it is never spoken",
    '{"conversation":3,"turn":7,"text":"The user wants the time of the next high tide."}',
)
VOICE_ACTIVITY = Topic(
    "event/voice_activity",
    Direction.OUT,
    False,
    1,
    "the server hears a voice begin (`event_type` voice_started) or end (voice_ended), `offset_ms` into what was sent, "
    "where `live.detection.explicit_vad_signal` asks for it",
    '{"event_type":"voice_started","active":true,"offset_ms":440,"conversation":3}',
)
LISTEN = Topic("command/listen", Direction.IN, False, 1, "start listening, as if the wake word had been said", "PRESS")
STOP = Topic("command/stop", Direction.IN, False, 1, "be quiet and idle, now", "PRESS")
MUTE = Topic(
    "command/mute", Direction.IN, False, 1, 'close or open the microphone: `ON`, `OFF` or JSON {"muted": true}', "ON"
)
SAY = Topic(
    "command/say",
    Direction.IN,
    False,
    1,
    'say something word for word: the bare text or JSON {"text": "..."}, up to 2000 characters',
    "Dinner is ready",
)
TEXT = Topic(
    "command/text",
    Direction.IN,
    False,
    1,
    'ask in writing, answered aloud like speech: the bare text or JSON {"text": "..."}, up to 2000 characters',
    "How long do eggs take?",
)
VOLUME = Topic(
    "command/volume", Direction.IN, False, 1, 'set the volume, 0 to 100: the bare number or JSON {"percent": 55}', "55"
)

TABLE: tuple[Topic, ...] = (
    AVAILABILITY,
    STATE,
    STATE_ATTRIBUTES,
    TRANSCRIPT,
    WAKE,
    MUTE_STATE,
    VOLUME_STATE,
    PROBLEM,
    USAGE,
    USAGE_DAY,
    STALL,
    SOURCES,
    THOUGHT,
    VOICE_ACTIVITY,
    LISTEN,
    STOP,
    MUTE,
    SAY,
    TEXT,
    VOLUME,
)
COMMANDS: tuple[Topic, ...] = tuple(topic for topic in TABLE if topic.direction is Direction.IN)


@dataclass(frozen=True, slots=True)
class TopicNames:
    """The table as one satellite's full topic names. Both segments are validated by the settings."""

    prefix: str
    satellite_id: str

    def full(self, topic: Topic, **fields: str) -> str:
        """PREFIX/ID/SUFFIX, with the {field} of the suffix filled in."""
        return f"{self.prefix}/{self.satellite_id}/{topic.suffix.format(**fields)}"

    def command(self, name: str) -> Topic | None:
        """The row of an own command topic, or None."""
        return next((topic for topic in COMMANDS if self.full(topic) == name), None)


def markdown_table() -> str:
    """The table as it stands in docs/mqtt.md."""
    rows = ["| topic | | retained | QoS | when | example |", "| --- | --- | --- | --- | --- | --- |"]
    for topic in TABLE:
        retained = "yes" if topic.retained else "no"
        rows.append(
            f"| `{topic.suffix}` | {topic.direction} | {retained} | {topic.qos} | {topic.when} | `{topic.example}` |"
        )
    return "\n".join(rows)
