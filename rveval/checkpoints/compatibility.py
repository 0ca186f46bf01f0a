"""The gate before any engine starts: do the donors of a vector fit the base? All mismatches in one report.

What is refused, because the sum would be arithmetic on things that mean something else: another architecture, config
fields that change what a tensor does, tensor names, shapes, another vocabulary, tying or start; a model where a
difference is needed. What only warns: fields that do not touch the weights' meaning, other dtypes on disk, a donor
without a tokenizer. Nothing is left out in silence: tensors outside the scope are listed in the report. NaN and
infinity are `assert_finite`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from rveval.checkpoints import architecture, lineage, vocabulary
from rveval.checkpoints.adapter import Adapter, trained_apart
from rveval.checkpoints.adapters import remarks
from rveval.checkpoints.checkpoint import ABSENT, EMBEDDING, HEAD, Checkpoint, head_and_embedding
from rveval.checkpoints.files import some
from rveval.checkpoints.fingerprints import content_hash
from rveval.checkpoints.headers import DELTA
from rveval.errors import Problem, Refused, nearest

FORCE = "; to see what happens all the same: force_incompatible=true"
_NAMES_COMPARED = 2000


class Scope(Protocol):
    """Which tensors the vector touches. No patterns mean none, and then the variant is the base."""

    @property
    def patterns(self) -> Sequence[str]: ...
    def selects(self, name: str) -> bool:
        """Whether a tensor is in scope."""

    def weights(self, names: Iterable[str]) -> Mapping[str, float]:
        """What the vector is multiplied by in each of the base's tensors; 0 keeps the base's bits."""


@dataclass
class Report:
    """What the gate found.

    Attributes:
        problems: each of them refuses the variant.
        warnings: to be shown and kept with the record.
        left_out: tensors that the vector does not touch: those of the base outside the scope, those of a donor that
            the base lacks and the scope leaves out, and those that are no weights.
        zero: by donor, the tensors in scope that a saved delta leaves out and that count as zero.
        forced: something did not fit and was asked to be added all the same.
    """

    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    left_out: tuple[str, ...] = ()
    zero: dict[str, tuple[str, ...]] = field(default_factory=dict)
    forced: bool = False

    def raise_if_refused(self) -> None:
        """Raise Refused with all problems, if there are any."""
        if self.problems:
            raise Refused(self.problems)


def check(base: Checkpoint, donors: Sequence[tuple[str, Checkpoint]], scope: Scope, *, forced: bool = False) -> Report:
    """Compare every donor with the base and collect all that does not fit.

    Args:
        base: the target of the vector.
        donors: (config key, checkpoint), the keys ending in `.plus` and `.minus`, such as `vector.terms[0].plus`;
            a plus without a minus of the same term is a difference.
        scope: which tensors the vector touches.
        forced: what does not fit becomes a warning, as long as some tensor fits; `report.forced` says so.
    """
    weights = scope.weights(base.names)
    names = {*base.names, *(name for _, donor in donors for name in donor.names)}
    inside = {name for name in names if (weights[name] if name in weights else scope.selects(name))}
    others = {name for checkpoint in (base, *(donor for _, donor in donors)) for name in checkpoint.not_weights}
    report = Report(left_out=tuple(sorted((names - inside) | others)))
    if not scope.patterns:
        return report
    tokens = _tokens(base, "model", report.problems)
    terms: dict[str, dict[str, Checkpoint]] = {}
    for label, donor in donors:
        term, _, side = label.rpartition(".")
        terms.setdefault(term, {})[side] = donor
    for label, donor in donors:
        alone = len(terms[label.rpartition(".")[0]]) == 1
        _Donor(base, label, donor, alone, inside, report).check(tokens)
    for term, sides in terms.items():
        if len(sides) == 2 and sides["plus"].identity == sides["minus"].identity:
            what = "plus and minus have the same weights, so this term is zero (the variant is the base)"
            report.warnings.append(Problem(what, f"{term}.plus"))
    if forced and report.problems:
        _force(base, [donor for _, donor in donors], inside, report)
    return report


def _force(base: Checkpoint, donors: Sequence[Checkpoint], inside: set[str], report: Report) -> None:
    """Turn problems into warnings, if anything is left that can be added."""
    selected = [name for name in base.names if name in inside]
    zero = {name for names in report.zero.values() for name in names}
    fits = {n for n in selected if all(n in donor and donor.shape(n) == base.shape(n) for donor in donors)}
    if not fits:
        what = "no tensor of the vector fits the base, so there is nothing to force"
        report.problems.append(Problem(what, "force_incompatible"))
        return
    left = [name for name in selected if name not in zero | fits]
    forced = [replace(problem, what=f"forced: {problem.what}", fix="") for problem in report.problems]
    if left:
        forced.append(Problem(f"forced: {len(left)} tensors that do not fit keep the base's bits: {grouped(left)}"))
    report.warnings = forced + report.warnings
    report.problems, report.forced = [], True
    report.left_out = tuple(sorted({*report.left_out, *left}))


@dataclass
class _Donor:
    """One donor beside the base. `alone`: it has no minus, so it must be a difference; `inside`: names in scope."""

    base: Checkpoint
    label: str
    donor: Checkpoint
    alone: bool
    inside: set[str]
    report: Report

    def __post_init__(self) -> None:
        self.where = f"{self.label} {self.donor.folder}"
        self.adapter = self.donor if isinstance(self.donor, Adapter) else None
        self.head_copy = self._head_copy()
        self.touches_rows = any(EMBEDDING.search(n) or HEAD.search(n) for n in self.base.names if n in self.inside)

    def check(self, tokens: vocabulary.Vocabulary | None) -> None:
        """All comparisons; `tokens` is the base's tokenizer."""
        if self.donor.config or not self.adapter:  # an adapter alone knows only what it changes
            self._config()
        self._names()
        self._shapes()
        if not self.adapter or self.adapter.rows or self.adapter.full:
            self._vocabulary(tokens)
        if self.adapter:
            self.report.warnings += [Problem(words, self.where) for words in remarks(self.adapter, self.base)]
        if self.alone and not self.adapter:
            self._difference()
        elif not self.alone:
            self._lineage()

    def _problem(self, what: str, expected: str = "", found: str = "", fix: str = "") -> None:
        self.report.problems.append(Problem(what, self.where, expected, found, fix))

    def _warn(self, what: str, expected: str = "", found: str = "") -> None:
        self.report.warnings.append(Problem(what, self.where, expected, found))

    def _config(self) -> None:
        difference = architecture.compare(self.base.config, self.donor.config)
        for name, (ours, theirs) in difference.serious.items():
            if name == "tie_word_embeddings" and self.head_copy:
                continue  # an untied copy of a tied model; _names says so
            about_rows = name in architecture.VOCABULARY and not self.touches_rows
            values = some([repr(ours)]), some([repr(theirs)])
            (self._warn if about_rows else self._problem)(f"{name} differs from the base's", *values)
        if difference.minor:
            fields = [f"{name}: {ours!r} against {theirs!r}" for name, (ours, theirs) in difference.minor.items()]
            self._warn(f"config fields differ that do not change what the weights mean: {some(fields, 99)}")
        if difference.unsaid:
            names = some(difference.unsaid, 99)
            self._warn(f"config fields that only one of base and donor gives, not compared: {names}")

    def _head_copy(self) -> str:
        """The donor's output head where it repeats the embedding and the base has none of its own; else nothing."""
        known = [name for name in self.donor.not_weights if HEAD.search(name) and name not in self.base]
        head, _ = head_and_embedding(self.donor.names)
        return known[0] if known else self.donor.head_copy if head and head not in self.base else ""

    def _names(self) -> None:
        missing = [name for name in self.base.names if name not in self.donor and name in self.inside]
        extra = [name for name in self.donor.names if name not in self.base and name in self.inside]
        if copy := self.head_copy:
            extra = [name for name in extra if name != copy]
            self.report.left_out = tuple(sorted({*self.report.left_out, copy}))
            self._warn(f"{copy} is a copy of the embedding, to which the base is tied; the copy is left out")
        elif self.adapter and (apart := trained_apart(self.adapter, self.base)):
            extra = [name for name in extra if not HEAD.search(name)]
            self._problem(apart, fix="train it with PEFT's ensure_weight_tying, or on an untied model")
        if self.donor.absent_is_zero and (self.adapter or self.alone) and missing:
            self.report.zero[self.label] = tuple(missing)
            if not self.adapter:
                what = f"{len(missing)} tensors are not in this delta and count as zero, as its metadata says"
                self._warn(what, found=grouped(missing))
            missing = []
        fix = "leave them out with vector.scope, or use a donor trained from this base"
        if self.adapter:
            fix += (
                f" (the adapter says that it was trained on {self.adapter.settings.base or 'no model that it names'})"
            )
        elif self.alone:
            fix += f'; if absent means zero, write {{"{ABSENT}": "zero"}} into the safetensors metadata'
        heads = any(HEAD.search(name) for name in (*missing, *extra))
        tying = "; one of the two ties its output head to the embedding and the other does not" if heads else ""
        near_extra = missing or (self.base.names if self.adapter else ())
        for names, near, what in ((missing, extra, "of the base missing here"), (extra, near_extra, "not in the base")):
            if names:
                here = f" (here instead: {some([nearest(names[0], near[:_NAMES_COMPARED])])})" if near else ""
                count = "1 tensor" if len(names) == 1 else f"{len(names)} tensors"
                self._problem(f"{count} {what}: {grouped(names)}{here}{tying}", fix=fix)

    def _shapes(self) -> None:
        common = [name for name in self.base.names if name in self.donor and name in self.inside]
        shapes: dict[tuple[tuple[int, ...], tuple[int, ...]], list[str]] = {}
        for name in common:
            ours, theirs = self.base.shape(name), self.donor.shape(name)
            if ours != theirs:
                shapes.setdefault((ours, theirs), []).append(name)
        for (ours, theirs), names in shapes.items():
            rows = ours[1:] == theirs[1:] and any(EMBEDDING.search(name) or HEAD.search(name) for name in names)
            what = "another number of vocabulary rows" if rows else "another shape"
            fix = "leave them out with vector.scope" if rows else ""
            if self.adapter:
                fix = (
                    f"the adapter says that it was trained on {self.adapter.settings.base or 'no model that it names'}"
                )
            self._problem(f"{what}: {grouped(names)}", str(list(ours)), str(list(theirs)), fix)
        types = Counter((self.base.dtype(name), self.donor.dtype(name)) for name in common)
        for (ours_type, theirs_type), count in sorted(types.items()):
            if ours_type != theirs_type and not self.adapter:  # whose tensors are computed
                self._warn(f"{count} tensors are stored in another type than the base's", ours_type, theirs_type)

    def _vocabulary(self, ours: vocabulary.Vocabulary | None) -> None:
        problems = self.report.problems if self.touches_rows else self.report.warnings
        theirs = _tokens(self.donor, self.label, problems)
        if ours is None or theirs is None:
            who = "the base" if ours is None else "this donor"
            self._warn(f"{who} has no readable tokenizer, so nobody can tell that equal rows mean equal tokens")
            return
        rows = min((self.base.shape(name)[0] for name in self.base.names if EMBEDDING.search(name)), default=0)
        serious, minor = vocabulary.differences(ours, theirs, rows)
        fix = "use a donor with the base's tokenizer, or leave embedding and output head out with vector.scope"
        problems += [Problem(f"another tokenizer: {words}", self.where, fix=fix) for words in serious]
        self.report.warnings += [Problem(words, self.where) for words in minor]

    def _difference(self) -> None:
        """Refuse a model that is given where a difference is needed."""
        minus = f"{self.label.removesuffix('plus')}minus"
        fix = f"name what it was trained from: {minus}={{path: FOLDER}}"
        if content_hash(self.donor.folder) == content_hash(self.base.folder):
            self._problem("this is the base itself, not a saved difference", fix=fix)
        elif not self.donor.is_difference:
            known = f"its safetensors metadata says so ({DELTA}, or {ABSENT}: zero)"
            self._problem(
                "a whole checkpoint, from which nothing is subtracted", f"a difference, where {known}", fix=fix
            )
        elif (cosine := lineage.cosine(self.base, self.donor)) > lineage.SAME_MODEL:
            what = "its metadata says that it is a difference, but it is a model: its weights are almost the base's"
            self._problem(what, f"a cosine of at most {lineage.SAME_MODEL:g}", f"{cosine:.2f}", fix)

    def _lineage(self) -> None:
        """Refuse donors of another initialisation; a difference alone can't be told."""
        if self.donor.is_difference:
            return
        model = self.adapter.on if self.adapter and self.adapter.on else self.donor
        cosine = lineage.cosine(self.base, model)
        if cosine < lineage.UNRELATED:
            what = "another initialisation: its weights have nothing in common with the base's"
            expected = f"a cosine of at least {lineage.UNRELATED:g} with the base's matrices"
            self._problem(what, expected, f"{cosine:.2f}", f"use donors that descend from the base's own start{FORCE}")


def _tokens(checkpoint: Checkpoint, label: str, problems: list[Problem]) -> vocabulary.Vocabulary | None:
    """The tokenizer of a checkpoint, refused if its ids go beyond the rows of the embedding; fewer ids are padding."""
    try:
        tokens = checkpoint.vocabulary
    except Refused as refused:
        problems.extend(refused.problems)
        return None
    for name in checkpoint.names if tokens else ():
        if tokens and EMBEDDING.search(name) and len(checkpoint.shape(name)) == 2:
            rows = checkpoint.shape(name)[0]
            if tokens.size > rows:
                what, where = f"the tokenizer has ids beyond the rows of {name}", f"{label} {checkpoint.folder}"
                problems.append(Problem(what, where, f"at least {tokens.size} rows", f"{rows}"))
    return tokens


def grouped(names: Iterable[str]) -> str:
    """All names in few words: layers and experts that differ only in their numbers are one group.

    >>> grouped(["a.0.w", "a.1.w", "b"])
    'a.*.w (2), b'
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(re.sub(r"(?<=\.)\d+(?=\.)", "*", name), []).append(name)
    return some((f"{pattern} ({len(group)})" if len(group) > 1 else group[0] for pattern, group in groups.items()), 40)
