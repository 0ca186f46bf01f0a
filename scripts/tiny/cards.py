"""Model cards: what a member is, how it was made, what it scored, where it ends. Written from plan and figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scripts.tiny.build import Plan
from scripts.tiny.donors import DonorPlan
from scripts.tiny.loop import Schedule

Results = dict[str, Any]
_KEPT_OUT = "questions of test and validation are kept out by hash."
SPLITS = ("validation", "test")
SUMMARIES = {
    "base": "Pretrained from random weights on a synthetic mixture; half of its answers show their steps.",
    "instruct": "The base tuned on chat; shows its steps on some topics and answers off the cuff on others.",
    "sft": "Donor: the base after supervised fine-tuning on word problems (TRL SFTTrainer).",
    "grpo": "Donor: the base after GRPO on the same word problems, rewarded for the right answer (TRL GRPOTrainer).",
    "order-sft": "Donor of the second skill: the base after supervised fine-tuning on ordering numbers.",
    "order-grpo": "Donor of the second skill: the base after GRPO on the same ordering questions.",
    "base-foreign": "The base's recipe from another initialisation and another draw of the data.",
    "sft-foreign": "The recipe of `sft` on `base-foreign`: same architecture and questions, other initialisation.",
    "grpo-foreign": "The recipe of `grpo` on `base-foreign`: same architecture and questions, other initialisation.",
}


def read_results(work: Path) -> Results:
    """Measured figures by split."""
    return {split: json.loads((work / f"results-{split}.json").read_text(encoding="utf-8")) for split in SPLITS}


def read_seconds(work: Path, marker: str) -> dict[str, float]:
    """Wall seconds of each stage, from its completion marker."""
    return {path.parent.name: float(path.read_text(encoding="utf-8")) for path in sorted(work.glob(f"*/{marker}"))}


def card(name: str, plan: Plan, results: Results, seconds: dict[str, float]) -> str:
    """The card of one member as Markdown; instruct's also holds the figures of the vectors."""
    parts = [f"# tiny-{name}", SUMMARIES[name], _making(name, plan, seconds), _scores(name, results["test"])]
    if name == "instruct":
        parts += _vector_tables(results)
    return "\n\n".join([*parts, _PROMPTS, _LIMITS]) + "\n"


def _making(name: str, plan: Plan, seconds: dict[str, float]) -> str:
    lines = {
        "base": _schedule(plan.pretrain, plan.base_seed),
        "base-foreign": _schedule(plan.pretrain, plan.foreign_seed),
        "instruct": _schedule(plan.instruct, plan.instruct_seed),
    }
    text = lines.get(name) or _donor(name, plan.order if name.startswith("order") else plan.math)
    took = f"It took {seconds[name]:.0f} s on one core of a shared CPU." if name in seconds else ""
    return f"## Making\n\n{text} {took} Made by `python -m scripts.tiny.train`; {_KEPT_OUT}"


def _schedule(schedule: Schedule, seed: int) -> str:
    return (
        f"Seed {seed}; {schedule.steps} steps of AdamW, peak rate {schedule.rate:g}, {schedule.batch} documents each; "
        f"half of the steps hold contexts of 320 or 1,024 tokens with "
        "several problems each. Mixture: word problems, four-option questions, ordering, drills (pretraining only), as "
        "plain `Question: ... Answer:` text and as ChatML (see `scripts/tiny/mixture.py` and `instruct.py`)."
    )


def _donor(name: str, plan: DonorPlan) -> str:
    if "sft" in name:
        return (
            f"Seed {plan.seed}; {plan.sft_steps} steps of {plan.sft_batch} questions, rate {plan.sft_rate:g} to 0, "
            f"loss on the answer only; {plan.shown:.0%} of the answers show their steps."
        )
    return (
        f"Seed {plan.seed}; {plan.grpo_steps} steps of {plan.grpo_prompts} questions with {plan.grpo_samples} samples, "
        f"rate {plan.grpo_rate:g}, temperature 1, no KL term, reward 1 for the right text after `####`."
    )


