"""The real client: a run under an id of our own, and everything that it writes kept inside one folder of the store.

By itself the client gives every offline run a new folder, puts copies of every table into the user's home for good, and
lets a run that was left open swallow the next. Here a run that is finished removes the folders of earlier mirrors of
the same run, unless somebody is still writing to them, and its copies go with its folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rveval.config import Config

if TYPE_CHECKING:
    import wandb

_NAME_LENGTH = 128  # W&B refuses longer names of runs and groups; the whole label is in the run's config


@dataclass(frozen=True)
class Place:
    """Where a mirror goes: the store (its folder `wandb`), and whose project on the service."""

    store: Path
    project: str = "rveval"
    entity: str | None = None
    mode: str = "offline"
    tags: tuple[str, ...] = ()

    @staticmethod
    def of(config: Config) -> Place:
        """Where a config wants it."""
        tracking = config.tracking
        return Place(Path(config.store), tracking.project, tracking.entity, tracking.mode, tuple(tracking.tags))


class OpenRun:
    """A run of the client that is open; whatever the client raises comes through."""

    def __init__(self, run: wandb.Run) -> None:
        self._run = run
        self._folder = None if run.disabled else Path(run.settings.sync_dir).absolute()
        self._held = None if self._folder is None else _hold(self._folder)

    def log(self, values: Mapping[str, Any]) -> None:
        """Log values (numbers, tables, charts); the numbers are in the run's summary too."""
        with self._own_data_dir():
            self._run.log(dict(values))
            self._run.summary.update({key: value for key, value in values.items() if isinstance(value, int | float)})

    def state(self, values: Mapping[str, Any]) -> None:
        """Put values into the run's summary only."""
        self._run.summary.update(dict(values))

    def log_file(self, path: Path, name: str, kind: str, about: Mapping[str, Any]) -> None:
        """Log a file as an artifact; the same content is the same version of it."""
        import wandb

        with self._own_data_dir():
            artifact = wandb.Artifact(name, type=kind, metadata=dict(about))
            artifact.add_file(str(path), name=path.name)
            self._run.log_artifact(artifact)

    def finish(self, exit_code: int) -> None:
        """Close the run, and remove the folders of its earlier mirrors."""
        try:
            with self._own_data_dir():
                self._run.finish(exit_code=exit_code)
        finally:
            if self._held is not None:
                fcntl.flock(self._held, fcntl.LOCK_UN)  # a process that was forked meanwhile holds a copy of it
                os.close(self._held)
        if self._folder is not None:
            _remove_earlier(self._folder, str(self._run.id))

    @contextlib.contextmanager
    def _own_data_dir(self) -> Iterator[None]:
        """Let the client keep its copies of tables and files in the run's folder; the user's own choice stands."""
        if self._folder is None or "WANDB_DATA_DIR" in os.environ:
            yield
            return
        os.environ["WANDB_DATA_DIR"] = str(self._folder / "data")  # read by the client whenever it makes a copy
        try:
            yield
        finally:
            del os.environ["WANDB_DATA_DIR"]


def open_run(place: Place, run_id: str, *, name: str, group: str, job_type: str, config: Mapping[str, Any]) -> OpenRun:
    """Open the run with this id, or open it again.

    Args:
        place: where.
        run_id: see `groups`.
        name: for people.
        group: the study.
        job_type: "evaluate" for a variant, "summary" for a study.
        config: what is shown as the run's config.

    Raises:
        OSError: the store can't be written; asked here because the client would go to the temporary folder instead.
        PermissionError: online, and nobody is logged in; asked here because the client would wait for the keyboard.
        wandb.errors.Error: whatever else the client says.
    """
    import wandb

    if place.mode != "disabled":
        folder = place.store / "wandb"
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    wandb.setup(settings=wandb.Settings(silent=True))
    if place.mode == "online" and not wandb.login(prompt=False, verify=False):
        raise PermissionError("nobody is logged in: `wandb login`, or WANDB_API_KEY, or the offline mode")
    run = wandb.init(
        id=run_id,
        resume="allow",
        project=place.project,
        entity=place.entity,
        group=group[:_NAME_LENGTH],
        job_type=job_type,
        name=name[:_NAME_LENGTH],
        tags=list(place.tags),
        config=dict(config),
        mode=place.mode,  # type: ignore[arg-type]
        dir=place.store,
        # Never the run of the job before, should that one still be open, and never somebody else's.
        reinit="create_new",
        settings=wandb.Settings(
            console="off",  # the output of the process is not ours to capture: the user's table and the engine's log
            silent=True,
            disable_git=True,
            save_code=False,
            use_dot_wandb=False,
            x_disable_stats=True,  # the work is over: the machine's load says nothing of it
            init_timeout=20,  # a server out of reach costs a sweep this much for every job, in seconds
            finish_timeout=120,
        ),
    )
    return OpenRun(run)


def shown_config(config: Mapping[str, Any], variant: Mapping[str, Any]) -> dict[str, Any]:
    """A variant's config as the service shows it; what runs are sorted and told apart by stands at its top."""
    top = {"alpha": variant["alpha"], "fingerprint": variant["fingerprint"]}
    top |= {f"{name}_label": variant[name] for name in ("model", "vector") if name in variant}
    return {**config, **top, "variant": dict(variant)}


def folders(store: Path, run_id: str) -> list[Path]:
    """The folders of a run's mirrors in a store."""
    return sorted(path for path in (store / "wandb").glob(f"*run-*-{run_id}*") if path.is_dir())


def _hold(folder: Path) -> int | None:
    """Mark a run's folder as being written to, for as long as this process lives."""
    try:
        held = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    with contextlib.suppress(OSError):  # a file system without locks: nobody can tell, and nobody is told wrong
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return held


def _remove_earlier(own: Path, run_id: str) -> None:
    """Remove the folders of earlier mirrors of a run, but for those that another process is still writing to."""
    for folder in folders(own.parent.parent, run_id):
        if folder.resolve() == own.resolve() or folder.is_symlink():
            continue
        with contextlib.suppress(OSError):
            free = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(free, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(free)
