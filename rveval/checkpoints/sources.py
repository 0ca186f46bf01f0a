"""From what a config names to what is on disk: a folder, `tiny:NAME` (packaged), a hub repository `org/name`, or the
file of a saved delta.

Only safetensors, configs and tokenizer files are ever fetched.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any, Protocol

from rveval.checkpoints import headers
from rveval.checkpoints.files import some
from rveval.checkpoints.fingerprints import MODEL_FILES
from rveval.errors import Problem, Refused

log = logging.getLogger(__name__)

TINY = Path(__file__).parent.parent / "tiny" / "models"
MISSING = "???"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_ANSWER_SECONDS = 5.0


class Source(Protocol):
    """What a config says of a checkpoint: `path` (folder, `tiny:NAME` or `org/name`), and where in it."""

    @property
    def path(self) -> str: ...
    @property
    def revision(self) -> str | None: ...
    @property
    def subfolder(self) -> str | None: ...


def resolve(source: Source, where: str = "model.path") -> Path:
    """The folder on disk that a source means, fetched from the hub if it must be; a saved delta is a file.

    An existing folder always wins, and then `revision` means nothing; what looks like a folder is never sent to the
    hub. A revision that is a commit and wholly in the hub's cache is used without asking the hub; a branch is asked
    for, and the cached snapshot used with a warning where the hub cannot be reached.

    Args:
        source: path, revision and subfolder.
        where: the config key that named it, for the error.

    Raises:
        Refused: nothing there, the hub cannot be reached, or the repository holds no safetensors; within seconds.
    """
    _filled_in("path", source.path, where)
    _filled_in("subfolder", source.subfolder, where)
    if source.path.startswith("tiny:"):
        return _tiny(source.path.removeprefix("tiny:"), where)
    folder = expanded(source.path)
    if source.path and folder.is_dir():
        return _subfolder(folder, source, where)
    if folder.is_file() and folder.suffix == ".safetensors":
        return _saved_delta(folder, source, where)
    if source.path.startswith(("/", "./", "../", "~")) or source.path in (".", "..", "") or folder.exists():
        what = "this is a file, not a folder" if folder.is_file() else "no such folder"
        fix = f"give the folder that holds config.json and *.safetensors: {where}=FOLDER"
        raise Refused(Problem(f"{what}: {source.path or '(empty)'}", where, fix=fix))
    if not _HUB_ID.fullmatch(source.path):
        expected = "an existing folder, tiny:NAME, or a hub repository org/name"
        raise Refused(Problem("this names no checkpoint", where, expected, source.path))
    _filled_in("revision", source.revision, where)
    return _from_hub(source, where)


def expanded(path: str) -> Path:
    """A path with `~` written out; as it is where nobody has such a home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def _filled_in(key: str, value: str | None, where: str) -> None:
    if value == MISSING:
        full = where if key == "path" else f"{where.removesuffix('.path')}.{key}"
        fix = f"nobody could check this {key} for you: give {full}=..., or a local folder with {where}=FOLDER"
        raise Refused(Problem(f"the {key} is not filled in (???)", full, fix=fix))


def _tiny(name: str, where: str) -> Path:
    folder = TINY / name
    there = sorted(path.parent.name for path in TINY.glob("*/config.json"))
    if name not in there:
        found = f"tiny:{name}"
        expected = " or ".join(f"tiny:{other}" for other in there) or "packaged models, but this install has none"
        raise Refused(Problem("no such packaged model", where, expected, found))
    return folder


def _subfolder(folder: Path, source: Source, where: str) -> Path:
    inside = folder / source.subfolder if source.subfolder else folder
    if not inside.is_dir():
        key = f"{where.removesuffix('.path')}.subfolder"
        fix = f"set {key}=null if the weights lie in the folder itself"
        raise Refused(Problem(f"no such folder: {inside}", key, fix=fix))
    return inside


def _saved_delta(file: Path, source: Source, where: str) -> Path:
    """The file itself, if it is a saved delta and stands where one has a meaning.

    Raises:
        Refused: other safetensors, or not the `plus` of a term.
    """
    headers.origin(file)
    if not where.endswith(".plus"):
        what = "a saved delta is a difference already, so nothing can be subtracted from it or stand for a model"
        fix = f"give it as the plus of a term without minus: vector.terms=[{{plus: {{path: {source.path}}}}}]"
        raise Refused(Problem(what, where, "the folder of a checkpoint", source.path, fix))
    if source.subfolder:
        raise Refused(Problem("a file has no subfolders", f"{where}.subfolder", "null", source.subfolder))
    return file


