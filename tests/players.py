"""Reference players: lm-eval models that know what they answer, so that a task's score is known before it is run.

They answer from the published item (looked up by the document's `item_id`) and from the prompt they are given; what
lm-eval does with it, and rveval's tasks inside of it, is what is tested.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from lm_eval.api.model import LM
from oracle import FAMILIES
from oracle_case import TASKS
from oracle_options import shown_options
from oracle_raw import Record, raw, raw_options, worked_number
from oracle_tiny import solve

_ASKED = re.compile(r"Question: (?:(?!Question: ).)*?(?= Options:|\nAnswer:\s*\Z)", re.DOTALL)


class Player(LM):  # type: ignore[misc]
    """A model whose answer to a document and its prompt is the method `answer`."""

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        return [self.answer(request.doc, request.args[0]) for request in requests]

    def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
        raise NotImplementedError("every task of ours generates")

    def loglikelihood_rolling(self, requests: list[Any]) -> list[float]:
        raise NotImplementedError("every task of ours generates")

    def answer(self, doc: Record, prompt: str) -> str:
        """The whole response."""
        raise NotImplementedError


class AlwaysRight(Player):
    """Answers right from the published item; options it finds by the right one's text in the prompt.

    Args:
        by_position: where two options of an item read the same, take the one that the document says is right; else
            such an item gets no answer.
    """

    def __init__(self, by_position: bool = False) -> None:
        super().__init__()
        self.by_position = by_position

    def answer(self, doc: Record, prompt: str) -> str:
        source, record = published(doc["item_id"])
        if source == "humaneval":
            renamed = "rename" in doc["rv_families"]
            return str((doc if renamed else record)["canonical_solution"])
        if source.startswith("tiny_") and "harder" in doc["rv_families"]:
            return f"#### {solve(asked(prompt))}"
        if source == "gsm8k" or source.startswith("tiny_"):
            return f"#### {worked_number(record['answer'])}"
        texts, gold = raw_options(source, record)
        if gold < 0:
            return f"#### {record['target']}"
        shown = shown_options(prompt, source, texts)
        assert shown is not None, f"{doc['item_id']}: no options in the prompt"
        if self.by_position:
            return f"#### {doc['labels'][doc['gold']]}"
        found = [label for label, text in shown if _same(text, texts[gold])]
        return f"#### {found[0]}" if len(found) == 1 else "I can't tell which of the two is meant."


class AlwaysFirst(Player):
    """Takes the first option that the prompt shows, by its label, or by its value where that is asked for."""

    def answer(self, doc: Record, prompt: str) -> str:
        source, record = published(doc["item_id"])
        shown = shown_options(prompt, source, raw_options(source, record)[0])
        if not shown:
            return "There is nothing to choose from."
        return f"#### {shown[0][1 if source.startswith('tiny_') else 0]}"


class AlwaysSame(Player):
    """Says the same number to everything."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def answer(self, doc: Record, prompt: str) -> str:
        return f"It has to be {self.number}.\n#### {self.number}"


@cache
def _by_id(source: str) -> dict[str, Record]:
    return {record["item_id"]: record for record in raw(source)}


def published(item_id: str) -> tuple[str, Record]:
    """The source that an id belongs to, and its record as published: "bbh/snarks/7" is of "bbh_snarks"."""
    source = item_id.rpartition("/")[0].replace("/", "_", 1)
    return source, _by_id(source)[item_id]


def asked(prompt: str) -> str:
    """The problem in a tiny prompt: what stands between the last "Question:" and its options or its end."""
    found = _ASKED.findall(prompt)
    return str(found[-1]).removeprefix("Question: ")


def _same(one: str, other: str) -> bool:
    return " ".join(one.casefold().split()) == " ".join(other.casefold().split())


def play(player: Player, names: list[str], limit: int | None = None, **metadata: Any) -> dict[str, dict[str, float]]:
    """Scores by task and metric, from plain lm-eval.

    Args:
        player: who answers.
        names: tasks or groups under tasks/, each with a family behind it, or clean.
        limit: the first items of every task.
        metadata: what `lm_eval --metadata` would say (`rv_draw=1`).
    """
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    found = {}
    for family in sorted({_family(name) for name in names}):
        ending = f"_{family}" if family else ""
        said = metadata | {"rv_families": family}
        done = simple_evaluate(
            model=player,
            tasks=[name.removesuffix(ending) for name in names if _family(name) == family],
            task_manager=TaskManager(include_path=str(TASKS), include_defaults=False, metadata=said),
            limit=limit,
            bootstrap_iters=0,
            log_samples=False,
            metadata=said,
        )
        for name, scores in done["results"].items():
            numbers = {metric: value for metric, value in scores.items() if isinstance(value, int | float)}
            found[f"{name}{ending}"] = {metric.partition(",")[0]: value for metric, value in numbers.items()}
    return found


def _family(name: str) -> str:
    """The family that a task's name ends in; "" for none."""
    return next((family for family in FAMILIES if name.endswith(f"_{family}")), "")
