"""Where a benchmark's records are published: files of its authors, a data set of the hub, or files of this package.

Records are read whole and unchanged, or refused with the file and the line.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rveval.benchmarks import files
from rveval.benchmarks.files import Content, Records, Rules
from rveval.errors import Problem, Refused

_log = logging.getLogger(__name__)
_FOLDER_FIX = "RVEVAL_DATA names a folder that holds gsm8k/test.jsonl and so on; unset it to use the hub's data sets"
_PACKAGE_FIX = "install rveval again: the file belongs to it"


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where records are found, and what they must be.

    Args:
        name: what messages call the benchmark.
        files: by split, below the folder; a file may also be there gzipped.
        counts: records by split.
        sha256: by split, of `files.content_of`; a split that is not in it is not checked.
        rules: what every record must hold.
        hub: the data set's id and the config that lm-eval's own task uses.
        packaged: the folder of this package that holds the files; else they are in RVEVAL_DATA or on the hub.
        inside: the key of the records where a file is one JSON object.
        hub_is_known: whether the hub's copy has been compared with the authors' files and found equal.
    """

    name: str
    files: Mapping[str, str]
    counts: Mapping[str, int]
    sha256: Mapping[str, str]
    rules: Rules
    hub: tuple[str, str | None] = ("", None)
    packaged: Path | None = None
    inside: str = ""
    hub_is_known: bool = True

    def content(self, split: str) -> Content:
        """A split's records, whole and unchanged.

        Raises:
            Refused: a file that is missing, cut or changed, or a hub that can't be reached.
        """
        folder = self.packaged or os.environ.get("RVEVAL_DATA")
        if not folder:
            return self._from_hub(split)
        path = files.plain_or_gzipped(Path(folder) / self.files[split])
        return files.remembered(path, split, self, lambda path: self._from_file(path, split))

    def _from_file(self, path: Path, split: str) -> Content:
        fix = _PACKAGE_FIX if self.packaged else _FOLDER_FIX
        if path.name.removesuffix(".gz").endswith(".jsonl"):
            records = files.json_lines(path, fix)
        else:
            records = files.json_array(path, fix, self.inside)
        fix = _PACKAGE_FIX if self.packaged else f"fetch {self.files[split]} again as its authors publish it"
        content, changed = self._checked(records, split, fix)
        if changed:
            raise Refused(changed)
        return content

    def _checked(self, records: Records, split: str, fix: str) -> tuple[Content, Problem | None]:
        """The records with their hash, and what is wrong where the hash is not the published one.

        Raises:
            Refused: records are missing, too many, broken or repeated.
        """
        files.refuse(files.wrong(records, self.rules, self.counts[split], f"{split} split of {self.name}", fix))
        content = files.content_of(records.values)
        expected = self.sha256.get(split, content.sha256)
        if content.sha256 == expected:
            return content, None
        what = "not as published: some of its text was changed, or records stand in another order"
        return content, Problem(what, records.where, f"sha256 {expected} of its records", content.sha256, fix)

    def _from_hub(self, split: str) -> Content:
        path, config = self.hub
        key = (path, config, split)
        if key not in _fetched:
            where = f"{path} ({', '.join(filter(None, (config, split)))})"
            fix = f"set RVEVAL_DATA to a folder that holds {self.files[split]} as its authors publish it"
            content, changed = self._checked(Records(where, "record", self._hub_records(split)), split, fix)
            if changed and self.hub_is_known:
                raise Refused(changed)
            if changed:
                _log.warning("%s", changed)
            _fetched[key] = content
        return _fetched[key]

    def _hub_records(self, split: str) -> list[Any]:
        import datasets

        path, config = self.hub
        if path in _unreachable:
            raise self._not_loaded(split, f"not asked again after {_unreachable[path]}")
        try:
            return list(datasets.load_dataset(path, config, split=split))
        except (OSError, ValueError, RuntimeError) as error:  # what datasets raises for no network, no such set
            said = f"{type(error).__name__}: {error}"
            if isinstance(error, ConnectionError):
                _unreachable[path] = said
            raise self._not_loaded(split, said) from error

    def _not_loaded(self, split: str, said: str) -> Refused:
        path, config = self.hub
        fix = (
            f"set RVEVAL_DATA to a folder that holds {' and '.join(self.files.values())} as published, or download the"
            " data set while online"
        )
        what = f"the {split} split of {self.name} could not be loaded from the hub"
        return Refused(Problem(what, where=f"{path} (config {config})" if config else path, found=said[:300], fix=fix))


_fetched: dict[tuple[str, str | None, str], Content] = {}
_unreachable: dict[str, str] = {}
"""Data sets the hub could not be asked for, and why: it takes half a minute to give up, and BBH has 27 parts."""
