"""What is in a checkpoint, learnt from file names and safetensors headers alone: no torch, no tensor is read.

A checkpoint is a folder of weights, a folder with a LoRA adapter (as PEFT writes it), or one file with a saved delta.

The format: 8 bytes little-endian length, that many bytes of JSON `{name: {dtype, shape, data_offsets}}`, then the data
(https://github.com/huggingface/safetensors#format). We read it ourselves because the library stops at the first fault
and does not say in which file it is; here all faults of a folder are collected.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rveval.errors import Problem, Refused

# The types that arithmetic in fp32 with one rounding is defined for, and their bytes.
ITEM_BYTES = {"F32": 4, "F16": 2, "BF16": 2}
INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
ADAPTER = "adapter_model.safetensors"
DELTA = "rveval_delta"
"""The key of a safetensors file's metadata that makes it a saved delta: JSON of what it is a difference of."""
DELTA_VERSION = 1
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.safetensors")
_MAX_HEADER = 100_000_000  # the library's own limit


@dataclass(frozen=True)
class Entry:
    """Where one tensor lies: its file, safetensors dtype, shape, and its bytes `[start, stop)` in the file."""

    file: Path
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass
class Layout:
    """The weights of a folder: files in use, tensors by name, the files' own metadata, and all that is wrong."""

    files: list[Path] = field(default_factory=list)
    unused: list[Path] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def some(names: list[str], limit: int = 5) -> str:
    """The first few of many names, and how many more there are.

    >>> some(["a", "b", "c"], limit=2)
    'a, b and 1 more'
    """
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")


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
        said = json.loads(text)
        if said["version"] != DELTA_VERSION:
            raise ValueError(f"version {said['version']!r}, and only {DELTA_VERSION} is known")
        if not isinstance(said["config"], dict) or not isinstance(said.get("tokenizer"), dict | None):
            raise ValueError("config and tokenizer must be mappings")
    except (ValueError, KeyError, TypeError) as error:
        fix = "save the delta again"
        raise Refused(Problem(f"the metadata of the saved delta is broken: {error!r}", str(file), fix=fix)) from error
    return dict(said)


def weight_files(folder: Path) -> Layout:
    """Which safetensors files are a checkpoint's weights, by the rules of transformers and PEFT.

    An index names them; else `model.safetensors`; else all files, which must be complete if they are numbered. Others
    (such as a second copy named `consolidated.safetensors`) are listed as unused. Nothing is opened but the index.
    An adapter's are in `adapter_model.safetensors`; a saved delta is its own file.
    """
    kind = kind_of(folder)
    if kind == "delta":
        return Layout([folder])
    found = sorted(folder.glob("*.safetensors"))
    if (folder / INDEX).exists():
        layout = Layout()
        layout.files = [folder / name for name in sorted(set(_index(folder / INDEX, layout).values()))]
        for file in layout.files:
            if not file.is_file():
                fix = "copy the missing file there, or download the checkpoint again"
                layout.problems.append(Problem("a shard that the index names is missing", str(file), fix=fix))
    elif (folder / SINGLE).exists():
        layout = Layout([folder / SINGLE])
    elif kind == "adapter":
        there = (folder / ADAPTER).is_file()
        layout = Layout([folder / ADAPTER]) if there else Layout(problems=[_no_adapter(folder)])
    else:
        layout = Layout(found)
        layout.problems = _missing_shards(folder, found) if found else [_no_weights(folder)]
    layout.unused = [file for file in found if file not in layout.files]
    return layout


def read(folder: Path) -> Layout:
    """Read the headers of all weights of a folder; faults are collected in `problems`, never raised."""
    layout = weight_files(folder)
    index = _index(folder / INDEX, Layout()) if (folder / INDEX).exists() else None
    broken = set()
    for file in layout.files:
        if not file.is_file():
            broken.add(file.name)
            continue
        before = len(layout.problems)
        for name, entry in _header(file, layout).items():
            if name in layout.entries:
                where = f"{file} and {layout.entries[name].file.name}"
                layout.problems.append(Problem(f"the tensor {name} is in two files", where, fix="keep one of them"))
            layout.entries[name] = entry
        if len(layout.problems) > before:
            broken.add(file.name)
    if index is not None:
        _compare_with_index(folder / INDEX, index, layout, broken)
    return layout


def _pickles(folder: Path) -> list[str]:
    return sorted(file.name for pattern in PICKLES for file in folder.glob(pattern))


def _no_adapter(folder: Path) -> Problem:
    what = "the adapter's tensors are missing"
    fix = "load the adapter with PEFT where you trust it; its save_pretrained(FOLDER) writes safetensors"
    found = some([name for name in _pickles(folder) if name.startswith("adapter_model")])
    if found:
        what = "the adapter is only a pickle, which can run code when it is opened and is never loaded"
    return Problem(what, str(folder / ADAPTER), ADAPTER, found or f"{ADAPTER_CONFIG} alone", fix)


def _no_weights(folder: Path) -> Problem:
    pickles = _pickles(folder)
    if pickles:
        fix = "convert it: AutoModelForCausalLM.from_pretrained(...).save_pretrained(FOLDER) writes safetensors"
        what = "only pickles, which can run code when they are opened and are never loaded"
        return Problem(what, str(folder), "*.safetensors", some(pickles), fix)
    inside = sorted(path.name for path in folder.iterdir())
    return Problem(
        "no weights in this folder", str(folder), "*.safetensors", some(inside) or "an empty folder", "check the path"
    )


