"""A variant: its recipe (base, terms, alpha, scope), its fingerprint, its label, and its tensors, streamed by name.

The recipe is what travels to vLLM's processes, as JSON; the fingerprint is what a cell is keyed by. Paths are in the
first and not in the second: the same weights in another folder are the same variant.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rveval.checkpoints import Checkpoint, open_checkpoint

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class RecipeTerm:
    """One difference of checkpoints: folders to read, content hashes to be known by, and a weight."""

    plus: str
    minus: str | None
    weight: float
    plus_hash: str
    minus_hash: str | None


@dataclass(frozen=True)
class Recipe:
    """What a variant is made of.

    Args:
        base: folder of the base checkpoint.
        base_hash: content hash of everything in it that can change an answer.
        terms: the differences that are added up.
        alpha: the scaling coefficient, multiplies all terms.
        scope: regexes (`re.search`) over tensor names; a tensor that none matches keeps the base's bits.
        dtype: the dtype the variant is served in (`bfloat16`, `float16`, `float32`).
    """

    base: str
    base_hash: str
    terms: tuple[RecipeTerm, ...] = ()
    alpha: float = 0.0
    scope: tuple[str, ...] = (".*",)
    dtype: str = "bfloat16"

    @property
    def is_base(self) -> bool:
        """Whether this is the base itself: alpha 0, no terms and an empty scope are one variant (DESIGN.md)."""
        return self.alpha == 0 or not self.scope or not self.terms

    @property
    def fingerprint(self) -> str:
        """The sha256 of the recipe without its paths: equal for equal weights, different where anything differs."""
        known: dict[str, Any] = {"base": self.base_hash, "dtype": self.dtype}
        if not self.is_base:
            terms = [{"plus": t.plus_hash, "minus": t.minus_hash, "weight": t.weight} for t in self.terms]
            known |= {"terms": terms, "alpha": self.alpha, "scope": list(self.scope)}
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()

    def as_base(self) -> Recipe:
        """The recipe of the base alone."""
        return replace(self, terms=(), alpha=0.0, scope=(".*",))

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        raw = json.loads(text)
        terms = tuple(RecipeTerm(**term) for term in raw.pop("terms"))
        return cls(terms=terms, scope=tuple(raw.pop("scope")), **raw)


def label(model: str, vector: str, recipe: Recipe) -> str:
    """The name a variant is shown by, such as `tiny + 0.5 tiny_grpo`; the base is its model's name alone."""
    if recipe.is_base:
        return model
    sign = "-" if recipe.alpha < 0 else "+"
    return f"{model} {sign} {abs(recipe.alpha):g} {vector}"


def tensors(recipe: Recipe, *, reuse_buffer: bool = False) -> Iterator[tuple[str, torch.Tensor]]:
    """The variant's tensors by name, one at a time, in the base's order of names.

    Args:
        recipe: what to build.
        reuse_buffer: yield views of one buffer that the next tensor overwrites, where something is computed. For
            consumers that copy at once; it spares the allocation of every tensor.

    Yields:
        (name, tensor) of the base's shape, computed ones in the recipe's dtype; untouched ones are memory-mapped
        views of the file in the dtype they are stored in.
    """
    base = open_checkpoint(Path(recipe.base))
    if recipe.is_base:
        for name in base.names:
            yield name, base.get(name)
        return
    yield from _combined(recipe, base, reuse_buffer)


def _combined(recipe: Recipe, base: Checkpoint, reuse_buffer: bool) -> Iterator[tuple[str, torch.Tensor]]:
    import torch

    from rveval.vectors import Displacement, combine

    dtype: torch.dtype = getattr(torch, recipe.dtype)
    donors = [(open_checkpoint(Path(t.plus)), t.minus and open_checkpoint(Path(t.minus)), t.weight) for t in recipe.terms]
    scope = [re.compile(pattern) for pattern in recipe.scope]
    buffer = _Buffer() if reuse_buffer else None
    for name in base.names:
        theta = base.get(name)
        if not any(pattern.search(name) for pattern in scope):
            yield name, theta
            continue
        # A saved delta may leave out what it does not change; the gate lets that pass only where its metadata says so.
        terms = [
            Displacement(plus.get(name), minus.get(name) if minus else None, weight)
            for plus, minus, weight in donors
            if name in plus
        ]
        out = buffer.take(theta.shape, dtype) if buffer else None
        yield name, combine(theta, terms, recipe.alpha, dtype=dtype, out=out)


class _Buffer:
    """One growing piece of memory, handed out in the shape and dtype asked for."""

    def __init__(self) -> None:
        self._bytes: torch.Tensor | None = None

    def take(self, shape: torch.Size, dtype: torch.dtype) -> torch.Tensor:
        import torch

        size = shape.numel() * dtype.itemsize
        if self._bytes is None or self._bytes.numel() < size:
            self._bytes = torch.empty(size, dtype=torch.uint8)
        return self._bytes[:size].view(dtype).view(shape)


SHARD_BYTES = 2 << 30


def write_merged(recipe: Recipe, folder: Path) -> Path:
    """Write the variant as an ordinary checkpoint: an independent reference, and what plain tools can load.

    Args:
        recipe: what to build.
        folder: made; gets the base's config, tokenizer and templates, and the variant's tensors in shards.

    Returns:
        The folder.
    """
    import shutil

    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    for file in Path(recipe.base).iterdir():
        if file.is_file() and file.suffix != ".safetensors" and not file.name.endswith(".safetensors.index.json"):
            shutil.copy(file, folder / file.name)
    index: dict[str, str] = {}
    for number, shard in enumerate(_shards(recipe)):
        name = f"model-{number:05d}.safetensors"
        save_file(shard, str(folder / name), metadata={"format": "pt"})
        index |= dict.fromkeys(shard, name)
    text = json.dumps({"metadata": {}, "weight_map": index}, indent=1)
    (folder / "model.safetensors.index.json").write_text(text)
    return folder


def _shards(recipe: Recipe) -> Iterator[dict[str, torch.Tensor]]:
    shard: dict[str, torch.Tensor] = {}
    size = 0
    for name, tensor in tensors(recipe):
        if shard and size + tensor.nbytes > SHARD_BYTES:
            yield shard
            shard, size = {}, 0
        shard[name] = tensor.contiguous()
        size += tensor.nbytes
    yield shard
