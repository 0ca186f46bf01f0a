"""The edge: a command line in, an exit status out, words for people in between. No logic.

Every point of a sweep is composed, all are planned together, then run; how each point ended is an `Outcome`, and the
worst of them is the exit status.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rveval import __version__
from rveval import config as schema
from rveval.config import Config, Point
from rveval.errors import Problem, Refused, RvevalError
from rveval.run import Mirror, Outcome, Sweep, listing, plan_sweep, run_sweep, unforeseen

DONE, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130
_SEVERITY = (DONE, REFUSED, FAILED, INTERRUPTED)
"""From best to worst: a refusal cost nothing, a failure cost an engine's time."""

_HOW = {REFUSED: "refused", INTERRUPTED: "interrupted"}
_OF_HYDRA = ("-sc", "--shell-completion", "-i", "--info", "--hydra-help")
_HERE = "command line"

Show = Callable[[Sweep], Iterable[Any]]
"""From a plan to what is printed of it instead of running it."""

log = logging.getLogger("rveval")


def main(
    argv: Sequence[str] | None = None, verb: Callable[[Config], None] | None = None, show: Show | None = None
) -> int:
    """Run a command line (default: `sys.argv[1:]`); returns the exit status and never raises.

    Args:
        argv: overrides and flags.
        verb: what to do with the config of each point, instead of planning and running them.
        show: what to print of the plan, instead of running it.
    """
    outcomes: list[Outcome] = []
    with _words_to_stderr():
        try:
            _obey(list(sys.argv[1:] if argv is None else argv), verb, show, outcomes)
        except RvevalError as error:
            outcomes.append(Outcome(error.exit_code, _HERE, str(error)))
        except KeyboardInterrupt:
            known = any(outcome.exit_code == INTERRUPTED for outcome in outcomes)
            outcomes += [] if known else [Outcome(INTERRUPTED, _HERE)]
        except SystemExit as ended:  # argparse and Hydra have said why
            return int(ended.code or 0)
        except BaseException as error:  # noqa: BLE001 - what nobody foresaw ends in one line, not in a traceback
            outcomes.append(Outcome(FAILED, _HERE, unforeseen(error, None)))
        _last_words(outcomes)
    return max((outcome.exit_code for outcome in outcomes), key=_rank, default=DONE)


def _obey(words: list[str], verb: Callable[[Config], None] | None, show: Show | None, outcomes: list[Outcome]) -> None:
    if any(word in _OF_HYDRA for word in words):
        _hand_over_to_hydra()
        return
    flags = _flags().parse_intermixed_args(words)
    folders = [Path(folder) for folder in flags.config_dir]
    if flags.version or flags.help or flags.cfg:
        sys.stdout.write(_shown(flags, folders))
        return
    points = schema.points(flags.overrides, sweeping=flags.multirun, folders=folders)
    if verb is not None:
        for point in points:
            outcomes.append(_one(point, verb))
        return
    sweep = plan_sweep(points)
    if show is None and any(plan.config.dry_run for plan in sweep.plans) | _all_dry(points):
        show = listing.cells
    if show is not None:
        _print(show(sweep))
        outcomes += sweep.refused
        return
    _run(sweep, outcomes)


def _all_dry(points: Sequence[Point]) -> bool:
    return any(point.config is not None and point.config.dry_run for point in points)


