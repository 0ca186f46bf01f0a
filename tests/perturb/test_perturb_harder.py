"""`harder`: every test item of the four tiny benchmarks gets larger numbers, more steps and the right new answer.

The oracle here learns what each kind of sentence does from the worked answers of the clean benchmark: it knows neither
the family's templates nor the verbs that the family's own check goes by.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from random import Random

import pytest
from conftest import REPOSITORY
from hypothesis import given, settings
from hypothesis import strategies as st

from rveval.benchmarks import traits
from rveval.errors import Refused
from rveval.perturb import FAMILIES, How, Item, perturb, problem
from rveval.perturb.harder import range_of
from rveval.perturb.harder_check import evaluate
from rveval.perturb.harder_stories import read_story

STORIES = ("tiny_math", "tiny_choice", "tiny_long")
TINY = (*STORIES, "tiny_order")
STRENGTHS = (None, 0.1, 1.0)
HARDER = FAMILIES["harder"]


@cache
def items(source: str, split: str = "test") -> list[Item]:
    lines = (REPOSITORY / "rveval/tiny/data" / source / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    found = [Item(record["id"], traits(source), record["question"], record["answer"]) for record in records]
    if source != "tiny_choice":
        return found
    return [
        replace(item, options=tuple(record["options"]), labels=tuple("ABCD"), gold=record["gold"])
        for item, record in zip(found, records, strict=True)
    ]


def gold_of(item: Item) -> int:
    return int(item.answer.rpartition("#### ")[2])


def steps_of(item: Item) -> list[tuple[int, str, int, int]]:
    """The worked answer's steps: left, sign, right, result."""
    found = re.findall(r"(\d+)([-+*])(\d+)=(\d+)", item.answer)
    return [(int(left), sign, int(right), int(result)) for left, sign, right, result in found]


