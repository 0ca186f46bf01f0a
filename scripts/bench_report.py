"""How long a report takes and how much memory: makes stores of so many items and reports over them.

    python scripts/bench_report.py                     20,000 and 200,000 items
    python scripts/bench_report.py 1000000             another number
    python scripts/bench_report.py 20000 --keep FOLDER the store and the report stay there, to be looked at

A store holds four variants (alpha 0, 0.5, 1, -1) on one benchmark, clean and under four families: 20 cells. Prompts are
as long as GSM8K's with one demonstration, answers as long as a model's that works step by step. The report is made in a
process of its own; its peak memory is what the kernel counted. The stated bounds: 200,000 items in 60 s and 2 GB.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rveval.store import SCHEMA_VERSION, CellRecord, Sample, Store, StudyEntry

ALPHAS = {0.0: 0.55, 0.5: 0.62, 1.0: 0.66, -1.0: 0.40}
FAMILIES = {"clean": 0.0, "distractor": -0.08, "rename": -0.02, "think": 0.01, "typos": -0.05}
TEXT = "she sold half as many clips in May and then twice what her friends had in June so the total is"
WORDS = TEXT.split()


def samples(n: int, alpha: float, family: str) -> Iterator[Sample]:
    """A cell of n items; what an item is like is the same for every variant, so that pairs go together."""
    for number in range(n):
        item = random.Random(f"{number}")
        own = random.Random(f"{number}:{alpha}:{family}")
        question = " ".join(item.choices(WORDS, k=60))
        answer = " ".join(own.choices(WORDS, k=own.randint(30, 120)))
        right = item.random() * 0.8 + own.random() * 0.2 < ALPHAS[alpha] + FAMILIES[family]
        cut = own.random() < 0.01
        value = str(item.randint(1, 999)) if right else str(own.randint(1, 999))
        yield Sample(
            item_id=f"gsm8k/{number}",
            doc_id=number,
            benchmark="gsm8k",
            family=family,
            draw=0,
            seed=0,
            sample_index=0,
            prompt=f"Question: {question} ({family})\nEnd with a line that holds ####.\nAnswer:" * 2,
            response=answer if cut else f"{answer} 3 + 4 = 7\n#### {value}",
            extracted=None if cut else value,
            correct=right and not cut,
            extracted_strict=None if cut else value,
            correct_strict=right and not cut,
            target=str(item.randint(1, 999)),
            extraction_failed=cut,
            finish_reason="length" if cut else "stop",
            n_prompt_tokens=180,
            n_output_tokens=len(answer) // 4,
            mean_logprob=-0.3,
            signs=["truncated"] if cut else [],
            metrics={},
            changed=family != "clean",
            left_alone="",
            why="",
        )


def make(store: Store, items: int) -> None:
    """Write the store."""
    n = items // (len(ALPHAS) * len(FAMILIES))
    for alpha in ALPHAS:
        label = "model" if not alpha else f"model {'-' if alpha < 0 else '+'} {abs(alpha):g} vector"
        cells = [cell(store, n, alpha, family, label) for family in FAMILIES]
        entry = StudyEntry(
            schema_version=SCHEMA_VERSION,
            study="bench",
            label=label,
            alpha=alpha,
            fingerprint=f"{int(10 * (alpha + 5)):064d}",
            cells=cells,
            config={},
        )
        store.write_study(entry)


def cell(store: Store, n: int, alpha: float, family: str, label: str) -> str:
    """Write one cell; returns its id."""
    task = "rv_gsm8k" if family == "clean" else f"rv_gsm8k_{family}"
    record = CellRecord(
        schema_version=SCHEMA_VERSION,
        cell_id=f"{task}-{alpha:g}",
        task=task,
        benchmark="gsm8k",
        family=family,
        draw=0,
        seed=0,
        limit=None,
        n=n,
        metrics={"exact_match": 0.0},
        health={},
        variant={
            "label": label,
            "alpha": alpha,
            "fingerprint": f"{int(10 * (alpha + 5)):064d}",
            "terms": [{"plus": "a", "minus": "b", "weight": 1.0}] if alpha else [],
            "scope": [".*"],
            "model": "model",
            "vector": "vector",
            "base": "base",
        },
        decoding={},
        prompting={},
        engine={"kind": "vllm", "swap": "hot"},
        versions={},
        timings={"swap_s": 0.0, "generate_s": 0.0, "score_s": 0.0, "wall_s": 0.0},
        settings={"task": task, "variant": f"{alpha}"},
        warnings=[],
        created="2026-01-01T00:00:00+00:00",
        changed=0,
        left_alone={},
    )
    store.write_cell(record, samples(n, alpha, family))
    return record["cell_id"]


def main() -> None:
    """Make, report, measure."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("items", nargs="*", type=int, default=[20_000, 200_000])
    words.add_argument("--keep", type=Path)
    asked = words.parse_args()
    print(f"{'items':>9} {'store MB':>9} {'report s':>9} {'peak MB':>9} {'report MB':>9}")
    for items in asked.items:
        with tempfile.TemporaryDirectory() as scratch:
            folder = asked.keep / str(items) if asked.keep else Path(scratch)
            make(Store(folder / "runs"), items)
            start = time.perf_counter()
            peak = report(folder)
            seconds = time.perf_counter() - start
            sizes = size(folder / "runs"), size(folder / "report")
            print(f"{items:>9,} {sizes[0]:>9.0f} {seconds:>9.1f} {peak:>9.0f} {sizes[1]:>9.0f}")


def report(folder: Path) -> float:
    """Run the report in a process of its own; returns its peak memory in MB."""
    command = [sys.executable, "-m", "rveval.report", "study=bench", f"store={folder}/runs", f"out={folder}/report"]
    code = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
        "sys.exit(done.returncode)"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout) / 1024


def size(folder: Path) -> float:
    """MB of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


if __name__ == "__main__":
    main()
