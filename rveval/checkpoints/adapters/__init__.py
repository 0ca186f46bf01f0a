"""LoRA adapters as task vectors: scaling * B @ A per matrix, computed when a tensor is asked for.

    settings     adapter_config.json, and which of its kinds of adapter are a difference of weights at all
    layout       which tensors of the file make up the difference of which tensor of the base
    adapter      an open adapter, which answers like a checkpoint
    terms        both sides of a term, and the model that an adapter was trained on where it is needed

Importing this package does not import torch.
"""

from __future__ import annotations

from rveval.checkpoints.adapters.adapter import Adapter, open_adapter
from rveval.checkpoints.adapters.terms import Donor, Term, join, open_donor, plan_term, remarks, trained_elsewhere

__all__ = [
    "Adapter",
    "Donor",
    "Term",
    "join",
    "open_adapter",
    "open_donor",
    "plan_term",
    "remarks",
    "trained_elsewhere",
]
