"""One description from its config to its files: the gate first, then every tensor once, then table, files, picture."""

from __future__ import annotations

import json
import re
import resource
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.text import Text

from rveval.checkpoints import Checkpoint, assert_finite, compatibility, lineage, open_checkpoint, resolve
from rveval.checkpoints.adapters import Adapter
from rveval.checkpoints.deltas import Storage
from rveval.config import Config, Source
from rveval.describe import files, shown
from rveval.describe.measure import Measured, Subject, measured, nbytes, places, total
from rveval.errors import DoesNotMatch, Failed, Problem, Refused, RvevalError
from rveval.recipe import Assembled, VariantTensors, assemble, open_all, source_words

FORMATS = ("png", "svg", "json")


@dataclass(frozen=True)
class Arguments:
    """What was asked for beside the config.

    Args:
        out: the folder of the files; None is one named after the variant.
        save: where the vector is saved; None: it is not.
        storage: how its entries are stored.
        common: the checkpoint that the donors started from.
        formats: of `FORMATS`.
        quick: leave the effective ranks out.
        sweeping: one of several jobs: each has a folder of its own.
    """

    out: Path | None = None
    save: Path | None = None
    storage: Storage = "exact"
    common: Source | None = None
    formats: tuple[str, ...] = FORMATS
    quick: bool = False
    sweeping: bool = False


Compared = dict[str, tuple[Checkpoint, str]]
"""By name: a donor whose displacement from the common start the vector is compared with, and the words for it."""


def describe(arguments: Arguments, config: Config) -> None:
    """Describe the variant of a config: print it, and write its files.

    Raises:
        Refused: donors that do not fit, broken checkpoints, nothing to save.
        Failed: a file can't be written, a transform can't be done.
    """
    from tqdm import tqdm

    started = time.monotonic()
    found, common, compared = _opened(arguments, config)
    recipe = found.recipe
    shown.say([*shown.head(recipe, recipe.fingerprint), *shown.fits(found.report)])
    if recipe.is_base:
        shown.say([Text("\n" + recipe.explained["vector"], style="bold")])
        names: list[str] = []
    else:
        variant = VariantTensors(recipe)
        donors = tuple(donor for donor, _ in compared.values())
        subject = Subject(recipe, variant, found.base, common, donors, not arguments.quick)
        names = [name for name in variant.names if variant.weight(name)]
    read = [found.base, *(donor for _, donor in found.donors), *([common] if common else [])]
    ready = time.monotonic()
    try:
        tensors = [measured(subject, name) for name in tqdm(names, "reading tensors", leave=False, disable=None)]
    except Failed:
        _assert_finite(read)
        raise
    _check_finite(tensors, read)
    timings = _timings(started, ready, sum(nbytes(one, names) for one in _different(read)))
    words = {name: text for name, (_, text) in compared.items()}
    if tensors:
        shown.say(shown.by_layer(tensors, recipe, words, not arguments.quick, shown.console().width))
    start = source_words(arguments.common) if arguments.common else None
    value = {**files.said(found, start), **files.numbers(tensors, found, tuple(compared)), "timings": timings}
    made = _files(arguments, found, value, tensors)
    folder = _folder(arguments, found)
    files.write(folder, made)
    shown.say(_last_words(tensors, recipe.alpha, timings))
    shown.say([Text(f"written to {folder}: {', '.join(made)}")] if made else [])
    if arguments.save is not None:
        saved = files.save(arguments.save, arguments.storage, found)
        shown.say([Text(f"saved: {arguments.save}: {saved.words}")])


def _opened(arguments: Arguments, config: Config) -> tuple[Assembled, Checkpoint | None, Compared]:
    """The variant, the donors' common start, and what the vector is compared with; all problems at once.

    Raises:
        DoesNotMatch: donors or their start do not fit; the formula and the verdict are printed first.
        Refused: something can't be opened.
    """
    problems: list[Problem] = []
    base, donors = open_all(config, problems)
    common: Checkpoint | None = None
    if arguments.common is not None:
        try:
            common = open_checkpoint(resolve(arguments.common, "common"))
        except RvevalError as error:
            problems += error.problems
    if arguments.save is not None and not any(config.vector.term_weights):
        problems.append(Problem("there is no vector to save", "save", fix="name one with vector=NAME"))
    if base is None or problems:
        raise Refused(problems)
    compared: Compared = {}
    warnings: list[Problem] = []
    if common is not None and arguments.common is not None:
        compared = _compared(source_words(arguments.common), config, dict(donors))
        problems += _common_problems(common, compared, base, warnings)
    try:
        found = assemble(config, base, donors)
    except DoesNotMatch as error:
        every = [*error.problems, *problems]
        shown.say([Text(error.label, style="bold"), *_sources(config), shown.refused(len(every))])
        raise DoesNotMatch(every, error.label) from error
    if problems:
        raise Refused(problems)
    found.report.warnings += warnings
    return found, common, compared


