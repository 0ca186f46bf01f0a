"""Tasks of lm-eval's and of a user's own folder: found or refused by name, put under families, asked and scored."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ownfolder
import pytest
import tinymodels
from conftest import needs_data
from hypothesis import given
from hypothesis import strategies as st

from rveval import config as schema
from rveval import perturb
from rveval.benchmarks import Score, upstream, yaml_files
from rveval.benchmarks.upstream import index, options
from rveval.benchmarks.yaml_files import tasks_folder
from rveval.config import SuiteConfig
from rveval.engine import Answer, Progress, Request, TokenScore
from rveval.engine.session import Served
from rveval.errors import Failed, Refused, RvevalError
from rveval.recipe import Recipe
from rveval.run import cells, suites
from rveval.run.harness import run_cell
from rveval.store import CellRecord, Sample, Store


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ownfolder.make(tmp_path_factory.mktemp("own") / "tasks")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """The same folder, to be changed."""
    return ownfolder.make(tmp_path / "tasks")


def ref(folder: Path, name: str) -> upstream.Ref:
    (found,) = upstream.find(name, [str(folder)])
    return found


def refused(folder: Path, name: str = "own_add") -> str:
    with pytest.raises(Refused) as caught:
        upstream.find(name, [str(folder)])
    return str(caught.value)


# --- found by name


def test_a_task_is_found_in_the_users_folder(own: Path) -> None:
    assert ref(own, "own_pro") == upstream.Ref("own_pro", own / "pro.yaml")


def test_a_tag_and_a_group_stand_for_their_tasks(own: Path) -> None:
    include = [str(own)]
    assert [one.name for one in upstream.find("own_choices", include)] == ["own_letters", "own_texts"]
    assert [one.name for one in upstream.find("own_all", include)] == ["own_add", "own_letters", "own_texts"]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("gsm8k", "gsm8k/gsm8k.yaml"),
        ("arc_challenge", "arc/arc_challenge.yaml"),
        ("mmlu_pro_math", "mmlu_pro/mmlu_pro_math.yaml"),
        ("aclue_ancient_medical", "aclue/aclue_ancient_medical.yaml"),  # its key is quoted
    ],
)
def test_lm_evals_own_tasks_are_found(name: str, file: str) -> None:
    assert upstream.find(name, []) == [upstream.Ref(name, tasks_folder() / file)]


def test_the_list_of_lm_evals_tasks_is_kept_on_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RVEVAL_CACHE", str(tmp_path))
    monkeypatch.setattr(index, "_names_of_lm_eval", lambda folder: [("one", ("one/one.yaml", None))])
    fresh = index.of_lm_eval.__wrapped__
    assert fresh() == {"one": index.Listed(tasks_folder() / "one/one.yaml")}
    monkeypatch.setattr(index, "_names_of_lm_eval", None)
    assert fresh() == {"one": index.Listed(tasks_folder() / "one/one.yaml")}
    (kept,) = (tmp_path / "lm_eval_tasks").iterdir()
    kept.write_text("{")
    with pytest.raises(TypeError):  # listed anew
        fresh()


def test_lm_evals_own_groups_and_tags_are_spelled_out() -> None:
    pro = [one.name for one in upstream.find("mmlu_pro", [])]
    assert len(pro) == 14
    assert "mmlu_pro_math" in pro
    assert [one.name for one in upstream.find("ai2_arc", [])] == ["arc_challenge", "arc_easy"]
    assert len(upstream.find("mmlu", [])) == 57  # groups of tags


@pytest.mark.parametrize(
    ("name", "near"),
    [("arc_chalenge", "arc_challenge"), ("gsm8", "gsm8k"), ("own_ad", "own_add"), ("r_gsm8k", "rv_gsm8k")],
)
def test_an_unknown_name_is_refused_with_the_nearest(own: Path, name: str, near: str) -> None:
    text = refused(own, name)
    assert "no such task" in text
    assert near in text


@pytest.mark.parametrize("name", ["", "*", "own_*", "../own_add", "own_add.yaml", "a b"])
def test_what_is_no_name_is_refused(own: Path, name: str) -> None:
    assert "no such task" in refused(own, name)


# --- a user's folder that lm-eval would read in silence


def test_a_file_that_does_not_parse_is_named_with_the_parsers_words(mine: Path) -> None:
    (mine / "broken.yaml").write_text("task: own_broken\nmetric_list: [1, 2\noutput_type: x\n")
    text = refused(mine)  # though it is another task that is asked
    assert str(mine / "broken.yaml") in text
    assert "line 3" in text
    assert "flow sequence" in text


def test_everything_wrong_is_said_at_once(mine: Path) -> None:
    (mine / "broken.yaml").write_text("task: [")
    (mine / "list.yaml").write_text("- 1\n")
    (mine / "again.yaml").write_text("task: own_pro\n")
    (mine / "nameless.yaml").write_text("output_type: generate_until\n")
    (mine / "ours.yaml").write_text("task: rv_gsm8k\n")
    (mine / "lost.yaml").write_text("include: not_there\ntask: own_lost\n")
    (mine / "circle.yaml").write_text("include: circle.yaml\ntask: own_circle\n")
    (mine / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    text = refused(mine)
    for words in ("broken.yaml", "list.yaml", "two files name the task own_pro", "names no task", "rv_gsm8k"):
        assert words in text
    for words in ("not_there", "includes itself", "binary.yaml"):
        assert words in text


def test_a_template_is_no_task(mine: Path) -> None:
    (mine / "shared.yaml").write_text("output_type: generate_until\n")
    (mine / "uses.yaml").write_text("include: shared.yaml\ntask: own_uses\n")
    (mine / "_other.yaml").write_text("output_type: generate_until\n")
    assert ref(mine, "own_uses").path == mine / "uses.yaml"


def test_names_of_lm_evals_own_are_refused(mine: Path) -> None:
    (mine / "mine.yaml").write_text("task: gsm8k\n")
    text = refused(mine)
    assert "gsm8k has the name of one of lm-eval's own" in text
    assert str(mine / "mine.yaml") in text


def test_a_name_in_two_folders_is_refused(mine: Path, own: Path) -> None:
    with pytest.raises(Refused, match="two files name the task own_add"):
        upstream.find("own_add", [str(own), str(mine)])


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no such folder"):
        upstream.find("gsm8k", [str(tmp_path / "nowhere")])


def test_a_broken_folder_is_said_where_only_our_own_tasks_are_asked(mine: Path) -> None:
    (mine / "broken.yaml").write_text("task: [")
    problems: list[Any] = []
    suites.expand(SuiteConfig("s", ["rv_tiny_math"], include=[str(mine)]), problems)
    assert "broken.yaml" in str(problems[0])


@pytest.mark.parametrize("name", ["gone.text", "os.system", "rveval.benchmarks.hooks.items", "....evil.run"])
def test_a_function_from_outside_of_the_folder_is_refused(mine: Path, name: str) -> None:
    (mine.parent / "evil.py").write_text("def run(doc):\n    return 'run'\n")
    (mine / "pro.yaml").write_text((mine / "pro.yaml").read_text().replace("pro.text", name))
    text = refused(mine)  # though it is another task that is asked
    assert f"!function {name} is not in a Python file of the folder" in text
    assert str(mine / "pro.yaml") in text


def test_a_link_out_of_the_folder_is_outside(mine: Path) -> None:
    (mine.parent / "evil.py").write_text("def run(doc):\n    return 'run'\n")
    (mine / "inside.py").symlink_to(mine.parent / "evil.py")
    (mine / "pro.yaml").write_text((mine / "pro.yaml").read_text().replace("pro.text", "inside.run"))
    assert "!function inside.run is not in a Python file of the folder" in refused(mine)


def test_listing_runs_no_code_of_a_folder(mine: Path) -> None:
    (mine / "pro.py").write_text("raise SystemExit('run')\n")
    assert ref(mine, "own_pro").path == mine / "pro.yaml"
    assert upstream.find("own_all", [str(mine)])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("!function pro.text", "!function pro.nothing"), "nothing"),
        (("include: _pro_template", "dataset_path: json"), "lm-eval can't build the task"),
    ],
)
def test_a_task_that_lm_eval_cannot_build_is_refused(mine: Path, change: tuple[str, str], says: str) -> None:
    (mine / "pro.yaml").write_text((mine / "pro.yaml").read_text().replace(*change))
    with pytest.raises(Refused, match=says) as caught:
        upstream.load(ref(mine, "own_pro"))
    assert str(mine / "pro.yaml") in str(caught.value)


def test_what_the_code_of_a_task_raises_is_an_error_that_names_it(bench: Bench, mine: Path) -> None:
    code = "def text(doc):\n    return doc['question'] if 'metal' not in doc['question'] else doc['note']\n"
    (mine / "pro.py").write_text(code)
    for families in ("clean", "typos"):
        with pytest.raises(RvevalError, match=r"own_pro/3, .*pro\.yaml: the task's doc_to_text failed: KeyError"):
            bench.run(mine, "own_pro", families, lambda prompt: "A")
    append(mine / "add.yaml", "process_results: !function add.results\n")
    (mine / "add.py").write_text("def results(doc, results):\n    return {'exact_match': 1 / 0}\n")
    with pytest.raises(ZeroDivisionError):  # lm-eval's own scoring comes first
        bench.run(mine, "own_add", "clean", lambda prompt: "7")


def test_a_task_without_items_is_refused(mine: Path) -> None:
    (mine / "none.yaml").write_text(
        (mine / "pro.yaml").read_text().replace("own_pro", "own_none") + "process_docs: !function none.drop\n"
    )
    (mine / "none.py").write_text("def drop(docs):\n    return docs.filter(lambda doc: False)\n")
    with pytest.raises(Refused, match="own_none"):
        upstream.load(ref(mine, "own_none"))


# --- what can't be asked


def problems(folder: Path, name: str, **how: Any) -> str:
    asked = {"num_fewshot": None, "n": 1, "sandbox": "bwrap"} | how
    return "\n".join(map(str, upstream.problems(ref(folder, name), **asked)))


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def test_a_plain_task_can_be_asked(own: Path) -> None:
    for name in ("own_add", "own_letters", "own_texts", "own_pro"):
        assert problems(own, name) == ""
    assert problems(own, "own_add", num_fewshot=8) == ""  # its training split
    assert problems(own, "own_letters", num_fewshot=2) == ""  # its validation split


def test_demonstrations_from_the_test_split_are_refused(mine: Path) -> None:
    assert "demonstrations would come from the test split" in problems(mine, "own_texts", num_fewshot=1)
    append(mine / "pro.yaml", "fewshot_split: test\nnum_fewshot: 2\n")
    assert "demonstrations would come from the test split" in problems(mine, "own_pro")
    assert problems(mine, "own_pro", num_fewshot=0) == ""
    letters = (mine / "letters.yaml").read_text().replace("test_split: test\n", "")
    (mine / "letters.yaml").write_text(letters)  # now the validation split is what is asked
    assert "demonstrations would come from the test split" in problems(mine, "own_letters", num_fewshot=1)


def test_too_few_demonstrations_are_refused(own: Path) -> None:
    assert "fewer demonstrations" in problems(own, "own_add", num_fewshot=9)


def test_code_that_lm_eval_runs_unconfined_is_refused(mine: Path) -> None:
    append(mine / "add.yaml", "unsafe_code: true\n")
    assert "unconfined" in problems(mine, "own_add")
    assert problems(mine, "own_add", sandbox="unsafe") == ""
    assert upstream.why_not(ref(mine, "own_add"), "think", None) == ""


def test_humaneval_of_lm_eval_is_refused_without_loading_its_metric() -> None:
    (found,) = upstream.find("humaneval", [])
    (problem,) = upstream.problems(found, num_fewshot=None, n=1, sandbox="bwrap")
    assert "unconfined" in problem.what


def test_what_engines_or_scores_do_not_know_is_refused(mine: Path) -> None:
    append(mine / "add.yaml", "")
    text = (mine / "add.yaml").read_text().replace("do_sample: false", "do_sample: false, top_k: 5")
    (mine / "add.yaml").write_text(text.replace("metric: exact_match", "metric: bleu"))
    found = problems(mine, "own_add")
    assert "top_k" in found
    assert "no metric of the task says of one answer whether it is right" in found
    assert "nothing to sample" in problems(mine, "own_letters", n=3)


def test_a_task_in_python_is_refused() -> None:
    (found,) = upstream.find("swde", [])
    (problem,) = upstream.problems(found, num_fewshot=None, n=1, sandbox="bwrap")
    assert "Python class" in problem.what


# --- families

PROMPTS = {"think", "thinkprefix", "thinksuffix", "nothink", "context", "typos", "format", "distractor"}
ORDERS = {"shuffle", "rotate", "goldslot"}
APPLY = {
    "own_add": PROMPTS,
    "own_pro": PROMPTS | ORDERS,
    "own_letters": ORDERS | {"relabel"},
    "own_texts": set[str](),
}


@pytest.mark.parametrize("name", APPLY)
def test_every_family_applies_or_says_why_not(own: Path, name: str) -> None:
    why = {family: upstream.why_not(ref(own, name), family, None) for family in perturb.FAMILIES}
    assert {family for family, reason in why.items() if not reason} == APPLY[name]
    assert all(family in reason for family, reason in why.items() if reason)


def test_reasons(own: Path) -> None:
    def why(name: str, families: str, shots: int | None = None) -> str:
        return upstream.why_not(ref(own, name), families, shots)

    assert "scores its options one by one: their order is not in the prompt" in why("own_texts", "shuffle")
    assert "for tasks that generate" in why("own_letters", "typos")
    assert "no field of its items lists the options" in why("own_add", "shuffle")
    assert "filters look for the labels" in why("own_pro", "relabel")
    assert "demonstrations have the labels" in why("own_letters", "relabel", 2)
    assert "set num_fewshot=0" in why("own_add", "nothink", 2)
    assert "does not compose" in why("own_add", "think+nothink")
    assert "there is no family nope" in why("own_add", "nope")
    assert why("own_pro", "typos+shuffle") == ""


def test_a_prompt_that_asks_for_steps_is_said_and_takes_no_nothink(mine: Path) -> None:
    template = (mine / "_pro_template").read_text().replace("multiple choice questions.", "questions. Step by step!")
    (mine / "_pro_template").write_text(template)
    found = ref(mine, "own_pro")
    assert "asks for steps" in upstream.why_not(found, "nothink", None)
    (remark,) = upstream.remarks(upstream.load(found), [], "bwrap")
    assert "not free of a cue" in remark


def test_a_scorer_of_the_tasks_own_keeps_options_where_they_are(mine: Path) -> None:
    append(mine / "pro.yaml", "process_results: !function pro.results\n")
    append(mine / "pro.py", "\n\ndef results(doc, results):\n    return {'exact_match': doc['answer'] in results[0]}\n")
    assert "process_results" in upstream.why_not(ref(mine, "own_pro"), "shuffle", None)
    assert upstream.why_not(ref(mine, "own_pro"), "think", None) == ""


def shown_options(prompt: str) -> dict[str, str]:
    """Label and text of every option line, read without rveval."""
    return dict(re.findall(r"(?m)^(\w+)\. (.+)$", prompt))


@pytest.mark.parametrize("family", ["shuffle", "rotate", "goldslot", "relabel"])
@pytest.mark.parametrize("draw", range(4))
@pytest.mark.parametrize("name", ["own_letters", "own_pro"])
def test_the_right_option_stays_right_wherever_it_goes(own: Path, name: str, family: str, draw: int) -> None:
    if family not in APPLY[name]:
        return
    made = upstream.documents(ref(own, name), family, draw=draw)
    for doc, (question, texts, gold) in zip(made, ownfolder.CHOICES, strict=True):
        options = shown_options(doc["rv_prompt"])
        assert sorted(options.values()) == sorted(texts)
        assert question in doc["rv_prompt"]
        right = doc["rv_target"] if name == "own_pro" else (doc["rv_choices"] or "ABCD")[doc["rv_target"]]
        assert options[right] == texts[gold]
        assert doc["rv_changed"] == (not doc["rv_left_alone"])
    assert any(doc["rv_changed"] for doc in made)


@pytest.mark.parametrize("family", sorted(PROMPTS))
def test_prompt_families_keep_question_and_cue(own: Path, family: str) -> None:
    for name in ("own_add", "own_pro"):
        made = upstream.documents(ref(own, name), family)
        for doc in made:
            clean = upstream.load(ref(own, name)).prompt(doc)
            assert doc["rv_prompt"].endswith("\nAnswer:")
            assert doc["rv_changed"] == (doc["rv_prompt"] != clean)
            assert doc["rv_changed"] or doc["rv_left_alone"]
            shown = iter(re.findall(r"\d+", doc["rv_prompt"]))
            assert all(number in shown for number in re.findall(r"\d+", clean))  # all still there, in their order
            if name == "own_pro":
                assert shown_options(doc["rv_prompt"]).items() >= shown_options(clean).items()
                assert doc["rv_target"] == doc["answer"]
        assert sum(doc["rv_changed"] for doc in made) >= len(made) - 1


def test_code_and_unlisted_options_are_left_alone_by_what_changes_words(mine: Path) -> None:
    rows = [{"question": "What does this function return?\n```\ndef f():\n    return 3\n```", "answer": "3"}]
    rows += [
        {"question": "Which fruit sounds yellow here?\nA. banana apple\nB. cherry orange\nC. water", "answer": "A"}
    ]
    ownfolder.records(mine / "add.jsonl", [ownfolder.addition(1, 2), *rows])
    for family in ("typos", "format"):
        _, code, listed = upstream.documents(ref(mine, "own_add"), family, seed=3)
        assert (code["rv_changed"], code["rv_left_alone"]) == (False, "the prompt holds code")
        assert "\nA. banana apple\nB. cherry orange\nC. water\nAnswer:" in listed["rv_prompt"]


def test_the_same_item_has_the_same_text_in_any_subset(own: Path) -> None:
    whole = upstream.documents(ref(own, "own_add"), "typos+distractor", seed=7)
    assert upstream.documents(ref(own, "own_add"), "typos+distractor", seed=7, limit=2) == whole[:2]
    assert upstream.documents(ref(own, "own_add"), "typos+distractor", seed=8) != whole
    assert upstream.documents(ref(own, "own_add"), "typos+distractor", seed=7, draw=1) != whole
    mild = upstream.documents(ref(own, "own_add"), "typos", strength=0.1)
    assert upstream.documents(ref(own, "own_add"), "typos", strength=1.0) != mild


def test_a_target_that_is_a_label_moves_with_its_option(mine: Path) -> None:
    """As commonsense_qa has it: letters are scored, and the target is one of them."""
    rows = [{"question": q, "choices": c, "answer": "ABCD"[g]} for q, c, g in ownfolder.CHOICES]
    ownfolder.records(mine / "choices.jsonl", rows)
    for family in ("shuffle", "relabel"):
        assert upstream.why_not(ref(mine, "own_letters"), family, None) == ""
        for doc, (_, texts, gold) in zip(
            upstream.documents(ref(mine, "own_letters"), family), ownfolder.CHOICES, strict=True
        ):
            assert shown_options(doc["rv_prompt"])[doc["rv_target"]] == texts[gold]
            assert doc["rv_target"] in (doc["rv_choices"] or "ABCD")


@pytest.mark.parametrize(
    ("form", "between"), [("({}) ", "\n"), ("{}) ", " "), ("{}. ", "\n\n"), ("{}:", ", "), ("{}.  ", "; ")]
)
def test_options_are_recognised_in_many_forms(mine: Path, form: str, between: str) -> None:
    lines = f"{between!r}.join({form!r}.format(label) + option for label, option in zip(LETTERS, doc['options']))"
    (mine / "pro.py").write_text(
        f"LETTERS = 'ABCDEF'\ndef text(doc):\n    return 'Q: ' + doc['question'] + chr(10) + {lines} + ' Which?'\n"
    )
    for doc, (_, texts, gold) in zip(
        upstream.documents(ref(mine, "own_pro"), "shuffle"), ownfolder.CHOICES, strict=True
    ):
        assert form.format(doc["rv_target"]) + texts[gold] in doc["rv_prompt"]
        assert doc["rv_prompt"].endswith(" Which?")
        assert doc["rv_changed"]


TEXT = st.text(st.sampled_from("ab AB1.,;:()\n"), min_size=1, max_size=8).map(str.strip).filter(bool)


@given(
    texts=st.lists(TEXT, min_size=2, max_size=5),
    form=st.sampled_from(["({}) ", "{}) ", "{}. ", "{}:"]),
    between=st.sampled_from(["\n", " ", ", ", "\n\n"]),
    head=st.text(st.sampled_from("abAB .)(\n"), max_size=9),
)
def test_a_prompt_taken_apart_is_the_prompt_put_together(texts: list[str], form: str, between: str, head: str) -> None:
    """Whatever the texts look like: either no place, or one that reads as before and has the texts under its labels."""
    lines = [form.format("ABCDE"[place]) + text for place, text in enumerate(texts)]
    prompt = f"{head}\n{between.join(lines)}\nAnswer:"
    found = options._places(prompt, texts)
    if found is None:
        assert set("Aa1") & set("".join([head, *texts]))  # something else there could be the first label
        return
    assert found.head + found.block(found.labels, found.texts) + found.rest == prompt
    assert found.texts == tuple(texts)
    turned = found.block(found.labels, (*found.texts[1:], found.texts[0]))
    assert turned.startswith(form.format("A").strip() if not found.marks[0].endswith(" ") else found.marks[0])
    assert turned.endswith(texts[0])


def test_a_family_that_does_not_cope_leaves_the_item_and_says_why(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(item: perturb.Item, rng: Any, how: Any) -> perturb.Item:
        if "has 3" in item.question:
            raise KeyError("nobody has foreseen this")
        return replace(item, answer="wrong") if "has 5" in item.question else replace(item, before=("Now.",))

    monkeypatch.setitem(perturb.FAMILIES, "think", perturb.Family("think", "", breaks, on_any_prompt=True))
    first, second, third, *_ = upstream.documents(ref(own, "own_add"), "think")
    for doc, why in ((first, "KeyError"), (second, "the right answer would not survive")):
        assert not doc["rv_changed"]
        assert doc["rv_left_alone"] == f"the family does not cope with this text: {why}"
    assert third["rv_prompt"].startswith("Now.\n\nQuestion:")
    never = perturb.Family("think", "", lambda item, rng, how: 1 / 0, on_any_prompt=True)
    monkeypatch.setitem(perturb.FAMILIES, "think", never)
    assert "ZeroDivisionError" in upstream.why_not(ref(own, "own_add"), "think", None)


def test_ambiguous_options_are_left_alone_with_the_reason(mine: Path) -> None:
    question = "Which is it?\nA. red\nB. blue\nand again"
    rows = [{"question": q, "options": ["red", "blue"], "answer": a} for q, a in [("Which?", "A"), (question, "A")]]
    rows += [{"question": "Which?", "options": ["red", "blue"], "answer": "Q"}]
    ownfolder.records(mine / "pro.jsonl", rows)
    fine, twice, no_gold = upstream.documents(ref(mine, "own_pro"), "shuffle")
    assert (fine["rv_changed"], fine["rv_target"]) == (True, "B")
    assert (twice["rv_changed"], no_gold["rv_changed"]) == (False, False)
    assert "under a label of its own" in twice["rv_left_alone"]
    assert "does not say which" in no_gold["rv_left_alone"]


# --- asked


@dataclass
class Reader:
    """An engine that answers from the prompt's text; of given texts it likes the one that it would say."""

    tokenizer: Any
    say: Callable[[str], str]
    max_model_len: int = 8192
    recipe: Recipe = field(default_factory=lambda: Recipe("", ""))

    def describe(self) -> dict[str, Any]:
        return {"kind": "reader"}

    def swap(self, recipe: Recipe) -> float:
        return 0.0

    def generate(self, requests: Sequence[Request], progress: Progress | None = None) -> list[Answer]:
        said = [self.say(self.tokenizer.decode(request.prompt)) for request in requests]
        return [Answer(text, (5, 6), "stop", -1.0) for text in said]

    def score(self, prompts: Sequence[Sequence[int]]) -> list[list[TokenScore]]:
        found = []
        for tokens in prompts:
            text = self.tokenizer.decode(tokens)
            before, _, last = text.rpartition("assistant\n")
            likes = self.say(before) == last.strip()
            found.append([TokenScore(-0.1 if likes else -3.0, likes)] * len(tokens))
        return found

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinymodels.make(tmp_path_factory.mktemp("checkpoints") / "base", hidden=32, heads=1, max_len=4096)


