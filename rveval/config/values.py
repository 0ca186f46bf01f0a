"""What a value of the config may be: types that pydantic checks, with the words for what only we check.

Strict: a bool is no number and neither is "1". Only text takes a whole number (`study=2024`), which a command line
can't say as text without quotes within quotes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

HUB_AT_REVISION = re.compile(r"(?P<path>[\w-][\w.-]*/[\w.-]+)@(?P<revision>[^@\s]+)")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def _must(holds: Callable[[Any], bool], otherwise: str) -> AfterValidator:
    def checked(value: Any) -> Any:
        if not holds(value):
            raise ValueError(otherwise)
        return value

    return AfterValidator(checked)


def _path(value: str) -> str:
    if value.startswith("~"):
        raise ValueError("starts with `~`, which no shell has expanded here: write the whole path")
    if HUB_AT_REVISION.fullmatch(value):
        raise ValueError("holds a revision: that is the key `revision`")
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is not a regular expression ({error})") from error
    return value


def _layers(value: list[Any]) -> list[int | float]:
    if any(type(number) not in (int, float) for number in value):
        raise ValueError("holds something else than whole numbers or fractions of depth")
    if len(value) != 2:
        raise ValueError(f"has {len(value)} numbers and not two")
    start, stop = value
    if start < 0:
        raise ValueError("starts before the first layer")
    if start >= stop:
        raise ValueError("holds no layer: it ends where it starts, or before (the layer at the end is not in it)")
    if any(isinstance(number, float) for number in value) and stop > 1:
        raise ValueError("goes beyond the whole depth, which is 1.0 in fractions")
    return value


def _is_json(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(name, str) and _is_json(inner) for name, inner in value.items())
    if isinstance(value, list):
        return all(map(_is_json, value))
    return math.isfinite(value) if isinstance(value, float) else value is None or isinstance(value, (str, int))


def _json_mapping(value: Any) -> Any:
    if not isinstance(value, dict) or not _is_json(value):
        raise ValueError("is no mapping that JSON can hold")
    return value


def _is_unicode(value: str) -> bool:
    return value.encode("utf-8", "replace") == value.encode("utf-8", "ignore")


def _named(entry: Any) -> Any:
    """A transform's name alone is a transform without parameters of its own."""
    return {"name": entry} if isinstance(entry, str) else entry


def _as_list(value: Any) -> Any:
    """One entry is a list of one; null, and the word none, are no entry at all."""
    if value is None or value == "none":
        return []
    return value if isinstance(value, list) else [value]


def _is_transform(entry: dict[str, Any]) -> bool:
    plain = all(not isinstance(value, (dict, list)) for value in entry.values())
    return plain and _is_json(entry) and isinstance(entry.get("name"), str)


_AS_TEXT = BeforeValidator(lambda value: str(value) if type(value) is int else value)
_NOT_EMPTY = _must(lambda value: bool(value.strip()), "is empty")
_PRINTABLE = _must(lambda value: value.isprintable(), "holds control characters")
_ONCE = _must(lambda values: len(set(values)) == len(values), "names something twice")
_A_NAME = "no name usable as a file name: letters, digits, `.`, `_`, `-`; it starts with a letter or digit"

Flag = Annotated[bool, Field(strict=True)]
Count = Annotated[int, Field(strict=True, ge=1)]
Natural = Annotated[int, Field(strict=True, ge=0)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)]
Positive = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0)]
Share = Annotated[float, Field(strict=True, gt=0, le=1)]
Fraction = Annotated[float, Field(strict=True, gt=0, lt=1)]
BelowOne = Annotated[float, Field(strict=True, ge=0, lt=1)]
Text = Annotated[str, Field(strict=True), _NOT_EMPTY, _PRINTABLE, _AS_TEXT]
Lines = Annotated[str, Field(strict=True), _must(_is_unicode, "is no Unicode"), _AS_TEXT]
Name = Annotated[
    str,
    Field(strict=True),
    _must(_FILE_NAME.fullmatch, f"is {_A_NAME}"),
    _AS_TEXT,
]
Place = Annotated[
    str,
    Field(strict=True),
    _NOT_EMPTY,
    _PRINTABLE,
    AfterValidator(_path),
    _AS_TEXT,
]
Pattern = Annotated[str, Field(strict=True), AfterValidator(_pattern)]
Words = Annotated[list[Text], _ONCE]
SomeWords = Annotated[list[Text], Field(min_length=1), _ONCE]
Layers = Annotated[list[Any], AfterValidator(_layers)]
JsonMapping = Annotated[dict[str, Any], BeforeValidator(_json_mapping)]
Transform = Annotated[
    dict[str, Any],
    _must(_is_transform, "is no transform: its name, or a mapping of its name and its parameters"),
    BeforeValidator(_named),
]
Transforms = Annotated[list[Transform], BeforeValidator(_as_list)]
