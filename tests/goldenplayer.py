"""Plain lm-eval on HumanEval with scripted players: one writes the published solutions, the other broken ones.

python tests/goldenplayer.py FOLDER    writes FOLDER/{right,broken}/... as `lm_eval --log_samples` does
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from lm_eval.api.model import LM

TASKS = Path(__file__).resolve().parent.parent / "tasks"
ITEMS = 20


def right(doc: dict[str, Any], number: int) -> str:
    """The published solution: bare, as a code block, or as a code block between prose."""
    body, whole = str(doc["canonical_solution"]), f"{doc['prompt']}{doc['canonical_solution']}"
    block = f"```python\n{whole}\n```"
    return (body, block, f"Here is the function.\n\n{block}\n\nIt passes its tests.")[number % 3]


def broken(doc: dict[str, Any], number: int) -> str:
    """What can't pass: a wrong value, an exception, no Python, no text, another function's name."""
    other = f"```python\ndef not_{doc['entry_point']}(*arguments):\n    return 1\n```"
    wrong = "    return object()\n"
    return (wrong, "    raise ValueError\n", "    return (\n", "", other)[number % 5]


class Player(LM):  # type: ignore[misc]
    """Answers a document by a function of it and of its place."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        return [self.answer(request.doc, request.doc_id) for request in requests]

    def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
        raise NotImplementedError("HumanEval generates")

    def loglikelihood_rolling(self, requests: list[Any]) -> list[float]:
        raise NotImplementedError("HumanEval generates")


def play(answer: Any, folder: Path) -> None:
    """Ask the first items and write results and samples, unless they are there."""
    from lm_eval import simple_evaluate
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    if list(folder.rglob("samples_*.jsonl")):
        return
    tracker = EvaluationTracker(output_path=str(folder))
    manager = TaskManager(include_path=str(TASKS), include_defaults=False)
    done = simple_evaluate(
        model=Player(answer),
        tasks=["rv_humaneval"],
        task_manager=manager,
        limit=ITEMS,
        bootstrap_iters=0,
        log_samples=True,
        evaluation_tracker=tracker,
    )
    samples = done.pop("samples")
    tracker.save_results_aggregated(results=done, samples=samples)
    for task, lines in samples.items():
        tracker.save_results_samples(task_name=task, samples=lines)


if __name__ == "__main__":
    for name, player in {"right": right, "broken": broken}.items():
        play(player, Path(sys.argv[1]) / name)
