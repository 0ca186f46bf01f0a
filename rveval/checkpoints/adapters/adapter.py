"""An open LoRA adapter that answers like a checkpoint: names of the base's tensors, shapes, tensors in float32."""

from __future__ import annotations

import copy
import hashlib
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rveval.checkpoints import ABSENT, Checkpoint, content_hash, headers, nearest, vocabulary
from rveval.checkpoints.adapters import layout as reading
from rveval.checkpoints.adapters import settings as reading_settings
from rveval.checkpoints.adapters.layout import Part
from rveval.checkpoints.adapters.settings import Settings
from rveval.checkpoints.vocabulary import Vocabulary
from rveval.errors import Problem, Refused

if TYPE_CHECKING:
    import torch

ROWS = re.compile(r"(^|\.)(embed_tokens|wte|lm_head)\.(weight|bias)$")


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
        super().__init__(folder, dict(on.config) if on else {}, layout)
        self.settings = settings
        self.on = on
        self.full = False
        self._parts = parts
        self._zeros: dict[str, tuple[int, ...]] = {}
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
        self.nbytes = sum(math.prod(self.shape(name)) * headers.ITEM_BYTES[self.dtype(name)] for name in self.names)

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
        return any(ROWS.search(name) for name in self._parts)

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The tokenizer that its rows belong to: where it changes none its base's, if that takes part.

        The tokenizer that is often saved beside an adapter may have other tokens, which it did not learn anything of.
        """
        own = vocabulary.read(self.folder) if self.rows else None
        return own or (vocabulary.read(self.on.folder) if self.on else None)

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
        touched = name in self._parts or name in self._zeros
        return "F32" if touched or not (self.full and self.on) else self.on.dtype(name)

    def get(self, name: str) -> torch.Tensor:
        """One tensor, computed now: float32, or a view of the base's where a model takes it unchanged.

        Formula: scaling * B @ A, transposed for embeddings and with `fan_in_fan_out` (Hu et al. 2022, "LoRA", section
        4.1; PEFT's `get_delta_weight`), in float32; plus, where the tensor was saved whole, its value minus the base's.

        Raises:
            KeyError: no such tensor; the message offers the nearest names.
        """
        import torch

        if name in self._zeros:
            return torch.zeros(self._zeros[name])
        if name not in self._parts:
            return self.on.get(name) if self.full and self.on else super().get(name)
        part = self._parts[name]
        learnt = self._product(part)
        if self.full and self.on and not part.whole:
            return self._add(self.on.get(name), learnt)
        if not part.whole:
            return torch.zeros(part.shape) if learnt is None else learnt
        value = super().get(part.whole).float()
        if self.on and not self.full:
            value = value - self.on.get(name).float()
        return self._add(value, learnt)

    def _product(self, part: Part) -> torch.Tensor | None:
        scaling = self.settings.scaling(part.module)
        if part.bias:
            return super().get(part.bias).float() * scaling
        if not part.a:
            return None
        product = super().get(part.b).float() @ super().get(part.a).float()
        product *= scaling
        return product.T.contiguous() if part.rows or self.settings.transposed else product

    @staticmethod
    def _add(value: torch.Tensor, learnt: torch.Tensor | None) -> torch.Tensor:
        return value.float() if learnt is None else learnt.add_(value)

    def _entry(self, name: str) -> headers.Entry:
        if name not in self._entries:
            raise KeyError(f"{name} is not in {self.folder}; it changes: {headers.some(list(self.names))}")
        return super()._entry(name)


def open_adapter(folder: Path, on: Checkpoint | None = None) -> Adapter:
    """Open a folder with adapter_config.json and adapter_model.safetensors; no tensor is read.

    Args:
        folder: as PEFT's `save_pretrained` writes it.
        on: the model it was trained on, where what it holds whole is to be a difference.

    Raises:
        Refused: all problems at once: no LoRA, a kind of LoRA that can't be added to weights, a pickle, a broken file,
            tensors that nobody understands, half a product, ranks other than the settings'.
    """
    layout = headers.read(folder)
    problems = list(layout.problems)
    try:
        settings = reading_settings.read(folder)
    except Refused as refused:
        raise Refused([*refused.problems, *problems]) from refused
    if problems:
        raise Refused(problems)
    parts, problems = reading.parts(layout.entries, settings, folder)
    if on is not None and not problems:
        problems = misfits(parts.items(), on, folder, settings)
    if problems:
        raise Refused(problems)
    return Adapter(folder, layout, settings, parts, on)


def misfits(parts: Iterable[tuple[str, Part]], base: Checkpoint, folder: Path, settings: Settings) -> list[Problem]:
    """What of an adapter the model that it is to be added to does not have, or has in another shape."""
    named = [(name, part.shape) for name, part in parts]
    unknown = [name for name, _ in named if name not in base]
    fix = f"it says that it was trained on {settings.base or 'nothing it names'}: add it to that model"
    problems = []
    if unknown:
        what = f"{len(unknown)} of its {len(named)} targets are not in {base.folder}: {headers.some(unknown)}"
        found = f"nearest to {unknown[0]}: {nearest(unknown[0], base.names)}"
        problems.append(Problem(what, str(folder), found=found, fix=fix))
    other = [(name, shape) for name, shape in named if name in base and base.shape(name) != shape]
    if other:
        words = headers.some([f"{name} {list(shape)} against {list(base.shape(name))}" for name, shape in other])
        what = f"{len(other)} of its {len(named)} targets have another shape than in {base.folder}: {words}"
        problems.append(Problem(what, str(folder), fix=fix))
    return problems
