"""What the rows of an embedding mean: a tokenizer's tokens, ids and merges, read from its files and compared.

Two checkpoints may only be subtracted row by row where equal rows mean equal tokens. A saved delta carries no tokens,
only what is left of them in `summary`: enough to tell whether they are the same, not which differ.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rveval.checkpoints import headers
from rveval.checkpoints.headers import some
from rveval.errors import Problem, Refused


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer's content: what must be equal (`kind`, `ids`, `merges`), and how text is cut (`handling`).

    Of a summary `ids` and `merges` are empty, and `known` holds what it says instead.
    """

    file: Path
    kind: str
    ids: Mapping[str, int]
    merges: tuple[str, ...]
    handling: str
    known: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Rows that an embedding needs: the largest id and one."""
        return int(self.known["size"]) if self.known else max(self.ids.values(), default=-1) + 1

    @property
    def digest(self) -> str:
        """A sha256 of what must be equal."""
        return str(self.known["digest"]) if self.known else _digest([self.kind, self.ids, self.merges])

    def summary(self) -> dict[str, Any]:
        """What a saved delta keeps of it; plain JSON."""
        return {"kind": self.kind, "size": self.size, "digest": self.digest, "handling": self.handling}


def read(folder: Path) -> Vocabulary | None:
    """The tokenizer of a checkpoint, from tokenizer.json, vocab.json with merges.txt, or tokenizer.model; else None.

    Of a saved delta the summary in its metadata.

    A tokenizer.model (SentencePiece) is only known by its sha256: its `merges` is that, its `ids` are empty.

    Raises:
        Refused: the file is broken.
    """
    if headers.kind_of(folder) == "delta":
        said = headers.origin(folder).get("tokenizer")
        return None if said is None else _summary(folder, said)
    for name, reader in (("tokenizer.json", _fast), ("vocab.json", _slow), ("tokenizer.model", _sentencepiece)):
        file = folder / name
        if file.is_file():
            try:
                return reader(file)
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                fix = "download the file again"
                raise Refused(Problem(f"the tokenizer cannot be read: {error!r}", str(file), fix=fix)) from error
    return None


def differences(base: Vocabulary, donor: Vocabulary) -> tuple[list[str], list[str]]:
    """What differs in meaning, and what differs only in how text is cut into tokens; sentences for a report."""
    if donor.kind != base.kind:
        return [], [f"tokenizers of different kinds ({base.kind}, {donor.kind}) were not compared"]
    if base.known or donor.known:
        other = "another vocabulary or other merges (a saved delta knows a hash of them, not which tokens differ)"
        serious = [other] if base.digest != donor.digest else []
    else:
        serious = _tokens(base, donor)
    minor = ["the tokenizers cut text differently (normaliser, pre-tokeniser or token flags)"]
    return serious, minor if base.handling != donor.handling else []


def _tokens(base: Vocabulary, donor: Vocabulary) -> list[str]:
    serious = []
    changed = sorted(t for t in base.ids.keys() | donor.ids.keys() if base.ids.get(t) != donor.ids.get(t))
    if changed:
        rows = [f"{token!r}: {base.ids.get(token, 'none')} against {donor.ids.get(token, 'none')}" for token in changed]
        serious.append(f"{len(changed)} tokens have another id ({some(rows)})")
    if base.merges != donor.merges:
        lengths = f"{len(base.merges)} against {len(donor.merges)}"
        serious.append("another SentencePiece model" if base.kind == "spm" else f"other merges ({lengths})")
    return serious


def _summary(file: Path, said: Mapping[str, Any]) -> Vocabulary:
    try:
        known = {"size": int(said["size"]), "digest": str(said["digest"])}
        return Vocabulary(file, str(said["kind"]), {}, (), str(said["handling"]), known)
    except (KeyError, TypeError, ValueError) as error:
        what = f"what the saved delta says of its tokenizer is broken: {error!r}"
        raise Refused(Problem(what, str(file), fix="save the delta again")) from error


def _fast(file: Path) -> Vocabulary:
    whole = json.loads(file.read_text(encoding="utf-8"))
    model = whole["model"]
    vocab = model["vocab"]
    # Unigram models list [token, score] and number them by place.
    ids = dict(vocab) if isinstance(vocab, dict) else {token: number for number, (token, _) in enumerate(vocab)}
    added = whole.get("added_tokens") or []
    ids |= {token["content"]: token["id"] for token in added}
    merges = tuple(merge if isinstance(merge, str) else " ".join(merge) for merge in model.get("merges") or [])
    flags = sorted(json.dumps(token, sort_keys=True) for token in added)
    handling = _digest([whole.get("normalizer"), whole.get("pre_tokenizer"), flags])
    return Vocabulary(file, f"tokenizers {model.get('type') or 'BPE'}", ids, merges, handling)


def _slow(file: Path) -> Vocabulary:
    ids = dict(json.loads(file.read_text(encoding="utf-8")))
    lines = (file.parent / "merges.txt").read_text(encoding="utf-8").splitlines()
    config = file.parent / "tokenizer_config.json"
    added = json.loads(config.read_text(encoding="utf-8")).get("added_tokens_decoder", {}) if config.is_file() else {}
    ids |= {token["content"]: int(number) for number, token in added.items()}
    merges = tuple(line for line in lines if line and not line.startswith("#version"))
    return Vocabulary(file, "vocab and merges", ids, merges, _digest(added))


def _sentencepiece(file: Path) -> Vocabulary:
    return Vocabulary(file, "spm", {}, (hashlib.sha256(file.read_bytes()).hexdigest(),), "")


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
