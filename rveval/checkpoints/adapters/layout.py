"""Which tensors of an adapter's file make up the difference of which tensor of the base, from names and shapes alone.

PEFT names them `base_model.model.MODULE.lora_A.weight` (or `.lora_A.NAME.weight`), `.lora_embedding_A` for embeddings,
and by the base's own names what was trained whole: biases, and the modules of `modules_to_save`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from rveval.checkpoints.adapters.settings import Settings
from rveval.checkpoints.headers import Entry, some
from rveval.errors import Problem

PREFIX = "base_model.model."
_FACTOR = re.compile(
    r"(?P<module>.+)\.lora_(?P<rows>embedding_)?(?P<side>[AB])(?P<given>\.(?!weight$|bias$)[^.]+)?"
    r"(?P<last>\.weight|\.bias)?"
)
_COPY = re.compile(r"\.modules_to_save\.([^.]+)\.")
_ROWS = ("embed_tokens", "lm_head")
_DORA = "lora_magnitude_vector"


@dataclass(frozen=True)
class Part:
    """What is known of one tensor of the base; the names are those in the adapter's file.

    Args:
        module: the base's module.
        a, b: the factors of its product.
        rows: the factors are an embedding's, whose product is transposed.
        bias: the bias of B, which is scaled like the product and added to the base's bias.
        whole: the tensor itself as it was trained, not a difference.
        shape: of the base's tensor.
    """

    module: str
    a: str = ""
    b: str = ""
    rows: bool = False
    bias: str = ""
    whole: str = ""
    shape: tuple[int, ...] = ()


@dataclass
class _Reading:
    """What was read so far: parts by the base's names, adapters' names, and what nobody understands."""

    parts: dict[str, Part] = field(default_factory=dict)
    given: set[str] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)
    magnitudes: list[str] = field(default_factory=list)


def parts(entries: Mapping[str, Entry], settings: Settings, folder: Path) -> tuple[dict[str, Part], list[Problem]]:
    """The parts by names of the base's tensors, and all that is wrong with the file's names and shapes."""
    reading = _Reading()
    for key in sorted(entries):
        _sort(key, settings, reading)
    problems = _misread(reading, str(folder))
    found: dict[str, Part] = {}
    for name, part in reading.parts.items():
        shape, wrong = _shape(part, entries, settings)
        problems.extend(Problem(words, f"{folder} {name}", fix="download or save the adapter again") for words in wrong)
        found[name] = replace(part, shape=shape)
    if not entries:
        problems.append(Problem("the adapter holds no tensors", str(folder), fix="save the adapter again"))
    return found, problems


def _sort(key: str, settings: Settings, reading: _Reading) -> None:
    name = key.removeprefix(PREFIX)
    if name == key:
        reading.unknown.append(key)
    elif _DORA in name:
        reading.magnitudes.append(key)
    elif match := _FACTOR.fullmatch(name):
        _factor(key, match, reading)
    else:
        _whole(key, name, settings, reading)


def _whole(key: str, name: str, settings: Settings, reading: _Reading) -> None:
    """Enter what was saved whole, if the settings explain it: a trained module, a bias, or an embedding."""
    reading.given.update(_COPY.findall(name))
    module, _, last = _COPY.sub(".", name).replace(".base_layer.", ".").rpartition(".")
    # PEFT trains every module whose name ends so, with all that is inside it: "norm" is "input_layernorm" too.
    steps = module.split(".")
    trained = any(".".join(steps[:end]).endswith(settings.saved) for end in range(1, len(steps) + 1))
    bias = settings.bias != "none" and last == "bias"
    if module and "lora_" not in name and (trained or bias or module.rpartition(".")[2] in _ROWS):
        _put(reading, module, last, "whole", key)
    else:
        reading.unknown.append(key)


def _factor(key: str, match: re.Match[str], reading: _Reading) -> None:
    rows, side, last = bool(match["rows"]), match["side"], match["last"] or ""
    if last == ".bias" and side == "B" and not rows:
        _put(reading, match["module"], "bias", "bias", key)
    elif last == ("" if rows else ".weight"):
        _put(reading, match["module"], "weight", side.lower(), key, rows=rows)
    else:
        reading.unknown.append(key)
        return
    if match["given"]:
        reading.given.add(match["given"][1:])


def _put(reading: _Reading, module: str, last: str, place: str, key: str, rows: bool = False) -> None:
    """Enter one name; a second for the same place is not understood."""
    name = f"{module}.{last}"
    part = reading.parts.get(name, Part(module))
    if getattr(part, place):
        reading.unknown.append(key)
        return
    changes: dict[str, object] = {place: key} | ({"rows": True} if rows else {})
    reading.parts[name] = replace(part, **changes)  # type: ignore[arg-type]


def _misread(reading: _Reading, where: str) -> list[Problem]:
    problems = []
    if reading.magnitudes:
        what = f"{len(reading.magnitudes)} tensors belong to DoRA, whose part is no B @ A"
        fix = "merge it into its model with PEFT (merge_and_unload), and give that as plus, its base as minus"
        problems.append(Problem(what, where, found=some(reading.magnitudes), fix=fix))
    if len(reading.given) > 1:
        what, fix = "more than one adapter in one file", "save them into folders of their own"
        problems.append(Problem(what, where, found=some(sorted(reading.given)), fix=fix))
    elif reading.unknown:
        what = f"{len(reading.unknown)} tensors that nobody understands, so nothing of it can be trusted"
        expected = f"{PREFIX}MODULE.lora_A.weight, .lora_B.weight, and what bias and modules_to_save name"
        problems.append(Problem(what, where, expected, some(sorted(reading.unknown))))
    return problems


def _shape(part: Part, entries: Mapping[str, Entry], settings: Settings) -> tuple[tuple[int, ...], list[str]]:
    """The shape of the base's tensor, and what is wrong."""
    if part.whole and not (part.a or part.b or part.bias):
        return entries[part.whole].shape, []
    if part.bias:
        shape = entries[part.bias].shape
        return shape, _against_whole(part, shape, entries)
    if not (part.a and part.b):
        there, lacking = ("A", "B") if part.a else ("B", "A")
        return (), [f"{there} without {lacking}: half of the product is missing"]
    a, b = entries[part.a].shape, entries[part.b].shape
    if len(a) != 2 or len(b) != 2:
        return (), [f"A {list(a)} and B {list(b)} are no matrices (only linear layers and embeddings are read)"]
    rank = settings.rank_of(part.module)
    if a[0] != rank or b[1] != rank:
        return (), [f"A {list(a)} and B {list(b)} have another rank than the settings give this module: {rank}"]
    shape = (a[1], b[0]) if part.rows or settings.transposed else (b[0], a[1])
    return shape, _against_whole(part, shape, entries)


def _against_whole(part: Part, shape: tuple[int, ...], entries: Mapping[str, Entry]) -> list[str]:
    if not part.whole or entries[part.whole].shape == shape:
        return []
    return [f"saved whole as {list(entries[part.whole].shape)}, and as a difference of {list(shape)}"]
