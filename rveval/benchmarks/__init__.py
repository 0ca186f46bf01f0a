"""A benchmark's items, from a local folder or the hub, or for the tiny family from the package.

An item is the upstream record with every field as published, plus `item_id`. Files are read as their authors publish
them, and a file that is short, changed or broken is refused with its name and line: a benchmark that silently lost an
item would still print an accuracy.
"""

from __future__ import annotations

import hashlib

from rveval.benchmarks import lm_eval_prompts, published, tiny
from rveval.benchmarks.files import Content, Item, content_of
from rveval.benchmarks.published import PUBLISHED, Published
from rveval.benchmarks.task_names import STOCK, TaskName, groups, names, of_task, stock_names
from rveval.benchmarks.tiny import TINY, TINY_COUNTS, TINY_DATA
from rveval.benchmarks.traits import traits
from rveval.errors import Problem, Refused

__all__ = [
    "PUBLISHED",
    "STOCK",
    "TINY",
    "TINY_COUNTS",
    "TINY_DATA",
    "Item",
    "Published",
    "TaskName",
    "data_hash",
    "groups",
    "load",
    "names",
    "of_task",
    "splits",
    "stock_names",
    "traits",
]


def splits(source: str) -> list[str]:
    """The splits that a benchmark has, the one that is asked first.

    Raises:
        Refused: no such benchmark.
    """
    plain = _plain(source)
    if plain in tiny.TINY:
        return list(tiny.TINY[plain])
    demonstrations = ["train"] if plain.startswith("bbh_") else []
    return [*PUBLISHED[plain].files, *demonstrations]


def load(source: str, split: str = "test") -> list[Item]:
    """All items of a split, in the published order.

    Args:
        source: "gsm8k", "bbh_word_sorting", a benchmark of the tiny family; "stock_gsm8k" has the items of "gsm8k".
        split: "test" or another of `splits`. BBH's "train" are its published chain-of-thought demonstrations.

    Returns:
        The upstream fields and `item_id`: "gsm8k/7" is the test split's item 7, "gsm8k/train/7" the training split's,
        "bbh/word_sorting/7" a subtask's. BBH's also have `description`, the sentence that lm-eval puts before them.
        The records are the caller's own.

    Raises:
        Refused: no such benchmark or split, a file that is missing, cut or changed, or a hub that can't be reached.
    """
    plain = _plain(source)
    found = _content(plain, split)
    if plain in tiny.TINY:
        return [{**record, "item_id": record["id"]} for record in found.records]
    extra = {"description": lm_eval_prompts.description(_subtask(plain))} if plain.startswith("bbh_") else {}
    prefix = f"bbh/{_subtask(plain)}" if extra else plain
    if split != "test":
        prefix += f"/{split}"
    return [{**record, "item_id": f"{prefix}/{index}"} | extra for index, record in enumerate(found.records)]


def data_hash(source: str, split: str = "test") -> str:
    """sha256 over a split's items as canonical JSON, for BBH with the sentence before them.

    The same from the hub as from a folder, and the same for all ways to ask the same items.
    """
    plain = _plain(source)
    found = _content(plain, split).sha256
    if not plain.startswith("bbh_"):
        return found
    return hashlib.sha256(f"{found}\n{lm_eval_prompts.description(_subtask(plain))}".encode()).hexdigest()


def _content(plain: str, split: str) -> Content:
    known = splits(plain)
    if split not in known:
        raise Refused(Problem("no such split", where=plain, expected=f"one of {', '.join(sorted(known))}", found=split))
    if plain in tiny.TINY:
        return tiny.content(plain, split)
    if plain.startswith("bbh_") and split == "train":
        return content_of(lm_eval_prompts.demonstrations(_subtask(plain)))
    return published.content(plain, split)


def _subtask(plain: str) -> str:
    return plain.removeprefix("bbh_")


def _plain(source: str) -> str:
    """The benchmark that a source's items are of."""
    if source in names():
        return source
    if source in stock_names():
        return source.removeprefix(STOCK)
    raise Refused(Problem("no such benchmark", where=source, expected=f"one of {', '.join(names())}", found=source))
