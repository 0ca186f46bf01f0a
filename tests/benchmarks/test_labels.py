"""Perturbed labels stay right: every family judged by an oracle of its own, and the oracle by spoilt documents."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import oracle
import pytest
from conftest import needs_data
from oracle import FAMILIES, SOURCES, check, must_apply, must_refuse
from oracle_case import Case, cases, documents, task
from oracle_raw import Record, raw

from rveval.errors import Refused
from rveval.perturb import FAMILIES as REGISTERED

pytestmark = needs_data("gsm8k", "humaneval", "sciq", "bbh")

FEW = {source: 12 if source.startswith("bbh_") else 40 for source in SOURCES}
COMPOSED = (
    "typos+distractor",
    "rename+typos",
    "numwords+format",
    "shuffle+relabel",
    "think+typos",
    "distractor+context",
)
# The share of items that are asked otherwise, where it is not nearly all; each of the others says why it was left.
SHARES = {"rename": 0.8, "numwords": 0.9, "goldslot": 0.5, "hint": 0.98}
DIGEST = """
import hashlib, json, sys
from rveval import benchmarks
for families, source, draw in json.load(sys.stdin):
    docs = benchmarks.documents(source, "test", {"rv_families": families, "rv_draw": draw}, 25)
    print(families, source, draw, hashlib.sha256(json.dumps(docs).encode()).hexdigest())
