"""How the question is put: a cue to think, a cue not to, other words for the instruction."""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random

from rveval.perturb.family import Family
from rveval.perturb.item import How, Item, Traits

# Each holds "step by step": that is how a cue is recognised, by models and by the check of clean prompts.
THINK_BEFORE = (
    "Think step by step.",
    "Let's think step by step.",
    "Work through this step by step.",
    "Go through this step by step before you answer.",
    "Reason step by step, then answer.",
    "Please take this step by step.",
    "First think it through step by step.",
    "Step by step, reason your way to the answer.",
)
THINK_AFTER = (
    "Let's think step by step.",
    "Think step by step.",
    "Think step by step before you answer.",
    "Let's work this out step by step.",
    "Please reason step by step.",
    "Take it step by step.",
    "Before you answer, go through it step by step.",
    "Write down your reasoning step by step.",
)
# What the tiny models are trained on; other words would mean nothing to them.
THINK_AFTER_TINY = THINK_AFTER[:2]

NOTHINK = (
    "Answer at once, without any explanation.",
    "Give the answer immediately, with no explanation.",
    "Do not explain anything, only give the answer.",
    "Reply with nothing but the answer.",
    "No explanation and no intermediate results, only the answer.",
    "Write the answer straight away, and nothing before it.",
    "Skip the derivation and state the answer directly.",
    "Just the answer, please, without any working.",
)
NOTHINK_CODE = (
    "Write the code at once, without any explanation.",
    "Give the code immediately, with no explanation.",
    "Do not explain anything, only write the code.",
    "Reply with nothing but the code.",
    "No explanation and no comments, only the code.",
    "Write the code straight away, and nothing before it.",
    "Skip every explanation and write the code directly.",
    "Just the code, please, without any remarks.",
)

# All keep ####, what stands after it, and that it comes last; none says whether anything should come before it.
REPHRASED = (
    "Finish with a line that holds #### and then {what}.",
    "Please end with a line that reads #### followed by {what}.",
    "Last line: #### and then {what}.",
    "Could you close with a line made of #### and then {what}?",
    "The final line of your reply must be #### followed by {what}.",
    "On a line of its own at the very end, write #### and then {what}.",
    "Your response shall conclude with a line that consists of #### followed by {what}.",
    "Make the last line #### and then {what}.",
    "I would like the last line to be #### and then {what}.",
    "Would you mind ending on a line that says #### and then {what}?",
    "Kindly put #### on the last line, followed by {what}.",
    "When you are done, write one more line: #### and then {what}.",
    "The answer belongs on the last line, as #### followed by {what}.",
    "End like this: a line with #### and then {what}.",
)
REPHRASED_CODE = (
    "Finish the following Python function.",
    "Please complete the Python function below.",
    "Write the body of this Python function.",
    "Could you fill in the body of the Python function below?",
    "Implement the following Python function.",
    "The Python function below has no body yet; write it.",
    "Here is the head of a Python function. Write the rest of it.",
    "The implementation of the Python function below is missing and is to be supplied.",
    "I need the rest of this Python function, please.",
    "Python function, body missing. Fill it in.",
    "Would you write the missing part of this Python function?",
    "Turn the Python stub below into a complete function.",
)
REPHRASED_TINY = (
    "Solve this problem.",
    "Find the answer.",
    "Please answer this question.",
    "Give the answer.",
    "What is the answer?",
    "Can you solve this?",
    "Answer the question.",
    "Tell me the answer, please.",
    "Please solve the problem.",
    "Could you find the answer?",
    "State the result.",
    "What is the result?",
)

_ASKED = re.compile(r"End with a line that holds #### and then (?P<what>.+)\.", re.DOTALL)
_ASKED_CODE = "Complete the following Python function."
_UNKNOWN = "the instruction is not one that it has other words for"


