"""engine=hf, the independent reference: the same greedy answers as vLLM, the same ends, nothing from the model's own
generation_config.json; and sampling that a seed decides."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import tinymodels
from engines import CONFIG, Models

from rveval.engine import Answer, Engine, Request
from rveval.engine.hf import HfEngine
from rveval.engine.session import Session
from rveval.engine.vllm import VllmEngine
from rveval.errors import Failed
from rveval.recipe import Recipe

HF = replace(CONFIG, kind="hf", batch_size=4)
WORDS = ("apples", "boxes", "pencils", "friends", "def add", "return", "How many", "April")
TEXTS = tuple(f"Tom has {n} {WORDS[n % 8]} and {WORDS[n % 5]} {n * 7}" + " now?" * (n % 4) for n in range(48))
STOPS = ("\n", "a", " ")
OWN_DECODING = {
    "repetition_penalty": 1.9,
    "no_repeat_ngram_size": 1,
    "min_p": 0.9,
    "top_k": 1,
    "temperature": 0.01,
    "do_sample": True,
    "max_new_tokens": 3,
}
"""What a model's generation_config.json may say, and neither engine may heed."""


def requests(engine: Engine, tokens: int = 32, **other: object) -> list[Request]:
    return [Request(tuple(engine.tokenizer.encode(text)), tokens, **other) for text in TEXTS]  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """A base with end tokens that it really says: the two most frequent ones of its own answers."""
    models = Models.make(tmp_path_factory.mktemp("hf"))
    free = HfEngine(recipe(models), HF)
    said = Counter(token for answer in free.generate(requests(free)) for token in answer.tokens[6:])
    ends = [token for token, _ in said.most_common(2)]
    own = OWN_DECODING | {"eos_token_id": ends, "suppress_tokens": [t for t, _ in said.most_common(8)[2:]]}
    (models.base / "generation_config.json").write_text(json.dumps(own))
    free.close()
    return models


def recipe(models: Models) -> Recipe:
    return models.variant(dtype="float32")


@pytest.fixture(scope="module")
def hf(models: Models) -> Iterator[HfEngine]:
    engine = HfEngine(recipe(models), HF)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def vllm(models: Models) -> Iterator[VllmEngine]:
    engine = VllmEngine(recipe(models), CONFIG, models.place / "engine.log")
    yield engine
    engine.close()


def alike(one: list[Answer], other: list[Answer]) -> int:
    return sum(
        (a.tokens, a.text, a.finish_reason) == (b.tokens, b.text, b.finish_reason)
        for a, b in zip(one, other, strict=True)
    )


def test_the_same_greedy_answers_as_vllm(hf, vllm) -> None:
    mine, theirs = hf.generate(requests(hf)), vllm.generate(requests(vllm))
    assert alike(mine, theirs) == len(TEXTS)
    reasons = Counter(answer.finish_reason for answer in mine)
    assert min(reasons["stop"], reasons["length"]) >= 3
    for a, b in zip(mine, theirs, strict=True):
        assert a.logprob == pytest.approx(b.logprob, abs=2e-3)
    assert len({answer.tokens for answer in mine}) >= 20


def test_the_same_scores_as_vllm(hf, vllm) -> None:
    prompts = [request.prompt for request in requests(hf)] + [(5,)]
    for a, b in zip(hf.score(prompts), vllm.score(prompts), strict=True):
        assert [score.logprob for score in a] == pytest.approx([score.logprob for score in b], abs=1e-3)
        assert [score.greedy for score in a] == [score.greedy for score in b]
    assert hf.score([(5,)]) == vllm.score([(5,)]) == [[]]


@pytest.mark.parametrize("stop", [*((stop,) for stop in STOPS), STOPS, ("no such words",)])
def test_the_same_stop_strings(hf, vllm, stop) -> None:
    mine, theirs = hf.generate(requests(hf, stop=stop)), vllm.generate(requests(vllm, stop=stop))
    assert alike(mine, theirs) == len(TEXTS)
    assert not any(end in answer.text for answer in mine for end in stop)


def test_stop_strings_are_looked_for_in_the_answer_only(hf, vllm) -> None:
    """A stop string that the prompt begins and the answer ends, and one that the prompt holds already."""
    free = hf.generate(requests(hf))
    for request, answer in list(zip(requests(hf), free, strict=True))[:12]:
        if not answer.text or not answer.text[0].isascii():
            continue
        prompt = hf.tokenizer.decode(request.prompt)
        for stop in (prompt[-1] + answer.text[0], prompt[-3:]):
            asked = [replace(request, stop=(stop,))]
            assert alike(hf.generate(asked), vllm.generate(asked)) == 1


