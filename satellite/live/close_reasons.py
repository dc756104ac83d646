"""Why a session ended, and what that means for the next attempt. Pure.

The reason's text decides, not the code: Google closes with 1007, 1008 and 1011 for all kinds of things
(LIVE_API 4.8; a reason is cut at 123 bytes, so rules match beginnings that survive the cut). Whoever adds a
reason adds a row with its source; the first row that matches wins.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from satellite.live.endpoints import Access

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
    access_refused: bool = False
    """What proves who we are was not taken: no use keeping it."""


class _Advice(StrEnum):
    """What a row of the table is about; the words depend on how we prove who we are."""

    NONE = ""
    ACCESS = "access"
    PROJECT = "project"
    MODEL = "model"
    QUOTA = "quota"
    PLACE = "place"
    SETUP = "setup"


ACCESS_ADVICE = {
    Access.KEY: "The Live API refused the key. Check live.api_key.",
    Access.EXPRESS: "Vertex AI refused the key. Check live.api_key and live.backend.",
    Access.TOKEN: "The Live API refused the token. Check live.token.",
    Access.BEARER: "Vertex AI refused the Google credentials. Check live.vertex.credentials_file, and that they "
    "may use Vertex AI in live.vertex.project.",
}
TOKEN_OVER_ADVICE = (
    "The token has expired or is used up. Put a new one into live.token.value, or fetch one for each session with "
    "live.token.url or live.token.command."
)
PROJECT_ADVICE = (
    "Google Cloud refused the project. Check live.vertex.project and live.vertex.quota_project, and that Vertex AI is "
    "enabled there."
)
MODEL_ADVICE = "The Live API does not know this model. Check live.model and live.api_version."
VERTEX_MODEL_ADVICE = (
    "Vertex AI does not have this model for us. Check live.model, live.vertex.location and live.vertex.project."
)
QUOTA_ADVICE = "The quota of the Live API is used up. Check plan and billing."
PLACE_ADVICE = "Google does not offer the Live API where this device is."
SETUP_ADVICE = "The Live API refused the configuration: "

_R, _T, _Q, _RESUME = Verdict.REFUSED, Verdict.TRANSIENT, Verdict.QUOTA, Verdict.RESUME_REFUSED

RULES: tuple[tuple[str, Verdict, _Advice], ...] = (
    # Who we are: LIVE_API 4.8 and 1.2; Google Cloud's words for the same.
    ("api key not valid", _R, _Advice.ACCESS),
    ("api key not found", _R, _Advice.ACCESS),
    ("api key expired", _R, _Advice.ACCESS),
    ("api keys are not supported", _R, _Advice.ACCESS),
    # also what a token meets on the endpoint without "Constrained"
    ("method doesn't allow unregistered callers", _R, _Advice.ACCESS),
    ("request had invalid authentication credentials", _R, _Advice.ACCESS),
    ("request is missing required authentication credential", _R, _Advice.ACCESS),
    ("request had insufficient authentication scopes", _R, _Advice.ACCESS),
    ("the request does not have valid authentication", _R, _Advice.ACCESS),
    ("unauthenticated", _R, _Advice.ACCESS),
    ("permission denied", _R, _Advice.ACCESS),
    ("permission_denied", _R, _Advice.ACCESS),
    ("the caller does not have permission", _R, _Advice.ACCESS),
    ("permission '", _R, _Advice.ACCESS),  # Permission 'aiplatform.endpoints.predict' denied on resource ...
    # Google Cloud projects.
    ("vertex ai api has not been used in project", _R, _Advice.PROJECT),
    ("agent platform api has not been used in project", _R, _Advice.PROJECT),
    ("generative language api has not been used in project", _R, _Advice.PROJECT),
    ("caller does not have required permission to use project", _R, _Advice.PROJECT),
    ("user project specified in the request is invalid", _R, _Advice.PROJECT),
    ("project '", _R, _Advice.PROJECT),  # Project 'x' not found or deleted.
    ("this api method requires billing", _R, _Advice.PROJECT),
    ("the billing account", _R, _Advice.PROJECT),
    ("user location is not supported", _R, _Advice.PLACE),
    # Models (Vertex AI: google/adk-python#3314). Developer names have a rule of their own below.
    ("publisher model", _R, _Advice.MODEL),
    ("model not found", _R, _Advice.MODEL),
    # Handles.
    ("bidigeneratecontent session not found", _RESUME, _Advice.NONE),
    ("bidigeneratecontent session expired", _RESUME, _Advice.NONE),
    # Two sessions of ours for a moment, or of another satellite: it passes when one of them ends.
    ("resource_exhausted: maximum concurrent", _T, _Advice.NONE),
    ("maximum concurrent", _T, _Advice.NONE),
    ("you exceeded your current quota", _Q, _Advice.QUOTA),
    ("quota exceeded", _Q, _Advice.QUOTA),
    ("resource_exhausted", _Q, _Advice.QUOTA),
    ("resource has been exhausted", _Q, _Advice.QUOTA),
    # Setups that no second try makes better, whatever they come with.
    ("cannot extract voices from a non-audio request", _R, _Advice.SETUP),
    ("the requested combination of response modalities", _R, _Advice.SETUP),
    ("explicit activity control is not supported", _R, _Advice.SETUP),
    ("realtime_input.media_chunks is deprecated", _R, _Advice.SETUP),
    # What passes: a fresh session, or another minute.
    ("operation is not implemented", _T, _Advice.NONE),
    ("connection aborted because the client failed to close", _T, _Advice.NONE),
    ("internal error", _T, _Advice.NONE),
    ("the service is currently unavailable", _T, _Advice.NONE),
    ("deadline expired", _T, _Advice.NONE),
    ("keepalive ping timeout", _T, _Advice.NONE),
)
"""Beginnings of reasons in lower case."""

TOKEN_WORD = re.compile(r"\btoken\b(?! (count|limit))|auth_tokens/")
TOKEN_OVER_WORD = re.compile(r"expired|used up|exhausted|exceeded|no longer valid|no uses|already used")
"""What is said of a token, and of one that was good once. Google's own words for it are in no report, so both kinds of
word decide, and only where a token is what we came with."""

MODEL_REASON = "models/"
MODEL_REASON_END = "is not found"
"""`models/X is not found for API version v1beta, or ...`."""

REFUSED_SETUP_CODE = 1007
"""Invalid payload: before setupComplete it speaks of our setup, and the same setup would be refused again."""


def classify_close(
    code: int, reason: str, *, opened: bool, resuming: bool = False, access: Access = Access.KEY
) -> Ending:
    """What a close frame means.

    `opened`: setupComplete had come; then even an invalid argument may be a context that is full, which a fresh session
    mends. `resuming`: the setup carried a handle; then a refused setup is taken for a refused handle, and a fresh
    session will tell.
    """
    shown = _shown(reason)
    lowered = shown.lower()
    if access is Access.TOKEN and TOKEN_WORD.search(lowered):
        if TOKEN_OVER_WORD.search(lowered):
            return Ending(Verdict.REFUSED, TOKEN_OVER_ADVICE, access_refused=True)
        if not opened:
            return Ending(Verdict.REFUSED, ACCESS_ADVICE[access], access_refused=True)
    for beginning, verdict, advice in RULES:
        if lowered.startswith(beginning):
            return _ending(verdict, advice, f"{code} {shown}", access)
    if lowered.startswith(MODEL_REASON) and MODEL_REASON_END in lowered:
        return _ending(Verdict.REFUSED, _Advice.MODEL, shown, access)
    if code == REFUSED_SETUP_CODE and not opened:
        if resuming:
            return Ending(Verdict.RESUME_REFUSED, f"{code} {shown}")
        return Ending(Verdict.REFUSED, f"{SETUP_ADVICE}{shown or 'no reason given'}")
    return Ending(Verdict.TRANSIENT, f"{code} {shown}".rstrip())


def classify_http(status: int, *, access: Access = Access.KEY) -> Ending:
    """What an HTTP answer other than 101 means (a gateway's, or Vertex AI's; the Developer API closes after it)."""
    if status in (401, 403):
        return Ending(Verdict.REFUSED, ACCESS_ADVICE[access], access_refused=True)
    if status == 429:
        return Ending(Verdict.QUOTA, QUOTA_ADVICE)
    if 300 <= status < 400:
        return Ending(
            Verdict.REFUSED, "The server redirects elsewhere, and the key is not sent there. Check live.base_url."
        )
    if status in (400, 404, 405, 410):
        where = "Check live.base_url and live.vertex.location" if access.vertex else "Check live.base_url"
        return Ending(Verdict.REFUSED, f"There is no Live API there (HTTP {status}). {where}.")
    return Ending(Verdict.TRANSIENT, f"HTTP {status}")


def _ending(verdict: Verdict, advice: _Advice, shown: str, access: Access) -> Ending:
    texts = {
        _Advice.NONE: shown,
        _Advice.ACCESS: ACCESS_ADVICE[access],
        _Advice.PROJECT: PROJECT_ADVICE,
        _Advice.MODEL: VERTEX_MODEL_ADVICE if access.vertex else MODEL_ADVICE,
        _Advice.QUOTA: QUOTA_ADVICE,
        _Advice.PLACE: PLACE_ADVICE,
        _Advice.SETUP: SETUP_ADVICE + shown.partition(" ")[2],
    }
    return Ending(verdict, texts[advice], access_refused=advice is _Advice.ACCESS)


def _shown(reason: str) -> str:
    """A server's text on one line, without control characters, at a bearable length."""
    return "".join(letter if letter.isprintable() else " " for letter in reason).strip()[:REASON_CHARACTERS]
