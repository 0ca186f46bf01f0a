"""One description from its config to its files: the gate first, then every tensor once, then tables and files."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from rveval.checkpoints import Checkpoint, assert_finite, compatibility
from rveval.config import Config
from rveval.describe import files, formula, picture, saving, tables
from rveval.describe.arguments import Arguments
from rveval.describe.measure import Subject
from rveval.describe.opening import Compared, opened
from rveval.describe.sums import Measured, places, total
from rveval.describe.tables import Shown, say
from rveval.errors import Failed, Problem, Refused
from rveval.recipe import VariantTensors
from rveval.recipe.assembly import Assembled
from rveval.show.table import console
from rveval.store.files import file_name


def describe(asked: Arguments, config: Config) -> None:
    """Describe the variant of a config: print it, and write its files.

    Raises:
        Refused: donors that do not fit, broken checkpoints, nothing to save.
        Failed: a file can't be written, a transform can't be done.
    """
    started = time.monotonic()
    out = console()
    found, common, compared = opened(asked, config)
    said = formula.formula(config, found)
    say(tables.head(found.label, found.recipe.fingerprint, said))
    say(tables.fits(found.report))
    if found.recipe.is_base:
        out.print(Text(f"\nnothing is added: {formula.nothing_because(config)}", style="bold"))
    if not found.recipe.is_base:
        import torch  # noqa: F401 - its import takes seconds and is no part of what is timed
    ready = time.monotonic()
    tensors, nbytes = _measured(asked, found, common, compared)
    shown = Shown(config.alpha, tuple(compared), ranks=not asked.quick)
    if tensors:
        words = {name: text for name, (_, text) in compared.items()}
        say(tables.overview(tensors, shown, out.width))
        say(tables.by_layer(tensors, shown, out.width))
        say(tables.legend(shown, found.recipe.dtype, words))
    timings = _timings(started, ready, nbytes)
    value = {**_said(config, found, said, asked), **_numbers(tensors, shown, found), "timings": timings}
    written = files.write(_folder(asked, found.label), _files(asked, found.label, value, tensors, shown))
    say(_last_words(tensors, shown, timings, written))
    if asked.save is not None:
        out.print(
            f"saved: {asked.save}: {saving.save(asked.save, asked.storage, config, found).words}", highlight=False
        )


def _measured(
    asked: Arguments, found: Assembled, common: Checkpoint | None, compared: Compared
) -> tuple[list[Measured], int]:
    """Every tensor in scope, and how many bytes were read; nothing where nothing is added.

    Raises:
        Refused: a checkpoint holds NaN or infinity.
    """
    if found.recipe.is_base:
        return [], 0
    from rveval.describe.stream import everything

    variant = VariantTensors(found.recipe)
    names = [name for name in variant.names if variant.weight(name)]
    donors = tuple(donor for donor, _ in compared.values())
    recipe, ranks = found.recipe, not asked.quick
    subject = Subject(variant, found.base, recipe.alpha, recipe.dtype, common, donors, _plain(found), ranks)
    read = [found.base, *(donor for _, donor in found.donors), *([common] if common else [])]
    try:
        tensors, nbytes = everything(subject, names, [one.folder for one in read])
    except Failed:
        _assert_finite(read)
        raise
    broken = [one.name for one in tensors if not one.sums.finite]
    if broken:
        _assert_finite(read)
        fix = "a transform overflowed: take other parameters"
        raise Failed(Problem(f"the vector is not finite in {compatibility.grouped(broken)}", fix=fix))
    return tensors, nbytes


def _plain(found: Assembled) -> tuple[Checkpoint, Checkpoint] | None:
    """Plus and minus where the vector is the difference of two whole checkpoints as they are."""
    donors = [donor for _, donor in found.donors]
    untouched = not found.recipe.steps and not found.recipe.misfit
    if untouched and len(donors) == 2 and found.recipe.terms[0].minus and {*map(type, donors)} == {Checkpoint}:
        return donors[0], donors[1]
    return None


def _assert_finite(checkpoints: Iterable[Checkpoint]) -> None:
    """Say which checkpoint it is that is broken, if one is."""
    problems: list[Problem] = []
    for one in checkpoints:
        try:
            assert_finite(one)
        except Refused as refused:
            problems += refused.problems
    if problems:
        raise Refused(list(dict.fromkeys(problems)))


def _said(config: Config, found: Assembled, said: formula.Formula, asked: Arguments) -> dict[str, Any]:
    """The part of vector.json that is not measured."""
    recipe, report = found.recipe, found.report
    return {
        "label": found.label,
        "fingerprint": recipe.fingerprint,
        "base": formula.source_words(config.model.source),
        "alpha": config.alpha,
        "dtype": recipe.dtype,
        "nothing_added": recipe.is_base,
        "formula": said.document,
        "terms": [{**term.known, "plus_path": term.plus, "minus_path": term.minus} for term in recipe.terms],
        "scope": {
            "patterns": list(recipe.scope),
            "kinds": list(recipe.kinds),
            "layers": list(recipe.layers) if recipe.layers else None,
            "ramp": list(recipe.ramp),
        },
        "transforms": [step.known for step in recipe.steps],
        "common": formula.source_words(asked.common) if asked.common else None,
        "compatibility": {
            "forced": report.forced,
            "misfit": recipe.misfit,
            "warnings": [vars(one) for one in report.warnings],
            "left_out": list(report.left_out),
            "zero": {place: list(names) for place, names in report.zero.items()},
        },
    }


def _numbers(tensors: Sequence[Measured], shown: Shown, found: Assembled) -> dict[str, Any]:
    from math import prod

    model = {"tensors": len(found.base.names), "entries": sum(prod(found.base.shape(n)) for n in found.base.names)}
    return {"model": model, **files.measurements(tensors, shown.alpha, shown.donors)}


def _files(
    asked: Arguments, label: str, value: Mapping[str, Any], tensors: Sequence[Measured], shown: Shown
) -> dict[str, bytes]:
    found = {"vector.json": files.document(value)} if "json" in asked.formats else {}
    pictures = [name for name in asked.formats if name != "json"]
    if pictures and tensors:
        cells = places(tensors)
        panels: list[picture.Panel] = [
            ("norm of what is added / norm of the weights, %", lambda sums: _percent(sums.relative(shown.alpha))),
            ("entries whose served value changes, %", lambda sums: _percent(sums.changed_share)),
        ]
        for name, data in picture.draw(label, cells, panels, pictures).items():
            found[f"heatmap.{name}"] = data
    return found


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _folder(asked: Arguments, label: str) -> Path:
    """Where the files go: the folder asked for, in a sweep one for each job in it."""
    from hydra.core.hydra_config import HydraConfig

    mode = HydraConfig.get().mode if HydraConfig.initialized() else None
    sweep = mode is not None and mode.name == "MULTIRUN"
    if asked.out is not None and not sweep:
        return asked.out
    return (asked.out or Path("describe")) / file_name(label)


def _timings(started: float, ready: float, nbytes: int) -> dict[str, float]:
    """Seconds of the gate (the first time it hashes all files) and of the measurement, bytes, and peak memory."""
    now = time.monotonic()
    measured = now - ready
    return {
        "gate_s": ready - started,
        "measure_s": measured,
        "bytes": nbytes,
        "bytes_per_s": nbytes / measured if measured else 0.0,
        "peak_rss_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def _last_words(
    tensors: Sequence[Measured], shown: Shown, timings: Mapping[str, float], written: Sequence[Path]
) -> Iterable[RenderableType]:
    if tensors:
        sums = total(tensors)
        yield Text(
            f"\nin all: norm {picture.short(sums.norm(shown.alpha))}, {tables.percent(sums.relative(shown.alpha))} of "
            f"the weights'; {sums.changed:,} of {sums.entries:,} entries change ({tables.percent(sums.changed_share)})",
            style="bold",
        )
        yield Text(
            f"{timings['bytes'] / 1e9:.3g} GB in {timings['measure_s']:.1f} s "
            f"({timings['bytes_per_s'] / 1e9:.2g} GB/s), after {timings['gate_s']:.1f} s for the gate; "
            f"peak memory {timings['peak_rss_bytes'] / 1e9:.2f} GB"
        )
    if written:
        yield Text(f"written to {written[0].parent}: {', '.join(path.name for path in written)}")
