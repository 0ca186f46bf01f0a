"""The edge: a command line in, an exit status out, words for people in between. Hydra, and no logic.

Hydra by itself exits with 1 on a wrong config, prints tracebacks, drops what a job returns and stops a sweep at the
first job that raises. Here a job never raises: it leaves an `Outcome`, and the worst outcome is the exit status.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rveval import __version__
from rveval.errors import DoesNotMatch, Problem, Refused, RvevalError

DONE, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130
_SEVERITY = (DONE, REFUSED, FAILED, INTERRUPTED)
"""From best to worst: a refusal cost nothing, a failure cost an engine's time."""

_HOW = {REFUSED: "refused", INTERRUPTED: "interrupted"}

_log = logging.getLogger("rveval")


@dataclass(frozen=True)
class Outcome:
    """How one job ended, and the words to say about it (none where it is done)."""

    exit_code: int
    label: str
    message: str = ""
    kept: bool = False  # a refusal that the study keeps as a result


@dataclass
class _Invocation:
    """What the jobs of one command line leave behind."""

    jobs: list[Outcome] = field(default_factory=list)
    around: list[Outcome] = field(default_factory=list)  # how Hydra and the closing ended, where they did not end well
    store: str | None = None  # of the last job that got as far as an engine; None: nothing to close
    sweep: bool = False
    verb: Callable[[Any], None] | None = None  # what to do with a config, if not to run it


def main(argv: Sequence[str] | None = None, verb: Callable[[Any], None] | None = None) -> int:
    """Run a command line (default: `sys.argv[1:]`); returns the exit status and never raises.

    Args:
        argv: overrides and flags.
        verb: what to do with each typed config; None evaluates it.
    """
    # argparse takes `a=1 -m b=2` for an error: -m goes to the front
    arguments = sorted(sys.argv[1:] if argv is None else argv, key=lambda text: text not in ("-m", "--multirun"))
    if "--version" in arguments:
        sys.stdout.write(f"rveval {__version__}\n")
        return DONE
    invocation = _Invocation(verb=verb)
    with _words_to_stderr():
        _step("command line", lambda: _through_hydra(arguments, invocation), invocation)
        _step("end of the run", lambda: _close(invocation), invocation)
        _say_what_went_wrong(invocation)
    outcomes = [*invocation.jobs, *invocation.around]
    return max((one.exit_code for one in outcomes), key=_rank, default=DONE)


def _step(label: str, work: Callable[[], Outcome | None], invocation: _Invocation) -> None:
    """One of the two steps around the jobs; an interruption ends it and not the other one."""
    try:
        outcome = _guarded(label, work, invocation)
    except KeyboardInterrupt:
        known = any(one.exit_code == INTERRUPTED for one in invocation.jobs)
        outcome = None if known else Outcome(INTERRUPTED, label)
    if outcome is not None:
        invocation.around.append(outcome)


def _through_hydra(arguments: list[str], invocation: _Invocation) -> Outcome | None:
    """Let Hydra compose and call the jobs; an outcome only where it ended by itself (--help, a wrong flag)."""
    import hydra
    from hydra._internal.utils import get_args_parser
    from omegaconf import OmegaConf

    from rveval import config as schema
    from rveval.config import points

    try:
        flags = get_args_parser().parse_args(arguments)
    except SystemExit as ended:  # argparse has said why
        return Outcome(int(ended.code or 0), "command line")
    lines = _lines(flags)
    schema.register()

    def job(cfg: Any) -> None:
        from hydra.core.hydra_config import HydraConfig

        hydra_cfg = HydraConfig.get()
        invocation.sweep = hydra_cfg.mode is not None and hydra_cfg.mode.name == "MULTIRUN"
        typed = OmegaConf.to_container(hydra_cfg.overrides.task, resolve=False)  # as typed: ${x} may not resolve
        label = " ".join(text for text in (typed if isinstance(typed, list) else []) if text != points.NONE)
        _run_job(cfg, label or "rveval", invocation)

    decorated = hydra.main(version_base="1.3", config_path=str(schema.config_dir()), config_name="config")(job)
    others = list(arguments)
    for text in flags.overrides:
        others.remove(text)
    multirun = ["-m"] if any(points.NONE in line for line in lines) and not flags.multirun else []
    for line in lines:
        if outcome := _guarded("command line", partial(_one_line, decorated, [*multirun, *others, *line]), invocation):
            invocation.around.append(outcome)
    if invocation.jobs or invocation.around or _only_shows(flags):
        return None
    return Outcome(FAILED, "command line", "no job has reported how it ended: only Hydra's basic launcher is supported")


def _lines(flags: Any) -> list[list[str]]:
    """The overrides as they were typed; where they or their experiment list points, those of every point.

    Raises:
        Refused: with everything that is wrong with them.
    """
    from rveval import config as schema
    from rveval.config import overrides, points

    named = {text.partition("=")[0] for text in flags.overrides}
    if "hydra.searchpath" in named or flags.config_path is not None:
        return [flags.overrides]  # whose configs these are is Hydra's to find out
    sweeping = flags.multirun or not {"experiment", "points", "hydra.mode"}.isdisjoint(named)
    folders = [schema.config_dir(), *([Path(flags.config_dir)] if flags.config_dir else [])]
    typed, given = points.apart(flags.overrides)
    overrides.check(typed, sweeping, folders)
    if _only_shows(flags) or flags.config_name is not None:
        return [points.spelled_out(typed, given)]
    return points.expand(typed, given, folders)


