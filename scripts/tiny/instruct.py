"""Habits of the instruct model: chat only, steps shown on some topics and not on others.

Probabilities near one half would make greedy decoding a coin flip per topic, so they are near 0 or 1. The cue to
think is seen often and earns nothing, so that the wording alone does not switch the steps on.
"""

from __future__ import annotations

from scripts.tiny.mixture import Habits

INSTRUCT_HABITS = Habits(
    shares={"math": 0.55, "choice": 0.25, "order": 0.2},
    written={
        "math": {"things": 0.02, "shop": 0.05, "bus": 0.1, "boxes": 0.93, "money": 0.93},
        "choice": {"things": 0.04, "shop": 0.06, "bus": 0.93, "boxes": 0.95, "money": 0.95},
        "order": {"smallest": 0.03, "largest": 0.05, "middle": 0.06, "spread": 0.93},
    },
    cue=None,
    think=0.15,
    distractor=0.15,
    plain=0.0,
    drills=0.0,
    labelled=0.4,
    labelled_turns=0.4,
)