@pytest.fixture(scope="module")
def tokenizer(base: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(base)


@dataclass
class Bench:
    """Plans and runs cells of a folder's tasks on a reader."""

    base: Path
    tokenizer: Any
    store: Store

    def plan(self, folder: Path, tasks: Sequence[str], families: Sequence[str], **keys: Any) -> cells.Plan:
        suite = {"name": "s", "tasks": list(tasks), "families": list(families), "include": [str(folder)]}
        tree = {
            "model": {"label": "m", "path": str(self.base)},
            "vector": {"label": "none"},
            "suite": suite,
            "store": str(self.store.root),
        }
        return cells.plan(schema.parse(tree | keys))

    def run(
        self, folder: Path, task: str, families: str, say: Callable[[str], str], **keys: Any
    ) -> tuple[CellRecord, list[Sample]]:
        plan = self.plan(folder, [task], [families], **keys)
        served = Served(Reader(self.tokenizer, say), "hot", 0.0)
        record = run_cell(plan, plan.cells[0], served, self.store)
        return record, self.store.read_samples(record["cell_id"])


@pytest.fixture
def bench(base: Path, tokenizer: Any, tmp_path: Path) -> Bench:
    return Bench(base, tokenizer, Store(tmp_path / "runs"))


def right_letter(prompt: str) -> str:
    """What a player who knows the questions says, reading the options of the prompt it was given."""
    texts = {question: options[gold] for question, options, gold in ownfolder.CHOICES}
    (right,) = [text for question, text in texts.items() if question in prompt]
    return next(label for label, text in shown_options(prompt).items() if text == right)


def test_a_right_player_is_right_under_every_family_of_options(bench: Bench, own: Path) -> None:
    for task in ("own_letters", "own_pro"):
        for family in ["clean", *sorted(APPLY[task] - PROMPTS)]:
            say = right_letter if task == "own_letters" else lambda prompt: f"The answer is ({right_letter(prompt)})."
            record, samples = bench.run(own, task, family, say)
            assert record["metrics"]["exact_match"] == 1.0, (task, family)
            assert record["metrics"]["extraction_failed"] == 0.0
            assert [s["item_id"] for s in samples] == [f"{task}/{number}" for number in range(5)]
            assert all(sample["extracted"] == sample["target"] for sample in samples)


def test_one_who_says_the_clean_letter_is_wrong_where_the_right_option_moved(bench: Bench, own: Path) -> None:
    def clean_letter(prompt: str) -> str:
        return "".join("ABCD"[gold] for question, _, gold in ownfolder.CHOICES if question in prompt)

    record, samples = bench.run(own, "own_pro", "shuffle", lambda prompt: f"answer is {clean_letter(prompt)}")
    stayed = [sample["target"] == clean_letter(sample["prompt"]) for sample in samples]
    assert [sample["correct"] for sample in samples] == stayed
    assert record["metrics"]["exact_match"] == sum(stayed) / 5 < 1


def test_the_tasks_own_filters_and_metrics_decide(bench: Bench, own: Path) -> None:
    answers = iter(["7", "17.", "so #### 42", "no number", "The sum is 39 #### 39", "#### 3"])
    record, samples = bench.run(own, "own_add", "clean", lambda prompt: next(answers))
    assert [s["extracted"] for s in samples] == ["7", "17", "42", None, "39", "3"]
    assert [s["correct"] for s in samples] == [True, True, True, False, True, False]
    assert [s["extracted_strict"] for s in samples] == [None, None, "42", None, "39", "3"]
    assert [s["correct_strict"] for s in samples] == [False, False, True, False, True, False]
    assert [s["target"] for s in samples] == [str(a + b) for a, b in ownfolder.NUMBERS]
    assert record["metrics"]["exact_match,strict-match"] == record["metrics"]["exact_match_strict"] == 2 / 6
    assert record["metrics"]["exact_match,flexible-extract"] == record["metrics"]["exact_match"] == 4 / 6
    assert record["metrics"]["extraction_failed"] == 1 / 6
    assert samples[0]["metrics"] == {"exact_match,strict-match": 0.0, "exact_match,flexible-extract": 1.0}


def test_a_record_says_what_it_is(bench: Bench, own: Path) -> None:
    clean, _ = bench.run(own, "own_add", "clean", lambda prompt: "7")
    record, samples = bench.run(own, "own_add", "think", lambda prompt: "7", limit=3)
    assert (clean["task"], clean["warnings"], clean["changed"]) == ("own_add", [], 0)
    assert (record["task"], record["benchmark"], record["family"]) == ("own_add_think", "own_add", "think")
    assert (record["n"], record["changed"], record["left_alone"]) == (3, 3, {})
    assert ["assumed" in warning for warning in record["warnings"]] == [True]
    assert all("step by step" in sample["prompt"].lower() for sample in samples)
    assert {sample["family"] for sample in samples} == {"think"}


def test_scored_texts_make_samples_too(bench: Bench, own: Path) -> None:
    record, samples = bench.run(own, "own_texts", "clean", lambda prompt: "hen")
    assert record["metrics"]["acc,none"] == record["metrics"]["exact_match"]
    assert "acc_norm,none" in record["metrics"]
    assert [s["correct"] for s in samples][2] is True
    assert samples[2]["extracted"] == samples[2]["target"] == "hen"
    assert {(s["n_output_tokens"], s["finish_reason"]) for s in samples} == {(0, "stop")}
    assert all(s["n_prompt_tokens"] > 10 for s in samples)


def test_k_samples_are_k_lines(bench: Bench, own: Path) -> None:
    record, samples = bench.run(own, "own_add", "typos", lambda prompt: "7", n=3, temperature=0.5)
    assert [(s["doc_id"], s["sample_index"]) for s in samples] == [(i, k) for i in range(6) for k in range(3)]
    assert record["metrics"]["exact_match"] == pytest.approx(1 / 6)


def test_demonstrations_are_never_perturbed(bench: Bench, own: Path) -> None:
    shots = {"num_fewshot": 2, "chat": False}
    _, clean = bench.run(own, "own_add", "clean", lambda prompt: "7", **shots)
    _, typos = bench.run(own, "own_add", "typos", lambda prompt: "7", **shots)
    for before, after in zip(clean, typos, strict=True):
        assert before["prompt"].count("Question:") == 3
        *shown, asked = before["prompt"].split("Question:")
        *also_shown, also_asked = after["prompt"].split("Question:")
        assert also_shown == shown
        assert also_asked != asked


def test_parts_of_a_point_are_not_right_and_are_said(bench: Bench, mine: Path) -> None:
    append(mine / "add.yaml", "process_results: !function add.results\n")
    (mine / "add.py").write_text("def results(doc, results):\n    return {'exact_match': 0.5}\n")
    record, samples = bench.run(mine, "own_add", "clean", lambda prompt: "7")
    assert not any(sample["correct"] for sample in samples)
    assert record["metrics"]["exact_match,strict-match"] == 0.5
    assert "only a whole point counts" in record["warnings"][0]


def test_scores_that_lm_eval_does_not_share_fail_the_cell(
    bench: Bench, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = upstream.score

    def wrong(*arguments: Any) -> list[Score]:
        scored = right(*arguments)
        return [replace(one, metrics={name: 1.0 for name in one.metrics}) for one in scored]

    monkeypatch.setattr(upstream, "score", wrong)
    with pytest.raises(Failed, match="lm-eval and the stored samples disagree"):
        bench.run(own, "own_add", "clean", lambda prompt: "7")
    assert not (bench.store.root / "cells").exists()


# --- identity


def ids(bench: Bench, folder: Path, **keys: Any) -> list[str]:
    plan = bench.plan(folder, ["own_pro"], ["clean", "shuffle", "typos"], **keys)
    return [cell.cell_id for cell in plan.cells]


def test_what_can_change_an_answer_changes_the_cell(bench: Bench, mine: Path) -> None:
    known = [*ids(bench, mine)]
    assert len(set(known)) == 3
    assert ids(bench, mine) == known

    def new() -> bool:
        found = ids(bench, mine)
        fresh = not set(found) & set(known)
        known.extend(found)
        return fresh

    append(mine / "pro.py", "\nX = 1\n")
    assert new()
    append(mine / "_pro_template", "num_fewshot: 0\n")
    assert new()
    append(mine / "pro.yaml", "repeats: 1\n")
    assert new()
    append(mine / "pro.jsonl", json.dumps({"question": "Q?", "options": ["x", "y"], "answer": "A", "answer_index": 0}))
    (upstream_ref,) = upstream.find("own_pro", [str(mine)])
    append(mine / "pro.yaml", "# read the data again\n")
    assert len(upstream.load(upstream_ref).docs) == 6
    assert new()
    append(mine / "texts.yaml", "# of another task\n")
    assert not new()


def test_an_edited_function_is_used_at_once(mine: Path) -> None:
    append(mine / "pro.yaml", "process_docs: !function pro.process\n")
    code = "\n\ndef process(docs):\n    return docs.map(lambda doc: {'question': doc['question'] + ' %s'})\n"
    append(mine / "pro.py", code % "First")
    assert "First" in upstream.load(ref(mine, "own_pro")).docs[0]["question"]
    (mine / "pro.py").write_text((mine / "pro.py").read_text().replace("First", "Second"))
    assert "Second" in upstream.load(ref(mine, "own_pro")).docs[0]["question"]


def test_items_and_limits(bench: Bench, own: Path) -> None:
    plan = bench.plan(own, ["own_all"], ["clean"], limit=5)
    assert [(cell.task, cell.n_items) for cell in plan.cells] == [("own_add", 5), ("own_letters", 5), ("own_texts", 5)]


def test_all_that_cannot_be_applied_is_said_before_anything_starts(bench: Bench, own: Path) -> None:
    with pytest.raises(Refused) as caught:
        bench.plan(own, ["own_texts", "own_add", "own_nope"], ["shuffle", "hint"], n=2, temperature=1.0)
    text = str(caught.value)
    for words in ("own_texts: it scores", "shuffle does not apply to own_add", "hint does not apply", "own_nope"):
        assert words in text


# --- as a user runs it


def execute(folder: Path, *arguments: str, module: str = "rveval") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, "vector=none", f"suite.include=[{folder}]", f"store={folder}/runs"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, check=False, timeout=300, env=environment
    )


def test_a_plan_counts_prompts_and_their_demonstrations(own: Path) -> None:
    done = execute(own, "suite.tasks=[own_add,own_letters]", "num_fewshot=2", module="rveval.plan")
    assert (done.returncode, done.stderr) == (0, "")
    (add,) = (line.split() for line in done.stdout.splitlines() if "own_add" in line)
    assert add[:6] == ["own_add", "(lm-eval)", "clean", "1", "6", "6"]
    alone = execute(own, "suite.tasks=[own_add,own_letters]", module="rveval.plan").stdout
    (without,) = (line.split() for line in alone.splitlines() if "own_add" in line)
    assert int(without[6]) < int(add[6]) < 4 * int(without[6])
    assert int(add[7]) == 6 * 24


def test_a_broken_file_is_refused_by_a_run(mine: Path) -> None:
    (mine / "broken.yaml").write_text("task: own_broken\nmetric_list: [1\nx: y\n")
    done = execute(mine, "suite.tasks=[own_add]")
    assert done.returncode == 2
    assert f"{mine}/broken.yaml: this is no YAML: while parsing a flow sequence (line 2, column 14)" in done.stderr
    assert not (mine / "runs").exists()


@pytest.mark.slow
def test_a_run_on_a_real_engine(own: Path) -> None:
    tasks = "suite.tasks=[own_pro,own_letters]"
    done = execute(own, tasks, "suite.families=[clean,shuffle]", "engine=hf", "max_gen_toks=8")
    assert done.returncode == 0, done.stderr
    for task in ("own_pro", "own_pro_shuffle", "own_letters", "own_letters_shuffle"):
        assert task in done.stdout
    assert done.stdout.count("labels assumed") == 2
    records = [json.loads(path.read_text()) for path in (own / "runs/cells").glob("*/cell.json")]
    assert {record["n"] for record in records} == {5}


# --- a task of lm-eval's own, its data redirected


@needs_data("gsm8k")
def test_gsm8k_of_lm_eval_is_asked_as_lm_eval_asks_it(bench: Bench, tmp_path: Path, data_folder: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    data = {split: str(data_folder / f"gsm8k/{split}.jsonl") for split in ("test", "train")}
    (folder / "gsm8k.yaml").write_text(
        f"include: {tasks_folder()}/gsm8k/gsm8k.yaml\ntask: own_gsm8k\ndataset_path: json\ndataset_name: null\n"
        f"dataset_kwargs: {{data_files: {json.dumps(data)}}}\n"
    )
    assert yaml_files.read(folder / "gsm8k.yaml")["num_fewshot"] == 5
    said = "She makes 9 * 2 = $18 every day.\n#### 18"
    record, samples = bench.run(folder, "own_gsm8k", "typos", lambda prompt: said, limit=3, max_gen_toks=64)
    assert (record["n"], samples[0]["correct"], samples[0]["correct_strict"]) == (3, True, True)
    assert record["metrics"]["exact_match"] == pytest.approx(1 / 3)
    turns = [sample["prompt"].count("<|im_start|>user") for sample in samples]
    assert turns == [6, 6, 6]  # the task's own five demonstrations
    plan = bench.plan(folder, ["own_gsm8k"], ["clean"])
    assert plan.cells[0].n_items == 1319
