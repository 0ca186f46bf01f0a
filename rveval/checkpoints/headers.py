"""What is in a checkpoint, from file names and safetensors headers alone: no torch, no tensor is read.

A checkpoint is a folder of weights, a folder with a LoRA adapter (as PEFT writes it), or one file with a saved delta.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

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
    """The weights of a folder: files in use, tensors by name, the files' own metadata, and all that is wrong.

    `buffers` are tensors of the files that are no weights: masks, positions, frequencies.
    """

    files: list[Path] = field(default_factory=list)
    unused: list[Path] = field(default_factory=list)
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
    text = layout.metadata.get(DELTA)
    if text is None:
        expected = f"a saved delta (its metadata has {DELTA}), or a folder that holds config.json and *.safetensors"
        fix = "for weights give their folder; `python -m rveval.describe ... save=FILE.safetensors` saves a delta"
        raise Refused(Problem("this file is no saved delta", str(file), expected, "other safetensors", fix))
    try:
        known = parse_json(text)
        if known.get("version") != DELTA_VERSION:
            raise ValueError(f"version {known.get('version')!r}, and only {DELTA_VERSION} is known")
        if not isinstance(known.get("config"), dict) or not isinstance(known.get("tokenizer"), dict | None):
            raise ValueError("config and tokenizer must be mappings")
    except ValueError as error:
        fix = "save the delta again"
        raise Refused(Problem(f"the metadata of the saved delta is broken: {error}", str(file), fix=fix)) from error
    return known


def weight_files(folder: Path) -> Layout:
    """Which safetensors files are a checkpoint's weights, by the rules of transformers and PEFT.

    An index names them; else `model.safetensors`; else all files, which must be complete if they are numbered. Others
    (such as a second copy named `consolidated.safetensors`) are listed as unused. Nothing is opened but the index.
    An adapter's are in `adapter_model.safetensors`; a saved delta is its own file.
    """
    kind = kind_of(folder)
    if kind == "delta":
        return Layout([folder])
    present = sorted(folder.glob("*.safetensors"))
    layout = Layout()
    if (folder / INDEX).exists():
        layout.files = [folder / name for name in sorted(set(_index(folder, layout).values()))]
        if layout.files and folder / SINGLE in present and folder / SINGLE not in layout.files:
            what = f"two sets of weights: {SINGLE}, and what {INDEX} names ({some(f.name for f in layout.files)})"
            layout.problems.append(Problem(what, str(folder), fix="keep one of the two in this folder"))
        missing = [file for file in layout.files if not file.exists()]
        fix = "copy the missing file there, or download the checkpoint again"
        layout.problems += [Problem("a shard that the index names is missing", str(file), fix=fix) for file in missing]
    elif (folder / SINGLE).exists():
        layout.files = [folder / SINGLE]
    elif kind == "adapter" and (folder / ADAPTER).exists():
        layout.files = [folder / ADAPTER]
    elif kind == "adapter":
        layout.problems = [_no_adapter(folder)]
    else:
        layout.files = present
        layout.problems = _missing_shards(folder, present) if present else [_no_weights(folder)]
    layout.unused = [file for file in present if file not in layout.files]
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
    if index:
        _compare_with_index(folder / INDEX, index, owner, broken, layout)
    wrong = sorted(f"{name} ({e.dtype})" for name, e in layout.entries.items() if e.dtype not in ITEM_BYTES)
    if wrong:
        what, fix = f"{len(wrong)} tensors of a type that weights cannot be added in", "convert it to bfloat16"
        fix = f"use the checkpoint before quantisation, or {fix}"
        where = some(sorted({str(e.file) for e in layout.entries.values() if e.dtype not in ITEM_BYTES}))
        layout.problems.append(Problem(what, where, " ".join(ITEM_BYTES), some(wrong), fix))
    return layout


def _is_buffer(name: str, entry: Entry) -> bool:
    """Whether a tensor is a constant: by its name and, where a weight could have the name, by its type and shape."""
    mask = bool(_MASK.search(name)) and (entry.dtype in BUFFER_BYTES or len(entry.shape) == 4)
    return entry.dtype == "BOOL" or mask or bool(_BUFFER.search(name))


def _pickles(folder: Path) -> list[str]:
    return sorted(file.name for pattern in PICKLES for file in folder.glob(pattern))


def _no_adapter(folder: Path) -> Problem:
    what = "the adapter's tensors are missing"
    fix = "load the adapter with PEFT where you trust it; its save_pretrained(FOLDER) writes safetensors"
    pickles = some(name for name in _pickles(folder) if name.startswith("adapter_model"))
    if pickles:
        what = "the adapter is only a pickle, which can run code when it is opened and is never loaded"
    return Problem(what, str(folder / ADAPTER), ADAPTER, pickles or f"{ADAPTER_CONFIG} alone", fix)


def _no_weights(folder: Path) -> Problem:
    if pickles := _pickles(folder):
        fix = "convert it: AutoModelForCausalLM.from_pretrained(...).save_pretrained(FOLDER) writes safetensors"
        what = "only pickles, which can run code when they are opened and are never loaded"
        return Problem(what, str(folder), "*.safetensors", some(pickles), fix)
    inside = some(sorted(path.name for path in folder.iterdir())) or "an empty folder"
    return Problem("no weights in this folder", str(folder), "*.safetensors", inside, "check the path")


def _missing_shards(folder: Path, files: list[Path]) -> list[Problem]:
    numbers: dict[tuple[str, int], set[int]] = {}
    for match in filter(None, (_SHARD.fullmatch(file.name) for file in files)):
        numbers.setdefault((match[1], int(match[3])), set()).add(int(match[2]))
    problems = []
    for (stem, total), there in numbers.items():
        missing = [f"{stem}-{n:05d}-of-{total:05d}.safetensors" for n in range(1, total + 1) if n not in there]
        if missing:
            what = "a shard is missing" if len(missing) == 1 else f"{len(missing)} shards are missing: {some(missing)}"
            problems.append(Problem(what, str(folder / missing[0])))
    return problems


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


def _compare_with_index(
    path: Path, index: dict[str, str], owner: dict[str, str], broken: set[str], layout: Layout
) -> None:
    """Index and headers must agree; files already reported as broken are not reported again tensor by tensor."""
    absent = sorted(name for name, file in index.items() if file not in broken and owner.get(name) != file)
    unnamed = sorted(name for name in owner if name not in index)
    fix = "download the checkpoint again, or write the index anew"
    if absent:
        what = f"the index names {len(absent)} tensors that are not in the file it names"
        layout.problems.append(Problem(what, str(path), found=some(absent), fix=fix))
    if unnamed:
        what = f"{len(unnamed)} tensors in {some(sorted({owner[name] for name in unnamed}))} are not named by the index"
        layout.problems.append(Problem(what, str(path), found=some(unnamed), fix=fix))


def _header(file: Path, layout: Layout) -> dict[str, Entry]:
    """Entries of one file; a fault of the whole file is one problem and gives no entries."""
    try:
        entries, metadata = read_header(file)
    except (OSError, ValueError) as error:
        layout.problems.append(Problem(str(error), str(file), fix="download or write the file again"))
        return {}
    layout.metadata.update(metadata)
    return entries