"""


def applied(family: str, limits: dict[str, int | None], draw: int = 0) -> list[oracle.Report]:
    """A family judged on all sources that it has to apply to."""
    return [check(source, family, draw, limit) for source, limit in limits.items() if must_apply(source, family)]


def wrongs(reports: list[oracle.Report]) -> list[tuple[str, int, str, str]]:
    return [(r.families, r.draw, item, what) for r in reports for item, what in r.violations]


def test_every_family_is_judged() -> None:
    assert set(REGISTERED) == set(FAMILIES)


@pytest.mark.parametrize("family", ["clean", *FAMILIES])
def test_labels_survive_on_the_first_items_of_every_benchmark(family: str) -> None:
    reports = applied(family, dict(FEW)) if family != "clean" else [check(s, family, 0, n) for s, n in FEW.items()]
    assert reports
    assert wrongs(reports) == []
    assert (sum(report.changed for report in reports) > 0) == (family != "clean")


@pytest.mark.parametrize("family", ["distractor", "rename"])
def test_labels_survive_on_all_of_gsm8k(family: str) -> None:
    report = check("gsm8k", family, draw=1)
    assert report.items == 1319
    assert wrongs([report]) == []
    assert report.changed >= SHARES.get(family, 0.99) * report.items


@pytest.mark.parametrize("family", ["typos", "distractor", "format"])
def test_labels_survive_the_greatest_strength(family: str) -> None:
    for source in ("gsm8k", "humaneval", "sciq", "tiny_long", "bbh_causal_judgement", "bbh_date_understanding"):
        assert wrongs([check(source, family, 0, 25, strength=1.0)]) == []


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_labels_survive_on_all_items_of_all_benchmarks(family: str) -> None:
    reports = [report for draw in range(3) for report in applied(family, dict.fromkeys(SOURCES), draw)]
    assert wrongs(reports) == []
    assert sum(r.changed for r in reports) >= SHARES.get(family, 0.99) * sum(r.items for r in reports)


@pytest.mark.parametrize("families", COMPOSED)
def test_labels_survive_several_families(families: str) -> None:
    sources = [source for source in FEW if all(must_apply(source, name) for name in families.split("+"))]
    assert wrongs([check(source, families, 0, 12) for source in sources]) == []
    assert sources


def test_a_family_applies_where_it_should_and_is_refused_elsewhere() -> None:
    for source in SOURCES:
        for family in FAMILIES:
            if must_refuse(source, family):
                with pytest.raises(Refused):
                    documents(source, family, limit=1)
            elif must_apply(source, family):
                assert len(documents(source, family, limit=1)) == 1


def test_same_item_same_text_in_any_process_order_and_subset() -> None:
    sources = ("gsm8k", "humaneval", "sciq", "tiny_choice", "bbh_penguins_in_a_table")
    wanted: list[list[str | int]] = [
        [f, s, d] for f in (*FAMILIES, *COMPOSED[:2]) for s in sources for d in (0, 1) if _applies(s, f)
    ]
    found = [set(_digests(wanted, "1")), set(_digests(wanted[::-1], "2"))]
    assert len(found[0]) == len(wanted)
    assert found[0] == found[1]
    assert documents("gsm8k", "typos", limit=25) == documents("gsm8k", "typos")[:25]


def _applies(source: str, families: str) -> bool:
    return all(must_apply(source, family) for family in families.split("+"))


def _digests(wanted: list[list[str | int]], hash_seed: str) -> list[str]:
    import json

    run = [sys.executable, "-c", DIGEST]
    env = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        run, input=json.dumps(wanted), capture_output=True, text=True, check=True, env=env, timeout=300
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("family", ["typos", "rename", "distractor", "numwords", "hint", "context", "format"])
def test_another_draw_is_another_text(family: str) -> None:
    one, other = (documents("gsm8k", family, draw, 40) for draw in (0, 1))
    prompts = [[task("rv_gsm8k").doc_to_text(doc) for doc in docs] for docs in (one, other)]
    assert sum(a != b for a, b in zip(*prompts, strict=True)) >= 20


SHOWN = [("rv_gsm8k", "typos"), ("rv_sciq", "shuffle"), ("rv_bbh_snarks", "relabel"), ("rv_tiny_math", "rename")]


@pytest.mark.parametrize(("name", "family"), SHOWN)
def test_demonstrations_are_never_perturbed(name: str, family: str) -> None:
    perturbed, clean = task(name, family), task(name)
    assert list(perturbed.fewshot_docs()) == list(clean.fewshot_docs())
    shown = []
    for one in (perturbed, clean):
        one.set_fewshot_seed(7)
        prompt = one.fewshot_context(one.eval_docs[3], num_fewshot=3)
        own = one.doc_to_text(one.eval_docs[3])
        assert prompt.endswith(own)
        shown.append(prompt.removesuffix(own))
    assert shown[0] == shown[1] != ""
    assert perturbed.doc_to_text(perturbed.eval_docs[3]) != clean.doc_to_text(clean.eval_docs[3])


# The oracle itself: documents spoilt in one way, each of which it has to notice.

Spoil = Callable[[Record], Record]


def put(field: str, old: str, new: str) -> Spoil:
    """Replace a text in a field; the field must hold it."""

    def spoil(doc: Record) -> Record:
        assert old in str(doc[field]), f"{old!r} is not in {doc[field]!r}"
        return {**doc, field: doc[field].replace(old, new, 1)}

    return spoil


def said(place: int, old: str, new: str) -> Spoil:
    """GSM8K's question as published, with one text replaced."""
    return lambda doc: doc | {"question": raw("gsm8k")[place]["question"].replace(old, new)}


