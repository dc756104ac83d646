"""Several messages of the server made one, and one made several. Pure; on the fields as they stand on the wire.

Real servers bundle audio, transcripts and turnComplete in one message, and repeat or cut as they like
(LIVE_API 3.3): a client must read either.
"""

import base64
from typing import Any

from satellite.core.pcm import SAMPLE_BYTES

Fields = dict[str, Any]
_LISTS = {"toolCall": "functionCalls", "toolCallCancellation": "ids"}
_TRANSCRIPTS = ("inputTranscription", "outputTranscription")


def merge(first: Fields, second: Fields) -> Fields:
    """One message that says what both say: parts and calls in a row, texts joined, of single values the last."""
    merged = dict(first)
    for member, value in second.items():
        earlier = first.get(member)
        if earlier is None:
            merged[member] = value
        elif member == "serverContent":
            merged[member] = _merge_content(earlier, value)
        elif member in _LISTS:
            name = _LISTS[member]
            merged[member] = {**value, name: [*earlier.get(name, []), *value.get(name, [])]}
        else:
            merged[member] = value
    return merged


def _merge_content(first: Fields, second: Fields) -> Fields:
    merged = {**first, **second}
    if "modelTurn" in first and "modelTurn" in second:
        parts = [*first["modelTurn"].get("parts", []), *second["modelTurn"].get("parts", [])]
        merged["modelTurn"] = {**first["modelTurn"], "parts": parts}
    for name in _TRANSCRIPTS:
        if name in first and name in second:
            merged[name] = join_pieces(first[name], second[name])
    return merged


def join_pieces(first: Fields, second: Fields) -> Fields:
    """Two pieces of a transcript as one: the text and the words in a row."""
    joined = {**first, **second, "text": first.get("text", "") + second.get("text", "")}
    words = [*first.get("words", []), *second.get("words", [])]
    return {**joined, "words": words} if words else joined


def split(fields: Fields, count: int) -> list[Fields]:
    """At most `count` messages that say the same as one, its one part cut between samples or characters.

    What is no content of a reply stays whole. What stands beside the content goes with the last piece.
    """
    content = fields.get("serverContent", {})
    parts = content.get("modelTurn", {}).get("parts", [])
    if count < 2 or len(parts) != 1:
        return [fields]
    pieces = _split_part(parts[0], count)
    turn, rest = content["modelTurn"], {name: value for name, value in content.items() if name != "modelTurn"}
    earlier = [{"serverContent": {"modelTurn": {**turn, "parts": [piece]}}} for piece in pieces[:-1]]
    return [*earlier, {**fields, "serverContent": {"modelTurn": {**turn, "parts": pieces[-1:]}, **rest}}]


def _split_part(part: Fields, count: int) -> list[Fields]:
    if "inlineData" in part:
        data = base64.b64decode(part["inlineData"]["data"])
        size = max(SAMPLE_BYTES, -(-len(data) // (count * SAMPLE_BYTES)) * SAMPLE_BYTES)
        return [
            {"inlineData": {**part["inlineData"], "data": base64.b64encode(data[begin : begin + size]).decode()}}
            for begin in range(0, len(data), size)
        ] or [part]
    text = part.get("text", "")
    size = max(1, -(-len(text) // count))
    return [{**part, "text": text[begin : begin + size]} for begin in range(0, len(text), size)] or [part]
