"""Keeps one engine alive while variants come and go, and hands a variant out only when its weights are proved.

An engine is kept for as long as base, settings and dtype stay the same (a multirun reuses the process), and closed
properly otherwise: memory that two engines fight over is the most common complaint about harnesses like this one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rveval.checkpoints import open_checkpoint
from rveval.engine.base import Engine
from rveval.engine.proof import Canary, SelfTest, canary, repeatability, same, self_test
from rveval.errors import Failed, Problem
from rveval.recipe import Recipe

if TYPE_CHECKING:
    from rveval.config import EngineConfig

T = TypeVar("T")


@dataclass(frozen=True)
class Served:
    """A variant that may be asked.

    Args:
        engine: serves the variant until the next call of `serve`.
        how: `hot` (swapped into the live engine), `fresh` (an engine of its own).
        swap_s: seconds to get the variant's weights in.
        warnings: what a reader of the numbers must know.
    """

    engine: Engine
    how: str
    swap_s: float
    warnings: tuple[str, ...] = ()


class Session:
    """The engine of this process. `log` takes the engine's words."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._engine: Engine | None = None
        self._key: tuple[Any, ...] = ()
        self._first: Canary = ()
        self._noise = 0.0
        self._test: SelfTest | None = None
        self._tested: tuple[Any, ...] = ()  # what `_test` is of
        self.start_s = 0.0

    def serve(self, recipe: Recipe, config: EngineConfig, *, swaps: bool) -> Served:
        """Serve a variant, proved.

        Args:
            recipe: the variant.
            config: engine settings.
            swaps: whether variants other than the base are to come, which decides whether the self-test is worth it.

        Raises:
            Failed: the engine did not start, a swap broke, or the base did not come back.
        """
        if config.kind == "hf":
            return self._fresh(recipe, config)
        self._test_swaps(recipe, config, swaps or not recipe.is_base)
        if self._test is not None and not self._test.passed:
            reasons = "; ".join(self._test.reasons)
            warning = f"hot swaps do not work here ({reasons}): this variant has an engine of its own"
            return self._fresh(recipe, config, () if recipe.is_base else (warning,))
        return self._hot(recipe, config)

    def _hot(self, recipe: Recipe, config: EngineConfig) -> Served:
        key = ("hot", recipe.base, recipe.base_hash, recipe.dtype, repr(config), self._method)
        if self._engine is None or self._key != key:
            self._start(recipe.as_base(), config, key)
            self._first, self._noise = self._or_close(lambda: repeatability(self._live))
        return self._or_close(lambda: self._proved(recipe))

    def _or_close(self, work: Callable[[], T]) -> T:
        """Whatever goes wrong between two states that are known, the engine goes too: nobody knows what it holds."""
        try:
            return work()
        except BaseException:
            self.close()
            raise

    def _proved(self, recipe: Recipe) -> Served:
        """There, back to the base with the first canary's answer, and there again with the same answer as before."""
        engine = self._live
        if recipe.is_base:
            seconds = engine.swap(recipe) if engine.recipe != recipe else 0.0
            self._must_be(self._first, "the base did not come back")
            return Served(engine, "hot", seconds)
        seconds = engine.swap(recipe)
        there = canary(engine)
        engine.swap(recipe.as_base())
        self._must_be(self._first, "after the swap the base did not come back")
        engine.swap(recipe)
        self._must_be(there, "the same swap gave another variant the second time")
        same_as_base = ("the variant answers the canary exactly as the base does",) if there == self._first else ()
        return Served(engine, "hot", seconds, same_as_base)

    def _must_be(self, expected: Canary, what: str) -> None:
        if not same(canary(self._live), expected, self._noise):
            raise Failed(Problem(what, where="proof of the swap", fix="nothing was stored for this variant; run again"))

    def _fresh(self, recipe: Recipe, config: EngineConfig, warnings: tuple[str, ...] = ()) -> Served:
        key = ("fresh", recipe.fingerprint, recipe.base, repr(config))
        started = time.perf_counter()
        if self._engine is None or self._key != key:
            self._start(recipe, config, key)
        return Served(self._live, "fresh", time.perf_counter() - started, warnings)

    def _test_swaps(self, recipe: Recipe, config: EngineConfig, wanted: bool) -> None:
        key = (recipe.base, recipe.base_hash, recipe.dtype, repr(config))
        if self._tested != key:
            self._test = None
        if not wanted or self._test is not None:
            return
        from rveval.engine.settings import facts

        def start(what: Recipe, load_format: str, method: str) -> Engine:
            from rveval.engine.vllm import VllmEngine

            self.close()
            return VllmEngine(what, config, self._log, load_format=load_format, method=method)

        self._test = self_test(open_checkpoint(Path(recipe.base)), recipe.dtype, facts(config), start)
        self._tested = key

    def _start(self, recipe: Recipe, config: EngineConfig, key: tuple[Any, ...]) -> None:
        self.close()
        started = time.perf_counter()
        if config.kind == "hf":
            from rveval.engine.hf import HfEngine

            self._engine = HfEngine(recipe, config)
        else:
            from rveval.engine.vllm import VllmEngine

            self._engine = VllmEngine(recipe, config, self._log, method=self._method)
        self._key = key
        self.start_s = time.perf_counter() - started

    @property
    def _method(self) -> str:
        return self._test.method if self._test is not None and self._test.passed else "reload"

    @property
    def _live(self) -> Engine:
        if self._engine is None:
            raise Failed(Problem("the engine is closed", where="engine"))
        return self._engine

    def close(self) -> None:
        """Close the engine, if there is one."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()
