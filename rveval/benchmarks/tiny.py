"""The tiny family's benchmarks, packaged with rveval; their records carry their ids."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rveval.benchmarks import files
from rveval.benchmarks.files import Content, Rules
from rveval.benchmarks.published import check_worked_answer
from rveval.errors import Problem, Refused

TINY_DATA = Path(__file__).parent.parent / "tiny" / "data"
_FIX = "install rveval again: the file belongs to it"
_RULES = Rules(("id", "question", "answer"), key=("id",), check=check_worked_answer)

# The tiny family's splits: their records, and the sha256 of every packaged file. Their generator is seeded, so a file
# that differs is another benchmark, and its scores can't be compared with those of the model cards.
TINY_COUNTS = {"test": 1000, "validation": 600, "train": 300}
TINY = {
    "tiny_math": {
        "test": "b7daacfc24afd8f4c464fd81a76e3139ac1926ad233e79bbef7b4a240db3e5f1",
        "validation": "3080c7ebe65b5c59229142536024cabd90787bd523572f3fc513373edf0cf0e2",
        "train": "015dd446d5e4f7d8f920753dddb0656c8d06a67dfe87d2eeda427ebecd2e4084",
    },
    "tiny_choice": {
        "test": "85585942515ce275898e95f4bd33577673cc2fe78ade70cbb00302d704582b1c",
        "validation": "2ac73de555ada5bba27a4838890c99fd7d79ed96e3a6f3222a5417d0cb2db3de",
        "train": "239031de57c21e31f917223bbdfffd0f567d311cb7a683e1e7a49da68c8191e8",
    },
    "tiny_order": {
        "test": "7cd1da83a54f7d03cdfc095119146d90773261c37b3674db4421c8a92821c32e",
        "validation": "e083be02ce939bb47d74309ccb841e55d64dbd76c71cb7a788f766f409b99ed5",
        "train": "4f8deed6fed629c6e795af4f2340c535cd8e84cbcbb2521e4dc1d31ea9a99e4d",
    },
    "tiny_long": {
        "test": "cdffa13958d51804cdd29d0d023b8bc17997cfe7a10b6bc32a0cdc60a03d88dd",
        "validation": "84d2c37514cd09bc068c0f0ba877d06f788e2a5ba50476d1a04d7264f61769da",
        "train": "90739444b6361a0e97602835fb297a229a023edfa96ab7e6a3ddcf7cf554850d",
    },
}


def content(name: str, split: str) -> Content:
    """A split's records, as packaged.

    Raises:
        Refused: a file that is missing, cut or changed.
    """
    path = TINY_DATA / name / f"{split}.jsonl"
    expected = (TINY[name][split], TINY_COUNTS[split])
    return files.remembered(path, split, expected, lambda path: _read(path, name, split))


def _read(path: Path, name: str, split: str) -> Content:
    records = files.json_lines(path, _FIX)
    files.refuse(files.wrong(records, _RULES, TINY_COUNTS[split], f"{split} split of {name}", _FIX))
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != TINY[name][split]:
        what, expected = "not the packaged file: its contents were changed", f"sha256 {TINY[name][split]}"
        raise Refused(Problem(what, where=str(path), expected=expected, found=found, fix=_FIX))
    return files.content_of(records.values)
