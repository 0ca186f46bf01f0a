"""HumanEval's 164 published solutions, run confined: they all have to pass. Prints how long that takes.

python scripts/check_humaneval.py [--sandbox bwrap|docker|podman|unsafe] [--workers N]
"""

from __future__ import annotations

import argparse
import sys
import time

from rveval import benchmarks, sandbox


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sandbox", default="bwrap")
    parser.add_argument("--workers", type=int, help="programs at a time (default: one a core)")
    arguments = parser.parse_args()
    items = benchmarks.load("humaneval")
    programs = [
        sandbox.Program(
            item["prompt"] + item["canonical_solution"], item["entry_point"], item["test"], helpers=item["prompt"]
        )
        for item in items
    ]
    sandbox.check(arguments.sandbox)
    start = time.perf_counter()
    outcomes = sandbox.run_all(programs, arguments.sandbox, arguments.workers)
    seconds = time.perf_counter() - start
    for item, outcome in zip(items, outcomes, strict=True):
        if not outcome.passed:
            print(f"{item['item_id']}: {outcome.reason}: {outcome.detail}")
    passed = sum(outcome.passed for outcome in outcomes)
    print(f"{passed} of {len(outcomes)} pass, {seconds:.1f} s, sandbox={arguments.sandbox}")
    return 0 if passed == len(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