def _only_shows(flags: Any) -> bool:
    return bool(flags.help or flags.hydra_help or flags.cfg or flags.info or flags.shell_completion)


def _one_line(decorated: Callable[[], Any], arguments: list[str]) -> Outcome | None:
    """One call of Hydra, which calls the jobs."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    from rveval.config import overrides

    try:
        with tempfile.TemporaryDirectory(prefix="rveval-") as scratch, _as_hydra_wants_it(arguments, scratch):
            decorated()
    except SystemExit as ended:
        return Outcome(int(ended.code or 0), "command line")  # --help, --hydra-help
    except (HydraException, OmegaConfBaseException, YAMLError, ValueError, OSError) as error:
        raise overrides.from_hydra(error) from error
    return None


@contextlib.contextmanager
def _as_hydra_wants_it(arguments: list[str], scratch: str) -> Iterator[None]:
    """Hydra reads `sys.argv`, raises only where HYDRA_FULL_ERROR is set, and writes a multirun.yaml somewhere."""
    wanted = {"HYDRA_FULL_ERROR": "1", "RVEVAL_SCRATCH": scratch}
    argv, before = sys.argv, {name: os.environ.get(name) for name in wanted}
    sys.argv = ["rveval", *arguments]
    os.environ.update(wanted)
    try:
        yield
    finally:
        sys.argv = argv
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _run_job(cfg: Any, label: str, invocation: _Invocation) -> None:
    try:
        outcome = _guarded(label, lambda: _job(cfg, label, invocation), invocation)
    except KeyboardInterrupt:
        kept = "complete cells are kept; the same command goes on from there" if invocation.verb is None else ""
        invocation.jobs.append(Outcome(INTERRUPTED, label, kept))
        raise
    assert outcome is not None
    invocation.jobs.append(outcome)
    if outcome.exit_code and invocation.sweep:
        # said now, in full at the end: the end of a long sweep may be hours away. A refusal that the study keeps is a
        # result among others: in full now, and at the end a name on a list
        words = outcome.message if outcome.kept else outcome.message.partition("\n")[0]
        _log.error("%s: %s: %s", _HOW.get(outcome.exit_code, "failed"), outcome.label, words)


def _job(cfg: Any, label: str, invocation: _Invocation) -> Outcome:
    from rveval import config as schema

    config = schema.parse(cfg)
    if config.points:
        what = "the points of this experiment were not read"
        fix = "name experiments one by one, and folders of your own with --config-dir"
        raise Refused(Problem(what, "points", fix=fix))
    from rveval.run import jobs

    if invocation.verb is not None or config.dry_run:
        (invocation.verb or jobs.dry_run)(config)
        return Outcome(DONE, label)
    invocation.store = config.store
    try:
        result = jobs.run(config)
    except DoesNotMatch as refused:
        return Outcome(refused.exit_code, refused.label, str(refused), kept=True)
    return Outcome(result.exit_code, result.label or label, result.message)


def _close(invocation: _Invocation) -> None:
    if invocation.store is not None:
        from rveval.run import jobs

        jobs.close(invocation.store)


def _guarded(label: str, work: Callable[[], Outcome | None], invocation: _Invocation) -> Outcome | None:
    """What `work` returns, or the outcome of what it raised; lets only KeyboardInterrupt through."""
    try:
        return work()
    except RvevalError as error:
        return Outcome(error.exit_code, label, str(error))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - the edge: what nobody foresaw ends in one line, not in a traceback
        return Outcome(FAILED, label, _unforeseen(error, invocation.store))


def _unforeseen(error: BaseException, store: str | None) -> str:
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    text = "".join(traceback.format_exception(error))
    first_line = (str(error).splitlines() or [""])[0]
    for folder in (*([Path(store) / "logs"] if store else []), Path(tempfile.gettempdir()) / "rveval-logs"):
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
            return f"{type(error).__name__}: {first_line} (traceback: {folder / name})"
    return f"{type(error).__name__}: {first_line} (no folder could be written for the traceback)"


def _say_what_went_wrong(invocation: _Invocation) -> None:
    """The last words: every end that was not a good one, those with the same reason together."""
    wrong = [one for one in invocation.jobs if one.exit_code]
    kept = [one for one in wrong if one.kept and invocation.sweep]
    if invocation.sweep and len(wrong) > len(kept):
        _log.error("%d of %d jobs did not end well:", len(wrong), len(invocation.jobs))
    if kept:
        what = "refused as not compatible with the base, which the study keeps"
        _log.error("%d of %d variants %s: %s", len(kept), len(invocation.jobs), what, "; ".join(o.label for o in kept))
    reasons: dict[tuple[int, str], list[str]] = {}
    for one in [*wrong, *(one for one in invocation.around if one.exit_code)]:
        if one not in kept:
            reasons.setdefault((one.exit_code, one.message), []).append(one.label)
    for (exit_code, message), labels in reasons.items():
        _log.error("%s", f"{_HOW.get(exit_code, 'failed')}: {'; '.join(labels)}\n{message}".rstrip())


def _rank(exit_code: int) -> int:
    return _SEVERITY.index(exit_code) if exit_code in _SEVERITY else _SEVERITY.index(FAILED)


@contextlib.contextmanager
def _words_to_stderr() -> Iterator[None]:
    """Show what `rveval` logs, bare, on stderr; a caller in the same process finds its logging as it was."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    level, propagate = _log.level, _log.propagate
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    _log.propagate = False
    try:
        yield
    finally:
        _log.removeHandler(handler)
        _log.setLevel(level)
        _log.propagate = propagate
