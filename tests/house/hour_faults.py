"""What goes wrong in a simulated hour: every kind of fault that a turn can suffer, dealt from a shuffled deck.

For whoever edits this: a kind is a name (it stands in the messages of a failing test) and what the server's script
gets. A new fault of live_server/faults.py that strikes in a turn gets a line here; a test compares.
"""

import random
from collections import Counter

from satellite.live_server.faults import Fault, Faults

BROKEN = "Internal error encountered."

KINDS: dict[str, tuple[Fault, ...]] = {
    "close at the end of speech": (Fault("close", member="activityEnd", reason=BROKEN),),
    "close in the reply": (Fault("close", chunk=2, reason=BROKEN),),
    "reset in the utterance": (Fault("reset", member="audio"),),
    "reset in the reply": (Fault("reset", chunk=2),),
    "half-open at the end of speech": (Fault("half_open", member="activityEnd", for_s=200),),
    "half-open in the reply": (Fault("half_open", chunk=2, for_s=200),),
    "stall before the reply": (Fault("stall", member="activityEnd"),),
    "stall in the reply": (Fault("stall", chunk=2),),
    "delay of the reply": (Fault("delay", server_member="modelTurn", for_s=5),),
    "delay in the reply": (Fault("delay", chunk=2, for_s=2),),
    "no answer": (Fault("no_answer"),),
    "empty turn": (Fault("empty_turn"),),
    "rejected turn": (Fault("rejected_turn"),),
    "early turnComplete": (Fault("early_turn_complete"),),
    "two turnCompletes": (Fault("duplicate_turn_complete"),),
    "interrupted after the generation": (Fault("interrupted_after_generation"),),
    "interrupted with audio": (Fault("interrupted_with_audio"),),
    "late transcripts": (Fault("late_transcripts"), Fault("delay", server_member="inputTranscription", for_s=0.4)),
    "near-silent reply": (Fault("near_silent_reply"),),
    "bundle": (Fault("bundle", server_member="modelTurn", count=4),),
    "split": (Fault("split", server_member="modelTurn", count=5, times=4),),
    "duplicate": (Fault("duplicate", server_member="sessionResumptionUpdate"),),
    "invalid JSON": (Fault("invalid_json", chunk=1),),
    "binary noise": (Fault("binary_noise", chunk=1),),
    "unknown names": (Fault("unknown_names", chunk=1),),
    "deep nesting": (Fault("deep_nesting", chunk=1),),
    "huge frame": (Fault("huge_frame", chunk=1),),
}


class Deck:
    """Deals a fault to about one turn in ten; no kind comes again before all others came. Seeded."""

    def __init__(self, rng: random.Random, faults: Faults, share: float) -> None:
        self._rng = rng
        self._faults = faults
        self._share = share
        self._deck: list[str] = []
        self.struck: Counter[str] = Counter()
        self._dealt = ""
        self._struck_before = 0

    def deal(self) -> str:
        """For the turn that begins: the name of what will go wrong, or nothing."""
        self.collect()
        if self._rng.random() >= self._share:
            return ""
        if not self._deck:
            self._deck = list(KINDS)
            self._rng.shuffle(self._deck)
        self._dealt = self._deck.pop()
        self._struck_before = self._faults.struck.total()
        self._faults.script += KINDS[self._dealt]
        return self._dealt

    def collect(self) -> None:
        """The turn is over: a fault that found no occasion goes back under the deck."""
        if not self._dealt:
            return
        if self._faults.struck.total() > self._struck_before:
            self.struck[self._dealt] += 1
        else:
            self._deck.insert(0, self._dealt)
        self._faults.script.clear()
        self._dealt = ""
