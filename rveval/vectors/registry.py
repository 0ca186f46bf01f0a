"""What a transform is, and the register of all of them: `@transform(...)` stands over the function that does the work.

A transform is a pure function of whole tensors in float32. The decorator says in words what it keeps, which parameters
it has, what it is given beside the tensor, and which orders of transforms make no sense. Nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, TypeVar

Given = Literal["delta", "other", "terms", "layers"]
"""What a transform is given: one term's tensor; that and another vector's tensor; all terms of a tensor with their
weights; the names and shapes of all tensors."""

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Parameter:
    """A number that a transform takes.

    Args:
        expected: what a right value is, in words.
        holds: whether a value is right.
        default: what is taken where nothing is said; None: it must be said.
        whole: a whole number.
    """

    expected: str
    holds: Callable[[float], bool]
    default: float | None = None
    whole: bool = False


@dataclass(frozen=True)
class Transform:
    """A transform as the register has it.

    Args:
        name: of its function.
        words: what is left of a tensor, in one line.
        function: from float32 tensors to a float32 tensor (`layers`: from names and shapes to names).
        version: raised when the function's results change; part of the fingerprint of what it makes.
        parameters: by name; labels show the first one as a bare number.
        null: a null control: it keeps something of the vector and throws its meaning away.
        draws: it is given a seeded `torch.Generator` (`layers`: the seed).
        given: what it is given.
        norm_only: it keeps the norm and nothing else of its input.
        one_size: it leaves all entries that are not zero of one size.
        by_size: it tells entries apart by their size.
        check: what is wrong with all parameters together; "" where nothing is.
    """

    name: str
    words: str
    function: Callable[..., Any]
    version: int = 1
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    null: bool = False
    draws: bool = False
    given: Given = "delta"
    norm_only: bool = False
    one_size: bool = False
    by_size: bool = False
    check: Callable[..., str] = lambda **_: ""


TRANSFORMS: dict[str, Transform] = {}
"""All transforms by name."""


def transform(words: str, **properties: Any) -> Callable[[Function], Function]:
    """Register the function below under its own name; for the words and properties see `Transform`."""

    def register(function: Function) -> Function:
        TRANSFORMS[function.__name__] = Transform(function.__name__, words, function, **properties)
        return function

    return register


@dataclass(frozen=True)
class Step:
    """A transform with its parameters, as a recipe holds it; `Step.of` fills in what is not said.

    Args:
        name: of the transform.
        seed: of its draws; None where it does not draw, so that a seed can't tell two apart.
        parameters: (name, value), in the order in which the transform names them.
        version: of the transform, when the step was made.
    """

    name: str
    seed: int | None = None
    parameters: tuple[tuple[str, float], ...] = ()
    version: int = 1

    @classmethod
    def of(cls, name: str, seed: int = 0, **values: float | None) -> Step:
        """A step that holds only what the transform takes, defaults filled in; what is not known is left out.

        >>> Step.of("breadcrumbs", density=0.2, rank=3).parameters
        (('density', 0.2), ('gamma', 0.01))
        """
        known = TRANSFORMS[name]
        numbers: list[tuple[str, float]] = []
        for key, parameter in known.parameters.items():
            value = parameter.default if values.get(key) is None else values[key]
            if value is not None:
                numbers.append((key, int(value) if parameter.whole else float(value)))
        return cls(name, seed if known.draws else None, tuple(numbers), known.version)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Step:
        """The step of a record; the transform need not be known here."""
        parameters = {key: value for key, value in record.items() if key not in ("name", "seed", "version")}
        return cls(record["name"], record.get("seed"), tuple(parameters.items()), record.get("version", 1))

    @property
    def known(self) -> dict[str, Any]:
        """The name, the seed if it draws, and the parameters: what a record shows of it."""
        seed = {} if self.seed is None else {"seed": self.seed}
        return {"name": self.name, **seed, **dict(self.parameters)}

    @property
    def record(self) -> dict[str, Any]:
        """Everything, for `from_record`."""
        return {**self.known, "version": self.version}

    @property
    def is_null(self) -> bool:
        """Whether it is a null control."""
        return self.name in TRANSFORMS and TRANSFORMS[self.name].null

    @property
    def words(self) -> str:
        """As labels show it.

        >>> Step.of("breadcrumbs", density=0.2).words, Step.of("random", 3).words
        ('breadcrumbs 0.2 gamma 0.01', 'random seed 3')
        """
        seed = [] if self.seed is None else [f"seed {self.seed}"]
        shown = [f"{name} {value:g}" if place else f"{value:g}" for place, (name, value) in enumerate(self.parameters)]
        return " ".join([self.name, *seed, *shown])


def wrong_orders(steps: Sequence[Step], terms: int) -> list[str]:
    """Why these steps in this order can't mean what anybody wants, one sentence for each reason.

    Args:
        steps: of known transforms.
        terms: how many terms the vector has.
    """
    names = [step.name for step in steps]
    known = [TRANSFORMS[name] for name in names]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    reasons = [f"{name} twice: the second adds nothing to the first" for name in twice]
    nulls = [one.name for one in known if one.null]
    if len(set(nulls)) > 1:
        chain = " after ".join(reversed(nulls))
        reasons.append(f"{chain}: a null control of a null control says nothing about the vector")
    if terms < 2:
        count = f"there is {terms or 'no'} term"
        merging = [one.name for one in known if one.given == "terms"]
        reasons += [f"{name} elects the sign that several vectors agree on, and {count}" for name in merging]
    for before, after in pairwise(known):
        if before.one_size and after.norm_only:
            pair = f"{before.name} before {after.name}"
            reasons.append(f"{pair}: both keep the norm, and {after.name} forgets everything else")
    level = next((place for place, one in enumerate(known) if one.one_size), len(known))
    for after in known[level + 1 :]:
        if after.by_size:
            pair = f"{after.name} after {known[level].name}"
            reasons.append(f"{pair}: all entries have one size then, none is larger than another")
    return reasons
