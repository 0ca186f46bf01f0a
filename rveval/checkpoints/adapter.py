"""An open LoRA adapter, which answers like a checkpoint: names of the base's tensors, shapes, tensors in float32."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rveval.checkpoints import headers, lora, vocabulary
from rveval.checkpoints.checkpoint import ABSENT, EMBEDDING, HEAD, Checkpoint, head_and_embedding
from rveval.checkpoints.files import ITEM_BYTES, Entry, some
from rveval.checkpoints.fingerprints import content_hash
from rveval.checkpoints.lora import Part, Settings
from rveval.checkpoints.vocabulary import Vocabulary
from rveval.errors import Problem, Refused, nearest

if TYPE_CHECKING:
    import torch

_NAMES_COMPARED = 2000


class Adapter(Checkpoint):
    """The differences that an adapter adds, or the model that it makes of its base. Made by `open_adapter`.

    Attributes:
        settings: adapter_config.json.
        on: the model it was trained on, where it is needed.
        full: whether this is base + difference instead of the difference.
        whole: names of the tensors that the adapter holds whole. Without `on` their values are those, which is right
            only where the same tensors of another adapter are subtracted.
    """

    def __init__(
        self, folder: Path, layout: headers.Layout, settings: Settings, parts: dict[str, Part], on: Checkpoint | None
    ) -> None:
        self.settings = settings
        self.on = on
        self.full = False
        self._parts = parts
        self._zeros: dict[str, tuple[int, ...]] = {}
        super().__init__(folder, dict(on.config) if on else {}, layout)
        self.metadata = {**self.metadata, ABSENT: "zero"}
        self.whole = tuple(sorted(name for name, part in parts.items() if part.whole))
        self._list()

    def as_model(self) -> Adapter:
        """The same adapter as the model it makes of its base, `on`."""
        return self._changed(full=True)

    def beside(self, other: Adapter) -> Adapter:
        """The same adapter with zeros for what only `other` changes, so that the two can be subtracted."""
        return self._changed(zeros={name: other.shape(name) for name in other.names if name not in self._parts})

    def _changed(self, full: bool = False, zeros: dict[str, tuple[int, ...]] | None = None) -> Adapter:
        new = copy.copy(self)
        new.full, new._zeros = full, zeros or {}
        new._list()
        return new

    def _list(self) -> None:
        base = self.on.names if self.full and self.on else ()
        self.names = tuple(sorted({*self._parts, *self._zeros, *base}))
        self.nbytes = sum(math.prod(self.shape(name)) * ITEM_BYTES[self.dtype(name)] for name in self.names)

    def _watched(self) -> Iterable[Path]:
        return [*self.files, self.folder / headers.ADAPTER_CONFIG, *(self.on.files if self.on else ())]

    @property
    def is_difference(self) -> bool:
        """Whether this is what the adapter adds, and not the model it makes."""
        return not self.full

    @property
    def absent_is_zero(self) -> bool:
        """Whether tensors that are not here count as zero; not where this is a model."""
        return not self.full

    @property
    def identity(self) -> str:
        """What its tensors are known by: its content, its base's where that takes part, and which of both it is."""
        parts = [content_hash(self.folder), self.on.identity if self.on else "", "model" if self.full else "difference"]
        return hashlib.sha256("\n".join(["rveval adapter 1", *parts]).encode()).hexdigest()

    @property
    def rows(self) -> bool:
        """Whether it changes what tokens mean: rows of an embedding or of an output head."""
        return any(EMBEDDING.search(name) or HEAD.search(name) for name in self._parts)

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The tokenizer that its rows belong to: where it changes none its base's, if that takes part.

        The tokenizer that is often saved beside an adapter may have other tokens, which it did not learn anything of.
        """
        own = vocabulary.read(self.folder) if self.rows else None
        return own or (self.on.vocabulary if self.on else None)

    @property
    def head_copy(self) -> str:
        """The output head, if it is changed as the embedding is (PEFT's `ensure_weight_tying`); else nothing."""
        head, embedding = head_and_embedding(self.names)
        ours, theirs = self._parts.get(head), self._parts.get(embedding)
        if not head or ours is None or theirs is None:
            return head if head in self._zeros and embedding in self._zeros else ""
        return head if all(self._halves(ours, theirs)) else ""

    def _halves(self, head: Part, embedding: Part) -> Iterator[bool]:
        """Whether head and embedding are made of the same: (B A) of the one is (B A)^T of the other."""
        yield self.settings.scaling(head.module) == self.settings.scaling(embedding.module) and not head.bias
        yield self._equal(head.whole, embedding.whole)
        turned = head.rows != embedding.rows
        yield self._equal(head.a, embedding.b if turned else embedding.a, turned)
        yield self._equal(head.b, embedding.a if turned else embedding.b, turned)

    def _equal(self, one: str, other: str, turned: bool = False) -> bool:
        """Whether two tensors of the adapter's file are equal, one of them transposed where they are `turned`."""
        import numpy as np

        if not one or not other:
            return one == other
        a, b = (self.array(key).reshape(self._entries[key].shape) for key in (one, other))
        return np.array_equal(a, b.T if turned else b)

    def __contains__(self, name: object) -> bool:
        return name in self._parts or name in self._zeros or (self.full and self.on is not None and name in self.on)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of the base's tensor that this changes."""
        if name in self._parts:
            return self._parts[name].shape
        if name in self._zeros:
            return self._zeros[name]
        return self.on.shape(name) if self.full and self.on else super().shape(name)

    def dtype(self, name: str) -> str:
        """F32 for what is computed; what a model takes unchanged from its base has the base's type."""
        if name in self._parts or name in self._zeros:
            return "F32"
        return self.on.dtype(name) if self.full and self.on and name in self.on else super().dtype(name)

    def get(self, name: str) -> torch.Tensor:
        """One tensor, computed now: float32, or a view of the base's where a model takes it unchanged.

        What PEFT's `get_delta_weight` gives; plus, where the tensor was saved whole, its value minus the base's.

        Raises:
            KeyError: no such tensor; the message offers the nearest names.
        """
        import torch

        if name in self._zeros:
            return torch.zeros(self._zeros[name])
        if name not in self._parts:
            return self.on.get(name) if self.full and self.on else super().get(name)
        part = self._parts[name]
        value = super().get(part.whole).float() if part.whole else torch.zeros(part.shape)
        if part.whole and self.on and not self.full:
            value = value - self.on.get(name).float()
        elif not part.whole and self.on and self.full:
            value = self.on.get(name).float()
        if part.bias:
            return value + super().get(part.bias).float() * self.settings.scaling(part.module)
        if not part.a:
            return value
        a, b = (super(Adapter, self).get(key).float() for key in (part.a, part.b))
        return lora.product(a, b, part, self.settings).add_(value)

    def _entry(self, name: str) -> Entry:
        if name not in self._entries:
            raise KeyError(f"{name} is not in {self.folder}; it changes: {some(self.names)}")
        return super()._entry(name)


def open_adapter(folder: Path, on: Checkpoint | None = None) -> Adapter:
    """Open a folder with adapter_config.json and adapter_model.safetensors; no tensor is read.

    Args:
        folder: as PEFT's `save_pretrained` writes it.
        on: the model it was trained on, where what it holds whole is to be a difference.

    Raises:
        Refused: all problems at once: no LoRA, a kind of LoRA that can't be added to weights, a pickle, a broken file,
            tensors that nobody understands, half a product, ranks other than the settings'; tensors that `on` lacks.
    """
    layout = headers.read(folder)
    problems = list(layout.problems)
    try:
        settings = lora.settings_of(folder)
    except Refused as refused:
        raise Refused([*refused.problems, *problems]) from refused
    if problems:
        raise Refused(problems)
    parts, problems = lora.parts_of(layout.entries, settings, folder)
    if problems:
        raise Refused(problems)
    adapter = Adapter(folder, layout, settings, parts, on)
    if on is not None:
        if (head := adapter.head_copy) and head not in on:  # the embedding's half says it all
            del parts[head]
            adapter = Adapter(folder, layout, settings, parts, on)
            adapter.not_weights = (*adapter.not_weights, head)
        if problems := _misfits(adapter, on):
            raise Refused(problems)
    return adapter


def _misfits(adapter: Adapter, base: Checkpoint) -> list[Problem]:
    """What of an adapter the model that it was trained on does not have, or has in another shape."""
    where, total = str(adapter.folder), len(adapter.names)
    fix = f"it says that it was trained on {adapter.settings.base or 'nothing it names'}: add it to that model"
    problems = []
    if unknown := [name for name in adapter.names if name not in base]:
        what = f"{len(unknown)} of its {total} targets are not in {base.folder}: {some(unknown)}"
        found = f"nearest to {some(unknown[:1])}: {nearest(unknown[0], base.names[:_NAMES_COMPARED])}"
        if apart := trained_apart(adapter, base):
            what, fix = apart, "train it with PEFT's ensure_weight_tying, or on an untied model"
        problems.append(Problem(what, where, found=found, fix=fix))
    other = [name for name in adapter.names if name in base and base.shape(name) != adapter.shape(name)]
    if other:
        words = some(f"{name} {list(adapter.shape(name))} against {list(base.shape(name))}" for name in other)
        what = f"{len(other)} of its {total} targets have another shape than in {base.folder}: {words}"
        problems.append(Problem(what, where, fix=fix))
    return problems


def trained_apart(adapter: Adapter, base: Checkpoint) -> str:
    """Whether the adapter learnt two things of what is one tensor in this model, in words; nothing where it did not."""
    head, embedding = head_and_embedding(adapter.names)
    if not head or head in base or embedding not in base or adapter.head_copy:
        return ""
    return f"it changes {head} and {embedding} in different ways, but the base has one tensor for both (tied)"