def _from_hub(source: Source, where: str) -> Path:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    # The hub's client changed its HTTP library twice; the base of its own error names the one in use.
    bases: tuple[type[Any], ...] = HfHubHTTPError.__mro__
    transport = [base for base in bases if base.__name__ in ("HTTPError", "RequestException")]
    expected: tuple[type[Exception], ...] = (OSError, ValueError, *transport)
    cached, lacking = _cached(source)
    if cached is not None and _COMMIT.fullmatch(source.revision or ""):
        return cached
    wanted = lacking
    try:
        info = HfApi().model_info(source.path, revision=source.revision, timeout=_ANSWER_SECONDS)
        wanted = _wanted([file.rfilename for file in info.siblings or []], source, where)
        # The commit, not the branch: what was listed is what is fetched.
        snapshot = snapshot_download(
            source.path, revision=info.sha, allow_patterns=wanted, etag_timeout=_ANSWER_SECONDS
        )
    except expected as error:
        if cached is None:
            raise Refused(_unreachable(source, where, wanted, error)) from error
        log.warning("%s: the hub gave no answer (%s); using the cached %s", where, _first_line(error), cached)
        return cached
    return _subfolder(Path(snapshot), source, where)


def _cached(source: Source) -> tuple[Path | None, list[str]]:
    """The snapshot in the hub's cache if it is complete, and otherwise the files that it lacks."""
    from huggingface_hub import try_to_load_from_cache

    # Not snapshot_download(local_files_only=True): that calls a snapshot incomplete for files that nobody wants.
    inside = f"{source.subfolder.strip('/')}/" if source.subfolder else ""
    try:
        names = [f"{inside}{name}" for name in ("config.json", headers.ADAPTER_CONFIG)]
        there = [try_to_load_from_cache(source.path, name, revision=source.revision) for name in names]
    except ValueError:  # no possible name of a repository; the hub's client says why when it is asked
        there = []
    config = next((found for found in there if isinstance(found, str)), None)
    if config is None:
        return None, ["config.json", headers.SINGLE]
    folder = Path(config).parent
    problems = headers.weight_files(folder).problems
    lacking = [Path(problem.where).name for problem in problems if problem.where.endswith(".safetensors")]
    return (folder, []) if not problems else (None, lacking or [headers.SINGLE])


def _wanted(files: list[str], source: Source, where: str) -> list[str]:
    """The files of a repository that make up the checkpoint; a second copy of the weights is left where it is."""
    prefix = f"{source.subfolder.strip('/')}/" if source.subfolder else ""
    here = [file.removeprefix(prefix) for file in files if file.startswith(prefix)]
    here = [file for file in here if "/" not in file or file.startswith("additional_chat_templates/")]
    weights = [file for file in here if file.endswith(".safetensors")]
    if headers.INDEX in here:
        weights = [file for file in weights if file.startswith("model-")] or weights
    elif headers.SINGLE in here:
        weights = [headers.SINGLE]
    elif headers.ADAPTER in here and headers.ADAPTER_CONFIG in here:
        weights = [headers.ADAPTER, headers.ADAPTER_CONFIG]
    if not weights:
        pickles = [file for file in here if file.endswith((".bin", ".pt", ".pth", ".ckpt", ".pkl"))]
        place = f"{_name(source)}{', folder ' + source.subfolder if source.subfolder else ''}"
        what = f"{place} holds no safetensors" + ("; pickles are never loaded" if pickles else "")
        fix = f"convert it to safetensors and give the folder: {where}=FOLDER"
        raise Refused(Problem(what, where, "*.safetensors", some(pickles or here) or "no files", fix))
    others = [headers.INDEX, *MODEL_FILES]
    templates = [file for file in here if file.startswith("additional_chat_templates/") and file.endswith(".jinja")]
    return [prefix + file for file in [*weights, *templates, *(file for file in others if file in here)]]


def _unreachable(source: Source, where: str, wanted: list[str], error: BaseException) -> Problem:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    inside = f"{source.subfolder}/" if source.subfolder else ""
    reasons: dict[type[BaseException], str] = {
        GatedRepoError: "its owner lets in only who accepted the terms (accept them on its page, then `hf auth login`)",
        RepositoryNotFoundError: "the hub knows no such repository, or it is private (`hf auth login`)",
        RevisionNotFoundError: "the repository has no such revision",
    }
    reason = reasons.get(type(error), f"the hub cannot be reached ({_first_line(error)})")
    revision = f" --revision {source.revision}" if source.revision else ""
    command = f"hf download {source.path}{revision} --local-dir FOLDER"
    fix = f"where there is a network, `{command}`; then run with {where}=FOLDER"
    first = inside + wanted[0].removeprefix(inside)
    return Problem(f"cannot get {first} of {_name(source)}, and it is not in the hub's cache: {reason}", where, fix=fix)


def _name(source: Source) -> str:
    return f"{source.path} at revision {source.revision or 'main'}"


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
