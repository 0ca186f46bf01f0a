"""The tiny family's benchmarks, packaged with rveval: word problems, options, order and long word problems.

The tiny models are trained to end in `####` and the number, so nothing asks them for it. Options are answered by value.
The generator is seeded: a file that differs is another benchmark, whose scores can't be compared with the model cards'.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rveval import answers
from rveval.benchmarks.benchmark import LETTERS, Benchmark
from rveval.benchmarks.scores import Doc, Score, number_score
from rveval.benchmarks.source import Record, Source
from rveval.perturb import Item, Traits

_DATA = Path(__file__).parent.parent / "tiny" / "data"
_COUNTS = {"test": 1000, "validation": 600, "train": 300}
_SHA256 = {
    "tiny_math": {
        "test": "99096f086bdd7021c9fd29dac9fd3b73399eb176d4a52cb3b62c7bca0f754cb4",
        "validation": "3615fbb52bd2347ca17fa849fb1ffb62cd9fa3056c31b6f8e540d5b066b2da3a",
        "train": "2807da6783168312c3bd767b8dc1100a844469cc23681400f2badddc28f1db68",
    },
    "tiny_choice": {
        "test": "68d97af96d1ed4d8a0a970b925604ce7c9e072c16c68a60e6b7080f888c0698e",
        "validation": "a55108fcae7dbf5a22bdeb5281452a75dd4468f9e12738b3adc436cba100232c",
        "train": "2231558148e474bbee9d08e8923b2a9dde1fc392eacb6b1260a8104eefa41ade",
    },
    "tiny_order": {
        "test": "6f58158d473cdffc6cb83bc140762e9245df141bc99a4ee2e33dd4cbfb320757",
        "validation": "7804f1f43dc9e39fdc212f3b2589328d3da655d89bc1c603f8c6b437fb9f9f32",
        "train": "c193ee7ba2ae50693a3288d287203ca18ea2a080d82d099abb215ab02b1e8849",
    },
    "tiny_long": {
        "test": "ce5aac7d5c2a3bc7d5dd096dbf8d58b6b68bb0aaa11c5c4e274eb215b825d783",
        "validation": "713e02e44551da25114077a47c5ccef975125987f8f55db792373bfdc2c0939f",
        "train": "e033c65983151eac3df7483649b6becf7666cb1ea62b9c160a4072c1b8ac3176",
    },
}


class _Tiny(Benchmark):
    def item(self, record: Record) -> Item:
        item = Item(record["item_id"], self.traits, record["question"], record["answer"])
        if "options" not in record:
            return item
        options = tuple(record["options"])
        labels = LETTERS[: len(options)]
        return replace(item, options=options, labels=labels, gold=record["gold"], option_form="{label}) {text}")

    def fields(self, record: Record, item: Item) -> Record:
        return {"question": item.question, "answer": item.answer}

    def score(self, doc: Doc, response: str) -> Score:
        return number_score(self.target(doc), response)

    def target(self, doc: Doc) -> str:
        return answers.gold_number(doc["answer"])


_STORY = Traits("story", for_tiny_models=True)


def _tiny(name: str, traits: Traits = _STORY, chance: float = 0.0) -> _Tiny:
    source = Source(
        name=name,
        files={split: f"{name}/{split}.jsonl" for split in _COUNTS},
        counts=_COUNTS,
        sha256=_SHA256[name],
        fields=("id", "question", "answer"),
        packaged=_DATA,
    )
    return _Tiny(name=name, source=source, traits=traits, reader="number", chance=chance)


BENCHMARKS = [
    _tiny("tiny_math"),
    _tiny("tiny_choice", replace(_STORY, lettered=True), chance=0.25),
    _tiny("tiny_order", replace(_STORY, kind="order")),
    _tiny("tiny_long"),
]
