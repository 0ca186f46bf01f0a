"""`python -m rveval.describe model=... vector=... alpha=...`: its own keys, its --help; all other keys are a run's."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import get_args

from rveval import config as schema
from rveval.checkpoints import headers
from rveval.checkpoints.deltas import Storage
from rveval.cli import main as through_hydra
from rveval.describe.describing import FORMATS, Arguments, describe
from rveval.errors import Problem, Refused

STORAGES: tuple[Storage, ...] = get_args(Storage)
_MULTIRUN = ("-m", "--multirun")
CHOICES = {"format": FORMATS, "storage": STORAGES, "quick": ("true", "false")}
KEYS = ("out", "save", "common", *CHOICES)

HELP = """\
rveval.describe: what a vector would add to a model, before anything is run. Reads weights; starts no engine.

  python -m rveval.describe                                         the defaults of a run, as a run would build them
  python -m rveval.describe model=instruct_1.5b vector=grpo alpha=0.5
  python -m rveval.describe vector.transform=trim vector.density=0.2 common=tiny:base
  python -m rveval.describe -m alpha=0.25,0.5,1                     a sweep, described job by job
  python -m rveval.describe save=math.safetensors                   the vector as one file, added without its donors

It prints the formula, the compatibility report, and per layer and kind: the norm of what is added, alone and relative
to the weights; with common= the cosine with what SFT and what GRPO did; density; the share of entries whose value in
the served dtype really changes; the effective rank.

Keys (key=value): all keys of a run (python -m rveval --cfg job shows them), and
  out=FOLDER             where the files go; in a sweep every job has its own in there       describe/<label>
  format=WORD[,WORD]     json: vector.json; png, svg: heatmap, layers by kinds               png,svg,json
  common=SOURCE          what the donors were trained from: FOLDER, org/name@revision, tiny:NAME
  save=FILE.safetensors  saves the vector, without alpha: vector.terms=[{plus: {path: FILE}}] adds it again
  storage=WORD           exact: bfloat16 where that loses nothing, else float32; bfloat16; float32     exact
  quick=true             leaves out the effective ranks                                                false

Unknown keys are refused.
Exit status: 0 done, 2 refused (donors that do not fit: all reasons are listed, nothing is written), 1 failed,
130 interrupted.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Describe a command line (default: `sys.argv[1:]`); returns the exit status and never raises.

    Returns:
        0 done, 2 refused (the command line, the config, donors that do not fit), 1 failed, 130 interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if {"-h", "--help"} & set(words):
        sys.stdout.write(HELP)
        return 0
    try:
        arguments, others = parse(words)
    except Refused as refused:
        sys.stderr.write(f"refused:\n{refused}\n")
        return refused.exit_code
    return through_hydra(others, partial(describe, arguments))


def parse(words: Sequence[str]) -> tuple[Arguments, list[str]]:
    """Our keys of a command line, and the words that are left for the config of a run.

    Raises:
        Refused: what is wrong with our keys, and then also what is wrong with the others.
    """
    problems: list[Problem] = []
    given: dict[str, str] = {}
    others: list[str] = []
    for word in words:
        key, equals, value = word.partition("=")
        if key not in KEYS or not equals:
            others += [] if _misspelt(word, problems) else [word]
        elif key in given or not value.strip():
            problems.append(Problem("is given twice" if key in given else "is empty", key, fix=f"write {key}=VALUE"))
        else:
            given[key] = value.strip()
    sweeping = any(word in _MULTIRUN or word.startswith(("experiment=", "points=")) for word in words)
    arguments = _arguments(given, sweeping, problems)
    if problems:
        try:
            plain = [word for word in others if not word.startswith("-")]
            points = schema.points(plain, sweeping=sweeping, folders=[])
            problems += dict.fromkeys(problem for point in points for problem in point.problems)
        except Refused as refused:
            problems += refused.problems
        raise Refused(problems)
    return arguments, others


def _misspelt(word: str, problems: list[Problem]) -> bool:
    """Whether a word is most likely one of our keys, misspelt; a run's own keys are looked at by who runs."""
    key = word.partition("=")[0].lstrip("+~")
    if key in KEYS:  # `+save=FILE`, or `save` alone
        problems.append(Problem("is not key=value", word, fix=f"write {key}=VALUE"))
        return True
    known = {*schema.known_keys(), *KEYS}
    near = difflib.get_close_matches(key, known, n=1)
    if word.startswith("-") or key in known or "." in key or "/" in key or not near or near[0] not in KEYS:
        return False
    problems.append(Problem("unknown key", key, fix=f"did you mean {near[0]}?"))
    return True


def _arguments(given: dict[str, str], sweeping: bool, problems: list[Problem]) -> Arguments:
    formats = tuple(dict.fromkeys(part.strip() for part in given.get("format", ",".join(FORMATS)).split(",")))
    words = {"format": formats, "storage": (given.get("storage", "exact"),), "quick": (given.get("quick", "false"),)}
    for key, known in CHOICES.items():
        for word in words[key]:
            if word.lower() not in known:
                near = difflib.get_close_matches(word, known, n=1)
                fix = f"did you mean {near[0]}?" if near else ""
                problems.append(Problem("is none of its values", key, ", ".join(known), word, fix))
    save = Path(given["save"]).expanduser() if "save" in given else None
    problems += _save_problems(save, sweeping) if save else []
    return Arguments(
        out=Path(given["out"]).expanduser() if "out" in given else None,
        save=save,
        storage=next((one for one in STORAGES if one == words["storage"][0]), "exact"),
        common=schema.Source(**schema.Source.spell_out(given["common"])) if "common" in given else None,
        formats=formats,
        quick=words["quick"][0].lower() == "true",
        sweeping=sweeping,
    )


def _save_problems(file: Path, sweeping: bool) -> list[Problem]:
    """What would stop the file from being written; said before minutes of reading, not after them."""
    if sweeping:
        return [Problem("every job of a sweep would write the same file", "save", fix="save one vector at a time")]
    if file.suffix != ".safetensors":
        return [Problem("a vector is saved as safetensors", "save", "FILE.safetensors", str(file))]
    if not file.parent.is_dir():
        return [Problem("no such folder", "save", found=str(file.parent), fix="make it first")]
    try:
        if file.exists():
            headers.origin(file)
    except Refused:
        fix = "give another name, or move that file away"
        return [Problem("something else lies there and is not overwritten", "save", found=str(file), fix=fix)]
    return []


if __name__ == "__main__":
    sys.exit(main())
