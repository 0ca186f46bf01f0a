"""A list of steps on the terms of one tensor, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from rveval.vectors.delta import Delta, Displacement
from rveval.vectors.memo import Memo
from rveval.vectors.steps import Step


@dataclass(frozen=True)
class Place:
    """Where a step acts, as far as it may depend on it.

    Args:
        tensor: the name of the base's tensor.
        term: the number of the term.
        other: this tensor of the vector that the step `other` takes.
        memo: what was found out before.
    """

    tensor: str
    term: int = 0
    other: Delta | None = None
    memo: Memo = field(default_factory=Memo)

    def seed(self, step: Step) -> str:
        """What the random numbers of a step are drawn from: the same in whatever order or process tensors are built."""
        return f"{step.seed}:{step.name}:{self.tensor}:{self.term}"


Transform = Callable[[Delta, Step, Place], Delta]
"""From a delta to what a step makes of it; the output's key says the step and the input's key."""


def _transforms() -> dict[str, Transform]:
    from rveval.vectors import drops, nulls, shapes, sparse, spectral
    from rveval.vectors.permute import permute

    return {
        "random": nulls.random,
        "permute": permute,
        "signs": nulls.signs,
        "other": nulls.other,
        "spectrum": spectral.spectrum,
        "rank": spectral.rank,
        "trim": sparse.trim,
        "breadcrumbs": sparse.breadcrumbs,
        "sign_only": shapes.sign_only,
        "clip": shapes.clip,
        "dare": drops.dare,
        "della": drops.della,
    }


def transformed(terms: Sequence[Displacement], steps: Sequence[Step], place: Place) -> list[Displacement]:
    """What the terms of one tensor are after all steps, each a delta that is computed when it is asked for.

    Args:
        terms: of one tensor.
        steps: from first to last; `swap_layers` acts on names and is done by who chooses the terms.
        place: the tensor; its `term` is set here.
    """
    from rveval.vectors.merge import ties

    found, transforms = list(terms), _transforms()
    for step in steps:
        if step.name == "ties":
            found = ties(found, step, place)
        elif step.name != "swap_layers":
            act = transforms[step.name]
            found = [
                Displacement(act(one.delta, step, replace(place, term=number)), one.weight)
                for number, one in enumerate(found)
            ]
    return found
