"""What a mirror left on the disk, read back from the client's own files; and studies to be mirrored."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import wandb
from wandb.proto import wandb_internal_pb2

from rveval import config as schema
from rveval.config import Config, ModelConfig, SuiteConfig, TrackingConfig, VectorConfig
from rveval.store import SCHEMA_VERSION, CellRecord, Sample, Store, StudyEntry


@contextmanager
def client_of_nobody(folder: Path) -> Iterator[None]:
    """A client that knows nothing of the user: no variables, no login, and a new session; HOME is `folder`/home."""
    with pytest.MonkeyPatch.context() as patch:
        wandb.teardown()
        for name in list(os.environ):
            if name.startswith("WANDB_"):
                patch.delenv(name)
        patch.setenv("HOME", str(folder / "home"))
        patch.setenv("NETRC", str(folder / "no-netrc"))
        yield
        wandb.teardown()


class RunFile:
    """What a finished offline run left on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records = list(read_records(next(folder.glob("*.wandb"))))

    def of_kind(self, kind: str) -> list[Any]:
        return [getattr(record, kind) for record in self.records if record.WhichOneof("record_type") == kind]

    @property
    def run(self) -> Any:
        return self.of_kind("run")[0]

    @property
    def config(self) -> dict[str, Any]:
        return {item.key: json.loads(item.value_json) for item in self.run.config.update}

    @property
    def history(self) -> list[dict[str, Any]]:
        return [named(history.item) for history in self.of_kind("history")]

    @property
    def summary(self) -> dict[str, Any]:
        return {key: value for summary in self.of_kind("summary") for key, value in named(summary.update).items()}

    @property
    def exit_code(self) -> int:
        (last,) = self.of_kind("exit")
        return int(last.exit_code)

    def artifact(self, name: str) -> dict[str, str]:
        """The files of an artifact: their names, and where the client keeps them until they are uploaded."""
        (found,) = [one for one in self.of_kind("artifact") if one.name == name]
        return {entry.path: entry.local_path for entry in found.manifest.contents}

    @property
    def charts(self) -> dict[str, Any]:
        """The charts of the run by their names: which table and which of its columns they draw."""
        updates = [item for update in self.of_kind("config") for item in update.update]
        found = [item for item in updates if list(item.nested_key[:2]) == ["_wandb", "visualize"]]
        return {item.nested_key[2]: json.loads(item.value_json)["panel_config"] for item in found}

    def table(self, name: str) -> dict[str, Any]:
        (path,) = [line[f"{name}/path"] for line in self.history if line.get(f"{name}/_type") == "table-file"]
        return dict(json.loads((self.folder / "files" / path).read_text(encoding="utf-8")))


def named(items: Any) -> dict[str, Any]:
    return {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items}


def read_records(path: Path) -> Iterator[Any]:
    """The records of a .wandb file: a LevelDB log (32 KiB blocks; crc, length, type before each piece) of protobufs."""
    data, position, piece = path.read_bytes(), 7, b""
    assert data[:4] == b":W&B"
    while position + 7 <= len(data):
        if (left := 32768 - position % 32768) < 7:
            position += left
            continue
        length, kind = int.from_bytes(data[position + 4 : position + 6], "little"), data[position + 6]
        piece += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # a whole record, or its last piece
            record = wandb_internal_pb2.Record()
            record.ParseFromString(piece)
            piece = b""
            yield record


def run_files(store: Path) -> list[RunFile]:
    wandb.teardown()  # the client writes behind; the end of its session waits for that, as the end of the process does
    return [RunFile(folder) for folder in sorted((store / "wandb").glob("offline-run-*"))]


def asked(store: Path, alpha: float = 0.5, **keys: Any) -> Config:
    """A config that mirrors into a store."""
    tracking = {"kind": "wandb", "mode": "offline", **keys.pop("tracking", {})}
    suite = SuiteConfig("s", ["rv_sciq"], limit=keys.pop("suite_limit", None))
    vector = VectorConfig("tiny_grpo")
    model = ModelConfig("tiny", "tiny:instruct")
    return Config(
        model, vector, alpha, suite, study="first", store=str(store), tracking=TrackingConfig(**tracking), **keys
    )


