"""Benchmarks are whole, in order and unchanged, or refused with the file and the line."""

from __future__ import annotations

import dataclasses
import doctest
import gzip
import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import DATA, REPOSITORY, needs_data

from rveval import benchmarks, perturb
from rveval.benchmarks import bbh, bbh_subtasks, data_hash, groups, load, of_task, task_names, yaml_files
from rveval.benchmarks import source as published
from rveval.errors import Refused

ROWS = [{"question": f"Ann has {n} pens. How many?", "answer": f"She has {n}.\n#### {n}"} for n in range(6)]


def write(folder: Path, lines: list[str], split: str = "test") -> Path:
    path = folder / "gsm8k" / f"{split}.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[list[str]], Path]:
    """GSM8K of six items of our own in a folder of our own."""
    whole = benchmarks.get("gsm8k")
    few = dataclasses.replace(whole.source, counts={"test": 6, "train": 6}, sha256={})
    monkeypatch.setitem(benchmarks.BENCHMARKS, "gsm8k", dataclasses.replace(whole, source=few))
    monkeypatch.setenv("RVEVAL_DATA", str(tmp_path))
    return lambda lines: write(tmp_path, lines)


def dumped(rows: list[dict[str, str]]) -> list[str]:
    return [json.dumps(row) for row in rows]


def test_upstream_fields_are_kept(small: Callable[[list[str]], Path]) -> None:
    small(dumped(ROWS))
    assert load("gsm8k") == [{**row, "item_id": f"gsm8k/{index}"} for index, row in enumerate(ROWS)]


def test_the_hash_is_of_content_not_of_spelling(small: Callable[[list[str]], Path]) -> None:
    small(dumped(ROWS))
    plain = data_hash("gsm8k")
    small([json.dumps(dict(reversed(row.items())), indent=None, ensure_ascii=False) + " " for row in ROWS])
    assert data_hash("gsm8k") == plain
    small(dumped([*ROWS[:5], {**ROWS[5], "question": "Ann has 5 pens. How many now?"}]))
    assert data_hash("gsm8k") != plain


BROKEN: list[tuple[str, list[str], list[str]]] = [
    ("empty", [], ["expected 6 records", "0"]),
    ("cut", [*dumped(ROWS[:5]), dumped(ROWS)[5][:20]], ["line 6", "not JSON", "cut off"]),
    ("no JSON", [*dumped(ROWS[:3]), "hello", *dumped(ROWS[4:])], ["line 4", "not JSON"]),
    ("blank line", [*dumped(ROWS[:3]), "", *dumped(ROWS[3:])], ["line 4", "not JSON"]),
]


