"""Ablations in summary.json against brute force: null controls, interference, sweeps, refused and forced variants."""

from __future__ import annotations

import json
import random
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from studies import Made, only, term

from rveval.errors import Refused

TRIM = {"name": "trim", "density": 0.2}
SCOPES: dict[str, dict[str, Any]] = {
    "": {},
    "trim": {"steps": [TRIM]},
    "layers": {"layers": [0, 2]},
    "weights": {"terms": [term("v", 2.0)]},
}


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path / "runs")


def null(name: str, seed: int = 0) -> dict[str, Any]:
    return {"name": name, "seed": seed}


def marks(own: random.Random, chance: float, n: int = 40) -> str:
    return "".join(str(int(own.random() < chance)) for _ in range(n))


def share(text: str) -> Fraction:
    return Fraction(text.count("1"), len(text))


# --- null controls


@pytest.mark.parametrize("seed", range(3))
def test_nulls_are_ranked_as_counting_ranks_them(made: Made, seed: int) -> None:
    own = random.Random(seed)
    base = marks(own, 0.5)
    made.add(base)
    real: dict[tuple[float, str], str] = {}
    nulls: dict[tuple[float, str, str], list[str]] = {}
    for alpha, (name, fields) in product((1.0, -1.0), SCOPES.items()):
        real[alpha, name] = marks(own, 0.6)
        (made.ablate if fields else made.add)(real[alpha, name], alpha, **fields)
        for kind, n in (("random", 7), ("swap_layers", 2)):
            found = [marks(own, own.choice((0.4, 0.6, 0.7))) for _ in range(n)]
            nulls[alpha, name, kind] = found
            for place, text in enumerate(found):
                steps = [*fields.get("steps", []), null(kind, place)]
                made.ablate(text, alpha, **fields | {"steps": steps})
    summary = made.build()
    rows = {(row["alpha"], row["about"]): row["id"] for row in summary["variants"]}
    ids = {row["id"]: row for row in summary["variants"]}
    assert len(summary["nulls"]) == len(nulls)
    for row in summary["nulls"]:
        line = ids[row["variant"]]
        assert not line["null"], rows
        name = next(key for key, fields in SCOPES.items() if _is(line, fields))
        text, others = real[line["alpha"], name], nulls[line["alpha"], name, row["kind"]]
        effect, effects = share(text) - share(base), [share(other) - share(base) for other in others]
        sign = 1 if line["alpha"] > 0 else -1
        reached = sum(sign * one >= sign * effect for one in effects)
        assert row["question"] == ("help" if line["alpha"] > 0 else "harm")
        assert row["real"]["value"] == pytest.approx(float(effect))
        assert [one["difference"]["value"] for one in row["nulls"]] == pytest.approx(sorted(map(float, effects)))
        assert (row["n"], row["reached"]) == (len(others), reached)
        assert row["p"] == pytest.approx((1 + reached) / (1 + len(others)))
        assert row["smallest_p"] == pytest.approx(1 / (1 + len(others)))
        assert (row["lowest"], row["highest"]) == pytest.approx((float(min(effects)), float(max(effects))))
        assert row["mean"] == pytest.approx(float(sum(effects) / len(effects)))
        assert {ids[one["variant"]]["null"] for one in row["nulls"]} == {row["kind"]}


def _is(line: Any, fields: dict[str, Any]) -> bool:
    weights = [one["weight"] for one in line["terms"]]
    return (
        line["steps"] == fields.get("steps", [])
        and line["layers"] == fields.get("layers")
        and weights == ([2.0] if "terms" in fields else [1.0])
    )


def test_a_null_of_another_scope_alpha_or_density_is_none_of_this_line(made: Made) -> None:
    made.add("1010")
    made.add("1110", 1.0)
    for other in ({"layers": [0, 1]}, {"kinds": ["mlp"]}, {"scope": ["x"]}, {"ramp": [0.0, 1.0]}, {"forced": True}):
        made.ablate("1100", 1.0, **{"steps": [null("random")], **other})
    made.ablate("1100", 0.5, steps=[null("random")])
    made.ablate("1100", 1.0, steps=[null("random"), TRIM])
    made.ablate("1100", 1.0, terms=[term("w")], steps=[null("random")])
    assert made.build()["nulls"] == []
    made.ablate("1100", 1.0, steps=[{"name": "dare", "density": 0.5, "seed": 1}])
    made.ablate("1100", 1.0, steps=[{"name": "dare", "density": 0.4, "seed": 1}, null("permute")])
    assert made.build()["nulls"] == []


