"""Task-vector algebra on one tensor at a time: differences, transforms and null controls, and their sum with the base.

    delta        a difference that is computed piece by piece when it is asked for; nothing holds it whole
    steps        the names of the transforms, their parameters and which orders make sense: plain data, no torch
    apply        a list of steps on the terms of one tensor
    combine      theta + alpha * sum_i w_i T(plus_i - minus_i), in float32, rounded once

Importing this package does not import torch.
"""

from __future__ import annotations

from rveval.vectors.apply import Place, transformed
from rveval.vectors.combine import combine
from rveval.vectors.delta import CHUNK, Delta, Displacement, between, difference
from rveval.vectors.memo import Memo
from rveval.vectors.steps import STEPS, Step

__all__ = [
    "CHUNK",
    "STEPS",
    "Delta",
    "Displacement",
    "Memo",
    "Place",
    "Step",
    "between",
    "combine",
    "difference",
    "transformed",
]
