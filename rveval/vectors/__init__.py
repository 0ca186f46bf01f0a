"""Task-vector algebra on one tensor at a time: differences, transforms and null controls, and their sum with the base.

    combine      theta + alpha * sum_i w_i (plus_i - minus_i), in float32, rounded once
    registry     what a transform is; `TRANSFORMS` has them all, a `Step` is one with its parameters: no torch
    controls     null controls: random, permute, signs, spectrum, swap_layers, other
    sparsify     transforms that drop entries, and ties
    shapes       sign_only, rank, clip
    apply        a list of steps on the terms of one tensor
    scopes       which tensors a vector touches, and how much

A transform is a pure function of whole float32 tensors under the decorator `transform`, in any of these files: to add
one, write it there, and its test. Importing this package does not import torch.
"""

from __future__ import annotations

from rveval.vectors import controls, shapes, sparsify  # noqa: F401 - they register the transforms
from rveval.vectors.apply import transformed
from rveval.vectors.combine import Difference, combine
from rveval.vectors.registry import TRANSFORMS, Parameter, Step, Transform, wrong_orders
from rveval.vectors.scopes import KINDS, Scope, depth_of, kind_of, layer_of, layers_of

VERSION = 1
"""Of the sum and of differences: raised when the bits of a variant without transforms change."""

__all__ = [
    "KINDS",
    "TRANSFORMS",
    "VERSION",
    "Difference",
    "Parameter",
    "Scope",
    "Step",
    "Transform",
    "combine",
    "depth_of",
    "kind_of",
    "layer_of",
    "layers_of",
    "transformed",
    "wrong_orders",
]
