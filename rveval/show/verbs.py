"""What the verbs that read a study share: `key=value` on the command line, the studies, and how they end.

Whatever is wrong with a command line is said at once, and what nobody foresaw ends in one line, not in a traceback.
"""

from __future__ import annotations

import difflib
import re
import shlex
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rveval.errors import Problem, Refused, RvevalError
from rveval.findings import Study, check_claims
from rveval.show.wording import visible
from rveval.store import Store

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def end(verb: str, act: Callable[[], int]) -> int:
    """Do what a verb does; never raises.

    Returns:
        What `act` gives; 2 refused, 1 failed, 130 interrupted.
    """
    try:
        return act()
    except RvevalError as error:
        return said(error)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: what was there before is still there; the same command does it again\n")
        return 130
    except BrokenPipeError:
        return 1
    except Exception as error:  # noqa: BLE001 - the edge
        what = visible(f"{type(error).__name__}: {error}")
        sys.stderr.write(f"failed: {what} ({_traceback_file(verb, error)})\n")
        return 1


def said(error: RvevalError) -> int:
    """Say what is wrong; gives the exit status."""
    sys.stderr.write(f"{'refused' if error.exit_code == 2 else 'failed'}:\n{visible(str(error))}\n")
    return error.exit_code


def read(words: Sequence[str], keys: Sequence[str], problems: list[Problem]) -> dict[str, str]:
    """The pairs of a command line; what is wrong with them is added to `problems`."""
    given: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in keys:
            what = "is no key of this verb" if equals else "is not key=value"
            problems.append(Problem(what, key, ", ".join(keys), word, near(key.lstrip("-+"), keys)))
        elif not value.strip(", "):
            problems.append(Problem("is empty", key))
        elif key in given:
            problems.append(Problem("is given twice", key, fix=f"{key}=A,B where it takes several"))
        else:
            given[key] = value
    return given


def several(text: str) -> tuple[str, ...]:
    """The parts of `a,b` or `[a,b]`, each once."""
    bare = text.removeprefix("[").removesuffix("]")
    return tuple(dict.fromkeys(part.strip() for part in bare.split(",") if part.strip()))


def study_names(given: Mapping[str, str], problems: list[Problem]) -> tuple[str, ...]:
    """The names in `study=`; what can't be one is added to `problems`."""
    names = several(given.get("study", ""))
    for name in names:
        if not _NAME.fullmatch(name):
            problems.append(Problem("is no name of a study", "study", "letters, digits, `.`, `_`, `-`", name))
    return names


def near(word: str, known: Sequence[str]) -> str:
    """What somebody may have meant."""
    names = difflib.get_close_matches(word, known, 3, 0.5)
    return f"did you mean {' or '.join(names)}?" if names else ""


def studies(store: Path, names: Sequence[str]) -> list[Study]:
    """Studies of a store.

    Raises:
        Refused: one is not there (those with the nearest names are named), or can't be read.
    """
    known = sorted(path.name for path in (store / "studies").glob("*") if path.is_dir())
    reader, found = Store(store), []
    problems: list[Problem] = []
    for name in names:
        if name not in known:
            fix = near(name, known) or f"run it first: python -m rveval study={name}"
            expected = ", ".join(known[:20]) or "the store holds no study yet"
            problems.append(Problem("no such study", str(store / "studies"), expected, name, fix))
            continue
        try:
            found.append(Study(name, reader, reader.read_study(name)))
        except Refused as error:
            problems.extend(error.problems)
    if problems:
        raise Refused(problems)
    return found


def commands(of: Sequence[Study]) -> list[str]:
    """The command lines that made the cells of studies, where their entries hold them."""
    entries: list[Mapping[str, Any]] = [entry for study in of for entry in study.entries]
    lines = [shlex.join(["python", "-m", "rveval", *entry["overrides"]]) for entry in entries if "overrides" in entry]
    return list(dict.fromkeys(lines))


def published(folder: Path | None) -> list[Mapping[str, Any]]:
    """All published numbers of a folder of claims; each carries its file's `source`.

    Raises:
        Refused: no such folder, or a file in it can't be read.
    """
    import yaml

    if folder is None:
        return []
    if not folder.is_dir():
        raise Refused(Problem("no such folder", "claims", "a folder of *.yaml, or null", str(folder)))
    every: list[Mapping[str, Any]] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            text = yaml.safe_load(path.read_text(encoding="utf-8"))
            claims = [{"source": text["source"], **claim} for claim in text["claims"]]
        except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError) as error:
            what = f"can't be read: {error}".splitlines()[0]
            raise Refused(Problem(what, str(path), "the keys source and claims, a list of mappings")) from error
        check_claims(claims, str(path))
        every += claims
    return every


def _traceback_file(verb: str, error: Exception) -> str:
    try:
        folder = Path(tempfile.gettempdir()) / "rveval-logs"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{verb}-{time.strftime('%Y%m%d-%H%M%S')}.txt"
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8", errors="replace")
        return f"traceback: {path}"
    except OSError:
        return "no folder could be written for the traceback"
