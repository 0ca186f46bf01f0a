"""The harness with a real lm-eval and an engine of canned answers: order, samples, shots, templates, health, scores."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import tinymodels
from conftest import needs_data

from rveval import benchmarks
from rveval import config as schema
from rveval.engine import Answer, Engine, Progress, Request, TokenScore
from rveval.engine.session import Served
from rveval.errors import Failed, Refused
from rveval.recipe import Recipe
from rveval.run import cells
from rveval.run.harness import chat, run_cell
from rveval.run.harness import samples as lines
from rveval.run.harness.lm import EngineLM
from rveval.store import CellRecord, Sample, Store

pytestmark = needs_data("gsm8k")

GOOD = Answer("9 + 9 = 18\n#### 18", (5, 6, 7), "stop", -1.5)  # item 0's right answer


@dataclass
class Canned:
    """An engine that keeps what it was asked, and answers what it was told to."""

    tokenizer: Any
    answer: Callable[[int, Request], Answer] = lambda number, request: GOOD
    max_model_len: int = 8192
    recipe: Recipe = field(default_factory=lambda: Recipe("", ""))
    asked: list[Request] = field(default_factory=list)

    def describe(self) -> dict[str, Any]:
        return {"kind": "canned"}

    def swap(self, recipe: Recipe) -> float:
        return 0.0

    def generate(self, requests: Sequence[Request], progress: Progress | None = None) -> list[Answer]:
        self.asked = list(requests)
        if progress:
            progress(len(requests))
        return [self.answer(number, request) for number, request in enumerate(requests)]

    def score(self, prompts: Sequence[Sequence[int]]) -> list[list[TokenScore]]:
        raise NotImplementedError

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
    """Runs a cell of rv_gsm8k on an engine of canned answers."""

    base: Path
    tokenizer: Any
    store: Store

    def __call__(
        self, engine: Canned | None = None, system: str | None = None, **keys: Any
    ) -> tuple[CellRecord, list[Sample], Canned]:
        engine = engine or Canned(self.tokenizer)
        plan = cells.plan(
            schema.parse(
                {
                    "model": {"label": "m", "path": str(self.base), "system": system},
                    "vector": {"label": "none"},
                    "suite": {"name": "s", "tasks": ["rv_gsm8k"]},
                    "store": str(self.store.root),
                    "limit": 4,
                }
                | keys
            )
        )
        record = run_cell(plan, plan.cells[0], Served(engine, "hot", 0.0), self.store)
        return record, self.store.read_samples(record["cell_id"]), engine


@pytest.fixture
def bench(base: Path, tokenizer: Any, tmp_path: Path) -> Bench:
    return Bench(base, tokenizer, Store(tmp_path / "runs"))


def test_samples_are_the_items_in_their_order(bench: Bench) -> None:
    record, samples, engine = bench()
    assert [(s["item_id"], s["doc_id"]) for s in samples] == [(f"gsm8k/{i}", i) for i in range(4)]
    assert record["n"] == 4
    for sample, item, request in zip(samples, benchmarks.load("gsm8k")[:4], engine.asked, strict=True):
        assert item["question"] in sample["prompt"]
        assert bench.tokenizer.decode(request.prompt) == sample["prompt"]
        assert sample["n_prompt_tokens"] == len(request.prompt)
        assert sample["target"] == item["answer"].split("####")[-1].strip().replace(",", "")
        assert (sample["finish_reason"], sample["n_output_tokens"], sample["mean_logprob"]) == ("stop", 3, -0.5)
    assert [s["correct"] for s in samples] == [True, False, False, False]
    assert record["metrics"]["exact_match"] == record["metrics"]["exact_match_strict"] == 0.25


def test_the_decoding_really_used_is_recorded(bench: Bench) -> None:
    record, _, engine = bench()
    stops = ["Question:", "</s>", "<|im_end|>", "<|endoftext|>"]
    assert record["decoding"] == {"max_gen_toks": 512, "until": stops, "temperature": 0.0, "top_p": 1.0, "n": 1}
    assert {(r.max_tokens, r.stop, r.temperature, r.top_p) for r in engine.asked} == {(512, tuple(stops), 0.0, 1.0)}


def test_the_configs_decoding_wins(bench: Bench) -> None:
    record, _, engine = bench(max_gen_toks=7, temperature=0.5, top_p=0.9)
    assert (record["decoding"]["max_gen_toks"], record["decoding"]["temperature"]) == (7, 0.5)
    assert {(r.max_tokens, r.temperature, r.top_p) for r in engine.asked} == {(7, 0.5, 0.9)}


def test_k_samples_are_k_lines_with_seeds_of_their_own(bench: Bench) -> None:
    answers = itertools.cycle([GOOD, Answer("#### 3", (5,), "stop", -1.0), Answer("", (), "stop", 0.0)])
    record, samples, engine = bench(Canned(bench.tokenizer, lambda n, r: next(answers)), n=3, temperature=0.7)
    assert [(s["doc_id"], s["sample_index"]) for s in samples] == [(i, k) for i in range(4) for k in range(3)]
    assert len({request.seed for request in engine.asked}) == 12
    assert [s["response"] for s in samples[:3]] == [GOOD.text, "#### 3", ""]
    assert record["n"] == 4
    assert record["metrics"]["exact_match"] == pytest.approx(2 / 12)  # item 0's 18, item 1's 3
    assert record["metrics"]["stock_strict_match"] == 0.0  # stock reads the first sample; it knows no bare ####
    assert record["metrics"]["extraction_failed"] == pytest.approx(4 / 12)


def test_seeds_depend_on_seed_item_and_sample_only(bench: Bench) -> None:
    def seeds(**keys: Any) -> list[int]:
        return [request.seed for request in bench(temperature=0.7, **keys)[2].asked]

    assert seeds(limit=2) == seeds(limit=4)[:2]
    assert seeds(n=2, limit=2)[::2] == seeds(limit=2)
    assert not set(seeds(seed=1)) & set(seeds(seed=0))


def test_demonstrations_in_chat_are_turns(bench: Bench) -> None:
    _, samples, _ = bench(num_fewshot=2)
    for sample in samples:
        prompt = sample["prompt"]
        assert prompt.count("<|im_start|>user") == 3
        assert prompt.count("<|im_start|>assistant") == 3
        assert prompt.endswith("<|im_start|>assistant\n")
        assert "<<" not in prompt  # the calculator's annotations


def test_demonstrations_in_plain_are_one_text(bench: Bench) -> None:
    _, samples, _ = bench(num_fewshot=2, chat=False)
    for sample in samples:
        assert sample["prompt"].count("Question:") == 3
        assert sample["prompt"].count("\n#### ") == 2
        assert "<|im_start|>" not in sample["prompt"]
        assert sample["prompt"].endswith("Answer:")


def test_every_variant_sees_the_same_demonstrations(bench: Bench) -> None:
    """lm-eval's generator of demonstrations runs on from one evaluation to the next within a process."""
    first = [sample["prompt"] for sample in bench(num_fewshot=3)[1]]
    assert [sample["prompt"] for sample in bench(num_fewshot=3)[1]] == first
    assert [sample["prompt"] for sample in bench(num_fewshot=3, limit=2)[1]] == first[:2]
    assert [sample["prompt"] for sample in bench(num_fewshot=3, seed=1)[1]] != first


