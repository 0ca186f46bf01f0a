"""The folder of a report: read the studies, write the summary, the tables and the page. All of it is new, or none."""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rveval import findings as summary
from rveval.errors import Problem, Refused
from rveval.findings import Study, Summary
from rveval.findings import claims as published
from rveval.show.report import commands, formats, plain
from rveval.show.report.arguments import Arguments
from rveval.store import Store, StudyEntry


def make(asked: Arguments, words: Sequence[str]) -> Iterator[str]:
    """Make a report; yields what is to be said.

    Raises:
        Refused: nothing to report, damaged cells, bad claims, or a folder that can't be written.
    """
    studies = _plain_studies(asked) if asked.lm_eval else _studies(asked)
    claims = _claims(asked.claims)
    again = [] if asked.lm_eval else commands.again([e for s in studies for e in s.entries], str(asked.store))
    source = ", ".join(map(str, asked.lm_eval)) or str(asked.store)
    made = {"command": shlex.join(["python", "-m", "rveval.report", *words]), "source": source}
    place = asked.out / asked.name
    with _new_folder(place) as folder:
        items = folder / "items" if "html" in asked.formats else None
        with _progress(studies) as tick:
            found = summary.build(studies, claims, items, made, again, tick)
        files = _write(found, asked.formats, folder)
    yield ""
    yield found["verdict"]["sentence"]
    for point in found["verdict"]["points"]:
        yield f"  - {point['text']}"
    for trouble in found["problems"]:
        yield f"  {trouble['kind']}: {': '.join(filter(None, [trouble['where'], trouble['what']]))}"
        yield f"    -> {trouble['fix']}" if trouble["fix"] else ""
    yield ""
    yield f"written: {', '.join(str(place / name) for name in files)}"


def _write(found: Summary, wanted: Sequence[str], folder: Path) -> list[str]:
    """All files of a report; returns their names."""
    text = json.dumps(found, ensure_ascii=False, allow_nan=False, indent=1)
    (folder / "summary.json").write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    files = ["summary.json"]
    if "html" in wanted:
        from rveval.show import page as dashboard

        dashboard.write(found, folder)
        files.insert(0, "index.html")
    writers: dict[str, tuple[str, Callable[[Summary], str]]] = {
        "md": ("table.md", formats.markdown),
        "latex": ("table.tex", formats.latex),
    }
    for name, (file, write) in writers.items():
        if name in wanted:
            (folder / file).write_text(write(found), encoding="utf-8", errors="backslashreplace")
            files.append(file)
    if "csv" in wanted:
        (folder / "csv").mkdir()
        for file, rows in formats.csv_files(found).items():
            path = folder / "csv" / file
            path.write_text(rows, encoding="utf-8", errors="backslashreplace", newline="")
            files.append(f"csv/{file}")
    return files


def _studies(asked: Arguments) -> list[Study]:
    store = Store(asked.store)
    known = sorted(path.name for path in (asked.store / "studies").glob("*") if path.is_dir())
    problems: list[Problem] = []
    found: list[Study] = []
    for name in asked.studies:
        if name in known:
            try:
                found.append(Study(name, store, store.read_study(name)))
            except Refused as error:
                problems.extend(error.problems)
            continue
        near = difflib.get_close_matches(name, known, n=3)
        fix = f"did you mean {', '.join(near)}?" if near else "run it first: python -m rveval study=" + name
        where = str(asked.store / "studies" / name)
        problems.append(Problem("no such study", where, ", ".join(known) or "the store holds no study yet", name, fix))
    if problems:
        raise Refused(problems)
    return found


def _plain_studies(asked: Arguments) -> list[Study]:
    reader = plain.Results(asked.lm_eval)
    return [Study(asked.name, reader, reader.read_study(asked.name))]


def _claims(folder: Path | None) -> list[Mapping[str, Any]]:
    """All published numbers of a folder; each carries its file's `source`."""
    import yaml

    if folder is None:
        return []
    if not folder.is_dir():
        raise Refused(Problem("no such folder", "claims", "a folder of *.yaml, or null", str(folder)))
    found: list[Mapping[str, Any]] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            text = yaml.safe_load(path.read_text(encoding="utf-8"))
            claims = [{"source": text["source"], **claim} for claim in text["claims"]]
        except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError) as error:
            what = f"can't be read: {error}".splitlines()[0]
            raise Refused(Problem(what, str(path), "the keys source and claims, a list of mappings")) from error
        published.check(claims, str(path))
        found += claims
    return found


@contextmanager
def _new_folder(place: Path) -> Iterator[Path]:
    """A folder that takes the place of `place` when it is whole; what fails leaves the old one.

    Raises:
        Refused: it can't be written, or what stands in its place is no report.
    """
    if place.exists() and not (place / "summary.json").is_file() and any(place.iterdir()):
        what = "stands where the report should go, and is no report"
        raise Refused(Problem(what, str(place), fix="out=FOLDER, or move it away"))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".new-{place.name[:40]}-"))
    except OSError as error:
        what = f"the report can't be written: {error.strerror or error}"
        raise Refused(Problem(what, str(place), fix="out=FOLDER, a folder that can be written")) from error
    try:
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
        raise Refused(Problem(what, str(place), fix="free space or rights there")) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def _progress(studies: Sequence[Study]) -> Iterator[Callable[[int], None]]:
    """A bar of items, for people at a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading items", total=_items(studies))
        yield lambda n: bar.advance(task, n)


def _items(studies: Sequence[Study]) -> int:
    total = 0
    seen: set[str] = set()
    for study in studies:
        for cell_id in _ids(study.entries):
            if cell_id not in seen and study.reader.has(cell_id):
                seen.add(cell_id)
                with contextlib.suppress(Refused):  # said when it is read
                    total += study.reader.read_cell(cell_id)["n"]
    return total


def _ids(entries: Sequence[StudyEntry]) -> list[str]:
    return [cell_id for entry in entries for cell_id in entry["cells"]]
