"""The W&B mirror: one run for each variant, grouped by study.

The files in the store are the truth and this is a copy for looking at (law 7), so nothing in here may cost a cell:
whatever goes wrong in the client, in the network or on the disk becomes one warning in the log.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rveval import schema

if TYPE_CHECKING:
    import wandb

    from rveval.schema import Config

log = logging.getLogger(__name__)

TABLE_ROWS = 200
"""Rows of a sample table; `<task>/samples` and `<task>/samples_shown` say what is left to samples.jsonl."""

TABLE_COLUMNS = (
    "item_id",
    "sample_index",
    "prompt",
    "response",
    "target",
    "extracted",
    "correct",
    "extracted_strict",
    "correct_strict",
    "extraction_failed",
    "finish_reason",
    "n_prompt_tokens",
    "n_output_tokens",
)
NUMERIC_PARTS = ("metrics", "health", "timings")
NAME_LENGTH = 128  # W&B refuses longer names of runs and groups; the whole label is in the run's config


class Run(Protocol):
    """The mirror of one variant. No method raises."""

    def log_cell(self, cell: Mapping[str, Any], samples: Iterable[Mapping[str, Any]]) -> None:
        """Mirror one stored cell.

        Args:
            cell: the content of cell.json: `task`, `n`, `metrics`, and where there are any `draw`, `health`, `timings`.
            samples: the lines of samples.jsonl in their order; read at most once.
        """

    def finish(self, exit_code: int) -> None:
        """Close the run with the exit status of its job; 0 is a success. Must be called once, after the last cell."""


def start(config: Config, variant: Mapping[str, Any]) -> Run:
    """Open the mirror of one variant as the config says; a mirror that can't be opened is a warning and no mirror.

    Args:
        config: `tracking` says whether and where to, `study` is the group, `store` gets the client's folder `wandb`.
        variant: `label`, `alpha`, `fingerprint`, `terms`, as in cell.json.
    """
    if config.tracking.kind == "none":
        return _NoRun()
    with _costing_nothing("the run is not mirrored"):
        return _WandbRun(_open(config, variant))
    return _NoRun()


class _NoRun:
    """Nothing is mirrored."""

    def log_cell(self, cell: Mapping[str, Any], samples: Iterable[Mapping[str, Any]]) -> None:
        pass

    def finish(self, exit_code: int) -> None:
        pass


class _WandbRun:
    """An open run of the real client."""

    def __init__(self, run: wandb.Run) -> None:
        self._run = run

    def log_cell(self, cell: Mapping[str, Any], samples: Iterable[Mapping[str, Any]]) -> None:
        with _costing_nothing(f"cell {cell.get('task')} is not mirrored"):
            import wandb

            prefix = _prefix(cell)
            rows, total = _rows(samples)
            numbers = _numbers(cell) | {"samples": total, "samples_shown": len(rows)}
            if total > len(rows):
                log.info("W&B: the table of %s shows the first %d of %d samples", prefix, len(rows), total)
            # Mixed types: `extracted` is a number for one benchmark and a letter or nothing for the next.
            table = wandb.Table(columns=list(TABLE_COLUMNS), data=rows, allow_mixed_types=True)
            named = {f"{prefix}/{name}": value for name, value in numbers.items()}
            self._run.log({**named, f"{prefix}/table": table})
            self._run.summary.update(named)

    def finish(self, exit_code: int) -> None:
        with _costing_nothing("the run may be incomplete; `wandb sync` can upload it later"):
            self._run.finish(exit_code=exit_code)


def _open(config: Config, variant: Mapping[str, Any]) -> wandb.Run:
    """Start the client's run.

    Raises:
        OSError: the store can't be written; asked here because the client would go to the temporary folder instead.
        PermissionError: online, and nobody is logged in; asked here because the client would wait for the keyboard.
        wandb.errors.Error: whatever else the client says.
    """
    import wandb

    tracking = config.tracking
    if tracking.mode != "disabled":
        folder = Path(config.store) / "wandb"
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    wandb.setup(settings=wandb.Settings(silent=True))
    if tracking.mode == "online" and not wandb.login(prompt=False, verify=False):
        raise PermissionError("nobody is logged in: `wandb login`, or WANDB_API_KEY, or tracking.mode=offline")
    return wandb.init(
        project=tracking.project,
        entity=tracking.entity,
        group=config.study[:NAME_LENGTH],
        name=str(variant["label"])[:NAME_LENGTH],
        job_type="evaluate",
        tags=list(tracking.tags or []),
        config={**schema.resolved(config), "variant": dict(variant), "fingerprint": variant["fingerprint"]},
        mode=tracking.mode,
        dir=config.store,
        # Never the run of the job before, should that one still be open, and never somebody else's.
        reinit="create_new",
        settings=wandb.Settings(
            console="off",  # the output of the process is not ours to capture: the user's table and the engine's log
            silent=True,
            disable_git=True,
            save_code=False,
            use_dot_wandb=False,
            init_timeout=20,  # a server out of reach costs a sweep this much for every job, in seconds
            finish_timeout=120,
        ),
    )


def _prefix(cell: Mapping[str, Any]) -> str:
    """The name of a cell among the metrics of its variant: the task, and the draw after the first."""
    draw = cell.get("draw") or 0
    return f"{cell['task']}/draw{draw}" if draw else str(cell["task"])


def _numbers(cell: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a cell: metrics under their own names, health and timings under theirs, and n."""
    found: dict[str, float] = {"n": cell["n"]}
    for part in NUMERIC_PARTS:
        for name, value in _leaves(cell.get(part) or {}):
            found[name if part == "metrics" else f"{part}/{name}"] = value
    return found


def _leaves(tree: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The numbers in a tree of mappings, named by their path."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from ((f"{key}/{name}", leaf) for name, leaf in _leaves(value))
        elif isinstance(value, int | float):
            yield str(key), value


def _rows(samples: Iterable[Mapping[str, Any]]) -> tuple[list[list[Any]], int]:
    """The first samples as rows of the table, and how many samples there are."""
    remaining = iter(samples)
    rows = [[sample.get(column) for column in TABLE_COLUMNS] for sample in islice(remaining, TABLE_ROWS)]
    return rows, len(rows) + sum(1 for _ in remaining)


@contextmanager
def _costing_nothing(consequence: str) -> Iterator[None]:
    """Turn any failure into a warning. Interrupts pass: they are the user's, not the client's."""
    try:
        yield
    except Exception as error:  # the client's failures have no common base: pydantic, sockets, its service, the disk
        log.warning("W&B: %s: %s (the results are in the store). %s", type(error).__name__, error, consequence)
        log.debug("W&B: the failure in full", exc_info=True)