@pytest.mark.parametrize("use_chat", [True, False])
def test_the_system_message_is_in_the_prompt(bench: Bench, use_chat: bool) -> None:
    _, samples, _ = bench(system="Be very brief.", chat=use_chat)
    assert all("Be very brief." in sample["prompt"] for sample in samples)
    assert samples[0]["prompt"].startswith("<|im_start|>system") == use_chat


# --- chat templates


def with_template(base: Path, folder: Path, template: str) -> Path:
    tinymodels.sibling(base, folder)
    (folder / "chat_template.jinja").write_text(template)
    return folder


NO_SYSTEM = "{% for m in messages if m['role'] != 'system' %}{{ m['content'] }}{% endfor %}"
RAISES = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system here') }}{% endif %}"
    "{{ messages[0]['content'] }}"
)
DROPS_USER = "{{ 'hello' }}"


@pytest.mark.parametrize(
    ("template", "says"),
    [(NO_SYSTEM, "system message"), (RAISES, "no system here"), (DROPS_USER, "message"), ("{% if %}", "failed")],
)
def test_a_template_that_drops_a_message_is_refused(base: Path, tmp_path: Path, template: str, says: str) -> None:
    with pytest.raises(Refused, match=says) as refused:
        chat.preflight(with_template(base, tmp_path / "m", template), "Be brief.")
    assert "chat=false" in str(refused.value)


