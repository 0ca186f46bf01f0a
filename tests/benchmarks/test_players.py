"""Reference players, whose scores are known beforehand, through plain lm-eval: no harness of ours takes part."""

from __future__ import annotations

from collections import Counter
from math import sqrt
from typing import Any

import pytest
from conftest import needs_command, needs_data
from oracle import FAMILIES, SOURCES, must_apply
from oracle_case import documents
from oracle_raw import BBH, count, raw, raw_options, worked_number
from players import AlwaysFirst, AlwaysRight, AlwaysSame, play, published

pytestmark = [needs_data("gsm8k", "humaneval", "sciq", "bbh"), needs_command("bwrap", "bubblewrap")]

SMALL = ("tiny_choice", "bbh_snarks", "bbh_navigate", "bbh_object_counting")
# Two of SciQ's items have an option that reads like the right one, so that the text alone does not tell.
SCIQ_BY_TEXT = 998


def ours(sources: Any = SOURCES, families: Any = ("", *FAMILIES)) -> list[str]:
    """The tasks that these sources have under these families ("" is the clean one)."""
    return [f"rv_{s}_{f}".rstrip("_") for s in sources for f in families if not f or must_apply(s, f)]


def missed(scores: dict[str, dict[str, float]], metric: str = "exact_match") -> dict[str, float]:
    return {name: score[metric] for name, score in scores.items() if score[metric] != 1}


def test_who_is_always_right_scores_all_of_gsm8k_and_of_bbh() -> None:
    scores = play(AlwaysRight(), ["rv_gsm8k"])
    assert scores["rv_gsm8k"]["sample_len"] == count("gsm8k")
    assert missed(scores) == missed(scores, "exact_match_strict") == {}
    scores = play(AlwaysRight(), ["rv_bbh"], limit=10)
    assert len(scores) == 28
    assert missed(scores) == missed(scores, "exact_match_strict") == {}


def test_who_is_always_right_scores_the_first_items_under_every_family() -> None:
    scores = play(AlwaysRight(by_position=True), ours(SMALL), limit=15)
    assert len(scores) > 40
    assert missed(scores) == missed(scores, "exact_match_strict") == {}


def test_who_is_always_right_writes_code_that_passes() -> None:
    names = ours(["humaneval"])
    assert len(names) > 8
    scores = play(AlwaysRight(), names, limit=4)
    assert missed(scores, "pass@1") == missed(scores, "exact_match_strict") == {}


@pytest.mark.slow
@pytest.mark.parametrize("draw", [0, 1, 2])
def test_who_is_always_right_scores_everything_under_every_family(draw: int) -> None:
    names = ours([source for source in SOURCES if source not in ("humaneval", "sciq", "sciq_closed")])
    scores = play(AlwaysRight(), names, rv_draw=draw)
    assert len(scores) == len(names)
    assert all(score["sample_len"] == count(published_source(name)) for name, score in scores.items())
    # One item of snarks has two equal options: by its text alone nobody can say which of them is meant.
    snarks = ours(["bbh_snarks"])
    but_one = 1 - 1 / count("bbh_snarks")
    assert missed(scores) == missed(scores, "exact_match_strict") == pytest.approx(dict.fromkeys(snarks, but_one))
    assert missed(play(AlwaysRight(by_position=True), snarks, rv_draw=draw)) == {}


@pytest.mark.slow
@pytest.mark.parametrize("draw", [0, 1, 2])
def test_whose_code_is_always_right_passes_under_every_family(draw: int) -> None:
    scores = play(AlwaysRight(), ours(["humaneval"]), rv_draw=draw)
    assert {score["sample_len"] for score in scores.values()} == {count("humaneval")}
    assert missed(scores, "pass@1") == missed(scores, "exact_match_strict") == {}


@pytest.mark.slow
def test_options_are_found_by_text_and_by_position_under_every_family() -> None:
    names = ours(["sciq", "sciq_closed"])
    by_text, by_position = play(AlwaysRight(), names), play(AlwaysRight(by_position=True), names)
    assert {round(score["exact_match"] * 1000) for score in by_text.values()} == {SCIQ_BY_TEXT}
    assert missed(by_position) == {}


def published_source(name: str) -> str:
    """The source of a task: the longest that its name begins with."""
    return max((source for source in SOURCES if name.startswith(f"rv_{source}")), key=len)


def test_two_of_sciqs_options_can_not_be_found_by_text() -> None:
    score = play(AlwaysRight(), ["rv_sciq_shuffle"])["rv_sciq_shuffle"]
    assert round(score["exact_match"] * count("sciq")) == SCIQ_BY_TEXT
    assert score["extraction_failed"] == (count("sciq") - SCIQ_BY_TEXT) / count("sciq")


def test_who_takes_the_first_option_scores_chance_under_shuffle() -> None:
    lettered = [f"bbh_{name}" for name in BBH if must_apply(f"bbh_{name}", "shuffle")]
    sources = ("sciq", "tiny_choice", *lettered[::9])
    scores = play(AlwaysFirst(), ours(sources, ["shuffle"]))
    for source in sources:
        chances = [1 / len(texts) for texts, _ in options(source) if texts]
        expected, spread = sum(chances) / count(source), sqrt(sum(p * (1 - p) for p in chances)) / count(source)
        # shuffle leaves out the clean order, which moves the chance of an item by at most one in as many as there are
        # orders; items whose options have one order only stay as they are.
        assert abs(scores[f"rv_{source}_shuffle"]["exact_match"] - expected) < 4 * spread + 0.02, (source, expected)


def options(source: str) -> list[tuple[list[str], int]]:
    return [raw_options(source, record) for record in raw(source)]


def test_who_takes_the_first_option_scores_what_the_order_says() -> None:
    """tiny_choice and BBH are asked in the published order: a count of the published files is the score."""
    sources = ("tiny_choice", "bbh_hyperbaton", "bbh_disambiguation_qa")
    scores = play(AlwaysFirst(), ours(sources, [""]))
    for source in sources:
        assert scores[f"rv_{source}"]["exact_match"] == sum(gold == 0 for _, gold in options(source)) / count(source)


def test_the_right_option_is_moved_to_every_slot() -> None:
    names = ["rv_tiny_choice_goldslot"]
    assert play(AlwaysFirst(), names, limit=100, rv_draw=0)[names[0]]["exact_match"] == 1
    assert play(AlwaysFirst(), names, limit=100, rv_draw=2)[names[0]]["exact_match"] == 0


@pytest.mark.parametrize(
    ("source", "family"),
    [("gsm8k", "_hint"), ("tiny_math", ""), ("bbh_object_counting", "_typos")],
)
def test_who_always_says_the_same_number_scores_what_a_count_says(source: str, family: str) -> None:
    golds = Counter(int(worked_number(record.get("answer") or record["target"])) for record in raw(source))
    number, times = golds.most_common(1)[0]
    name = f"rv_{source}{family}"
    assert play(AlwaysSame(number), [name])[name]["exact_match"] == times / count(source)


def test_a_players_item_is_the_documents() -> None:
    for source in ("gsm8k", "bbh_snarks", "sciq_closed", "humaneval"):
        document = documents(source, "clean", limit=3)[2]
        assert published(document["item_id"]) == (source, raw(source)[2])
