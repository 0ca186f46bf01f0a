"""The gate before any engine starts: do the donors of a vector fit the base? All mismatches in one report.

What is refused, because the sum would be arithmetic on things that mean something else: another architecture, config
fields that change what a tensor does, tensor names, shapes, another vocabulary, tying or start. What only warns: fields
that do not touch the weights' meaning, other dtypes on disk, a donor without a tokenizer. Nothing is left out in
silence: tensors outside the scope are listed in the report. NaN and infinity are `checkpoints.assert_finite`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from rveval.checkpoints import ABSENT, Checkpoint, architecture, content_hash, lineage, nearest, vocabulary
from rveval.checkpoints.adapters import Adapter, remarks
from rveval.checkpoints.headers import some
from rveval.errors import Problem, Refused
from rveval.vectors import scopes
from rveval.vectors.scopes import Scope

FORCE = "; to see what happens all the same: force_incompatible=true"

EMBEDDING = re.compile(r"(^|\.)(embed_tokens|tok_embeddings|word_embeddings|embed_in|wte)\.weight$")
HEAD = re.compile(r"(^|\.)(lm_head|embed_out)\.weight$")


@dataclass
class Report:
    """What the gate found.

    Attributes:
        problems: each of them refuses the variant.
        warnings: to be shown and kept with the record.
        left_out: tensors that the vector does not touch: those of the base outside the scope, and those of a donor
            that the base lacks and the scope leaves out.
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
            a plus without a minus of the same term is a saved delta.
        scope: which tensors the vector touches. One without patterns is legal and means the base.
        forced: what does not fit becomes a warning, as long as some tensor fits; `report.forced` says so.
    """
    report = Report(problems=scopes.problems(scope, base.names, base.config))
    if report.problems:
        return report
    weights = scope.weights(base.names)

    def selects(name: str) -> bool:
        return bool(weights[name]) if name in weights else scope.selects(name)

    outside = {name for name in base.names if not selects(name)}
    outside |= {name for _, donor in donors for name in donor.names if name not in base and not selects(name)}
    report.left_out = tuple(sorted(outside))
    if not scope.patterns:
        return report
    vocabulary_in_scope = any(selects(name) for name in base.names if EMBEDDING.search(name) or HEAD.search(name))
    tokens = _rows(base, "model", report.problems)
    labels = {label for label, _ in donors}
    for label, donor in donors:
        is_delta = label.endswith(".plus") and f"{label.removesuffix('plus')}minus" not in labels
        _config(base, label, donor, vocabulary_in_scope, report)
        _names(base, label, donor, selects, is_delta, report)
        _shapes(base, label, donor, selects, report)
        adapter = donor if isinstance(donor, Adapter) else None
        if adapter is None or adapter.rows or adapter.full:
            rows_matter = report.problems if vocabulary_in_scope else report.warnings
            _vocabulary(tokens, label, donor, rows_matter, report.warnings)
        if adapter:
            report.warnings += [Problem(words, f"{label} {donor.folder}") for words in remarks(adapter, base)]
        elif is_delta:
            _delta(base, label, donor, report)
    _lineage(base, donors, report)
    _twins(donors, report)
    if forced and report.problems:
        _force(base, donors, selects, report)
    return report


def _lineage(base: Checkpoint, donors: Sequence[tuple[str, Checkpoint]], report: Report) -> None:
    """Refuse donors of another initialisation; a difference alone (a saved delta, an adapter) can't be told."""
    labels = {label for label, _ in donors}
    for label, donor in donors:
        term, _, side = label.rpartition(".")
        model = donor.on if isinstance(donor, Adapter) and donor.full else donor
        if type(model) is not Checkpoint or f"{term}.{'minus' if side == 'plus' else 'plus'}" not in labels:
            continue
        found = lineage.cosine(base, model)
        if found < lineage.UNRELATED:
            what = "another initialisation: its weights have nothing in common with the base's"
            expected, seen = f"a cosine of at least {lineage.UNRELATED:g} with the base's matrices", f"{found:.2f}"
            fix = f"use donors that descend from the base's own start{FORCE}"
            report.problems.append(Problem(what, f"{label} {donor.folder}", expected, seen, fix))


