"""Donors that are made to fit their base less, for experiments about what is refused and what forcing it does.

A misfit is a view of a checkpoint: tensors are changed when they are asked for, the same way every time, and nothing is
written. Each name is a step further from compatible than the one before:

    tensor        one tensor in the middle has another name
    tokenizer     as many tokens, but two thirds of them have other ids, and the rows of embedding and head with them
    vocabulary    64 tokens more, and rows for them
    hidden_size   one attention head wider, in every tensor that has the hidden width
    architecture  as if of another family: another name in its config, biases gone (or there, where there were none)

A real donor of another kind differs in more than this: its numbers come from another start (`lineage` sees that).
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from rveval.checkpoints import Checkpoint, nearest
from rveval.checkpoints.compatibility import EMBEDDING, HEAD
from rveval.checkpoints.headers import ITEM_BYTES
from rveval.checkpoints.vocabulary import Vocabulary

if TYPE_CHECKING:
    import torch

MORE_TOKENS = 64
MOVED = 2 / 3
_LAYERS = ".layers."
_ATTENTION = ("q_proj", "k_proj", "v_proj")


def fitted(donor: Checkpoint, misfit: str) -> Checkpoint:
    """A donor as if it fitted less; the donor itself for `none` or nothing.

    Args:
        donor: an open checkpoint, which is read whenever the view is.
        misfit: one of the names above.
    """
    return donor if misfit in ("", "none") else _VIEWS[misfit](donor, misfit)


class Misfit(Checkpoint):
    """A view of a checkpoint; this one changes nothing. Made by `fitted`.

    Attributes:
        misfit: its name.
        vocabulary: the tokenizer it would have.
    """

    def __init__(self, donor: Checkpoint, misfit: str) -> None:
        self.misfit = misfit
        self.folder, self.files, self.metadata = donor.folder, donor.files, donor.metadata
        self._donor = donor
        self.config = self._config(copy.deepcopy(donor.config))
        self._known = self._names()
        self.names = tuple(sorted(self._known))
        self.nbytes = sum(math.prod(self.shape(name)) * ITEM_BYTES[self.dtype(name)] for name in self.names)

    @property
    def absent_is_zero(self) -> bool:
        """As of the donor."""
        return self._donor.absent_is_zero

    @property
    def identity(self) -> str:
        """What its tensors are known by: the donor's identity and the misfit."""
        return hashlib.sha256(f"rveval misfit 1\n{self._donor.identity}\n{self.misfit}".encode()).hexdigest()

    @cached_property
    def vocabulary(self) -> Vocabulary | None:
        """The tokenizer as it would be; None where the donor has none."""
        known = self._donor.vocabulary
        return None if known is None else self._tokens(known)

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor, as it would be."""
        return self._donor.shape(self._own(name))

    def dtype(self, name: str) -> str:
        """Type of a tensor: the donor's."""
        return self._donor.dtype(self._own(name))

    def get(self, name: str) -> torch.Tensor:
        """A tensor as it would be: the donor's own memory where nothing changes, else computed now."""
        return self._donor.get(self._own(name))

    def raw(self, name: str) -> memoryview:
        """The bytes of a tensor as it would be."""
        import torch

        return memoryview(self.get(name).contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())

    def _own(self, name: str) -> str:
        """The donor's name of the tensor that this one is made from."""
        if name not in self._known:
            raise KeyError(f"{name} is not in {self.folder} ({self.misfit}); nearest: {nearest(name, self.names)}")
        return self._known[name]

    def _names(self) -> dict[str, str]:
        return {name: name for name in self._donor.names}

    def _config(self, config: dict[str, Any]) -> dict[str, Any]:
        return config

    def _tokens(self, known: Vocabulary) -> Vocabulary:
        return known

    def _said(self, name: str) -> Any:
        """A field of the donor's config, wherever it stands."""
        return (self._donor.config.get("text_config") or self._donor.config).get(name)


