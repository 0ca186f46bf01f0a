"""Copies a built family into the package and writes its model cards from the measured figures."""

from __future__ import annotations

import shutil
from pathlib import Path

from scripts.tiny.build import Plan
from scripts.tiny.cards import card, read_results, read_seconds

MEMBERS = ("base", "instruct", "sft", "grpo", "order-sft", "order-grpo", "base-foreign", "sft-foreign", "grpo-foreign")
FILES = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


def package(work: Path, target: Path, plan: Plan, marker: str) -> None:
    """Replace `target/models` and `target/data` with what was built in `work`."""
    results, seconds = read_results(work), read_seconds(work, marker)
    for folder in (target / "models", target / "data"):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(work / "data", target / "data", ignore=shutil.ignore_patterns(marker))
    for name in MEMBERS:
        folder = target / "models" / name
        folder.mkdir(parents=True)
        for file in FILES:
            shutil.copyfile(work / name / file, folder / file)
        (folder / "README.md").write_text(card(name, plan, results, seconds), encoding="utf-8")
    figures = target / "figures"
    figures.mkdir(exist_ok=True)
    for split in results:
        shutil.copyfile(work / f"results-{split}.json", figures / f"{split}.json")