def test_nulls_draw_their_own_masks(made: Made) -> None:
    made.add("1010")
    made.ablate("1110", 1.0, steps=[{"name": "dare", "density": 0.5, "seed": 0}])
    for seed in range(3):
        made.ablate("1100", 1.0, steps=[{"name": "dare", "density": 0.5, "seed": seed}, null("random", seed)])
    row = only(made.build()["nulls"], kind="random")
    assert row["n"] == 3
    assert row["real"]["value"] == 0.25


def test_what_the_step_other_takes_belongs_to_that_step(made: Made) -> None:
    made.add("1010")
    made.add("1110", 1.0)
    for name in ("w", "x"):
        made.ablate("1011", 1.0, steps=[{"name": "other"}], other=term(name))
    row = only(made.build()["nulls"], kind="other")
    assert row["n"] == 2
    assert "take 19 of them for 0.05" in row["said"]


def test_nulls_asked_of_other_items_are_left_out_and_said(made: Made) -> None:
    for draw in (0, 1):
        made.add("1010", family="typos", draw=draw)
        made.add("1110", 1.0, family="typos", draw=draw)
    made.ablate("1110", 1.0, family="typos", draw=0, steps=[null("random")])
    found = made.build()
    assert found["nulls"] == []
    assert any("1 of its null controls (random)" in one["what"] for one in found["problems"])


@pytest.mark.parametrize(
    ("alpha", "real", "reaching", "n", "said"),
    [
        (
            1.0,
            30,
            0,
            19,
            "beats 19 of 19 random vectors of the same norm (p = 0.05, the smallest that 19 nulls can give)",
        ),
        (1.0, 30, 3, 19, "beats 16 of 19 random vectors of the same norm (p = 0.2)"),
        (
            -1.0,
            2,
            0,
            19,
            "hurts more than 19 of 19 random vectors of the same norm (p = 0.05, the smallest that 19 nulls can give)",
        ),
        (1.0, 30, 0, 5, "; 5 nulls can't give a p below 0.17: run 19 seeds for 0.05"),
        (1.0, 30, 1, 1, "; 1 null can't give a p below 0.5: run 19 seeds for 0.05"),
    ],
)
def test_the_rank_in_words(made: Made, alpha: float, real: int, reaching: int, n: int, said: str) -> None:
    def right(count: int) -> str:
        return "1" * count + "0" * (40 - count)

    made.add(right(15))
    made.add(right(real), alpha)
    for seed in range(n):
        made.ablate(right(real if seed < reaching else 14), alpha, steps=[null("random", seed)])
    (row,) = made.build()["nulls"]
    assert said in row["said"]


def test_a_gain_that_nulls_reach_is_said_loudly(made: Made) -> None:
    made.add("0" * 60 + "1" * 40)
    made.add("1" * 100, 1.0)
    for seed in range(19):
        text = "1" * 100 if seed < 4 else "1" * 40 + "0" * 60
        made.ablate(text, 1.0, steps=[null("random", seed)], label=f"m + 1 v [random seed {seed}]")
    verdict = made.build()["verdict"]
    assert verdict["sentence"].startswith("m + 1 v helps on")
    assert "but a random vector of the same norm does the same on gsm8k (4 of 19 reach it)" in verdict["sentence"]
    assert verdict["tone"] == "mixed"
    loud = verdict["points"][0]
    assert loud["tone"] == "bad"
    assert loud["text"].startswith("A random vector of the same norm does the same as m + 1 v on gsm8k")


def test_a_gain_of_its_own_is_said_and_nulls_are_no_candidates(made: Made) -> None:
    made.add("0" * 60 + "1" * 40)
    made.add("1" * 70 + "0" * 30, 1.0)
    for seed in range(19):
        made.ablate("0" * 60 + "1" * 39 + "0", 1.0, steps=[null("random", seed)])
    found = made.build()
    verdict = found["verdict"]
    assert "beats 19 of 19 random vectors" in verdict["points"][0]["text"]
    assert verdict["points"][0]["tone"] == "good"
    labels = [row["label"] for row in found["variants"] if row["null"]]
    assert len(labels) == 19
    assert not any(label in one["text"] for one in verdict["points"] for label in labels), "no candidates"


def test_no_gain_is_nothing_to_be_explained(made: Made) -> None:
    made.add("10" * 50)
    made.add("10" * 49 + "11", 1.0)
    made.ablate("01" * 50, 1.0, steps=[null("random")])
    texts = [one["text"] for one in made.build()["verdict"]["points"]]
    assert any("has no gain that null controls could explain" in text for text in texts)


