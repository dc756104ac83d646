"""POST /{v1alpha|v1beta}/auth_tokens: the request that mints an ephemeral token, read strictly (LIVE_API 1.3). Pure.

Errors are Google's JSON errors. Names are taken in both spellings, in the body and within the field mask; what is not
known is refused by name (`liveConnectConstraints`, for one: it is the client library's word, not the wire's).
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import UnionType
from typing import Union, get_args, get_origin
from urllib.parse import parse_qs

from pydantic import BaseModel

from satellite.live.messages import Dialect, PayloadRefused, Setup, parse_client_message
from satellite.live_server.doors import is_key, split_target
from satellite.live_server.refusals import BAD_KEY, NO_KEY
from satellite.live_server.tokens import LIFE, LONGEST, START_WITHIN, Path, Terms, Tokens
from satellite.settings import ServerSettings

_PATH = re.compile(r"/(v1alpha|v1beta)/auth_tokens/?")
_FIELDS = {
    "uses": "uses",
    "expireTime": "expire_time",
    "newSessionExpireTime": "new_session_expire_time",
    "bidiGenerateContentSetup": "bidi_generate_content_setup",
    "fieldMask": "field_mask",
}
_SPELLINGS = _FIELDS | {snake: snake for snake in _FIELDS.values()}
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_MOST_USES = 2**31 - 1

STATUS = {
    400: "INVALID_ARGUMENT",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    413: "INVALID_ARGUMENT",
}
"""Google's word for each HTTP status that is answered here."""


class MintingRefused(Exception):
    """No token: `code` is the HTTP status, `message` goes to the client."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message


def answer_post(
    target: str, headers: Mapping[str, str], body: bytes, settings: ServerSettings, tokens: Tokens
) -> tuple[int, bytes]:
    """Status and JSON body of the answer to a POST; `headers` by lower-case names."""
    try:
        version = _check(target, headers, settings)
        name = tokens.mint(read_terms(body, tokens.now(), Dialect(version=version)))
    except MintingRefused as refused:
        return refused.code, error_body(refused.code, refused.message)
    return 200, _json({"name": name})


def error_body(code: int, message: str) -> bytes:
    """A JSON error as Google writes it."""
    return _json({"error": {"code": code, "message": message, "status": STATUS[code]}})


def read_terms(body: bytes, now: datetime, dialect: Dialect | None = None) -> Terms:
    """What a body asks for, with the defaults; raises MintingRefused. `now` is in UTC; `dialect` None: every field."""
    fields = _read_fields(body)
    return Terms(
        uses=_read_uses(fields.get("uses", 1)),
        expires_at=_read_time(fields, "expire_time", now) or now + LIFE,
        starts_until=_read_time(fields, "new_session_expire_time", now) or now + START_WITHIN,
        setup=_read_setup(fields["bidi_generate_content_setup"], dialect)
        if "bidi_generate_content_setup" in fields
        else None,
        locked=_read_mask(fields.get("field_mask", "")),
    )


def _check(target: str, headers: Mapping[str, str], settings: ServerSettings) -> str:
    """The version of the API that is asked for a token; raises MintingRefused."""
    path, query = split_target(target)
    match = _PATH.fullmatch(path)
    if match is None:
        raise MintingRefused(404, "Requested entity was not found.")
    given = headers.get("x-goog-api-key", "") or parse_qs(query).get("key", [""])[0]
    if not given:
        raise MintingRefused(403, NO_KEY)
    if not is_key(given, settings):
        raise MintingRefused(400, BAD_KEY)
    return match[1]


def _read_fields(body: bytes) -> dict[str, object]:
    """The members that are there, by their names in snake_case; of two spellings the last one counts."""
    try:
        given = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise MintingRefused(400, "Invalid JSON payload received. Unexpected token.") from None
    if not isinstance(given, dict):
        raise MintingRefused(400, 'Invalid JSON payload received. Unknown name "": Root element must be a message.')
    for name in given:
        if name not in _SPELLINGS:
            raise MintingRefused(400, f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
    return {_SPELLINGS[name]: value for name, value in given.items() if value is not None}


def _read_uses(given: object) -> int:
    """An int32 as JSON writes it: 3, "3" or 3.0."""
    try:
        uses = int(given) if isinstance(given, str) else given
        if isinstance(uses, bool) or not isinstance(uses, int | float) or uses != int(uses):
            raise ValueError
        uses = int(uses)
    except (ValueError, OverflowError):
        raise _invalid("uses", given) from None
    if not 0 <= uses <= _MOST_USES:
        raise _invalid("uses", given)
    return uses


def _read_time(fields: Mapping[str, object], name: str, now: datetime) -> datetime | None:
    """An instant in RFC 3339 less than 20 hours ahead, in UTC; None where it is not given."""
    given = fields.get(name)
    if given is None:
        return None
    if not isinstance(given, str) or not _TIME.fullmatch(given):
        raise _invalid(name, given)
    try:
        # Nanoseconds are legal and Python reads microseconds.
        instant = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", given.upper())).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _invalid(name, given) from None
    if instant >= now + LONGEST:
        raise MintingRefused(400, f"{name} must be less than 20 hours in the future.")
    if instant <= now:
        raise MintingRefused(400, f"{name} must be in the future.")
    return instant


def _read_setup(given: object, dialect: Dialect | None) -> Setup:
    """The setup, by the same rules as a client's first message."""
    try:
        setup = parse_client_message(json.dumps({"setup": given}), dialect=dialect).setup
    except PayloadRefused as refused:
        raise MintingRefused(400, refused.reason.replace("'setup", "'auth_token.bidi_generate_content_setup")) from None
    if setup is None:
        raise _invalid("bidi_generate_content_setup", given)
    return setup


def _read_mask(given: object) -> tuple[Path, ...]:
    """Fields of the setup, between commas."""
    if not isinstance(given, str):
        raise _invalid("field_mask", given)
    return tuple(_read_path(path.strip()) for path in given.split(",") if path.strip())


def _read_path(text: str) -> Path:
    """One field by its Python names, in either spelling, down through messages and not into lists."""
    model: type[BaseModel] | None = Setup
    path: list[str] = []
    for step in text.split("."):
        fields = model.model_fields if model is not None else {}
        name = next((name for name, field in fields.items() if step in (name, field.alias)), None)
        if name is None:
            raise MintingRefused(400, f"Invalid field mask: '{text[:100]}' is no field of BidiGenerateContentSetup.")
        path.append(name)
        model = _message_of(fields[name].annotation)
    return tuple(path)


def _message_of(annotation: object) -> type[BaseModel] | None:
    """The message a field holds, or None for a list or a plain value."""
    if get_origin(annotation) in (Union, UnionType):
        return next((found for choice in get_args(annotation) if (found := _message_of(choice))), None)
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _invalid(name: str, value: object) -> MintingRefused:
    """Google's text for a value of the wrong type or form."""
    return MintingRefused(400, f"Invalid value at 'auth_token.{name}', {json.dumps(value, default=str)[:40]}")


def _json(fields: dict[str, object]) -> bytes:
    return (json.dumps(fields, indent=2) + "\n").encode()
