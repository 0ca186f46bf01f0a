"""The report verb: what it writes, what it refuses and how; the formats walk over all findings and quote every text."""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile import ODD, SCRIPTS, everything, poisoned
from studies import Made, term

from rveval import config as schema
from rveval import findings
from rveval.findings import Report, Score
from rveval.show import output, report, tables, verbs, wording
from rveval.show.formats import latex, markdown
from rveval.show.output import Output, formats


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """A study of three variants, clean and under a family; the current folder is an empty one."""
    monkeypatch.chdir(tmp_path)
    made = Made(tmp_path / "runs")
    for alpha, marks in ((0.0, "10" * 20), (1.0, "1110" * 10), (-1.0, "1000" * 10)):
        made.add(marks, alpha)
        made.add(marks, alpha, family="typos")
    return made


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


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = report.main(list(words))
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    return status, said.out, said.err


def everything_written(report: Report, folder: Path) -> dict[str, str]:
    """All formats of a report but the page: the texts of their files."""
    folder.mkdir()
    for one in formats().values():
        if not one.items:
            list(one.write(Output(report, [], folder)))
    return {path.name: path.read_text(encoding="utf-8") for path in folder.rglob("*.*")}


# --- what is written


def test_all_formats(ablated: Made, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "study=s", f"format={','.join(formats())}")
    folder = Path("report/s")
    assert (status, err) == (0, "")
    found = json.loads((folder / "summary.json").read_text())
    assert found["verdict"]["sentence"] in out
    assert "1 variant was refused" in out
    assert found["made"]["command"] == f"python -m rveval.report study=s format={','.join(formats())}"
    assert {"index.html", "summary.json", "table.md", "table.tex", "csv", "items"} <= {p.name for p in folder.iterdir()}
    text, tex = (folder / "table.md").read_text(), (folder / "table.tex").read_text()
    assert found["verdict"]["sentence"].split(":")[0] in text.replace("\\", "")
    for table in tables.tables(ablated.report()):
        assert f"## {table.title}\n" in text
        assert (f"caption{{{table.title}" in tex) == table.paper
    assert "5 nulls can't give a p below 0.17: run 19 seeds for 0.05" in text
    assert r"another tokenizer \| 5%" in text
    assert "m + 1 v \\[forced\\]" in text


def test_every_list_of_the_summary_is_a_csv_file_in_full(ablated: Made, tmp_path: Path) -> None:
    report = ablated.report()
    everything_written(report, tmp_path / "out")
    for name, rows in report.summary().items():
        if isinstance(rows, list) and name != "items" and rows:
            with (tmp_path / "out" / "csv" / f"{name}.csv").open(newline="") as file:
                lines = list(csv.DictReader(file))
            assert len(lines) == len(rows)
            for line, row in zip(lines, rows, strict=True):
                for key, value in row.items():
                    if isinstance(value, dict) and "low" in value:
                        assert [float(line[f"{key}.{end}"]) for end in ("value", "low", "high")] == [
                            value[end] for end in ("value", "low", "high")
                        ]
                if "variant" in row:
                    assert line["label"] == (report.label(row["variant"]) if row["variant"] else "")


def test_short_formats_leave_details_out(ablated: Made) -> None:
    report = ablated.report()
    controls = {row["label"] for row in report.variants if row["null"]}
    short, whole = ({table.key: table for table in tables.tables(report, detail)} for detail in (False, True))
    assert short.keys() < whole.keys()
    assert all(len(short[key].rows) <= len(whole[key].rows) for key in short)
    main = next(table for table in short.values() if any(isinstance(v, Score) for v in table.rows[0].values))
    assert not controls & {row.values[0] for row in main.rows}
    assert "5 null controls are not listed here" in main.note


def test_json_alone_writes_no_page_and_no_items(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "study=s", "format=json", "out=elsewhere")[0] == 0
    assert [path.name for path in Path("elsewhere/s").iterdir()] == ["summary.json"]