@pytest.mark.parametrize("tokens", [1, 2, 7])
def test_the_same_length_limit(hf, vllm, tokens: int) -> None:
    mine, theirs = hf.generate(requests(hf, tokens)), vllm.generate(requests(vllm, tokens))
    assert alike(mine, theirs) == len(TEXTS)
    assert max(len(answer.tokens) for answer in mine) == tokens
    assert all(len(answer.tokens) == tokens for answer in mine if answer.finish_reason == "length")


def test_batches_change_nothing(hf, models) -> None:
    together = hf.generate(requests(hf))
    alone = [hf.generate([request])[0] for request in requests(hf)]
    assert alike(together, alone) == len(TEXTS)
    backwards = hf.generate(requests(hf)[::-1])[::-1]
    assert alike(together, backwards) == len(TEXTS)


def test_mixed_requests_keep_their_order(hf) -> None:
    plain, short = requests(hf), requests(hf, 3, stop=("a",))
    mixed = [short[n] if n % 3 else plain[n] for n in range(len(TEXTS))]
    finished: list[int] = []
    answers = hf.generate(mixed, finished.append)
    wanted = [(hf.generate(short) if n % 3 else hf.generate(plain))[n] for n in (0, 1, 2, 3)]
    assert alike(answers[:4], wanted) == 4
    assert sum(finished) == len(TEXTS)


def test_progress_counts_every_answer_once(vllm) -> None:
    finished: list[int] = []
    vllm.generate(requests(vllm), finished.append)
    assert sum(finished) == len(TEXTS)


@pytest.mark.parametrize("engine", ["hf", "vllm"])
def test_a_seed_decides_what_is_sampled(engine: str, request: pytest.FixtureRequest) -> None:
    asked = request.getfixturevalue(engine)
    few = [Request(prompt.prompt, 8, temperature=1.0, seed=11) for prompt in requests(asked)[:6]]
    first = asked.generate(few)
    assert alike(first, asked.generate(few)) == 6
    assert alike(first[::-1], asked.generate(few[::-1])) == 6
    assert alike(first, asked.generate([replace(r, seed=12) for r in few])) < 6
    narrow = asked.generate([replace(r, top_p=1e-6) for r in few])
    assert alike(narrow, asked.generate([replace(r, temperature=0.0) for r in few])) == 6


def test_what_the_model_says_of_decoding_changes_nothing(hf, vllm, models, tmp_path) -> None:
    """The same weights without repetition penalty and the rest in generation_config.json, end tokens kept."""
    ends = json.loads((models.base / "generation_config.json").read_text())["eos_token_id"]
    plain = tinymodels.sibling(models.base, tmp_path / "plain")
    (plain / "generation_config.json").write_text(json.dumps({"eos_token_id": ends}))
    engine = HfEngine(replace(recipe(models), base=str(plain)), HF)
    wanted = engine.generate(requests(engine))
    engine.close()
    assert alike(hf.generate(requests(hf)), wanted) == len(TEXTS)
    assert alike(vllm.generate(requests(vllm)), wanted) == len(TEXTS)
    assert max(len(answer.tokens) for answer in wanted) == 32


def test_a_session_serves_it_afresh(models, tmp_path) -> None:
    session = Session(tmp_path / "engine.log")
    try:
        first = session.serve(recipe(models), HF, swaps=True)
        assert (first.how, first.warnings) == ("fresh", ())
        assert session.serve(recipe(models), HF, swaps=True).engine is first.engine
        other = session.serve(recipe(models).as_base(), HF, swaps=True).engine
        assert other is not first.engine
        with pytest.raises(Failed):
            other.swap(recipe(models))
    finally:
        session.close()


@pytest.mark.slow
def test_in_bfloat16_answers_part_only_where_two_tokens_are_close(models: Models) -> None:
    """Rounding differs between the two, so a near tie may fall the other way; nothing else may differ."""
    wanted = models.variant(dtype="bfloat16")
    hf = HfEngine(wanted, HF)
    mine = hf.generate(requests(hf))
    vllm = VllmEngine(wanted, CONFIG, Path(models.place / "engine.log"))
    theirs = vllm.generate(requests(vllm))
    vllm.close()
    parted = [n for n in range(len(TEXTS)) if mine[n].tokens != theirs[n].tokens]
    assert len(parted) <= len(TEXTS) // 2
    for n in parted:
        pairs = enumerate(zip(mine[n].tokens, theirs[n].tokens, strict=False))
        at = next((i for i, (a, b) in pairs if a != b), None)
        assert at is not None
        prompt = requests(hf)[n].prompt + mine[n].tokens[:at]
        both = hf.score([(*prompt, mine[n].tokens[at]), (*prompt, theirs[n].tokens[at])])
        assert abs(both[0][-1].logprob - both[1][-1].logprob) < 0.1
    hf.close()