@pytest.mark.parametrize(("lines", "words"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_a_changed_file_is_refused_by_name_and_line(
    small: Callable[[list[str]], Path], lines: list[str], words: list[str]
) -> None:
    path = small(lines)
    with pytest.raises(Refused) as refused:
        load("gsm8k")
    for word in [str(path), *words]:
        assert word in str(refused.value)


def test_bad_bytes_are_refused(small: Callable[[list[str]], Path]) -> None:
    path = small(dumped(ROWS))
    path.write_bytes(path.read_bytes().replace(b"Ann has 3", b"Ann \xff 3"))
    with pytest.raises(Refused, match="line 4: not JSON"):
        load("gsm8k")


def test_all_broken_lines_are_reported_at_once_but_not_a_screenful(small: Callable[[list[str]], Path]) -> None:
    small(["x"] * 100)
    with pytest.raises(Refused) as refused:
        load("gsm8k")
    assert len(refused.value.problems) == 6
    assert "95 problems more" in str(refused.value)


def test_a_missing_file_says_how_to_use_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RVEVAL_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(Refused, match=r"nowhere/gsm8k/test.jsonl.*can't be read[^$]*RVEVAL_DATA"):
        load("gsm8k")


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(Refused, match="gsm8k"):
        load("gsm9k")
    with pytest.raises(Refused, match="test, train"):
        load("gsm8k", "validation")


def test_a_hub_out_of_reach_is_one_refusal(tmp_path: Path) -> None:
    """In a process of its own: huggingface_hub reads its switches when it is imported."""
    code = "from rveval import benchmarks as b, errors\ntry:\n b.load('gsm8k')\nexcept errors.Refused as e:\n print(e)"
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    env.pop("RVEVAL_DATA", None)
    env.pop("HF_DATASETS_CACHE", None)
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True, timeout=120
    )
    for words in ("openai/gsm8k", "main", "the test split of gsm8k", "RVEVAL_DATA", "gsm8k/test.jsonl"):
        assert words in done.stdout


CHANGES: list[tuple[str, Callable[[list[str]], list[str] | None], str]] = [
    ("missing", lambda lines: None, "can't be read"),
    ("empty", lambda lines: [], "expected 1000 records, found 0"),
    ("short", lambda lines: lines[:5], "expected 1000 records, found 5"),
    ("long", lambda lines: [*lines, lines[0]], "expected 1000 records, found 1001"),
    ("other answer", lambda lines: [lines[0].replace("####", "###"), *lines[1:]], "not as published"),
    ("no id", lambda lines: [*lines[:4], lines[4].replace('"id"', '"no"'), *lines[5:]], "line 5: field id"),
]


@pytest.mark.parametrize(("change", "says"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES])
def test_a_packaged_file_that_is_not_the_packaged_one_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: Callable[[list[str]], list[str] | None], says: str
) -> None:
    whole = benchmarks.get("tiny_math")
    assert whole.source.packaged is not None
    elsewhere = dataclasses.replace(whole, source=dataclasses.replace(whole.source, packaged=tmp_path))
    monkeypatch.setitem(benchmarks.BENCHMARKS, "tiny_math", elsewhere)
    path = tmp_path / "tiny_math" / "test.jsonl"
    path.parent.mkdir()
    text = (whole.source.packaged / "tiny_math" / "test.jsonl").read_text(encoding="utf-8")
    changed = change(text.splitlines(keepends=True))
    if changed is not None:
        path.write_text("".join(changed), encoding="utf-8")
    with pytest.raises(Refused) as refused:
        load("tiny_math")
    assert str(path) in str(refused.value)
    assert says in str(refused.value)
    assert "RVEVAL_DATA" not in str(refused.value)


