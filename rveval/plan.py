"""`python -m rveval.plan model=... suite=robust`: what a run would ask, how much of it is in the store, and its size.

Takes the keys of a run. Starts nothing; a sweep (-m) is planned job by job.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean

from rich import box
from rich.table import Table
from rich.text import Text

from rveval.cli import main as through_hydra
from rveval.config import Config
from rveval.run import cells, prompts
from rveval.run.cells import Cell, Plan
from rveval.show.table import console

_LOOKED_AT = 20  # prompts of a task whose tokens are counted; their mean stands for the rest


def main(argv: Sequence[str] | None = None) -> int:
    """Plan a command line (default: `sys.argv[1:]`); returns the exit status."""
    return through_hydra(argv, show)


def show(config: Config) -> None:
    """Print the plan of one config."""
    plan = cells.plan(config)
    count, how = _counter(Path(plan.recipe.base))
    out = console()
    out.print(_table(plan, count))
    out.print(
        f"prompt tokens: {how}, from the first {_LOOKED_AT} prompts of each task; without the chat template",
        highlight=False,
    )
    for warning in plan.warnings:
        out.print(f"warning: {warning}", highlight=False, markup=False)


def _table(plan: Plan, count: Callable[[str], int]) -> Table:
    """One row for each benchmark under each family; BBH's subtasks and the draws are added up."""
    rows: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for cell in plan.cells:
        name = f"{cell.asked.benchmark} (lm-eval)" if cell.asked.wrapped else cell.asked.benchmark
        rows[name, cell.asked.families].append(cell)
    title = Text(f"{plan.label}   (fingerprint {plan.recipe.fingerprint[:12]})")
    table = Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, header_style="bold", show_footer=True
    )
    numbers = [[len(of), *_sizes(of, plan.config, count)] for of in rows.values()]
    totals = [sum(column) for column in zip(*numbers, strict=True)]
    table.add_column("benchmark", "all")
    table.add_column("family")
    names = ("cells", "items", "prompts", "prompt tokens", "answer tokens\nat most", "cells\nleft", "prompts\nleft")
    for name, total in zip(names, totals, strict=True):
        table.add_column(name, f"{total:,}", justify="right")
    for (benchmark, families), of_row in zip(rows, numbers, strict=True):
        table.add_row(benchmark, families, *(f"{number:,}" for number in of_row))
    return table


def _sizes(of: Sequence[Cell], config: Config, count: Callable[[str], int]) -> tuple[int, ...]:
    """Items, prompts, tokens of prompts, most tokens of answers, cells left, prompts left."""
    left = [cell for cell in of if config.force or not cell.done]
    items = sum(cell.n_items for cell in of)
    prompt_tokens = sum(round(cell.n_items * config.n * _prompt_tokens(cell, config, count)) for cell in of)
    most = sum(cell.n_items * config.n * prompts.token_limit(cell.asked, config.max_gen_toks) for cell in of)
    return items, items * config.n, prompt_tokens, most, len(left), sum(cell.n_items for cell in left) * config.n


def _prompt_tokens(cell: Cell, config: Config, count: Callable[[str], int]) -> float:
    looked_at = prompts.render(cell.asked, config.seed, min(_LOOKED_AT, cell.n_items))
    number = prompts.shots(cell.asked, config.num_fewshot)
    shots = prompts.demonstrations(cell.asked, _LOOKED_AT) if number else []
    shown = number * fmean(map(count, shots)) if shots else 0.0
    return fmean(map(count, looked_at)) + shown


def _counter(folder: Path) -> tuple[Callable[[str], int], str]:
    """How tokens are counted, and the words for it."""
    file = folder / "tokenizer.json"
    if not file.is_file():
        return lambda text: max(
            1, len(text) // 4
        ), "estimated at four characters each (the model has no tokenizer.json)"
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    return lambda text: len(tokenizer.encode(text).ids), "counted with the model's tokenizer"


if __name__ == "__main__":
    sys.exit(main())
