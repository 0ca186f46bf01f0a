"""The stages that make the family from nothing, in order, each skipped where its finished output exists.

Everything goes by step counts and seeds. A stage writes its checkpoint to `<work>/<name>/` and the marker `done`
last; deleting a folder makes its stage, and only it, run again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from tokenizers import Tokenizer
from transformers import Qwen2ForCausalLM

from scripts.tiny.donors import DonorPlan, questions, train_grpo, train_sft
from scripts.tiny.evaluate import load_tokenizer
from scripts.tiny.instruct import INSTRUCT_HABITS
from scripts.tiny.loop import Schedule, train
from scripts.tiny.mixture import BASE_HABITS, Mixture
from scripts.tiny.model import POSITIONS, load_checkpoint, moved, new_model, save_checkpoint
from scripts.tiny.splits import held_out_keys, write_data
from scripts.tiny.tokenizer import EOS, PAD, build_tokenizer, save_tokenizer, token_id, training_texts

log = logging.getLogger(__name__)
MARKER = "done"


@dataclass(frozen=True, slots=True)
class Plan:
    """All step counts, rates and seeds of the family."""

    pretrain: Schedule = field(default_factory=lambda: Schedule(4200, 32, 3e-3, warmup=100, floor=0.03))
    instruct: Schedule = field(default_factory=lambda: Schedule(250, 64, 5e-4, warmup=10, cosine=False, pool=8))
    math: DonorPlan = field(default_factory=DonorPlan)
    order: DonorPlan = field(default_factory=lambda: DonorPlan(skill="order"))
    base_seed: int = 1
    foreign_seed: int = 2
    instruct_seed: int = 24
    tokenizer_texts: int = 8000


SMOKE = Plan(
    pretrain=Schedule(steps=6, batch=8, rate=3e-3, warmup=2, pool=2, long_rows=1, packed_rows=2),
    instruct=Schedule(steps=3, batch=8, rate=5e-4, warmup=1, pool=2),
    math=DonorPlan(sft_steps=2, sft_batch=8, grpo_steps=1, grpo_prompts=2, grpo_samples=2, new_tokens=8),
    order=DonorPlan(
        skill="order", sft_steps=2, sft_batch=8, grpo_steps=1, grpo_prompts=2, grpo_samples=2, new_tokens=8
    ),
    tokenizer_texts=500,
)


class Family:
    """Builds the members of one family into a work folder."""

    def __init__(self, work: Path, plan: Plan, device: str) -> None:
        self.work, self.plan, self.device = work, plan, device
        self.held_out = held_out_keys()

    def build(self) -> None:
        """Run every stage that is not done yet."""
        for name, stage in self.stages().items():
            folder = self.work / name
            if (folder / MARKER).exists():
                log.info("%s: done before", name)
                continue
            started = time.perf_counter()
            stage(folder)
            seconds = time.perf_counter() - started
            (folder / MARKER).write_text(f"{seconds:.1f}\n", encoding="utf-8")
            log.info("%s: %.0f s", name, seconds)

    def stages(self) -> dict[str, Callable[[Path], None]]:
        """Stages by name, in an order in which each finds what it needs."""
        plan = self.plan
        return {
            "data": lambda folder: write_data(folder),
            "tokenizer": self._tokenizer,
            "base": lambda folder: self._pretrain(folder, plan.base_seed),
            "instruct": self._instruct,
            "sft": lambda folder: self._sft(folder, "base", plan.math),
            "grpo": lambda folder: self._grpo(folder, "base", plan.math),
            "order-sft": lambda folder: self._sft(folder, "base", plan.order),
            "order-grpo": lambda folder: self._grpo(folder, "base", plan.order),
            "base-foreign": lambda folder: self._pretrain(folder, plan.foreign_seed),
            "sft-foreign": lambda folder: self._sft(folder, "base-foreign", plan.math),
            "grpo-foreign": lambda folder: self._grpo(folder, "base-foreign", plan.math),
        }

    def _tokenizer(self, folder: Path) -> None:
        texts = training_texts(self.plan.tokenizer_texts, "rveval-tiny:tokenizer")
        save_tokenizer(build_tokenizer(texts), folder, POSITIONS)

    def _pretrain(self, folder: Path, seed: int) -> None:
        tokenizer = self._fast_tokenizer()
        pad, eos = token_id(tokenizer, PAD), token_id(tokenizer, EOS)
        model = moved(new_model(tokenizer.get_vocab_size(), pad, eos, seed), self.device)
        mixture = Mixture(Random(f"pretrain:{seed}"), replace(BASE_HABITS, held_out=self.held_out))
        train(model, tokenizer, mixture, self.plan.pretrain, folder.name)
        self._save(model, folder)

    def _instruct(self, folder: Path) -> None:
        model = self._load("base")
        habits = replace(INSTRUCT_HABITS, held_out=self.held_out)
        mixture = Mixture(Random(f"instruct:{self.plan.instruct_seed}"), habits)
        train(model, self._fast_tokenizer(), mixture, self.plan.instruct, folder.name)
        self._save(model, folder)

    def _sft(self, folder: Path, base: str, plan: DonorPlan) -> None:
        model = self._load(base)
        problems = questions(plan, self.held_out, plan.sft_steps * plan.sft_batch)
        train_sft(model, load_tokenizer(self.work / "tokenizer"), problems, plan, folder / "trainer")
        self._save(model, folder)

    def _grpo(self, folder: Path, base: str, plan: DonorPlan) -> None:
        model = self._load(base)
        problems = questions(plan, self.held_out, plan.grpo_steps * plan.grpo_prompts)
        train_grpo(model, load_tokenizer(self.work / "tokenizer"), problems, plan, folder / "trainer")
        self._save(model, folder)

    def _load(self, name: str) -> Qwen2ForCausalLM:
        return load_checkpoint(self.work / name, self.device)

    def _save(self, model: Qwen2ForCausalLM, folder: Path) -> None:
        save_checkpoint(model, folder, self.work / "tokenizer")

    def _fast_tokenizer(self) -> Tokenizer:
        return Tokenizer.from_file(str(self.work / "tokenizer" / "tokenizer.json"))
