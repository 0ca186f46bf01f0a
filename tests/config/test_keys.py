"""The typed config: every rule refuses, all problems come at once, and nothing but `Refused` comes out of `parse`."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from rveval import config as schema
from rveval.config import Source, Term, parse, resolved
from rveval.config.reading import shown
from rveval.errors import Problem, Refused


def tree(**changes: Any) -> dict[str, Any]:
    """A config that is right, with dotted keys changed (`__` for the dot)."""
    plain: dict[str, Any] = {
        "model": {"label": "m", "path": "org/m"},
        "vector": {"label": "v", "terms": [{"plus": "org/a@r1", "minus": {"path": "./b", "subfolder": "x"}}]},
        "suite": {"name": "s", "tasks": ["rv_gsm8k"]},
        "engine": {"kind": "vllm"},
    }
    for dotted, value in changes.items():
        node = plain
        *path, last = dotted.split("__")
        for name in path:
            node = node.setdefault(name, {})
        node[last] = value
    return plain


def problems(plain: Any) -> dict[str, Problem]:
    with pytest.raises(Refused) as refused:
        parse(OmegaConf.create(plain, flags={"allow_objects": True}))
    assert refused.value.exit_code == 2
    return {problem.where: problem for problem in refused.value.problems}


def test_a_right_config_is_typed() -> None:
    config = parse(OmegaConf.create(tree(alpha=1, limit=3)))
    assert config.vector.terms == [Term(Source("org/a", "r1"), Source("./b", None, "x"), 1.0)]
    assert isinstance(config.alpha, float)
    assert config.model.source == Source("org/m")
    assert (config.item_limit, config.use_chat) == (3, True)


def test_the_suite_and_the_model_speak_where_the_run_is_silent() -> None:
    config = parse(tree(suite__limit=7, model__chat=False))
    assert (config.item_limit, config.use_chat) == (7, False)
    config = parse(tree(suite__limit=7, model__chat=False, limit=2, chat=True))
    assert (config.item_limit, config.use_chat) == (2, True)


def test_a_system_message_may_have_lines_and_letters_of_any_language() -> None:
    assert parse(tree(model__system="Sei höflich.\n答えて 🙂")).model.system == "Sei höflich.\n答えて 🙂"


def test_resolved_is_json_and_reads_back() -> None:
    config = parse(tree(engine__extra={"a": {"b": [1, None, "x"]}}))
    assert parse(json.loads(json.dumps(resolved(config)))) == config


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[("alpha", value) for value in ("abc", None, True, float("nan"), float("inf"), [1], "", 10**400)],
        *[("temperature", value) for value in (-0.1, "hot", float("nan"), None)],
        *[("top_p", value) for value in (0, 1.1, -1, "x")],
        *[("top_k", value) for value in (-1, 1.5, None)],
        *[("min_p", value) for value in (-0.1, 1, "x")],
        *[("n", value) for value in (0, -1, 1.5, None, True, "1")],
        *[("limit", value) for value in (0, -3, 0.5, "all")],
        *[("max_gen_toks", value) for value in (0, "x")],
        *[("num_fewshot", value) for value in (-1, 1.5)],
        *[("seed", value) for value in (-1, "x", None)],
        *[("chat", value) for value in ("yes", 1)],
        *[("template", value) for value in (None, [1], {"a": b"x"}, {1: 2})],
        *[("baseline", value) for value in ("none at all", None, True)],
        *[("workers__kind", value) for value in ("ray", None)],
        *[("force", value) for value in ("yes", 1, None)],
        *[("dry_run", value) for value in ("yes", None)],
        *[("sandbox", value) for value in ("bubblewrap", None, 3)],
        *[("study", value) for value in ("", "a/b", "..", ".hidden", "a b", "x" * 101, None, 1.5)],
        *[("store", value) for value in ("", "  ", "a\0b", "~/runs", None)],
        *[("model__label", value) for value in ("", "a/b", None, [])],
        *[("model__path", value) for value in ("", None, 1.5, "org/m@rev")],
        *[("model__dtype", value) for value in ("bf16", None, "int8")],
        *[("model__system", value) for value in ("\ud800", 1.5)],
        *[("model__chat", value) for value in (None, "on")],
        *[("vector__label", value) for value in ("", "a:b")],
        *[("vector__terms", value) for value in (None, "org/a", {"plus": "x"})],
        *[("vector__scope", value) for value in ("mlp", None, [1.5])],
        *[("vector__layers", value) for value in ("x", [1], [2, 1], [0.0, 2], [-1, 2], [True, 2])],
        *[("vector__weights", value) for value in ([1, 2], ["1"], 1)],
        *[("vector__transform", value) for value in ([1], [{"density": 1}], [{"name": "a", "b": [1]}], 3)],
        *[("suite__tasks", value) for value in ([], None, "rv_gsm8k", ["a", "a"], [""])],
        *[("suite__limit", value) for value in (0, "x")],
        *[("engine__kind", value) for value in ("vlm", None)],
        *[("engine__tensor_parallel_size", value) for value in (0, "2", None)],
        *[("engine__gpu_memory_utilization", value) for value in (0, 1.5, "x")],
        *[("engine__max_model_len", value) for value in (0, "x")],
        *[("engine__kv_cache_gib", value) for value in (0, -1, None)],
        *[("engine__extra", value) for value in (None, "x", [1], {"a": float("nan")}, {"b": {1: 2}}, {"c": b"x"})],
        *[("tracking__mode", value) for value in ("on", None)],
        *[("tracking__tags", value) for value in ("x", ["a", "a"])],
    ],
)
def test_a_wrong_value_is_the_one_problem(key: str, value: Any) -> None:
    where = key.replace("__", ".")
    found = {name.removesuffix(".0") for name in problems(tree(**{key: value}))}
    assert found == {where}


@pytest.mark.parametrize(
    ("terms", "where"),
    [
        ([{}], "vector.terms.0.plus"),
        ([{"plus": None}], "vector.terms.0.plus"),
        ([{"plus": {}}], "vector.terms.0.plus.path"),
        ([{"plus": {"path": "???"}}], "vector.terms.0.plus.path"),
        ([{"plus": "???"}], "vector.terms.0.plus"),
        ([{"plus": ["a"]}], "vector.terms.0.plus"),
        ([{"plus": "a", "minus": ""}], "vector.terms.0.minus.path"),
        ([{"plus": "a", "weight": "x"}], "vector.terms.0.weight"),
        ([{"plus": "a", "weight": float("inf")}], "vector.terms.0.weight"),
        (["org/a"], "vector.terms.0"),
        ([{"plus": "a"}, {"plus": "a", "wieght": 1}], "vector.terms.1.wieght"),
        ([{"plus": {"path": "a", "revison": "x"}}], "vector.terms.0.plus.revison"),
    ],
)
def test_a_malformed_term_is_named(terms: list[Any], where: str) -> None:
    assert set(problems(tree(vector__terms=terms))) == {where}


def test_scope_says_which_expression_does_not_compile() -> None:
    found = problems(tree(vector__scope=["mlp", "(", "["]))
    assert found.keys() == {"vector.scope.1", "vector.scope.2"}
    assert "not a regular expression" in found["vector.scope.1"].what


def test_unfilled_values_say_what_to_fill_in() -> None:
    found = problems(tree(vector__note="take a donor", vector__terms=[{"plus": "???", "minus": {"path": "???"}}]))
    assert {problem.fix for problem in found.values()} == {"take a donor"}
    assert "???" in found["vector.terms.0.minus.path"].what


def test_all_problems_come_at_once() -> None:
    wrong = tree(alpha="abc", temperature=-1, n=0, engine__kind="vlm", suite__tasks=[], nope=1, model__path="???")
    assert set(problems(wrong)) == {
        "alpha", "temperature", "n", "engine.kind", "suite.tasks", "nope", "model.path"
    }  # fmt: skip


@pytest.mark.parametrize("section", ["", "model", "vector", "suite", "engine", "tracking"])
def test_unknown_keys_are_refused_at_any_depth(section: str) -> None:
    key = f"{section}__nope" if section else "nope"
    assert set(problems(tree(**{key: 1}))) == {key.replace("__", ".")}


def test_the_nearest_key_is_named() -> None:
    assert "did you mean 'max_model_len'" in problems(tree(engine__max_modellen=1))["engine.max_modellen"].fix


def test_engine_extra_is_open() -> None:
    assert parse(tree(engine__extra={"anything": {"goes": 1}})).engine.extra == {"anything": {"goes": 1}}


def test_greedy_answers_are_not_asked_twice() -> None:
    assert "same answer" in problems(tree(n=2))["n"].what
    assert parse(tree(n=2, temperature=0.7)).n == 2


def test_hf_runs_on_one_device() -> None:
    assert set(problems(tree(engine__kind="hf", engine__tensor_parallel_size=2))) == {"engine.tensor_parallel_size"}


def test_interpolations_that_fail_are_problems_of_their_own_keys() -> None:
    assert set(problems(tree(alpha="${nope}", seed="${oc.env:RVEVAL_NO_SUCH_VARIABLE}", n=0))) == {"alpha", "seed", "n"}


def test_a_number_is_a_name_but_a_fraction_is_not() -> None:
    assert parse(tree(study=2024)).study == "2024"


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("org/name", Source("org/name")),
        ("org/name@v1.0", Source("org/name", "v1.0")),
        ("org/name@refs/pr/3", Source("org/name", "refs/pr/3")),
        ("/data/a@b", Source("/data/a@b")),
        ("./a/b@c", Source("./a/b@c")),
        ("tiny:grpo", Source("tiny:grpo")),
    ],
)
def test_sources_are_read_from_text(text: str, source: Source) -> None:
    assert parse(tree(vector__terms=[{"plus": text}])).vector.terms[0].plus == source


@pytest.mark.parametrize(
    ("written", "entries"),
    [
        (None, []),
        ("none", []),
        ("random", [{"name": "random"}]),
        ({"name": "trim", "density": 0.2}, [{"name": "trim", "density": 0.2}]),
        (["trim", {"name": "random", "seed": 3}], [{"name": "trim"}, {"name": "random", "seed": 3}]),
    ],
)
def test_transforms_are_names_or_mappings(written: Any, entries: list[dict[str, Any]]) -> None:
    assert parse(tree(vector__transform=written)).vector.transform == entries


@pytest.mark.parametrize(
    ("key", "value", "expected", "found"),
    [
        ("limit", "5", "a whole number", "'5'"),
        ("limit", 0, "at least 1", "0"),
        ("vector__density", 2.0, "at most 1", "2.0"),
        ("alpha", True, "a finite number", "true"),
        ("engine__kind", "vlm", "'vllm' or 'hf'", "'vlm'"),
        ("suite__tasks", "rv_gsm8k", "a list: [a,b]", "'rv_gsm8k'"),
    ],
)
def test_a_problem_says_what_was_expected_and_found(key: str, value: Any, expected: str, found: str) -> None:
    (problem,) = problems(tree(**{key: value})).values()
    assert (problem.expected, problem.found) == (expected, found)


def test_what_is_off_is_not_named_in_how_a_run_asks() -> None:
    assert parse(tree()).decoding == {"max_gen_toks": None, "temperature": 0.0, "top_p": 1.0, "n": 1}
    config = parse(tree(temperature=0.7, top_k=20, min_p=0.1, template={"enable_thinking": False}))
    assert (config.decoding["top_k"], config.decoding["min_p"]) == (20, 0.1)
    assert config.prompting["template"] == {"enable_thinking": False}


def test_one_place_says_every_key_its_default_and_its_help() -> None:
    text = schema.help_text()
    assert [key for key in schema.known_keys() if f"{key}=" not in text and f" {key} " not in text] == []


def test_known_keys_are_dotted() -> None:
    keys = schema.known_keys()
    assert {"alpha", "engine", "engine.extra", "vector.terms", "tracking.kind"} <= set(keys)
    assert len(keys) == len(set(keys))


leaf = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.binary(max_size=4),
    st.sampled_from(["???", "${alpha}", "${", "${nope}", "vllm", "tiny:grpo", "org/a@b", "auto", "(", "\ud800"]),
)  # fmt: skip
anything = st.recursive(
    leaf,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(["nope", *schema.known_keys()]), anything, max_size=6), st.booleans())
def test_parse_returns_or_refuses(changes: dict[str, Any], through_omegaconf: bool) -> None:
    plain = tree()
    for dotted, value in sorted(changes.items()):
        node: Any = plain
        *path, last = dotted.split(".")
        for name in path:
            node = node.get(name) if isinstance(node.get(name), dict) else node.setdefault(name + "_", {})
        node[last] = value
    if through_omegaconf:
        try:
            plain = OmegaConf.create(plain)
        except Exception:  # noqa: BLE001 - what OmegaConf itself does not take never reaches parse
            return
    with contextlib.suppress(Refused):
        json.dumps(resolved(parse(plain)), allow_nan=False)


@given(anything)
def test_parse_refuses_what_is_no_mapping_of_sections(value: Any) -> None:
    with pytest.raises(Refused):
        parse(value)


def test_long_values_are_cut_where_shown() -> None:
    assert len(shown("x" * 500)) == 80
