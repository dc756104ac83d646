"""What the client sends after the setup (LIVE_API.md sections 2.2 to 2.5), and the message around each.

Read a message from the outside with proto_json.parse_client_message, which refuses what Google's parser refuses.
"""

from pydantic import Field, StrictBool

from satellite.live.content import Blob, Content, FunctionResponse
from satellite.live.setup_messages import MediaResolution, Setup
from satellite.live.tool_messages import Tool
from satellite.live.wire import WireModel


class ActivitySignal(WireModel):
    """activityStart or activityEnd: an empty object."""


class RealtimeInput(WireModel):
    """Input as it happens; our client sends exactly one member."""

    audio: Blob | None = None
    video: Blob | None = None
    text: str | None = None
    activity_start: ActivitySignal | None = None
    activity_end: ActivitySignal | None = None
    audio_stream_end: StrictBool = False
    media_chunks: list[Blob] = Field(default_factory=list)
    media_resolution: MediaResolution | None = None


class ClientContent(WireModel):
    """Turns appended to the history in order; `turn_complete` starts a reply."""

    turns: list[Content] = Field(default_factory=list)
    turn_complete: StrictBool = False


class ToolResponse(WireModel):
    """Answers to calls."""

    function_responses: list[FunctionResponse] = Field(default_factory=list)


class ContextTools(WireModel):
    """Tools in place of those before; an empty list takes them away."""

    tools: list[Tool] = Field(default_factory=list)


class ContextUpdate(WireModel):
    """Another instruction or other tools from here on, in the order of the messages (3.8)."""

    system_instruction: Content | None = None
    tools: ContextTools | None = None


class ClientMessage(WireModel):
    """One message: exactly one member."""

    setup: Setup | None = None
    client_content: ClientContent | None = None
    realtime_input: RealtimeInput | None = None
    tool_response: ToolResponse | None = None
    context_update: ContextUpdate | None = None
