"""What a dry run and `rveval.plan` show of a sweep: its cells and which of them are left, or how much it would ask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from statistics import fmean

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from rveval.run import fit, prompts
from rveval.run.cells import Cell, Plan
from rveval.run.planning import Sweep
from rveval.run.suites import Asked

_LOOKED_AT = 20  # prompts of a task whose tokens are counted; their mean stands for the rest


def cells(sweep: Sweep) -> Iterator[RenderableType]:
    """The cells of every variant: what would run, and what is done."""
    for plan, left in sweep.left():
        table = _table(f"{plan.label}   (fingerprint {plan.recipe.fingerprint[:12]}{_added(plan)})")
        for name in ("task", "family", "draw", "items", "cell", "state"):
            table.add_column(name, no_wrap=True)
        for cell in plan.cells:
            state = "left" if cell in left else "asked above" if cell in plan.left else "done"
            draw = f"{cell.asked.draw} again" if cell.asked.repeat else str(cell.asked.draw)
            table.add_row(cell.task, cell.asked.families, draw, str(cell.n_items), cell.cell_id, state)
        yield table
        if plan.left_out:
            yield Text(f"{len(plan.left_out)} tensors outside the scope keep the base's bits")
    yield from _remarks(sweep)


def cost(sweep: Sweep) -> Iterator[RenderableType]:
    """One row for each benchmark under each family, all variants together: cells, items, prompts, tokens."""
    rows: dict[tuple[str, str], list[tuple[Plan, Cell, bool]]] = defaultdict(list)
    for plan, left in sweep.left():
        for cell in plan.cells:
            name = f"{cell.asked.benchmark} (lm-eval)" if cell.asked.wrapped else cell.asked.benchmark
            rows[name, cell.asked.families].append((plan, cell, cell in left))
    if rows:
        labels = [f"{plan.label} ({plan.recipe.fingerprint[:12]}{_added(plan)})" for plan in sweep.plans]
        yield Text("variants: " + "; ".join(labels))
        yield _cost_table(rows)
        counted = all(fit.counter_of(Path(plan.recipe.base)) for plan in sweep.plans)
        how = "counted with the model's tokenizer" if counted else "estimated at four characters each"
        yield Text(f"prompt tokens: {how}, from {_LOOKED_AT} prompts of each task; without the chat template")
    yield from _remarks(sweep)


def _table(title: str, *, show_footer: bool = False) -> Table:
    return Table(
        title=Text(title),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        header_style="bold",
        show_footer=show_footer,
    )


def _added(plan: Plan) -> str:
    return "; the baseline of the others, added" if plan.added else ""


def _remarks(sweep: Sweep) -> Iterator[Text]:
    for base in dict.fromkeys(fit.words(plan) for plan in sweep.plans):
        yield Text(base)
    for warning in dict.fromkeys(warning for plan in sweep.plans for warning in plan.warnings):
        yield Text(f"warning: {warning}")


def _cost_table(rows: dict[tuple[str, str], list[tuple[Plan, Cell, bool]]]) -> Table:
    numbers = [_sizes(of_row) for of_row in rows.values()]
    totals = [sum(column) for column in zip(*numbers, strict=True)]
    table = _table("", show_footer=True)
    table.add_column("benchmark", "all")
    table.add_column("family")
    names = ("cells", "items", "prompts", "prompt tokens", "answer tokens\nat most", "cells\nleft", "prompts\nleft")
    for name, total in zip(names, totals, strict=True):
        table.add_column(name, f"{total:,}", justify="right")
    for (benchmark, families), of_row in zip(rows, numbers, strict=True):
        table.add_row(benchmark, families, *(f"{number:,}" for number in of_row))
    return table


def _sizes(of_row: Sequence[tuple[Plan, Cell, bool]]) -> tuple[int, ...]:
    """Cells, items, prompts, tokens of prompts, most tokens of answers, cells left, prompts left."""
    answers = [cell.n_items * plan.config.n for plan, cell, _ in of_row]
    tokens = most = 0
    for (plan, cell, _), number in zip(of_row, answers, strict=True):
        config, base = plan.config, Path(plan.recipe.base)
        tokens += round(number * _prompt_tokens(cell.asked, config.seed, config.num_fewshot, cell.n_items, base))
        most += number * prompts.token_limit(cell.asked, config.max_gen_toks)
    left = [number for (_, _, is_left), number in zip(of_row, answers, strict=True) if is_left]
    items = sum(cell.n_items for _, cell, _ in of_row)
    return len(of_row), items, sum(answers), tokens, most, len(left), sum(left)


@cache
def _prompt_tokens(asked: Asked, seed: int, num_fewshot: int | None, n_items: int, base: Path) -> float:
    """The mean over a task's first prompts, with their demonstrations."""
    counter = fit.counter_of(base)

    def count(text: str) -> int:
        return counter.count(text) if counter else max(1, len(text) // 4)

    number = prompts.shots(asked, num_fewshot)
    shots = prompts.demonstrations(asked, _LOOKED_AT) if number else []
    shown = number * fmean(map(count, shots)) if shots else 0.0
    return fmean(map(count, prompts.render(asked, seed, min(_LOOKED_AT, n_items)))) + shown
