"""Who reads and scores has a version, raised by its author; what can change an answer is told apart from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import ownfolder
import pytest
from conftest import needs_data

from rveval import answers, benchmarks
from rveval.answers import Reading
from rveval.benchmarks import benchmark, task_files, upstream
from rveval.benchmarks.scores import READERS

RESPONSES = [
    *("#### 42", "#### B", "#### Yes", "#### ) ]", "#### ant bee cat", "It is 42.", "The answer is (B).", "**C**", ""),
    *(
        "I think so, yes.",
        "Not valid.",
        "\\boxed{1,018}",
        "So: ] )",
        "1. ant\n2. bee\n3. cat",
        "$7.50 each\nAnswer: 15",
    ),
    *(
        "cat, bee, ant",
        "the cell wall",
        "#### 1\n#### 2",
        "```python\ndef f(x):\n    return x\n```",
        "    return x + 1\n",
    ),
    *("def f(x):\n    return 2", "A or C", "The answer is yes\nbut no", "42 43 44", "Step 1: 7\n#### seven"),
]
OPTIONS = ["ribosome", "mitochondria", "cell wall", "cell"]
READ: dict[str, Callable[[str], Reading]] = {
    "number": answers.read_number,
    "option": lambda text: answers.read_option(text, "ABCD", OPTIONS),
    "word": lambda text: answers.read_word(text, ("Yes", "No")),
    "brackets": lambda text: answers.read_brackets(text, "[ ("),
    "sorted": lambda text: answers.read_sorted(text, ["cat", "ant", "bee"]),
    "code": lambda text: answers.read_code(text, "def f(x):\n", "f"),
}
DOCS: dict[str, dict[str, Any]] = {
    "gsm8k": {"question": "How many?", "answer": "Sum.\n#### 1,018"},
    "tiny_math": {"question": "How many?", "answer": "#### 42"},
    "sciq": {"labels": list("ABCD"), "options": OPTIONS, "gold": 2},
    "bbh_snarks": {"labels": list("ABCD"), "options": OPTIONS, "gold": 1, "target": "(B)"},
    "bbh_ruin_names": {"labels": [], "options": [], "gold": -1, "target": "the cell wall"},
    "bbh_navigate": {"input": "Is it?", "target": "Yes"},
    "bbh_object_counting": {"input": "How many?", "target": "42"},
    "bbh_dyck_languages": {"input": "Input: [ (", "target": ") ]"},
    "bbh_word_sorting": {"input": "List: cat ant bee", "target": "ant bee cat"},
}
# By version: what was read and scored. Where a test fails whose change was meant, raise the version (`scores.READERS`,
# a benchmark's `version`), and add its line here; the lines of older versions stay.
READ_SHA256 = {
    "number": {1: "29b11219e82c390a"},
    "option": {1: "e9be6f16c95070d2"},
    "word": {1: "b18f8ce20d6be027"},
    "brackets": {1: "24cdb42ed04bdd2d"},
    "sorted": {1: "d8c4ab02a928442f"},
    "code": {1: "50ac18139b3b031d"},
}
SCORE_SHA256 = {
    "gsm8k": {1: "b08813857ee2dd28"},
    "tiny_math": {1: "1254fd33f2acd2cb"},
    "sciq": {1: "76b541fbb9aad821"},
    "bbh_snarks": {1: "6b29e5191104bff4"},
    "bbh_ruin_names": {1: "509752f58c63c0a4"},
    "bbh_navigate": {1: "16f33f6b2dc56e42"},
    "bbh_object_counting": {1: "1254fd33f2acd2cb"},
    "bbh_dyck_languages": {1: "97ede28afb516b62"},
    "bbh_word_sorting": {1: "530da7943edcef7d"},
}


def digest(values: Any) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]


def test_every_reader_is_held() -> None:
    assert READ.keys() == READERS.keys()
    assert {one.reader for one in benchmarks.BENCHMARKS.values()} == {*READERS, ""}


@pytest.mark.parametrize("reader", READ)
def test_a_reading_changes_with_the_readers_version_only(reader: str) -> None:
    found = digest([asdict(READ[reader](response)) for response in RESPONSES])
    assert READ_SHA256[reader].get(READERS[reader]) == found


@pytest.mark.parametrize("name", DOCS)
def test_a_score_changes_with_a_version_only(name: str) -> None:
    doc = DOCS[name] | {"rv_source": name}
    found = digest([asdict(benchmarks.score(doc, response)) for response in RESPONSES])
    assert SCORE_SHA256[name].get(benchmarks.get(name).version) == found


def test_what_scored_is_said_with_its_version(tmp_path: Path) -> None:
    tiny, gsm8k, stock = (benchmarks.get(name).scored_by() for name in ("tiny_math", "gsm8k", "stock_gsm8k"))
    assert tiny == {"reader": "number", "reader_version": 1, "scorer": "tiny_math", "scorer_version": 1}
    assert gsm8k["lm_eval"] == stock["lm_eval"] != ""
    assert "reader" not in stock
    (own,) = upstream.find("own_add", [str(ownfolder.make(tmp_path / "own"))])
    assert upstream.scored_by(own) == {
        "scorer": "own_add",
        "scorer_version": upstream.content_hash(own.path),
        "lm_eval": gsm8k["lm_eval"],
    }


def test_what_can_change_an_answer_is_apart_from_what_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = benchmarks.get("tiny_math")
    before, plain = tiny.asking_hash(), dict(tiny.task_yaml())
    for key, value, changes in [
        ("doc_to_text", "{{question}}", True),
        ("generation_kwargs", {"until": []}, True),
        ("fewshot_config", {}, True),
        ("metric_list", [], False),
        ("process_results", "other", False),
    ]:
        monkeypatch.setattr(task_files, "read", lambda name, said=plain | {key: value}: said)
        assert (tiny.asking_hash() != before) == changes
    monkeypatch.undo()
    item = type(tiny).item
    monkeypatch.setattr(benchmark, "_documents_sha256", {})
    monkeypatch.setattr(type(tiny), "item", lambda self, record: replace(item(self, record), instruction="Now."))
    assert tiny.asking_hash() != before
    monkeypatch.undo()
    assert tiny.asking_hash() == before
    assert benchmarks.get("tiny_order").asking_hash() != before != tiny.asking_hash("train")


@needs_data("bbh")
def test_facts_of_a_task() -> None:
    facts = benchmarks.facts("rv_bbh_snarks_typos")
    assert (facts["group"], facts["source"], facts["chance"]) == ("rv_bbh_typos", "bbh_snarks", 0.0)
    assert benchmarks.facts("rv_stock_bbh_snarks")["group"] == "rv_stock_bbh"
    assert benchmarks.facts("rv_sciq_closed")["same_questions_as"] == "sciq"
    assert benchmarks.facts("rv_tiny_choice")["chance"] == 0.25
    assert [name for name in benchmarks.names() if benchmarks.facts(f"rv_{name}")["reads_code"]] == ["humaneval"]
    assert benchmarks.facts("rv_tiny_math_typos+think")["outside_training"] == ["typos"]
    assert benchmarks.facts("rv_gsm8k_typos")["outside_training"] == []
