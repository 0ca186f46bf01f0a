"""What families of options share: where a text points at options, and that there are options at all."""

from __future__ import annotations

import re

from rveval.perturb.item import Item, Traits

NO_OPTIONS = "the right answer is none of the options"
POINTS = "the text points at an option by its place or label"


def why_not(traits: Traits) -> str:
    """For `why_not`: whether there are options that could move or be called otherwise."""
    return "" if traits.lettered else "it has no lettered options"


def names_label(item: Item) -> bool:
    """Whether the question or an option speaks of options by their labels: "(A)", "option B", "both A and C"."""
    label = f"(?:{'|'.join(map(re.escape, item.labels))})"
    named = re.compile(rf"\({label}\)|\b(?:[Oo]ption|[Cc]hoice|[Aa]nswer) {label}\b")
    several = re.compile(
        rf"\b(?:[Bb]oth|[Ee]ither|[Nn]either) {label} (?:and|or|nor) {label}\b|^{label} (?:and|or) {label}$"
    )
    return any(map(named.search, (item.question, *item.options))) or any(map(several.search, item.options))
