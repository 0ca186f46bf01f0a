"""From a plain tree of values to a typed dataclass, collecting everything that is wrong on the way.

Knows types, not the keys of rveval: the rules stand beside the fields in `schema`, as metadata made by `rule`.
Hydra and OmegaConf stop at the first wrong value; a user who mends one error a run gives up before the third.
"""

from __future__ import annotations

import difflib
import math
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from rveval.errors import Problem

BROKEN: Final[Any] = object()
"""Stands for a value that has already been reported, so that nothing else is said about it."""

UNFILLED: Final = "???"

Check = Callable[[Any], str]
"""What is wrong with a value of the right type, in words; empty where nothing is."""


def rule(expected: str, check: Check | None = None, lift: Callable[[Any], Any] | None = None) -> dict[str, Any]:
    """The metadata of a dataclass field that `Reader` reads.

    Args:
        expected: what a right value is, in words for the reader of an error.
        check: looks at a value of the right type.
        lift: brings a short form to the long one, before anything is looked at.
    """
    return {"expected": expected, "check": check, "lift": lift}


def must(holds: Callable[[Any], bool]) -> Check:
    """A check from a predicate, where the field's `expected` already says all there is to say."""
    return lambda value: "" if holds(value) else "out of range"


def nearest(word: str, known: Iterable[str]) -> str:
    """`did you mean 'x'? Known: ...` for a word that is none of the known ones.

    >>> nearest("smokee", ["gsm8k", "smoke"])
    "did you mean 'smoke'? Known: gsm8k, smoke"
    """
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    listed = f"Known: {', '.join(names)}" if names else "None is known here"
    return f"did you mean {close[0]!r}? {listed}" if close else listed


def shown(value: Any) -> str:
    """A value as an error shows it: `null` for None, cut where it is long."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


class Reader:
    """Reads trees into dataclasses; `problems` grows, nothing is raised."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def read(self, cls: type, tree: Any, where: str = "", note: str = "") -> Any:
        """A `cls`, or BROKEN.

        Args:
            cls: a dataclass whose fields carry a `rule`. A static method `spell_out`, if there is one, turns a
                short form (a string) into a mapping first; its ValueError becomes a problem.
            tree: what was found.
            where: the dotted path of the tree.
            note: what to fill in where a value is `???`; a tree's own key `note` comes first.
        """
        spell_out = getattr(cls, "spell_out", None)
        if spell_out is not None and isinstance(tree, str) and tree != UNFILLED:
            try:
                tree = spell_out(tree)
            except ValueError as error:
                return self._wrong(where, str(error), found=tree)
        if not isinstance(tree, Mapping):
            if tree == UNFILLED:
                return self._unfilled(where, note)
            return self._wrong(where, "has the wrong type", f"keys {', '.join(_known(cls))}", tree)
        own_note = tree.get("note")
        note = own_note if isinstance(own_note, str) and own_note != UNFILLED else note
        self._refuse_unknown(cls, tree, where)
        values = {one.name: self._field(cls, one, tree, where, note) for one in fields(cls)}
        return BROKEN if any(value is BROKEN for value in values.values()) else cls(**values)

    def _refuse_unknown(self, cls: type, tree: Mapping[Any, Any], where: str) -> None:
        for name in tree:
            if name not in _known(cls):
                self.problems.append(Problem("unknown key", _join(where, name), fix=nearest(str(name), _known(cls))))

    def _field(self, cls: type, one: Field[Any], tree: Mapping[Any, Any], where: str, note: str) -> Any:
        path, expected = _join(where, one.name), one.metadata["expected"]
        if one.name not in tree:
            if one.default is not MISSING:
                return one.default
            if one.default_factory is not MISSING:
                return one.default_factory()
            return self._wrong(path, "is missing", expected, None)
        lift, raw = one.metadata["lift"], tree[one.name]
        raw = raw if lift is None or raw is BROKEN or raw == UNFILLED else lift(raw)
        value = self._value(_hints(cls)[one.name], raw, path, expected, note)
        check = one.metadata["check"]
        if value is BROKEN or value is None or check is None:
            return value
        reason = check(value)
        return self._wrong(path, reason, expected, value) if reason else value

    def _value(self, hint: Any, raw: Any, where: str, expected: str, note: str) -> Any:
        if raw is BROKEN:
            return BROKEN
        if isinstance(raw, str) and raw == UNFILLED:
            return self._unfilled(where, note)
        choices = get_args(hint)
        if get_origin(hint) in (Union, types.UnionType):
            if raw is None and types.NoneType in choices:
                return None
            if set(choices) == {int, float}:
                return self._whole_or_not(raw, where, expected)
            hint = next(one for one in choices if one is not types.NoneType)
        if get_origin(hint) is Literal:
            return self._word(raw, get_args(hint), where)
        if is_dataclass(hint) and isinstance(hint, type):
            return self.read(hint, raw, where, note)
        if get_origin(hint) is list:
            return self._list(get_args(hint)[0], raw, where, expected, note)
        if get_origin(hint) is dict:
            return self._open_mapping(raw, where, expected)
        found = _scalar(hint, raw)
        return self._wrong(where, "has the wrong type", expected, raw) if found is BROKEN else found

    def _whole_or_not(self, raw: Any, where: str, expected: str) -> Any:
        """A number as it was written: 1 and 1.0 mean different things to a key of this type."""
        found = _scalar(int, raw) if isinstance(raw, int) else _scalar(float, raw)
        return self._wrong(where, "has the wrong type", expected, raw) if found is BROKEN else found

    def _word(self, raw: Any, words: Sequence[str], where: str) -> Any:
        if isinstance(raw, str) and raw in words:
            return raw
        fix = nearest(str(raw), words)
        return self._wrong(where, "is none of the words it may be", f"one of {', '.join(words)}", raw, fix)

    def _list(self, hint: Any, raw: Any, where: str, expected: str, note: str) -> Any:
        if not isinstance(raw, list):
            return self._wrong(where, "is not a list", expected, raw, f"write {where}=[a,b]")
        values = [self._value(hint, one, _join(where, index), expected, note) for index, one in enumerate(raw)]
        return BROKEN if any(value is BROKEN for value in values) else values

    def _open_mapping(self, raw: Any, where: str, expected: str) -> Any:
        if not isinstance(raw, Mapping):
            return self._wrong(where, "is not a mapping", expected, raw)
        bad = [path for path, value in _leaves(raw, where) if not _is_json(value)]
        for path in bad:
            self._wrong(path, "holds what JSON can't", expected, "a key or a value of another type")
        return BROKEN if bad else dict(raw)

    def _unfilled(self, where: str, note: str) -> Any:
        self.problems.append(Problem("is not filled in (???)", where, fix=note or f"write {where}=VALUE"))
        return BROKEN

    def _wrong(self, where: str, what: str, expected: str = "", found: Any = None, fix: str = "") -> Any:
        seen = shown(found) if expected or found is not None else ""
        self.problems.append(Problem(what, where or "config", expected, seen, fix))
        return BROKEN


