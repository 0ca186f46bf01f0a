"""What a description is of: the variant with its donors past the gate, and the common start they are compared from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rveval.checkpoints import Checkpoint, compatibility, lineage, open_checkpoint, resolve
from rveval.checkpoints.adapters import Adapter
from rveval.config import Config
from rveval.describe import formula, tables
from rveval.describe.arguments import Arguments
from rveval.describe.hashing import hash_ahead
from rveval.errors import DoesNotMatch, Problem, Refused, RvevalError
from rveval.recipe import assembly
from rveval.recipe.assembly import Assembled

Compared = dict[str, tuple[Checkpoint, str]]
"""By name: a donor whose displacement from the common start the vector is compared with, and the words for it."""


def opened(asked: Arguments, config: Config) -> tuple[Assembled, Checkpoint | None, Compared]:
    """The variant, the donors' common start, and what the vector is compared with; all problems at once.

    Raises:
        DoesNotMatch: donors or their start do not fit; the formula and the verdict are printed first.
        Refused: something can't be opened.
    """
    problems: list[Problem] = []
    base, donors = assembly.open_all(config, problems)
    common = _common(asked, problems)
    if asked.save is not None and not any(config.vector.term_weights):
        problems.append(Problem("there is no vector to save", "save", fix="name one with vector=NAME"))
    if base is None or problems:
        raise Refused(problems)
    hash_ahead([base, *(donor for _, donor in donors), *([common] if common else [])])
    compared: Compared = {}
    warnings: list[Problem] = []
    if common is not None:
        compared = _compared(asked, config, dict(donors))
        problems += _common_problems(common, compared, base, warnings)
    try:
        found = assembly.assemble(config, base, donors)
    except DoesNotMatch as error:
        every = [*error.problems, *problems]
        tables.say(tables.head(error.label, "", formula.formula(config)))
        tables.say(tables.refused(every))
        raise DoesNotMatch(every, error.label) from error
    if problems:
        raise Refused(problems)
    found.report.warnings += warnings
    return found, common, compared


def _common(asked: Arguments, problems: list[Problem]) -> Checkpoint | None:
    if asked.common is None:
        return None
    try:
        return open_checkpoint(resolve(asked.common, "common"))
    except RvevalError as error:
        problems.extend(error.problems)
        return None


def _compared(asked: Arguments, config: Config, donors: Mapping[str, Checkpoint]) -> Compared:
    """The whole checkpoints among the donors; the difference from the start of a saved delta means nothing."""
    found: Compared = {}
    start = formula.source_words(asked.common) if asked.common else "common"
    several = len(config.vector.terms) > 1
    for number, term in enumerate(config.vector.terms):
        for side, source in (("minus", term.minus), ("plus", term.plus)):
            donor = donors.get(f"vector.terms[{number}].{side}")
            # An adapter that does not stand for a whole model is a difference already, as a saved delta is.
            whole = not isinstance(donor, Adapter) or donor.full
            if term.minus is not None and source is not None and donor is not None and whole:
                name = f"{side} {number}" if several else side
                found[name] = (donor, f"{formula.source_words(source)} - {start}")
    return found


def _common_problems(
    common: Checkpoint, compared: Compared, base: Checkpoint, warnings: list[Problem]
) -> Sequence[Problem]:
    """What the common start lacks of the donors' tensors; and, as a warning, that it may not be their start at all."""
    if not compared:
        fix = "leave common out: it is what full checkpoints, plus and minus, were trained from"
        return [Problem("no donor is a whole checkpoint with another to subtract", "common", fix=fix)]
    for donor, words in compared.values():
        names = [name for name in base.names if name in donor]
        wrong = [name for name in names if name not in common or common.shape(name) != donor.shape(name)]
        if wrong:
            what = f"{len(wrong)} tensors of the donors are not here, or have another shape"
            seen = compatibility.grouped(wrong)
            return [Problem(what, f"common {common.folder}", "the start of the donors' training", seen)]
        cosine = lineage.cosine(common, donor)
        if cosine < lineage.UNRELATED:
            what = f"nothing in common with a donor ({words}), so this is not what it was trained from"
            warnings.append(Problem(what, f"common {common.folder}", found=f"a cosine of {cosine:.2f}"))
    return []
