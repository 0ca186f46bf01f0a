"""What a value of the config may be, in words and as checks; used by the sections beside this file."""

from __future__ import annotations

import re

from rveval.config.problems import must, shown

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
HUB_AT_REVISION = re.compile(r"(?P<path>[\w-][\w.-]*/[\w.-]+)@(?P<revision>[^@\s]+)")
A_NAME = "a name usable as a file name: letters, digits, `.`, `_`, `-`; it starts with a letter or digit"
A_PATH = "a hub id (org/name), a folder, or tiny:NAME"
A_COUNT = "a whole number, at least 1"
A_COUNT_OR_NULL = "a whole number, at least 1, or null"
A_SEED = "a whole number, at least 0"


def file_name(value: str) -> str:
    return "" if NAME.fullmatch(value) else "can't be used as a file name"


def text(value: str) -> str:
    if not value.strip():
        return "is empty"
    return "" if value.isprintable() else "holds control characters"


def unicode(value: str) -> str:
    return (
        ""
        if value.isascii() or value.encode("utf-8", "replace") == value.encode("utf-8", "ignore")
        else "is no Unicode"
    )


def path(value: str) -> str:
    if value.startswith("~"):
        return "starts with `~`, which no shell has expanded here: write the whole path"
    return "holds a revision: that is the key `revision`" if HUB_AT_REVISION.fullmatch(value) else text(value)


def all_text(values: list[str]) -> str:
    if len(set(values)) < len(values):
        return "names something twice"
    return next((f"holds {shown(value)}, which {text(value)}" for value in values if text(value)), "")


def tasks(values: list[str]) -> str:
    return all_text(values) if values else "is empty: there is nothing to evaluate"


def families(values: list[str]) -> str:
    return all_text(values) if values else "is empty: name clean, or a family"


def regexes(values: list[str]) -> str:
    for value in values:
        try:
            re.compile(value)
        except (re.error, OverflowError, RecursionError) as error:
            return f"{shown(value)} is not a regular expression ({error})"
    return ""


at_least_1 = must(lambda value: value >= 1)
at_least_0 = must(lambda value: value >= 0)
positive = must(lambda value: value > 0)
share = must(lambda value: 0 < value <= 1)
small = must(lambda value: 0 < value < 1)


def once(values: list[str]) -> str:
    return "names something twice" if len(set(values)) < len(values) else ""


def not_empty(values: list[float]) -> str:
    return "" if values else "is empty"


def layers(values: list[int | float]) -> str:
    """`[from, to)`: whole numbers, or fractions of depth where one of the two is written with a point."""
    if len(values) != 2:
        return f"has {len(values)} numbers and not two"
    start, stop = values
    if start < 0:
        return "starts before the first layer"
    if start >= stop:
        return "holds no layer: it ends where it starts, or before (the layer at the end is not in it)"
    fractions = any(isinstance(value, float) for value in values)
    return "goes beyond the whole depth, which is 1.0 in fractions" if fractions and stop > 1 else ""
