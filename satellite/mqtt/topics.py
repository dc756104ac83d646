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
    "false; once more with `final` true when it will not change any more",
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
    "something is wrong with a part (link, microphone, speaker), or no longer; all false at start",
    '{"problem":true,"text":"the microphone is not connected"}',
)
USAGE = Topic(
    "usage",
    Direction.OUT,
    False,
    1,
    "a turn is over: its token counts, as the server gives them",
    '{"conversation":3,"turn":7,"prompt_tokens":250,"response_tokens":75,"total_tokens":325}',
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
    LISTEN,
    STOP,
    MUTE,
    SAY,
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
