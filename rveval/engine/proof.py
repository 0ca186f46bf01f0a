"""Proof that a swap did what it says: the canary after each one, and the self-test once per architecture and shape.

Coming back to the base and comparing catches weights that are lost (mixtures of experts, at the time of writing) but
not weights that stay (a stale tied head equals the base). So the self-test compares a hot swap with a cold load of
*changed* weights, on a two-layer clone of the same widths, vocabulary and tying. Nothing is taken from a list of
architecture names: what fails is served by a fresh start for every variant, and every output says so.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rveval.checkpoints import Checkpoint
from rveval.checkpoints.fingerprints import recall, remember
from rveval.engine.base import Engine, Request
from rveval.engine.plugin import LOAD_FORMAT
from rveval.errors import Failed, Problem
from rveval.recipe import Recipe, RecipeTerm, forget, write_merged
from rveval.vectors import VERSION

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)
T = TypeVar("T")

PROMPTS = (
    "Tom has 12 apples. He buys 7 more. How many apples does he have?",
    "def add(a, b):",
    "The capital of France is",
    "1 2 3 4 5 6 7 8 9",
)
CANARY_TOKENS = 4
"""Asked three times for every variant: four tokens of four prompts see every weight, and cost little."""
TEST_TOKENS = 16
_LAYER = re.compile(r"(?:^|\.)(\d+)\.")
_NOT_SHAPE = ("num_hidden_layers", "layer_types", "max_window_layers", "_name_or_path", "transformers_version")

Canary = tuple[tuple[tuple[int, ...], float], ...]


def canary(engine: Engine, tokens: int = CANARY_TOKENS) -> Canary:
    """Greedy answers to fixed prompts: token ids and the sum of their log-probabilities, for exact comparison."""
    requests = [Request(tuple(engine.tokenizer.encode(prompt)), tokens) for prompt in PROMPTS]
    return tuple((answer.tokens, answer.logprob) for answer in engine.generate(requests))


def same(first: Canary, second: Canary, noise: float = 0.0) -> bool:
    """Whether two canaries are the same answer: the same tokens, log-probabilities within the engine's own noise."""
    return all(
        a == b and (abs(x - y) <= noise or (math.isnan(x) and math.isnan(y)))
        for (a, x), (b, y) in zip(first, second, strict=True)
    )


def repeatability(engine: Engine) -> tuple[Canary, float]:
    """The base's canary, and how far its log-probabilities are apart when it is asked twice (0 on a CPU).

    Raises:
        Failed: the engine does not even give the same tokens twice: nothing can be compared on it.
    """
    first, second = canary(engine), canary(engine)
    gaps = [abs(x - y) for (_, x), (_, y) in zip(first, second, strict=True)]
    noise = max((gap for gap in gaps if math.isfinite(gap)), default=0.0)
    if any(a != b for (a, _), (b, _) in zip(first, second, strict=True)):
        raise Failed(Problem("the engine answers the same prompts differently twice, so no variant can be compared"))
    return first, noise


METHODS = ("in_place", "reload")
"""Ways to swap, the fastest first; where none is right every variant gets a fresh start."""


