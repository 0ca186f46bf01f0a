"""Word lists and banks of sentences: YAML files beside the families, for people to read and to extend."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import yaml


@cache
def load(name: str) -> dict[str, Any]:
    """What `name.yaml` in this package holds: lists of sentences, and word lists as text for `words`."""
    text = resources.files(__package__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    return dict(yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def words(listing: str) -> tuple[str, ...]:
    """A list of words as it reads best: in lines."""
    return tuple(listing.split())
