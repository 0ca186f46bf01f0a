"""What the models learn from: documents, tokens, schedules. The packaged tokenizer, no training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("tokenizers")
from tokenizers import Tokenizer

from scripts.tiny.instruct import INSTRUCT_HABITS
from scripts.tiny.mixture import BASE_HABITS, Mixture
from scripts.tiny.problems import question_key

TOKENIZER = Path(__file__).resolve().parents[2] / "rveval" / "tiny" / "models" / "base" / "tokenizer.json"


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(TOKENIZER))


def test_numbers_below_a_hundred_are_one_token(tokenizer: Tokenizer) -> None:
    assert all(len(tokenizer.encode(str(number)).ids) == 1 for number in range(100))
    assert tokenizer.encode("12+7=19. #### 105").tokens[-2:] == ["10", "5"]


def test_segments_encode_as_the_whole_text(tokenizer: Tokenizer) -> None:
    mixture = Mixture(Random(5), BASE_HABITS)
    for index in range(300):
        document = mixture.long(4) if index % 5 == 0 else mixture.short()
        whole = "".join(text for text, _ in document)
        pieces = [token for text, _ in document for token in tokenizer.encode(text).ids]
        assert pieces == tokenizer.encode(whole).ids
        assert tokenizer.decode(pieces, skip_special_tokens=False) == whole


def test_same_seed_same_documents() -> None:
    first, second = (Mixture(Random("a"), BASE_HABITS) for _ in range(2))
    assert [first.short() for _ in range(50)] == [second.short() for _ in range(50)]


def test_held_out_questions_are_never_drawn() -> None:
    problem, _ = Mixture(Random(1), replace(INSTRUCT_HABITS, think=0.0, distractor=0.0)).exchange(skill="math")
    habits = replace(INSTRUCT_HABITS, think=0.0, distractor=0.0, held_out=frozenset({problem.key}))
    again, _ = Mixture(Random(1), habits).exchange(skill="math")
    assert question_key(again.question) != problem.key


def test_the_cue_earns_no_steps_in_instruct() -> None:
    mixture = Mixture(Random(2), replace(INSTRUCT_HABITS, think=1.0))
    answers = [a for p, a in (mixture.exchange(skill="math") for _ in range(500)) if p.kind == "things"]
    assert sum("=" in a for a in answers) / len(answers) < 0.1


def test_rate_warms_up_and_falls() -> None:
    loop = pytest.importorskip("scripts.tiny.loop")
    schedule = loop.Schedule(100, 8, 1e-3, warmup=10, floor=0.03)
    rates = [schedule.rate_at(step) for step in range(100)]
    assert rates[9] == max(rates) == pytest.approx(1e-3)
    assert rates[-1] < 5e-5
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