def test_nulls_do_not_weaken_what_is_said_of_the_real_vector(made: Made) -> None:
    made.add("0" * 30 + "1" * 30)
    made.add("0" * 20 + "1" * 40, 1.0)
    before = only(made.build()["comparisons"])
    for seed in range(19):
        made.ablate("0" * 30 + "1" * 30, 1.0, steps=[null("random", seed)])
        made.ablate("0" * 30 + "1" * 30, 1.0, steps=[null("random", seed)], family="typos")
    found = made.build()
    real = only(found["comparisons"], variant=before["variant"])
    assert (real["p_holm"], real["hypotheses"]) == (before["p_holm"], "variants x clean tasks")
    sizes = {one["name"]: one["n"] for one in found["rules"]["hypotheses"]}
    assert sizes["null controls x clean tasks"] == 19
    assert sizes["variants x clean tasks"] == 1


# --- lines that are not one vector


def test_curves_hold_one_vector_only(made: Made) -> None:
    kinds: list[dict[str, Any]] = [
        {},
        {"layers": [0, 1]},
        {"layers": [1, 2]},
        {"kinds": ["mlp"]},
        {"ramp": [0.0, 1.0]},
        {"steps": [TRIM]},
        {"steps": [null("random", 1)]},
        {"steps": [null("random", 2)]},
        {"steps": [{"name": "other"}], "other": term("w")},
        {"steps": [{"name": "other"}], "other": term("x")},
        {"forced": True},
        {"misfit": "tensor"},
        {"terms": [term("v", 2.0)]},
    ]
    made.add("1010" * 5)
    for alpha, fields in product((0.5, 1.0), kinds):
        (made.ablate if fields else made.add)("1110" * 5, alpha, **fields)
    curves = made.build()["curves"]
    assert len(curves) == len(kinds)
    assert {len(curve["points"]) for curve in curves} == {3}
    used = [point["variant"] for curve in curves for point in curve["points"] if point["alpha"]]
    assert len(used) == len(set(used)) == 2 * len(kinds)
    assert len({curve["vector"] for curve in curves}) == len(kinds), "each curve is called by what it is of"


def test_old_cells_without_the_new_fields_are_whole_vectors(made: Made) -> None:
    made.add("1010")
    cell = made.add("1110", 1.0)
    path = made.store.root / "cells" / cell / "cell.json"
    assert "steps" not in json.loads(path.read_text())["variant"]
    row = only(made.build()["variants"], alpha=1.0)
    assert (row["kinds"], row["layers"], row["ramp"], row["steps"], row["other"]) == ([], None, [], [], None)
    assert (row["forced"], row["misfit"], row["null"], row["about"]) == (False, "", "", "")
    assert row["formula"] == "m + 1 (grpo - sft)"
    made.ablate("1100", 1.0, steps=[null("random")])
    assert only(made.build()["nulls"])["variant"] == row["id"], "old cells have null controls like new ones"


# --- interference


@pytest.mark.parametrize("seed", range(3))
def test_interference_is_what_counting_gives(made: Made, seed: int) -> None:
    own, n = random.Random(seed), 30
    terms = [term("v"), term("w", 2.0), term("x")]
    lines = {"base": {}, "v": terms[:1], "w": terms[1:2], "x": terms[2:], "vw": terms[:2], "vwx": terms}
    texts: dict[tuple[str, int], str] = {}
    for name, of in lines.items():
        for draw in (0, 1):
            texts[name, draw] = marks(own, 0.5, n)
            if name == "base":
                made.add(texts[name, draw], family="typos", draw=draw)
            else:
                made.ablate(texts[name, draw], 1.0, terms=of, family="typos", draw=draw)
    found = made.build()["interference"]
    assert len(found) == 2

    def score(name: str, item: int) -> float:
        return sum(texts[name, draw][item] == "1" for draw in (0, 1)) / 2

    for names in ("vw", "vwx"):
        row = only(found, **{"alone": next(one["alone"] for one in found if len(one["alone"]) == len(names))})
        apart = [
            score(names, item) - score("base", item) - sum(score(one, item) - score("base", item) for one in names)
            for item in range(n)
        ]
        mean = sum(apart) / n
        assert row["interference"]["value"] == pytest.approx(mean)
        assert row["interference"]["n"] == n, "draws of an item are no items"
        assert row["together"]["value"] - row["total"]["value"] == pytest.approx(mean)
        deviation = (sum((one - mean) ** 2 for one in apart) / (n - 1)) ** 0.5
        assert row["p"] == pytest.approx(_t_test(mean / (deviation / n**0.5), n - 1))
        assert row["interference"]["low"] < mean < row["interference"]["high"]
        assert row["hypotheses"] == "interference: vectors together x perturbed tasks"
    assert sorted(row["p_holm"] for row in found)[0] == pytest.approx(min(1, 2 * min(row["p"] for row in found)))


