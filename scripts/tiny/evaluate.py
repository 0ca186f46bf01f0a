"""Greedy answers of a model to a task's questions, exact match, and vectors added by plain arithmetic.

The harness measures the same models through vLLM and lm-eval; this is the training script's own, independent view.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, cast

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase, Qwen2ForCausalLM

from scripts.tiny.arithmetic import EXTENDED, Limits, word_problem
from scripts.tiny.choice import options_text
from scripts.tiny.problems import THINK_WORDINGS, Problem, with_distractor, with_think
from scripts.tiny.splits import BENCHMARKS, Record, read_split

FINAL = re.compile(r"####\s*(-?\d+)")
MAX_NEW_TOKENS = 96
State = Mapping[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model wrote: one entry per item; `right` exact matches, `shown` whether steps are in the answer."""

    texts: tuple[str, ...]
    right: tuple[bool, ...]
    shown: tuple[bool, ...]

    @property
    def accuracy(self) -> float:
        """Per cent of items answered exactly."""
        return 100 * sum(self.right) / len(self.right)

    @property
    def share_shown(self) -> float:
        """Per cent of answers that show steps."""
        return 100 * sum(self.shown) / len(self.shown)


def tasks(data: Path, split: str, limit: int | None = None) -> dict[str, list[Problem]]:
    """All tasks of a split: the benchmarks bare and labelled, the think wording, one distractor, extended problems.

    Labelled is how rveval's own tasks ask.
    """
    bare = {name: [_problem(record) for record in read_split(data, name, split)[:limit]] for name in BENCHMARKS}
    words = bare["tiny_math"]
    names = {benchmark.removeprefix("tiny_"): problems for benchmark, problems in bare.items()}
    return {
        **names,
        **{f"{name}, labelled": [_labelled(p) for p in problems] for name, problems in names.items()},
        "math, think": [with_think(p, THINK_WORDINGS[0]) for p in words],
        "math, distractor": [with_distractor(p, Random(f"distractor:{p.key}")) for p in words],
        "math, numbers to 300": _drawn(f"{split}:extended", EXTENDED, len(words)),
    }


def _labelled(problem: Problem) -> Problem:
    return replace(problem, question=f"Question: {problem.question}\nAnswer:")


def _problem(record: Record) -> Problem:
    """A record as it is asked; options are appended to the question as the harness's prompt does."""
    options = record.get("options")
    question = f"{record['question']} {options_text(tuple(options))}" if options else record["question"]
    gold = record["answer"].rsplit("#### ", 1)[1]
    return Problem(question, (), gold, record["kind"], record["steps"])


def _drawn(seed: str, limits: Limits, count: int) -> list[Problem]:
    return [word_problem(Random(f"{seed}:{index}"), limits) for index in range(count)]


def read_answer(text: str) -> str | None:
    """What follows the last `####`, if anything does."""
    found = FINAL.findall(text)
    return found[-1] if found else None


Turn = dict[str, str]


def demonstrations(data: Path, benchmark: str, count: int) -> list[Turn]:
    """The first items of the train split as turns of a conversation, steps shown."""
    turns = []
    for record in read_split(data, benchmark, "train")[:count]:
        turns.append({"role": "user", "content": _problem(record).question})
        turns.append({"role": "assistant", "content": record["answer"]})
    return turns


@torch.inference_mode()
def ask(
    model: Qwen2ForCausalLM,
    tokenizer: PreTrainedTokenizerBase,
    problems: Sequence[Problem],
    before: Sequence[Turn] = (),
    rows: int = 250,
) -> Answers:
    """Greedy answers as one chat message each after the turns `before`, in batches of similar length."""
    order = sorted(range(len(problems)), key=lambda index: len(problems[index].question))
    texts = [""] * len(problems)
    for start in range(0, len(order), rows):
        chosen = order[start : start + rows]
        chats = [[*before, {"role": "user", "content": problems[index].question}] for index in chosen]
        for index, text in zip(chosen, _generate(model, tokenizer, chats), strict=True):
            texts[index] = text
    right = tuple(read_answer(text) == problem.gold for text, problem in zip(texts, problems, strict=True))
    return Answers(tuple(texts), right, tuple(_shows_steps(text) for text in texts))


def _shows_steps(text: str) -> bool:
    return bool(text.split("####")[0].strip())


def _generate(model: Qwen2ForCausalLM, tokenizer: PreTrainedTokenizerBase, chats: list[list[Turn]]) -> list[str]:
    prompts = tokenizer.apply_chat_template(chats, tokenize=False, add_generation_prompt=True)
    inputs = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False).to(model.device)
    output = cast(Any, model).generate(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        max_new_tokens=MAX_NEW_TOKENS,
        do_sample=False,
        pad_token_id=tokenizer.pad_token_id,
    )
    return list(tokenizer.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True))


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The family's tokenizer, padding on the left as generation needs."""
    return AutoTokenizer.from_pretrained(folder, padding_side="left")


def difference(plus: State, minus: State) -> dict[str, torch.Tensor]:
    """Task vector `plus - minus`, tensor by tensor, in fp32."""
    return {name: plus[name].float() - minus[name].float() for name in plus}


def added(base: State, vector: State, alpha: float) -> dict[str, torch.Tensor]:
    """`base + alpha * vector`, in fp32 with one rounding to bf16, handed back as fp32."""
    return {name: (base[name].float() + alpha * vector[name]).bfloat16().float() for name in base}


def random_like(vector: State, seed: int) -> dict[str, torch.Tensor]:
    """Gaussian tensors with the norm of the vector's own, tensor by tensor; a tied head stays tied."""
    generator = torch.Generator().manual_seed(seed)
    result = {}
    for name in sorted(vector):
        noise = torch.randn(vector[name].shape, generator=generator)
        result[name] = noise * (vector[name].norm() / noise.norm())
    if "lm_head.weight" in result:
        result["lm_head.weight"] = result["model.embed_tokens.weight"]
    return result


def norm(state: State) -> float:
    """Euclidean norm over all tensors, the tied head counted once."""
    squares = (float(tensor.float().pow(2).sum()) for name, tensor in state.items() if name != "lm_head.weight")
    return math.sqrt(sum(squares))


def mcnemar(before: Sequence[bool], after: Sequence[bool]) -> float:
    """Exact two-sided McNemar p: binomial test on the items that only one side got right."""
    gained = sum(b and not a for a, b in zip(before, after, strict=True))
    lost = sum(a and not b for a, b in zip(before, after, strict=True))
    n, k = gained + lost, min(gained, lost)
    return min(1.0, 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2**n) if n else 1.0
