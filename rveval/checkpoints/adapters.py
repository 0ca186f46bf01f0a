"""Both sides of a term, each a checkpoint, a saved delta or an adapter, and the models that adapters stand on.

plus adapter alone                  what it adds
both adapters                       what the one adds minus what the other adds
adapter beside a whole checkpoint   the adapter stands for the model it makes of its own base
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rveval.checkpoints import headers
from rveval.checkpoints.adapter import Adapter, open_adapter
from rveval.checkpoints.checkpoint import EMBEDDING, HEAD, Checkpoint, open_checkpoint
from rveval.checkpoints.sources import expanded, resolve
from rveval.errors import Problem, Refused, RvevalError

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

Donor = Checkpoint | Adapter


@dataclass(frozen=True)
class Term:
    """A term that is ready to be computed.

    Args:
        plus, minus: what is added and subtracted; both know all tensors of each other where they are adapters.
    """

    plus: Donor
    minus: Donor | None = None

    @property
    def plus_on(self) -> Checkpoint | None:
        """The model that the plus adapter was trained on, where it takes part in the term."""
        return self.plus.on if isinstance(self.plus, Adapter) else None

    @property
    def minus_on(self) -> Checkpoint | None:
        """The same of the minus adapter."""
        return self.minus.on if isinstance(self.minus, Adapter) else None


@dataclass(frozen=True)
class _Named:
    """A base as an adapter names it."""

    path: str
    revision: str | None = None
    subfolder: str | None = None


def open_donor(path: Path, on: Checkpoint | None = None) -> Donor:
    """Open a checkpoint's or adapter's folder, or a saved delta's file.

    Args:
        path: as resolved.
        on: of an adapter, the model it was trained on, if that is to take part; see `plan_term`.

    Raises:
        Refused: it is broken.
    """
    return open_adapter(path, on) if headers.kind_of(path) == "adapter" else open_checkpoint(path)


def join(plus: Donor, minus: Donor | None = None) -> Term:
    """The two sides of a term as what each is beside the other.

    Raises:
        Refused: a saved delta has a minus, or an adapter lacks the base that it needs here (`plan_term` finds it).
    """
    for donor, other in ((plus, minus), (minus, plus)):
        if isinstance(donor, Adapter) and not donor.on and _needs_base(donor, other):
            what = "this term needs the model that the adapter was trained on"
            raise Refused(Problem(what, str(donor.folder), found=donor.settings.base or "no base named"))
    if minus is None:
        return Term(plus)
    for donor in (plus, minus):
        if not isinstance(donor, Adapter) and donor.is_difference:
            fix = "leave minus out: the difference was taken when it was saved"
            raise Refused(Problem("a saved delta has no minus", str(donor.folder), fix=fix))
    if isinstance(plus, Adapter) and isinstance(minus, Adapter):
        return Term(plus.beside(minus), minus.beside(plus))
    return Term(
        plus.as_model() if isinstance(plus, Adapter) else plus,
        minus.as_model() if isinstance(minus, Adapter) else minus,
    )


def plan_term(plus: Path, minus: Path | None, base: Checkpoint, where: str) -> Term:
    """Open both sides of a term, and the bases of adapters where the term can't be computed without them.

    Args:
        plus: as resolved.
        minus: as resolved, or None.
        base: the model that the vector is added to; it is an adapter's base too if that is what the adapter names.
        where: the config key of the term, such as `vector.terms[0]`.

    Raises:
        Refused: a side is broken, a saved delta has a minus, or a base that is needed can't be had; all at once.
    """
    problems: list[Problem] = []
    sides: dict[str, Donor] = {}
    for side, path in (("plus", plus), ("minus", minus)):
        try:
            sides |= {side: open_donor(path)} if path else {}
        except RvevalError as error:
            problems.extend(error.problems)
    for side, donor in ({} if problems else dict(sides)).items():
        other = sides.get("minus" if side == "plus" else "plus")
        if isinstance(donor, Adapter) and _needs_base(donor, other):
            try:
                sides[side] = _on_its_base(donor, base, f"{where}.{side}")
            except RvevalError as error:
                problems.extend(error.problems)
    if problems:
        raise Refused(problems)
    return join(sides["plus"], sides.get("minus"))


def trained_elsewhere(adapter: Adapter, base: Checkpoint) -> str:
    """The model that an adapter names if it is not `base`; nothing where it is, or where it names none."""
    named = adapter.settings.base
    if not named or _same_model(named, base.folder) or (adapter.on and adapter.on.identity == base.identity):
        return ""
    return named


def remarks(adapter: Adapter, base: Checkpoint) -> list[str]:
    """What the reader of a number must know of an adapter that is added to this model; sentences."""
    sentences = []
    if elsewhere := trained_elsewhere(adapter, base):
        sentences.append(f"trained on {elsewhere}, not on this model: what it learnt there is added here all the same")
    rows = [name for name in adapter.names if EMBEDDING.search(name) and name in base]
    heads = any(HEAD.search(name) for name in (*base.names, *adapter.names, *adapter.not_weights))
    if rows and not heads and not adapter.full:
        # PEFT's own merge does the same, and warns too: as an adapter, the head was left as it is.
        what = "is the output head too in this model; the adapter was trained beside an unchanged head"
        sentences.append(f"{rows[0]} {what}")
    return sentences


def _needs_base(adapter: Adapter, other: Donor | None) -> bool:
    """A whole checkpoint beside it needs a model; what is saved whole needs a base, unless both save the same whole."""
    if isinstance(other, Adapter):
        return bool(adapter.whole) and adapter.whole != other.whole
    return other is not None or bool(adapter.whole)


def _on_its_base(adapter: Adapter, base: Checkpoint, where: str) -> Adapter:
    """The adapter on the model it names."""
    named, file = adapter.settings.base, adapter.folder / headers.ADAPTER_CONFIG
    if not named:
        fix = f"write the model's folder as base_model_name_or_path into {file}"
        what = "this term needs the model that the adapter was trained on, and it names none"
        raise Refused(Problem(what, where, fix=fix))
    try:
        known = _same_model(named, base.folder, surely=True)
        on = base if known else open_checkpoint(resolve(_Named(named, adapter.settings.revision), where))
    except RvevalError as error:
        what = f"this term needs the model that the adapter was trained on, which can't be had: {named}"
        fix = f"get it, and write its folder as base_model_name_or_path into {file}"
        raise Refused([Problem(what, where, fix=fix), *error.problems]) from error
    return open_adapter(adapter.folder, on)


def _same_model(named: str, folder: Path, surely: bool = False) -> bool:
    """Whether an adapter's words for its base mean this folder, as far as that is known without a network.

    Args:
        named: a folder, `tiny:NAME` or a hub id.
        folder: a model's.
        surely: a folder that is only named like the hub's repository does not count.
    """
    if not named.startswith("tiny:") and (there := expanded(named)).exists():
        return there.resolve() == folder.resolve()
    if named.startswith("tiny:"):
        try:
            return resolve(_Named(named)).resolve() == folder.resolve()
        except Refused:
            return False
    # A hub id: the hub's cache has it in its folders' names, a copy of one's own usually keeps the last part.
    in_cache = f"models--{named.replace('/', '--')}"
    return in_cache in folder.parts or (not surely and folder.name == named.rpartition("/")[2])