def _force(
    base: Checkpoint, donors: Sequence[tuple[str, Checkpoint]], selects: Callable[[str], bool], report: Report
) -> None:
    """Turn problems into warnings, if anything is left that can be added."""

    def fits(name: str) -> bool:
        return all(name in donor and donor.shape(name) == base.shape(name) for _, donor in donors)

    zero = {name for names in report.zero.values() for name in names}
    left = [name for name in base.names if selects(name) and name not in zero and not fits(name)]
    if not any(selects(name) and fits(name) for name in base.names):
        what = "no tensor of the vector fits the base, so there is nothing to force"
        report.problems.append(Problem(what, "force_incompatible"))
        return
    forced = [replace(problem, what=f"forced: {problem.what}", fix="") for problem in report.problems]
    if left:
        forced.append(Problem(f"forced: {len(left)} tensors that do not fit keep the base's bits: {grouped(left)}"))
    report.warnings = forced + report.warnings
    report.problems, report.forced = [], True
    report.left_out = tuple(sorted({*report.left_out, *left}))


def _config(base: Checkpoint, label: str, donor: Checkpoint, vocabulary_in_scope: bool, report: Report) -> None:
    if not donor.config and isinstance(donor, Adapter):
        return  # it says nothing of its model but the names and shapes of what it changes
    found = architecture.compare(base.config, donor.config)
    for name, (ours, theirs) in found.serious.items():
        about_rows = name in architecture.VOCABULARY
        if name == "tie_word_embeddings" and _spare_head(base, donor):
            continue  # an untied copy of a tied model; _names says so
        problem = Problem(f"{name} differs from the base's", f"{label} {donor.folder}", repr(ours), repr(theirs))
        (report.warnings if about_rows and not vocabulary_in_scope else report.problems).append(problem)
    if found.minor:
        fields = [f"{name}: {ours!r} against {theirs!r}" for name, (ours, theirs) in found.minor.items()]
        what = f"config fields differ that do not change what the weights mean: {'; '.join(fields)}"
        report.warnings.append(Problem(what, f"{label} {donor.folder}"))
    if found.unsaid:
        what = f"config fields that only one of base and donor gives, not compared: {', '.join(found.unsaid)}"
        report.warnings.append(Problem(what, f"{label} {donor.folder}"))


def _names(
    base: Checkpoint, label: str, donor: Checkpoint, selects: Callable[[str], bool], is_delta: bool, report: Report
) -> None:
    where = f"{label} {donor.folder}"
    missing = [name for name in base.names if name not in donor and selects(name)]
    extra = [name for name in donor.names if name not in base and selects(name)]
    spare = _spare_head(base, donor)
    if spare in extra:
        extra.remove(spare)
        report.left_out = tuple(sorted({*report.left_out, spare}))
        what = f"{spare} is a copy of the embedding, to which the base is tied; the copy is left out"
        report.warnings.append(Problem(what, where))
    if isinstance(donor, Adapter) and donor.absent_is_zero:
        report.zero[label], missing = tuple(missing), []
    if is_delta and donor.absent_is_zero and missing:
        report.zero[label] = tuple(missing)
        what = f"{len(missing)} tensors are not in this delta and count as zero, as its metadata says"
        report.warnings.append(Problem(what, where, found=grouped(missing)))
        missing = []
    fix = "leave them out with vector.scope, or use a donor trained from this base"
    if isinstance(donor, Adapter):
        fix += f" (the adapter says that it was trained on {donor.settings.base or 'no model that it names'})"
    elif is_delta:
        fix += f'; if absent means zero, write {{"{ABSENT}": "zero"}} into the safetensors metadata'
    heads = [name for name in [*missing, *extra] if HEAD.search(name)]
    tying = "; one of the two ties its output head to the embedding and the other does not" if heads else ""
    for names, others, what in (
        (missing, extra, "of the base missing here"),
        (extra, missing, "not in the base"),
    ):
        if names:
            there = others or (base.names if names is extra and isinstance(donor, Adapter) else ())
            near = f" (here instead: {nearest(names[0], there)})" if there else ""
            count = "1 tensor" if len(names) == 1 else f"{len(names)} tensors"
            text = f"{count} {what}: {grouped(names)}{near}{tying}"
            report.problems.append(Problem(text, where, fix=fix))


def _spare_head(base: Checkpoint, donor: Checkpoint) -> str:
    """The donor's output head if the base has none and it equals the donor's embedding; else nothing.

    Reads both tensors once, at memory speed; the scan for NaN reads them anyway.
    """
    heads = [name for name in donor.names if HEAD.search(name) and name not in base]
    embeddings = [name for name in donor.names if EMBEDDING.search(name)]
    if len(heads) != 1 or len(embeddings) != 1:
        return ""
    import torch

    head, embedding = donor.get(heads[0]), donor.get(embeddings[0])
    same = head.dtype == embedding.dtype and torch.equal(head, embedding)
    return heads[0] if same else ""


