"""The published benchmarks as the oracle reads them: straight from the files, with none of the package's code.

A record is {"item_id": ..., **fields as published}. Also what is known of a record without rveval: its right answer.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from conftest import DATA, REPOSITORY

Record = dict[str, Any]

COUNTS = {"gsm8k": 1319, "humaneval": 164, "sciq": 1000, "sciq_closed": 1000}
BBH_COUNTS = {"causal_judgement": 187, "penguins_in_a_table": 146, "snarks": 178}
_SUBTASKS = """
boolean_expressions causal_judgement date_understanding disambiguation_qa dyck_languages formal_fallacies
geometric_shapes hyperbaton logical_deduction_five_objects logical_deduction_seven_objects
logical_deduction_three_objects movie_recommendation multistep_arithmetic_two navigate object_counting
penguins_in_a_table reasoning_about_colored_objects ruin_names salient_translation_error_detection snarks
sports_understanding temporal_sequences tracking_shuffled_objects_five_objects
tracking_shuffled_objects_seven_objects tracking_shuffled_objects_three_objects web_of_lies word_sorting
"""
BBH = sorted(_SUBTASKS.split())
TINY = ("tiny_math", "tiny_choice", "tiny_order", "tiny_long")
SOURCES = ("gsm8k", "humaneval", "sciq", "sciq_closed", *TINY, *(f"bbh_{name}" for name in BBH))

_LETTERED = re.compile(r"\n?^\(([A-Z])\) (.*)$", re.MULTILINE)


def count(source: str) -> int:
    """How many items upstream says there are."""
    if source.startswith("bbh_"):
        return BBH_COUNTS.get(source.removeprefix("bbh_"), 250)
    return COUNTS.get(source, 1000)


def folder_of(source: str) -> str:
    """The folder of local data that a source needs; "" for what comes with the package."""
    return "" if source.startswith("tiny_") else re.split("_", source)[0]


@cache
def raw(source: str) -> tuple[Record, ...]:
    """Every test record of a source, in its order."""
    if source.startswith("bbh_"):
        name = source.removeprefix("bbh_")
        examples = json.loads((_data() / "bbh" / f"{name}.json").read_text("utf-8"))["examples"]
        return tuple({"item_id": f"bbh/{name}/{place}", **one} for place, one in enumerate(examples))
    if source.startswith("tiny_"):
        lines = _lines(REPOSITORY / "rveval" / "tiny" / "data" / source / "test.jsonl")
        return tuple({"item_id": one["id"], **one} for one in lines)
    if source.startswith("sciq"):
        records = json.loads((_data() / "sciq" / "test.json").read_text("utf-8"))
        return tuple({"item_id": f"{source}/{place}", **one} for place, one in enumerate(records))
    if source == "humaneval":
        lines = _lines(_data() / "humaneval" / "HumanEval.jsonl")
        return tuple({"item_id": f"humaneval/{one['task_id'].split('/')[1]}", **one} for one in lines)
    lines = _lines(_data() / "gsm8k" / "test.jsonl")
    return tuple({"item_id": f"gsm8k/{place}", **one} for place, one in enumerate(lines))


def worked_number(answer: str) -> Decimal:
    """What stands after the #### of a worked answer."""
    return Decimal(answer.rpartition("####")[2].strip().replace(",", ""))


def raw_options(source: str, record: Record) -> tuple[list[str], int]:
    """The options that a record was published with, and where the right one stands; ([], -1) where there are none.

    Read from the text for BBH; a target that is none of the options' letters is looked up by its text.
    """
    if source.startswith("sciq"):
        return [record[name] for name in ("distractor1", "distractor2", "distractor3", "correct_answer")], 3
    if source == "tiny_choice":
        gold = f"{worked_number(record['answer'])}"
        return list(record["options"]), record["options"].index(gold)
    if not source.startswith("bbh_"):
        return [], -1
    found = _LETTERED.findall(record["input"].partition("Options:")[2])
    texts = [text for _, text in found]
    if not texts:
        return [], -1
    for place, (letter, text) in enumerate(found):
        if record["target"] in (f"({letter})", text):
            return texts, place
    return [], -1


@cache
def vocabulary() -> frozenset[str]:
    """Lower-case words that the benchmarks themselves use often enough to be words and no slips."""
    text = (_data() / "gsm8k" / "test.jsonl").read_text("utf-8") + (_data() / "sciq" / "test.json").read_text("utf-8")
    for name in ("train.jsonl", "train.json.gz"):
        for path in _data().glob(f"*/{name}"):
            packed = path.read_bytes()
            text += (gzip.decompress(packed) if name.endswith("gz") else packed).decode("utf-8")
    found = Counter(re.findall(r"(?<![\w\\.@/])[a-z]{3,}(?![\w.@/]\w)", text))
    return frozenset(word for word, times in found.items() if times >= 20)


def _data() -> Path:
    assert DATA is not None, "set RVEVAL_DATA to the folder of benchmarks"
    return DATA


def _lines(path: Path) -> list[Record]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