def _missing_shards(folder: Path, files: list[Path]) -> list[Problem]:
    numbered: dict[tuple[str, int], set[int]] = {}
    for match in filter(None, (_SHARD.fullmatch(file.name) for file in files)):
        numbered.setdefault((match[1], int(match[3])), set()).add(int(match[2]))
    return [
        Problem("a shard is missing", str(folder / f"{stem}-{number:05d}-of-{total:05d}.safetensors"))
        for (stem, total), there in numbered.items()
        for number in range(1, total + 1)
        if number not in there
    ]


def _index(path: Path, layout: Layout) -> dict[str, str]:
    fix = "download the checkpoint again"
    try:
        weight_map = json.loads(path.read_text(encoding="utf-8"))["weight_map"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        layout.problems.append(Problem(f"the index cannot be read: {error!r}", str(path), fix=fix))
        return {}
    names_files = isinstance(weight_map, dict) and all(
        isinstance(file, str) and Path(file).name == file and file.endswith(".safetensors")
        for file in weight_map.values()
    )
    if not names_files or not weight_map:
        what = "the index must map each tensor to the name of a safetensors file beside it"
        layout.problems.append(Problem(what, str(path), fix=fix))
        return {}
    return dict(weight_map)


def _compare_with_index(path: Path, index: dict[str, str], layout: Layout, broken: set[str]) -> None:
    """Index and headers must agree; files already reported as broken are not reported again tensor by tensor."""
    absent = sorted(
        name
        for name, file in index.items()
        if file not in broken and (name not in layout.entries or layout.entries[name].file.name != file)
    )
    unnamed = sorted(name for name in layout.entries if name not in index)
    fix = "download the checkpoint again, or write the index anew"
    if absent:
        what = f"the index names {len(absent)} tensors that are not in the file it names"
        layout.problems.append(Problem(what, str(path), found=some(absent), fix=fix))
    if unnamed and index:
        files = some(sorted({layout.entries[name].file.name for name in unnamed}))
        what = f"{len(unnamed)} tensors in {files} are not named by the index"
        layout.problems.append(Problem(what, str(path), found=some(unnamed), fix=fix))


def _header(file: Path, layout: Layout) -> dict[str, Entry]:
    """Entries of one file; a fault of the whole file is one problem and gives no entries."""
    try:
        raw, data_start, size = _raw_header(file)
        header = json.loads(raw.decode("utf-8"), object_pairs_hook=_no_repeats)
        metadata = header.pop("__metadata__", {})
        entries = {name: _entry(file, name, value, data_start) for name, value in header.items()}
        _check_extent(entries, data_start, size)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        words = str(error) if type(error) in (ValueError, OSError, PermissionError) else f"broken header: {error!r}"
        layout.problems.append(Problem(words, str(file), fix="download or write the file again"))
        return {}
    layout.metadata.update({str(key): str(value) for key, value in metadata.items()})
    unsupported = sorted(f"{name} ({entry.dtype})" for name, entry in entries.items() if entry.dtype not in ITEM_BYTES)
    if unsupported:
        fix = "use the checkpoint before quantisation, or convert it to bfloat16"
        what = f"{len(unsupported)} tensors of a type that weights cannot be added in"
        layout.problems.append(Problem(what, str(file), " ".join(ITEM_BYTES), some(unsupported), fix))
    return entries


def _raw_header(file: Path) -> tuple[bytes, int, int]:
    """The JSON bytes of the header, where the data starts, and the file's size."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        first = stream.read(8)
        if first == b"version ":
            raise ValueError("this is a Git LFS pointer, not the weights; `git lfs pull` fetches them")
        length = int.from_bytes(first, "little")
        if len(first) == 8 and length > _MAX_HEADER:
            raise ValueError("this is no safetensors file (its first 8 bytes give no possible header length)")
        # Fewer than eight bytes give no length: reading "that many" would ask for all the memory there is.
        raw = stream.read(length) if len(first) == 8 else b""
    if len(first) < 8 or len(raw) < length:
        raise ValueError(f"truncated: {size} bytes, the header alone needs {8 + length if len(first) == 8 else 8}")
    return raw, 8 + length, size


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError("the header names a tensor twice: " + some(sorted({n for n in names if names.count(n) > 1})))
    return dict(pairs)


def _entry(file: Path, name: str, value: dict[str, Any], data_start: int) -> Entry:
    shape, dtype = tuple(value["shape"]), str(value["dtype"])
    start, stop = value["data_offsets"]
    if not all(isinstance(number, int) and number >= 0 for number in (*shape, start, stop)):
        raise ValueError(f"the header gives {name} the impossible shape {list(shape)} or place [{start}, {stop}]")
    if dtype in ITEM_BYTES and stop - start != math.prod(shape) * ITEM_BYTES[dtype]:
        raise ValueError(f"the header gives {name} {stop - start} bytes, but {dtype} {list(shape)} needs another size")
    return Entry(file, dtype, shape, data_start + start, data_start + stop)


def _check_extent(entries: dict[str, Entry], data_start: int, size: int) -> None:
    """Tensors must follow each other without gap or overlap, and end where the file ends."""
    end = data_start
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].start, item[1].stop)):
        if entry.start != end:
            raise ValueError(f"the header leaves a gap or an overlap before {name}")
        end = entry.stop
    if size < end:
        raise ValueError(f"truncated: {size} bytes, but the header places tensors up to byte {end}")
    if size > end:
        raise ValueError(f"{size - end} bytes too many: {size} bytes, but the header's last tensor ends at byte {end}")