def test_two_studies(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    made.add("1" * 40, 0.5, study="other")
    assert run(capsys, "study=s,other", "format=md")[0] == 0
    text = Path("report/s+other/table.md").read_text()
    assert "m + 0.5 v" in text
    assert "m + 1 v" in text


def test_a_format_is_one_function(
    made: Made, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "_REGISTERED", dict(output._REGISTERED))

    @output.output_format("toy", "toy.txt: how many variants")
    def write(given: Output) -> Iterator[str]:
        (given.folder / "toy.txt").write_text(str(len(given.report.variants)))
        yield "toy.txt"

    assert run(capsys, "study=s", "format=toy")[0] == 0
    assert Path("report/s/toy.txt").read_text() == "3"
    assert "toy.txt: how many variants" in run(capsys, "--help")[1]


def test_command_lines_are_shown_as_they_were_kept(made: Made) -> None:
    (study,) = verbs.studies(Path("runs"), ["s"])
    assert verbs.commands([study]) == []
    for entry in study.entries[:2]:
        entry["overrides"] = ["alpha=0.5", "vector.scope=['a b']"]  # type: ignore[typeddict-unknown-key]
    (command,) = verbs.commands([study])
    assert shlex.split(command)[3:] == ["alpha=0.5", "vector.scope=['a b']"]


# --- what is refused


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["stduy=s"], "did you mean study?"),
        (["+study=s"], "did you mean study?"),
        (["study=s", "format=pdf"], "csv, html, json, latex, md"),
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
def test_refused(made: Made, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    status, out, err = run(capsys, *words)
    assert (status, out) == (2, "")
    assert said in err
    assert not Path("report").exists() or not any(Path("report").iterdir())


def test_all_problems_of_a_command_line_are_said_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    _, _, err = run(capsys, "stduy=s", "format=pdf")
    assert "did you mean study?" in err
    assert "is not a format" in err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "--help")
    assert status == 0
    assert all(f"  {key}=" in out for key in report._KEYS)
    assert all(f"{one.name}: {one.about}" in out for one in formats().values())
    assert run(capsys)[0] == 2


def test_an_empty_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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

    def failing(error: BaseException) -> Callable[..., Any]:
        def build(*_: Any) -> Any:
            raise error

        return build

    monkeypatch.setattr(findings, "build", failing(RuntimeError("unforeseen \x1b[31m")))
    status, _, err = run(capsys, "study=s", "format=md")
    assert status == 1
    assert re.fullmatch(r"failed: RuntimeError: unforeseen ⟨001B⟩\[31m \(traceback: .*\)\n", err)
    monkeypatch.setattr(findings, "build", failing(KeyboardInterrupt()))
    assert run(capsys, "study=s")[0] == 130
    assert Path("report/s/table.md").read_bytes() == before
    assert [path.name for path in Path("report").iterdir()] == ["s"], "nothing half-made stays"


def test_what_is_no_report_is_not_replaced(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    Path("report/s").mkdir(parents=True)
    Path("report/s/thesis.txt").write_text("mine")
    status, _, err = run(capsys, "study=s")
    assert status == 2
    assert "is no report" in err
    assert Path("report/s/thesis.txt").read_text() == "mine"


def test_the_shipped_claims_can_be_judged() -> None:
    claims = verbs.published(schema.config_dir() / "claims")
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


# --- hostile text


def test_labels_do_not_break_the_tables(ablated: Made, tmp_path: Path) -> None:
    nasty = "a|b & 50% $x_{1}$ <b> `c` ~^\\ *d*\n"
    files = everything_written(poisoned(ablated.report(), nasty), tmp_path / "out")
    for table in files["table.md"].split("\n\n"):
        lines = [line for line in table.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) <= 1
        assert not any("<b>" in line for line in lines)
    text = files["table.tex"]
    body = re.sub(r"\\[\\&%$#_{}]", "", text.partition("\\begin")[2])
    assert body.count("{") == body.count("}")
    for row in re.findall(r"\\midrule\n(.*?)\\bottomrule", text, re.DOTALL):
        assert len({len(re.findall(r"(?<!\\)&", line)) for line in row.strip().splitlines()}) == 1


def test_nothing_invisible_reaches_a_reader(
    ablated: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    dirty = poisoned(ablated.report(), everything())
    files = everything_written(dirty, tmp_path / "out")
    monkeypatch.setattr(findings, "build", lambda *_: dirty)
    texts = [text for name, text in files.items() if name != "summary.json"]
    texts += [run(capsys, "study=s", "format=json")[1]]
    for text in texts:
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", text)
        assert "⟨202E⟩" in text


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@x", "\tx"])
def test_no_cell_of_a_csv_file_is_a_formula(made: Made, tmp_path: Path, text: str) -> None:
    made.ablate("1110" * 10, 1.0, label=text, layers=[0, 2])
    everything_written(made.report(), tmp_path / "out")
    for path in (tmp_path / "out" / "csv").iterdir():
        with path.open(newline="") as file:
            for cell in (cell for line in csv.reader(file) for cell in line):
                assert not cell.startswith(("=", "+", "-", "@", "\t")) or re.fullmatch(r"[-+\d.e]+", cell)


@pytest.mark.parametrize("text", [*SCRIPTS, *ODD])
def test_texts_are_one_line_in_markdown_and_latex(text: str) -> None:
    for escaped in (markdown.escaped(text), latex.escaped(text)):
        assert len(escaped.splitlines()) <= 1
        escaped.encode("utf-8")
    assert not re.search(r"(?<!\\)[<|`]", markdown.escaped(text))
    assert wording.visible(wording.visible(text)) == wording.visible(text)
