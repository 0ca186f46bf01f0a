"""`python -m rveval` as a user runs it: random tiny checkpoints, real GSM8K items, real engines and exit statuses."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tinymodels
from conftest import CACHE, needs_data

pytestmark = needs_data("gsm8k")

SMALL = ["suite=gsm8k", "limit=4", "max_gen_toks=16", "engine.kv_cache_gib=0.05", "engine.max_num_seqs=8"]


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str
    seconds: float

    def refused(self, *words: str) -> None:
        """Refused in one message that holds these words, before any engine started."""
        assert self.status == 2, self
        self.said(*words)

    def said(self, *words: str) -> None:
        assert "Traceback" not in self.err + self.out, self.err
        for word in words:
            assert word in self.err, f"{word!r} is not in:\n{self.err}"
        assert len(self.err.splitlines()) < 25, self.err


@dataclass(frozen=True)
class Here:
    """A folder with a base, two donors and a store."""

    folder: Path
    base: Path
    plus: Path
    minus: Path

    def store(self, name: str = "runs") -> Path:
        return self.folder / name

    def command(
        self, *arguments: str, base: Path | None = None, plus: Path | None = None, minus: Path | None = None
    ) -> Any:
        term = f"{{plus: {plus or self.plus}, minus: {minus or self.minus}, weight: 1.0}}"
        model = [f"model.path={base or self.base}", "model.label=rnd", "vector.label=v", f"vector.terms=[{term}]"]
        return [sys.executable, "-m", "rveval", *model, *SMALL, f"store={self.store()}", *arguments]

    def run(self, *arguments: str, timeout: float = 600, **folders: Path) -> Done:
        return execute(self.command(*arguments, **folders), self.folder, timeout)

    def cells(self, store: str = "runs") -> dict[str, bytes]:
        """Samples of all complete cells, by id."""
        return {
            path.parent.name: (path.parent / "samples.jsonl").read_bytes()
            for path in sorted((self.store(store) / "cells").glob("*/cell.json"))
        }

    def records(self, store: str = "runs") -> list[dict[str, Any]]:
        found = [json.loads(path.read_text()) for path in (self.store(store) / "cells").glob("*/cell.json")]
        return sorted(found, key=lambda record: record["variant"]["alpha"])


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "RVEVAL_CACHE": str(CACHE), "HF_HUB_OFFLINE": "1"}


def execute(command: list[str], folder: Path, timeout: float = 600) -> Done:
    started = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, check=False, timeout=timeout
    )
    return Done(done.returncode, done.stdout, done.stderr, time.perf_counter() - started)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Here:
    folder = tmp_path_factory.mktemp("end_to_end")
    base = tinymodels.make(folder / "base", max_len=2048)
    plus = tinymodels.perturbed(base, folder / "plus", seed=1)
    return Here(folder, base, plus, tinymodels.perturbed(base, folder / "minus", seed=2))


# --- the main path


@pytest.mark.slow
def test_a_sweep_and_what_comes_after_it(here: Here) -> None:
    """One after another on one store: a sweep, the same again, more of it, by force, and single runs."""
    sweep = ("-m", "alpha=-1,0,0.5,1")
    first = here.run(*sweep)
    assert first.status == 0, first.err
    rows = [line.split() for line in first.out.splitlines() if line.startswith("rnd")]
    assert [row[:4] for row in rows] == [
        ["rnd", "4", *rows[0][2:4]],
        ["rnd", "-", "1", "v"],
        ["rnd", "+", "0.5", "v"],
        ["rnd", "+", "1", "v"],
    ]
    assert "baseline" in first.out
    assert "kept" not in first.out
    assert f"stored in {here.store()}/cells" in first.out
    cells = here.cells()
    assert len(cells) == 4
    records = here.records()
    assert [(r["variant"]["label"], r["variant"]["alpha"], r["n"]) for r in records] == [
        ("rnd - 1 v", -1, 4),
        ("rnd", 0, 4),
        ("rnd + 0.5 v", 0.5, 4),
        ("rnd + 1 v", 1, 4),
    ]
    assert len({r["variant"]["fingerprint"] for r in records}) == 4
    for record in records:
        assert record["decoding"]["max_gen_toks"] == 16
        assert record["engine"]["kind"] == "vllm"
        assert {"swap_s", "generate_s", "score_s", "wall_s"} <= record["timings"].keys()
        for line in cells[record["cell_id"]].decode().splitlines():
            sample = json.loads(line)
            assert sample["finish_reason"] in ("stop", "length")
            assert 0 < sample["n_output_tokens"] <= 16
            assert sample["n_prompt_tokens"] > 10
    studies = sorted(path.name for path in (here.store() / "studies/default").iterdir())
    assert studies == ["rnd + 0.5 v.json", "rnd + 1 v.json", "rnd - 1 v.json", "rnd.json"]
    assert len(set(cells.values())) > 1  # the variants do answer differently

    again = here.run(*sweep)
    assert again.status == 0
    assert again.seconds < first.seconds
    assert len(re.findall(r"\bkept\b", again.out)) == 4
    assert here.cells() == cells
    assert len(list((here.store() / "logs").glob("engine-*"))) == 1  # no engine was started

    forced = here.run("-m", "alpha=0,0.5", "force=true")
    assert forced.status == 0
    assert len(re.findall(r"\bkept\b", forced.out)) == 2  # -1 and 1
    assert here.cells() == cells  # byte for byte

    single = here.run("alpha=0.5")
    assert (single.status, single.out.count("rnd")) == (0, 4)
    base = here.run("vector=none", "vector.label=none", "vector.terms=[]", "alpha=7")
    assert base.status == 0
    assert here.cells() == cells  # any way to the base is the base
    dry = here.run("-m", "alpha=0.5,2", "dry_run=true")
    assert dry.status == 0
    assert re.search(r"rv_gsm8k .*\bdone\b", dry.out)
    assert re.search(r"rv_gsm8k .*\bleft\b", dry.out)
    assert here.cells() == cells

    renamed = here.run("alpha=0.5", "model.label=renamed", "study=other")
    assert renamed.status == 0
    assert "renamed + 0.5 v" in renamed.out  # the label of this study, not the one the cell was run under
    assert here.cells() == cells


@pytest.mark.slow
def test_the_hf_engine(here: Here) -> None:
    store = f"store={here.store('hf')}"
    done = here.run("-m", "alpha=0,0.5", "engine=hf", "engine.batch_size=2", store)
    assert done.status == 0, done.err
    assert "baseline" in done.out
    assert [record["engine"]["kind"] for record in here.records("hf")] == ["hf", "hf"]


@pytest.mark.slow
def test_several_samples_and_demonstrations(here: Here) -> None:
    """Every variant sees the same prompts; each sample is its own."""
    store = f"store={here.store('k')}"
    done = here.run("-m", "alpha=0,0.5", "n=3", "temperature=0.7", store)
    assert done.status == 0, done.err
    both = [[json.loads(line) for line in data.splitlines()] for data in here.cells("k").values()]
    assert [len(samples) for samples in both] == [12, 12]
    assert [s["prompt"] for s in both[0]] == [s["prompt"] for s in both[1]]
    assert all(len({s["response"] for s in samples if s["doc_id"] == 0}) == 3 for samples in both)


# --- interrupted, full


def engine_started(store: Path) -> bool:
    return any((store / "logs").glob("engine-*"))


@pytest.mark.slow
def test_ctrl_c_in_the_middle_of_generation(here: Here) -> None:
    """The first cell is complete, the second is being generated; the same command then runs only the second."""
    store = here.store("interrupted")
    arguments = (
        "-m",
        "alpha=1",
        "baseline=none",
        "limit=4,300",
        "max_gen_toks=300",
        f"store={store}",
        "engine.max_num_seqs=4",
    )
    running = subprocess.Popen(
        here.command(*arguments),
        cwd=here.folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a shell's `&` has it ignored
    )
    deadline = time.monotonic() + 400
    while not here.cells("interrupted") and time.monotonic() < deadline and running.poll() is None:
        time.sleep(0.2)
    before = here.cells("interrupted")
    time.sleep(2)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=120)
    done = Done(running.returncode, out, err, 0)
    assert done.status == 130, done
    done.said("interrupted", "complete cells are kept")
    assert len(before) == 1
    assert here.cells("interrupted") == before
    assert not [path for path in (store / "cells").iterdir() if path.name.startswith(".")]

    planned = here.run(*arguments, "dry_run=true")
    assert len(re.findall(r"\bdone\b", planned.out)) == len(re.findall(r"\bleft\b", planned.out)) == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs with room for a cell of four items and not for one of many."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk needs the right to mount a tmpfs")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False)


@pytest.mark.slow
def test_a_disk_that_fills_up_in_the_middle(here: Here, small_disk: Path) -> None:
    done = here.run("-m", "alpha=0.5", "baseline=none", "limit=4,200,3", f"store={small_disk / 'runs'}")
    done.said("No space left on device", "complete cells are kept")
    assert done.status == 1
    assert len(list((small_disk / "runs/cells").glob("*/cell.json"))) >= 1
    assert not [path for path in (small_disk / "runs/cells").iterdir() if path.name.startswith(".")]


def test_a_full_disk_is_refused(here: Here, small_disk: Path) -> None:
    with (small_disk / "fill").open("wb", buffering=0) as file:
        while True:
            try:
                file.write(b"x" * 4096)
            except OSError:
                break
    here.run(f"store={small_disk / 'runs'}").refused("No space left on device", "store=FOLDER")


# --- bad input: one readable message, before an engine starts


def changed(source: Path, folder: Path, change: Any) -> Path:
    """A copy of a checkpoint whose tensors went through `change`."""
    out = tinymodels.sibling(source, folder)
    tensors = tinymodels.tensors(out)
    change(tensors)
    tinymodels.write(out, tensors)
    return out


def broken_base(here: Here, folder: Path, how: str) -> Path:
    if how == "empty":
        folder.mkdir()
        return folder
    if how == "missing":
        return folder
    out = tinymodels.sibling(here.base, folder)
    if how == "only .bin":
        (out / "model.safetensors").rename(out / "pytorch_model.bin")
    if how == "truncated":
        data = (out / "model.safetensors").read_bytes()
        (out / "model.safetensors").write_bytes(data[: len(data) // 2])
    if how == "missing shard":
        tinymodels.reshard(out, 3)
        (out / "model-00002-of-00003.safetensors").unlink()
    if how == "no tokenizer":
        for path in out.glob("tokenizer*"):
            path.unlink()
    return out


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("empty", ["model.path"]),
        ("missing", ["model.path"]),
        ("only .bin", ["safetensors"]),
        ("truncated", ["model.safetensors"]),
        ("missing shard", ["model-00002-of-00003.safetensors"]),
        ("no tokenizer", ["tokenizer"]),
    ],
)
def test_a_base_that_can_not_be_served(here: Here, tmp_path: Path, how: str, says: list[str]) -> None:
    done = here.run(f"store={tmp_path / 'runs'}", base=broken_base(here, tmp_path / "m", how), plus=here.plus)
    done.refused(*says)
    assert not engine_started(tmp_path / "runs")


def donor(here: Here, folder: Path, how: str) -> Path:
    import torch

    if how == "shape":
        return tinymodels.make(folder, hidden=96, max_len=2048)
    if how == "vocabulary":
        return tinymodels.make(folder, vocab=544, max_len=2048)

    def change(tensors: dict[str, Any]) -> None:
        name = "model.layers.1.mlp.up_proj.weight"
        if how == "nan":
            tensors[name][3, 4] = torch.nan
        if how == "renamed":
            tensors["model.layers.1.mlp.up.weight"] = tensors.pop(name)

    return changed(here.plus, folder, change)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("shape", ["hidden_size", "64", "96"]),
        ("vocabulary", ["512", "544"]),
        ("nan", ["model.layers.1.mlp.up_proj.weight"]),
        ("renamed", ["model.layers.1.mlp.up_proj.weight", "model.layers.1.mlp.up.weight"]),
    ],
)
def test_a_donor_that_does_not_fit(here: Here, tmp_path: Path, how: str, says: list[str]) -> None:
    done = here.run(f"store={tmp_path / 'runs'}", plus=donor(here, tmp_path / "donor", how))
    done.refused(*says)
    assert not engine_started(tmp_path / "runs")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["alpha=abc"], ["alpha", "abc"]),
        (["suite=nope"], ["nope", "gsm8k"]),
        (["suite.tasks=[rv_nope]"], ["rv_nope", "rv_gsm8k"]),
        (["suite.tasks=[gsm8k]"], ["gsm8k.yaml", "can't be loaded"]),  # no network
        (["suite.tasks=[gsm9k]"], ["no such task", "gsm8k"]),
        (["nope=3"], ["nope"]),
        (["+nope=3"], ["nope"]),
        (["n=2"], ["temperature"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_arguments_that_can_not_be(here: Here, tmp_path: Path, arguments: list[str], says: list[str]) -> None:
    done = here.run(*arguments, f"store={tmp_path / 'runs'}")
    done.refused(*says)
    assert not (tmp_path / "runs").exists()


def test_all_that_is_wrong_is_said_at_once(here: Here, tmp_path: Path) -> None:
    done = here.run("suite.tasks=[rv_nope]", base=tmp_path / "a", plus=tmp_path / "b")
    done.refused("rv_nope", str(tmp_path / "a"), str(tmp_path / "b"))


@pytest.mark.parametrize("part", ["", "/cells", "/studies"])
def test_a_store_that_can_not_be_written(here: Here, tmp_path: Path, part: str) -> None:
    file = Path(f"{tmp_path}/runs{part}")
    file.parent.mkdir(exist_ok=True)
    file.write_text("a file in the way")
    here.run(f"store={tmp_path / 'runs'}").refused("the store can't be written to", "store=FOLDER")


def test_a_hub_that_can_not_be_reached(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "rveval",
        "model=instruct_1.5b",
        "vector=none",
        "suite=gsm8k",
        f"store={tmp_path}/runs",
    ]
    done = execute(command, tmp_path)
    done.refused("Qwen/Qwen2.5-1.5B-Instruct", "model.path")
    assert done.seconds < 30


def test_damaged_samples_are_refused_and_shown(here: Here, tmp_path: Path) -> None:
    """A cell changed after it was written: neither run again in silence nor counted."""
    planned = here.run("alpha=0", "dry_run=true", f"store={tmp_path / 'runs'}")
    found = re.search(r"\b[0-9a-f]{32}\b", planned.out)
    assert found, planned
    folder = tmp_path / "runs/cells" / found.group()
    folder.mkdir(parents=True)
    (folder / "cell.json").write_text(json.dumps({"schema_version": 1, "samples_sha256": "0" * 64}))
    (folder / "samples.jsonl").write_text("{}\n")
    here.run("alpha=0", f"store={tmp_path / 'runs'}").refused(str(folder), "changed or cut", "force=true")
    (folder / "cell.json").write_text(json.dumps({"schema_version": 99}))
    here.run("alpha=0", f"store={tmp_path / 'runs'}").refused("newer rveval")


@pytest.mark.slow
def test_equal_donors_are_the_base_and_a_sweep_goes_on_after_a_refusal(here: Here, tmp_path: Path) -> None:
    """plus == minus is warned of and gives the base's answers; refused jobs in between cost the others nothing."""
    store = f"store={tmp_path / 'runs'}"
    shutil.copytree(here.minus, tmp_path / "twin")
    done = here.run("-m", "suite.tasks=[rv_gsm8k],[rv_nope]", "alpha=0,1", store, plus=tmp_path / "twin")
    assert done.status == 2, done
    done.said("warning", "refused", "rv_nope", "2 of 4 jobs")
    samples = [path.read_bytes() for path in (tmp_path / "runs/cells").glob("*/samples.jsonl")]
    assert len(samples) == 2
    assert samples[0] == samples[1]
    assert "rnd + 1 v" in done.out
