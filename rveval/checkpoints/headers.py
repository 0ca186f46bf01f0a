"""What is in a checkpoint, from file names and safetensors headers alone: no torch, no tensor is read.

A checkpoint is a folder of weights, a folder with a LoRA adapter (as PEFT writes it), or one file with a saved delta.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rveval.checkpoints import architecture
from rveval.checkpoints.files import (
    BUFFER_BYTES,
    ITEM_BYTES,
    TOKENIZER_LIMIT,
    Entry,
    parse_json,
    read_header,
    read_json,
    some,
)
from rveval.errors import Problem, Refused

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
ADAPTER = "adapter_model.safetensors"
DELTA = "rveval_delta"
"""The key of a safetensors file's metadata that makes it a saved delta: JSON of what it is a difference of."""
DELTA_VERSION = 2
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.safetensors")
# Constants that older versions of transformers saved with the weights: causal masks, rotary frequencies, positions.
_BUFFER = re.compile(r"(^|\.)(rotary_emb\.inv_freq|position_ids|attn\.masked_bias|attention\.masked_bias)$")
_MASK = re.compile(r"(^|\.)(attn|attention)\.bias$")


@dataclass
class Layout:
    """The weights of a folder: files in use, tensors by name, their metadata, and all that is wrong.

    `buffers` are tensors of the files that are no weights: masks, positions, frequencies.
    """

    files: list[Path] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    buffers: dict[str, Entry] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def kind_of(path: Path) -> Literal["weights", "adapter", "delta"]:
    """What lies there: whole weights, a LoRA adapter's folder, or one file (a saved delta, if it is anything).

    A folder with whole weights is a model, whatever else was left in it.
    """
    if path.is_file():
        return "delta"
    whole = any((path / name).exists() for name in (INDEX, SINGLE))
    return "adapter" if (path / ADAPTER_CONFIG).is_file() and not whole else "weights"


def origin(file: Path) -> dict[str, Any]:
    """What a saved delta's metadata says: `version`, `config`, `tokenizer`, and for people the formula and the paths.

    Raises:
        Refused: no safetensors file, one that is no saved delta, or its metadata is broken.
    """
    layout = Layout()
    _header(file, layout)
    if layout.problems:
        raise Refused(layout.problems)
    if DELTA not in layout.metadata:
        expected = f"a saved delta (its metadata has {DELTA}), or a folder that holds config.json and *.safetensors"
        fix = "for weights give their folder; `python -m rveval.describe ... save=FILE.safetensors` saves a delta"
        raise Refused(Problem("this file is no saved delta", str(file), expected, "other safetensors", fix))
    try:
        known = parse_json(layout.metadata[DELTA])
        if known.get("version") != DELTA_VERSION or not isinstance(known.get("config"), dict):
            raise ValueError(f"version {DELTA_VERSION} and a config are needed")
        if not isinstance(known.get("tokenizer"), dict | None):
            raise ValueError("its tokenizer must be a mapping")
        architecture.normal(known["config"])
    except architecture.MEANINGLESS as error:
        what, fix = f"the metadata of the saved delta is broken: {error}", "save the delta again"
        raise Refused(Problem(what, str(file), fix=fix)) from error
    return known


def weight_files(folder: Path) -> Layout:
    """Which safetensors files are a checkpoint's weights, by the rules of transformers and PEFT.

    An index names them; else `model.safetensors`; else all files, which must be complete if they are numbered. A
    second copy under another name (`consolidated.safetensors`) does not count. An adapter's are in
    `adapter_model.safetensors`; a saved delta is its own file. Nothing is opened but the index.
    """
    kind = kind_of(folder)
    if kind == "delta":
        return Layout([folder])
    present = sorted(folder.glob("*.safetensors"))
    single = folder / (ADAPTER if kind == "adapter" else SINGLE)
    layout = Layout()
    if (folder / INDEX).exists():
        layout.files = [folder / name for name in sorted(set(_index(folder, layout).values()))]
        if layout.files and single in present and single not in layout.files:
            what = f"two sets of weights: {SINGLE}, and what {INDEX} names ({some(f.name for f in layout.files)})"
            layout.problems.append(Problem(what, str(folder), fix="keep one of the two in this folder"))
        layout.problems += [_missing(file) for file in layout.files if not file.exists()]
    elif single.exists():
        layout.files = [single]
    elif present and kind == "weights":
        layout.files = present
        layout.problems = [_missing(folder / name) for name in _unnumbered(present)]
    else:
        layout.problems = [_no_weights(single if kind == "adapter" else folder)]
    return layout