def _run(sweep: Sweep, outcomes: list[Outcome]) -> None:
    """Run a plan, then show every study that it touched; also where it was interrupted."""

    def ended(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if outcome.exit_code and sweep.points > 1:
            # Said now, in full at the end: the end of a long sweep may be hours away. A refusal that the study keeps
            # is a result among others: in full now, and at the end a name on a list.
            words = outcome.message if outcome.kept else outcome.message.partition("\n")[0]
            log.error("%s: %s: %s", _HOW.get(outcome.exit_code, "failed"), outcome.label, words)

    fresh: set[str] = set()
    try:
        run_sweep(sweep, ended, fresh, _mirror)
    finally:
        problems: list[Problem] = []
        for (store, study), config in sweep.studies.items():
            try:
                _print(_study(Path(store), study, fresh))
            except RvevalError as error:
                problems.extend(error.problems)
            if fresh and config.tracking.kind != "none":
                from rveval.show import tracking

                tracking.summarise(config)
        if problems:
            raise Refused(problems)


def _mirror(config: Config, variant: Mapping[str, Any]) -> Mirror | None:
    if config.tracking.kind == "none":
        return None
    from rveval.show import tracking

    return tracking.start(config, variant)


def _study(place: Path, study: str, fresh: set[str]) -> Iterator[Any]:
    """A study's cells, the variants that were refused, and where to go from there.

    Raises:
        Refused: something in the store was damaged.
    """
    from rveval.show import console, end_of_run
    from rveval.store import Store

    store = Store(place)
    if not (place / "studies" / study).is_dir():
        return  # nothing got as far as a cell; why was said
    listed = [(entry["label"], cell_id) for entry in store.read_study(study) for cell_id in entry["cells"]]
    yield from end_of_run(store, study, fresh, console().width)
    for label, cell_id in listed:
        if not store.has(cell_id):
            log.warning("warning: %s lists the cell %s, which is not in the store any more", label, cell_id)
    yield f"stored in {place / 'cells'}, listed in {place / 'studies' / study}"
    if listed:
        elsewhere = "" if str(place) == "runs" else f" store={place}"
        yield f"the verdict, as a page: python -m rveval.report study={study}{elsewhere}"


def _print(parts: Iterable[Any]) -> None:
    from rveval.show import console

    out = console()
    for part in parts:
        out.print(part, highlight=False, markup=False, soft_wrap=isinstance(part, str))


def _one(point: Point, verb: Callable[[Config], None]) -> Outcome:
    """How a verb ended on one point."""
    try:
        if point.config is None:
            raise Refused(point.problems)
        verb(point.config)
    except RvevalError as error:
        return Outcome(error.exit_code, getattr(error, "label", point.label), str(error))
    return Outcome(DONE, point.label)


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("rveval", add_help=False, allow_abbrev=False)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("--version", action="store_true")
    parser.add_argument("-m", "--multirun", action="store_true")
    parser.add_argument("-c", "--cfg", choices=("job", "hydra", "all"))
    parser.add_argument("--resolve", action="store_true")
    parser.add_argument("-cd", "--config-dir", action="append", default=[])
    return parser


def _shown(flags: argparse.Namespace, folders: Sequence[Path]) -> str:
    if flags.version:
        return f"rveval {__version__}\n"
    if flags.help:
        return schema.help_text(folders)
    from omegaconf import OmegaConf

    composed = schema.composed(flags.overrides, folders, with_hydra=flags.cfg != "job")
    return OmegaConf.to_yaml(composed.hydra if flags.cfg == "hydra" else composed, resolve=flags.resolve)


def _hand_over_to_hydra() -> None:
    """Tab completion and what Hydra says of itself; it reads the process's own command line."""
    import hydra

    schema.register()
    hydra.main(version_base="1.3", config_path=str(schema.config_dir()), config_name="config")(lambda _: None)()


def _last_words(outcomes: Sequence[Outcome]) -> None:
    """Every end that was not a good one, those with the same reason together."""
    wrong = [outcome for outcome in outcomes if outcome.exit_code]
    several = len(outcomes) > 1
    kept = [outcome for outcome in wrong if outcome.kept and several]
    if several and len(wrong) > len(kept):
        log.error("%d of %d jobs did not end well:", len(wrong), len(outcomes))
    if kept:
        what = "refused as not compatible with the base, which the study keeps"
        labels = "; ".join(outcome.label for outcome in kept)
        log.error("%d of %d variants %s: %s", len(kept), len(outcomes), what, labels)
    reasons: dict[tuple[int, str], list[str]] = {}
    for outcome in wrong:
        if outcome not in kept:
            reasons.setdefault((outcome.exit_code, outcome.message), []).append(outcome.label)
    for (exit_code, message), labels_of in reasons.items():
        log.error("%s", f"{_HOW.get(exit_code, 'failed')}: {'; '.join(labels_of)}\n{message}".rstrip())


def _rank(exit_code: int) -> int:
    return _SEVERITY.index(exit_code) if exit_code in _SEVERITY else _SEVERITY.index(FAILED)


class _Stderr(logging.Handler):
    """Bare words on what is stderr at that moment: a progress display takes its place."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"{record.getMessage()}\n")


@contextlib.contextmanager
def _words_to_stderr() -> Iterator[None]:
    """Show what `rveval` logs on stderr; a caller in the same process finds its logging as it was."""
    handler = _Stderr()
    level, propagate = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        log.propagate = propagate
