"""Why a session ended, and what that means for the next attempt. Pure.

The reason's text decides, not the code: Google closes with 1007, 1008 and 1011 for all kinds of things
(LIVE_API.md section 4.8; reasons are cut at 123 bytes, so rules match their beginnings). Whoever adds a
reason adds a row with its source; the first row that matches wins.
"""

from dataclasses import dataclass
from enum import StrEnum

REASON_CHARACTERS = 200
"""Longest piece of a server's text that is shown (a close reason holds 123 bytes, an HTTP phrase may be longer)."""


class Verdict(StrEnum):
    """What an ending means."""

    REFUSED = "refused"
    QUOTA = "quota"
    TRANSIENT = "transient"
    RESUME_REFUSED = "resume_refused"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a connection ended; `text` is advice when it was refused (REFUSED, QUOTA), else the reason."""

    verdict: Verdict
    text: str


KEY_ADVICE = "The Live API refused the key. Check live.api_key."
MODEL_ADVICE = "The Live API does not know this model. Check live.model and live.api_version."
QUOTA_ADVICE = "The quota of the Live API is used up. Check plan and billing."

RULES: tuple[tuple[str, Verdict, str], ...] = (
    ("api key not valid", Verdict.REFUSED, KEY_ADVICE),
    ("api key not found", Verdict.REFUSED, KEY_ADVICE),
    ("api key expired", Verdict.REFUSED, KEY_ADVICE),
    ("method doesn't allow unregistered callers", Verdict.REFUSED, KEY_ADVICE),
    ("permission denied", Verdict.REFUSED, KEY_ADVICE),
    ("bidigeneratecontent session not found", Verdict.RESUME_REFUSED, ""),
    ("bidigeneratecontent session expired", Verdict.RESUME_REFUSED, ""),
    # Two sessions of ours for a moment, or of another satellite: it passes when one of them ends.
    ("resource_exhausted: maximum concurrent", Verdict.TRANSIENT, ""),
    ("you exceeded your current quota", Verdict.QUOTA, QUOTA_ADVICE),
    ("resource_exhausted", Verdict.QUOTA, QUOTA_ADVICE),
)
"""Beginnings of reasons in lower case."""

MODEL_REASON = "models/"
MODEL_REASON_END = "is not found"
"""`models/X is not found for API version v1beta, or ...`."""

REFUSED_SETUP_CODE = 1007
"""Invalid payload: before setupComplete it speaks of our setup, and the same setup would be refused again."""


def classify_close(code: int, reason: str, *, opened: bool, resuming: bool = False) -> Ending:
    """What a close frame means.

    `opened`: setupComplete had come. `resuming`: the setup carried a handle; then a refused setup is taken
    for a refused handle, and a fresh session will tell.
    """
    shown = _shown(reason)
    lowered = shown.lower()
    for beginning, verdict, advice in RULES:
        if lowered.startswith(beginning):
            return Ending(verdict, advice or f"{code} {shown}")
    if lowered.startswith(MODEL_REASON) and MODEL_REASON_END in lowered:
        return Ending(Verdict.REFUSED, MODEL_ADVICE)
    if code == REFUSED_SETUP_CODE and not opened:
        if resuming:
            return Ending(Verdict.RESUME_REFUSED, f"{code} {shown}")
        return Ending(Verdict.REFUSED, f"The Live API refused the configuration: {shown or 'no reason given'}")
    return Ending(Verdict.TRANSIENT, f"{code} {shown}".rstrip())


def classify_http(status: int) -> Ending:
    """What an HTTP answer other than 101 means (a gateway's: Google itself closes after the upgrade)."""
    if status in (401, 403):
        return Ending(Verdict.REFUSED, KEY_ADVICE)
    if status == 429:
        return Ending(Verdict.QUOTA, QUOTA_ADVICE)
    if 300 <= status < 400:
        return Ending(
            Verdict.REFUSED, "The server redirects elsewhere, and the key is not sent there. Check live.base_url."
        )
    if status in (400, 404, 405, 410):
        return Ending(Verdict.REFUSED, f"There is no Live API at live.base_url (HTTP {status}).")
    return Ending(Verdict.TRANSIENT, f"HTTP {status}")


def _shown(reason: str) -> str:
    """A server's text on one line, without control characters, at a bearable length."""
    return "".join(letter if letter.isprintable() else " " for letter in reason).strip()[:REASON_CHARACTERS]
