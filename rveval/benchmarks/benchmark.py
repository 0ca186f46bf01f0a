"""What a benchmark is: where its items come from, how they are asked, and how responses are scored.

Each benchmark is one object in one file of this package, named in that file's `BENCHMARKS`; `register` finds them all.
The layout of the prompt stands in the task's YAML, which any reader of a score can look at: a document keeps every
upstream field, what a family changed is changed in the field it came from, and the pieces of the prompt that upstream
has no field for have names that begin with `rv_`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version as installed_version
from typing import Any, Self

from rveval import perturb
from rveval.benchmarks import task_files
from rveval.benchmarks.scores import READERS, Doc, Score
from rveval.benchmarks.source import Content, Record, Source
from rveval.errors import Problem, Refused
from rveval.perturb import Item, Traits

LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
FORM = "End with a line that holds #### and then {what}."
"""The instruction at the end of a prompt."""
LETTER = "the letter of the right option"
_NOT_ASKED = frozenset(
    ("task", "tag", "group", "metadata", "process_results", "filter_list", "metric_list", "should_decontaminate")
)
"""What a task's YAML says that can change no answer."""


@dataclass(frozen=True)
class Asking:
    """How the items of a split are asked: what a task's metadata say, the keys without `rv_`."""

    families: str = perturb.CLEAN
    seed: int = 0
    draw: int = 0
    strength: float | None = None
    sandbox: str = "bwrap"

    @classmethod
    def of(cls, metadata: Mapping[str, Any]) -> Self:
        """From `rv_families`, `rv_seed`, `rv_draw`, `rv_strength`, `rv_sandbox`; other keys are not ours.

        Raises:
            Refused: `rv_families` is no text.
        """
        families = metadata.get("rv_families") or perturb.CLEAN
        if not isinstance(families, str):
            problem = Problem("not the name of a family", "rv_families", "text such as typos+hint", repr(families))
            raise Refused(problem)
        seed, draw = int(metadata.get("rv_seed", 0)), int(metadata.get("rv_draw", 0))
        return cls(families, seed, draw, metadata.get("rv_strength"), str(metadata.get("rv_sandbox", "bwrap")))


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A benchmark; its own file says how a record becomes an item and how a response is scored.

    Args:
        name: as in the task's name, `rv_<name>`.
        source: where its records are.
        traits: what families may know of its prompts.
        reader: which reader of `rveval.answers` reads its responses, a key of `scores.READERS`.
        version: of its scorer; raised by its author when a stored answer would be scored otherwise.
        uses_lm_eval: whether filters or metrics of lm-eval's have a part in its scores.
        group: the group that it is a subtask of; "" for none.
        chance: the accuracy of guessing, in [0, 1].
        same_questions_as: the benchmark whose questions it asks in another way; their ids differ by the name only.
    """

    name: str
    source: Source
    traits: Traits
    reader: str
    version: int = 1
    uses_lm_eval: bool = False
    group: str = ""
    chance: float = 0.0
    same_questions_as: str = ""

    @property
    def task(self) -> str:
        """Its clean task."""
        return f"rv_{self.name}"

    @property
    def record_name(self) -> str:
        """What records call it: subtasks bear their group's name."""
        return self.group or self.name

    @property
    def takes_families(self) -> bool:
        """Whether its prompts are ours, so that families may change them."""
        return self.traits.fixed != "prompt"

    @property
    def reads_code(self) -> bool:
        """Whether its responses are programs, which are run."""
        return self.traits.kind == "code"

    # --- items

    @property
    def id_prefix(self) -> str:
        """What the ids of its test items begin with."""
        return self.name

    @property
    def splits(self) -> list[str]:
        """Its splits, the one that is asked first."""
        return list(self.source.files)

    def content(self, split: str) -> Content:
        """The records of a split.

        Raises:
            Refused: a file that is missing, cut or changed, or a hub that can't be reached.
        """
        return self.source.content(split)

    def added(self) -> Record:
        """Fields that every record gets beside those published; they count in the hash of the data."""
        return {}

    def load(self, split: str = "test") -> list[Record]:
        """All records of a split, in the published order, with their `item_id`; the caller's own.

        Raises:
            Refused: no such split, or as `content`.
        """
        prefix = self.id_prefix if split == "test" else f"{self.id_prefix}/{split}"
        added = self.added()
        records = self._content(split).records
        return [{**record, "item_id": f"{prefix}/{place}", **added} for place, record in enumerate(records)]

    def data_hash(self, split: str = "test") -> str:
        """sha256 over a split's records as canonical JSON; the same from the hub as from a folder."""
        digest = self._content(split).sha256
        for text in self.added().values():
            digest = hashlib.sha256(f"{digest}\n{text}".encode()).hexdigest()
        return digest

    def _content(self, split: str) -> Content:
        if split not in self.splits:
            expected = f"one of {', '.join(sorted(self.splits))}"
            raise Refused(Problem("no such split", where=self.name, expected=expected, found=split))
        return self.content(split)

    # --- prompts

    def item(self, record: Record) -> Item:
        """The clean item of a record: how it is asked when no family has touched it."""
        raise NotImplementedError

    def fields(self, record: Record, item: Item) -> Record:
        """The upstream fields that a family may have changed."""
        raise NotImplementedError

    def documents(self, split: str, asking: Asking, limit: int | None = None) -> list[dict[str, Any]]:
        """The documents of a split, the first ones with `limit`; families touch the test split only.

        Raises:
            Refused: the split can't be loaded, or a family does not apply.
        """
        if split != "test":
            asking = replace(asking, families=perturb.CLEAN, strength=None)
        records = self.load(split)[:limit]
        clean = [self.item(record) for record in records]
        how: dict[str, Any] = {"seed": asking.seed, "draw": asking.draw, "strength": asking.strength}
        asked = perturb.perturb(clean, asking.families, **how)
        return [self.document(*parts, asking) for parts in zip(records, clean, asked, strict=True)]

    def document(self, record: Record, clean: Item, asked: Item, asking: Asking) -> dict[str, Any]:
        """The document that lm-eval gets for an item: `clean` as no family has touched it, `asked` as it is asked."""
        tiny = asked.traits.for_tiny_models
        pieces = {
            "rv_source": self.name,
            "rv_families": asking.families,
            "rv_draw": asking.draw,
            "rv_before": "".join(f"{paragraph}\n\n" for paragraph in asked.before),
            "rv_description": asked.description,
            "rv_instruction": f" {asked.instruction}" if tiny and asked.instruction else asked.instruction,
            "rv_after": "".join(f"{' ' if tiny else chr(10)}{line}" for line in asked.after),
            "rv_left_alone": "; ".join(dict.fromkeys(asked.left_alone)),
            "rv_changed": replace(asked, left_alone=()) != replace(clean, left_alone=()),
        }
        return {**record, **self.fields(record, asked), **pieces, **_option_fields(asked)}

    def task_yaml(self) -> dict[str, Any]:
        """What its task's YAML says, includes merged; functions are left as their names."""
        return task_files.read(self.name)

    def task_config(self) -> dict[str, Any]:
        """What its task's YAML says, as lm-eval reads it, functions resolved."""
        return task_files.config(self.name)

    # --- scores

    def run_code(self, docs: Sequence[Doc], responses: Sequence[str]) -> None:
        """Run what the responses come to, where they are programs, all at once; `score` then finds how each ended."""

    def score(self, doc: Doc, response: str) -> Score:
        """Score one response to one document."""
        raise NotImplementedError

    def target(self, doc: Doc) -> str:
        """The right answer in the spelling that `score` compares with; for code its own solution."""
        raise NotImplementedError

    # --- what is said of it

    def asked_yaml(self) -> dict[str, Any]:
        """What its task's YAML says that can change an answer: the prompt, demonstrations, decoding."""
        return {key: value for key, value in self.task_yaml().items() if key not in _NOT_ASKED}

    def asking_hash(self, split: str = "test") -> str:
        """sha256 over all that can change an answer and is the benchmark's: its clean documents, and `asked_yaml`."""
        key = (self.name, split, self.data_hash(split))
        if key not in _documents_sha256:  # once a process: a plan asks for every cell
            documents = json.dumps(self.documents(split, Asking()), sort_keys=True)
            _documents_sha256[key] = hashlib.sha256(documents.encode()).hexdigest()
        text = json.dumps([_documents_sha256[key], self.asked_yaml()], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def scored_by(self) -> dict[str, Any]:
        """What reads and scores its responses, each with its version."""
        parts = {"reader": self.reader, "reader_version": READERS[self.reader]} if self.reader else {}
        lm_eval = {"lm_eval": installed_version("lm_eval")} if self.uses_lm_eval else {}
        return {**parts, "scorer": self.name, "scorer_version": self.version, **lm_eval}

    def outside_training(self, families: str) -> list[str]:
        """Those of the families that the models it is for never saw in training; none where that is not known."""
        unseen = [name for name in perturb.names(families) if not perturb.FAMILIES[name].in_tiny_training]
        return unseen if self.traits.for_tiny_models else []

    def remarks(self, families: str) -> list[str]:
        """What a reader of its numbers under these families must know."""
        unseen = ", ".join(self.outside_training(families))
        return [f"the tiny models never saw {unseen}: outside their training, not a finding"] if unseen else []


_documents_sha256: dict[tuple[str, str, str], str] = {}


def block(item: Item, between: str = "\n") -> str:
    """An item's options as they are shown."""
    pairs = zip(item.labels, item.options, strict=True)
    return between.join(item.option_form.replace("{label}", label).replace("{text}", text) for label, text in pairs)


def _option_fields(item: Item) -> Record:
    if item.gold is None:
        # Documents of one task share their fields: an item of a lettered task that has no options says so.
        return {"options": [], "labels": [], "gold": -1, "rv_options": ""} if item.traits.lettered else {}
    shown = block(item, " " if item.traits.for_tiny_models else "\n")
    return {"options": list(item.options), "labels": list(item.labels), "gold": item.gold, "rv_options": shown}
