"""Content as both sides write it: turns, their parts, blobs, function calls and their answers.

Fields by LIVE_API.md sections 2.2 to 2.4 and 3.1, and those of the public protobuf's Part. Used by client_messages and
server_messages alike.
"""

from typing import Annotated, Any

from pydantic import Field, StrictBool

from satellite.live.wire import Names, WireBytes, WireModel

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
    display_name: str = ""


class ExecutableCode(WireModel):
    """Code the model wants to run, or has run."""

    language: Annotated[str, Names("LANGUAGE_UNSPECIFIED", "PYTHON")] = ""
    code: str = ""


class CodeExecutionResult(WireModel):
    """What running it gave."""

    outcome: Annotated[
        str, Names("OUTCOME_UNSPECIFIED", "OUTCOME_OK", "OUTCOME_FAILED", "OUTCOME_DEADLINE_EXCEEDED")
    ] = ""
    output: str = ""


class FunctionCall(WireModel):
    """One call of a declared function; Vertex may leave out the id."""

    id: str = ""
    name: str = ""
    args: JsonObject = {}


class FunctionResponsePart(WireModel):
    """Media beside the result of a call."""

    inline_data: Blob | None = None
    file_data: FileData | None = None


class FunctionResponse(WireModel):
    """The result of a call: `output` or `error` by convention, else the whole object is the output.

    `scheduling` says when the answer of a non-blocking function is spoken; Google's pages also show it inside
    `response`. `will_continue`: more answers to this call follow.
    """

    id: str = ""
    name: str = ""
    response: JsonObject = {}
    scheduling: Annotated[str, Names("SCHEDULING_UNSPECIFIED", "SILENT", "WHEN_IDLE", "INTERRUPT")] = ""
    will_continue: StrictBool = False
    parts: list[FunctionResponsePart] = Field(default_factory=list)


class VideoMetadata(WireModel):
    """Which piece of a video is meant, and how many of its frames a second are looked at."""

    start_offset: str = ""
    end_offset: str = ""
    fps: float | None = None


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
    video_metadata: VideoMetadata | None = None
    part_metadata: JsonObject | None = None


class Content(WireModel):
    """A turn, or the piece of one: role `user` or `model`."""

    role: str = ""
    parts: list[Part] = Field(default_factory=list)
