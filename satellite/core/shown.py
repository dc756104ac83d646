"""What a person sees of it all: one pure function of the machines."""

from satellite.core.commands import ShownState
from satellite.core.dialogue import Dialogue
from satellite.core.link import LinkState
from satellite.core.mute import MuteState

BUSY = {
    Dialogue.LISTENING: ShownState.LISTENING,
    Dialogue.THINKING: ShownState.THINKING,
    Dialogue.SPEAKING: ShownState.SPEAKING,
    Dialogue.FOLLOW_UP: ShownState.FOLLOW_UP,
}


def shown_state(dialogue: Dialogue, mute: MuteState, link: LinkState, *, microphone_lost: bool) -> ShownState:
    """The state to show; at rest, the reason why a wake word would not help comes first."""
    if dialogue in BUSY:
        return BUSY[dialogue]
    if mute is MuteState.MUTED:
        return ShownState.MUTED
    if microphone_lost:
        return ShownState.NO_MICROPHONE
    return ShownState.REFUSED if link is LinkState.REFUSED else ShownState.IDLE