def _sources(config: Config) -> list[Text]:
    """The terms of a vector that does not fit."""
    pairs = [(term.plus, term.minus) for term in config.vector.terms]
    return [Text("  " + " - ".join(source_words(side) for side in pair if side)) for pair in pairs]


def _compared(start: str, config: Config, donors: Mapping[str, Checkpoint]) -> Compared:
    """The whole checkpoints among the donors; the difference from the start of a saved delta means nothing."""
    compared: Compared = {}
    several = len(config.vector.terms) > 1
    for number, term in enumerate(config.vector.terms):
        for side, source in (("minus", term.minus), ("plus", term.plus)):
            donor = donors.get(f"vector.terms[{number}].{side}")
            # An adapter that does not stand for a whole model is a difference already, as a saved delta is.
            whole = not isinstance(donor, Adapter) or donor.full
            if term.minus is not None and source is not None and donor is not None and whole:
                compared[f"{side} {number}" if several else side] = (donor, f"{source_words(source)} - {start}")
    return compared


def _common_problems(
    common: Checkpoint, compared: Compared, base: Checkpoint, warnings: list[Problem]
) -> Sequence[Problem]:
    """What the common start lacks of the donors' tensors; and, as a warning, that it may not be their start at all."""
    where = f"common {common.folder}"
    if not compared:
        fix = "leave common out: it is what full checkpoints, plus and minus, were trained from"
        return [Problem("no donor is a whole checkpoint with another to subtract", "common", fix=fix)]
    for donor, words in compared.values():
        names = [name for name in base.names if name in donor]
        wrong = [name for name in names if name not in common or common.shape(name) != donor.shape(name)]
        if wrong:
            what = f"{len(wrong)} tensors of the donors are not here, or have another shape"
            return [Problem(what, where, "the start of the donors' training", compatibility.grouped(wrong))]
        cosine = lineage.cosine(common, donor)
        if cosine < lineage.UNRELATED:
            what = f"nothing in common with a donor ({words}), so this is not what it was trained from"
            warnings.append(Problem(what, where, found=f"a cosine of {cosine:.2f}"))
    return []


def _check_finite(tensors: Sequence[Measured], read: Iterable[Checkpoint]) -> None:
    broken = [one.name for one in tensors if not one.sums.finite]
    if broken:
        _assert_finite(read)
        fix = "a transform overflowed: take other parameters"
        raise Failed(Problem(f"the vector is not finite in {compatibility.grouped(broken)}", fix=fix))


def _assert_finite(checkpoints: Iterable[Checkpoint]) -> None:
    """Say which checkpoints are broken, if any are."""
    problems: list[Problem] = []
    for one in checkpoints:
        try:
            assert_finite(one)
        except Refused as refused:
            problems += refused.problems
    if problems:
        raise Refused(list(dict.fromkeys(problems)))


def _different(checkpoints: Iterable[Checkpoint]) -> list[Checkpoint]:
    return list({one.folder: one for one in checkpoints}.values())


def _timings(started: float, ready: float, size: int) -> dict[str, float]:
    """Seconds of the gate (the first time it hashes all files) and of the measurement, bytes, and peak memory."""
    now = time.monotonic()
    return {
        "gate_s": ready - started,
        "measure_s": now - ready,
        "bytes": size,
        "bytes_per_s": size / (now - ready) if now > ready else 0.0,
        "peak_rss_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def _folder(arguments: Arguments, found: Assembled) -> Path:
    """Where the files go: the folder asked for, in a sweep one for each job in it."""
    if arguments.out is not None and not arguments.sweeping:
        return arguments.out
    name = re.sub(r"[^\w .+-]", "_", found.label).strip(" .") or "_"
    if len(name) > 100:
        name = f"{name[:100]} {found.recipe.fingerprint[:8]}"
    return (arguments.out or Path("describe")) / name


def _files(
    arguments: Arguments, found: Assembled, value: Mapping[str, Any], tensors: Sequence[Measured]
) -> dict[str, bytes]:
    text = json.dumps(value, indent=1, allow_nan=False) + "\n"
    made = {"vector.json": text.encode()} if "json" in arguments.formats else {}
    pictures = [name for name in arguments.formats if name != "json"]
    if pictures and tensors:
        drawn = shown.draw(found.label, places(tensors), found.recipe.alpha, pictures)
        made |= {f"heatmap.{name}": data for name, data in drawn.items()}
    return made


def _last_words(tensors: Sequence[Measured], alpha: float, timings: Mapping[str, float]) -> Iterable[Text]:
    if tensors:
        sums = total(tensors)
        yield Text(
            f"\nin all: norm {shown.short(sums.norm(alpha))}, {shown.percent(sums.relative(alpha))} of the weights'; "
            f"{sums.changed:,} of {sums.entries:,} entries change ({shown.percent(sums.changed_share)})",
            style="bold",
        )
        yield Text(
            f"{timings['bytes'] / 1e9:.3g} GB in {timings['measure_s']:.1f} s, after {timings['gate_s']:.1f} s for "
            f"the gate; peak memory {timings['peak_rss_bytes'] / 1e9:.2f} GB"
        )