SPOILT: list[tuple[str, str, int, Spoil]] = [
    ("gsm8k", "typos", 0, put("question", "16", "18")),
    ("gsm8k", "typos", 0, put("question", "three", "thre")),
    ("gsm8k", "typos", 0, put("answer", "#### 18", "#### 19")),
    ("gsm8k", "format", 0, put("question", "$2", "2")),
    ("gsm8k", "numwords", 0, put("question", "per", "for")),
    ("gsm8k", "think", 0, lambda doc: doc | {"rv_before": "", "rv_after": ""}),
    ("gsm8k", "rephrase", 0, lambda doc: doc | {"rv_instruction": "Explain it, and end with #### and the number."}),
    ("gsm8k", "hint", 0, lambda doc: doc | {"rv_before": "", "rv_after": "\nA friend says 18."}),
    ("gsm8k", "hint", 0, lambda doc: doc | {"rv_before": "", "rv_after": "\nA friend says eighteen."}),
    ("gsm8k", "context", 0, lambda doc: doc | {"rv_before": "Tom has 3 eggs. How many?\n\n", "rv_after": ""}),
    (
        "gsm8k",
        "distractor",
        0,
        lambda doc: doc | {"question": doc["question"].replace("per day. ", "per day. Ed has 9 eggs. ")},
    ),
    ("gsm8k", "distractor", 0, lambda doc: doc | {"question": doc["question"].replace("eats three", "eats")}),
    ("gsm8k", "rename", 1, put("question", "fiber", "wool")),
    ("gsm8k", "rename", 2, lambda doc: said(2, "Josh", "Greta")(doc) | {"answer": raw("gsm8k")[2]["answer"]}),
    ("gsm8k", "typos", 0, said(0, "bakes", "lakes")),
    ("gsm8k", "distractor", 1, said(1, "How many", "Pavel has 9 umbrellas. How many")),
    ("gsm8k", "distractor", 2, said(2, "He buys", "Karl waited on platform 9. He buys")),
    ("gsm8k", "numwords", 2, said(2, "150%", "150")),
    ("gsm8k", "format", 2, said(2, "house.", "house!9")),
    ("gsm8k", "nothink", 0, lambda doc: doc | {"item_id": "gsm8k/1"}),
    ("sciq", "shuffle", 0, lambda doc: doc | {"gold": (doc["gold"] + 1) % 4}),
    ("sciq", "shuffle", 0, lambda doc: doc | {"options": ["x", *doc["options"][1:]]}),
    ("sciq", "relabel", 0, lambda doc: doc | {"labels": ["q", "q", "r", "s"]}),
    (
        "sciq",
        "hint",
        0,
        lambda doc: doc | {"rv_after": f"\nIt is {doc['labels'][doc['gold']]}. {doc['options'][doc['gold']]}."},
    ),
    ("sciq", "typos", 0, lambda doc: doc | {"rv_options": doc["rv_options"].replace("A.", "E.")}),
    ("bbh_snarks", "relabel", 0, lambda doc: doc | {"target": "(Ω)"}),
    ("bbh_word_sorting", "typos", 0, put("input", "following", "folowing")),
    ("bbh_web_of_lies", "distractor", 0, put("input", "Sherrie", "Ed is 9. Sherrie")),
    ("bbh_sports_understanding", "hint", 0, lambda doc: doc | {"rv_before": "", "rv_after": "\nA friend says no."}),
    ("bbh_dyck_languages", "nothink", 0, lambda doc: doc | {"target": "] )"}),
    ("humaneval", "typos", 0, put("prompt", "threshold: float", "treshold: float")),
    ("humaneval", "format", 0, put("prompt", ">>> has", ">> has")),
    ("humaneval", "rename", 0, lambda doc: doc | {"entry_point": "g"}),
    ("humaneval", "think", 0, lambda doc: doc | {"rv_after": "Think step by step."}),
    ("tiny_math", "harder", 0, put("answer", "#### ", "#### 1")),
    ("tiny_choice", "harder", 0, lambda doc: doc | {"gold": (doc["gold"] + 1) % 4}),
]


@pytest.mark.parametrize(("source", "family", "place", "spoil"), SPOILT)
def test_the_oracle_notices(source: str, family: str, place: int, spoil: Spoil) -> None:
    case = cases(source, family, limit=3)[place]
    assert _found(case) == []
    spoilt = spoil(dict(case.asked))
    assert spoilt != case.asked
    assert _found(replace(case, asked=spoilt, prompt=task(f"rv_{source}").doc_to_text(spoilt))) != []


def _found(case: Case) -> list[str]:
    return [wrong for rule in oracle.rules_for(case) for wrong in rule(case)]


def test_the_oracle_runs_code() -> None:
    case = cases("humaneval", "think", limit=1)[0]
    broken = {**case.asked, "canonical_solution": "    return None\n"}
    assert list(oracle.failing([case])) == []
    assert len(list(oracle.failing([replace(case, asked=broken)]))) == 1
