"""A variant's recipe: what it is made of, as data, what it is known by (the fingerprint) and how it is said in words.

A recipe is the only place that spells a variant: as a label, as a formula, as words for a table. It travels to vLLM's
processes and stands in records as plain values; the fingerprint is what a cell is keyed by. Paths and names are in the
first and not in the second: the same weights in another folder are the same variant.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from rveval.recipe.term import RecipeTerm
from rveval.vectors import TRANSFORMS, Scope, Step

EVERYTHING = (".*",)
_LONGEST = 40  # characters of a pattern in a label


@dataclass(frozen=True)
class Recipe:
    """What a variant is made of. Equal recipes have equal weights; labels do not count.

    Args:
        base: folder of the base checkpoint.
        base_hash: content hash of everything in it that can change an answer.
        terms: the differences that are added up.
        alpha: the scaling coefficient, multiplies all terms.
        scope: regexes (`re.search`) over tensor names; a tensor that none matches keeps the base's bits.
        dtype: the dtype the variant is served in (`bfloat16`, `float16`, `float32`).
        kinds, layers, ramp: the rest of the scope, see `vectors.Scope`.
        steps: the transforms of every term, from first to last.
        other: the vector that a transform takes beside the terms.
        forced: tensors of donors that do not fit are left out; without it they are an error.
        model, vector, base_label: how people know the base, the vector, and where the base comes from.
        weights: of all terms of the vector, where they are not its own: terms of weight 0 are in no recipe.
    """

    base: str
    base_hash: str
    terms: tuple[RecipeTerm, ...] = ()
    alpha: float = 0.0
    scope: tuple[str, ...] = EVERYTHING
    dtype: str = "bfloat16"
    kinds: tuple[str, ...] = ()
    layers: tuple[int, int] | None = None
    ramp: tuple[float, ...] = ()
    steps: tuple[Step, ...] = ()
    other: RecipeTerm | None = None
    forced: bool = False
    model: str = field(default="", compare=False)
    vector: str = field(default="", compare=False)
    base_label: str = field(default="", compare=False)
    weights: tuple[float, ...] = field(default=(), compare=False)

    @property
    def is_base(self) -> bool:
        """Whether this is the base itself: alpha 0, no terms and an empty scope are one variant (DESIGN.md)."""
        return self.alpha == 0 or not self.scope or not self.terms

    @property
    def selection(self) -> Scope:
        """All parts of the scope together."""
        return Scope(self.scope, self.kinds, self.layers, self.ramp)

    def as_base(self) -> Recipe:
        """The recipe of the base alone."""
        return Recipe(self.base, self.base_hash, dtype=self.dtype, model=self.model, base_label=self.base_label)

    # --- what it is known by

    @property
    def fingerprint(self) -> str:
        """The sha256 of the recipe without its paths: equal for equal recipes, different where anything differs.

        Of a plain vector it holds terms, alpha and scope; what else is said only where it says something. Transforms
        are in it with the version of their code.
        """
        known: dict[str, Any] = {"base": self.base_hash, "dtype": self.dtype}
        if not self.is_base:
            parts = self.parts() | {"steps": [step.record for step in self.steps]}
            always = ("terms", "alpha", "scope")
            known |= {name: value for name, value in parts.items() if value or name in always}
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()

    def parts(self) -> dict[str, Any]:
        """What it is made of without paths and names, as plain values, to compare recipes part by part.

        Keys: base, dtype, terms, alpha, scope, kinds, layers, ramp, steps, other, forced. Numbers are floats without a
        signed zero: 1 and 1.0 are one number and must not be two variants.
        """
        return {
            "base": self.base_hash,
            "dtype": self.dtype,
            "terms": [term.known for term in self.terms],
            "alpha": self.alpha + 0.0,
            "scope": list(self.scope),
            "kinds": sorted(self.kinds),
            "layers": list(self.layers or ()),
            "ramp": [weight + 0.0 for weight in self.ramp],
            "steps": [step.known for step in self.steps],
            "other": self.other.known if self.other else None,
            "forced": self.forced,
        }

    def key(self, **instead: Any) -> str:
        """What two recipes must share to differ in nothing but the parts given `instead`, such as `alpha=None`."""
        return json.dumps(self.parts() | instead, sort_keys=True)

    @property
    def null(self) -> str:
        """The names of its null controls; "" for a real vector."""
        return " and ".join(step.name for step in self.steps if step.is_null)

    @property
    def control_key(self) -> str:
        """What a variant shares with its null controls: everything but null steps, and the seeds of the other ones."""
        real = [step.known | {"seed": None} for step in self.steps if not step.is_null]
        return self.key(steps=real, other=None)

    @property
    def sort_key(self) -> tuple[Any, ...]:
        """Where it stands among those of its model: null controls last, alphas of one vector together."""
        steps = [
            [step.name, *(step.known[key] for key in sorted(step.known) if key != "name")]  # by number, not by digits
            for step in self.steps
        ]
        part = (sorted(self.kinds), self.layers or (), self.scope, self.ramp)
        return self.null, self.vector, *part, steps, self.alpha

    # --- as data

    def to_record(self) -> dict[str, Any]:
        """Everything, as plain values that JSON holds exactly."""
        return asdict(self) | {"steps": [step.record for step in self.steps]}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Recipe:
        """The recipe of `to_record`, also after JSON made lists of tuples."""
        plain = {name: tuple(record[name]) for name in ("scope", "kinds", "ramp", "weights")}
        nested: dict[str, Any] = {
            "terms": tuple(RecipeTerm(**term) for term in record["terms"]),
            "steps": tuple(Step.from_record(step) for step in record["steps"]),
            "other": RecipeTerm(**record["other"]) if record["other"] else None,
            "layers": (record["layers"][0], record["layers"][1]) if record["layers"] else None,
        }
        return cls(**{**record, **plain, **nested})

    def to_json(self) -> str:
        """`to_record` as text; numbers come back exactly."""
        return json.dumps(self.to_record())

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        return cls.from_record(json.loads(text))

    # --- in words

    @property
    def label(self) -> str:
        """The name it is shown by, such as `tiny + 0.5 tiny_grpo` or `tiny + 1 tiny_grpo [trim 0.2]`."""
        if self.is_base:
            return self.model
        name = f"{self.model} {self._sign} {number(abs(self.alpha))} {self.vector}"
        return f"{name} [{self.about}]" if self.about else name

    @property
    def about(self) -> str:
        """What is not the whole vector as it is, in the order in which it acts: `layers 0-1; random seed 3`."""
        weights = [f"weights {', '.join(map(number, self.weights))}"] if self.weights else []
        patterns = " | ".join(self.scope)
        if len(patterns) > _LONGEST:
            patterns = f"scope {hashlib.sha256(patterns.encode()).hexdigest()[:8]}"
        steps = [self._step(step) for step in self.steps]
        return "; ".join([*weights, *self._places(patterns), *steps, *(["forced"] if self.forced else [])])

    @property
    def named(self) -> str:
        """The vector's name and what is made of it: `grpo [layers 0-1; random seed 3]`."""
        return f"{self.vector} [{self.about}]" if self.about else self.vector

    @property
    def formula(self) -> str:
        """The weights in words: `tiny + 0.5 (grpo - sft)`, `tiny + 1 random seed 3 of (grpo - sft), forced`.

        A step that merges terms stands before them all, the steps before it at each term; the last step comes first.
        """
        if self.is_base:
            return self.model
        merging = [step.name in TRANSFORMS and TRANSFORMS[step.name].given == "terms" for step in self.steps]
        merged = merging.index(True) if True in merging else len(self.steps)
        terms = [
            ("" if term.weight == 1 else f"{number(term.weight)} ") + self._of(self.steps[:merged], term.short)
            for term in self.terms
        ]
        inner = self._of(self.steps[merged:], f"[{' + '.join(terms)}]" if len(terms) > 1 else terms[0])
        places = self._places(" | ".join(self.scope))
        tail = [place if place.startswith(("only", "ramp")) else f"only {place}" for place in places]
        forced = ["forced"] if self.forced else []
        return ", ".join([f"{self.model} {self._sign} {number(abs(self.alpha))} {inner}", *tail, *forced])

    @property
    def explained(self) -> dict[str, str]:
        """What each part of the formula is, by name, for a table: theta, alpha, vector, w, T, scope, served as."""
        base = f"{self.base_label or self.base} ({self.model})"
        if self.is_base:
            return {"theta": base, "vector": f"nothing is added: {self._nothing}"}
        sums = [f"{number(term.weight)} * ({term.words})" if term.weight != 1 else term.words for term in self.terms]
        vector = sums[0] if len(sums) == 1 else " + ".join(f"({part})" for part in sums)
        lines = {"theta": base, "alpha": number(self.alpha), "vector": f"{self.vector} = {vector}"}
        if self.ramp:
            values = " .. ".join(map(number, self.ramp))
            lines["w"] = f"weights of layers: {values} from the first layer to the last, in straight lines"
        for place, step in enumerate(self.steps, start=1):
            words = TRANSFORMS[step.name].words
            more = f" ({self.other.words})" if self.other and TRANSFORMS[step.name].given == "other" else ""
            lines[f"T {place}." if len(self.steps) > 1 else "T"] = f"{step.words}: {words}{more}"
        lines["scope"] = "; ".join(self._places(" | ".join(self.scope))) or "all tensors"
        return lines | {"served as": f"{self.dtype}; the sum is in float32 and rounded once"}

    @property
    def _sign(self) -> str:
        return "-" if self.alpha < 0 else "+"

    @property
    def _nothing(self) -> str:
        """Why nothing is added."""
        if not self.terms:
            return f"vector={self.vector} has no term that counts, so this is the base"
        return f"{'alpha is 0' if self.alpha == 0 else 'the scope is empty'}, so this is the base"

    def _places(self, patterns: str) -> Iterator[str]:
        """Which tensors, and how much in each, in words; nothing for all of them alike."""
        if self.scope != EVERYTHING:
            yield f"only {patterns}"
        if self.kinds:
            yield " + ".join(self.kinds)
        if self.layers:
            yield layer_words(self.layers)
        if self.ramp:
            yield f"ramp {', '.join(map(number, self.ramp))}"

    def _step(self, step: Step) -> str:
        """A step in words, with the name of what it takes beside the terms."""
        given = TRANSFORMS[step.name].given if step.name in TRANSFORMS else "delta"
        return f"{step.words} {self.other.name('plus')}" if given == "other" and self.other else step.words

    def _of(self, steps: tuple[Step, ...], text: str) -> str:
        """`trim 0.2 of (grpo - sft)`, the last step first."""
        for step in steps:
            given = TRANSFORMS[step.name].given if step.name in TRANSFORMS else "delta"
            norms = f"{self.other.short} with the norms of {text}" if given == "other" and self.other else ""
            text = norms or f"{step.words} of {text}"
        return text


def layer_words(layers: tuple[int, int]) -> str:
    """`[from, to)` in words: the last layer named is one that takes part.

    >>> layer_words((0, 2)), layer_words((3, 4))
    ('layers 0-1', 'layer 3')
    """
    first, last = layers[0], layers[1] - 1
    return f"layers {first}-{last}" if last > first else f"layer {first}"


def number(value: float) -> str:
    """A number as it was meant, and exactly: six digits where they are enough, so that no two alphas share a label.

    >>> number(0.5), number(1.0), number(0.1234567)
    ('0.5', '1', '0.1234567')
    """
    short = f"{value:g}"
    return short if float(short) == value else repr(value)
