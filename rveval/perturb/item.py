"""What a family changes: one item of a benchmark, taken apart into the pieces of its prompt."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Item:
    """One item as it will be asked. Every text is without the blanks and line breaks that the layout puts around it.

    Args:
        item_id: stays the same under every family; pairing is equality of ids.
        source: the item's benchmark, with BBH's subtask: "gsm8k", "humaneval", "sciq", "bbh_word_sorting".
        question: the problem itself: GSM8K's question, BBH's input without its options, HumanEval's stub.
        answer: the right answer as upstream has it: a worked answer that ends in "#### 42", the right option's text, a
            BBH target, a canonical solution.
        options: texts of the options in the order shown; empty where there are none that can be moved.
        labels: what each option is called, in the order shown ("A", "B", ...).
        gold: position of the right option; None where there are no options.
        option_form: how an option is written, with the fields `label` and `text`.
        support: SciQ's passage, shown before the question; "" for none.
        entry_point: HumanEval's function name.
        test: HumanEval's tests, which define `check(candidate)`.
        description: what the task is, in a sentence (BBH); "" for none.
        instruction: what form the answer should have; "" for none.
        before: paragraphs before everything else.
        after: lines between the instruction and where the answer begins. Always empty for code, where the model
            continues the stub and nothing may follow it.
        left_alone: why families left this item or a part of it as it was.
    """

    item_id: str
    source: str
    question: str
    answer: str
    options: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    gold: int | None = None
    option_form: str = "{label}. {text}"
    support: str = ""
    entry_point: str = ""
    test: str = ""
    description: str = ""
    instruction: str = ""
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    left_alone: tuple[str, ...] = ()

    @property
    def benchmark(self) -> str:
        """The benchmark without a subtask: "bbh" for "bbh_word_sorting"."""
        return "bbh" if self.source.startswith("bbh_") else self.source

    @property
    def subtask(self) -> str:
        """BBH's subtask, "" elsewhere."""
        return self.source.removeprefix("bbh_") if self.benchmark == "bbh" else ""

    @property
    def is_code(self) -> bool:
        return self.benchmark == "humaneval"

    @property
    def is_tiny(self) -> bool:
        return self.benchmark.startswith("tiny_")

    def leave(self, why: str) -> Item:
        """The item as it is, with the reason in its record."""
        return replace(self, left_alone=(*self.left_alone, why))


@dataclass(frozen=True, slots=True)
class How:
    """What a family may be told beside the item and the generator.

    Args:
        draw: which realisation this is; families that enumerate (every rotation, every slot) go by it.
        strength: in (0, 1], None for the family's own default.
    """

    draw: int = 0
    strength: float | None = None
