"""Frames that no client should have to read, and every client must survive."""

import json
import random
from collections.abc import Callable

NOISE_BYTES = 200
NESTED = 100_000
"""Deeper than any parser follows."""

HUGE_BYTES = 1_300_000
"""Over the 1 MiB at which WebSocket libraries stop reading unless they are told otherwise (LIVE_API 6.3)."""


def _unknown_names() -> bytes:
    """A legal message of a newer server: fields and enum values that nobody knows yet, at every level."""
    fields = {
        "novelty": {"depth": [1, {"more": None}]},
        "serverContent": {
            "noveltyOfTheTurn": True,
            "interactionStatus": "DREAMING",
            "modelTurn": {"parts": [{"noveltyOfAPart": {"language": "WHISTLING"}}]},
        },
        "usageMetadata": {"promptTokensDetails": [{"modality": "SMELL", "tokenCount": 1}], "noveltyTokenCount": 1},
    }
    return json.dumps(fields, indent=2).encode()


GARBAGE: dict[str, Callable[[], bytes]] = {
    "invalid_json": lambda: b'{"serverContent": {"modelTurn": ',
    "binary_noise": lambda: random.Random(7).randbytes(NOISE_BYTES),
    "unknown_names": _unknown_names,
    "deep_nesting": lambda: b'{"novelty": ' + b"[" * NESTED + b"]" * NESTED + b"}",
    "huge_frame": lambda: b'{"novelty": "' + b"x" * HUGE_BYTES + b'"}',
}
"""Each the same every time."""
