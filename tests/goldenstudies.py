"""Golden studies: what is run. Small studies of the tiny family, asked through the public command line alone.

A study is a name and its *points*, lists of overrides as in an experiment. All points run in one command, so one engine
serves them all. `code` is asked by plain lm-eval instead, with a scripted player (`goldenplayer`), and read by
`rveval.report lm_eval=...`. Nothing here imports rveval.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import ownfolder

REPOSITORY = Path(__file__).resolve().parent.parent
SECONDS = 1800.0

MATH = "suite.tasks=[rv_tiny_math]"
OTHER = "vector.other={plus: {path: 'tiny:order-grpo'}, minus: {path: 'tiny:order-sft'}}"
BASE = "alpha=0"

STUDIES: dict[str, list[list[str]]] = {
    "alphas": [
        ["alpha=-1,0,0.5,1", MATH, "suite.families=[clean,think,distractor,typos,hint]"],
        ["alpha=-1,0,0.5,1", "suite.tasks=[rv_tiny_choice]", "suite.families=[clean,think,distractor,typos,shuffle]"],
    ],
    "draws": [
        [
            "alpha=0,1",
            "suite.tasks=[rv_tiny_choice]",
            "suite.families=[clean,shuffle,typos+distractor]",
            "suite.draws=2",
            "suite.repeat=1",
        ]
    ],
    "sampled": [["alpha=0,1", MATH, "n=4", "temperature=0.7"]],
    "compose": [
        [BASE, MATH, "vector=tiny_compose"],
        [MATH, "vector=tiny_compose", "vector.weights=[1,0],[0,1],[1,1],[1,-1]"],
        [MATH, "vector=tiny_compose", "vector.transform=ties", "vector.density=0.5"],
    ],
    "parts": [
        ["alpha=0,1", MATH],
        [MATH, "vector.transform=trim", "vector.density=0.2,0.5"],
        [MATH, "vector.transform=sign_only"],
        [MATH, "vector.transform=breadcrumbs", "vector.density=0.5"],
        [MATH, "vector.transform=rank", "vector.rank=4"],
        [MATH, "vector.transform=clip", "vector.cap=2"],
        [MATH, "vector.transform=other", OTHER],
        [MATH, "vector.kinds=[attention],[mlp]"],
        [MATH, "vector.layers=[0.0,0.5],[0.5,1.0]"],
        [MATH, "vector.ramp=[0,1]"],
    ],
    "drawn": [
        ["alpha=0,1", MATH],
        [MATH, "vector.transform=random", "vector.seed=0,1,2"],
        [MATH, "vector.transform=permute,signs,swap_layers,spectrum"],
        [MATH, "vector.transform=dare", "vector.density=0.5"],
        [MATH, "vector.transform=della", "vector.density=0.5"],
    ],
    "wrapped": [
        ["alpha=0,1", "suite.tasks=[own_add]", "suite.families=[clean,typos]", "suite.include=[{work}/own]"],
    ],
}
CODE = "code"
NAMES = (*STUDIES, CODE)
DRAWN = ("drawn",)
"""Studies whose weights come from random numbers: their bits may change where how they are drawn is changed."""

LIMIT = 50


class Failed(Exception):
    """A command of the product ended badly; the message is its command line and its last words."""


def data_folder() -> Path | None:
    """The benchmarks as published (HumanEval is needed here): RVEVAL_DATA, or shared/data beside the checkout."""
    named = os.environ.get("RVEVAL_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    return folder if (folder / "humaneval").is_dir() else None


def can_run(names: Sequence[str]) -> list[str]:
    """Those of the studies for which everything is there."""
    return [name for name in names if name != CODE or data_folder() is not None]


def run(names: Sequence[str], work: Path) -> None:
    """Ask and report the studies in a folder; cells that are complete there are not asked again.

    Raises:
        Failed: a command did not end with 0.
    """
    work.mkdir(parents=True, exist_ok=True)
    _own_tasks(work / "own")
    points = [
        [f"study={name}", *(word.replace("{work}", str(work)) for word in point)]
        for name in names
        if name != CODE
        for point in STUDIES[name]
    ]
    if points:
        command(work, "rveval", "-m", f"limit={LIMIT}", "engine.threads=1", f"points={json.dumps(points)}")
    if CODE in names:
        _call(work, [sys.executable, str(REPOSITORY / "tests" / "goldenplayer.py"), str(work / "lm_eval")])
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(partial(report, work=work), names))


def report(name: str, work: Path) -> None:
    """Write `report/<name>` from what is stored."""
    source = [f"lm_eval={work}/lm_eval/right,{work}/lm_eval/broken"] if name == CODE else []
    command(work, "rveval.report", f"study={name}", *source, "format=html,json")


def command(work: Path, module: str, *words: str) -> None:
    """`python -m MODULE WORDS` in a folder."""
    _call(work, [sys.executable, "-m", module, *words])


def _call(work: Path, words: list[str]) -> None:
    given = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    path = [str(REPOSITORY), str(_installed(work)), *filter(None, [os.environ.get("PYTHONPATH")])]
    data = data_folder()
    environment = os.environ | given | {"PYTHONPATH": os.pathsep.join(path)}
    environment |= {"RVEVAL_DATA": str(data)} if data else {}
    done = subprocess.run(
        words, cwd=work, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    if done.returncode:
        raise Failed(f"{' '.join(words)}\nended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")


def _installed(work: Path) -> Path:
    """A folder that says what this checkout's entry points are (vLLM's plugin), whichever checkout is installed."""
    folder = work / "installed"
    info = folder / "rveval-0.1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in points.items())
        for group, points in project["entry-points"].items()
    ]
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rveval\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("\n".join(lines))
    return folder


def _own_tasks(folder: Path) -> None:
    """A user's folder with one task of lm-eval's kind: sums in words."""
    if folder.is_dir():
        return
    folder.mkdir()
    shop = "There are {} apples in a shop. The shop gets {} more. How many apples does the shop have now?"
    numbers = [(3 + 7 * place % 41, 2 + 5 * place % 37) for place in range(LIMIT)]
    rows = [{"question": shop.format(a, b), "answer": str(a + b)} for a, b in numbers]
    ownfolder.records(folder / "add.jsonl", rows)
    ownfolder.records(folder / "add_train.jsonl", [ownfolder.addition(a, a) for a in range(60, 68)])
    (folder / "add.yaml").write_text(ownfolder.ADD.format(folder=folder))