def test_a_file_is_read_once_and_again_when_it_changed(
    small: Callable[[list[str]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = small(dumped(ROWS))
    load("gsm8k")[0]["question"] = "spoilt"
    assert load("gsm8k")[0]["question"] == ROWS[0]["question"]
    with monkeypatch.context() as unreadable:
        unreadable.setattr(Path, "read_bytes", None)
        assert len(load("gsm8k")) == 6
        data_hash("gsm8k")
    changed = path.read_text(encoding="utf-8").replace("Ann", "Bob")
    path.write_text(changed, encoding="utf-8")
    os.utime(path, ns=(0, 0))
    assert load("gsm8k")[0]["question"] == "Bob has 0 pens. How many?"
    path.unlink()
    with pytest.raises(Refused, match="can't be read"):
        load("gsm8k")


BBH = [f"bbh_{subtask}" for subtask in bbh_subtasks.SUBTASKS]
LETTERED = [source for source in BBH if bbh_subtasks.SUBTASKS[source.removeprefix("bbh_")].kind == "option"]
TINY = {"test": 1000, "validation": 600, "train": 300}
WHOLE = {
    **{f"tiny_{kind}": (TINY, f"tiny_{kind}/7") for kind in ("math", "choice", "order", "long")},
    "gsm8k": ({"test": 1319, "train": 7473}, "gsm8k/7"),
    "humaneval": ({"test": 164}, "humaneval/7"),
    "sciq": ({"test": 1000, "validation": 1000, "train": 11679}, "sciq/7"),
    "sciq_closed": ({"test": 1000, "validation": 1000, "train": 11679}, "sciq_closed/7"),
}


@needs_data("gsm8k", "humaneval", "sciq")
@pytest.mark.parametrize("source", WHOLE)
def test_published_benchmarks_are_whole(source: str) -> None:
    counts, seventh = WHOLE[source]
    assert {split: len(load(source, split)) for split in benchmarks.splits(source)} == counts
    assert load(source)[7]["item_id"] == seventh
    assert len(data_hash(source)) == 64
    assert {item["item_id"] for item in load(source)} == {f"{source}/{index}" for index in range(counts["test"])}


@needs_data("humaneval", "sciq", "bbh")
def test_every_upstream_field_is_there_unchanged() -> None:
    assert DATA is not None
    with (DATA / "humaneval" / "HumanEval.jsonl").open(encoding="utf-8") as lines:
        upstream = [json.loads(line) for line in lines]
    assert load("humaneval") == [{**row, "item_id": f"humaneval/{index}"} for index, row in enumerate(upstream)]
    upstream = json.loads((DATA / "sciq" / "valid.json").read_text(encoding="utf-8"))
    expected = [{**row, "item_id": f"sciq/validation/{index}"} for index, row in enumerate(upstream)]
    assert load("sciq", "validation") == expected
    upstream = json.loads((DATA / "bbh" / "snarks.json").read_text(encoding="utf-8"))["examples"]
    found = load("bbh_snarks")
    assert [(item["input"], item["target"]) for item in found] == [(row["input"], row["target"]) for row in upstream]
    assert set(found[0]) == {"input", "target", "description", "item_id"}
    assert found[7]["item_id"] == "bbh/snarks/7"


@needs_data("bbh")
def test_bbh_is_27_subtasks_and_6511_items() -> None:
    assert len(BBH) == 27
    items = [item for source in BBH for item in load(source)]
    again = [item for source in BBH for item in load(source)]
    assert len({item["item_id"] for item in items}) == len(items) == 6511
    assert again == items
    assert len({data_hash(source) for source in BBH}) == 27
    uneven = {source: len(load(source)) for source in BBH if len(load(source)) != 250}
    assert uneven == {"bbh_causal_judgement": 187, "bbh_penguins_in_a_table": 146, "bbh_snarks": 178}


@needs_data("sciq", "gsm8k")
def test_other_ways_to_ask_have_the_same_items() -> None:
    assert data_hash("sciq_closed") == data_hash("sciq")
    assert load("stock_gsm8k") == load("gsm8k")
    assert benchmarks.splits("stock_gsm8k") == ["test", "train"]
    assert len(benchmarks.stock_names()) == 29


# Subtask by subtask, what the targets really are: the table of kinds is held against the data.
@needs_data("bbh")
@pytest.mark.parametrize("source", BBH)
def test_the_kind_of_answer_fits_every_target(source: str) -> None:
    subtask = bbh_subtasks.SUBTASKS[source.removeprefix("bbh_")]
    targets = [item["target"] for item in load(source)]
    if subtask.kind == "word":
        assert set(targets) == set(subtask.allowed)
        assert all(word in subtask.what for word in subtask.allowed)
    elif subtask.kind == "number":
        assert all(str(int(target)) == target for target in targets)
    elif subtask.kind == "brackets":
        assert all(set(target.split(" ")) <= set("()[]{}<>") for target in targets)
    elif subtask.kind == "sorted":
        assert all(target.split(" ") == sorted(target.split(" ")) for target in targets)
    else:
        others = [target for target in targets if not bbh_subtasks.is_letter(target)]
        assert len(others) == {"bbh_movie_recommendation": 1, "bbh_ruin_names": 2}.get(source, 0)


@needs_data("bbh")
def test_17_subtasks_are_lettered_and_no_other_input_is_taken_apart() -> None:
    assert len(LETTERED) == 17
    for source in set(BBH) - set(LETTERED):
        assert all(bbh_subtasks.split_options(item["input"]) == (item["input"], ()) for item in load(source))


ONE_OPTION = {"bbh/snarks/88"}  # upstream lost the other one


@needs_data("bbh")
@pytest.mark.parametrize("source", LETTERED)
def test_options_taken_apart_make_the_same_text_again(source: str) -> None:
    for item in [*load(source), *load(source, "train")]:
        question, options = bbh_subtasks.split_options(item["input"])
        assert len(options) >= 2 or item["item_id"] in ONE_OPTION
        assert "Options:" not in question
        lines = [f"({letter}) {text}" for letter, text in zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", options, strict=False)]
        assert "\n".join([f"{question}\nOptions:", *lines]) == item["input"]


@needs_data("bbh")
def test_all_but_three_golds_are_an_option() -> None:
    lost = set()
    for source in LETTERED:
        for item in load(source):
            _, options = bbh_subtasks.split_options(item["input"])
            position = bbh_subtasks.gold_position(item["target"], options)
            if position is None:
                lost.add(item["item_id"])
            else:
                assert item["input"].count(f"\n{item['target']} {options[position]}") == 1
    assert lost == {"bbh/movie_recommendation/163", "bbh/ruin_names/99", "bbh/ruin_names/144"}


@pytest.mark.parametrize(
    "text",
    [
        "Which?",
        "Which?\nOptions:\n- Yes\n- No",
        "Which?\nOptions:\n(A) one\n(C) two",
        "Which?\nOptions:\n(A) one\nof them\n(B) two",
        "Which?\nOptions:\n(A) one\n(B) ",
        "Which?\nOptions:\n(A) one\n(B) two\n",
        "Which?\nOptions:\n",
        "Which?\nOptions:\n" + "\n".join(f"({chr(65 + index)}) {index}" for index in range(27)),
    ],
)
def test_what_is_no_clean_list_of_options_is_left_whole(text: str) -> None:
    assert bbh_subtasks.split_options(text) == (text, ())


def test_a_gold_is_found_by_its_letter_or_by_a_text_that_only_one_option_has() -> None:
    assert bbh_subtasks.gold_position("(B)", ("x", "x")) == 1
    assert bbh_subtasks.gold_position("(C)", ("x", "y")) is None
    assert bbh_subtasks.gold_position("y", ("x", "y")) == 1
    assert bbh_subtasks.gold_position("x", ("x", "x")) is None
    assert bbh_subtasks.gold_position("(A)", ()) is None


def examples_of(prompts: Path) -> Iterator[tuple[str, str]]:
    """Question and worked answer of the authors' own file of demonstrations, without regard to line breaks."""
    for example in prompts.read_text(encoding="utf-8").split("\nQ: ")[1:]:
        question, _, worked = example.partition("\nA: Let's think step by step.")
        yield " ".join(question.split()), " ".join(worked.split())


@needs_data("bbh")
@pytest.mark.parametrize("source", BBH)
def test_demonstrations_and_sentence_are_those_the_authors_publish(source: str) -> None:
    assert DATA is not None
    subtask = source.removeprefix("bbh_")
    prompts = DATA / "bbh" / "cot-prompts" / f"{subtask}.txt"
    shown = load(source, "train")
    found = [(" ".join(item["input"].split()), " ".join(item["target"].split())) for item in shown]
    assert found == list(examples_of(prompts))
    assert [item["item_id"] for item in shown] == [f"bbh/{subtask}/train/{index}" for index in range(3)]
    assert all("step by step" not in item["target"] for item in shown)
    assert all("So the answer is " in item["target"] for item in shown)
    sentence = load(source)[0]["description"]
    assert sentence == sentence.strip() != ""
    assert sentence in prompts.read_text(encoding="utf-8")


def test_lm_evals_prompts_are_read_without_importing_it() -> None:
    code = "import sys, rveval.benchmarks as b; b.load('bbh_navigate', 'train'); print('lm_eval' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout == "False\n"


OTHER_LAYOUTS = {
    "no file": ({}, "navigate.yaml"),
    "no list": ({"description": "x", "fewshot_config": {"sampler": "first_n"}}, "fewshot_config"),
    "two": ({"fewshot_config": {"samples": [{"input": "a", "target": "b"}] * 2}}, "3 records"),
    "other names": ({"fewshot_config": {"samples": [{"question": "a", "target": "b"}] * 3}}, "`input`"),
}


@pytest.mark.parametrize("name", OTHER_LAYOUTS)
def test_another_layout_of_lm_eval_is_refused(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config, says = OTHER_LAYOUTS[name]
    for folder in ("bbh/cot_fewshot", "bbh/cot_zeroshot"):
        (tmp_path / folder).mkdir(parents=True)
        if config:
            # JSON is YAML; the tag is one that only lm-eval resolves.
            text = json.dumps(config) + "\n" if folder == "bbh/cot_fewshot" else "filter: !function utils.Filter\n"
            (tmp_path / folder / "navigate.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(yaml_files, "tasks_folder", lambda: tmp_path)
    with pytest.raises(Refused, match=says):
        bbh._demonstrations.__wrapped__("navigate")
    with pytest.raises(Refused, match="description" if config else "No such file"):
        bbh._description.__wrapped__("navigate")


# Every kind of file, spoilt in every way; what is said names the file, and the line or the record where there is one.
FILES = ["gsm8k/test.jsonl", "humaneval/HumanEval.jsonl", "sciq/test.json", "bbh/snarks.json", "bbh/word_sorting.json"]
SOURCES = dict(zip(FILES, ["gsm8k", "humaneval", "sciq", "bbh_snarks", "bbh_word_sorting"], strict=True))


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Path]:
    """A folder of our own with one of the published files."""

    def copy(name: str) -> Path:
        assert DATA is not None
        (tmp_path / name).parent.mkdir()
        monkeypatch.setenv("RVEVAL_DATA", str(tmp_path))
        return Path(shutil.copy(DATA / name, tmp_path / name))

    return copy


def rewrite(path: Path, change: Callable[[list[dict[str, Any]]], Any]) -> None:
    """The file in its own format, with its list of records changed."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        records = [json.loads(line) for line in text.split("\n")[:-1]]
        change(records)
        path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
        return
    whole = json.loads(text)
    change(whole["examples"] if isinstance(whole, dict) else whole)
    path.write_text(json.dumps(whole, indent=1), encoding="utf-8")


def spoil_field(records: list[dict[str, Any]]) -> None:
    name = next(iter(records[4]))
    records[4]["query"] = records[4].pop(name)


def spoil_type(records: list[dict[str, Any]]) -> None:
    records[4][next(iter(records[4]))] = 5


def spoil_text(records: list[dict[str, Any]]) -> None:
    name = next(name for name in ("question", "input", "prompt") if name in records[4])
    records[4][name] += " "


def swap(records: list[dict[str, Any]]) -> None:
    records[4], records[5] = records[5], records[4]


SPOILT: dict[str, tuple[Callable[[list[dict[str, Any]]], Any], str]] = {
    "one missing": (lambda records: records.pop(), "expected {fewer} records"),
    "one more": (lambda records: records.append({**records[0], **dict.fromkeys(KEYS & records[0].keys(), "new")}), ""),
    "wrong field": (spoil_field, "{unit} 5: field "),
    "no text": (spoil_type, "{unit} 5: field "),
    "repeated": (lambda records: records.__setitem__(4, records[1]), "not as published"),
    "no record": (lambda records: records.__setitem__(4, 7), "{unit} 5: not a record"),
    "other text": (spoil_text, "not as published"),
    "other order": (swap, "not as published"),
    "other field": (lambda records: records[4].update(note="x"), "not as published"),
}
KEYS = {"question", "input", "task_id"}


@needs_data("gsm8k", "humaneval", "sciq", "bbh")
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_file_is_refused_by_name_and_place(copied: Callable[[str], Path], name: str, how: str) -> None:
    path = copied(name)
    whole = len(load(SOURCES[name]))
    change, says = SPOILT[how]
    rewrite(path, change)
    with pytest.raises(Refused) as refused:
        load(SOURCES[name])
    assert str(path) in str(refused.value)
    says = says.format(unit="line" if path.suffix == ".jsonl" else "record", fewer=whole)
    assert (says or f"expected {whole} records") in str(refused.value)


@needs_data("gsm8k", "humaneval", "sciq", "bbh")
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.9999])
def test_a_file_cut_off_is_refused(copied: Callable[[str], Path], name: str, share: float) -> None:
    path = copied(name)
    held = path.read_bytes()
    path.write_bytes(held[: int(len(held) * share)])
    with pytest.raises(Refused) as refused:
        load(SOURCES[name])
    assert str(path) in str(refused.value)
    if share:
        assert "cut off here" in str(refused.value) or "not the whole test split" in str(refused.value)


@needs_data("gsm8k", "humaneval", "sciq", "bbh")
@pytest.mark.parametrize("name", FILES)
def test_another_spelling_of_the_same_records_is_the_same_benchmark(copied: Callable[[str], Path], name: str) -> None:
    path = copied(name)
    before, hashed = load(SOURCES[name]), data_hash(SOURCES[name])
    held = path.read_bytes()
    rewrite(path, lambda records: records.__setitem__(slice(None), [dict(reversed(one.items())) for one in records]))
    assert path.read_bytes() != held
    assert (load(SOURCES[name]), data_hash(SOURCES[name])) == (before, hashed)


@pytest.mark.parametrize("text", ["{}", '{"examples": {}}', "[]", "null", '"examples"', "[" * 100_000, "\ufeff[]"])
def test_what_holds_no_list_of_records_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    monkeypatch.setenv("RVEVAL_DATA", str(tmp_path))
    (tmp_path / "bbh").mkdir()
    (tmp_path / "bbh" / "snarks.json").write_text(text, encoding="utf-8")
    with pytest.raises(Refused, match=r"snarks\.json"):
        load("bbh_snarks")


@needs_data("sciq", "humaneval")
def test_a_file_may_be_gzipped(copied: Callable[[str], Path]) -> None:
    for name in ("sciq/test.json", "humaneval/HumanEval.jsonl"):
        path = copied(name)
        source = SOURCES[name]
        plain = load(source)
        zipped = path.with_name(f"{path.name}.gz")
        zipped.write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
        assert load(source) == plain
        for broken in (zipped.read_bytes()[:-2000], b"no gzip", b""):
            zipped.write_bytes(broken)
            with pytest.raises(Refused) as refused:
                load(source)
            assert str(zipped) in str(refused.value)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str | None, str], list[dict[str, Any]]]:
    """A hub of our own making: what it is asked for is answered from this."""
    import datasets

    held: dict[tuple[str, str | None, str], list[dict[str, Any]]] = {}
    monkeypatch.delenv("RVEVAL_DATA", raising=False)
    monkeypatch.setattr(published, "_fetched", {})
    monkeypatch.setattr(datasets, "load_dataset", lambda path, config, split: held[path, config, split])
    return held


def upstream(source: str) -> list[dict[str, Any]]:
    """Records as the hub has them: without what is added here, and with fields in another order."""
    own = {"item_id", "description"}
    return [{key: item[key] for key in sorted(item) if key not in own} for item in load(source)]


@needs_data("gsm8k", "humaneval", "sciq", "bbh")
@pytest.mark.parametrize(
    ("source", "asked"),
    [
        ("gsm8k", ("openai/gsm8k", "main", "test")),
        ("humaneval", ("openai/openai_humaneval", None, "test")),
        ("sciq", ("allenai/sciq", None, "test")),
        ("bbh_snarks", ("SaylorTwift/bbh", "snarks", "test")),
    ],
)
def test_the_hub_and_a_folder_give_the_same(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture, source: str, asked: tuple[str, str | None, str]
) -> None:
    records, items, hashed = upstream(source), load(source), data_hash(source)
    hub = request.getfixturevalue("hub")
    hub[asked] = records
    assert (load(source), data_hash(source)) == (items, hashed)
    hub.clear()
    assert load(source) == items  # fetched once a process
    assert not caplog.records


@needs_data("sciq", "bbh")
def test_a_hub_that_changed_is_refused_or_where_it_was_never_compared_warned_of(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    sciq, snarks = upstream("sciq"), upstream("bbh_snarks")
    hashed = data_hash("bbh_snarks")
    hub = request.getfixturevalue("hub")
    sciq[4]["support"] += " "
    hub["allenai/sciq", None, "test"] = sciq
    with pytest.raises(Refused, match=r"allenai/sciq \(test\): not as published"):
        load("sciq")
    snarks[4]["input"] += " "
    hub["SaylorTwift/bbh", "snarks", "test"] = snarks[:-1]
    with pytest.raises(Refused, match="expected 178 records, found 177"):
        load("bbh_snarks")
    hub["SaylorTwift/bbh", "snarks", "test"] = snarks
    with caplog.at_level(logging.WARNING, logger="rveval"):
        assert load("bbh_snarks")[4]["input"].endswith(" ")
    assert "SaylorTwift/bbh (snarks, test): not as published" in caplog.text
    assert data_hash("bbh_snarks") != hashed


@pytest.mark.usefixtures("hub")
def test_a_hub_out_of_reach_is_not_asked_27_times(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    asked = []

    def unreachable(path: str, config: str, split: str) -> None:
        asked.append((path, config, split))
        raise ConnectionError("no network")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    monkeypatch.setattr(published, "_unreachable", {})
    for source in BBH:
        with pytest.raises(Refused, match=rf"bbh/{source.removeprefix('bbh_')}\.json"):
            load(source)
    assert asked == [("SaylorTwift/bbh", "boolean_expressions", "test")]
    with pytest.raises(Refused, match="allenai/sciq"):
        load("sciq")
    assert len(asked) == 2


NAMED = {
    "rv_gsm8k": ("gsm8k", "gsm8k", "clean"),
    "rv_tiny_math_typos+think": ("tiny_math", "tiny_math", "typos+think"),
    "rv_sciq": ("sciq", "sciq", "clean"),
    "rv_sciq_closed": ("sciq_closed", "sciq_closed", "clean"),
    "rv_sciq_closed_typos+distractor": ("sciq_closed", "sciq_closed", "typos+distractor"),
    "rv_bbh_word_sorting_typos": ("bbh_word_sorting", "bbh", "typos"),
    "rv_bbh_navigate": ("bbh_navigate", "bbh", "clean"),
    "rv_bbh_navigate_hint": ("bbh_navigate", "bbh", "hint"),
    "rv_bbh": ("bbh", "bbh", "clean"),
    "rv_bbh_typos+hint": ("bbh", "bbh", "typos+hint"),
    "rv_stock_gsm8k": ("stock_gsm8k", "gsm8k", "clean"),
    "rv_stock_bbh_snarks": ("stock_bbh_snarks", "bbh", "clean"),
}


@pytest.mark.parametrize("task", NAMED)
def test_what_a_tasks_name_says(task: str) -> None:
    found = of_task(task)
    assert (found.source, found.benchmark, found.family) == NAMED[task]


def test_every_task_of_every_family_is_taken_apart_again() -> None:
    for family in perturb.FAMILIES:
        for source in benchmarks.names():
            assert of_task(f"rv_{source}_{family}+{family}").source == source
            assert of_task(f"rv_{source}_{family}").family == family
        assert of_task(f"rv_bbh_{family}") == benchmarks.TaskName("bbh", "bbh", family)


def test_groups_are_spelled_out() -> None:
    assert groups("rv_gsm8k_typos") == ["rv_gsm8k_typos"]
    assert groups("rv_bbh_snarks") == ["rv_bbh_snarks"]
    assert groups("rv_bbh") == [f"rv_{source}" for source in BBH]
    assert groups("rv_bbh_typos+hint") == [f"rv_{source}_typos+hint" for source in BBH]
    assert groups("rv_stock_bbh") == [f"rv_stock_{source}" for source in BBH]
    with pytest.raises(Refused, match="rv_bbh_word_sorting"):
        groups("rv_bbh_wordsorting")


UNKNOWN = {
    "rv_gsm8kk": "did you mean rv_gsm8k?",
    "gsm8k": "did you mean rv_gsm8k?",
    "rv_gsm8k_": "did you mean rv_gsm8k?",
    "rv_gsm8k_Typos": "did you mean rv_gsm8k?",
    "rv_gsm8k_typos+": "did you mean",
    "rv_gsm8kk_typos": "did you mean rv_gsm8k_typos?",
    "rv_bbh_wordsorting": "did you mean rv_bbh_word_sorting?",
    "rv_bbh_word_sortin_typos": "did you mean rv_bbh_word_sorting_typos?",
    "rv_humanevl": "did you mean rv_humaneval?",
    "rv_stock_gsm8k_think": "rv_gsm8k_think",
    "rv_": "each with or without _<family>",
    "": "each with or without _<family>",
    "mmlu": "each with or without _<family>",
}


@pytest.mark.parametrize("task", UNKNOWN)
def test_an_unknown_task_is_refused_and_the_nearest_offered(task: str) -> None:
    with pytest.raises(Refused) as refused:
        of_task(task)
    assert UNKNOWN[task] in str(refused.value)


@pytest.mark.parametrize("module", [bbh_subtasks, task_names])
def test_the_examples_in_the_docstrings_hold(module: Any) -> None:
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed
