"""Golden studies: small real runs whose every answer and number was recorded, to see that a change changes none.

python scripts/golden.py check                   run all, compare with tests/golden/; exit status 0 equal, 1 different,
                                                 2 a command of rveval failed
python scripts/golden.py check --only page       samples, summary, page: what is compared; STUDY: which are run
python scripts/golden.py check --work FOLDER     keep the runs there; the next time complete cells are not asked again
python scripts/golden.py record --only drawn     write what is so now, of this study alone (of all: without --only)

Several words may follow --only, and several differences be shown with --shown N. Answers depend on the processor and on
vLLM's version: where these are not those of the record, the first lines say so.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import goldendiff
import goldenkept
import goldenstudies

FOLDER = goldenstudies.REPOSITORY / "tests" / "golden"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("record", "check"))
    parser.add_argument("--only", nargs="+", default=[], choices=(*goldendiff.PARTS, *goldenstudies.NAMES))
    parser.add_argument("--work", type=Path, help="where runs and reports are kept (default: a folder that is removed)")
    parser.add_argument("--shown", type=int, default=goldendiff.SHOWN, help="differences shown of each kind")
    arguments = parser.parse_args()
    parts = [word for word in arguments.only if word in goldendiff.PARTS] or list(goldendiff.PARTS)
    named = [word for word in arguments.only if word in goldenstudies.NAMES] or list(goldenstudies.NAMES)
    if arguments.verb == "record" and len(parts) < len(goldendiff.PARTS):
        parser.error("a study is recorded whole: name studies, not parts")
    names = goldenstudies.can_run(named)
    for name in named:
        if name not in names:
            print(f"{name}: NOT RUN, it needs HumanEval's data: set RVEVAL_DATA")
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="rveval-golden-") as scratch:
        work = (arguments.work or Path(scratch)).resolve()
        try:
            goldenstudies.run(names, work)
        except goldenstudies.Failed as failed:
            print(failed)
            return 2
        status = _record(names, work) if arguments.verb == "record" else _check(names, work, parts, arguments.shown)
    print(f"{time.perf_counter() - started:.0f} s")
    return status


def _record(names: Sequence[str], work: Path) -> int:
    FOLDER.mkdir(exist_ok=True)
    for name in names:
        value = {"made_on": goldenkept.made_on(work), **goldenkept.study(name, work)}
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        # No name and no time in the archive: the same record is the same file.
        (FOLDER / f"{name}.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
        print(f"{name}: {len(value['cells'])} cells, {len(value['numbers'])} numbers recorded")
    return 0


def recorded(name: str) -> dict[str, Any]:
    """What was recorded of a study."""
    return dict(json.loads(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes())))


def _check(names: Sequence[str], work: Path, parts: Sequence[str], shown: int) -> int:
    here, differing = goldenkept.made_on(work), []
    for name in names:
        golden = recorded(name)
        for what, version in golden["made_on"].items():
            if here and here.get(what, version) != version and what not in ("rveval", "python"):
                print(f"{name}: recorded with {what} {version}, here it is {here[what]}: answers may differ for that")
        kinds = goldendiff.compare(golden, goldenkept.study(name, work), parts)
        if any(kind.differences for kind in kinds):
            differing.append(name)
        note = " (weights drawn at random)" if name in goldenstudies.DRAWN else ""
        print("\n".join(goldendiff.report(f"{name}{note}", kinds, shown)))
    print(
        f"{len(names) - len(differing)} of {len(names)} studies equal"
        + "".join(f"; {name} differs" for name in differing)
    )
    return int(bool(differing))


if __name__ == "__main__":
    sys.exit(main())
