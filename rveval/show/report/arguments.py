"""The command line of a report: `key=value`, commas for several values, unknown keys refused with the nearest one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rveval import config as schema
from rveval.errors import Problem, Refused

FORMATS = ("html", "md", "csv", "json", "latex")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_KEYS = ("study", "store", "out", "format", "claims", "lm_eval")

HELP = """\
rveval.show.report: from the cells of a study to a verdict: what helped, by how much, how sure, and does it survive.

  python -m rveval.report study=NAME                  -> report/NAME/{index.html,table.md,summary.json,items/}
  python -m rveval.report study=a,b                   two studies side by side, in report/a+b/
  python -m rveval.report lm_eval=BASE,OTHER          folders that plain lm-eval wrote with --log_samples; the first is
                                                      the baseline of the others

Keys (key=value; unknown keys are refused)
  study=NAME[,NAME]    what is reported; with lm_eval: the report's name
  store=FOLDER         where the cells are                                          runs
  out=FOLDER           where reports go                                             report
  format=WORD[,WORD]   html: a page, opened from the disk; md: table.md; csv: every list of the summary as csv/*.csv;
                       latex: table.tex, with booktabs; json: summary.json alone, which is always written.   html,md
  claims=FOLDER        published numbers (*.yaml) that are judged; null: none       conf/claims
  lm_eval=FOLDER,...   results of plain lm-eval: samples_*.jsonl and results_*.json

The rule of survival is fixed before the run: suite.margin (0.5), suite.pooled_by (benchmarks, items).
Exit status: 0 done, 2 refused, 1 failed, 130 interrupted.
"""


@dataclass(frozen=True)
class Arguments:
    """What was asked for.

    Args:
        studies: names, at least one, or none with `lm_eval`.
        store: its folder.
        out: the folder of reports.
        formats: of `FORMATS`.
        claims: the folder of published numbers; None for none.
        lm_eval: folders of plain lm-eval's results.
    """

    studies: tuple[str, ...]
    store: Path
    out: Path
    formats: tuple[str, ...]
    claims: Path | None
    lm_eval: tuple[Path, ...]

    @property
    def name(self) -> str:
        """What the report is called."""
        return "+".join(self.studies) or "lm_eval"


def parse(words: Sequence[str]) -> Arguments:
    """The arguments of a command line.

    Raises:
        Refused: all that is wrong with it.
    """
    problems: list[Problem] = []
    given = dict(_pairs(words, problems))
    studies = _several(given.get("study", ""))
    folders = tuple(Path(text) for text in _several(given.get("lm_eval", "")))
    formats = _several(given.get("format", "html,md"))
    for word in formats:
        if word not in FORMATS:
            problems.append(Problem("is not a format", "format", ", ".join(FORMATS), word, _near(word, FORMATS)))
    if not studies and not folders and "study" not in [one.where for one in problems]:
        problems.append(Problem("no study is named", "study", fix="study=NAME, or lm_eval=FOLDER"))
    for name in studies:
        if not _NAME.fullmatch(name):
            problems.append(Problem("is no name of a study", "study", "letters, digits, `.`, `_`, `-`", name))
    if problems:
        raise Refused(problems)
    claims = given.get("claims", str(schema.config_dir() / "claims"))
    return Arguments(
        studies=studies,
        store=Path(given.get("store", "runs")),
        out=Path(given.get("out", "report")),
        formats=formats,
        claims=None if claims in ("null", "none", "") else Path(claims),
        lm_eval=folders,
    )


def _pairs(words: Sequence[str], problems: list[Problem]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in _KEYS:
            what = "is no key of a report" if equals else "is not key=value"
            problems.append(Problem(what, key, ", ".join(_KEYS), word, _near(key.lstrip("-+"), _KEYS)))
        elif not value.strip():
            problems.append(Problem("is empty", key))
        elif key in dict(found):
            problems.append(Problem("is given twice", key, fix=f"{key}=A,B for several"))
        else:
            found.append((key, value))
    return found


def _several(text: str) -> tuple[str, ...]:
    bare = text.removeprefix("[").removesuffix("]")
    return tuple(dict.fromkeys(part.strip() for part in bare.split(",") if part.strip()))


def _near(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0]}?" if near else ""
