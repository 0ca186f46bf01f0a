"""`python -m rveval.report study=NAME`: from stored cells to a verdict, in a folder of files; from the store alone."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rveval import config as schema
from rveval import findings
from rveval.errors import Problem, Refused
from rveval.findings import Study
from rveval.show import terminal, verbs
from rveval.show.lm_eval_logs import Logs
from rveval.show.output import Output, formats

_KEYS = ("study", "store", "out", "format", "claims", "lm_eval", "rescore")
_USUAL = "html,md"

HELP = """\
rveval.report: from the cells of a study to a verdict: what helped, by how much, how sure, and does it survive.

  python -m rveval.report study=NAME                  -> report/NAME/{{index.html,table.md,summary.json,items/}}
  python -m rveval.report study=a,b                   two studies side by side, in report/a+b/
  python -m rveval.report lm_eval=BASE,OTHER          folders that plain lm-eval wrote with --log_samples; the first is
                                                      the baseline of the others

Keys (key=value; unknown keys are refused)
  study=NAME[,NAME]    what is reported; with lm_eval: the report's name
  store=FOLDER         where the cells are                                          runs
  out=FOLDER           where reports go                                             report
  format=WORD[,WORD]   what is written                                              {usual}
{formats}
  claims=FOLDER        published numbers (*.yaml) that are judged; null: none       conf/claims
  rescore=true         stored answers are scored again, also where neither a reader nor a scorer is another one now
  lm_eval=FOLDER,...   results of plain lm-eval: samples_*.jsonl and results_*.json

The rule of survival is fixed before the run: suite.margin (0.5), suite.pooled_by (benchmarks, items).
Exit status: 0 done, 2 refused, 1 failed, 130 interrupted.
"""


@dataclass(frozen=True)
class Arguments:
    """What a report is made of: names of studies (or folders of lm-eval's logs), formats, where from and where to.

    `rescore`: stored answers are scored again in any case.
    """

    studies: tuple[str, ...]
    store: Path
    out: Path
    formats: tuple[str, ...]
    claims: Path | None
    lm_eval: tuple[Path, ...]
    rescore: bool = False

    @property
    def name(self) -> str:
        """What the report is called."""
        return "+".join(self.studies) or "lm_eval"


def main(
    argv: Sequence[str] | None = None, score_again: Callable[[Path, str, bool], Iterable[str]] | None = None
) -> int:
    """Make a report (default: of `sys.argv[1:]`); returns the exit status and never raises.

    Args:
        argv: the command line.
        score_again: called with the store, each study and `rescore` before anything is read; what it did, in words.
    """
    words = list(sys.argv[1:] if argv is None else argv)

    def act() -> int:
        if not words or {"-h", "--help"} & set(words):
            listed = "\n".join(f"{'':23}{one.name}: {one.about}" for one in formats().values())
            sys.stdout.write(HELP.format(usual=_USUAL, formats=listed))
            return 0 if words else 2
        arguments = parse(words)
        if score_again is not None and not arguments.lm_eval:
            for study in arguments.studies:
                for line in score_again(arguments.store, study, arguments.rescore):
                    sys.stderr.write(f"{line}\n")
        for line in make(arguments, words):
            sys.stdout.write(f"{line}\n")
        return 0

    return verbs.end("report", act)


def parse(words: Sequence[str]) -> Arguments:
    """The arguments of a command line.

    Raises:
        Refused: all that is wrong with it.
    """
    problems: list[Problem] = []
    given = verbs.read(words, _KEYS, problems)
    studies = verbs.study_names(given, problems)
    folders, known = verbs.several(given.get("lm_eval", "")), tuple(formats())
    asked = verbs.several(given.get("format", _USUAL))
    for word in asked:
        if word not in known:
            problems.append(Problem("is not a format", "format", ", ".join(known), word, verbs.near(word, known)))
    if not studies and not folders and not any(problem.where == "study" for problem in problems):
        problems.append(Problem("no study is named", "study", fix="study=NAME, or lm_eval=FOLDER"))
    if given.get("rescore", "false") not in ("true", "false"):
        problems.append(Problem("is neither of two", "rescore", "true or false", given["rescore"]))
    if problems:
        raise Refused(problems)
    claims = given.get("claims", str(schema.config_dir() / "claims"))
    return Arguments(
        studies=studies,
        store=Path(given.get("store", "runs")),
        out=Path(given.get("out", "report")),
        formats=tuple(dict.fromkeys([*asked, "json"])),
        claims=None if claims in ("null", "none") else Path(claims),
        lm_eval=tuple(map(Path, folders)),
        rescore=given.get("rescore") == "true",
    )


def make(asked: Arguments, words: Sequence[str]) -> Iterator[str]:
    """Make a report; yields what is to be said.

    Raises:
        Refused: nothing to report, damaged cells, bad claims, or a folder that can't be written.
    """
    if asked.lm_eval:
        logs = Logs(asked.lm_eval)
        studies = [Study(asked.name, logs, logs.read_study(asked.name))]
    else:
        studies = verbs.studies(asked.store, asked.studies)
    claims, place = verbs.published(asked.claims), asked.out / asked.name
    source = ", ".join(map(str, asked.lm_eval)) or str(asked.store)
    made = {"command": shlex.join(["python", "-m", "rveval.report", *words]), "source": source}
    wanted = [formats()[name] for name in asked.formats]
    with _new_folder(place) as folder:
        items = folder / "items" if any(one.items for one in wanted) else None
        with _progress(studies) as tick:
            report = findings.build(studies, claims, items, made, verbs.commands(studies), tick)
        output = Output(report, studies, folder)
        files = [name for one in wanted for name in one.write(output)]
    yield ""
    yield from terminal.verdict(report)
    yield ""
    yield f"written: {', '.join(str(place / name) for name in files)}"


@contextmanager
def _new_folder(place: Path) -> Iterator[Path]:
    """A folder that takes the place of `place` when it is whole; what fails leaves the old one.

    Raises:
        Refused: it can't be written, or what stands in its place is no report.
    """
    if place.exists() and not (place / "summary.json").is_file() and any(place.iterdir()):
        what = "stands where the report should go, and is no report"
        raise Refused(Problem(what, str(place), fix="out=FOLDER, or move it away"))
    made = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".new-{place.name[:40]}-"))
        yield made
        made.chmod(0o755)
        if place.exists():
            old = Path(tempfile.mkdtemp(dir=place.parent, prefix=".old-"))
            os.replace(place, old / "report")
            os.replace(made, place)
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(made, place)
    except OSError as error:
        what = f"the report can't be written: {error.strerror or error}"
        raise Refused(Problem(what, str(place), fix="space and rights there, or out=FOLDER")) from error
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)


@contextmanager
def _progress(studies: Sequence[Study]) -> Iterator[Callable[[int], None]]:
    """A bar of items, for people at a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    cells = {cell: study.reader for study in studies for entry in study.entries for cell in entry["cells"]}
    total = 0
    for cell, reader in cells.items():
        with contextlib.suppress(Refused):  # said when it is read
            total += reader.read_cell(cell)["n"] if reader.has(cell) else 0
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading items", total=total)
        yield lambda n: bar.advance(task, n)
