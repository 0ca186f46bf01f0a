"""What does a transform cost? Swaps of a live engine with each transform beside the plain swap, in one run.

    python scripts/bench_transforms.py [--folder FOLDER] [--rounds 3] [--only random,trim] [--json FILE]

Takes (or makes) the checkpoints of scripts/bench_swap.py, of Qwen2.5-0.5B's shape (0.99 GB each). For every transform:

  swap     seconds of a swap with the transform (median of the rounds)
  times    against the plain swap of the same vectors (`ties` merges two), measured before and after every transform,
           since machines drift
  memory   what a swap adds to RssAnon at its peak, in MB
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import bench_swap

STEPS: dict[str, dict[str, float]] = {
    "random": {},
    "permute": {},
    "signs": {},
    "swap_layers": {},
    "other": {},
    "trim": {"density": 0.2},
    "dare": {"density": 0.2},
    "ties": {"density": 0.2},
    "breadcrumbs": {"density": 0.2, "gamma": 0.01},
    "della": {"density": 0.5, "epsilon": 0.1},
    "sign_only": {},
    "clip": {"cap": 2.0},
    "rank": {"rank": 8},
    "spectrum": {},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "rveval-bench-swap")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(STEPS))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    bench_swap.make(arguments.folder)
    sys.stdout.write(f"load at the start {os.getloadavg()[0]:.2f}, {len(os.sched_getaffinity(0))} cores\n")
    engine = bench_swap.open_engine(arguments.folder / "base", "rveval")
    bench_swap.first_token(engine)
    engine.swap(recipe(arguments.folder, "", 0.5))  # maps the files
    rows = [row(engine, arguments.folder, name, arguments.rounds) for name in arguments.only.split(",")]
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


def recipe(folder: Path, name: str, alpha: float, seed: int = 0, terms: int = 1) -> Any:
    """base + alpha * T(plus - minus), or of two vectors; `other` takes a second one."""
    from rveval.recipe import Recipe, RecipeTerm
    from rveval.vectors import Step

    one = RecipeTerm(str(folder / "plus"), str(folder / "minus"), 1.0, "plus", "minus")
    two = RecipeTerm(str(folder / "minus"), str(folder / "base"), 1.0, "minus", "base")
    return Recipe(
        str(folder / "base"),
        "base",
        (one, two)[:terms],
        alpha,
        steps=(Step.of(name, seed, **STEPS[name]),) if name else (),
        other=two if name == "other" else None,
    )


def row(engine: Any, folder: Path, name: str, rounds: int) -> dict[str, Any]:
    """The figures of one transform, shown as soon as they are there."""
    terms = 2 if name == "ties" else 1

    def swap(name: str, alpha: float) -> float:
        return engine.swap(recipe(folder, name, alpha, seed=1, terms=terms))

    before = [swap("", 0.6 + 0.1 * number) for number in range(rounds)]
    resting = bench_swap.rss_anon()
    _, plain_peak = bench_swap.watched(lambda: swap("", 0.9))
    _, peak = bench_swap.watched(lambda: swap(name, 0.5))
    with_it = [swap(name, 0.6 + 0.1 * number) for number in range(rounds)]
    after = [swap("", 0.6 + 0.1 * number) for number in range(rounds)]
    plain = statistics.median(before + after)
    found = {
        "transform": name,
        "plain_s": plain,
        "swap_s": statistics.median(with_it),
        "plain_peak_mb": plain_peak - resting,
        "peak_mb": peak - resting,
    }
    sys.stdout.write(
        f"{name:12} plain {plain:6.2f} s   swap {found['swap_s']:7.2f} s ({found['swap_s'] / plain:5.1f} times)   "
        f"RssAnon +{found['peak_mb']:.0f} MB (plain +{found['plain_peak_mb']:.0f})\n"
    )
    sys.stdout.flush()
    return found


if __name__ == "__main__":
    main()