def numbers_of(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def kinds_of(question: str) -> list[tuple[str, list[int]]]:
    """Each sentence of a story without its names and numbers, and the numbers."""
    shared = ("A", "At", "Then", "The", "There", "How")
    sentences = re.split(r"(?<=[.?]) ", question)
    bare = [re.sub(r"\b[A-Z][a-z]*\b", lambda m: m[0] if m[0] in shared else "N", text) for text in sentences]
    return [(re.sub(r"\d+", "#", text), numbers_of(text)) for text in bare]


@cache
def learned() -> dict[str, str]:
    """The sign that each kind of sentence has in the clean benchmarks' worked answers."""
    signs: dict[str, str] = {}
    for source in STORIES:
        for split in ("test", "validation", "train"):
            for item in items(source, split):
                signs.update(_signs(item))
    return signs


def _signs(item: Item) -> Iterator[tuple[str, str]]:
    _, *told, _ = kinds_of(item.question)
    steps = [step for step in steps_of(item) if step[1] != "*"]
    assert len(steps) == len(told)
    for (kind, _), (_, sign, _, _) in zip(told, steps, strict=True):
        yield kind, sign


def assert_right_story(item: Item) -> None:
    """The worked answer is the question's, sentence by sentence, and ends in the answer."""
    (_, start), *told, _ = kinds_of(item.question)
    steps = steps_of(item)
    value = start[0]
    if len(start) == 2:
        value = start[0] * start[1]
        assert steps.pop(0) == (start[0], "*", start[1], value)
    assert len(steps) == len(told)
    for (kind, amounts), step in zip(told, steps, strict=True):
        result = value + amounts[0] if learned()[kind] == "+" else value - amounts[0]
        assert step == (value, learned()[kind], amounts[0], result)
        value = result
    assert value == gold_of(item)


@pytest.mark.parametrize("source", TINY)
def test_every_clean_item_is_read_and_has_its_own_answer(source: str) -> None:
    for split, count in (("test", 1000), ("validation", 600), ("train", 300)):
        right = [item for item in items(source, split) if evaluate(item.question) == gold_of(item)]
        assert len(right) == count
        if source != "tiny_order":
            assert all(read_story(item.question) for item in items(source, split))


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("source", STORIES)
def test_every_story_gets_more_steps_larger_numbers_and_the_right_answer(source: str, strength: float | None) -> None:
    limits = range_of(strength)
    changed = perturb(items(source), "harder", strength=strength)
    larger = 0
    for before, after in zip(items(source), changed, strict=True):
        assert after.left_alone == ()
        assert len(steps_of(after)) == len(steps_of(before)) + limits.steps
        assert_right_story(after)
        results = [step[3] for step in steps_of(after)]
        assert min(results) >= 2
        assert max(results) <= limits.top <= 300
        old, new = kinds_of(before.question), kinds_of(after.question)
        assert [kind for kind, _ in new[: len(old) - 1]] == [kind for kind, _ in old[:-1]]
        assert new[-1] == old[-1]
        larger += max(numbers_of(after.question)) > max(numbers_of(before.question))
    assert larger >= 950


@pytest.mark.parametrize("source", STORIES)
def test_people_and_things_are_those_of_the_story(source: str) -> None:
    for before, after in zip(items(source), perturb(items(source), "harder"), strict=True):
        goods = {"book", "game", "hat", "cake", "ball", "lamp"}  # what money is spent on may be new
        names = set(re.findall(r"\b[A-Z][a-z]+\b", after.question)) - {"At", "Then", "The", "A"}
        assert names <= set(re.findall(r"\b[A-Z][a-z]+\b", before.question))
        things = set(re.findall(r"\b[a-z]+s\b", after.question)) - goods
        verbs = {
            "buys",
            "gets",
            "finds",
            "gives",
            "loses",
            "sells",
            "brings",
            "takes",
            "earns",
            "pays",
            "spends",
            "adds",
        }
        assert things - verbs - {"dollars"} <= set(re.findall(r"\b[a-z]+s\b", before.question))


def _ranked(question: str, ranked: list[int]) -> int:
    if "middle" in question:
        return int(statistics.median(ranked))
    if "far apart" in question:
        return ranked[-1] - ranked[0]
    place = 1 + ("second" in question) + 2 * ("third" in question)
    return ranked[place - 1] if "smallest" in question else ranked[-place]


@pytest.mark.parametrize("strength", STRENGTHS)
def test_every_list_gets_longer_and_is_asked_the_same(strength: float | None) -> None:
    limits = range_of(strength)
    for before, after in zip(
        items("tiny_order"), perturb(items("tiny_order"), "harder", strength=strength), strict=True
    ):
        old, new = numbers_of(before.question), numbers_of(after.question)
        middle = "middle" in before.question
        assert len(new) == len(set(new)) == len(old) + limits.steps * (2 if middle else 1)
        assert len(new) % 2 or not middle
        assert 2 <= min(new) < max(new) <= limits.top
        assert re.sub(r"[\d, ]+", "", after.question) == re.sub(r"[\d, ]+", "", before.question)
        assert gold_of(after) == _ranked(after.question, sorted(new))
        assert after.answer.startswith(f"In order: {', '.join(map(str, sorted(new)))}. ")
        assert ("far apart" in after.question) == (f"{max(new)}-{min(new)}={max(new) - min(new)}" in after.answer)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_options_are_new_and_the_right_one_stands_where_it_stood(strength: float | None) -> None:
    tempting = 0
    for before, after in zip(
        items("tiny_choice"), perturb(items("tiny_choice"), "harder", strength=strength), strict=True
    ):
        assert after.gold == before.gold
        assert after.labels == before.labels
        assert after.gold is not None
        assert after.options[after.gold] == str(gold_of(after))
        assert len({int(text) for text in after.options}) == 4
        assert all(0 <= int(text) <= 320 for text in after.options)
        tempting += bool({str(step[3]) for step in steps_of(after)[:-1]} & set(after.options))
    assert tempting >= 980  # nearly all show a result on the way


def test_the_size_of_an_option_does_not_give_the_right_one_away() -> None:
    changed = perturb(items("tiny_choice"), "harder")
    largest = sum(max(map(int, after.options)) == gold_of(after) for after in changed)
    smallest = sum(min(map(int, after.options)) == gold_of(after) for after in changed)
    assert 120 < largest < 400
    assert 120 < smallest < 400


@pytest.mark.parametrize("source", TINY)
def test_strength_grows_numbers_and_steps(source: str) -> None:
    sizes = []
    for strength in (0.05, 0.5, 1.0):
        changed = perturb(items(source)[:300], "harder", strength=strength)
        numbers = [number for after in changed for number in numbers_of(after.question)]
        sizes.append((len(numbers), statistics.mean(numbers)))
    assert sizes == sorted(sizes)
    assert len({count for count, _ in sizes}) == 3
    assert sizes[0][1] < sizes[1][1] < sizes[2][1]


def test_the_range_ends_where_the_longest_extended_problems_do() -> None:
    assert (range_of(1).smallest, range_of(1).largest, range_of(1).top, range_of(1).steps) == (10, 80, 300, 3)
    assert range_of(None) == range_of(0.5)
    assert [range_of(strength).steps for strength in (0.01, 0.33, 0.34, 0.66, 0.67, 1)] == [1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("source", TINY)
def test_an_item_is_another_in_another_draw(source: str) -> None:
    whole, other = (perturb(items(source), "harder", seed=3, draw=draw) for draw in (1, 2))
    assert sum(one.question == two.question for one, two in zip(whole, other, strict=True)) <= 5


@pytest.mark.parametrize(
    "question",
    [
        "Tom has 12 apples. He eats 4. How many apples does Tom have now?",
        "Tom has twelve apples. He buys 4 more. How many apples are left?",
        "Tom has 12 apples. Ruth is 9 years old. He buys 4 more. How many apples are left?",
        "Tom has 12 apples. He buys 4 more. How many pens are left?",
        "How many apples are left?",
        "",
    ],
)
def test_a_problem_in_other_words_is_left_alone(question: str) -> None:
    item = Item("tiny_math/0", traits("tiny_math"), question, "#### 8")
    assert perturb([item], "harder") == [item.leave("the problem is not in the words of its benchmark")]


@pytest.mark.parametrize(
    "question", ["Look at the numbers 3, 1, 2. What is the fourth largest?", "Look at 3. What is the largest?", ""]
)
def test_a_list_that_is_asked_otherwise_is_left_alone(question: str) -> None:
    item = Item("tiny_order/0", traits("tiny_order"), question, "#### 8")
    assert perturb([item], "harder") == [item.leave("the problem is not in the words of its benchmark")]


def test_a_story_that_is_longer_than_any_is_left_alone() -> None:
    question = "A bus has 90 people on it. " + "Then 2 people get off. " * 7 + "How many people are on the bus now?"
    item = Item("tiny_long/0", traits("tiny_long"), question, "#### 76")
    assert perturb([item], "harder")[0].left_alone == ("the problem is longer than those of its benchmark",)


def test_a_name_stands_for_a_pronoun_that_the_story_does_not_have() -> None:
    question = "Max has 20 dollars. Lily pays Max 4 dollars. How many dollars does Max have left?"
    item = Item("tiny_math/0", traits("tiny_math"), question, "20+4=24. #### 24")
    told = {
        sentence for draw in range(40) for sentence, _ in kinds_of(perturb([item], "harder", draw=draw)[0].question)
    }
    assert {"N earns # dollars.", "N pays N # dollars."} <= told
    for draw in range(40):
        after = perturb([item], "harder", draw=draw)[0]
        assert not re.search(r"\b(He|She)\b", after.question)
        assert_right_story(after)


def test_a_number_that_stands_around_the_problem_is_never_the_new_answer() -> None:
    """A hint that was given before stays a wrong one."""
    hints = tuple(f"A friend says {number}." for number in range(2, 200, 2))
    for item in items("tiny_math")[:200]:
        after = HARDER.change(replace(item, before=hints), Random(item.item_id), How())
        assert after.left_alone or gold_of(after) % 2 or gold_of(after) == 200
    everything = (" ".join(map(str, range(1000))),)
    after = HARDER.change(replace(items("tiny_math")[0], after=everything), Random(0), How())
    assert after.left_alone == ("other parts of the prompt name every new answer tried",)


def test_it_applies_to_the_tiny_benchmarks_only() -> None:
    assert all(problem("harder", traits(source)) == "" for source in TINY)
    for source in ("gsm8k", "sciq", "humaneval", "bbh_object_counting"):
        assert "a new right answer can be computed for the tiny benchmarks only" in problem("harder", traits(source))


@pytest.mark.parametrize("families", ["harder+shuffle", "shuffle+harder", "relabel+harder", "goldslot+harder+relabel"])
def test_it_composes_with_the_order_and_the_labels_of_options(families: str) -> None:
    for after in perturb(items("tiny_choice")[:200], families, draw=1):
        assert after.gold is not None
        assert after.options[after.gold] == str(gold_of(after)) == str(evaluate(after.question))


@pytest.mark.parametrize("source", STORIES)
def test_stories_whose_people_and_things_have_other_names_are_read(source: str) -> None:
    for after in perturb(items(source), "rename+harder"):
        assert "the problem is not in the words of its benchmark" not in after.left_alone
        assert evaluate(after.question) == gold_of(after)
    shop = "There are 28 cakes in a shop. A bus brings 9 more. How many cakes are in the shop?"
    for draw in range(20):
        after = perturb([Item("tiny_math/0", traits("tiny_math"), shop, "28+9=37. #### 37")], "harder", draw=draw)[0]
        assert after.left_alone == ()
        assert "truck" not in after.question


@pytest.mark.parametrize(
    "broken",
    [
        {"answer": "12+9=21. 21-4=17. #### 16"},
        {"answer": "12+9=22. 22-4=17. #### 17"},
        {"question": "Tom has 12 pens. He buys 9 more. He sells 5 of them. How many pens are left?"},
        {"question": "Tom has 12 pens. He likes 9 pens. He sells 4 of them. How many pens are left?"},
        {"options": ("16", "18", "21", "17")},
        {"options": ("17", "17", "21", "16")},
        {"options": ("17", "21", "16")},
        {"gold": 1},
        {"labels": ("a", "b", "c", "d")},
        {"instruction": "Quick!"},
        {"item_id": "tiny_choice/1"},
    ],
)
def test_the_check_sees_a_wrong_answer_and_whatever_else_changed(broken: dict[str, object]) -> None:
    before = replace(items("tiny_choice")[0], gold=0)
    good = replace(
        before,
        question="Tom has 12 pens. He buys 9 more. He sells 4 of them. How many pens are left?",
        answer="12+9=21. 21-4=17. #### 17",
        options=("17", "18", "21", "16"),
    )
    assert HARDER.lost(before, good) == ""
    assert HARDER.lost(before, replace(good, **broken)) != ""  # type: ignore[arg-type]


def test_an_item_that_was_left_alone_must_not_have_changed() -> None:
    before = items("tiny_math")[0]
    assert HARDER.lost(before, before.leave("because")) == ""
    assert HARDER.lost(before, replace(before, answer="#### 1")) == "answer changed"


def test_a_strength_out_of_range_is_refused() -> None:
    for strength in (0.0, 1.5, -1.0):
        with pytest.raises(Refused, match="a strength out of range"):
            perturb(items("tiny_math")[:1], "harder", strength=strength)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(), place=st.integers(0, 999), source=st.sampled_from(TINY), strength=st.floats(0.001, 1))
def test_whatever_the_seed_and_the_strength_the_answer_is_right(
    seed: int, place: int, source: str, strength: float
) -> None:
    after = perturb([items(source)[place]], "harder", seed=seed, strength=strength)[0]
    assert after.left_alone == ()
    if source == "tiny_order":
        assert gold_of(after) == _ranked(after.question, sorted(numbers_of(after.question)))
    else:
        assert_right_story(after)
        assert all(2 <= step[3] <= 300 for step in steps_of(after))


@given(
    signs=st.lists(st.sampled_from(("on", "off")), max_size=6), start=st.integers(2, 60), strength=st.floats(0.001, 1)
)
def test_every_order_of_gains_and_losses_has_room(signs: list[str], start: int, strength: float) -> None:
    told = "".join(f"Then 2 people get {sign}. " for sign in signs)
    item = Item(
        "tiny_long/x",
        traits("tiny_long"),
        f"A bus has {start} people on it. {told}How many people are on the bus now?",
        "",
    )
    after = perturb([item], "harder", strength=strength)[0]
    assert after.left_alone == ()
    assert_right_story(after)
