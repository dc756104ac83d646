"""What the core wants said, as messages: camelCase, standard base64, exactly one member. Pure.

The setup is setup.py's.
"""

import json
from collections.abc import Sequence

from satellite.core import pcm
from satellite.core.past import PastTurn
from satellite.live.client_messages import ActivitySignal, ClientContent, ClientMessage, RealtimeInput, ToolResponse
from satellite.live.content import Blob, Content, FunctionResponse, Part
from satellite.live.wire import OWN_ID, encode_base64

AUDIO_HEAD = '{"realtimeInput":{"audio":{"data":"'
AUDIO_TAIL = f'","mimeType":"audio/pcm;rate={pcm.CAPTURE_RATE_HZ}"}}}}}}'
"""The constant rest of an audio message: 50 of them a second need no model. A test holds it equal to the model's."""


def encode_audio(sound: bytes | bytearray) -> str:
    """User audio, 16 kHz s16le mono."""
    return AUDIO_HEAD + encode_base64(sound) + AUDIO_TAIL


def encode_sound(sound: bytes, rate_hz: int) -> str:
    """User audio at any rate, s16le mono: the server resamples (LIVE_API 2.3)."""
    blob = Blob(data=sound, mime_type=f"audio/pcm;rate={rate_hz}")
    return ClientMessage(realtime_input=RealtimeInput(audio=blob)).to_json()


def encode_picture(jpeg: bytes) -> str:
    """What the camera sees: one JPEG, at most one a second (LIVE_API 2.3)."""
    return ClientMessage(realtime_input=RealtimeInput(video=Blob(data=jpeg, mime_type="image/jpeg"))).to_json()


def encode_activity_start() -> str:
    """Manual mode: the user's turn begins."""
    return ClientMessage(realtime_input=RealtimeInput(activity_start=ActivitySignal())).to_json()


def encode_activity_end() -> str:
    """Manual mode: the user's turn is over."""
    return ClientMessage(realtime_input=RealtimeInput(activity_end=ActivitySignal())).to_json()


def encode_audio_stream_end() -> str:
    """Automatic mode: the microphone pauses."""
    return ClientMessage(realtime_input=RealtimeInput(audio_stream_end=True)).to_json()


def encode_text(text: str, *, as_realtime_input: bool) -> str:
    """A turn of text, in the form the model's family takes."""
    text = _sayable(text)
    if as_realtime_input:
        return ClientMessage(realtime_input=RealtimeInput(text=text)).to_json()
    turn = Content(role="user", parts=[Part(text=text)])
    return ClientMessage(client_content=ClientContent(turns=[turn], turn_complete=True)).to_json()


def encode_content(turns: Sequence[PastTurn], *, turn_complete: bool) -> str:
    """Turns of both roles, appended to the history in order; `turn_complete` asks for a reply (LIVE_API 2.2)."""
    contents = [Content(role=str(turn.role), parts=[Part(text=_sayable(turn.text))]) for turn in turns]
    return ClientMessage(client_content=ClientContent(turns=contents, turn_complete=turn_complete)).to_json()


def encode_history(history: Sequence[PastTurn], *, as_initial_history: bool) -> str:
    """What was said before, to a fresh session; nothing is generated for it.

    `as_initial_history`: the setup had historyConfig, where a complete turn ends the history. Without, it would ask
    for a reply to the history, so the turn stays open and the user's own completes it.
    """
    return encode_content(history, turn_complete=as_initial_history)


def encode_tool_response(call_id: str, name: str, response: str, scheduling: str = "") -> str:
    """The result of a call; what is not a JSON object, or is an empty one, becomes its `output`.

    `scheduling`: SILENT, WHEN_IDLE or INTERRUPT, for non-blocking functions alone; empty: not said.
    """
    try:
        value = json.loads(response)
    except (ValueError, RecursionError):
        value = response
    result = value if isinstance(value, dict) and value else {"output": value}  # an empty `response` is not written
    result = json.loads(_sayable(json.dumps(result, ensure_ascii=False)))
    theirs = "" if call_id.startswith(OWN_ID) else call_id
    answer = FunctionResponse(id=theirs, name=name, response=result, scheduling=scheduling)
    return ClientMessage(tool_response=ToolResponse(function_responses=[answer])).to_json()


def _sayable(text: str) -> str:
    """The text with `?` for half a surrogate pair: JSON can escape one, UTF-8 and protobuf cannot hold it."""
    return text.encode(errors="replace").decode()
