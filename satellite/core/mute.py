"""The microphone's switch: LIVE or MUTED. While MUTED nothing of the microphone exists for the core."""

from enum import StrEnum


class MuteState(StrEnum):
    """Whether the microphone is listened to."""

    LIVE = "live"
    MUTED = "muted"


RULES: dict[tuple[MuteState, bool], MuteState] = {
    (MuteState.LIVE, False): MuteState.LIVE,
    (MuteState.LIVE, True): MuteState.MUTED,
    (MuteState.MUTED, False): MuteState.LIVE,
    (MuteState.MUTED, True): MuteState.MUTED,
}
"""[state, what was requested (True: mute)]"""