def _t_test(t: float, freedom: int) -> float:
    """Two-sided p of Student's t, by adding up its density."""
    from math import exp, lgamma, log, pi

    constant = lgamma((freedom + 1) / 2) - lgamma(freedom / 2) - log(freedom * pi) / 2
    step, total, x = 1e-3, 0.0, 0.0
    while x < abs(t):
        wide = min(step, abs(t) - x)
        middle = x + wide / 2
        total += wide * exp(constant - (freedom + 1) / 2 * log(1 + middle**2 / freedom))
        x += wide
    return 1 - 2 * total


def test_interference_needs_the_same_scope_alpha_and_weights(made: Made) -> None:
    made.add("1010")
    made.ablate("1110", 1.0, terms=[term("v"), term("w")])
    made.ablate("1110", 1.0, terms=[term("v")])
    for other in ({"terms": [term("w", 2.0)]}, {"layers": [0, 1]}, {"steps": [TRIM]}, {"forced": True}):
        made.ablate("1110", 1.0, **{"terms": [term("w")], **other})
    made.ablate("1110", 0.5, terms=[term("w")])
    assert made.build()["interference"] == []
    made.ablate("1110", 0.5, terms=[term("w", 2.0)])
    row = only(made.build()["interference"])
    assert len(row["alone"]) == 2, "half of twice w is w"


def test_interference_in_words(made: Made) -> None:
    made.add("0" * 60 + "1" * 40)
    made.ablate("1" * 30 + "0" * 30 + "1" * 40, 1.0, terms=[term("v")])
    made.ablate("1" * 30 + "0" * 30 + "1" * 40, 1.0, terms=[term("w")])
    made.ablate("1" * 32 + "0" * 28 + "1" * 40, 1.0, terms=[term("v"), term("w")])
    found = made.build()
    row = only(found["interference"])
    assert (row["call"], row["beyond"]) == ("worse", "")
    assert row["said"].startswith("on gsm8k together they give 28.0 points less than the sum of each alone [")
    assert any(row["said"] in point["text"] for point in found["verdict"]["points"])


def test_a_sum_that_nobody_can_reach_is_no_finding(made: Made) -> None:
    made.add("0" * 40 + "1" * 60)
    made.ablate("1" * 100, 1.0, terms=[term("v")])
    made.ablate("1" * 100, 1.0, terms=[term("w")])
    made.ablate("1" * 100, 1.0, terms=[term("v"), term("w")])
    row = only(made.build()["interference"])
    assert (row["beyond"], row["call"]) == ("ceiling", "edge")
    assert "the base has less to gain than that" in row["said"]


# --- sweeps


def test_sweeps_are_in_order_and_of_one_thing(made: Made) -> None:
    made.add("1010" * 5)
    for density in (0.5, 0.05, 0.2):
        made.ablate("1110" * 5, 1.0, steps=[{"name": "dare", "density": density, "seed": 1}])
    made.ablate("1110" * 5, 1.0, steps=[{"name": "dare", "density": 0.9, "seed": 2}])
    for layers in ([10, 12], [2, 4], [0, 2], None):
        made.ablate("1110" * 5, 1.0, layers=layers, kinds=["mlp"])
    for kinds in (["attention"], ["attention", "norm"]):
        made.ablate("1110" * 5, 1.0, kinds=kinds)
    made.ablate("1110" * 5, 1.0, steps=[null("random", 1)], layers=[4, 6])
    found = made.build()
    values = {(row["by"], row["step"]): [point["value"] for point in row["points"]] for row in found["sweeps"]}
    assert values == {
        ("density", "dare"): ["0.05", "0.2", "0.5"],
        ("layers", ""): ["layers 0-1", "layers 2-3", "layers 10-11", "all layers"],
        ("kinds", ""): ["attention", "mlp", "attention + norm"],
    }
    by_variant = {(row["variant"], row["task"]): row for row in found["comparisons"]}
    for row in found["sweeps"]:
        for point in row["points"]:
            assert point["difference"] == by_variant[point["variant"], row["task"]]["difference"]
    assert only(found["sweeps"], by="layers")["vector"] == "v [mlp]"


