"""Made items of every set of traits: what families are tested on where no data is there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rveval.perturb import UNKNOWN, Item, Traits

FORM = "End with a line that holds #### and then {}."
LETTERS = tuple("ABCDEFGH")
STORY = Traits("story")
TINY = Traits("story", for_tiny_models=True)
SCIENCE = Traits("science", lettered=True, worked_examples=False)
PUZZLE = Traits("puzzle", lettered=True)
STUB = '''from typing import List


def mean_distance(numbers: List[float], center: float) -> float:
    """ For a given list of numbers, find how far they lie from the center in the mean.
    An empty list has the distance zero. The order of the numbers does not matter.
    >>> mean_distance([1.0, 3.0], 2.0)
    1.0
    """
'''
SOLUTION = """    total = 0.0
    for item in numbers:
        total += abs(item - center)
    return total / len(numbers) if numbers else 0.0
"""
TEST = "def check(candidate):\n    assert candidate([1.0, 3.0], 2.0) == mean_distance([1.0, 3.0], 2.0) == 1.0\n"
STORIES = {
    "Martha has 12 apples and twenty-one pears. Omar gives her 4 more apples. How many fruits does she have now?": 37,
    "A shop sold 48 notebooks in April, and half as many in May. Each costs $3. How much did it earn in total?": 216,
    "Kevin has 105 pencils for 3 classes. The boxes hold seven pencils each. How many boxes are there?": 15,
    "Rosa walks 2 miles to school. After the lesson she takes a bus for 3 hours. How many miles did Rosa walk?": 2,
}
TINY_STORIES = {
    "Tom has 12 apples. He buys 7 more. He gives 4 to Mia. How many apples are left?": "12+7=19. 19-4=15. #### 15",
    "There are 3 boxes with 7 keys each. Then 5 keys are thrown away. How many keys are there in all?": "#### 16",
    "A bus has 15 people on it. Then 5 people get off. How many people are on the bus now?": "15-5=10. #### 10",
    "Zoe saved 52 dollars. She spends 24 dollars on a lamp. How many dollars does Zoe have left?": "52-24=28. #### 28",
}


def sample() -> list[Item]:
    """Items of every set of traits that there is, several of each, so that nothing hangs on one draw."""
    code = Item("code/0", Traits("code"), STUB, SOLUTION, entry_point="mean_distance", test=TEST)
    ask = "Complete the following Python function."
    items = [replace(code, item_id=f"code/{place}", instruction=ask) for place in range(4)]
    for place, (question, answer) in enumerate(STORIES.items()):
        work = f"So it is {answer}.\n#### {answer}"
        items.append(Item(f"story/{place}", STORY, question, work, instruction=FORM.format("the final number")))
    for place, (question, work) in enumerate(TINY_STORIES.items()):
        items.append(Item(f"tiny/{place}", TINY, question, work, option_form="{label}) {text}"))
        right = work.split()[-1]
        options = ("3", right, str(int(right) + 9), str(int(right) + 2))
        lettered = replace(items[-1], item_id=f"choice/{place}", traits=replace(TINY, lettered=True), options=options)
        items.append(replace(lettered, labels=LETTERS[:4], gold=1))
        order = f"Look at the numbers {place + 30}, 56, 48, {40 - place}, 21. What is the second largest?"
        items.append(Item(f"order/{place}", replace(TINY, kind="order"), order, "In order: ... #### 48"))
        items.append(_science(place))
        items += _puzzles(place)
        items.append(replace(items[place + 4], item_id=f"unknown/{place}", traits=UNKNOWN, instruction=""))
    return items


def _science(place: int) -> Item:
    question = ("What do plants make from sunlight?", "Which gas do animals breathe in?")[place % 2]
    options = ("sugar", "oxygen", "granite", "copper wire")
    return Item(
        f"science/{place}",
        SCIENCE,
        question,
        options[place % 2],
        options=options,
        labels=LETTERS[:4],
        gold=place % 2,
        support="Plants turn sunlight, water and air into sugar. They give off the gas that animals breathe in.",
        instruction=FORM.format("the letter of the right option"),
    )


def _puzzles(place: int) -> list[Item]:
    description = "Answer the question about the following statements."
    ask = "The following paragraphs each describe a set of objects. The statements are consistent. What comes first?"
    options = ("The red book", "The green book", "The grey book")
    common: dict[str, Any] = {"description": description, "instruction": FORM.format("the letter of the right option")}
    choice: dict[str, Any] = {
        "options": options,
        "labels": LETTERS[:3],
        "gold": place % 3,
        "option_form": "({label}) {text}",
    }
    items = [Item(f"puzzle/{place}", PUZZLE, ask, "(A)", **common, **choice)]
    for traits in (replace(PUZZLE, fixed="layout"), replace(PUZZLE, fixed="text")):
        items.append(replace(items[0], item_id=f"{traits.fixed}/{place}", traits=traits))
    yes = "Is it true? Tom walks to the left and turns around.\nOptions:\n- Yes\n- No"
    items.append(Item(f"word/{place}", Traits("puzzle"), yes, "No", **common))
    brackets = Traits("puzzle", "text", "brackets")
    items.append(Item(f"brackets/{place}", brackets, "Complete the sequence. Input: [ ( {", "} ) ]", **common))
    ordered = Traits("puzzle", "text", "sorted")
    return [*items, Item(f"sorted/{place}", ordered, "Sort. List: plum fig pear", "fig pear plum", **common)]
