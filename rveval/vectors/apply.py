"""A list of steps on the terms of one tensor, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rveval.errors import Failed, Problem
from rveval.vectors.combine import Difference, another_shape
from rveval.vectors.registry import TRANSFORMS, Step, Transform
from rveval.vectors.tensors import generator

if TYPE_CHECKING:
    import torch


def transformed(
    terms: Sequence[Difference], steps: Sequence[Step], tensor: str, other: torch.Tensor | None = None
) -> list[Difference]:
    """What the terms of one tensor are after all steps.

    Random numbers depend on the step's seed and name, the tensor's name and the term's number, and on nothing else: the
    same in whatever order, process or device a tensor is built.

    Args:
        terms: of one tensor, all of one shape; returned as they are where there are no steps.
        steps: from first to last; one that is given layers acts on names and is done by who chooses the terms.
        tensor: the name of the base's tensor.
        other: float32, this tensor of the vector that a step takes beside the terms; None counts as zero.

    Raises:
        Failed: terms or `other` differ in shape; a step is of another version of its transform.
    """
    for step in steps:
        known = TRANSFORMS.get(step.name)
        if known is None or known.version != step.version:
            what = f"{step.name} of version {step.version} can't be computed here"
            raise Failed(Problem(what, expected=f"version {known.version if known else '-'}", fix="plan the run again"))
        if known.given == "terms" and terms:
            terms = [_merged(terms, step, known)]
        elif known.given in ("delta", "other"):
            terms = [
                Difference(_changed(term.delta, step, known, f"{tensor}:{number}", other), weight=term.weight)
                for number, term in enumerate(terms)
            ]
    return list(terms)


def _changed(delta: torch.Tensor, step: Step, known: Transform, place: str, other: torch.Tensor | None) -> torch.Tensor:
    given: dict[str, object] = dict(step.parameters)
    if known.draws:
        given["generator"] = generator(f"{step.seed}:{step.name}:{place}")
    if known.given == "other":
        if other is not None and other.shape != delta.shape:
            raise another_shape(tuple(delta.shape), tuple(other.shape))
        given["another"] = delta * 0 if other is None else other
    changed: torch.Tensor = known.function(delta, **given)
    return changed


def _merged(terms: Sequence[Difference], step: Step, known: Transform) -> Difference:
    deltas = [term.delta for term in terms]
    for delta in deltas:
        if delta.shape != deltas[0].shape:
            raise another_shape(tuple(deltas[0].shape), tuple(delta.shape))
    return Difference(known.function(deltas, [term.weight for term in terms], **dict(step.parameters)))
