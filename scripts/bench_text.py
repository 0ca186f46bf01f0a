"""How long do the families take over whole benchmarks, and the readers over a megabyte of hostile text?

    python scripts/bench_text.py [--rounds 3] [--only families|readers]

For every family the seconds of processor time over all test items of GSM8K (left out where its data is not there) and
of the four tiny benchmarks, those it applies to; the best of the rounds. For every reader the seconds for one megabyte:
the unit whose repetition takes longest, and how many times longer it takes than half a megabyte of it (2 is linear).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from rveval import benchmarks, perturb
from rveval.answers import read_brackets, read_code, read_number, read_option, read_sorted, read_word
from rveval.errors import Refused

MEGABYTE = 1_000_000
STUB = "def solve(x):\n"
OPTIONS = ["ribosome", "mitochondria", "cell wall", "cell"]
READERS: dict[str, Callable[[str], object]] = {
    "read_number": read_number,
    "read_option": lambda text: read_option(text, "ABCD", OPTIONS),
    "read_code": lambda text: read_code(text, STUB, "solve"),
    "read_word": lambda text: read_word(text, ("valid", "invalid")),
    "read_brackets": lambda text: read_brackets(text, "( ["),
    "read_sorted": lambda text: read_sorted(text, ["apple", "fig", "kiwi"]),
}
UNITS = (
    *("1", "1 ", "1,111,", "-", "$", ".1", "#", "#### ", "####1", "#### A x", "\\", "\\boxed{", "{", "(", "( (x"),
    *("A", "A ", "A\n", "(A) ", "**A** ", "option A ", "choose ", "the answer ", "answer is ", "answer is 1+1="),
    *("Answer: ", "is correct ", "cell wall is correct ", "cell ", "no ", "not ", "not valid ", "**no", "n't an an "),
    *("apple ", "apple\n", "1. ", "sorted: ", "order ", "x = 1\n", "```\n", "```python\n", "'''", "It's prose.\n"),
    *("<think>", "</think>", "<answer>", "</answer>", '"answer": "', "1\n\nHuman: ", "\\frac{1}{", "1 = ", "A or B "),
    *("def solve(x):\n    return x\n", "if x:\n", "[", "\0", " ", "\n", "\t", "*", "`", "x\n", "a.", "]\n"),
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["families", "readers"])
    arguments = parser.parse_args()
    if arguments.only != "readers":
        families(arguments.rounds)
    if arguments.only != "families":
        readers(arguments.rounds)


def seconds(rounds: int, work: Callable[..., object], *given: object) -> float:
    """Processor time of some work, the best of several rounds."""
    taken = []
    for _ in range(rounds):
        begun = time.process_time()
        work(*given)
        taken.append(time.process_time() - begun)
    return min(taken)


def families(rounds: int) -> None:
    names = ["gsm8k", *(name for name in benchmarks.names() if benchmarks.traits(name).for_tiny_models)]
    sources = {name: asked for name in names if (asked := items(name))}
    say("family", *(f"{name} ({len(asked)})" for name, asked in sources.items()))
    for family in perturb.FAMILIES:
        cells = (
            f"{seconds(rounds, perturb.perturb, asked, family):.3f}"
            if not perturb.problem(family, benchmarks.traits(name))
            else "-"
            for name, asked in sources.items()
        )
        say(family, *cells)


def items(source: str) -> list[perturb.Item]:
    """All test items of a benchmark; none where its data is not there."""
    try:
        return [benchmarks.get(source).item(record) for record in benchmarks.load(source)]
    except Refused:
        return []


def readers(rounds: int) -> None:
    say("reader", "all units", "the slowest", "of half", "its unit")
    for name, read in READERS.items():
        found = {unit: seconds(1, read, unit * (MEGABYTE // len(unit))) for unit in UNITS}
        worst = max(found, key=lambda unit: found[unit])
        whole, half = (seconds(rounds, read, worst * (size // len(worst))) for size in (MEGABYTE, MEGABYTE // 2))
        say(name, f"{sum(found.values()):.1f}", f"{whole:.3f}", f"x {whole / half:.1f}", repr(worst))


def say(first: str, *cells: str) -> None:
    sys.stdout.write(f"{first:14}" + "".join(f"{cell:>20}" for cell in cells) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
