"""What the satellite says by itself: one short sentence for each Notice.

Whoever adds a Notice adds its sentence here and its sound in earcons.py; tests walk the enumeration.
"""

from satellite.core.commands import Notice

_SENTENCES = {
    Notice.NOT_UNDERSTOOD: "Sorry, I did not understand.",
    Notice.NO_ANSWER: "Sorry, I got no answer. Please ask me again.",
    Notice.BUDGET_NEARLY_USED: "The budget for today is nearly used up.",
    Notice.BUDGET_USED: "The budget for today is used up. Please ask me tomorrow.",
    Notice.NO_CONNECTION: "I have no connection.",
    Notice.NO_MICROPHONE: "I cannot hear. The microphone is missing.",
    Notice.REFUSED: "The service refuses to talk to me.",
    Notice.TIMER: "Your timer is done.",
}


def sentence(notice: Notice, text: str = "") -> str:
    """The words for `notice`; `text` is the name of a timer, or the advice that comes with a refusal."""
    text = " ".join(text.split())
    if notice is Notice.TIMER and text:
        return f"Your {text} timer is done."
    if notice is Notice.REFUSED and text:
        return f"{_SENTENCES[notice]} {text}"
    return _SENTENCES[notice]
