"""Small studies written by hand, as a run would write them: a cell from a word of marks, one character an item."""

from __future__ import annotations

import json
import random
from itertools import product
from pathlib import Path
from typing import Any

from rveval import findings
from rveval.store import SCHEMA_VERSION, CellRecord, Refusal, Sample, Store, StudyEntry

BASE = "b" * 64
ALPHAS = (0.0, -1.0, 0.5, 1.0)
FAMILIES = ("clean", "think", "typos")
TASKS = ("rv_gsm8k", "rv_sciq")
TERM = [{"plus": "p" * 64, "minus": "m" * 64, "weight": 1.0, "plus_path": "/x/grpo", "minus_path": "/x/sft"}]


def term(name: str, weight: float = 1.0) -> dict[str, Any]:
    """A term of two donors whose hashes are their names; "v" is that of `TERM`."""
    if name == "v":
        return TERM[0] | {"weight": weight}
    paths = {"plus_path": f"/x/{name}-grpo", "minus_path": f"/x/{name}-sft"}
    return {"plus": name.ljust(64, "p"), "minus": name.ljust(64, "m"), "weight": weight} | paths


def label_of(alpha: float) -> str:
    return "m" if alpha == 0 else f"m {'-' if alpha < 0 else '+'} {abs(alpha):g} v"


def sample(number: int, mark: str, items: str, **more: Any) -> Sample:
    """`1` right, `0` wrong, `x` no readable answer, `c` cut off, `s` wrong and `S` right with steps shown."""
    right = mark in "1S"
    response = {"x": "I don't know", "c": "1 and"}.get(mark, f"{'2+2=4. ' if mark in 'sS' else ''}#### {int(right)}")
    plain = Sample(
        item_id=f"{items}/{number}",
        doc_id=number,
        benchmark=items,
        family="clean",
        draw=0,
        seed=0,
        sample_index=0,
        prompt=f"Question {number}",
        response=response,
        extracted=None if mark == "x" else str(int(right)),
        correct=right,
        extracted_strict=None,
        correct_strict=right,
        target="1",
        extraction_failed=mark == "x",
        finish_reason="length" if mark == "c" else "stop",
        n_prompt_tokens=5,
        n_output_tokens=len(response),
        mean_logprob=-0.5,
        signs=[],
        metrics={},
        changed=False,
        left_alone="",
        why="",
    )
    return {**plain, **more}  # type: ignore[typeddict-item]


class Made:
    """Writes cells of studies into a store."""

    def __init__(self, root: Path) -> None:
        self.store = Store(root)

    def add(
        self,
        marks: str,
        alpha: float = 0.0,
        *,
        task: str = "rv_gsm8k",
        family: str = "clean",
        draw: int = 0,
        study: str = "s",
        first: int = 0,
        backwards: bool = False,
        samples: list[Sample] | None = None,
        config: dict[str, Any] | None = None,
        variant: dict[str, Any] | None = None,
        label: str | None = None,
        warnings: list[str] | None = None,
        created: str = "2026-01-01T00:00:00+00:00",
        **settings: Any,
    ) -> str:
        """A cell of marks; returns its id. `settings` are what cells of one task may differ in."""
        source = task.removeprefix("rv_")
        name = task if family == "clean" else f"{task}_{family}"
        benchmark = "bbh" if source.startswith("bbh_") else source
        items = source.replace("bbh_", "bbh/")
        lines = samples or [sample(first + n, mark, items, family=family, draw=draw) for n, mark in enumerate(marks)]
        shown = label or label_of(alpha)
        about = {
            "label": shown,
            "alpha": alpha,
            "fingerprint": f"{abs(hash((alpha, 'v', json.dumps(variant or {}, sort_keys=True)))):x}".ljust(64, "0"),
            "terms": TERM if alpha else [],
            "scope": [".*"],
            "model": "m",
            "vector": "v",
            "base": BASE,
        } | (variant or {})
        asked = {"task": name, "draw": draw, "limit": None, "variant": about["fingerprint"], "engine": {"kind": "vllm"}}
        asked |= settings
        cell_id = f"{abs(hash(json.dumps(asked, sort_keys=True))):x}"
        record = CellRecord(
            schema_version=SCHEMA_VERSION,
            cell_id=cell_id,
            task=name,
            benchmark=benchmark,
            family=family,
            draw=draw,
            seed=0,
            limit=settings.get("limit"),
            n=len({line["item_id"] for line in lines}),
            metrics={"exact_match": 0.5},
            health={"repetition": 0},
            variant=about,  # type: ignore[typeddict-item]
            decoding={},
            prompting={},
            engine={"kind": "vllm", "swap": "hot"},
            versions={"rveval": "0"},
            timings={"swap_s": 0.1, "generate_s": 1.0, "score_s": 0.1, "wall_s": 1.5},
            settings=asked,
            warnings=warnings or [],
            created=created,
            changed=0,
            left_alone={},
        )
        self.store.write_cell(record, lines[::-1] if backwards else lines)
        self.store.write_study(
            StudyEntry(
                schema_version=SCHEMA_VERSION,
                study=study,
                label=shown,
                alpha=alpha,
                fingerprint=about["fingerprint"],
                cells=[cell_id],
                config=config or {},
            )
        )
        return cell_id

    def ablate(self, marks: str, alpha: float = 1.0, *, label: str | None = None, **more: Any) -> str:
        """A cell of a variant that is not the whole vector as it is: `more` holds fields of a cell's `variant`.

        What `add` takes is given on to it.
        """
        fields = ("terms", "scope", "kinds", "layers", "ramp", "steps", "other", "forced", "misfit", "vector", "base")
        made = {name: more.pop(name) for name in fields if name in more}
        return self.add(marks, alpha, variant=made, label=label, **more)

    def refuse(self, label: str, study: str = "s", **problem: str) -> None:
        """A variant that the gate refused."""
        whole = {"what": "does not fit", "where": "model.norm", "expected": "4", "found": "5", "fix": "take another"}
        self.store.write_refusal(
            Refusal(schema_version=SCHEMA_VERSION, study=study, label=label, problems=[whole | problem], config={})
        )

    def report(self, *names: str, **more: Any) -> findings.Report:
        """What studies say (those of "s" by default)."""
        studies = [findings.Study(name, self.store, self.store.read_study(name)) for name in names or ("s",)]
        return findings.build(studies, **more)

    def build(self, *names: str, **more: Any) -> dict[str, Any]:
        """The summary of studies, as summary.json holds it."""
        return self.report(*names, **more).summary()


def ids(found: Any) -> dict[float, str]:
    return {row["alpha"]: row["id"] for row in found["variants"]}


def only(rows: Any, **keys: Any) -> Any:
    (row,) = [row for row in rows if all(row[key] == value for key, value in keys.items())]
    return row


def right(marks: str) -> list[int]:
    return [int(mark in "1S") for mark in marks]


def random_study(made: Made, seed: int, n: int = 60) -> dict[tuple[float, str, str], str]:
    """All alphas on all tasks under all families; marks of every kind."""
    own = random.Random(seed)
    chances = {0.0: 0.4, -1.0: 0.2, 0.5: 0.6, 1.0: 0.7}
    found = {}
    for alpha, task, family in product(ALPHAS, TASKS, FAMILIES):
        marks = "".join(own.choice("1S") if own.random() < chances[alpha] else own.choice("00sxc") for _ in range(n))
        made.add(marks, alpha, task=task, family=family, backwards=own.random() < 0.5)
        found[alpha, task, family] = marks
    return found
