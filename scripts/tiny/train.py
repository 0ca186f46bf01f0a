"""Make the tiny family again from nothing: data, tokenizer, models, measurements, cards.

    python -m scripts.tiny.train                      # build into build/tiny, then package into rveval/tiny
    python -m scripts.tiny.train --no-package         # build and measure only
    python -m scripts.tiny.train --smoke --work DIR   # the whole chain at a handful of steps

Needs `pip install rveval[train]`, and is run from the root of a checkout. Stages that are done are skipped; delete a
stage's folder under the work folder to run it again. Uses a GPU if there is one; the packaged weights come from the
CPU, with one thread.
"""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

import torch
from rich.logging import RichHandler

from scripts.tiny.build import MARKER, SMOKE, Family, Plan
from scripts.tiny.measure import measure, save_results
from scripts.tiny.package import package

PACKAGE = Path(__file__).resolve().parents[2] / "rveval" / "tiny"


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description="Make the tiny family from nothing.")
    parser.add_argument("--work", type=Path, default=Path("build/tiny"), help="where stages keep their outputs")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--smoke", action="store_true", help="a handful of steps a stage, nothing packaged")
    parser.add_argument("--no-package", action="store_true", help="build and measure only")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[RichHandler(show_path=False)])
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    # One thread: sums come out the same on every run, and models this small gain nothing from more.
    torch.set_num_threads(1)
    run(chosen.work, SMOKE if chosen.smoke else Plan(), chosen.device, not (chosen.smoke or chosen.no_package))


def run(work: Path, plan: Plan, device: str, install: bool) -> None:
    """All stages, then the figures of both splits, then the package."""
    Family(work, plan, device).build()
    limits = {"validation": 150, "test": None} if plan is not SMOKE else {"validation": 20, "test": 20}
    for split, limit in limits.items():
        path = work / f"results-{split}.json"
        if not path.exists():
            save_results(measure(work, work / "data", split, device, limit), path)
    if install:
        package(work, PACKAGE, plan, MARKER)


if __name__ == "__main__":
    main()
