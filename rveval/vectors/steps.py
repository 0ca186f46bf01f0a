"""The transforms by name: what each takes, and which orders of them make sense. Plain data: nothing is computed here.

A null control keeps something of the vector (its norm, its entries, its singular values) and throws its meaning away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal

Name = Literal[
    "random",
    "permute",
    "signs",
    "spectrum",
    "swap_layers",
    "other",
    "trim",
    "dare",
    "ties",
    "breadcrumbs",
    "della",
    "sign_only",
    "rank",
    "clip",
]


@dataclass(frozen=True)
class Kind:
    """A transform: what it is for people, the parameters it takes, and what it leaves for the next one.

    Args:
        words: one line for the reader of a label, an error, a table.
        takes: the parameters it has; those not in `DEFAULTS` must be given.
        null: a null control.
        draws: it takes random numbers, so a seed is part of what it is.
    """

    words: str
    takes: tuple[str, ...] = ()
    null: bool = False
    draws: bool = False


STEPS: dict[str, Kind] = {
    "random": Kind("Gaussian numbers with the norm of every tensor", null=True, draws=True),
    "permute": Kind("the entries of every tensor in another order", null=True, draws=True),
    "signs": Kind("every entry with a random sign", null=True, draws=True),
    "spectrum": Kind("the singular values of every matrix in random bases", null=True, draws=True),
    "swap_layers": Kind("every layer gets another layer's part", null=True, draws=True),
    "other": Kind("another vector, scaled to the norm of every tensor", null=True),
    "trim": Kind("the largest entries of every tensor", ("density",)),
    "dare": Kind("entries dropped at random, the rest scaled up", ("density",), draws=True),
    "ties": Kind("the terms trimmed, one sign elected, what agrees merged", ("density",)),
    "breadcrumbs": Kind("entries of middle size: neither outliers nor small ones", ("density", "gamma")),
    "della": Kind(
        "entries dropped at random, small ones sooner, the rest scaled up", ("density", "epsilon"), draws=True
    ),
    "sign_only": Kind("the signs alone, all of one size, the norm of every tensor kept"),
    "rank": Kind("the best approximation of every matrix by this rank", ("rank",)),
    "clip": Kind("entries no larger than this many root mean squares", ("cap",)),
}
DEFAULTS: dict[str, float] = {"gamma": 0.01, "epsilon": 0.1}
FORGET_ENTRIES = ("random", "other")
"""They keep the norm of a tensor and nothing else, so what keeps the norm too has no effect before them."""


@dataclass(frozen=True)
class Step:
    """One transform with its parameters; those that it does not take are None, so that they can't tell two apart."""

    name: str
    seed: int | None = None
    density: float | None = None
    gamma: float | None = None
    epsilon: float | None = None
    rank: int | None = None
    cap: float | None = None

    @property
    def known(self) -> dict[str, Any]:
        """The name and the parameters it has; what a fingerprint and a record hold."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def words(self) -> str:
        """As labels show it: `trim 0.2`, `random seed 3`.

        >>> Step("breadcrumbs", density=0.2, gamma=0.01).words
        'breadcrumbs 0.2 gamma 0.01'
        """
        parts = [self.name]
        for name, value in self.known.items():
            if name != "name":
                parts.append(f"{value:g}" if name in ("density", "rank", "cap") else f"{name} {value:g}")
        return " ".join(parts)


def of(name: str, seed: int = 0, **given: float | int | None) -> Step:
    """A step that holds only what the transform takes, defaults filled in."""
    kind = STEPS[name]
    values = {one: DEFAULTS.get(one) if given.get(one) is None else given[one] for one in kind.takes}
    return Step(name, seed=seed if kind.draws else None, **values)  # type: ignore[arg-type]


def lacking(step: Step) -> list[str]:
    """The parameters it needs and does not have."""
    return [name for name in STEPS[step.name].takes if getattr(step, name) is None]


def della_range(density: float, epsilon: float) -> str:
    """What is wrong with della's window, or "": `density - epsilon` and `density + epsilon` are probabilities of being
    kept, and the first one is divided by. A density of 1 keeps all, whatever epsilon is.

    >>> della_range(0.05, 0.1)
    'density - epsilon is -0.05 and density + epsilon is 0.15: both must lie between 0 and 1'
    """
    low, high = density - epsilon, density + epsilon
    if density == 1 or (low > 0 and high < 1 and epsilon >= 0):
        return ""
    if epsilon < 0:
        return f"epsilon is {epsilon:g}: large entries would be dropped sooner than small ones; it is 0 or more"
    return f"density - epsilon is {low:g} and density + epsilon is {high:g}: both must lie between 0 and 1"


def senseless(steps: Sequence[Step], terms: int) -> list[str]:
    """Why these steps in this order can't mean what anybody wants, one sentence for each reason."""
    names = [step.name for step in steps]
    nulls = [name for name in names if STEPS[name].null]
    found = [
        f"{name} twice: the second adds nothing to the first" for name in dict.fromkeys(names) if names.count(name) > 1
    ]
    if len(set(nulls)) > 1:
        found.append(
            f"{' after '.join(reversed(nulls))}: a null control of a null control says nothing about the vector"
        )
    if "ties" in names and terms < 2:
        found.append(f"ties elects the sign that several vectors agree on, and there is {terms or 'no'} term")
    for before, after in pairwise(names):
        if after in FORGET_ENTRIES and before == "sign_only":
            found.append(f"{before} before {after}: both keep the norm, and {after} forgets everything else")
    equal = names.index("sign_only") if "sign_only" in names else len(names)
    for after in names[equal + 1 :]:
        if after in ("trim", "breadcrumbs", "della", "clip"):
            found.append(f"{after} after sign_only: all entries have one size then, none is larger than another")
    return found