def plain(node: Any, where: str, problems: list[Problem]) -> Any:
    """Plain containers of an OmegaConf tree; an interpolation that fails is a problem of its own key alone."""
    from omegaconf import DictConfig, ListConfig, OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    if not isinstance(node, (DictConfig, ListConfig)):
        return node
    if node._is_none() or node._is_missing():
        return None if node._is_none() else UNFILLED
    names: list[Any] = list(node.keys()) if isinstance(node, DictConfig) else list(range(len(node)))
    values = []
    for name in names:
        path = _join(where, name)
        try:
            value = UNFILLED if OmegaConf.is_missing(node, name) else plain(node[name], path, problems)
        except (OmegaConfBaseException, ValueError, TypeError) as error:
            problems.append(Problem("can't be resolved", path, fix=str(error).splitlines()[0] if str(error) else ""))
            value = BROKEN
        values.append(value)
    return dict(zip(names, values, strict=True)) if isinstance(node, DictConfig) else values


def _scalar(hint: Any, raw: Any) -> Any:
    # bool is an int to Python and never one to a reader of a config
    if hint is bool:
        return raw if isinstance(raw, bool) else BROKEN
    if hint is int:
        return raw if isinstance(raw, int) and not isinstance(raw, bool) else BROKEN
    if hint is float:
        return _number(raw)
    if isinstance(raw, int) and not isinstance(raw, bool):
        return str(raw)  # study=2024: the command line has no other way to say it without quotes in quotes
    return raw if isinstance(raw, str) else BROKEN


def _number(raw: Any) -> Any:
    if not isinstance(raw, (int, float)) or isinstance(raw, bool):
        return BROKEN
    try:
        value = float(raw)
    except OverflowError:
        return BROKEN
    return value if math.isfinite(value) else BROKEN


def _leaves(tree: Any, where: str) -> list[tuple[str, Any]]:
    if isinstance(tree, Mapping):
        bad_keys = [(_join(where, name), BROKEN) for name in tree if not isinstance(name, str)]
        return bad_keys + [leaf for name, value in tree.items() for leaf in _leaves(value, _join(where, name))]
    if isinstance(tree, list):
        return [leaf for index, value in enumerate(tree) for leaf in _leaves(value, _join(where, index))]
    return [(where, tree)]


def _is_json(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return (value is None or isinstance(value, (str, int))) and value != UNFILLED


def _join(where: str, name: object) -> str:
    return f"{where}.{name}" if where else str(name)


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


@cache
def _known(cls: type) -> tuple[str, ...]:
    return tuple(one.name for one in fields(cls))
