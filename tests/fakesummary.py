"""A summary that no run made, for what shows summaries: variants, benchmarks, families and items as a real study has.

Numbers are drawn, not measured, but hang together: differences are those of the scores, items add up to them.
`write_items` writes the item files beside it, in the form that rveval/summary/items.py documents.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from rveval.findings.typed import Interval, ItemSet, PartFile, Summary, TaskRow, VariantRow

FAMILIES = ("clean", "think", "distractor", "typos", "rename", "numwords", "format")
GAIN = {-1.0: -0.09, 0.0: 0.0, 0.5: 0.052, 1.0: 0.031}
HARM = {
    "clean": 0.0,
    "think": -0.02,
    "distractor": 0.11,
    "typos": 0.06,
    "rename": 0.02,
    "numwords": 0.03,
    "format": 0.005,
}
KEEP = {"clean": 1.0, "think": 0.4, "distractor": 0.1, "typos": 0.9, "rename": 1.0, "numwords": 0.6, "format": 0.95}
CLASSES = ("content", "style", "length", "extraction", "truncation")


@dataclass(frozen=True)
class Plan:
    """What to make: how many items a task, which benchmarks (those of a group: its members), alphas and families."""

    n: int = 500
    alphas: tuple[float, ...] = (-1.0, 0.0, 0.5, 1.0)
    benchmarks: tuple[str, ...] = ("gsm8k", "sciq")
    members: tuple[str, ...] = ("bbh_word_sorting", "bbh_date_understanding", "bbh_navigate")
    families: tuple[str, ...] = FAMILIES
    piece: int = 400
    vector: str = "grpo"

    @property
    def sources(self) -> tuple[str, ...]:
        return (*self.benchmarks, *self.members, *(("bbh",) if self.members else ()))


def interval(value: float, half: float, n: int, share: bool = False) -> Interval:
    low, high = value - half, value + half
    return Interval(value=value, low=max(0.0, low) if share else low, high=min(1.0, high) if share else high, n=n)


def half(n: int) -> float:
    return float(0.62 / n**0.5)


def summary(plan: Plan | None = None) -> Summary:
    """The whole of a summary, without items; `write_items` adds those."""
    made = _Maker(plan or Plan())
    return made.summary()


class _Maker:
    def __init__(self, plan: Plan) -> None:
        self.plan, self.random = plan, Random("a summary that no run made")
        self.n = {source: plan.n for source in plan.sources}
        if plan.members:
            self.n["bbh"] = plan.n * len(plan.members)
        self.base = {source: 0.42 + 0.3 * self.random.random() for source in plan.sources}
        self.lift = {source: 0.5 + self.random.random() for source in plan.sources}

    def label(self, alpha: float) -> str:
        return "instruct_1.5b" if alpha == 0 else f"instruct_1.5b + {alpha:g} {self.plan.vector}"

    def id(self, alpha: float) -> str:
        return f"v{self.plan.alphas.index(alpha)}"

    def score(self, source: str, family: str, alpha: float) -> float:
        return self.base[source] - HARM[family] + GAIN[alpha] * self.lift[source] * (1 if alpha < 0 else KEEP[family])

    def gain(self, source: str, family: str, alpha: float) -> float:
        return self.score(source, family, alpha) - self.score(source, family, 0.0)

    def task(self, source: str, family: str) -> str:
        return f"rv_{source}" + ("" if family == "clean" else f"_{family}")

    def title(self, source: str, family: str) -> str:
        return source + ("" if family == "clean" else f", {family}")

    def variants(self) -> list[VariantRow]:
        base = self.id(0.0)
        return [
            VariantRow(
                id=self.id(alpha),
                label=self.label(alpha),
                alpha=alpha,
                fingerprint=f"{Random(str(alpha)).getrandbits(256):064x}",
                is_baseline=alpha == 0,
                baseline=None if alpha == 0 else base,
                model="instruct_1.5b",
                vector=self.plan.vector,
                terms=[] if alpha == 0 else [{"alpha": alpha, "plus": "tiny:grpo", "minus": "tiny:sft"}],
                scope=[".*"],
                kinds=[],
                layers=None,
                ramp=[],
                steps=[],
                other=None,
                forced=False,
                misfit="",
                null="",
                about="",
                formula="instruct_1.5b" if alpha == 0 else f"instruct_1.5b + {alpha:g} (tiny:grpo - tiny:sft)",
                base="instruct_1.5b",
                asked="",
                study="demo",
                remarks=[],
            )
            for alpha in sorted(self.plan.alphas, key=lambda alpha: alpha != 0)
        ]

    def tasks(self) -> list[TaskRow]:
        rows = []
        for source in self.plan.sources:
            for family in self.plan.families:
                member = source in self.plan.members
                rows.append(
                    TaskRow(
                        task=self.task(source, family),
                        title=self.title(source, family),
                        benchmark="bbh" if member or source == "bbh" else source,
                        family=family,
                        source=f"rv_{source}",
                        group=self.task("bbh", family) if member else "",
                        members=[self.task(one, family) for one in self.plan.members] if source == "bbh" else [],
                        shown=not member,
                        draws=[0],
                        n=self.n[source],
                        remarks=[],
                    )
                )
        return rows

    def pairs(self) -> list[tuple[str, str, float]]:
        alphas = [alpha for alpha in self.plan.alphas if alpha != 0]
        return [
            (source, family, alpha) for source in self.plan.sources for family in self.plan.families for alpha in alphas
        ]

    def cells(self) -> list[dict[str, Any]]:
        return [
            {
                "variant": self.id(alpha),
                "task": self.task(source, family),
                "draw": 0,
                "cell_id": "" if source == "bbh" else f"{self.id(alpha)}{self.task(source, family)}",
                "n": self.n[source],
                "accuracy": interval(
                    self.score(source, family, alpha), 0.98 / self.n[source] ** 0.5, self.n[source], True
                ),
                "strict": interval(
                    self.score(source, family, alpha) - 0.02, 0.98 / self.n[source] ** 0.5, self.n[source], True
                ),
                "extraction_failed": interval(0.021, 0.01, self.n[source], True),
                "truncated": interval(0.004, 0.004, self.n[source], True),
                "tokens": {"mean": 141.2, "median": 130.0},
                "metrics": {"exact_match": self.score(source, family, alpha)},
                "health": {"empty": 1},
                "changed": 0 if family == "clean" else self.n[source] - 7,
                "left_alone": {} if family == "clean" else {"no name to change": 7},
                "warnings": [],
                "asked": "",
                "edge": "",
                "timings": {"generate_s": 61.0},
            }
            for source in self.plan.sources
            for family in self.plan.families
            for alpha in self.plan.alphas
        ]

    def comparisons(self) -> list[dict[str, Any]]:
        rows = []
        for source, family, alpha in self.pairs():
            n, gain = self.n[source], self.gain(source, family, alpha)
            moved = round(abs(gain) * n)
            extra = round(0.04 * n)
            fixed, broken = (moved + extra, extra) if gain > 0 else (extra, moved + extra)
            difference = interval(gain, half(n), n)
            call = "better" if difference["low"] > 0 else "worse" if difference["high"] < 0 else "unclear"
            rows.append(
                {
                    "variant": self.id(alpha),
                    "baseline": self.id(0.0),
                    "task": self.task(source, family),
                    "benchmark": "bbh" if source.startswith("bbh") else source,
                    "family": family,
                    "draws": [0],
                    "difference": difference,
                    "fixed": fixed,
                    "broken": broken,
                    "p": 0.0004 if call != "unclear" else 0.31,
                    "p_mid": 0.0003 if call != "unclear" else 0.29,
                    "p_holm": 0.004 if call != "unclear" else 1.0,
                    "hypotheses": "clean" if family == "clean" else "families",
                    "detectable": 1.4 * half(n),
                    "at_edge": "",
                    "noise": 0.004,
                    "call": call,
                }
            )
        return rows

    def pooled(self) -> list[dict[str, Any]]:
        shown = [source for source in self.plan.sources if source not in self.plan.members]
        rows = []
        for family in self.plan.families:
            for alpha in self.plan.alphas:
                gains = [self.gain(source, family, alpha) for source in shown]
                n = sum(self.n[source] for source in shown)
                difference = interval(sum(gains) / len(gains), half(n), n)
                call = "better" if difference["low"] > 0 else "worse" if difference["high"] < 0 else "unclear"
                for weights in ("benchmarks", "items") if alpha else ():
                    rows.append(
                        {
                            "variant": self.id(alpha),
                            "baseline": self.id(0.0),
                            "family": family,
                            "tasks": [self.task(source, family) for source in shown],
                            "weights": weights,
                            "difference": difference.copy(),
                            "p": 0.0002,
                            "p_holm": 0.001 if weights == "benchmarks" else None,
                            "detectable": 1.4 * half(n),
                            "hypotheses": "all together",
                            "call": call,
                        }
                    )
        return rows

    def robustness(self) -> list[dict[str, Any]]:
        rows = []
        for source in self.plan.sources:
            for alpha in self.plan.alphas:
                n, clean = self.n[source], self.score(source, "clean", alpha)
                drops = []
                for family in self.plan.families[1:]:
                    change = self.score(source, family, alpha) - clean
                    drops.append(
                        {
                            "family": family,
                            "task": self.task(source, family),
                            "accuracy": interval(clean + change, 0.98 / n**0.5, n, True),
                            "change": interval(change, half(n), n),
                            "p": 0.001 if abs(change) > half(n) else 0.4,
                            "drop": interval(-change / clean, half(n) / clean, n),
                            "lost": round(max(0.0, -change) * n) + 9,
                            "won": round(max(0.0, change) * n) + 9,
                            "at_edge": "",
                        }
                    )
                if drops:
                    worst = min(drops, key=lambda drop: drop["accuracy"]["value"])  # type: ignore[no-any-return, index]
                    rows.append(
                        {
                            "variant": self.id(alpha),
                            "source": f"rv_{source}",
                            "clean": interval(clean, 0.98 / n**0.5, n, True),
                            "families": drops,
                            "worst": worst["family"],
                            "worst_accuracy": worst["accuracy"],
                            "drop": interval(0.08, 0.02, n),
                            "right_under_all": interval(0.31, 0.04, n),
                            "wrong_under_all": interval(0.22, 0.04, n),
                            "consistency": interval(0.53, 0.04, n),
                        }
                    )
        return rows

    def survival(self) -> list[dict[str, Any]]:
        rows = []
        for source, family, alpha in self.pairs():
            if family == "clean":
                continue
            n, clean, here = self.n[source], self.gain(source, "clean", alpha), self.gain(source, family, alpha)
            kept = interval(here / clean, 0.35, n) if clean > half(n) else None
            verdict = "no gain to survive"
            if kept is not None:
                verdict = "survived" if kept["low"] > 0.5 else "lost" if kept["high"] < 0.5 else "inconclusive"
            rows.append(
                {
                    "variant": self.id(alpha),
                    "baseline": self.id(0.0),
                    "source": f"rv_{source}",
                    "benchmark": "bbh" if source.startswith("bbh") else source,
                    "family": family,
                    "task": self.task(source, family),
                    "n": n,
                    "gain_clean": interval(clean, half(n), n),
                    "gain_family": interval(here, half(n), n),
                    "did": interval(here - clean, 1.2 * half(n), n),
                    "p": 0.02,
                    "p_holm": 0.09,
                    "kept": kept,
                    "verdict": verdict,
                    "why": {
                        "survived": "at least half of the gain is kept, and its lower bound is above 0",
                        "lost": "less than half of the gain is kept, even at its upper bound",
                        "inconclusive": "the share that is kept may lie on either side of one half",
                        "no gain to survive": "the clean gain can't be told from 0",
                    }[verdict],
                }
            )
        return rows

    def gains(self) -> list[dict[str, Any]]:
        rows = []
        for row in self.comparisons():
            n, fixed, broken = row["difference"]["n"], row["fixed"], row["broken"]
            shares, classes = (0.5, 0.2, 0.15, 0.1), []
            for name, share in zip(CLASSES[:4], shares, strict=True):
                classes.append([name, round(share * fixed), round(share * broken)])
            classes.append(
                [CLASSES[4], fixed - sum(one[1] for one in classes), broken - sum(one[2] for one in classes)]
            )
            rows.append(
                {
                    "variant": row["variant"],
                    "baseline": row["baseline"],
                    "task": row["task"],
                    "draw": 0,
                    "n": n,
                    "difference": (fixed - broken) / n,
                    "classes": [
                        {"name": name, "fixed": up, "broken": down, "difference": (up - down) / n}
                        for name, up, down in classes
                    ],
                }
            )
        return rows

    def curves(self) -> list[dict[str, Any]]:
        rows = []
        for source in self.plan.sources:
            for family in self.plan.families:
                n = self.n[source]
                points = [
                    {
                        "alpha": alpha,
                        "variant": self.id(alpha),
                        "accuracy": interval(self.score(source, family, alpha), 0.98 / n**0.5, n, True),
                        "difference": interval(self.gain(source, family, alpha), half(n), n) if alpha else None,
                        "extraction_failed": 0.02,
                        "tokens": 141.0,
                    }
                    for alpha in sorted(self.plan.alphas)
                ]
                enough = len(points) > 2
                best = {
                    "alpha": 0.5,
                    "variant": self.id(self.plan.alphas[-1]),
                    "chosen_on": interval(0.6, 0.06, n // 2, True),
                    "held_out": interval(0.047, 0.03, n - n // 2),
                    "p": 0.004,
                }
                rows.append(
                    {
                        "model": "instruct_1.5b",
                        "vector": self.plan.vector,
                        "task": self.task(source, family),
                        "benchmark": "bbh" if source.startswith("bbh") else source,
                        "family": family,
                        "points": points,
                        "trend": {"slope": interval(0.05, 0.02, n), "p": 0.0001} if enough else None,
                        "best": best if enough else None,
                    }
                )
        return rows

    def factorial(self) -> list[dict[str, Any]]:
        def effects(sign: float, n: int) -> dict[str, Any]:
            values = {"vector": 0.05, "cue": 0.02, "both": 0.04, "vector_with_cue": 0.02, "interaction": -0.03}
            return {
                name: {"difference": interval(sign * value, half(n), n), "p": 0.03} for name, value in values.items()
            }

        return [
            {
                "model": "instruct_1.5b",
                "vector": self.plan.vector,
                "alpha": 1.0,
                "source": f"rv_{source}",
                "cue": "think",
                "n": self.n[source],
                "cells": {
                    f"{name}{cue}": interval(
                        self.score(source, "think" if cue else "clean", alpha),
                        0.98 / self.n[source] ** 0.5,
                        self.n[source],
                    )
                    for name, alpha in (("base", 0.0), ("v", 1.0), ("-v", -1.0))
                    if alpha in self.plan.alphas
                    for cue in ("", "+cue")
                },
                "plus": effects(1, self.n[source]),
                "minus": effects(-1, self.n[source]) if -1.0 in self.plan.alphas else None,
            }
            for source in self.plan.sources
            if source not in self.plan.members and "think" in self.plan.families
        ]

    def summary(self) -> Summary:
        plan, n = self.plan, self.n
        made = {
            "schema_version": 1,
            "made": {
                "rveval": "0.0.0",
                "created": "2025-01-02T03:04:05Z",
                "studies": ["demo"],
                "command": "python -m rveval.report study=demo",
                "source": "runs",
            },
            "rules": {
                "level": 0.95,
                "power": 0.8,
                "margin": 0.5,
                "weights": "benchmarks",
                "seed": 0,
                "chance": {"sciq": 0.25},
                "edge": 0.03,
                "hypotheses": [
                    {
                        "name": "clean",
                        "question": "Does the variant differ from its baseline on clean prompts?",
                        "n": 12,
                    },
                    {"name": "families", "question": "Does it differ under a family?", "n": 72},
                ],
            },
            "verdict": {
                "sentence": f"Adding half of {plan.vector} makes instruct_1.5b better by about 5 points, and most of "
                "that survives hostile prompts, but not distractors.",
                "tone": "mixed",
                "points": [
                    {
                        "text": f"instruct_1.5b + 0.5 {plan.vector} fixes more than it breaks on every benchmark.",
                        "tone": "good",
                    },
                    {"text": "Under distractors the gain is gone: less than half of it is kept.", "tone": "bad"},
                    {
                        "text": "Typos and new names leave the gain as it is, as far as 500 items can tell.",
                        "tone": "unknown",
                    },
                    {"text": "Alpha 1 is no better than alpha 0.5.", "tone": "mixed"},
                ],
            },
            "variants": self.variants(),
            "tasks": self.tasks(),
            "cells": self.cells(),
            "comparisons": self.comparisons(),
            "pooled": self.pooled(),
            "robustness": self.robustness(),
            "survival": self.survival(),
            "gains": self.gains(),
            "curves": self.curves(),
            "factorial": self.factorial(),
            **ablations(self),
            "noise": [
                {
                    "variant": self.id(0.0),
                    "task": self.task(source, "clean"),
                    "draw": 0,
                    "repeat": 1,
                    "n": n[source],
                    "scores_differ": interval(0.012, 0.01, n[source]),
                    "responses_differ": interval(0.09, 0.02, n[source]),
                    "difference": interval(0.004, 0.008, n[source]),
                    "fixed": 4,
                    "broken": 2,
                }
                for source in plan.benchmarks
            ],
            "claims": [
                {
                    "id": "one",
                    "source": "A paper, table 2",
                    "text": "Adding the vector raises GSM8K by 4.9 points.",
                    "task": "rv_gsm8k",
                    "variant": self.id(plan.alphas[-1]),
                    "claimed": 0.049,
                    "found": interval(0.052, half(plan.n), plan.n),
                    "detectable": 0.04,
                    "verdict": "reproduced",
                    "why": "the claimed number lies in the interval, and 0 does not",
                },
                {
                    "id": "two",
                    "source": "Another paper, section 5",
                    "text": "A cue helps as much as the vector.",
                    "task": "rv_humaneval",
                    "variant": None,
                    "claimed": 0.02,
                    "found": None,
                    "detectable": None,
                    "verdict": "not tested",
                    "why": "no cell of this study is about it",
                },
            ],
            "problems": [
                {
                    "kind": "missing",
                    "what": "rv_humaneval was not run to its end",
                    "where": "runs/cells/0123",
                    "fix": "python -m rveval study=demo",
                },
                {"kind": "warning", "what": "two versions of vLLM made these cells", "where": "", "fix": ""},
            ],
            "provenance": {
                "configs": {row["id"]: {"model": row["model"], "alpha": row["alpha"]} for row in self.variants()},
                "settings": {
                    f"{self.id(alpha)}rv_gsm8k": {"temperature": 0.0, "limit": plan.n} for alpha in plan.alphas
                },
                "versions": {"rveval": ["0.0.0"], "vllm": ["0.32.0", "0.32.1"], "torch": ["2.13.0"]},
                "engines": [{"kind": "vllm", "device": "cpu", "dtype": "float32"}],
                "seeds": [0],
                "created": ["2025-01-01T00:00:00Z"],
                "timings": {"swap_s": 1.2, "generate_s": 412.0, "score_s": 4.5, "wall_s": 440.0},
                "commands": ["python -m rveval -m alpha=-1,0,0.5,1 study=demo"],
            },
            "items": [],
        }
        return made  # type: ignore[return-value]


# --- ablations


def ablations(maker: _Maker) -> dict[str, Any]:
    """Null controls of the largest alpha, that alpha as two vectors, a sweep over densities, a refused variant."""
    compared = [row for row in maker.comparisons() if row["variant"] == maker.id(maker.plan.alphas[-1])]
    return {
        "nulls": [_nulls(row, kind) for row in compared for kind in ("random", "permute")],
        "interference": [_together(row) for row in compared],
        "sweeps": [_sweep(maker, row) for row in compared],
        "refused": [
            {
                "label": f"{maker.label(0.0)} + 1 foreign",
                "study": "demo",
                "problems": [
                    {
                        "what": "the donors have another hidden size",
                        "where": "model.embed_tokens.weight",
                        "expected": "896",
                        "found": "1536",
                        "fix": "take donors of this base",
                    }
                ],
            }
        ],
    }


def _nulls(row: dict[str, Any], kind: str) -> dict[str, Any]:
    n = row["difference"]["n"]
    values = sorted(
        row["difference"]["value"] - 0.01 * seed for seed in (range(5) if kind == "permute" else range(1, 6))
    )
    reached = int(kind == "permute")
    p = (1 + reached) / 6
    return {
        **{key: row[key] for key in ("variant", "baseline", "task", "benchmark", "family", "call")},
        "kind": kind,
        "question": "help",
        "real": row["difference"],
        "n": 5,
        "lowest": values[0],
        "mean": sum(values) / 5,
        "highest": values[-1],
        "nulls": [
            {"variant": f"n{kind}{place}", "difference": interval(value, half(n), n)}
            for place, value in enumerate(values)
        ],
        "reached": reached,
        "beaten": 1 - reached / 5,
        "p": p,
        "smallest_p": 1 / 6,
        "needed": 19,
        "said": f"beats {5 - reached} of 5 {kind} vectors (p = {p:.2g}); 5 nulls can't give a p below 0.17",
    }


def _together(row: dict[str, Any]) -> dict[str, Any]:
    n, value = row["difference"]["n"], row["difference"]["value"]
    return {
        **{key: row[key] for key in ("variant", "baseline", "task", "benchmark", "family", "p", "p_holm")},
        "alone": [{"variant": row["variant"], "difference": interval(value, half(n), n)} for _ in range(2)],
        "together": interval(value, half(n), n),
        "total": interval(2 * value, half(n), n),
        "interference": interval(-value, half(n), n),
        "detectable": 0.05,
        "hypotheses": "interference: vectors together x clean tasks",
        "beyond": "",
        "call": "unclear",
        "said": "together they give less than the sum of each alone",
    }


def _sweep(maker: _Maker, row: dict[str, Any]) -> dict[str, Any]:
    n, value = row["difference"]["n"], row["difference"]["value"]
    points = [
        {
            "value": f"{density:g}",
            "variant": row["variant"],
            "difference": interval(density * value, half(n), n),
            "call": "unclear" if density < 0.5 else row["call"],
        }
        for density in (0.1, 0.2, 0.5)
    ]
    kept = {key: row[key] for key in ("task", "benchmark", "family")}
    about = {"by": "density", "step": "trim", "model": "instruct_1.5b", "vector": maker.plan.vector, "alpha": 1.0}
    return {**about, **kept, "points": points}


# --- item files


def write_items(made: Summary, folder: Path, plan: Plan | None = None, text: str = "") -> None:
    """Write `items/*.js` and list them in the summary; `text` stands in every prompt and answer."""
    plan = plan or Plan()
    (folder / "items").mkdir(parents=True, exist_ok=True)
    maker = _Maker(plan)
    clean: dict[str, str] = {}
    for task in made["tasks"]:
        if task["members"]:
            continue
        set_id = f"s{len(made['items'])}"
        if task["family"] == "clean":
            clean[task["source"]] = set_id
        found = ItemSet(
            id=set_id,
            task=task["task"],
            draw=0,
            benchmark=task["benchmark"],
            family=task["family"],
            n=plan.n,
            clean=None if task["family"] == "clean" else clean[task["source"]],
            items=[],
            prompts=[],
            variants=[{"variant": row["id"], "marks": [], "texts": []} for row in made["variants"]],
        )
        _write_set(maker, found, task, folder / "items", text)
        made["items"].append(found)


def _write_set(maker: _Maker, found: ItemSet, task: TaskRow, folder: Path, text: str) -> None:
    plan, source = maker.plan, task["source"].removeprefix("rv_")
    for piece, first in enumerate(range(0, plan.n, plan.piece)):
        places = range(first, min(first + plan.piece, plan.n))
        ids = [f"{source}/{place}" for place in places]
        family = task["family"]

        def save(name: str, value: dict[str, Any], into: list[PartFile], n: int = len(places), at: int = first) -> None:
            key = f"{found['id']}-{name}-{piece}"  # noqa: B023
            n_bytes = write_piece(folder, key, {"first": at, **value})
            into.append(PartFile(file=f"{key}.js", first=at, n=n, bytes=n_bytes))

        changed = [0 if family == "clean" or place % 50 == 3 else 1 for place in places]
        alone = ["" if family == "clean" or flag else "no name to change" for flag in changed]
        save("items", {"ids": ids, "changed": changed, "left_alone": alone}, found["items"])
        prompts = [
            prompt(place, family if flag else "clean") + text for place, flag in zip(places, changed, strict=True)
        ]
        save("prompts", {"prompts": prompts, "targets": [str(place * 7 % 90) for place in places]}, found["prompts"])
        for row in found["variants"]:
            alpha = plan.alphas[int(row["variant"][1:])]
            save(f"{row['variant']}-marks", marks(maker, source, family, alpha, places), row["marks"])
            save(f"{row['variant']}-texts", texts(alpha, places, text), row["texts"])


def prompt(place: int, family: str) -> str:
    names = ("Anna", "Tom") if family != "rename" else ("Priya", "Kofi")
    extra = "" if family != "distractor" else " The train to the lake leaves at 9."
    cue = "\nLet's think step by step." if family == "think" else ""
    given = f"{names[0]} has {place % 9 + 2} apples and gives {names[1]} 1."
    return f"Question: {given}{extra} How many are left?{cue}\nAnswer:"


def right(maker: _Maker, source: str, family: str, alpha: float, place: int) -> bool:
    slip = Random(f"{source}{place}{alpha}").random() < 0.06  # some are right or wrong by accident
    return slip != (Random(f"{source}{place}").random() < maker.score(source, family, alpha))


def marks(maker: _Maker, source: str, family: str, alpha: float, places: range) -> dict[str, Any]:
    now = [right(maker, source, family, alpha, place) for place in places]
    before = [right(maker, source, family, 0.0, place) for place in places]
    move = [int(one) - int(other) for one, other in zip(now, before, strict=True)]
    return {
        "samples": 1,
        "right": [int(one) for one in now],
        "strict": [int(one) for one in now],
        "failed": [int(place % 40 == 5) for place in places],
        "cut": [int(place % 90 == 7) for place in places],
        "tokens": [100 + place % 60 for place in places],
        "steps": [1] * len(places),
        "move": move,
        "class": [CLASSES[place % 5] if one else "" for place, one in zip(places, move, strict=True)],
    }


def texts(alpha: float, places: range, text: str) -> dict[str, Any]:
    end = "So" if alpha > 0 else "Therefore"
    return {
        "responses": [
            f"She starts with {place % 9 + 2} apples.\nShe gives one away.\n{end} {place % 9 + 1} are left.\n"
            f"#### {place % 9 + 1}{text}"
            for place in places
        ],
        "extracted": [str(place % 9 + 1) if place % 40 != 5 else None for place in places],
        "strict": [str(place % 9 + 1) if place % 40 != 5 else None for place in places],
        "why": ["" for _ in places],
        "prompts": {},
    }


def write_piece(folder: Path, key: str, value: dict[str, Any]) -> int:
    body = json.dumps(value, ensure_ascii=True).replace("<", "\\u003c").replace(">", "\\u003e")
    return (folder / f"{key}.js").write_text(f'rveval_items("{key}", {body})\n', encoding="ascii")
