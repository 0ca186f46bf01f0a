"""What the engine tests share: random checkpoints, variants of them, prompts, and answers kept for exact comparison."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tinymodels

from rveval.config import EngineConfig
from rveval.engine import Answer, Engine, Request, TokenScore
from rveval.engine.vllm import VllmEngine
from rveval.recipe import Recipe, RecipeTerm, write_merged

CONFIG = EngineConfig(max_model_len=640, max_num_seqs=16, kv_cache_gib=0.06)
TEXTS = (
    "Tom has 3 apples and buys 12 more. How many apples does Tom have now?",
    "The answer is",
    "She sold clips to 48 of her friends in April",
    "def add(a, b):",
    "7",
)
TOKENS = 24


@dataclass(frozen=True)
class Asked:
    """Everything an engine said to the fixed prompts, to the last digit."""

    answers: tuple[Answer, ...]
    scores: tuple[tuple[TokenScore, ...], ...]


@dataclass(frozen=True)
class Models:
    """A base with two donors, and variants of it; `place` takes more folders."""

    place: Path
    base: Path
    plus: Path
    minus: Path

    @classmethod
    def make(cls, place: Path, **shape: Any) -> Models:
        base = tinymodels.make(place / "base", **shape)
        plus = tinymodels.perturbed(base, place / "plus", seed=1, scale=0.08)
        return cls(place, base, plus, tinymodels.perturbed(base, place / "minus", seed=2, scale=0.02))

    def variant(self, alpha: float = 0.7, **other: Any) -> Recipe:
        name = str(self.base)
        term = RecipeTerm(str(self.plus), str(self.minus), 1.0, f"plus of {name}", f"minus of {name}")
        return replace(Recipe(name, f"base {name}", (term,), alpha), **other)

    def merged(self, recipe: Recipe) -> Recipe:
        """The same variant as a checkpoint on disk, which vLLM's own loader reads."""
        folder = self.place / f"merged-{recipe.fingerprint[:12]}"
        if not folder.exists():
            write_merged(recipe, folder)
        return Recipe(str(folder), recipe.fingerprint, dtype=recipe.dtype)

    def cold(self, recipe: Recipe, log: Path, config: EngineConfig = CONFIG) -> Asked:
        """What a fresh engine says that read the merged checkpoint from disk, and knows nothing of rveval."""
        return once(VllmEngine(self.merged(recipe), config, log, load_format="auto"))


def prompts(engine: Engine) -> list[tuple[int, ...]]:
    return [tuple(engine.tokenizer.encode(text)) for text in TEXTS]


def ask(engine: Engine) -> Asked:
    """Greedy answers and prompt scores."""
    answers = engine.generate([Request(prompt, TOKENS) for prompt in prompts(engine)])
    return Asked(tuple(answers), tuple(tuple(scores) for scores in engine.score(prompts(engine))))


def once(engine: Engine) -> Asked:
    """Ask, and close."""
    try:
        return ask(engine)
    finally:
        engine.close()
