"""Options in another order or under other labels: on all real items, and on random ones with equal texts.

Where an option went is found by these tests on their own: the texts of an item are told apart by a mark, the family
runs on the marked item with the same seed, and the mark says which option it was.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from random import Random

import pytest
from askeditems import items as asked
from conftest import needs_data
from hypothesis import given
from hypothesis import strategies as st

from rveval.benchmarks import names, traits
from rveval.perturb import FAMILIES, How, Item, perturb, problem

ORDERS = ("shuffle", "rotate", "goldslot")
ALL = (*ORDERS, "relabel")
LETTERS = tuple("ABCDEFGHIJKLMNOPQR")
FORM = "End with a line that holds #### and then the letter of the right option."
SUBTASKS = [s.removeprefix("bbh_") for s in names() if s.startswith("bbh_") and traits(s).lettered]
NO_LETTER = {"bbh/movie_recommendation/163", "bbh/ruin_names/99", "bbh/ruin_names/144"}  # targets that are no letter
ONE_ORDER = {"bbh/snarks/86", "bbh/snarks/88"}  # two options that read the same; a single option
EQUAL_TEXTS = 9  # items of SciQ's test split in which two options read the same, case aside


@cache
def sciq_items() -> list[Item]:
    """The right option last, as published: what a first draw makes of the order can be counted from there."""
    found = []
    for item in asked("sciq"):
        assert item.gold is not None
        others = [text for place, text in enumerate(item.options) if place != item.gold]
        found.append(replace(item, options=(*others, item.options[item.gold]), gold=3))
    return found


@cache
def bbh_items() -> list[Item]:
    return [item for subtask in SUBTASKS for item in asked(f"bbh_{subtask}")]


def tiny_items() -> list[Item]:
    return list(asked("tiny_choice"))


SOURCES = [
    pytest.param(sciq_items, marks=needs_data("sciq"), id="sciq"),
    pytest.param(bbh_items, marks=needs_data("bbh"), id="bbh"),
    pytest.param(tiny_items, id="tiny_choice"),
]


def change(name: str, item: Item, seed: int = 0, draw: int = 0) -> Item:
    return FAMILIES[name].change(item, Random(f"{seed}:{name}:{draw}:{item.item_id}"), How(draw))


def marked(item: Item) -> Item:
    """Every option told apart from the others."""
    return replace(item, options=tuple(f"{text} <{place}>" for place, text in enumerate(item.options)))


def assert_gold_followed(before: Item, after: Item) -> None:
    assert after.item_id == before.item_id
    assert Counter(after.options) == Counter(before.options)
    if before.gold is None:
        assert after.gold is None
        return
    assert after.gold is not None
    assert after.options[after.gold] == before.options[before.gold]
    assert after.answer == before.answer


def reasons(items: list[Item], changed: list[Item]) -> Counter[str]:
    """Why items read as before; one that does without a reason is an error."""
    found: Counter[str] = Counter()
    for before, after in zip(items, changed, strict=True):
        if (after.options, after.labels) == (before.options, before.labels):
            assert len(after.left_alone) == 1
            found[after.left_alone[0]] += 1
        else:
            assert after.left_alone == ()
    return found


@pytest.mark.parametrize("items", SOURCES)
@pytest.mark.parametrize("name", ALL)
def test_the_right_option_is_the_same_text_in_every_item_and_draw(name: str, items: Callable[[], list[Item]]) -> None:
    for draw in range(5):
        changed = perturb(items(), name, draw=draw)
        for before, after in zip(items(), changed, strict=True):
            assert_gold_followed(before, after)
            assert len(set(after.labels)) == len(after.options)


@pytest.mark.parametrize("items", SOURCES)
@pytest.mark.parametrize("name", ORDERS)
def test_the_right_option_is_followed_by_its_place(name: str, items: Callable[[], list[Item]]) -> None:
    for item in items():
        if item.gold is None or len(set(item.options)) < len(item.options):
            continue  # with equal texts shuffle may draw anew, so the marked item has another order
        after, shown = change(name, marked(item)), change(name, item)
        assert after.gold == shown.gold
        assert after.gold is not None
        assert after.options[after.gold].endswith(f"<{item.gold}>")


@needs_data("sciq")
def test_equal_texts_are_followed_by_place_too() -> None:
    """The drawn place tells the two apart: over all draws, each place is the right one as often as for other items."""
    equal = [item for item in sciq_items() if len({text.lower().strip() for text in item.options}) < 4]
    assert len(equal) == EQUAL_TEXTS
    twins = [item for item in equal if item.gold is not None and item.options.count(item.options[item.gold]) > 1]
    for item in twins:
        slots = Counter(change("shuffle", item, seed=seed).gold for seed in range(400))
        assert set(slots) == {0, 1, 2, 3}
        assert min(slots.values()) > 60


@needs_data("sciq")
@pytest.mark.parametrize("name", ["shuffle", "rotate", "relabel"])
def test_every_item_of_sciq_changes(name: str) -> None:
    for draw in range(3):
        assert reasons(sciq_items(), perturb(sciq_items(), name, draw=draw)) == {}


@needs_data("bbh")
def test_the_items_of_bbh_that_are_left_alone_are_known() -> None:
    for name in ("shuffle", "rotate"):
        changed = perturb(bbh_items(), name)
        alone = {after.item_id for after in changed if after.left_alone}
        assert alone == NO_LETTER | ONE_ORDER
        assert reasons(bbh_items(), changed) == {
            "the right answer is none of the options": 3,
            "the options have only one order": 2,
        }
    assert {after.item_id for after in perturb(bbh_items(), "relabel") if after.left_alone} == NO_LETTER


@pytest.mark.parametrize("items", SOURCES)
def test_goldslot_puts_the_right_option_into_the_slot_of_the_draw(items: Callable[[], list[Item]]) -> None:
    for draw in range(4):
        for before, after in zip(items(), perturb(items(), "goldslot", draw=draw), strict=True):
            if before.gold is None or before.item_id in ONE_ORDER:
                continue
            slot = draw % len(before.options)
            assert after.gold is not None
            assert after.options[slot] == after.options[after.gold]
            if len(set(before.options)) == len(before.options):
                assert after.gold == slot
                others = [text for text in after.options if text != after.options[slot]]
                assert others == [text for text in before.options if text != before.options[before.gold]]


@pytest.mark.parametrize("items", SOURCES)
def test_the_draws_of_rotate_are_all_rotations(items: Callable[[], list[Item]]) -> None:
    for item in items()[:: max(1, len(items()) // 500)]:
        count = len(item.options)
        if item.gold is None or len(set(item.options)) < count or count < 2:
            continue
        shown = {change("rotate", item, draw=draw).options for draw in range(count - 1)}
        twice = item.options * 2
        assert shown == {twice[turn : turn + count] for turn in range(1, count)}


@needs_data("sciq")
def test_who_always_answers_the_first_option_scores_by_chance() -> None:
    """The clean order is not shown again: the first slot has the right option in 6 of 23 orders, the last in 5."""
    slots: Counter[int | None] = Counter()
    for draw in range(10):
        slots.update(after.gold for after in perturb(sciq_items(), "shuffle", draw=draw))
    assert slots.total() == 10_000
    for slot, expected in enumerate((6 / 23, 6 / 23, 6 / 23, 5 / 23)):
        assert slots[slot] / 10_000 == pytest.approx(expected, abs=4 * (expected * (1 - expected) / 10_000) ** 0.5)


def test_who_always_answers_the_first_option_of_tiny_choice_scores_by_chance() -> None:
    first = sum(after.gold == 0 for draw in range(10) for after in perturb(tiny_items(), "shuffle", draw=draw))
    assert first / 10_000 == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / 10_000) ** 0.5)


@needs_data("sciq", "bbh")
def test_no_label_can_be_taken_for_an_option() -> None:
    kinds: Counter[str] = Counter()
    for item in (*sciq_items(), *bbh_items(), *tiny_items()):
        for draw in range(4):
            labels = change("relabel", item, draw=draw).labels
            if item.gold is None:
                continue
            kinds[labels[0] if labels[0] in ("1", "i", "a") else "letters"] += 1
            texts = {re.sub(r"\W", "", text).lower() for text in item.options}
            assert texts.isdisjoint(label.lower() for label in labels)
            if labels[0] in ("1", "i"):
                assert not any(re.search(r"\d|^(one|two|three)$", text) for text in item.options)
            else:
                assert not any(re.fullmatch(r"[a-z]", text) for text in texts)
            assert all(new != old for new, old in zip(labels, item.labels, strict=True))
    assert min(kinds[kind] for kind in ("1", "i", "a", "letters")) > 2000


@needs_data("sciq")
def test_letters_are_asked_for_only_where_labels_are_letters() -> None:
    for after in perturb(sciq_items(), "relabel"):
        lettered = after.labels[0] not in ("1", "i")
        assert after.instruction == (FORM if lettered else FORM.replace("letter", "label"))


def test_labels_of_every_kind_suffice_for_eighteen_options() -> None:
    item = Item(
        "x/0", traits("sciq"), "Which?", "thing e", tuple(f"thing {chr(97 + n)}" for n in range(18)), LETTERS, 4
    )
    shown = [change("relabel", item, seed=seed).labels for seed in range(60)]
    assert {labels[:3] for labels in shown} >= {("1", "2", "3"), ("i", "ii", "iii"), ("a", "b", "c")}
    assert {labels[-1] for labels in shown} >= {"18", "xviii", "r"}
    unusual = [labels for labels in shown if labels[0].isupper()]
    assert unusual
    for labels in unusual:
        assert len(set(labels)) == 18
        assert all(new != old for new, old in zip(labels, LETTERS, strict=True))


@pytest.mark.parametrize(
    "option",
    ["all of the above", "None of the above.", "N/A - see below", "both A and C", "A and B", "the first two options"],
)
def test_options_that_point_at_others_keep_their_order(option: str) -> None:
    item = Item("x/0", traits("sciq"), "Which?", "red", ("red", "blue", "green", option), LETTERS[:4], 0)
    for name in ORDERS:
        after = change(name, item, draw=1)
        assert after.options == item.options
        assert after.left_alone == ("the text points at an option by its place or label",)
    names_labels = option in ("both A and C", "A and B")
    assert (change("relabel", item).labels == item.labels) is names_labels


@pytest.mark.parametrize(
    "option", ["neither", "both", "high altitude above sea level", "on, above, and below", "vitamin A and vitamin D"]
)
def test_options_that_only_sound_like_it_are_moved(option: str) -> None:
    item = Item("x/0", traits("sciq"), "Which?", "red", ("red", "blue", "green", option), LETTERS[:4], 0)
    assert change("shuffle", item).options != item.options
    assert change("relabel", item).labels != item.labels


def test_a_question_that_names_a_label_is_left_alone() -> None:
    item = Item("x/0", traits("sciq"), "Why is (B) wrong?", "red", ("red", "blue"), ("A", "B"), 0)
    for name in ALL:
        assert change(name, item, draw=1).left_alone == ("the text points at an option by its place or label",)


def test_where_every_label_could_be_an_option_the_item_says_so() -> None:
    item = Item("x/0", traits("sciq"), "Which?", "x", ("x", "7"), ("A", "B"), 0)
    assert change("relabel", item).left_alone == ("every kind of label could be mistaken for an option",)


def test_the_families_say_where_they_do_not_apply() -> None:
    for name in ALL:
        for source in ("gsm8k", "humaneval", "tiny_math", "bbh_navigate", "bbh_word_sorting"):
            why = problem(name, traits(source), of=source)
            assert why == f"{name} does not apply to {source}: it has no lettered options"
        for source in (
            "sciq",
            "sciq_closed",
            "tiny_choice",
            "bbh_snarks",
            "bbh_tracking_shuffled_objects_seven_objects",
        ):
            assert problem(name, traits(source)) == ""
    assert len(SUBTASKS) == 17
    assert problem("shuffle+rotate", traits("sciq")) == "shuffle does not compose with rotate"
    assert problem("goldslot+shuffle", traits("sciq")) == "goldslot does not compose with shuffle"
    assert problem("goldslot+rotate", traits("sciq")) == "goldslot does not compose with rotate"


@pytest.mark.parametrize("items", SOURCES)
@pytest.mark.parametrize("name", ORDERS)
def test_labels_and_order_compose_either_way(name: str, items: Callable[[], list[Item]]) -> None:
    few = items()[::7]
    one_way, other_way = perturb(few, f"{name}+relabel", draw=1), perturb(few, f"relabel+{name}", draw=1)
    for before, first, second in zip(few, one_way, other_way, strict=True):
        assert_gold_followed(before, first)
        assert (first.options, first.labels, first.gold) == (second.options, second.labels, second.gold)


texts = st.lists(st.sampled_from(("red", "blue", "Red", "7", "ii", "x", "all of the above", "seven", "")), max_size=18)


@given(texts=texts, seed=st.integers(0, 50), draw=st.integers(0, 20), name=st.sampled_from(ALL), data=st.data())
def test_whatever_the_options_the_right_one_survives(
    texts: list[str], seed: int, draw: int, name: str, data: st.DataObject
) -> None:
    gold = data.draw(st.integers(0, len(texts) - 1)) if texts else None
    item = Item("x/0", traits("sciq"), "Which?", "y", tuple(texts), LETTERS[: len(texts)], gold)
    after = perturb([item], name, seed=seed, draw=draw)[0]  # Refused where the family's own check fails
    assert_gold_followed(item, after)
    assert after.labels == item.labels or name == "relabel"
    same = (after.options, after.labels) == (item.options, item.labels)
    assert same == bool(after.left_alone)
    if same:
        assert after.gold == item.gold


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("shuffle", {"gold": 1}),
        ("shuffle", {"gold": 7}),
        ("shuffle", {"gold": None}),
        ("rotate", {"options": ("red", "blue", "blue")}),
        ("goldslot", {"answer": "blue"}),
        ("shuffle", {"labels": ("a", "b", "c")}),
        ("relabel", {"labels": ("a", "A", "c")}),
        ("relabel", {"labels": ("a", "b")}),
        ("relabel", {"options": ("blue", "red", "green"), "gold": 1}),
        ("relabel", {"question": "Who?"}),
        ("relabel", {"instruction": "Say nothing."}),
    ],
)
def test_the_check_of_a_family_sees_what_was_lost(name: str, broken: dict[str, object]) -> None:
    item = Item("x/0", traits("sciq"), "Which?", "red", ("red", "blue", "green"), LETTERS[:3], 0)
    assert FAMILIES[name].lost(item, change(name, item, draw=1)) == ""
    assert FAMILIES[name].lost(item, replace(item, **broken)) != ""  # type: ignore[arg-type]
