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
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rveval.checkpoints import Checkpoint, open_checkpoint

if TYPE_CHECKING:
    import torch

    from rveval.vectors import Displacement


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
            # As floats without a signed zero: 1 and 1.0 are one number and must not be two variants.
            terms = [{"plus": t.plus_hash, "minus": t.minus_hash, "weight": t.weight + 0.0} for t in self.terms]
            known |= {"terms": terms, "alpha": self.alpha + 0.0, "scope": list(self.scope)}
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
    size = abs(recipe.alpha)
    short = f"{size:g}"  # `:g` rounds to six digits: two alphas must not share a label
    return f"{model} {'-' if recipe.alpha < 0 else '+'} {short if float(short) == size else repr(size)} {vector}"


class VariantTensors:
    """A variant's tensors by name, computed when they are asked for.

    Args:
        recipe: what to build; its checkpoints stay memory-mapped between recipes of this process.
    """

    def __init__(self, recipe: Recipe) -> None:
        import torch

        self._base = _open(recipe.base)
        self._alpha = 0.0 if recipe.is_base else recipe.alpha
        self._dtype: torch.dtype = getattr(torch, recipe.dtype)
        self._scope = [re.compile(pattern) for pattern in recipe.scope]
        terms = () if recipe.is_base else recipe.terms
        self._donors = [(_open(t.plus), _open(t.minus) if t.minus else None, t.weight) for t in terms]

    @property
    def names(self) -> tuple[str, ...]:
        return self._base.names

    def shape(self, name: str) -> tuple[int, ...]:
        return self._base.shape(name)

    def read(self, name: str, *, out: torch.Tensor | None = None, device: torch.device | None = None) -> torch.Tensor:
        """One tensor of the variant.

        Args:
            name: the base's name for it.
            out: written to if given: contiguous, the base's shape.
            device: where it is computed; that of `out`, else the CPU.

        Returns:
            `out` if given; else a computed tensor in the recipe's dtype, or for what the vector does not touch a
            memory-mapped view of the file in the dtype it is stored in.
        """
        from rveval.vectors import combine

        place = out.device if out is not None else device
        theta = _at(self._base.get(name), place)
        terms = self._terms(name, place)
        if terms and (out is None or out.dtype == self._dtype):
            return combine(theta, terms, self._alpha, dtype=self._dtype, out=out)
        result = combine(theta, terms, self._alpha, dtype=self._dtype) if terms else theta
        return result if out is None else out.copy_(result)

    def _terms(self, name: str, place: torch.device | None) -> list[Displacement]:
        from rveval.vectors import between

        if not self._donors or not any(pattern.search(name) for pattern in self._scope):
            return []
        # A saved delta may leave out what it does not change; the gate lets that pass only where its metadata says so.
        return [
            between(_at(plus.get(name), place), _at(minus.get(name), place) if minus else None, weight)
            for plus, minus, weight in self._donors
            if name in plus
        ]


def tensors(recipe: Recipe) -> Iterator[tuple[str, torch.Tensor]]:
    """(name, tensor) of a variant in the base's order of names; see `VariantTensors.read`."""
    source = VariantTensors(recipe)
    for name in source.names:
        yield name, source.read(name)


def _at(tensor: torch.Tensor, device: torch.device | None) -> torch.Tensor:
    return tensor if device is None else tensor.to(device, non_blocking=True)


def _open(folder: str) -> Checkpoint:
    """A checkpoint that stays open: its pages stay mapped from one swap to the next."""
    found = [(file.name, file.stat()) for file in sorted(Path(folder).glob("*.safetensors"))]
    return _opened(folder, tuple((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in found))


def forget() -> None:
    """Close the checkpoints that are kept open: the disk space of deleted ones is free only then."""
    _opened.cache_clear()


@lru_cache(maxsize=16)
def _opened(folder: str, _: tuple[tuple[Any, ...], ...]) -> Checkpoint:
    return open_checkpoint(Path(folder))


SHARD_BYTES = 2 << 30
_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx")


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
        if file.is_file() and file.suffix not in _WEIGHTS and not file.name.endswith(".index.json"):
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