def _shapes(base: Checkpoint, label: str, donor: Checkpoint, selects: Callable[[str], bool], report: Report) -> None:
    where = f"{label} {donor.folder}"
    common = [name for name in base.names if name in donor and selects(name)]
    by_shapes: dict[tuple[tuple[int, ...], tuple[int, ...]], list[str]] = {}
    for name in common:
        if base.shape(name) != donor.shape(name):
            by_shapes.setdefault((base.shape(name), donor.shape(name)), []).append(name)
    for (ours, theirs), names in by_shapes.items():
        rows = ours[1:] == theirs[1:] and any(EMBEDDING.search(name) or HEAD.search(name) for name in names)
        what = "another number of vocabulary rows" if rows else "another shape"
        fix = "leave them out with vector.scope" if rows else ""
        if isinstance(donor, Adapter):
            fix = f"the adapter says that it was trained on {donor.settings.base or 'no model that it names'}"
        report.problems.append(Problem(f"{what}: {grouped(names)}", where, str(list(ours)), str(list(theirs)), fix))
    types = Counter((base.dtype(name), donor.dtype(name)) for name in common)
    for (ours_type, theirs_type), count in sorted(types.items()):
        if ours_type != theirs_type and not isinstance(donor, Adapter):  # whose tensors are computed
            what = f"{count} tensors are stored in another type than the base's"
            report.warnings.append(Problem(what, where, ours_type, theirs_type))


def _rows(checkpoint: Checkpoint, label: str, problems: list[Problem]) -> vocabulary.Vocabulary | None:
    """The tokenizer of a checkpoint, refused if its ids go beyond the rows of the embedding; fewer ids are padding."""
    where = f"{label} {checkpoint.folder}"
    try:
        tokens = checkpoint.vocabulary
    except Refused as refused:
        problems.extend(refused.problems)
        return None
    for name in checkpoint.names if tokens else ():
        if tokens and EMBEDDING.search(name) and len(checkpoint.shape(name)) == 2:
            rows = checkpoint.shape(name)[0]
            if tokens.size > rows:
                expected, found = f"at least {tokens.size} rows", f"{rows}"
                problems.append(Problem(f"the tokenizer has ids beyond the rows of {name}", where, expected, found))
    return tokens


def _vocabulary(
    ours: vocabulary.Vocabulary | None,
    label: str,
    donor: Checkpoint,
    problems: list[Problem],
    warnings: list[Problem],
) -> None:
    where = f"{label} {donor.folder}"
    theirs = _rows(donor, label, problems)
    if ours is None or theirs is None:
        who = "the base" if ours is None else "this donor"
        warnings.append(
            Problem(f"{who} has no readable tokenizer, so nobody can tell that equal rows mean equal tokens", where)
        )
        return
    serious, minor = vocabulary.differences(ours, theirs)
    fix = "use a donor with the base's tokenizer, or leave embedding and output head out with vector.scope"
    problems.extend(Problem(f"another tokenizer: {words}", where, fix=fix) for words in serious)
    warnings.extend(Problem(words, where) for words in minor)


def _delta(base: Checkpoint, label: str, donor: Checkpoint, report: Report) -> None:
    where = f"{label} {donor.folder}"
    if content_hash(donor.folder) == content_hash(base.folder):
        fix = f"name what it was trained from: {label.removesuffix('plus')}minus"
        report.problems.append(Problem("this is the base itself, not a saved difference", where, fix=fix))
    elif donor.folder.is_dir():  # a file says itself that it is one
        report.warnings.append(Problem("taken as an already saved difference, since the term has no minus", where))


def _twins(donors: Sequence[tuple[str, Checkpoint]], report: Report) -> None:
    by_label = dict(donors)
    for label, plus in donors:
        minus = by_label.get(f"{label.removesuffix('plus')}minus") if label.endswith(".plus") else None
        if minus is not None and plus.identity == minus.identity:
            what = "plus and minus have the same weights, so this term is zero (the variant is the base)"
            report.warnings.append(Problem(what, label))


def grouped(names: Iterable[str]) -> str:
    """All names in few words: layers and experts that differ only in their numbers are one group.

    >>> grouped(["a.0.w", "a.1.w", "b"])
    'a.*.w (2), b'
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(re.sub(r"(?<=\.)\d+(?=\.)", "*", name), []).append(name)
    words = [f"{pattern} ({len(group)})" if len(group) > 1 else group[0] for pattern, group in groups.items()]
    return some(words, 40)
