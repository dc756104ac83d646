"""Rules of the wire shared by client and server messages: names, defaults, base64, numbers, open enums.

Fields are written snake_case here and camelCase on the wire. A field's default is protobuf's (or None
where absence has a meaning of its own), and what equals its default is not written: that is how Google
renders messages. Whoever adds a message type derives it from WireModel, gives integers the type Int32 or Int64,
and enums that a server sends the type `Annotated[str, Names(...)]`: their unknown values must survive.
"""

import binascii
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

OWN_ID = "~"
"""Begins the ids that we give to calls that came without one; they never go out."""

TO_STANDARD_ALPHABET = str.maketrans("-_", "+/")


class WireModel(BaseModel):
    """Base of all messages: immutable, both spellings on input, unknown fields ignored.

    Who must refuse unknown fields (the server's side) parses with `proto_json.parse_client_message`. Schemas
    are built at first use: importing the messages costs little.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        defer_build=True,
        val_json_bytes="base64",
    )

    def to_json(self) -> str:
        """Compact JSON in camelCase, defaults left out: what our client sends."""
        return self.model_dump_json(by_alias=True, exclude_defaults=True)


def decode_base64(text: str) -> bytes:
    """Bytes of base64 in either alphabet, or both mixed, padded or not; ValueError otherwise."""
    bare = text.rstrip("=").translate(TO_STANDARD_ALPHABET)
    return binascii.a2b_base64(bare + "=" * (-len(bare) % 4), strict_mode=True)


def encode_base64(data: bytes | bytearray) -> str:
    """Standard base64 with padding, as the wire wants it."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


WireBytes = Annotated[bytes, PlainSerializer(encode_base64, return_type=str, when_used="json")]
"""Bytes in Python, base64 text on the wire. Read by pydantic itself, six times as fast as binascii: either alphabet."""


Int32 = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]
"""protobuf's int32: a JSON number."""

Int64 = Annotated[int, Field(ge=-(2**63), le=2**63 - 1), PlainSerializer(str, return_type=str, when_used="json")]
"""protobuf's int64: written as text, because JavaScript's numbers end at 2**53 (LIVE_API 2.0)."""


class Names:
    """Marks a text field as an enum with these values, in the protobuf's order.

    A client's message with another value is refused (proto_json), a server's is read and counted (decoder).
    """

    __slots__ = ("names",)

    def __init__(self, *names: str) -> None:
        self.names = names
