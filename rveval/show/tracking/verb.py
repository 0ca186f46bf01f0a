"""`python -m rveval.track study=NAME`: make the W&B mirror of a study again, from the store.

Keys, all but the first optional:

    study=NAME[,NAME...]    the studies to mirror
    store=FOLDER            where their cells are                                             runs
    mode=offline|online     offline: into FOLDER/wandb, for `wandb sync`                    offline
    project=NAME            the project on W&B             that of the study's last mirrored run, else rveval
    entity=NAME             whose project it is            the same, else the logged-in user's own

Every variant is one run, as it was asked, and every study one more with its report: tables (differences with their
intervals, survival, every score, ...), alpha curves, and summary.json as an artifact. Runs have ids of their own, so
doing this again replaces what is there and doubles nothing. Tables show the first 1,000 samples of a cell and at most
10,000 of a run; the end of each line says how many there are.

Exit status: 0 done; 2 refused (no such study, a damaged store, a wrong key); 1 something could not be mirrored.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rveval import config as schema
from rveval import findings
from rveval.errors import Problem, Refused, RvevalError
from rveval.findings import Report, Study
from rveval.show import verbs
from rveval.show.tables import tables
from rveval.show.tracking import workspace
from rveval.show.tracking.client import Place
from rveval.show.tracking.groups import groups
from rveval.show.tracking.mirror import Mirrored
from rveval.show.tracking.rebuild import place_of, rebuild
from rveval.show.wording import visible
from rveval.store import Store

_MODES = ("offline", "online")
_KEYS = ("study", "store", "mode", "project", "entity")


@dataclass(frozen=True)
class _Work:
    """What a command line asks for: studies of a store, and where they are mirrored."""

    studies: list[Study]
    store: Path
    mode: str
    project: str | None
    entity: str | None

    def place(self, study: str) -> Place:
        return place_of(self.store, study, self.mode, self.project, self.entity)

    def report(self, study: Study) -> Report:
        """As `python -m rveval.report study=NAME` makes it."""
        claims = verbs.published(schema.config_dir() / "claims")
        command = f"python -m rveval.report study={study.name} store={self.store}"
        made = {"command": command, "source": str(self.store)}
        return findings.build([study], claims, made=made, commands=verbs.commands([study]))


def main(argv: Sequence[str] | None = None) -> int:
    """Mirror what a command line asks for (default: `sys.argv[1:]`); returns the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)

    def act() -> int:
        if {"-h", "--help"} & set(words):
            sys.stdout.write(f"{__doc__}")
            return 0
        work = _read(words)
        return max(_mirror(work, study) for study in work.studies)

    return verbs.end("track", act)


def workspaces(argv: Sequence[str], help_text: str) -> int:
    """Save a workspace for each study that a command line names, or show it (`--dry-run`); returns the exit status.

    Args:
        argv: the keys of `python -m rveval.track`, `--dry-run`, `--help`.
        help_text: what `--help` says.
    """

    def act() -> int:
        if {"-h", "--help"} & set(argv):
            sys.stdout.write(help_text)
            return 0
        work = _read([word for word in argv if word != "--dry-run"])
        for study in work.studies:
            shown = ["verdict", *(table.key for table in tables(work.report(study)))]
            runs = groups(Store(work.store), study.name)
            made = workspace.workspace(work.place(study.name), study.name, runs, shown)
            if "--dry-run" in argv:
                sys.stdout.write(json.dumps(workspace.specification(made), indent=1) + "\n")
            else:
                sys.stdout.write(f"{study.name}: {workspace.save(made)}\n")
        return 0

    return verbs.end("workspace", act)


def _read(words: Sequence[str]) -> _Work:
    """The work of a command line; raises Refused with everything that is wrong in it."""
    problems: list[Problem] = []
    given = verbs.read(words, _KEYS, problems)
    names, store = verbs.study_names(given, problems), Path(given.get("store", "runs"))
    mode = given.get("mode", "offline")
    if mode not in _MODES:
        problems.append(Problem("no such mode", "mode", " or ".join(_MODES), mode))
    if not names and not any(problem.where == "study" for problem in problems):
        problems.append(Problem("no study is named", "study", "study=NAME", fix="python -m rveval.track --help"))
    if problems:
        raise Refused(problems)
    return _Work(verbs.studies(store, names), store, mode, given.get("project"), given.get("entity"))


def _mirror(work: _Work, study: Study) -> int:
    """Mirror one study; a failure of the client does not keep the studies after it from being mirrored."""
    place = work.place(study.name)
    where = f"project {place.project}" + (f" of {place.entity}" if place.entity else "")
    sys.stdout.write(f"{study.name}, {work.mode}, {where}\n")
    try:
        done = rebuild(place, study.name, work.report(study), _tell)
    except RvevalError as error:
        return verbs.said(error)
    sys.stdout.write(f"{len(done)} runs mirrored\n")
    if work.mode == "offline":
        sys.stdout.write(f"to upload them: wandb sync {place.store / 'wandb'}/offline-run-*\n")
    return 0


def _tell(one: Mirrored) -> None:
    if one.tables:
        about = f"{len(one.tables)} tables: {', '.join(one.tables)}"
    else:
        shown = "all" if one.shown == one.samples else f"the first {one.shown:,} of"
        about = f"{one.cells} {'cell' if one.cells == 1 else 'cells'}, {shown} {one.samples:,} samples in tables"
    sys.stdout.write(f"  {one.run_id}  {visible(one.name)}: {about}\n")
    sys.stdout.flush()