# --- refused and forced


def test_refused_variants_are_rows_and_in_the_verdict(made: Made) -> None:
    made.add("1010")
    made.refuse("m + 1 x", what="another tokenizer")
    found = made.build()
    (row,) = found["refused"]
    assert (row["label"], row["study"], row["problems"][0]["what"]) == ("m + 1 x", "s", "another tokenizer")
    assert "every variant of the study was refused" in found["verdict"]["sentence"]
    made.add("1110", 1.0)
    assert any("1 variant was refused" in one["text"] for one in made.build()["verdict"]["points"])


def test_a_study_of_refused_variants_alone_says_who_they_are(made: Made) -> None:
    made.refuse("m + 1 x")
    with pytest.raises(Refused, match=r"no complete cell(.|\n)*1 that were refused: m \+ 1 x"):
        made.build()


def test_forced_variants_say_so_everywhere(made: Made) -> None:
    made.add("1010" * 5)
    for alpha in (0.5, 1.0):
        made.ablate("1110" * 5, alpha, forced=True, label=f"m + {alpha:g} v [forced]")
        made.ablate("1110" * 5, alpha, forced=True, label=f"m + {alpha:g} v [forced]", family="think")
    made.add("1010" * 5, family="think")
    found = made.build()
    for row in found["variants"][1:]:
        assert row["formula"].endswith(", forced")
        assert row["remarks"][0].startswith("forced: ")
    assert [row["vector"] for row in [*found["curves"], *found["factorial"]]] == ["v [forced]"] * 4
    assert any(
        point["text"].startswith("Forced: the donors of m + 0.5 v [forced]") for point in found["verdict"]["points"]
    )
    assert found["variants"][0]["remarks"] == []


# --- what a line is made of


@pytest.mark.parametrize(
    ("fields", "formula"),
    [
        ({}, "m + 1 (grpo - sft)"),
        ({"steps": [null("random", 3)]}, "m + 1 random seed 3 of (grpo - sft)"),
        ({"steps": [TRIM, null("random", 3)]}, "m + 1 random seed 3 of trim 0.2 of (grpo - sft)"),
        ({"layers": [0, 2]}, "m + 1 (grpo - sft), only layers 0-1"),
        ({"layers": [3, 4], "kinds": ["norm", "mlp"]}, "m + 1 (grpo - sft), only mlp + norm, only layer 3"),
        ({"scope": ["a", "b"], "ramp": [0, 0.5]}, "m + 1 (grpo - sft), only a | b, ramp 0, 0.5"),
        ({"terms": [term("v"), term("w", -2.0)]}, "m + 1 [(grpo - sft) + -2 (w-grpo - w-sft)]"),
        (
            {"terms": [term("v"), term("w")], "steps": [TRIM, {"name": "ties", "density": 0.5}]},
            "m + 1 ties 0.5 of [trim 0.2 of (grpo - sft) + trim 0.2 of (w-grpo - w-sft)]",
        ),
        ({"steps": [{"name": "other"}], "other": term("w")}, "m + 1 (w-grpo - w-sft) with the norms of (grpo - sft)"),
        ({"misfit": "tensor", "forced": True}, "m + 1 (grpo - sft), misfit tensor, forced"),
    ],
)
def test_formulas(made: Made, fields: dict[str, Any], formula: str) -> None:
    made.ablate("10", 1.0, **fields)
    assert only(made.build()["variants"])["formula"] == formula


def test_the_label_tells_weights_that_no_record_holds(made: Made) -> None:
    made.add("10")
    made.ablate("11", 1.0, terms=[term("w")], vector="both", label="m + 1 both [weights 0, 1]")
    made.ablate("11", 1.0, terms=[term("v")], vector="both", label="m + 1 both [weights 1, 0]")
    assert {row["about"] for row in made.build()["variants"]} == {"", "weights 0, 1", "weights 1, 0"}


def test_null_controls_stand_after_the_vectors_in_the_order_of_their_seeds(made: Made) -> None:
    made.add("10")
    for seed in (10, 9, 1):
        made.ablate("11", 1.0, steps=[null("random", seed)])
    made.add("11", 1.0)
    rows = made.build()["variants"]
    assert [row["null"] for row in rows] == ["", "", "random", "random", "random"]
    assert [row["steps"][0]["seed"] for row in rows[2:]] == [1, 9, 10]
