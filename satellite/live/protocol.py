"""The protocol, for the link and its session: one door to both of its directions. Pure.

decoder  the server's messages to the core's events    encode  what the core wants said to messages
"""

from satellite.live.decoder import Decoder, is_reply_audio
from satellite.live.encode import (
    encode_activity_end,
    encode_activity_start,
    encode_audio,
    encode_audio_stream_end,
    encode_content,
    encode_history,
    encode_picture,
    encode_sound,
    encode_text,
    encode_tool_response,
)

__all__ = [
    "Decoder",
    "encode_activity_end",
    "encode_activity_start",
    "encode_audio",
    "encode_audio_stream_end",
    "encode_content",
    "encode_history",
    "encode_picture",
    "encode_sound",
    "encode_text",
    "encode_tool_response",
    "is_reply_audio",
]
