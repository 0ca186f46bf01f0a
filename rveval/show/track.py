"""`python -m rveval.track study=NAME`: make the W&B mirror of a study again, from the store.

Keys, all but the first optional:

    study=NAME[,NAME...]    the studies to mirror
    store=FOLDER            where their cells are                                             runs
    mode=offline|online     offline: into FOLDER/wandb, for `wandb sync`                    offline
    project=NAME            the project on W&B             that of the study's last mirrored run, else rveval
    entity=NAME             whose project it is            the same, else the logged-in user's own

Every variant is one run, as it was asked, and every study one more with its summary: tables (accuracy, differences
with their intervals, survival, ...), alpha curves, and summary.json as an artifact. Runs have ids of their own, so
doing this again replaces what is there and doubles nothing. Tables show the first 1,000 samples of a cell and at most
10,000 of a run; the end of each line says how many there are.

Exit status: 0 done; 2 refused (no such study, a damaged store, a wrong key); 1 something could not be mirrored.
"""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from rveval.errors import Problem, Refused, RvevalError

if TYPE_CHECKING:
    from rveval.findings import Summary
    from rveval.show.tracking import Mirrored

_MODES = ("offline", "online")


@dataclass(frozen=True)
class Asked:
    """A command line, read."""

    study: str
    store: str = "runs"
    mode: str = "offline"
    project: str | None = None
    entity: str | None = None

    @property
    def studies(self) -> list[str]:
        """The names in `study`, each once."""
        return [name for name in dict.fromkeys(self.study.split(",")) if name]


def main(argv: Sequence[str] | None = None) -> int:
    """Mirror what a command line asks for (default: `sys.argv[1:]`); returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if {"-h", "--help"} & set(arguments):
        sys.stdout.write(f"{__doc__}")
        return 0
    try:
        asked = read(arguments)
        _known(asked)
        return max(_mirror(asked, study) for study in asked.studies)
    except RvevalError as error:
        return _said(error)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\nwhat was mirrored stays; the same command does it again\n")
        return 130
    except Exception as error:  # noqa: BLE001 - the edge: what nobody foresaw ends in one line, not in a traceback
        sys.stderr.write(f"failed:\n{type(error).__name__}: {error}\n  -> please report this\n")
        return 1


def workspaces(argv: Sequence[str], help_text: str) -> int:
    """Save a workspace for each study that a command line names, or show it (`--dry-run`); returns the exit status.

    Args:
        argv: the keys of `read`, `--dry-run`, `--help`.
        help_text: what `--help` says.
    """
    if {"-h", "--help"} & set(argv):
        sys.stdout.write(help_text)
        return 0
    try:
        asked = read([argument for argument in argv if argument != "--dry-run"])
        _known(asked)
        for study in asked.studies:
            sys.stdout.write(_workspace(asked, study, "--dry-run" in argv) + "\n")
    except RvevalError as error:
        return _said(error)
    return 0


def _workspace(asked: Asked, study: str, dry_run: bool) -> str:
    """The workspace's specification, or the address it was saved under."""
    from rveval.show.tracking import place_of, workspace
    from rveval.show.tracking import study as runs
    from rveval.store import Store

    place = place_of(Path(asked.store), study, asked.mode, asked.project, asked.entity)
    made = workspace.workspace(place, study, runs.groups_of(Store(place.store), study))
    if dry_run:
        return json.dumps(workspace.specification(made), indent=1)
    return f"{study}: {workspace.save(made)}"


def read(arguments: Sequence[str]) -> Asked:
    """The keys of a command line.

    Raises:
        Refused: with everything that is wrong in it.
    """
    names = [one.name for one in fields(Asked)]
    problems: list[Problem] = []
    given: dict[str, str] = {}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals or key not in names:
            near = difflib.get_close_matches(key, names, 1)
            fix = f"did you mean {near[0]}=...?" if near else "python -m rveval.track --help"
            problems.append(Problem("unknown key", argument, ", ".join(f"{name}=" for name in names), fix=fix))
        elif key in given:
            problems.append(Problem("given twice", key, "once", f"{given[key]} and {value}"))
        elif not value.strip(", "):
            problems.append(Problem("is empty", key, "a value", argument))
        else:
            given[key] = value
    if given.get("mode", "offline") not in _MODES:
        problems.append(Problem("no such mode", "mode", " or ".join(_MODES), given["mode"]))
    if "study" not in given and not any(problem.where == "study" for problem in problems):
        problems.append(Problem("is missing", "study", "study=NAME", fix="python -m rveval.track --help"))
    if problems:
        raise Refused(problems)
    return Asked(**given)


def _known(asked: Asked) -> None:
    """Raises Refused where a study is not in the store; those with the nearest names are named."""
    place = Path(asked.store) / "studies"
    known = sorted(path.name for path in place.glob("*") if any(path.glob("*.json")))
    problems = []
    for study in asked.studies:
        if study not in known:
            near = difflib.get_close_matches(study, known, 3, 0.5)
            fix = f"did you mean {' or '.join(near)}?" if near else "name another, or another store=FOLDER"
            expected = ", ".join(known[:20]) or "a study; there is none yet"
            problems.append(Problem("no such study", str(place), expected, study, fix))
    if problems:
        raise Refused(problems)


def _mirror(asked: Asked, study: str) -> int:
    """Mirror one study; a failure of the client does not keep the studies after it from being mirrored."""
    from rveval.show import tracking

    place = tracking.place_of(Path(asked.store), study, asked.mode, asked.project, asked.entity)
    where = f"project {place.project}" + (f" of {place.entity}" if place.entity else "")
    sys.stdout.write(f"{study}, {asked.mode}, {where}\n")
    try:
        done = tracking.rebuild(place, study, _summary(asked, study), _tell)
    except RvevalError as error:
        return _said(error)
    sys.stdout.write(f"{len(done)} runs mirrored\n")
    if asked.mode == "offline":
        sys.stdout.write(f"to upload them: wandb sync {place.store / 'wandb'}/offline-run-*\n")
    return 0


def _summary(asked: Asked, study: str) -> Summary:
    """The study's summary, as `python -m rveval.report study=NAME` makes it."""
    from rveval import config as schema
    from rveval import findings as summary
    from rveval.show.report import commands, making
    from rveval.store import Store

    store = Store(Path(asked.store))
    entries = store.read_study(study)
    claims = making._claims(schema.config_dir() / "claims")
    made = {"command": f"python -m rveval.report study={study} store={asked.store}", "source": asked.store}
    again = commands.again(entries, asked.store)
    return summary.build([summary.Study(study, store, entries)], claims, made=made, commands=again)


def _tell(one: Mirrored) -> None:
    if one.tables:
        about = f"{len(one.tables)} tables: {', '.join(one.tables)}"
    else:
        shown = "all" if one.shown == one.samples else f"the first {one.shown:,} of"
        about = f"{one.cells} {'cell' if one.cells == 1 else 'cells'}, {shown} {one.samples:,} samples in tables"
    sys.stdout.write(f"  {one.run_id}  {one.name}: {about}\n")
    sys.stdout.flush()


def _said(error: RvevalError) -> int:
    sys.stderr.write(f"{'refused' if error.exit_code == 2 else 'failed'}:\n{error}\n")
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
