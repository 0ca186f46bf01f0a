"""`python -m rveval.report study=NAME`. See --help."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rveval.run import rescore
from rveval.show import report
from rveval.store import Store


def main(argv: Sequence[str] | None = None) -> int:
    """Make a report, once the answers are scored again that were scored in another way; returns the exit status."""
    return report.main(argv, _score_again)


def _score_again(place: Path, study: str, force: bool) -> Iterator[str]:
    yield from map(str, rescore(Store(place), study, force=force))


if __name__ == "__main__":
    sys.exit(main())