def settings_of(config: Config, **more: Any) -> dict[str, Any]:
    """What of a config is hashed into a cell of it, as far as the mirror looks at it."""
    engine = config.engine
    return {
        "seed": config.seed,
        "draw": 0,
        "limit": config.item_limit,
        "decoding": {name: getattr(config, name) for name in ("max_gen_toks", "temperature", "top_p", "n")},
        "prompting": {"num_fewshot": config.num_fewshot, "chat": config.use_chat, "system": config.model.system},
        "engine": {
            "kind": engine.kind,
            "version": "1",
            "device": "cpu",
            "tensor_parallel_size": engine.tensor_parallel_size,
            "batch": engine.max_num_seqs,
            "max_model_len": engine.max_model_len,
            "enforce_eager": engine.enforce_eager,
            "seed": engine.seed,
            "extra": asdict(engine)["extra"],
        },
        **more,
    }


def variant_of(config: Config) -> dict[str, Any]:
    """The variant that a config comes to."""
    label = "tiny" if config.alpha == 0 else f"tiny + {config.alpha:g} tiny_grpo"
    terms = [] if config.alpha == 0 else [{"plus": "p", "minus": "m", "weight": 1.0}]
    about = {"scope": [".*"], "model": "tiny", "vector": "tiny_grpo", "base": "b" * 64}
    return {"label": label, "alpha": config.alpha, "fingerprint": f"{label:f<64}", "terms": terms, **about}


def add(config: Config, right: str, task: str = "rv_sciq", family: str = "clean", **more: Any) -> CellRecord:
    """Write a cell with an item for each character of `right` (`1` is right), and list it in the study."""
    store = Store(Path(config.store))
    draw, said = more.pop("draw", 0), more.pop("said", "#### A")
    settings = settings_of(config, task=task, draw=draw, **more.pop("settings", {}))
    samples = [sample(place, mark == "1", said, family) for place, mark in enumerate(right)]
    variant = variant_of(config)
    share = right.count("1") / len(right)
    name = "-".join(
        [
            task,
            str(draw),
            str(settings.get("repeat", 0)),
            *(str(settings[key]) for key in ("limit", "seed")),
            variant["label"],
        ]
    )
    record: CellRecord = {
        "schema_version": SCHEMA_VERSION,
        "cell_id": f"{name}-{settings['decoding']['temperature']}-{settings.get('code', '')}".replace(" ", ""),
        "task": task,
        "benchmark": "sciq",
        "family": family,
        "draw": draw,
        "seed": config.seed,
        "limit": settings["limit"],
        "n": len(right),
        "metrics": {"exact_match": share, "exact_match_strict": share, "extraction_failed": 0.0, "truncated": 0.0},
        "health": {"empty": 0},
        "variant": variant,  # type: ignore[typeddict-item]
        "decoding": settings["decoding"],
        "prompting": settings["prompting"],
        "engine": {"kind": "vllm", "swap": "hot"},
        "versions": {},
        "timings": {"swap_s": 0.02, "generate_s": 1.5, "score_s": 0.1, "wall_s": 2.0},
        "settings": {"variant": variant["fingerprint"], "strength": None, **settings},
        "warnings": [],
        "created": more.pop("created", "2026-01-01T00:00:00+00:00"),
        "changed": 0 if family == "clean" else len(right),
        "left_alone": {},
    }
    store.write_cell(record, samples)
    listed = StudyEntry(
        schema_version=SCHEMA_VERSION,
        study=config.study,
        label=variant["label"],
        alpha=config.alpha,
        fingerprint=variant["fingerprint"],
        cells=[record["cell_id"]],
        config=schema.resolved(config),
    )
    store.write_study(listed)
    return record


def sample(place: int, right: bool, said: str = "#### A", family: str = "clean") -> Sample:
    """One line of samples.jsonl."""
    return {
        "item_id": f"sciq/{place}",
        "doc_id": place,
        "benchmark": "sciq",
        "family": family,
        "draw": 0,
        "seed": 0,
        "sample_index": 0,
        "prompt": f"Question {place}: \u00e9?",
        "response": said,
        "extracted": "A",
        "correct": right,
        "extracted_strict": "A",
        "correct_strict": right,
        "target": "A" if right else "B",
        "extraction_failed": False,
        "finish_reason": "stop",
        "n_prompt_tokens": 9,
        "n_output_tokens": 4,
        "mean_logprob": -0.1,
        "signs": [],
        "metrics": {},
        "changed": family != "clean",
        "left_alone": "",
        "why": "",
    }