def read(folder: Path) -> Layout:
    """Read the headers of all weights of a folder; faults are collected in `problems`, never raised."""
    layout = weight_files(folder)
    index = _index(folder, Layout()) if (folder / INDEX).exists() else None
    broken, owner, twice = set(), dict[str, str](), list[str]()
    for file in layout.files:
        before = len(layout.problems)
        entries = _header(file, layout) if file.exists() else {}
        if len(layout.problems) > before or not file.exists():
            broken.add(file.name)
        twice += [f"{name} ({owner[name]}, {file.name})" for name in entries if name in owner]
        owner.update(dict.fromkeys(entries, file.name))
        for name, entry in entries.items():
            (layout.buffers if _is_buffer(name, entry) else layout.entries)[name] = entry
    if twice:
        what = f"{len(twice)} tensors are in two files"
        layout.problems.append(Problem(what, str(folder), found=some(twice), fix="keep one of them"))
    differ = sorted(n for n in (index or {}).keys() | owner.keys() if index and index.get(n) != owner.get(n))
    differ = [name for name in differ if not {(index or {}).get(name), owner.get(name)} & broken]
    if differ:
        what, fix = f"index and files disagree about {len(differ)} tensors", "download the checkpoint again"
        layout.problems.append(Problem(what, str(folder / INDEX), found=some(differ), fix=fix))
    wrong = sorted(f"{name} ({e.dtype})" for name, e in layout.entries.items() if e.dtype not in ITEM_BYTES)
    if wrong:
        what = f"{len(wrong)} tensors of a type that weights cannot be added in"
        fix = "use the checkpoint before quantisation, or convert it to bfloat16"
        where = some(sorted({str(e.file) for e in layout.entries.values() if e.dtype not in ITEM_BYTES}))
        layout.problems.append(Problem(what, where, " ".join(ITEM_BYTES), some(wrong), fix))
    return layout


def _is_buffer(name: str, entry: Entry) -> bool:
    """Whether a tensor is a constant: by its name and, where a weight could have the name, by its type and shape."""
    mask = bool(_MASK.search(name)) and (entry.dtype in BUFFER_BYTES or len(entry.shape) == 4)
    return entry.dtype == "BOOL" or mask or bool(_BUFFER.search(name))


def _missing(file: Path) -> Problem:
    return Problem("a shard is missing", str(file), fix="copy it there, or download the checkpoint again")


def _no_weights(place: Path) -> Problem:
    """`place`: the folder, or the one file that was to be there."""
    folder, expected = (place.parent, place.name) if place.suffix == ".safetensors" else (place, "*.safetensors")
    pickles = sorted(file.name for pattern in PICKLES for file in folder.glob(pattern))
    found = some(pickles or sorted(path.name for path in folder.iterdir())) or "an empty folder"
    if not pickles:
        return Problem("no weights in this folder", str(place), expected, found, "check the path")
    what = "only pickles, which can run code when they are opened and are never loaded"
    fix = "convert it where you trust it: from_pretrained(...).save_pretrained(FOLDER) writes safetensors"
    return Problem(what, str(place), expected, found, fix)


def _unnumbered(files: list[Path]) -> list[str]:
    """The names of shards that are not there, by the numbers in the names of the others; at most a few."""
    numbers: dict[tuple[str, int], set[int]] = {}
    for match in filter(None, (_SHARD.fullmatch(file.name) for file in files)):
        numbers.setdefault((match[1], int(match[3])), set()).add(int(match[2]))
    gaps = [(s, n, total) for (s, total), there in numbers.items() for n in range(1, total + 1) if n not in there]
    return [f"{stem}-{number:05d}-of-{total:05d}.safetensors" for stem, number, total in gaps[:20]]


def _index(folder: Path, layout: Layout) -> dict[str, str]:
    """Files by tensor, from the index; what is wrong with it goes to the layout's problems."""
    try:
        files = read_json(folder / INDEX, TOKENIZER_LIMIT).get("weight_map")
        if not isinstance(files, dict) or not files or not all(map(_is_neighbour, files.values())):
            raise ValueError("it must map each tensor to the name of a safetensors file beside it")
        return files
    except (OSError, ValueError) as error:
        where, fix = str(folder / INDEX), "download the checkpoint again"
        layout.problems.append(Problem(f"the index cannot be read: {error}", where, fix=fix))
        return {}


def _is_neighbour(name: object) -> bool:
    return isinstance(name, str) and Path(name).name == name and name.endswith(".safetensors") and len(name) < 256


def _header(file: Path, layout: Layout) -> dict[str, Entry]:
    """Entries of one file; a fault of the whole file is one problem and gives no entries."""
    try:
        entries, metadata = read_header(file)
    except (OSError, ValueError) as error:
        layout.problems.append(Problem(str(error), str(file), fix="download or write the file again"))
        return {}
    layout.metadata.update(metadata)
    return entries