def test_such_a_template_is_fine_without_a_system_message(base: Path, tmp_path: Path) -> None:
    chat.preflight(with_template(base, tmp_path / "m", NO_SYSTEM), None)


def test_no_template_is_refused(base: Path, tmp_path: Path) -> None:
    folder = tinymodels.sibling(base, tmp_path / "m")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(Refused, match="no chat template"):
        chat.preflight(folder, None)


@pytest.mark.parametrize("how", ["broken", "missing"])
def test_an_unreadable_tokenizer_is_refused(base: Path, tmp_path: Path, how: str) -> None:
    folder = tinymodels.sibling(base, tmp_path / "m")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_text("{") if how == "broken" else (folder / name).unlink()
    with pytest.raises(Refused, match="tokenizer"):
        chat.preflight(folder, None, use_chat=False)


def test_a_template_that_cuts_a_real_prompt_fails_the_cell(bench: Bench, base: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    cutting = AutoTokenizer.from_pretrained(with_template(base, tmp_path / "m", "{{ messages[0]['content'][:40] }}"))
    with pytest.raises(Failed, match="drops or changes the user message"):
        bench(Canned(cutting))
    assert not (bench.store.root / "cells").exists()


# --- fit


def test_a_prompt_that_does_not_fit_fails_and_stores_nothing(bench: Bench) -> None:
    lengths = [len(request.prompt) for request in bench(limit=6)[2].asked]
    room = sorted(lengths)[-2] + 16  # all but the longest fit
    engine = Canned(bench.tokenizer, max_model_len=room)
    with pytest.raises(Failed) as failed:
        bench(engine, limit=6, max_gen_toks=16)
    text = str(failed.value)
    assert f"gsm8k/{lengths.index(max(lengths))}" in text
    assert f"found {max(lengths)} of prompt and 16 of answer" in text
    assert len(failed.value.problems) == 1
    assert engine.asked == []
    assert len(list((bench.store.root / "cells").iterdir())) == 1  # that of the first line


def test_many_prompts_that_do_not_fit_are_counted(bench: Bench) -> None:
    with pytest.raises(Failed, match="and 3 more items") as failed:
        bench(Canned(bench.tokenizer, max_model_len=20), limit=8)
    assert len(failed.value.problems) == 6


# --- BOS


@pytest.fixture(scope="module")
def with_bos(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A tokenizer that puts a BOS before every text, and whose template starts with one, as Llama's does."""
    from tokenizers.processors import TemplateProcessing
    from transformers import AutoTokenizer

    made = AutoTokenizer.from_pretrained(base)
    made.bos_token = "<|endoftext|>"
    made.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", made.bos_token_id)]
    )
    made.chat_template = "{{ bos_token }}" + tinymodels.CHATML
    folder = tmp_path_factory.mktemp("bos")
    made.save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


@pytest.mark.parametrize("use_chat", [True, False])
def test_one_bos_and_never_two(bench: Bench, with_bos: Any, use_chat: bool) -> None:
    _, _, engine = bench(Canned(with_bos), chat=use_chat)
    for request in engine.asked:
        assert request.prompt[0] == with_bos.bos_token_id
        assert request.prompt.count(with_bos.bos_token_id) == 1


# --- health and agreement

LOOP = tuple([9, 8] * 20)


def test_signs_of_illness_are_counted(bench: Bench) -> None:
    answers = [
        Answer("#### 18", (5, 6), "stop", float("nan")),
        Answer("  ", (5,), "stop", -1.0),
        Answer("a b a b", LOOP, "length", -1.0),
        Answer("a long one", tuple(range(40)), "length", float("-inf")),
    ]
    record, samples, _ = bench(Canned(bench.tokenizer, lambda n, r: answers[n]))
    assert record["health"] == dict.fromkeys(lines.SIGNS, 0) | {
        **{"nonfinite_logprob": 2, "empty": 1, "repetition": 1, "truncated": 2}
    }
    assert [s["signs"] for s in samples] == [
        ["nonfinite_logprob"],
        ["empty"],
        ["repetition", "truncated"],
        ["nonfinite_logprob", "truncated"],
    ]
    assert [s["mean_logprob"] for s in samples] == [None, -1.0, -1.0 / 40, None]
    assert record["metrics"]["truncated"] == 0.5
    assert record["metrics"]["extraction_failed"] == 0.75


@pytest.mark.parametrize(
    ("tokens", "is_loop"),
    [
        ([1] * 16, True),
        ([1] * 15, False),
        ([7, *[1, 2, 3] * 8], True),
        (list(range(32)) * 4, True),
        ([1, 2] * 7, False),
    ],
)
def test_repetition(tokens: list[int], is_loop: bool) -> None:
    assert lines.repeats(tokens) is is_loop


def test_thinking_is_apart_from_the_answer(bench: Bench) -> None:
    said = ["<think>9 * 2 is 18</think>\n#### 18", "<think>It may be #### 3", "#### 7</think>#### 540", "#### 20"]
    record, samples, _ = bench(Canned(bench.tokenizer, lambda n, r: Answer(said[n], (1, 2, 3), "stop", -1.0)))
    assert [s["thinking"] for s in samples] == ["9 * 2 is 18", "It may be #### 3", "#### 7", ""]
    tokens = [len(bench.tokenizer.encode(s["thinking"], add_special_tokens=False)) for s in samples]
    assert [s["n_thinking_tokens"] for s in samples] == tokens
    assert tokens[3] == 0 < min(tokens[:3])
    assert [s["extracted"] for s in samples] == ["18", None, "540", "20"]
    assert [s["response"] for s in samples] == said
    assert record["metrics"]["unclosed_thinking"] == record["metrics"]["extraction_failed"] == 0.25
    assert record["health"]["unclosed_thinking"] == 1
    assert samples[1]["signs"] == ["unclosed_thinking"]


def test_what_stopped_an_answer_is_stored(bench: Bench) -> None:
    end = bench.tokenizer.eos_token_id
    said = [
        Answer("#### 18", (5,), "stop", -1.0, "Question:"),
        Answer("#### 18", (5, end), "stop", -1.0),
        Answer("#### 18", (5,), "length", -1.0),
        GOOD,
    ]
    _, samples, _ = bench(Canned(bench.tokenizer, lambda n, r: said[n]))
    assert [s["stop_reason"] for s in samples[:3]] == ["Question:", bench.tokenizer.eos_token, None]


def test_a_record_holds_the_recipe_and_what_scored_it(bench: Bench) -> None:
    record, _, _ = bench()
    assert Recipe.from_record(record["recipe"]).label == record["variant"]["label"] == "m"
    assert Recipe.from_record(record["recipe"]).fingerprint == record["variant"]["fingerprint"]
    assert sorted(record["variant"]) == ["alpha", "fingerprint", "label", "terms"]
    assert record["scored_by"]["reader"] == "number"
    assert (record["title"], record["chance"], record["reads_code"]) == ("gsm8k", 0.0, False)
    read = bench.store.read_cell(record["cell_id"])["variant"]
    assert (read["model"], read["base"], read["scope"]) == ("m", record["recipe"]["base_hash"], [".*"])


def test_health_is_no_wrong_answer(bench: Bench) -> None:
    """A plain wrong answer shows no sign."""
    record, _, _ = bench(Canned(bench.tokenizer, lambda n, r: Answer("#### 999999", (1, 2), "stop", -1.0)))
    assert set(record["health"].values()) == {0}
    assert record["metrics"]["exact_match"] == 0


def test_odd_answers_are_scored_and_stored(bench: Bench) -> None:
    odd = ["\u2028#### 18", "#### 18\x00", "####\ud800 18", "#### " + "9" * 5000]
    record, samples, _ = bench(Canned(bench.tokenizer, lambda n, r: Answer(odd[n], (1,), "stop", -1.0)))
    assert [s["response"] for s in samples] == odd
    assert record["n"] == 4


def test_lm_eval_and_the_samples_must_agree(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of lm-eval's aggregates are compared: falsify each of ours in turn."""
    honest = lines.metrics
    for name in (
        "exact_match",
        "exact_match_strict",
        "extraction_failed",
        "stock_strict_match",
        "stock_flexible_extract",
    ):
        monkeypatch.setattr(lines, "metrics", lambda samples, name=name: honest(samples) | {name: 0.123})
        with pytest.raises(Failed, match=f"{name}: lm-eval and the stored samples disagree"):
            bench()
    assert not (bench.store.root / "cells").exists()


def test_a_full_disk_is_a_failed_cell(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bench.store, "write_cell", full)
    with pytest.raises(Failed, match="could not be stored: No space left on device"):
        bench()


def test_unknown_decoding_parameters_are_refused(tokenizer: Any) -> None:
    lm = lm_of(Canned(tokenizer))
    with pytest.raises(Failed, match="top_k"):
        lm.generate_until([_instance("generate_until", ("a", {"until": ["\n"], "top_k": 4}))])


def test_another_order_of_requests_and_every_answer_at_its_own(tokenizer: Any) -> None:
    engine = Canned(tokenizer, answer=lambda number, request: replace(GOOD, text=str(request.prompt)))
    texts = [f"question {number}" for number in range(30)]
    instances = [_instance("generate_until", (text, {"until": ["x"]}), n) for n, text in enumerate(texts)]
    found = {}
    for order in (None, "0:repeat:1", "0:repeat:2"):
        lm = lm_of(engine, order=order)
        answers = lm.generate_until(instances)
        assert answers == [str(tuple(tokenizer.encode(text))) for text in texts]
        assert [lm.transcript.replies["some_task", n][0].prompt for n in range(30)] == texts
        found[order] = [request.prompt for request in engine.asked]
    assert len({tuple(order) for order in found.values()}) == 3
    assert len({frozenset(order) for order in found.values()}) == 1


# --- log-likelihoods, against transformers


def _instance(kind: str, arguments: tuple[Any, ...], number: int = 0) -> Any:
    from lm_eval.api.instance import Instance

    return Instance(request_type=kind, doc={}, arguments=arguments, idx=0, metadata=("some_task", number, 1))


class Reference(Canned):
    """Scores with plain transformers in float32: the engine here, and the reference for what the LM makes of it."""

    model: Any = None

    def score(self, prompts: Sequence[Sequence[int]]) -> list[list[TokenScore]]:
        import torch

        found = []
        for prompt in prompts:
            with torch.no_grad():
                logprobs = self.model(torch.tensor([list(prompt)])).logits[0].float().log_softmax(-1)
            found.append(
                [
                    TokenScore(float(logprobs[i, token]), int(logprobs[i].argmax()) == token)
                    for i, token in enumerate(prompt[1:])
                ]
            )
        return found


@pytest.fixture(scope="module")
def reference(base: Path, tokenizer: Any) -> Reference:
    import torch
    from transformers import AutoModelForCausalLM

    engine = Reference(tokenizer)
    engine.model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()
    return engine


def lm_of(engine: Engine, order: str | None = None) -> EngineLM:
    plain = {"model": {"label": "m", "path": "p"}, "vector": {"label": "v"}, "suite": {"name": "s", "tasks": ["t"]}}
    return EngineLM(engine, schema.parse(plain | {"chat": False}), order=order)


PAIRS = [
    ("Tom has 3", " apples"),
    ("Tom has 3 ", "apples"),  # the blank belongs to the continuation
    ("", "Tom has 3 apples"),
    ("How many app", "les does Tom have"),  # merges over the boundary
    ("The answer is", " 15."),
    ("x", "\n\n"),
]


def lm_evals_own(reference: Reference) -> Any:
    """lm-eval's own way from texts to tokens (its TemplateLM), over plain transformers."""
    import torch
    from lm_eval.api.model import TemplateLM

    class Own(TemplateLM):  # type: ignore[misc]
        eot_token_id = reference.tokenizer.eos_token_id

        def tok_encode(self, string: str, add_special_tokens: bool | None = None, **_: Any) -> list[int]:
            return list(reference.tokenizer.encode(string, add_special_tokens=bool(add_special_tokens)))

        def _loglikelihood_tokens(self, requests: Any, **_: Any) -> list[tuple[float, bool]]:
            return [self.of(context, rest) for _, context, rest in requests]

        def of(self, context: list[int], rest: list[int]) -> tuple[float, bool]:
            with torch.no_grad():
                logits = reference.model(torch.tensor([context + rest])).logits[0, len(context) - 1 : -1].float()
            chosen = logits.log_softmax(-1).gather(1, torch.tensor(rest)[:, None])
            return float(chosen.sum()), logits.argmax(-1).tolist() == rest

        def loglikelihood_rolling(self, requests: Any, disable_tqdm: bool = False) -> list[float]:
            return [self.of([self.prefix_token_id], self.tok_encode(r.args[0]))[0] for r in requests]

        def generate_until(self, requests: Any, disable_tqdm: bool = False) -> list[str]:
            raise NotImplementedError

    return Own()


def test_loglikelihood_is_lm_evals_own(reference: Reference) -> None:
    requests = [_instance("loglikelihood", pair, number) for number, pair in enumerate(PAIRS)]
    expected = lm_evals_own(reference).loglikelihood(requests, disable_tqdm=True)
    found = lm_of(reference).loglikelihood(requests)
    for (logprob, greedy), (their_logprob, their_greedy) in zip(found, expected, strict=True):
        assert logprob == pytest.approx(their_logprob, abs=1e-4)
        assert greedy == their_greedy


def test_rolling_loglikelihood(reference: Reference) -> None:
    texts = [_instance("loglikelihood_rolling", (text,), i) for i, text in enumerate(["Tom has 3 apples", "x", "12"])]
    expected = lm_evals_own(reference).loglikelihood_rolling(texts)
    assert lm_of(reference).loglikelihood_rolling(texts) == pytest.approx(expected, abs=1e-4)


def test_what_has_no_tokens_of_its_own(reference: Reference) -> None:
    """A continuation that the context's last token takes in whole, and an empty one."""
    tokenizer = reference.tokenizer
    whole = max((tokenizer.decode([i]) for i in range(262, 400)), key=lambda text: len(text.strip()) * text.isalpha())
    (one,) = tokenizer.encode(whole)
    assert one
    merged = next(
        (whole[:cut], whole[cut:])
        for cut in range(1, len(whole))
        if len(tokenizer.encode(whole[:cut])) == 1 == len(tokenizer.encode(whole))
    )
    requests = [_instance("loglikelihood", merged), _instance("loglikelihood", ("Tom", ""), 1)]
    (logprob, _), empty = lm_of(reference).loglikelihood(requests)
    assert math.isfinite(logprob)
    assert logprob < 0
    assert empty == (0, True)


def test_an_empty_context_gets_one_start_token(reference: Reference, with_bos: Any) -> None:
    seen: list[Sequence[int]] = []

    class Spy(Canned):
        def score(self, prompts: Sequence[Sequence[int]]) -> list[list[TokenScore]]:
            seen.extend(prompts)
            return [[TokenScore(-1.0, True)] * (len(prompt) - 1) for prompt in prompts]

    lm = lm_of(Spy(with_bos))
    lm.loglikelihood([_instance("loglikelihood", ("", "Tom has")), _instance("loglikelihood", ("Tom", " has"), 1)])
    lm.loglikelihood_rolling([_instance("loglikelihood_rolling", ("Tom has",))])
    for prompt in seen:
        assert prompt[0] == with_bos.bos_token_id
        assert list(prompt).count(with_bos.bos_token_id) == 1


def test_text_too_long_to_score_fails(reference: Reference, tokenizer: Any) -> None:
    small = Canned(tokenizer, max_model_len=8)
    with pytest.raises(Failed, match="does not fit"):
        lm_of(small).loglikelihood([_instance("loglikelihood", ("Tom has 3 apples", " and buys 12 more apples"))])
    with pytest.raises(Failed, match="does not fit"):
        lm_of(small).loglikelihood_rolling([_instance("loglikelihood_rolling", ("Tom has 3 apples " * 9,))])


TASK = """
task: stock_like
custom_dataset: !function items.load
output_type: multiple_choice
test_split: test
doc_to_text: "{{question}}\\nAnswer:"
doc_to_choice: "{{choices}}"
doc_to_target: "{{gold}}"
metric_list: [{metric: acc}, {metric: acc_norm}]
"""
ITEMS_PY = """
from datasets import Dataset
def load(**metadata):
    rows = [{"question": f"Tom has {i} apples and buys {j} more.", "choices": [str(i + j), str(i), "none"], "gold": 0}
            for i in range(3) for j in range(4)]
    return {"test": Dataset.from_list(rows)}
"""


def test_a_stock_multiple_choice_task_gives_what_lm_evals_own_model_gives(reference: Reference, tmp_path: Path) -> None:
    from lm_eval.evaluator import evaluate
    from lm_eval.tasks import TaskManager

    (tmp_path / "stock_like.yaml").write_text(TASK)
    (tmp_path / "items.py").write_text(ITEMS_PY)
    manager = TaskManager(include_path=str(tmp_path), include_defaults=False)
    results = []
    for model in (lm_evals_own(reference), lm_of(reference)):
        tasks = manager.load(["stock_like"])["tasks"]
        found = evaluate(model, tasks, bootstrap_iters=0, log_samples=True)
        assert found is not None
        results.append((found["results"]["stock_like"], found["samples"]["stock_like"]))
    for metric in ("acc,none", "acc_norm,none"):
        assert results[0][0][metric] == results[1][0][metric]
    for one, other in zip(results[0][1], results[1][1], strict=True):
        assert [r[0][0] for r in one["resps"]] == pytest.approx([r[0][0] for r in other["resps"]], abs=1e-3)


@pytest.mark.slow
def test_loglikelihoods_on_vllm_are_those_of_transformers(
    reference: Reference, base: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The real engine in float32, texts that share their beginnings among them: a prefix cache must not eat scores."""
    from rveval.engine.vllm import VllmEngine

    recipe = Recipe(str(base), "base", dtype="float32")
    config = schema.EngineConfig(kv_cache_gib=0.05, max_num_seqs=8, max_model_len=512)
    engine = VllmEngine(recipe, config, tmp_path / "vllm.log")
    request.addfinalizer(engine.close)
    context = "Tom has 3 apples and buys 12 more apples at the market. " * 3
    pairs = [*PAIRS, *((context, f" He has {number}") for number in range(3)), (context, " He has 0")]
    requests = [_instance("loglikelihood", pair, number) for number, pair in enumerate(pairs)]
    rolling = [_instance("loglikelihood_rolling", (text,), number) for number, text in enumerate(("Tom has", context))]
    for _ in range(2):  # the second time all of it is in the cache
        found = lm_of(engine).loglikelihood(requests)
        expected = lm_of(reference).loglikelihood(requests)
        assert [logprob for logprob, _ in found] == pytest.approx([logprob for logprob, _ in expected], abs=2e-3)
        assert [greedy for _, greedy in found] == [greedy for _, greedy in expected]
        assert found[-1] == pytest.approx(found[-4])
        rolled = lm_of(engine).loglikelihood_rolling(rolling)
        assert rolled == pytest.approx(lm_of(reference).loglikelihood_rolling(rolling), abs=2e-2)
