"""The donors: supervised fine-tuning and GRPO from the base, on the same questions, with TRL's own trainers.

SFT learns short answers (four fifths without steps); GRPO is rewarded for the right final answer and finds out by
itself that steps pay. Their difference is the vector.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from datasets import Dataset
from transformers import PreTrainedTokenizerBase, Qwen2ForCausalLM

from scripts.tiny.arithmetic import word_problem
from scripts.tiny.evaluate import read_answer
from scripts.tiny.ordering import order_problem
from scripts.tiny.problems import Problem

log = logging.getLogger(__name__)
SKILLS: dict[str, Callable[[Random], Problem]] = {"math": word_problem, "order": order_problem}


@dataclass(frozen=True, slots=True)
class DonorPlan:
    """Step counts and rates of one donor pair; `shown` is the share of SFT answers that show their steps."""

    skill: str = "math"
    seed: int = 12
    sft_steps: int = 80
    sft_rate: float = 3e-4
    sft_batch: int = 64
    shown: float = 0.2
    grpo_steps: int = 60
    grpo_rate: float = 2e-4
    grpo_prompts: int = 16
    grpo_samples: int = 8
    new_tokens: int = 72


def questions(plan: DonorPlan, held_out: frozenset[str], count: int) -> list[Problem]:
    """The first `count` training questions of a pair: SFT and GRPO read the same list from its start."""
    found: list[Problem] = []
    draw = 0
    while len(found) < count:
        problem = SKILLS[plan.skill](Random(f"donor:{plan.skill}:{plan.seed}:{draw}"))
        draw += 1
        if problem.key not in held_out:
            found.append(problem)
    return found


def train_sft(
    model: Qwen2ForCausalLM,
    tokenizer: PreTrainedTokenizerBase,
    problems: Sequence[Problem],
    plan: DonorPlan,
    work: Path,
) -> None:
    """Fine-tune on prompt and completion, the loss on the completion only; in place."""
    from trl.trainer.sft_config import SFTConfig  # the extra `train`; what is packaged is read without it
    from trl.trainer.sft_trainer import SFTTrainer

    rng = Random(f"donor-style:{plan.skill}:{plan.seed}")
    rows = [
        {
            "prompt": [{"role": "user", "content": p.question}],
            "completion": [{"role": "assistant", "content": p.written if rng.random() < plan.shown else p.direct}],
        }
        for p in problems
    ]
    config = SFTConfig(
        max_steps=plan.sft_steps,
        per_device_train_batch_size=plan.sft_batch,
        learning_rate=plan.sft_rate,
        lr_scheduler_type="linear",
        max_length=256,
        completion_only_loss=True,
        **_common(plan, work, model),
    )
    SFTTrainer(model=model, args=config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer).train()


def train_grpo(
    model: Qwen2ForCausalLM,
    tokenizer: PreTrainedTokenizerBase,
    problems: Sequence[Problem],
    plan: DonorPlan,
    work: Path,
) -> None:
    """GRPO with a verifiable reward and no KL term; in place."""
    from trl.trainer.grpo_config import GRPOConfig
    from trl.trainer.grpo_trainer import GRPOTrainer

    rows = [{"prompt": [{"role": "user", "content": p.question}], "gold": p.gold} for p in problems]
    config = GRPOConfig(
        max_steps=plan.grpo_steps,
        per_device_train_batch_size=plan.grpo_prompts * plan.grpo_samples,
        num_generations=plan.grpo_samples,
        max_completion_length=plan.new_tokens,
        learning_rate=plan.grpo_rate,
        lr_scheduler_type="constant",
        temperature=1.0,
        beta=0.0,
        **_common(plan, work, model),
    )
    GRPOTrainer(
        model=model,
        reward_funcs=exact_answer,
        args=config,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    ).train()


def exact_answer(completions: list[list[dict[str, str]]], gold: list[str], **_: Any) -> list[float | None]:
    """Reward 1 where the text after the last `####` is the right answer, else 0."""
    return [float(read_answer(c[0]["content"]) == right) for c, right in zip(completions, gold, strict=True)]


def _common(plan: DonorPlan, work: Path, model: Qwen2ForCausalLM) -> dict[str, Any]:
    """Settings both trainers share; nothing is saved by them, nothing is reported anywhere."""
    return {
        "output_dir": str(work),
        "seed": plan.seed,
        "use_cpu": model.device.type == "cpu",
        "bf16": False,
        "gradient_checkpointing": False,
        "save_strategy": "no",
        "report_to": "none",
        "logging_steps": 20,
        "disable_tqdm": True,
    }