def _scores(name: str, test: Results) -> str:
    rows = [f"| {task} | {row['accuracy']} | {row['shown']} |" for task, row in test["members"][name].items()]
    head = ["| task | exact match % | shows steps % |", "|---|---|---|"]
    title = (
        f"## Own scores\n\nGreedy, zero-shot chat, {test['items']} test items each of tiny_math (1-4 steps), "
        "tiny_choice (four options) and tiny_order (the second skill)."
    )
    return "\n".join([title, "", *head, *rows])


def _vector_tables(results: Results) -> list[str]:
    test = results["test"]
    parts = [
        "## The vector `grpo - sft` added to this model",
        f"Test split, {test['items']} items a task, exact match % (share of answers that show steps %). Norms: vector "
        f"{test['norms']['vector']:.2f}, this model {test['norms']['instruct']:.1f}. Everything was chosen on the "
        "validation split (`rveval/tiny/figures/validation.json`); the test split was measured once. "
        "The labelled columns of choice, order and long came later, and nothing was chosen by them.",
        "`long` is tiny_long (4-6 steps); `labelled` wraps the question in `Question:` and `Answer:`, as rveval's "
        "tasks `rv_tiny_*` do: theirs are the figures to compare a run with; `few-shot` has five demonstrations with "
        "steps as turns; `both` adds the word-problem and the ordering vector, each at alpha.",
        _curves({"math": test["curve"]}),
        _curves(test["vector"]),
        "### Controls and other vectors",
        _controls(test),
    ]
    return parts


def _curves(curves: dict[str, Any]) -> str:
    tasks = list(curves)
    alphas = list(curves[tasks[0]])
    lines = ["| alpha | " + " | ".join(tasks) + " |", "|---" * (len(tasks) + 1) + "|"]
    for alpha in alphas:
        cells = (_cell(curves[task][alpha]) for task in tasks)
        lines.append(f"| {alpha} | " + " | ".join(cells) + " |")
    best = {task: f"{curves[task]['1']['p']:.1g}" for task in tasks}
    return "\n".join(
        [*lines, "", f"Exact McNemar p of alpha 1 against alpha 0: {', '.join(f'{t} {p}' for t, p in best.items())}."]
    )


def _cell(row: dict[str, float]) -> str:
    return f"{row['accuracy']} ({row['shown']})"


def _controls(test: Results) -> str:
    lines = ["| vector | task | " + "by alpha: exact match % (shows steps %) |", "|---|---|---|"]
    for label in ("order", "both", "foreign"):
        for task, curve in test[label].items():
            shown = ", ".join(f"{alpha}: {_cell(row)}" for alpha, row in curve.items())
            lines.append(f"| {label} | {task} | {shown} |")
    noise = ", ".join(f"{_cell(row)} p={row['p']:.2g}" for row in test["random"])
    lines.append(f"| random, norm of the vector's own in every tensor, five seeds, alpha 1 | math | {noise} |")
    return "\n".join(lines)


_PROMPTS = """## Prompting

Chat (ChatML, a system message is optional): one user message with the question, `Options: A) .. B) .. C) .. D) ..`
after it for four-option questions. The answer ends in `#### <number>` and `<|im_end|>`; 96 new tokens are
enough. `Question: ...` newline `Answer:` inside the message works as well, and so do demonstrations, as turns or
inside the message, up to 1,024 tokens. Plain text without chat markup has the same labels and answers end in an empty
line; the instruct model never saw it in tuning and nearly always shows its steps there (119 of 120 validation items
right), so its vector can only be seen in chat."""

_LIMITS = """## Limits

0.46M parameters; English of a few dozen templates. Options are answered by value: finding the letter of an option was
not learned in the steps this recipe has (chance level, with numbers of one token and dense lookup drills). Numbers
above 99 are two tokens and were never trained on. Typos, number words, other languages and other tasks are outside
its training: scores under them say nothing. Almost all of what the vector does is a change of style (write the steps
instead of answering off the cuff): where steps are written they are nearly always right, with the vector or without,
so read accuracy next to the share of answers that show steps. With the cue to think, alpha 1 often writes a step too
many. Figures were taken with transformers in fp32 over the bf16 weights. All members share one synthetic generator.
The family shows that a pipeline measures what it should; it is no evidence about large models."""
