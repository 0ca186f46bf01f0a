"""The report verb: what it writes, what it refuses and how; and plain lm-eval's results read like a store."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from studies import Made, term

from rveval import config as schema
from rveval.findings import Study, build
from rveval.show import report
from rveval.show.report import arguments, commands, formats, making, plain, tables


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """A study of three variants, clean and under a family; the current folder is an empty one."""
    monkeypatch.chdir(tmp_path)
    made = Made(tmp_path / "runs")
    for alpha, marks in ((0.0, "10" * 20), (1.0, "1110" * 10), (-1.0, "1000" * 10)):
        made.add(marks, alpha)
        made.add(marks, alpha, family="typos")
    return made


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = report.main(list(words))
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    return status, told.out, told.err


def test_all_formats(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "study=s", "format=html,md,csv,json,latex")
    folder = Path("report/s")
    assert (status, err) == (0, "")
    found = json.loads((folder / "summary.json").read_text())
    assert found["verdict"]["sentence"] in out
    assert found["made"]["command"] == "python -m rveval.report study=s format=html,md,csv,json,latex"
    assert {"index.html", "summary.json", "table.md", "table.tex", "csv", "items"} <= {p.name for p in folder.iterdir()}
    assert found["verdict"]["sentence"].split(":")[0] in (folder / "table.md").read_text().replace("\\", "")
    with (folder / "csv" / "comparisons.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["difference.value"]) for row in rows] == [c["difference"]["value"] for c in found["comparisons"]]


def test_json_alone_writes_no_page_and_no_items(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "study=s", "format=json", "out=elsewhere")[0] == 0
    assert [path.name for path in Path("elsewhere/s").iterdir()] == ["summary.json"]


def test_two_studies(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    made.add("1" * 40, 0.5, study="other")
    assert run(capsys, "study=s,other", "format=md")[0] == 0
    text = Path("report/s+other/table.md").read_text()
    assert "m + 0.5 v" in text
    assert "m + 1 v" in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["stduy=s"], "did you mean study?"),
        (["+study=s"], "did you mean study?"),
        (["study=s", "format=pdf"], "html, md, csv, json, latex"),
        (["study=z"], "no such study"),
        (["study=sx"], "did you mean s?"),
        (["study=s,z"], "no such study"),
        (["study=../s"], "is no name of a study"),
        (["study=s", "store=nowhere"], "the store holds no study yet"),
        (["study=s", "study=s"], "is given twice"),
        (["study="], "is empty"),
        (["s"], "is not key=value"),
        (["format=md"], "no study is named"),
        (["study=s", "claims=nowhere"], "no such folder"),
        (["lm_eval=nowhere"], "holds no samples"),
        (["study=s", "out=/dev/null/x"], "can't be written"),
    ],
)
def test_refused(made: Made, capsys: pytest.CaptureFixture[str], words: list[str], told: str) -> None:
    status, out, err = run(capsys, *words)
    assert (status, out) == (2, "")
    assert told in err
    assert not Path("report").exists() or not any(Path("report").iterdir())


def test_all_problems_of_a_command_line_are_said_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    _, _, err = run(capsys, "stduy=s", "format=pdf")
    assert "did you mean study?" in err
    assert "is not a format" in err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "--help")
    assert status == 0
    assert all(f"  {key}=" in out for key in arguments._KEYS)
    assert run(capsys)[0] == 2


def test_an_empty_store_and_an_empty_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no study yet" in run(capsys, "study=s", f"store={tmp_path}")[2]
    (tmp_path / "studies" / "s").mkdir(parents=True)
    status, _, err = run(capsys, "study=s", f"store={tmp_path}", f"out={tmp_path / 'out'}")
    assert status == 2
    assert "no complete cell" in err
    assert "run it first" in err


def test_what_fails_leaves_the_report_before_it(
    made: Made, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(capsys, "study=s", "format=md")
    before = Path("report/s/table.md").read_bytes()

    def broken(*_: Any) -> str:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(formats, "markdown", broken)
    status, _, err = run(capsys, "study=s", "format=md")
    assert status == 1
    assert re.fullmatch(r"failed: RuntimeError: unforeseen \(traceback: .*\)\n", err)
    assert Path("report/s/table.md").read_bytes() == before
    assert [path.name for path in Path("report").iterdir()] == ["s"], "nothing half-made stays"


def test_what_is_no_report_is_not_replaced(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    Path("report/s").mkdir(parents=True)
    Path("report/s/thesis.txt").write_text("mine")
    status, _, err = run(capsys, "study=s")
    assert status == 2
    assert "is no report" in err
    assert Path("report/s/thesis.txt").read_text() == "mine"


def test_an_interruption(made: Made, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(making, "_write", interrupted)
    assert run(capsys, "study=s")[0] == 130
    assert list(Path("report").iterdir()) == []


def test_tables_say_what_is_not_known(tmp_path: Path) -> None:
    made, remark = Made(tmp_path), "outside their training"
    for alpha, marks in ((0.0, "10" * 20), (0.5, "1" * 40), (1.0, "1110" * 10)):
        made.add(marks, alpha)
        made.add(marks, alpha, family="think")
        made.add(marks, alpha, family="typos", warnings=[remark])
    shown = {table.title: table for table in tables.shown(made.build())}
    assert "whether it exceeds the noise is not known" in shown["Benchmarks"].note
    assert "detectable (uncorrected)" in shown["Differences to the baseline"].headings
    for title in ("Differences to the baseline", "Did the gain survive?", "Robustness"):
        assert shown[title].note.endswith(f" * {remark}.")
    families = {row[2] for row in shown["Did the gain survive?"].rows}
    assert families == {"think", "typos *"}
    assert {row[1] for row in shown["Robustness"].rows} == {"gsm8k *"}
    assert all("turns down after alpha=0.5" in row[3] for row in shown["Dose and response"].rows)


def test_no_footnote_and_no_caveat_without_a_cause(made: Made) -> None:
    made.add("1110" * 10, 0.5)
    shown = tables.shown(made.build())
    assert not any(
        "*" in text.replace("**", "") for table in shown for row in [*table.rows, [table.note]] for text in row
    )
    (curves,) = [table for table in shown if table.title == "Dose and response"]
    assert "turns down" not in str(curves.rows)


def test_labels_do_not_break_the_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = Made(tmp_path / "runs")
    nasty = "a|b & 50% $x_{1}$ <b> `c` ~^\\ *d*"
    made.add("1010")
    made.add("1110", 1.0, label=nasty)
    found = made.build()
    for table in formats.markdown(found).split("\n\n"):
        lines = [line for line in table.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) <= 1
        assert not any("<b>" in line for line in lines)
    text = formats.latex(found)
    body = re.sub(r"\\[\\&%$#_{}]", "", text.partition("\\begin")[2])
    assert body.count("{") == body.count("}")
    for row in re.findall(r"\\midrule\n(.*?)\\bottomrule", text, re.DOTALL):
        assert len({len(re.findall(r"(?<!\\)&", line)) for line in row.strip().splitlines()}) == 1


# --- the commands that make the cells again


def test_commands_are_short_where_options_are_shipped_and_exact_elsewhere() -> None:
    def config(*words: str) -> dict[str, Any]:
        return schema.resolved(schema.parse(schema.composed(words)))

    def again(config: dict[str, Any]) -> list[str]:
        entry = {"config": config, "alpha": config["alpha"]}
        return commands.again([entry], "runs")  # type: ignore[list-item]

    assert again(config()) == ["python -m rveval alpha=1"]
    assert again(config("model=instruct_1.5b", "vector=none", "suite=gsm8k", "limit=5", "seed=3")) == [
        "python -m rveval alpha=1 model=instruct_1.5b vector=none suite=gsm8k seed=3 limit=5"
    ]
    for words in (
        ["suite.tasks=[rv_tiny_math,rv_tiny_order]", "suite.families=[clean,typos+distractor]", "study=x"],
        ["model.label=mine", "model.path=/my base/x", "vector.label=w", "vector.terms=[{plus: /a, minus: org/b@main}]"],
        ["engine=hf", "temperature=0.7", "n=4", "model.system='be brief, please: {}'"],
        ["vector.transform=random", "vector.seed=3"],
        ["vector.transform=[trim,{name: dare, density: 0.5, seed: 7},random]", "vector.density=0.2", "vector.seed=2"],
        ["vector.transform=[{name: breadcrumbs, density: 0.3, gamma: 0.02}]", "vector.epsilon=0.2", "vector.cap=3"],
        ["vector.transform=rank", "vector.rank=8", "vector.layers=[0,12]", "vector.kinds=[attention,mlp]"],
        ["vector.layers=[0.0,0.5]", "vector.ramp=[0,0.5,1]", "vector.scope=['mlp\\.down','it\\'s','x\\\\\\\\']"],
        ["vector.scope=['^model\\.layers\\.(1|2)\\.', 'a,b']"],
        ["vector.transform=other", "vector.other={plus: 'tiny:order-grpo', minus: 'tiny:order-sft'}"],
        [
            "vector.label=both",
            "vector.terms=[{plus: 'tiny:grpo', minus: 'tiny:sft'}, {plus: org/a@main, weight: 2}]",
            "vector.weights=[1,-0.5]",
        ],
        ["vector=tiny_foreign", "force_incompatible=true"],
        ["alpha=0.123456789"],
        ["model.donor=plus"],
    ):
        first = config(*words)
        (command,) = again(first)
        second = config(*shlex.split(command)[3:])
        assert again(second) == [command]
        assert first == second


def test_alphas_of_one_way_are_one_command(made: Made) -> None:
    entries = [{"config": {"alpha": alpha, "study": "s"}, "alpha": alpha} for alpha in (1.0, 0.0, -1.0)]
    assert commands.again(entries, "runs/my store") == [  # type: ignore[arg-type]
        "python -m rveval -m alpha=-1,0,1 study=s store='runs/my store'"
    ]


def test_seeds_of_one_way_are_one_command() -> None:
    def entry(alpha: float, seed: int) -> Any:
        return {
            "config": {"alpha": alpha, "study": "s", "vector": {"label": "tiny_grpo", "seed": seed}},
            "alpha": alpha,
        }

    grid = [entry(alpha, seed) for alpha in (1.0, 0.5) for seed in (0, 2, 1)]
    assert commands.again(grid, "runs") == ["python -m rveval -m alpha=0.5,1 vector.seed=0,1,2 study=s"]
    assert commands.again([*grid, entry(0.0, 0)], "runs") == [
        "python -m rveval -m alpha=0,0.5,1 study=s",
        "python -m rveval -m alpha=0.5,1 vector.seed=1,2 study=s",
    ]
    assert commands.again([entry(1.0, 4)], "runs") == ["python -m rveval alpha=1 vector.seed=4 study=s"]


# --- tables of ablations


@pytest.fixture
def ablated(made: Made) -> Made:
    """The study with null controls, two vectors together, a sweep, a forced variant and a refused one."""
    for seed in range(5):
        made.ablate("10" * 20, 1.0, steps=[{"name": "random", "seed": seed}], label=f"m + 1 v [random seed {seed}]")
    for name, marks in (("v", "1110"), ("w", "1100")):
        made.ablate(marks * 10, 2.0, terms=[term(name)])
    made.ablate("1111" * 10, 2.0, terms=[term("v"), term("w")], label="m + 2 both")
    for density in (0.1, 0.5):
        made.ablate("1110" * 10, 1.0, steps=[{"name": "trim", "density": density}], label=f"m + 1 v [trim {density}]")
    made.ablate("1110" * 10, 1.0, forced=True, label="m + 1 v [forced]")
    made.refuse("m + 1 <b>x</b>", what="another tokenizer | 5%")
    return made


def test_ablations_are_in_every_format(ablated: Made, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "study=s", "format=html,md,csv,json,latex")
    assert (status, err) == (0, "")
    assert "1 variant was refused" in out
    folder = Path("report/s")
    found = json.loads((folder / "summary.json").read_text())
    text, tex = (folder / "table.md").read_text(), (folder / "table.tex").read_text()
    for title in ("Would any vector do?", "Several vectors together", "Which part of the vector", "Refused"):
        assert f"## {title}" in text
    assert "5 nulls can't give a p below 0.17: run 19 seeds for 0.05" in text
    assert r"Would any vector do?" in tex
    assert r"another tokenizer \| 5%" in text
    assert "m + 1 v \\[forced\\]" in text
    for name in ("nulls", "interference", "sweeps", "refused"):
        with (folder / "csv" / f"{name}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == len(found[name])
        assert name == "refused" or name == "sweeps" or all(row["label"] for row in rows)
    with (folder / "csv" / "comparisons.csv").open(newline="") as file:
        assert "m + 1 v [forced]" in {row["label"] for row in csv.DictReader(file)}


def test_tables_of_ablations_hold_what_the_summary_does(ablated: Made) -> None:
    found = ablated.build()
    shown = {table.title: table for table in tables.shown(found)}
    (null,) = shown["Would any vector do?"].rows
    assert null[:4] == ["m + 1 v", "gsm8k", "random", "5"]
    assert null[-1] == found["nulls"][0]["said"]
    (together,) = shown["Several vectors together"].rows
    assert together[0] == "m + 2 both"
    assert together[5].strip("*").startswith("+25.0 [")
    sweep = [
        row[3] for row in shown["Which part of the vector, and how much of it"].rows if row[0] == "by density of trim"
    ]
    assert sweep == ["0.1", "0.5"]
    (refused,) = shown["Refused"].rows
    assert refused[:2] == ["m + 1 <b>x</b>", "another tokenizer | 5%"]
    labels = {row["label"] for row in found["variants"] if row["null"]}
    for title in ("Benchmarks", "Where a difference comes from"):
        assert not labels & {row[0] for row in shown[title].rows}, "null controls have a table of their own"
    assert labels < {row[0] for row in shown["Differences to the baseline"].rows}
    main = [row[0] for row in shown["Benchmarks"].rows]
    assert not any("random" in label for label in main)
    assert "5 null controls are not listed here" in shown["Benchmarks"].note


# --- published claims


def test_the_shipped_claims_can_be_judged() -> None:
    claims = making._claims(schema.config_dir() / "claims")
    assert len(claims) == 8
    assert {claim["source"] for claim in claims} == {"arXiv 2509.01363"}
    assert sorted(claim["points"] for claim in claims) == [-11.8, 1.7, 2.2, 2.6, 4.3, 4.9, 5.0, 12.3]


@pytest.mark.parametrize(
    "text", ["claims: 5", "source: x\nclaims:\n  - {id: a}", "[", "source: x\nclaims: [{points: x}]"]
)
def test_bad_claims_are_refused(made: Made, capsys: pytest.CaptureFixture[str], text: str) -> None:
    Path("claims").mkdir()
    Path("claims/mine.yaml").write_text(text)
    status, _, err = run(capsys, "study=s", "claims=claims")
    assert status == 2
    assert "can't be read" in err


# --- plain lm-eval


def plain_run(folder: Path, marks: str, task: str = "gsm8k", limit: Any = None, **line: Any) -> Path:
    """A folder as lm-eval 0.4.13 writes it, with two filters."""
    folder.mkdir(parents=True, exist_ok=True)
    moment = "2026-11-21T12-31-47.916973"
    rows = []
    for name in ("strict-match", "flexible-extract"):
        for number, mark in enumerate(marks):
            row = {
                "doc_id": number,
                "doc": {"question": f"q{number}"},
                "target": "1",
                "arguments": {"gen_args_0": {"arg_0": f"Q: q{number}", "arg_1": {"until": []}}},
                "resps": [[f"answer {mark}"]],
                "filtered_resps": ["[invalid]" if mark == "x" else mark],
                "filter": name,
                "metrics": ["exact_match"],
                "doc_hash": hashlib.sha256(f"{number}".encode()).hexdigest(),
                "prompt_hash": f"p{number}",
                "exact_match": float(mark == "1" and (name == "flexible-extract" or number % 2 == 0)),
            }
            rows.append({key: value for key, value in (row | line).items() if value is not None})
    (folder / f"samples_{task}_{moment}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    results = {"config": {"limit": limit}, "n-shot": {task: 5}, "versions": {task: 3}, "date": 1.0}
    (folder / f"results_{moment}.json").write_text(json.dumps(results))
    return folder


def read_plain(*folders: Path) -> Any:
    reader = plain.Results(folders)
    return build([Study("p", reader, reader.read_study("p"))])


def test_plain_results_are_paired_by_item_whatever_the_order(tmp_path: Path) -> None:
    base, other = plain_run(tmp_path / "base", "110x" * 10), plain_run(tmp_path / "other", "0111" * 10)
    path = next(other.glob("samples_*"))
    path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))
    found = read_plain(base, other)
    assert [row["label"] for row in found["variants"]] == ["base", "other"]
    (row,) = found["comparisons"]
    assert (row["fixed"], row["broken"], row["difference"]["value"]) == (20, 10, 0.25)
    assert [cell["accuracy"]["value"] for cell in found["cells"]] == [0.5, 0.75]
    assert [cell["strict"]["value"] for cell in found["cells"]] == [0.25, 0.25]
    assert found["cells"][0]["extraction_failed"]["value"] == 0.25
    assert found["curves"] == found["factorial"] == []


def test_folders_of_one_name_are_told_apart_and_the_models_own_folder_is_found(tmp_path: Path) -> None:
    plain_run(tmp_path / "a" / "model", "10")
    plain_run(tmp_path / "b" / "model", "11")
    found = read_plain(tmp_path / "a", tmp_path / "b")
    assert [row["label"] for row in found["variants"]] == ["a", "b"]
    found = read_plain(tmp_path / "a" / "model", tmp_path / "b" / "model")
    assert [row["label"] for row in found["variants"]] == ["a/model", "b/model"]


@pytest.mark.parametrize(
    ("change", "why"),
    [({"limit": 5}, "limit"), ({"prompt_hash": "another"}, "prompts")],
)
def test_plain_results_asked_in_another_way_are_not_compared(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    found = read_plain(plain_run(tmp_path / "base", "1010"), plain_run(tmp_path / "other", "1110", **change))
    assert found["comparisons"] == []
    assert why in found["problems"][0]["what"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"doc_hash": None, "doc_id": None}, "neither item_id, nor doc_hash, nor doc_id"),
        ({"exact_match": 0.37}, "no score of right and wrong"),
        ({"exact_match": None}, "hold no score"),
        ({"doc": {"item_id": "gsm8k/0"}}, "is there twice"),
    ],
)
def test_plain_results_that_can_not_be_read_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], told: str
) -> None:
    folder = plain_run(tmp_path / "base", "1010", **change)
    status, _, err = run(capsys, f"lm_eval={folder}", f"out={tmp_path}/out")
    assert status == 2
    assert told in err


def test_plain_results_of_other_items_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, other = plain_run(tmp_path / "base", "1010"), plain_run(tmp_path / "other", "101")
    status, _, err = run(capsys, f"lm_eval={base},{other}", f"out={tmp_path}/out")
    assert status == 2
    assert "different items" in err


def test_plain_results_without_their_results_file_or_cut_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = plain_run(tmp_path / "base", "1010")
    path = next(folder.glob("samples_*"))
    path.write_text(path.read_text()[:-20])
    assert "line 8 can't be read" in run(capsys, f"lm_eval={folder}", f"out={tmp_path}/out")[2]
    next(folder.glob("results_*")).unlink()
    assert "how the model was asked is not known" in run(capsys, f"lm_eval={folder}", f"out={tmp_path}/out")[2]


def test_two_runs_in_one_folder_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = plain_run(tmp_path / "base", "1010")
    first = next(folder.glob("samples_*"))
    shutil.copy(first, str(first).replace("12-31", "13-31"))
    status, _, err = run(capsys, f"lm_eval={folder}", f"out={tmp_path}/out")
    assert status == 2
    assert "two runs of gsm8k" in err


def test_plain_results_of_our_own_tasks_keep_families_and_ids(tmp_path: Path) -> None:
    for name, marks in (("base", "1000"), ("other", "1110")):
        for task, family in (("rv_gsm8k", "clean"), ("rv_gsm8k_typos", "typos")):
            doc = {"rv_source": "gsm8k", "rv_families": family, "rv_changed": family != "clean"}
            folder = plain_run(tmp_path / name, marks, task)
            path = next(folder.glob(f"samples_{task}_2*"))
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            for row in rows:
                row["doc"] |= doc | {"item_id": f"gsm8k/{row['doc_id']}"}
                row["doc_hash"] += family
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
            results = {"config": {"limit": None}}
            next(folder.glob("results_*")).write_text(json.dumps(results))
    found = read_plain(tmp_path / "base", tmp_path / "other")
    (row,) = found["survival"]
    assert (row["family"], row["n"], row["gain_family"]["value"]) == ("typos", 4, 0.5)
