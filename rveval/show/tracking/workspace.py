"""A saved workspace on W&B for comparing the variants of a study: what is in it, and that it is well formed.

Its panels name what the mirror logs (`cells.prefix`, `tables`), and the runs by their own ids. Saving needs the
service; everything up to that is checked here: the specification is written as the service gets it, read back by the
library's own models, and has to come back as the same workspace, panel by panel.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rveval.errors import Failed, Problem, Refused
from rveval.show.tracking.client import Place
from rveval.show.tracking.groups import Group
from rveval.show.tracking.mirror import prefix

log = logging.getLogger("rveval.show.tracking")

PANELS = 24
"""Panels of a section; what is left out is in the tables, and the section's title says so."""


def workspace(place: Place, study: str, groups: Sequence[Group], tables: Sequence[str]) -> Any:
    """The workspace of a study (wandb_workspaces' `Workspace`), not saved yet.

    Args:
        place: whose project; without an entity it can be looked at and not saved.
        study: the group of its runs.
        groups: its runs.
        tables: those of its report that are shown.

    Raises:
        Refused: wandb-workspaces is not installed, or there is nothing to compare.
    """
    ws, wr = _library()
    if not groups:
        raise Refused(Problem("no complete cell", f"study {study}", fix="run it first"))
    tasks = _tasks(groups)
    clean = [name for name, cell in tasks.items() if cell["family"] == "clean"]
    in_all, health = {"range_x": (0, 1)}, ("extraction_failed", "truncated")
    bounds = ("difference_low", "difference", "difference_high")
    curves = [
        wr.ScatterPlot(title=task, x=wr.Config("alpha"), y=wr.SummaryMetric(f"{task}/exact_match")) for task in clean
    ]
    differences = [_bars(wr, f"{task}: difference and its interval", [task], bounds) for task in clean]
    families = [_bars(wr, source, names, ("exact_match",), **in_all) for source, names in _families(tasks).items()]
    unread = [_bars(wr, task, [task], health, **in_all) for task in clean]
    summary_tables = [wr.WeavePanelSummaryTable(table_name=f"study/{name}") for name in tables]
    wide = ws.SectionLayoutSettings(columns=1, rows=3)
    sections = [
        ws.Section(name="What the study says", panels=summary_tables, is_open=True, layout_settings=wide),
        _section(ws, "Accuracy over alpha", curves),
        _section(ws, "Difference to the baseline", differences),
        _section(ws, "Under each family", families),
        _section(ws, "Answers that could not be read, or were cut off", unread),
        ws.Section(name="Configs", panels=[wr.RunComparer(diff_only="split")]),
    ]
    made = ws.Workspace(
        entity=place.entity or "",
        project=place.project,
        name=f"rveval: {study}",
        sections=[section for section in sections if section.panels],
        settings=ws.WorkspaceSettings(max_runs=100, remove_legends_from_panels=False),
        runset_settings=_runs(ws, study, groups, clean),
    )
    made._internal_name = f"nw-{hashlib.sha256(json.dumps(['workspace', study]).encode()).hexdigest()[:11]}-v"
    return made


def specification(made: Any) -> dict[str, Any]:
    """A workspace as the service would get it, once it is sure that it can be read again as the same one.

    Raises:
        Failed: the library's models can't read it, or read something else.
    """
    from pydantic import ValidationError
    from wandb_workspaces.workspaces import Workspace as Again
    from wandb_workspaces.workspaces import internal

    view = made._to_model()
    written = view.spec.model_dump_json(by_alias=True, exclude_none=True)
    try:
        spec = internal.WorkspaceViewspec.model_validate_json(written)
        read = Again._from_model(view.model_copy(update={"spec": spec}))
        again = read._to_model().spec.model_dump_json(by_alias=True, exclude_none=True)
    except (ValidationError, ValueError, TypeError, KeyError) as error:
        raise Failed(Problem(f"can't be read back: {error}", "the workspace")) from error
    kinds, before = [_kinds(one) for one in (read, made)]
    if again != written or kinds != before:
        raise Failed(Problem("is not what it was when it is read back", "the workspace", written, again))
    return {"entity": made.entity, "project": made.project, "name": made.name, "spec": json.loads(written)}


def save(made: Any) -> str:
    """Save a workspace, over the one that was saved for this study before; needs the service.

    Returns:
        Its address.

    Raises:
        Failed: whatever the service or the way there says.
    """
    import wandb
    from wandb_workspaces.workspaces import internal

    specification(made)
    wandb.setup(settings=wandb.Settings(silent=True))
    try:
        if not wandb.login(prompt=False, verify=False):
            raise PermissionError("nobody is logged in: `wandb login`, or WANDB_API_KEY")
        made.entity = made.entity or str(wandb.Api().default_entity)
        try:
            found = internal.View.from_name(made.entity, made.project, made._internal_name)
            made._internal_id = found.id
        except ValueError:  # there is none yet
            made._internal_id = ""
        return str(made.save().url)
    except Exception as error:  # the client's failures have no common base
        log.debug("W&B: the failure in full", exc_info=True)
        fix = "look at it with --dry-run; the mirror itself does not need it"
        raise Failed(Problem(f"{type(error).__name__}: {error}", "the workspace was not saved", fix=fix)) from error


def _library() -> tuple[Any, Any]:
    try:
        import wandb_workspaces.reports.v2 as wr
        import wandb_workspaces.workspaces as ws
    except ImportError as error:
        fix = "pip install 'rveval[workspace]'"
        raise Refused(Problem("wandb-workspaces is not installed", "the workspace", fix=fix)) from error
    return ws, wr


def _tasks(groups: Iterable[Group]) -> dict[str, Mapping[str, Any]]:
    """A cell of each task in its first draw, by the name that its numbers have in the runs."""
    cells = [cell for group in groups for cell in group.cells]
    return {name: cell for cell in sorted(cells, key=prefix) if (name := prefix(cell)) == cell["task"]}


def _families(tasks: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """The tasks of each benchmark that is asked under several families."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, cell in tasks.items():
        family = cell["family"]
        found[name.removesuffix(f"_{family}") if family != "clean" else name].append(name)
    return {source: names for source, names in found.items() if len(names) > 1}


def _runs(ws: Any, study: str, groups: Sequence[Group], clean: Sequence[str]) -> Any:
    """All runs of the study, by alpha, with the baseline as W&B's baseline for its own differences."""
    bases = [one for one in groups if not one.cells[0]["variant"]["terms"]]
    columns = [f"summary:{task}/{name}" for task in clean[:4] for name in ("exact_match", "difference")]
    return ws.RunsetSettings(
        filters=f"Group = {study!r}",
        order=[ws.Ordering(ws.Config("alpha"), ascending=True)],
        pinned_columns=["run:displayName", "config:alpha", "config:vector_label", *columns],
        baseline_run=bases[0].run_id(study) if bases else None,
    )


def _section(ws: Any, name: str, panels: Sequence[Any]) -> Any:
    left = len(panels) - PANELS
    title = f"{name} (the first {PANELS} of {len(panels)})" if left > 0 else name
    return ws.Section(name=title, panels=list(panels[:PANELS]), is_open=left <= 0)


def _bars(wr: Any, title: str, tasks: Sequence[str], metrics: Sequence[str], **options: Any) -> Any:
    return wr.BarPlot(title=title, metrics=[f"{task}/{metric}" for task in tasks for metric in metrics], **options)


def _kinds(made: Any) -> list[tuple[str, list[str]]]:
    """The sections and the kinds of their panels: a panel that the library does not know comes back as another kind."""
    return [(section.name, [type(panel).__name__ for panel in section.panels]) for section in made.sections]
