"""What the family can do: every figure of the model cards, from one split, as plain data.

Accuracies and shares are per cent; `p` is exact McNemar against the same model without the vector.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import Qwen2ForCausalLM

from scripts.tiny.evaluate import (
    Answers,
    State,
    added,
    ask,
    demonstrations,
    difference,
    load_tokenizer,
    mcnemar,
    norm,
    random_like,
    tasks,
)
from scripts.tiny.model import load_checkpoint

log = logging.getLogger(__name__)
ALPHAS = (-1.0, -0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
FEW = (-1.0, 0.0, 0.5, 1.0)
RANDOM_SEEDS = (1, 2, 3, 4, 5)
DEMONSTRATIONS = 5
DONORS = ("base", "sft", "grpo", "order-sft", "order-grpo", "base-foreign", "sft-foreign", "grpo-foreign")
Row = dict[str, Any]


class Bench:
    """A family on one split: loads states once, answers in one reused model."""

    def __init__(self, work: Path, data: Path, split: str, device: str, limit: int | None = None) -> None:
        self.work, self.device = work, device
        self.tasks = tasks(data, split, limit)
        self.shots = demonstrations(data, "tiny_math", DEMONSTRATIONS)
        self.tokenizer = load_tokenizer(work / "instruct")
        self.model: Qwen2ForCausalLM = load_checkpoint(work / "instruct", device)
        self.instruct = self.state("instruct")
        self.plain: dict[str, Answers] = {}

    def state(self, name: str) -> State:
        """Weights of a member by name, fp32 on the CPU."""
        return {k: v.detach().clone() for k, v in load_checkpoint(self.work / name).state_dict().items()}

    def vector(self, pair: str, suffix: str = "") -> State:
        """grpo - sft of a pair: "" for word problems, "order-" for the second skill."""
        return difference(self.state(f"{pair}grpo{suffix}"), self.state(f"{pair}sft{suffix}"))

    def answers(self, weights: State, task: str) -> Answers:
        """A model with these weights on one task; the task "math, few-shot" has demonstrations before it."""
        self.model.load_state_dict({k: v.to(self.device) for k, v in weights.items()})
        if task == "math, few-shot":
            return ask(self.model, self.tokenizer, self.tasks["math"], self.shots)
        return ask(self.model, self.tokenizer, self.tasks[task])

    def alone(self, task: str) -> Answers:
        """Instruct without any vector, asked once a task."""
        if task not in self.plain:
            self.plain[task] = self.answers(self.instruct, task)
        return self.plain[task]

    def row(self, weights: State, task: str) -> Row:
        """Accuracy, share of answers with steps, and p against instruct alone."""
        plain = self.alone(task)
        got = plain if weights is self.instruct else self.answers(weights, task)
        p = mcnemar(plain.right, got.right)
        return {"accuracy": round(got.accuracy, 1), "shown": round(got.share_shown, 1), "p": p}

    def curve(self, vector: State, task: str, alphas: Sequence[float] = ALPHAS) -> dict[str, Row]:
        """instruct + alpha * vector over a list of alphas."""
        rows = {}
        for alpha in alphas:
            weights = added(self.instruct, vector, alpha) if alpha else self.instruct
            rows[f"{alpha:g}"] = self.row(weights, task)
            log.info("%s alpha %g: %s", task, alpha, rows[f"{alpha:g}"])
        return rows


def measure(work: Path, data: Path, split: str, device: str = "cpu", limit: int | None = None) -> dict[str, Any]:
    """All figures of a split."""
    bench = Bench(work, data, split, device, limit)
    vector, order, foreign = bench.vector(""), bench.vector("order-"), bench.vector("", "-foreign")
    both = {name: vector[name] + order[name] for name in vector}
    noises = [random_like(vector, seed) for seed in RANDOM_SEEDS]
    names = [*(name for name in bench.tasks if name != "math"), "math, few-shot"]
    return {
        "split": split,
        "items": len(bench.tasks["math"]),
        "norms": {
            "vector": norm(vector),
            "order": norm(order),
            "foreign": norm(foreign),
            "instruct": norm(bench.instruct),
        },
        "members": {name: _member(bench, name) for name in ("instruct", *DONORS)},
        "curve": bench.curve(vector, "math"),
        "vector": {task: bench.curve(vector, task, FEW) for task in names},
        "order": {task: bench.curve(order, task, (-1, 0, 0.5, 1)) for task in ("order", "math")},
        "both": {task: bench.curve(both, task, (0, 0.5, 1)) for task in ("order", "math")},
        "foreign": {"math": bench.curve(foreign, "math", (-1, 0, 0.5, 1))},
        "random": [bench.row(added(bench.instruct, noise, 1.0), "math") for noise in noises],
    }


def _member(bench: Bench, name: str) -> dict[str, Row]:
    """A member's own scores on the three benchmarks."""
    state = bench.state(name)
    rows = {}
    for task in ("math", "choice", "order"):
        got = bench.answers(state, task)
        rows[task] = {"accuracy": round(got.accuracy, 1), "shown": round(got.share_shown, 1)}
    log.info("%s: %s", name, rows)
    return rows


def save_results(results: dict[str, Any], path: Path) -> None:
    """Write figures as JSON."""
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
