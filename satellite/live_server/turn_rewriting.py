"""The faults that strike within one turn, done to its messages on their way out. Pure; on the fields of the wire."""

import base64

import numpy as np

from satellite.live_server.bundles import Fields, join_pieces
from satellite.live_server.strikes import TurnFaults

NEAR_SILENCE = 3
"""Amplitude of a near-silent reply, of 32,768: -81 dB of full scale, and not digital silence."""

_TRANSCRIPTS = ("inputTranscription", "outputTranscription")
_TURN_COMPLETE: Fields = {"serverContent": {"turnComplete": True}}
_INTERRUPTED: Fields = {"serverContent": {"interrupted": True}}


class TurnRewriting:
    """One turn's. Driven by the connection's writer, message by message."""

    def __init__(self, turn: TurnFaults) -> None:
        self._faults = turn.faults
        self._chunks = 0
        self._last_chunk: Fields | None = None
        self._late: Fields | None = None
        self._over = False
        """The client was told that the turn is over, and it is not: the rest of it is not sent."""

    @property
    def active(self) -> bool:
        """Whether anything goes wrong in this turn."""
        return bool(self._faults)

    def rewrite(self, fields: Fields) -> list[Fields]:
        """What is sent instead of a message; none, itself, or others."""
        content = fields.get("serverContent")
        if content is None or not self._faults:
            return [fields]
        if self._over:
            return []
        if "modelTurn" in content:
            self._chunks += 1
            if "near_silent_reply" in self._faults:
                content = {**content, "modelTurn": _silenced(content["modelTurn"])}
                fields = {**fields, "serverContent": content}
            self._last_chunk = content["modelTurn"]
        if self._is_emptied and ("generationComplete" in content or "modelTurn" in content):
            return []
        sent = self._delay_transcripts(fields) + self._end_early(content)
        return self._complete(sent) if "turnComplete" in content or self._over else sent

    @property
    def _is_emptied(self) -> bool:
        return "empty_turn" in self._faults or "rejected_turn" in self._faults

    def _delay_transcripts(self, fields: Fields) -> list[Fields]:
        """The message without its transcripts, which are kept for the end of the turn."""
        content = fields["serverContent"]
        found = {name: content[name] for name in _TRANSCRIPTS if name in content}
        if "late_transcripts" not in self._faults or not found:
            return [fields]
        kept = self._late or {}
        for name, piece in found.items():
            kept[name] = join_pieces(kept.get(name, {}), piece)
        self._late = kept
        rest = {name: value for name, value in content.items() if name not in found}
        return [{**fields, "serverContent": rest}] if rest else []

    def _end_early(self, content: Fields) -> list[Fields]:
        """What is added where the turn is ended before its time."""
        early = self._faults.get("early_turn_complete")
        if early is not None and "modelTurn" in content and self._chunks == early.chunk:
            self._over = True
            return [_TURN_COMPLETE]
        cut = self._faults.get("interrupted_with_audio")
        if cut is not None and self._last_chunk is not None:
            at_chunk = "modelTurn" in content and self._chunks == cut.chunk
            if at_chunk or (cut.chunk is None and "generationComplete" in content):
                self._over = True
                return [{"serverContent": {"modelTurn": self._last_chunk, "interrupted": True}}, _TURN_COMPLETE]
        if "interrupted_after_generation" in self._faults and "generationComplete" in content:
            self._over = True
            return [_INTERRUPTED, _TURN_COMPLETE]
        return []

    def _complete(self, sent: list[Fields]) -> list[Fields]:
        """The end of the turn: what is done to turnComplete, and what comes behind it."""
        *before, last = sent
        if "rejected_turn" in self._faults:
            last = {**last, "serverContent": {**last["serverContent"], "turnCompleteReason": "RESPONSE_REJECTED"}}
        copies = 2 if "duplicate_turn_complete" in self._faults else 1
        late = [{"serverContent": self._late}] if self._late else []
        return [*before, *[last] * copies, *late]


def _silenced(turn: Fields) -> Fields:
    """The same turn, its audio as long and hardly above zero."""
    parts = []
    for part in turn.get("parts", []):
        if "inlineData" in part:
            samples = len(base64.b64decode(part["inlineData"]["data"])) // 2
            hiss = np.random.default_rng(7).integers(-NEAR_SILENCE, NEAR_SILENCE, samples, endpoint=True)
            data = base64.b64encode(hiss.astype("<i2").tobytes()).decode()
            parts.append({"inlineData": {**part["inlineData"], "data": data}})
        else:
            parts.append(part)
    return {**turn, "parts": parts}
