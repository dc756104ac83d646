"""Why the server ends a connection: codes and Google's reason texts (LIVE_API 4.8), in one place.

A reason goes out as it stands here, cut to what a close frame holds; clients classify by it, so the words
are Google's wherever a report of them exists. What exactly was wrong goes to the server's own log.
"""

REASON_MAX_BYTES = 123
"""Room for the reason in a close frame (RFC 6455: 125 bytes less the code)."""

BAD_KEY = "API key not valid. Please pass a valid API key."
NO_KEY = (
    "Method doesn't allow unregistered callers (callers without established identity). "
    "Please use API Key or other form of API consumer identity to call this API."
)
NO_BEARER = (
    "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other "
    "valid authentication credential."
)
BAD_BEARER = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential."
)
"""Google's words for all of its services; as close reasons of the Live API they are inferred."""

BAD_TOKEN = "Auth token not valid. Please pass a valid auth token."
TOKEN_EXPIRED = "Auth token expired."
TOKEN_TOO_LATE = "Auth token expired: it can no longer start a new session."
TOKEN_USED_UP = "Auth token exhausted: it has no uses left."
"""No report quotes Google's words about ephemeral tokens: these are inferred."""

SETUP_ONCE = "setup must be the first message and only the first"
INVALID_ARGUMENT = "Request contains an invalid argument."
PRECONDITION = "Precondition check failed."
EXPLICIT_ACTIVITY = "Explicit activity control is not supported when automatic activity detection is enabled."
MEDIA_CHUNKS = "realtime_input.media_chunks is deprecated. Use audio, video, or text instead."
NOT_AUDIO = "Cannot extract voices from a non-audio request."
NO_SESSION = "BidiGenerateContent session not found"
SESSION_EXPIRED = "BidiGenerateContent session expired"
INTERNAL = "Internal error encountered."
DEADLINE = "Deadline expired before operation could complete."
CONCURRENT = "RESOURCE_EXHAUSTED: Maximum concurrent sessions reached. Please end a session and try again."
"""Reports cut it after `se`."""

QUOTA = "You exceeded your current quota, please check your plan and billing details."
GO_AWAY_IGNORED = (
    "Connection aborted because the client failed to close the connection after receiving a GoAway signal "
    "once the session duration was exceeded."
)


ABORTED = 1006
"""No close frame at all: the socket is reset."""


class Refusal(Exception):
    """Ends the connection with a close frame: `code`, and `reason` as the client reads it. `detail` is for the log."""

    def __init__(self, code: int, reason: str, detail: str = "") -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = cut_to_fit(reason)
        self.detail = detail


def invalid_argument(detail: str) -> Refusal:
    """1007 with Google's catch-all reason; `detail` says in the log what was wrong."""
    return Refusal(1007, INVALID_ARGUMENT, detail)


def cannot_find(field: str, where: str) -> Refusal:
    """1007 for a field that this version of the API does not have at `where`, the path of its message."""
    return Refusal(1007, f"Invalid JSON payload received. Unknown name \"{field}\" at '{where}': Cannot find field.")


def unknown_model(model: str, version: str) -> Refusal:
    """1008 for a model that is not served."""
    reason = (
        f"{model} is not found for API version {version}, or is not supported for bidiGenerateContent. "
        "Call ModelService.ListModels to see the list of available models and their supported methods."
    )
    return Refusal(1008, reason)


def unsupported_modalities(modalities: list[str]) -> Refusal:
    """1007 for more than one response modality."""
    names = ", ".join(modalities)
    return Refusal(1007, f"The requested combination of response modalities ({names}) is not supported by the model.")


def cut_to_fit(reason: str) -> str:
    """`reason` cut to the bytes a close frame has room for, never inside a character.

    It may quote what a client sent: JSON can hold half a character, which no frame can.
    """
    return reason.encode(errors="replace")[:REASON_MAX_BYTES].decode(errors="ignore")