def think(item: Item, rng: Random, how: How) -> Item:
    """A cue to think step by step, before or after the question; before it for code, which nothing may follow.

    >>> item = think(Item("story/0", Traits("story"), "How many are left?", "#### 4"), Random(6), How())
    >>> item.before, item.after
    ((), ('Think step by step.',))
    """
    if item.is_code or rng.random() < 0.5:
        return replace(item, before=(*item.before, rng.choice(THINK_BEFORE)))
    return replace(item, after=(*item.after, rng.choice(_after(item))))


def thinkprefix(item: Item, rng: Random, how: How) -> Item:
    """A cue to think step by step, before the question: the same for all items, another one in every draw.

    Draw 0 is the paper's own wording (arXiv 2509.01363).

    >>> thinkprefix(Item("story/0", Traits("story"), "How many are left?", "#### 4"), Random(3), How()).before
    ('Think step by step.',)
    """
    return replace(item, before=(*item.before, THINK_BEFORE[how.draw % len(THINK_BEFORE)]))


def thinksuffix(item: Item, rng: Random, how: How) -> Item:
    """A cue to think step by step, after the question: the same for all items, another one in every draw.

    >>> tiny = Traits("story", for_tiny_models=True)
    >>> thinksuffix(Item("tiny/0", tiny, "How many are left?", "#### 4"), Random(0), How()).after
    ("Let's think step by step.",)
    """
    wordings = _after(item)
    return replace(item, after=(*item.after, wordings[how.draw % len(wordings)]))


def _after(item: Item) -> tuple[str, ...]:
    return THINK_AFTER_TINY if item.traits.for_tiny_models else THINK_AFTER


def nothink(item: Item, rng: Random, how: How) -> Item:
    """A request to answer at once and explain nothing: after the question, before it for code.

    >>> nothink(Item("story/0", Traits("story"), "How many are left?", "#### 4"), Random(0), How()).after
    ('Skip the derivation and state the answer directly.',)
    """
    if item.is_code:
        return replace(item, before=(*item.before, rng.choice(NOTHINK_CODE)))
    return replace(item, after=(*item.after, rng.choice(NOTHINK)))


def rephrase(item: Item, rng: Random, how: How) -> Item:
    """Other words for what form the answer should have; the form stays. Tiny problems have none and get a few words.

    >>> item = Item("story/0", Traits("story"), "", "#### 4", instruction="End with a line that holds #### and then X.")
    >>> rephrase(item, Random(3), How()).instruction
    'Could you close with a line made of #### and then X?'
    """
    asked = _ASKED.fullmatch(item.instruction)
    if asked:
        words = rng.choice(REPHRASED).replace("{what}", asked["what"])
    elif item.instruction == _ASKED_CODE:
        words = rng.choice(REPHRASED_CODE)
    elif item.traits.for_tiny_models and not item.instruction:
        words = rng.choice(REPHRASED_TINY)
    else:
        return item.leave(_UNKNOWN)
    return replace(item, instruction=words)


def _not_after_code(traits: Traits) -> str:
    return "the model continues the stub, and nothing may follow it" if traits.kind == "code" else ""


def _not_unknown(traits: Traits) -> str:
    return "which words of the prompt are the instruction is not known" if traits.kind == "unknown" else ""


FAMILIES: tuple[Family, ...] = (
    Family(
        "think",
        "a cue to think step by step",
        think,
        rank=10,
        decides="cue",
        steps="asks",
        on_any_prompt=True,
        in_tiny_training=True,
    ),
    Family(
        "thinkprefix",
        "that cue, always before the question",
        thinkprefix,
        rank=11,
        decides="cue",
        steps="asks",
        variant_of="think",
        on_any_prompt=True,
    ),
    Family(
        "thinksuffix",
        "that cue, always after the question",
        thinksuffix,
        _not_after_code,
        rank=12,
        decides="cue",
        steps="asks",
        variant_of="think",
        on_any_prompt=True,
        in_tiny_training=True,
    ),
    Family(
        "nothink", "a request to answer at once", nothink, rank=20, decides="cue", steps="forbids", on_any_prompt=True
    ),
    Family("rephrase", "other words for the instruction", rephrase, _not_unknown, rank=30),
)
