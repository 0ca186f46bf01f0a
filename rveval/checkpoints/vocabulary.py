"""What the rows of an embedding mean: a tokenizer's tokens, ids and merges, read from its files and compared.

Two checkpoints may only be subtracted row by row where equal rows mean equal tokens. A saved delta carries no tokens
but the added ones, only what is left of the others in `summary`: enough to tell whether they are the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rveval.checkpoints import headers
from rveval.checkpoints.files import TOKENIZER_LIMIT, read_json, regular, some
from rveval.errors import Problem, Refused

_ROWS_LIMIT = 1 << 24
_SUMMARY = ("kind", "added", "rules", "core", "core_size", "handling")


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer's content.

    Args:
        kind: the format of its files; other kinds can't be compared.
        added: tokens that were added to the model's own, and their rows.
        rules: sha256 of how text is put together from tokens (merges; of other files than tokenizer.json all of them).
        core: sha256 of the model's own tokens and `rules`; must be equal.
        core_size: rows of the model's own tokens.
        handling: sha256 of how text is cut before that (normaliser, pre-tokeniser, token flags).
        ids: the model's own tokens, where they are known one by one.
    """

    kind: str
    added: Mapping[str, int]
    rules: str
    core: str
    core_size: int
    handling: str
    ids: Mapping[str, int]

    @property
    def size(self) -> int:
        """Rows that an embedding needs: the largest id and one."""
        return max(self.core_size - 1, *self.added.values(), -1) + 1

    @cached_property
    def rows(self) -> frozenset[int]:
        """The rows that have a token."""
        core = self.ids.values() if self.ids else range(self.core_size)
        return frozenset((*core, *self.added.values()))

    def summary(self) -> dict[str, Any]:
        """What a saved delta keeps of it; plain JSON."""
        return {name: getattr(self, name) for name in _SUMMARY} | {"added": dict(self.added)}


def read(folder: Path) -> Vocabulary | None:
    """The tokenizer of a checkpoint, from tokenizer.json, vocab.json with merges.txt, or tokenizer.model; else None.

    Only a tokenizer.json is read token by token, the others are hashed. Of a saved delta the summary in its metadata.

    Raises:
        Refused: the file is broken.
    """
    if headers.kind_of(folder) == "delta":
        summary = headers.origin(folder).get("tokenizer")
        return _checked(folder, lambda _: Vocabulary(**{**summary, "ids": {}})) if summary is not None else None
    for name, reader in (("tokenizer.json", _fast), ("vocab.json", _hashed), ("tokenizer.model", _hashed)):
        if (folder / name).exists():
            return _checked(folder / name, reader)
    return None


def differences(base: Vocabulary, donor: Vocabulary, rows: int) -> tuple[list[str], list[str]]:
    """What differs in meaning, and what does not touch the base's own tokens; sentences for a report.

    Args:
        base, donor: the tokenizers.
        rows: of the embedding. Tokens that only one of the two has are harmless in rows that the other has as padding.
    """
    if donor.kind != base.kind:
        return [], [f"tokenizers of different kinds ({base.kind}, {donor.kind}) were not compared"]
    detailed = bool(base.ids and donor.ids)
    ours, theirs = ({**one.ids, **one.added} if detailed else one.added for one in (base, donor))
    changed = sorted(token for token in ours.keys() | theirs.keys() if ours.get(token) != theirs.get(token))
    padding = set()
    for token in changed:
        row, other = (ours[token], donor) if token in ours else (theirs[token], base)
        if (token in ours) != (token in theirs) and row < rows and row not in other.rows:
            padding.add(token)
    serious, minor = [], []
    if base.core != donor.core and not detailed:
        serious.append("another vocabulary or other merges (only a hash of them is known, not which tokens differ)")
    if moved := [token for token in changed if token not in padding]:
        ids = some(f"{token!r}: {ours.get(token, 'none')} against {theirs.get(token, 'none')}" for token in moved)
        serious.append(f"{len(moved)} tokens have another id ({ids})")
    if detailed and base.rules != donor.rules:
        serious.append("other merges")
    if padding:
        ids = some(f"{token!r} in row {ours.get(token, theirs.get(token))}" for token in sorted(padding))
        minor.append(f"{len(padding)} tokens stand in rows that are padding for the other tokenizer: {ids}")
    if base.handling != donor.handling:
        minor.append("the tokenizers cut text differently (normaliser, pre-tokeniser or token flags)")
    return serious, minor


def _checked(file: Path, read: Callable[[Path], Vocabulary]) -> Vocabulary:
    try:
        vocabulary = read(file)
        tokens = [*vocabulary.ids.items(), *vocabulary.added.items()]
        if not all(isinstance(token, str) and type(row) is int and row >= 0 for token, row in tokens):
            raise ValueError("tokens must be text, and ids whole numbers")
        if type(vocabulary.core_size) is not int or (not vocabulary.ids and vocabulary.core_size > _ROWS_LIMIT):
            raise ValueError("no possible number of rows")
        return vocabulary
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        fix = "download the file again"
        raise Refused(Problem(f"the tokenizer cannot be read: {error!r}", str(file), fix=fix)) from error


def _fast(file: Path) -> Vocabulary:
    whole = read_json(file, TOKENIZER_LIMIT)
    model, tokens = whole["model"], whole.get("added_tokens") or []
    vocab = model["vocab"]
    # Unigram models list [token, score] and number them by place.
    ids = dict(vocab) if isinstance(vocab, dict) else {token: number for number, (token, _) in enumerate(vocab)}
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model.get("merges") or []]
    flags = sorted(json.dumps(token, sort_keys=True) for token in tokens)
    handling = [whole.get("normalizer"), whole.get("pre_tokenizer"), flags]
    added = {token["content"]: token["id"] for token in tokens}
    own = {token: row for token, row in added.items() if ids.get(token) != row}
    rules, kind = _digest(merges), f"tokenizers {model.get('type') or 'BPE'}"
    return Vocabulary(
        kind, own, rules, _digest([ids, rules]), max(ids.values(), default=-1) + 1, _digest(handling), ids
    )


def _hashed(file: Path) -> Vocabulary:
    """Only whether it is the same can be told."""
    files = [path for path in (file, file.parent / "merges.txt") if path.exists()]
    for path in files:
        regular(path, TOKENIZER_LIMIT)
    digest = _digest([hashlib.sha256(path.read_bytes()).hexdigest() for path in files])
    return Vocabulary(file.name, {}, digest, digest, 0, "", {})


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
