"""Content as both sides write it: turns, their parts, blobs, function calls and their answers.

Fields by LIVE_API.md sections 2.2 to 2.4 and 3.1. Used by client_messages and server_messages alike.
"""

from typing import Any

from pydantic import Field, StrictBool

from satellite.live.wire import WireBytes, WireModel

JsonObject = dict[str, Any]
"""An object whose keys are the user's own: never respelt."""


class Blob(WireModel):
    """Binary data with its type, e.g. `audio/pcm;rate=16000`."""

    data: WireBytes = b""
    mime_type: str = ""
    display_name: str = ""


class FileData(WireModel):
    """Data by reference."""

    mime_type: str = ""
    file_uri: str = ""


class ExecutableCode(WireModel):
    """Code the model wants to run, or has run."""

    language: str = ""
    code: str = ""


class CodeExecutionResult(WireModel):
    """What running it gave."""

    outcome: str = ""
    output: str = ""


class FunctionCall(WireModel):
    """One call of a declared function; Vertex may leave out the id."""

    id: str = ""
    name: str
    args: JsonObject = {}


class FunctionResponse(WireModel):
    """The result of a call: `output` or `error` by convention, else the whole object is the output."""

    id: str = ""
    name: str = ""
    response: JsonObject = {}
    scheduling: str = ""
    will_continue: StrictBool = False


class Part(WireModel):
    """A piece of content: one of text, blob, file, call, answer, code, its result."""

    text: str | None = None
    thought: StrictBool = False
    inline_data: Blob | None = None
    file_data: FileData | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None
    executable_code: ExecutableCode | None = None
    code_execution_result: CodeExecutionResult | None = None
    thought_signature: WireBytes = b""


class Content(WireModel):
    """A turn, or the piece of one: role `user` or `model`."""

    role: str = ""
    parts: list[Part] = Field(default_factory=list)