@dataclass(frozen=True)
class SelfTest:
    """The outcome of a self-test.

    Args:
        method: the way to swap that was proved right; empty where none was.
        reasons: why each way before it was not.
        seconds: how long finding out took.
    """

    method: str
    reasons: tuple[str, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether hot swaps may be used at all."""
        return bool(self.method)


Start = Callable[[Recipe, str, str], Engine]
"""Starts an engine on a recipe, with a load format (`rveval`, or vLLM's own `auto`) and a way to swap."""


def self_test(base: Checkpoint, dtype: str, facts: dict[str, Any], start: Start) -> SelfTest:
    """Which way of swapping equals a cold load for this architecture and shape; remembered between runs.

    Args:
        base: the checkpoint whose shape is tested.
        dtype: the dtype that variants are served in.
        facts: what else decides: engine version, device, tensor parallel size, settings.
        start: starts an engine.
    """
    key = _key(base, dtype, facts)
    known = recall("selftest", key)
    if known is not None:
        return SelfTest(known["method"], tuple(known["reasons"]), known["seconds"])
    log.info("first run with this architecture and shape: testing that hot swaps equal cold loads")
    try:
        result = _run(base, dtype, start)
    finally:
        forget()  # the clone's files are gone
    remember("selftest", key, asdict(result))
    return result


def _run(base: Checkpoint, dtype: str, start: Start) -> SelfTest:
    started = time.perf_counter()
    reasons: list[str] = []
    cold: Canary | None = None
    with tempfile.TemporaryDirectory(prefix="rveval-selftest-") as place:
        recipe = _clone(base, dtype, Path(place))
        merged = write_merged(recipe, Path(place) / "merged")
        for method in METHODS:
            reason, hot = _with(lambda engine: _hot(engine, recipe), start, recipe.as_base(), LOAD_FORMAT, method)
            if not reason and cold is None:
                cold = _with(_answers, start, Recipe(str(merged), "merged", dtype=dtype), "auto", method)
            if not reason and hot == cold:
                return SelfTest(method, tuple(reasons), time.perf_counter() - started)
            reasons.append(f"{method}: {reason or 'a hot swap answers differently than a cold load'}")
    return SelfTest("", tuple(reasons), time.perf_counter() - started)


def _with(work: Callable[[Engine], T], start: Start, recipe: Recipe, load_format: str, method: str) -> T:
    engine = start(recipe, load_format, method)
    try:
        return work(engine)
    finally:
        engine.close()


def _answers(engine: Engine) -> Canary:
    return canary(engine, TEST_TOKENS)


def _hot(engine: Engine, recipe: Recipe) -> tuple[str, Canary]:
    """What is wrong with swapping there and back, and the swapped variant's canary."""
    before = _answers(engine)
    try:
        engine.swap(recipe)
        hot = _answers(engine)
        engine.swap(recipe.as_base())
    except Failed as error:
        return error.problems[0].what, ()
    if _answers(engine) != before:
        return "swapping back does not give the base back", hot
    if hot == before:
        return "changed weights do not change the answer", hot
    return "", hot


def _clone(base: Checkpoint, dtype: str, place: Path) -> Recipe:
    """Two layers of the base as a checkpoint, and a sibling with every tensor changed."""
    import torch
    from safetensors.torch import save_file

    config = _two_layers(base.config)
    names = [name for name in base.names if _layer(name) < 2]
    generator = torch.Generator().manual_seed(0)
    for folder, strength in (("base", 0.0), ("changed", 0.1)):
        (place / folder).mkdir()
        _copy_small_files(base.folder, place / folder)
        (place / folder / "config.json").write_text(json.dumps(config))
        weights = {name: _changed(base.get(name), strength, generator) for name in names}
        save_file(weights, str(place / folder / "model.safetensors"), metadata={"format": "pt"})
    term = RecipeTerm(str(place / "changed"), str(place / "base"), 1.0, "changed", "base")
    return Recipe(str(place / "base"), "base", (term,), 1.0, dtype=dtype)


def _changed(tensor: torch.Tensor, strength: float, generator: Any) -> torch.Tensor:
    import torch

    if not strength:
        return tensor.clone()
    spread = strength * (float(tensor.float().std()) if tensor.numel() > 1 else 1.0) + 1e-3
    noise = torch.randn(tensor.shape, generator=generator) * spread
    return (tensor.float() + noise).to(tensor.dtype)


def _two_layers(config: dict[str, Any]) -> dict[str, Any]:
    def cut(part: dict[str, Any]) -> dict[str, Any]:
        cut_down = part | {"num_hidden_layers": min(2, int(part["num_hidden_layers"]))}
        if isinstance(part.get("layer_types"), list):
            cut_down["layer_types"] = part["layer_types"][:2]
        return cut_down

    if "num_hidden_layers" in config:
        return cut(config)
    return config | {"text_config": cut(config["text_config"])}


def _layer(name: str) -> int:
    """The layer a tensor belongs to, by the first number in its name; -1 for those of no layer."""
    found = _LAYER.search(name)
    return int(found.group(1)) if found else -1


def _copy_small_files(source: Path, target: Path) -> None:
    for file in source.iterdir():
        if file.is_file() and file.suffix in (".json", ".txt", ".jinja", ".model") and "index" not in file.name:
            (target / file.name).write_bytes(file.read_bytes())


def _key(base: Checkpoint, dtype: str, facts: dict[str, Any]) -> str:
    """Architecture and shape (the config without its number of layers), and everything else that decides."""
    shape = {key: value for key, value in base.config.items() if key not in _NOT_SHAPE}
    code = [hashlib.sha256(path.read_bytes()).hexdigest() for path in _swapping_code()]
    known = {"shape": shape, "head": _head(base), "dtype": dtype, "facts": facts, "code": code, "sum": VERSION}
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:32]


def _head(base: Checkpoint) -> str:
    """How the output head is stored: vLLM ties one that equals the embedding, whatever the config says of tying."""
    heads = [name for name in base.names if name.endswith(("lm_head.weight", "embed_tokens.weight"))]
    if len(heads) < 2:
        return "one tensor"
    first, second = (base.get(name) for name in heads[:2])
    return "two equal tensors" if first.shape == second.shape and bool((first == second).all()) else "two tensors"


def _swapping_code() -> list[Path]:
    package = Path(__file__).parent.parent
    return [*sorted((package / "engine" / "plugin").glob("*.py")), Path(__file__)]
