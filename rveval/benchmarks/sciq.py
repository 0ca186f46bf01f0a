"""SciQ: 1,000 science questions with four options, with their passages or without (Welbl et al., arXiv:1707.06209).

Upstream has the right answer always last; here the options stand in an order of the item's own.
"""

from __future__ import annotations

from random import Random

from rveval.benchmarks.benchmark import FORM, LETTER, LETTERS, Benchmark
from rveval.benchmarks.scores import Doc, Score, option_score
from rveval.benchmarks.source import Record, Source
from rveval.perturb import Item, Traits

_OPTIONS = ("distractor1", "distractor2", "distractor3", "correct_answer")
_FIELDS = ("question", "distractor3", "distractor1", "distractor2", "correct_answer", "support")
_OPEN = "sciq"


class _SciQ(Benchmark):
    def item(self, record: Record) -> Item:
        order = list(_OPTIONS)
        # The same order with and without the passage.
        Random(f"rveval:{record['item_id'].removeprefix(self.name)}").shuffle(order)
        return Item(
            item_id=record["item_id"],
            traits=self.traits,
            question=record["question"],
            answer=record["correct_answer"],
            options=tuple(record[field] for field in order),
            labels=LETTERS[:4],
            gold=order.index("correct_answer"),
            support=record["support"].strip() if self.name == _OPEN else "",
            instruction=FORM.format(what=LETTER),
        )

    def fields(self, record: Record, item: Item) -> Record:
        return {"question": item.question, "support": item.support or record["support"]}

    def score(self, doc: Doc, response: str) -> Score:
        return option_score(doc, response)

    def target(self, doc: Doc) -> str:
        return str(doc["labels"][doc["gold"]])


def _sciq(name: str) -> _SciQ:
    return _SciQ(
        name=name,
        source=Source(
            name=name,
            files={"test": "sciq/test.json", "validation": "sciq/valid.json", "train": "sciq/train.json"},
            counts={"test": 1000, "validation": 1000, "train": 11679},
            sha256={
                "test": "4c4c57540c83ec27e3c115261809dbddf6a0451eda3dada7f5c421a1d11e1066",
                "validation": "ae3aabe2d8cfbaaaa2f65829516a535d7431a95962097432899a64975fb95312",
                "train": "ad95a807ba8f355515b40d1abda996e5d7edbe778f79170c093fda5f3dfcc73f",
            },
            fields=_FIELDS,
            hub=("allenai/sciq", None),
        ),
        traits=Traits("science", lettered=True, worked_examples=False),  # demonstrations are a letter each
        reader="option",
        chance=0.25,
        same_questions_as="" if name == _OPEN else _OPEN,
    )


BENCHMARKS = [_sciq(_OPEN), _sciq(f"{_OPEN}_closed")]
