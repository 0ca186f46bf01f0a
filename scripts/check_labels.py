"""Judge every item of every benchmark under every family by the oracle of the tests, and print what it found.

    RVEVAL_DATA=FOLDER python scripts/check_labels.py [--draws 3] [--families typos,hint] [--sources gsm8k,bbh_navigate]
        [--strength 1]

One line for each benchmark and family: items times draws, the share that is asked otherwise than cleanly, how many
were left alone in some part and why, and the violations, which are named below the line. The exit status is 1 where
there is any. All of it takes about ten minutes on one core.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from oracle import FAMILIES, SOURCES, Report, check, must_apply

from rveval.errors import Refused

SHOWN = 20


def main() -> int:
    """Read the arguments, judge, print; how many kinds of trouble there are decides the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--sources", default=",".join(SOURCES))
    parser.add_argument("--strength", type=float)
    asked = parser.parse_args()
    print(f"{'family':12} {'benchmark':12} {'items':>7} {'changed':>8} {'left':>6} {'violations':>11}")
    found = 0
    for families in asked.families.split(","):
        grouped: dict[str, list[Report]] = defaultdict(list)
        for source in asked.sources.split(","):
            name = "bbh" if source.startswith("bbh_") else source
            grouped[name] += _judged(source, families, asked.draws, asked.strength)
        found += sum(_print(families, name, reports) for name, reports in grouped.items() if reports)
    return 1 if found else 0


def _judged(source: str, families: str, draws: int, strength: float | None) -> list[Report]:
    try:
        return [check(source, families, draw, strength=strength) for draw in range(draws)]
    except Refused:
        if not must_apply(source, families):
            return []
        raise


def _print(families: str, name: str, reports: Sequence[Report]) -> int:
    items, changed = sum(report.items for report in reports), sum(report.changed for report in reports)
    reasons: dict[str, int] = defaultdict(int)
    for report in reports:
        for reason, times in report.left.items():
            reasons[reason] += times
    wrong = [(report, item, what) for report in reports for item, what in report.violations]
    left = sum(reasons.values())
    print(f"{families:12} {name:12} {items:7} {changed / items:8.1%} {left:6} {len(wrong):11}", flush=True)
    for reason, times in sorted(reasons.items(), key=lambda pair: -pair[1]):
        print(f"    {times:6} x {reason}")
    for report, item, what in wrong[:SHOWN]:
        print(f"    ! {item} draw {report.draw}: {what}")
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main())