class _OtherName(Misfit):
    """`tensor`: the matrix in the middle of the layers."""

    def _names(self) -> dict[str, str]:
        found = super()._names()
        inside = [name for name in self._donor.names if _LAYERS in name and len(self._donor.shape(name)) == 2]
        middle = (inside or list(found))[len(inside or found) // 2]
        stem, _, last = middle.rpartition(".")
        found[f"{stem}_renamed.{last}"] = found.pop(middle)
        return found


class _OtherIds(Misfit):
    """`tokenizer`: the rows go where their tokens go."""

    def get(self, name: str) -> torch.Tensor:
        import torch

        tensor = super().get(name)
        return tensor[torch.tensor(_sources(tensor.shape[0]))] if _has_rows(name) else tensor

    def _tokens(self, known: Vocabulary) -> Vocabulary:
        rows = next((self.shape(name)[0] for name in self.names if EMBEDDING.search(name)), known.size)
        place = {source: row for row, source in enumerate(_sources(rows))}
        ids = {token: place.get(number, number) for token, number in known.ids.items()}
        return replace(_told_apart(known, self.misfit), ids=ids)


class _MoreRows(Misfit):
    """`vocabulary`: rows of zeros at the end."""

    def shape(self, name: str) -> tuple[int, ...]:
        rows, *others = super().shape(name) or (0,)
        return (rows + MORE_TOKENS, *others) if _has_rows(name) else super().shape(name)

    def get(self, name: str) -> torch.Tensor:
        tensor = super().get(name)
        return _padded(tensor, self.shape(name)) if _has_rows(name) else tensor

    def _config(self, config: dict[str, Any]) -> dict[str, Any]:
        return _with(config, {"vocab_size": (self._said("vocab_size") or 0) + MORE_TOKENS})

    def _tokens(self, known: Vocabulary) -> Vocabulary:
        rows = next(
            (super(_MoreRows, self).shape(name)[0] for name in self.names if EMBEDDING.search(name)), known.size
        )
        more = {f"<|misfit_{number}|>": rows + number for number in range(MORE_TOKENS)}
        return replace(_told_apart(known, self.misfit), ids={**known.ids, **more})


class _Wider(Misfit):
    """`hidden_size`: zeros in the new places."""

    def shape(self, name: str) -> tuple[int, ...]:
        width, more = self._widths
        return tuple(size + more if size == width else size for size in super().shape(name))

    def get(self, name: str) -> torch.Tensor:
        return _padded(super().get(name), self.shape(name))

    @property
    def _widths(self) -> tuple[int, int]:
        """The hidden width, and how much is added: the width of a head."""
        width, heads = int(self._said("hidden_size") or 0), int(self._said("num_attention_heads") or 1)
        return width, int(self._said("head_dim") or width // heads) or 1

    def _config(self, config: dict[str, Any]) -> dict[str, Any]:
        width, more = self._widths
        heads = int(self._said("num_attention_heads") or 1)
        grown = heads + 1 if heads * more == width else heads
        return _with(config, {"hidden_size": width + more, "head_dim": more, "num_attention_heads": grown})


class _OtherFamily(Misfit):
    """`architecture`: Llama, or Qwen2 where it is Llama: the two differ in the biases of attention."""

    def shape(self, name: str) -> tuple[int, ...]:
        return super().shape(name)[:1] if self._made(name) else super().shape(name)

    def get(self, name: str) -> torch.Tensor:
        tensor = super().get(name)
        return tensor.new_zeros(self.shape(name)) if self._made(name) else tensor

    def _made(self, name: str) -> bool:
        return name in self._known and name != self._known[name]

    def _names(self) -> dict[str, str]:
        found = super()._names()
        if self.config["model_type"] == "llama":
            return {name: own for name, own in found.items() if not name.endswith(".bias")}
        biases = {
            f"{name.removesuffix('weight')}bias": name
            for name in found
            if name.endswith(".weight") and name.split(".")[-2] in _ATTENTION
        }
        return {**biases, **found}

    def _config(self, config: dict[str, Any]) -> dict[str, Any]:
        kind, family = ("qwen2", "Qwen2") if self._said("model_type") == "llama" else ("llama", "Llama")
        return config | {"model_type": kind, "architectures": [f"{family}ForCausalLM"]}


_VIEWS: dict[str, type[Misfit]] = {
    "tensor": _OtherName,
    "tokenizer": _OtherIds,
    "vocabulary": _MoreRows,
    "hidden_size": _Wider,
    "architecture": _OtherFamily,
}


@lru_cache(maxsize=4)
def _sources(rows: int) -> tuple[int, ...]:
    """For every row of the misfit the donor's row: two thirds, drawn once for all, change places in a circle."""
    moved = Random(f"rveval misfit tokenizer {rows}").sample(range(rows), round(rows * MOVED))
    found = list(range(rows))
    for source, row in zip(moved, [*moved[1:], *moved[:1]], strict=True):
        found[row] = source
    return tuple(found)


def _has_rows(name: str) -> bool:
    return bool(EMBEDDING.search(name) or HEAD.search(name))


def _told_apart(known: Vocabulary, misfit: str) -> Vocabulary:
    """A tokenizer that is known by a hash only (SentencePiece, a saved delta) gets another hash."""
    if known.known:
        digest = hashlib.sha256(json.dumps([misfit, known.digest]).encode()).hexdigest()
        return replace(known, file=Path(known.file), known={**known.known, "digest": digest})
    return known if known.ids else replace(known, merges=(*known.merges, misfit))


def _padded(tensor: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """The tensor in the corner of a larger one that is zero elsewhere."""
    if tuple(tensor.shape) == shape:
        return tensor
    larger = tensor.new_zeros(shape)
    larger[tuple(slice(size) for size in tensor.shape)] = tensor
    return larger


def _with(config: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """A config with other fields, in its text part where it has one."""
    text: dict[str, Any] | None = config.get("text_config")
    return config | ({"text_config": text | fields} if text else fields)
