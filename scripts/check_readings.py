"""Hold the readers against answers that real models wrote, each with what a careful reader takes for the answer.

    python scripts/check_readings.py CORPUS.jsonl[.gz] [--against VERDICTS.json] [--write VERDICTS.json] [--show 20]
        [--source NAME] [--no-others]

The corpus holds one JSON object a line: `source id model reader gold text right said`, and what the reader needs:
`labels` and `options`, `allowed`, `words`; for BBH `task` and `question`. `right` says whether the answer is right.

One line for each source and kind of answer: how many there are, the share on which right or wrong agrees, right answers
that were not counted (lost), wrong ones that were (wrong), and what other readers get: math-verify and the regular
expressions of lm-eval's tasks, where they are installed. `--write` keeps the verdicts; `--against` reads those of an
earlier time and counts what is newly wrong, which is shown below the table with the end of its text.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from rveval import answers

Row = Mapping[str, Any]
OPTION = re.compile(r"^\(([A-R])\) (.*)$", re.MULTILINE)
TOLERANCE = Fraction(1, 10**6)
"""Golds such as 0.8333333333 are rounded: as near as this is equal."""
WORDS = {
    "boolean_expressions": ("True", "False"),
    "causal_judgement": ("Yes", "No"),
    "formal_fallacies": ("valid", "invalid"),
    "navigate": ("Yes", "No"),
    "sports_understanding": ("yes", "no"),
    "web_of_lies": ("Yes", "No"),
}
NUMBERS = ("multistep_arithmetic_two", "object_counting")


def read(row: Row) -> tuple[str, str | None]:
    """The kind of a row's answer, and what rveval reads."""
    text, kind, task = row["text"], row["reader"], row.get("task", "")
    if kind == "number" or task in NUMBERS:
        return "number", answers.read_number(text).flexible
    if kind == "word" or task in WORDS:
        return "word", answers.read_word(text, row.get("allowed") or WORDS[task]).flexible
    if kind == "sorted" or task == "word_sorting":
        words = row.get("words") or row["question"].rpartition("List:")[2].split()
        return "sorted", answers.read_sorted(text, words).flexible
    if task == "dyck_languages":
        return "brackets", answers.read_brackets(text, row["question"].rpartition("Input:")[2]).flexible
    labels, options = options_of(row)
    return "option", answers.read_option(text, labels, options).flexible


def options_of(row: Row) -> tuple[Sequence[str], Sequence[str]]:
    """Labels and options: the row's own, or those that stand in a question of BBH."""
    if "labels" in row:
        return row["labels"], row["options"]
    shown = OPTION.findall(row["question"])
    return [label for label, _ in shown], [text for _, text in shown]


def is_right(kind: str, reading: str | None, gold: str) -> bool:
    """Whether a reading is the gold answer: numbers by value, all else as text without regard to case and spaces."""
    if reading is None:
        return False
    if kind == "number":
        return abs(Fraction(reading) - Fraction(gold)) <= TOLERANCE
    return plain(reading) == plain(gold)


def plain(text: str) -> str:
    return " ".join(text.casefold().strip("()").split())


def verify(row: Row) -> bool:
    """What math-verify says, its own defaults."""
    from math_verify import parse
    from math_verify import verify as equal

    return bool(equal(parse(str(row["gold"])), parse(row["text"])))


FILTERS = {
    "number": re.compile(r"(-?[$0-9.,]{2,})|(-?[0-9]+)"),  # gsm8k's flexible-extract, the last match
    "option": re.compile(r"answer is \(?([A-R])\)?"),  # mmlu_pro's custom-extract, the first match
    "bbh": re.compile(r"(?<=the answer is )(.*)(?=.)"),  # bbh_cot's get-answer, the first match
}


def lm_eval(row: Row) -> bool:
    """What the filter of lm-eval's task of that kind says, and its exact match without case and punctuation."""
    found = [match[0] for match in FILTERS[row["reader"]].finditer(row["text"])]
    if row["reader"] != "number":
        match = FILTERS[row["reader"]].search(row["text"])
        said = match[1] if match else ""
    else:
        said = found[-1] if found else ""
    strip = re.compile(r"[,$().]|\s")
    return strip.sub("", said).casefold() == strip.sub("", str(row["gold"])).casefold()


def others() -> dict[str, tuple[tuple[str, ...], Callable[[Row], bool]]]:
    """The other readers that are installed, each with the kinds that it reads."""
    present: dict[str, tuple[tuple[str, ...], Callable[[Row], bool]]] = {"lm-eval": (tuple(FILTERS), lm_eval)}
    try:
        import math_verify  # noqa: F401
    except ImportError:
        return present
    return {**present, "math-verify": (("number",), verify)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--source")
    parser.add_argument("--no-others", action="store_true")
    arguments = parser.parse_args()
    with (gzip.open if arguments.corpus.suffix == ".gz" else open)(arguments.corpus, "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if arguments.source in (None, row["source"])]
    before = json.loads(arguments.against.read_text()) if arguments.against else {}
    verdicts: dict[str, bool] = {}
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    misread = []
    readers = {} if arguments.no_others else others()
    for row in rows:
        kind, reading = read(row)
        verdicts[row["id"]] = verdict = is_right(kind, reading, row["gold"])
        count = counts[row["source"], kind]
        count["rows"] += 1
        count["agree"] += verdict == row["right"]
        count["lost"] += row["right"] and not verdict
        count["wrong"] += verdict and not row["right"]
        new = verdict != row["right"] and before.get(row["id"], row["right"]) == row["right"]
        count["new"] += bool(before) and new
        for name, (kinds, judge) in readers.items():
            if row["reader"] in kinds:
                count[f"{name} rows"] += 1
                count[name] += judge(row) == row["right"]
        if verdict != row["right"]:
            misread.append((bool(before) and new, row, reading))
    if arguments.write:
        arguments.write.write_text(json.dumps(verdicts))
    show(counts, list(readers), misread, arguments.show)
    return 0


def show(
    counts: Mapping[tuple[str, str], Counter[str]],
    readers: Sequence[str],
    misread: Sequence[tuple[bool, Row, str | None]],
    most: int,
) -> None:
    """The table, its last line the sum, and below it the answers that were misread, the newly misread first."""
    total: Counter[str] = sum(counts.values(), Counter())
    print(f"{'source':18} {'kind':9} {'rows':>6} {'agree':>7} {'lost':>5} {'wrong':>5} {'new':>4}", *readers, sep="  ")
    for (source, kind), count in [*sorted(counts.items()), (("all", ""), total)]:
        shares = [
            f"{count[name] / count[f'{name} rows']:>{len(name)}.1%}" if count[f"{name} rows"] else " " * len(name)
            for name in readers
        ]
        share = count["agree"] / max(1, count["rows"])
        numbers = f"{count['rows']:6} {share:7.2%} {count['lost']:5} {count['wrong']:5} {count['new']:4}"
        print(f"{source:18} {kind:9} {numbers}", *shares, sep="  ")
    for new, row, reading in sorted(misread, key=lambda item: not item[0])[:most]:
        print(f"\n{'NEWLY ' if new else ''}misread {row['id']} ({row['model']}), gold {row['gold']!r}, ", end="")
        print(f"said {row['said']!r}, read {reading!r}:\n{row['text'][-400:]}")


if __name__ == "__main__":
    sys.exit(main())
